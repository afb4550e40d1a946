package models

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// MailKind says what a mail is about; its words stand in the catalogues, as
// mail.subject.KIND, mail.body.KIND and mail.action.KIND.
type MailKind string

const (
	MailInvitation    MailKind = "invitation"     // to a colleague: Shop, Role, By, Hours
	MailReset         MailKind = "reset"          // a link to a new password: Minutes
	MailAlertTest     MailKind = "alert_test"     // a robot works: Shop
	MailPasswordIsNew MailKind = "password_fresh" // the password was changed: At
)

// MailKinds are all of them.
var MailKinds = append([]MailKind{MailInvitation, MailReset, MailPasswordIsNew, MailAlertTest}, column(Rungs, Rung.Mail)...)

// Mail is a mail to be sent, before it is put into words. Args are what its
// words speak of: Fen, time.Time, time.Duration, ShopRole, int, string; any other type is
// a defect, found when the mail is stored.
type Mail struct {
	To    string // one address
	Lang  string // of the reader, as the views name languages; anything else is taken as Chinese
	Kind  MailKind
	Args  map[string]any
	Path  string    // the page of ours that its button leads to; empty: it has none
	Once  bool      // the path is a secret: it is sealed wherever the mail is kept
	Until time.Time // by the machine's clock; after it the mail is worth nothing and is not sent; zero: never
}

// SendMail: send a mail. It is a Mail as the queue keeps it, where staff may
// read it: but for a secret path, which is sealed.
type SendMail struct {
	To     string             `json:"to"`
	Lang   string             `json:"lang"`
	About  MailKind           `json:"about"`
	Args   map[string]MailArg `json:"args,omitempty"`
	Path   string             `json:"path,omitempty"`
	Sealed string             `json:"sealed,omitempty"`
	Until  time.Time          `json:"until,omitzero"`
}

func (SendMail) Kind() string { return "send_mail" }

// MailArg is one value of Args with its type, which JSON alone would lose: money
// and times are written in the reader's language, and that is known last.
type MailArg struct {
	Fen  *Fen           `json:"fen,omitempty"`
	At   *time.Time     `json:"at,omitempty"`
	Span *time.Duration `json:"span_ns,omitempty"`
	N    *int           `json:"n,omitempty"`
	Text *string        `json:"text,omitempty"`
	Role *ShopRole      `json:"role,omitempty"`
}

// errMailOff: the portal was started without a mail server.
var errMailOff = &Error{Code: Conflict, Key: "error.mail.off"}

// SendsMail tells whether mail can go out of this portal at all; where it
// can't, a command that needs it is a Conflict, and pages say so beforehand.
func (s *Store) SendsMail() bool { return s.rules.Mail }

// mail sends a mail if the transaction commits. Conflict where no mail goes out.
func (t *tx) mail(m Mail) error {
	if !t.rules.Mail {
		return errMailOff
	}
	task := SendMail{To: m.To, Lang: m.Lang, About: m.Kind, Path: m.Path, Until: m.Until.UTC()}
	if m.Once {
		sealed, err := t.vault.seal(m.Path, mailPlace(m.To))
		if err != nil {
			return err
		}
		task.Path, task.Sealed = "", sealed
	}
	for name, value := range m.Args {
		arg, err := mailArg(value)
		if err != nil {
			return fmt.Errorf("models: mail %s, %s: %w", m.Kind, name, err)
		}
		if task.Args == nil {
			task.Args = map[string]MailArg{}
		}
		task.Args[name] = arg
	}
	t.then(Task{Args: task})
	return nil
}

// mailPlace is where the secret path of a mail may be opened.
func mailPlace(to string) string { return "mail:" + to }

func mailArg(value any) (MailArg, error) {
	switch v := value.(type) {
	case Fen:
		return MailArg{Fen: &v}, nil
	case time.Time:
		v = v.UTC()
		return MailArg{At: &v}, nil
	case time.Duration:
		return MailArg{Span: &v}, nil
	case int:
		return MailArg{N: &v}, nil
	case string:
		v = oneLine(v)
		return MailArg{Text: &v}, nil
	case ShopRole:
		return MailArg{Role: &v}, nil
	}
	return MailArg{}, fmt.Errorf("a %T is nothing that a mail speaks of", value)
}

// oneLine is text without anything that would break a line, of a mail's header
// or of its body.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, toValid(s))
}

func (a MailArg) value() any {
	switch {
	case a.Fen != nil:
		return *a.Fen
	case a.At != nil:
		return *a.At
	case a.Span != nil:
		return *a.Span
	case a.N != nil:
		return *a.N
	case a.Text != nil:
		return *a.Text
	case a.Role != nil:
		return *a.Role
	}
	return ""
}

// OpenMail gives the mail that a task is to send, its secret path unsealed. An
// error means that it never can be: it was sealed with another PORTAL_SECRET.
func (s *Store) OpenMail(_ context.Context, task SendMail) (Mail, error) {
	m := Mail{To: task.To, Lang: task.Lang, Kind: task.About, Args: map[string]any{}, Path: task.Path, Until: task.Until}
	for name, arg := range task.Args {
		m.Args[name] = arg.value()
	}
	if task.Sealed == "" {
		return m, nil
	}
	var err error
	m.Once = true
	m.Path, err = s.vault.open(task.Sealed, mailPlace(task.To))
	return m, err
}

// Stale tells whether the mail is worth nothing any more.
func (m Mail) Stale(now time.Time) bool { return !m.Until.IsZero() && now.After(m.Until) }
