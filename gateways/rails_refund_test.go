package gateways_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"ztc-portal/gateways"
	"ztc-portal/models"
)

const (
	callRefund = "alipay.trade.refund"
	callAsked  = "alipay.trade.fastpay.refund.query"
)

// hire makes a member of staff who may ask and decide.
func (d *desk) hire(t *testing.T) (actor models.Actor) {
	t.Helper()
	db, err := d.Handle()
	must(t, err)
	email := fmt.Sprintf("finance-%d@office.test", time.Now().UnixNano())
	_, err = d.CreateUser(t.Context(), models.Actor{}, models.NewUser{Email: email, Password: "long enough", Role: models.RoleFinance})
	must(t, err)
	must(t, db.QueryRowContext(t.Context(), "SELECT id FROM users WHERE email = $1", email).Scan(&actor.UserID))
	return actor
}

// reserved is a refund of a payment, asked for by one and approved by another,
// that nobody has sent yet.
func (d *desk) reserved(t *testing.T, p models.Payment, amount string) models.Refund {
	t.Helper()
	a, err := d.AskApproval(t.Context(), d.hire(t), models.ApprovalInput{Kind: models.ApprovalRefund, PaymentNo: p.No, Amount: amount, Reason: "paid twice / by mistake"})
	must(t, err)
	if a, err = d.Approve(t.Context(), d.hire(t), a.ID, ""); err != nil || a.State != models.ApprovalApproved {
		t.Fatal(a, err)
	}
	rows, err := d.RefundsOf(t.Context(), p.ID)
	must(t, err)
	return rows[len(rows)-1]
}

// stands wants the refund in a state, the cash, and as much given back by the
// gateway as our payment says, with sound books.
func (d *desk) stands(t *testing.T, r models.Refund, want models.RefundState, cash models.Fen) models.Refund {
	t.Helper()
	o, err := d.RefundByNo(t.Context(), r.RequestNo)
	must(t, err)
	if o.Refund.State != want {
		t.Fatalf("the refund is %s (%s), want %s", o.Refund.State, o.Refund.LastAnswer, want)
	}
	read, err := d.RechargeDesk(t.Context(), d.account)
	must(t, err)
	if read.Funds.Cash != cash {
		t.Errorf("cash is %s, want %s", read.Funds.Cash.Wire(), cash.Wire())
	}
	trade, err := d.far.Trade(t.Context(), o.Payment.No)
	must(t, err)
	if o.Refund.State.Ended() && models.Fen(trade.RefundedFen) != o.Payment.RefundedFen {
		t.Errorf("the gateway gave back %d fen, our payment says %d", trade.RefundedFen, o.Payment.RefundedFen)
	}
	d.Sound(t)
	return o.Refund
}

func (d *desk) calls(t *testing.T, method string) (n int) {
	t.Helper()
	for _, call := range d.far.Calls() {
		if call == method {
			n++
		}
	}
	return n
}

// dying is the rail of a process that ends as soon as the gateway has answered.
type dying struct {
	gateways.Gateway
	gateways.Refunder
	die context.CancelFunc
}

func (r dying) Refund(ctx context.Context, order gateways.RefundOrder) (gateways.RefundResult, error) {
	result, err := r.Refunder.Refund(ctx, order)
	r.die()
	return result, err
}

// crash sends a refund and dies between the answer and the books.
func (d *desk) crash(t *testing.T, r models.Refund) {
	t.Helper()
	ctx, die := context.WithCancel(t.Context())
	rails := d.far.Rails(d.Store, "") // of its own: the server reads the desk's meanwhile
	rails.By = map[models.Rail]gateways.Gateway{models.RailAlipay: dying{d.far.Rail, d.far.Rail, die}}
	if _, err := rails.SendRefund(ctx, r.RequestNo); err == nil {
		t.Fatal("it did not crash")
	}
}

func TestRefundsAtTheGateway(t *testing.T) {
	t.Parallel()
	eachDesk(t, func(t *testing.T, d *desk) {
		p := d.paid(t)
		d.deaf.Store(true)
		part := d.reserved(t, p, "100")
		for range 2 { // again: nothing more happens
			if _, err := d.rails.SendRefund(t.Context(), part.RequestNo); err != nil {
				t.Fatal(err)
			}
		}
		d.stands(t, part, models.RefundSettled, full-100*models.Yuan)
		d.is(t, p, models.PaymentPartiallyRefunded)
		if d.calls(t, callRefund) != 1 {
			t.Errorf("the gateway was asked %d times", d.calls(t, callRefund))
		}
		rest := d.reserved(t, p, "150")
		if _, err := d.rails.SendRefund(t.Context(), rest.RequestNo); err != nil {
			t.Fatal(err)
		}
		d.stands(t, rest, models.RefundSettled, full-250*models.Yuan)
		_, err := d.rails.SendRefund(t.Context(), "F26112400000000000000")
		wantCode(t, err, models.NotFound)
	})
}

