package models

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Advice is one thing that the account's own figures speak for, with the figures
// that it stands on.
type Advice struct {
	Kind       AdviceKind
	CampaignID int64
	Campaign   string
	KeywordID  int64 // 0: it is about the campaign
	Phrase     string
	Version    int64 // of the row that it would change
	Measures         // of the days
	Conversion float64
	ValueFen   Fen // of an order
	// The most that a click may cost, where the margin is known.
	BearableFen Fen
	EarlyDays   int // of the last 7, on which the budget was gone before 18:00
	EarlyHour   int // the latest hour in which it was
	// The bid or the daily budget, as it stands and as proposed; after 0: pause.
	BeforeFen, AfterFen Fen
	// What is expected of it a day: saved, or sold more for a budget.
	LowFen, HighFen Fen
}

// SubjectID is the keyword's id, else the campaign's.
func (a Advice) SubjectID() int64 { return cmp.Or(a.KeywordID, a.CampaignID) }

// Key names the advice as it stands: of another version or with another value it
// is another.
func (a Advice) Key() string {
	return strings.Join([]string{string(a.Kind), strconv.FormatInt(a.SubjectID(), 10), strconv.FormatInt(a.Version, 10), strconv.FormatInt(int64(a.AfterFen), 10)}, ":")
}

// AdviceDesk is all that the page of advice shows.
type AdviceDesk struct {
	Days      int // with cost, of the last 30
	Enough    bool
	MarginBP  int      // hundredths of a percent; 0: not given
	Total     Measures // of those days
	List      []Advice // the greatest expected effect first
	Dismissed int      // that would stand there as well
	Stop      *StopCost
	Applied   []AppliedAdvice
}

// Advice reads what the account's figures speak for now, from its rollups.
func (s *Store) Advice(ctx context.Context, accountID int64) (AdviceDesk, error) {
	db, now := s.read.WithContext(ctx), s.Now()
	desk, err := s.advised(db, accountID, now)
	if err != nil {
		return desk, err
	}
	if desk.Stop, err = lastStopCost(db, accountID, now); err != nil {
		return desk, err
	}
	desk.Applied, err = appliedAdvice(db, accountID, now)
	return desk, err
}

// advised is the list alone, without what was and what was applied.
func (s *Store) advised(db *gorm.DB, accountID int64, now time.Time) (AdviceDesk, error) {
	var desk AdviceDesk
	var account Account
	if err := db.Take(&account, accountID).Error; err != nil {
		return desk, found(err, "account")
	}
	if account.MarginBP != nil {
		desk.MarginBP = *account.MarginBP
	}
	all, err := s.adviceAt(db, account, &desk, now)
	if err != nil {
		return desk, err
	}
	dismissed, err := dismissedAdvice(db, accountID, now)
	if err != nil {
		return desk, err
	}
	for _, a := range all {
		if d, is := dismissed[a.subject()]; is && d.still(a) {
			desk.Dismissed++
		} else {
			desk.List = append(desk.List, a)
		}
	}
	slices.SortStableFunc(desk.List, func(a, b Advice) int {
		return cmp.Or(cmp.Compare(b.LowFen+b.HighFen, a.LowFen+a.HighFen), cmp.Compare(a.Key(), b.Key()))
	})
	return desk, nil
}

// adviceAt applies every rule.
func (s *Store) adviceAt(db *gorm.DB, account Account, desk *AdviceDesk, now time.Time) ([]Advice, error) {
	from, today := DayOn(now.AddDate(0, 0, -adviceDays)), DayOn(now)
	var hours []reportSlot
	err := db.Table("account_hours").Select("day_on, hour, "+measureColumns).
		Where("account_id = ? AND day_on >= ? AND day_on < ?", account.ID, from, today).Scan(&hours).Error
	if err != nil {
		return nil, err
	}
	var byHour [24]Fen
	days := map[string]bool{}
	for _, h := range hours {
		desk.Total = desk.Total.Plus(h.measures())
		byHour[h.Hour] += h.CostFen
		if h.CostFen > 0 {
			days[h.DayOn] = true
		}
	}
	desk.Days, desk.Enough = len(days), len(days) >= adviceMinDays
	if !desk.Enough {
		return nil, nil
	}
	list, err := s.keywordAdvice(db, account, desk, from, today)
	if err != nil {
		return nil, err
	}
	budgets, err := budgetAdvice(db, account, desk, from, today, DayOn(now.AddDate(0, 0, -earlyOf)), dayShape(byHour), now)
	return append(list, budgets...), err
}

