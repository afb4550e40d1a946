package models_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

// reader follows the feed as an engine does.
type reader struct {
	b      *modelstest.Bench
	cursor int64
	states map[int64]models.ServingCampaign
}

func follow(t testing.TB, b *modelstest.Bench) *reader {
	t.Helper()
	r := &reader{b: b, states: map[int64]models.ServingCampaign{}}
	var err error
	r.cursor, err = b.ServingCursor(t.Context())
	must(t, err)
	must(t, b.ServingAll(t.Context(), func(c models.ServingCampaign) error {
		r.states[c.CampaignID] = c
		return nil
	}))
	return r
}

// changes reads what changed since the last call, e.g. "1 recovering 25".
func (r *reader) changes(t testing.TB) []string {
	t.Helper()
	campaigns, cursor, err := r.b.ServingSince(t.Context(), r.cursor)
	must(t, err)
	r.cursor = cursor
	said := []string{}
	for _, c := range campaigns {
		r.states[c.CampaignID] = c
		said = append(said, fmt.Sprint(c.CampaignID, " ", c.Delivery, " ", c.SharePercent))
	}
	slices.Sort(said)
	return said
}

func (r *reader) wants(t testing.TB, when string, want ...string) {
	t.Helper()
	if want == nil {
		want = []string{}
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, r.changes(t)); diff != "" {
		t.Errorf("%s: %s", when, diff)
	}
}

// work runs the tasks of a kind that are due, as the queue would.
func work(t testing.TB, b *modelstest.Bench) {
	t.Helper()
	for _, task := range b.Queue.Tasks() {
		if task.RunAt.After(b.Clock.Now()) {
			continue
		}
		switch args := task.Args.(type) {
		case models.RampStep:
			must(t, b.AnnounceServing(t.Context(), args.AccountID))
		case models.RecoverDelivery:
			must(t, b.NoteRecovered(t.Context(), args.AccountID, args.Since))
		case models.RenewBudgets:
			must(t, b.RenewBudgets(t.Context(), args.AccountID, args.Day))
		case models.WatchRestart:
			must(t, b.WatchRestart(t.Context(), args))
		case models.SuspendAccount:
			must(t, b.SuspendAccount(t.Context(), args.AccountID, args.ArrearsSince))
		}
	}
}

