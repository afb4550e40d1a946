package models_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

// qualities reads the history of a keyword by plain SQL, and what stands of it now.
func qualities(t testing.TB, b *modelstest.Bench, keyword int64) string {
	t.Helper()
	db, err := b.Handle()
	must(t, err)
	var now, version int
	must(t, db.QueryRowContext(t.Context(), "SELECT quality, row_version FROM keywords WHERE id = $1", keyword).Scan(&now, &version))
	rows, err := db.QueryContext(t.Context(), "SELECT day_on, quality FROM keyword_qualities WHERE keyword_id = $1 ORDER BY day_on", keyword)
	must(t, err)
	defer rows.Close()
	all := []string{fmt.Sprint("now ", now, " v", version)}
	for rows.Next() {
		var day string
		var quality int
		must(t, rows.Scan(&day, &quality))
		all = append(all, fmt.Sprint(day, " ", quality))
	}
	must(t, rows.Err())
	return strings.Join(all, ", ")
}

func TestTheNewestHourSaysTheQualityAndEachDayKeepsItsLast(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, ids := b.Seller(t, 10_000*yuan) // its keyword is made with 7
		keyword := keywordOf(t, b, account, ids[0])
		hour := b.Clock.Now().Truncate(time.Hour) // 14:00 in Shanghai
		put := func(want string, results ...models.Result) {
			t.Helper()
			got, err := b.PutResults(t.Context(), results)
			if err != nil || got.Accepted != len(results) {
				t.Fatalf("%+v, %v", got, err)
			}
			if got := qualities(t, b, keyword); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		}
		of := func(hours int, quality int64) models.Result {
			r := models.Result{CampaignID: ids[0], KeywordID: keyword, HourAt: hour.Add(time.Duration(hours) * time.Hour), Impressions: 9}
			if quality > 0 {
				r.Quality = &quality
			}
			return r
		}
		put("now 7 v1", of(0, 0))
		put("now 6 v1, 2026-11-24 6", of(0, 6)) // the figures are as they were
		put("now 6 v1, 2026-11-24 6", of(-2, 9))
		put("now 5 v1, 2026-11-24 5", of(0, 5)) // corrected
		put("now 5 v1, 2026-11-23 8, 2026-11-24 5", of(-20, 8))
		put("now 5 v1, 2026-11-23 8, 2026-11-24 5", of(-21, 3), of(-30, 2))
		put("now 4 v1, 2026-11-22 1, 2026-11-23 8, 2026-11-24 4", of(0, 4), of(-1, 10), of(-45, 2), of(-40, 1))
		b.Clock.Add(12 * time.Hour)
		put("now 3 v1, 2026-11-22 1, 2026-11-23 8, 2026-11-24 4, 2026-11-25 3", of(12, 3))
	})
}

func TestAWrongQualityIsRejectedAlone(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, ids := b.Seller(t, 10_000*yuan)
		keyword := keywordOf(t, b, account, ids[0])
		hour := b.Clock.Now().Truncate(time.Hour)
		var body []models.Result
		for i, quality := range []int64{0, 11, -1, 5, 5} {
			body = append(body, models.Result{CampaignID: ids[0], KeywordID: keyword, HourAt: hour.Add(time.Duration(-i) * time.Hour), Quality: &quality})
		}
		body[3].KeywordID = 0
		got, err := b.PutResults(t.Context(), body)
		must(t, err)
		want := "[{0 quality_out_of_range} {1 quality_out_of_range} {2 quality_out_of_range} {3 malformed}]"
		if fmt.Sprint(got.Rejected) != want || got.Accepted != 1 {
			t.Errorf("%+v", got)
		}
		if got := qualities(t, b, keyword); got != "now 5 v1, 2026-11-24 5" {
			t.Error(got)
		}
	})
}
