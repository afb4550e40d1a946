package models_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

// clearing is what a run made of the clearing account: opening, at the end of the
// day, on all bills, explained, not explained, faults.
func clearing(r models.Reconciliation) [6]int64 {
	return [6]int64{int64(r.OpeningFen), int64(r.ClearingFen), int64(r.BilledFen), int64(r.ExplainedFen), int64(r.UnexplainedFen()), r.LedgerFaultCount}
}

func wantClearing(t testing.TB, what string, r models.Reconciliation, want ...int64) {
	t.Helper()
	for i := range want[:4] {
		want[i] *= int64(yuan)
	}
	if diff := cmp.Diff([6]int64(want), clearing(r)); diff != "" {
		t.Errorf("%s: %s", what, diff)
	}
}

// onDay is a noon in Shanghai, and the day's name.
func onDay(b *modelstest.Bench, dayOn string) string {
	day, _ := time.ParseInLocation(time.DateOnly, dayOn, models.Shanghai)
	b.Clock.Set(day.Add(12 * time.Hour).UTC())
	return dayOn
}

// The whole clearing account is held against all bills so far. What had been
// there before the first bill stays out; what differs and is open or explained
// is known; what came between the day's end and now is another day's.
func TestClearingAccountAgainstAllBills(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		o := newOffice(t, b)
		account, _ := b.Seller(t)
		recharge(t, b, account, 1000*yuan) // before the first bill
		first, second, third := "2026-11-25", "2026-11-26", "2026-11-27"
		onDay(b, first)
		p := recharge(t, b, account, 300*yuan)
		unbilled, wrong, stuck := recharge(t, b, account, 400*yuan), recharge(t, b, account, 500*yuan), b.Pending(t, account, "600")
		must(t, settled(t, b, refunded(t, b, o, p, "100")))
		onDay(b, second)
		q := recharge(t, b, account, 700*yuan)
		short := in(wrong)
		short.AmountFen -= yuan
		r := refundsOf(t, b, p)[0]
		bill := []models.BillLine{in(p), back(p, r.RequestNo, 100*yuan), short, in(stuck)}
		one := runDay(t, b, models.RailAlipay, first, bill...)
		// ours: 300 + 400 + 500 - 100, theirs: 300 + 499 + 600 - 100
		wantClearing(t, "the first day", one, 1000, 2100, 1299, 400+1-600, 0, 0)
		if one.ComparedFrom != first || one.UnbilledDays != 0 {
			t.Errorf("compared from %q, %d days without a bill", one.ComparedFrom, one.UnbilledDays)
		}
		onDay(b, third)
		_, rows := differences(t, b, one.ID)
		for _, d := range rows {
			if d.Kind == models.AmountDiffers {
				must(t, b.ExplainDifference(t.Context(), o.finance, d.ID, "a campaign of theirs"))
			}
		}
		late := b.Receipt(stuck) // repaired, as of the first day
		late.PaidAt = late.PaidAt.Add(-48 * time.Hour)
		if outcome, err := b.SettlePayment(t.Context(), late, 0); err != nil || !outcome.Credited() {
			t.Fatal(outcome, err)
		}
		wantClearing(t, "the second day", runDay(t, b, models.RailAlipay, second, in(q)), 1000, 2800, 1999, 400+1-600, 0, 0)
		wantClearing(t, "the first day again", runDay(t, b, models.RailAlipay, first, bill...), 1000, 2100, 1299, 400+1-600, 0, 0)
		b.Clock.Set(models.BillDue(third))
		wantClearing(t, "the third day", runDay(t, b, models.RailAlipay, third, in(unbilled)), 1000, 3400, 2399, 1, 0, 0)
		b.Sound(t)
	})
}

func refundsOf(t testing.TB, b *modelstest.Bench, p models.Payment) []models.Refund {
	t.Helper()
	rows, err := b.RefundsOf(t.Context(), p.ID)
	must(t, err)
	return rows
}

