package models

import (
	"testing"
	"time"
)

// The amounts of design.md: up to ¥100 of max(minimum, arrears × 1.2,
// arrears + days × daily cost − spendable).
func TestSuggest(t *testing.T) {
	const minimum, maximum = 200 * Yuan, 500_000 * Yuan
	for _, c := range []struct {
		name    string
		funds   Funds
		daily   Fen
		amounts [3]Fen // for 1, 7 and 30 days
		basis   [3]string
	}{
		{"nothing owed, nothing spent", Funds{}, 0,
			[3]Fen{200 * Yuan, 200 * Yuan, 200 * Yuan}, [3]string{"minimum", "minimum", "minimum"}},
		{"small arrears, nothing spent", Funds{Cash: -100}, 0,
			[3]Fen{200 * Yuan, 200 * Yuan, 200 * Yuan}, [3]string{"minimum", "minimum", "minimum"}},
		{"arrears alone", Funds{Cash: -1000 * Yuan}, 0,
			[3]Fen{1200 * Yuan, 1200 * Yuan, 1200 * Yuan}, [3]string{"arrears", "arrears", "arrears"}},
		{"arrears and a little cost", Funds{Cash: -1000 * Yuan}, 100 * Yuan,
			[3]Fen{1200 * Yuan, 1700 * Yuan, 4000 * Yuan}, [3]string{"arrears", "days", "days"}},
		{"a fen above the step", Funds{Cash: -1000*Yuan - 1}, 500 * Yuan,
			[3]Fen{1600 * Yuan, 4600 * Yuan, 16100 * Yuan}, [3]string{"days", "days", "days"}},
		{"bonus does not count in arrears", Funds{Cash: -1000 * Yuan, Bonus: 5000 * Yuan}, 500 * Yuan,
			[3]Fen{1500 * Yuan, 4500 * Yuan, 16000 * Yuan}, [3]string{"days", "days", "days"}},
		{"money left counts", Funds{Cash: 1000 * Yuan, Bonus: 200 * Yuan}, 500 * Yuan,
			[3]Fen{200 * Yuan, 2300 * Yuan, 13800 * Yuan}, [3]string{"minimum", "days", "days"}},
		{"never above the maximum", Funds{Cash: -450_000 * Yuan}, 90_000 * Yuan,
			[3]Fen{maximum, maximum, maximum}, [3]string{"arrears", "days", "days"}},
		{"exactly the minimum", Funds{}, 200 * Yuan,
			[3]Fen{200 * Yuan, 1400 * Yuan, 6000 * Yuan}, [3]string{"minimum", "days", "days"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for i, got := range suggest(c.funds, c.daily, minimum, maximum) {
				if got.Days != suggestionDays[i] || got.Amount != c.amounts[i] || got.Basis != c.basis[i] {
					t.Errorf("%d days: %+v, want %d from %s", suggestionDays[i], got, c.amounts[i], c.basis[i])
				}
			}
		})
	}
}

func TestRunwayIsBounded(t *testing.T) {
	now := time.Date(2026, 11, 24, 6, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		spendable, daily Fen
		days             float64
		lasts            time.Duration
	}{
		{1000, 400, 2.5, 60 * time.Hour},
		{0, 400, 0, 0},
		{500_000 * Yuan, 1, 50_000_000, 3650 * 24 * time.Hour}, // more nanoseconds than an int64 holds
	} {
		got := runway(c.spendable, c.daily, now)
		if !got.Known || got.Days != c.days || !got.Until.Equal(now.Add(c.lasts)) {
			t.Errorf("%d at %d a day: %+v", c.spendable, c.daily, got)
		}
	}
	if got := runway(1000, 0, now); got.Known {
		t.Errorf("nothing is spent, and yet %+v", got)
	}
}

func TestMeanRoundsUp(t *testing.T) {
	if mean(nil) != 0 || mean([]Fen{1, 2}) != 2 || mean([]Fen{300, 300, 300}) != 300 || mean([]Fen{0, 0, 1}) != 1 {
		t.Error("the mean is off")
	}
}
