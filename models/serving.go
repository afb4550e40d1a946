package models

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"ztc-portal/models/bulk"
)

// ServingCampaign is what the ad engine is told of one campaign.
type ServingCampaign struct {
	CampaignID    int64         `json:"campaign_id"`
	AccountID     int64         `json:"account_id"`
	Delivery      DeliveryState `json:"delivery_state"`
	SharePercent  int           `json:"share_percent"`   // of its traffic that may be delivered: 0 unless serving or recovering
	BudgetLeftFen Fen           `json:"budget_left_fen"` // what is left of today's budget, never below 0
	SpendableFen  Fen           `json:"spendable_fen"`   // what its account may still spend, over all campaigns
	Schedule      Schedule      `json:"schedule"`
}

// servingRow is a campaign with all that its delivery is derived from.
type servingRow struct {
	Campaign
	told  toldState
	limit Fen // of today
	state ServingCampaign
}

// toldState is what the engine was last told, "" where it never was.
type toldState struct {
	Delivery DeliveryState
	Share    int
	Budget   Fen
}

const servingColumns = `c.id, c.account_id, c.daily_budget_fen, c.switched_on, c.arrears_stopped_at, c.recovering_since, c.ended_at, c.schedule,
	c.soft_since, c.soft_cap_fen, c.soft_base_fen, a.frozen_at, cash.balance_fen, bonus.balance_fen, COALESCE(d.cost_fen, 0),
	COALESCE(s.delivery_state, ''), COALESCE(s.share_percent, 0), COALESCE(s.daily_budget_fen, 0), COALESCE(s.seq, 0)
	FROM campaigns c JOIN accounts a ON a.id = c.account_id
	JOIN ledger_accounts cash ON cash.id = a.cash_account_id
	JOIN ledger_accounts bonus ON bonus.id = a.bonus_account_id
	LEFT JOIN campaign_days d ON d.campaign_id = c.id AND d.day_on = '%s'
	LEFT JOIN serving_states s ON s.campaign_id = c.id`

// scanServing reads one row of servingColumns and derives its state now.
func scanServing(scan bulk.Scan, now time.Time) (row servingRow, seq int64, err error) {
	var a Account
	var f Funds
	var spent Fen
	c, told := &row.Campaign, &row.told
	err = scan(&c.ID, &c.AccountID, &c.DailyBudgetFen, &c.SwitchedOn, &c.ArrearsStoppedAt, &c.RecoveringSince, &c.EndedAt, &c.Schedule,
		&c.SoftSince, &c.SoftCapFen, &c.SoftBaseFen, &a.FrozenAt, &f.Cash, &f.Bonus, &spent, &told.Delivery, &told.Share, &told.Budget, &seq)
	state, share := c.Delivery(a, f, spent, now)
	row.state = ServingCampaign{c.ID, c.AccountID, state, share, max(0, c.limit(now)-spent), f.Spendable(), c.Schedule}
	row.limit = c.limit(now)
	return row, seq, err
}

// touch marks an account of which something changed that its campaigns'
// delivery is derived from. What came of it is announced when the work is done.
func (t *tx) touch(accountID int64) {
	if t.touched == nil {
		t.touched = make(map[int64]bool)
	}
	if !t.touched[accountID] { // or raise has said more
		t.touched[accountID] = false
	}
}

// raise marks an account that has more to spend than before: that is told of
// each of its campaigns that delivers, though its state is the same.
func (t *tx) raise(accountID int64) {
	t.touch(accountID)
	t.touched[accountID] = true
}

// retell has a campaign told though its state is the same: its schedule is another.
func (t *tx) retell(campaignID int64) {
	if t.retold == nil {
		t.retold = make(map[int64]bool)
	}
	t.retold[campaignID] = true
}

