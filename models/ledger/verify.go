package ledger

import (
	"fmt"
	"slices"

	"gorm.io/gorm"
)

// Fault is one broken promise of the books.
type Fault struct {
	What string // "transaction", "account", "entry of nothing", "entry not found by its account" or, from models, "charges of transaction", "statement line in suspense" and others
	ID   int64
	Want int64 // fen
	Got  int64 // fen
}

func (f Fault) String() string {
	return fmt.Sprintf("%s %d: want %d fen, got %d fen", f.What, f.ID, f.Want, f.Got)
}

// Verify reads the whole ledger and returns every promise that does not hold:
// a transaction that does not sum to zero or has fewer than two entries, a
// balance that is not the sum of its entries. It reads what Post wrote without
// using Post's own arithmetic. An empty slice means sound books.
func Verify(db *gorm.DB) ([]Fault, error) {
	var faults []Fault
	err := db.Raw(`SELECT 'transaction' AS what, t.id AS id, 0 AS want, COALESCE(SUM(e.amount_fen), 0) AS got
		FROM ledger_transactions t LEFT JOIN ledger_entries e ON e.transaction_id = t.id
		GROUP BY t.id HAVING COALESCE(SUM(e.amount_fen), 0) <> 0 OR COUNT(e.id) < 2 ORDER BY t.id`).Scan(&faults).Error
	if err != nil {
		return nil, err
	}
	orphans, err := orphans(db)
	if err != nil {
		return nil, err
	}
	faults = append(faults, orphans...)
	var accounts []Fault
	err = db.Raw(`SELECT 'account' AS what, a.id AS id, COALESCE(e.sum, 0) AS want, a.balance_fen AS got
		FROM ledger_accounts a LEFT JOIN (SELECT account_id, SUM(amount_fen) AS sum FROM ledger_entries GROUP BY account_id) AS e ON e.account_id = a.id
		WHERE COALESCE(e.sum, 0) <> a.balance_fen ORDER BY a.id`).Scan(&accounts).Error
	if err != nil {
		return nil, err
	}
	lost, err := unfound(db)
	return slices.Concat(faults, accounts, lost), err
}

// unfound finds entries that stand in the books and not among those of their
// account, or there twice. On PostgreSQL the latter are the books themselves.
func unfound(db *gorm.DB) ([]Fault, error) {
	var faults []Fault
	if db.Name() == "postgres" {
		return faults, nil
	}
	err := db.Raw(`SELECT 'entry not found by its account' AS what, e.id AS id, 1 AS want,
			(SELECT COUNT(*) FROM ledger_by_account b WHERE b.account_id = e.account_id AND b.entry_id = e.id) AS got
		FROM ledger_entries e
		WHERE (SELECT COUNT(*) FROM ledger_by_account b WHERE b.account_id = e.account_id AND b.entry_id = e.id) <> 1 ORDER BY e.id`).Scan(&faults).Error
	return faults, err
}

// orphans finds entries whose transaction or account does not exist: where the
// database has no foreign keys for them (PostgreSQL), this is what finds them.
func orphans(db *gorm.DB) ([]Fault, error) {
	var faults []Fault
	if db.Name() != "postgres" {
		return faults, nil
	}
	err := db.Raw(`SELECT 'entry of nothing' AS what, e.id AS id, 0 AS want, e.amount_fen AS got FROM ledger_entries e
		LEFT JOIN ledger_transactions t ON t.id = e.transaction_id LEFT JOIN ledger_accounts a ON a.id = e.account_id
		WHERE t.id IS NULL OR a.id IS NULL ORDER BY e.id`).Scan(&faults).Error
	return faults, err
}
