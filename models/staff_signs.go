package models

import "slices"

// PaymentSign is one thing that is to be known of a payment when somebody asks
// where the money is; its words stand in the catalogues.
type PaymentSign string

const (
	SignHeld       PaymentSign = "held"        // money of it stands in suspense
	SignTwice      PaymentSign = "twice"       // this payment and the one it resumes, or that resumes it, are both paid
	SignChecking   PaymentSign = "checking"    // the gateway can't be asked
	SignOverdue    PaymentSign = "overdue"     // pending past its deadline
	SignUnsettled  PaymentSign = "unsettled"   // a notify came and could not be settled yet
	SignDisagreed  PaymentSign = "disagreed"   // a notify disagreed with our payment, so that the gateway was asked
	SignRefused    PaymentSign = "refused"     // a notify about it was refused
	SignLate       PaymentSign = "late"        // paid after it had ended
	SignUnheard    PaymentSign = "unheard"     // paid, and credited without any notify
	SignSilent     PaymentSign = "silent"      // pending, and no notify came
	SignNeverAsked PaymentSign = "never_asked" // sent, and the gateway was never asked
	SignUnpaid     PaymentSign = "unpaid"      // the gateway's newest clear answer: no money
	SignAgree      PaymentSign = "agree"       // paid, and both sides say so
	SignDraft      PaymentSign = "draft"       // never sent
)

// PaymentSigns lists every sign, the gravest first.
var PaymentSigns = []PaymentSign{
	SignHeld, SignTwice, SignChecking, SignOverdue, SignUnsettled, SignDisagreed, SignRefused, SignLate, SignUnheard, SignSilent,
	SignNeverAsked, SignUnpaid, SignAgree, SignDraft,
}

// Signs is the rule that reads a payment's page for whoever is on the phone:
// what is wrong, or that nothing is.
func (d StaffPaymentDesk) Signs() []PaymentSign {
	p := d.Payment
	pending, paid := p.State == PaymentPending, p.State.IsPaid()
	verdict := func(wanted ...Outcome) bool {
		return slices.ContainsFunc(d.Notifies, func(n Notice) bool { return slices.Contains(wanted, Outcome(n.Verdict)) })
	}
	heard := slices.ContainsFunc(d.Notifies, func(n Notice) bool { return !n.Unverified })
	held := slices.ContainsFunc(d.Held, func(h Held) bool { return h.ClearedAt == nil })
	twice := paid && (d.Resumes.State.IsPaid() || d.ResumedBy.State.IsPaid())
	holds := map[PaymentSign]bool{
		SignHeld:       held,
		SignTwice:      twice,
		SignChecking:   pending && p.CheckingSince != nil,
		SignOverdue:    pending && d.Now.After(*p.ExpiresAt),
		SignUnsettled:  !paid && verdict(OutcomeUnsettled, OutcomeAsk),
		SignDisagreed:  slices.ContainsFunc(d.Answers, func(a GatewayAnswer) bool { return a.AskedBy == "notify" }),
		SignRefused:    verdict(OutcomeRefused),
		SignLate:       p.PaidLate,
		SignUnheard:    paid && !heard && p.Rail != RailBankTransfer, // which people credit
		SignSilent:     pending && !heard,
		SignNeverAsked: p.ConfirmedAt != nil && !paid && len(d.Answers) == 0,
		SignUnpaid:     !paid && d.unpaid(),
		SignAgree:      paid && !held && !twice,
		SignDraft:      p.State == PaymentDraft,
	}
	var signs []PaymentSign
	for _, sign := range PaymentSigns {
		if holds[sign] {
			signs = append(signs, sign)
		}
	}
	return signs
}

// unpaid: the newest clear answer says that no money came in.
func (d StaffPaymentDesk) unpaid() bool {
	i := slices.IndexFunc(d.Answers, func(a GatewayAnswer) bool { return a.IsClear() })
	return i >= 0 && slices.Contains([]string{string(TradeNotExist), string(TradeWaiting), string(TradeClosed), string(OutcomeNotPaid)}, d.Answers[i].Answer)
}

// Refundable: some of its money could still go back to where it came from.
func (p Payment) Refundable() bool {
	return p.State.IsPaid() && p.RefundedFen < p.AmountFen
}

// agreeing are the states of a trade at its gateway that our state expects.
var agreeing = map[PaymentState][]TradeState{
	PaymentDraft:             {TradeNotExist},
	PaymentPending:           {TradeNotExist, TradeWaiting},
	PaymentPaid:              {TradePaid},
	PaymentExpired:           {TradeNotExist, TradeClosed},
	PaymentCancelled:         {TradeNotExist, TradeClosed},
	PaymentFailed:            {TradeNotExist, TradeClosed},
	PaymentPartiallyRefunded: {TradePaid},
	PaymentRefunded:          {TradePaid, TradeClosed},
}

// Agrees tells whether our state and the gateway's go together.
func (s PaymentState) Agrees(theirs TradeState) bool { return slices.Contains(agreeing[s], theirs) }

// Trade is the state of the trade that an answer speaks of.
func (a GatewayAnswer) Trade() TradeState {
	switch {
	case a.Facts != nil:
		return a.Facts.State
	case !a.IsClear():
		return TradeUnknown
	case Outcome(a.Answer).Credited(), Outcome(a.Answer) == OutcomeSuspense:
		return TradePaid
	case Outcome(a.Answer) == OutcomeNotPaid:
		return TradeNotExist // of another trade there would be facts
	}
	return TradeState(a.Answer)
}
