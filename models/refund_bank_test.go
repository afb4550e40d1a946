package models_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ztc-portal/models"
)

// byLine is a payment that a line of a statement paid.
func (b *till) byLine(t testing.TB, serial, amount string) models.Payment {
	t.Helper()
	p := b.transfer(t, b.account, amount)
	b.imports(t, 1, b.entry(serial, p.AmountFen, "Tea Ltd", *p.ReferenceCode))
	b.clears(t, serial, "", p.No)
	return b.now(t, p)
}

func paidOut(r models.Refund, number, paidOn string) models.ApprovalInput {
	return models.ApprovalInput{Kind: models.ApprovalRefundPaid, RefundNo: r.RequestNo, Reference: number, PaidOn: paidOn, Reason: why}
}

func notPaidOut(r models.Refund) models.ApprovalInput {
	return models.ApprovalInput{Kind: models.ApprovalRefundUnpaid, RefundNo: r.RequestNo, Reason: why}
}

// records has one record the end of a refund and another confirm it.
func (b *till) records(t testing.TB, in models.ApprovalInput, want models.ApprovalState) models.Approval {
	t.Helper()
	return approve(t, b.Bench, b.other, ask(t, b.Bench, b.finance, in), want)
}

func (b *till) refund(t testing.TB, r models.Refund, want models.RefundState) models.Refund {
	t.Helper()
	o, err := b.RefundByNo(t.Context(), r.RequestNo)
	must(t, err)
	if o.Refund.State != want {
		t.Errorf("the refund is %s, want %s", o.Refund.State, want)
	}
	b.Sound(t)
	return o.Refund
}

// In parts, then in full: the money is reserved, waits for finance and not for a
// gateway, and has gone back once two have said so.
func TestABankTransferIsRefundedByTwo(t *testing.T) {
	eachTill(t, func(t *testing.T, b *till) {
		p := b.byLine(t, "S1", "1600")
		first := refunded(t, b.Bench, b.office, p, "600")
		b.cash(t, b.account, 1000*yuan)
		b.Clock.Add(3 * time.Hour)
		must(t, b.ResumeRefunds(t.Context()))
		if n := len(tasksOf(b.Bench, models.SendRefund{}.Kind())); n != 0 {
			t.Errorf("%d tasks would send it", n)
		}
		if o, err := b.SendingRefund(t.Context(), first.RequestNo); err != nil || o.Refund.State != models.RefundReserved || o.Refund.Attempts != 0 {
			t.Errorf("sent all the same: %+v, %v", o.Refund, err)
		}
		_, err := b.SettleRefund(t.Context(), first.RequestNo, "a gateway's word")
		wantCode(t, err, models.Conflict)
		_, err = b.ReleaseRefund(t.Context(), first.RequestNo, "a gateway's word")
		wantCode(t, err, models.Conflict)
		desk, err := b.StaffPaymentDesk(t.Context(), p.No)
		must(t, err)
		to := desk.ToPay
		if len(to) != 1 || to[0].PayerName != "Tea Ltd" || to[0].PayerAccount != "571900000010801" || !strings.HasPrefix(to[0].Raw, "S1\t") || !to[0].Known ||
			to[0].AmountFen != 600*yuan || to[0].RequestNo != first.RequestNo || to[0].AskedID != 0 {
			t.Errorf("to be paid out: %+v", to)
		}

		in := paidOut(first, " out-000 001", "2026-11-24")
		a := ask(t, b.Bench, b.finance, in)
		if again := ask(t, b.Bench, b.finance, in); again.ID != a.ID || a.AmountFen != 600*yuan {
			t.Errorf("recorded twice: %d and %d", a.ID, again.ID)
		}
		b.refund(t, first, models.RefundReserved)
		if desk, err := b.StaffPaymentDesk(t.Context(), p.No); err != nil || desk.ToPay[0].AskedID != a.ID || desk.Payment.State != models.PaymentPaid {
			t.Errorf("recorded: %+v, %v", desk.ToPay, err)
		}
		_, err = b.Approve(t.Context(), b.finance, a.ID, "")
		wantCode(t, err, models.Forbidden)
		approve(t, b.Bench, b.other, a, models.ApprovalApproved)
		done := b.refund(t, first, models.RefundSettled)
		if done.BankNo != "OUT000001" || done.PaidAt == nil || models.DayOn(*done.PaidAt) != "2026-11-24" {
			t.Errorf("settled: %+v", done)
		}
		if p = b.now(t, p); p.State != models.PaymentPartiallyRefunded || p.RefundedFen != 600*yuan || systemBalance(t, b.Bench, "refund") != 0 {
			t.Errorf("the payment: %+v", p)
		}
		if got := systemBalance(t, b.Bench, "gateway:bank_transfer"); got != -1000*yuan {
			t.Errorf("the bank has %d", got)
		}
		if kinds := timeline(t, b.Bench, b.account); !slices.Contains(kinds, models.EventRefundReserved) || !slices.Contains(kinds, models.EventRefunded) {
			t.Errorf("the seller reads %v", kinds)
		}
		_, err = b.AskApproval(t.Context(), b.finance, paidOut(first, "OUT-000002", "2026-11-24"))
		wantField(t, err, "reason", "error.refund.ended")
		_, err = b.AskApproval(t.Context(), b.finance, refunding(p, "1000.01"))
		wantField(t, err, "amount", "error.refund.over_paid")

		rest := refunded(t, b.Bench, b.office, p, "1000")
		_, err = b.AskApproval(t.Context(), b.finance, refunding(p, "0.01"))
		wantField(t, err, "amount", "error.refund.over_paid")
		b.records(t, paidOut(rest, "OUT-000002", "2026-11-24"), models.ApprovalApproved)
		b.refund(t, rest, models.RefundSettled)
		if p = b.now(t, p); p.State != models.PaymentRefunded || p.RefundedFen != p.AmountFen {
			t.Errorf("in full: %+v", p)
		}
		b.cash(t, b.account, 0)
	})
}

