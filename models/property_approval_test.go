package models_test

import (
	"errors"
	"fmt"
	"strconv"

	"pgregory.net/rapid"

	"ztc-portal/models"
)

// The third part of the world: what two members of staff do, and money that
// goes back.

// request is one that was asked for. what tells by the model why it can't be
// done now, "" where it can; and does it on the model when told to.
type request struct {
	models.Approval
	what func(do bool) string
	end  models.ApprovalState // "": open
	line *bankLine            // whose money it moves, and the payment that it pays; nil: none
	pays *order
}

// giving is money on its way back.
type giving struct {
	no     string
	order  *order
	amount models.Fen
	end    models.RefundState // "": under way

	backOn, settledOn string // days in Shanghai: given back by the gateway, booked here
	onBill            bool   // of one that was read
}

// ask asks for something; often somebody decides at once. nil: it was refused.
func (w *world) ask(r *rapid.T, in models.ApprovalInput, what func(do bool) string) *request {
	r.Helper()
	in.Reason = w.unique("because")
	a, err := w.AskApproval(w.ctx, w.office.finance, in)
	if doubt := what(false); doubt != "" {
		var refusals models.FieldErrors
		if !errors.As(err, &refusals) || refusals[0].Key != doubt {
			r.Fatalf("asking for %+v: %v, want %s", in, err, doubt)
		}
		return nil
	}
	ok(r, err)
	return w.asked(r, &request{Approval: a, what: what})
}

func (w *world) asked(r *rapid.T, q *request) *request {
	w.requests = append(w.requests, q)
	if rapid.Bool().Draw(r, "decided at once") {
		w.decideOn(r, q, "approve")
	}
	return q
}

// decide: any request, open or ended, in any way.
func (w *world) decide(r *rapid.T) {
	if q := pick(r, "request", w.requests, func(*request) bool { return true }); q != nil {
		w.decideOn(r, q, rapid.SampledFrom([]string{"approve", "approve", "refuse", "withdraw", "own"}).Draw(r, "how"))
	}
}

func (w *world) decideOn(r *rapid.T, q *request, how string) {
	r.Helper()
	var a models.Approval
	var err error
	var end models.ApprovalState
	switch how {
	case "own":
		_, err := w.Approve(w.ctx, w.office.finance, q.ID, "")
		refused(r, err, models.Forbidden)
		return
	case "approve":
		a, err = w.Approve(w.ctx, w.office.other, q.ID, "")
		end = models.ApprovalApproved
	case "refuse":
		a, err = w.RefuseApproval(w.ctx, w.office.admin, q.ID, "not convincing")
		end = models.ApprovalRefused
	case "withdraw":
		a, err = w.WithdrawApproval(w.ctx, w.office.finance, q.ID)
		end = models.ApprovalWithdrawn
	}
	ok(r, err)
	if q.end == "" {
		if q.end = end; end == models.ApprovalApproved && q.what(false) != "" {
			q.end = models.ApprovalFailed
		} else if end == models.ApprovalApproved {
			q.what(true)
		}
	}
	if a.State != q.end {
		r.Fatalf("%s is %s (%s), want %s", q.Kind, a.State, a.Note, q.end)
	}
}

func (w *world) setFrozen(r *rapid.T, frozen bool) {
	s := w.shop(r)
	kind, doubt := models.ApprovalFreeze, "error.account.frozen_already"
	if !frozen {
		kind, doubt = models.ApprovalUnfreeze, "error.account.not_frozen"
	}
	w.ask(r, models.ApprovalInput{Kind: kind, AccountID: s.account}, func(do bool) string {
		if s.frozen == frozen {
			return doubt
		}
		if do {
			s.frozen = frozen
		}
		return ""
	})
}

func (w *world) adjust(r *rapid.T) {
	s := w.shop(r)
	amount := models.Fen(rapid.Int64Range(1, 40_000).Draw(r, "fen"))
	in := models.ApprovalInput{Kind: models.ApprovalAdjustment, AccountID: s.account, Amount: amount.Wire(), Direction: "add"}
	if rapid.Bool().Draw(r, "take") {
		in.Direction, amount = "take", -amount
	}
	w.ask(r, in, func(do bool) string {
		if do {
			s.cash += amount
		}
		return ""
	})
}

// bankTransfer: sometimes a number that somebody asked for before.
func (w *world) bankTransfer(r *rapid.T) {
	s := w.shop(r)
	if len(w.numbers) == 0 || rapid.Bool().Draw(r, "another number") {
		w.numbers = append(w.numbers, fmt.Sprintf("BN-%06dX%d", w.sellers[0].account, len(w.numbers)))
	}
	number := rapid.SampledFrom(w.numbers).Draw(r, "number")
	in := models.ApprovalInput{Kind: models.ApprovalBankTransfer, AccountID: s.account, Amount: "150", Reference: number, PaidOn: "2026-11-24"}
	w.ask(r, in, func(do bool) string {
		if w.used[number] {
			return "error.reference.used"
		}
		if do {
			w.used[number], w.credited[number] = true, true
			w.banked += 150 * yuan
			s.cash += 150 * yuan
		}
		return ""
	})
}

