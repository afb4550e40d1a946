package models

import (
	"fmt"
	"slices"
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

// SlotAt is the slot of the week that an instant lies in.
func SlotAt(at time.Time) int {
	local := at.In(Shanghai)
	day := (int(local.Weekday()) + 6) % 7 // a week begins on Monday
	return day*DaySlots + local.Hour()*2 + local.Minute()/30
}

// Now is the factor of this instant and, where it changes within a day, when.
func (s Schedule) Now(at time.Time) (factor int, until time.Time) {
	factors := s.Factors()
	slot, begins := SlotAt(at), at.Truncate(slotLength) // Shanghai is whole hours from UTC
	for n := 1; n <= DaySlots; n++ {
		if factors[(slot+n)%WeekSlots] != factors[slot] {
			return factors[slot], begins.Add(time.Duration(n) * slotLength).UTC()
		}
	}
	return factors[slot], time.Time{}
}

const slotLength = 30 * time.Minute

// ScheduleRun is a stretch of a day with one factor; From and Until are slots,
// Until not in it.
type ScheduleRun struct{ From, Until, Factor int }

// Day gives the runs of a day, 0 for Monday.
func (s Schedule) Day(day int) []ScheduleRun {
	factors := s.Factors()[day*DaySlots : (day+1)*DaySlots]
	var runs []ScheduleRun
	for slot, factor := range factors {
		if n := len(runs); n > 0 && runs[n-1].Factor == factor {
			runs[n-1].Until++
		} else {
			runs = append(runs, ScheduleRun{slot, slot + 1, factor})
		}
	}
	return runs
}

// SlotTime writes the beginning of a slot, "09:30"; the end of a day is "24:00".
func SlotTime(slot int) string { return fmt.Sprintf("%02d:%02d", slot/2, slot%2*30) }

// ScheduleInput is a change of a schedule as it was typed: one stretch on some
// days gets a factor, or some days get what CopyFrom has, or a preset is taken.
type ScheduleInput struct {
	Days     []string // "0" Monday to "6" Sunday
	From, To string   // "09:30"; To before From reaches into the next day
	Factor   string   // percent; 0: nothing is delivered
	CopyFrom string   // a day; empty: a stretch is set
	Preset   string   // one of SchedulePresets; empty: none
}

// SchedulePresets are whole weeks that are often wanted: 100 % always; working
// days from 9 to 22 and else nothing; 30 % more from 20 to 23.
var SchedulePresets = []string{"always", "workdays", "evening"}

// change gives the schedule that the input makes of this one. Refusals stand on
// "days", "copy", "to", "factor" and "schedule".
func (s Schedule) change(in ScheduleInput) (Schedule, FieldErrors) {
	factors := s.Factors()
	var refusals FieldErrors
	if in.Preset != "" {
		factors, refusals = presetFactors(in.Preset)
	} else if days, refused := scheduleDays(in.Days); refused != nil {
		refusals = append(refusals, refused)
	} else if in.CopyFrom != "" {
		refusals = copyDay(factors, in.CopyFrom, days)
	} else {
		refusals = in.setStretch(factors, days)
	}
	if len(refusals) > 0 {
		return s, refusals
	}
	made, refused := NewSchedule(factors).normal()
	if refused != nil {
		return s, FieldErrors{refused}
	}
	return made, nil
}

func scheduleDays(typed []string) ([]int, *Error) {
	var days []int
	for _, one := range typed {
		day, err := strconv.Atoi(one)
		if err != nil || day < 0 || day > 6 {
			return nil, fieldError("days", "error.schedule.days", nil)
		}
		days = append(days, day)
	}
	if len(days) == 0 {
		return nil, fieldError("days", "error.schedule.days", nil)
	}
	return days, nil
}

func (in ScheduleInput) setStretch(factors []int, days []int) (refusals FieldErrors) {
	from, known := slotOf(in.From)
	to, knows := slotOf(in.To)
	if !known || !knows || from == DaySlots || from == to {
		refusals = append(refusals, fieldError("to", "error.schedule.times", nil))
	}
	typed := strings.TrimSuffix(strings.TrimSpace(strings.Map(toHalfWidth, in.Factor)), "%")
	factor, err := strconv.Atoi(strings.TrimSpace(typed))
	if err != nil || factor != 0 && (factor < MinFactor || factor > MaxFactor) {
		refusals = append(refusals, fieldError("factor", "error.schedule.factor", map[string]any{"Min": MinFactor, "Max": MaxFactor}))
	}
	if len(refusals) > 0 {
		return refusals
	}
	if to < from {
		to += DaySlots
	}
	for _, day := range days {
		for slot := from; slot < to; slot++ {
			factors[(day*DaySlots+slot)%WeekSlots] = factor
		}
	}
	return nil
}

func copyDay(factors []int, typed string, days []int) FieldErrors {
	from, err := strconv.Atoi(typed)
	if err != nil || from < 0 || from > 6 {
		return FieldErrors{fieldError("copy", "error.schedule.days", nil)}
	}
	day := slices.Clone(factors[from*DaySlots : (from+1)*DaySlots])
	for _, to := range days {
		copy(factors[to*DaySlots:], day)
	}
	return nil
}

func presetFactors(name string) ([]int, FieldErrors) {
	factors := Schedule("").Factors()
	for slot := range factors {
		day, hour := slot/DaySlots, slot%DaySlots/2
		switch name {
		case "always":
		case "workdays":
			if day > 4 || hour < 9 || hour >= 22 {
				factors[slot] = 0
			}
		case "evening":
			if hour >= 20 && hour < 23 {
				factors[slot] = 130
			}
		default:
			return nil, FieldErrors{fieldError("schedule", "error.schedule.malformed", map[string]any{"Min": MinFactor, "Max": MaxFactor})}
		}
	}
	return factors, nil
}

// slotOf reads "09:30" as a slot of the day, "24:00" as its end.
func slotOf(typed string) (int, bool) {
	for slot := range DaySlots + 1 {
		if SlotTime(slot) == strings.TrimSpace(typed) {
			return slot, true
		}
	}
	return 0, false
}
