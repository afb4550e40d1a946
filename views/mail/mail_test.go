package mail_test

import (
	"strings"
	"testing"
	"time"

	"ztc-portal/models"
	"ztc-portal/views/mail"
	"ztc-portal/views/text"
)

// Every kind of mail has all of its words in every language, and says what it is
// given.
func TestEveryKindIsWritten(t *testing.T) {
	given := map[models.MailKind]map[string]any{
		models.MailInvitation:    {"Shop": "Tea & Cups", "By": "owner@shop.test", "Role": models.ShopFinance, "Hours": 48},
		models.MailReset:         {"Minutes": 60},
		models.MailPasswordIsNew: {"At": time.Date(2026, 11, 24, 6, 0, 0, 0, time.UTC)},
	}
	at := time.Date(2026, 11, 24, 6, 0, 0, 0, time.UTC)
	for _, rung := range append([]models.Rung{""}, models.Rungs...) {
		given[rung.Mail()] = models.AlertMessage{Shop: "Tea & Cups", Alert: models.Alert{Rung: rung, At: at, AlertArgs: models.AlertArgs{At: &at, AmountFen: 100}}}.Mail().Args
	}
	for _, kind := range models.MailKinds {
		for _, lang := range text.Languages {
			args, known := given[kind]
			if !known {
				t.Fatalf("this test knows nothing of %s", kind)
			}
			letter, err := mail.Write(t.Context(), models.Mail{To: "a@b.test", Lang: lang, Kind: kind, Args: args, Path: "/x?token=y"}, "https://portal.test")
			if err != nil {
				t.Fatal(err)
			}
			for what, words := range map[string]string{"subject": letter.Subject, "text": letter.Text, "html": letter.HTML} {
				if words == "" || strings.ContainsAny(words, "⟦⟧") || strings.Contains(words, "<no value>") || strings.Contains(words, "{{") {
					t.Errorf("%s of %s in %s: %s", what, kind, lang, words)
				}
			}
			if !strings.Contains(letter.Text, "\nhttps://portal.test/x?token=y\n") || !strings.Contains(letter.HTML, `href="https://portal.test/x?token=y"`) {
				t.Errorf("%s in %s leads nowhere", kind, lang)
			}
			if letter.Lang != lang || strings.ContainsAny(letter.Subject, "\r\n") {
				t.Errorf("%s is in %s: %q", kind, letter.Lang, letter.Subject)
			}
		}
	}
	if _, err := mail.Write(t.Context(), models.Mail{Kind: "unknown"}, "https://portal.test"); err == nil {
		t.Error("a mail without words is written")
	}
	if _, err := mail.Write(t.Context(), models.Mail{Kind: models.MailReset}, ""); err == nil {
		t.Error("a mail from nowhere is written")
	}
}
