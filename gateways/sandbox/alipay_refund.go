package sandbox

import "context"

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
func (s *alipayWire) refund(ctx context.Context, call request) (object, error) {
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
		first := false
		if tr, done, first, err = t.refundOnce(tr, asked); first {
			change = "Y"
		}
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

// refundQuery says what became of a refund. One never received has no
// refund_status: it succeeds, and says nothing.
func (s *alipayWire) refundQuery(ctx context.Context, call request) (object, error) {
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
