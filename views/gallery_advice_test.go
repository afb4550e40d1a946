package views_test

import (
	"time"

	"ztc-portal/models"
	"ztc-portal/views"
)

func adviceScreens() []screen {
	did := func(n int64, orders int64) models.Measures {
		m := did(n)
		m.Orders, m.OrderAmountFen = orders, models.Fen(orders*133_80)
		return m
	}
	full := views.AdvicePage{CSRF: token, Now: now, Undo: views.UndoBar{CSRF: token, ID: 9, Kind: models.EditAdvice, Rows: 2, Until: now.Add(29 * time.Minute), Fresh: true, Back: "/advice"}}
	full.Days, full.Enough, full.MarginBP, full.Dismissed = 28, true, 3550, 2
	c := campaigns()
	full.List = []models.Advice{
		{Kind: models.AdviceTooDear, CampaignID: c[0].ID, Campaign: c[0].Name, KeywordID: 1, Phrase: "机械键盘 静音", Version: 2, Measures: did(3, 9), Conversion: 0.0173, ValueFen: 133_80, BearableFen: 82, BeforeFen: 1_25, AfterFen: 82, LowFen: 11_20, HighFen: 17_80},
		{Kind: models.AdviceNoOrders, CampaignID: c[2].ID, Campaign: c[2].Name, KeywordID: 2, Phrase: "机械键盘 静音", Version: 2, Measures: did(1, 0), Conversion: 0.028, BeforeFen: 98, LowFen: 12_40, HighFen: 15_20},
		{Kind: models.AdviceRoom, CampaignID: c[1].ID, Campaign: c[1].Name, KeywordID: 3, Phrase: "机械键盘 静音", Version: 2, Measures: did(1, 22), Conversion: 0.06, ValueFen: 133_80, BearableFen: 2_85, BeforeFen: 1_00, AfterFen: 1_20, HighFen: 9_70},
		{Kind: models.AdviceBudgetEarly, CampaignID: c[3].ID, Campaign: c[3].Name, Version: 4, Measures: did(4, 40), EarlyDays: 5, EarlyHour: 15, BeforeFen: 250_00, AfterFen: 340_00, LowFen: 156_00, HighFen: 312_00},
	}
	full.List = append(full.List,
		models.Advice{Kind: models.AdvicePPCRose, CampaignID: c[0].ID, Campaign: c[0].Name, KeywordID: 4, Phrase: "机械键盘 静音", Version: 1, Measures: did(1, 6), BeforeFen: 2_00, AfterFen: 1_25, LowFen: 13_42, HighFen: 28_58,
			Moved: models.StopMove{Before: models.Measures{Clicks: 70, CostFen: 70_00}, After: models.Measures{Clicks: 70, CostFen: 112_00}, AfterDays: 2}},
		models.Advice{Kind: models.AdviceQualityFell, CampaignID: c[1].ID, Campaign: c[1].Name, KeywordID: 5, Phrase: "机械键盘 静音", Version: 1, Measures: did(1, 6), BeforeFen: 2_00, AfterFen: 2_28, HighFen: 2_15,
			Moved: models.StopMove{QualityWas: 8, QualityIs: 7}},
		models.Advice{Kind: models.AdviceNoOrders, CampaignID: c[1].ID, Campaign: c[1].Name, KeywordID: 6, Phrase: "机械键盘 静音", Version: 2, Measures: did(1, 0), Conversion: 0.028, BeforeFen: 98, LowFen: 6_40, HighFen: 9_20},
	)
	full.Ceiling = 5_00
	full.Stop = &models.StopCost{From: ago(50 * time.Hour).Truncate(time.Hour), Until: ago(26 * time.Hour).Truncate(time.Hour), Weeks: 3, Mean: did(2, 18), Low: did(1, 11), High: did(3, 26)}
	spans := []models.AppliedSpan{{Days: 1, Over: true, Before: did(2, 3), After: did(1, 3)}, {Days: 3, Over: true, Before: did(6, 9), After: did(3, 9)}, {Days: 7}}
	full.Applied = []models.AppliedAdvice{
		{Kind: models.AdviceTooDear, At: ago(100 * time.Hour), CampaignID: c[0].ID, Campaign: c[0].Name, KeywordID: 1, Phrase: "机械键盘 静音", BeforeFen: 2_10, AfterFen: 1_25, Spans: spans},
		{Kind: models.AdviceNoOrders, At: ago(time.Hour), CampaignID: c[2].ID, Campaign: c[2].Name, KeywordID: 2, Phrase: "机械键盘 静音", BeforeFen: 2_10, Spans: []models.AppliedSpan{{Days: 1}, {Days: 3}, {Days: 7}}},
	}
	refused := full
	refused.Undo, refused.Applied = views.UndoBar{}, nil
	refused.Stop = &models.StopCost{From: full.Stop.From, Until: full.Stop.Until, Open: true, MissingDays: 6}
	refused.Form = views.AdviceForm{Ticked: []string{full.List[1].Key()}, Margin: "135", Ceiling: "0.01", Errors: models.FieldErrors{
		{Code: models.Invalid, Field: models.AdviceField(full.List[1].Key()), Key: "error.advice.moved_this"},
		{Code: models.Invalid, Field: "ceiling", Key: "error.bid.too_small", Args: map[string]any{"Min": models.Fen(5)}},
		{Code: models.Conflict, Field: "advice", Key: "error.advice.moved"}, {Code: models.Invalid, Field: "margin", Key: "error.margin"},
	}}
	none := views.AdvicePage{CSRF: token, Now: now}
	none.Days, none.Enough = 28, true
	none.Stop = &models.StopCost{From: full.Stop.From, Until: full.Stop.Until}
	early := none
	early.Days, early.Enough = 3, false
	return []screen{
		{"advice", full.Title, views.AdviceView(full), on("/advice")},
		{"advice-refused", refused.Title, views.AdviceView(refused), on("/advice")},
		{"advice-none", none.Title, views.AdviceView(none), on("/advice")},
		{"advice-early", early.Title, views.AdviceView(early), on("/advice")},
	}
}