// What can't be paid out goes back to the cash, once, and may be asked for anew.
func TestARefundThatCantBePaidOutIsReleased(t *testing.T) {
	eachTill(t, func(t *testing.T, b *till) {
		b.byHand(t, "HAND-000001", "900", billDay)
		byBank, _, err := b.Payments(t.Context(), b.account, models.PaymentFilter{}, models.Keyset{})
		must(t, err)
		p, err := b.PaymentByNo(t.Context(), byBank[0].No)
		must(t, err)
		r := refunded(t, b.Bench, b.office, p, "900")
		paid := ask(t, b.Bench, b.finance, paidOut(r, "OUT-000001", billDay))
		unpaid := b.records(t, notPaidOut(r), models.ApprovalApproved)
		b.cash(t, b.account, 900*yuan)
		if got := b.refund(t, r, models.RefundReleased); got.LastAnswer != why || got.BankNo != "" {
			t.Errorf("released: %+v", got)
		}
		if late := approve(t, b.Bench, b.other, paid, models.ApprovalFailed); late.Note != "error.refund.ended" {
			t.Errorf("paid after all: %+v", late)
		}
		for _, in := range []models.ApprovalInput{notPaidOut(r), paidOut(r, "OUT-000009", billDay)} {
			_, err = b.AskApproval(t.Context(), b.finance, in)
			wantField(t, err, "reason", "error.refund.ended")
		}
		if p = b.now(t, p); p.State != models.PaymentPaid || p.RefundedFen != 0 || unpaid.AmountFen != 900*yuan {
			t.Errorf("the payment: %+v", p)
		}
		next := refunded(t, b.Bench, b.office, p, "900")
		d, err := b.StaffPaymentDesk(t.Context(), p.No)
		if err != nil || len(d.ToPay) != 1 || d.ToPay[0].Known || d.ToPay[0].TradeNo != "HAND000001" || d.ToPay[0].RequestNo != next.RequestNo {
			t.Errorf("credited by hand, no statement tells: %+v, %v", d.ToPay, err)
		}
	})
}

