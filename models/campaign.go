package models

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
)

// Campaign holds the stored facts: the seller's own switch, the arrears stop,
// the end. What a page shows is derived by Delivery.
type Campaign struct {
	ID               int64 `gorm:"primaryKey"`
	AccountID        int64
	Name             string
	DailyBudgetFen   Fen
	SwitchedOn       bool
	SwitchedAt       time.Time
	ArrearsStoppedAt *time.Time
	RecoveringSince  *time.Time
	EndedAt          *time.Time
	Schedule         Schedule
	SoftSince        *time.Time // when its soft start began; nil: it never had one
	SoftCapFen       Fen        // the most that its first hour may cost
	SoftBaseFen      Fen        // what that day had cost before
	PausedFor        string     // one of HaltReasons where the portal switched it off; empty: its seller did
	RestartRank      int        // the seller's own order of restarting; 0: none
	RowVersion       int64
	CreatedAt        time.Time
}

// MatchType says which searches a keyword bids on.
type MatchType string

const (
	MatchExact  MatchType = "exact"  // the phrase itself
	MatchPhrase MatchType = "phrase" // searches that hold the phrase
	MatchBroad  MatchType = "broad"  // searches that mean about the same
)

// MatchTypes are all of them, the narrowest first.
var MatchTypes = []MatchType{MatchExact, MatchPhrase, MatchBroad}

// Keyword is one phrase a campaign bids on; BidFen is the most per click. One
// that is removed stays for its history, and comes back when it is added again.
type Keyword struct {
	ID         int64 `gorm:"primaryKey"`
	CampaignID int64
	Phrase     string
	MatchType  MatchType
	BidFen     Fen
	Quality    int // 1–10
	SwitchedOn bool
	RemovedAt  *time.Time
	RowVersion int64
	CreatedAt  time.Time
}

// The recovery ramp: 25 % at once, 50 % after 10 min, 75 % after 20, 100 % after 30.
const (
	rampStep   = 10 * time.Minute
	rampSteps  = 4
	rampLength = rampStep * (rampSteps - 1)
)

// rampShare is the share of delivery in percent at an instant after the start.
func rampShare(since *time.Time, now time.Time) int {
	if since == nil {
		return 100
	}
	step := int(now.Sub(*since)/rampStep) + 1
	return min(max(step, 1), rampSteps) * 100 / rampSteps
}

// Delivery derives what a page shows of a campaign: the first state that holds
// of ended, frozen, paused_arrears, paused, out_of_funds, budget_reached,
// recovering, serving; and the share of delivery in percent (0 when it stands still).
func (c Campaign) Delivery(a Account, f Funds, spentToday Fen, now time.Time) (DeliveryState, int) {
	share := rampShare(c.RecoveringSince, now)
	switch {
	case c.EndedAt != nil:
		return DeliveryEnded, 0
	case a.FrozenAt != nil:
		return DeliveryFrozen, 0
	case c.ArrearsStoppedAt != nil:
		return DeliveryPausedArrears, 0
	case !c.SwitchedOn:
		return DeliveryPaused, 0
	case f.Spendable() <= 0:
		return DeliveryOutOfFunds, 0
	case spentToday >= c.limit(now):
		return DeliveryBudgetReached, 0
	case share < 100:
		return DeliveryRecovering, share
	}
	return DeliveryServing, share
}

// Lift says who ends a cause that stops a campaign.
type Lift string

const (
	LiftRecharge Lift = "recharge" // the seller pays
	LiftRestart  Lift = "restart"  // the seller restarts, on the restart screen
	LiftSwitch   Lift = "switch"   // the seller switches the campaign on
	LiftBudget   Lift = "budget"   // midnight, or the seller raises the budget
	LiftHour     Lift = "hour"     // the first hour of a soft start is over
	LiftStaff    Lift = "staff"    // staff only
	LiftNobody   Lift = "nobody"   // it has ended for good
)

// Cause is one reason why a campaign does not deliver now.
type Cause struct {
	State  DeliveryState
	Since  *time.Time // UTC; nil where it is not kept
	Lift   Lift
	Reason string     // SoftCapped or one of HaltReasons, where one of these is behind it
	Until  *time.Time // UTC; when it ends by itself, where that is known
}

