package models_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

// at moves the clock to an hour of the day that is so many days on, in Shanghai.
func at(b *modelstest.Bench, daysOn, hour int) time.Time {
	now := b.Clock.Now().In(models.Shanghai)
	b.Clock.Set(time.Date(now.Year(), now.Month(), now.Day()+daysOn, hour, 0, 0, 0, models.Shanghai))
	return b.Clock.Now()
}

// sells books clicks of a keyword in this hour, and the orders they led to.
func sells(t testing.TB, b *modelstest.Bench, campaign, keyword int64, n int, each models.Fen, orders int64, sold models.Fen) {
	t.Helper()
	charges := make([]models.Charge, n)
	for i := range charges {
		charges[i] = models.Charge{ChargeID: fmt.Sprint("advice-", clickNo.Add(1)), CampaignID: campaign, KeywordID: keyword, AmountFen: each, ChargedAt: b.Clock.Now()}
	}
	got, err := b.PostCharges(t.Context(), charges)
	must(t, err)
	if got.Accepted != n {
		t.Fatalf("%+v", got)
	}
	_, err = b.PutResults(t.Context(), []models.Result{{
		CampaignID: campaign, KeywordID: keyword, HourAt: b.Clock.Now().Truncate(time.Hour), Impressions: int64(n) * 20, Clicks: int64(n), Orders: orders, OrderAmountFen: sold,
	}})
	must(t, err)
}

// advised is a seller of four keywords who has sold for ten days. Bids are ¥1, ¥2,
// ¥3 and ¥4. Each day: sells has 10 clicks of ¥1 and an order of ¥100; dear 10 of ¥8
// and an order every other day; dead 5 of ¥1 and none; cheap 10 of ¥0.20 and one.
func advised(t testing.TB, b *modelstest.Bench) *tuned {
	t.Helper()
	w := tuning(t.(*testing.T), b, "sells", "dear", "dead", "cheap")
	recharge(t, b, w.account, 5000*yuan)
	for day := range int64(10) {
		at(b, 1, 10)
		sells(t, b, w.campaign, w.keywords[0].ID, 10, 1*yuan, 1, 100*yuan)
		sells(t, b, w.campaign, w.keywords[1].ID, 10, 8*yuan, day%2, models.Fen(day%2)*100*yuan)
		sells(t, b, w.campaign, w.keywords[2].ID, 5, 1*yuan, 0, 0)
		sells(t, b, w.campaign, w.keywords[3].ID, 10, 20, 1, 100*yuan)
	}
	at(b, 1, 10)
	return w
}

// stands writes advice as "kind phrase before after low high".
func (w *tuned) advice(t testing.TB) (all []string, desk models.AdviceDesk) {
	t.Helper()
	desk, err := w.Advice(t.Context(), w.account)
	must(t, err)
	for _, a := range desk.List {
		all = append(all, fmt.Sprint(a.Kind, " ", a.Phrase, " ", int64(a.BeforeFen), " ", int64(a.AfterFen), " ", int64(a.LowFen), " ", int64(a.HighFen)))
	}
	return all, desk
}

