package main

import (
	"context"
	"database/sql"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"ztc-portal/models"
)

// rawBody is what one body of charges leaves behind, column by column, in the
// order in which rawTables write it.
type rawBody struct {
	tables   [][]any // a table's columns: []int64, []string or []time.Time
	balances []any   // the columns of rawBalances
	sum      int64   // what it earned
}

// rawTable is one statement for many rows. On PostgreSQL the columns come as
// arrays, on SQLite as lists of values: what each is quickest at.
type rawTable struct {
	head, tail string
	types      []string
}

// rawTables write the rows of a body and read nothing.
var rawTables = []rawTable{
	{"INSERT INTO ledger_transactions (id, kind, reference, booked_at)", "", []string{"bigint", "text", "text", "timestamptz"}},
	{"INSERT INTO charges (charge_id, account_id, campaign_id, keyword_id, amount_fen, charged_at, received_at, transaction_id)", "",
		[]string{"text", "bigint", "bigint", "bigint", "bigint", "timestamptz", "timestamptz", "bigint"}},
	{"INSERT INTO ledger_entries (transaction_id, account_id, amount_fen, balance_after_fen)", "", []string{"bigint", "bigint", "bigint", "bigint"}},
	{"INSERT INTO campaign_days (campaign_id, day_on, cost_fen, clicks)",
		"ON CONFLICT (campaign_id, day_on) DO UPDATE SET cost_fen = campaign_days.cost_fen + excluded.cost_fen, clicks = campaign_days.clicks + excluded.clicks",
		[]string{"bigint", "text", "bigint", "bigint"}},
	{"INSERT INTO keyword_days (keyword_id, day_on, cost_fen, clicks)",
		"ON CONFLICT (keyword_id, day_on) DO UPDATE SET cost_fen = keyword_days.cost_fen + excluded.cost_fen, clicks = keyword_days.clicks + excluded.clicks",
		[]string{"bigint", "text", "bigint", "bigint"}},
	{"INSERT INTO account_hours (account_id, day_on, hour, cost_fen, clicks, cash_paid_fen, bonus_paid_fen)",
		"ON CONFLICT (account_id, day_on, hour) DO UPDATE SET cost_fen = account_hours.cost_fen + excluded.cost_fen, clicks = account_hours.clicks + excluded.clicks, cash_paid_fen = account_hours.cash_paid_fen + excluded.cash_paid_fen, bonus_paid_fen = account_hours.bonus_paid_fen + excluded.bonus_paid_fen",
		[]string{"bigint", "text", "bigint", "bigint", "bigint", "bigint", "bigint"}},
	{"INSERT INTO keyword_hours (campaign_id, day_on, hour, keyword_id, cost_fen, clicks)",
		"ON CONFLICT (campaign_id, day_on, hour, keyword_id) DO UPDATE SET cost_fen = keyword_hours.cost_fen + excluded.cost_fen, clicks = keyword_hours.clicks + excluded.clicks",
		[]string{"bigint", "text", "bigint", "bigint", "bigint", "bigint"}},
}

// rawCharges is the place of the charge rows among them.
const rawCharges = 1

// rawBalances moves the purses of a body.
var rawBalances = rawTable{"UPDATE ledger_accounts SET balance_fen = balance_fen + v.column2 FROM ", "WHERE ledger_accounts.id = v.column1", []string{"bigint", "bigint"}}

// rawRates writes n charges raw, on fresh tables of a database of its own: with
// all that belongs to them, and the charge rows alone.
func (r *engineRun) rawRates(ctx context.Context, n int, ordered bool) (all, alone float64, err error) {
	for _, figure := range []*float64{&all, &alone} {
		w, err := r.open(ctx)
		if err != nil {
			return 0, 0, err
		}
		other := &engineRun{benchRun: r.benchRun, world: w, now: r.now, random: r.random}
		err = other.populateEngine(ctx)
		if err == nil {
			_, err = other.writeRaw(ctx, n/4, ordered, figure == &alone)
		}
		if err == nil {
			*figure, err = other.writeRaw(ctx, n, ordered, figure == &alone)
		}
		w.close()
		if err != nil {
			return 0, 0, err
		}
	}
	return all, alone, nil
}

