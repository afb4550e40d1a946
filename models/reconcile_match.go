package models

import (
	"context"
	"fmt"
	"time"

	"ztc-portal/models/bulk"
)

// maxFeePercent is what a gateway may keep of a payment: what is above any
// contract of ours is a difference.
const maxFeePercent = 1

// heldLine is a line of the bill beside what our books hold of it.
type heldLine struct {
	BillLine
	paymentID    int64 // that this trade paid; 0: none
	paymentNo    string
	paymentState PaymentState
	paymentFen   Fen
	namedID      int64 // that the line names; 0: none
	namedState   PaymentState
	suspenseFen  Fen  // of this trade; 0: none
	cleared      bool // the suspense found its way since
	refund       *bookedRefund
	sentBackFen  Fen  // suspense of this trade that left by this rail again; 0: none
	stated       bool // a bank's statement says it, which names a payment as its payer did
}

// lineStanding is what a line came to.
type lineStanding int

const (
	lineDiffers lineStanding = iota
	lineMatched
	lineInSuspense
)

// judge is the rule: what a line and our books come to. The difference is nil
// where they agree; a fee is judged by itself.
func (l heldLine) judge() (lineStanding, *Difference) {
	d := Difference{TradeNo: l.TradeNo, RequestNo: l.RequestNo, OutTradeNo: l.OutTradeNo, TheirsFen: l.AmountFen}
	if about := l.about(); about != 0 {
		d.PaymentID = &about
	}
	differs := func(kind DifferenceKind, ours Fen, state string) (lineStanding, *Difference) {
		d.Kind, d.OursFen, d.OursState = kind, ours, state
		return lineDiffers, &d
	}
	switch {
	case l.IsRefund() && l.refund == nil && l.sentBackFen != 0 && -l.sentBackFen != l.AmountFen:
		return differs(AmountDiffers, -l.sentBackFen, inSuspense)
	case l.IsRefund() && l.refund == nil && l.sentBackFen != 0:
		return lineMatched, nil
	case l.IsRefund() && l.refund == nil:
		return differs(OnlyTheirs, 0, "")
	case l.IsRefund() && -l.refund.amountFen != l.AmountFen:
		return differs(AmountDiffers, -l.refund.amountFen, l.refund.state)
	case l.IsRefund() && !l.refund.settled:
		return differs(StateDiffers, -l.refund.amountFen, l.refund.state)
	case l.IsRefund():
		return lineMatched, nil
	case l.paymentID != 0 && l.paymentNo != l.OutTradeNo:
		return differs(StateDiffers, l.paymentFen, string(l.paymentState))
	case l.paymentID != 0 && l.paymentFen != l.AmountFen:
		return differs(AmountDiffers, l.paymentFen, string(l.paymentState))
	case l.paymentID != 0:
		return lineMatched, nil
	case l.suspenseFen != 0 && l.suspenseFen != l.AmountFen:
		return differs(AmountDiffers, l.suspenseFen, inSuspense)
	case l.suspenseFen != 0 && l.cleared:
		return lineMatched, nil
	case l.suspenseFen != 0 && l.stated && l.namedID != 0 && !l.namedState.IsPaid():
		return differs(StateDiffers, l.suspenseFen, string(l.namedState))
	case l.suspenseFen != 0:
		return lineInSuspense, nil
	case l.namedID != 0:
		return differs(StateDiffers, 0, string(l.namedState))
	}
	return differs(OnlyTheirs, 0, "")
}

// inSuspense is the state of money that fits no payment.
const inSuspense = "suspense"

// judgeFee is the rule of what a gateway may keep; nil when it kept no more.
func (l heldLine) judgeFee() *Difference {
	most := max(l.OrderFen, -l.OrderFen).Times(maxFeePercent)
	kept := max(l.FeeFen, -l.FeeFen)
	if kept <= most {
		return nil
	}
	d := Difference{
		Kind: FeeDiffers, TradeNo: l.TradeNo, RequestNo: l.RequestNo, OutTradeNo: l.OutTradeNo, OursFen: most, TheirsFen: kept,
		OursState: string(l.paymentState),
	}
	if about := l.about(); about != 0 {
		d.PaymentID = &about
	}
	return &d
}

// about is the payment that the line is about, 0 if we know of none.
func (l heldLine) about() int64 {
	if l.paymentID != 0 {
		return l.paymentID
	}
	return l.namedID
}

