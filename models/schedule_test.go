package models_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ztc-portal/models"
)

func TestAScheduleIsReadByHalfHourOfTheWeek(t *testing.T) {
	t.Parallel()
	factors := make([]int, models.WeekSlots)
	for i := range factors {
		factors[i] = 100
	}
	factors[models.DaySlots+9*2+1] = 150 // Tuesday 09:30
	factors[6*models.DaySlots+47] = 0    // Sunday 23:30
	schedule := models.NewSchedule(factors)
	if schedule != "100*67,150*1,100*267,0*1" {
		t.Fatalf("runs: %s", schedule)
	}
	for at, want := range map[string]int{
		"2026-11-24T09:29:59+08:00": 100, "2026-11-24T09:30:00+08:00": 150, "2026-11-24T09:59:59+08:00": 150, "2026-11-24T10:00:00+08:00": 100,
		"2026-11-29T15:29:59Z": 100, "2026-11-29T15:30:00Z": 0, "2026-11-29T16:00:00Z": 100, // Sunday's last half hour in Shanghai
	} {
		instant, err := time.Parse(time.RFC3339, at)
		must(t, err)
		if got := schedule.FactorAt(instant); got != want {
			t.Errorf("%s: %d, want %d", at, got, want)
		}
	}
	for i := range factors {
		factors[i] = 100
	}
	if all := models.NewSchedule(factors); all != "" || all.FactorAt(time.Now()) != 100 {
		t.Errorf("a hundred always: %q", all)
	}
}

func TestAScheduleThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	b := (*models.Store)(nil) // refused before anything is asked
	for schedule, want := range map[models.Schedule]string{
		"100": "error.schedule.malformed", "100*335": "error.schedule.malformed", "100*337": "error.schedule.malformed", "29*336": "error.schedule.malformed",
		"251*336": "error.schedule.malformed", "100*0,100*336": "error.schedule.malformed", "-50*336": "error.schedule.malformed",
		"x*336": "error.schedule.malformed", "100*168,100": "error.schedule.malformed", "0*336": "error.schedule.never", "0*100,0*236": "error.schedule.never",
	} {
		_, err := b.SetSchedule(t.Context(), models.Actor{}, 1, models.RowRef{ID: 1}, schedule)
		if got := refusedOn(err, "schedule"); got != want {
			t.Errorf("%s: %v, want %s", schedule, err, want)
		}
	}
}

func TestAScheduleIsChangedByStretchesCopiesAndPresets(t *testing.T) {
	t.Parallel()
	set := func(from, to, factor string, days ...string) models.ScheduleInput {
		return models.ScheduleInput{Days: days, From: from, To: to, Factor: factor}
	}
	for name, one := range map[string]struct {
		now  models.Schedule
		in   models.ScheduleInput
		want models.Schedule
		on   string // the field that is refused
		key  string
	}{
		"a morning":                     {"", set("09:00", "12:00", "130", "0"), "100*18,130*6,100*312", "", ""},
		"two days, typed in full width": {"", set("00:00", "00:30", "５０％", "1", "6"), "100*48,50*1,100*239,50*1,100*47", "", ""},
		"the end of a day":              {"", set("23:30", "24:00", "0", "0"), "100*47,0*1,100*288", "", ""},
		"over midnight":                 {"", set("23:00", "01:00", "200", "0"), "100*46,200*4,100*286", "", ""},
		"over the end of the week":      {"", set("23:30", "00:30", "30", "6"), "30*1,100*334,30*1", "", ""},
		"back to 100":                   {"100*18,130*6,100*312", set("09:00", "12:00", "100", "0"), "", "", ""},
		"a day is copied":               {"100*18,130*6,100*312", models.ScheduleInput{CopyFrom: "0", Days: []string{"1", "6"}}, "100*18,130*6,100*42,130*6,100*234,130*6,100*24", "", ""},
		"workdays":                      {"250*336", models.ScheduleInput{Preset: "workdays"}, "0*18,100*26,0*22,100*26,0*22,100*26,0*22,100*26,0*22,100*26,0*100", "", ""},
		"evening":                       {"", models.ScheduleInput{Preset: "evening"}, "100*40,130*6,100*42,130*6,100*42,130*6,100*42,130*6,100*42,130*6,100*42,130*6,100*42,130*6,100*2", "", ""},
		"always":                        {"250*336", models.ScheduleInput{Preset: "always"}, "", "", ""},
		"no day":                        {"", set("09:00", "12:00", "130"), "", "days", "error.schedule.days"},
		"no such day":                   {"", set("09:00", "12:00", "130", "7"), "", "days", "error.schedule.days"},
		"no time at all":                {"", set("09:00", "09:00", "130", "0"), "", "to", "error.schedule.times"},
		"a time between slots":          {"", set("09:15", "12:00", "130", "0"), "", "to", "error.schedule.times"},
		"from the end of a day":         {"", set("24:00", "12:00", "130", "0"), "", "to", "error.schedule.times"},
		"too low a factor":              {"", set("09:00", "12:00", "29", "0"), "", "factor", "error.schedule.factor"},
		"too high a factor":             {"", set("09:00", "12:00", "251", "0"), "", "factor", "error.schedule.factor"},
		"no factor":                     {"", set("09:00", "12:00", "x", "0"), "", "factor", "error.schedule.factor"},
		"copied from nowhere":           {"", models.ScheduleInput{CopyFrom: "x", Days: []string{"1"}}, "", "copy", "error.schedule.days"},
		"no such preset":                {"", models.ScheduleInput{Preset: "x"}, "", "schedule", "error.schedule.malformed"},
		"nothing would be delivered":    {"0*18,130*6,0*312", set("09:00", "12:00", "0", "0"), "", "schedule", "error.schedule.never"},
	} {
		got, refusals := models.ChangedSchedule(one.now, one.in)
		if one.on != "" {
			if refusals.On(one.on) == nil || refusals.On(one.on).Key != one.key || got != one.now {
				t.Errorf("%s: %v, %q", name, refusals, got)
			}
			continue
		}
		if len(refusals) > 0 || got != one.want {
			t.Errorf("%s: %q, want %q; %v", name, got, one.want, refusals)
		}
	}
}

func TestAScheduleSaysWhatStandsNow(t *testing.T) {
	t.Parallel()
	schedule := models.Schedule("100*18,130*6,100*288,0*24") // Monday 9–12 at 130 %, Sunday afternoon nothing
	for at, want := range map[string]string{
		"2026-11-23T09:10:00+08:00": "130 2026-11-23T12:00:00+08:00", "2026-11-23T08:59:59+08:00": "100 2026-11-23T09:00:00+08:00",
		"2026-11-29T12:00:00+08:00": "0 2026-11-30T00:00:00+08:00", "2026-11-25T12:00:00+08:00": "100 ",
	} {
		instant, err := time.Parse(time.RFC3339, at)
		must(t, err)
		factor, until := schedule.Now(instant)
		got := fmt.Sprint(factor, " ")
		if !until.IsZero() {
			got += until.In(models.Shanghai).Format(time.RFC3339)
		}
		if got != want {
			t.Errorf("%s: %s, want %s", at, got, want)
		}
	}
	if diff := cmp.Diff([]models.ScheduleRun{{0, 24, 100}, {24, 48, 0}}, schedule.Day(6)); diff != "" {
		t.Error(diff)
	}
}
