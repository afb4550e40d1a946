package models_test

import (
	"fmt"
	"testing"
	"time"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

func wantDailyCost(t *testing.T, b *modelstest.Bench, accountID int64, want models.Fen, days int) {
	t.Helper()
	if got := desk(t, b, accountID).DailyCost; got != (models.DailyCost{Fen: want, Days: days}) {
		t.Errorf("daily cost %+v, want %d of %d days", got, want, days)
	}
}

func TestDailyCostIsTheMeanOfFullDaysWithoutAStop(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, campaigns := b.Seller(t, 1000*yuan, 500*yuan)
		actor := staff(t, b)
		must(t, b.SwitchCampaign(t.Context(), actor, account, campaigns[1], false))
		recharge(t, b, account, 10_000*yuan)
		wantDailyCost(t, b, account, 1000*yuan, 0) // no day yet: the budgets of what is on

		day := func(n int) { // noon in Shanghai, n days on
			b.Clock.Set(time.Date(2026, 12, n, 4, 0, 0, 0, time.UTC))
		}
		spend := func(amount models.Fen) {
			t.Helper()
			b.Charge(t, fmt.Sprint(account, b.Clock.Now()), campaigns[0], amount)
		}
		day(1)
		spend(100 * yuan)
		wantDailyCost(t, b, account, 1000*yuan, 0) // today is not full
		day(2)
		wantDailyCost(t, b, account, 100*yuan, 1)
		spend(200 * yuan)
		day(3) // a day on which nothing was clicked
		day(4)
		wantDailyCost(t, b, account, 100*yuan, 3)

		spend(desk(t, b, account).Funds.Cash + 50*yuan) // the money is out: days 4 and 5 do not count
		wantAccount(t, b, account, models.AccountArrears)
		day(5)
		wantDailyCost(t, b, account, 100*yuan, 3)
		recharge(t, b, account, 10_050*yuan)
		day(6)
		wantDailyCost(t, b, account, 100*yuan, 3)
		for n := 6; n <= 14; n++ {
			day(n)
			spend(models.Fen(n) * 10 * yuan)
		}
		wantDailyCost(t, b, account, 100*yuan, 7) // days 7 to 13
		day(15)
		wantDailyCost(t, b, account, 110*yuan, 7)
		b.Sound(t)
	})
}

func TestDaysEndAtMidnightInShanghai(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, campaigns := b.Seller(t, 1000*yuan)
		recharge(t, b, account, 10_000*yuan)
		midnight := time.Date(2026, 11, 24, 16, 0, 0, 0, time.UTC)
		b.Clock.Set(midnight.Add(-time.Microsecond))
		b.Charge(t, "before", campaigns[0], 100*yuan)
		b.Clock.Set(midnight)
		b.Charge(t, "after", campaigns[0], 30*yuan)
		wantDailyCost(t, b, account, 100*yuan, 1)
		o, err := b.AccountOverview(t.Context(), account)
		must(t, err)
		if o.SpentToday != 30*yuan || o.SpentYesterday != 0 { // yesterday's click came at 23 o'clock
			t.Errorf("today %d, yesterday %d", o.SpentToday, o.SpentYesterday)
		}
		b.Clock.Set(midnight.Add(23 * time.Hour))
		o, err = b.AccountOverview(t.Context(), account)
		must(t, err)
		if o.SpentYesterday != 0 || !o.Forecast.OK { // of that hour nothing has passed
			t.Errorf("yesterday %d, forecast %+v", o.SpentYesterday, o.Forecast)
		}
		b.Clock.Add(30 * time.Minute)
		o, err = b.AccountOverview(t.Context(), account)
		must(t, err)
		if o.SpentYesterday != 50*yuan {
			t.Errorf("half an hour later: yesterday %d", o.SpentYesterday)
		}
	})
}

