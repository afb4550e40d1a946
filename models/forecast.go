package models

import (
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
	var stops []accountStop
	err = db.Find(&stops, "account_id = ? AND (ended_at IS NULL OR ended_at >= ?)", a.ID, oldest).Error
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

// stoppedOn tells whether a stop touched the day that begins at day.
func stoppedOn(stops []accountStop, day time.Time) bool {
	end := day.AddDate(0, 0, 1)
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
