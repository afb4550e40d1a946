package models

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"gorm.io/gorm"
)

// RestartRanks are the orders in which what waits is planned: by what a yuan
// brought in before the stop, by the order amount of those days, by the seller's
// own order.
var RestartRanks = []string{"roi", "amount", "own"}

// StoppedCampaign is one row of the restart screen.
type StoppedCampaign struct {
	Campaign
	Before  Measures // of its last 7 days with cost before the stop
	Days    int      // how many those are
	Edits   []StopEdit
	Refusal string // why it can't start now, "" when it can
	// The daily budgets of what runs and of all rows down to this one that can
	// start, and how long the money lasts at them: what a cut below this row buys.
	UpTo   Fen
	Runway Runway
}

// DailyCost is what the campaign cost a day before the stop.
func (c StoppedCampaign) DailyCost() Fen {
	if c.Days == 0 {
		return 0
	}
	return c.Before.CostFen / Fen(c.Days)
}

// StopEdit is what was changed of a campaign while it stood. Phrase is the
// keyword's, "" where it is the campaign itself; Field is that of an EditItem, or
// "added" or "removed"; Before and After are written as there.
type StopEdit struct{ Phrase, Field, Before, After string }

// RestartDesk is all that the restart screen shows.
type RestartDesk struct {
	Account   Account
	Funds     Funds
	Rank      string            // the order of Stopped, one of RestartRanks
	Stopped   []StoppedCampaign // what can't start comes last
	Cut       int               // how many of them, from the first, the money is planned for
	Last      *Restart          // the newest restart, with what came of it
	LastItems []RestartItem
	Names     map[int64]string // of the campaigns in LastItems
	Running   Fen              // daily budgets of what runs already
	SoftCap   int              // Rules.SoftCap, percent
	SoftStop  int              // Rules.SoftStop, percent
}

// RestartDesk reads what arrears stopped and whether it can start now, planned
// in the order of rank (the first of RestartRanks where it is none). cut is how
// many are to start; below 0: as many as the money pays a day for, at least one.
func (s *Store) RestartDesk(ctx context.Context, accountID int64, rank string, cut int) (RestartDesk, error) {
	desk := RestartDesk{Names: map[int64]string{}, Rank: rank, SoftCap: s.rules.SoftCap, SoftStop: s.rules.SoftStop}
	if !slices.Contains(RestartRanks, rank) {
		desk.Rank = RestartRanks[0]
	}
	db := s.read.WithContext(ctx)
	var err error
	if desk.Account, desk.Funds, err = s.accountAndFunds(db, accountID); err != nil {
		return desk, err
	}
	var campaigns []Campaign
	if err = db.Order("id").Find(&campaigns, "account_id = ?", accountID).Error; err != nil {
		return desk, err
	}
	edits, err := editedSinceStop(db, accountID)
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
		row := StoppedCampaign{Campaign: c, Edits: edits[c.ID], Refusal: c.restartRefusal(desk.Account, desk.Funds)}
		var days []string
		if row.Before, days, err = lastDays(db, c.ID, *c.ArrearsStoppedAt); err != nil {
			return desk, err
		}
		row.Days = len(days)
		desk.Stopped = append(desk.Stopped, row)
	}
	desk.plan(s, cut)
	desk.Last, desk.LastItems, err = lastRestart(db, accountID)
	return desk, err
}

// plan puts the rows in their order and says what each cut buys.
func (d *RestartDesk) plan(s *Store, cut int) {
	slices.SortStableFunc(d.Stopped, func(a, b StoppedCampaign) int {
		return cmp.Or(startsFirst(a, b), d.ranks(a, b))
	})
	sum, startable, affordable := d.Running, 0, 0
	now := s.Now()
	for i := range d.Stopped {
		row := &d.Stopped[i]
		if row.Refusal != "" {
			continue
		}
		startable++
		sum += row.DailyBudgetFen
		row.UpTo, row.Runway = sum, runway(d.Funds.Spendable(), sum, now)
		if sum <= d.Funds.Spendable() {
			affordable = startable
		}
	}
	if cut < 0 {
		cut = max(affordable, 1)
	}
	d.Cut = min(cut, startable)
}

// NotEnough: the money doesn't pay a day of all that could start.
func (d RestartDesk) NotEnough() bool {
	for _, row := range d.Stopped {
		if row.Refusal == "" && row.UpTo > d.Funds.Spendable() {
			return true
		}
	}
	return false
}

func startsFirst(a, b StoppedCampaign) int {
	switch {
	case a.Refusal == "" && b.Refusal != "":
		return -1
	case a.Refusal != "" && b.Refusal == "":
		return 1
	}
	return 0
}

func (d *RestartDesk) ranks(a, b StoppedCampaign) int {
	switch d.Rank {
	case "own":
		if (a.RestartRank == 0) != (b.RestartRank == 0) { // what was never put anywhere comes last
			return cmp.Compare(b.RestartRank, a.RestartRank)
		}
		return cmp.Compare(a.RestartRank, b.RestartRank)
	case "amount":
		return CompareMeasure(a.Before, b.Before, "order_amount", false)
	}
	return CompareMeasure(a.Before, b.Before, "roi", false)
}

