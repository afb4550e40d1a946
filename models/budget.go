package models

import (
	"context"
	"errors"
	"slices"
	"time"

	"gorm.io/gorm"
)

// budgetChanged tells the engine of a budget, and notes on the timeline what it
// means for today where that is another thing than before.
func (t *tx) budgetChanged(c Campaign, old Fen) error {
	t.touch(c.AccountID)
	spent, err := t.spentToday(c.ID)
	switch {
	case err != nil:
		return err
	case spent < old && spent >= c.DailyBudgetFen:
		return t.budgetReached(c.AccountID, c.ID)
	case spent >= old && spent < c.DailyBudgetFen:
		return t.event(c.AccountID, EventBudgetRaised, EventArgs{AmountFen: c.DailyBudgetFen, Campaign: c.Name})
	}
	return nil
}

// budgetReached notes that a campaign has used up its budget of today, or what it
// may cost in its soft start, and has the account looked at again when the next
// day begins: both are whole again then. Of one that stands still anyway the
// timeline says nothing: its clicks only came in late.
func (t *tx) budgetReached(accountID, campaignID int64) error {
	var c Campaign
	if err := t.Take(&c, campaignID).Error; err != nil {
		return err
	}
	spent, err := t.spentToday(campaignID)
	if err != nil {
		return err
	}
	midnight := dayStart(t.now).AddDate(0, 0, 1)
	t.touch(accountID)
	renew := Task{RenewBudgets{AccountID: accountID, Day: midnight}, midnight}
	if !slices.Contains(t.tasks, renew) { // one an account; the queue keeps one of those of other transactions
		t.then(renew)
	}
	if !c.SwitchedOn || c.EndedAt != nil || c.ArrearsStoppedAt != nil {
		return nil
	}
	if until := c.softUntil(t.now); until != nil && spent < c.DailyBudgetFen {
		return t.event(accountID, EventSoftCapped, EventArgs{AmountFen: c.SoftCapFen, Campaign: c.Name, Until: until})
	}
	return t.event(accountID, EventBudgetReached, EventArgs{AmountFen: c.DailyBudgetFen, Campaign: c.Name, Until: &midnight})
}

// RenewBudgets begins a new day for an account whose campaigns had reached
// their daily budgets: it notes on the timeline how many may deliver again, and
// tells the engine. day is the instant at which the day began; Conflict before
// it. A second call notes nothing.
func (s *Store) RenewBudgets(ctx context.Context, accountID int64, day time.Time) error {
	return s.inTx(ctx, func(t *tx) error {
		a, err := t.lockAccount(accountID)
		if err != nil {
			return err
		}
		if t.now.Before(day) {
			return conflict("error.day.not_begun", nil)
		}
		t.touch(accountID)
		f, err := t.funds(a)
		if err != nil || f.Spendable() <= 0 || a.FrozenAt != nil {
			return err
		}
		var noted accountEvent
		err = t.Take(&noted, "account_id = ? AND kind = ? AND at >= ?", accountID, EventBudgetRenewed, day).Error
		if !errors.Is(err, gorm.ErrRecordNotFound) {
			return err
		}
		var renewed int64
		err = t.Table("campaigns AS c").Joins("JOIN campaign_days d ON d.campaign_id = c.id AND d.day_on = ?", DayOn(day.Add(-time.Hour))).
			Where(`c.account_id = ? AND c.switched_on AND c.ended_at IS NULL AND c.arrears_stopped_at IS NULL
				AND d.cost_fen >= c.daily_budget_fen`, accountID).Count(&renewed).Error
		if err != nil || renewed == 0 {
			return err
		}
		return t.event(accountID, EventBudgetRenewed, EventArgs{Count: int(renewed)})
	})
}

// spentToday reads what a campaign has cost today.
func (t *tx) spentToday(campaignID int64) (Fen, error) {
	var day campaignDay
	err := t.Take(&day, "campaign_id = ? AND day_on = ?", campaignID, DayOn(t.now)).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		err = nil
	}
	return day.CostFen, err
}
