package models

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Actor is who acts, and from where: it goes on the audit trail with the act.
type Actor struct {
	UserID  int64
	Address string
}

// CommandLine acts where the portal's own commands do: no user, no address.
var CommandLine = Actor{Address: "command line"}

// auditRow is one act; rows are never changed or removed. PrevHash and Hash
// make a chain of them: see audit_chain.go.
type auditRow struct {
	ID       int64 `gorm:"primaryKey"`
	At       time.Time
	UserID   *int64
	Action   string
	Subject  string
	Address  string
	Before   string
	After    string
	PrevHash string
	Hash     string
}

func (auditRow) TableName() string { return "audit_log" }

// AuditActions are the acts that the audit trail knows, in the order in which
// they are offered as a filter; each has its words in the catalogues, and a
// test finds an act that is missing here.
var AuditActions = []string{
	"session.open", "session.password", "session.refuse", "session.confirm", "session.close", "session.revoke", "user.create",
	"totp.set", "totp.remove", "passkey.add", "passkey.remove", "recovery.renew", "factor.reset",
	"people.invite", "people.resend", "people.withdraw", "people.join", "people.role", "people.remove", "password.ask", "password.reset",
	"account.freeze", "account.unfreeze", "account.note", "account.view_as", "account.registered_name", "account.margin", "account.bid_ceiling", "account.alerts", "user.alert_mail", "alert_target.add", "alert_target.remove", "alert_target.test", "advice.dismiss", "advice.recall",
	"campaign.create", "campaign.switch", "campaign.budget", "campaign.schedule", "campaign.restart", "campaign.restart_undo", "campaign.soft_halt",
	"keyword.bid", "keyword.match", "keyword.switch", "keyword.remove", "edit.undo",
	ActAsk, ActRepair, ActClose, "approval.ask", "approval.approved", "approval.refused", "approval.withdrawn", "approval.failed",
	"statement.import", "statement.mapping",
	"refund.settled", "refund.released", "reconciliation.run", "difference.work",
	"job.cancel", "job.retry", "job.delete", "queue.pause", "queue.resume",
	"method.off", "method.on", "webhook.resend", "apikey.create", "apikey.revoke",
	"audit.seal", "audit.export",
}

// audit writes the act in the transaction that does it: together with the
// transaction's other acts, when everything else is written.
func (t *tx) audit(by Actor, action, subject, before, after string) error {
	row := auditRow{
		At: t.now, Action: action, Subject: toValid(subject), Address: toValid(by.Address), Before: toValid(before), After: toValid(after),
	}
	if by.UserID != 0 {
		row.UserID = &by.UserID
	}
	if !slices.Contains(AuditActions, action) {
		return fmt.Errorf("models: an act without a name: %q", action)
	}
	t.acts = append(t.acts, row)
	return nil
}

// subject names a row for the audit trail, e.g. "campaign:7".
func subject(what string, id int64) string { return what + ":" + strconv.FormatInt(id, 10) }

// actionOn names an act for the audit trail, e.g. "refund.settled".
func actionOn(what, act string) string { return what + "." + act }
