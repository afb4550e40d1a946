package sandbox

import (
	"context"
	"fmt"
	"hash/fnv"
	"net/http"
	"time"
)

// wechatStamp is how this wire writes an instant; "" for none.
func wechatStamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(beijing).Format(time.RFC3339)
}

// lapsed: the time to pay is over, and nobody has closed the trade. The protocol
// tells it as unpaid still.
func (tr Trade) lapsed() bool {
	return tr.Status == StatusClosed && tr.PaidAt.IsZero() && tr.ClosedAt.Equal(tr.ExpiresAt)
}

// wechatState is the state of a trade in WeChat Pay's words.
func wechatState(tr Trade) string {
	switch {
	case tr.RefundedFen > 0:
		return "REFUND"
	case !tr.PaidAt.IsZero():
		return "SUCCESS"
	case tr.Status == StatusWaiting, tr.lapsed():
		return "NOTPAY"
	}
	return "CLOSED"
}

// wechatTrade is a trade as queries and notifies tell it.
func wechatTrade(tr Trade) map[string]any {
	told := map[string]any{
		"appid": wechatAppID, "mchid": wechatMchID, "out_trade_no": tr.OutTradeNo, "attach": tr.passbackParams,
		"trade_state": wechatState(tr), "trade_state_desc": wechatText["state_"+wechatState(tr)],
		"amount": map[string]any{"total": tr.amountFen(), "payer_total": tr.amountFen(), "currency": "CNY", "payer_currency": "CNY"},
	}
	if !tr.PaidAt.IsZero() {
		told["transaction_id"], told["trade_type"], told["bank_type"] = tr.TradeNo, tr.body, "OTHERS"
		told["success_time"], told["payer"] = wechatStamp(tr.PaidAt), map[string]string{"openid": buyerID}
	}
	return told
}

// theirs finds the trade of the number in the address.
func (t *tx) theirs(call wechatCall) (Trade, error) {
	tr, found, err := t.trade("out_trade_no = ?", call.PathValue("no"))
	if err == nil && !found {
		err = ErrNoTrade
	}
	return tr, err
}

func (w *wechatWire) query(ctx context.Context, call wechatCall) (any, error) {
	if call.URL.Query().Get("mchid") != wechatMchID {
		return nil, wechatParameter("mchid is not the caller's")
	}
	var tr Trade
	err := w.store.inTx(ctx, func(t *tx) (err error) {
		tr, err = t.theirs(call)
		return err
	})
	if err != nil {
		return nil, err
	}
	return wechatTrade(tr), nil
}

// close ends an unpaid trade, also one whose time to pay is over.
func (w *wechatWire) close(ctx context.Context, call wechatCall) (any, error) {
	var asked struct {
		MchID string `json:"mchid"`
	}
	if err := call.read(&asked); err != nil {
		return nil, err
	}
	if asked.MchID != wechatMchID {
		return nil, wechatParameter("mchid is not the caller's")
	}
	err := w.store.inTx(ctx, func(t *tx) error {
		tr, err := t.theirs(call)
		switch {
		case err != nil:
			return err
		case !tr.PaidAt.IsZero():
			return errHasPaid
		case tr.lapsed():
			_, err = t.exec(`UPDATE trades SET closed_ms = ? WHERE out_trade_no = ?`, max(millis(t.now), millis(tr.ExpiresAt)+1), tr.OutTradeNo)
			return err
		case tr.Status != StatusWaiting:
			return errHasClosed
		}
		_, err = t.closeUnpaid(tr, t.now)
		return err
	})
	return nil, err
}

// wechatRefundOrder is what a merchant asks to give back.
type wechatRefundOrder struct {
	TransactionID string       `json:"transaction_id"`
	OutTradeNo    string       `json:"out_trade_no"`
	OutRefundNo   string       `json:"out_refund_no"`
	Reason        string       `json:"reason"`
	Amount        wechatAmount `json:"amount"`
}

