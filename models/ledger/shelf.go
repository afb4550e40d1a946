package ledger

import (
	"cmp"
	"math"

	"gorm.io/gorm"

	"ztc-portal/models/bulk"
)

// Shelf keeps ledger_recent small on SQLite: it moves entries on to
// ledger_older, whole accounts at a time in ascending order, round and round.
// What it remembers is only how far it came: one that starts anew, or beside
// another process, moves other rows first and nothing wrong. On PostgreSQL an
// index does this and a Shelf has nothing to do. The zero value is ready.
type Shelf struct {
	recent  int64 // rows in ledger_recent, as far as is known
	counted bool
	upTo    int64 // the last account that was moved in this round
	most    int64 // 0: recentMost
}

// recentMost is how many entries wait to be moved. Few make moving dear, since
// each account has few of them; many make ledger_recent spread over many pages.
const recentMost = 80_000

// Add takes note of entries that were posted in the caller's database
// transaction, and moves as many in their place once too many wait. Keep the
// Shelf it gives back if the transaction is committed, else the old one.
func (s Shelf) Add(db *gorm.DB, entries int) (Shelf, error) {
	conn := bulk.On(db)
	if db.Name() == "postgres" || entries == 0 {
		return s, nil
	}
	if !s.counted {
		err := conn.Query("SELECT COUNT(*) FROM ledger_recent", nil, func(scan bulk.Scan) error { return scan(&s.recent) })
		if err != nil {
			return s, err
		}
		s.counted = true
	} else {
		s.recent += int64(entries)
	}
	most := cmp.Or(s.most, recentMost)
	if s.recent <= most {
		return s, nil
	}
	// As many as came, and something of what should not be there, if another
	// writer left it.
	moving := int64(entries) + min((s.recent-most)/16, most/4)
	last := int64(math.MaxInt64)
	err := conn.Query("SELECT account_id FROM ledger_recent WHERE account_id > ?1 ORDER BY account_id, entry_id LIMIT 1 OFFSET ?2",
		[]any{s.upTo, moving}, func(scan bulk.Scan) error { return scan(&last) })
	if err != nil {
		return s, err
	}
	const these = " FROM ledger_recent WHERE account_id > ?1 AND account_id <= ?2"
	moved, span := int64(0), []any{s.upTo, last}
	err = conn.Query("SELECT COUNT(*)"+these, span, func(scan bulk.Scan) error { return scan(&moved) })
	if err == nil {
		err = conn.Query("INSERT INTO ledger_older (account_id, entry_id) SELECT account_id, entry_id"+these+" ORDER BY account_id, entry_id", span, nil)
	}
	if err == nil {
		err = conn.Query("DELETE"+these, span, nil)
	}
	s.recent, s.upTo = s.recent-moved, last
	if last == math.MaxInt64 { // the round is over: the next begins with a look at what is there
		s.upTo, s.counted = 0, false
	}
	return s, err
}
