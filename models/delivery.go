package models

import (
	"context"
	"time"
)

// SuspendAccount stops an account whose grace time is over: the account is
// suspended, every campaign that was switched on gets its arrears stop, and a
// snapshot keeps what ran with its budget and bids. It is a no-op when those
// arrears have been paid meanwhile, or the stop has been made before. Conflict
// before the deadline.
func (s *Store) SuspendAccount(ctx context.Context, accountID int64, arrearsSince time.Time) error {
	return s.inTx(ctx, func(t *tx) error {
		a, err := t.lockAccount(accountID)
		if err != nil {
			return err
		}
		if a.FundingState != AccountArrears || !a.ArrearsSince.Equal(arrearsSince) {
			return nil
		}
		if t.now.Before(*a.GraceEndsAt) {
			return conflict("error.account.grace", nil)
		}
		a.FundingState, a.SuspendedAt = AccountSuspended, &t.now
		t.touch(a.ID)
		if err := t.Model(&a).Select("FundingState", "SuspendedAt").Updates(&a).Error; err != nil {
			return err
		}
		if err := t.openStop(a.ID); err != nil {
			return err
		}
		stopped, err := t.stopCampaigns(a.ID)
		if err != nil {
			return err
		}
		t.lookAtAlerts(a.ID)
		return t.event(a.ID, EventSuspended, EventArgs{Count: stopped})
	})
}

// stopSnapshot keeps what ran when arrears stopped it.
type stopSnapshot struct {
	ID        int64 `gorm:"primaryKey"`
	AccountID int64
	StoppedAt time.Time
}

// stopSnapshotCampaign is one campaign of a snapshot, as it was.
type stopSnapshotCampaign struct {
	SnapshotID     int64 `gorm:"primaryKey"`
	CampaignID     int64 `gorm:"primaryKey"`
	DailyBudgetFen Fen
	RowVersion     int64
	Schedule       *Schedule // nil: taken before it was kept
}

// stopCampaigns puts the arrears stop on what runs and takes the snapshot.
func (t *tx) stopCampaigns(accountID int64) (int, error) {
	var running []Campaign
	err := t.locked().Order("id").
		Find(&running, "account_id = ? AND switched_on AND ended_at IS NULL AND arrears_stopped_at IS NULL", accountID).Error
	if err != nil || len(running) == 0 {
		return 0, err
	}
	snapshot := stopSnapshot{AccountID: accountID, StoppedAt: t.now}
	if err := t.Create(&snapshot).Error; err != nil {
		return 0, err
	}
	kept := make([]stopSnapshotCampaign, len(running))
	ids := make([]int64, len(running))
	for i, c := range running {
		kept[i] = stopSnapshotCampaign{snapshot.ID, c.ID, c.DailyBudgetFen, c.RowVersion, &c.Schedule}
		ids[i] = c.ID
	}
	if err := t.Create(&kept).Error; err != nil {
		return 0, err
	}
	err = t.Exec(`INSERT INTO stop_snapshot_keywords (snapshot_id, keyword_id, bid_fen, match_type, switched_on)
		SELECT ?, id, bid_fen, match_type, switched_on FROM keywords WHERE campaign_id IN ? AND removed_at IS NULL`, snapshot.ID, ids).Error
	if err != nil {
		return 0, err
	}
	return len(running), t.Model(&Campaign{}).Where("id IN ?", ids).Update("arrears_stopped_at", t.now).Error
}

// NoteRecovered writes on the timeline that the recovery ramp which began at
// `since` has ended, if delivery was not stopped meanwhile, and tells the engine.
func (s *Store) NoteRecovered(ctx context.Context, accountID int64, since time.Time) error {
	return s.inTx(ctx, func(t *tx) error {
		a, err := t.lockAccount(accountID)
		if err != nil {
			return err
		}
		t.touch(a.ID)
		f, err := t.funds(a)
		if err != nil || f.Spendable() <= 0 || a.FrozenAt != nil {
			return err
		}
		var ramped int64
		err = t.Model(&Campaign{}).Where("account_id = ? AND recovering_since = ? AND switched_on AND ended_at IS NULL AND arrears_stopped_at IS NULL",
			accountID, since).Count(&ramped).Error
		if err != nil || ramped == 0 {
			return err
		}
		var noted int64
		err = t.Model(&accountEvent{}).Where("account_id = ? AND kind = ? AND at >= ?", accountID, EventDeliveryFull, since).Count(&noted).Error
		if err != nil || noted > 0 {
			return err
		}
		return t.event(accountID, EventDeliveryFull, EventArgs{Count: int(ramped)})
	})
}

// freeze is the staff's stop of an account that is not frozen, under its lock. It
// stands beside the money's state, and no money event lifts it.
func (t *tx) freeze(by Actor, a *Account, reason string) error {
	before := string(a.State())
	a.FrozenAt, a.FrozenReason = &t.now, reason
	t.touch(a.ID)
	if err := t.Model(a).Select("FrozenAt", "FrozenReason").Updates(a).Error; err != nil {
		return err
	}
	if err := t.openStop(a.ID); err != nil {
		return err
	}
	if err := t.event(a.ID, EventFrozen, EventArgs{Reason: reason}); err != nil {
		return err
	}
	return t.audit(by, "account.freeze", subject("account", a.ID), before, facts(string(a.State()), reason))
}

// unfreeze lifts the stop of a frozen account, under its lock; what runs comes
// back on the ramp.
func (t *tx) unfreeze(by Actor, a *Account) error {
	before := facts(string(a.State()), a.FrozenReason)
	a.FrozenAt, a.FrozenReason = nil, ""
	t.touch(a.ID)
	if err := t.Model(a).Select("FrozenAt", "FrozenReason").Updates(a).Error; err != nil {
		return err
	}
	if err := t.event(a.ID, EventUnfrozen, EventArgs{}); err != nil {
		return err
	}
	if err := t.audit(by, "account.unfreeze", subject("account", a.ID), before, string(a.State())); err != nil {
		return err
	}
	f, err := t.funds(*a)
	if err != nil || f.Spendable() <= 0 {
		return err
	}
	return t.recoverDelivery(a)
}
