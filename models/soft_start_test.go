package models_test

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

var clickNo atomic.Int64

// clicks books n clicks that together cost so much, at an instant.
func clicks(t testing.TB, b *modelstest.Bench, campaign int64, at time.Time, n int, each models.Fen) {
	t.Helper()
	charges := make([]models.Charge, n)
	for i := range charges {
		charges[i] = models.Charge{ChargeID: fmt.Sprint("soft-", clickNo.Add(1)), CampaignID: campaign, AmountFen: each, ChargedAt: at}
	}
	got, err := b.PostCharges(t.Context(), charges)
	must(t, err)
	if got.Accepted != n {
		t.Fatalf("%+v", got)
	}
}

// wantSoftly is wantDelivery of the one campaign of softly that has not ended.
func wantSoftly(t testing.TB, b *modelstest.Bench, account int64, want models.DeliveryState) []models.CampaignView {
	t.Helper()
	return wantDelivery(t, b, account, want, models.DeliveryEnded)
}

// softly is a seller with one campaign of ¥1000 a day that before its stop cost
// ¥30 in 30 clicks in this hour of each of so many days, was stopped, and paid.
func softly(t testing.TB, b *modelstest.Bench, days int) (account, campaign int64, by models.Actor) {
	t.Helper()
	account, ids := running(t, b, 300*yuan, 1000*yuan)
	for day := days + 1; day > 1; day-- {
		clicks(t, b, ids[0], b.Clock.Now().AddDate(0, 0, -day), 30, 1*yuan)
	}
	ended := b.Clock.Now() // whose clicks are none of the other's norm
	over, err := b.CreateCampaign(t.Context(), models.Actor{}, account, models.NewCampaign{Name: "Over", Budget: 100 * yuan, SwitchedOn: true, EndedAt: &ended})
	must(t, err)
	owe(t, b, account, over, 100*yuan)
	suspend(t, b, account)
	recharge(t, b, account, 2000*yuan)
	return account, ids[0], staff(t, b)
}

func restartAll(t testing.TB, b *modelstest.Bench, by models.Actor, account int64, full bool) models.Restart {
	t.Helper()
	r, _, err := b.RestartCampaigns(t.Context(), by, account, models.RestartInput{All: true, Full: full})
	must(t, err)
	return r
}

func TestASoftStartIsCappedForItsFirstHour(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, campaign, by := softly(t, b, 0)
		restartAll(t, b, by, account, false)
		started := b.Clock.Now()
		before := b.Again(t) // another process: what it says stands in the database
		left := func(want models.Fen) {
			t.Helper()
			found := false
			must(t, before.ServingAll(t.Context(), func(c models.ServingCampaign) error {
				if c.CampaignID == campaign {
					found = true
					if c.BudgetLeftFen != want {
						t.Errorf("the engine is told of %s left, want %s", c.BudgetLeftFen.Wire(), want.Wire())
					}
				}
				return nil
			}))
			if !found {
				t.Error("the campaign is not in the snapshot")
			}
		}
		left(150 * yuan) // 15 % of ¥1000
		clicks(t, b, campaign, started, 149, 10)
		wantSoftly(t, b, account, models.DeliveryRecovering)
		left(150*yuan - 1490)
		b.Clock.Add(time.Second)
		clicks(t, b, campaign, b.Clock.Now(), 1, 150*yuan-1490)
		views := wantSoftly(t, b, account, models.DeliveryBudgetReached)
		left(0)
		cause := views[0].Causes[0]
		if len(views[0].Causes) != 1 || cause.Lift != models.LiftHour || cause.Reason != models.SoftCapped || cause.Until == nil || !cause.Until.Equal(started.Add(time.Hour)) {
			t.Errorf("the cause is %+v", cause)
		}
		if last := timeline(t, b, account); last[len(last)-1] != models.EventSoftCapped && last[0] != models.EventSoftCapped {
			t.Errorf("the timeline says %v", last)
		}
		// The hour ends by itself, and the engine hears of it.
		b.Clock.Set(started.Add(time.Hour - time.Microsecond))
		work(t, b)
		wantSoftly(t, b, account, models.DeliveryBudgetReached)
		r := follow(t, b)
		b.Clock.Set(started.Add(time.Hour))
		work(t, b)
		wantSoftly(t, b, account, models.DeliveryServing)
		r.wants(t, "the hour is over", fmt.Sprint(campaign, " serving 100"))
		left(850 * yuan)
		b.Sound(t)
	})
}

func TestASoftStartOverMidnightHasItsCapOnceMore(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, campaign, by := softly(t, b, 0)
		midnight := b.Clock.Now().In(models.Shanghai).AddDate(0, 0, 1)
		midnight = time.Date(midnight.Year(), midnight.Month(), midnight.Day(), 0, 0, 0, 0, models.Shanghai)
		b.Clock.Set(midnight.Add(-10 * time.Minute))
		clicks(t, b, campaign, b.Clock.Now(), 1, 40*yuan) // while it stood: the day has cost something already
		restartAll(t, b, by, account, false)
		clicks(t, b, campaign, b.Clock.Now(), 1, 149*yuan)
		wantSoftly(t, b, account, models.DeliveryRecovering)
		clicks(t, b, campaign, b.Clock.Now().Add(time.Second), 1, 1*yuan)
		wantSoftly(t, b, account, models.DeliveryBudgetReached)
		b.Clock.Set(midnight)
		wantSoftly(t, b, account, models.DeliveryRecovering)
		clicks(t, b, campaign, midnight, 1, 150*yuan)
		wantSoftly(t, b, account, models.DeliveryBudgetReached)
		b.Clock.Set(midnight.Add(50 * time.Minute))
		wantSoftly(t, b, account, models.DeliveryServing)
	})
}

