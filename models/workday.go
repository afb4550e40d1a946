package models

import "time"

// Calendar says which days people work. Days are those of Asia/Shanghai,
// YYYY-MM-DD; without an entry, and without a calendar, Saturday and Sunday are off.
type Calendar struct {
	Off  map[string]bool // holidays
	Work map[string]bool // weekend days that are worked instead
}

// works tells whether people work on the day that holds an instant.
func (c *Calendar) works(at time.Time) bool {
	day, weekday := DayOn(at), at.In(Shanghai).Weekday()
	if c != nil && (c.Work[day] || c.Off[day]) {
		return c.Work[day]
	}
	return weekday != time.Saturday && weekday != time.Sunday
}

// The hours of a last working day in which what comes after it is looked at, and
// the hour of the first working day by which somebody will have seen to it.
const (
	lookFrom, lookUntil = 10, 18
	backBy              = 12
	longestBreak        = 20 // days
)

// breakAhead gives the end of the days off that begin tomorrow: noon of the next
// working day. Zero: today is none of the last hours before such days.
func (c *Calendar) breakAhead(now time.Time) time.Time {
	hour := now.In(Shanghai).Hour()
	day := dayStart(now)
	if !c.works(now) || hour < lookFrom || hour >= lookUntil || c.works(day.AddDate(0, 0, 1)) {
		return time.Time{}
	}
	for n := 2; n <= longestBreak; n++ {
		if next := day.AddDate(0, 0, n); c.works(next) {
			return next.Add(backBy * time.Hour)
		}
	}
	return time.Time{}
}