// refund takes an order to give money back, once under one out_refund_no; it is
// done, and told, a moment later.
func (w *wechatWire) refund(ctx context.Context, call wechatCall) (any, error) {
	var asked wechatRefundOrder
	if err := call.read(&asked); err != nil {
		return nil, err
	}
	if !wechatNumber.MatchString(asked.OutRefundNo) || asked.Amount.Refund <= 0 || len(asked.Reason) > 80 || asked.Amount.Currency != "CNY" {
		return nil, wechatParameter("out_refund_no, amount or reason is not as it must be")
	}
	var told any
	err := w.store.inTx(ctx, func(t *tx) error {
		condition, number := "out_trade_no = ?", asked.OutTradeNo
		if asked.TransactionID != "" {
			condition, number = "trade_no = ?", asked.TransactionID
		}
		tr, found, err := t.trade(condition, number)
		switch {
		case err != nil:
			return err
		case !found:
			return &wechatRefusal{http.StatusNotFound, "RESOURCE_NOT_EXISTS", ""}
		case !tr.PaidAt.IsZero() && asked.Amount.Total != tr.amountFen():
			return &wechatRefusal{http.StatusBadRequest, "INVALID_REQUEST", "amount.total is not the order's"}
		}
		before, found, err := t.refundUnder(asked.OutRefundNo)
		if err != nil || found && before.outTradeNo != tr.OutTradeNo {
			return firstOf(err, errRefundOther)
		}
		tr, done, _, err := t.refundOnce(tr, refunded{requestNo: asked.OutRefundNo, amountFen: asked.Amount.Refund, reason: asked.Reason, at: t.now})
		told = w.wechatRefund(tr, done, t.now)
		return err
	})
	w.poke()
	return told, err
}

func firstOf(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

func (w *wechatWire) refundQuery(ctx context.Context, call wechatCall) (any, error) {
	var told any
	err := w.store.inTx(ctx, func(t *tx) error {
		r, found, err := t.refundUnder(call.PathValue("no"))
		if err != nil {
			return err
		}
		if !found {
			return &wechatRefusal{http.StatusNotFound, "RESOURCE_NOT_EXISTS", ""}
		}
		tr, _, err := t.trade("out_trade_no = ?", r.outTradeNo)
		told = w.wechatRefund(tr, r.refunded, t.now)
		return err
	})
	return told, err
}

// refundOf is a refund and the trade it belongs to.
type refundOf struct {
	outTradeNo string
	refunded
}

// refundUnder finds a refund by its number alone, which is the merchant's own.
func (t *tx) refundUnder(requestNo string) (refundOf, bool, error) {
	found, err := query(t, func(row scanner) (r refundOf, err error) {
		var at int64
		err = row.Scan(&r.outTradeNo, &r.requestNo, &r.amountFen, &r.reason, &at)
		r.at = fromMillis(at)
		return r, err
	}, `SELECT out_trade_no, out_request_no, amount_fen, reason, refunded_ms FROM refunds WHERE out_request_no = ?`, requestNo)
	if err != nil || len(found) == 0 {
		return refundOf{}, false, err
	}
	return found[0], true, nil
}

// wechatRefund is a refund as answers tell it.
func (w *wechatWire) wechatRefund(tr Trade, r refunded, now time.Time) map[string]any {
	told := map[string]any{
		"refund_id": refundID(tr, r), "out_refund_no": r.requestNo, "transaction_id": tr.TradeNo, "out_trade_no": tr.OutTradeNo,
		"channel": "ORIGINAL", "user_received_account": buyerLogonID, "create_time": wechatStamp(r.at), "status": "PROCESSING",
		"amount": map[string]any{
			"total": tr.HeldFen, "refund": r.amountFen, "payer_total": tr.HeldFen, "payer_refund": r.amountFen,
			"settlement_refund": r.amountFen, "settlement_total": tr.HeldFen, "discount_refund": 0, "currency": "CNY",
		},
	}
	if done := r.at.Add(w.refundTakes()); !now.Before(done) {
		told["status"], told["success_time"] = "SUCCESS", wechatStamp(done)
	}
	return told
}

// refundID is the gateway's own number of a refund.
func refundID(tr Trade, r refunded) string {
	digest := fnv.New64a()
	digest.Write([]byte(tr.OutTradeNo + "\x00" + r.requestNo)) // never fails
	return fmt.Sprintf("50300%023d", digest.Sum64())
}