// FinishReconciliation holds the lines that a run has stored against the books
// and ends the run: what differs is stored, what was worked stays worked unless
// it changed, what is no longer found is closed. ledgerFaults is what the
// ledger's own reading found. Conflict: the run was taken over.
func (s *Store) FinishReconciliation(ctx context.Context, r Reconciliation, ledgerFaults int) (Reconciliation, error) {
	var its Reconciliation
	err := s.inTx(ctx, func(t *tx) (err error) {
		if its, err = t.running(r.ID, r.Run); err != nil {
			return err
		}
		its.reset()
		differences, err := t.holdLines(&its)
		if err != nil {
			return err
		}
		ours, err := t.holdOurs(&its)
		if err != nil {
			return err
		}
		if err := t.storeDifferences(its, append(differences, ours...)); err != nil {
			return err
		}
		if err := t.holdClearing(&its); err != nil {
			return err
		}
		its.LedgerFaultCount = int64(ledgerFaults)
		if its.LedgerFen != its.OursFen {
			its.LedgerFaultCount++
		}
		if its.UnexplainedFen() != 0 {
			its.LedgerFaultCount++
		}
		its.State, its.FinishedAt = ReconciliationDone, &t.now
		return t.Model(&its).Select("State", "FinishedAt", "PaymentCount", "PaymentFen", "RefundCount", "RefundFen", "FeeFen", "MatchedCount",
			"SuspenseCount", "SuspenseFen", "OursCount", "OursFen", "LedgerFen", "LedgerFaultCount",
			"ComparedFrom", "UnbilledDays", "OpeningFen", "ClearingFen", "BilledFen", "ExplainedFen").Updates(&its).Error
	})
	return its, err
}

// reset forgets the figures of the run before.
func (r *Reconciliation) reset() {
	*r = Reconciliation{
		ID: r.ID, Rail: r.Rail, DayOn: r.DayOn, State: r.State, Run: r.Run, CreatedAt: r.CreatedAt, StartedAt: r.StartedAt,
	}
}

