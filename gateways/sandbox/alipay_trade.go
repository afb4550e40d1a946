package sandbox

import (
	"context"
	"slices"
)

// named finds the trade that a call names; trade_no wins over out_trade_no.
func (t *tx) named(biz bizContent) (Trade, error) {
	condition, number := "out_trade_no = ?", string(biz.OutTradeNo)
	if biz.TradeNo != "" {
		condition, number = "trade_no = ?", string(biz.TradeNo)
	}
	if number == "" {
		return Trade{}, badParameter("out_trade_no or trade_no is needed")
	}
	tr, found, err := t.trade(condition, number)
	if err == nil && !found {
		err = business("ACQ.TRADE_NOT_EXIST")
	}
	return tr, err
}

func (s *alipayWire) query(ctx context.Context, call request) (object, error) {
	var tr Trade
	err := s.store.inTx(ctx, func(t *tx) (err error) {
		tr, err = t.named(call.biz)
		return err
	})
	if err != nil {
		return nil, err
	}
	paid := yuan(tr.HeldFen)
	answer := success(
		field{"trade_no", tr.TradeNo}, field{"out_trade_no", tr.OutTradeNo},
		field{"buyer_logon_id", buyerLogonID}, field{"buyer_user_id", buyerID},
		field{"trade_status", string(tr.Status)},
		field{"total_amount", yuan(tr.amountFen())},
		field{"buyer_pay_amount", paid}, field{"receipt_amount", paid}, field{"invoice_amount", paid},
		field{"point_amount", "0.00"}, field{"send_pay_date", wireStamp(tr.PaidAt)},
	)
	if slices.Contains(call.biz.QueryOptions, "fund_bill_list") && tr.HeldFen > 0 {
		answer = append(answer, field{"fund_bill_list", []object{fundBill(tr)}})
	}
	return answer, nil
}

// fundBill says from which of the buyer's purses the money came.
func fundBill(tr Trade) object {
	return object{{"fund_channel", "ALIPAYACCOUNT"}, {"amount", yuan(tr.HeldFen)}}
}

// close ends a waiting trade. Any other state refuses: it was paid, or has ended.
func (s *alipayWire) close(ctx context.Context, call request) (object, error) {
	var tr Trade
	waiting := false
	err := s.store.inTx(ctx, func(t *tx) (err error) {
		tr, err = t.named(call.biz)
		if err != nil || tr.Status != StatusWaiting {
			return err
		}
		waiting = true
		tr, err = t.closeUnpaid(tr, t.now)
		return err
	})
	if err != nil {
		return nil, err
	}
	s.poke()
	if !waiting {
		return nil, business("ACQ.TRADE_STATUS_ERROR")
	}
	return success(field{"trade_no", tr.TradeNo}, field{"out_trade_no", tr.OutTradeNo}), nil
}
