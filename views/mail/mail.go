// Package mail puts mails into words: a subject, a text, and the same as HTML.
package mail

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"strings"
	"unicode"

	"ztc-portal/models"
	"ztc-portal/views/text"
)

// Letter is a mail in words, as it is sent.
type Letter struct {
	Lang    string
	Subject string // one line
	Text    string
	HTML    string
}

// page is what the HTML of a mail shows.
type page struct {
	Lang       string
	Subject    string
	Paragraphs []string
	Action     string // on the button; empty: there is none
	Href       string
	Host       string // the portal's, as people know it
	Home       string // its address
}

// Write puts a mail into the words of its reader's language; home is the
// address of the portal. It fails where the catalogue has no words for it.
func Write(ctx context.Context, m models.Mail, home string) (Letter, error) {
	ctx = text.With(ctx, m.Lang)
	p, err := pageOf(ctx, m, home)
	if err != nil {
		return Letter{}, err
	}
	var drawn bytes.Buffer
	if err := letter(p).Render(ctx, &drawn); err != nil {
		return Letter{}, err
	}
	return Letter{Lang: p.Lang, Subject: p.Subject, Text: p.plain(ctx), HTML: drawn.String()}, nil
}

// Notice is the same in the parts of which a robot's message is made.
type Notice struct {
	Lang, Title  string
	Paragraphs   []string
	Action, Href string // empty: it leads nowhere
}

// WriteNotice puts what would be a mail into the words of a robot's message. It
// fails as Write does.
func WriteNotice(ctx context.Context, m models.Mail, home string) (Notice, error) {
	p, err := pageOf(text.With(ctx, m.Lang), m, home)
	return Notice{p.Lang, p.Subject, p.Paragraphs, p.Action, p.Href}, err
}

func pageOf(ctx context.Context, m models.Mail, home string) (page, error) {
	at, err := url.Parse(home)
	if err != nil || at.Host == "" {
		return page{}, fmt.Errorf("the portal's address %q is none", home)
	}
	kind := string(m.Kind)
	if !text.Has("mail.subject."+kind) || m.Path != "" && !text.Has("mail.action."+kind) {
		return page{}, fmt.Errorf("there are no words for a mail of kind %q", kind)
	}
	p := page{
		Lang: text.Lang(ctx), Subject: oneLine(text.TMap(ctx, "mail.subject."+kind, m.Args)), Host: at.Host, Home: strings.TrimSuffix(home, "/"),
		Paragraphs: strings.Split(text.TMap(ctx, "mail.body."+kind, m.Args), "\n\n"),
	}
	if m.Path != "" {
		p.Action, p.Href = text.T(ctx, "mail.action."+kind), p.Home+"/"+strings.TrimPrefix(m.Path, "/")
	}
	return p, nil
}

// plain is the mail without any HTML.
func (p page) plain(ctx context.Context) string {
	parts := append([]string{}, p.Paragraphs...)
	if p.Href != "" {
		parts = append(parts, p.Action+"\n"+p.Href)
	}
	parts = append(parts, "-- \n"+text.T(ctx, "mail.footer", "Host", p.Host)+"\n"+p.Home)
	return strings.Join(parts, "\n\n") + "\n"
}

// oneLine keeps a subject on one line, whatever a shop is called.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsControl(r) || r == ' ' }), " ")
}
