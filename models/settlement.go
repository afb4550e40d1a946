package models

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"

	"ztc-portal/models/ledger"
)

// Outcome says what a receipt came to.
type Outcome string

const (
	OutcomeSettled   Outcome = "settled"         // credited now
	OutcomeLate      Outcome = "settled_late"    // credited now, though it had ended unpaid
	OutcomeAlready   Outcome = "already_settled" // credited before, by this very trade
	OutcomeNotPaid   Outcome = "not_paid"        // the receipt is not about money that came in
	OutcomeAsk       Outcome = "ask_gateway"     // not believed: ask the gateway, settle what it confirms
	OutcomeSuspense  Outcome = "suspense"        // the gateway holds money that fits no payment: parked, flagged
	OutcomeRefused   Outcome = "refused"         // not verified; written by JudgeNotify only
	OutcomeUnsettled Outcome = "unsettled"       // could not be settled now; the gateway will come again
)

// Credited: the seller has the money.
func (o Outcome) Credited() bool {
	return o == OutcomeSettled || o == OutcomeLate || o == OutcomeAlready
}

// Kinds of ledger transactions that payments post; the reference is rail:trade no.
const (
	KindRecharge = "recharge"
	KindSuspense = "suspense"
)

// Reasons why money stands in suspense.
const (
	SuspenseUnknown   = "unknown_payment"
	SuspenseAmount    = "amount_differs"
	SuspensePayee     = "other_payee"
	SuspenseSecondPay = "second_trade"
)

// SuspenseItem is money that a gateway holds for us and that fits no payment.
type SuspenseItem struct {
	ID                  int64 `gorm:"primaryKey"`
	Rail                Rail
	GatewayTradeNo      string
	OutTradeNo          string
	PaymentID           *int64
	AmountFen           Fen
	Reason              string
	LedgerTransactionID int64
	CreatedAt           time.Time
	ClearedAt           *time.Time
}

// SettlePayment is the one function that credits, whoever calls: notify, poll,
// return, the seller's "I have paid", staff repair. It is keyed by the
// gateway's trade no, checks amount, currency and payee, and moves the payment
// in the transaction that posts; a second receipt of the same trade changes
// nothing. A receipt that the gateway sent by itself and that disagrees with
// our payment writes nothing and comes back as OutcomeAsk; one that it
// confirmed when asked is parked in suspense. inboxID is the notify it came
// by, 0 for none.
func (s *Store) SettlePayment(ctx context.Context, r Receipt, inboxID int64) (Outcome, error) {
	var outcome Outcome
	err := s.inTx(ctx, func(t *tx) (err error) {
		if outcome, err = t.settle(r); err != nil {
			return err
		}
		return t.judge(inboxID, outcome, r.OutTradeNo, "")
	})
	return outcome, err
}

func (t *tx) settle(r Receipt) (Outcome, error) {
	if r.State == TradeUnknown && !r.Confirmed {
		return OutcomeAsk, nil
	}
	if r.State != TradePaid || r.RefundNotice {
		return OutcomeNotPaid, nil
	}
	parked, p, err := t.standing(r)
	switch {
	case err != nil:
		return "", err
	case parked:
		return OutcomeSuspense, nil
	case p == nil:
		return t.park(r, nil, SuspenseUnknown)
	}
	outcome, doubt := p.judge(r)
	switch {
	case doubt != "":
		return t.park(r, p, doubt)
	case outcome == OutcomeAlready:
		return outcome, nil
	}
	return outcome, t.credit(p, r, outcome)
}

// judge is the rule: what a receipt of money means for this payment. doubt is
// the reason why it can't be credited, or "".
func (p Payment) judge(r Receipt) (outcome Outcome, doubt string) {
	switch {
	case p.State.IsPaid() && *p.GatewayTradeNo == r.GatewayTradeNo:
		return OutcomeAlready, ""
	case p.State.IsPaid():
		return "", SuspenseSecondPay
	case r.GatewayTradeNo == "" || r.Payee == "" || p.Payee != "" && r.Payee != p.Payee:
		return "", SuspensePayee
	case r.AmountFen != p.AmountFen || r.Currency != p.Currency:
		return "", SuspenseAmount
	case p.State.IsOpen():
		return OutcomeSettled, ""
	}
	return OutcomeLate, ""
}