// holdLines judges each line of the run, and counts.
func (t *tx) holdLines(r *Reconciliation) (differences []Difference, err error) {
	take := func(l heldLine) {
		if fee := l.judgeFee(); fee != nil {
			differences = append(differences, *fee)
		}
		standing, d := l.judge()
		switch {
		case standing == lineMatched:
			r.MatchedCount++
		case standing == lineInSuspense, d.Kind == StateDiffers && l.suspenseFen != 0:
			r.SuspenseCount, r.SuspenseFen = r.SuspenseCount+1, r.SuspenseFen+l.AmountFen
		}
		if d != nil {
			differences = append(differences, *d)
		}
	}
	var refunds []heldLine
	const lines = `SELECT l.trade_no, l.request_no, l.out_trade_no, l.order_fen, l.amount_fen, l.fee_fen,
			COALESCE(p.id, 0), COALESCE(p.no, ''), COALESCE(p.state, ''), COALESCE(p.amount_fen, 0),
			COALESCE(q.id, 0), COALESCE(q.state, ''), COALESCE(s.amount_fen, 0), s.cleared_at IS NOT NULL
		FROM bill_lines l LEFT JOIN payments p ON p.rail = l.rail AND p.gateway_trade_no = l.trade_no
			LEFT JOIN payments q ON q.no = l.out_trade_no AND q.rail = l.rail
			LEFT JOIN suspense_items s ON s.rail = l.rail AND s.gateway_trade_no = l.trade_no
		WHERE l.reconciliation_id = $1 AND l.run = $2 ORDER BY l.id`
	err = bulk.On(t.DB).Query(lines, []any{r.ID, r.Run}, func(scan bulk.Scan) error {
		l := heldLine{stated: r.Rail == RailBankTransfer}
		if err := scan(&l.TradeNo, &l.RequestNo, &l.OutTradeNo, &l.OrderFen, &l.AmountFen, &l.FeeFen, &l.paymentID, &l.paymentNo,
			&l.paymentState, &l.paymentFen, &l.namedID, &l.namedState, &l.suspenseFen, &l.cleared); err != nil {
			return err
		}
		r.FeeFen += l.FeeFen
		if l.IsRefund() {
			r.RefundCount, r.RefundFen = r.RefundCount+1, r.RefundFen+l.AmountFen
			refunds = append(refunds, l)
			return nil
		}
		r.PaymentCount, r.PaymentFen = r.PaymentCount+1, r.PaymentFen+l.AmountFen
		take(l)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := t.fillRefunds(r.Rail, refunds); err != nil {
		return nil, err
	}
	for _, l := range refunds {
		take(l)
	}
	return differences, nil
}

// onNoBill is true of what no bill of the rail names, as bills stand now.
const onNoBill = ` NOT EXISTS (SELECT 1 FROM ` + onBill + `
	WHERE l.rail = %[1]s.rail AND l.trade_no = %[1]s.gateway_trade_no AND l.request_no = '')`

// holdOurs finds what our books hold of the day and no bill names, and sums up
// what the day's payments moved on the rail's clearing account: when they were
// paid, or when the suspense came in that paid them.
func (t *tx) holdOurs(r *Reconciliation) ([]Difference, error) {
	from, err := time.ParseInLocation(time.DateOnly, r.DayOn, Shanghai)
	if err != nil {
		return nil, err
	}
	clearing, err := t.systemAccount("gateway:" + string(r.Rail))
	if err != nil {
		return nil, err
	}
	day := []any{from.UTC(), from.AddDate(0, 0, 1).UTC(), string(r.Rail)}
	conn := bulk.On(t.DB)
	err = conn.Query(`SELECT COUNT(p.id), CAST(COALESCE(SUM(p.amount_fen), 0) AS BIGINT), CAST(COALESCE(-SUM(e.amount_fen), 0) AS BIGINT)
		FROM payments p LEFT JOIN suspense_items s ON s.rail = p.rail AND s.gateway_trade_no = p.gateway_trade_no
			LEFT JOIN ledger_entries e ON e.transaction_id = COALESCE(s.ledger_transaction_id, p.ledger_transaction_id) AND e.account_id = $1
		WHERE p.paid_at >= $2 AND p.paid_at < $3 AND p.rail = $4`, append([]any{clearing}, day...), func(scan bulk.Scan) error {
		return scan(&r.OursCount, &r.OursFen, &r.LedgerFen)
	})
	if err != nil {
		return nil, err
	}
	var differences []Difference
	each := func(scan bulk.Scan) error {
		d := Difference{Kind: OnlyOurs}
		var about int64
		if err := scan(&about, &d.OutTradeNo, &d.TradeNo, &d.RequestNo, &d.OursFen, &d.OursState); err != nil {
			return err
		}
		if about != 0 {
			d.PaymentID = &about
		}
		differences = append(differences, d)
		return nil
	}
	err = conn.Query(`SELECT p.id, p.no, p.gateway_trade_no, '', p.amount_fen, p.state FROM payments p
		WHERE p.paid_at >= $1 AND p.paid_at < $2 AND p.rail = $3 AND`+notNamed(r.Rail, "p")+` ORDER BY p.id`, day, each)
	if err != nil {
		return nil, err
	}
	for _, query := range []string{fmt.Sprintf(refundsOnNoBill, refundMoved(r.Rail)), suspenseOnNoBill + notNamed(r.Rail, "s") + " ORDER BY s.id", sentBackOnNoBill} {
		if err := conn.Query(query, day, each); err != nil {
			return nil, err
		}
	}
	late, err := t.lateOnNoBill(*r, day)
	differences = append(differences, late...)
	if err == nil && r.Rail == RailBankTransfer {
		err = t.otherAmounts(differences)
	}
	return differences, err
}

// storeDifferences writes what a run found. One that stands already keeps its
// number, and its time unless it opens again; worked, it stays worked unless it
// had vanished, was repaired in vain, or is over other amounts than those that
// were explained or refunded.
func (t *tx) storeDifferences(r Reconciliation, found []Difference) error {
	words := func(of func(Difference) string) []string { return column(found, of) }
	fen := func(of func(Difference) Fen) []int64 {
		return column(found, func(d Difference) int64 { return int64(of(d)) })
	}
	const again = `(differences.resolution IN ('vanished', 'repaired') OR differences.resolution IN ('explained', 'refunded')
		AND (differences.ours_fen <> excluded.ours_fen OR differences.theirs_fen <> excluded.theirs_fen))`
	err := bulk.On(t.DB).Insert("differences", len(found), []bulk.Column{
		{Name: "reconciliation_id", Values: r.ID}, {Name: "run", Values: r.Run}, {Name: "found_at", Values: t.now},
		{Name: "kind", Values: words(func(d Difference) string { return string(d.Kind) })},
		{Name: "trade_no", Values: words(func(d Difference) string { return d.TradeNo })},
		{Name: "request_no", Values: words(func(d Difference) string { return d.RequestNo })},
		{Name: "out_trade_no", Values: words(func(d Difference) string { return d.OutTradeNo })},
		{Name: "payment_id", ZeroIsNull: true, Values: column(found, func(d Difference) (id int64) {
			if d.PaymentID != nil {
				id = *d.PaymentID
			}
			return id
		})},
		{Name: "ours_fen", Values: fen(func(d Difference) Fen { return d.OursFen })},
		{Name: "theirs_fen", Values: fen(func(d Difference) Fen { return d.TheirsFen })},
		{Name: "ours_state", Values: words(func(d Difference) string { return d.OursState })},
	}, `ON CONFLICT (reconciliation_id, kind, trade_no, request_no) DO UPDATE SET run = excluded.run, payment_id = excluded.payment_id,
		out_trade_no = excluded.out_trade_no, ours_fen = excluded.ours_fen, theirs_fen = excluded.theirs_fen, ours_state = excluded.ours_state,
		found_at = CASE WHEN `+again+` THEN excluded.found_at ELSE differences.found_at END,
		state = CASE WHEN `+again+` THEN 'open' ELSE differences.state END,
		resolution = CASE WHEN `+again+` THEN '' ELSE differences.resolution END,
		note = CASE WHEN `+again+` THEN '' ELSE differences.note END,
		worked_by = CASE WHEN `+again+` THEN NULL ELSE differences.worked_by END,
		worked_at = CASE WHEN `+again+` THEN NULL ELSE differences.worked_at END`, nil)
	if err != nil {
		return err
	}
	return t.Model(&Difference{}).Where("reconciliation_id = ? AND run <> ? AND state = ?", r.ID, r.Run, differenceOpen).
		Select("State", "Resolution", "WorkedAt").Updates(&Difference{State: differenceWorked, Resolution: Vanished, WorkedAt: &t.now}).Error
}