func TestASoftStartIsPausedWhereItCostsMoreThanBefore(t *testing.T) {
	t.Parallel()
	for name, one := range map[string]struct {
		each models.Fen
		n    int
		full bool
		want string
	}{
		"a click at one and a half times what it cost":       {150, 20, false, ""},
		"a click above that":                                 {151, 20, false, models.HaltPPC},
		"too few clicks to tell":                             {300, 14, false, ""},
		"the hour at one and a half times what it cost":      {90, 50, false, ""},
		"the hour above that":                                {90, 51, false, models.HaltSpend},
		"whoever wanted no soft start is left alone":         {500, 100, true, ""},
		"cheaper than before":                                {20, 60, false, ""},
		"both: what the hour cost is said, the greater harm": {200, 30, false, models.HaltSpend},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
				account, campaign, by := softly(t, b, 3)
				r := restartAll(t, b, by, account, one.full)
				b.Clock.Add(4 * time.Minute)
				clicks(t, b, campaign, b.Clock.Now(), one.n, one.each)
				task := models.WatchRestart{AccountID: account, RestartID: r.ID, At: r.At.Add(5 * time.Minute)}
				wantCode(t, b.WatchRestart(t.Context(), task), models.Conflict)
				b.Clock.Set(task.At)
				must(t, b.WatchRestart(t.Context(), task))
				must(t, b.WatchRestart(t.Context(), task)) // twice is once
				state := models.DeliveryRecovering
				if one.want != "" {
					state = models.DeliveryPaused
				}
				views := wantSoftly(t, b, account, state)
				if views[0].PausedFor != one.want {
					t.Errorf("paused for %q", views[0].PausedFor)
				}
				halts := 0
				for _, event := range timeline(t, b, account) {
					if event == models.EventSoftHalted {
						halts++
					}
				}
				if want := min(1, len(one.want)); halts != want {
					t.Errorf("the timeline has %d of them, want %d", halts, want)
				}
				b.Sound(t)
				if one.want == "" {
					return
				}
				// Nobody but the seller starts it again; then it is the seller's.
				b.Clock.Add(2 * time.Hour)
				work(t, b)
				recharge(t, b, account, 500*yuan)
				wantSoftly(t, b, account, models.DeliveryPaused)
				must(t, b.SwitchCampaign(t.Context(), by, account, campaign, true))
				must(t, b.SwitchCampaign(t.Context(), by, account, campaign, false))
				if views := wantSoftly(t, b, account, models.DeliveryPaused); views[0].Causes[0].Reason != "" {
					t.Errorf("the seller's own pause is said to be for %q", views[0].Causes[0].Reason)
				}
			})
		})
	}
}

func TestASoftStartThatWasLeftIsLeftAlone(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		other, _ := running(t, b, 300*yuan, 100*yuan)
		account, campaign, by := softly(t, b, 3)
		first := restartAll(t, b, by, account, false)
		b.Clock.Add(time.Minute)
		_, err := b.UndoRestart(t.Context(), by, account)
		must(t, err)
		second := restartAll(t, b, by, account, false)
		clicks(t, b, campaign, b.Clock.Now(), 30, 2*yuan) // ¥60, above 1.5 × ¥30
		b.Clock.Add(5 * time.Minute)
		must(t, b.WatchRestart(t.Context(), models.WatchRestart{AccountID: account, RestartID: first.ID, At: first.At.Add(5 * time.Minute)}))
		wantSoftly(t, b, account, models.DeliveryRecovering)
		wantCode(t, b.WatchRestart(t.Context(), models.WatchRestart{AccountID: other, RestartID: second.ID}), models.NotFound)
		// After a restart of the process the tasks are there again.
		before := len(b.Queue.Tasks())
		must(t, b.ResumeServing(t.Context()))
		var due []time.Duration
		for _, task := range b.Queue.Tasks()[before:] {
			if watch, ok := task.Args.(models.WatchRestart); ok && watch.RestartID == second.ID {
				due = append(due, watch.At.Sub(second.At))
			}
		}
		slices.Sort(due)
		if len(due) != 11 || due[0] != 10*time.Minute || due[10] != time.Hour {
			t.Errorf("it is looked at after %v", due)
		}
		must(t, b.WatchRestart(t.Context(), models.WatchRestart{AccountID: account, RestartID: second.ID, At: second.At.Add(5 * time.Minute)}))
		wantSoftly(t, b, account, models.DeliveryPaused)
	})
}

func TestWithoutTheSettingNothingStartsSoftly(t *testing.T) {
	t.Parallel()
	for _, engine := range modelstest.Engines {
		t.Run(string(engine), func(t *testing.T) {
			b := modelstest.OpenWith(t, engine, func(r *models.Rules) { r.SoftCap = 0 })
			account, campaign, by := softly(t, b, 3)
			restartAll(t, b, by, account, false)
			clicks(t, b, campaign, b.Clock.Now(), 100, 9*yuan)
			wantSoftly(t, b, account, models.DeliveryRecovering)
			for _, task := range b.Queue.Tasks() {
				if task.Args.Kind() == (models.WatchRestart{}).Kind() {
					t.Fatal("a task looks for what there is not")
				}
			}
		})
	}
}
