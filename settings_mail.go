package main

import (
	netmail "net/mail"
	"net/url"
	"strconv"
	"strings"

	"ztc-portal/jobs"
)

// demoSender is who the demo's mails come from.
const demoSender = "ZTC Portal <no-reply@demo.test>"

// mailSandbox says whether the demo plays the mail server too.
func (s Settings) mailSandbox() bool { return s.Sandbox() && s.SMTPURL == "" }

// sendsMail says whether mail goes out: to a server, or to the demo's mailbox.
func (s Settings) sendsMail() bool { return s.SMTPURL != "" || s.mailSandbox() }

// withMailSender says who the demo's mails come from, unless that is set.
func (s Settings) withMailSender() Settings {
	if s.Demo() && s.MailFrom == "" {
		s.MailFrom = demoSender
	}
	return s
}

func (s Settings) mail() jobs.Mail {
	return jobs.Mail{URL: s.SMTPURL, From: s.MailFrom, PublicURL: s.PublicURL}
}

// checkMail: a server that can be spoken to, and a sender. What is wrong with
// the address is said without the address, which holds a password.
func (s Settings) checkMail(f *faults) {
	if s.MailFrom != "" {
		if from, err := netmail.ParseAddress(s.MailFrom); err != nil || strings.ContainsAny(s.MailFrom, "\r\n") {
			f.add("PORTAL_MAIL_FROM", "is neither an address nor Name <address>")
		} else if !s.Demo() && strings.HasSuffix(strings.ToLower(from.Address), "@demo.test") {
			f.add("PORTAL_MAIL_FROM", "is the demo's")
		}
	}
	if s.SMTPURL == "" {
		return
	}
	if s.MailFrom == "" {
		f.add("PORTAL_MAIL_FROM", "must be set beside PORTAL_SMTP_URL")
	}
	server, err := url.Parse(s.SMTPURL)
	switch {
	case err != nil || server.Hostname() == "" || server.Scheme != "smtp" && server.Scheme != "smtps":
		f.add("PORTAL_SMTP_URL", "is neither smtp://host:port nor smtps://host:port")
		return
	case strings.Trim(server.Path, "/") != "" || server.RawQuery != "" || server.Fragment != "":
		f.add("PORTAL_SMTP_URL", "must be scheme, user, password, host and port alone; in a password write %%2F for a slash, %%23 for #, %%3F for ?")
	}
	if port, err := strconv.Atoi(server.Port()); server.Port() != "" && (err != nil || port < 1 || port > 65535) {
		f.add("PORTAL_SMTP_URL", "has a port that is not between 1 and 65535")
	}
	if password, given := server.User.Password(); server.User != nil && (server.User.Username() == "" || !given || password == "") {
		f.add("PORTAL_SMTP_URL", "has a user without a password, or a password without a user")
	}
}
