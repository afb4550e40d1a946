package models_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

// give has two of the staff grant a bonus; day is its last, from today on, less
// than nothing: none.
func give(t testing.TB, b *modelstest.Bench, o office, account int64, yuans string, day int) {
	t.Helper()
	in := models.ApprovalInput{Kind: models.ApprovalBonusGrant, AccountID: account, Amount: yuans, Reason: "spring campaign"}
	if day >= 0 {
		in.ExpiresOn = models.DayOn(b.Clock.Now().AddDate(0, 0, day))
	}
	asked, err := b.AskApproval(t.Context(), o.finance, in)
	must(t, err)
	done, err := b.Approve(t.Context(), o.admin, asked.ID, "")
	must(t, err)
	if done.State != models.ApprovalApproved {
		t.Fatalf("%+v", done)
	}
}

// left says what is left of each grant, the first to be spent first.
func left(t testing.TB, b *modelstest.Bench, account int64) string {
	t.Helper()
	d, err := b.Bonus(t.Context(), account)
	must(t, err)
	var all []string
	for _, g := range d.Grants {
		all = append(all, fmt.Sprintf("%s of %s, %s expired", g.LeftFen.Wire(), g.AmountFen.Wire(), g.ExpiredFen.Wire()))
	}
	return strings.Join(all, "; ")
}

func TestBonusThatExpiresFirstIsSpentFirst(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		o := newOffice(t, b)
		account, campaigns := b.Seller(t, 10_000*yuan)
		at(b, 0, 10)
		wants := func(what, want string) {
			t.Helper()
			if got := left(t, b, account); got != want {
				t.Errorf("%s: %s, want %s", what, got, want)
			}
			b.Sound(t)
		}
		give(t, b, o, account, "100", 2)
		give(t, b, o, account, "20", -1)
		b.Charge(t, "a", campaigns[0], 30*yuan) // of the 100: nothing expires before
		give(t, b, o, account, "50", 0)
		wants("a later grant ends first", "50.00 of 50.00, 0.00 expired; 70.00 of 100.00, 0.00 expired; 20.00 of 20.00, 0.00 expired")
		b.Charge(t, "b", campaigns[0], 40*yuan)
		wants("spent", "10.00 of 50.00, 0.00 expired; 70.00 of 100.00, 0.00 expired; 20.00 of 20.00, 0.00 expired")
		var ends []time.Time
		for _, task := range b.Queue.Tasks() {
			if expire, is := task.Args.(models.ExpireBonus); is && expire.AccountID == account {
				ends = append(ends, task.RunAt)
			}
		}
		midnight := shanghai(t, "2026-11-25 00:00")
		if len(ends) == 0 || !ends[len(ends)-1].Equal(midnight) {
			t.Errorf("tasks at %v", ends)
		}
		wantCode(t, b.ExpireBonus(t.Context(), models.ExpireBonus{AccountID: account, At: midnight}), models.Conflict)
		b.Clock.Set(midnight)
		for range 2 { // twice is once
			must(t, b.ExpireBonus(t.Context(), models.ExpireBonus{AccountID: account, At: midnight}))
		}
		wantFunds(t, b, account, 0, 90*yuan)
		wants("the day is over", "70.00 of 100.00, 0.00 expired; 20.00 of 20.00, 0.00 expired; 0.00 of 50.00, 10.00 expired")
		// Its task is late; the next click finds it gone, and cash pays.
		recharge(t, b, account, 200*yuan)
		b.Clock.Set(shanghai(t, "2026-11-27 00:00"))
		b.Charge(t, "c", campaigns[0], 30*yuan)
		wantFunds(t, b, account, 190*yuan, 0)
		wants("two days later", "0.00 of 20.00, 0.00 expired; 0.00 of 50.00, 10.00 expired; 0.00 of 100.00, 70.00 expired")
	})
}

// An account that lives on bonus alone stops when it expires, and says why.
func TestExpiredBonusStopsDelivery(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		o := newOffice(t, b)
		account, _ := b.Seller(t, 10_000*yuan)
		give(t, b, o, account, "100", 0)
		wantDelivery(t, b, account, models.DeliveryServing)
		r := follow(t, b)
		b.Clock.Add(24 * time.Hour)
		must(t, b.ExpireBonus(t.Context(), models.ExpireBonus{AccountID: account}))
		wantDelivery(t, b, account, models.DeliveryOutOfFunds)
		r.changes(t)
		for id, c := range r.states {
			if c.Delivery != models.DeliveryOutOfFunds {
				t.Errorf("the engine is told that %d is %s", id, c.Delivery)
			}
		}
		events := timeline(t, b, account)
		if !strings.Contains(fmt.Sprint(events), string(models.EventBonusExpired)) {
			t.Error(events)
		}
		b.Sound(t)
	})
}

func TestABonusOfABygoneDayIsRefused(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		o := newOffice(t, b)
		account, _ := b.Seller(t)
		ask := func(day string) (models.Approval, error) {
			return b.AskApproval(t.Context(), o.finance, models.ApprovalInput{Kind: models.ApprovalBonusGrant, AccountID: account, Amount: "10", Reason: "spring campaign", ExpiresOn: day})
		}
		for day, want := range map[string]string{"2026-11-23": "error.bonus.expired", "tomorrow": "error.day.malformed", "2029-01-01": "error.bonus.too_long"} {
			if _, err := ask(day); refusedOn(err, "expires_on") != want {
				t.Errorf("%s: %v", day, err)
			}
		}
		asked, err := ask("2026-11-24")
		must(t, err)
		b.Clock.Add(24 * time.Hour) // nobody decided in time
		done, err := b.Approve(t.Context(), o.admin, asked.ID, "")
		if err != nil || done.State != models.ApprovalFailed || done.Note != "error.bonus.expired" {
			t.Errorf("%+v, %v", done, err)
		}
		wantFunds(t, b, account, 0, 0)
	})
}
