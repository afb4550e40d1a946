package models_test

import (
	"testing"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

func TestSeedDemoTellsItsThreeStories(t *testing.T) {
	t.Parallel()
	want := map[string]struct {
		state models.AccountState
		cash  models.Fen
	}{
		"arrears@demo.test": {models.AccountArrears, -128640},
		"overdue@demo.test": {models.AccountSuspended, -96350},
		"active@demo.test":  {models.AccountActive, 432180},
	}
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		if err := b.SeedDemo(t.Context()); err != nil {
			t.Fatal(err)
		}
		for email, w := range want {
			secret, err := b.SignIn(t.Context(), models.SignInInput{Email: email, Password: "demo-1234", Address: "192.0.2.1"})
			if err != nil {
				t.Fatal(email, err)
			}
			who, err := b.WhoIs(t.Context(), secret)
			if err != nil || who == nil {
				t.Fatal(email, who, err)
			}
			o, err := b.AccountOverview(t.Context(), who.AccountID)
			if err != nil {
				t.Fatal(err)
			}
			if o.Account.State() != w.state || o.Funds.Cash != w.cash {
				t.Errorf("%s: %s with %d fen, want %s with %d", email, o.Account.State(), o.Funds.Cash, w.state, w.cash)
			}
			if o.DailyCost.Days != 7 || o.DailyCost.Fen < 300*models.Yuan {
				t.Errorf("%s: daily cost %+v", email, o.DailyCost)
			}
		}
		b.Sound(t)
	})
}

// The demo's sellers without money have two weeks before their stop, so that what it
// cost can be said; the one who runs is advised.
func TestSeedDemoHasAdviceToShow(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		must(t, b.SeedDemo(t.Context()))
		for _, email := range []string{"arrears@demo.test", "overdue@demo.test", "active@demo.test"} {
			secret, err := b.SignIn(t.Context(), models.SignInInput{Email: email, Password: "demo-1234", Address: "192.0.2.1"})
			must(t, err)
			who, err := b.WhoIs(t.Context(), secret)
			must(t, err)
			desk, err := b.Advice(t.Context(), who.AccountID)
			must(t, err)
			if stands := email != "active@demo.test"; stands != (desk.Stop != nil) || stands && (!desk.Stop.Known() || !desk.Stop.Open || desk.Stop.Mean.CostFen <= 0 || desk.Stop.Low.CostFen >= desk.Stop.High.CostFen) {
				t.Errorf("%s: the stop is %+v", email, desk.Stop)
			}
			if len(desk.List) == 0 {
				t.Errorf("%s is advised nothing", email)
			}
		}
	})
}
