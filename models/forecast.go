package models

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
)

const (
	dailyCostDays = 7  // full days that the daily cost is the mean of
	dailyCostBack = 60 // how far back such days are looked for
)

// DailyCost is what an account spends on a full day, in fen.
type DailyCost struct {
	Fen  Fen
	Days int // full days without a stop that it is the mean of; 0: taken from the budgets
}

// dailyCost is the mean cost of the last 7 full days (Asia/Shanghai) in which
// nothing stopped for want of money. An account without such a day is taken to
// spend the daily budgets of what is switched on.
func dailyCost(db *gorm.DB, a Account, now time.Time) (DailyCost, error) {
	today := dayStart(now)
	oldest := today.AddDate(0, 0, -dailyCostBack)
	var rows []struct {
		DayOn   string
		CostFen Fen
	}
	err := db.Model(&accountHour{}).Select("day_on, SUM(cost_fen) AS cost_fen").Group("day_on").
		Find(&rows, "account_id = ? AND day_on >= ? AND day_on < ?", a.ID, DayOn(oldest), DayOn(now)).Error
	if err != nil {
		return DailyCost{}, err
	}
	costs := make(map[string]Fen, len(rows))
	for _, row := range rows {
		costs[row.DayOn] = row.CostFen
	}
	stops, err := stopsSince(db, a.ID, oldest)
	if err != nil {
		return DailyCost{}, err
	}
	first, err := firstDay(db, a.ID)
	if err != nil {
		return DailyCost{}, err
	}
	var full []Fen
	for day := today.AddDate(0, 0, -1); len(full) < dailyCostDays && !day.Before(oldest) && first != "" && DayOn(day) >= first; day = day.AddDate(0, 0, -1) {
		if !stoppedOn(stops, day) {
			full = append(full, costs[DayOn(day)])
		}
	}
	if len(full) > 0 {
		return DailyCost{mean(full), len(full)}, nil
	}
	var budgets Fen
	err = db.Model(&Campaign{}).Where("account_id = ? AND switched_on AND ended_at IS NULL", a.ID).
		Select("COALESCE(SUM(daily_budget_fen), 0)").Scan(&budgets).Error
	return DailyCost{Fen: budgets}, err
}

// firstDay is the first day on which the account had any cost, or "".
func firstDay(db *gorm.DB, accountID int64) (string, error) {
	var first accountHour
	err := db.Order("day_on").Take(&first, "account_id = ? AND cost_fen > 0", accountID).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return "", nil
	}
	return first.DayOn, err
}

// stopsSince lists the stops that held at an instant or later.
func stopsSince(db *gorm.DB, accountID int64, since time.Time) (stops []accountStop, err error) {
	err = db.Order("began_at").Find(&stops, "account_id = ? AND (ended_at IS NULL OR ended_at >= ?)", accountID, since).Error
	return stops, err
}

// stoppedOn tells whether a stop touched the day that begins at day.
func stoppedOn(stops []accountStop, day time.Time) bool {
	return stoppedIn(stops, day, day.AddDate(0, 0, 1))
}

// stoppedIn tells whether a stop touched a time; its end is not in it.
func stoppedIn(stops []accountStop, day, end time.Time) bool {
	for _, stop := range stops {
		if stop.BeganAt.Before(end) && (stop.EndedAt == nil || stop.EndedAt.After(day)) {
			return true
		}
	}
	return false
}

// mean rounds up to a whole fen; of nothing it is 0.
func mean(amounts []Fen) Fen {
	if len(amounts) == 0 {
		return 0
	}
	var sum Fen
	for _, amount := range amounts {
		sum += amount
	}
	n := Fen(len(amounts))
	return (sum + n - 1) / n
}

// Runway is how long money lasts at a daily cost. Known is false when nothing
// is spent, so that nothing can be said.
type Runway struct {
	Known bool
	Days  float64 // one decimal, rounded down
	Until time.Time
}

// maxRunwayDays bounds Runway.Until: more would not fit a time.Duration.
const maxRunwayDays = 10 * 365

// runway says how long spendable money lasts from now.
func runway(spendable, daily Fen, now time.Time) Runway {
	days, ok := spendable.DaysAt(daily)
	if !ok {
		return Runway{}
	}
	lasts := min(float64(spendable)/float64(daily), maxRunwayDays) * float64(24*time.Hour)
	return Runway{Known: true, Days: days, Until: now.Add(time.Duration(lasts))}
}

// Spending is what a forecast stands on. Amounts are fen, instants UTC, days and
// hours those of Shanghai.
type Spending struct {
	Now       time.Time
	Frozen    bool          // staff froze the account: nothing is spent
	Days      []SpendingDay // full days, the newest first
	Today     SpendingDay   // as far as it has gone
	Campaigns []CampaignSpending
}

// SpendingDay is what an account spent on a day, hour by hour.
type SpendingDay struct {
	Start   time.Time
	CostFen [24]Fen
	Stopped [24]bool // a stop touched the hour
}

// CampaignSpending is a campaign that is switched on and has not ended.
type CampaignSpending struct {
	BudgetFen Fen
	TodayFen  Fen // spent today
	Schedule  Schedule
	Since     time.Time // it has run without a break of its own since then
	DayFen    []Fen     // spent on each of Spending.Days
}

// ForecastGap is why nothing can be said.
type ForecastGap string

