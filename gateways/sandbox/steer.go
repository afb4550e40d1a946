package sandbox

import (
	"context"
	"net/url"
	"strings"
	"time"
)

// Delivery is one sending of a notify and what the merchant answered.
type Delivery struct {
	SentAt time.Time // UTC
	Status int       // HTTP status; 0 if there was no answer
	Body   string    // its first 256 bytes
	Err    string    // why there was no answer
}

// Notice is one notify with all its sendings.
type Notice struct {
	ID         string
	Fields     url.Values // as sent, but for notify_time and the signature
	Forged     bool       // signed by a key that nobody trusts
	State      string     // waiting, done, lost or given_up
	Attempts   int        // sendings begun by the schedule; the copies of one count once
	NextAt     time.Time  // UTC; meaningful while waiting
	Deliveries []Delivery // in the order of their sending
}

// Trade gives what the gateway holds for the merchant's number; ErrNoTrade if
// the buyer has not come yet.
func (s *Sandbox) Trade(ctx context.Context, outTradeNo string) (Trade, error) {
	var tr Trade
	err := s.store.inTx(ctx, func(t *tx) error {
		found := false
		var err error
		if tr, found, err = t.trade("out_trade_no = ?", outTradeNo); err == nil && !found {
			err = ErrNoTrade
		}
		return err
	})
	return tr, err
}

// PaidTrades lists all trades that took money, in the order of payment, also
// those refunded since.
func (s *Sandbox) PaidTrades(ctx context.Context) (paid []Trade, err error) {
	err = s.store.inTx(ctx, func(t *tx) (err error) {
		paid, err = query(t, scanTrade, `SELECT `+tradeColumns+` FROM trades WHERE paid_ms > 0
			ORDER BY paid_ms, out_trade_no`)
		return err
	})
	return paid, err
}

// Scan opens the QR code with the content given, as a phone does: the trade
// begins. The trade as it then stands; ErrNoTrade if the code is not ours.
func (s *Sandbox) Scan(ctx context.Context, qrContent string) (Trade, error) {
	_, token, _ := strings.Cut(qrContent, "/qr/")
	return s.open(ctx, "token = ?", token)
}

// PayByScan scans the QR code and pays.
func (s *Sandbox) PayByScan(ctx context.Context, qrContent string, fault Fault) (Trade, error) {
	tr, err := s.Scan(ctx, qrContent)
	if err != nil {
		return Trade{}, err
	}
	return s.pay(ctx, tr.OutTradeNo, fault)
}

// Pay pays what the merchant last asked for under that number, beginning the
// trade if the buyer had not come yet. Paying twice pays once.
func (s *Sandbox) Pay(ctx context.Context, outTradeNo string, fault Fault) (Trade, error) {
	if _, err := s.open(ctx, "out_trade_no = ?", outTradeNo); err != nil {
		return Trade{}, err
	}
	return s.pay(ctx, outTradeNo, fault)
}

func (s *Sandbox) open(ctx context.Context, condition, value string) (Trade, error) {
	var tr Trade
	err := s.store.inTx(ctx, func(t *tx) error {
		o, found, err := t.order(condition, value)
		if err != nil {
			return err
		}
		if !found {
			return ErrNoTrade
		}
		tr, err = t.openTrade(o)
		return err
	})
	return tr, err
}

// Finish ends the time for refunds: a trade in TRADE_SUCCESS becomes
// TRADE_FINISHED, and the merchant is told, as happens months later.
func (s *Sandbox) Finish(ctx context.Context, outTradeNo string) error {
	err := s.store.inTx(ctx, func(t *tx) error {
		rows, err := t.exec(`UPDATE trades SET status = ? WHERE out_trade_no = ? AND status = ?`,
			StatusFinished, outTradeNo, StatusSuccess)
		if err != nil {
			return err
		}
		if rows == 0 {
			return ErrNoTrade
		}
		tr, _, err := t.trade("out_trade_no = ?", outTradeNo)
		if err != nil {
			return err
		}
		_, err = t.tell(tr, nil)
		return err
	})
	s.poke()
	return err
}

// GoDown makes API calls answer 502, and notifies wait, for so long.
func (s *Sandbox) GoDown(ctx context.Context, d time.Duration) error {
	return s.store.inTx(ctx, func(t *tx) error { return t.goDown(t.now.Add(d)) })
}

// Notices lists the notifies about one trade, oldest first, lost ones included.
func (s *Sandbox) Notices(ctx context.Context, outTradeNo string) (all []Notice, err error) {
	err = s.store.inTx(ctx, func(t *tx) error {
		stored, err := query(t, scanNotice, `SELECT `+noticeColumns+` FROM notices
			WHERE out_trade_no = ? ORDER BY seq`, outTradeNo)
		for _, n := range stored {
			shown := Notice{ID: n.id, Forged: n.forged, State: n.state, Attempts: n.attempts, NextAt: n.next, Fields: url.Values{}}
			for name, value := range n.fields {
				shown.Fields.Set(name, value)
			}
			shown.Deliveries, err = query(t, scanDelivery, `SELECT sent_ms, status, answer, error
				FROM deliveries WHERE notice_seq = ? ORDER BY sent_ms, rowid`, n.seq)
			if err != nil {
				return err
			}
			all = append(all, shown)
		}
		return err
	})
	return all, err
}

func scanDelivery(row scanner) (Delivery, error) {
	var d Delivery
	var sent int64
	err := row.Scan(&sent, &d.Status, &d.Body, &d.Err)
	d.SentAt = fromMillis(sent)
	return d, err
}

// ResendNotify sends the newest genuine notify of a trade once more, now, also a
// lost one, and gives the merchant's answer. The schedule stays as it is.
func (s *Sandbox) ResendNotify(ctx context.Context, outTradeNo string) (Delivery, error) {
	var n notice
	err := s.store.inTx(ctx, func(t *tx) error {
		found, err := query(t, scanNotice, `SELECT `+noticeColumns+` FROM notices
			WHERE out_trade_no = ? AND NOT forged ORDER BY seq DESC LIMIT 1`, outTradeNo)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return errNoNotice
		}
		n = found[0]
		return nil
	})
	if err != nil {
		return Delivery{}, err
	}
	return s.sendAndNote(ctx, n), nil
}
