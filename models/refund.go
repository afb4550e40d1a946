package models

import (
	"context"
	"time"

	"gorm.io/gorm"

	"ztc-portal/models/ledger"
)

// RefundState is where money stands that goes back to its source.
type RefundState string

const (
	RefundReserved RefundState = "reserved" // taken from the cash; the gateway has not been asked
	RefundSent     RefundState = "sent"     // asked at least once; what came of it is not known yet
	RefundSettled  RefundState = "settled"  // the gateway gave it back
	RefundReleased RefundState = "released" // the gateway refused: the cash has it again
)

// RefundStates lists every state.
var RefundStates = []RefundState{RefundReserved, RefundSent, RefundSettled, RefundReleased}

// Ended: nothing more happens to it.
func (s RefundState) Ended() bool { return s == RefundSettled || s == RefundReleased }

// Kinds of ledger transactions of refunds; the reference is the request no.
const (
	KindRefund        = "refund"         // cash to refund: reserved
	KindRefundSettle  = "refund_settle"  // refund to the gateway: given back
	KindRefundRelease = "refund_release" // refund to cash: refused
)

// Refund is money on its way back to its source. Instants are UTC.
type Refund struct {
	ID         int64 `gorm:"primaryKey"`
	RequestNo  string
	PaymentID  int64
	ApprovalID int64
	AmountFen  Fen
	Reason     string
	State      RefundState
	ReservedAt time.Time
	SentAt     *time.Time // last asked
	SettledAt  *time.Time
	ReleasedAt *time.Time
	Attempts   int
	LastAnswer string
	BankNo     string     // of one that was paid out at the bank: the bank's number of the transfer
	PaidAt     *time.Time // likewise: the bank's day, as the instant at which it began in Shanghai
}

// reservedOf sums a payment's refunds that are under way.
func reservedOf(db *gorm.DB, paymentID int64) (sum Fen, err error) {
	err = db.Raw("SELECT COALESCE(SUM(amount_fen), 0) FROM refunds WHERE payment_id = ? AND state IN ('reserved', 'sent')", paymentID).Scan(&sum).Error
	return sum, err
}

// reserveRefund takes the money from the cash before any gateway is asked, and
// stores the task that asks; one that people pay out waits for them instead. The caller holds the account's lock and has found
// no doubt: the cash may go to zero, never below.
func (t *tx) reserveRefund(a Approval, m matter) error {
	r := Refund{
		RequestNo: "F" + newPaymentNo(t.now)[1:], PaymentID: m.payment.ID, ApprovalID: a.ID,
		AmountFen: a.AmountFen, Reason: a.Reason, State: RefundReserved, ReservedAt: t.now,
	}
	if err := t.Create(&r).Error; err != nil {
		return err
	}
	if err := t.moveRefund(KindRefund, r, "refund", m.account.CashAccountID, -1); err != nil {
		return err
	}
	if err := t.refundEvent(m.account.ID, EventRefundReserved, r, *m.payment); err != nil {
		return err
	}
	if !m.payment.Rail.PaidOutByHand() {
		t.then(Task{Args: SendRefund{r.RequestNo}})
	}
	return t.fundsMoved(m.account, KindRefund, m.funds, Funds{m.funds.Cash - r.AmountFen, m.funds.Bonus})
}

// moveRefund posts a refund's amount between the ledger account named and
// another: sign times the amount on the other, the rest on the named.
func (t *tx) moveRefund(kind string, r Refund, name string, other, sign int64) error {
	named, err := t.systemAccount(name)
	if err != nil {
		return err
	}
	amount := sign * int64(r.AmountFen)
	posted, err := ledger.Post(t.DB, kind, r.RequestNo, []ledger.Line{
		{AccountID: other, AmountFen: amount}, {AccountID: named, AmountFen: -amount},
	}, t.now)
	if err == nil && !posted.New {
		err = errStale // somebody ended it since we read: look again
	}
	return err
}