// The account: 350 clicks, 25 orders, so a conversion of 1 ÷ 14 and 42 clicks for
// the rule of three. With a margin of 30 % the bearable PPC of sells is
// ¥100 × 30 % × 13 ÷ 142 = ¥2.7464, that of dear ¥100 × 30 % × 8 ÷ 142 = ¥1.6901.
func TestAdviceIsWorkedOutFromTheAccountsOwnFigures(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		w := advised(t, b)
		dead := "no_orders dead 300 0 409 591" // ¥5 a day ± 1.2816 ÷ √50
		got, desk := w.advice(t)
		if diff := cmp.Diff([]string{dead}, got); diff != "" || desk.Days != 10 || !desk.Enough || desk.MarginBP != 0 {
			t.Errorf("without a margin: %s; %+v", diff, desk)
		}
		must(t, b.SetMargin(t.Context(), w.actor, w.account, "30"))
		want := []string{
			"too_dear dear 200 169 5501 7119", // (¥8 − ¥1.69) × 10 a day ± 1.2816 ÷ √100
			dead,
			"room sells 100 120 0 309", // 0.2 × 10 × (¥2.7465 − ¥1 × 1.2)
		}
		got, desk = w.advice(t)
		if diff := cmp.Diff(want, got); diff != "" || desk.MarginBP != 3000 {
			t.Errorf("with a margin of 30 %%: %s", diff)
		}
		other, _ := b.Seller(t, 100*yuan)
		if d, err := b.Advice(t.Context(), other); err != nil || d.Enough || len(d.List) > 0 {
			t.Errorf("who has sold nothing is advised %+v, %v", d, err)
		}
	})
}

func TestAdviceIsFollowedPutBackAndDismissed(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		w := advised(t, b)
		must(t, b.SetMargin(t.Context(), w.actor, w.account, "30"))
		before := w.stands(t)
		_, desk := w.advice(t)
		keys := []string{desk.List[0].Key(), desk.List[1].Key()}
		other, _ := b.Seller(t, 100*yuan)
		for what, bad := range map[string][]string{"none": nil, "nonsense": {"x"}, "one of two": {keys[0], "too_dear:1:1:1"}} {
			_, err := b.ApplyAdvice(t.Context(), w.actor, w.account, bad)
			if got := refusedOn(err, "advice"); got != "error.advice.moved" && got != "error.advice.none" {
				t.Errorf("%s: %v", what, err)
			}
		}
		_, err := b.ApplyAdvice(t.Context(), w.actor, other, keys)
		if refusedOn(err, "advice") != "error.advice.moved" {
			t.Errorf("another's: %v", err)
		}
		w.wants(t, "nothing has changed", before)

		edit, err := b.ApplyAdvice(t.Context(), w.actor, w.account, append(keys, keys[0]))
		must(t, err)
		w.wants(t, "followed", "sells 1.00 broad true; dear 1.69 broad true; dead 3.00 broad false; cheap 4.00 broad true")
		got, desk := w.advice(t)
		if len(got) != 1 || len(desk.Applied) != 2 || desk.Applied[0].Phrase != "dead" || desk.Applied[0].Spans[0].Over {
			t.Errorf("then: %v, %+v", got, desk.Applied)
		}
		_, err = b.ApplyAdvice(t.Context(), w.actor, w.account, keys)
		if refusedOn(err, "advice") != "error.advice.moved" {
			t.Errorf("twice: %v", err)
		}
		_, _, err = b.UndoEdit(t.Context(), w.actor, w.account, edit.ID)
		must(t, err)
		w.wants(t, "put back", before)
		if _, desk = w.advice(t); len(desk.Applied) != 0 || len(desk.List) != 3 {
			t.Errorf("put back, there are %d applied and %d advised", len(desk.Applied), len(desk.List))
		}

		n, err := b.DismissAdvice(t.Context(), w.actor, w.account, []string{desk.List[0].Key()})
		if err != nil || n != 1 {
			t.Error(n, err)
		}
		if got, desk = w.advice(t); len(got) != 2 || desk.Dismissed != 1 {
			t.Errorf("dismissed: %v, %d", got, desk.Dismissed)
		}
		must(t, b.SetMargin(t.Context(), w.actor, w.account, "40")) // it proposes ¥2.25 now, another thing than ¥1.69: but the bid of ¥2 is below it
		must(t, b.SetMargin(t.Context(), w.actor, w.account, "34")) // ¥1.91, more than a tenth apart
		if got, desk = w.advice(t); len(got) != 3 || desk.Dismissed != 0 {
			t.Errorf("it proposes something else: %v, %d", got, desk.Dismissed)
		}
		must(t, b.SetMargin(t.Context(), w.actor, w.account, "30"))
		must(t, b.RecallAdvice(t.Context(), w.actor, w.account))
		if _, desk = w.advice(t); len(desk.List) != 3 || desk.Dismissed != 0 {
			t.Errorf("recalled: %d, %d", len(desk.List), desk.Dismissed)
		}
		b.Sound(t)
	})
}

