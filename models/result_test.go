package models_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

// sums reads rollups by plain SQL: what figures there are, by key.
func sums(t testing.TB, b *modelstest.Bench, table, key string) map[string]string {
	t.Helper()
	db, err := b.Handle()
	must(t, err)
	rows, err := db.QueryContext(t.Context(), fmt.Sprintf(
		"SELECT %s, day_on, cost_fen, clicks, impressions, result_clicks, orders, order_amount_fen FROM %s ORDER BY 1, 2", key, table))
	must(t, err)
	defer rows.Close()
	found := map[string]string{}
	for rows.Next() {
		var id int64
		var day string
		var f [6]int64
		must(t, rows.Scan(&id, &day, &f[0], &f[1], &f[2], &f[3], &f[4], &f[5]))
		found[fmt.Sprint(id, " ", day)] = fmt.Sprint(f)
	}
	must(t, rows.Err())
	return found
}

func TestTheNewestResultOfAnHourStandsAndRollupsFollow(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, ids := b.Seller(t, 10_000*yuan)
		keyword := keywordOf(t, b, account, ids[0])
		hour := b.Clock.Now().Truncate(time.Hour)
		put := func(results ...models.Result) {
			t.Helper()
			got, err := b.PutResults(t.Context(), results)
			if err != nil || got.Accepted != len(results) || len(got.Rejected) > 0 {
				t.Fatalf("%+v, %v", got, err)
			}
		}
		of := func(keyword int64, at time.Time, impressions, clicks, orders int64, amount models.Fen) models.Result {
			return models.Result{CampaignID: ids[0], KeywordID: keyword, HourAt: at, Impressions: impressions, Clicks: clicks, Orders: orders, OrderAmountFen: amount}
		}
		b.Charge(t, "c1", ids[0], 120)
		put(of(keyword, hour, 100, 10, 2, 500), of(0, hour, 7, 1, 0, 0), of(keyword, hour.Add(-8*time.Hour), 50, 5, 1, 90))
		put(of(keyword, hour, 100, 10, 2, 500))                         // again: nothing changes
		put(of(keyword, hour, 130, 9, 3, 400), of(0, hour, 7, 1, 0, 0)) // figures are corrected, also downwards
		// 06:00 UTC is 14:00 in Shanghai; eight hours before was the same day there.
		want := map[string]string{fmt.Sprint(ids[0], " 2026-11-24"): "[120 1 187 15 4 490]"}
		if diff := cmp.Diff(want, sums(t, b, "campaign_days", "campaign_id")); diff != "" {
			t.Error("campaign_days", diff)
		}
		want = map[string]string{fmt.Sprint(keyword, " 2026-11-24"): "[0 0 180 14 4 490]"}
		if diff := cmp.Diff(want, sums(t, b, "keyword_days", "keyword_id")); diff != "" {
			t.Error("keyword_days", diff)
		}
		want = map[string]string{
			fmt.Sprint(keyword*100+6, " 2026-11-24"): "[0 0 50 5 1 90]", fmt.Sprint(keyword*100+14, " 2026-11-24"): "[0 0 130 9 3 400]",
			"14 2026-11-24": "[120 1 7 1 0 0]", // what belongs to no keyword
		}
		if diff := cmp.Diff(want, sums(t, b, "keyword_hours", "keyword_id * 100 + hour")); diff != "" {
			t.Error("keyword_hours", diff)
		}
		put(of(keyword, hour.Add(-15*time.Hour), 1, 0, 0, 0)) // 23:00 of the day before
		if got := sums(t, b, "campaign_days", "campaign_id")[fmt.Sprint(ids[0], " 2026-11-23")]; got != "[0 0 1 0 0 0]" {
			t.Errorf("the day before: %s", got)
		}
	})
}

func TestAWrongResultIsRejectedAndTheRestIsTaken(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, ids := b.Seller(t, 10_000*yuan)
		_, theirs := b.Seller(t, 10_000*yuan)
		keyword := keywordOf(t, b, account, ids[0])
		hour := b.Clock.Now().Truncate(time.Hour)
		good := models.Result{CampaignID: ids[0], HourAt: hour, Impressions: 3}
		with := func(change func(*models.Result)) models.Result {
			r := good
			r.HourAt = hour.Add(-time.Hour)
			change(&r)
			return r
		}
		body := []models.Result{
			good,
			with(func(r *models.Result) { r.CampaignID = 999999 }),
			with(func(r *models.Result) { r.CampaignID, r.KeywordID = theirs[0], keyword }),
			with(func(r *models.Result) { r.HourAt = hour.Add(time.Minute) }),
			with(func(r *models.Result) { r.HourAt = hour.Add(time.Hour) }),
			with(func(r *models.Result) { r.HourAt = hour.Add(-32 * 24 * time.Hour) }),
			with(func(r *models.Result) { r.Clicks = -1 }),
			with(func(r *models.Result) { r.Impressions = math.MaxInt64 }),
			with(func(r *models.Result) { r.HourAt = time.Time{} }),
			with(func(*models.Result) {}),
			with(func(r *models.Result) { r.Impressions = 9 }), // the same hour once more
		}
		got, err := b.PutResults(t.Context(), body)
		must(t, err)
		want := models.ResultOutcome{Accepted: 2, Rejected: []models.Rejection{
			{Index: 1, Code: models.RejectUnknownCampaign}, {Index: 2, Code: models.RejectUnknownKeyword}, {Index: 3, Code: models.RejectNotAnHour},
			{Index: 4, Code: models.RejectFuture}, {Index: 5, Code: models.RejectTooOld}, {Index: 6, Code: models.RejectMalformed},
			{Index: 7, Code: models.RejectMalformed}, {Index: 8, Code: models.RejectMalformed}, {Index: 9, Code: models.RejectTwice},
		}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if got := sums(t, b, "campaign_days", "campaign_id")[fmt.Sprint(ids[0], " 2026-11-24")]; got != "[0 0 12 0 0 0]" {
			t.Errorf("the day: %s", got)
		}
		_, err = b.PutResults(t.Context(), make([]models.Result, models.MaxResultBatch+1))
		wantCode(t, err, models.Invalid)
	})
}
