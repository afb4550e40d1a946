package sandbox

import (
	"crypto/rand"
	"errors"
	"math/big"
	"time"
)

// Status is the state of a trade, in the gateway's own words.
type Status string

// The states of a trade.
const (
	StatusWaiting  Status = "WAIT_BUYER_PAY"
	StatusSuccess  Status = "TRADE_SUCCESS"  // paid, can be refunded
	StatusFinished Status = "TRADE_FINISHED" // paid, can't be refunded any more
	StatusClosed   Status = "TRADE_CLOSED"   // ended unpaid, or refunded in full
)

// The one buyer of the sandbox.
const (
	buyerID      = "2088722000000002"
	buyerLogonID = "buy***@sandbox.test"
)

// Why the gateway says no, before a wire puts it into its own words.
var (
	errNotPayable   = errors.New("sandbox: trade can't be paid any more")
	errInconsistent = errors.New("sandbox: another amount or subject under the same number")
	errHasClosed    = errors.New("sandbox: trade has ended unpaid")
	errHasPaid      = errors.New("sandbox: trade is paid")
	errNotRefunded  = errors.New("sandbox: the state allows no refund")
	errRefundOver   = errors.New("sandbox: more than the trade holds")
	errRefundLate   = errors.New("sandbox: the time for refunds is over")
	errRefundOther  = errors.New("sandbox: another amount under the same request number")
)

// ErrNoTrade: the gateway holds no trade, and no QR code or page, for that number.
var ErrNoTrade = errors.New("sandbox: no such trade")

// Trade is what the gateway holds about one payment. Amounts are fen, times
// UTC and zero where it has not happened.
type Trade struct {
	OutTradeNo  string // the merchant's number
	TradeNo     string // the gateway's number
	Status      Status
	TotalFen    int64 // asked for
	HeldFen     int64 // taken from the buyer; 0 until paid
	RefundedFen int64
	Subject     string
	NotifyURL   string
	CreatedAt   time.Time
	ExpiresAt   time.Time
	PaidAt      time.Time
	ClosedAt    time.Time

	body           string
	passbackParams string
}

// matches says whether o asks for what the trade already is.
func (tr Trade) matches(o order) bool {
	return tr.TotalFen == o.totalFen && tr.Subject == o.subject
}

// amountFen is what the gateway calls total_amount.
func (tr Trade) amountFen() int64 {
	if tr.PaidAt.IsZero() {
		return tr.TotalFen
	}
	return tr.HeldFen
}

const tradeColumns = `out_trade_no, trade_no, status, total_fen, held_fen, refunded_fen, subject, body,
	passback_params, notify_url, created_ms, expires_ms, paid_ms, closed_ms`

func scanTrade(row scanner) (Trade, error) {
	var tr Trade
	var created, expires, paid, closed int64
	err := row.Scan(&tr.OutTradeNo, &tr.TradeNo, &tr.Status, &tr.TotalFen, &tr.HeldFen, &tr.RefundedFen,
		&tr.Subject, &tr.body, &tr.passbackParams, &tr.NotifyURL, &created, &expires, &paid, &closed)
	tr.CreatedAt, tr.ExpiresAt = fromMillis(created), fromMillis(expires)
	tr.PaidAt, tr.ClosedAt = fromMillis(paid), fromMillis(closed)
	return tr, err
}

// trade finds the trade that the condition picks, closed first if its deadline
// has passed unpaid; false if there is none.
func (t *tx) trade(condition string, args ...any) (Trade, bool, error) {
	found, err := query(t, scanTrade, `SELECT `+tradeColumns+` FROM trades WHERE `+condition, args...)
	if err != nil || len(found) == 0 {
		return Trade{}, false, err
	}
	tr := found[0]
	if tr.Status == StatusWaiting && !t.now.Before(tr.ExpiresAt) {
		tr, err = t.closeUnpaid(tr, tr.ExpiresAt)
	}
	return tr, true, err
}

// closeUnpaid ends a waiting trade and tells the merchant.
func (t *tx) closeUnpaid(tr Trade, at time.Time) (Trade, error) {
	tr.Status, tr.ClosedAt = StatusClosed, at
	_, err := t.exec(`UPDATE trades SET status = ?, closed_ms = ? WHERE out_trade_no = ? AND status = ?`,
		StatusClosed, millis(at), tr.OutTradeNo, StatusWaiting)
	if err != nil {
		return Trade{}, err
	}
	_, err = t.tell(tr, nil)
	return tr, err
}

// openTrade begins the trade of an order, or finds it begun. An order whose
// deadline has passed begins none: errExpired.
func (t *tx) openTrade(o order) (Trade, error) {
	tr, found, err := t.trade("out_trade_no = ?", o.outTradeNo)
	if err != nil {
		return Trade{}, err
	}
	if found {
		if !tr.matches(o) {
			return Trade{}, errInconsistent
		}
		return tr, nil
	}
	if !t.now.Before(o.expiresAt) || (o.kind == kindQR && !t.now.Before(o.createdAt.Add(qrLife))) {
		return Trade{}, errExpired
	}
	number := newNumber(t.now, "22001", 28)
	if own, ok := t.wire.(numbering); ok {
		number = own.tradeNo(t.now)
	}
	_, err = t.exec(`INSERT INTO trades (out_trade_no, trade_no, status, total_fen, subject, body,
		passback_params, notify_url, created_ms, expires_ms) VALUES (?,?,?,?,?,?,?,?,?,?)`,
		o.outTradeNo, number, StatusWaiting, o.totalFen, o.subject, o.body,
		o.passbackParams, o.notifyURL, millis(t.now), millis(o.expiresAt))
	if err != nil {
		return Trade{}, err
	}
	tr, _, err = t.trade("out_trade_no = ?", o.outTradeNo)
	return tr, err
}

// newNumber makes a number as the gateway does: the day, a fixed part, then
// random digits up to length.
func newNumber(now time.Time, fixed string, length int) string {
	number := now.In(beijing).Format("20060102") + fixed
	for len(number) < length {
		digit, err := rand.Int(rand.Reader, big.NewInt(10))
		if err != nil {
			panic("sandbox: no randomness: " + err.Error()) // crypto/rand does not fail
		}
		number += digit.String()
	}
	return number
}
