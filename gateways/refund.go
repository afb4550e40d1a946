package gateways

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ztc-portal/models"
)

// RefundOrder is what a rail needs to give money back.
type RefundOrder struct {
	Ref              // of the payment
	RequestNo string // the gateway's key: asked again under it, it gives the money back once
	AmountFen models.Fen
	PaidFen   models.Fen // what the payment was over
	AskedAt   time.Time  // UTC, whole seconds; the same however often it is sent
	Reason    string     // the payer may read it
	NotifyURL string     // where the gateway tells what became of it
}

// RefundState is what a gateway says of one refund.
type RefundState string

const (
	RefundDone    RefundState = "done"    // the money went back
	RefundUnclear RefundState = "unclear" // accepted, or already known: ask what became of it
	RefundNone    RefundState = "none"    // the gateway knows of none under this number (yet)
)

// RefundResult is what a gateway said of one refund, verified.
type RefundResult struct {
	State     RefundState
	AmountFen models.Fen // of this refund, where the gateway names it; else 0
	Raw       string     // the gateway's own words, for the record
}

// Refunder is a rail that gives money back to its source. Both methods return
// ErrUnavailable (wrapped) when nothing is known afterwards.
type Refunder interface {
	// Refund gives money back, once under one request no however often it is
	// called. ErrRefused, ErrNotExist: the gateway answered and said no.
	Refund(ctx context.Context, order RefundOrder) (RefundResult, error)
	// RefundQuery asks what became of a refund; RefundNone: never received,
	// failed, or asked too early.
	RefundQuery(ctx context.Context, order RefundOrder) (RefundResult, error)
}

// SendRefund asks the gateway to give reserved money back and books what it
// says. Called again it asks again under the same number, so that a timeout or
// a crash between the call and the books never gives the money back twice. What
// people pay out is left to them.
// Unavailable while the end is not known: come again. NotFound.
func (r *Rails) SendRefund(ctx context.Context, requestNo string) (models.Refund, error) {
	o, err := r.Store.SendingRefund(ctx, requestNo)
	if err != nil || o.Refund.State.Ended() || o.Payment.Rail.PaidOutByHand() {
		return o.Refund, err
	}
	refunder, err := r.refunder(o.Payment.Rail)
	switch {
	case errors.Is(err, ErrRefused):
		return r.Store.ReleaseRefund(ctx, requestNo, err.Error())
	case err != nil:
		return o.Refund, r.unclear(ctx, requestNo, err)
	}
	order := r.refundOrder(o)
	result, err := refunder.Refund(ctx, order)
	r.heard(ctx, o.Payment.Rail, true, err)
	if err == nil && result.State == RefundDone {
		return r.bookRefund(ctx, o, result)
	}
	if errors.Is(err, ErrUnavailable) {
		return o.Refund, r.unclear(ctx, requestNo, err)
	}
	// Refused, or known already: a try before this one may have gone through.
	known, asked := refunder.RefundQuery(ctx, order)
	r.heard(ctx, o.Payment.Rail, true, asked)
	refused := errors.Is(err, ErrRefused) || errors.Is(err, ErrNotExist)
	switch {
	case asked == nil && known.State == RefundDone:
		return r.bookRefund(ctx, o, known)
	case refused && (asked == nil && known.State == RefundNone || errors.Is(asked, ErrNotExist)):
		return r.Store.ReleaseRefund(ctx, requestNo, err.Error())
	}
	return o.Refund, r.unclear(ctx, requestNo, errors.Join(err, asked))
}

// AskRefund asks what became of a refund that was sent, without sending it: a
// notice about it came. What it says is only ever settled, never released.
// NotFound: the number is none of ours.
func (r *Rails) AskRefund(ctx context.Context, requestNo string) (models.Refund, error) {
	o, err := r.Store.RefundByNo(ctx, requestNo)
	if err != nil || o.Refund.State != models.RefundSent {
		return o.Refund, err
	}
	refunder, err := r.refunder(o.Payment.Rail)
	if err != nil {
		return o.Refund, err
	}
	known, err := refunder.RefundQuery(ctx, r.refundOrder(o))
	r.heard(ctx, o.Payment.Rail, true, err)
	if err != nil || known.State != RefundDone {
		return o.Refund, r.unclear(ctx, requestNo, err)
	}
	return r.bookRefund(ctx, o, known)
}

// bookRefund settles a refund that the gateway says is done, if it speaks of
// the amount that was asked for; else staff must look, and it stays sent.
func (r *Rails) bookRefund(ctx context.Context, o models.RefundOrder, result RefundResult) (models.Refund, error) {
	if result.AmountFen != 0 && result.AmountFen != o.Refund.AmountFen {
		r.Log.ErrorContext(ctx, "a gateway gave back another amount", "refund", o.Refund.RequestNo, "payment", o.Payment.No,
			"asked_fen", o.Refund.AmountFen, "given_fen", result.AmountFen)
		return o.Refund, r.unclear(ctx, o.Refund.RequestNo, fmt.Errorf("the gateway gave back %s", result.AmountFen.Wire()))
	}
	return r.Store.SettleRefund(ctx, o.Refund.RequestNo, result.Raw)
}

// unclear keeps what is known, and refuses until more is.
func (r *Rails) unclear(ctx context.Context, requestNo string, cause error) error {
	if cause == nil {
		cause = ErrUnavailable
	}
	if err := r.Store.RefundUnclear(ctx, requestNo, cause.Error()); err != nil {
		return err
	}
	return unavailable(cause)
}

func (r *Rails) refundOrder(o models.RefundOrder) RefundOrder {
	return RefundOrder{
		Ref: refOf(o.Payment), RequestNo: o.Refund.RequestNo, AmountFen: o.Refund.AmountFen, PaidFen: o.Payment.AmountFen,
		AskedAt: o.Refund.ReservedAt.Truncate(time.Second), Reason: o.Refund.Reason, NotifyURL: r.PublicURL + "/notify/" + string(o.Payment.Rail),
	}
}

func (r *Rails) refunder(rail models.Rail) (Refunder, error) {
	gateway, err := r.on(rail)
	if err != nil {
		return nil, err
	}
	if refunder, ok := gateway.(Refunder); ok {
		return refunder, nil
	}
	return nil, fmt.Errorf("%s gives no money back: %w", rail, ErrRefused)
}

// afterRefundNotice asks about the refund that a notice speaks of. The notice
// itself books nothing; what can't be asked now, the refund's own task asks.
func (r *Rails) afterRefundNotice(ctx context.Context, receipt models.Receipt) {
	if !receipt.RefundNotice || receipt.RefundNo == "" {
		return
	}
	if _, err := r.AskRefund(ctx, receipt.RefundNo); err != nil && models.CodeOf(err) != models.NotFound {
		r.Log.WarnContext(ctx, "a refund notice led to no end", "refund", receipt.RefundNo, "error", err)
	}
}
