package models_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

// runDay runs a day of a rail with a bill of these lines.
func runDay(t testing.TB, b *modelstest.Bench, rail models.Rail, dayOn string, lines ...models.BillLine) models.Reconciliation {
	t.Helper()
	run, err := b.BeginReconciliation(t.Context(), rail, dayOn)
	must(t, err)
	must(t, b.AddBillLines(t.Context(), run, lines))
	done, err := b.FinishReconciliation(t.Context(), run, 0)
	must(t, err)
	return done
}

// back is the line of a bill about a refund.
func back(p models.Payment, requestNo string, amount models.Fen) models.BillLine {
	return models.BillLine{
		TradeNo: tradeNo(p), OutTradeNo: p.No, RequestNo: requestNo, OrderFen: -amount, AmountFen: -amount,
		FinishedAt: time.Date(2026, 11, 24, 7, 0, 0, 0, time.UTC),
	}
}

// in is the line of a bill about a payment that was paid whole.
func in(p models.Payment) models.BillLine {
	return back(p, "", -p.AmountFen)
}

func tradeNo(p models.Payment) string {
	return (&modelstest.Bench{Clock: modelstest.NewClock()}).Receipt(p).GatewayTradeNo
}

// wantDifferences wants a day to differ in these, in any order; "%" stands for
// the trade no of the payment.
func wantDifferences(t testing.TB, b *modelstest.Bench, r models.Reconciliation, p models.Payment, want ...string) {
	t.Helper()
	got, _ := differences(t, b, r.ID)
	for i := range want {
		want[i] = strings.ReplaceAll(want[i], "%", tradeNo(p))
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the day differs otherwise: %s", diff)
	}
	if r.UnexplainedFen() != 0 || r.LedgerFaultCount != 0 {
		t.Errorf("%d fen are not explained: %+v", r.UnexplainedFen(), r)
	}
}

// Every way in which a refund here and one on the bill may stand to each other;
// several of one payment are told apart by their numbers.
func TestRefundsAgainstTheBill(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		o := newOffice(t, b)
		account, _ := b.Seller(t)
		p, other := recharge(t, b, account, 900*yuan), recharge(t, b, account, 800*yuan)
		give := func(amount string) models.Refund { return refunded(t, b, o, p, amount) }
		whole, missing, amount, swapped := give("10"), give("20"), give("30"), give("35")
		for _, r := range []models.Refund{whole, missing, amount, swapped} {
			must(t, settled(t, b, r))
		}
		reserved, sent, released := give("40"), give("50"), give("60")
		_, err := b.SendingRefund(t.Context(), sent.RequestNo)
		must(t, err)
		_, err = b.ReleaseRefund(t.Context(), released.RequestNo, "refused")
		must(t, err)
		dayAfter(b)
		lines := []models.BillLine{
			in(p), in(other), back(p, whole.RequestNo, 10*yuan), back(p, amount.RequestNo, 29*yuan), back(p, "F9", 5*yuan),
			back(p, reserved.RequestNo, 40*yuan), back(p, sent.RequestNo, 50*yuan), back(p, released.RequestNo, 60*yuan),
			back(other, swapped.RequestNo, 35*yuan), // our number, on a payment that is not its own
		}
		done := runDay(t, b, models.RailAlipay, billDay, lines...)
		wantDifferences(t, b, done, p,
			"only_ours %"+missing.RequestNo+" -2000 0 settled",
			"only_ours %"+swapped.RequestNo+" -3500 0 settled",
			"only_theirs "+tradeNo(other)+swapped.RequestNo+" 0 -3500 ",
			"only_theirs %F9 0 -500 ",
			"amount_differs %"+amount.RequestNo+" -3000 -2900 settled",
			"state_differs %"+reserved.RequestNo+" -4000 -4000 reserved",
			"state_differs %"+sent.RequestNo+" -5000 -5000 sent",
			"state_differs %"+released.RequestNo+" -6000 -6000 released",
		)
		if done.MatchedCount != 3 || done.RefundCount != 7 || done.RefundFen != -(10+29+5+40+50+60+35)*yuan {
			t.Errorf("the day is %+v", done)
		}
		_, rows := differences(t, b, done.ID)
		for _, d := range rows {
			if d.Repairable() || d.PaymentNo != p.No && d.TradeNo != tradeNo(other) {
				t.Errorf("%s %s: repairable %v, about %q", d.Kind, d.RequestNo, d.Repairable(), d.PaymentNo)
			}
		}
		// What was under way comes to its end, the bill names what it had left out:
		// these are gone, the others stand.
		for _, r := range []models.Refund{reserved, sent} {
			must(t, settled(t, b, r))
		}
		lines[8] = back(p, swapped.RequestNo, 35*yuan)
		again := runDay(t, b, models.RailAlipay, billDay, append(lines, back(p, missing.RequestNo, 20*yuan))...)
		wantDifferences(t, b, again, p,
			"only_ours %"+missing.RequestNo+" -2000 0 vanished",
			"only_ours %"+swapped.RequestNo+" -3500 0 vanished",
			"only_theirs "+tradeNo(other)+swapped.RequestNo+" 0 -3500 vanished",
			"only_theirs %F9 0 -500 ",
			"amount_differs %"+amount.RequestNo+" -3000 -2900 settled",
			"state_differs %"+reserved.RequestNo+" -4000 -4000 vanished",
			"state_differs %"+sent.RequestNo+" -5000 -5000 vanished",
			"state_differs %"+released.RequestNo+" -6000 -6000 released",
		)
	})
}

