package sandbox

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"regexp"
	"strings"
	"time"
)

// ReceivedMail is a mail as its reader sees it.
type ReceivedMail struct {
	ID        int64
	At        time.Time
	Sender    string // on the wire
	To        string // likewise
	From      string // as the mail says
	Subject   string
	MessageID string
	Text      string // the plain part
	HTML      string // the other; never drawn here
	Raw       []byte
}

// readMail reads what can be read of a mail; of one that is none, nothing.
func readMail(raw []byte) ReceivedMail {
	var m ReceivedMail
	message, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return m
	}
	decoder := new(mime.WordDecoder)
	said := func(name string) string {
		value := message.Header.Get(name)
		if words, err := decoder.DecodeHeader(value); err == nil {
			return words
		}
		return value
	}
	m.From, m.Subject, m.MessageID = said("From"), said("Subject"), message.Header.Get("Message-ID")
	m.read(message.Header.Get("Content-Type"), message.Header.Get("Content-Transfer-Encoding"), message.Body)
	return m
}

// read takes the first text of each kind out of a part, or out of its parts.
func (m *ReceivedMail) read(kind, encoding string, body io.Reader) {
	kind, params, err := mime.ParseMediaType(kind)
	if err != nil {
		kind = "text/plain"
	}
	if strings.HasPrefix(kind, "multipart/") {
		parts := multipart.NewReader(body, params["boundary"])
		for part, err := parts.NextRawPart(); err == nil; part, err = parts.NextRawPart() {
			m.read(part.Header.Get("Content-Type"), part.Header.Get("Content-Transfer-Encoding"), part)
		}
		return
	}
	switch strings.ToLower(encoding) {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	words, err := io.ReadAll(body)
	if err != nil {
		return
	}
	into := map[string]*string{"text/plain": &m.Text, "text/html": &m.HTML}[kind]
	if into != nil && *into == "" {
		*into = strings.ReplaceAll(string(words), "\r\n", "\n")
	}
}

var webAddress = regexp.MustCompile(`https?://[^\s<>"]+`)

// Links are the web addresses in the plain part, in their order.
func (m ReceivedMail) Links() []string { return webAddress.FindAllString(m.Text, -1) }

// piece is a stretch of a mail's text, or a link in it.
type piece struct{ Text, Href string }

// Pieces cut the plain part into words and links.
func (m ReceivedMail) Pieces() []piece {
	var pieces []piece
	at := 0
	for _, found := range webAddress.FindAllStringIndex(m.Text, -1) {
		link := m.Text[found[0]:found[1]]
		pieces = append(pieces, piece{Text: m.Text[at:found[0]]}, piece{Text: link, Href: link})
		at = found[1]
	}
	return append(pieces, piece{Text: m.Text[at:]})
}

// Clock is when the mail came, in Beijing time.
func (m ReceivedMail) Clock() string { return m.At.In(beijing).Format("01-02 15:04:05") }
