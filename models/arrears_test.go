package models_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

// staff acts for the office: the restart of campaigns names its user.
func staff(t testing.TB, b *modelstest.Bench) models.Actor {
	t.Helper()
	email := fmt.Sprintf("staff-%d@office.test", time.Now().UnixNano())
	_, err := b.CreateUser(t.Context(), models.Actor{}, models.NewUser{Email: email, Password: "long enough", Role: models.RoleAdmin})
	must(t, err)
	secret, err := b.SignIn(t.Context(), models.SignInInput{Email: email, Password: "long enough", Address: "192.0.2.9"})
	must(t, err)
	who, err := b.WhoIs(t.Context(), secret)
	must(t, err)
	return models.Actor{UserID: who.UserID, Address: "192.0.2.9"}
}

// running makes a seller whose campaigns all serve at full share.
func running(t testing.TB, b *modelstest.Bench, cash models.Fen, budgets ...models.Fen) (int64, []int64) {
	t.Helper()
	account, campaigns := b.Seller(t, budgets...)
	recharge(t, b, account, cash)
	b.Clock.Add(time.Hour)
	return account, campaigns
}

// owe charges an account so that it owes the amount.
func owe(t testing.TB, b *modelstest.Bench, accountID, campaignID int64, arrears models.Fen) {
	t.Helper()
	f := desk(t, b, accountID).Funds
	b.Charge(t, fmt.Sprintf("owe-%d-%d", accountID, b.Clock.Now().UnixNano()), campaignID, f.Cash+f.Bonus+arrears)
}

// suspend lets the grace time of an account's arrears end.
func suspend(t testing.TB, b *modelstest.Bench, accountID int64) {
	t.Helper()
	a := desk(t, b, accountID).Account
	b.Clock.Set(*a.GraceEndsAt)
	must(t, b.SuspendAccount(t.Context(), a.ID, *a.ArrearsSince))
}

func TestArrearsBeginBelowZero(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, campaigns := running(t, b, 300*yuan, 1000*yuan)
		now := b.Clock.Now()
		b.Charge(t, "c1", campaigns[0], 300*yuan) // exactly all of it
		wantAccount(t, b, account, models.AccountActive)
		views := wantDelivery(t, b, account, models.DeliveryOutOfFunds)
		if cause := views[0].Causes; len(cause) != 1 || cause[0].Since == nil || !cause[0].Since.Equal(now) || cause[0].Lift != models.LiftRecharge {
			t.Errorf("causes: %+v", cause)
		}
		b.Clock.Add(time.Minute)
		b.Charge(t, "c2", campaigns[0], 1)
		a := wantAccount(t, b, account, models.AccountArrears)
		if !a.ArrearsSince.Equal(now.Add(time.Minute)) || !a.GraceEndsAt.Equal(now.Add(time.Minute+24*time.Hour)) {
			t.Errorf("arrears since %v, grace until %v", a.ArrearsSince, a.GraceEndsAt)
		}
		b.Clock.Add(time.Minute)
		b.Charge(t, "c3", campaigns[0], 100) // more arrears, the same deadline
		if again := wantAccount(t, b, account, models.AccountArrears); !again.GraceEndsAt.Equal(*a.GraceEndsAt) {
			t.Errorf("the grace time moved to %v", again.GraceEndsAt)
		}
		deadlines := tasksOf(b, "suspend_account")
		if len(deadlines) != 1 {
			t.Fatalf("deadlines: %+v", deadlines)
		}
		args := deadlines[0].Args.(models.SuspendAccount)
		if args.AccountID != account || !args.ArrearsSince.Equal(*a.ArrearsSince) || !deadlines[0].RunAt.Equal(*a.GraceEndsAt) {
			t.Errorf("deadline: %+v", deadlines[0])
		}
		b.Sound(t)
	})
}