// A refund that the gateway gave back in a day's last second and that is booked
// here on the next day is on a bill, whichever day is run first; one booked in
// the last second and on the next day's bill is too, once that was read.
func TestRefundsAtMidnight(t *testing.T) {
	t.Parallel()
	const next = "2026-11-25"
	for name, order := range map[string][]string{"in order": {billDay, next, billDay, next}, "the next day first": {next, billDay, next}} {
		t.Run(name, func(t *testing.T) {
			modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
				o := newOffice(t, b)
				account, _ := b.Seller(t)
				p := recharge(t, b, account, 900*yuan)
				q, z := recharge(t, b, account, 800*yuan), recharge(t, b, account, 700*yuan)
				early, late, last := refunded(t, b, o, p, "10"), refunded(t, b, o, q, "20"), refunded(t, b, o, z, "30")
				midnight := time.Date(2026, 11, 24, 16, 0, 0, 0, time.UTC)
				b.Clock.Set(midnight.Add(-time.Microsecond))
				must(t, settled(t, b, early)) // on the next day's bill
				b.Clock.Set(midnight)
				must(t, settled(t, b, late)) // on the day's own bill, as the gateway has it
				must(t, settled(t, b, last)) // on none
				b.Clock.Set(models.BillDue(next))
				bills := map[string][]models.BillLine{
					billDay: {in(p), in(q), in(z), back(q, late.RequestNo, 20*yuan)}, next: {back(p, early.RequestNo, 10*yuan)},
				}
				runs := map[string]models.Reconciliation{}
				for _, day := range order {
					runs[day] = runDay(t, b, models.RailAlipay, day, bills[day]...)
					if r := runs[day]; r.UnexplainedFen() != 0 || r.LedgerFaultCount != 0 {
						t.Errorf("%s: %d fen are not explained: %+v", day, r.UnexplainedFen(), r)
					}
				}
				// What the other day's bill holds and was not read yet is a difference until then.
				first, second := []string{"only_ours %" + early.RequestNo + " -1000 0 vanished"}, []string{"only_ours " + tradeNo(z) + last.RequestNo + " -3000 0 settled"}
				if order[0] == next {
					first, second = nil, append(second, "only_ours "+tradeNo(q)+late.RequestNo+" -2000 0 vanished")
				}
				wantDifferences(t, b, runs[billDay], p, first...)
				wantDifferences(t, b, runs[next], p, second...)
				if a, z := runs[billDay], runs[next]; a.ClearingFen != 2390*yuan || a.BilledFen != 2380*yuan || z.ClearingFen != 2340*yuan || z.BilledFen != 2370*yuan {
					t.Errorf("the clearing account stands at %d against %d, then at %d against %d", a.ClearingFen, a.BilledFen, z.ClearingFen, z.BilledFen)
				}
			})
		})
	}
}