// announce finds which campaigns of the touched accounts deliver otherwise than
// the engine was told, numbers those changes, and tells of them: in the feed,
// and by webhook where one is set. The number's row is locked last and until
// the commit, so numbers are seen in the order in which they were given. The
// caller holds the accounts' locks; now is read under them, since the
// transaction may have waited for them over midnight or a step of the ramp.
func (t *tx) announce(now time.Time) error {
	if len(t.touched) == 0 {
		return nil
	}
	conn := bulk.On(t.DB)
	query := "SELECT " + fmt.Sprintf(servingColumns, DayOn(now)) + " WHERE %s ORDER BY c.id"
	var changes []servingRow
	err := conn.Select(query, "c.account_id", slices.Sorted(maps.Keys(t.touched)), func(scan bulk.Scan) error {
		row, _, err := scanServing(scan, now)
		differs := row.told != (toldState{row.state.Delivery, row.state.SharePercent, row.limit})
		if differs || t.retold[row.ID] || t.touched[row.AccountID] && row.state.SharePercent > 0 {
			changes = append(changes, row)
		}
		return err
	})
	if err != nil || len(changes) == 0 {
		return err
	}
	var last int64
	err = conn.Query("UPDATE serving_clock SET seq = seq + $1 WHERE id = 1 RETURNING seq", []any{len(changes)},
		func(scan bulk.Scan) error { return scan(&last) })
	if err != nil {
		return err
	}
	t.announced = true
	if err := t.storeServing(conn, changes, last-int64(len(changes))); err != nil {
		return err
	}
	return t.tellByWebhook(changes, last)
}

func (t *tx) storeServing(conn bulk.Conn, changes []servingRow, before int64) error {
	n := len(changes)
	ids, seqs, shares, budgets := make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n)
	states := make([]string, n)
	for i, c := range changes {
		ids[i], seqs[i], states[i] = c.ID, before+int64(i)+1, string(c.state.Delivery)
		shares[i], budgets[i] = int64(c.state.SharePercent), int64(c.limit)
	}
	return conn.Insert("serving_states", n, []bulk.Column{
		{Name: "campaign_id", Values: ids}, {Name: "seq", Values: seqs}, {Name: "delivery_state", Values: states},
		{Name: "share_percent", Values: shares}, {Name: "daily_budget_fen", Values: budgets}, {Name: "changed_at", Values: t.now},
	}, `ON CONFLICT (campaign_id) DO UPDATE SET seq = excluded.seq, delivery_state = excluded.delivery_state,
		share_percent = excluded.share_percent, daily_budget_fen = excluded.daily_budget_fen, changed_at = excluded.changed_at`, nil)
}

// AnnounceServing looks again at an account whose delivery changes with time
// alone: a step of the ramp, a new day.
func (s *Store) AnnounceServing(ctx context.Context, accountID int64) error {
	return s.inTx(ctx, func(t *tx) error {
		_, err := t.lockAccount(accountID)
		t.touch(accountID)
		return err
	})
}

// ResumeServing makes sure, at a start, that what changes with time alone has
// its tasks: budgets that are reached today, ramps that have not ended, and bonus that expires.
// After an upgrade or a restored backup they may be missing; what has them keeps
// them.
func (s *Store) ResumeServing(ctx context.Context) error {
	return s.inTx(ctx, func(t *tx) error {
		var reached []int64
		err := t.Table("campaign_days AS d").Joins("JOIN campaigns c ON c.id = d.campaign_id").Distinct("c.account_id").
			Where("d.day_on = ? AND d.cost_fen >= c.daily_budget_fen AND c.ended_at IS NULL", DayOn(t.now)).Pluck("c.account_id", &reached).Error
		if err != nil {
			return err
		}
		midnight := dayStart(t.now).AddDate(0, 0, 1)
		for _, account := range reached {
			t.then(Task{RenewBudgets{AccountID: account, Day: midnight}, midnight})
		}
		var ramps []struct {
			AccountID       int64
			RecoveringSince time.Time
		}
		err = t.Model(&Campaign{}).Distinct("account_id", "recovering_since").
			Where("recovering_since > ? AND ended_at IS NULL", t.now.Add(-rampLength)).Find(&ramps).Error
		for _, ramp := range ramps {
			t.lookAtSteps(ramp.AccountID, ramp.RecoveringSince, rampSteps-1)
		}
		if err != nil {
			return err
		}
		if err := t.resumeSoftly(); err != nil {
			return err
		}
		return t.resumeBonus()
	})
}
