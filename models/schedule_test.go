package models_test

import (
	"testing"
	"time"

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