// rawFill stores n charges more, as quickly as can be, with all that belongs to
// them, in the portal's own database.
func (r *engineRun) rawFill(ctx context.Context, n int) error {
	if n <= 0 {
		return nil
	}
	if _, err := r.writeRaw(ctx, n, true, false); err != nil {
		return err
	}
	r.booked += n / chargesABody * chargesABody
	return r.numbersGiven(ctx, "ledger_transactions")
}

// numbersGiven keeps PostgreSQL from giving the numbers again that were given
// by hand.
func (r *engineRun) numbersGiven(ctx context.Context, tables ...string) error {
	for _, table := range tables {
		if r.engine != models.Postgres {
			return nil
		}
		_, err := r.raw.ExecContext(ctx, fmt.Sprintf("SELECT setval(pg_get_serial_sequence('%[1]s', 'id'), (SELECT MAX(id) FROM %[1]s))", table))
		if err != nil {
			return err
		}
	}
	return nil
}

// rawAhead is how many bodies are drawn before they are written.
const rawAhead = 200

// writeRaw writes the rows of n charges, a body a transaction, over as many
// connections as the portal books on: each has accounts of its own, or they
// would lock each other out. What is measured is the writing alone.
func (r *engineRun) writeRaw(ctx context.Context, n int, ordered, alone bool) (persec float64, err error) {
	db, err := r.store.Handle() // the portal's own driver and pragmas
	if err != nil {
		return 0, err
	}
	writers := 1
	if r.engine == models.Postgres {
		writers = max(runtime.GOMAXPROCS(0), 2)
	}
	var transaction, revenueID int64
	if err := db.QueryRowContext(ctx, "SELECT COALESCE(MAX(id), 0) FROM ledger_transactions").Scan(&transaction); err != nil {
		return 0, err
	}
	if err := db.QueryRowContext(ctx, "SELECT id FROM ledger_accounts WHERE name = 'revenue'").Scan(&revenueID); err != nil {
		return 0, err
	}
	var took time.Duration
	for left := n / chargesABody; left > 0; left -= rawAhead {
		bodies := make([][]rawBody, writers)
		for i := range min(left, rawAhead) {
			k := i % writers
			bodies[k] = append(bodies[k], r.rawRows(&transaction, revenueID, k, writers, ordered))
		}
		began := time.Now()
		_, err := rate(writers, writers, func(k int) error {
			for _, body := range bodies[k] {
				if err := r.writeBody(ctx, db, body, revenueID, alone); err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil && r.engine == models.SQLite && !alone {
			err = r.shelve(ctx, db)
		}
		if err != nil {
			return 0, err
		}
		took += time.Since(began)
	}
	return float64(n) / took.Seconds(), nil
}

// shelve moves what was written where the portal would have moved it.
func (r *engineRun) shelve(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, statement := range []string{
		"INSERT INTO ledger_older (account_id, entry_id) SELECT account_id, entry_id FROM ledger_recent ORDER BY account_id, entry_id",
		"DELETE FROM ledger_recent",
	} {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func (r *engineRun) writeBody(ctx context.Context, db *sql.DB, body rawBody, revenueID int64, alone bool) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if alone {
		columns := body.tables[rawCharges]
		column := columns[len(columns)-1].([]int64)
		for i := range column {
			column[i] = 1 // the stage's own transaction
		}
		if err := r.writeTable(ctx, tx, rawTables[rawCharges], columns, "INSERT"); err != nil {
			return err
		}
		return tx.Commit()
	}
	for i, table := range rawTables {
		if err := r.writeTable(ctx, tx, table, body.tables[i], "INSERT"); err != nil {
			return err
		}
	}
	if err := r.writeTable(ctx, tx, rawBalances, body.balances, "UPDATE"); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "UPDATE ledger_accounts SET balance_fen = balance_fen + $1 WHERE id = $2", body.sum, revenueID); err != nil {
		return err
	}
	return tx.Commit()
}

// rawRows draws the charges of one body, over one writer's accounts, and all
// that follows from them; balances after each entry are left out, since nothing
// is read.
func (r *engineRun) rawRows(transaction *int64, revenueID int64, writer, writers int, ordered bool) (body rawBody) {
	type sums struct{ account, amount, clicks int64 }
	of := make(map[int64]*sums, chargesABody)
	var order []*sums
	now := time.Now().UTC().Truncate(time.Microsecond)
	day, hour := models.DayOn(now), int64(now.In(models.Shanghai).Hour())
	charges := make([][]any, 0, chargesABody)
	*transaction++
	for range chargesABody {
		account, amount, id := int64(r.random.IntN(chargeAccounts/writers)*writers+writer+1), int64(1+r.random.IntN(300)), r.newID(ordered)
		p := of[account]
		if p == nil {
			p = &sums{account: account}
			of[account], order = p, append(order, p)
		}
		p.amount, p.clicks = p.amount+amount, p.clicks+1
		charges = append(charges, []any{id, account, account, account, amount, now, now, *transaction})
	}
	rows := make([][][]any, len(rawTables))
	rows[rawCharges] = charges
	rows[0] = [][]any{{*transaction, "charge", charges[0][0], now}}
	slices.SortFunc(order, func(a, b *sums) int { return int(a.account - b.account) })
	var moves [][]any
	for _, p := range order {
		cash := benchCash(p.account)
		body.sum += p.amount
		rows[2] = append(rows[2], []any{*transaction, cash, -p.amount, int64(0)})
		rows[3] = append(rows[3], []any{p.account, day, p.amount, p.clicks})
		rows[4] = append(rows[4], []any{p.account, day, p.amount, p.clicks})
		rows[5] = append(rows[5], []any{p.account, day, hour, p.amount, p.clicks, p.amount, int64(0)})
		rows[6] = append(rows[6], []any{p.account, day, hour, p.account, p.amount, p.clicks})
		moves = append(moves, []any{cash, -p.amount})
	}
	rows[2] = append(rows[2], []any{*transaction, revenueID, body.sum, int64(0)})
	for i, table := range rawTables {
		body.tables = append(body.tables, byColumn(rows[i], table.types))
	}
	body.balances = byColumn(moves, rawBalances.types)
	return body
}

func benchCash(account int64) int64 { return 1000 + 2*account }

// byColumn turns rows into columns of the types that arrays have.
func byColumn(rows [][]any, types []string) []any {
	columns := make([]any, len(types))
	for i, kind := range types {
		switch kind {
		case "bigint":
			columns[i] = column[int64](rows, i)
		case "text":
			columns[i] = column[string](rows, i)
		default:
			columns[i] = column[time.Time](rows, i)
		}
	}
	return columns
}

func column[T any](rows [][]any, i int) []T {
	values := make([]T, len(rows))
	for n, row := range rows {
		values[n] = row[i].(T)
	}
	return values
}

// sqliteRows is how many rows SQLite is given in one statement.
const sqliteRows = 200 // as the portal

// writeTable writes all rows of one table.
func (r *engineRun) writeTable(ctx context.Context, tx *sql.Tx, table rawTable, columns []any, verb string) error {
	if r.engine == models.Postgres {
		casts, names := make([]string, len(table.types)), make([]string, len(table.types))
		for i, kind := range table.types {
			casts[i], names[i] = fmt.Sprintf("$%d::%s[]", i+1, kind), fmt.Sprintf("column%d", i+1)
		}
		source := fmt.Sprintf("unnest(%s) AS v(%s)", strings.Join(casts, ", "), strings.Join(names, ", "))
		if verb == "INSERT" {
			source = " SELECT * FROM " + source
		}
		_, err := tx.ExecContext(ctx, table.head+source+" "+table.tail, columns...)
		return err
	}
	n := length(columns[0])
	for from := 0; from < n; from += sqliteRows {
		to := min(from+sqliteRows, n)
		one := "(" + strings.TrimSuffix(strings.Repeat("?, ", len(columns)), ", ") + "), "
		values := "VALUES " + strings.TrimSuffix(strings.Repeat(one, to-from), ", ")
		if verb == "UPDATE" {
			values = "(" + values + ") AS v"
		}
		args := make([]any, 0, (to-from)*len(columns))
		for row := from; row < to; row++ {
			for _, column := range columns {
				args = append(args, cell(column, row))
			}
		}
		if _, err := tx.ExecContext(ctx, table.head+" "+values+" "+table.tail, args...); err != nil {
			return err
		}
	}
	return nil
}

func length(column any) int {
	switch column := column.(type) {
	case []int64:
		return len(column)
	case []string:
		return len(column)
	}
	return len(column.([]time.Time))
}

func cell(column any, row int) any {
	switch column := column.(type) {
	case []int64:
		return column[row]
	case []string:
		return column[row]
	}
	return column.([]time.Time)[row]
}

// populateEngine stores the accounts, each with a campaign and a keyword of the
// same number, and so much money and budget that none of it runs out.
func (r *engineRun) populateEngine(ctx context.Context) error {
	const fen = 1_000_000_000
	series := fmt.Sprintf(" WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) ", chargeAccounts)
	for _, statement := range []string{
		"INSERT INTO sellers (id, shop_name, created_at)" + series + "SELECT i, 'Bench shop ' || i, CURRENT_TIMESTAMP FROM n",
		fmt.Sprintf("INSERT INTO ledger_accounts (id, name, balance_fen, created_at)%sSELECT 1000 + 2 * i, 'seller:' || i || ':cash', %d, CURRENT_TIMESTAMP FROM n", series, fen),
		"INSERT INTO ledger_accounts (id, name, created_at)" + series + "SELECT 1001 + 2 * i, 'seller:' || i || ':bonus', CURRENT_TIMESTAMP FROM n",
		"INSERT INTO accounts (id, seller_id, cash_account_id, bonus_account_id, created_at)" + series + "SELECT i, i, 1000 + 2 * i, 1001 + 2 * i, CURRENT_TIMESTAMP FROM n",
		fmt.Sprintf("INSERT INTO campaigns (id, account_id, name, daily_budget_fen, switched_on, switched_at, created_at)%sSELECT i, i, 'Bench campaign', %d, TRUE, CURRENT_TIMESTAMP, CURRENT_TIMESTAMP FROM n", series, fen),
		"INSERT INTO keywords (id, campaign_id, phrase, bid_fen, quality, created_at)" + series + "SELECT i, i, 'bench', 100, 7, CURRENT_TIMESTAMP FROM n",
		"INSERT INTO ledger_transactions (id, kind, reference, booked_at) VALUES (1, 'adjustment', 'bench', CURRENT_TIMESTAMP)",
		fmt.Sprintf(`INSERT INTO ledger_entries (transaction_id, account_id, amount_fen, balance_after_fen)
			SELECT 1, a.id, CASE WHEN a.name = 'adjustment' THEN -%[2]d ELSE %[1]d END, CASE WHEN a.name = 'adjustment' THEN -%[2]d ELSE %[1]d END
			FROM ledger_accounts a WHERE a.name = 'adjustment' OR a.name LIKE 'seller:%%:cash'`, fen, int64(fen)*chargeAccounts),
		fmt.Sprintf("UPDATE ledger_accounts SET balance_fen = -%d WHERE name = 'adjustment'", int64(fen)*chargeAccounts),
	} {
		if _, err := r.raw.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%.80s: %w", statement, err)
		}
	}
	if r.engine == models.Postgres {
		if _, err := r.raw.ExecContext(ctx, "ANALYZE"); err != nil { // as autovacuum would, before long
			return err
		}
	}
	return r.numbersGiven(ctx, "sellers", "ledger_accounts", "accounts", "campaigns", "keywords", "ledger_transactions")
}