// keywordAdvice judges every keyword that is on, each by one rule at most.
func (s *Store) keywordAdvice(db *gorm.DB, account Account, desk *AdviceDesk, from, today string) (list []Advice, err error) {
	var rows []struct {
		ID, CampaignID   int64
		Phrase, Campaign string
		Version          int64
		BidFen           Fen
		Measures         `gorm:"embedded"`
	}
	err = db.Table("keywords k").Joins("JOIN campaigns c ON c.id = k.campaign_id").Joins("JOIN keyword_days d ON d.keyword_id = k.id").
		Select("k.id, k.phrase, k.campaign_id, c.name AS campaign, k.row_version AS version, k.bid_fen, "+sumOfMeasures).
		Where("c.account_id = ? AND c.ended_at IS NULL AND c.switched_on AND k.switched_on AND k.removed_at IS NULL AND d.day_on >= ? AND d.day_on < ?", account.ID, from, today).
		Group("k.id, k.phrase, k.campaign_id, c.name, k.row_version, k.bid_fen").Order("k.id").Scan(&rows).Error
	for _, r := range rows {
		a := Advice{
			CampaignID: r.CampaignID, Campaign: r.Campaign, KeywordID: r.ID, Phrase: r.Phrase, Version: r.Version, Measures: r.Measures, BeforeFen: r.BidFen,
		}
		if a.noOrders(desk.Total, desk.Days) || a.bidAgainstMargin(desk.Total, desk.Days, desk.MarginBP, s.rules.MinBid, account.BidCeiling(s.rules)) {
			list = append(list, a)
		}
	}
	return list, err
}

// budgetAdvice judges the budget of every campaign that is on.
func budgetAdvice(db *gorm.DB, account Account, desk *AdviceDesk, from, today, week string, shape [24]float64, now time.Time) (list []Advice, err error) {
	var sums []reportSlot
	err = db.Table("campaigns c").Joins("JOIN campaign_days d ON d.campaign_id = c.id").Select("c.id, "+sumOfMeasures).
		Where("c.account_id = ? AND d.day_on >= ? AND d.day_on < ?", account.ID, from, today).Group("c.id").Scan(&sums).Error
	if err != nil {
		return nil, err
	}
	var slots []reportSlot
	err = db.Table("campaigns c").Joins("JOIN keyword_hours d ON d.campaign_id = c.id").Select("c.id, d.day_on, d.hour, CAST(SUM(d.cost_fen) AS BIGINT) AS cost_fen").
		Where("c.account_id = ? AND d.day_on >= ? AND d.day_on < ? AND d.hour < ?", account.ID, week, today, evening).Group("c.id, d.day_on, d.hour").Scan(&slots).Error
	if err != nil {
		return nil, err
	}
	place := map[string]int{}
	for n := range earlyOf {
		place[DayOn(now.AddDate(0, 0, n-earlyOf))] = n
	}
	hours := map[int64]*[earlyOf][24]Fen{}
	for _, slot := range slots {
		if hours[slot.ID] == nil {
			hours[slot.ID] = &[earlyOf][24]Fen{}
		}
		hours[slot.ID][place[slot.DayOn]][slot.Hour] += slot.CostFen
	}
	did := map[int64]Measures{}
	for _, sum := range sums {
		did[sum.ID] = sum.measures()
	}
	var campaigns []Campaign
	err = db.Order("id").Find(&campaigns, "account_id = ? AND switched_on AND ended_at IS NULL", account.ID).Error
	for _, c := range campaigns {
		a := Advice{CampaignID: c.ID, Campaign: c.Name, Version: c.RowVersion, Measures: did[c.ID], BeforeFen: c.DailyBudgetFen}
		if hours[c.ID] != nil && a.budgetEarly(*hours[c.ID], shape, desk.MarginBP) {
			list = append(list, a)
		}
	}
	return list, err
}