// The connection dies before the gateway hears of it, twice; then it goes through.
func TestRefundTimesOutAndIsTriedAgain(t *testing.T) {
	t.Parallel()
	eachDesk(t, func(t *testing.T, d *desk) {
		p := d.paid(t)
		r := d.reserved(t, p, "250")
		d.far.CutOff(true)
		for i := range 2 {
			_, err := d.rails.SendRefund(t.Context(), r.RequestNo)
			wantCode(t, err, models.Unavailable)
			if sent := d.stands(t, r, models.RefundSent, 0); sent.Attempts != i+1 || sent.LastAnswer == "" {
				t.Errorf("after %d tries: %+v", i+1, sent)
			}
		}
		d.far.CutOff(false)
		_, err := d.rails.SendRefund(t.Context(), r.RequestNo)
		must(t, err)
		d.stands(t, r, models.RefundSettled, 0)
	})
}

// We die between the call and the books: the next try settles once, under the
// same number, and the gateway gave the money back once.
func TestCrashBetweenTheCallAndTheBooks(t *testing.T) {
	t.Parallel()
	eachDesk(t, func(t *testing.T, d *desk) {
		p := d.paid(t)
		d.deaf.Store(true) // and the notice never comes
		r := d.reserved(t, p, "120")
		d.crash(t, r)
		if trade, err := d.far.Trade(t.Context(), p.No); err != nil || trade.RefundedFen != 120_00 {
			t.Fatalf("the gateway: %+v, %v", trade, err)
		}
		d.stands(t, r, models.RefundSent, full-120*models.Yuan)
		_, err := d.rails.SendRefund(t.Context(), r.RequestNo)
		must(t, err)
		d.stands(t, r, models.RefundSettled, full-120*models.Yuan)
		if d.calls(t, callRefund) != 2 || d.calls(t, callAsked) != 1 {
			t.Errorf("the calls were %v", d.far.Calls())
		}
	})
}

// A definite no gives the money back to the cash: the time for refunds is over.
func TestRefusedRefundIsReleased(t *testing.T) {
	t.Parallel()
	eachDesk(t, func(t *testing.T, d *desk) {
		p := d.paid(t)
		r := d.reserved(t, p, "250")
		must(t, d.far.Finish(t.Context(), p.No))
		_, err := d.rails.SendRefund(t.Context(), r.RequestNo)
		must(t, err)
		if released := d.stands(t, r, models.RefundReleased, full); released.LastAnswer == "" {
			t.Error("nothing says why")
		}
		d.is(t, p, models.PaymentPaid)
	})
}

// A refusal is not believed while the gateway can't be asked whether a try
// before went through.
func TestRefusalThatCanNotBeCheckedReleasesNothing(t *testing.T) {
	t.Parallel()
	eachDesk(t, func(t *testing.T, d *desk) {
		p := d.paid(t)
		r := d.reserved(t, p, "250")
		must(t, d.far.Finish(t.Context(), p.No))
		d.far.Before(func(method string) { d.far.CutOff(method == callAsked) })
		_, err := d.rails.SendRefund(t.Context(), r.RequestNo)
		wantCode(t, err, models.Unavailable)
		d.stands(t, r, models.RefundSent, 0)
		d.far.Before(nil)
		d.far.CutOff(false)
		_, err = d.rails.SendRefund(t.Context(), r.RequestNo)
		must(t, err)
		d.stands(t, r, models.RefundReleased, full)
	})
}

// The gateway's notice of a refund credits nothing; it makes us ask, and what
// was lost on the way is settled by the answer.
func TestRefundNoticeMakesUsAsk(t *testing.T) {
	t.Parallel()
	eachDesk(t, func(t *testing.T, d *desk) {
		p := d.paid(t)
		d.deaf.Store(true)
		r := d.reserved(t, p, "100")
		d.crash(t, r)
		d.stands(t, r, models.RefundSent, full-100*models.Yuan)
		d.deaf.Store(false)
		fields := d.notice(t, p.No)
		if fields.Get("out_biz_no") != r.RequestNo {
			t.Fatalf("the notice is about %q", fields.Get("out_biz_no"))
		}
		for range 2 {
			wantAnswer(t, d.send(t, d.signed(t, fields)), "success")
		}
		d.stands(t, r, models.RefundSettled, full-100*models.Yuan)
		// One about a refund that is none of ours books nothing.
		wantAnswer(t, d.send(t, d.signed(t, with(fields, "out_biz_no", "F26112400000000000000"))), "success")
		d.stands(t, r, models.RefundSettled, full-100*models.Yuan)
		if got := d.verdicts(t, p.No); !slices.Contains(got, string(models.OutcomeNotPaid)) || slices.Contains(got, string(models.OutcomeLate)) {
			t.Errorf("verdicts are %v", got)
		}
	})
}
