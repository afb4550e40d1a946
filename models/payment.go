package models

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"time"

	"gorm.io/gorm"
)

// Payment is one attempt to recharge on one rail. Instants are UTC.
type Payment struct {
	ID                  int64 `gorm:"primaryKey"`
	No                  string
	AccountID           int64
	Rail                Rail
	State               PaymentState
	AmountFen           Fen
	Currency            string
	Payee               string // merchant account it must be paid to, fixed at confirmation
	PayeeName           string // of a bank transfer: whose account that is, at which branch
	PayeeBranch         string
	PayeeCode           string // the branch's number among banks
	PayerBank           string // the bank that the payer chose, by the rail's own code; "": the gateway asks
	PayerCorporate      bool   // a company's account pays
	OpenedFor           Device // the one kind of device that the gateway lets pay it; "": any, or not known
	ResumesID           *int64
	CreatedAt           time.Time
	ConfirmedAt         *time.Time
	ExpiresAt           *time.Time
	PaidAt              *time.Time // the gateway's
	SettledAt           *time.Time // ours
	ExpiredAt           *time.Time
	CancelledAt         *time.Time
	FailedAt            *time.Time
	CheckingSince       *time.Time // the gateway could not be asked since then
	GatewayTradeNo      *string
	PaidLate            bool
	QRContent           string  `gorm:"column:qr_content"`
	ReferenceCode       *string // of a bank transfer: what its payer writes in the remark
	CashBeforeFen       *Fen    // cash just before it was credited
	RefundedFen         Fen
	LedgerTransactionID *int64
}

// Device is the kind of machine that a payer sits before.
type Device string

const (
	DeviceDesk  Device = "desk"
	DevicePhone Device = "phone"
)

// moves are the changes of state that may ever happen. Everything that changes
// a state goes through one of the commands below, conditionally on its source.
var moves = map[PaymentState][]PaymentState{
	PaymentDraft:             {PaymentPending, PaymentCancelled, PaymentPaid},
	PaymentPending:           {PaymentPaid, PaymentExpired, PaymentCancelled, PaymentFailed},
	PaymentExpired:           {PaymentPaid, PaymentFailed},
	PaymentCancelled:         {PaymentPaid, PaymentFailed},
	PaymentFailed:            {PaymentPaid},
	PaymentPaid:              {PaymentPartiallyRefunded, PaymentRefunded},
	PaymentPartiallyRefunded: {PaymentRefunded},
}

func (s PaymentState) mayBecome(next PaymentState) bool { return slices.Contains(moves[s], next) }

// IsOpen: money may be expected for it.
func (s PaymentState) IsOpen() bool { return s == PaymentDraft || s == PaymentPending }

// IsPaid: its money was credited, whatever was refunded since.
func (s PaymentState) IsPaid() bool {
	return s == PaymentPaid || s == PaymentPartiallyRefunded || s == PaymentRefunded
}

const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// newPaymentNo makes R + yyMMdd (Shanghai) + 14 random characters of Crockford
// base32: 21 characters, legal as out_trade_no on every rail.
func newPaymentNo(now time.Time) string {
	var random [14]byte
	rand.Read(random[:]) // never fails
	for i, b := range random {
		random[i] = crockford[b&31]
	}
	return "R" + now.In(Shanghai).Format("060102") + string(random[:])
}

// move changes a payment's state and the named columns with it, if it still
// stands in the state that was read; errStale when it does not.
func (t *tx) move(p *Payment, next PaymentState, columns ...string) error {
	from := p.State
	if !from.mayBecome(next) {
		return conflict("error.payment.state", map[string]any{"No": p.No})
	}
	p.State = next
	return changed(t.Model(&Payment{}).Where("id = ? AND state = ?", p.ID, from).
		Select(append(columns, "State", "CheckingSince")).Updates(p))
}

// ConfirmPayment sends a draft on its way: pending from now, payable until the
// deadline, to the given payee. Confirming again gives the payment as it
// stands. NotFound: no such payment of this account. Conflict: it has ended.
// FieldErrors on "method", "amount" and "corporate": its rail is switched off, or
// does not take the amount any more, or not from a person; it stays a draft.
func (s *Store) ConfirmPayment(ctx context.Context, accountID int64, no, payee string) (Payment, error) {
	var p Payment
	err := s.inTx(ctx, func(t *tx) (err error) {
		if p, err = ownPayment(t.DB, accountID, no); err != nil || p.State == PaymentPending || p.State.IsPaid() {
			return err
		}
		if p.State != PaymentDraft {
			return conflict("error.payment.ended", map[string]any{"No": no})
		}
		if err := s.mayBegin(t.DB, p); err != nil {
			return err
		}
		if err := t.Model(&Account{}).Where("id = ?", accountID).Update("last_method", p.Rail).Error; err != nil {
			return err
		}
		p.Payee = payee
		s.remitTo(&p)
		return t.send(&p)
	})
	return p, err
}