// lastStopCost estimates what the newest stop of the last 30 days cost, or nil.
func lastStopCost(db *gorm.DB, accountID int64, now time.Time) (*StopCost, error) {
	var stops []accountStop
	err := db.Order("began_at DESC").Find(&stops, "account_id = ? AND (ended_at IS NULL OR ended_at > ?)", accountID, now.AddDate(0, 0, -adviceDays-stopWeeks*7)).Error
	if err != nil || len(stops) == 0 || stops[0].EndedAt != nil && stops[0].EndedAt.Before(now.AddDate(0, 0, -adviceDays)) {
		return nil, err
	}
	end := func(s accountStop) time.Time {
		if s.EndedAt != nil {
			return *s.EndedAt
		}
		return now
	}
	last := stops[0]
	cost := &StopCost{From: last.BeganAt.Truncate(time.Hour).Add(time.Hour), Until: end(last).Truncate(time.Hour), Open: last.EndedAt == nil}
	if most := cost.From.Add(stopAtMost); cost.Until.After(most) {
		cost.Until = most
	}
	if cost.Until.Sub(cost.From) < stopFirstHour {
		return nil, nil
	}
	var weeks []Measures
	for n := 1; n <= stopWeeks; n++ {
		from, until := cost.From.AddDate(0, 0, -7*n), cost.Until.AddDate(0, 0, -7*n)
		var stood time.Duration
		for _, s := range stops {
			stood += overlap(from, until, s.BeganAt, end(s))
		}
		if float64(stood) > stopOverlap*float64(until.Sub(from)) {
			continue
		}
		week, err := sumOfHours(db, accountID, from, until)
		if err != nil {
			return nil, err
		}
		if week.CostFen > 0 {
			weeks = append(weeks, week)
		}
	}
	cost.estimate(weeks)
	if !cost.Open {
		if cost.Moved, err = movedPPC(db, accountID, last.BeganAt, *last.EndedAt, now); err != nil {
			return nil, err
		}
		cost.Qualities, err = movedQuality(db, accountID, last.BeganAt, *last.EndedAt)
	}
	return cost, err
}

// movedQuality finds the keywords of which the engine told another quality since a
// stop ended than it last had by the day on which that began, the deepest fall first.
func movedQuality(db *gorm.DB, accountID int64, began, ended time.Time) (moved []MovedQuality, err error) {
	err = db.Raw(`SELECT * FROM (SELECT k.id, k.campaign_id, c.name AS campaign, k.phrase, k.quality AS after,
			(SELECT q.quality FROM keyword_qualities q WHERE q.keyword_id = k.id AND q.day_on <= ? ORDER BY q.day_on DESC LIMIT 1) AS before
		FROM keywords k JOIN campaigns c ON c.id = k.campaign_id WHERE c.account_id = ? AND k.removed_at IS NULL
		AND EXISTS (SELECT 1 FROM keyword_qualities q WHERE q.keyword_id = k.id AND q.hour_at >= ?)) AS told
		WHERE before IS NOT NULL AND before <> after ORDER BY after - before, id`, DayOn(began), accountID, ended).Scan(&moved).Error
	return moved, err
}

