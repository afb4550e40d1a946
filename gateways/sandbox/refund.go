package sandbox

import (
	"context"
	"time"
)

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

// requestNo is the key under which a refund happens once; a refund without one
// is the trade's only refund.
func requestNo(biz bizContent, tr Trade) string {
	if biz.OutRequestNo == "" {
		return tr.OutTradeNo
	}
	return string(biz.OutRequestNo)
}

// refund gives money back. The same out_request_no gives it back once: a repeat
// answers fund_change N. refund_fee is what the trade has refunded in all.
func (s *Sandbox) refund(ctx context.Context, call request) (object, error) {
	amount, ok := parseYuan(string(call.biz.RefundAmount))
	if !ok {
		return nil, badParameter("refund_amount must be yuan above 0 with at most 2 decimals")
	}
	var tr Trade
	var done refunded
	change := "N"
	err := s.store.inTx(ctx, func(t *tx) (err error) {
		if tr, err = t.named(call.biz); err != nil {
			return err
		}
		asked := refunded{
			requestNo: requestNo(call.biz, tr), amountFen: amount,
			reason: string(call.biz.RefundReason), at: t.now,
		}
		before, repeated, err := t.refund(tr.OutTradeNo, asked.requestNo)
		if err != nil {
			return err
		}
		if repeated {
			done = before
			if before.amountFen != amount {
				return business("ACQ.DISCORDANT_REPEAT_REQUEST")
			}
			return nil
		}
		change, done = "Y", asked
		tr, err = t.giveBack(tr, asked)
		return err
	})
	if err != nil {
		return nil, err
	}
	s.poke()
	return success(
		field{"trade_no", tr.TradeNo}, field{"out_trade_no", tr.OutTradeNo},
		field{"buyer_logon_id", buyerLogonID}, field{"buyer_user_id", buyerID},
		field{"fund_change", change}, field{"refund_fee", yuan(tr.RefundedFen)},
		field{"send_back_fee", yuan(done.amountFen)}, field{"gmt_refund_pay", wireStamp(done.at)},
	), nil
}

// giveBack books a refund that was not made before and tells the merchant. A
// trade refunded in full is closed.
func (t *tx) giveBack(tr Trade, r refunded) (Trade, error) {
	switch {
	case tr.Status == StatusFinished:
		return Trade{}, business("ACQ.TRADE_HAS_FINISHED")
	case tr.Status != StatusSuccess:
		return Trade{}, business("ACQ.TRADE_STATUS_ERROR")
	case tr.RefundedFen+r.amountFen > tr.HeldFen:
		return Trade{}, business("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL")
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
	n := newNotice(tr, t.now)
	n.fields["refund_fee"] = yuan(tr.RefundedFen)
	n.fields["gmt_refund"] = wireStamp(r.at)
	n.fields["out_biz_no"] = r.requestNo
	_, err = t.addNotice(n)
	return tr, err
}

// refundQuery says what became of a refund. One never received has no
// refund_status: it succeeds, and says nothing.
func (s *Sandbox) refundQuery(ctx context.Context, call request) (object, error) {
	var answer object
	err := s.store.inTx(ctx, func(t *tx) error {
		tr, err := t.named(call.biz)
		if err != nil {
			return err
		}
		answer = success(field{"trade_no", tr.TradeNo}, field{"out_trade_no", tr.OutTradeNo})
		r, found, err := t.refund(tr.OutTradeNo, requestNo(call.biz, tr))
		if err != nil || !found {
			return err
		}
		answer = append(answer,
			field{"out_request_no", r.requestNo}, field{"refund_status", "REFUND_SUCCESS"},
			field{"refund_amount", yuan(r.amountFen)}, field{"total_amount", yuan(tr.HeldFen)},
			field{"refund_reason", r.reason}, field{"gmt_refund_pay", wireStamp(r.at)},
		)
		return nil
	})
	return answer, err
}
