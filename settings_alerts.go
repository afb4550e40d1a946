package main

import (
	"strings"
	"time"

	"ztc-portal/jobs"
	"ztc-portal/models"
)

// holidays are the public holidays and the weekend days that are worked instead,
// where they were announced when this was written: those of 2026, by the State
// Council's notice of November 2025. PORTAL_HOLIDAYS and PORTAL_WORKDAYS add others.
var holidays, workdays = []string{
	"2026-01-01..2026-01-03", "2026-02-15..2026-02-23", "2026-04-04..2026-04-06", "2026-05-01..2026-05-05", "2026-06-19..2026-06-21",
	"2026-09-25..2026-09-27", "2026-10-01..2026-10-07",
}, []string{"2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09", "2026-09-20", "2026-10-10"}

// longestHoliday bounds a stretch of days that is given by its ends.
const longestHoliday = 31

// calendar is the working days as they are known.
func (s Settings) calendar() *models.Calendar {
	c := &models.Calendar{Off: map[string]bool{}, Work: map[string]bool{}}
	for _, stretch := range append(holidays, s.Holidays...) {
		eachDay(stretch, func(day string) { c.Off[day] = true })
	}
	for _, stretch := range append(workdays, s.Workdays...) {
		eachDay(stretch, func(day string) { c.Work[day] = true })
	}
	return c
}

// eachDay reads a day, or two with ".." between them; false: it is neither.
func eachDay(stretch string, do func(day string)) bool {
	first, last, several := strings.Cut(strings.TrimSpace(stretch), "..")
	if !several {
		last = first
	}
	from, err := time.Parse(time.DateOnly, first)
	if err != nil {
		return false
	}
	until, err := time.Parse(time.DateOnly, last)
	if err != nil || until.Before(from) || until.Sub(from) > longestHoliday*24*time.Hour {
		return false
	}
	for day := from; !day.After(until); day = day.AddDate(0, 0, 1) {
		do(day.Format(time.DateOnly))
	}
	return true
}

func (s Settings) checkAlerts(f *faults) {
	for name, days := range map[string][]string{"PORTAL_HOLIDAYS": s.Holidays, "PORTAL_WORKDAYS": s.Workdays} {
		for _, stretch := range days {
			if !eachDay(stretch, func(string) {}) {
				f.add(name, "is not days such as 2027-02-06..2027-02-12, with commas between them")
				break
			}
		}
	}
}

// alerts says how alerts go out; the demo may send them anywhere.
func (s Settings) alerts() jobs.Alerts {
	return jobs.Alerts{PublicURL: s.PublicURL, Anywhere: s.Demo()}
}