// credit posts the money and marks the payment paid: two guards, the ledger's
// unique reference and the conditional update, in one transaction.
func (t *tx) credit(p *Payment, r Receipt, outcome Outcome) error {
	account, err := t.lockAccount(p.AccountID)
	if err != nil {
		return err
	}
	before, err := t.funds(account)
	if err != nil {
		return err
	}
	gateway, err := t.systemAccount("gateway:" + string(r.Rail))
	if err != nil {
		return err
	}
	posted, err := ledger.Post(t.DB, KindRecharge, r.reference(), []ledger.Line{
		{AccountID: account.CashAccountID, AmountFen: int64(p.AmountFen)},
		{AccountID: gateway, AmountFen: -int64(p.AmountFen)},
	}, t.now)
	if err != nil {
		return err
	}
	if !posted.New {
		return errStale // somebody settled it since we read: look again
	}
	p.markPaid(r, before, outcome == OutcomeLate, posted.TransactionID, t.now, t.rules.TTL(p.Rail))
	err = t.move(p, PaymentPaid, "ConfirmedAt", "ExpiresAt", "PaidAt", "SettledAt", "GatewayTradeNo",
		"PaidLate", "CashBeforeFen", "LedgerTransactionID")
	if err != nil {
		return err
	}
	kind := EventRechargePaid
	if p.PaidLate {
		kind = EventRechargePaidLate
	}
	if err := t.event(account.ID, kind, EventArgs{AmountFen: p.AmountFen, PaymentNo: p.No}); err != nil {
		return err
	}
	after := Funds{Cash: before.Cash + p.AmountFen, Bonus: before.Bonus}
	if err := t.tell(account, RungPaid, AlertArgs{AmountFen: p.AmountFen, PaymentNo: p.No, SpendableFen: after.Spendable()}); err != nil {
		return err
	}
	return t.fundsMoved(&account, KindRecharge, before, after)
}

// markPaid writes the receipt's facts on the payment.
func (p *Payment) markPaid(r Receipt, before Funds, late bool, transactionID int64, now time.Time, ttl time.Duration) {
	if p.ConfirmedAt == nil { // paid though never sent: a draft that a gateway knows all the same
		p.confirm(now, ttl)
	}
	paidAt := r.PaidAt.UTC()
	if r.PaidAt.IsZero() {
		paidAt = now
	}
	p.PaidAt, p.SettledAt, p.PaidLate, p.CheckingSince = &paidAt, &now, late, nil
	p.GatewayTradeNo, p.LedgerTransactionID, p.CashBeforeFen = &r.GatewayTradeNo, &transactionID, &before.Cash
}

func (r Receipt) reference() string { return string(r.Rail) + ":" + r.GatewayTradeNo }

// standing reads what our books say of a receipt: whether its trade is in
// suspense already, and its payment on this rail, nil if there is none.
func (t *tx) standing(r Receipt) (parked bool, p *Payment, err error) {
	var row struct {
		Payment
		Parked bool
	}
	const suspended = "EXISTS (SELECT 1 FROM suspense_items WHERE rail = ? AND gateway_trade_no = ?)"
	err = t.Table("payments").Select("payments.*, "+suspended+" AS parked", r.Rail, r.GatewayTradeNo).
		Take(&row, "no = ? AND rail = ?", r.OutTradeNo, r.Rail).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		err = t.Raw("SELECT "+suspended, r.Rail, r.GatewayTradeNo).Scan(&parked).Error
		return parked, nil, err
	}
	return row.Parked, &row.Payment, err
}

// park puts money that the gateway confirmed, and that fits no payment, into
// suspense until staff clear it. What was not confirmed is not believed.
func (t *tx) park(r Receipt, p *Payment, reason string) (Outcome, error) {
	if !r.Confirmed || r.GatewayTradeNo == "" || r.AmountFen <= 0 {
		return OutcomeAsk, nil
	}
	if _, err := t.hold(r, p, reason); err != nil {
		return "", err
	}
	if p != nil && p.State.mayBecome(PaymentFailed) {
		p.FailedAt, p.CheckingSince = &t.now, nil
		if err := t.event(p.AccountID, EventRechargeFailed, EventArgs{AmountFen: r.AmountFen, PaymentNo: p.No, Reason: reason}); err != nil {
			return "", err
		}
		return OutcomeSuspense, t.move(p, PaymentFailed, "FailedAt")
	}
	return OutcomeSuspense, nil
}

// hold books a receipt's money from the gateway to suspense, once: errStale when
// that was done since we read.
func (t *tx) hold(r Receipt, p *Payment, reason string) (SuspenseItem, error) {
	item := SuspenseItem{
		Rail: r.Rail, GatewayTradeNo: r.GatewayTradeNo, OutTradeNo: r.OutTradeNo, AmountFen: r.AmountFen, Reason: reason, CreatedAt: t.now,
	}
	gateway, err := t.systemAccount("gateway:" + string(r.Rail))
	if err != nil {
		return item, err
	}
	suspense, err := t.systemAccount("suspense")
	if err != nil {
		return item, err
	}
	posted, err := ledger.Post(t.DB, KindSuspense, r.reference(), []ledger.Line{
		{AccountID: suspense, AmountFen: int64(r.AmountFen)},
		{AccountID: gateway, AmountFen: -int64(r.AmountFen)},
	}, t.now)
	if err != nil {
		return item, err
	}
	if !posted.New {
		return item, errStale
	}
	item.LedgerTransactionID = posted.TransactionID
	if p != nil {
		item.PaymentID = &p.ID
	}
	return item, t.Create(&item).Error
}