// The whole life of an account, as the engine is told of it: each change once,
// in order, and nothing else.
func TestTheFeedTellsTheLifeOfAnAccount(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, ids := b.Seller(t, 10_000*yuan, 10_000*yuan)
		actor := staff(t, b)
		on, paused := ids[0], ids[1]
		say := func(id int64, state models.DeliveryState, share int) string {
			return fmt.Sprint(id, " ", state, " ", share)
		}
		must(t, b.SwitchCampaign(t.Context(), actor, account, paused, false))
		recharge(t, b, account, 300*yuan)
		r := follow(t, b)
		if r.states[on].Delivery != models.DeliveryServing || r.states[paused].Delivery != models.DeliveryPaused {
			t.Errorf("the snapshot: %+v", r.states)
		}
		r.wants(t, "nothing happened")
		recharge(t, b, account, 200*yuan)
		r.wants(t, "more money: the engine counts down and must hear of it", say(on, models.DeliveryServing, 100))
		if spendable := r.states[on].SpendableFen; spendable != 500*yuan {
			t.Errorf("the engine hears of %d fen", spendable)
		}
		grant(t, b, account, fmt.Sprint("g", account), 100*yuan)
		r.wants(t, "so with bonus", say(on, models.DeliveryServing, 100))
		b.Charge(t, "c1", on, 599*yuan)
		r.wants(t, "less money is left: it counts down by itself")
		b.Charge(t, "c2", on, yuan)
		r.wants(t, "nothing is left", say(on, models.DeliveryOutOfFunds, 0))
		b.Charge(t, "c3", on, 50*yuan) // a click that was under way
		r.wants(t, "arrears begin: delivery stands still already")

		b.Clock.Add(time.Hour)
		recharge(t, b, account, 200*yuan)
		paidAt := b.Clock.Now()
		r.wants(t, "paid within the grace time", say(on, models.DeliveryRecovering, 25))
		for _, step := range []struct {
			after time.Duration
			want  []string
		}{
			{10 * time.Minute, []string{say(on, models.DeliveryRecovering, 50)}},
			{15 * time.Minute, nil},
			{20 * time.Minute, []string{say(on, models.DeliveryRecovering, 75)}},
			{30 * time.Minute, []string{say(on, models.DeliveryServing, 100)}},
			{40 * time.Minute, nil},
		} {
			b.Clock.Set(paidAt.Add(step.after))
			work(t, b)
			r.wants(t, fmt.Sprint("the ramp after ", step.after), step.want...)
		}

		b.Charge(t, "c4", on, 200*yuan)
		r.wants(t, "nothing is left again", say(on, models.DeliveryOutOfFunds, 0))
		b.Clock.Add(25 * time.Hour)
		work(t, b)
		r.wants(t, "the grace time is over", say(on, models.DeliveryPausedArrears, 0))
		recharge(t, b, account, 500*yuan)
		r.wants(t, "paying starts nothing after a suspension")
		_, _, err := b.RestartCampaigns(t.Context(), actor, account, models.RestartInput{All: true})
		must(t, err)
		r.wants(t, "restarted by hand", say(on, models.DeliveryRecovering, 25))
		_, _, err = b.UndoRestart(t.Context(), actor, account)
		must(t, err)
		r.wants(t, "and undone", say(on, models.DeliveryPausedArrears, 0))
		_, _, err = b.RestartCampaigns(t.Context(), actor, account, models.RestartInput{IDs: []int64{on}})
		must(t, err)
		r.wants(t, "and restarted", say(on, models.DeliveryRecovering, 25))
		must(t, b.FreezeAccount(t.Context(), actor, account, "checks"))
		r.wants(t, "staff freeze it", say(on, models.DeliveryFrozen, 0), say(paused, models.DeliveryFrozen, 0))
		recharge(t, b, account, 400*yuan)
		r.wants(t, "no money lifts a freeze, and what stands still has no use for it")
		must(t, b.UnfreezeAccount(t.Context(), actor, account))
		r.wants(t, "staff lift it", say(on, models.DeliveryRecovering, 25), say(paused, models.DeliveryPaused, 0))
		must(t, b.SwitchCampaign(t.Context(), actor, account, paused, true))
		r.wants(t, "the seller starts the other", say(paused, models.DeliveryServing, 100))
		b.Sound(t)
	})
}

