package sandbox

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/smtp"
	"strings"
	"testing"
	"time"
)

func openBox(t *testing.T, folder string) *Mailbox {
	t.Helper()
	box, err := OpenMailbox(Options{DataDir: folder, Path: "/mail", Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return box
}

func closeBox(t *testing.T, box *Mailbox) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := box.Close(ctx); err != nil {
		t.Error(err)
	}
}

func TestTheMailboxShowsWhatItGotAndKeepsIt(t *testing.T) {
	folder := t.TempDir()
	box := openBox(t, folder)
	const raw = "From: a@b.test\r\nSubject: =?utf-8?q?=E9=82=80=E8=AF=B7_<b>?=\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n<i>See</i> https://portal.test/join?token=x&y=1 now\r\n"
	address := strings.TrimPrefix(box.URL(), "smtp://")
	if err := smtp.SendMail(address, nil, "a@b.test", []string{"c@d.test"}, []byte(raw)); err != nil {
		t.Fatal(err)
	}
	closeBox(t, box)
	box = openBox(t, folder)
	defer closeBox(t, box)
	server := httptest.NewServer(box.Handler())
	defer server.Close()
	for path, want := range map[string][]string{
		"/mail?lang=zh-CN": {"收到的邮件", "邀请 &lt;b&gt;", "c@d.test"},
		"/mail?lang=en":    {"Mails received", `href="/mail/1?lang=en"`},
		"/mail/1?lang=en":  {"All mails", "&lt;i&gt;See&lt;/i&gt;", `<a href="https://portal.test/join?token=x&amp;y=1">`},
	} {
		status, page := getPage(t, server.URL+path)
		for _, words := range want {
			if status != http.StatusOK || !strings.Contains(page, words) {
				t.Errorf("%s: status %d, no %q in %s", path, status, words, page)
			}
		}
	}
	for _, path := range []string{"/mail/2", "/mail/x", "/mail/1/2"} {
		if status, _ := getPage(t, server.URL+path); status != http.StatusNotFound {
			t.Errorf("%s: status %d", path, status)
		}
	}
	box.Refuse(550, 1)
	if err := smtp.SendMail(strings.TrimPrefix(box.URL(), "smtp://"), nil, "a@b.test", []string{"c@d.test"}, []byte(raw)); err == nil {
		t.Error("a mail to a closed box is taken")
	}
}

func getPage(t *testing.T, address string) (status int, page string) {
	t.Helper()
	answer, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}
