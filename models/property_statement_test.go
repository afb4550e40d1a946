package models_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

// transferWorld is a company's account at a bank, what staff do of it, and time:
// lines come late, early credits by hand are dated anyhow, days are run in any
// order, again and before others.
type transferWorld struct {
	*till
	ctx     context.Context
	n       int
	handed  []string // numbers credited by hand that no line bears yet
	amounts map[string]models.Fen
	open    []models.StatementEntry // at the bank, not imported
	left    []models.StatementEntry // lines of money that left, likewise
	told    []string                // serials of what was imported to suspense, and not worked
}

// TestBankTransfersHoldToTheFen: whatever is booked, imported and run when, the
// clearing account and all statements agree but for what is known, the books are
// sound, and a day that is run again is as it was.
func TestBankTransfersHoldToTheFen(t *testing.T) {
	t.Parallel()
	for _, engine := range modelstest.Engines {
		t.Run(string(engine), func(t *testing.T) {
			var w *transferWorld
			checks := 0
			rapid.Check(t, func(r *rapid.T) {
				if checks%5 == 0 { // what lies before a first bill is found at the beginning alone
					w = newTransferWorld(t, engine)
				}
				checks++
				r.Repeat(map[string]func(*rapid.T){
					"time": w.passes, "transfer": w.arrives, "by hand": w.credits, "import": w.imports, "work": w.works, "run": w.runsSome, "give back": w.givesBack,
				})
				w.sound(r)
			})
		})
	}
}

func newTransferWorld(t *testing.T, engine models.Engine) *transferWorld {
	b := modelstest.Open(t, engine)
	b.Offer(models.RailAlipay, models.RailBankTransfer)
	account, _ := b.Seller(t)
	return &transferWorld{till: &till{b, newOffice(t, b), account}, ctx: t.Context(), amounts: map[string]models.Fen{}}
}

func (w *transferWorld) today() string { return models.DayOn(w.Now()) }

// someDay is a day up to today, of the last few.
func (w *transferWorld) someDay(r *rapid.T) string {
	return models.DayOn(w.Now().AddDate(0, 0, -rapid.IntRange(0, 4).Draw(r, "days ago")))
}

func (w *transferWorld) passes(r *rapid.T) {
	w.Clock.Add(time.Duration(rapid.IntRange(1, 40).Draw(r, "hours")) * time.Hour)
}

// arrives: money comes to the account, for a payment, for nothing that is known,
// or what was credited by hand, over that amount or another.
func (w *transferWorld) arrives(r *rapid.T) {
	w.n++
	e := models.StatementEntry{SerialNo: fmt.Sprint("S", w.n), DayOn: w.someDay(r), AmountFen: models.Fen(w.n) * yuan, PayerAccount: "571900000010801", RowNo: 2}
	switch rapid.SampledFrom([]string{"payment", "nothing", "hand", "other"}).Draw(r, "what") {
	case "payment":
		amount := models.Fen(200+w.n) * yuan
		draft, err := w.DraftRecharge(w.ctx, w.account, models.RechargeInput{Amount: amount.Wire(), Method: "bank_transfer"})
		ok(r, err)
		p, err := w.ConfirmPayment(w.ctx, w.account, draft.No, ourAccount)
		ok(r, err)
		e.AmountFen, e.Remark = amount, *p.ReferenceCode
	case "hand", "other":
		if len(w.handed) == 0 {
			return
		}
		no := w.handed[0]
		w.handed = w.handed[1:]
		e.SerialNo, e.AmountFen = strings.ReplaceAll(no, "-", ""), w.amounts[no]+models.Fen(rapid.SampledFrom([]int64{0, 1}).Draw(r, "more"))
	}
	at, err := time.ParseInLocation(time.DateOnly, e.DayOn, models.Shanghai)
	ok(r, err)
	e.At = at.UTC()
	w.open = append(w.open, e)
}

func (w *transferWorld) credits(r *rapid.T) {
	w.n++
	no, amount := fmt.Sprintf("HAND-%06d", w.n), models.Fen(1000+w.n)*yuan
	in := transfer(w.account, amount.Wire(), no)
	in.PaidOn = w.someDay(r)
	w.approve(r, in)
	w.handed, w.amounts[no] = append(w.handed, no), amount
}

func (w *transferWorld) approve(r *rapid.T, in models.ApprovalInput) {
	a, err := w.AskApproval(w.ctx, w.finance, in)
	ok(r, err)
	a, err = w.Approve(w.ctx, w.other, a.ID, "")
	ok(r, err)
	if a.State != models.ApprovalApproved {
		r.Fatalf("%+v is not approved", a)
	}
}

