package models

import (
	"maps"
	"slices"
	"time"

	"ztc-portal/models/bulk"
)

// span is from an instant to before another.
type span struct{ from, until time.Time }

// edge is how long before the end of a day a payment may be booked that the
// gateway's bill names on the next day: clocks differ, and so do ends of days.
// What staff book by hand of a bank transfer may be ahead of the bank's day by
// any time, and there are few.
const (
	edge       = 48 * time.Hour
	byHandEdge = 20 * 365 * 24 * time.Hour
)

// billedSpan is what the clearing account is held against: the days from the
// first that has a bill to the one that is run.
type billedSpan struct {
	*tx
	conn     bulk.Conn
	run      Reconciliation
	clearing int64 // the ledger account
	span
	gaps   []span // days in it whose bill was not read
	edge   time.Duration
	trades map[string]bool
}

// holdClearing holds the balance that the rail's clearing account had at the end
// of the day against what all bills up to the day come to. What came before the
// first bill is the opening balance, and stays out of it. Trades that are known
// not to agree yet (billedSpan.find) are looked at one by one: by what the books
// hold of them more than the bills, the whole may differ, and not by a fen else.
func (t *tx) holdClearing(r *Reconciliation) error {
	s, err := t.billedSpan(*r)
	if err != nil {
		return err
	}
	r.ComparedFrom, r.UnbilledDays = DayOn(s.from), 0
	for _, gap := range s.gaps {
		r.UnbilledDays += int64(gap.until.Sub(gap.from) / (24 * time.Hour)) // Shanghai knows no summer time
	}
	err = s.conn.Query(`SELECT CAST(COALESCE(-SUM(CASE WHEN t.booked_at < $1 THEN e.amount_fen ELSE 0 END), 0) AS BIGINT), CAST(COALESCE(-SUM(e.amount_fen), 0) AS BIGINT)
		FROM ledger_by_account b JOIN ledger_entries e ON e.id = b.entry_id JOIN ledger_transactions t ON t.id = e.transaction_id
		WHERE b.account_id = $2 AND t.booked_at < $3`, []any{s.from, s.clearing, s.until}, func(scan bulk.Scan) error {
		return scan(&r.OpeningFen, &r.ClearingFen)
	})
	if err != nil {
		return err
	}
	err = s.conn.Query(`SELECT CAST(COALESCE(SUM(l.amount_fen), 0) AS BIGINT) FROM `+onBill+` WHERE r.rail = $1 AND r.day_on <= $2 AND (r.state = 'done' OR r.id = $3)`,
		[]any{string(r.Rail), r.DayOn, r.ID}, func(scan bulk.Scan) error { return scan(&r.BilledFen) })
	if err != nil {
		return err
	}
	if err := s.find(); err != nil {
		return err
	}
	r.ExplainedFen, err = s.explained()
	return err
}

// billedSpan finds the first day with a bill and the days without one since. The
// day of the run counts as read.
func (t *tx) billedSpan(r Reconciliation) (*billedSpan, error) {
	clearing, err := t.systemAccount("gateway:" + string(r.Rail))
	if err != nil {
		return nil, err
	}
	s := &billedSpan{tx: t, conn: bulk.On(t.DB), run: r, clearing: clearing, edge: edge, trades: map[string]bool{}}
	if r.Rail == RailBankTransfer {
		s.edge = byHandEdge
	}
	err = s.conn.Query(`SELECT r.day_on FROM reconciliations r WHERE r.rail = $1 AND r.day_on <= $2 AND (r.state = 'done' OR r.id = $3) ORDER BY r.day_on`,
		[]any{string(r.Rail), r.DayOn, r.ID}, func(scan bulk.Scan) error {
			var dayOn string
			if err := scan(&dayOn); err != nil {
				return err
			}
			day, err := time.ParseInLocation(time.DateOnly, dayOn, Shanghai)
			if err != nil {
				return err
			}
			switch {
			case s.from.IsZero():
				s.from = day.UTC()
			case s.until.Before(day):
				s.gaps = append(s.gaps, span{s.until, day.UTC()})
			}
			s.until = day.AddDate(0, 0, 1).UTC()
			return nil
		})
	return s, err
}

// booking is where the books hold what a bill names: when it was booked, and
// when the money moved as far as we know.
type booking struct{ from, trade, rail, booked, moved string }

var (
	bookedPayments = booking{"payments p", "p.gateway_trade_no", "p.rail", "p.settled_at", "p.paid_at"}
	bookedRest     = []booking{
		{"suspense_items s", "s.gateway_trade_no", "s.rail", "s.created_at", "s.created_at"},
		{"refunds f JOIN payments p ON p.id = f.payment_id", "p.gateway_trade_no", "p.rail", "f.settled_at", ""}, // see refundMoved
		{sentBack, "s.gateway_trade_no", "s.rail", "s.cleared_at", "s.cleared_at"},
	}
)

