package models

import (
	"errors"

	"ztc-portal/models/bulk"
	"ztc-portal/models/ledger"
)

// bookLines books each line's money to suspense and stores the line with it. One
// that staff credited by hand before, under the bank's own number and over the
// same amount, is money that the books have already.
func (t *tx) bookLines(made StatementImport, lines []StatementLine) error {
	byHand, err := t.creditedByHand(lines)
	if err != nil || len(lines) == 0 {
		return err
	}
	var held []*StatementLine
	for i := range lines {
		l := &lines[i]
		l.ImportID = made.ID
		if p, ok := byHand[l.SerialNo]; ok && p.AmountFen == l.AmountFen {
			l.PaymentID = &p.ID
			delete(byHand, l.SerialNo)
			continue
		}
		held = append(held, l)
	}
	if err = t.holdStated(held); err == nil {
		err = t.CreateInBatches(&lines, statementChunk/4).Error
	}
	if uniqueTaken(err) {
		return errors.Join(errStale, err) // another import brought the same line meanwhile
	}
	return err
}

// holdStated is hold for many lines at once: a file has thousands, and nobody
// else can write meanwhile. A number that is booked already fails with the
// database's unique violation.
func (t *tx) holdStated(lines []*StatementLine) error {
	if len(lines) == 0 {
		return nil
	}
	gateway, err := t.systemAccount("gateway:" + string(RailBankTransfer))
	if err != nil {
		return err
	}
	suspense, err := t.systemAccount("suspense")
	if err != nil {
		return err
	}
	place := make(map[string]*StatementLine, len(lines))
	for _, l := range lines {
		place[l.tradeNo()] = l
	}
	batch, err := ledger.OpenBatch(t.DB, KindSuspense, column(lines, func(l *StatementLine) string {
		return Receipt{Rail: RailBankTransfer, GatewayTradeNo: l.tradeNo()}.reference()
	}), t.now)
	if err != nil {
		return err
	}
	transactions := make([]int64, len(lines))
	for i := range lines {
		transactions[i] = batch.ID(i)
	}
	err = bulk.On(t.DB).Insert("suspense_items", len(lines), []bulk.Column{
		{Name: "rail", Values: string(RailBankTransfer)}, {Name: "out_trade_no", Values: ""}, {Name: "reason", Values: SuspenseUnknown}, {Name: "created_at", Values: t.now},
		{Name: "gateway_trade_no", Values: column(lines, func(l *StatementLine) string { return l.tradeNo() })},
		{Name: "amount_fen", Values: column(lines, func(l *StatementLine) int64 { return int64(l.AmountFen) })},
		{Name: "ledger_transaction_id", Values: transactions},
	}, "RETURNING id, gateway_trade_no", func(scan bulk.Scan) error {
		var id int64
		var tradeNo string
		err := scan(&id, &tradeNo)
		if l := place[tradeNo]; l != nil {
			l.SuspenseID = &id
		}
		return err
	})
	if err != nil {
		return err
	}
	_, err = batch.Post(gateway, column(lines, func(l *StatementLine) []ledger.Line {
		return []ledger.Line{{AccountID: suspense, AmountFen: int64(l.AmountFen)}}
	}))
	return err
}