// The same numbers on another rail are another payment and another refund.
func TestRefundOfAnotherRail(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		o := newOffice(t, b)
		account, _ := b.Seller(t)
		p := recharge(t, b, account, 900*yuan)
		r := refunded(t, b, o, p, "10")
		must(t, settled(t, b, r))
		dayAfter(b)
		foreign := runDay(t, b, models.RailWechat, billDay, in(p), back(p, r.RequestNo, 10*yuan))
		wantDifferences(t, b, foreign, p, "only_theirs % 0 90000 ", "only_theirs %"+r.RequestNo+" 0 -1000 ")
		wantDifferences(t, b, runDay(t, b, models.RailAlipay, billDay, in(p)), p, "only_ours %"+r.RequestNo+" -1000 0 settled")
		own := runDay(t, b, models.RailAlipay, billDay, in(p), back(p, r.RequestNo, 10*yuan))
		wantDifferences(t, b, own, p, "only_ours %"+r.RequestNo+" -1000 0 vanished")
		if own.MatchedCount != 2 {
			t.Errorf("the day is %+v", own)
		}
	})
}

// Suspense that left by its rail again is on the bill as a refund under a number
// that is none of ours; suspense that was given to an account is matched.
func TestClearedSuspenseAgainstTheBill(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		o := newOffice(t, b)
		account, _ := b.Seller(t)
		db, err := b.Handle()
		must(t, err)
		park := func(no string, amount models.Fen, to string) models.Payment {
			p := models.Payment{No: no, Rail: models.RailAlipay, AmountFen: amount}
			receipt := b.Receipt(p)
			receipt.Confirmed = true
			if outcome, err := b.SettlePayment(t.Context(), receipt, 0); err != nil || outcome != models.OutcomeSuspense {
				t.Fatal(outcome, err)
			}
			in := models.ApprovalInput{Kind: models.ApprovalSuspenseClear, To: to, Reason: why}
			must(t, db.QueryRowContext(t.Context(), "SELECT id FROM suspense_items WHERE out_trade_no = $1", no).Scan(&in.SuspenseID))
			if to != "-" {
				in.To = strings.ReplaceAll(to, "account", digits(account))
				approve(t, b, o.other, ask(t, b, o.finance, in), models.ApprovalApproved)
			}
			return p
		}
		given, held := park("R261124GIVENGIVENGIVEN0", 10*yuan, "account"), park("R261124HELDHELDHELDHE0", 20*yuan, "-")
		sent, less := park("R261124SENTSENTSENTSE0", 30*yuan, ""), park("R261124LESSLESSLESSLE0", 40*yuan, "")
		silent := park("R261124SILENTSILENTSI0", 50*yuan, "")
		unknown := park("R261124UNKNOWNUNKNOWN0", 60*yuan, "account") // the bill has none of it
		dayAfter(b)
		done := runDay(t, b, models.RailAlipay, billDay, in(given), in(held), in(sent), back(sent, "X1", 30*yuan),
			in(less), back(less, "X2", 39*yuan), in(silent))
		var item string
		must(t, db.QueryRowContext(t.Context(), "SELECT id FROM suspense_items WHERE out_trade_no = $1", silent.No).Scan(&item))
		wantDifferences(t, b, done, silent,
			"amount_differs "+tradeNo(less)+"X2 -4000 -3900 suspense",
			"only_ours %suspense:"+item+" -5000 0 suspense",
			"only_ours "+tradeNo(unknown)+" 6000 0 suspense",
		)
		if done.MatchedCount != 5 || done.SuspenseCount != 1 || done.SuspenseFen != 20*yuan {
			t.Errorf("the day is %+v", done)
		}
	})
}

func digits(id int64) string { return strconv.FormatInt(id, 10) }
