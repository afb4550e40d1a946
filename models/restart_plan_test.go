package models_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

// planned is a seller whose four campaigns of ¥100, ¥200, ¥300 and ¥400 a day
// were stopped, and who has ¥650 now. Before the stop the second had the best
// ROI, the fourth the greatest order amount, and the third did nothing.
func planned(t testing.TB, b *modelstest.Bench) (account int64, ids []int64) {
	t.Helper()
	account, ids = running(t, b, 1000*yuan, 100*yuan, 200*yuan, 300*yuan, 400*yuan)
	before := b.Clock.Now().AddDate(0, 0, -2)
	for i, sold := range map[int]models.Fen{0: 20 * yuan, 1: 90 * yuan, 3: 200 * yuan} {
		n := map[int]int{0: 10, 1: 15, 3: 100}[i]
		clicks(t, b, ids[i], before, n, 1*yuan)
		_, err := b.PutResults(t.Context(), []models.Result{{CampaignID: ids[i], HourAt: before.Truncate(time.Hour), Impressions: 1000, Clicks: int64(n), Orders: 2, OrderAmountFen: sold}})
		must(t, err)
	}
	over, err := b.CreateCampaign(t.Context(), models.Actor{}, account, models.NewCampaign{Name: "Over", Budget: 100 * yuan})
	must(t, err)
	owe(t, b, account, over, 100*yuan)
	suspend(t, b, account)
	recharge(t, b, account, 750*yuan)
	return account, ids
}

func TestARestartIsPlannedByRankAndMoney(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, ids := planned(t, b)
		must(t, b.SwitchCampaign(t.Context(), models.Actor{}, account, ids[0], false)) // can't start: comes last
		type row struct {
			ID   int64
			UpTo models.Fen
			Days float64
		}
		for _, one := range []struct {
			rank    string
			cut     int
			want    []row
			wantCut int
		}{
			{"roi", -1, []row{{ids[1], 200 * yuan, 3.2}, {ids[3], 600 * yuan, 1}, {ids[2], 900 * yuan, 0.7}, {ids[0], 0, 0}}, 2},
			{"amount", -1, []row{{ids[3], 400 * yuan, 1.6}, {ids[1], 600 * yuan, 1}, {ids[2], 900 * yuan, 0.7}, {ids[0], 0, 0}}, 2},
			{"own", 1, []row{{ids[1], 200 * yuan, 3.2}, {ids[2], 500 * yuan, 1.3}, {ids[3], 900 * yuan, 0.7}, {ids[0], 0, 0}}, 1},
			{"nonsense", 99, []row{{ids[1], 200 * yuan, 3.2}, {ids[3], 600 * yuan, 1}, {ids[2], 900 * yuan, 0.7}, {ids[0], 0, 0}}, 3},
			{"roi", 0, []row{{ids[1], 200 * yuan, 3.2}, {ids[3], 600 * yuan, 1}, {ids[2], 900 * yuan, 0.7}, {ids[0], 0, 0}}, 0},
		} {
			d, err := b.RestartDesk(t.Context(), account, one.rank, one.cut)
			must(t, err)
			var got []row
			for _, c := range d.Stopped {
				got = append(got, row{c.ID, c.UpTo, c.Runway.Days})
			}
			if diff := cmp.Diff(one.want, got); diff != "" || d.Cut != one.wantCut || !d.NotEnough() {
				t.Errorf("%s, cut %d: cut at %d, short %t: %s", one.rank, one.cut, d.Cut, d.NotEnough(), diff)
			}
		}
		d, err := b.RestartDesk(t.Context(), account, "", -1)
		must(t, err)
		if c := d.Stopped[0]; c.Before.CostFen != 15*yuan || c.Before.OrderAmountFen != 90*yuan || c.Days != 1 || c.DailyCost() != 15*yuan {
			t.Errorf("before the stop it did %+v in %d days", c.Before, c.Days)
		}
	})
}

func TestTheSellersOwnOrderOfRestarting(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, ids := planned(t, b)
		order := func(want ...int) {
			t.Helper()
			d, err := b.RestartDesk(t.Context(), account, "own", -1)
			must(t, err)
			for i, c := range d.Stopped {
				if c.ID != ids[want[i]] {
					t.Errorf("place %d is campaign %d, want that of %v", i, c.ID, want)
				}
			}
		}
		order(0, 1, 2, 3)
		must(t, b.MoveRestart(t.Context(), account, ids[3], true))
		order(0, 1, 3, 2)
		must(t, b.MoveRestart(t.Context(), account, ids[0], false))
		order(1, 0, 3, 2)
		must(t, b.MoveRestart(t.Context(), account, ids[1], true)) // the first stays
		must(t, b.MoveRestart(t.Context(), account, ids[2], false))
		order(1, 0, 3, 2)
		other, _ := b.Seller(t, 100*yuan)
		wantCode(t, b.MoveRestart(t.Context(), other, ids[0], true), models.NotFound)
		// What has restarted has no place any more.
		_, _, err := b.RestartCampaigns(t.Context(), staff(t, b), account, models.RestartInput{IDs: []int64{ids[0]}})
		must(t, err)
		order(1, 3, 2)
		wantCode(t, b.MoveRestart(t.Context(), account, ids[0], true), models.NotFound)
	})
}

func TestWhatWasEditedDuringAStopIsTold(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		w := tuning(t, b, "tea", "cup", "pot")
		_, ids := w.account, w.campaign
		owe(t, b, w.account, w.campaign, 100*yuan)
		suspend(t, b, w.account)
		recharge(t, b, w.account, 1000*yuan)
		edits := func() []models.StopEdit {
			t.Helper()
			d, err := b.RestartDesk(t.Context(), w.account, "", -1)
			must(t, err)
			if len(d.Stopped) != 1 || d.Stopped[0].ID != ids {
				t.Fatalf("stopped are %+v", d.Stopped)
			}
			return d.Stopped[0].Edits
		}
		if got := edits(); got != nil {
			t.Errorf("nothing was edited: %+v", got)
		}
		row := func(i int) []models.RowRef { return []models.RowRef{{ID: w.keywords[i].ID}} }
		budget := modelstest.Edited(t)
		budget(b.SetBudget(t.Context(), w.actor, w.account, models.RowRef{ID: w.campaign}, "320"))
		budget(b.SetSchedule(t.Context(), w.actor, w.account, models.RowRef{ID: w.campaign}, "150*336"))
		_, err := b.SetBid(t.Context(), w.actor, w.account, w.campaign, row(0)[0], "1.5")
		must(t, err)
		budget(b.SwitchKeywords(t.Context(), w.actor, w.account, w.campaign, row(1), false))
		budget(b.SetMatchType(t.Context(), w.actor, w.account, w.campaign, row(1), "exact"))
		budget(b.RemoveKeywords(t.Context(), w.actor, w.account, w.campaign, row(2)))
		_, _, err = b.AddKeywords(t.Context(), w.actor, w.account, w.campaign, models.KeywordsInput{Phrases: "mug", Bid: "0.8", MatchType: models.MatchBroad})
		must(t, err)
		want := []models.StopEdit{
			{"", "daily_budget_fen", "300.00", "320.00"}, {"", "schedule", "", "150*336"}, {"tea", "bid_fen", "1.00", "1.50"},
			{"cup", "match_type", "broad", "exact"}, {"cup", "switched_on", "on", "off"}, {"pot", "removed", "3.00", ""}, {"mug", "added", "", "0.80"},
		}
		if diff := cmp.Diff(want, edits()); diff != "" {
			t.Error(diff)
		}
	})
}
