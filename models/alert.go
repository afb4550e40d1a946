package models

import (
	"slices"
	"time"
)

// The ladder of alerts (M12). A rung is told of once when an account comes to be
// low on it, and again only after it was above; so that a forecast that moves by
// minutes does not tell of the same thing twice, above begins a little later.

// Rung is one step of the ladder, or one event that is told of.
type Rung string

const (
	RungWeek       Rung = "runs_out_week"     // the money is expected to run out within 7 days
	RungTwoDays    Rung = "runs_out_two_days" // within 2
	RungToday      Rung = "runs_out_today"    // before midnight
	RungBreak      Rung = "runs_out_break"    // on days off that begin tomorrow, or before anybody is back
	RungBelow      Rung = "below"             // less is left than the seller's own threshold
	RungOut        Rung = "out_of_funds"      // nothing is left
	RungArrears    Rung = "arrears"           // something is owed
	RungSuspended  Rung = "suspended"         // and was not paid in time
	RungBonus      Rung = "bonus_expires"     // bonus expires within 7 days
	RungPaid       Rung = "paid"              // an event: a recharge came in
	RungRestored   Rung = "restored"          // an event: arrears are paid
	RungAutoFailed Rung = "auto_failed"       // an event: an automatic recharge failed
)

// Rungs lists every rung; each has its words in the catalogues.
var Rungs = []Rung{
	RungWeek, RungTwoDays, RungToday, RungBreak, RungBelow, RungOut, RungArrears, RungSuspended, RungBonus, RungPaid, RungRestored, RungAutoFailed,
}

// fall are the rungs of one fall, the deepest first: of several that are come to
// at once only the deepest is told of.
var fall = []Rung{RungSuspended, RungArrears, RungOut, RungToday, RungTwoDays, RungWeek}

// Urgent: it is sent in quiet hours too.
func (r Rung) Urgent() bool {
	return slices.Contains([]Rung{RungOut, RungArrears, RungSuspended, RungAutoFailed}, r)
}

// Audience says whom something concerns.
type Audience string

const (
	AudienceAll       Audience = "all"
	AudienceMoney     Audience = "money"     // who pays: gets the way to recharge
	AudienceCampaigns Audience = "campaigns" // who runs campaigns: gets the way to them
)

// Audiences lists every audience.
var Audiences = []Audience{AudienceAll, AudienceMoney, AudienceCampaigns}

// concerns tells whether an audience is told of a rung: what stops delivery, and
// its end, concerns everybody; the rest whoever pays.
func (r Rung) concerns(who Audience) bool {
	return who != AudienceCampaigns || slices.Contains([]Rung{RungOut, RungArrears, RungSuspended, RungRestored}, r)
}

// audience is what of the alerts a role is told of, "": nothing by mail.
func (r ShopRole) audience() Audience {
	switch {
	case r.May(ShopPay) && r.May(ShopRun):
		return AudienceAll
	case r.May(ShopPay):
		return AudienceMoney
	case r.May(ShopRun):
		return AudienceCampaigns
	}
	return ""
}

const (
	bonusWarned = 7 * 24 * time.Hour
	// How far above a rung an account must be before it counts as above again.
	weekSlack, twoDaysSlack, todaySlack = 24 * time.Hour, 12 * time.Hour, 6 * time.Hour
)

// footing is what the ladder looks at.
type footing struct {
	now      time.Time
	funds    Funds
	state    AccountState // of the money
	below    Fen          // the seller's threshold; 0: none
	forecast Forecast
	bonusAt  time.Time // when the next bonus expires; zero: none does
	bonus    Fen       // that much
	calendar *Calendar
	stopped  bool // the money has run out; an account that never had any has not
}

// low tells whether the account is low on a rung, of which it was low before.
func (s footing) low(r Rung, was bool) bool {
	within := func(span, slack time.Duration) bool {
		if s.funds.Spendable() <= 0 {
			return s.stopped
		}
		if !s.forecast.OK { // nothing is known: nothing changes
			return was
		}
		if was {
			span += slack
		}
		return !s.forecast.Beyond && s.forecast.At.Before(s.now.Add(span))
	}
	switch r {
	case RungWeek:
		return within(7*24*time.Hour, weekSlack)
	case RungTwoDays:
		return within(2*24*time.Hour, twoDaysSlack)
	case RungToday:
		return within(dayStart(s.now).AddDate(0, 0, 1).Sub(s.now), todaySlack)
	case RungBreak:
		end := s.calendar.breakAhead(s.now)
		return !end.IsZero() && within(end.Sub(s.now), 0)
	case RungBelow:
		return s.below > 0 && s.funds.Spendable() < s.below
	case RungOut:
		return s.stopped && s.funds.Spendable() <= 0
	case RungArrears:
		return s.funds.Cash < 0
	case RungSuspended:
		return s.state == AccountSuspended
	case RungBonus:
		return s.bonus > 0 && s.bonusAt.Before(s.now.Add(bonusWarned))
	}
	return was
}

// crossed names the rungs that are to be told of, of those that the account has
// come to be low on: the deepest of the fall, and none of the lesser ones beside it.
func crossed(fresh []Rung, low map[Rung]bool) (tell []Rung) {
	deepest := Rung("")
	for _, r := range fall {
		if low[r] {
			deepest = r
			break
		}
	}
	for _, r := range fresh {
		switch {
		case slices.Contains(fall, r):
			if r == deepest {
				tell = append(tell, r)
			}
		case r == RungBreak || r == RungBelow: // said already by what is worse
			if deepest != RungToday && deepest != RungOut && deepest != RungArrears && deepest != RungSuspended {
				tell = append(tell, r)
			}
		default:
			tell = append(tell, r)
		}
	}
	return tell
}

// levels are the rungs that an account stands on; the others are events.
var levels = []Rung{RungSuspended, RungArrears, RungOut, RungToday, RungTwoDays, RungWeek, RungBreak, RungBelow, RungBonus}

// quietUntil is when the quiet hours that hold an instant end; zero: it is in none.
func (a Account) quietUntil(now time.Time) time.Time {
	if a.QuietFrom == nil || a.QuietUntil == nil || *a.QuietFrom == *a.QuietUntil {
		return time.Time{}
	}
	from, until, hour, day := *a.QuietFrom, *a.QuietUntil, now.In(Shanghai).Hour(), dayStart(now)
	end := day.Add(time.Duration(until) * time.Hour)
	switch {
	case from < until && from <= hour && hour < until, from > until && hour < until:
		return end
	case from > until && hour >= from:
		return end.AddDate(0, 0, 1)
	}
	return time.Time{}
}
