package main

import "testing"

// The forecast must beat the plain mean of 7 days, near and far, and its band
// must hold about four of five ends. Seeds are fixed: the figures are the same on
// any machine.
func TestForecastBeatsTheMeanInTheBackTest(t *testing.T) {
	for _, b := range backtestForecast(300) {
		if len(b.forecast) < 290 || b.silent > 0 {
			t.Fatalf("%s: %d answers, %d without", b.from, len(b.forecast), b.silent)
		}
		for _, p := range []int{50, 90} {
			if ours, plain := errorAt(b.forecast, p), errorAt(b.mean, p); ours > plain*0.97 {
				t.Errorf("%s: the error's p%d is %.2f h, that of the mean %.2f h", b.from, p, ours, plain)
			}
		}
		if held := b.heldPercent(); held < 75 || held > 92 {
			t.Errorf("%s: the band holds %d %%", b.from, held)
		}
	}
}
