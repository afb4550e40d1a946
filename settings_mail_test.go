package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMailSettingsAreCheckedWithoutBeingShown(t *testing.T) {
	const from = "PORTAL_MAIL_FROM=Portal <no-reply@pay.test>"
	malformed := []string{"PORTAL_SMTP_URL: is neither smtp://host:port nor smtps://host:port"}
	for _, c := range []struct {
		name  string
		given []string
		want  []string
	}{
		{"none", nil, nil},
		{"starttls", []string{"PORTAL_SMTP_URL=smtp://user:secret@mail.test:587", from}, nil},
		{"tls", []string{"PORTAL_SMTP_URL=smtps://mail.test", "PORTAL_MAIL_FROM=no-reply@pay.test"}, nil},
		{"no sender", []string{"PORTAL_SMTP_URL=smtps://mail.test"}, []string{"PORTAL_MAIL_FROM: must be set beside PORTAL_SMTP_URL"}},
		{"sender of nobody", []string{"PORTAL_MAIL_FROM=pay.test"}, []string{"PORTAL_MAIL_FROM: is neither an address nor Name <address>"}},
		{"the demo's sender", []string{"PORTAL_MAIL_FROM=a@DEMO.test"}, []string{"PORTAL_MAIL_FROM: is the demo's"}},
		{"web", []string{"PORTAL_SMTP_URL=https://user:secret@mail.test", from}, malformed},
		{"no scheme", []string{"PORTAL_SMTP_URL=mail.test:587", from}, malformed},
		{"unreadable", []string{"PORTAL_SMTP_URL=smtp://user:sec%ret@mail.test", from}, malformed},
		{"user alone", []string{"PORTAL_SMTP_URL=smtp://user@mail.test", from}, []string{"PORTAL_SMTP_URL: has a user without a password, or a password without a user"}},
		{"port", []string{"PORTAL_SMTP_URL=smtp://mail.test:99999", from}, []string{"PORTAL_SMTP_URL: has a port that is not between 1 and 65535"}},
		{"a path", []string{"PORTAL_SMTP_URL=smtp://mail.test/inbox?x=1", from}, []string{"PORTAL_SMTP_URL: must be scheme, user, password, host and port alone; in a password write %2F for a slash, %23 for #, %3F for ?"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := LoadSettings(productionEnviron(t, c.given...))
			got := linesOf(t, err)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if strings.Contains(strings.Join(got, "\n"), "secret") {
				t.Error("the password is shown")
			}
			if sends := s.SMTPURL != ""; s.sendsMail() != sends {
				t.Errorf("mail goes out: %v", s.sendsMail())
			}
		})
	}
}

func TestTheDemoPlaysTheMailServerUnlessThereIsOne(t *testing.T) {
	s, err := LoadSettings(nil)
	if err != nil || !s.mailSandbox() || !s.sendsMail() || s.MailFrom != demoSender {
		t.Errorf("by itself: %q, %v", s.MailFrom, err)
	}
	s, err = LoadSettings([]string{"PORTAL_SMTP_URL=smtp://localhost:2525"})
	if err != nil || s.mailSandbox() || !s.sendsMail() {
		t.Errorf("with a server: %v", err)
	}
}