// A number is the bank's, and one transfer's: of none that came in or left before.
func TestTheNumberOfATransferOutIsUsedOnce(t *testing.T) {
	eachTill(t, func(t *testing.T, b *till) {
		b.byHand(t, "HAND-000001", "300", billDay)
		p := b.byLine(t, "SERIAL01", "1600")
		one, two := refunded(t, b.Bench, b.office, p, "100"), refunded(t, b.Bench, b.office, p, "200")
		waiting := ask(t, b.Bench, b.finance, paidOut(two, "OUT-000001", billDay))
		b.records(t, paidOut(one, "OUT-000001", billDay), models.ApprovalApproved)
		if late := approve(t, b.Bench, b.other, waiting, models.ApprovalFailed); late.Note != "error.reference.used" {
			t.Errorf("the number of another: %+v", late)
		}
		for _, c := range []struct{ number, day, field, key string }{
			{"out000001", billDay, "reference", "error.reference.used"}, {"HAND-000001", billDay, "reference", "error.reference.used"},
			{"SERIAL01", billDay, "reference", "error.reference.used"}, {"?", billDay, "reference", "error.reference.malformed"},
			{"OUT-000002", "", "paid_on", "error.day.malformed"}, {"OUT-000002", "2026-11-25", "paid_on", "error.day.not_begun"},
			{"OUT-000002", "2026-11-23", "paid_on", "error.refund.paid_before"},
		} {
			_, err := b.AskApproval(t.Context(), b.finance, paidOut(two, c.number, c.day))
			wantField(t, err, c.field, c.key)
		}
		_, err := b.AskApproval(t.Context(), b.finance, transfer(b.account, "200", "OUT-000001"))
		wantField(t, err, "reference", "error.reference.used")
		b.refund(t, two, models.RefundReserved)

		other := recharge(t, b.Bench, b.account, 400*yuan)
		_, err = b.AskApproval(t.Context(), b.finance, paidOut(refunded(t, b.Bench, b.office, other, "50"), "OUT-000003", billDay))
		wantCode(t, err, models.NotFound) // a gateway gives that back
		_, err = b.AskApproval(t.Context(), b.finance, paidOut(models.Refund{RequestNo: "F26112400000000000000"}, "OUT-000003", billDay))
		wantCode(t, err, models.NotFound)
	})
}

// Several record one refund, and all are confirmed at once: it ends once.
func TestTwoRecordsOfOneRefundEndItOnce(t *testing.T) {
	eachTill(t, func(t *testing.T, b *till) {
		p := b.byLine(t, "S1", "1600")
		for i, number := range []string{"OUT-000001", "OUT-000002"} {
			r := refunded(t, b.Bench, b.office, p, "100")
			open := []models.Approval{
				ask(t, b.Bench, b.finance, paidOut(r, number, billDay)), ask(t, b.Bench, b.finance, paidOut(r, number+"X", billDay)), ask(t, b.Bench, b.finance, notPaidOut(r)),
			}
			states := make([]models.ApprovalState, len(open))
			var ends sync.WaitGroup
			for j, a := range open {
				ends.Go(func() {
					got, err := b.Approve(t.Context(), b.other, a.ID, "")
					if states[j] = got.State; err != nil {
						t.Error(err)
					}
				})
			}
			ends.Wait()
			slices.Sort(states)
			if !slices.Equal(states, []models.ApprovalState{models.ApprovalApproved, models.ApprovalFailed, models.ApprovalFailed}) {
				t.Errorf("round %d: %v", i, states)
			}
			o, err := b.RefundByNo(t.Context(), r.RequestNo)
			must(t, err)
			if !o.Refund.State.Ended() || systemBalance(t, b.Bench, "refund") != 0 {
				t.Errorf("round %d: %+v", i, o.Refund)
			}
		}
		b.cash(t, b.account, 1600*yuan-b.now(t, p).RefundedFen)
		b.Sound(t)
	})
}