// A day whose bill was not read explains what moved on it, and what moved at its
// edges; once it is read nothing is left.
func TestClearingAccountWithADayWithoutABill(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		o := newOffice(t, b)
		account, _ := b.Seller(t)
		p := recharge(t, b, account, 300*yuan)
		b.Clock.Set(time.Date(2026, 11, 24, 15, 59, 59, 0, time.UTC)) // the day's last second: on the next day's bill
		brink := recharge(t, b, account, 600*yuan)
		onDay(b, "2026-11-25")
		q := recharge(t, b, account, 400*yuan)
		must(t, settled(t, b, refunded(t, b, o, p, "100")))
		b.Clock.Set(time.Date(2026, 11, 25, 16, 0, 1, 0, time.UTC)) // booked on the 26th, paid on the 25th
		edge := b.Pending(t, account, "500")
		receipt := b.Receipt(edge)
		receipt.PaidAt = receipt.PaidAt.Add(-2 * time.Second)
		if outcome, err := b.SettlePayment(t.Context(), receipt, 0); err != nil || outcome != models.OutcomeSettled {
			t.Fatal(outcome, err)
		}
		b.Clock.Set(models.BillDue("2026-11-26"))
		wantClearing(t, "the first day", runDay(t, b, models.RailAlipay, billDay, in(p)), 0, 900, 300, 600, 0, 0)
		gap := runDay(t, b, models.RailAlipay, "2026-11-26")
		wantClearing(t, "after the gap", gap, 0, 1700, 300, 600+400+500-100, 0, 0)
		if gap.UnbilledDays != 1 || gap.ComparedFrom != billDay {
			t.Errorf("compared from %q, %d days without a bill", gap.ComparedFrom, gap.UnbilledDays)
		}
		// Half of the day's bill is read, and then it breaks off.
		broken, err := b.BeginReconciliation(t.Context(), models.RailAlipay, "2026-11-25")
		must(t, err)
		must(t, b.AddBillLines(t.Context(), broken, []models.BillLine{in(q), in(brink)}))
		must(t, b.FailReconciliation(t.Context(), broken, "broken off"))
		wantClearing(t, "the first day again", runDay(t, b, models.RailAlipay, billDay, in(p)), 0, 900, 300, 600, 0, 0)
		wantClearing(t, "after half a bill", runDay(t, b, models.RailAlipay, "2026-11-26"), 0, 1700, 300, 600+400+500-100, 0, 0)
		r := refundsOf(t, b, p)[0]
		middle := runDay(t, b, models.RailAlipay, "2026-11-25", in(q), in(brink), in(edge), back(p, r.RequestNo, 100*yuan))
		wantClearing(t, "the day between", middle, 0, 1200, 1700, -500, 0, 0)
		last := runDay(t, b, models.RailAlipay, "2026-11-26")
		wantClearing(t, "after the day between", last, 0, 1700, 1700, 0, 0, 0)
		if last.UnbilledDays != 0 {
			t.Errorf("%d days without a bill", last.UnbilledDays)
		}
		before := runDay(t, b, models.RailAlipay, "2026-11-20") // an older day, empty: from then on
		wantClearing(t, "an older day", before, 0, 0, 0, 0, 0, 0)
		last = runDay(t, b, models.RailAlipay, "2026-11-26")
		wantClearing(t, "seen from the older day", last, 0, 1700, 1700, 0, 0, 0)
		if last.UnbilledDays != 3 || last.ComparedFrom != "2026-11-20" {
			t.Errorf("compared from %q, %d days without a bill", last.ComparedFrom, last.UnbilledDays)
		}
	})
}

