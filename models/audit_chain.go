package models

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm"
)

// auditGenesis is what the first row of the log names as the hash before it.
var auditGenesis = strings.Repeat("0", 64)

// auditHead is the end of the chain. Its row is the last lock that a
// transaction takes, so that the log has one order and no fork.
type auditHead struct {
	ID    int64 `gorm:"primaryKey"`
	RowID int64
	Hash  string // empty: rows of a schema without hashes have not got theirs yet
}

func (auditHead) TableName() string { return "audit_head" }

// digest is the row's hash: hex SHA-256 over the hash before it and every
// column, each written as its length in bytes, a colon, the bytes, a comma.
// The instant is RFC 3339 in UTC, with as many decimals as it needs; no user is
// an empty string.
func (r auditRow) digest() string {
	user := ""
	if r.UserID != nil {
		user = strconv.FormatInt(*r.UserID, 10)
	}
	sum := sha256.New()
	for _, field := range []string{
		r.PrevHash, strconv.FormatInt(r.ID, 10), r.At.UTC().Format(time.RFC3339Nano), user, r.Action, r.Subject, r.Address, r.Before, r.After,
	} {
		fmt.Fprintf(sum, "%d:%s,", len(field), field)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// follow puts the row at the end of the chain and moves the end.
func (h *auditHead) follow(r *auditRow) {
	r.ID, r.PrevHash = h.RowID+1, h.Hash
	r.Hash = r.digest()
	h.RowID, h.Hash = r.ID, r.Hash
}

// storeActs writes the transaction's acts at the end of the chain. It locks the
// end until the commit and is therefore the last thing that a transaction does.
// The database moves audit_head itself, and takes no row that does not follow it.
func (t *tx) storeActs() error {
	if len(t.acts) == 0 {
		return nil
	}
	head, err := t.lockAuditHead()
	if err != nil {
		return err
	}
	for i := range t.acts {
		head.follow(&t.acts[i])
	}
	return t.CreateInBatches(&t.acts, 500).Error
}

// lockAuditHead locks the end of the chain, and first makes a chain of what an
// older schema left without one.
func (t *tx) lockAuditHead() (head auditHead, err error) {
	if err = t.locked().Take(&head, 1).Error; err == nil && head.Hash == "" {
		err = t.seal(&head)
	}
	return head, err
}

// sealAudit makes a chain of rows from before there was one. It is a no-op
// where there is one. The portal's commands would do it too, but they wait.
func (s *Store) sealAudit(ctx context.Context) error {
	return s.inTx(ctx, func(t *tx) error {
		_, err := t.lockAuditHead()
		return err
	})
}

// sealBatch is how many rows of an older schema are held in memory at once.
const sealBatch = 500

// seal gives every row of an older schema its place in the chain, in the order
// of their ids, and writes down that it did. Once a row has a hash there is
// nothing to seal: an empty head beside it was tampered with.
func (t *tx) seal(head *auditHead) error {
	var chained int64
	if err := t.Model(&auditRow{}).Where("hash <> ''").Limit(1).Count(&chained).Error; err != nil {
		return err
	}
	if chained > 0 {
		return errors.New("audit_head has lost the end of the audit log: `ztc-portal audit verify` says more")
	}
	head.Hash = auditGenesis
	count := 0
	for {
		var rows []auditRow
		if err := t.Order("id").Limit(sealBatch).Find(&rows, "id > ?", head.RowID).Error; err != nil {
			return err
		}
		for _, r := range rows {
			r.PrevHash = head.Hash
			r.Hash = r.digest()
			if err := t.Model(&r).Select("PrevHash", "Hash").Updates(&r).Error; err != nil {
				return err
			}
			head.RowID, head.Hash = r.ID, r.Hash
		}
		count += len(rows)
		if len(rows) < sealBatch {
			break
		}
	}
	if err := t.Model(head).Select("RowID", "Hash").Updates(head).Error; err != nil || count == 0 {
		return err
	}
	return t.audit(CommandLine, "audit.seal", "audit", "", facts("rows", strconv.Itoa(count), "last", strconv.FormatInt(head.RowID, 10), "hash", head.Hash))
}

// facts writes several facts of one act on one line: "budget: 300.00, on: yes".
func facts(pairs ...string) string {
	var parts []string
	for pair := range slices.Chunk(pairs, 2) {
		parts = append(parts, pair[0]+": "+pair[1])
	}
	return strings.Join(parts, ", ")
}

// AuditFault is the first row of the audit log that is not as it was written.
type AuditFault struct {
	RowID int64
	What  AuditFaultKind
	Want  string
	Got   string
}

// AuditFaultKind says what is wrong with a row.
type AuditFaultKind string

const (
	AuditChanged  AuditFaultKind = "changed"  // its content or its own hash is not what was written
	AuditUnlinked AuditFaultKind = "unlinked" // it does not name the hash of the row before it
	AuditMissing  AuditFaultKind = "missing"  // rows from this one on are gone, up to the next that stands
	AuditUnsealed AuditFaultKind = "unsealed" // it has no hash at all
	AuditUnread   AuditFaultKind = "unread"   // what stands in it is not even of its column's kind
	AuditHead     AuditFaultKind = "head"     // audit_head does not stand at the last row
)

func (f AuditFault) String() string {
	switch f.What {
	case AuditChanged:
		return fmt.Sprintf("row %d of the audit log was changed: its content gives the hash %s, stored is %s", f.RowID, f.Want, f.Got)
	case AuditUnlinked:
		return fmt.Sprintf("row %d of the audit log does not follow the row before it: that has the hash %s, the row names %s", f.RowID, f.Want, f.Got)
	case AuditMissing:
		return fmt.Sprintf("row %d of the audit log is missing: after it comes %s", f.RowID, f.Got)
	case AuditUnsealed:
		return fmt.Sprintf("row %d of the audit log has no hash: `ztc-portal migrate` was not run to its end, or the row was put in by hand", f.RowID)
	case AuditUnread:
		return fmt.Sprintf("row %d of the audit log can't be read: %s", f.RowID, f.Got)
	default:
		return fmt.Sprintf("audit_head does not stand at the last row of the audit log, row %d with %s: it says %s", f.RowID, f.Want, f.Got)
	}
}

// AuditCheck is what a reading of the whole audit log found.
type AuditCheck struct {
	Rows  int64       // that were read and hold
	RowID int64       // the last of them
	Hash  string      // of the last of them; note it elsewhere, and a log written anew is found
	Noted bool        // a row has the hash that was asked for
	Fault *AuditFault // the first row that does not hold; nil: all do
}

// VerifyAudit reads the audit log from its first row to its end and stops at
// the first that is not as it was written. A hash that was noted at an earlier
// reading is looked for on the way: a log that was rewritten as a whole, hashes
// and all, does not have it. What is written meanwhile is left out.
func (s *Store) VerifyAudit(ctx context.Context, noted ...string) (AuditCheck, error) {
	check := AuditCheck{Hash: auditGenesis}
	err := s.snapshot(ctx, func(db *gorm.DB) error { // one for the rows and the head
		var head auditHead
		if err := db.Limit(1).Find(&head, 1).Error; err != nil {
			return err
		}
		rows, err := db.Model(&auditRow{}).Order("id").Rows()
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var r auditRow
			if err := db.ScanRows(rows, &r); err != nil {
				rows.Close()
				return check.unread(db, err)
			}
			if check.Fault = check.judge(r); check.Fault != nil {
				return nil
			}
			check.Rows, check.RowID, check.Hash = check.Rows+1, r.ID, r.Hash
			check.Noted = check.Noted || slices.Contains(noted, r.Hash)
		}
		if err := rows.Err(); err != nil {
			return err
		}
		check.Fault = check.judgeHead(head)
		return nil
	})
	return check, err
}

// unread names the row that could not be read, unless the database itself is to
// blame.
func (c *AuditCheck) unread(db *gorm.DB, cause error) error {
	var ids []int64
	err := db.Model(&auditRow{}).Order("id").Where("id > ?", c.RowID).Limit(1).Pluck("id", &ids).Error
	if err != nil || len(ids) == 0 {
		return errors.Join(cause, err)
	}
	c.Fault = &AuditFault{RowID: ids[0], What: AuditUnread, Got: cause.Error()}
	return nil
}

// judge holds a row against the one before it, which held.
func (c AuditCheck) judge(r auditRow) *AuditFault {
	own := r.digest()
	switch {
	case r.Hash == "":
		return &AuditFault{RowID: r.ID, What: AuditUnsealed}
	case r.Hash != own:
		return &AuditFault{RowID: r.ID, What: AuditChanged, Want: own, Got: r.Hash}
	case r.PrevHash != c.Hash && r.ID > c.RowID+1:
		return &AuditFault{RowID: c.RowID + 1, What: AuditMissing, Got: fmt.Sprintf("row %d", r.ID)}
	case r.PrevHash != c.Hash:
		return &AuditFault{RowID: r.ID, What: AuditUnlinked, Want: c.Hash, Got: r.PrevHash}
	}
	return nil
}

// judgeHead holds the head against the last row, when all rows hold.
func (c AuditCheck) judgeHead(head auditHead) *AuditFault {
	switch {
	case c.Rows == 0 && head.ID == 1 && head.RowID == 0 && (head.Hash == "" || head.Hash == auditGenesis):
		return nil // nothing was ever done
	case head.RowID > c.RowID:
		return &AuditFault{RowID: c.RowID + 1, What: AuditMissing, Got: fmt.Sprintf("nothing, though audit_head says %s", head)}
	case head.RowID != c.RowID || head.Hash != c.Hash:
		return &AuditFault{RowID: c.RowID, What: AuditHead, Want: "hash " + c.Hash, Got: head.String()}
	}
	return nil
}

func (h auditHead) String() string {
	if h.ID == 0 {
		return "nothing, it is empty"
	}
	return fmt.Sprintf("row %d with hash %q", h.RowID, h.Hash)
}