func TestABudgetIsReachedAndRenewedInTheFeedAndOnTheTimeline(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, ids := b.Seller(t, 100*yuan, 1000*yuan)
		actor := staff(t, b)
		recharge(t, b, account, 5000*yuan)
		r := follow(t, b)
		say := func(state models.DeliveryState, share int) string { return fmt.Sprint(ids[0], " ", state, " ", share) }
		b.Charge(t, "c1", ids[0], 99*yuan)
		r.wants(t, "a little is left")
		if left := follow(t, b).states[ids[0]].BudgetLeftFen; left != yuan {
			t.Errorf("%d fen of the budget are left", left)
		}
		b.Charge(t, "c2", ids[0], 3*yuan)
		r.wants(t, "the budget is reached", say(models.DeliveryBudgetReached, 0))
		if left := r.states[ids[0]].BudgetLeftFen; left != 0 {
			t.Errorf("%d fen of a budget that is reached are left", left)
		}
		b.Charge(t, "c3", ids[0], yuan) // under way; nothing new
		r.wants(t, "it stays reached")
		modelstest.Edited(t)(b.SetBudget(t.Context(), actor, account, models.RowRef{ID: ids[0]}, "200"))
		r.wants(t, "raised", say(models.DeliveryServing, 100))
		modelstest.Edited(t)(b.SetBudget(t.Context(), actor, account, models.RowRef{ID: ids[0]}, "103"))
		r.wants(t, "lowered to what was spent", say(models.DeliveryBudgetReached, 0))
		modelstest.Edited(t)(b.SetBudget(t.Context(), actor, account, models.RowRef{ID: ids[1]}, "900"))
		r.wants(t, "a budget that was not reached", fmt.Sprint(ids[1], " ", models.DeliveryServing, " 100"))

		midnight := time.Date(2026, 11, 24, 16, 0, 0, 0, time.UTC)
		b.Clock.Set(midnight.Add(-time.Second))
		wantCode(t, b.RenewBudgets(t.Context(), account, midnight), models.Conflict)
		r.wants(t, "before midnight in Shanghai")
		b.Clock.Set(midnight)
		for range 2 { // there are two tasks for it, and the second changes nothing
			work(t, b)
		}
		r.wants(t, "midnight in Shanghai", say(models.DeliveryServing, 100))
		want := []models.EventKind{
			models.EventRechargeConfirmed, models.EventRechargePaid, models.EventBudgetReached, models.EventBudgetRaised,
			models.EventBudgetReached, models.EventBudgetRenewed,
		}
		if diff := cmp.Diff(want, timeline(t, b, account)); diff != "" {
			t.Error(diff)
		}
		overview, err := b.AccountOverview(t.Context(), account)
		must(t, err)
		reached := overview.Timeline[1]
		if reached.Campaign != "Campaign 1" || reached.AmountFen != 103*yuan || !reached.Until.Equal(midnight) {
			t.Errorf("the event says %+v", reached)
		}
		b.Sound(t)
	})
}

// A budget that is reached while its seller has paused the campaign is renewed
// at midnight all the same, and the timeline is not told of it.
func TestABudgetReachedWhilePausedIsRenewedToo(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, ids := b.Seller(t, 100*yuan)
		actor := staff(t, b)
		recharge(t, b, account, 1000*yuan)
		must(t, b.SwitchCampaign(t.Context(), actor, account, ids[0], false))
		b.Charge(t, "c1", ids[0], 150*yuan)
		must(t, b.SwitchCampaign(t.Context(), actor, account, ids[0], true))
		wantDelivery(t, b, account, models.DeliveryBudgetReached)
		if events := timeline(t, b, account); slices.Contains(events, models.EventBudgetReached) {
			t.Errorf("timeline: %v", events)
		}
		r := follow(t, b)
		b.Clock.Set(time.Date(2026, 11, 24, 16, 0, 0, 0, time.UTC))
		work(t, b)
		r.wants(t, "midnight", fmt.Sprint(ids[0], " ", models.DeliveryServing, " 100"))
	})
}

// A click stamped after midnight and booked before it counts for the day that
// is: tomorrow's budget can't be reached today, when nobody would be told.
func TestAClickAheadOfTimeCountsForToday(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, ids := b.Seller(t, 100*yuan)
		recharge(t, b, account, 1000*yuan)
		b.Clock.Set(time.Date(2026, 11, 24, 15, 58, 0, 0, time.UTC)) // 23:58 in Shanghai
		r := follow(t, b)
		ahead := click(b, "c1", ids[0], 101*yuan)
		ahead.ChargedAt = ahead.ChargedAt.Add(2*time.Minute + time.Second)
		got, err := b.PostCharges(t.Context(), []models.Charge{ahead})
		wantCounts(t, got, err, 1, 0)
		r.wants(t, "booked", fmt.Sprint(ids[0], " ", models.DeliveryBudgetReached, " 0"))
		b.Clock.Add(3 * time.Minute)
		work(t, b)
		r.wants(t, "the next day", fmt.Sprint(ids[0], " ", models.DeliveryServing, " 100"))
	})
}