const (
	GapNoMoney    ForecastGap = "no_money"    // nothing can be spent
	GapFrozen     ForecastGap = "frozen"      // the account is frozen: nothing is spent
	GapNoCampaign ForecastGap = "no_campaign" // nothing is switched on
	GapNoSpend    ForecastGap = "no_spend"    // what is switched on has spent nothing of late
)

// ForecastGaps lists every gap; each has its words in the catalogues.
var ForecastGaps = []ForecastGap{GapNoMoney, GapFrozen, GapNoCampaign, GapNoSpend}

// Forecast is when the money runs out, as expected. Not OK: nothing can be said, and Why.
type Forecast struct {
	OK            bool
	Why           ForecastGap
	At, Low, High time.Time // UTC; four of five cases end between Low and High
	Beyond        bool      // the money lasts for a year or longer; At is a year from now
}

// Within tells whether the money is expected to run out sooner than in a span.
func (f Forecast) Within(span time.Duration, now time.Time) bool {
	return f.OK && f.At.Before(now.Add(span))
}

// Forecast says when an account's money runs out, as things stand. NotFound: no
// such account.
func (s *Store) Forecast(ctx context.Context, accountID int64) (Forecast, error) {
	db := s.read.WithContext(ctx)
	a, f, err := s.accountAndFunds(db, accountID)
	if err != nil {
		return Forecast{}, err
	}
	campaigns, err := s.campaignViews(db, a, f)
	if err != nil {
		return Forecast{}, err
	}
	spent, err := spendingOf(db, a, campaigns, s.Now())
	return spent.Forecast(f.Spendable()), err
}

// spendingOf reads what a forecast stands on, from the rollups: the newest full
// days in which there was an hour without a stop. After a long stop those are of
// the time before it.
func spendingOf(db *gorm.DB, a Account, campaigns []CampaignView, now time.Time) (Spending, error) {
	s := Spending{Now: now, Frozen: a.FrozenAt != nil, Today: SpendingDay{Start: dayStart(now)}}
	oldest := s.Today.Start.AddDate(0, 0, -dailyCostBack)
	stops, err := stopsSince(db, a.ID, oldest)
	if err != nil {
		return s, err
	}
	first, err := firstDay(db, a.ID)
	if err != nil {
		return s, err
	}
	s.Today.stopped(stops, now)
	at := map[string]int{} // the place of a day in s.Days
	for day := s.Today.Start.AddDate(0, 0, -1); len(s.Days) < ForecastDays && !day.Before(oldest) && first != "" && DayOn(day) >= first; day = day.AddDate(0, 0, -1) {
		d := SpendingDay{Start: day}
		if d.stopped(stops, now) {
			at[DayOn(day)] = len(s.Days)
			s.Days = append(s.Days, d)
		}
	}
	if len(s.Days) > 0 {
		oldest = s.Days[len(s.Days)-1].Start
	} else {
		oldest = s.Today.Start
	}
	var hours []accountHour
	if err := db.Find(&hours, "account_id = ? AND day_on >= ? AND day_on < ?", a.ID, DayOn(oldest), DayOn(now)).Error; err != nil {
		return s, err
	}
	for _, h := range hours {
		if i, ok := at[h.DayOn]; ok {
			s.Days[i].CostFen[h.Hour] = h.CostFen
		}
	}
	s.Campaigns, err = campaignSpending(db, a.ID, campaigns, at, oldest, now)
	return s, err
}

// stopped notes the hours that a stop touched, up to now. False: there is none
// without.
func (d *SpendingDay) stopped(stops []accountStop, now time.Time) bool {
	free := false
	for hour := range d.Stopped {
		from := d.Start.Add(time.Duration(hour) * time.Hour)
		d.Stopped[hour] = from.Before(now) && stoppedIn(stops, from, from.Add(time.Hour))
		free = free || !d.Stopped[hour]
	}
	return free
}

// campaignSpending reads the days of the campaigns that are switched on; what
// arrears stopped is among them, for it runs once money is there and it is
// restarted.
func campaignSpending(db *gorm.DB, accountID int64, campaigns []CampaignView, at map[string]int, oldest, now time.Time) ([]CampaignSpending, error) {
	var on []CampaignSpending
	place := map[int64]int{}
	for _, c := range campaigns {
		if !c.SwitchedOn || c.EndedAt != nil {
			continue
		}
		since := c.SwitchedAt
		if c.RecoveringSince != nil && c.RecoveringSince.After(since) {
			since = *c.RecoveringSince
		}
		place[c.ID] = len(on)
		on = append(on, CampaignSpending{BudgetFen: c.DailyBudgetFen, TodayFen: c.SpentTodayFen, Schedule: c.Schedule, Since: since, DayFen: make([]Fen, len(at))})
	}
	var days []campaignDay
	err := db.Joins("JOIN campaigns ON campaigns.id = campaign_days.campaign_id").
		Find(&days, "campaigns.account_id = ? AND switched_on AND ended_at IS NULL AND day_on >= ? AND day_on < ?", accountID, DayOn(oldest), DayOn(now)).Error
	for _, d := range days {
		i, running := place[d.CampaignID]
		day, seen := at[d.DayOn]
		if running && seen {
			on[i].DayFen[day] = d.CostFen
		}
	}
	return on, err
}