func TestPartPaymentReducesArrears(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, campaigns := running(t, b, 300*yuan, 10_000*yuan)
		owe(t, b, account, campaigns[0], 1000*yuan)
		before := wantAccount(t, b, account, models.AccountArrears)
		b.Clock.Add(time.Hour)
		recharge(t, b, account, 400*yuan)
		wantFunds(t, b, account, -600*yuan, 0)
		after := wantAccount(t, b, account, models.AccountArrears)
		if !after.ArrearsSince.Equal(*before.ArrearsSince) || !after.GraceEndsAt.Equal(*before.GraceEndsAt) {
			t.Errorf("a part payment moved the arrears: %+v", after)
		}
		wantDelivery(t, b, account, models.DeliveryOutOfFunds)
		if events := timeline(t, b, account); events[len(events)-1] != models.EventArrearsReduced {
			t.Errorf("timeline: %v", events)
		}
		p := recharge(t, b, account, 600*yuan) // exactly what is left
		wantFunds(t, b, account, 0, 0)
		wantAccount(t, b, account, models.AccountActive)
		wantDelivery(t, b, account, models.DeliveryOutOfFunds)
		paid, err := b.PaymentDesk(t.Context(), account, p.No)
		must(t, err)
		if !paid.Steps.HadArrears || paid.Steps.ArrearsCleared == nil || paid.Steps.Restored != nil || paid.Steps.Serving != nil {
			t.Errorf("steps: %+v", paid.Steps)
		}
		recharge(t, b, account, 200*yuan)
		wantDelivery(t, b, account, models.DeliveryRecovering)
		b.Sound(t)
	})
}

func TestPaidWithinGraceRecoversOnTheRamp(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, campaigns := running(t, b, 300*yuan, 1000*yuan, 1000*yuan)
		actor := staff(t, b)
		must(t, b.SwitchCampaign(t.Context(), actor, account, campaigns[1], false))
		owe(t, b, account, campaigns[0], 100*yuan)
		b.Clock.Add(23 * time.Hour)
		p := recharge(t, b, account, 2000*yuan)
		paidAt := b.Clock.Now()
		for _, step := range []struct {
			after time.Duration
			state models.DeliveryState
			share int
		}{
			{0, models.DeliveryRecovering, 25},
			{10*time.Minute - time.Microsecond, models.DeliveryRecovering, 25},
			{10 * time.Minute, models.DeliveryRecovering, 50},
			{20 * time.Minute, models.DeliveryRecovering, 75},
			{30*time.Minute - time.Microsecond, models.DeliveryRecovering, 75},
			{30 * time.Minute, models.DeliveryServing, 100},
			{25 * time.Hour, models.DeliveryServing, 100},
		} {
			b.Clock.Set(paidAt.Add(step.after))
			views := wantDelivery(t, b, account, step.state, models.DeliveryPaused)
			if views[0].SharePercent != step.share || views[1].SharePercent != 0 {
				t.Errorf("after %v: %d %% and %d %%", step.after, views[0].SharePercent, views[1].SharePercent)
			}
		}
		// The deadline of the arrears that were paid comes, and does nothing.
		must(t, b.SuspendAccount(t.Context(), account, tasksOf(b, "suspend_account")[0].Args.(models.SuspendAccount).ArrearsSince))
		wantAccount(t, b, account, models.AccountActive)
		ramps := tasksOf(b, "recover_delivery")
		last := ramps[len(ramps)-1]
		if last.Args != (models.RecoverDelivery{AccountID: account, Since: paidAt}) || !last.RunAt.Equal(paidAt.Add(30*time.Minute)) {
			t.Errorf("the ramp's end: %+v", last)
		}
		for range 2 { // noted once
			must(t, b.NoteRecovered(t.Context(), account, paidAt))
		}
		events := timeline(t, b, account)
		if slices.Index(events, models.EventDeliveryFull) != len(events)-1 {
			t.Errorf("timeline: %v", events)
		}
		d, err := b.PaymentDesk(t.Context(), account, p.No)
		must(t, err)
		if s := d.Steps; s.Serving == nil || !s.Serving.Equal(paidAt) || s.SharePercent != 100 || s.WaitingForRestart != 0 {
			t.Errorf("steps: %+v", s)
		}
		b.Sound(t)
	})
}