// Finance has three days; what waits at the bank is none of the gateways' alert.
func TestRefundsToPayOutAreWatched(t *testing.T) {
	eachTill(t, func(t *testing.T, b *till) {
		p := b.byLine(t, "S1", "1600")
		r := refunded(t, b.Bench, b.office, p, "100")
		sent := refunded(t, b.Bench, b.office, recharge(t, b.Bench, b.account, 400*yuan), "50")
		b.Clock.Add(72*time.Hour - time.Microsecond)
		wantFigure(t, b.Bench, models.FigureToPay, 0, true, "")
		wantFigure(t, b.Bench, models.FigureRefunds, 1, true, models.LevelWarn)
		b.Clock.Add(time.Microsecond)
		wantFigure(t, b.Bench, models.FigureToPay, 1, true, models.LevelWarn)
		d := figures(t, b.Bench)
		if d.ToPay.Count != 1 || d.ToPay.AmountFen != 100*yuan || d.Refunds.Count != 1 || d.Refunds.AmountFen != 50*yuan {
			t.Errorf("to pay %+v, at gateways %+v", d.ToPay, d.Refunds)
		}
		for show, want := range map[string]int64{"to_pay": r.ApprovalID, "refunds": sent.ApprovalID} {
			rows, _, err := b.Approvals(t.Context(), models.ApprovalFilter{Show: show}, models.Keyset{})
			must(t, err)
			if len(rows) != 1 || rows[0].ID != want {
				t.Errorf("%s lists %+v", show, rows)
			}
		}
		b.records(t, paidOut(r, "OUT-000001", models.DayOn(b.Now())), models.ApprovalApproved)
		wantFigure(t, b.Bench, models.FigureToPay, 0, true, "")
	})
}

// left is a line of money that left, at noon.
func (b *till) left(dayOn, serial string, amount models.Fen, remark string) models.StatementEntry {
	e := b.on(dayOn, serial, amount, remark)
	e.PayerName, e.PayerAccount, e.Raw = "", "", ""
	return e
}

// out imports a statement over days with these lines of money that left.
func (b *till) out(t testing.TB, firstOn, lastOn string, left ...models.StatementEntry) {
	t.Helper()
	in := statement()
	in.Statement.FirstOn, in.Statement.LastOn, in.Statement.Left = firstOn, lastOn, left
	_, err := b.ImportStatement(t.Context(), b.finance, in)
	must(t, err)
}

// What was paid out stands against the bank's line: by its number or our remark,
// whichever comes first, line or record; salaries and rents are nobody's.
func TestRefundsPaidOutAgainstTheBanksLines(t *testing.T) {
	eachTill(t, func(t *testing.T, b *till) {
		const next, third = "2026-11-25", "2026-11-26"
		p := b.byLine(t, "S1", "1600")
		var r []models.Refund
		for _, amount := range []string{"10", "20", "30", "40", "50"} {
			r = append(r, refunded(t, b.Bench, b.office, p, amount))
		}
		b.Clock.Set(models.BillDue(billDay))
		b.records(t, paidOut(r[0], "OUT000", billDay), models.ApprovalApproved)
		b.records(t, paidOut(r[1], "OUT001", billDay), models.ApprovalApproved)
		b.records(t, paidOut(r[2], "OUT002", billDay), models.ApprovalApproved)
		b.out(t, billDay, billDay, b.left(billDay, "OUT000", 9*yuan, ""), b.left(billDay, "OUT000", 10*yuan, ""), b.left(billDay, "OUT001", 2000, "salary"), b.left(billDay, "", 31*yuan, "refund "+strings.ToLower(r[2].RequestNo)),
			b.left(billDay, "RENT01", 900*yuan, ""), b.left(billDay, "OUT003", 40*yuan, ""), b.left(next, "OUT000", 77*yuan, ""), b.left(billDay, "OUT000", 8*yuan, ""))
		one := b.runs(t, billDay)
		trade := *p.GatewayTradeNo
		b.differs(t, one, "amount_differs "+trade+r[2].RequestNo+" -3000 -3100 settled")
		if one.RefundCount != 3 || one.RefundFen != -61*yuan || one.PaymentCount != 1 {
			t.Errorf("the bill: %+v", one)
		}

		// Recorded after the day was run: the line stands there since, or there is none.
		before := b.tasks()
		b.records(t, paidOut(r[3], "OUT003", billDay), models.ApprovalApproved)
		if got := b.asked(t, before); !slices.Equal(got, []string{billDay}) {
			t.Errorf("the record asks for %v", got)
		}
		b.differs(t, b.runs(t, billDay), "amount_differs "+trade+r[2].RequestNo+" -3000 -3100 settled")
		b.records(t, paidOut(r[4], "OUT004", billDay), models.ApprovalApproved)
		b.differs(t, b.runs(t, billDay), "amount_differs "+trade+r[2].RequestNo+" -3000 -3100 settled", "only_ours "+trade+r[4].RequestNo+" -5000 0 settled")
		b.Clock.Set(models.BillDue(next))
		b.out(t, next, next)
		b.differs(t, b.runs(t, next))

		// The line comes with a later file, in which the days are whole.
		b.Clock.Set(models.BillDue(third))
		before = b.tasks()
		b.out(t, billDay, third, b.left(billDay, "OUT000", 10*yuan, ""), b.left(billDay, "OUT004", 50*yuan, ""), b.left(third, "RENT02", 1*yuan, ""))
		if got := b.asked(t, before); !slices.Equal(got, []string{billDay}) {
			t.Errorf("the import asks for %v", got)
		}
		last := b.runs(t, billDay)
		b.differs(t, last, "amount_differs "+trade+r[2].RequestNo+" -3000 -3100 settled", "only_ours "+trade+r[4].RequestNo+" -5000 0 vanished")
		b.differs(t, b.runs(t, third))
	})
}

