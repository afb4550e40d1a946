package jobs_test

import (
	"context"
	"io"
	"log/slog"
	"net/mail"
	"strings"
	"testing"
	"time"

	"ztc-portal/gateways/sandbox"
	"ztc-portal/jobs"
	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

// mailing is a shop whose mails go to a mail server that the test reads.
type mailing struct {
	*shop
	box *sandbox.Mailbox
}

func eachMailing(t *testing.T, test func(*testing.T, mailing)) {
	t.Helper()
	t.Parallel()
	for _, engine := range modelstest.Engines {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			box := openMailbox(t)
			s := newShop(t, engine, func(r *models.Rules) { r.Mail = true }, jobs.Options{
				Mail: jobs.Mail{URL: box.URL(), From: "ZTC 门户 <no-reply@portal.test>", PublicURL: "https://portal.test"},
			})
			test(t, mailing{s, box})
		})
	}
}

func openMailbox(t *testing.T) *sandbox.Mailbox {
	t.Helper()
	box, err := sandbox.OpenMailbox(sandbox.Options{DataDir: t.TempDir(), Path: "/mail", Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	must(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := box.Close(ctx); err != nil {
			t.Errorf("closing the mailbox: %v", err)
		}
	})
	return box
}

// post stores a mail's task, as a command does in its transaction.
func (m mailing) post(t *testing.T, task models.SendMail) {
	t.Helper()
	sqlTx, err := m.db.BeginTx(t.Context(), nil)
	must(t, err)
	must(t, m.runner.Enqueue(t.Context(), sqlTx, []models.Task{{Args: task}}))
	must(t, sqlTx.Commit())
}

func (m mailing) mails(t *testing.T) []sandbox.ReceivedMail {
	t.Helper()
	all, err := m.box.Mails(t.Context(), "")
	must(t, err)
	return all
}

func word[T any](v T) *T { return &v }

func invitation(lang, shop string) models.SendMail {
	return models.SendMail{To: "colleague@shop.test", Lang: lang, About: models.MailInvitation, Path: "/join?token=abc", Args: map[string]models.MailArg{
		"Shop": {Text: &shop}, "By": {Text: word("owner@shop.test")}, "Role": {Role: word(models.ShopViewer)}, "Hours": {N: word(48)},
	}}
}

func TestAMailGoesOutInTheReadersLanguage(t *testing.T) {
	eachMailing(t, func(t *testing.T, m mailing) {
		m.start(t)
		m.post(t, invitation("en", "Tea & <Cups>"))
		eventually(t, "the mail arrives", func() bool { return len(m.mails(t)) == 1 })
		got := m.mails(t)[0]
		if got.To != "colleague@shop.test" || got.Sender != "no-reply@portal.test" || got.From != "ZTC 门户 <no-reply@portal.test>" && got.From != `"ZTC 门户" <no-reply@portal.test>` {
			t.Errorf("from %q, on the wire %q to %q", got.From, got.Sender, got.To)
		}
		if got.Subject != "owner@shop.test invites you to the shop “Tea & <Cups>”" {
			t.Errorf("the subject is %q", got.Subject)
		}
		if links := got.Links(); len(links) != 2 || links[0] != "https://portal.test/join?token=abc" {
			t.Errorf("the links are %v", links)
		}
		for _, words := range []string{"as “Viewer”", "for 48 hours"} {
			if !strings.Contains(got.Text, words) || !strings.Contains(got.HTML, words) {
				t.Errorf("%q is missing in %s\n%s", words, got.Text, got.HTML)
			}
		}
		if !strings.Contains(got.HTML, "Tea &amp; &lt;Cups&gt;") || strings.Contains(got.HTML, "<Cups>") {
			t.Errorf("the shop's name is not escaped: %s", got.HTML)
		}
		m.post(t, invitation("zh-CN", "茶铺"))
		eventually(t, "the other arrives", func() bool { return len(m.mails(t)) == 2 })
		if zh := m.mails(t)[0]; zh.Subject != "owner@shop.test 邀请您加入店铺“茶铺”" || !strings.Contains(zh.Text, "“只读”") {
			t.Errorf("in Chinese: %q\n%s", zh.Subject, zh.Text)
		}
	})
}

// A server that takes nothing for a while gets the same mail again, and the
// reader can tell.
func TestAMailIsTriedAgainUnderOneMessageID(t *testing.T) {
	eachMailing(t, func(t *testing.T, m mailing) {
		m.box.Refuse(451, 1)
		m.start(t)
		m.post(t, invitation("en", "Shop"))
		eventually(t, "the mail arrives", func() bool { return len(m.mails(t)) == 1 })
		first := m.mails(t)[0]
		if !strings.HasSuffix(first.MessageID, "@portal.test>") {
			t.Errorf("the message id is %q", first.MessageID)
		}
		eventually(t, "it is done", func() bool { return m.count(t, "send_mail", "completed") == 1 })
		_, err := m.db.Exec("UPDATE river_job SET state = 'available', attempt = 1, finalized_at = NULL WHERE kind = 'send_mail'")
		must(t, err) // as when the process ends before it can note that the server took the mail
		eventually(t, "it comes again", func() bool { return len(m.mails(t)) == 2 })
		if again := m.mails(t)[0]; again.MessageID != first.MessageID {
			t.Errorf("the second time it is %q, the first %q", again.MessageID, first.MessageID)
		}
	})
}

func TestAMailThatCannotArriveIsGivenUp(t *testing.T) {
	eachMailing(t, func(t *testing.T, m mailing) {
		m.start(t)
		late := invitation("en", "Shop")
		late.Until = m.Wall().Add(-time.Second)
		unsealed := invitation("en", "Shop")
		unsealed.Sealed = "bm90IHNlYWxlZA"
		unknown := invitation("en", "Shop")
		unknown.About = "nothing_known"
		for i, task := range []models.SendMail{late, unsealed, unknown, {To: "no address", About: models.MailReset}} {
			m.post(t, task)
			eventually(t, "it is given up", func() bool { return m.count(t, "send_mail", "cancelled") == i+1 })
		}
		m.box.Refuse(550, 1)
		m.post(t, invitation("en", "Shop"))
		eventually(t, "a recipient who is not known is given up", func() bool { return m.count(t, "send_mail", "cancelled") == 5 })
		if n := len(m.mails(t)); n != 0 || !m.log.has("refused for good") {
			t.Errorf("%d mails arrived", n)
		}
	})
}

// Whatever a shop is called and whoever is written to, a mail has the headers
// that we gave it and no other.
func TestNoHeaderCanBeSmuggledIn(t *testing.T) {
	eachMailing(t, func(t *testing.T, m mailing) {
		m.start(t)
		evil := "Shop\r\nBcc: victim@elsewhere.test\r\n\r\nBody\n\nX: y\x07"
		m.post(t, invitation("en", evil))
		eventually(t, "the mail arrives", func() bool { return len(m.mails(t)) == 1 })
		got := m.mails(t)[0]
		message, err := mail.ReadMessage(strings.NewReader(string(got.Raw)))
		must(t, err)
		for name := range message.Header {
			switch name {
			case "Bcc", "X":
				t.Errorf("there is a header %s: %q", name, message.Header[name])
			}
		}
		if to := message.Header["To"]; len(to) != 1 || to[0] != "<colleague@shop.test>" {
			t.Errorf("the mail is to %q", to)
		}
		if strings.ContainsAny(got.Subject, "\r\n\x07") || !strings.Contains(got.Subject, "victim@elsewhere.test") {
			t.Errorf("the subject is %q", got.Subject)
		}
		bad := invitation("en", "Shop")
		bad.To = "a@shop.test>\r\nRCPT TO:<b@shop.test"
		m.post(t, bad)
		eventually(t, "that address is refused", func() bool { return m.count(t, "send_mail", "cancelled") == 1 })
		if n := len(m.mails(t)); n != 1 {
			t.Errorf("%d mails arrived", n)
		}
	})
}