func TestRampThatWasStoppedIsNotNotedAsFull(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, campaigns := b.Seller(t, 1000*yuan)
		recharge(t, b, account, 300*yuan)
		since := b.Clock.Now()
		b.Clock.Add(time.Minute)
		owe(t, b, account, campaigns[0], 1)
		b.Clock.Add(time.Hour)
		must(t, b.NoteRecovered(t.Context(), account, since))
		if slices.Contains(timeline(t, b, account), models.EventDeliveryFull) {
			t.Error("delivery was noted as full while it stands still")
		}
	})
}

func TestGraceOverStopsWhatRan(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, campaigns := running(t, b, 300*yuan, 1000*yuan, 1000*yuan)
		actor := staff(t, b)
		ended := b.Clock.Now()
		_, err := b.CreateCampaign(t.Context(), actor, account, models.NewCampaign{Name: "Over", Budget: 100 * yuan, SwitchedOn: true, EndedAt: &ended})
		must(t, err)
		must(t, b.SwitchCampaign(t.Context(), actor, account, campaigns[1], false))
		owe(t, b, account, campaigns[0], 100*yuan)
		a := wantAccount(t, b, account, models.AccountArrears)

		b.Clock.Set(a.GraceEndsAt.Add(-time.Microsecond))
		wantCode(t, b.SuspendAccount(t.Context(), account, *a.ArrearsSince), models.Conflict)
		wantAccount(t, b, account, models.AccountArrears)
		b.Clock.Set(*a.GraceEndsAt)
		must(t, b.SuspendAccount(t.Context(), account, a.ArrearsSince.Add(-time.Hour))) // other arrears
		wantAccount(t, b, account, models.AccountArrears)

		must(t, b.SuspendAccount(t.Context(), account, *a.ArrearsSince))
		b.Clock.Add(time.Hour)
		must(t, b.SuspendAccount(t.Context(), account, *a.ArrearsSince)) // twice is once
		suspended := wantAccount(t, b, account, models.AccountSuspended)
		if !suspended.SuspendedAt.Equal(*a.GraceEndsAt) {
			t.Errorf("suspended at %v", suspended.SuspendedAt)
		}
		wantDelivery(t, b, account, models.DeliveryPausedArrears, models.DeliveryPaused, models.DeliveryEnded)
		r, err := b.RestartDesk(t.Context(), account, "", -1)
		must(t, err)
		if len(r.Stopped) != 1 || r.Stopped[0].ID != campaigns[0] || r.Stopped[0].Refusal != models.RefusedArrears || len(r.Stopped[0].Edits) > 0 {
			t.Errorf("stopped: %+v", r.Stopped)
		}
		b.Sound(t)
	})
}

func TestPaidAfterSuspensionWaitsForTheSeller(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, campaigns := running(t, b, 300*yuan, 1000*yuan, 1000*yuan)
		owe(t, b, account, campaigns[0], 100*yuan)
		suspend(t, b, account)
		wantDelivery(t, b, account, models.DeliveryPausedArrears, models.DeliveryPausedArrears)
		p := recharge(t, b, account, 1000*yuan)
		wantAccount(t, b, account, models.AccountActive)
		wantFunds(t, b, account, 900*yuan, 0)
		wantDelivery(t, b, account, models.DeliveryPausedArrears, models.DeliveryPausedArrears)
		shell, err := b.Shell(t.Context(), account)
		if err != nil || shell.Waiting != 2 || shell.State != models.AccountActive || shell.Spendable != 900*yuan {
			t.Errorf("shell: %+v, %v", shell, err)
		}
		d, err := b.PaymentDesk(t.Context(), account, p.No)
		must(t, err)
		s := d.Steps
		if !s.HadArrears || !s.WasSuspended || s.ArrearsCleared == nil || s.Restored == nil || s.Restarted != nil || s.WaitingForRestart != 2 || s.Serving != nil {
			t.Errorf("steps: %+v", s)
		}
	})
}