// Paid before the first bill and booked after its beginning, or the other way
// round: neither is a fault. Nor is what a gateway's clock dates into tomorrow.
func TestClearingAccountAtTheFirstMidnight(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, _ := b.Seller(t)
		settleAt := func(at, paidAt time.Time) models.Payment {
			b.Clock.Set(at.Add(-time.Minute))
			p := b.Pending(t, account, (models.Fen(at.Unix()%1000)*yuan + 200*yuan).Wire())
			receipt := b.Receipt(p)
			receipt.PaidAt = paidAt
			b.Clock.Set(at)
			if outcome, err := b.SettlePayment(t.Context(), receipt, 0); err != nil || outcome != models.OutcomeSettled {
				t.Fatal(outcome, err)
			}
			return p
		}
		begin := time.Date(2026, 11, 24, 16, 0, 0, 0, time.UTC) // of the 25th
		end := begin.AddDate(0, 0, 1)
		const second = time.Second
		early := settleAt(begin.Add(-2*second), begin.Add(-second))   // the bill of the 25th has it all the same
		paidBefore := settleAt(begin.Add(second), begin.Add(-second)) // on a bill that nobody read
		ahead := settleAt(end.Add(-second), end.Add(second))          // dated into the 26th
		lost := settleAt(end.Add(3*time.Hour), begin.Add(time.Hour))  // found a day later, on no bill
		b.Clock.Set(models.BillDue("2026-11-25"))
		one := runDay(t, b, models.RailAlipay, "2026-11-25", in(early))
		if one.OpeningFen != early.AmountFen || one.ClearingFen != early.AmountFen+paidBefore.AmountFen+ahead.AmountFen || one.BilledFen != early.AmountFen {
			t.Errorf("the day stands at %v", clearing(one))
		}
		wantDifferences(t, b, one, lost, "only_ours % "+digits(int64(lost.AmountFen))+" 0 paid")
		later := settleAt(begin.AddDate(0, 0, 1).Add(12*time.Hour), begin.Add(2*time.Hour)) // booked after the run of its day
		b.Clock.Set(models.BillDue("2026-11-26"))
		two := runDay(t, b, models.RailAlipay, "2026-11-26", in(ahead))
		wantDifferences(t, b, two, later, "only_ours % "+digits(int64(later.AmountFen))+" 0 paid")
		wantDifferences(t, b, runDay(t, b, models.RailAlipay, "2026-11-26", in(ahead)), later, "only_ours % "+digits(int64(later.AmountFen))+" 0 paid")
	})
}

// An entry that nobody's money stands behind is balanced, and the ledger's own
// reading finds nothing; the bills do, on its day and on every day after.
func TestClearingAccountWithATamperedEntry(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, _ := b.Seller(t)
		p := recharge(t, b, account, 300*yuan)
		db, err := b.Handle()
		must(t, err)
		const at = "'2026-11-24 06:00:00+00:00'"
		for _, statement := range []string{
			"INSERT INTO ledger_transactions (id, kind, reference, booked_at) VALUES (9001, 'adjustment', 'by hand', " + at + ")",
			`INSERT INTO ledger_entries (transaction_id, account_id, amount_fen, balance_after_fen)
				SELECT 9001, id, CASE WHEN name = 'adjustment' THEN 5000 ELSE -5000 END, balance_fen + CASE WHEN name = 'adjustment' THEN 5000 ELSE -5000 END
				FROM ledger_accounts WHERE name IN ('adjustment', 'gateway:alipay')`,
			"UPDATE ledger_accounts SET balance_fen = balance_fen + CASE WHEN name = 'adjustment' THEN 5000 ELSE -5000 END WHERE name IN ('adjustment', 'gateway:alipay')",
		} {
			if _, err := db.ExecContext(t.Context(), statement); err != nil {
				t.Fatalf("%s: %v", statement, err)
			}
		}
		b.Sound(t) // by itself
		dayAfter(b)
		wantClearing(t, "its day", runDay(t, b, models.RailAlipay, billDay, in(p)), 0, 350, 300, 0, 50_00, 1)
		b.Clock.Add(24 * time.Hour)
		wantClearing(t, "the day after", runDay(t, b, models.RailAlipay, "2026-11-25"), 0, 350, 300, 0, 50_00, 1)
	})
}