// find gathers the trades that are known not to agree by the end of the day:
// named by a difference that is open or that staff explained; booked on another
// side of midnight than the bill has it; moved or booked on a day whose bill was
// not read.
func (s *billedSpan) find() error {
	err := s.add(`SELECT d.trade_no FROM reconciliations r JOIN differences d ON d.reconciliation_id = r.id
		WHERE r.rail = $1 AND r.day_on <= $2 AND d.kind <> 'fee_differs' AND (d.state = 'open' OR d.resolution IN ('explained', 'refunded'))`,
		string(s.run.Rail), s.run.DayOn)
	if err != nil {
		return err
	}
	for _, b := range append([]booking{bookedPayments}, bookedRest...) {
		if b.moved == "" {
			b.moved = refundMoved(s.run.Rail)
		}
		before := s.from
		if b == bookedPayments { // there are many
			before = s.until.Add(-s.edge)
		}
		if err := s.addEdges(b, before); err != nil {
			return err
		}
	}
	if s.run.Rail == RailBankTransfer {
		return s.addStated()
	}
	return nil
}

// addEdges adds trades of one kind of booking; before is from when on those are
// looked for that a later bill names.
func (s *billedSpan) addEdges(b booking, before time.Time) error {
	rail, head := string(s.run.Rail), "SELECT "+b.trade+" FROM "+b.from+" WHERE "+b.rail+" = $1 AND "
	named := " AND EXISTS (SELECT 1 FROM " + onBill + " WHERE l.rail = " + b.rail + " AND l.trade_no = " + b.trade + " AND "
	booked := b.booked + " >= $2 AND " + b.booked + " < $3"
	for _, outside := range []span{{s.from.Add(-s.edge), s.from}, {s.until, s.now.Add(time.Hour)}} { // on a bill of the span
		err := s.add(head+booked+named+"r.day_on <= $4 AND (r.state = 'done' OR r.id = $5))", rail, outside.from, outside.until, s.run.DayOn, s.run.ID)
		if err != nil {
			return err
		}
	}
	inside := []span{{before, s.until}}
	for _, gap := range s.gaps {
		inside = append(inside, span{gap.from.Add(-s.edge), gap.until})
		for _, at := range []string{b.moved, b.booked} {
			if err := s.add(head+at+" >= $2 AND "+at+" < $3", rail, gap.from, gap.until); err != nil {
				return err
			}
		}
	}
	for _, in := range inside { // on a bill that is not of the span, or not read to its end
		err := s.add(head+booked+named+"(r.day_on > $4 OR r.state <> 'done') AND r.id <> $5)", rail, in.from, in.until, s.run.DayOn, s.run.ID)
		if err != nil {
			return err
		}
	}
	if b.moved == b.booked {
		return nil
	}
	// Booked in the span, and moved before it or after it as the gateway says.
	if err := s.add(head+b.moved+" >= $2 AND "+b.booked+" < $2", rail, s.until); err != nil {
		return err
	}
	return s.add(head+b.moved+" < $2 AND "+b.booked+" >= $2", rail, s.from)
}

// add runs a query that gives trades.
func (s *billedSpan) add(query string, args ...any) error {
	return s.conn.Query(query, args, func(scan bulk.Scan) error {
		var no string
		err := scan(&no)
		s.trades[no] = true
		return err
	})
}

// explained is what the books hold more than the bills of the trades that were
// found. The books are read as the ledger has them, by the references of its
// transactions.
func (s *billedSpan) explained() (sum Fen, err error) {
	if len(s.trades) == 0 {
		return 0, nil
	}
	trades := slices.Sorted(maps.Keys(s.trades))
	references := column(trades, func(no string) string { return Receipt{Rail: s.run.Rail, GatewayTradeNo: no}.reference() })
	take := func(scan bulk.Scan) error {
		var fen Fen
		err := scan(&fen)
		sum -= fen // on the ledger, what a gateway took is negative; a bill's line is taken off
		return err
	}
	rail := string(s.run.Rail)
	const entries = "JOIN ledger_entries e ON e.transaction_id = t.id WHERE %s AND e.account_id = $2 AND t.booked_at >= $3 AND t.booked_at < $4"
	const amount = "SELECT CAST(COALESCE(SUM(e.amount_fen), 0) AS BIGINT) FROM "
	err = s.conn.Select(amount+"ledger_transactions t "+entries+" AND t.kind IN ('recharge', 'suspense')", "t.reference", references, take, s.clearing, s.from, s.until)
	if err != nil {
		return sum, err
	}
	err = s.conn.Select(amount+"payments p JOIN refunds f ON f.payment_id = p.id JOIN ledger_transactions t ON t.kind = 'refund_settle' AND t.reference = f.request_no "+
		entries+" AND p.rail = $5", "p.gateway_trade_no", trades, take, s.clearing, s.from, s.until, rail)
	if err != nil {
		return sum, err
	}
	err = s.conn.Select(amount+"suspense_items s JOIN ledger_transactions t ON t.kind = 'suspense_clear' AND t.reference = 'suspense:' || s.id "+
		entries+" AND s.rail = $5", "s.gateway_trade_no", trades, take, s.clearing, s.from, s.until, rail)
	if err != nil {
		return sum, err
	}
	return sum, s.conn.Select("SELECT CAST(COALESCE(SUM(l.amount_fen), 0) AS BIGINT) FROM "+onBill+
		" WHERE %s AND l.rail = $2 AND r.day_on <= $3 AND (r.state = 'done' OR r.id = $4)", "l.trade_no", trades, take, rail, s.run.DayOn, s.run.ID)
}