func (t *tx) refundEvent(accountID int64, kind EventKind, r Refund, p Payment) error {
	return t.event(accountID, kind, EventArgs{AmountFen: r.AmountFen, PaymentNo: p.No})
}

// RefundOrder is a refund together with the payment that it belongs to.
type RefundOrder struct {
	Refund  Refund
	Payment Payment
}

// RefundByNo reads a refund. NotFound.
func (s *Store) RefundByNo(ctx context.Context, requestNo string) (RefundOrder, error) {
	return refundOrder(s.read.WithContext(ctx), requestNo)
}

func refundOrder(db *gorm.DB, requestNo string) (o RefundOrder, err error) {
	if err := db.Take(&o.Refund, "request_no = ?", requestNo).Error; err != nil {
		return o, found(err, "refund")
	}
	return o, db.Take(&o.Payment, o.Refund.PaymentID).Error
}

// RefundsOf lists a payment's refunds, oldest first.
func (s *Store) RefundsOf(ctx context.Context, paymentID int64) ([]Refund, error) {
	var rows []Refund
	err := s.read.WithContext(ctx).Order("id").Find(&rows, "payment_id = ?", paymentID).Error
	return rows, err
}

// refundForgotten is how long a refund under way may go without a try before its
// task is taken for lost: longer than any wait between two tries.
const refundForgotten = 2 * time.Hour

// ResumeRefunds stores the tasks anew of refunds that nobody tries to send any
// more: their tasks were given up, or taken away by hand. Those that people pay
// out have none.
func (s *Store) ResumeRefunds(ctx context.Context) error {
	return s.inTx(ctx, func(t *tx) error {
		var forgotten []string
		err := t.Model(&Refund{}).Where("state IN ('reserved', 'sent') AND COALESCE(sent_at, reserved_at) < ?", t.now.Add(-refundForgotten)).
			Where("NOT EXISTS (SELECT 1 FROM payments p WHERE p.id = refunds.payment_id AND p.rail = ?)", RailBankTransfer).
			Order("id").Limit(1000).Pluck("request_no", &forgotten).Error
		for _, no := range forgotten {
			t.then(Task{Args: SendRefund{no}})
		}
		return err
	})
}

// SendingRefund notes that the gateway is about to be asked: committed before
// the call, so that a crash after it leaves "sent", and the next try uses the
// same request no. A refund that ended, or that people pay out, comes back as it
// stands. NotFound.
func (s *Store) SendingRefund(ctx context.Context, requestNo string) (RefundOrder, error) {
	var o RefundOrder
	err := s.inTx(ctx, func(t *tx) (err error) {
		if o, err = refundOrder(t.DB, requestNo); err != nil || o.Refund.State.Ended() || o.Payment.Rail.PaidOutByHand() {
			return err
		}
		r := &o.Refund
		before := r.Attempts
		r.State, r.SentAt, r.Attempts = RefundSent, &t.now, before+1
		return changed(t.Model(&Refund{}).Where("id = ? AND state IN ('reserved', 'sent') AND attempts = ?", r.ID, before).
			Select("State", "SentAt", "Attempts").Updates(r))
	})
	return o, err
}

// RefundUnclear keeps what is known of a refund whose end is not.
func (s *Store) RefundUnclear(ctx context.Context, requestNo, answer string) error {
	return s.inTx(ctx, func(t *tx) error {
		return t.Model(&Refund{}).Where("request_no = ? AND state = 'sent'", requestNo).Update("last_answer", clip(answer, 500)).Error
	})
}

// SettleRefund ends a refund that the gateway gave back: the payment has that
// much less, and the clearing account too. No-op on one that ended; NotFound;
// Conflict: people pay it out.
func (s *Store) SettleRefund(ctx context.Context, requestNo, answer string) (Refund, error) {
	return s.gatewayEnds(ctx, requestNo, refundEnd{state: RefundSettled, answer: answer})
}