// A line that names a refund says that it left: it can't be said not to have, and
// where that was said before, the day says so.
func TestAReleasedRefundThatLeftAllTheSameIsSeen(t *testing.T) {
	eachTill(t, func(t *testing.T, b *till) {
		p := b.byLine(t, "S1", "1600")
		left, released := refunded(t, b.Bench, b.office, p, "600"), refunded(t, b.Bench, b.office, p, "100")
		b.records(t, notPaidOut(released), models.ApprovalApproved)
		b.Clock.Set(models.BillDue(billDay))
		before := b.tasks()
		b.out(t, billDay, billDay, b.left(billDay, "OUT001", 600*yuan, "refund "+left.RequestNo), b.left(billDay, "OUT002", 100*yuan, "refund "+released.RequestNo))
		if got := b.asked(t, before); !slices.Contains(got, billDay) {
			t.Errorf("the import asks for %v", got)
		}
		_, err := b.AskApproval(t.Context(), b.finance, notPaidOut(left))
		if refusedOn(err, "reason") != "error.refund.left" {
			t.Errorf("said not to have left: %v", err)
		}
		b.refund(t, left, models.RefundReserved)
		b.cash(t, b.account, 1000*yuan) // the 100 are back, the 600 are not
		b.differs(t, b.runs(t, billDay), "state_differs "+*p.GatewayTradeNo+released.RequestNo+" -10000 -10000 released")
	})
}

// A line whose remark names one refund does not stand for another under its number.
func TestOneDebitStandsForOneRefund(t *testing.T) {
	eachTill(t, func(t *testing.T, b *till) {
		p := b.byLine(t, "S1", "1600")
		one, two := refunded(t, b.Bench, b.office, p, "100"), refunded(t, b.Bench, b.office, p, "100")
		b.Clock.Set(models.BillDue(billDay))
		b.records(t, paidOut(one, "OUT001", billDay), models.ApprovalApproved)
		b.records(t, paidOut(two, "OUT002", billDay), models.ApprovalApproved)
		b.out(t, billDay, billDay, b.left(billDay, "OUT001", 100*yuan, "refund "+two.RequestNo))
		b.differs(t, b.runs(t, billDay), "only_ours "+*p.GatewayTradeNo+one.RequestNo+" -10000 0 settled")
	})
}

// Spreadsheets drop the noughts before a number.
func TestNoughtsBeforeABanksNumberAreNone(t *testing.T) {
	eachTill(t, func(t *testing.T, b *till) {
		p := b.byLine(t, "S1", "1600")
		one, two := refunded(t, b.Bench, b.office, p, "100"), refunded(t, b.Bench, b.office, p, "100")
		b.Clock.Set(models.BillDue(billDay))
		b.records(t, paidOut(one, "0012345678", billDay), models.ApprovalApproved)
		if _, err := b.AskApproval(t.Context(), b.finance, paidOut(two, "12345678", billDay)); refusedOn(err, "reference") != "error.reference.used" {
			t.Errorf("the same number without its noughts: %v", err)
		}
		b.out(t, billDay, billDay, b.left(billDay, "12345678", 100*yuan, ""))
		b.differs(t, b.runs(t, billDay))
	})
}
