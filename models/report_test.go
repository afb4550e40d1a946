package models_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

// clickAt charges a click of a campaign's keyword (0: none) at an instant.
func clickAt(t testing.TB, b *modelstest.Bench, id string, campaign, keyword int64, fen models.Fen, at time.Time) {
	t.Helper()
	got, err := b.PostCharges(t.Context(), []models.Charge{{ChargeID: id, CampaignID: campaign, KeywordID: keyword, AmountFen: fen, ChargedAt: at}})
	if err != nil || got.Accepted != 1 {
		t.Fatalf("%s: %+v, %v", id, got, err)
	}
}

func shanghai(t testing.TB, at string) time.Time {
	t.Helper()
	instant, err := time.ParseInLocation("2006-01-02 15:04", at, models.Shanghai)
	must(t, err)
	return instant.UTC()
}

// costs are the rows of a report that hold anything: beginning and figures.
func costs(r models.Report, form string) []string {
	var rows []string
	for _, row := range r.Rows {
		if row.Measures != (models.Measures{}) {
			rows = append(rows, fmt.Sprintf("%s: %d fen, %d clicks, %d shown, %d orders", row.From.In(models.Shanghai).Format(form), row.CostFen, row.Clicks, row.Impressions, row.Orders))
		}
	}
	return rows
}

func TestAReportSumsWhatWasDelivered(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		b.Clock.Set(shanghai(t, "2026-12-31 09:00"))
		account, ids := running(t, b, 10_000*yuan, 5000*yuan, 5000*yuan)
		_, theirs := running(t, b, 1000*yuan, 300*yuan)
		keyword := keywordOf(t, b, account, ids[0])
		b.Clock.Set(shanghai(t, "2027-01-05 12:00")) // a Tuesday
		for i, c := range []struct {
			campaign, keyword int64
			fen               models.Fen
			at                string
		}{
			{ids[0], keyword, 100, "2027-01-04 07:30"}, // 23:30 UTC of the day before
			{ids[0], keyword, 20, "2027-01-04 23:59"},
			{ids[0], 0, 3, "2027-01-04 07:59"},
			{ids[1], 0, 4000, "2027-01-03 12:00"}, // the Sunday before
			{ids[0], keyword, 50_000, "2026-12-31 23:59"},
			{ids[0], keyword, 700, "2027-01-05 00:00"},
			{theirs[0], 0, 9, "2027-01-04 07:30"},
		} {
			clickAt(t, b, fmt.Sprint("c", i), c.campaign, c.keyword, c.fen, shanghai(t, c.at))
		}
		_, err := b.PutResults(t.Context(), []models.Result{
			{CampaignID: ids[0], KeywordID: keyword, HourAt: shanghai(t, "2027-01-04 07:00"), Impressions: 40, Clicks: 1, Orders: 1, OrderAmountFen: 990},
			{CampaignID: ids[0], HourAt: shanghai(t, "2027-01-04 07:00"), Impressions: 2},
		})
		must(t, err)
		report := func(in models.ReportInput) models.Report {
			t.Helper()
			r, err := b.Report(t.Context(), account, in)
			must(t, err)
			return r
		}
		own := func(from, to string) models.Days { return models.Days{From: from, To: to} }
		for _, c := range []struct {
			what string
			in   models.ReportInput
			form string
			want []string
		}{
			{"the account's yesterday by hour", models.ReportInput{Period: "yesterday", Step: models.ByHour}, "15",
				[]string{"07: 103 fen, 2 clicks, 42 shown, 1 orders", "23: 20 fen, 1 clicks, 0 shown, 0 orders"}},
			{"a campaign's yesterday by hour", models.ReportInput{Period: "yesterday", Step: models.ByHour, CampaignID: ids[0]}, "15",
				[]string{"07: 103 fen, 2 clicks, 42 shown, 1 orders", "23: 20 fen, 1 clicks, 0 shown, 0 orders"}},
			{"a keyword's yesterday by hour", models.ReportInput{Period: "yesterday", Step: models.ByHour, CampaignID: ids[0], KeywordID: keyword}, "15",
				[]string{"07: 100 fen, 1 clicks, 40 shown, 1 orders", "23: 20 fen, 1 clicks, 0 shown, 0 orders"}},
			{"by day", models.ReportInput{Period: "7d", Step: models.ByDay}, "01-02",
				[]string{"12-31: 50000 fen, 1 clicks, 0 shown, 0 orders", "01-03: 4000 fen, 1 clicks, 0 shown, 0 orders", "01-04: 123 fen, 3 clicks, 42 shown, 1 orders"}},
			{"another campaign by day", models.ReportInput{Period: "7d", Step: models.ByDay, CampaignID: ids[1]}, "01-02",
				[]string{"01-03: 4000 fen, 1 clicks, 0 shown, 0 orders"}},
			{"a keyword by day", models.ReportInput{Period: "7d", Step: models.ByDay, CampaignID: ids[0], KeywordID: keyword}, "01-02",
				[]string{"12-31: 50000 fen, 1 clicks, 0 shown, 0 orders", "01-04: 120 fen, 2 clicks, 40 shown, 1 orders"}},
			{"by week over the year's end", models.ReportInput{Period: "own", Days: own("2026-12-31", "2027-01-09"), Step: models.ByWeek}, "01-02",
				[]string{"12-31: 54000 fen, 2 clicks, 0 shown, 0 orders", "01-04: 823 fen, 4 clicks, 42 shown, 1 orders"}},
			{"today", models.ReportInput{Period: "today", Step: models.ByHour}, "15", []string{"00: 700 fen, 1 clicks, 0 shown, 0 orders"}},
		} {
			r := report(c.in)
			if diff := cmp.Diff(c.want, costs(r, c.form)); diff != "" {
				t.Error(c.what, diff)
			}
			var sum models.Measures
			for _, row := range r.Rows {
				sum = sum.Plus(row.Measures)
			}
			if sum != r.Total {
				t.Errorf("%s: the rows come to %+v, the total says %+v", c.what, sum, r.Total)
			}
		}
		// Today is not over: of the day that is held against it, so much as has passed.
		var r models.Report
		for at, want := range map[string]models.Fen{"2027-01-05 12:00": 0, "2027-01-05 12:30": 2000, "2027-01-05 13:00": 4000} {
			b.Clock.Set(shanghai(t, at))
			for _, step := range models.ReportSteps {
				r = report(models.ReportInput{Period: "own", Days: own("2027-01-04", "2027-01-05"), Step: step})
				if r.Before.CostFen != want || !r.BeforeFrom.Equal(shanghai(t, "2027-01-02 00:00")) {
					t.Errorf("%s at %s: before: %+v from %v", step, at, r.Before, r.BeforeFrom)
				}
				if last := r.Rows[len(r.Rows)-1]; step == models.ByHour && (last.From.After(b.Clock.Now()) || !last.Until.After(b.Clock.Now())) {
					t.Errorf("the last hour is %v", last.From)
				}
			}
		}
		if len(r.Parts) != 1 || r.Parts[0].ID != ids[0] || r.Parts[0].CostFen != 823 {
			t.Errorf("by campaign: %+v", r.Parts)
		}
		r = report(models.ReportInput{Period: "7d", CampaignID: ids[0]})
		if len(r.Parts) != 1 || r.Parts[0].ID != keyword || r.Parts[0].CostFen != 50_120 {
			t.Errorf("by keyword: %+v", r.Parts)
		}
	})
}