// Many budgets of one account in one body leave one task for midnight.
func TestOneTaskRenewsAllBudgetsOfAnAccount(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, ids := b.Seller(t, slices.Repeat([]models.Fen{30 * yuan}, 20)...)
		recharge(t, b, account, 5000*yuan)
		var body []models.Charge
		for _, id := range ids {
			body = append(body, click(b, fmt.Sprint("c", id), id, 31*yuan))
		}
		got, err := b.PostCharges(t.Context(), body)
		wantCounts(t, got, err, 20, 0)
		if tasks := tasksOf(b, "renew_budgets"); len(tasks) != 1 {
			t.Errorf("%d tasks for one midnight", len(tasks))
		}
	})
}

// A start finds what changes with time alone and has no task for it, as after an
// upgrade.
func TestAStartGivesTasksToWhatChangesWithTime(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, ids := b.Seller(t, 100*yuan)
		other, theirs := b.Seller(t, 1000*yuan)
		recharge(t, b, account, 1000*yuan)
		b.Charge(t, "c1", ids[0], 100*yuan)
		owe(t, b, other, theirs[0], 50*yuan)
		recharge(t, b, other, 300*yuan)
		since := b.Clock.Now()
		b.Clock.Add(5 * time.Minute)
		before := len(b.Queue.Tasks())
		must(t, b.ResumeServing(t.Context()))
		want := []models.Task{{Args: models.RenewBudgets{AccountID: account, Day: time.Date(2026, 11, 24, 16, 0, 0, 0, time.UTC)}, RunAt: time.Date(2026, 11, 24, 16, 0, 0, 0, time.UTC)}}
		for step := range 3 {
			due := since.Add(time.Duration(step+1) * 10 * time.Minute)
			want = append(want, models.Task{Args: models.RampStep{AccountID: other, Due: due}, RunAt: due})
		}
		if diff := cmp.Diff(want, b.Queue.Tasks()[before:]); diff != "" {
			t.Error(diff)
		}
		b.Clock.Add(time.Hour)
		before = len(b.Queue.Tasks())
		must(t, b.ResumeServing(t.Context()))
		if more := len(b.Queue.Tasks()) - before; more != 1 {
			t.Errorf("an hour later %d tasks are given, want that of midnight alone", more)
		}
		newest, err := b.NewestInstant(t.Context())
		if err != nil || !newest.Equal(since) {
			t.Errorf("the books end at %v, %v; want %v", newest, err, since)
		}
	})
}

// A charge of yesterday that comes in late counts for yesterday's budget.
func TestALateChargeDoesNotReachTodaysBudget(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, ids := b.Seller(t, 100*yuan)
		recharge(t, b, account, 1000*yuan)
		r := follow(t, b)
		late := click(b, "c1", ids[0], 150*yuan)
		late.ChargedAt = late.ChargedAt.Add(-24 * time.Hour)
		got, err := b.PostCharges(t.Context(), []models.Charge{late})
		wantCounts(t, got, err, 1, 0)
		r.wants(t, "a charge of yesterday")
		wantDelivery(t, b, account, models.DeliveryServing)
	})
}

func TestACursorThatIsNoneOfOursIsRefused(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		b.Seller(t, 100*yuan)
		last, err := b.ServingCursor(t.Context())
		must(t, err)
		for _, cursor := range []int64{-1, last + 1} {
			_, _, err := b.ServingSince(t.Context(), cursor)
			wantCode(t, err, models.NotFound)
		}
		for _, text := range []string{"", "x", "-1", "1.5", "99999999999999999999"} {
			_, err := models.ParseCursor(text)
			wantCode(t, err, models.NotFound)
		}
		if cursor, err := models.ParseCursor(models.CursorText(last)); err != nil || cursor != last {
			t.Errorf("%d came back as %d, %v", last, cursor, err)
		}
	})
}

