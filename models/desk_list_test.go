package models_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

func listed(list []models.CampaignListed) string {
	var all []string
	for _, c := range list {
		all = append(all, c.Name)
	}
	return strings.Join(all, ",")
}

func TestCampaignListSortsFiltersAndTrends(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, _ := running(t, b, 10_000*yuan)
		var ids []int64
		for _, c := range []models.NewCampaign{
			{Name: "Tea", Budget: 100 * yuan, SwitchedOn: true}, {Name: "cup 100%", Budget: 300 * yuan, SwitchedOn: true},
			{Name: "茶具", Budget: 200 * yuan}, {Name: "green tea", Budget: 100 * yuan, SwitchedOn: true},
		} {
			id, err := b.CreateCampaign(t.Context(), models.Actor{}, account, c)
			must(t, err)
			ids = append(ids, id)
		}
		// Clicks that are charged, and the orders that the engine tells of.
		spend := func(i, daysAgo int, clicks, orders int64, cost, sold models.Fen) {
			t.Helper()
			at := b.Clock.Now().AddDate(0, 0, -daysAgo)
			charges := make([]models.Charge, clicks)
			for n := range charges {
				charges[n] = models.Charge{ChargeID: fmt.Sprint(i, "-", daysAgo, "-", n), CampaignID: ids[i], AmountFen: cost / models.Fen(clicks), ChargedAt: at}
			}
			got, err := b.PostCharges(t.Context(), charges)
			must(t, err)
			if got.Accepted != int(clicks) {
				t.Fatalf("%+v", got)
			}
			_, err = b.PutResults(t.Context(), []models.Result{{CampaignID: ids[i], HourAt: at.Truncate(time.Hour), Impressions: clicks * 10, Clicks: clicks, Orders: orders, OrderAmountFen: sold}})
			must(t, err)
		}
		spend(0, 0, 1, 0, 5*yuan, 0) // today is not over: it is not in the trend
		spend(0, 1, 3, 1, 30*yuan, 90*yuan)
		spend(0, 7, 2, 0, 20*yuan, 0)
		spend(1, 1, 8, 2, 40*yuan, 400*yuan)
		spend(3, 3, 1, 0, 60*yuan, 30*yuan)
		for _, one := range []struct {
			name string
			in   models.CampaignInput
			want string
		}{
			{"as they were made", models.CampaignInput{}, "Tea,cup 100%,茶具,green tea"},
			{"by name", models.CampaignInput{Sort: "name"}, "Tea,cup 100%,green tea,茶具"},
			{"by name, turned", models.CampaignInput{Sort: "-name"}, "茶具,green tea,cup 100%,Tea"},
			{"by what is spent today", models.CampaignInput{Sort: "spent"}, "Tea,cup 100%,茶具,green tea"},
			{"the least spent first", models.CampaignInput{Sort: "-spent"}, "cup 100%,茶具,green tea,Tea"},
			{"by budget, equals as they were made", models.CampaignInput{Sort: "budget"}, "cup 100%,茶具,Tea,green tea"},
			{"the smallest budget first", models.CampaignInput{Sort: "-budget"}, "Tea,green tea,茶具,cup 100%"},
			{"by the trend's cost", models.CampaignInput{Sort: "cost"}, "green tea,Tea,cup 100%,茶具"},
			{"by clicks", models.CampaignInput{Sort: "clicks"}, "cup 100%,Tea,green tea,茶具"},
			{"by orders, none last", models.CampaignInput{Sort: "orders"}, "cup 100%,Tea,茶具,green tea"},
			{"by ROI, none at the end", models.CampaignInput{Sort: "roi"}, "cup 100%,Tea,green tea,茶具"},
			{"the lowest ROI first, none still at the end", models.CampaignInput{Sort: "-roi"}, "green tea,Tea,cup 100%,茶具"},
			{"by nothing known", models.CampaignInput{Sort: "id; --"}, "Tea,cup 100%,茶具,green tea"},
			{"a part of the name in any case", models.CampaignInput{Name: " TEA "}, "Tea,green tea"},
			{"a sign that SQL takes for any", models.CampaignInput{Name: "%"}, "cup 100%"},
			{"paused", models.CampaignInput{State: models.DeliveryPaused}, "茶具"},
			{"both", models.CampaignInput{State: models.DeliveryPaused, Name: "tea"}, ""},
		} {
			list, all, err := b.CampaignList(t.Context(), account, one.in)
			must(t, err)
			if got := listed(list); got != one.want || all != 4 {
				t.Errorf("%s: %q of %d, want %q", one.name, got, all, one.want)
			}
		}
		list, _, err := b.CampaignList(t.Context(), account, models.CampaignInput{})
		must(t, err)
		if want := [models.TrendDays]models.Fen{20 * yuan, 0, 0, 0, 0, 0, 30 * yuan}; list[0].Costs != want {
			t.Errorf("the trend is %v, want %v", list[0].Costs, want)
		}
		if got := list[0].Measures; got.CostFen != 50*yuan || got.Clicks != 5 || got.Orders != 1 || got.OrderAmountFen != 90*yuan {
			t.Errorf("the days of the trend come to %+v", got)
		}
		if list[2].Costs != [models.TrendDays]models.Fen{} || list[2].Measures != (models.Measures{}) {
			t.Errorf("what never ran has %+v", list[2])
		}
		other, _ := b.Seller(t)
		if list, all, err := b.CampaignList(t.Context(), other, models.CampaignInput{}); err != nil || all != 0 || list != nil {
			t.Errorf("another's list has %v of %d: %v", list, all, err)
		}
		// A day later the oldest day is gone from the trend, and today is in it.
		b.Clock.Add(24 * time.Hour)
		list, _, err = b.CampaignList(t.Context(), account, models.CampaignInput{})
		must(t, err)
		if want := [models.TrendDays]models.Fen{5: 30 * yuan, 6: 5 * yuan}; list[0].Costs != want {
			t.Errorf("a day later the trend is %v, want %v", list[0].Costs, want)
		}
	})
}