func TestFollowedAdviceIsLookedBackOn(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		w := advised(t, b)
		must(t, b.SetMargin(t.Context(), w.actor, w.account, "30"))
		_, desk := w.advice(t)
		_, err := b.ApplyAdvice(t.Context(), w.actor, w.account, []string{desk.List[0].Key()})
		must(t, err)
		for range 3 { // at the lower bid: 4 clicks of ¥1.50 and an order
			at(b, 1, 10)
			sells(t, b, w.campaign, w.keywords[1].ID, 4, 150, 1, 100*yuan)
		}
		at(b, 1, 0)
		_, desk = w.advice(t)
		spans := desk.Applied[0].Spans
		if !spans[0].Over || !spans[1].Over || spans[2].Over {
			t.Fatalf("%+v", spans)
		}
		// One day before: 10 clicks of ¥8 and an order; three days: two orders.
		if b, a := spans[0].Before, spans[0].After; b.CostFen != 80*yuan || b.Orders != 1 || a.CostFen != 6*yuan || a.Orders != 1 {
			t.Errorf("one day: %+v → %+v", b, a)
		}
		if b, a := spans[1].Before, spans[1].After; b.CostFen != 240*yuan || b.Orders != 2 || a.CostFen != 18*yuan || a.Orders != 3 || a.Clicks != 12 {
			t.Errorf("three days: %+v → %+v", b, a)
		}
	})
}

func TestABudgetThatIsGoneEarlyIsAdvisedUp(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, ids := running(t, b, 5000*yuan, 100*yuan, 100*yuan)
		for day := range 8 {
			at(b, 1, 9)
			sells(t, b, ids[0], 0, 6, 10*yuan, 1, 300*yuan)
			sells(t, b, ids[1], 0, 6, 10*yuan, 0, 0) // gone as early, but it sells nothing
			at(b, 0, 11)
			sells(t, b, ids[1], 0, 6, 10*yuan, 0, 0)
			if day != 4 {
				sells(t, b, ids[0], 0, 6, 10*yuan, 0, 0)
			}
		}
		at(b, 1, 8)
		d, err := b.Advice(t.Context(), account)
		must(t, err)
		if len(d.List) != 1 {
			t.Fatalf("%+v", d.List)
		}
		// Of ¥1800 in all ¥960 fall into 9 o'clock and the rest into 11: by 11 the day
		// is over, so ¥120 were wanted; ROI is ¥2400 ÷ ¥900.
		a := d.List[0]
		if a.Kind != models.AdviceBudgetEarly || a.CampaignID != ids[0] || a.EarlyDays != 6 || a.EarlyHour != 11 || a.AfterFen != 120*yuan || a.HighFen != 53_33 || a.LowFen != 26_67 {
			t.Errorf("%+v", a)
		}
		_, err = b.ApplyAdvice(t.Context(), staff(t, b), account, []string{a.Key()})
		must(t, err)
		views, err := b.Campaigns(t.Context(), account)
		must(t, err)
		if views[0].DailyBudgetFen != 120*yuan || views[1].DailyBudgetFen != 100*yuan {
			t.Errorf("budgets are %d and %d", views[0].DailyBudgetFen, views[1].DailyBudgetFen)
		}
	})
}

