package views_test

import (
	"time"

	"ztc-portal/models"
	"ztc-portal/views"
	"ztc-portal/views/components"
)

func reportRows(step models.ReportStep, n int, length time.Duration) (rows []models.ReportRow, total models.Measures) {
	from := time.Date(2026, 11, 14, 16, 0, 0, 0, time.UTC) // a Sunday's midnight in Shanghai
	for i := range n {
		row := models.ReportRow{From: from.Add(time.Duration(i) * length), Until: from.Add(time.Duration(i+1) * length)}
		row.Measures = models.Measures{
			Impressions: int64(9000 + i*331%4000), Clicks: int64(180 + i*17%90), ResultClicks: int64(178 + i*17%90),
			CostFen: models.Fen(240_00 + i*53_17%180_00), Orders: int64(3 + i%5), OrderAmountFen: models.Fen(690_00 + i*211_00%900_00),
		}
		switch i {
		case 3:
			row.Stopped, row.Measures = length/2, models.Measures{Impressions: 3000, Clicks: 60, ResultClicks: 60, CostFen: 90_00}
		case 4:
			row.Stopped, row.Measures = length, models.Measures{}
		case 5:
			row.Stopped, row.RechargeFen, row.Recharges = length/4, 1_600_00, 1
		}
		total = total.Plus(row.Measures)
		rows = append(rows, row)
	}
	return rows, total
}

func reportScreens() []screen {
	choice := []components.Option{{Value: "0", Label: shop}, {Value: "101", Label: campaigns()[0].Name}, {Value: "102", Label: campaigns()[2].Name}}
	page := views.ReportPage{
		Now: now, From: time.Date(2026, 11, 14, 16, 0, 0, 0, time.UTC), Last: time.Date(2026, 11, 20, 16, 0, 0, 0, time.UTC), BeforeFrom: time.Date(2026, 11, 7, 16, 0, 0, 0, time.UTC),
		Filter: views.ReportFilter{Period: "7d", Step: models.ByDay, Show: "cost", Campaigns: choice},
	}
	page.Rows, page.Total = reportRows(models.ByDay, 7, 24*time.Hour)
	_, page.Before = reportRows(models.ByDay, 6, 24*time.Hour)
	for i, c := range campaigns() {
		part := models.ReportPart{ID: c.ID, Name: c.Name}
		if i < 4 {
			_, part.Measures = reportRows(models.ByDay, 1+i, 24*time.Hour)
		}
		page.Parts = append(page.Parts, part)
	}
	hours := page
	hours.Filter.Period, hours.Filter.Step, hours.Filter.Show, hours.Filter.Campaign = "yesterday", models.ByHour, "ppc", 102
	hours.Campaign, hours.CampaignID, hours.Last = campaigns()[2].Name, 102, hours.From
	hours.Rows, hours.Total = reportRows(models.ByHour, 24, time.Hour)
	hours.Before = models.Measures{}
	hours.Parts = []models.ReportPart{{ID: 1, Name: "机械键盘 静音", Measures: hours.Total}, {ID: 2, Name: "机械键盘 茶轴 87键"}}
	weeks := page
	weeks.Filter.Period, weeks.Filter.Step, weeks.Filter.From, weeks.Filter.To = "own", models.ByWeek, "2026-10-01", "2026-11-21"
	weeks.Keyword, weeks.Campaign, weeks.CampaignID, weeks.Parts = "办公键盘", campaigns()[0].Name, 101, nil
	weeks.Rows, weeks.Total = reportRows(models.ByWeek, 8, 7*24*time.Hour)
	refused := views.ReportPage{Now: now, Filter: views.ReportFilter{
		Period: "own", Step: models.ByHour, Show: "cost", From: "2026-11-01", To: "2026-11-21", Campaigns: choice,
		Errors: models.FieldErrors{{Field: "to", Key: "error.report.too_long", Args: map[string]any{"Max": 7}}},
	}}
	none := page
	none.Total, none.Before, none.Parts = models.Measures{}, models.Measures{}, nil
	none.Rows = []models.ReportRow{{From: none.From, Until: none.From.Add(24 * time.Hour)}}
	return []screen{
		{"report", page.Title, views.Report(page), on("/reports")},
		{"report-hours", hours.Title, views.Report(hours), on("/reports")},
		{"report-weeks", weeks.Title, views.Report(weeks), on("/reports")},
		{"report-refused", refused.Title, views.Report(refused), on("/reports")},
		{"report-empty", none.Title, views.Report(none), on("/reports")},
	}
}