// send moves a draft to pending.
func (t *tx) send(p *Payment) error {
	p.confirm(t.now, t.rules.TTL(p.Rail))
	p.ReferenceCode = newReferenceCode(p.Rail)
	if err := t.move(p, PaymentPending, "ConfirmedAt", "ExpiresAt", "Payee", "PayeeName", "PayeeBranch", "PayeeCode", "ReferenceCode"); err != nil {
		if uniqueTaken(err) {
			return errStale // somebody has this code: draw another
		}
		return err
	}
	return t.watch(p)
}

// confirm fixes the deadline, in whole seconds as gateways keep them.
func (p *Payment) confirm(now time.Time, ttl time.Duration) {
	expires := now.Add(ttl).Truncate(time.Second)
	p.ConfirmedAt, p.ExpiresAt = &now, &expires
}

// watch stores the tasks that follow a payment that was just sent.
func (t *tx) watch(p *Payment) error {
	if p.Rail != RailBankTransfer { // whose gateway knows nothing: the bank's statement tells
		t.then(Task{QueryPayment{p.No}, t.now.Add(QueryDelays[0])})
	}
	t.then(Task{ExpirePayment{p.No}, *p.ExpiresAt})
	return t.event(p.AccountID, EventRechargeConfirmed, EventArgs{AmountFen: p.AmountFen, PaymentNo: p.No})
}

// ExpirePayment ends a pending payment whose deadline is over. The caller has
// asked the gateway, and told it to close. It is a no-op on a payment that is
// no longer pending; Conflict before the deadline.
func (s *Store) ExpirePayment(ctx context.Context, no string) (Payment, error) {
	return s.end(ctx, no, func(t *tx, p *Payment) error {
		if p.State != PaymentPending || t.now.Before(*p.ExpiresAt) {
			return conflict("error.payment.not_due", map[string]any{"No": no})
		}
		p.ExpiredAt, p.CheckingSince = &t.now, nil
		t.then(Task{QueryPayment{p.No}, t.now.Add(lateQueryAfter)})
		if err := t.event(p.AccountID, EventRechargeExpired, EventArgs{AmountFen: p.AmountFen, PaymentNo: p.No}); err != nil {
			return err
		}
		return t.move(p, PaymentExpired, "ExpiredAt")
	})
}

// CancelPayment ends a draft or a pending payment at the seller's word. For a
// pending one the caller has asked the gateway, and told it to close. No-op on
// a payment that has ended.
func (s *Store) CancelPayment(ctx context.Context, no string) (Payment, error) {
	return s.end(ctx, no, (*tx).cancel)
}

func (t *tx) cancel(p *Payment) error {
	p.CancelledAt, p.CheckingSince = &t.now, nil
	if p.State == PaymentPending { // what the payer never opened could not be closed, and can be paid until its deadline
		t.then(Task{QueryPayment{p.No}, t.now.Add(lateQueryAfter)}, Task{QueryPayment{p.No}, p.ExpiresAt.Add(lateQueryAfter)})
	}
	if err := t.event(p.AccountID, EventRechargeCancelled, EventArgs{AmountFen: p.AmountFen, PaymentNo: p.No}); err != nil {
		return err
	}
	return t.move(p, PaymentCancelled, "CancelledAt")
}

// end runs a command on a payment that is still open and leaves others alone.
func (s *Store) end(ctx context.Context, no string, command func(*tx, *Payment) error) (Payment, error) {
	var p Payment
	err := s.inTx(ctx, func(t *tx) error {
		p = Payment{}
		if err := t.Take(&p, "no = ?", no).Error; err != nil {
			return found(err, "payment")
		}
		if !p.State.IsOpen() {
			return nil
		}
		return command(t, &p)
	})
	return p, err
}

