package ledger

import (
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"
)

// Line is one entry to be posted: a signed amount in fen on an account.
type Line struct {
	AccountID int64
	AmountFen int64
}

// Posted is what Post came to.
type Posted struct {
	TransactionID int64
	// New is false when (kind, reference) had been posted before: nothing was
	// written, and TransactionID is the first one's.
	New bool
	// Balances holds each account's balance in fen after a new posting.
	Balances map[int64]int64
}

// Post books one transaction inside the caller's database transaction: the
// entries and the balances they move, together or not at all. Posting the same
// (kind, reference) again is a no-op that returns the first; with other
// entries it is ErrMismatch. Accounts are touched in ascending order of id, so
// two postings cannot lock each other out.
func Post(db *gorm.DB, kind, reference string, lines []Line, now time.Time) (Posted, error) {
	lines, err := balanced(lines)
	if err != nil {
		return Posted{}, err
	}
	var id int64
	err = db.Raw(`INSERT INTO ledger_transactions (kind, reference, booked_at) VALUES (?, ?, ?)
		ON CONFLICT (kind, reference) DO NOTHING RETURNING id`, kind, reference, now).Scan(&id).Error
	if err != nil {
		return Posted{}, err
	}
	if id == 0 {
		return first(db, kind, reference, lines)
	}
	entries := make([]Entry, len(lines))
	balances := make(map[int64]int64, len(lines))
	for i, line := range lines {
		after, err := move(db, line)
		if err != nil {
			return Posted{}, err
		}
		balances[line.AccountID] = after
		entries[i] = Entry{TransactionID: id, AccountID: line.AccountID, AmountFen: line.AmountFen, BalanceAfterFen: after}
	}
	if err := db.Create(&entries).Error; err != nil {
		return Posted{}, err
	}
	return Posted{TransactionID: id, New: true, Balances: balances}, nil
}

// maxLineFen and maxLines bound a transaction, so that its sum cannot go round
// to zero by overflow.
const (
	maxLineFen = 1 << 47
	maxLines   = 1 << 14
)

// balanced sorts the lines by account and refuses what may never be posted.
func balanced(lines []Line) ([]Line, error) {
	sorted := slices.Clone(lines)
	slices.SortFunc(sorted, func(a, b Line) int { return int(a.AccountID - b.AccountID) })
	var sum int64
	for i, line := range sorted {
		if line.AmountFen == 0 || line.AmountFen < -maxLineFen || line.AmountFen > maxLineFen {
			return nil, fmt.Errorf("%w: a line of %d fen", ErrUnbalanced, line.AmountFen)
		}
		if i > 0 && sorted[i-1].AccountID == line.AccountID {
			return nil, fmt.Errorf("%w: account %d stands twice", ErrUnbalanced, line.AccountID)
		}
		sum += line.AmountFen
	}
	if sum != 0 || len(sorted) < 2 || len(sorted) > maxLines {
		return nil, fmt.Errorf("%w: %d lines, sum %d", ErrUnbalanced, len(sorted), sum)
	}
	return sorted, nil
}

// move changes one balance and returns it; the row stays locked until commit.
func move(db *gorm.DB, line Line) (int64, error) {
	var after []int64
	err := db.Raw("UPDATE ledger_accounts SET balance_fen = balance_fen + ? WHERE id = ? RETURNING balance_fen",
		line.AmountFen, line.AccountID).Scan(&after).Error
	if err != nil {
		return 0, err
	}
	if len(after) != 1 {
		return 0, fmt.Errorf("%w: %d", ErrNoAccount, line.AccountID)
	}
	return after[0], nil
}

// first returns the transaction that holds (kind, reference) already, if its
// entries are these.
func first(db *gorm.DB, kind, reference string, lines []Line) (Posted, error) {
	var found Transaction
	if err := db.Take(&found, "kind = ? AND reference = ?", kind, reference).Error; err != nil {
		return Posted{}, err
	}
	var entries []Entry
	if err := db.Order("account_id").Find(&entries, "transaction_id = ?", found.ID).Error; err != nil {
		return Posted{}, err
	}
	same := slices.EqualFunc(entries, lines, func(e Entry, l Line) bool {
		return e.AccountID == l.AccountID && e.AmountFen == l.AmountFen
	})
	if !same {
		return Posted{}, fmt.Errorf("%w: %s %s", ErrMismatch, kind, reference)
	}
	return Posted{TransactionID: found.ID}, nil
}
