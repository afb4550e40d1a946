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
		_, _, err := b.UndoRestart(t.Context(), by, account)
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

// A budget that is used up in the soft hour is whole again the next day, and the
// engine is told; so is a cap that was reached just before midnight.
func TestABudgetUsedUpInASoftStartIsRenewed(t *testing.T) {
	t.Parallel()
	midnight := func(b *modelstest.Bench) time.Time {
		now := b.Clock.Now().In(models.Shanghai)
		return time.Date(now.Year(), now.Month(), now.Day()+1, 0, 0, 0, 0, models.Shanghai)
	}
	for name, spend := range map[string]func(testing.TB, *modelstest.Bench, models.Actor, int64, int64){
		"by clicks in flight": func(t testing.TB, b *modelstest.Bench, _ models.Actor, _, campaign int64) {
			clicks(t, b, campaign, b.Clock.Now(), 1, 150*yuan)
			clicks(t, b, campaign, b.Clock.Now(), 1, 900*yuan)
		},
		"by a lower budget": func(t testing.TB, b *modelstest.Bench, by models.Actor, account, campaign int64) {
			clicks(t, b, campaign, b.Clock.Now(), 1, 152*yuan)
			_, err := b.SetBudget(t.Context(), by, account, models.RowRef{ID: campaign}, "152")
			must(t, err)
		},
		"by its cap": func(t testing.TB, b *modelstest.Bench, _ models.Actor, _, campaign int64) {
			clicks(t, b, campaign, b.Clock.Now(), 1, 150*yuan)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
				account, campaign, by := softly(t, b, 0)
				recharge(t, b, account, 20000*yuan)
				due(t, b, midnight(b).Add(-21*time.Minute))
				restartAll(t, b, by, account, false)
				b.Clock.Add(time.Second)
				spend(t, b, by, account, campaign)
				r := follow(t, b)
				due(t, b, midnight(b).Add(time.Minute))
				r.changes(t)
				wantSoftly(t, b, account, r.states[campaign].Delivery)
				if got := r.states[campaign].Delivery; got != models.DeliveryRecovering {
					t.Errorf("after midnight the engine is told %s", got)
				}
			})
		})
	}
}

// The queue stood for hours: what the campaign cost since is not held against one
// hour.
func TestALateLookAtASoftStartDoesNothing(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, campaign, by := softly(t, b, 3)
		r := restartAll(t, b, by, account, false)
		for range 5 {
			clicks(t, b, campaign, b.Clock.Now(), 30, 1*yuan)
			b.Clock.Add(time.Hour)
		}
		must(t, b.WatchRestart(t.Context(), models.WatchRestart{AccountID: account, RestartID: r.ID, At: r.At.Add(time.Hour)}))
		wantSoftly(t, b, account, models.DeliveryServing)
	})
}

// What was halted is neither started by a page that was drawn before, nor by an
// undo of an edit from before.
func TestAHaltIsLiftedOnlyWhereItWasSeen(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, campaign, by := softly(t, b, 3)
		r := restartAll(t, b, by, account, false)
		row := []models.RowRef{{ID: campaign}}
		pause, err := b.SwitchCampaigns(t.Context(), by, account, row, false)
		must(t, err)
		_, err = b.SwitchCampaigns(t.Context(), by, account, row, true)
		must(t, err)
		drawn, err := b.Campaigns(t.Context(), account)
		must(t, err)
		b.Clock.Add(5 * time.Minute)
		clicks(t, b, campaign, b.Clock.Now(), 60, 1*yuan)
		must(t, b.WatchRestart(t.Context(), models.WatchRestart{AccountID: account, RestartID: r.ID, At: r.At.Add(5 * time.Minute)}))
		row[0].Version = drawn[0].RowVersion
		if _, err := b.SwitchCampaigns(t.Context(), by, account, row, true); refusedOn(err, "row") != "error.row.moved" {
			t.Errorf("a page from before: %v", err)
		}
		if undone, left, err := b.UndoEdit(t.Context(), by, account, pause.ID); err != nil || undone != 0 || left != 1 {
			t.Errorf("an undo from before: %d, %d, %v", undone, left, err)
		}
		row[0].Version = wantSoftly(t, b, account, models.DeliveryPaused)[0].RowVersion
		_, err = b.SwitchCampaigns(t.Context(), by, account, row, true)
		must(t, err)
	})
}

// due moves the clock and runs each task that comes due meanwhile once, at its time.
func due(t testing.TB, b *modelstest.Bench, until time.Time) {
	t.Helper()
	last, done := b.Clock.Now(), map[int]bool{}
	for {
		next, tasks := -1, b.Queue.Tasks()
		for i, task := range tasks {
			if task.RunAt.After(last) && !task.RunAt.After(until) && !done[i] && (next < 0 || task.RunAt.Before(tasks[next].RunAt)) {
				next = i
			}
		}
		if next < 0 {
			b.Clock.Set(until)
			return
		}
		done[next] = true
		if tasks[next].RunAt.After(b.Clock.Now()) {
			b.Clock.Set(tasks[next].RunAt)
		}
		switch args := tasks[next].Args.(type) {
		case models.RampStep:
			must(t, b.AnnounceServing(t.Context(), args.AccountID))
		case models.RecoverDelivery:
			must(t, b.NoteRecovered(t.Context(), args.AccountID, args.Since))
		case models.RenewBudgets:
			must(t, b.RenewBudgets(t.Context(), args.AccountID, args.Day))
		case models.WatchRestart:
			must(t, b.WatchRestart(t.Context(), args))
		}
	}
}
