package models

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"gorm.io/gorm"
)

// EditKind names what a seller did to campaigns or keywords.
type EditKind string

const (
	EditSwitch        EditKind = "switch" // campaigns on or off
	EditBudget        EditKind = "budget"
	EditSchedule      EditKind = "schedule"
	EditBid           EditKind = "bid"
	EditMatch         EditKind = "match"
	EditKeywordAdd    EditKind = "keyword_add"
	EditKeywordSwitch EditKind = "keyword_switch"
	EditKeywordRemove EditKind = "keyword_remove"
	EditAdvice        EditKind = "advice" // what advice proposed, of any kind
)

// EditKinds lists every kind; each has its words in the catalogues.
var EditKinds = []EditKind{
	EditSwitch, EditBudget, EditSchedule, EditBid, EditMatch, EditKeywordAdd, EditKeywordSwitch, EditKeywordRemove, EditAdvice,
}

// Edit is one act of a seller on campaigns or keywords, on one row or on many.
// It can be put back until UndoUntil, once. Instants are UTC.
type Edit struct {
	ID        int64 `gorm:"primaryKey"`
	AccountID int64
	UserID    *int64 // nil: the portal's own
	Kind      EditKind
	At        time.Time
	UndoUntil time.Time
	UndoneAt  *time.Time
}

// CanUndo tells whether the edit may still be put back.
func (e Edit) CanUndo(now time.Time) bool {
	return e.ID != 0 && e.UndoneAt == nil && !now.After(e.UndoUntil)
}

// EditItem is one value of one row that an edit changed, as the audit trail
// writes it. Where a value is another one than AfterValue meanwhile, its row is
// not put back.
type EditItem struct {
	EditID      int64  `gorm:"primaryKey"`
	Subject     string `gorm:"primaryKey"` // "campaign" or "keyword"
	SubjectID   int64  `gorm:"primaryKey"`
	Field       string `gorm:"primaryKey"` // see campaignValues and keywordValues
	BeforeValue string
	AfterValue  string
	Undone      bool
}

// RowRef names a row and the version of it that was on the page; 0: none was.
// An edit of another version is refused: somebody was quicker.
type RowRef struct{ ID, Version int64 }

// MaxEditRows is how many rows one edit changes.
const MaxEditRows = 500

// editing is an edit under way, under its account's lock.
type editing struct {
	*tx
	by      Actor
	account Account
	items   []EditItem
	kept    func(Edit) error // runs when the edit has its id; nil: nothing is to be done
}

// editAs runs one act of a seller in one transaction, with what it changes kept
// so that it can be put back. An act that changes nothing leaves nothing: its
// Edit has no id. With dry it is rolled back, and the items say what it would do.
func (s *Store) editAs(ctx context.Context, by Actor, accountID int64, kind EditKind, dry bool, work func(*editing) error) (Edit, []EditItem, error) {
	var made Edit
	var items []EditItem
	err := s.inTx(ctx, func(t *tx) error {
		a, err := t.lockAccount(accountID)
		if err != nil {
			return err
		}
		e := &editing{tx: t, by: by, account: a}
		if err := work(e); err != nil {
			return err
		}
		made, items, err = Edit{}, e.items, nil
		if len(e.items) > 0 && !dry {
			if made, err = e.keep(kind); err == nil && e.kept != nil {
				err = e.kept(made)
			}
		}
		if err == nil && dry {
			return errDryRun
		}
		return err
	})
	if errors.Is(err, errDryRun) {
		err = nil
	}
	return made, items, err
}

// keep stores the edit and what it changed.
func (e *editing) keep(kind EditKind) (Edit, error) {
	made := Edit{AccountID: e.account.ID, Kind: kind, At: e.now, UndoUntil: e.now.Add(e.rules.UndoFor)}
	if e.by.UserID != 0 {
		made.UserID = &e.by.UserID
	}
	if err := e.Create(&made).Error; err != nil {
		return made, err
	}
	for i := range e.items {
		e.items[i].EditID = made.ID
	}
	return made, e.CreateInBatches(&e.items, statementChunk).Error
}

