package alipay

import (
	"context"
	"fmt"

	"ztc-portal/gateways"
	"ztc-portal/models"
)

const (
	methodRefund      = "alipay.trade.refund"
	methodRefundQuery = "alipay.trade.fastpay.refund.query"

	maxReasonRunes = 128
)

var _ gateways.Refunder = (*Rail)(nil)

// Refund gives money back under the request no. fund_change says whether this
// very call moved money: "N" on a repeat, whose end RefundQuery tells. The
// answer's refund_fee is the sum of all refunds of the trade and not this one's.
// ErrNotExist, ErrRefused: Alipay won't.
func (r *Rail) Refund(ctx context.Context, order gateways.RefundOrder) (gateways.RefundResult, error) {
	if !outTradeNoForm.MatchString(order.OutTradeNo) || !outTradeNoForm.MatchString(order.RequestNo) || order.AmountFen <= 0 || order.AmountFen > maxAmount {
		return gateways.RefundResult{}, fmt.Errorf("alipay: refund not possible here: %w", gateways.ErrRefused)
	}
	reason := []rune(cleanSubject(order.Reason, order.RequestNo))
	got, err := r.ask(ctx, payload(methodRefund, biz{
		"out_trade_no": order.OutTradeNo, "out_request_no": order.RequestNo, "refund_amount": order.AmountFen.Wire(),
		"refund_reason": string(reason[:min(len(reason), maxReasonRunes)]),
	}))
	switch {
	case got.Code == codeInProgress:
		return gateways.RefundResult{State: gateways.RefundUnclear, Raw: got.raw}, nil
	case err != nil:
		return gateways.RefundResult{}, err
	case got.OutTradeNo != order.OutTradeNo:
		return gateways.RefundResult{}, otherPayment(methodRefund)
	case got.FundChange == "Y":
		return gateways.RefundResult{State: gateways.RefundDone, Raw: got.raw}, nil
	}
	return gateways.RefundResult{State: gateways.RefundUnclear, Raw: got.raw}, nil
}

// RefundQuery asks what became of a refund. Alipay leaves refund_status out for
// one that it has not received, that failed, or that it is asked about too early.
func (r *Rail) RefundQuery(ctx context.Context, order gateways.RefundOrder) (gateways.RefundResult, error) {
	outTradeNo, requestNo := order.OutTradeNo, order.RequestNo
	got, err := r.ask(ctx, payload(methodRefundQuery, biz{"out_trade_no": outTradeNo, "out_request_no": requestNo}))
	result := gateways.RefundResult{Raw: got.raw}
	switch {
	case err != nil:
		return gateways.RefundResult{}, err
	case got.OutTradeNo != outTradeNo, got.OutRequestNo != "" && got.OutRequestNo != requestNo:
		return gateways.RefundResult{}, otherPayment(methodRefundQuery)
	case got.RefundStatus == "":
		result.State = gateways.RefundNone
	case got.RefundStatus == "REFUND_SUCCESS" && got.OutRequestNo == requestNo:
		amount, readable := models.FenFromYuan(got.RefundAmount)
		if result.State = gateways.RefundDone; !readable || amount <= 0 {
			result.State = gateways.RefundUnclear
		}
		result.AmountFen = amount
	default:
		result.State = gateways.RefundUnclear
	}
	return result, nil
}