// Three weeks of ¥10, ¥20 and ¥30 in the hour of ten o'clock; then the money is gone
// from eight until after twelve.
func TestWhatAStopCostIsTheSameHoursOfWeeksBefore(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, ids := running(t, b, 2000*yuan, 1000*yuan)
		for day := range 21 {
			at(b, 1, 10)
			n := day/7 + 1
			sells(t, b, ids[0], 0, n*10, 1*yuan, int64(n), models.Fen(n)*50*yuan)
		}
		at(b, 1, 8)
		owe(t, b, account, ids[0], 10*yuan)
		b.Clock.Add(4*time.Hour + 20*time.Minute)
		d, err := b.Advice(t.Context(), account)
		must(t, err)
		if d.Stop == nil || !d.Stop.Open {
			t.Fatalf("while it lasts: %+v", d.Stop)
		}
		recharge(t, b, account, 500*yuan)
		b.Clock.Add(time.Hour)
		d, err = b.Advice(t.Context(), account)
		must(t, err)
		s := d.Stop
		if s == nil || s.Open || s.Weeks != 3 || s.From.In(models.Shanghai).Hour() != 9 || s.Until.In(models.Shanghai).Hour() != 12 {
			t.Fatalf("the stop is %+v", s)
		}
		if s.Mean.CostFen != 20*yuan || s.Low.CostFen != 10*yuan || s.High.CostFen != 30*yuan || s.Mean.Orders != 2 || s.High.OrderAmountFen != 150*yuan || s.Low.Clicks != 10 {
			t.Errorf("it cost %+v, at least %+v, at most %+v", s.Mean, s.Low, s.High)
		}
	})
}

func TestAMarginIsAPercentage(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, _ := b.Seller(t)
		by := staff(t, b)
		for _, bad := range []string{"", "0", "-5", "100.01", "ten", "12.345"} {
			if err := b.SetMargin(t.Context(), by, account, bad); refusedOn(err, "margin") != "error.margin" {
				t.Errorf("%q: %v", bad, err)
			}
		}
		for typed, want := range map[string]int{"100": 10000, "35.5 %": 3550, "３０％": 3000} {
			must(t, b.SetMargin(t.Context(), by, account, typed))
			d, err := b.Advice(t.Context(), account)
			if must(t, err); d.MarginBP != want {
				t.Errorf("%q is %d", typed, d.MarginBP)
			}
		}
	})
}

// Without an order nothing is known of what a click may cost.
func TestWithoutOrdersNoBidIsAdvised(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		w := tuning(t, b, "a", "bb")
		recharge(t, b, w.account, 5000*yuan)
		for range 10 {
			at(b, 1, 10)
			sells(t, b, w.campaign, w.keywords[0].ID, 10, 50, 0, 0)
		}
		at(b, 1, 10)
		must(t, b.SetMargin(t.Context(), w.actor, w.account, "30"))
		if got, _ := w.advice(t); len(got) != 0 {
			t.Errorf("%q", got)
		}
	})
}

// ¥280 a day of a budget of ¥300 is not a budget that was gone early, whatever the
// budget is from today on.
func TestALoweredBudgetIsNotHeldAgainstDaysBefore(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		w := tuning(t, b, "a")
		recharge(t, b, w.account, 50000*yuan)
		days := func(n int, hours ...int) {
			t.Helper()
			for range n {
				for _, hour := range hours {
					at(b, 0, hour)
					sells(t, b, w.campaign, w.keywords[0].ID, 10, 7*yuan, 1, 200*yuan)
				}
				at(b, 1, 1)
			}
		}
		wants := func(n int) {
			t.Helper()
			if got, desk := w.advice(t); len(got) != n || n == 1 && desk.List[0].EarlyDays != 3 {
				t.Errorf("%q", got)
			}
		}
		days(10, 9, 12, 15, 20)
		wants(0)
		_, err := b.SetBudget(t.Context(), w.actor, w.account, models.RowRef{ID: w.campaign}, "140")
		must(t, err)
		wants(0)
		days(1, 9, 12) // the day of the change itself does not count
		days(2, 9, 12)
		wants(0)
		days(1, 9, 12)
		wants(1)
	})
}
