package models

import (
	"cmp"
	"context"
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
	Moved       StopMove
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
	Ceiling   Fen      // of a bid, as the seller set it; 0: not set
	Total     Measures // of those days
	List      []Advice // the greatest expected effect first
	Dismissed int      // that would stand there as well
	Stop      *StopCost
	Applied   []AppliedAdvice
}

// Advice reads what the account's figures speak for now, from its rollups.
func (s *Store) Advice(ctx context.Context, accountID int64) (AdviceDesk, error) {
	db, now := s.read.WithContext(ctx), s.Now()
	desk, stops, err := s.advised(db, accountID, now)
	if err != nil {
		return desk, err
	}
	if desk.Stop, err = lastStopCost(db, accountID, stops, now); err != nil {
		return desk, err
	}
	desk.Applied, err = appliedAdvice(db, accountID, now)
	return desk, err
}

// advised is the list alone, without what a stop cost and what was applied, and
// the stops that it was held against.
func (s *Store) advised(db *gorm.DB, accountID int64, now time.Time) (desk AdviceDesk, stops []accountStop, err error) {
	var account Account
	if err := db.Take(&account, accountID).Error; err != nil {
		return desk, nil, found(err, "account")
	}
	if account.MarginBP != nil {
		desk.MarginBP = *account.MarginBP
	}
	if account.BidCeilingFen != nil {
		desk.Ceiling = *account.BidCeilingFen
	}
	if stops, err = recentStops(db, accountID, now); err != nil {
		return desk, nil, err
	}
	all, err := s.adviceAt(db, account, &desk, stops, now)
	if err != nil {
		return desk, nil, err
	}
	dismissed, err := dismissedAdvice(db, accountID, now)
	if err != nil {
		return desk, nil, err
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
	return desk, stops, nil
}

// adviceAt applies every rule.
func (s *Store) adviceAt(db *gorm.DB, account Account, desk *AdviceDesk, stops []accountStop, now time.Time) ([]Advice, error) {
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
	moves, err := stopMoves(db, account.ID, stops, now)
	if err != nil {
		return nil, err
	}
	list, err := s.keywordAdvice(db, account, desk, moves, from, today)
	if err != nil {
		return nil, err
	}
	budgets, err := s.budgetAdvice(db, account, desk, from, today, DayOn(now.AddDate(0, 0, -earlyOf)), dayShape(byHour), now)
	return append(list, budgets...), err
}

// keywordAdvice judges every keyword that is on, each by one rule at most.
func (s *Store) keywordAdvice(db *gorm.DB, account Account, desk *AdviceDesk, moves stopMoved, from, today string) (list []Advice, err error) {
	var rows []struct {
		ID, CampaignID   int64
		Phrase, Campaign string
		Version          int64
		BidFen           Fen
		Quality          int
		Measures         `gorm:"embedded"`
	}
	err = db.Table("keywords k").Joins("JOIN campaigns c ON c.id = k.campaign_id").Joins("JOIN keyword_days d ON d.keyword_id = k.id").
		Select("k.id, k.phrase, k.campaign_id, c.name AS campaign, k.row_version AS version, k.bid_fen, k.quality, "+sumOfMeasures).
		Where("c.account_id = ? AND c.ended_at IS NULL AND c.switched_on AND k.switched_on AND k.removed_at IS NULL AND d.day_on >= ? AND d.day_on < ?", account.ID, from, today).
		Group("k.id, k.phrase, k.campaign_id, c.name, k.row_version, k.bid_fen, k.quality").Order("k.id").Scan(&rows).Error
	for _, r := range rows {
		a := Advice{
			CampaignID: r.CampaignID, Campaign: r.Campaign, KeywordID: r.ID, Phrase: r.Phrase, Version: r.Version, Measures: r.Measures, BeforeFen: r.BidFen,
		}
		if a.judge(desk.Total, desk.Days, desk.MarginBP, moves.of(r.CampaignID, r.ID, r.Quality), s.rules.MinBid, account.BidCeiling(s.rules)) {
			list = append(list, a)
		}
	}
	return list, err
}

// budgetAdvice judges the budget of every campaign that is on.
func (s *Store) budgetAdvice(db *gorm.DB, account Account, desk *AdviceDesk, from, today, week string, shape [24]float64, now time.Time) (list []Advice, err error) {
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
	since := dayStart(now).AddDate(0, 0, -earlyOf)
	changed, err := budgetChanges(db, account.ID, since)
	if err != nil {
		return nil, err
	}
	var campaigns []Campaign
	err = db.Order("id").Find(&campaigns, "account_id = ? AND switched_on AND ended_at IS NULL", account.ID).Error
	for _, c := range campaigns {
		a := Advice{CampaignID: c.ID, Campaign: c.Name, Version: c.RowVersion, Measures: did[c.ID], BeforeFen: c.DailyBudgetFen}
		if hours[c.ID] == nil {
			continue
		}
		under := hours[c.ID][:] // this budget
		if at, is := changed[c.ID]; is {
			under = under[min(daysBetween(since, dayStart(at))+1, earlyOf):]
		}
		if a.budgetEarly(under, shape, desk.MarginBP, s.rules.MaxRecharge) {
			list = append(list, a)
		}
	}
	return list, err
}

// budgetChanges reads when each campaign's budget was last edited, or an edit of
// it put back, since an instant.
func budgetChanges(db *gorm.DB, accountID int64, since time.Time) (map[int64]time.Time, error) {
	var rows []struct {
		SubjectID int64
		At        time.Time
		UndoneAt  *time.Time
	}
	err := db.Table("edits e").Joins("JOIN edit_items i ON i.edit_id = e.id").Select("i.subject_id, e.at, e.undone_at").
		Where("e.account_id = ? AND (e.at >= ? OR e.undone_at >= ?) AND i.subject = 'campaign' AND i.field = 'daily_budget_fen'", accountID, since, since).Scan(&rows).Error
	last := make(map[int64]time.Time, len(rows))
	for _, r := range rows {
		if r.UndoneAt != nil {
			r.At = *r.UndoneAt
		}
		if r.At.After(last[r.SubjectID]) {
			last[r.SubjectID] = r.At
		}
	}
	return last, err
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
// "advice": none is named, too many for one edit, or some do not stand as they were
// drawn any more; those are refused by AdviceField each as well.
func (s *Store) chosenAdvice(ctx context.Context, accountID int64, keys []string) ([]Advice, error) {
	if len(keys) == 0 {
		return nil, FieldErrors{fieldError("advice", "error.advice.none", nil)}
	}
	desk, _, err := s.advised(s.read.WithContext(ctx), accountID, s.Now())
	if err != nil {
		return nil, err
	}
	stands := make(map[string]Advice, len(desk.List))
	for _, a := range desk.List {
		stands[a.Key()] = a
	}
	var chosen []Advice
	var refused FieldErrors
	for _, key := range slices.Compact(slices.Sorted(slices.Values(keys))) {
		a, is := stands[key]
		if is {
			chosen = append(chosen, a)
			continue
		}
		if refused == nil {
			refused = FieldErrors{fieldError("advice", "error.advice.moved", nil)}
		}
		refused = append(refused, fieldError(AdviceField(key), "error.advice.moved_this", nil))
	}
	if refused == nil && len(chosen) > MaxEditRows {
		return nil, tooMany(len(chosen), "advice")
	}
	return chosen, refused.OrNil()
}

// AdviceField is the field on which advice of a key is refused, whatever it
// proposes by now: its kind and what it is about.
func AdviceField(key string) string {
	parts := strings.SplitN(key, ":", 3)
	return strings.Join(append([]string{"advice"}, parts[:min(2, len(parts))]...), ".")
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
func (s *Store) DismissAdvice(ctx context.Context, by Actor, accountID int64, keys []string) (int, error) {
	chosen, err := s.chosenAdvice(ctx, accountID, keys)
	if err != nil {
		return 0, err
	}
	return len(chosen), s.inTx(ctx, func(t *tx) error {
		if _, err := t.lockAccount(accountID); err != nil {
			return err
		}
		rows := make([]adviceDismissed, len(chosen))
		for i, a := range chosen {
			rows[i] = adviceDismissed{accountID, a.Kind, a.SubjectID(), a.AfterFen, t.now.Add(dismissedFor)}
			kind := "campaign"
			if a.KeywordID != 0 {
				kind = "keyword"
			}
			if err := t.audit(by, "advice.dismiss", subject(kind, a.SubjectID()), "", facts("kind", string(a.Kind), "value", a.AfterFen.Wire())); err != nil {
				return err
			}
		}
		return t.Clauses(clause.OnConflict{UpdateAll: true}).Create(&rows).Error
	})
}

// RecallAdvice shows everything again that was dismissed.
func (s *Store) RecallAdvice(ctx context.Context, by Actor, accountID int64) error {
	return s.inTx(ctx, func(t *tx) error {
		if _, err := t.lockAccount(accountID); err != nil {
			return err
		}
		gone := t.Delete(&adviceDismissed{}, "account_id = ?", accountID)
		if gone.Error != nil || gone.RowsAffected == 0 {
			return gone.Error
		}
		return t.audit(by, "advice.recall", subject("account", accountID), facts("dismissed", strconv.FormatInt(gone.RowsAffected, 10)), facts("dismissed", "0"))
	})
}