// What the confirmation promises is what paying does.
func TestPreviewIsWhatPayingDoes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		arrears    models.Fen
		bonus      models.Fen
		suspended  bool
		frozen     bool
		amount     models.Fen
		state      models.AccountState
		comeBack   int
		byRestart  int
		stay       int
		keep       int
		leftToPay  models.Fen
		paysBefore models.Fen
	}{
		"in grace, enough":         {arrears: 300 * yuan, amount: 500 * yuan, state: models.AccountActive, comeBack: 2, stay: 1, paysBefore: 300 * yuan},
		"in grace, too little":     {arrears: 300 * yuan, amount: 200 * yuan, state: models.AccountArrears, stay: 3, leftToPay: 100 * yuan, paysBefore: 200 * yuan},
		"in grace, to zero":        {arrears: 300 * yuan, amount: 300 * yuan, state: models.AccountActive, stay: 3, paysBefore: 300 * yuan},
		"to zero, bonus is left":   {arrears: 300 * yuan, bonus: 80 * yuan, amount: 300 * yuan, state: models.AccountActive, comeBack: 2, stay: 1, paysBefore: 300 * yuan},
		"suspended, enough":        {arrears: 300 * yuan, suspended: true, amount: 500 * yuan, state: models.AccountActive, byRestart: 2, stay: 1, paysBefore: 300 * yuan},
		"suspended, too little":    {arrears: 300 * yuan, suspended: true, amount: 200 * yuan, state: models.AccountSuspended, stay: 3, leftToPay: 100 * yuan, paysBefore: 200 * yuan},
		"frozen":                   {arrears: 300 * yuan, frozen: true, amount: 500 * yuan, state: models.AccountFrozen, stay: 3, paysBefore: 300 * yuan},
		"nothing owed, none spent": {arrears: -100 * yuan, amount: 500 * yuan, state: models.AccountActive, stay: 1, keep: 2},
	} {
		t.Run(name, func(t *testing.T) {
			modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
				actor := staff(t, b)
				account, ids := running(t, b, 200*yuan, 5000*yuan, 5000*yuan, 5000*yuan)
				must(t, b.SwitchCampaign(t.Context(), actor, account, ids[2], false))
				owe(t, b, account, ids[0], c.arrears)
				if c.bonus > 0 {
					grant(t, b, account, "g", c.bonus)
				}
				if c.suspended {
					suspend(t, b, account)
				}
				if c.frozen {
					must(t, b.FreezeAccount(t.Context(), actor, account, "checks"))
				}
				p := desk(t, b, account).Preview(c.amount)
				got := [...]int{p.CountReturns(models.ReturnsByItself), p.CountReturns(models.ReturnsByRestart), p.CountReturns(models.Stays), p.CountReturns(models.KeepsServing)}
				if got != [...]int{c.comeBack, c.byRestart, c.stay, c.keep} {
					t.Errorf("come back, by restart, stay, keep serving: %v", got)
				}
				if p.ArrearsLeft != c.leftToPay || p.ArrearsCleared != c.paysBefore || p.StateAfter != c.state {
					t.Errorf("preview: %+v", p)
				}
				recharge(t, b, account, c.amount)
				after := desk(t, b, account)
				if after.Funds != p.After || after.Account.State() != p.StateAfter {
					t.Errorf("paid: %+v %s, the preview said %+v", after.Funds, after.Account.State(), p)
				}
				for i, r := range p.Campaigns {
					now := after.Campaigns[i].Delivery
					serves := now == models.DeliveryRecovering || now == models.DeliveryServing
					if serves != (r.How == models.ReturnsByItself || r.How == models.KeepsServing) || r.How == models.Stays && r.Why != now {
						t.Errorf("campaign %d is %s, the preview said %+v", i, now, r)
					}
				}
			})
		})
	}
}

// Results of days before the first click are no days without cost.
func TestResultsDoNotCountAsDaysOfCost(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, campaigns := b.Seller(t, 1000*yuan)
		recharge(t, b, account, 10_000*yuan)
		b.Charge(t, "c1", campaigns[0], 700*yuan)
		b.Clock.Add(24 * time.Hour)
		var older []models.Result
		for day := range 20 {
			older = append(older, models.Result{CampaignID: campaigns[0], HourAt: b.Clock.Now().Truncate(time.Hour).AddDate(0, 0, -day-2), Impressions: 9})
		}
		got, err := b.PutResults(t.Context(), older)
		if err != nil || got.Accepted != 20 {
			t.Fatalf("%+v, %v", got, err)
		}
		wantDailyCost(t, b, account, 700*yuan, 1)
	})
}

