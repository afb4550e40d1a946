package wechat

import (
	"context"
	"errors"
	"fmt"

	"ztc-portal/gateways"
)

const (
	callRefund      = "refund"
	callRefundQuery = "refund query"

	maxReasonBytes = 80
)

var _ gateways.Refunder = (*Rail)(nil)

type refundOrder struct {
	OutTradeNo  string `json:"out_trade_no"`
	OutRefundNo string `json:"out_refund_no"`
	Reason      string `json:"reason"`
	NotifyURL   string `json:"notify_url"`
	Amount      amount `json:"amount"`
}

// Refund asks WeChat Pay to give money back under the request no. It takes the
// order and gives the money back later, so that the end is always asked for:
// RefundUnclear. ErrNotExist, ErrRefused: it won't, or it has given it up.
func (r *Rail) Refund(ctx context.Context, order gateways.RefundOrder) (gateways.RefundResult, error) {
	if !outTradeNoForm.MatchString(order.OutTradeNo) || !outTradeNoForm.MatchString(order.RequestNo) || order.AmountFen <= 0 || order.AmountFen > order.PaidFen {
		return gateways.RefundResult{}, fmt.Errorf("wechat: refund not possible here: %w", gateways.ErrRefused)
	}
	got, err := r.post(ctx, callRefund, "/v3/refund/domestic/refunds", refundOrder{
		OutTradeNo: order.OutTradeNo, OutRefundNo: order.RequestNo, Reason: cleanText(order.Reason, order.RequestNo, maxReasonBytes),
		NotifyURL: order.NotifyURL, Amount: amount{Total: order.PaidFen, Refund: order.AmountFen, Currency: "CNY"},
	})
	switch {
	case err != nil:
		return gateways.RefundResult{}, err
	case got.OutTradeNo != order.OutTradeNo || got.OutRefundNo != order.RequestNo:
		return gateways.RefundResult{}, otherPayment(callRefund)
	case got.Status == "CLOSED":
		return gateways.RefundResult{}, fmt.Errorf("wechat: %s: it was closed: %w", callRefund, gateways.ErrRefused)
	}
	return gateways.RefundResult{State: gateways.RefundUnclear, Raw: got.raw}, nil
}

// RefundQuery asks what became of a refund. ABNORMAL is unclear: the money waits
// at WeChat Pay until staff tell its console where it is to go.
func (r *Rail) RefundQuery(ctx context.Context, order gateways.RefundOrder) (gateways.RefundResult, error) {
	if !outTradeNoForm.MatchString(order.RequestNo) {
		return gateways.RefundResult{}, fmt.Errorf("wechat: %s: no number of a refund: %w", callRefundQuery, gateways.ErrRefused)
	}
	got, err := r.get(ctx, callRefundQuery, "/v3/refund/domestic/refunds/"+order.RequestNo)
	switch {
	case errors.Is(err, gateways.ErrNotExist):
		return gateways.RefundResult{State: gateways.RefundNone, Raw: got.raw}, nil
	case err != nil:
		return gateways.RefundResult{}, err
	case got.OutTradeNo != order.OutTradeNo || got.OutRefundNo != order.RequestNo:
		return gateways.RefundResult{}, otherPayment(callRefundQuery)
	}
	result := gateways.RefundResult{State: gateways.RefundUnclear, AmountFen: got.Amount.Refund, Raw: got.raw}
	switch {
	case got.Status == "SUCCESS" && got.Amount.Refund > 0:
		result.State = gateways.RefundDone
	case got.Status == "CLOSED":
		result.State, result.AmountFen = gateways.RefundNone, 0
	}
	return result, nil
}