// stoppedAndPaid is a seller whose campaigns arrears stopped and who has paid.
func stoppedAndPaid(t testing.TB, b *modelstest.Bench, campaigns int) (int64, []int64) {
	t.Helper()
	budgets := slices.Repeat([]models.Fen{1000 * yuan}, campaigns)
	account, ids := running(t, b, 300*yuan, budgets...)
	owe(t, b, account, ids[0], 100*yuan)
	suspend(t, b, account)
	recharge(t, b, account, 2000*yuan)
	return account, ids
}

func TestRestart(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		actor := staff(t, b)
		t.Run("Some", func(t *testing.T) {
			account, ids := stoppedAndPaid(t, b, 3)
			_, items, err := b.RestartCampaigns(t.Context(), actor, account, models.RestartInput{IDs: []int64{ids[2], ids[0], ids[0]}})
			must(t, err)
			if len(items) != 2 || !items[0].Started || !items[1].Started {
				t.Errorf("items: %+v", items)
			}
			views := wantDelivery(t, b, account, models.DeliveryRecovering, models.DeliveryPausedArrears, models.DeliveryRecovering)
			if views[0].SharePercent != 25 {
				t.Errorf("a restart begins at %d %%", views[0].SharePercent)
			}
			b.Clock.Add(30 * time.Minute)
			wantDelivery(t, b, account, models.DeliveryServing, models.DeliveryPausedArrears, models.DeliveryServing)
		})
		t.Run("AllButThoseThatTheSellerPausedOrThatEnded", func(t *testing.T) {
			account, ids := stoppedAndPaid(t, b, 2)
			must(t, b.SwitchCampaign(t.Context(), actor, account, ids[1], false))
			_, items, err := b.RestartCampaigns(t.Context(), actor, account, models.RestartInput{All: true})
			must(t, err)
			if len(items) != 2 || !items[0].Started || items[1].Started || items[1].Reason != models.RefusedPaused {
				t.Errorf("items: %+v", items)
			}
			wantDelivery(t, b, account, models.DeliveryRecovering, models.DeliveryPausedArrears)
			must(t, b.SwitchCampaign(t.Context(), actor, account, ids[1], true)) // the arrears stop is still there
			wantDelivery(t, b, account, models.DeliveryRecovering, models.DeliveryPausedArrears)
			_, items, err = b.RestartCampaigns(t.Context(), actor, account, models.RestartInput{IDs: ids})
			must(t, err)
			if items[0].Reason != models.RefusedRunning || !items[1].Started {
				t.Errorf("the second restart: %+v", items)
			}
		})
		t.Run("NeverAnotherSellers", func(t *testing.T) {
			account, ids := stoppedAndPaid(t, b, 1)
			_, theirs := stoppedAndPaid(t, b, 1)
			for _, id := range []int64{theirs[0], 999999} {
				_, items, err := b.RestartCampaigns(t.Context(), actor, account, models.RestartInput{IDs: []int64{ids[0], id}})
				wantCode(t, err, models.NotFound)
				if len(items) != 0 {
					t.Errorf("items: %+v", items)
				}
			}
			wantDelivery(t, b, account, models.DeliveryPausedArrears)
		})
		t.Run("NotWhileSomethingIsOwed", func(t *testing.T) {
			account, ids := running(t, b, 300*yuan, 1000*yuan)
			owe(t, b, account, ids[0], 500*yuan)
			suspend(t, b, account)
			recharge(t, b, account, 200*yuan)
			_, items, err := b.RestartCampaigns(t.Context(), actor, account, models.RestartInput{All: true})
			if models.CodeOf(err) != models.Invalid || len(items) != 1 || items[0].Reason != models.RefusedArrears {
				t.Errorf("items: %+v, %v", items, err)
			}
			recharge(t, b, account, 300*yuan)
			_, items, err = b.RestartCampaigns(t.Context(), actor, account, models.RestartInput{All: true})
			if models.CodeOf(err) != models.Invalid || len(items) != 1 || items[0].Reason != models.RefusedNoFunds {
				t.Errorf("items: %+v, %v", items, err)
			}
			must(t, b.FreezeAccount(t.Context(), actor, account, "checks"))
			recharge(t, b, account, 301*yuan)
			_, items, err = b.RestartCampaigns(t.Context(), actor, account, models.RestartInput{All: true})
			if models.CodeOf(err) != models.Invalid || len(items) != 1 || items[0].Reason != models.RefusedFrozen {
				t.Errorf("items: %+v, %v", items, err)
			}
		})
		t.Run("NothingIsNamed", func(t *testing.T) {
			account, _ := b.Seller(t)
			_, _, err := b.RestartCampaigns(t.Context(), actor, account, models.RestartInput{})
			wantField(t, err, "campaign_id", "error.restart.none")
			_, items, err := b.RestartCampaigns(t.Context(), actor, account, models.RestartInput{All: true})
			if err != nil || len(items) != 0 {
				t.Errorf("nothing is stopped: %+v, %v", items, err)
			}
		})
		b.Sound(t)
	})
}

