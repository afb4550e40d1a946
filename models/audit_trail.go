package models

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm"
)

// AuditEntry is one act of the audit log as it is read.
type AuditEntry struct {
	ID       int64
	At       time.Time // UTC
	UserID   int64     // 0: the portal itself, or its commands
	Email    string    // the user's today; empty: nobody's
	Address  string
	Action   string // one of AuditActions
	Subject  string // e.g. "campaign:7"
	Before   string
	After    string
	PrevHash string
	Hash     string
}

// AuditColumns name what Record gives, in its order.
var AuditColumns = []string{"id", "at", "user_id", "email", "address", "action", "subject", "before", "after", "prev_hash", "hash"}

// Record is the entry as a line of a table; the instant is what the hash is
// made over.
func (e AuditEntry) Record() []string {
	user := ""
	if e.UserID != 0 {
		user = strconv.FormatInt(e.UserID, 10)
	}
	return []string{
		strconv.FormatInt(e.ID, 10), e.At.UTC().Format(time.RFC3339Nano), user, e.Email, e.Address, e.Action, e.Subject, e.Before, e.After, e.PrevHash, e.Hash,
	}
}

// AuditBySystem is what AuditFilter.Who asks for what no user did.
const AuditBySystem = "system"

// AuditFilter narrows the audit log; what is empty narrows nothing.
type AuditFilter struct {
	Who     string // an e-mail as typed, or AuditBySystem
	Action  string
	Subject string
	Days    Days
}

// String is the filter as the audit log keeps it of an export.
func (f AuditFilter) String() string {
	var pairs []string
	for _, pair := range [][2]string{{"from", f.Days.From}, {"to", f.Days.To}, {"action", f.Action}, {"subject", f.Subject}, {"who", f.Who}} {
		if pair[1] != "" {
			pairs = append(pairs, pair[0], pair[1])
		}
	}
	return facts(pairs...)
}

// AuditTrail is one page of the audit log, newest first, and where its chain ends.
type AuditTrail struct {
	Rows  []AuditEntry
	Page  Page
	RowID int64  // the last act of all, 0: none
	Hash  string // its hash
}

// AuditTrail reads a page of the audit log. FieldErrors on who, from, to.
func (s *Store) AuditTrail(ctx context.Context, f AuditFilter, k Keyset) (trail AuditTrail, err error) {
	db := s.read.WithContext(ctx)
	var head auditHead
	if err := db.Limit(1).Find(&head, 1).Error; err != nil {
		return trail, err
	}
	trail.RowID, trail.Hash = head.RowID, head.Hash
	query, lead, err := f.narrow(db, auditEntries(db))
	if err != nil {
		return trail, err
	}
	if err := keyset(query, k, append(lead, "l.id")...).Scan(&trail.Rows).Error; err != nil {
		return trail, err
	}
	trail.Rows, trail.Page = pageOf(trail.Rows, k, func(e AuditEntry) int64 { return e.ID })
	return trail, nil
}

// AuditOf reads the newest acts on one thing, e.g. on "account:3", newest first.
func (s *Store) AuditOf(ctx context.Context, subject string, limit int) ([]AuditEntry, error) {
	var entries []AuditEntry
	db := s.read.WithContext(ctx)
	query, lead, err := AuditFilter{Subject: subject}.narrow(db, auditEntries(db))
	if err != nil {
		return nil, err
	}
	for _, column := range append(lead, "l.id") {
		query = query.Order(column + " DESC")
	}
	return entries, query.Limit(limit).Scan(&entries).Error
}

// ExportAudit gives each act that the filter takes, oldest first, and puts the
// export itself on the log beforehand; acts from then on are left out. A limit
// above 0 refuses, with FieldErrors on "to", an export of more acts.
// FieldErrors on who, from, to. An error of each ends the export with it.
func (s *Store) ExportAudit(ctx context.Context, by Actor, f AuditFilter, limit int, each func(AuditEntry) error) error {
	db := s.read.WithContext(ctx)
	query, _, err := f.narrow(db, auditEntries(db))
	if err != nil {
		return err
	}
	if limit > 0 {
		var ids []int64
		some, _, err := f.narrow(db, db.Table("audit_log AS l").Select("l.id"))
		if err == nil {
			err = some.Limit(limit + 1).Scan(&ids).Error
		}
		if err != nil {
			return err
		}
		if len(ids) > limit {
			return FieldErrors{fieldError("to", "error.audit.too_many", map[string]any{"Limit": limit})}
		}
	}
	var head auditHead
	err = s.inTx(ctx, func(t *tx) error {
		if err := t.Take(&head, 1).Error; err != nil {
			return err
		}
		return t.audit(by, "audit.export", "audit", "", f.String())
	})
	if err != nil {
		return err
	}
	rows, err := query.Where("l.id <= ?", head.RowID).Order("l.id").Rows()
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var e AuditEntry
		if err := db.ScanRows(rows, &e); err != nil {
			return err
		}
		if err := each(e); err != nil {
			return err
		}
	}
	return rows.Err()
}

// auditEntries reads the log as l, with who acted.
func auditEntries(db *gorm.DB) *gorm.DB {
	return db.Table("audit_log AS l").Joins("LEFT JOIN users u ON u.id = l.user_id").
		Select(`l.id, l.at, COALESCE(l.user_id, 0) AS user_id, COALESCE(u.email, '') AS email, l.address, l.action, l.subject,
			l."before", l."after", l.prev_hash, l.hash`)
}

// narrow puts the filter on a query of audit_log as l. lead are the columns that
// lead the index to be walked: as in Statement, a range of one value keeps
// PostgreSQL from walking the primary key past everybody else's acts.
func (f AuditFilter) narrow(db, query *gorm.DB) (_ *gorm.DB, lead []string, err error) {
	from, to, refusals := f.Days.Parse()
	userID, err := auditUser(db, f.Who)
	if refused := (*Error)(nil); errors.As(err, &refused) {
		refusals = append(FieldErrors{refused}, refusals...)
	} else if err != nil {
		return nil, nil, err
	}
	if err := refusals.OrNil(); err != nil {
		return nil, nil, err
	}
	only := func(column string, value any) {
		query, lead = query.Where(column+" >= ? AND "+column+" <= ?", value, value), []string{column}
	}
	if action := strings.TrimSpace(toValid(f.Action)); action != "" {
		only("l.action", action)
	}
	if f.Who == AuditBySystem {
		query = query.Where("l.user_id IS NULL")
	} else if userID != 0 {
		only("l.user_id", userID)
	}
	if subject := strings.TrimSpace(toValid(f.Subject)); subject != "" {
		only("l.subject", subject)
	}
	return between(query, "l.at", from, to), lead, nil
}

// auditUser finds whose acts are asked for; 0: anybody's, or nobody's.
func auditUser(db *gorm.DB, who string) (int64, error) {
	if who == "" || who == AuditBySystem {
		return 0, nil
	}
	var ids []int64
	err := db.Model(&User{}).Where("email = ?", NormalEmail(toValid(who))).Limit(1).Pluck("id", &ids).Error
	if err == nil && len(ids) == 0 {
		return 0, fieldError("who", "error.audit.who", nil)
	}
	if err != nil {
		return 0, err
	}
	return ids[0], nil
}