// movedPPC finds the keywords whose PPC moved over a stop: the full days since it
// ended, 7 at most, against the 7 before the day on which it began.
func movedPPC(db *gorm.DB, accountID int64, began, ended, now time.Time) ([]MovedPPC, error) {
	until := ended.AddDate(0, 0, movedDays+1)
	if until.After(now) {
		until = now
	}
	read := func(from, before string, into func(id int64, m MovedPPC, sum Measures)) error {
		var rows []struct {
			ID, CampaignID   int64
			Campaign, Phrase string
			Measures         `gorm:"embedded"`
		}
		err := db.Table("keywords k").Joins("JOIN campaigns c ON c.id = k.campaign_id").Joins("JOIN keyword_days d ON d.keyword_id = k.id").
			Select("k.id, k.phrase, k.campaign_id, c.name AS campaign, "+sumOfMeasures).
			Where("c.account_id = ? AND k.removed_at IS NULL AND d.day_on >= ? AND d.day_on < ?", accountID, from, before).
			Group("k.id, k.phrase, k.campaign_id, c.name").Order("k.id").Scan(&rows).Error
		for _, r := range rows {
			into(r.ID, MovedPPC{CampaignID: r.CampaignID, Campaign: r.Campaign, Phrase: r.Phrase}, r.Measures)
		}
		return err
	}
	by := map[int64]*MovedPPC{}
	err := read(DayOn(began.AddDate(0, 0, -movedDays)), DayOn(began), func(id int64, m MovedPPC, sum Measures) {
		m.Before = sum
		by[id] = &m
	})
	if err != nil {
		return nil, err
	}
	var moved []MovedPPC
	err = read(DayOn(ended.AddDate(0, 0, 1)), DayOn(until), func(id int64, _ MovedPPC, sum Measures) {
		if m := by[id]; m != nil {
			if m.After = sum; m.moved() {
				moved = append(moved, *m)
			}
		}
	})
	slices.SortStableFunc(moved, func(a, b MovedPPC) int { return cmp.Compare(b.harm(), a.harm()) })
	return moved, err
}

// sumOfHours sums an account's full hours.
func sumOfHours(db *gorm.DB, accountID int64, from, until time.Time) (sum Measures, err error) {
	var slots []reportSlot
	err = db.Table("account_hours").Select("day_on, hour, "+measureColumns).
		Where("account_id = ? AND day_on >= ? AND day_on <= ?", accountID, DayOn(from), DayOn(until)).Scan(&slots).Error
	for _, slot := range slots {
		at, bad := slot.at()
		err = errors.Join(err, bad)
		if !at.Before(from) && at.Before(until) {
			sum = sum.Plus(slot.measures())
		}
	}
	return sum, err
}

// adviceSubject is what a piece of advice is about, whatever it proposes.
type adviceSubject struct {
	kind AdviceKind
	id   int64
}

func (a Advice) subject() adviceSubject { return adviceSubject{a.Kind, a.SubjectID()} }

// adviceDismissed is advice that is not wanted until then.
type adviceDismissed struct {
	AccountID int64      `gorm:"primaryKey"`
	Kind      AdviceKind `gorm:"primaryKey"`
	SubjectID int64      `gorm:"primaryKey"`
	ValueFen  Fen
	Until     time.Time
}

func (adviceDismissed) TableName() string { return "advice_dismissed" }

// still tells whether what was dismissed is about the same: the value proposed now
// is within a tenth of that one.
func (d adviceDismissed) still(a Advice) bool {
	apart := d.ValueFen - a.AfterFen
	return max(apart, -apart)*10 <= d.ValueFen
}

const dismissedFor = 14 * 24 * time.Hour

func dismissedAdvice(db *gorm.DB, accountID int64, now time.Time) (map[adviceSubject]adviceDismissed, error) {
	var rows []adviceDismissed
	err := db.Find(&rows, "account_id = ? AND until > ?", accountID, now).Error
	of := make(map[adviceSubject]adviceDismissed, len(rows))
	for _, d := range rows {
		of[adviceSubject{d.Kind, d.SubjectID}] = d
	}
	return of, err
}

// chosenAdvice finds what the keys name in what is advised now. FieldErrors on
// "advice": none is named, or one does not stand as it was drawn any more.
func (s *Store) chosenAdvice(ctx context.Context, accountID int64, keys []string) ([]Advice, error) {
	if len(keys) == 0 {
		return nil, FieldErrors{fieldError("advice", "error.advice.none", nil)}
	}
	desk, err := s.advised(s.read.WithContext(ctx), accountID, s.Now())
	if err != nil {
		return nil, err
	}
	var chosen []Advice
	for _, key := range slices.Compact(slices.Sorted(slices.Values(keys))) {
		at := slices.IndexFunc(desk.List, func(a Advice) bool { return a.Key() == key })
		if at < 0 {
			return nil, FieldErrors{fieldError("advice", "error.advice.moved", nil)}
		}
		chosen = append(chosen, desk.List[at])
	}
	return chosen, nil
}

