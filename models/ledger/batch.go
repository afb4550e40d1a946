package ledger

import (
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"ztc-portal/models/bulk"
)

// Batch is many transactions of one kind that are booked together, in a few
// statements for all. Open it, point at its transactions by ID from rows that
// belong to them, then Post.
type Batch struct {
	conn bulk.Conn
	ids  []int64
}

// OpenBatch makes one transaction a reference inside the caller's database
// transaction. A reference that is taken already, or stands twice, fails with
// the database's unique violation, and then so does the whole batch.
func OpenBatch(db *gorm.DB, kind string, references []string, now time.Time) (*Batch, error) {
	b := &Batch{conn: bulk.On(db), ids: make([]int64, len(references))}
	place := make(map[string]int, len(references))
	for i, reference := range references {
		place[reference] = i
	}
	made := 0
	err := b.conn.Insert("ledger_transactions", len(references), []bulk.Column{
		{Name: "kind", Values: kind}, {Name: "reference", Values: references}, {Name: "booked_at", Values: now},
	}, "RETURNING id, reference", func(scan bulk.Scan) error {
		var id int64
		var reference string
		if err := scan(&id, &reference); err != nil {
			return err
		}
		b.ids[place[reference]] = id
		made++
		return nil
	})
	if err == nil && made != len(references) {
		err = fmt.Errorf("ledger: %d of %d transactions were made", made, len(references))
	}
	return b, err
}

// ID is the transaction of the i-th reference.
func (b *Batch) ID(i int) int64 { return b.ids[i] }

// Post books lines[i] on the i-th transaction, each balanced by one line more
// on the account against. It gives the new balances of the accounts named in
// lines. The account against is the last to be locked, so that batches which
// share nothing else wait for each other as briefly as can be; no line may
// name it. Postings outside Post that touch the same accounts must be kept
// apart by a lock of the caller's.
func (b *Batch) Post(against int64, lines [][]Line) (map[int64]int64, error) {
	totals := make(map[int64]int64)
	var balancing int64
	count := 0
	for i, some := range lines {
		var sum int64
		for _, line := range some {
			sum -= line.AmountFen
			totals[line.AccountID] += line.AmountFen
		}
		if _, err := balanced(append(slices.Clone(some), Line{against, sum})); err != nil {
			return nil, fmt.Errorf("transaction %d of the batch: %w", i, err)
		}
		balancing += sum
		count += len(some) + 1
	}
	if len(totals) == 0 {
		return totals, nil
	}
	after, err := b.move(totals)
	if err != nil {
		return nil, err
	}
	end, err := b.move(map[int64]int64{against: balancing})
	if err != nil {
		return nil, err
	}
	running := make(map[int64]int64, len(totals)+1)
	for id, total := range totals {
		running[id] = after[id] - total
	}
	running[against] = end[against] - balancing
	return after, b.store(against, lines, running, count)
}

// store writes the entries; running holds each balance before the batch.
func (b *Batch) store(against int64, lines [][]Line, running map[int64]int64, count int) error {
	transactions, accounts := make([]int64, 0, count), make([]int64, 0, count)
	amounts, balances := make([]int64, 0, count), make([]int64, 0, count)
	add := func(transaction int64, line Line) {
		running[line.AccountID] += line.AmountFen
		transactions, accounts = append(transactions, transaction), append(accounts, line.AccountID)
		amounts, balances = append(amounts, line.AmountFen), append(balances, running[line.AccountID])
	}
	for i, some := range lines {
		var sum int64
		for _, line := range some {
			add(b.ids[i], line)
			sum -= line.AmountFen
		}
		add(b.ids[i], Line{against, sum})
	}
	return b.conn.Insert("ledger_entries", count, []bulk.Column{
		{Name: "transaction_id", Values: transactions}, {Name: "account_id", Values: accounts},
		{Name: "amount_fen", Values: amounts}, {Name: "balance_after_fen", Values: balances},
	}, "", nil)
}

// move changes balances and returns them. In which order the rows are taken is
// the database's choice: the caller's lock keeps others away.
func (b *Batch) move(totals map[int64]int64) (map[int64]int64, error) {
	ids := make([]int64, 0, len(totals))
	for id := range totals {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	deltas := make([]int64, len(ids))
	for i, id := range ids {
		deltas[i] = totals[id]
	}
	after := make(map[int64]int64, len(ids))
	err := b.conn.Add("ledger_accounts", len(ids), []bulk.Column{{Name: "id", Values: ids}}, []bulk.Column{{Name: "balance_fen", Values: deltas}},
		"RETURNING ledger_accounts.id, ledger_accounts.balance_fen", func(scan bulk.Scan) error {
			var id, balance int64
			err := scan(&id, &balance)
			after[id] = balance
			return err
		})
	if err == nil && len(after) != len(ids) {
		err = fmt.Errorf("%w: %d of %d found", ErrNoAccount, len(after), len(ids))
	}
	return after, err
}