// Causes names every cause that holds now, in the order of Delivery.
func (c Campaign) Causes(a Account, f Funds, stoppedSince *time.Time, spentToday Fen, now time.Time) []Cause {
	var causes []Cause
	add := func(holds bool, state DeliveryState, since *time.Time, lift Lift) {
		if holds {
			causes = append(causes, Cause{State: state, Since: since, Lift: lift})
		}
	}
	if c.EndedAt != nil {
		return []Cause{{State: DeliveryEnded, Since: c.EndedAt, Lift: LiftNobody}}
	}
	add(a.FrozenAt != nil, DeliveryFrozen, a.FrozenAt, LiftStaff)
	add(c.ArrearsStoppedAt != nil, DeliveryPausedArrears, c.ArrearsStoppedAt, LiftRestart)
	if !c.SwitchedOn {
		causes = append(causes, Cause{State: DeliveryPaused, Since: &c.SwitchedAt, Lift: LiftSwitch, Reason: c.PausedFor})
	}
	add(f.Spendable() <= 0, DeliveryOutOfFunds, stoppedSince, LiftRecharge)
	switch {
	case spentToday >= c.DailyBudgetFen:
		causes = append(causes, Cause{State: DeliveryBudgetReached, Lift: LiftBudget})
	case spentToday >= c.limit(now):
		causes = append(causes, Cause{State: DeliveryBudgetReached, Lift: LiftHour, Reason: SoftCapped, Until: c.softUntil(now)})
	}
	return causes
}

// ownCampaign finds a campaign of this account; another seller's is NotFound.
func ownCampaign(db *gorm.DB, accountID, id int64) (Campaign, error) {
	var c Campaign
	err := db.Take(&c, "id = ? AND account_id = ?", id, accountID).Error
	return c, found(err, "campaign")
}

// within holds an amount of a field against limits; the keys are those of an
// amount below and above them.
func within(amount Fen, field string, low, high Fen, tooSmall, tooLarge string) *Error {
	switch {
	case amount < low:
		return fieldError(field, tooSmall, map[string]any{"Min": low})
	case amount > high:
		return fieldError(field, tooLarge, map[string]any{"Max": high})
	}
	return nil
}

// CampaignView is one campaign with what is derived of it.
type CampaignView struct {
	Campaign
	Delivery      DeliveryState
	SharePercent  int
	SpentTodayFen Fen
	Causes        []Cause
}

// Campaigns lists an account's campaigns, oldest first, as they stand now.
func (s *Store) Campaigns(ctx context.Context, accountID int64) ([]CampaignView, error) {
	db := s.read.WithContext(ctx)
	a, f, err := s.accountAndFunds(db, accountID)
	if err != nil {
		return nil, err
	}
	return s.campaignViews(db, a, f)
}

// CampaignDetail is one campaign with its keywords. NotFound: not this account's.
func (s *Store) CampaignDetail(ctx context.Context, accountID, id int64) (CampaignView, []Keyword, error) {
	all, err := s.Campaigns(ctx, accountID)
	if err != nil {
		return CampaignView{}, nil, err
	}
	for _, c := range all {
		if c.ID == id {
			var keywords []Keyword
			err := s.read.WithContext(ctx).Order("id").Find(&keywords, "campaign_id = ? AND removed_at IS NULL", id).Error
			return c, keywords, err
		}
	}
	return CampaignView{}, nil, notFound("campaign")
}

func (s *Store) campaignViews(db *gorm.DB, a Account, f Funds) ([]CampaignView, error) {
	var campaigns []Campaign
	if err := db.Order("id").Find(&campaigns, "account_id = ?", a.ID).Error; err != nil {
		return nil, err
	}
	now := s.Now()
	var days []campaignDay
	err := db.Joins("JOIN campaigns ON campaigns.id = campaign_days.campaign_id").
		Find(&days, "campaigns.account_id = ? AND day_on = ?", a.ID, DayOn(now)).Error
	if err != nil {
		return nil, err
	}
	spent := make(map[int64]Fen, len(days))
	for _, day := range days {
		spent[day.CampaignID] = day.CostFen
	}
	stopped, err := openStopSince(db, a.ID)
	if err != nil {
		return nil, err
	}
	views := make([]CampaignView, len(campaigns))
	for i, c := range campaigns {
		state, share := c.Delivery(a, f, spent[c.ID], now)
		views[i] = CampaignView{c, state, share, spent[c.ID], c.Causes(a, f, stopped, spent[c.ID], now)}
	}
	return views, nil
}

// openStopSince is when the stop that holds now began, or nil.
func openStopSince(db *gorm.DB, accountID int64) (*time.Time, error) {
	var stop accountStop
	err := db.Take(&stop, "account_id = ? AND ended_at IS NULL", accountID).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, nil
	}
	return &stop.BeganAt, err
}

func (s *Store) accountAndFunds(db *gorm.DB, accountID int64) (Account, Funds, error) {
	var a Account
	if err := db.Take(&a, accountID).Error; err != nil {
		return a, Funds{}, found(err, "account")
	}
	f, err := fundsOf(db, a)
	return a, f, err
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}
