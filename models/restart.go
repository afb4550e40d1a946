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

// SoftUntil is when the soft start of what it started ends.
func (r Restart) SoftUntil() time.Time { return r.At.Add(softFor) }

// RestartItem is what became of one campaign in a restart.
type RestartItem struct {
	RestartID  int64 `gorm:"primaryKey"`
	CampaignID int64 `gorm:"primaryKey"`
	Started    bool
	Reason     string     // why not: a key under "restart.refused.", "" when it started
	StoppedAt  *time.Time // the arrears stop that was lifted
	RowVersion int64
	Undone     bool
	// Its soft start; 0 and empty without one. The norm is of the campaign's last
	// 7 days with cost before the stop, the base what its day stood at.
	CapFen, NormCostFen, NormHourFen, BaseFen Fen
	NormClicks, BaseClicks                    int64
	HaltedFor                                 string // one of HaltReasons, "" while nothing was wrong
}

// RestartInput says what a seller restarts, and how.
type RestartInput struct {
	IDs  []int64
	All  bool // whatever ran when arrears stopped it, in place of IDs
	Full bool // without a soft start
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

// RestartCampaigns starts campaigns again. Each is judged by itself: the items
// say which started and why others did not. What starts recovers on the ramp,
// starts softly (soft_start.go), and can be put back for Rules.UndoFor. NotFound when an id is not this account's (then
// nothing starts); Invalid on "campaign_id" when none is named.
func (s *Store) RestartCampaigns(ctx context.Context, by Actor, accountID int64, in RestartInput) (Restart, []RestartItem, error) {
	var restart Restart
	var items []RestartItem
	if len(in.IDs) == 0 && !in.All {
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
		campaigns, err := t.restartChoice(accountID, in)
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
				if err := t.restartOne(by, c, &item, in.Full); err != nil {
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
		if t.soft(in.Full) {
			t.watchSoftly(restart)
		}
		if err := t.event(a.ID, EventRestarted, EventArgs{Count: started}); err != nil {
			return err
		}
		return t.closeStop(a.ID)
	})
	return restart, items, err
}

// soft tells whether a restart that is asked for starts softly.
func (t *tx) soft(full bool) bool { return !full && t.rules.SoftCap > 0 }

// restartChoice reads what the seller chose.
func (t *tx) restartChoice(accountID int64, in RestartInput) ([]Campaign, error) {
	var campaigns []Campaign
	query := t.locked().Order("id").Where("account_id = ?", accountID)
	if in.All {
		return campaigns, query.Find(&campaigns, "arrears_stopped_at IS NOT NULL").Error
	}
	if err := query.Find(&campaigns, "id IN ?", in.IDs).Error; err != nil {
		return nil, err
	}
	distinct := make(map[int64]bool, len(in.IDs))
	for _, id := range in.IDs {
		distinct[id] = true
	}
	if len(campaigns) != len(distinct) {
		return nil, notFound("campaign")
	}
	return campaigns, nil
}

func (t *tx) restartOne(by Actor, c Campaign, item *RestartItem, full bool) error {
	starts := map[string]any{"soft_since": nil}
	if t.soft(full) {
		var err error
		if starts, err = t.startSoftly(c, item); err != nil {
			return err
		}
	}
	starts["arrears_stopped_at"], starts["recovering_since"], starts["restart_rank"] = nil, t.now, 0
	err := changed(t.Model(&Campaign{}).Where("id = ? AND switched_on AND ended_at IS NULL AND arrears_stopped_at IS NOT NULL", c.ID).
		Updates(starts))
	if err != nil {
		return err
	}
	return t.audit(by, "campaign.restart", subject("campaign", c.ID), "paused_arrears", "recovering")
}

// UndoRestart puts back under the arrears stop what the last restart started; what
// was edited since is left, and counted. Conflict when there is nothing to undo,
// the time for it is over, or all of it was edited since.
func (s *Store) UndoRestart(ctx context.Context, by Actor, accountID int64) (undone, left int, err error) {
	err = s.inTx(ctx, func(t *tx) error {
		undone, left = 0, 0
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
				Updates(map[string]any{"arrears_stopped_at": item.StoppedAt, "recovering_since": nil, "soft_since": nil})
			if result.Error != nil {
				return result.Error
			}
			if result.RowsAffected == 0 {
				left++
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
		if undone == 0 {
			return conflict("error.restart.edited", nil)
		}
		if err := t.Model(last).Update("undone_at", t.now).Error; err != nil {
			return err
		}
		t.touch(a.ID)
		if err := t.openStop(a.ID); err != nil {
			return err
		}
		return t.event(a.ID, EventRestartUndone, EventArgs{Count: undone})
	})
	return undone, left, err
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
