package models

import (
	"context"
	"encoding/json"
	"time"
)

// StaffAct is what a member of staff does to a payment: it goes on the audit
// trail in the transaction of what it comes to.
type StaffAct struct {
	By     Actor
	Action string
}

// What staff do to a payment.
const (
	ActAsk    = "payment.ask"
	ActRepair = "payment.repair"
	ActClose  = "payment.close"
)

// ByStaff stands with an answer that staff asked for; who it was is on the
// audit trail.
const ByStaff = "staff"

// Told is a gateway's answer to a question of ours. Receipt is nil where it
// knows no such payment; Failure says why nothing is known, "" when it answered.
type Told struct {
	Receipt *Receipt
	Failure string
}

// SettleAnswer stores what a gateway answered when it was asked about a payment
// of ours, settles what it confirms as SettlePayment does, and marks a payment
// of which nothing is known as being checked: one transaction. askedBy says who
// asked; by staff their act goes on the audit trail with it. Nothing is credited
// that the answer does not say. It gives the outcome, OutcomeNotPaid where no
// money came in. NotFound: no such payment.
func (s *Store) SettleAnswer(ctx context.Context, no, askedBy string, act *StaffAct, told Told) (Outcome, error) {
	var outcome Outcome
	err := s.inTx(ctx, func(t *tx) error {
		var before, after Payment
		if err := t.Take(&before, "no = ?", no).Error; err != nil {
			return found(err, "payment")
		}
		outcome = OutcomeNotPaid
		if told.Receipt != nil {
			receipt := *told.Receipt
			receipt.Confirmed = true
			var err error
			if outcome, err = t.settle(receipt); err != nil {
				return err
			}
		}
		row := gatewayQuery{PaymentID: before.ID, AskedAt: t.now, AskedBy: askedBy, Answer: told.answer(outcome), Detail: told.detail()}
		if err := t.Create(&row).Error; err != nil {
			return err
		}
		if err := t.checking(no, told.unclear()); err != nil || act == nil {
			return err
		}
		if err := t.Take(&after, before.ID).Error; err != nil {
			return err
		}
		return t.audit(act.By, act.Action, subject("payment", before.ID), string(before.State), string(after.State)+" "+row.Answer)
	})
	return outcome, err
}

// answer is the word that is kept of what was told.
func (told Told) answer(outcome Outcome) string {
	switch {
	case told.Failure != "":
		return AnswerUnavailable
	case told.Receipt == nil:
		return string(TradeNotExist)
	case outcome.Credited() || outcome == OutcomeSuspense:
		return string(outcome)
	}
	return string(told.Receipt.State)
}

func (told Told) detail() string {
	if told.Receipt == nil {
		return clip(told.Failure, 500)
	}
	return told.Receipt.Facts()
}

// unclear: what became of the payment is not known after the answer.
func (told Told) unclear() bool {
	return told.Failure != "" || told.Receipt != nil && told.Receipt.State == TradeUnknown
}

// ClosePayment cancels a pending payment at the word of staff, who have asked
// the gateway and told it to close. No-op on a payment that has ended.
func (s *Store) ClosePayment(ctx context.Context, by Actor, no string) (Payment, error) {
	return s.end(ctx, no, func(t *tx, p *Payment) error {
		before := p.State
		if err := t.cancel(p); err != nil {
			return err
		}
		return t.audit(by, ActClose, subject("payment", p.ID), string(before), string(p.State))
	})
}

// TradeFacts is what a gateway says of one payment, as it is kept with its answer.
type TradeFacts struct {
	State          TradeState `json:"state"`
	GatewayTradeNo string     `json:"trade_no,omitempty"`
	AmountFen      Fen        `json:"amount_fen,omitempty"`
	Currency       string     `json:"currency,omitempty"`
	Payee          string     `json:"payee,omitempty"`
	PaidAt         *time.Time `json:"paid_at,omitempty"`
}

// Facts writes what the receipt says, to be kept with the answer.
func (r Receipt) Facts() string {
	facts := TradeFacts{State: r.State, GatewayTradeNo: clip(r.GatewayTradeNo, 64), AmountFen: r.AmountFen, Currency: clip(r.Currency, 8), Payee: clip(r.Payee, 64)}
	if !r.PaidAt.IsZero() {
		at := r.PaidAt.UTC()
		facts.PaidAt = &at
	}
	text, err := json.Marshal(facts)
	if err != nil { // a year of five digits
		return ""
	}
	return string(text)
}

// tradeFacts reads what Facts wrote; nil where something else stands.
func tradeFacts(detail string) *TradeFacts {
	var facts TradeFacts
	if json.Unmarshal([]byte(detail), &facts) != nil || facts.State == "" {
		return nil
	}
	return &facts
}