// RunwayOf says how long the spendable money lasts at the given daily budgets.
func (s *Store) RunwayOf(d RestartDesk, budgets Fen) Runway {
	return runway(d.Funds.Spendable(), budgets, s.Now())
}

// MoveRestart moves a campaign one place up or down in the seller's own order of
// what waits for a restart, those that can't start coming last; at the end that it is at it stays. NotFound: it is
// not this account's, or does not wait.
func (s *Store) MoveRestart(ctx context.Context, accountID, id int64, up bool) error {
	return s.inTx(ctx, func(t *tx) error {
		if _, err := t.lockAccount(accountID); err != nil {
			return err
		}
		var waiting []Campaign
		err := t.Order("CASE WHEN switched_on AND ended_at IS NULL THEN 0 ELSE 1 END, CASE WHEN restart_rank = 0 THEN 1 ELSE 0 END, restart_rank, id").
			Find(&waiting, "account_id = ? AND arrears_stopped_at IS NOT NULL", accountID).Error
		if err != nil {
			return err
		}
		at := slices.IndexFunc(waiting, func(c Campaign) bool { return c.ID == id })
		if at < 0 {
			return notFound("campaign")
		}
		to := at + 1
		if up {
			to = at - 1
		}
		if to >= 0 && to < len(waiting) {
			waiting[at], waiting[to] = waiting[to], waiting[at]
		}
		for i, c := range waiting {
			if c.RestartRank == i+1 {
				continue
			}
			if err := t.Model(&Campaign{}).Where("id = ?", c.ID).Update("restart_rank", i+1).Error; err != nil {
				return err
			}
		}
		return nil
	})
}

// editedSinceStop tells what differs of the campaigns that wait from what ran,
// by their newest snapshots.
func editedSinceStop(db *gorm.DB, accountID int64) (map[int64][]StopEdit, error) {
	edits := map[int64][]StopEdit{}
	var campaigns []struct {
		Campaign
		SnapshotID  int64
		WasFen      Fen
		WasSchedule *Schedule
	}
	err := db.Raw(`SELECT c.*, s.snapshot_id, s.daily_budget_fen AS was_fen, s.schedule AS was_schedule
		FROM campaigns c JOIN stop_snapshot_campaigns s ON s.campaign_id = c.id
		WHERE c.account_id = ? AND c.arrears_stopped_at IS NOT NULL
		AND s.snapshot_id = (SELECT MAX(n.snapshot_id) FROM stop_snapshot_campaigns n WHERE n.campaign_id = c.id)`, accountID).Scan(&campaigns).Error
	if err != nil || len(campaigns) == 0 {
		return edits, err
	}
	snapshots := map[int64]int64{}
	var ids []int64
	for _, c := range campaigns {
		snapshots[c.ID] = c.SnapshotID
		ids = append(ids, c.ID)
		if c.WasFen != c.DailyBudgetFen {
			edits[c.ID] = append(edits[c.ID], StopEdit{Field: "daily_budget_fen", Before: c.WasFen.Wire(), After: c.DailyBudgetFen.Wire()})
		}
		if c.WasSchedule != nil && *c.WasSchedule != c.Schedule {
			edits[c.ID] = append(edits[c.ID], StopEdit{Field: "schedule", Before: string(*c.WasSchedule), After: string(c.Schedule)})
		}
	}
	return edits, editedKeywords(db, ids, snapshots, edits)
}

func editedKeywords(db *gorm.DB, campaigns []int64, snapshots map[int64]int64, edits map[int64][]StopEdit) error {
	var keywords []Keyword
	if err := db.Order("id").Find(&keywords, "campaign_id IN ?", campaigns).Error; err != nil {
		return err
	}
	type kept struct {
		SnapshotID, KeywordID int64
		BidFen                Fen
		MatchType             *MatchType // nil: taken before it was kept, as the next
		SwitchedOn            *bool
	}
	var rows []kept
	err := db.Table("stop_snapshot_keywords").Where("snapshot_id IN ?", slices.Collect(maps.Values(snapshots))).Scan(&rows).Error
	if err != nil {
		return err
	}
	ran := make(map[[2]int64]kept, len(rows))
	for _, row := range rows {
		ran[[2]int64{row.SnapshotID, row.KeywordID}] = row
	}
	for _, k := range keywords {
		add := func(differs bool, field, before, after string) {
			if differs {
				edits[k.CampaignID] = append(edits[k.CampaignID], StopEdit{k.Phrase, field, before, after})
			}
		}
		was, ranThen := ran[[2]int64{snapshots[k.CampaignID], k.ID}]
		switch {
		case !ranThen:
			add(k.RemovedAt == nil, "added", "", k.BidFen.Wire())
		case k.RemovedAt != nil:
			add(true, "removed", was.BidFen.Wire(), "")
		default:
			wasMatch := ""
			if was.MatchType != nil {
				wasMatch = string(*was.MatchType)
			}
			add(was.BidFen != k.BidFen, "bid_fen", was.BidFen.Wire(), k.BidFen.Wire())
			add(wasMatch != "" && wasMatch != string(k.MatchType), "match_type", wasMatch, string(k.MatchType))
			add(was.SwitchedOn != nil && *was.SwitchedOn != k.SwitchedOn, "switched_on", onOff(!k.SwitchedOn), onOff(k.SwitchedOn))
		}
	}
	return nil
}