func TestAReportMarksStopsAndRecharges(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		b.Clock.Set(shanghai(t, "2026-11-23 10:00"))
		account, ids := running(t, b, 300*yuan, 5000*yuan) // an hour later
		b.Charge(t, "all", ids[0], 300*yuan)               // at 11:00: nothing left
		b.Clock.Set(shanghai(t, "2026-11-24 01:30"))
		recharge(t, b, account, 500*yuan)
		b.Clock.Set(shanghai(t, "2026-11-25 12:00"))
		r, err := b.Report(t.Context(), account, models.ReportInput{Period: "own", Days: models.Days{From: "2026-11-23", To: "2026-11-24"}, Step: models.ByDay})
		must(t, err)
		if got := []time.Duration{r.Rows[0].Stopped, r.Rows[1].Stopped}; got[0] != 13*time.Hour || got[1] != 90*time.Minute {
			t.Errorf("stopped for %v", got)
		}
		if r.Rows[0].RechargeFen != 300*yuan || r.Rows[1].RechargeFen != 500*yuan || r.Rows[1].Recharges != 1 || len(r.Recharges) != 2 {
			t.Errorf("recharged %+v", r.Rows)
		}
	})
}

func TestAReportRefusesWhatItCanNotShow(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, ids := b.Seller(t, 100*yuan)
		_, theirs := b.Seller(t, 100*yuan)
		keyword := keywordOf(t, b, account, ids[0])
		for _, c := range []struct {
			step                models.ReportStep
			from, to, on, wants string
		}{
			{models.ByDay, "", "2026-11-20", "from", "error.day.malformed"},
			{models.ByDay, "2026-11-20", "", "to", "error.day.malformed"},
			{models.ByDay, "2026-11-31", "2026-11-20", "from", "error.day.malformed"},
			{models.ByDay, "2026-11-21", "2026-11-20", "to", "error.day.order"},
			{models.ByDay, "2026-11-25", "2026-11-26", "from", "error.report.to_come"},
			{models.ByHour, "2026-11-01", "2026-11-08", "to", "error.report.too_long"},
			{models.ByDay, "2026-08-01", "2026-11-01", "to", "error.report.too_long"},
			{models.ByWeek, "2025-01-01", "2026-11-01", "to", "error.report.too_long"},
		} {
			_, err := b.Report(t.Context(), account, models.ReportInput{Period: "own", Step: c.step, Days: models.Days{From: c.from, To: c.to}})
			if got := refusedOn(err, c.on); got != c.wants {
				t.Errorf("%s %q to %q: %v, want %s", c.step, c.from, c.to, err, c.wants)
			}
		}
		_, err := b.Report(t.Context(), account, models.ReportInput{CampaignID: theirs[0]})
		wantCode(t, err, models.NotFound)
		_, err = b.Report(t.Context(), account, models.ReportInput{CampaignID: ids[0], KeywordID: keyword + 1000})
		wantCode(t, err, models.NotFound)
		r, err := b.Report(t.Context(), account, models.ReportInput{Period: "own", Step: models.ByDay, Days: models.Days{From: "2026-11-20", To: "2027-01-10"}})
		must(t, err)
		if len(r.Rows) != 5 || !r.Until.Equal(shanghai(t, "2026-11-25 00:00")) {
			t.Errorf("days to come are left out: %d rows until %v", len(r.Rows), r.Until)
		}
	})
}

