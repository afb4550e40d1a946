package models

import (
	"context"
	"slices"
	"time"

	"gorm.io/gorm"
)

// A soft start: arrears must not come straight back. For its first hour a
// campaign that was restarted may cost at most Rules.SoftCap percent of its
// daily budget, and the portal pauses it where a click, or what that hour cost,
// comes to more than Rules.SoftStop percent of what it did before the stop.
const (
	softFor    = time.Hour
	softLook   = 5 * time.Minute // how often it is looked at
	softClicks = 20              // fewer may be chance, before or after
)

// Why the portal itself pauses a campaign that starts softly.
const (
	HaltPPC   = "soft_ppc"   // a click costs too much
	HaltSpend = "soft_spend" // the hour does
)

// HaltReasons lists every reason; each has its words in the catalogues.
var HaltReasons = []string{HaltPPC, HaltSpend}

// SoftCapped is why a campaign stands though its daily budget is not reached.
const SoftCapped = "soft_cap"

// softUntil is when the soft start ends, or nil when there is none now.
func (c Campaign) softUntil(now time.Time) *time.Time {
	if c.SoftSince == nil || !now.Before(c.SoftSince.Add(softFor)) {
		return nil
	}
	until := c.SoftSince.Add(softFor)
	return &until
}

// limit is what the campaign may cost today at most, as things stand now. Over
// midnight the rest of the hour has the whole cap again.
func (c Campaign) limit(now time.Time) Fen {
	if c.softUntil(now) == nil {
		return c.DailyBudgetFen
	}
	most := c.SoftCapFen
	if DayOn(*c.SoftSince) == DayOn(now) {
		most += c.SoftBaseFen
	}
	return min(most, c.DailyBudgetFen)
}

// startSoftly notes on a campaign that restarts now what its first hour is held
// against, and gives what of it is stored on the campaign.
func (t *tx) startSoftly(c Campaign, item *RestartItem) (map[string]any, error) {
	var today campaignDay
	if err := t.Limit(1).Find(&today, "campaign_id = ? AND day_on = ?", c.ID, DayOn(t.now)).Error; err != nil {
		return nil, err
	}
	item.BaseFen, item.BaseClicks = today.CostFen, today.Clicks
	item.CapFen = max(c.DailyBudgetFen.Times(int64(t.rules.SoftCap)), Yuan)
	norm, days, err := lastDays(t.DB, c.ID, *c.ArrearsStoppedAt)
	if err != nil {
		return nil, err
	}
	item.NormCostFen, item.NormClicks = norm.CostFen, norm.Clicks
	if item.NormHourFen, err = t.normHour(c.ID, days); err != nil {
		return nil, err
	}
	return map[string]any{"soft_since": t.now, "soft_cap_fen": item.CapFen, "soft_base_fen": item.BaseFen}, nil
}

// lastDays sums a campaign's last 7 days with cost before an instant, and names them.
func lastDays(db *gorm.DB, campaignID int64, before time.Time) (Measures, []string, error) {
	var rows []reportSlot
	err := db.Table("campaign_days").Select("campaign_id AS id, day_on, "+sumOfMeasures).Group("campaign_id, day_on").Order("day_on DESC").Limit(dailyCostDays).
		Where("campaign_id = ? AND day_on < ? AND cost_fen > 0", campaignID, DayOn(before)).Scan(&rows).Error
	var sum Measures
	var days []string
	for _, row := range rows {
		sum = sum.Plus(row.measures())
		days = append(days, row.DayOn)
	}
	return sum, days, err
}

// normHour is what the hour that begins now cost on those days: the mean of the
// dearer of the two hours of the clock that it touches.
func (t *tx) normHour(campaignID int64, days []string) (Fen, error) {
	if len(days) == 0 {
		return 0, nil
	}
	hour := t.now.In(Shanghai).Hour()
	var sums []Fen
	err := t.Table("keyword_hours").Where("campaign_id = ? AND day_on IN ? AND hour IN ?", campaignID, days, []int{hour, (hour + 1) % 24}).
		Group("hour").Pluck("SUM(cost_fen)", &sums).Error
	if err != nil || len(sums) == 0 {
		return 0, err
	}
	return slices.Max(sums) / Fen(len(days)), nil
}

// watchSoftly has a restart that starts softly looked at until its hour is over,
// and the engine told then.
func (t *tx) watchSoftly(r Restart) {
	t.then(Task{RampStep{AccountID: r.AccountID, Due: r.SoftUntil()}, r.SoftUntil()})
	for due := r.At.Add(softLook); !due.After(r.SoftUntil()); due = due.Add(softLook) {
		if due.After(t.now) {
			t.then(Task{WatchRestart{AccountID: r.AccountID, RestartID: r.ID, At: due}, due})
		}
	}
}