// givesBack: a refund of a payment is paid out today; the bank's line comes with
// the next file, never, or over another amount, among lines that are not ours.
func (w *transferWorld) givesBack(r *rapid.T) {
	rows, _, err := w.Payments(w.ctx, w.account, models.PaymentFilter{}, models.Keyset{})
	ok(r, err)
	for _, p := range rows {
		if p.Rail != models.RailBankTransfer || !p.Refundable() || rapid.Bool().Draw(r, "another") {
			continue
		}
		w.n++
		w.approve(r, models.ApprovalInput{Kind: models.ApprovalRefund, PaymentNo: p.No, Amount: "2", Reason: why})
		refunds, err := w.RefundsOf(w.ctx, p.ID)
		ok(r, err)
		its := refunds[len(refunds)-1]
		number := fmt.Sprintf("OUT%06d", w.n)
		e := models.StatementEntry{SerialNo: number, DayOn: w.today(), AmountFen: 2 * yuan, RowNo: 3, At: w.Now()}
		switch rapid.SampledFrom([]string{"number", "remark", "never", "other"}).Draw(r, "the line") {
		case "remark":
			e.SerialNo, e.Remark = "", "refund "+its.RequestNo
		case "never":
			e.SerialNo = "RENT" + number
		case "other":
			e.AmountFen++
		}
		w.left = append(w.left, e)
		w.approve(r, models.ApprovalInput{Kind: models.ApprovalRefundPaid, RefundNo: its.RequestNo, Reference: number, PaidOn: w.today(), Reason: why})
		return
	}
}

// imports: some of what the bank has, over the last days, is imported.
func (w *transferWorld) imports(r *rapid.T) {
	n := rapid.IntRange(0, len(w.open)).Draw(r, "lines")
	in := statement(w.open[:n]...)
	in.Statement.FirstOn, in.Statement.LastOn = w.someDay(r), w.today()
	in.Statement.Left, w.left = w.left, nil
	before := w.tasks()
	_, err := w.ImportStatement(w.ctx, w.finance, in)
	ok(r, err)
	for _, e := range w.open[:n] {
		w.told = append(w.told, e.SerialNo)
	}
	w.open = w.open[n:]
	asked := map[string]bool{}
	for _, task := range tasksOf(w.Bench, models.ReconcileDay{}.Kind())[before:] {
		asked[task.Args.(models.ReconcileDay).DayOn] = true
	}
	for _, e := range in.Statement.Entries {
		if e.DayOn < w.today() && !asked[e.DayOn] {
			r.Fatalf("a line of %s came, and nobody runs the day", e.DayOn)
		}
	}
}

// works: a line's money goes to its payment, to an account or back.
func (w *transferWorld) works(r *rapid.T) {
	if len(w.told) == 0 {
		return
	}
	serial := w.told[0]
	w.told = w.told[1:]
	rows, _, err := w.StatementLines(w.ctx, models.LineFilter{State: models.LineUnmatched}, models.Keyset{})
	ok(r, err)
	for _, l := range rows {
		if l.SerialNo != serial {
			continue
		}
		in := models.ApprovalInput{Kind: models.ApprovalSuspenseClear, SuspenseID: l.SuspenseID, PaymentNo: l.Match.PaymentNo, Reason: why}
		if in.PaymentNo == "" && rapid.Bool().Draw(r, "to the account") {
			in.To = fmt.Sprint(w.account)
		}
		w.approve(r, in)
	}
}

// runsSome runs a day that is covered, twice.
func (w *transferWorld) runsSome(r *rapid.T) {
	dayOn := models.DayOn(w.Now().AddDate(0, 0, -rapid.IntRange(1, 6).Draw(r, "days ago")))
	bill, covered, err := w.StatementBill(w.ctx, ourAccount, dayOn)
	ok(r, err)
	if !covered {
		return
	}
	var was []string
	for i := range 2 {
		run, err := w.BeginReconciliation(w.ctx, models.RailBankTransfer, dayOn)
		ok(r, err)
		ok(r, w.AddBillLines(w.ctx, run, bill))
		done, err := w.FinishReconciliation(w.ctx, run, 0)
		ok(r, err)
		if done.UnexplainedFen() != 0 || done.LedgerFaultCount != 0 {
			r.Fatalf("%s: %d fen are not explained: %+v", dayOn, done.UnexplainedFen(), done)
		}
		desk, err := w.ReconciliationDesk(w.ctx, done.ID, models.DifferenceFilter{}, models.Keyset{})
		ok(r, err)
		var now []string
		for _, d := range desk.Differences {
			now = append(now, fmt.Sprint(d.ID, d.Kind, d.TradeNo, d.OursFen, d.TheirsFen, d.OursState))
			if d.Kind == models.OnlyTheirs {
				r.Fatalf("%s: %s is only theirs", dayOn, d.TradeNo)
			}
		}
		if i == 1 && fmt.Sprint(was) != fmt.Sprint(now) {
			r.Fatalf("%s was %v, is %v", dayOn, was, now)
		}
		was = now
	}
}

func (w *transferWorld) sound(r *rapid.T) {
	faults, err := w.VerifyLedger(w.ctx)
	ok(r, err)
	if len(faults) > 0 {
		r.Fatalf("the books do not hold: %v", faults)
	}
}