func TestRestartOnceUnderRace(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		actor := staff(t, b)
		account, _ := stoppedAndPaid(t, b, 3)
		results := atOnce(10, func() models.Outcome {
			_, items, err := b.RestartCampaigns(t.Context(), actor, account, models.RestartInput{All: true})
			return models.Outcome(fmt.Sprintf("%d %v", len(items), err))
		})
		if results["3 <nil>"] != 1 || results["0 <nil>"] != 9 {
			t.Errorf("ten restarts at once: %v", results)
		}
	})
}

func TestUndoRestart(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		actor := staff(t, b)
		restart := func(t *testing.T, account int64) models.Restart {
			t.Helper()
			r, _, err := b.RestartCampaigns(t.Context(), actor, account, models.RestartInput{All: true})
			must(t, err)
			return r
		}
		t.Run("WithinItsTime", func(t *testing.T) {
			account, _ := stoppedAndPaid(t, b, 2)
			before, err := b.Campaigns(t.Context(), account)
			must(t, err)
			r := restart(t, account)
			b.Clock.Set(r.UndoUntil)
			undone, _, err := b.UndoRestart(t.Context(), actor, account)
			if err != nil || undone != 2 {
				t.Fatalf("%d undone, %v", undone, err)
			}
			after := wantDelivery(t, b, account, models.DeliveryPausedArrears, models.DeliveryPausedArrears)
			if !after[0].ArrearsStoppedAt.Equal(*before[0].ArrearsStoppedAt) {
				t.Errorf("the stop began at %v, now at %v", before[0].ArrearsStoppedAt, after[0].ArrearsStoppedAt)
			}
			_, _, err = b.UndoRestart(t.Context(), actor, account)
			wantCode(t, err, models.Conflict)
			restart(t, account)
			wantDelivery(t, b, account, models.DeliveryRecovering, models.DeliveryRecovering)
		})
		t.Run("NotAfterIt", func(t *testing.T) {
			account, _ := stoppedAndPaid(t, b, 1)
			b.Clock.Set(restart(t, account).UndoUntil.Add(time.Microsecond))
			_, _, err := b.UndoRestart(t.Context(), actor, account)
			wantCode(t, err, models.Conflict)
			wantDelivery(t, b, account, models.DeliveryServing)
		})
		t.Run("NothingToUndo", func(t *testing.T) {
			account, _ := b.Seller(t)
			_, _, err := b.UndoRestart(t.Context(), actor, account)
			wantCode(t, err, models.Conflict)
		})
		t.Run("NotWhatTheSellerTouchedSince", func(t *testing.T) {
			account, ids := stoppedAndPaid(t, b, 3)
			restart(t, account)
			must(t, b.SwitchCampaign(t.Context(), actor, account, ids[0], false))
			must(t, b.SwitchCampaign(t.Context(), actor, account, ids[1], false))
			must(t, b.SwitchCampaign(t.Context(), actor, account, ids[1], true))
			undone, _, err := b.UndoRestart(t.Context(), actor, account)
			if err != nil || undone != 1 {
				t.Errorf("%d undone, %v", undone, err)
			}
			wantDelivery(t, b, account, models.DeliveryPaused, models.DeliveryRecovering, models.DeliveryPausedArrears)
		})
		t.Run("NothingIsLeftOfIt", func(t *testing.T) {
			account, ids := stoppedAndPaid(t, b, 1)
			restart(t, account)
			edit, err := b.SetBudget(t.Context(), actor, account, models.RowRef{ID: ids[0]}, "900")
			must(t, err)
			_, _, err = b.UndoEdit(t.Context(), actor, account, edit.ID)
			must(t, err)
			if _, left, err := b.UndoRestart(t.Context(), actor, account); models.CodeOf(err) != models.Conflict || left != 1 {
				t.Errorf("%d left, %v", left, err)
			}
			wantDelivery(t, b, account, models.DeliveryRecovering)
		})
		t.Run("ARestartThatStartedNothingDoesNotHideIt", func(t *testing.T) {
			account, ids := stoppedAndPaid(t, b, 1)
			restart(t, account)
			_, _, err := b.RestartCampaigns(t.Context(), actor, account, models.RestartInput{IDs: ids})
			if models.CodeOf(err) != models.Invalid {
				t.Errorf("nothing to start: %v", err)
			}
			undone, _, err := b.UndoRestart(t.Context(), actor, account)
			if err != nil || undone != 1 {
				t.Errorf("%d undone, %v", undone, err)
			}
			wantDelivery(t, b, account, models.DeliveryPausedArrears)
		})
	})
}

