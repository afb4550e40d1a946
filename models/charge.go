package models

import (
	"time"
)

// KindCharge is the ledger kind of clicks paid; the reference is the id of the
// first charge in it.
const KindCharge = "charge"

// Charge is one click that the ad engine charges, in fen.
type Charge struct {
	ChargeID   string // the engine's own, once for ever
	CampaignID int64
	KeywordID  int64 // 0: none
	AmountFen  Fen
	ChargedAt  time.Time
}

// What one charge and one body of charges may be.
const (
	MaxChargeBatch = 5000
	MaxChargeFen   = 10_000*Yuan - 1
	maxChargeID    = 64
	maxChargeAhead = 5 * time.Minute
	maxChargeAge   = 7 * 24 * time.Hour
)

// RejectCode says why one item of a body is not taken while the rest is.
type RejectCode string

const (
	RejectMalformed       RejectCode = "malformed" // not what the API takes: a field is missing or of another kind
	RejectUnknownCampaign RejectCode = "unknown_campaign"
	RejectUnknownKeyword  RejectCode = "unknown_keyword" // no such keyword, or another campaign's
	RejectNotPositive     RejectCode = "amount_not_positive"
	RejectTooLarge        RejectCode = "amount_too_large"
	RejectFuture          RejectCode = "in_future"
	RejectTooOld          RejectCode = "too_old"
	RejectReused          RejectCode = "charge_id_reused" // booked before with another amount or campaign
)

// RejectCodes lists every code; each has its words in the catalogues.
var RejectCodes = []RejectCode{
	RejectMalformed, RejectUnknownCampaign, RejectUnknownKeyword, RejectNotPositive, RejectTooLarge, RejectFuture, RejectTooOld, RejectReused,
}

// Rejection is one item that was not taken; Index is its place in the body.
type Rejection struct {
	Index int
	Code  RejectCode
}

// ChargeResult says what became of a body: each item counts once. Rejected
// stands in the order of the body.
type ChargeResult struct {
	Accepted  int
	Duplicate int // booked before, by this or another body
	Rejected  []Rejection
}

// refusal is the rule of what a charge must be, whatever the books say; "" is
// none.
func (c Charge) refusal() RejectCode {
	switch {
	case !wellFormedID(c.ChargeID) || c.CampaignID <= 0 || c.KeywordID < 0 || c.ChargedAt.IsZero():
		return RejectMalformed
	case c.AmountFen <= 0:
		return RejectNotPositive
	case c.AmountFen > MaxChargeFen:
		return RejectTooLarge
	}
	return ""
}

// untimely is the rule of when a charge may come. It does not hold for one that
// is booked already: that stays a duplicate for ever.
func (c Charge) untimely(now time.Time) RejectCode {
	switch {
	case c.ChargedAt.After(now.Add(maxChargeAhead)):
		return RejectFuture
	case c.ChargedAt.Before(now.Add(-maxChargeAge)):
		return RejectTooOld
	}
	return ""
}

// wellFormedID takes 1 to 64 printable ASCII characters.
func wellFormedID(id string) bool {
	if id == "" || len(id) > maxChargeID {
		return false
	}
	for i := range len(id) {
		if id[i] < ' ' || id[i] > '~' {
			return false
		}
	}
	return true
}

// booked is what the books know of a charge id.
type booked struct {
	campaign int64
	amount   Fen
}

// placed is a charge with its place in the body and the account it falls on.
type placed struct {
	Charge
	index          int
	account        int64
	strangeKeyword bool
}

// judge is the rule for one charge that is well formed, given what is booked:
// "" and false for a fresh one.
func (p placed) judge(known map[string]booked, now time.Time) (refused RejectCode, duplicate bool) {
	if before, ok := known[p.ChargeID]; ok {
		if before != (booked{p.CampaignID, p.AmountFen}) {
			return RejectReused, false
		}
		return "", true
	}
	if p.strangeKeyword {
		return RejectUnknownKeyword, false
	}
	return p.untimely(now), false
}

// split is the rule of the purses: bonus pays first, then cash.
func (f Funds) split(total Fen) (fromBonus, fromCash Fen, after Funds) {
	fromBonus = min(max(f.Bonus, 0), total)
	fromCash = total - fromBonus
	return fromBonus, fromCash, Funds{Cash: f.Cash - fromCash, Bonus: f.Bonus - fromBonus}
}
