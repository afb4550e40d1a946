package models

import (
	"errors"
	"math"
	"time"

	"gorm.io/gorm"
)

// recentStops reads the stops that the last 30 days and the four weeks before them
// saw, newest first.
func recentStops(db *gorm.DB, accountID int64, now time.Time) (stops []accountStop, err error) {
	err = db.Order("began_at DESC").Find(&stops, "account_id = ? AND (ended_at IS NULL OR ended_at > ?)", accountID, now.AddDate(0, 0, -adviceDays-stopWeeks*7)).Error
	return stops, err
}

// until is when a stop ended, or now.
func (s accountStop) until(now time.Time) time.Time {
	if s.EndedAt != nil {
		return *s.EndedAt
	}
	return now
}

// lastStopCost estimates what the newest stop of the last 30 days cost; nil: there
// is none that lasted a full hour.
func lastStopCost(db *gorm.DB, accountID int64, stops []accountStop, now time.Time) (*StopCost, error) {
	if len(stops) == 0 || stops[0].until(now).Before(now.AddDate(0, 0, -adviceDays)) {
		return nil, nil
	}
	last := stops[0]
	cost := &StopCost{From: last.BeganAt.Truncate(time.Hour).Add(time.Hour), Until: last.until(now).Truncate(time.Hour), Open: last.EndedAt == nil}
	if most := cost.From.Add(stopAtMost); cost.Until.After(most) {
		cost.Until = most
	}
	if cost.Until.Sub(cost.From) < stopFirstHour {
		return nil, nil
	}
	hours, first, err := hoursBefore(db, accountID, cost.From.AddDate(0, 0, -7*stopWeeks), cost.Until.AddDate(0, 0, -7))
	if err != nil {
		return nil, err
	}
	cost.estimate(func(hour time.Time) (Measures, bool) {
		if first.IsZero() || hour.Before(first) {
			return Measures{}, false
		}
		for _, s := range stops {
			if overlap(hour, hour.Add(time.Hour), s.BeganAt, s.until(now)) > 0 {
				return Measures{}, false
			}
		}
		return hours[hour.Unix()], true
	})
	if !cost.Known() {
		have := 0.0
		if !first.IsZero() {
			have = cost.From.Sub(first).Hours() / 24
		}
		cost.MissingDays = max(0, int(math.Ceil(stopLeastWeeks*7-have)))
	}
	return cost, nil
}

// hoursBefore reads an account's hours by the second at which they begin, and the
// first that has figures.
func hoursBefore(db *gorm.DB, accountID int64, from, until time.Time) (hours map[int64]Measures, first time.Time, err error) {
	var slots []reportSlot
	err = db.Table("account_hours").Select("day_on, hour, "+measureColumns).
		Where("account_id = ? AND day_on >= ? AND day_on <= ?", accountID, DayOn(from), DayOn(until)).Order("day_on, hour").Scan(&slots).Error
	hours = make(map[int64]Measures, len(slots))
	for i, slot := range slots {
		at, bad := slot.at()
		err = errors.Join(err, bad)
		hours[at.Unix()] = slot.measures()
		if i == 0 {
			first = at
		}
	}
	return hours, first, err
}

// stopMoved holds what the keywords were on both sides of the last stop; there is
// none in what is empty.
type stopMoved struct {
	before, after map[int64]Measures
	quality       map[int64]int // before the stop
	keywords      map[int64]bool
	campaigns     map[int64]bool // that were edited
	afterDays     float64
}

func (m stopMoved) of(campaignID, keywordID int64, quality int) StopMove {
	return StopMove{
		Before: m.before[keywordID], After: m.after[keywordID], AfterDays: m.afterDays, QualityWas: m.quality[keywordID], QualityIs: quality,
		Edited: m.keywords[keywordID] || m.campaigns[campaignID],
	}
}

// stopMoves reads what moved over the last stop, if it ended in the last 14 days.
func stopMoves(db *gorm.DB, accountID int64, stops []accountStop, now time.Time) (m stopMoved, err error) {
	if len(stops) == 0 || stops[0].EndedAt == nil || stops[0].EndedAt.Before(now.AddDate(0, 0, -movedWithin)) {
		return m, nil
	}
	began, since := stops[0].BeganAt, stops[0].EndedAt.Truncate(time.Hour).Add(time.Hour)
	from, day := DayOn(began.AddDate(0, 0, -movedBefore)), DayOn(began)
	m = stopMoved{map[int64]Measures{}, map[int64]Measures{}, map[int64]int{}, map[int64]bool{}, map[int64]bool{}, max(1, now.Sub(since).Hours()/24)}
	sums := func(into map[int64]Measures, query *gorm.DB) error {
		var rows []reportSlot
		err := query.Select("d.keyword_id AS id, " + sumOfMeasures).Group("d.keyword_id").Scan(&rows).Error
		for _, row := range rows {
			into[row.ID] = row.measures()
		}
		return err
	}
	err = sums(m.before, db.Table("campaigns c").Joins("JOIN keywords k ON k.campaign_id = c.id").Joins("JOIN keyword_days d ON d.keyword_id = k.id").
		Where("c.account_id = ? AND d.day_on >= ? AND d.day_on < ?", accountID, from, day))
	if err != nil {
		return m, err
	}
	err = sums(m.after, db.Table("campaigns c").Joins("JOIN keyword_hours d ON d.campaign_id = c.id").
		Where("c.account_id = ? AND d.day_on >= ? AND (d.day_on > ? OR d.hour >= ?)", accountID, DayOn(since), DayOn(since), since.In(Shanghai).Hour()))
	if err != nil {
		return m, err
	}
	if err := m.readQualities(db, accountID, day, DayOn(began.AddDate(0, 0, -adviceDays))); err != nil {
		return m, err
	}
	midnight, err := time.ParseInLocation(time.DateOnly, from, Shanghai)
	if err != nil {
		return m, err
	}
	return m, m.readEdits(db, accountID, midnight.UTC())
}

// readQualities reads the last quality before a day, and not older than another.
func (m stopMoved) readQualities(db *gorm.DB, accountID int64, before, since string) error {
	var rows []struct {
		KeywordID int64
		Quality   int
	}
	last := db.Table("campaigns c").Joins("JOIN keywords k ON k.campaign_id = c.id").Joins("JOIN keyword_qualities q ON q.keyword_id = k.id").
		Select("q.keyword_id, MAX(q.day_on) AS day_on").Where("c.account_id = ? AND q.day_on < ? AND q.day_on >= ?", accountID, before, since).Group("q.keyword_id")
	err := db.Table("(?) AS l", last).Joins("JOIN keyword_qualities q ON q.keyword_id = l.keyword_id AND q.day_on = l.day_on").
		Select("q.keyword_id, q.quality").Scan(&rows).Error
	for _, row := range rows {
		m.quality[row.KeywordID] = row.Quality
	}
	return err
}

// readEdits reads whose bid, match or schedule was changed since, and stayed so.
func (m stopMoved) readEdits(db *gorm.DB, accountID int64, since time.Time) error {
	var rows []struct {
		Subject   string
		SubjectID int64
	}
	err := db.Table("edits e").Joins("JOIN edit_items i ON i.edit_id = e.id").Select("DISTINCT i.subject, i.subject_id").
		Where("e.account_id = ? AND e.at >= ? AND NOT i.undone AND i.field IN ?", accountID, since, []string{"bid_fen", "match_type", "schedule"}).Scan(&rows).Error
	for _, row := range rows {
		if row.Subject == "campaign" {
			m.campaigns[row.SubjectID] = true
		} else {
			m.keywords[row.SubjectID] = true
		}
	}
	return err
}
