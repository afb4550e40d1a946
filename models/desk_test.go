package models_test

import (
	"strings"
	"testing"
	"time"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

// phrases are the keywords of a desk in their order.
func phrases(d models.CampaignDesk) string {
	var all []string
	for _, k := range d.Keywords {
		all = append(all, k.Phrase)
	}
	return strings.Join(all, ",")
}

func TestCampaignDeskSumsSortsAndFilters(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		w := tuning(t, b, "tea", "Green tea", "cup")
		hour := b.Clock.Now().Truncate(time.Hour)
		of := func(i int, at time.Time, impressions, clicks int64, amount models.Fen) models.Result {
			return models.Result{CampaignID: w.campaign, KeywordID: w.keywords[i].ID, HourAt: at, Impressions: impressions, Clicks: clicks, Orders: clicks, OrderAmountFen: amount}
		}
		_, err := b.PutResults(t.Context(), []models.Result{
			of(0, hour, 100, 5, 10*yuan), of(1, hour, 50, 10, 5*yuan), of(1, hour.AddDate(0, 0, -1), 900, 9, 90*yuan), of(0, hour.AddDate(0, 0, -8), 7, 7, 7),
		})
		must(t, err)
		for _, one := range []struct {
			name string
			in   models.KeywordInput
			want string
		}{
			{"as added", models.KeywordInput{Period: "today"}, "tea,Green tea,cup"},
			{"by impressions", models.KeywordInput{Period: "yesterday", Sort: "impressions"}, "Green tea,tea,cup"},
			{"the lowest CTR first, none last", models.KeywordInput{Period: "today", Sort: "-ctr"}, "tea,Green tea,cup"},
			{"the highest CTR first", models.KeywordInput{Period: "today", Sort: "ctr"}, "Green tea,tea,cup"},
			{"by bid", models.KeywordInput{Sort: "bid"}, "cup,Green tea,tea"},
			{"by bid, turned", models.KeywordInput{Sort: "-bid"}, "tea,Green tea,cup"},
			{"by nothing known", models.KeywordInput{Sort: "id; --"}, "tea,Green tea,cup"},
			{"a phrase in any case", models.KeywordInput{Phrase: " TEA "}, "tea,Green tea"},
			{"a match type", models.KeywordInput{Match: models.MatchExact}, ""},
			{"paused", models.KeywordInput{Switch: "off"}, ""},
		} {
			d, err := b.CampaignDesk(t.Context(), w.account, w.campaign, one.in)
			must(t, err)
			if got := phrases(d); got != one.want || d.All != 3 {
				t.Errorf("%s: %q of %d, want %q", one.name, got, d.All, one.want)
			}
		}
		d, err := b.CampaignDesk(t.Context(), w.account, w.campaign, models.KeywordInput{})
		must(t, err)
		if d.Total != (models.Measures{Impressions: 900, ResultClicks: 9, Orders: 9, OrderAmountFen: 90 * yuan}) || d.Keywords[1].Measures != d.Total {
			t.Errorf("the seven days before today are %+v, the keyword's %+v", d.Total, d.Keywords[1].Measures)
		}
		if _, err := b.CampaignDesk(t.Context(), w.account, w.campaign, models.KeywordInput{Period: "own"}); models.CodeOf(err) != models.Invalid {
			t.Error("no days: ", err)
		}
		other, _ := running(t, b, 1000*yuan, 100*yuan)
		if _, err := b.CampaignDesk(t.Context(), other, w.campaign, models.KeywordInput{}); models.CodeOf(err) != models.NotFound {
			t.Error("another's: ", err)
		}
	})
}

func TestKeywordRemovalIsOnlyTried(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		w := tuning(t, b, "tea", "cup")
		items, err := b.KeywordRemoval(t.Context(), w.account, w.campaign, w.rows())
		must(t, err)
		names, err := b.EditNames(t.Context(), w.account, items)
		must(t, err)
		if len(items) != 2 || names[w.keywords[1].ID] != "cup" || len(w.read(t)) != 2 {
			t.Errorf("%+v, %v, %d left", items, names, len(w.keywords))
		}
		other, ids := running(t, b, 1000*yuan, 100*yuan)
		if names, err := b.EditNames(t.Context(), other, items); err != nil || len(names) > 0 {
			t.Errorf("another's keywords are called %v, %v", names, err)
		}
		if _, err := b.KeywordRemoval(t.Context(), other, ids[0], w.rows()); models.CodeOf(err) != models.NotFound {
			t.Error("another's: ", err)
		}
		modelstest.Edited(t)(b.RemoveKeywords(t.Context(), w.actor, w.account, w.campaign, w.rows()[:1]))
		last, err := b.LastChange(t.Context(), w.account, w.actor.UserID)
		must(t, err)
		if last.Kind != models.EditKeywordRemove || last.Rows != 1 || last.First != "tea" {
			t.Errorf("the last change is %+v", last)
		}
		b.Clock.Add(31 * time.Minute)
		if last, err = b.LastChange(t.Context(), w.account, w.actor.UserID); err != nil || last.ID != 0 {
			t.Errorf("after half an hour there is still %+v, %v", last, err)
		}
	})
}
