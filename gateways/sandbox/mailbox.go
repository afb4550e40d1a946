package sandbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

const (
	maxMailBytes = 1 << 20
	mailsKept    = 500
	mailsShown   = 100
)

const mailSchema = `CREATE TABLE IF NOT EXISTS mails (
  id     INTEGER PRIMARY KEY AUTOINCREMENT,
  at_ms  INTEGER NOT NULL,
  sender TEXT NOT NULL,
  rcpt   TEXT NOT NULL,
  raw    BLOB NOT NULL
)`

// Mailbox plays everybody's mail server: it takes every mail, sends none on, and
// shows them on pages. It listens on this machine alone.
type Mailbox struct {
	opts     Options
	db       *sql.DB
	server   *smtp.Server
	listener net.Listener
	ended    chan error

	mu      sync.Mutex
	refusal *smtp.SMTPError // that the next recipients are answered with
	refuse  int             // how many of them
}

// OpenMailbox opens a mailbox in opts.DataDir, whose mails outlive a restart,
// and listens on a free port.
func OpenMailbox(opts Options) (*Mailbox, error) {
	opts = opts.withDefaults()
	if opts.DataDir == "" {
		return nil, errors.New("sandbox: no data directory given")
	}
	if err := os.MkdirAll(opts.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	db, err := openDB(filepath.Join(opts.DataDir, "mailbox.db"), mailSchema)
	if err != nil {
		return nil, err
	}
	m := &Mailbox{opts: opts, db: db, ended: make(chan error, 1)}
	if m.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, errors.Join(fmt.Errorf("sandbox: %w", err), db.Close())
	}
	m.server = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &mailSession{box: m}, nil }))
	m.server.Domain = "localhost"
	m.server.MaxMessageBytes, m.server.MaxRecipients = maxMailBytes, 10
	m.server.ReadTimeout, m.server.WriteTimeout = 10*time.Second, 10*time.Second
	go func() { m.ended <- m.server.Serve(m.listener) }()
	return m, nil
}

// URL is the address that mail is sent to.
func (m *Mailbox) URL() string { return "smtp://" + m.listener.Addr().String() }

// Close ends what is being received, when ctx is done at the latest.
func (m *Mailbox) Close(ctx context.Context) error {
	err := m.server.Shutdown(ctx)
	if err != nil {
		err = m.server.Close()
	}
	m.listener.Close() // a server that was closed before it came to listen does not know of it
	if ended := <-m.ended; !errors.Is(ended, smtp.ErrServerClosed) && !errors.Is(ended, net.ErrClosed) {
		err = errors.Join(err, ended)
	}
	return errors.Join(err, m.db.Close())
}

// Refuse answers the next recipients with an SMTP code, such as 451 for "not
// now" or 550 for "nobody here by that name".
func (m *Mailbox) Refuse(code, times int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refusal, m.refuse = &smtp.SMTPError{Code: code, Message: "refused for the sake of trying"}, times
}

// refused is the answer to a recipient who is not to be taken now, or nil.
func (m *Mailbox) refused() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.refuse == 0 {
		return nil
	}
	m.refuse--
	return m.refusal
}

// mailSession is one talk with a client.
type mailSession struct {
	box    *Mailbox
	sender string
	rcpts  []string
}

// Mail is who a mail is from, on the wire.
func (s *mailSession) Mail(from string, _ *smtp.MailOptions) error {
	s.sender = from
	return nil
}

// Rcpt is who it is to.
func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	if err := s.box.refused(); err != nil {
		return err
	}
	s.rcpts = append(s.rcpts, to)
	return nil
}

// Data is the mail itself. It is answered when it is stored.
func (s *mailSession) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	return s.box.keep(s.sender, s.rcpts, raw)
}

// Reset forgets a mail that was not sent.
func (s *mailSession) Reset() { s.sender, s.rcpts = "", nil }

// Logout ends the talk.
func (s *mailSession) Logout() error { return nil }

// keep stores a mail for each of its recipients and drops the oldest beyond
// mailsKept.
func (m *Mailbox) keep(sender string, rcpts []string, raw []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	sqlTx, err := m.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	defer sqlTx.Rollback() // after a commit it does nothing
	for _, rcpt := range rcpts {
		if _, err := sqlTx.ExecContext(ctx, "INSERT INTO mails (at_ms, sender, rcpt, raw) VALUES (?, ?, ?, ?)", millis(m.opts.Now()), sender, rcpt, raw); err != nil {
			return fmt.Errorf("sandbox: %w", err)
		}
	}
	if _, err := sqlTx.ExecContext(ctx, "DELETE FROM mails WHERE id <= (SELECT MAX(id) FROM mails) - ?", mailsKept); err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	return sqlTx.Commit()
}

// Mails are the newest, newest first, those to one address or "": all.
func (m *Mailbox) Mails(ctx context.Context, to string) ([]ReceivedMail, error) {
	rows, err := m.db.QueryContext(ctx, "SELECT id, at_ms, sender, rcpt, raw FROM mails WHERE ? IN ('', rcpt) ORDER BY id DESC LIMIT ?", to, mailsShown)
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	defer rows.Close()
	var all []ReceivedMail
	for rows.Next() {
		one, err := scanMail(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

func scanMail(row scanner) (ReceivedMail, error) {
	var id, ms int64
	var sender, rcpt string
	var raw []byte
	if err := row.Scan(&id, &ms, &sender, &rcpt, &raw); err != nil {
		return ReceivedMail{}, err
	}
	mail := readMail(raw)
	mail.ID, mail.At, mail.Sender, mail.To, mail.Raw = id, fromMillis(ms), sender, rcpt, raw
	return mail, nil
}

// Handler shows the mails: a list, and each on a page, in either language.
func (m *Mailbox) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+m.opts.Path, m.list)
	mux.HandleFunc("GET "+m.opts.Path+"/{id}", m.show)
	mux.HandleFunc("GET "+m.opts.Path+"/static/{file}", serveStatic)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { m.problem(w, r, http.StatusNotFound, "mail.not_found") })
	return secure(mux)
}
