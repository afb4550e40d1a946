package models_test

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ztc-portal/models"
)

// forger changes the books past the API.
type forger struct {
	*testing.T
	*till
	db *sql.DB
}

func (b *till) forger(t *testing.T) forger {
	db, err := b.Handle()
	must(t, err)
	return forger{t, b, db}
}

func (f forger) does(statement string) {
	f.Helper()
	if _, err := f.db.ExecContext(f.Context(), statement); err != nil {
		f.Fatalf("%s: %v", statement, err)
	}
}

func (f forger) number(query string) (n int64) {
	f.Helper()
	if err := f.db.QueryRowContext(f.Context(), query).Scan(&n); err != nil {
		f.Fatalf("%s: %v", query, err)
	}
	return n
}

// finds wants these faults of statement lines.
func (f forger) finds(what string, want ...string) {
	f.Helper()
	faults, err := f.VerifyLedger(f.Context())
	must(f.T, err)
	var got []string
	for _, fault := range faults {
		if strings.HasPrefix(fault.What, "statement line") {
			got = append(got, fmt.Sprint(fault.What, " ", fault.Want, " ", fault.Got))
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		f.Errorf("%s: %s", what, diff)
	}
}

// posts books a transaction between two accounts of the portal's own, with
// balances that are not theirs.
func (f forger) posts(kind, reference, from, to string, fen int64) (id int64) {
	f.Helper()
	f.does("INSERT INTO ledger_transactions (kind, reference, booked_at) VALUES ('" + kind + "', '" + reference + "', '2026-11-24 05:00:00+00:00')")
	id = f.number("SELECT id FROM ledger_transactions WHERE kind = '" + kind + "' AND reference = '" + reference + "'")
	f.does(fmt.Sprintf(`INSERT INTO ledger_entries (transaction_id, account_id, amount_fen, balance_after_fen)
		SELECT %d, id, CASE WHEN name = '%s' THEN %d ELSE %d END, 0 FROM ledger_accounts WHERE name IN ('%s', '%s')`, id, from, -fen, fen, from, to))
	return id
}

// stated puts a line of 10 yuan in whose money is that posting's.
func (f forger) stated(n int, kind, from, to string) {
	f.Helper()
	key := strings.Repeat(fmt.Sprint(n), 64)
	trade := "BT20261124-" + key[:20]
	id := f.posts(kind, "bank_transfer:"+trade, from, to, 1000)
	f.does(fmt.Sprintf(`INSERT INTO suspense_items (rail, gateway_trade_no, out_trade_no, amount_fen, reason, ledger_transaction_id, created_at)
		VALUES ('bank_transfer', '%s', '', 1000, 'unknown_payment', %d, '2026-11-24 05:00:00+00:00')`, trade, id))
	f.does(fmt.Sprintf(`INSERT INTO statement_lines (import_id, line_key, row_no, day_on, bank_at, amount_fen, payer_name, payer_account, remark, serial_no, balance, raw, suspense_id)
		SELECT (SELECT MIN(id) FROM statement_imports), '%s', 1, '2026-11-24', '2026-11-24 05:00:00+00:00', 1000, '', '', '', '', '', '', id FROM suspense_items WHERE gateway_trade_no = '%s'`, key, trade))
}

// A line's money is where it belongs only if all of it fits: the posting's kind,
// its reference, both its accounts, and what staff had credited by hand.
func TestEachFactOfALinesMoneyIsHeld(t *testing.T) {
	eachTill(t, func(t *testing.T, b *till) {
		b.byHand(t, "CMB-2026-0001", "500", billDay)
		b.byHand(t, "CMB-2026-0002", "500", billDay)
		b.Clock.Set(models.BillDue(billDay))
		b.whole(t, billDay, billDay, b.on(billDay, "S1", 10*yuan, ""), b.on(billDay, "S2", 10*yuan, ""), b.on(billDay, "CMB20260001", 500*yuan, ""), b.on(billDay, "CMB20260002", 500*yuan, ""))
		f := b.forger(t)
		const byLine, byHand = "statement line in suspense 1000 0", "statement line credited by hand 50000 0"
		posting := func(no string) string {
			return "(SELECT id FROM ledger_transactions WHERE kind = 'suspense' AND reference = 'bank_transfer:" + b.trade(t, no) + "')"
		}
		f.does("UPDATE suspense_items SET ledger_transaction_id = " + posting("S2") + " WHERE id = " + digits(b.item(t, "S1")))
		f.finds("the posting of another line", byLine)
		f.does("UPDATE suspense_items SET ledger_transaction_id = " + posting("S1") + " WHERE id = " + digits(b.item(t, "S1")))
		f.finds("its own again")
		hand := func(set, back string) {
			t.Helper()
			f.does("UPDATE payments SET " + set + " WHERE gateway_trade_no = 'CMB20260001'")
			f.finds(set, byHand)
			f.does("UPDATE payments SET " + back + " WHERE gateway_trade_no = 'CMB20260001'")
			f.finds(back)
		}
		// What cannot be taken back, since the ledger is kept.
		its := f.number("SELECT ledger_transaction_id FROM payments WHERE gateway_trade_no = 'CMB20260001'")
		other := f.posts("adjustment", "bank_transfer:CMB20260001", "gateway:bank_transfer", "suspense", 50000)
		hand(fmt.Sprint("ledger_transaction_id = ", other), fmt.Sprint("ledger_transaction_id = ", its))
		other = f.posts("recharge", "bank_transfer:CMB20260009", "gateway:bank_transfer", "suspense", 50000)
		hand(fmt.Sprint("ledger_transaction_id = ", other), fmt.Sprint("ledger_transaction_id = ", its))
		f.stated(1, "suspense", "gateway:bank_transfer", "suspense")
		f.finds("forged, but right")
		f.stated(2, "recharge", "gateway:bank_transfer", "suspense")
		f.finds("another kind", byLine)
		f.stated(3, "suspense", "gateway:alipay", "suspense")
		f.finds("another rail's account", byLine, byLine)
		f.stated(4, "suspense", "gateway:bank_transfer", "adjustment")
		f.finds("not in suspense", byLine, byLine, byLine)
	})
}

// What only looks like a line's money booked twice is none: another rail's number,
// another amount, a voucher that transfers share, a number that says nothing.
func TestWhatLooksLikeALineBookedTwice(t *testing.T) {
	eachTill(t, func(t *testing.T, b *till) {
		b.byHand(t, "CMB-2026-0001", "500", billDay)
		b.byHand(t, "CMB-2026-0002", "600", billDay)
		pending := b.Pending(t, b.account, "700")
		receipt := b.Receipt(pending)
		receipt.GatewayTradeNo = "S7"
		if outcome, err := b.SettlePayment(t.Context(), receipt, 0); err != nil || outcome != models.OutcomeSettled {
			t.Fatal(outcome, err)
		}
		stray := b.Receipt(models.Payment{No: "R261124NOBODYNOBODY00", Rail: models.RailAlipay, AmountFen: 70_00})
		stray.Confirmed = true
		if outcome, err := b.SettlePayment(t.Context(), stray, 0); err != nil || outcome != models.OutcomeSuspense {
			t.Fatal(outcome, err)
		}
		b.Clock.Set(models.BillDue(billDay))
		shared, bare := b.on(billDay, "CMB20260001", 500*yuan, "the same voucher"), b.on(billDay, "", 600*yuan, "")
		shared.Clock, shared.At = "13:00:00", shared.At.Add(time.Hour)
		b.whole(t, billDay, billDay, b.on(billDay, "CMB20260001", 500*yuan, ""), shared, b.on(billDay, "CMB20260002", 601*yuan, ""), b.on(billDay, "S7", 700*yuan, ""), bare, b.on(billDay, "S2", 20*yuan, ""))
		b.Sound(t)
		f := b.forger(t)
		f.does("UPDATE payments SET gateway_trade_no = '-' WHERE gateway_trade_no = 'CMB20260002'")
		f.finds("a number of nothing but a hyphen")
		f.does("UPDATE payments SET gateway_trade_no = 'CMB20260002' WHERE gateway_trade_no = '-'")
		credited := b.lines(t, models.LineCredited)[0]
		f.does("UPDATE suspense_items SET rail = 'alipay', gateway_trade_no = '" + credited.TradeNo + "' WHERE id = " + digits(b.item(t, "S2")))
		f.finds("another rail's suspense under the number", "statement line in suspense 2000 0")
	})
}
