package models

import (
	"testing"
	"time"
)

func shanghaiAt(t *testing.T, at string) time.Time {
	t.Helper()
	instant, err := time.ParseInLocation("2006-01-02 15:04", at, Shanghai)
	if err != nil {
		t.Fatal(err)
	}
	return instant
}

func TestQuietHours(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		from, until int
		at, want    string
	}{
		{22, 8, "2026-11-24 21:59", ""}, {22, 8, "2026-11-24 22:00", "2026-11-25 08:00"}, {22, 8, "2026-11-25 07:59", "2026-11-25 08:00"}, {22, 8, "2026-11-25 08:00", ""},
		{12, 14, "2026-11-24 13:30", "2026-11-24 14:00"}, {12, 14, "2026-11-24 14:00", ""}, {9, 9, "2026-11-24 09:00", ""}, {0, 7, "2026-11-24 00:00", "2026-11-24 07:00"},
	} {
		got := (Account{QuietFrom: &row.from, QuietUntil: &row.until}).quietUntil(shanghaiAt(t, row.at))
		if row.want == "" && !got.IsZero() || row.want != "" && !got.Equal(shanghaiAt(t, row.want)) {
			t.Errorf("%d to %d at %s: until %v, want %s", row.from, row.until, row.at, got, row.want)
		}
	}
	if got := (Account{}).quietUntil(time.Now()); !got.IsZero() {
		t.Error(got)
	}
}

// The week of 2026-10-01, a Thursday, is off until the 7th; the 10th, a Saturday,
// is worked, and so is 2026-09-20, a Sunday.
func TestDaysOffAreSeenAhead(t *testing.T) {
	t.Parallel()
	c := &Calendar{Off: map[string]bool{}, Work: map[string]bool{"2026-10-10": true, "2026-09-20": true}}
	for day := shanghaiAt(t, "2026-10-01 00:00"); DayOn(day) <= "2026-10-07"; day = day.AddDate(0, 0, 1) {
		c.Off[DayOn(day)] = true
	}
	for at, want := range map[string]string{
		"2026-09-30 09:59": "", "2026-09-30 10:00": "2026-10-08 12:00", "2026-09-30 17:59": "2026-10-08 12:00", "2026-09-30 18:00": "",
		"2026-10-02 12:00": "", "2026-10-08 12:00": "", "2026-10-09 12:00": "", "2026-10-10 12:00": "2026-10-12 12:00", "2026-11-20 12:00": "2026-11-23 12:00",
		"2026-09-18 12:00": "2026-09-20 12:00", "2026-09-20 12:00": "",
	} {
		got := c.breakAhead(shanghaiAt(t, at))
		if want == "" && !got.IsZero() || want != "" && !got.Equal(shanghaiAt(t, want)) {
			t.Errorf("at %s: until %v, want %s", at, got.In(Shanghai), want)
		}
	}
	if got := (*Calendar)(nil).breakAhead(shanghaiAt(t, "2026-11-20 12:00")); !got.Equal(shanghaiAt(t, "2026-11-23 12:00")) {
		t.Errorf("without a calendar: %v", got)
	}
}

// A forecast that trembles about a rung is told of once: above begins later.
func TestARungHasAMargin(t *testing.T) {
	t.Parallel()
	now := shanghaiAt(t, "2026-11-24 12:00")
	low := false
	for _, row := range []struct {
		lasts time.Duration
		want  bool
	}{{8 * 24 * time.Hour, false}, {7*24*time.Hour - 1, true}, {7*24*time.Hour + time.Hour, true}, {8*24*time.Hour - 1, true}, {8 * 24 * time.Hour, false}, {7*24*time.Hour + 1, false}} {
		at := footing{now: now, funds: Funds{Cash: Yuan}, forecast: Forecast{OK: true, At: now.Add(row.lasts)}}
		if low = at.low(RungWeek, low); low != row.want {
			t.Errorf("with %v left it is low: %v", row.lasts, low)
		}
	}
	unknown := footing{now: now, funds: Funds{Cash: Yuan}}
	for _, was := range []bool{false, true} {
		if unknown.low(RungTwoDays, was) != was {
			t.Errorf("nothing is known, and it went from %v", was)
		}
	}
	eve := shanghaiAt(t, "2026-11-20 15:00") // a Friday
	for lasts, want := range map[time.Duration]bool{68 * time.Hour: true, 70 * time.Hour: false} {
		at := footing{now: eve, funds: Funds{Cash: Yuan}, forecast: Forecast{OK: true, At: eve.Add(lasts)}}
		if got := at.low(RungBreak, false); got != want {
			t.Errorf("before a weekend, with %v left: %v", lasts, got)
		}
	}
}
