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