// tooMany refuses more rows than one edit takes, and none at all.
func tooMany(rows int, field string) error {
	switch {
	case rows == 0:
		return FieldErrors{fieldError(field, "error.edit.none", nil)}
	case rows > MaxEditRows:
		return FieldErrors{fieldError(field, "error.edit.too_many", map[string]any{"Max": MaxEditRows})}
	}
	return nil
}

// stale refuses an edit of a row that somebody changed since it was drawn; now
// is the value that stands.
func (r RowRef) stale(field string, version int64, now any) *Error {
	if r.Version == 0 || r.Version == version {
		return nil
	}
	return fieldError(field, "error.row.stale", map[string]any{"Now": now})
}

// onRow names the field of one row among many, e.g. "bid.7".
func onRow(field string, id int64) string { return field + "." + strconv.FormatInt(id, 10) }

// distinct are the ids of the rows that are named, each once, ascending.
func distinct(rows []RowRef) []int64 {
	ids := column(rows, func(r RowRef) int64 { return r.ID })
	slices.Sort(ids)
	return slices.Compact(ids)
}

// versions are what the page showed of each row.
func versions(rows []RowRef) map[int64]RowRef {
	of := make(map[int64]RowRef, len(rows))
	for _, r := range rows {
		of[r.ID] = r
	}
	return of
}

// value is one value of a row that sellers edit.
type value struct{ field, action, text string }

// save compares a row before and after, writes what differs on the audit trail
// and keeps it. It tells whether anything differs.
func (e *editing) save(what string, id int64, before, after []value) (bool, error) {
	differs := false
	for i := range before {
		if before[i].text == after[i].text {
			continue
		}
		differs = true
		e.items = append(e.items, EditItem{
			Subject: what, SubjectID: id, Field: before[i].field, BeforeValue: before[i].text, AfterValue: after[i].text,
		})
		if err := e.audit(e.by, before[i].action, subject(what, id), before[i].text, after[i].text); err != nil {
			return true, err
		}
	}
	return differs, nil
}

// LastEdit is the newest edit of an account that the user may still put back;
// one without an id: there is none.
func (s *Store) LastEdit(ctx context.Context, accountID, userID int64) (Edit, []EditItem, error) {
	db := s.read.WithContext(ctx)
	var last Edit
	err := db.Order("id DESC").Take(&last, "account_id = ? AND user_id = ?", accountID, userID).Error
	if errors.Is(err, gorm.ErrRecordNotFound) || err == nil && !last.CanUndo(s.Now()) {
		return Edit{}, nil, nil
	}
	if err != nil {
		return Edit{}, nil, err
	}
	var items []EditItem
	return last, items, db.Order("subject, subject_id, field").Find(&items, "edit_id = ?", last.ID).Error
}

// UndoEdit puts back what an edit changed, but for rows that were changed again
// since, or whose value from before is not allowed now: those it leaves, and says
// how many. NotFound: no such edit of this
// account; Conflict when it was put back before or the time for it is over.
func (s *Store) UndoEdit(ctx context.Context, by Actor, accountID, editID int64) (undone, left int, err error) {
	_, _, err = s.editAs(ctx, by, accountID, "", false, func(e *editing) error {
		var edit Edit
		if err := e.Take(&edit, "id = ? AND account_id = ?", editID, accountID).Error; err != nil {
			return found(err, "edit")
		}
		if !edit.CanUndo(e.now) {
			return conflict("error.edit.undo", nil)
		}
		var items []EditItem
		if err := e.Order("subject, subject_id, field").Find(&items, "edit_id = ?", edit.ID).Error; err != nil {
			return err
		}
		undone, left = 0, 0
		for _, row := range rowsOf(items) {
			done, err := e.undoRow(row)
			if err != nil {
				return err
			}
			if done {
				undone++
			} else {
				left++
			}
		}
		e.items = nil // what is put back can't be put back again
		if err := e.audit(by, "edit.undo", subject("edit", edit.ID), "", facts("undone", strconv.Itoa(undone), "left", strconv.Itoa(left))); err != nil {
			return err
		}
		return changed(e.Model(&Edit{}).Where("id = ? AND undone_at IS NULL", edit.ID).Update("undone_at", e.now))
	})
	return undone, left, err
}