// ResumePayment makes a new pending payment of the same amount on the same
// rail that names the old one. The caller has asked the gateway about the old,
// and closed it there. Resuming again gives the payment that the first resume
// made. NotFound: no such payment of this account. Conflict: the old one is
// open or paid. FieldErrors on "method", "amount" and "corporate" as ConfirmPayment.
func (s *Store) ResumePayment(ctx context.Context, accountID int64, no, payee string) (Payment, error) {
	var next Payment
	err := s.inTx(ctx, func(t *tx) error {
		next = Payment{}
		old, err := ownPayment(t.DB, accountID, no)
		if err != nil {
			return err
		}
		err = t.Take(&next, "resumes_id = ?", old.ID).Error
		if !errors.Is(err, gorm.ErrRecordNotFound) {
			return err
		}
		if old.State != PaymentExpired && old.State != PaymentCancelled {
			return conflict("error.payment.state", map[string]any{"No": no})
		}
		if err := s.mayBegin(t.DB, old); err != nil {
			return err
		}
		next = Payment{
			No: newPaymentNo(t.now), AccountID: accountID, Rail: old.Rail, State: PaymentPending,
			AmountFen: old.AmountFen, Currency: old.Currency, ResumesID: &old.ID, CreatedAt: t.now, Payee: payee,
			PayerBank: old.PayerBank, PayerCorporate: old.PayerCorporate,
		}
		s.remitTo(&next)
		next.confirm(t.now, t.rules.TTL(next.Rail))
		next.ReferenceCode = newReferenceCode(next.Rail)
		err = t.Create(&next).Error
		if uniqueTaken(err) {
			return errStale // another tab resumed at the same instant: take its payment
		}
		if err != nil {
			return err
		}
		return t.watch(&next)
	})
	return next, err
}

// DiscardDraft ends a draft, which was never sent anywhere; a payment that was
// confirmed meanwhile stays as it is. It gives the payment as it then stands.
func (s *Store) DiscardDraft(ctx context.Context, no string) (Payment, error) {
	var p Payment
	err := s.inTx(ctx, func(t *tx) error {
		p = Payment{}
		err := t.Take(&p, "no = ?", no).Error
		if err != nil || p.State != PaymentDraft {
			return found(err, "payment")
		}
		p.CancelledAt = &t.now
		return t.move(&p, PaymentCancelled, "CancelledAt")
	})
	return p, err
}

// NoteChecking marks a pending payment whose gateway cannot be asked, or can be
// again; the page says so.
func (s *Store) NoteChecking(ctx context.Context, no string, checking bool) error {
	return s.inTx(ctx, func(t *tx) error { return t.checking(no, checking) })
}

func (t *tx) checking(no string, checking bool) error {
	query := t.Model(&Payment{}).Where("no = ? AND state = ?", no, PaymentPending)
	if !checking {
		return query.Where("checking_since IS NOT NULL").Update("checking_since", nil).Error
	}
	return query.Where("checking_since IS NULL").Update("checking_since", t.now).Error
}

// SetQR keeps the content of the QR code that the gateway gave.
func (s *Store) SetQR(ctx context.Context, no, content string) error {
	return s.inTx(ctx, func(t *tx) error {
		return t.Model(&Payment{}).Where("no = ? AND state = ?", no, PaymentPending).Update("qr_content", content).Error
	})
}

// ChoosePayer keeps on a draft whose account pays it and at which bank, by the
// rail's own code; on a payment that is no draft any more it changes nothing.
func (s *Store) ChoosePayer(ctx context.Context, no, bank string, corporate bool) error {
	return s.inTx(ctx, func(t *tx) error {
		return t.Model(&Payment{}).Where("no = ? AND state = ?", no, PaymentDraft).
			Select("PayerBank", "PayerCorporate").Updates(&Payment{PayerBank: bank, PayerCorporate: corporate}).Error
	})
}

// NoteDevice keeps the one kind of device that the gateway lets pay a pending
// payment, the first that is told, and gives the one that stands.
func (s *Store) NoteDevice(ctx context.Context, no string, device Device) (Device, error) {
	var p Payment
	err := s.inTx(ctx, func(t *tx) error {
		p = Payment{}
		err := t.Model(&Payment{}).Where("no = ? AND state = ? AND opened_for = ''", no, PaymentPending).Update("opened_for", device).Error
		if err != nil {
			return err
		}
		return found(t.Take(&p, "no = ?", no).Error, "payment")
	})
	return p.OpenedFor, err
}

// PaymentByNo finds a payment whoever owns it: for rails, jobs and staff.
func (s *Store) PaymentByNo(ctx context.Context, no string) (Payment, error) {
	var p Payment
	err := s.read.WithContext(ctx).Take(&p, "no = ?", no).Error
	return p, found(err, "payment")
}

// OwnPayment finds a payment of this account; another seller's is NotFound.
func (s *Store) OwnPayment(ctx context.Context, accountID int64, no string) (Payment, error) {
	return ownPayment(s.read.WithContext(ctx), accountID, no)
}

func ownPayment(db *gorm.DB, accountID int64, no string) (Payment, error) {
	var p Payment
	err := db.Take(&p, "no = ? AND account_id = ?", no, accountID).Error
	return p, found(err, "payment")
}
