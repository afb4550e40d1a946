package models_test

import (
	"errors"
	"testing"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

const yuan = models.Yuan

// must fails the test at once when a step that it stands on fails.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantCode(t testing.TB, err error, want models.Code) {
	t.Helper()
	if err == nil || models.CodeOf(err) != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// wantField wants a refusal that stands on a field with a key.
func wantField(t testing.TB, err error, field, key string) {
	t.Helper()
	var refusals models.FieldErrors
	if !errors.As(err, &refusals) {
		t.Errorf("got %v, want a refusal on %s", err, field)
		return
	}
	if on := refusals.On(field); on == nil || on.Key != key {
		t.Errorf("got %v, want %s on %s", err, key, field)
	}
}

// recharge pays an amount in: a payment from wish to credit.
func recharge(t testing.TB, b *modelstest.Bench, accountID int64, amount models.Fen) models.Payment {
	t.Helper()
	p := b.Pending(t, accountID, amount.Wire())
	outcome, err := b.SettlePayment(t.Context(), b.Receipt(p), 0)
	if err != nil || outcome != models.OutcomeSettled {
		t.Fatal(outcome, err)
	}
	return p
}

// grant gives bonus.
func grant(t testing.TB, b *modelstest.Bench, accountID int64, reference string, amount models.Fen) {
	t.Helper()
	must(t, b.Book(t.Context(), accountID, models.KindBonusGrant, reference, amount))
}

func desk(t testing.TB, b *modelstest.Bench, accountID int64) models.RechargeDesk {
	t.Helper()
	d, err := b.RechargeDesk(t.Context(), accountID)
	must(t, err)
	return d
}

func wantAccount(t testing.TB, b *modelstest.Bench, accountID int64, want models.AccountState) models.Account {
	t.Helper()
	a := desk(t, b, accountID).Account
	if a.State() != want {
		t.Errorf("the account is %s, want %s", a.State(), want)
	}
	return a
}

// wantDelivery wants the states of the account's campaigns, in order of id.
func wantDelivery(t testing.TB, b *modelstest.Bench, accountID int64, want ...models.DeliveryState) []models.CampaignView {
	t.Helper()
	views, err := b.Campaigns(t.Context(), accountID)
	must(t, err)
	got := make([]models.DeliveryState, len(views))
	for i, v := range views {
		got[i] = v.Delivery
	}
	if len(got) != len(want) {
		t.Fatalf("campaigns are %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("campaigns are %v, want %v", got, want)
			break
		}
	}
	return views
}

// tasksOf are the tasks of a kind that were stored so far.
func tasksOf(b *modelstest.Bench, kind string) []models.Task {
	var some []models.Task
	for _, task := range b.Queue.Tasks() {
		if task.Args.Kind() == kind {
			some = append(some, task)
		}
	}
	return some
}

// timeline is the account's turns, oldest first.
func timeline(t testing.TB, b *modelstest.Bench, accountID int64) []models.EventKind {
	t.Helper()
	overview, err := b.AccountOverview(t.Context(), accountID)
	must(t, err)
	kinds := make([]models.EventKind, len(overview.Timeline))
	for i, event := range overview.Timeline {
		kinds[len(kinds)-1-i] = event.Kind
	}
	return kinds
}
