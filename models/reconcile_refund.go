package models

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"ztc-portal/models/bulk"
)

// bookedRefund is a refund as our books hold it.
type bookedRefund struct {
	tradeNo   string // of the payment that it is of
	amountFen Fen    // positive
	state     string
	settled   bool // the money has left
}

// fillRefunds finds what our books hold of a bill's refunds. The number alone
// does not make a refund ours: the payment and the rail must be the same too.
func (t *tx) fillRefunds(rail Rail, lines []heldLine) error {
	booked, err := t.refundOf(rail, column(lines, func(l heldLine) string { return l.RequestNo }))
	if err != nil {
		return err
	}
	back, err := t.sentBackOf(rail, column(lines, func(l heldLine) string { return l.TradeNo }))
	if err != nil {
		return err
	}
	for i := range lines {
		l := &lines[i]
		if refund, ok := booked[l.RequestNo]; ok && refund.tradeNo == l.TradeNo {
			l.refund = &refund
		}
		l.sentBackFen = back[l.TradeNo]
	}
	return nil
}

// refundOf finds the refunds of a rail by their request numbers.
func (t *tx) refundOf(rail Rail, requestNos []string) (map[string]bookedRefund, error) {
	found := make(map[string]bookedRefund, len(requestNos))
	if len(requestNos) == 0 {
		return found, nil
	}
	query := `SELECT r.request_no, r.amount_fen, r.state, p.gateway_trade_no FROM refunds r JOIN payments p ON p.id = r.payment_id
		WHERE %s AND p.rail = $2`
	return found, bulk.On(t.DB).Select(query, "r.request_no", requestNos, func(scan bulk.Scan) error {
		var no string
		var r bookedRefund
		if err := scan(&no, &r.amountFen, &r.state, &r.tradeNo); err != nil {
			return err
		}
		r.settled = RefundState(r.state) == RefundSettled
		found[no] = r
		return nil
	}, string(rail))
}

// sentBack joins suspense that left by the rail it had come by: its clearing
// named no account.
const sentBack = `suspense_items s JOIN approvals a ON a.suspense_id = s.id AND a.state = 'approved' AND a.account_id IS NULL`

// sentBackOf finds the suspense of a rail that was sent back, by trade.
func (t *tx) sentBackOf(rail Rail, tradeNos []string) (map[string]Fen, error) {
	found := map[string]Fen{}
	if len(tradeNos) == 0 {
		return found, nil
	}
	query := "SELECT s.gateway_trade_no, s.amount_fen FROM " + sentBack + " WHERE %s AND s.rail = $2"
	return found, bulk.On(t.DB).Select(query, "s.gateway_trade_no", tradeNos, func(scan bulk.Scan) error {
		var no string
		var fen Fen
		err := scan(&no, &fen)
		found[no] = fen
		return err
	}, string(rail))
}

// refundMoved is when a refund left: when it was settled, or the day that the bank
// says of what people paid out, who record it later.
func refundMoved(rail Rail) string {
	if rail.PaidOutByHand() {
		return "f.paid_at"
	}
	return "f.settled_at"
}

// onBill joins a line of a bill to the reconciliation whose newest run read it.
const onBill = `bill_lines l JOIN reconciliations r ON r.id = l.reconciliation_id AND r.run = l.run`

// What our books hold of a day ($1 to before $2) and a rail ($3) and no bill
// names, payments aside: refunds that were given back, suspense, and suspense
// that was sent back, known by the ledger's reference.
var (
	refundsOnNoBill = `SELECT p.id, p.no, p.gateway_trade_no, f.request_no, -f.amount_fen, f.state FROM refunds f JOIN payments p ON p.id = f.payment_id
		WHERE %[1]s >= $1 AND %[1]s < $2 AND p.rail = $3 AND NOT EXISTS (SELECT 1 FROM ` + onBill + `
			WHERE l.rail = p.rail AND l.trade_no = p.gateway_trade_no AND l.request_no = f.request_no) ORDER BY f.id`
	suspenseOnNoBill = `SELECT COALESCE(s.payment_id, 0), s.out_trade_no, s.gateway_trade_no, '', s.amount_fen, '` + inSuspense + `' FROM suspense_items s
		WHERE s.created_at >= $1 AND s.created_at < $2 AND s.rail = $3 AND`
	sentBackOnNoBill = fmt.Sprintf(`SELECT COALESCE(s.payment_id, 0), s.out_trade_no, s.gateway_trade_no, 'suspense:' || s.id, -s.amount_fen, '%s' FROM %s
		WHERE s.cleared_at >= $1 AND s.cleared_at < $2 AND s.rail = $3 AND NOT EXISTS (SELECT 1 FROM %s
			WHERE l.rail = s.rail AND l.trade_no = s.gateway_trade_no AND l.request_no <> '') ORDER BY s.id`, inSuspense, sentBack, onBill)
)

// lateOnNoBill finds payments that were booked on the day ($1 to before $2) and
// that the gateway was paid on a day before, which was reconciled without them
// and has not been run since.
func (t *tx) lateOnNoBill(r Reconciliation, day []any) ([]Difference, error) {
	type late struct {
		Difference
		paidOn string
	}
	var some []late
	billed := map[string]bool{}
	err := bulk.On(t.DB).Query(`SELECT p.id, p.no, p.gateway_trade_no, p.amount_fen, p.state, p.paid_at FROM payments p
		WHERE p.settled_at >= $1 AND p.settled_at < $2 AND p.rail = $3 AND p.paid_at < $1 AND`+notNamed(r.Rail, "p")+`
		AND NOT EXISTS (SELECT 1 FROM differences d WHERE d.payment_id = p.id AND d.request_no = '' AND (d.kind = 'only_ours' OR d.kind = 'amount_differs' AND p.rail = 'bank_transfer') AND d.reconciliation_id <> $4)
		ORDER BY p.id`, append(day[:len(day):len(day)], r.ID), func(scan bulk.Scan) error {
		d := late{Difference: Difference{Kind: OnlyOurs, PaymentID: new(int64)}}
		var paidAt time.Time
		if err := scan(d.PaymentID, &d.OutTradeNo, &d.TradeNo, &d.OursFen, &d.OursState, &paidAt); err != nil {
			return err
		}
		d.paidOn = DayOn(paidAt)
		billed[d.paidOn] = false
		some = append(some, d)
		return nil
	})
	if err != nil || len(some) == 0 {
		return nil, err
	}
	err = bulk.On(t.DB).Select("SELECT r.day_on FROM reconciliations r WHERE %s AND r.rail = $2 AND r.state = 'done'", "r.day_on",
		slices.Sorted(maps.Keys(billed)), func(scan bulk.Scan) error {
			var dayOn string
			err := scan(&dayOn)
			billed[dayOn] = true
			return err
		}, string(r.Rail))
	some = slices.DeleteFunc(some, func(d late) bool { return !billed[d.paidOn] })
	return column(some, func(d late) Difference { return d.Difference }), err
}