func TestMoneyNeverLiftsTheFreeze(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		actor := staff(t, b)
		account, ids := running(t, b, 300*yuan, 1000*yuan)
		must(t, b.FreezeAccount(t.Context(), actor, account, "checks"))
		frozenAt := b.Clock.Now()
		wantDelivery(t, b, account, models.DeliveryFrozen)
		b.Clock.Add(time.Hour)
		owe(t, b, account, ids[0], 100*yuan)
		before := len(timeline(t, b, account))
		recharge(t, b, account, 1000*yuan)
		a := wantAccount(t, b, account, models.AccountFrozen)
		if a.FundingState != models.AccountActive || !a.FrozenAt.Equal(frozenAt) || a.FrozenReason != "checks" {
			t.Errorf("paid while frozen: %+v", a)
		}
		wantDelivery(t, b, account, models.DeliveryFrozen)
		if events := timeline(t, b, account)[before:]; slices.Contains(events, models.EventRecovering) {
			t.Errorf("nothing recovers while the account is frozen: %v", events)
		}
		b.Clock.Add(time.Hour)
		must(t, b.UnfreezeAccount(t.Context(), actor, account))
		wantAccount(t, b, account, models.AccountActive)
		views := wantDelivery(t, b, account, models.DeliveryRecovering)
		if views[0].SharePercent != 25 {
			t.Errorf("after the freeze: %d %%", views[0].SharePercent)
		}
		b.Sound(t)
	})
}

func TestCausesNameAllThatStops(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		actor := staff(t, b)
		account, ids := running(t, b, 300*yuan, 100*yuan)
		b.Charge(t, fmt.Sprint("half", account), ids[0], 100*yuan)
		views := wantDelivery(t, b, account, models.DeliveryBudgetReached)
		if c := views[0].Causes; len(c) != 1 || c[0].Lift != models.LiftBudget || c[0].Since != nil {
			t.Errorf("causes: %+v", c)
		}
		outAt := b.Clock.Now()
		owe(t, b, account, ids[0], 100*yuan)
		suspend(t, b, account)
		stoppedAt := b.Clock.Now()
		b.Clock.Add(time.Minute)
		must(t, b.SwitchCampaign(t.Context(), actor, account, ids[0], false))
		pausedAt := b.Clock.Now()
		b.Clock.Add(time.Minute)
		must(t, b.FreezeAccount(t.Context(), actor, account, "checks"))
		frozenAt := b.Clock.Now()
		b.Charge(t, fmt.Sprint("late", account), ids[0], 100*yuan)
		views = wantDelivery(t, b, account, models.DeliveryFrozen)
		want := []struct {
			state models.DeliveryState
			since time.Time
			lift  models.Lift
		}{
			{models.DeliveryFrozen, frozenAt, models.LiftStaff},
			{models.DeliveryPausedArrears, stoppedAt, models.LiftRestart},
			{models.DeliveryPaused, pausedAt, models.LiftSwitch},
			{models.DeliveryOutOfFunds, outAt, models.LiftRecharge},
			{models.DeliveryBudgetReached, time.Time{}, models.LiftBudget}, // midnight lifts it; since when is not kept
		}
		if len(views[0].Causes) != len(want) {
			t.Fatalf("causes: %+v", views[0].Causes)
		}
		for i, w := range want {
			if c := views[0].Causes[i]; c.State != w.state || c.Lift != w.lift || (c.Since == nil) != w.since.IsZero() || c.Since != nil && !c.Since.Equal(w.since) {
				t.Errorf("cause %d: %+v, want %+v", i, c, w)
			}
		}
	})
}

