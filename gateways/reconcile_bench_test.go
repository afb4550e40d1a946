package gateways_test

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"ztc-portal/gateways"
	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

// billSize is how many payments a great day has.
const billSize = 100_000

// BenchmarkReconcile holds a day of 100,000 payments against its bill, a
// hundredth of which differs; run it with -benchtime 1x.
func BenchmarkReconcile(b *testing.B) {
	for _, engine := range modelstest.Engines {
		b.Run(string(engine), func(b *testing.B) {
			bench := modelstest.Open(b, engine)
			great(b, bench)
			bench.Clock.Set(models.BillDue(today))
			for b.Loop() {
				rails := &gateways.Rails{
					Store: bench.Store, Log: slog.New(slog.DiscardHandler),
					By: map[models.Rail]gateways.Gateway{models.RailAlipay: broken{bill: &canned{lines: greatBill()}}},
				}
				done, err := rails.Reconcile(b.Context(), models.RailAlipay, today)
				if err != nil || done.MatchedCount != billSize-billSize/100 || done.LedgerFaultCount != 0 {
					b.Fatalf("%+v, %v", done, err)
				}
				bench.Clock.Add(time.Hour)
			}
		})
	}
}

func greatNo(i int) (no, trade string) {
	return fmt.Sprintf("R261124%014d", i), fmt.Sprintf("20261124220014%012d", i)
}

// greatBill names every payment; each hundredth over another amount, or under
// another number.
func greatBill() []models.BillLine {
	lines := make([]models.BillLine, billSize)
	for i := range lines {
		no, trade := greatNo(i + 1)
		lines[i] = models.BillLine{TradeNo: trade, OutTradeNo: no, OrderFen: 300_00, AmountFen: 300_00, FeeFen: -1_80, FinishedAt: time.Date(2026, 11, 24, 5, 0, 0, 0, time.UTC)}
		switch i % 200 {
		case 0:
			lines[i].AmountFen = 299_00
		case 100:
			lines[i].TradeNo += "X"
		}
	}
	return lines
}

// great stores the payments with their postings by plain SQL.
func great(b *testing.B, bench *modelstest.Bench) {
	b.Helper()
	account, _ := bench.Seller(b)
	db, err := bench.Handle()
	must(b, err)
	tx, err := db.BeginTx(b.Context(), nil)
	must(b, err)
	const at = "'2026-11-24 05:00:00+00:00'"
	const rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) "
	const digits = "substr('00000000000000' || i, -14)"
	number := digits
	if bench.Engine() == models.Postgres {
		number = "lpad(CAST(i AS text), 14, '0')"
	}
	for _, statement := range []string{
		"INSERT INTO ledger_transactions (id, kind, reference, booked_at) %s SELECT i + 1000, 'recharge', 'alipay:20261124220014' || substr(" + number + ", 3), " + at + " FROM n",
		"INSERT INTO ledger_entries (transaction_id, account_id, amount_fen, balance_after_fen) %s SELECT i + 1000, a.id, CASE WHEN a.name = 'gateway:alipay' THEN -30000 ELSE 30000 END, 0 " +
			"FROM n CROSS JOIN ledger_accounts a WHERE a.name = 'gateway:alipay' OR a.id IN (SELECT cash_account_id FROM accounts) ORDER BY i",
		"INSERT INTO payments (no, account_id, rail, state, amount_fen, created_at, confirmed_at, expires_at, paid_at, settled_at, gateway_trade_no, ledger_transaction_id) %s SELECT 'R261124' || " + number +
			", " + fmt.Sprint(account) + ", 'alipay', 'paid', 30000, " + at + ", " + at + ", " + at + ", " + at + ", " + at + ", '20261124220014' || substr(" + number + ", 3), i + 1000 FROM n",
	} {
		_, err := tx.ExecContext(b.Context(), fmt.Sprintf(statement, fmt.Sprintf(rows, billSize)))
		must(b, err)
	}
	_, err = tx.ExecContext(b.Context(), `UPDATE ledger_accounts SET balance_fen = COALESCE((SELECT SUM(amount_fen) FROM ledger_entries e WHERE e.account_id = ledger_accounts.id), 0)`)
	must(b, err)
	must(b, tx.Commit())
}