// What the rollups hold is what the forecast stands on, the same on its own and
// on the pages; stops and switches count as they stand.
func TestForecastIsReadFromTheRollups(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, campaigns := b.Seller(t, 100*yuan, 1000*yuan)
		want := func(f models.Forecast) {
			t.Helper()
			got, err := b.Forecast(t.Context(), account)
			must(t, err)
			o, err := b.AccountOverview(t.Context(), account)
			must(t, err)
			if p := o.Preview(0); got != f || o.Forecast != f || p.ForecastBefore != f {
				t.Errorf("forecast %+v, on the overview %+v, on the recharge form %+v, want %+v", got, o.Forecast, p.ForecastBefore, f)
			}
		}
		want(models.Forecast{Why: models.GapNoMoney})
		recharge(t, b, account, 2000*yuan)
		want(models.Forecast{Why: models.GapNoSpend})
		for n := 1; n <= 8; n++ { // 60 yuan a day, between 10 and 11 o'clock in Shanghai
			b.Clock.Set(time.Date(2026, 12, n, 2, 30, 0, 0, time.UTC))
			b.Charge(t, fmt.Sprint(account, "a", n), campaigns[0], 40*yuan)
			b.Charge(t, fmt.Sprint(account, "b", n), campaigns[1], 20*yuan)
		}
		left := desk(t, b, account).Funds.Spendable() // 1520 yuan: some 25 days
		f, err := b.Forecast(t.Context(), account)
		must(t, err)
		if days := f.At.Sub(b.Clock.Now()).Hours() / 24; !f.OK || days < 22 || days > 28 || f.Low.After(f.At) || f.High.Before(f.At) {
			t.Errorf("%d fen last %.1f days: %+v", left, days, f)
		}
		want(f)
		if p := desk(t, b, account).Preview(1000 * yuan); !p.Forecast.At.After(f.At) {
			t.Errorf("with more money %+v, without %+v", p.Forecast, f)
		}
		must(t, b.SwitchCampaign(t.Context(), staff(t, b), account, campaigns[0], false))
		half, err := b.Forecast(t.Context(), account)
		must(t, err)
		if days := half.At.Sub(b.Clock.Now()).Hours() / 24; days < 66 || days > 84 { // a third of the cost
			t.Errorf("with one campaign off: %.1f days, %+v", days, half)
		}
		must(t, b.FreezeAccount(t.Context(), staff(t, b), account, "checks"))
		want(models.Forecast{Why: models.GapFrozen})
		if _, err := b.Forecast(t.Context(), account+1000); models.CodeOf(err) != models.NotFound {
			t.Errorf("an unknown account: %v", err)
		}
	})
}

// An account that has long been stopped is told by the days before its stop.
func TestForecastAfterALongStop(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, campaigns := b.Seller(t, 1000*yuan)
		recharge(t, b, account, 620*yuan)
		for n := 1; n <= 6; n++ {
			b.Clock.Set(time.Date(2026, 12, n, 2, 30, 0, 0, time.UTC))
			b.Charge(t, fmt.Sprint(account, n), campaigns[0], 100*yuan)
		}
		b.Charge(t, fmt.Sprint(account, "last"), campaigns[0], 70*yuan)
		wantAccount(t, b, account, models.AccountArrears)
		b.Clock.Add(30 * 24 * time.Hour)
		d := desk(t, b, account)
		p := d.Preview(550 * yuan) // 500 can be spent then
		if days := p.Forecast.At.Sub(b.Clock.Now()).Hours() / 24; !p.Forecast.OK || days < 4 || days > 6 {
			t.Errorf("%.1f days: %+v", days, p.Forecast)
		}
		if p.ForecastBefore.Why != models.GapNoMoney {
			t.Errorf("before the payment: %+v", p.ForecastBefore)
		}
	})
}
