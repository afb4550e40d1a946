package views

import (
	"slices"
	"testing"
	"time"

	"ztc-portal/models"
)

func TestLadderSaysWhereTheWayBackStands(t *testing.T) {
	at := time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		steps models.RecoverySteps
		want  []string
	}{
		"all is done": {
			models.RecoverySteps{Paid: &at, Credited: &at, ArrearsCleared: &at, Restored: &at, Restarted: &at, Serving: &at, HadArrears: true, WasSuspended: true, SharePercent: 100},
			[]string{"done", "done", "done", "done", "done", "done"},
		},
		"the seller has to restart": {
			models.RecoverySteps{Paid: &at, Credited: &at, ArrearsCleared: &at, Restored: &at, HadArrears: true, WasSuspended: true, WaitingForRestart: 2, SharePercent: 100},
			[]string{"done", "done", "done", "done", "hand", "ahead"},
		},
		"too little was paid": {
			models.RecoverySteps{Paid: &at, Credited: &at, HadArrears: true, WaitingForRestart: 2, SharePercent: 100},
			[]string{"done", "done", "hand", "skipped", "ahead", "ahead"},
		},
		"delivery recovers": {
			models.RecoverySteps{Paid: &at, Credited: &at, ArrearsCleared: &at, Serving: &at, HadArrears: true, SharePercent: 50},
			[]string{"done", "done", "done", "skipped", "skipped", "now"},
		},
		"nothing was owed and nothing serves yet": {
			models.RecoverySteps{Paid: &at, Credited: &at, SharePercent: 100},
			[]string{"done", "done", "skipped", "skipped", "skipped", "now"},
		},
		"money is not credited yet": {
			models.RecoverySteps{Paid: &at, SharePercent: 100},
			[]string{"done", "now", "skipped", "skipped", "skipped", "ahead"},
		},
	} {
		var got []string
		for i, r := range ladder(c.steps) {
			if r.step != LadderSteps[i] {
				t.Errorf("%s: rung %d is %s, want %s", name, i, r.step, LadderSteps[i])
			}
			if r.state == "done" && r.at.IsZero() {
				t.Errorf("%s: %s is done but has no time", name, r.step)
			}
			got = append(got, r.state)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
