package unionpay

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"ztc-portal/gateways"
)

const codeRepeated = "12"

var _ gateways.Refunder = (*Rail)(nil)

// Refund asks for money back under the request no, which is an order of its own
// with its own time. UnionPay takes it on and does it later: it is unclear until
// RefundQuery says more. The payment is asked about first: a refund names it by
// UnionPay's number and must bear its kind (personal or corporate). A repeat is
// not done twice; one that had failed is ErrRefused. ErrNotExist, ErrRefused:
// UnionPay won't.
func (r *Rail) Refund(ctx context.Context, order gateways.RefundOrder) (gateways.RefundResult, error) {
	if !orderIDForm.MatchString(order.RequestNo) || order.AmountFen <= 0 || order.AmountFen > maxAmount || order.AskedAt.IsZero() {
		return gateways.RefundResult{}, fmt.Errorf("unionpay: refund not possible here: %w", gateways.ErrRefused)
	}
	paid, err := r.query(ctx, order.OutTradeNo, order.OpenedAt)
	switch {
	case err != nil:
		return gateways.RefundResult{}, err
	case !isPaid(paid.fields["origRespCode"]) || paid.fields["queryId"] == "":
		return gateways.RefundResult{}, fmt.Errorf("unionpay: %s: the payment is not paid: %w", pathBack, gateways.ErrRefused)
	}
	got, err := r.ask(ctx, r.calls, r.gateway+pathBack, map[string]string{
		"txnType": txnRefund, "txnSubType": "00", "bizType": paid.fields["bizType"], "channelType": "07",
		"orderId": order.RequestNo, "txnTime": stamp(order.AskedAt), "txnAmt": strconv.FormatInt(int64(order.AmountFen), 10),
		"origQryId": paid.fields["queryId"], "backUrl": order.NotifyURL,
	})
	if err != nil {
		return gateways.RefundResult{}, err
	}
	code := got.fields["respCode"]
	switch {
	case isPaid(code) || isPending(code):
		return gateways.RefundResult{State: gateways.RefundUnclear, Raw: got.raw}, nil
	case code == codeRepeated:
		return r.repeated(ctx, order, got.raw)
	}
	return gateways.RefundResult{}, refusal(pathBack, code)
}

// repeated looks at what became of the refund that stands under the number.
func (r *Rail) repeated(ctx context.Context, order gateways.RefundOrder, raw string) (gateways.RefundResult, error) {
	result, err := r.RefundQuery(ctx, order)
	switch {
	case err != nil:
		return gateways.RefundResult{}, err
	case result.State == gateways.RefundNone:
		return gateways.RefundResult{}, fmt.Errorf("unionpay: %s: it was taken on and has failed: %w", pathBack, gateways.ErrRefused)
	}
	return gateways.RefundResult{State: gateways.RefundUnclear, Raw: raw}, nil
}

// RefundQuery asks what became of a refund by its own number and time.
func (r *Rail) RefundQuery(ctx context.Context, order gateways.RefundOrder) (gateways.RefundResult, error) {
	got, err := r.query(ctx, order.RequestNo, order.AskedAt)
	code := got.fields["origRespCode"]
	switch {
	case errors.Is(err, gateways.ErrNotExist):
		return gateways.RefundResult{State: gateways.RefundNone}, nil
	case err != nil:
		return gateways.RefundResult{}, err
	case got.fields["txnType"] != txnRefund:
		return gateways.RefundResult{}, otherOrder(pathQuery)
	case isPending(code):
		return gateways.RefundResult{State: gateways.RefundUnclear, Raw: got.raw}, nil
	case !isPaid(code):
		return gateways.RefundResult{State: gateways.RefundNone, Raw: got.raw}, nil
	}
	amount, readable := fen(got.fields["txnAmt"])
	if !readable || amount <= 0 {
		return gateways.RefundResult{State: gateways.RefundUnclear, Raw: got.raw}, nil
	}
	return gateways.RefundResult{State: gateways.RefundDone, AmountFen: amount, Raw: got.raw}, nil
}
