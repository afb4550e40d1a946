package models

import (
	"strconv"
	"time"
)

// Actor is who acts, and from where: it goes on the audit trail with the act.
type Actor struct {
	UserID  int64
	Address string
}

// auditRow is one act; rows are never changed or deleted.
type auditRow struct {
	ID      int64 `gorm:"primaryKey"`
	At      time.Time
	UserID  *int64
	Action  string
	Subject string
	Address string
	Before  string
	After   string
}

func (auditRow) TableName() string { return "audit_log" }

// audit writes the act in the transaction that does it.
func (t *tx) audit(by Actor, action, subject, before, after string) error {
	row := auditRow{At: t.now, Action: action, Subject: subject, Address: by.Address, Before: before, After: after}
	if by.UserID != 0 {
		row.UserID = &by.UserID
	}
	return t.Create(&row).Error
}

// subject names a row for the audit trail, e.g. "campaign:7".
func subject(what string, id int64) string { return what + ":" + strconv.FormatInt(id, 10) }

// actionOn names an act for the audit trail, e.g. "refund.settled".
func actionOn(what, act string) string { return what + "." + act }