// Two campaigns wait; one is restarted after two hours, put back after ten minutes,
// and again restarted after an hour more. The other waits still.
func TestACampaignsReportMarksItsOwnStop(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, ids := stoppedAndPaid(t, b, 2)
		by := staff(t, b)
		began := b.Clock.Now()
		start := func(wait time.Duration, id int64) {
			t.Helper()
			b.Clock.Add(wait)
			_, _, err := b.RestartCampaigns(t.Context(), by, account, models.RestartInput{IDs: []int64{id}})
			must(t, err)
		}
		start(2*time.Hour, ids[0])
		b.Clock.Add(10 * time.Minute)
		_, _, err := b.UndoRestart(t.Context(), by, account)
		must(t, err)
		start(time.Hour, ids[0])
		b.Clock.Add(time.Hour)
		stopped := func(campaign int64) (sum time.Duration) {
			t.Helper()
			r, err := b.Report(t.Context(), account, models.ReportInput{CampaignID: campaign, Period: "own", Days: models.Days{From: models.DayOn(began.AddDate(0, 0, -3)), To: models.DayOn(b.Clock.Now())}})
			must(t, err)
			for _, row := range r.Rows {
				sum += row.Stopped
			}
			return sum
		}
		before := stopped(0) - 3*time.Hour // of the whole account, until the first start and after its undo
		if got := stopped(ids[0]); got != before+3*time.Hour {
			t.Errorf("the one that was restarted stood %s, of %s before", got, before)
		}
		if got := stopped(ids[1]); got != before+4*time.Hour+10*time.Minute {
			t.Errorf("the one that waits stood %s, of %s before", got, before)
		}
	})
}

// A report lists some hundreds of recharges, and sums them all.
func TestAReportSumsEveryRecharge(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, _ := b.Seller(t)
		for range 502 {
			recharge(t, b, account, 200*yuan)
		}
		for _, step := range models.ReportSteps {
			r, err := b.Report(t.Context(), account, models.ReportInput{Period: "today", Step: step})
			must(t, err)
			n, sum := 0, models.Fen(0)
			for _, row := range r.Rows {
				n, sum = n+row.Recharges, sum+row.RechargeFen
			}
			if n != 502 || sum != 502*200*yuan || len(r.Recharges) != 500 {
				t.Errorf("%s: %d of %s, %d listed", step, n, sum.Wire(), len(r.Recharges))
			}
		}
	})
}
