package sandbox

import "time"

// billLine is one row of a bill: a payment, or a refund with a negative amount.
type billLine struct {
	trade     Trade
	amountFen int64 // negative for a refund
	at        time.Time
	feeFen    int64  // kept of a payment
	requestNo string // of a refund
	note      string
}

func (t *tx) billLines(span billSpan, fee func(outTradeNo string) int64) ([]billLine, error) {
	lines, err := query(t, func(row scanner) (billLine, error) {
		tr, err := scanTrade(row)
		return billLine{trade: tr, amountFen: tr.HeldFen, feeFen: fee(tr.OutTradeNo), at: tr.PaidAt}, err
	}, `SELECT `+tradeColumns+` FROM trades WHERE paid_ms >= ? AND paid_ms < ? ORDER BY paid_ms, out_trade_no`,
		millis(span.from), millis(span.until))
	if err != nil {
		return nil, err
	}
	type given struct {
		outTradeNo string
		refunded
	}
	refunds, err := query(t, func(row scanner) (g given, err error) {
		var at int64
		err = row.Scan(&g.outTradeNo, &g.requestNo, &g.amountFen, &g.reason, &at)
		g.at = fromMillis(at)
		return g, err
	}, `SELECT out_trade_no, out_request_no, amount_fen, reason, refunded_ms FROM refunds
		WHERE refunded_ms >= ? AND refunded_ms < ? ORDER BY refunded_ms, out_request_no`,
		millis(span.from), millis(span.until))
	if err != nil {
		return nil, err
	}
	for _, g := range refunds {
		tr, _, err := t.trade("out_trade_no = ?", g.outTradeNo)
		if err != nil {
			return nil, err
		}
		lines = append(lines, billLine{trade: tr, amountFen: -g.amountFen, at: g.at, requestNo: g.requestNo, note: g.reason})
	}
	return lines, nil
}