// ApplyAdvice does what the advice proposes, all or none of it, as one edit that
// can be put back. FieldErrors on "advice" as chosenAdvice says, or with what the
// rules of bids and budgets refuse.
func (s *Store) ApplyAdvice(ctx context.Context, by Actor, accountID int64, keys []string) (Edit, error) {
	chosen, err := s.chosenAdvice(ctx, accountID, keys)
	if err != nil {
		return Edit{}, err
	}
	made, _, err := s.editAs(ctx, by, accountID, EditAdvice, false, func(e *editing) error {
		applied := make([]adviceApplied, len(chosen))
		for i, a := range chosen {
			if err := e.follow(a); err != nil {
				return err
			}
			applied[i] = adviceApplied{Kind: a.Kind, CampaignID: a.CampaignID, KeywordID: a.KeywordID, BeforeFen: a.BeforeFen, AfterFen: a.AfterFen}
		}
		e.kept = func(made Edit) error {
			for i := range applied {
				applied[i].EditID = made.ID
			}
			return e.CreateInBatches(&applied, statementChunk).Error
		}
		return nil
	})
	return made, err
}

func (e *editing) follow(a Advice) error {
	row := []RowRef{{ID: a.SubjectID(), Version: a.Version}}
	field := func(int64) string { return "advice" }
	switch a.Kind {
	case AdviceNoOrders:
		keywords, err := e.ownKeywords(a.CampaignID, row)
		if err != nil {
			return err
		}
		if refused := row[0].stale("advice", keywords[0].RowVersion, keywords[0].BidFen); refused != nil {
			return FieldErrors{refused}
		}
		after := keywords[0]
		after.SwitchedOn = false
		return e.saveKeyword(keywords[0], after)
	case AdviceBudgetEarly:
		return e.setBudgets(row, BulkChange{To: a.AfterFen.Wire()}, field)
	}
	return e.setBids(a.CampaignID, row, BulkChange{To: a.AfterFen.Wire()}, field)
}

// DismissAdvice hides advice for 14 days, or until it proposes something else.
// FieldErrors on "advice" as chosenAdvice says.
func (s *Store) DismissAdvice(ctx context.Context, accountID int64, keys []string) (int, error) {
	chosen, err := s.chosenAdvice(ctx, accountID, keys)
	if err != nil {
		return 0, err
	}
	return len(chosen), s.inTx(ctx, func(t *tx) error {
		rows := make([]adviceDismissed, len(chosen))
		for i, a := range chosen {
			rows[i] = adviceDismissed{accountID, a.Kind, a.SubjectID(), a.AfterFen, t.now.Add(dismissedFor)}
		}
		return t.Clauses(clause.OnConflict{UpdateAll: true}).Create(&rows).Error
	})
}

// RecallAdvice shows everything again that was dismissed.
func (s *Store) RecallAdvice(ctx context.Context, accountID int64) error {
	return s.inTx(ctx, func(t *tx) error { return t.Delete(&adviceDismissed{}, "account_id = ?", accountID).Error })
}

// SetMargin keeps what is left of a sale before advertising, as it was typed: a
// percentage with two decimals at most, above 0 and up to 100. FieldErrors on
// "margin".
func (s *Store) SetMargin(ctx context.Context, by Actor, accountID int64, typed string) error {
	bp, refused := ParseFen(strings.TrimSuffix(strings.TrimSpace(strings.Map(toHalfWidth, typed)), "%"))
	if refused != nil || bp <= 0 || bp > wholeBP {
		return FieldErrors{fieldError("margin", "error.margin", nil)}
	}
	return s.inTx(ctx, func(t *tx) error {
		a, err := t.lockAccount(accountID)
		if err != nil {
			return err
		}
		before := ""
		if a.MarginBP != nil {
			before = Fen(*a.MarginBP).Wire()
		}
		if before == bp.Wire() {
			return nil
		}
		if err := t.Model(&Account{}).Where("id = ?", accountID).Update("margin_bp", int(bp)).Error; err != nil {
			return err
		}
		return t.audit(by, "account.margin", subject("account", accountID), before, bp.Wire())
	})
}
