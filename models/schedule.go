package models

import (
	"strconv"
	"strings"
	"time"
)

// Schedule is a campaign's bid factor for each half hour of the week, from
// Monday 00:00 in Shanghai, as runs "percent*slots" joined by commas; empty: 100
// always. A factor of 0 means that nothing is delivered then.
type Schedule string

// A week in slots, and what a factor may be beside 0.
const (
	DaySlots   = 48
	WeekSlots  = 7 * DaySlots
	MinFactor  = 30
	MaxFactor  = 250
	fullFactor = 100
)

// NewSchedule puts factors in percent, WeekSlots of them, into runs.
func NewSchedule(factors []int) Schedule {
	var runs []string
	for from := 0; from < len(factors); {
		until := from
		for until < len(factors) && factors[until] == factors[from] {
			until++
		}
		runs = append(runs, strconv.Itoa(factors[from])+"*"+strconv.Itoa(until-from))
		from = until
	}
	if len(runs) == 1 && factors[0] == fullFactor {
		return ""
	}
	return Schedule(strings.Join(runs, ","))
}

// Factors are the WeekSlots factors in percent. One that can't be read is 100
// always; what is stored was read before.
func (s Schedule) Factors() []int {
	factors, ok := s.read()
	if !ok {
		factors = make([]int, WeekSlots)
		for i := range factors {
			factors[i] = fullFactor
		}
	}
	return factors
}

func (s Schedule) read() ([]int, bool) {
	if s == "" {
		return nil, false
	}
	factors := make([]int, 0, WeekSlots)
	for run := range strings.SplitSeq(string(s), ",") {
		percent, slots, _ := strings.Cut(run, "*")
		factor, err := strconv.Atoi(percent)
		count, err2 := strconv.Atoi(slots)
		if err != nil || err2 != nil || count < 1 || len(factors)+count > WeekSlots || factor != 0 && (factor < MinFactor || factor > MaxFactor) {
			return nil, false
		}
		for range count {
			factors = append(factors, factor)
		}
	}
	return factors, len(factors) == WeekSlots
}

// normal is the one way to write the schedule. Refused on "schedule": it is no
// whole week, a factor is out of bounds, or nothing would ever be delivered.
func (s Schedule) normal() (Schedule, *Error) {
	if s == "" {
		return "", nil
	}
	factors, ok := s.read()
	if !ok {
		return "", fieldError("schedule", "error.schedule.malformed", map[string]any{"Min": MinFactor, "Max": MaxFactor})
	}
	normal := NewSchedule(factors)
	if normal == "0*"+Schedule(strconv.Itoa(WeekSlots)) {
		return "", fieldError("schedule", "error.schedule.never", nil)
	}
	return normal, nil
}

// FactorAt is the factor in percent at an instant.
func (s Schedule) FactorAt(at time.Time) int {
	local := at.In(Shanghai)
	day := (int(local.Weekday()) + 6) % 7 // a week begins on Monday
	return s.Factors()[day*DaySlots+local.Hour()*2+local.Minute()/30]
}
