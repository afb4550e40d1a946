package models

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
)

// Restart is one act of the seller that brought campaigns back.
type Restart struct {
	ID        int64 `gorm:"primaryKey"`
	AccountID int64
	UserID    int64
	At        time.Time
	UndoUntil time.Time
	UndoneAt  *time.Time
}

// RestartItem is what became of one campaign in a restart.
type RestartItem struct {
	RestartID  int64 `gorm:"primaryKey"`
	CampaignID int64 `gorm:"primaryKey"`
	Started    bool
	Reason     string     // why not: a key under "restart.refused.", "" when it started
	StoppedAt  *time.Time // the arrears stop that was lifted
	RowVersion int64
	Undone     bool
}

// Reasons why a campaign does not restart.
const (
	RefusedEnded   = "ended"       // its end has come
	RefusedPaused  = "paused"      // its seller paused it: only the seller's switch starts it
	RefusedRunning = "not_stopped" // arrears do not stop it (any more)
	RefusedArrears = "arrears"     // the account still owes
	RefusedFrozen  = "frozen"      // staff froze the account
	RefusedNoFunds = "no_funds"    // nothing is left to spend
)

// RefusedReasons lists every reason; each has its words in the catalogues.
var RefusedReasons = []string{
	RefusedEnded, RefusedPaused, RefusedRunning, RefusedArrears, RefusedFrozen, RefusedNoFunds,
}

// restartRefusal is the rule: why this campaign can't be restarted now, or "".
func (c Campaign) restartRefusal(a Account, f Funds) string {
	switch {
	case c.EndedAt != nil:
		return RefusedEnded
	case !c.SwitchedOn:
		return RefusedPaused
	case c.ArrearsStoppedAt == nil:
		return RefusedRunning
	case a.FrozenAt != nil:
		return RefusedFrozen
	case f.Cash < 0:
		return RefusedArrears
	case f.Spendable() <= 0:
		return RefusedNoFunds
	}
	return ""
}

// RestartCampaigns starts the named campaigns again, or with all every one that
// ran when arrears stopped it. Each is judged by itself: the items say which
// started and why others did not. What starts recovers on the ramp and can be
// put back for Rules.UndoFor. NotFound when an id is not this account's (then
// nothing starts); Invalid on "campaign_id" when none is named.
func (s *Store) RestartCampaigns(ctx context.Context, by Actor, accountID int64, ids []int64, all bool) (Restart, []RestartItem, error) {
	var restart Restart
	var items []RestartItem
	if len(ids) == 0 && !all {
		return restart, nil, FieldErrors{fieldError("campaign_id", "error.restart.none", nil)}
	}
	err := s.inTx(ctx, func(t *tx) error {
		restart, items = Restart{}, nil
		a, err := t.lockAccount(accountID)
		if err != nil {
			return err
		}
		f, err := t.funds(a)
		if err != nil {
			return err
		}
		campaigns, err := t.restartChoice(accountID, ids, all)
		if err != nil || len(campaigns) == 0 {
			return err
		}
		restart = Restart{AccountID: accountID, UserID: by.UserID, At: t.now, UndoUntil: t.now.Add(t.rules.UndoFor)}
		if err := t.Create(&restart).Error; err != nil {
			return err
		}
		started := 0
		for _, c := range campaigns {
			item := RestartItem{RestartID: restart.ID, CampaignID: c.ID, Reason: c.restartRefusal(a, f)}
			if item.Reason == "" {
				item.Started, item.StoppedAt, item.RowVersion = true, c.ArrearsStoppedAt, c.RowVersion
				started++
				if err := t.restartOne(by, c); err != nil {
					return err
				}
			}
			items = append(items, item)
		}
		if started == 0 {
			return FieldErrors{fieldError("campaign_id", "error.restart.nothing_started", nil)}
		}
		if err := t.Create(&items).Error; err != nil {
			return err
		}
		t.rampUp(a.ID)
		if err := t.event(a.ID, EventRestarted, EventArgs{Count: started}); err != nil {
			return err
		}
		return t.closeStop(a.ID)
	})
	return restart, items, err
}

// restartChoice reads what the seller chose; all means whatever arrears stopped.
func (t *tx) restartChoice(accountID int64, ids []int64, all bool) ([]Campaign, error) {
	var campaigns []Campaign
	query := t.locked().Order("id").Where("account_id = ?", accountID)
	if all {
		return campaigns, query.Find(&campaigns, "arrears_stopped_at IS NOT NULL").Error
	}
	if err := query.Find(&campaigns, "id IN ?", ids).Error; err != nil {
		return nil, err
	}
	distinct := make(map[int64]bool, len(ids))
	for _, id := range ids {
		distinct[id] = true
	}
	if len(campaigns) != len(distinct) {
		return nil, notFound("campaign")
	}
	return campaigns, nil
}

func (t *tx) restartOne(by Actor, c Campaign) error {
	err := changed(t.Model(&Campaign{}).Where("id = ? AND switched_on AND ended_at IS NULL AND arrears_stopped_at IS NOT NULL", c.ID).
		Updates(map[string]any{"arrears_stopped_at": nil, "recovering_since": t.now}))
	if err != nil {
		return err
	}
	return t.audit(by, "campaign.restart", subject("campaign", c.ID), "paused_arrears", "recovering")
}

