package sandbox

import (
	"database/sql"
	"errors"
	"net/http"
	"strconv"
)

// mailWire is the name that the mailbox's pages go by.
const mailWire = "mail"

// mailsPage lists mails.
type mailsPage struct {
	view
	Mails []ReceivedMail
}

// mailPage shows one.
type mailPage struct {
	view
	Mail ReceivedMail
}

func (m *Mailbox) newView(r *http.Request, title string) view {
	return newView(r, title, m.opts.Path, "", mailWire)
}

func (m *Mailbox) list(w http.ResponseWriter, r *http.Request) {
	mails, err := m.Mails(r.Context(), "")
	if err != nil {
		m.broken(w, r, err)
		return
	}
	render(w, m.opts.Log, http.StatusOK, "mails.html", mailsPage{m.newView(r, "mail.list"), mails})
}

func (m *Mailbox) show(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		m.problem(w, r, http.StatusNotFound, "mail.not_found")
		return
	}
	mail, err := scanMail(m.db.QueryRowContext(r.Context(), "SELECT id, at_ms, sender, rcpt, raw FROM mails WHERE id = ?", id))
	if errors.Is(err, sql.ErrNoRows) {
		m.problem(w, r, http.StatusNotFound, "mail.not_found")
		return
	}
	if err != nil {
		m.broken(w, r, err)
		return
	}
	render(w, m.opts.Log, http.StatusOK, "mail.html", mailPage{m.newView(r, "mail.one"), mail})
}

func (m *Mailbox) broken(w http.ResponseWriter, r *http.Request, err error) {
	m.opts.Log.Error("sandbox: mailbox failed", "path", r.URL.Path, "error", err)
	m.problem(w, r, http.StatusInternalServerError, "problem.broken")
}

func (m *Mailbox) problem(w http.ResponseWriter, r *http.Request, status int, text string) {
	render(w, m.opts.Log, status, "message.html", problemPage{view: m.newView(r, "problem.title"), Text: text})
}
