package sandbox

import (
	"context"
	"strconv"
	"strings"
)

// A refund is an order of its own with its own time and number. The store knows
// it by its order number; the other two stand with the reason.

func unionpayRefundTime(r refunded) string {
	at, _, _ := strings.Cut(r.reason, " ")
	return at
}

func unionpayRefundQueryID(r refunded) string {
	_, number, _ := strings.Cut(r.reason, " ")
	return number
}

// giveRefund takes a refund on. Here it is done at once; the answer only says
// that it was accepted, as the real one's does.
func (w *unionpayWire) giveRefund(ctx context.Context, request map[string]string) (fields map[string]string, err error) {
	amount, err := strconv.ParseInt(request["txnAmt"], 10, 64)
	switch {
	case err != nil || !unionpayAmount.MatchString(request["txnAmt"]):
		return nil, &unionpayRefusal{"10", "txnAmt must be whole fen"}
	case !unionpayOrderID.MatchString(request["orderId"]):
		return nil, &unionpayRefusal{"10", "orderId must be 8 to 40 letters and digits"}
	case request["origQryId"] == "":
		return nil, &unionpayRefusal{"13", "origQryId is missing"}
	}
	err = w.store.inTx(ctx, func(t *tx) error {
		_, _, repeated, err := w.findRefund(t, request["orderId"])
		if err != nil {
			return err
		}
		if repeated {
			return &unionpayRefusal{"12", "repeated order"}
		}
		tr, found, err := t.trade("trade_no = ?", request["origQryId"])
		switch {
		case err != nil:
			return err
		case !found:
			return &unionpayRefusal{"35", "no such original transaction"}
		}
		if biz, _, _ := strings.Cut(tr.passbackParams, " "); biz != request["bizType"] {
			return &unionpayRefusal{"36", "bizType is not the original's"}
		}
		number := unionpayNumber(t.now)
		r := refunded{requestNo: request["orderId"], amountFen: amount, reason: request["txnTime"] + " " + number, at: t.now}
		fields = map[string]string{"queryId": number}
		_, err = t.giveBack(tr, r)
		return err
	})
	w.poke()
	return fields, err
}

// findRefund gives the refund under an order number, with its trade.
func (w *unionpayWire) findRefund(t *tx, orderID string) (Trade, refunded, bool, error) {
	of, err := query(t, func(row scanner) (no string, err error) {
		return no, row.Scan(&no)
	}, `SELECT out_trade_no FROM refunds WHERE out_request_no = ?`, orderID)
	if err != nil || len(of) == 0 {
		return Trade{}, refunded{}, false, err
	}
	tr, _, err := t.trade("out_trade_no = ?", of[0])
	if err != nil {
		return Trade{}, refunded{}, false, err
	}
	r, found, err := t.refund(of[0], orderID)
	return tr, r, found, err
}

// refundFacts are what a notify and a query say alike of a refund.
func (w *unionpayWire) refundFacts(tr Trade, r refunded) map[string]string {
	fields := w.paidFacts(tr)
	number := unionpayRefundQueryID(r)
	fields["txnType"], fields["txnSubType"] = "04", "00"
	fields["orderId"], fields["txnTime"] = r.requestNo, unionpayRefundTime(r)
	fields["txnAmt"] = strconv.FormatInt(r.amountFen, 10)
	fields["settleAmt"] = fields["txnAmt"]
	fields["queryId"], fields["origQryId"], fields["traceNo"] = number, tr.TradeNo, number[max(len(number)-6, 0):]
	fields["traceTime"], fields["settleDate"] = r.at.In(beijing).Format("0102150405"), r.at.In(beijing).Format("0102")
	return fields
}