// halt says why a campaign that cost so much since its restart must be paused,
// or "". stop is Rules.SoftStop. What did nothing before is held against nothing,
// and some clicks are chance.
func (i RestartItem) halt(cost Fen, clicks int64, stop int) string {
	limit := int64(stop)
	switch {
	case limit == 0:
		return ""
	case clicks < softClicks:
		return ""
	case i.NormHourFen > 0 && int64(cost)*100 > limit*int64(i.NormHourFen):
		return HaltSpend
	case i.NormClicks >= softClicks && // cost ÷ clicks above limit % of norm cost ÷ norm clicks
		float64(cost)*float64(i.NormClicks)*100 > float64(limit)*float64(i.NormCostFen)*float64(clicks):
		return HaltPPC
	}
	return ""
}

// WatchRestart looks at what a soft start has cost so far, and pauses what costs
// more than it did before the stop: the account's timeline and the audit trail
// say which and why. Conflict before its time; too late a look does nothing. What was undone, paused, stopped
// or restarted again meanwhile is left alone.
func (s *Store) WatchRestart(ctx context.Context, task WatchRestart) error {
	return s.inTx(ctx, func(t *tx) error {
		if _, err := t.lockAccount(task.AccountID); err != nil {
			return err
		}
		if t.now.Before(task.At) {
			return conflict("error.day.not_begun", nil)
		}
		var restart Restart
		if err := t.Take(&restart, "id = ? AND account_id = ?", task.RestartID, task.AccountID).Error; err != nil {
			return found(err, "restart")
		}
		if t.now.After(restart.SoftUntil().Add(softLook)) { // what it cost since is more than an hour's
			return nil
		}
		var items []RestartItem
		err := t.Order("campaign_id").Find(&items, "restart_id = ? AND started AND NOT undone AND cap_fen > 0 AND halted_for = ''", restart.ID).Error
		if err != nil {
			return err
		}
		for _, item := range items {
			if err := t.watchOne(restart, item); err != nil {
				return err
			}
		}
		return nil
	})
}

func (t *tx) watchOne(restart Restart, item RestartItem) error {
	var c Campaign
	err := t.locked().Limit(1).Find(&c, "id = ? AND soft_since = ? AND switched_on AND ended_at IS NULL AND arrears_stopped_at IS NULL", item.CampaignID, restart.At).Error
	if err != nil || c.ID == 0 {
		return err
	}
	var since struct {
		Cost   Fen
		Clicks int64
	}
	err = t.Model(&campaignDay{}).Select("COALESCE(SUM(cost_fen), 0) AS cost, COALESCE(SUM(clicks), 0) AS clicks").
		Where("campaign_id = ? AND day_on >= ?", c.ID, DayOn(restart.At)).Scan(&since).Error
	if err != nil {
		return err
	}
	cost := since.Cost - item.BaseFen
	why := item.halt(cost, since.Clicks-item.BaseClicks, t.rules.SoftStop)
	if why == "" {
		return nil
	}
	err = changed(t.Model(&Campaign{}).Where("id = ? AND row_version = ?", c.ID, c.RowVersion).
		Updates(map[string]any{"switched_on": false, "switched_at": t.now, "paused_for": why, "row_version": c.RowVersion + 1}))
	if err != nil {
		return err
	}
	if err := t.Model(&item).Update("halted_for", why).Error; err != nil {
		return err
	}
	t.touch(c.AccountID)
	if err := t.event(c.AccountID, EventSoftHalted, EventArgs{Campaign: c.Name, Reason: why, AmountFen: cost}); err != nil {
		return err
	}
	return t.audit(Actor{}, "campaign.soft_halt", subject("campaign", c.ID), onOff(true), facts("switch", onOff(false), "why", why))
}

// softNow reads which campaigns start softly now, by id.
func (t *tx) softNow() (map[int64]Campaign, error) {
	var some []Campaign
	err := t.Find(&some, "soft_since > ?", t.now.Add(-softFor)).Error
	soft := make(map[int64]Campaign, len(some))
	for _, c := range some {
		soft[c.ID] = c
	}
	return soft, err
}

// resumeSoftly gives soft starts that are under way their tasks again.
func (t *tx) resumeSoftly() error {
	var restarts []Restart
	err := t.Where("at > ? AND undone_at IS NULL AND EXISTS (SELECT 1 FROM restart_items i WHERE i.restart_id = restarts.id AND i.cap_fen > 0)",
		t.now.Add(-softFor)).Find(&restarts).Error
	for _, r := range restarts {
		t.watchSoftly(r)
	}
	return err
}