func wantStop(t testing.TB, b *modelstest.Bench, accountID int64, since *time.Time) {
	t.Helper()
	o, err := b.AccountOverview(t.Context(), accountID)
	must(t, err)
	if got := o.StoppedSince; (got == nil) != (since == nil) || got != nil && !got.Equal(*since) {
		t.Errorf("stopped since %v, want %v", got, since)
	}
}

func TestAStopLastsUntilDeliveryMayGoOn(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		actor := staff(t, b)
		account, ids := running(t, b, 300*yuan, 1000*yuan, 1000*yuan, 1000*yuan)
		wantStop(t, b, account, nil)
		outAt := b.Clock.Now()
		b.Charge(t, "all", ids[0], 300*yuan)
		b.Clock.Add(time.Minute)
		b.Charge(t, "more", ids[0], 1)
		wantStop(t, b, account, &outAt)
		recharge(t, b, account, 300*yuan)
		wantStop(t, b, account, nil)

		b.Clock.Add(time.Minute)
		outAt = b.Clock.Now()
		owe(t, b, account, ids[0], 100*yuan)
		suspend(t, b, account)
		recharge(t, b, account, 1000*yuan)
		wantStop(t, b, account, &outAt) // the seller has not restarted
		_, _, err := b.RestartCampaigns(t.Context(), actor, account, models.RestartInput{IDs: ids[:1]})
		must(t, err)
		wantStop(t, b, account, nil) // the account delivers again; two campaigns wait, each by itself
	})
}

func TestAStopEndsWhenTheSellerWantsNoneOfItBack(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		actor := staff(t, b)
		account, ids := running(t, b, 300*yuan, 1000*yuan, 1000*yuan)
		outAt := b.Clock.Now()
		owe(t, b, account, ids[0], 100*yuan)
		suspend(t, b, account)
		recharge(t, b, account, 1000*yuan)
		must(t, b.SwitchCampaign(t.Context(), actor, account, ids[0], false))
		wantStop(t, b, account, &outAt) // one still waits
		must(t, b.SwitchCampaign(t.Context(), actor, account, ids[1], false))
		wantStop(t, b, account, nil)
	})
}

func TestANewAccountHasNothingToRecoverFrom(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, _ := b.Seller(t, 1000*yuan)
		recharge(t, b, account, 500*yuan)
		wantDelivery(t, b, account, models.DeliveryServing)
		if events := timeline(t, b, account); slices.Contains(events, models.EventRecovering) {
			t.Errorf("the timeline speaks of a recovery: %v", events)
		}
	})
}

func TestAFreezeIsAStop(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		actor := staff(t, b)
		account, _ := running(t, b, 300*yuan, 1000*yuan)
		frozenAt := b.Clock.Now()
		must(t, b.FreezeAccount(t.Context(), actor, account, "checks"))
		wantStop(t, b, account, &frozenAt)
		b.Clock.Add(time.Hour)
		must(t, b.UnfreezeAccount(t.Context(), actor, account))
		wantStop(t, b, account, nil)
	})
}
