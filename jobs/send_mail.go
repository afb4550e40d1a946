package jobs

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	netmail "net/mail"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/riverqueue/river"
	gomail "github.com/wneessen/go-mail"

	"ztc-portal/models"
	"ztc-portal/views/mail"
)

// Mail says how mail goes out.
type Mail struct {
	URL       string // of the mail server: smtp://user:password@host:587 or smtps://…; empty: no mail goes out
	From      string // who it comes from: an address, or Name <address>
	PublicURL string // of the portal, where the links of a mail lead
}

const (
	mailQueue    = "mail" // of its own: a mail server that hangs keeps nothing else waiting
	mailWorkers  = 2
	mailAttempts = 14 // by the queue's own waits, attempt to the fourth power in seconds: half a day
)

// mailTimeout bounds each step of the talk with the mail server.
var mailTimeout = 15 * time.Second

// sendMail puts one mail into words and hands it to the mail server; what fails
// for a while is tried again, under the same Message-ID.
type sendMail struct {
	river.WorkerDefaults[models.SendMail]
	store  *models.Store
	log    *slog.Logger
	mail   Mail
	from   *netmail.Address
	client func() (*gomail.Client, error)
}

func newSendMail(store *models.Store, log *slog.Logger, m Mail) (*sendMail, error) {
	w := &sendMail{store: store, log: log, mail: m}
	if m.URL == "" {
		return w, nil
	}
	var err error
	if w.from, err = netmail.ParseAddress(m.From); err != nil {
		return nil, fmt.Errorf("who mail comes from: %w", err)
	}
	options, host, err := clientOptions(m.URL)
	if err != nil {
		return nil, err
	}
	// A client each time: one is for one talk at a time.
	w.client = func() (*gomail.Client, error) { return gomail.NewClient(host, options...) }
	_, err = w.client()
	return w, err
}

// clientOptions reads the address of a mail server. The talk is encrypted, by
// STARTTLS for smtp:, unless the server is on this machine.
func clientOptions(address string) (options []gomail.Option, host string, err error) {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.Scheme != "smtp" && u.Scheme != "smtps" {
		return nil, "", errors.New("the mail server's address is not smtp://host or smtps://host") // not err: it may hold the password
	}
	host = u.Hostname()
	port, policy := 587, gomail.TLSMandatory
	if u.Scheme == "smtps" {
		port = 465
		options = append(options, gomail.WithSSL())
	} else if onThisMachine(host) {
		policy = gomail.NoTLS
	}
	if u.Port() != "" {
		if port, err = strconv.Atoi(u.Port()); err != nil {
			return nil, "", errors.New("the mail server's port is not a number")
		}
	}
	options = append(options, gomail.WithPort(port), gomail.WithTLSPolicy(policy), gomail.WithTimeout(mailTimeout),
		gomail.WithTLSConfig(&tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}))
	if u.User != nil {
		password, _ := u.User.Password()
		options = append(options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(u.User.Username()), gomail.WithPassword(password))
	}
	return options, host, nil
}

func onThisMachine(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

func (w *sendMail) Work(ctx context.Context, job *river.Job[models.SendMail]) error {
	if w.client == nil {
		return river.JobCancel(errors.New("no mail server is set"))
	}
	m, err := w.store.OpenMail(ctx, job.Args)
	if err != nil {
		return river.JobCancel(fmt.Errorf("the mail does not open: %w", err))
	}
	if m.Stale(w.store.Wall()) {
		return river.JobCancel(errors.New("the mail came too late to be of use"))
	}
	message, err := w.compose(ctx, m, messageID(job.ID, job.CreatedAt, w.from))
	if err != nil {
		return river.JobCancel(err)
	}
	client, err := w.client()
	if err == nil {
		err = client.DialAndSendWithContext(ctx, message)
	}
	if refusedForGood(err) {
		w.log.ErrorContext(ctx, "a mail was refused for good", "job", job.ID, "about", m.Kind, "error", err)
		return river.JobCancel(err)
	}
	return err
}

// refusedForGood: the server does not take mail for this address. Anything else
// may be mended, here or there.
func refusedForGood(err error) bool {
	refused := (*gomail.SendError)(nil)
	return errors.As(err, &refused) && refused.Reason == gomail.ErrSMTPRcptTo && !refused.IsTemp() && refused.ErrorCode() >= 500
}

// messageID is the same at every try, so that whoever gets a mail twice, since
// the first answer was lost, can tell.
func messageID(job int64, stored time.Time, from *netmail.Address) string {
	_, domain, _ := strings.Cut(from.Address, "@")
	return fmt.Sprintf("%d.%d@%s", job, stored.UnixMilli(), domain)
}

// compose makes the message: its words as text and as HTML.
func (w *sendMail) compose(ctx context.Context, m models.Mail, id string) (*gomail.Msg, error) {
	to, err := netmail.ParseAddress(m.To)
	if err != nil {
		return nil, fmt.Errorf("who the mail is to: %w", err)
	}
	letter, err := mail.Write(ctx, m, w.mail.PublicURL)
	if err != nil {
		return nil, err
	}
	message := gomail.NewMsg()
	message.FromMailAddress(w.from)
	message.ToMailAddress(&netmail.Address{Address: to.Address})
	message.Subject(letter.Subject)
	message.SetMessageIDWithValue(id)
	message.SetDateWithValue(w.store.Wall())
	message.SetGenHeader("Auto-Submitted", "auto-generated") // no holiday notice in answer, please
	message.SetGenHeader("Content-Language", letter.Lang)
	message.SetUserAgent("ztc-portal")
	message.SetBodyString(gomail.TypeTextPlain, letter.Text)
	message.AddAlternativeString(gomail.TypeTextHTML, letter.HTML)
	return message, nil
}
