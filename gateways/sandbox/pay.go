package sandbox

import (
	"context"
	"slices"
	"time"
)

// Fault is what goes wrong with a payment, as the buyer chooses it.
type Fault string

// The faults. Each leaves the payment itself sound but the last three, which
// say what the gateway then holds.
const (
	FaultNone         Fault = "none"          // notify sent at once, beside the browser's return
	FaultNotifyLost   Fault = "notify_lost"   // no notify is ever sent
	FaultNotifyTriple Fault = "notify_triple" // three at once
	FaultNotifyLate   Fault = "notify_late"   // sent Options.NotifyLate later
	FaultNotifyFirst  Fault = "notify_first"  // answered before the browser returns
	FaultForgedSign   Fault = "forged_sign"   // a forgery first, the genuine one Options.GenuineAfter later
	FaultGatewayDown  Fault = "gateway_down"  // API calls answer 502 for Options.DownFor; notifies wait
	FaultWrongAmount  Fault = "wrong_amount"  // the notify, validly signed, names ¥100 too much; query tells the truth

	FaultWrongAmountPaid Fault = "wrong_amount_paid" // the gateway holds ¥1 too little (or too much, if ≤ ¥1 was due)
	FaultPayAfterClose   Fault = "pay_after_close"   // a closed or expired trade is paid all the same
)

// Faults lists all faults in the order in which the cashier offers them.
var Faults = []Fault{
	FaultNone, FaultNotifyLost, FaultNotifyTriple, FaultNotifyLate, FaultNotifyFirst, FaultForgedSign,
	FaultGatewayDown, FaultWrongAmount, FaultWrongAmountPaid, FaultPayAfterClose,
}

func (f Fault) known() bool { return slices.Contains(Faults, f) }

const (
	wrongNotifyFen = 100_00 // by so much the notify of wrong_amount is too high
	wrongHeldFen   = 1_00   // by so much wrong_amount_paid is off
	firstHold      = 10 * time.Second
)

// heldFen is what the gateway takes from the buyer.
func (f Fault) heldFen(totalFen int64) int64 {
	switch {
	case f != FaultWrongAmountPaid:
		return totalFen
	case totalFen > wrongHeldFen:
		return totalFen - wrongHeldFen
	}
	return totalFen + wrongHeldFen
}

// pay takes the money for a trade, once: a trade paid before is given as it
// stands. errNotPayable if it has ended unpaid, ErrNoTrade if there is none.
func (s *Sandbox) pay(ctx context.Context, outTradeNo string, fault Fault) (Trade, error) {
	var tr Trade
	var first int64 // notice to deliver before we return
	var ended bool
	err := s.store.inTx(ctx, func(t *tx) error {
		found := false
		var err error
		if tr, found, err = t.trade("out_trade_no = ?", outTradeNo); err != nil {
			return err
		}
		if !found {
			return ErrNoTrade
		}
		taken, err := t.take(tr, fault)
		if err != nil {
			return err
		}
		if !taken {
			ended = tr.PaidAt.IsZero() // kept, not rolled back: it may just have expired
			return nil
		}
		if tr, _, err = t.trade("out_trade_no = ?", outTradeNo); err != nil {
			return err
		}
		first, err = s.announcePaid(t, tr, fault)
		return err
	})
	if err != nil {
		return Trade{}, err
	}
	if first != 0 {
		s.deliver(s.ctx, first)
	}
	s.poke()
	if ended {
		return tr, errNotPayable
	}
	return tr, nil
}

// take marks the trade paid if it may be paid; the condition in the statement
// lets only one of several buyers win.
func (t *tx) take(tr Trade, fault Fault) (bool, error) {
	rows, err := t.exec(`UPDATE trades SET status = ?, held_fen = ?, paid_ms = ?, closed_ms = 0
		WHERE out_trade_no = ? AND paid_ms = 0 AND (status = ? OR (? AND status = ?))`,
		StatusSuccess, fault.heldFen(tr.TotalFen), millis(t.now),
		tr.OutTradeNo, StatusWaiting, fault == FaultPayAfterClose, StatusClosed)
	return rows == 1, err
}

// announcePaid stores the notices that the fault calls for; the number given, if
// any, is of the notice to deliver before the browser returns.
func (s *Sandbox) announcePaid(t *tx, tr Trade, fault Fault) (first int64, err error) {
	n := t.newNotice(tr, nil)
	switch fault {
	case FaultNotifyLost:
		n.state = noticeLost
	case FaultNotifyTriple:
		n.copies = 3
	case FaultNotifyLate:
		n.next = t.now.Add(s.opts.NotifyLate)
	case FaultNotifyFirst:
		n.next = t.now.Add(firstHold) // left to deliver, unless we die before
	case FaultWrongAmount:
		wrong := tr
		wrong.HeldFen += wrongNotifyFen
		n = t.newNotice(wrong, nil)
	case FaultForgedSign:
		forgery := t.newNotice(tr, nil)
		forgery.forged = true
		if _, err := t.addNotice(forgery); err != nil {
			return 0, err
		}
		n.next = t.now.Add(s.opts.GenuineAfter)
	case FaultGatewayDown:
		if err := t.goDown(t.now.Add(s.opts.DownFor)); err != nil {
			return 0, err
		}
	}
	seq, err := t.addNotice(n)
	if fault != FaultNotifyFirst {
		seq = 0
	}
	return seq, err
}

// goDown makes API calls answer 502, and notifies wait, until then.
func (t *tx) goDown(until time.Time) error {
	_, err := t.exec(`INSERT INTO outage (id, until_ms) VALUES (1, ?)
		ON CONFLICT (id) DO UPDATE SET until_ms = excluded.until_ms`, millis(until))
	return err
}

func (t *tx) isDown() (bool, error) {
	rows, err := query(t, func(row scanner) (until int64, err error) {
		return until, row.Scan(&until)
	}, `SELECT until_ms FROM outage WHERE until_ms > ?`, millis(t.now))
	return len(rows) > 0, err
}

func (s *Sandbox) isDown(ctx context.Context) (down bool, err error) {
	err = s.store.inTx(ctx, func(t *tx) (err error) {
		down, err = t.isDown()
		return err
	})
	return down, err
}