// UndoRestart puts back under the arrears stop what the last restart started,
// unless its switch or budget was changed since. Conflict when there is
// nothing to undo or the time for it is over.
func (s *Store) UndoRestart(ctx context.Context, by Actor, accountID int64) (int, error) {
	undone := 0
	err := s.inTx(ctx, func(t *tx) error {
		undone = 0
		a, err := t.lockAccount(accountID)
		if err != nil {
			return err
		}
		last, items, err := lastRestart(t.DB, accountID)
		if err != nil {
			return err
		}
		if last == nil || last.UndoneAt != nil || t.now.After(last.UndoUntil) {
			return conflict("error.restart.undo", nil)
		}
		for _, item := range items {
			if !item.Started {
				continue
			}
			result := t.Model(&Campaign{}).
				Where("id = ? AND row_version = ? AND arrears_stopped_at IS NULL AND switched_on AND ended_at IS NULL", item.CampaignID, item.RowVersion).
				Updates(map[string]any{"arrears_stopped_at": item.StoppedAt, "recovering_since": nil})
			if result.Error != nil {
				return result.Error
			}
			if result.RowsAffected == 0 {
				continue
			}
			undone++
			if err := t.audit(by, "campaign.restart_undo", subject("campaign", item.CampaignID), "recovering", "paused_arrears"); err != nil {
				return err
			}
			if err := t.Model(&item).Update("undone", true).Error; err != nil {
				return err
			}
		}
		if err := t.Model(last).Update("undone_at", t.now).Error; err != nil {
			return err
		}
		t.touch(a.ID)
		if undone > 0 {
			if err := t.openStop(a.ID); err != nil {
				return err
			}
		}
		return t.event(a.ID, EventRestartUndone, EventArgs{Count: undone})
	})
	return undone, err
}

// lastRestart reads the newest restart, or nil.
func lastRestart(db *gorm.DB, accountID int64) (*Restart, []RestartItem, error) {
	var last Restart
	err := db.Order("id DESC").Take(&last, "account_id = ?", accountID).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	var items []RestartItem
	err = db.Order("campaign_id").Find(&items, "restart_id = ?", last.ID).Error
	return &last, items, err
}

// StoppedCampaign is one row of the restart screen.
type StoppedCampaign struct {
	Campaign
	DailyCostFen Fen    // mean of its last 7 days with cost before the stop
	Edited       bool   // budget or bids differ from what ran
	Refusal      string // why it can't start now, "" when it can
}

// RestartDesk is all that the restart screen shows.
type RestartDesk struct {
	Account   Account
	Funds     Funds
	Stopped   []StoppedCampaign
	Last      *Restart // the newest restart, with what came of it
	LastItems []RestartItem
	Names     map[int64]string // of the campaigns in LastItems
	Running   Fen              // daily budgets of what runs already
	Now       time.Time
}

// RestartDesk reads what arrears stopped and whether it can start now.
func (s *Store) RestartDesk(ctx context.Context, accountID int64) (RestartDesk, error) {
	desk := RestartDesk{Names: map[int64]string{}, Now: s.Now()}
	db := s.read.WithContext(ctx)
	var err error
	if desk.Account, desk.Funds, err = s.accountAndFunds(db, accountID); err != nil {
		return desk, err
	}
	var campaigns []Campaign
	if err = db.Order("id").Find(&campaigns, "account_id = ?", accountID).Error; err != nil {
		return desk, err
	}
	edited, err := editedSinceStop(db, accountID)
	if err != nil {
		return desk, err
	}
	for _, c := range campaigns {
		desk.Names[c.ID] = c.Name
		if c.ArrearsStoppedAt == nil {
			if c.SwitchedOn && c.EndedAt == nil {
				desk.Running += c.DailyBudgetFen
			}
			continue
		}
		row := StoppedCampaign{Campaign: c, Edited: edited[c.ID], Refusal: c.restartRefusal(desk.Account, desk.Funds)}
		if row.DailyCostFen, err = campaignDailyCost(db, c.ID, *c.ArrearsStoppedAt); err != nil {
			return desk, err
		}
		desk.Stopped = append(desk.Stopped, row)
	}
	desk.Last, desk.LastItems, err = lastRestart(db, accountID)
	return desk, err
}

// RunwayOf says how long the spendable money lasts at the given daily budgets.
func (d RestartDesk) RunwayOf(budgets Fen) Runway {
	return runway(d.Funds.Spendable(), budgets, d.Now)
}

// editedSinceStop tells which campaigns of the newest snapshot have another
// budget or another bid than when they ran.
func editedSinceStop(db *gorm.DB, accountID int64) (map[int64]bool, error) {
	var ids []int64
	err := db.Raw(`SELECT c.id FROM stop_snapshot_campaigns s JOIN campaigns c ON c.id = s.campaign_id
		WHERE s.snapshot_id = (SELECT MAX(id) FROM stop_snapshots WHERE account_id = ?)
		AND (c.daily_budget_fen <> s.daily_budget_fen OR EXISTS (
			SELECT 1 FROM stop_snapshot_keywords sk JOIN keywords k ON k.id = sk.keyword_id
			WHERE sk.snapshot_id = s.snapshot_id AND k.campaign_id = c.id AND k.bid_fen <> sk.bid_fen))`, accountID).Scan(&ids).Error
	edited := make(map[int64]bool, len(ids))
	for _, id := range ids {
		edited[id] = true
	}
	return edited, err
}

// campaignDailyCost is the mean of a campaign's last 7 days with cost before an instant.
func campaignDailyCost(db *gorm.DB, campaignID int64, before time.Time) (Fen, error) {
	var costs []Fen
	err := db.Model(&campaignDay{}).Order("day_on DESC").Limit(dailyCostDays).
		Where("campaign_id = ? AND day_on < ? AND cost_fen > 0", campaignID, DayOn(before)).Pluck("cost_fen", &costs).Error
	return mean(costs), err
}