// rowsOf parts the items of an edit by row; they come sorted.
func rowsOf(items []EditItem) (rows [][]EditItem) {
	for i, item := range items {
		if i == 0 || items[i-1].Subject != item.Subject || items[i-1].SubjectID != item.SubjectID {
			rows = append(rows, nil)
		}
		rows[len(rows)-1] = append(rows[len(rows)-1], item)
	}
	return rows
}

// undoRow puts back one row's values, if they are as the edit left them, nobody
// edited them in between, and the rules of an edit allow it.
func (e *editing) undoRow(items []EditItem) (bool, error) {
	id := items[0].SubjectID
	done, err := e.editedSince(items)
	if done || err != nil {
		return false, err
	}
	if items[0].Subject == "campaign" {
		var c Campaign
		if err = e.locked().Take(&c, "id = ? AND account_id = ?", id, e.account.ID).Error; err != nil {
			return false, err
		}
		after := c
		if done, err = e.valuesBack(items, c.values(), after.set); err == nil && done {
			if done, err = e.mayGoBack(c, after); done {
				err = e.saveCampaign(c, after)
			}
		}
	} else {
		var k Keyword
		if err = e.locked().Take(&k, id).Error; err != nil {
			return false, err
		}
		after := k
		if done, err = e.valuesBack(items, k.values(), after.set); err == nil && done {
			if done, err = e.mayStandAgain(k, after); done {
				err = e.saveKeyword(k, after)
			}
		}
	}
	if err != nil || !done {
		return false, err
	}
	return true, e.Model(&EditItem{}).Where("edit_id = ? AND subject = ? AND subject_id = ?", items[0].EditID, items[0].Subject, id).Update("undone", true).Error
}

// editedSince tells whether a later edit, which stands, touched one of the values.
func (e *editing) editedSince(items []EditItem) (bool, error) {
	var n int64
	err := e.Table("edit_items i").Joins("JOIN edits e ON e.id = i.edit_id").
		Where("e.account_id = ? AND i.edit_id > ? AND i.subject = ? AND i.subject_id = ? AND i.field IN ? AND NOT i.undone",
			e.account.ID, items[0].EditID, items[0].Subject, items[0].SubjectID, column(items, func(i EditItem) string { return i.Field })).Limit(1).Count(&n).Error
	return n > 0, err
}

// mayGoBack is the rule of what a campaign may be put back to: one that ended or
// that the portal has paused meanwhile stays, and a budget is never below what is
// spent.
func (e *editing) mayGoBack(now, after Campaign) (bool, error) {
	if now.EndedAt != nil || now.SwitchedOn != after.SwitchedOn && now.PausedFor != "" {
		return false, nil
	}
	refused, err := e.budgetRefusal(RowRef{}, now, after.DailyBudgetFen, "budget")
	return refused == nil, err
}

// mayStandAgain is the same of a keyword: its campaign has not ended, its bid is
// allowed, and there is room for one that was removed.
func (e *editing) mayStandAgain(now, after Keyword) (bool, error) {
	err := e.openCampaign(now.CampaignID)
	if CodeOf(err) == Conflict {
		return false, nil
	}
	if err != nil || now.BidFen != after.BidFen && e.bidRefusal(after.BidFen, "bid") != nil {
		return false, err
	}
	if now.RemovedAt == nil || after.RemovedAt != nil {
		return true, nil
	}
	var live int64
	err = e.Model(&Keyword{}).Where("campaign_id = ? AND removed_at IS NULL", now.CampaignID).Count(&live).Error
	return live < MaxKeywords, err
}

// valuesBack sets the values from before an edit, unless one of them is another
// than the edit left.
func (e *editing) valuesBack(items []EditItem, now []value, set func(field, text string, at time.Time) error) (bool, error) {
	stands := make(map[string]string, len(now))
	for _, v := range now {
		stands[v.field] = v.text
	}
	for _, item := range items {
		if stands[item.Field] != item.AfterValue {
			return false, nil
		}
		if err := set(item.Field, item.BeforeValue, e.now); err != nil {
			return false, err
		}
	}
	return true, nil
}
