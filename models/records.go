package models

import (
	"context"
	"slices"
	"time"

	"gorm.io/gorm"
)

// PaymentFilter narrows the recharge records.
type PaymentFilter struct {
	State  PaymentState // "": all
	Method Rail         // "": all
	Days   Days
}

// Payments lists an account's payments, newest first. FieldErrors on from, to.
func (s *Store) Payments(ctx context.Context, accountID int64, f PaymentFilter, k Keyset) ([]Payment, Page, error) {
	from, to, refusals := f.Days.Parse()
	if len(refusals) > 0 {
		return nil, Page{}, refusals
	}
	query := keyset(s.read.WithContext(ctx), k, "id").Where("account_id = ?", accountID)
	if f.State != "" {
		query = query.Where("state = ?", toValid(string(f.State)))
	}
	if f.Method != "" {
		query = query.Where("rail = ?", toValid(string(f.Method)))
	}
	query = between(query, "created_at", from, to)
	var rows []Payment
	err := query.Find(&rows).Error
	rows, page := pageOf(rows, k, func(p Payment) int64 { return p.ID })
	return rows, page, err
}

// StatementRow is one entry on one of the seller's purses. It leaves out the
// transaction's reference, which for charges names a click of any seller.
type StatementRow struct {
	EntryID         int64
	BookedAt        time.Time
	Kind            string
	Purse           string // "cash" or "bonus"
	AmountFen       Fen
	BalanceAfterFen Fen
	PaymentNo       string // of a recharge
}

// Cleared is the part of a recharge that settled arrears.
func (r StatementRow) Cleared() Fen {
	if r.Purse != "cash" || r.AmountFen <= 0 {
		return 0
	}
	return min(r.AmountFen, max(0, r.AmountFen-r.BalanceAfterFen))
}

// StatementFilter narrows the statement.
type StatementFilter struct {
	Kind string // "": all
	Days Days
}

// Statement lists the entries on an account's purses, newest first.
// FieldErrors on from, to.
func (s *Store) Statement(ctx context.Context, accountID int64, f StatementFilter, k Keyset) ([]StatementRow, Page, error) {
	from, to, refusals := f.Days.Parse()
	if len(refusals) > 0 {
		return nil, Page{}, refusals
	}
	db := s.read.WithContext(ctx)
	var a Account
	if err := db.Take(&a, accountID).Error; err != nil {
		return nil, Page{}, found(err, "account")
	}
	var rows []StatementRow
	// One purse at a time, each by its index, then merged: a query over both
	// would sort all that the account ever did.
	for purse, id := range map[string]int64{"cash": a.CashAccountID, "bonus": a.BonusAccountID} {
		query := statementOf(db, purse, id, k)
		if f.Kind != "" {
			query = query.Where("t.kind = ?", toValid(f.Kind))
		}
		var some []StatementRow
		if err := between(query, "t.booked_at", from, to).Scan(&some).Error; err != nil {
			return nil, Page{}, err
		}
		rows = append(rows, some...)
	}
	slices.SortFunc(rows, func(a, b StatementRow) int {
		if k.After > 0 {
			return int(a.EntryID - b.EntryID)
		}
		return int(b.EntryID - a.EntryID)
	})
	rows, page := pageOf(rows[:min(len(rows), PageSize+1)], k, func(r StatementRow) int64 { return r.EntryID })
	return rows, page, nil
}

// statementOf reads the entries of one purse. An equality of account_id would
// let PostgreSQL walk the primary key instead and pass over every other
// account's rows; a range of one does not. SQLite walks the two halves of
// ledger_by_account side by side if what it orders by is selected too, and if
// no outer join stands beside; else it would sort all that the account ever did.
func statementOf(db *gorm.DB, purse string, id int64, k Keyset) *gorm.DB {
	return keyset(db.Table("ledger_by_account AS b"), k, "b.account_id", "b.entry_id").
		Joins("JOIN ledger_entries e ON e.id = b.entry_id").
		Joins("JOIN ledger_transactions t ON t.id = e.transaction_id").
		Select(`b.account_id, b.entry_id, t.booked_at, t.kind, ? AS purse, e.amount_fen, e.balance_after_fen,
			COALESCE((SELECT no FROM payments WHERE ledger_transaction_id = t.id), '') AS payment_no`, purse).
		Where("b.account_id >= ? AND b.account_id <= ?", id, id)
}

// keyset asks for one row more than a page, next to the id that was seen. The
// last column is the id; those before it lead the index that is to be walked.
func keyset(db *gorm.DB, k Keyset, columns ...string) *gorm.DB {
	id := columns[len(columns)-1]
	order := " DESC"
	switch {
	case k.After > 0:
		db, order = db.Where(id+" > ?", k.After), ""
	case k.Before > 0:
		db = db.Where(id+" < ?", k.Before)
	}
	for _, column := range columns {
		db = db.Order(column + order)
	}
	return db.Limit(PageSize + 1)
}

func between(db *gorm.DB, column string, from, to time.Time) *gorm.DB {
	if !from.IsZero() {
		db = db.Where(column+" >= ?", from)
	}
	if !to.IsZero() {
		db = db.Where(column+" < ?", to)
	}
	return db
}