// Whoever waits hears of a change at once, and of one that another process made
// soon; and waits no longer than asked.
func TestWaitingReadersAreWoken(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, ids := b.Seller(t, 100*yuan)
		actor := staff(t, b)
		stores := map[string]*models.Store{"here": b.Store, "elsewhere": b.Again(t)}
		for _, name := range []string{"here", "elsewhere"} { // switches it off, and on again
			change := stores[name]
			cursor, err := b.ServingCursor(t.Context())
			must(t, err)
			heard := make(chan time.Time, 1)
			go func() {
				ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
				defer cancel()
				if err := b.AwaitServing(ctx, cursor); err != nil {
					t.Error(err)
				}
				heard <- time.Now()
			}()
			time.Sleep(100 * time.Millisecond)
			select {
			case <-heard:
				t.Errorf("%s: woken before anything changed", name)
			default:
			}
			changed := time.Now()
			must(t, change.SwitchCampaign(t.Context(), actor, account, ids[0], name == "elsewhere"))
			limit := map[string]time.Duration{"here": 200 * time.Millisecond, "elsewhere": time.Second}[name]
			if late := (<-heard).Sub(changed); late > limit {
				t.Errorf("%s: heard after %v", name, late)
			}
		}
		cursor, err := b.ServingCursor(t.Context())
		must(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		began := time.Now()
		if err := b.AwaitServing(ctx, cursor); err != nil || time.Since(began) > 2*time.Second {
			t.Errorf("waited %v in vain: %v", time.Since(began), err)
		}
	})
}

// Changes are numbered in the order in which they are seen: a reader who goes on
// from cursor to cursor misses none, whoever commits first.
func TestNoChangeIsMissedUnderRace(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		actor := staff(t, b)
		const sellers, switches = 8, 15
		var accounts, campaigns []int64
		for range sellers {
			account, ids := b.Seller(t, 100*yuan)
			accounts, campaigns = append(accounts, account), append(campaigns, ids[0])
		}
		r := follow(t, b)
		var wg sync.WaitGroup
		for i := range sellers {
			wg.Go(func() {
				for n := range switches {
					if err := b.SwitchCampaign(t.Context(), actor, accounts[i], campaigns[i], n%2 == 1); err != nil {
						t.Error(err)
					}
				}
			})
		}
		ended := make(chan struct{})
		go func() { wg.Wait(); close(ended) }()
		seen := map[int64]models.DeliveryState{}
		for open := true; open; {
			select {
			case <-ended:
				open = false // and read once more
			default:
			}
			r.changes(t)
			for id, c := range r.states {
				seen[id] = c.Delivery
			}
		}
		for _, id := range campaigns {
			if seen[id] != models.DeliveryPaused { // the last switch was off
				t.Errorf("campaign %d was last seen %s", id, seen[id])
			}
		}
		if cursor, err := b.ServingCursor(t.Context()); err != nil || cursor != r.cursor {
			t.Errorf("the reader stands at %d, the clock at %d, %v", r.cursor, cursor, err)
		}
	})
}

func TestEngineKeywordsComeInPages(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, ids := b.Seller(t, 100*yuan)
		many := make([]models.NewKeyword, models.EngineKeywordsPage)
		for i := range many {
			many[i] = models.NewKeyword{Phrase: fmt.Sprint("tea ", i), Bid: 150, Quality: 8}
		}
		_, err := b.CreateCampaign(t.Context(), models.Actor{}, account, models.NewCampaign{Name: "Many", Budget: 100 * yuan, Keywords: many})
		must(t, err)
		ended := b.Clock.Now()
		_, err = b.CreateCampaign(t.Context(), models.Actor{}, account, models.NewCampaign{Name: "Over", Budget: 100 * yuan, EndedAt: &ended, Keywords: many[:1]})
		must(t, err)
		first, next, err := b.EngineKeywords(t.Context(), 0)
		must(t, err)
		rest, end, err := b.EngineKeywords(t.Context(), next)
		must(t, err)
		if len(first) != models.EngineKeywordsPage || len(rest) != 1 || end != 0 || rest[0].KeywordID <= next {
			t.Errorf("pages of %d and %d, next %d and %d", len(first), len(rest), next, end)
		}
		if k := first[0]; k.CampaignID != ids[0] || k.Phrase != "tea" || k.BidFen != 120 || k.Quality != 7 {
			t.Errorf("the first keyword is %+v", k)
		}
	})
}
