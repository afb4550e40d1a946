package sandbox

import "time"

// refunded is money given back to the buyer.
type refunded struct {
	requestNo string
	amountFen int64
	reason    string
	at        time.Time
}

func scanRefund(row scanner) (refunded, error) {
	var r refunded
	var at int64
	err := row.Scan(&r.requestNo, &r.amountFen, &r.reason, &at)
	r.at = fromMillis(at)
	return r, err
}

func (t *tx) refund(outTradeNo, requestNo string) (refunded, bool, error) {
	found, err := query(t, scanRefund, `SELECT out_request_no, amount_fen, reason, refunded_ms
		FROM refunds WHERE out_trade_no = ? AND out_request_no = ?`, outTradeNo, requestNo)
	if err != nil || len(found) == 0 {
		return refunded{}, false, err
	}
	return found[0], true, nil
}

// giveBack books a refund that was not made before and tells the merchant. A
// trade refunded in full is closed.
func (t *tx) giveBack(tr Trade, r refunded) (Trade, error) {
	switch {
	case tr.Status == StatusFinished:
		return Trade{}, errRefundLate
	case tr.Status != StatusSuccess:
		return Trade{}, errNotRefunded
	case tr.RefundedFen+r.amountFen > tr.HeldFen:
		return Trade{}, errRefundOver
	}
	tr.RefundedFen += r.amountFen
	if tr.RefundedFen == tr.HeldFen {
		tr.Status, tr.ClosedAt = StatusClosed, r.at
	}
	_, err := t.exec(`INSERT INTO refunds (out_trade_no, out_request_no, amount_fen, reason, refunded_ms)
		VALUES (?,?,?,?,?)`, tr.OutTradeNo, r.requestNo, r.amountFen, r.reason, millis(r.at))
	if err != nil {
		return Trade{}, err
	}
	_, err = t.exec(`UPDATE trades SET refunded_fen = ?, status = ?, closed_ms = ? WHERE out_trade_no = ?`,
		tr.RefundedFen, tr.Status, millis(tr.ClosedAt), tr.OutTradeNo)
	if err != nil {
		return Trade{}, err
	}
	_, err = t.tell(tr, &r)
	return tr, err
}

// refundOnce gives money back, once under a request number: first says whether
// this call did it. errRefundOther: another amount was asked for under it before.
func (t *tx) refundOnce(tr Trade, asked refunded) (after Trade, done refunded, first bool, err error) {
	before, repeated, err := t.refund(tr.OutTradeNo, asked.requestNo)
	switch {
	case err != nil:
		return tr, before, false, err
	case repeated && before.amountFen != asked.amountFen:
		return tr, before, false, errRefundOther
	case repeated:
		return tr, before, false, nil
	}
	after, err = t.giveBack(tr, asked)
	return after, asked, true, err
}
