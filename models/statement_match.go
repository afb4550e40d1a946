package models

import "time"

// Reasons of a match, each with its words.
const (
	MatchCode        = "code"           // the remark names the payment
	MatchAmount      = "amount"         // the amount is what was asked for
	MatchOtherAmount = "amount_differs" // it is not
	MatchName        = "name"           // the payer is the seller's company
	MatchOtherName   = "name_differs"   // the payer is somebody else
	MatchPaid        = "paid"           // that payment has its money already
	MatchAsked       = "asked"          // for that payment another line waits for approval
	MatchSeveral     = "several"        // more than one payment fits
	MatchEnded       = "ended"          // the payment had ended unpaid: late money
	MatchAlike       = "alike"          // a line of another file, which may be this one
)

// MatchReasons are all of them.
var MatchReasons = []string{
	MatchCode, MatchAmount, MatchOtherAmount, MatchName, MatchOtherName, MatchPaid, MatchAsked, MatchSeveral, MatchEnded, MatchAlike,
}

// Match is what a line of a statement most likely is: a payment, an account, or
// nothing that we know.
type Match struct {
	Score     int // 0 to 100
	Reasons   []string
	PaymentNo string // "": none fits in amount
	PayFen    Fen    // what that payment is over
	AccountID int64  // 0: nobody is known
	ShopName  string
}

// Certain: the remark names the payment and the amount is that payment's.
func (m Match) Certain() bool { return m.PaymentNo != "" && m.Score >= 90 }

// Proposable: one payment fits, by the remark or by payer and amount.
func (m Match) Proposable() bool { return m.PaymentNo != "" && m.Score >= 70 }

// contender is a payment that a line may be the money of.
type contender struct {
	Payment
	ShopName      string
	RegisteredKey string
	Asked         bool // another line waits to be approved for it
}

// bearer is a seller whose company has a name.
type bearer struct {
	AccountID     int64
	ShopName      string
	RegisteredKey string
}

// match is the rule. named are payments that the remark names; byName are
// unpaid transfers of the line's amount whose seller's company is the payer;
// bearers are sellers whose company is the payer.
func (l StatementLine) match(named, byName []contender, bearers []bearer) Match {
	var fitting, other []contender
	for _, c := range named {
		if c.AmountFen == l.AmountFen && !c.State.IsPaid() && !c.Asked {
			fitting = append(fitting, c)
		} else {
			other = append(other, c)
		}
	}
	switch {
	case len(fitting) == 1:
		return fitting[0].meets(l, 100, MatchCode, MatchAmount)
	case len(fitting) > 1:
		return fitting[0].owner(60, MatchCode, MatchAmount, MatchSeveral)
	case len(other) > 0:
		c := other[0]
		switch {
		case c.State.IsPaid():
			return c.owner(40, MatchCode, MatchPaid)
		case c.Asked:
			return c.owner(40, MatchCode, MatchAsked)
		}
		return c.owner(50, MatchCode, MatchOtherAmount)
	}
	return l.matchName(byName, bearers)
}

// matchName is the rule where the remark names no payment.
func (l StatementLine) matchName(byName []contender, bearers []bearer) Match {
	var waiting, ended []contender
	for _, c := range byName {
		switch {
		case c.Asked:
		case c.State == PaymentPending:
			waiting = append(waiting, c)
		default:
			ended = append(ended, c)
		}
	}
	switch {
	case len(waiting) == 1:
		return waiting[0].meets(l, 80, MatchName, MatchAmount)
	case len(waiting) == 0 && len(ended) == 1:
		return ended[0].meets(l, 70, MatchName, MatchAmount)
	case len(waiting) > 1:
		return waiting[0].owner(60, MatchName, MatchAmount, MatchSeveral)
	case len(ended) > 1:
		return ended[0].owner(60, MatchName, MatchAmount, MatchSeveral)
	case len(bearers) == 1:
		return Match{Score: 40, Reasons: []string{MatchName}, AccountID: bearers[0].AccountID, ShopName: bearers[0].ShopName}
	case len(bearers) > 1:
		return Match{Score: 20, Reasons: []string{MatchName, MatchSeveral}}
	}
	return Match{}
}

// meets is a match with this one payment.
func (c contender) meets(l StatementLine, score int, reasons ...string) Match {
	m := c.owner(score, reasons...)
	m.PaymentNo, m.PayFen = c.No, c.AmountFen
	if reasons[0] == MatchCode && c.RegisteredKey != "" {
		if nameKey(l.PayerName) == c.RegisteredKey {
			m.Reasons = append(m.Reasons, MatchName)
		} else {
			m.Score, m.Reasons = m.Score-5, append(m.Reasons, MatchOtherName)
		}
	}
	if c.State != PaymentPending {
		m.Reasons = append(m.Reasons, MatchEnded)
	}
	return m
}

// owner is a match with the account alone: which payment, or whether any, is for
// a human to say.
func (c contender) owner(score int, reasons ...string) Match {
	return Match{Score: score, Reasons: reasons, AccountID: c.AccountID, ShopName: c.ShopName}
}

// endedWithin is how long after it ended a payment may be found by payer and
// amount alone.
const endedWithin = 60 * 24 * time.Hour

// matches reads what the lines most likely are, by line id.
func (t *tx) matches(lines []StatementLine) (map[int64]Match, error) {
	if len(lines) == 0 {
		return nil, nil
	}
	asked, err := t.askedPayments()
	if err != nil {
		return nil, err
	}
	named, err := t.named(lines, asked)
	if err != nil {
		return nil, err
	}
	bearers, err := t.bearers(lines)
	if err != nil {
		return nil, err
	}
	alike, err := t.alike(lines)
	if err != nil {
		return nil, err
	}
	found := make(map[int64]Match, len(lines))
	for _, l := range lines {
		var byName []contender
		its := bearers[nameKey(l.PayerName)]
		if len(named[l.ID]) == 0 && len(its) > 0 {
			if byName, err = t.transfersOf(its, l.AmountFen, asked); err != nil {
				return nil, err
			}
		}
		found[l.ID] = l.match(named[l.ID], byName, its)
		if alike[l.ID] {
			found[l.ID] = found[l.ID].again()
		}
	}
	return found, nil
}