func (w *world) clearSuspense(r *rapid.T) {
	t := pick(r, "parked", w.trades, func(t *trade) bool { return t.parked })
	if t == nil {
		return
	}
	db, err := w.Handle()
	ok(r, err)
	in := models.ApprovalInput{Kind: models.ApprovalSuspenseClear}
	ok(r, db.QueryRowContext(w.ctx, "SELECT id FROM suspense_items WHERE rail = $1 AND gateway_trade_no = $2", t.rail, t.no).Scan(&in.SuspenseID))
	var to *shop
	how := rapid.SampledFrom([]string{"back", "account", "account", "payment"}).Draw(r, "how")
	switch o := w.order(r, func(*order) bool { return true }); {
	case how == "account":
		to = w.shop(r)
		in.To = strconv.FormatInt(to.account, 10)
	case how == "payment" && o != nil:
		in.PaymentNo = o.No
	}
	w.ask(r, in, func(do bool) string {
		if in.PaymentNo != "" {
			return "error.suspense.payment_rail"
		}
		if t.cleared {
			return "error.suspense.cleared"
		}
		if do {
			t.cleared = true
			w.parked -= t.amount
			if to != nil {
				to.cash += t.amount
			} else {
				t.sentBack = models.DayOn(w.Now())
			}
		}
		return ""
	})
}

// refund: some, all that is left, or more.
func (w *world) refund(r *rapid.T) {
	o := w.order(r, func(o *order) bool { return o.credited != nil })
	if o == nil {
		return
	}
	left := func() models.Fen {
		left := o.AmountFen - o.refunded
		for _, g := range w.refunds {
			if g.order == o && g.end == "" {
				left -= g.amount
			}
		}
		return left
	}
	amount := rapid.SampledFrom([]models.Fen{o.AmountFen / 3, left(), left() + 1}).Draw(r, "amount")
	if amount == 0 {
		return
	}
	w.ask(r, models.ApprovalInput{Kind: models.ApprovalRefund, PaymentNo: o.No, Amount: amount.Wire()}, func(do bool) string {
		switch {
		case amount > left():
			return "error.refund.over_paid"
		case amount > o.shop.cash:
			return "error.refund.over_cash"
		}
		if do {
			o.shop.cash -= amount
			p, err := w.PaymentByNo(w.ctx, o.No)
			ok(r, err)
			rows, err := w.RefundsOf(w.ctx, p.ID)
			ok(r, err)
			w.refunds = append(w.refunds, &giving{no: rows[len(rows)-1].RequestNo, order: o, amount: amount})
		}
		return ""
	})
}

// refundEnds: the gateway's word on a refund, the first or a later one; only the
// first counts.
func (w *world) refundEnds(r *rapid.T) {
	g := pick(r, "refund", w.refunds, func(*giving) bool { return true })
	if g == nil {
		return
	}
	if g.order.Rail == models.RailBankTransfer {
		w.paidOut(r, g)
		return
	}
	if rapid.Bool().Draw(r, "sent") {
		_, err := w.SendingRefund(w.ctx, g.no)
		ok(r, err)
	}
	end, command := models.RefundSettled, w.SettleRefund
	if g.backOn == "" && rapid.Bool().Draw(r, "refused") {
		end, command = models.RefundReleased, w.ReleaseRefund
	}
	got, err := command(w.ctx, g.no, "the gateway's word")
	ok(r, err)
	if g.end == "" {
		if g.end = end; end == models.RefundSettled {
			g.order.refunded += g.amount
			if g.settledOn = models.DayOn(w.Now()); g.backOn == "" {
				g.backOn = g.settledOn
			}
		} else {
			g.order.shop.cash += g.amount
		}
	}
	if got.State != g.end {
		r.Fatalf("the refund is %s, want %s", got.State, g.end)
	}
}

// paidOut: one of staff records that finance paid a refund out, or could not; it
// has ended when another says so.
func (w *world) paidOut(r *rapid.T, g *giving) {
	in := models.ApprovalInput{Kind: models.ApprovalRefundPaid, RefundNo: g.no, Reference: fmt.Sprint("OUT", w.unique("000000")), PaidOn: models.DayOn(w.Now())}
	if rapid.Bool().Draw(r, "can't be paid") {
		in.Kind = models.ApprovalRefundUnpaid
	}
	w.ask(r, in, func(do bool) string {
		switch {
		case g.end != "":
			return "error.refund.ended"
		case do && in.Kind == models.ApprovalRefundPaid:
			g.end = models.RefundSettled
			g.order.refunded += g.amount
		case do:
			g.end = models.RefundReleased
			g.order.shop.cash += g.amount
		}
		return ""
	})
}

// checkRefunded holds a payment against what went back of it.
func (o *order) checkRefunded(r *rapid.T, p models.Payment) {
	want := p.State
	switch {
	case o.refunded == 0 && o.credited != nil:
		want = models.PaymentPaid
	case o.refunded > 0 && o.refunded < o.AmountFen:
		want = models.PaymentPartiallyRefunded
	case o.refunded > 0:
		want = models.PaymentRefunded
	}
	if p.RefundedFen != o.refunded || p.State != want {
		r.Fatalf("payment %s is %s with %d refunded, want %s with %d", p.No, p.State, p.RefundedFen, want, o.refunded)
	}
}