// ReleaseRefund ends a refund that the gateway refused for good: the cash has
// the money again. Otherwise as SettleRefund.
func (s *Store) ReleaseRefund(ctx context.Context, requestNo, answer string) (Refund, error) {
	return s.gatewayEnds(ctx, requestNo, refundEnd{state: RefundReleased, answer: answer})
}

// refundEnd is how a refund ends, and by whose word.
type refundEnd struct {
	by     Actor // nobody: the gateway
	state  RefundState
	answer string
	bankNo string     // of the transfer by which people paid it out
	paidAt *time.Time // likewise
}

func (s *Store) gatewayEnds(ctx context.Context, requestNo string, end refundEnd) (r Refund, err error) {
	err = s.inTx(ctx, func(t *tx) error {
		o, err := refundOrder(t.DB, requestNo)
		if err == nil && o.Payment.Rail.PaidOutByHand() {
			err = conflict("error.refund.by_hand", nil)
		}
		if err != nil {
			return err
		}
		r, err = t.endRefund(o.Payment.AccountID, requestNo, end)
		return err
	})
	return r, err
}

// endRefund brings a refund to its end once: two guards, the conditional update
// and the ledger's unique reference, in one transaction under the account's lock.
func (t *tx) endRefund(accountID int64, requestNo string, end refundEnd) (Refund, error) {
	a, err := t.lockAccount(accountID)
	if err != nil {
		return Refund{}, err
	}
	o, err := refundOrder(t.DB, requestNo)
	if err != nil || o.Refund.State.Ended() {
		return o.Refund, err
	}
	r := &o.Refund
	r.State, r.LastAnswer, r.BankNo, r.PaidAt = end.state, clip(end.answer, 500), end.bankNo, end.paidAt
	if end.state == RefundSettled {
		r.SettledAt = &t.now
		err = t.bookRefunded(a, o)
	} else {
		r.ReleasedAt = &t.now
		err = t.bookReleased(&a, o)
	}
	if err != nil {
		return *r, err
	}
	err = changed(t.Model(&Refund{}).Where("id = ? AND state IN ('reserved', 'sent')", r.ID).
		Select("State", "SettledAt", "ReleasedAt", "LastAnswer", "BankNo", "PaidAt").Updates(r))
	if err != nil {
		return *r, err
	}
	return *r, t.audit(end.by, actionOn("refund", string(end.state)), subject("payment", o.Payment.ID), r.RequestNo+" "+r.AmountFen.Wire(), r.LastAnswer)
}

// bookRefunded takes what went back off the payment and the clearing account.
func (t *tx) bookRefunded(a Account, o RefundOrder) error {
	gateway, err := t.systemAccount("gateway:" + string(o.Payment.Rail))
	if err != nil {
		return err
	}
	if err := t.moveRefund(KindRefundSettle, o.Refund, "refund", gateway, 1); err != nil {
		return err
	}
	p := o.Payment
	p.RefundedFen += o.Refund.AmountFen
	p.State = PaymentPartiallyRefunded
	if p.RefundedFen == p.AmountFen {
		p.State = PaymentRefunded
	}
	err = changed(t.Model(&Payment{}).Where("id = ? AND state IN ('paid', 'partially_refunded') AND refunded_fen = ?", p.ID, o.Payment.RefundedFen).
		Select("State", "RefundedFen").Updates(&p))
	if err != nil {
		return err
	}
	return t.refundEvent(a.ID, EventRefunded, o.Refund, p)
}

// bookReleased gives the cash what did not go back.
func (t *tx) bookReleased(a *Account, o RefundOrder) error {
	before, err := t.funds(*a)
	if err != nil {
		return err
	}
	if err := t.moveRefund(KindRefundRelease, o.Refund, "refund", a.CashAccountID, 1); err != nil {
		return err
	}
	if err := t.refundEvent(a.ID, EventRefundReleased, o.Refund, o.Payment); err != nil {
		return err
	}
	return t.fundsMoved(a, KindRefundRelease, before, Funds{before.Cash + o.Refund.AmountFen, before.Bonus})
}
