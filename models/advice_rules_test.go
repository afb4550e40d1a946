package models

import (
	"fmt"
	"testing"
	"time"
)

// did is clicks at a PPC in fen, and orders of ¥100.
func did(clicks int64, ppc Fen, orders int64) Measures {
	return Measures{Clicks: clicks, ResultClicks: clicks, CostFen: Fen(clicks) * ppc, Orders: orders, OrderAmountFen: Fen(orders) * 100 * Yuan}
}

// An account of 400 clicks and 20 orders converts at 5 %: three orders take 60 clicks.
var ruleAccount = did(400, 100, 20)

func TestTheRuleOfThreeWaitsForItsClicks(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		keyword, account Measures
		want             string
	}{
		{did(60, 100, 0), ruleAccount, "true 501 699"}, // ¥6 a day ± 1.2816 ÷ √60 = 16.545 %
		{did(59, 100, 0), ruleAccount, "false"},
		{did(600, 100, 1), ruleAccount, "false"},
		{did(600, 100, 0), did(600, 100, 0), "false"}, // an account that sells nothing has no conversion
	} {
		a := Advice{Measures: row.keyword}
		got := "false"
		if a.noOrders(row.account, 10) {
			got = fmt.Sprint("true ", int64(a.LowFen), " ", int64(a.HighFen))
		}
		if got != row.want {
			t.Errorf("%+v: %s, want %s", row.keyword, got, row.want)
		}
	}
}

func TestFewClicksAreDrawnTowardsTheAccountsConversion(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		keyword Measures
		want    string // (orders + 3) ÷ (clicks + 60)
	}{
		{did(2, 100, 1), "0.0645"}, // 4 ÷ 62, not 50 %
		{did(0, 0, 0), "0.0500"},
		{did(940, 100, 97), "0.1000"}, // 100 ÷ 1000: its own figures speak
	} {
		if got := fmt.Sprintf("%.4f", shrunkConversion(row.keyword, ruleAccount)); got != row.want {
			t.Errorf("%+v: %s, want %s", row.keyword, got, row.want)
		}
	}
	if got := shrunkConversion(did(10, 100, 1), did(10, 100, 0)); got != 0 {
		t.Errorf("of an account without orders: %v", got)
	}
	if got := bearablePPC(100_00, 3550, 0.0645); got != 228 { // ¥100 × 35.5 % × 6.45 % = ¥2.2898
		t.Errorf("bearable PPC %d", got)
	}
	a := Advice{Measures: did(19, 900, 0), BeforeFen: 1000}
	if a.bidAgainstMargin(ruleAccount, 10, 3000, 5, 1e6) {
		t.Error("19 clicks are enough to judge a bid")
	}
}

// 70 clicks on each side and a bid of ¥2: the standard error is ¥1 × √(2 ÷ 70) =
// 16.903 fen, and 1.96 of them are 33.13 fen.
func TestAPPCRoseOnlyBeyondChance(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		move StopMove
		want string
	}{
		"far beyond":      {StopMove{Before: did(70, 100, 0), After: did(70, 160, 0), AfterDays: 2}, "true 125 1342 2858"}, // 35 a day × (60 ∓ 1.2816 × 16.903)
		"just beyond":     {StopMove{Before: did(70, 100, 0), After: did(70, 134, 0), AfterDays: 2}, "true 149 432 1948"},  // 200 × 100 ÷ 134 = 149.25
		"within":          {StopMove{Before: did(70, 100, 0), After: did(70, 133, 0), AfterDays: 2}, "false"},
		"it fell":         {StopMove{Before: did(70, 160, 0), After: did(70, 100, 0), AfterDays: 2}, "false"},
		"too few before":  {StopMove{Before: did(29, 10, 0), After: did(900, 200, 0), AfterDays: 2}, "false"},
		"too few since":   {StopMove{Before: did(900, 10, 0), After: did(29, 200, 0), AfterDays: 2}, "false"},
		"the bid changed": {StopMove{Before: did(70, 100, 0), After: did(70, 160, 0), AfterDays: 2, Edited: true}, "false"},
		"no stop":         {StopMove{}, "false"},
	} {
		a, got := Advice{BeforeFen: 200}, "false"
		if a.ppcRose(row.move, 5) {
			got = fmt.Sprint("true ", int64(a.AfterFen), " ", int64(a.LowFen), " ", int64(a.HighFen))
		}
		if got != row.want {
			t.Errorf("%s: %s, want %s", name, got, row.want)
		}
	}
}

// A bid of ¥2 that costs ¥7 a day.
func TestALostQualityIsHeldByTheBid(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		was, is           int
		bearable, ceiling Fen
		edited            bool
		want              string
	}{
		"8 to 7":             {8, 7, 0, 9999, false, "true 228 0 215"},    // 200 × 8 ÷ 7; 7.5 ÷ 7.5 and 8.5 ÷ 6.5 of ¥7
		"9 to 6":             {9, 6, 0, 9999, false, "true 300 215 509"},  // 8.5 ÷ 6.5 and 9.5 ÷ 5.5
		"10 to 5":            {10, 5, 0, 9999, false, "true 300 509 933"}, // half more at most; 9.5 ÷ 5.5 and 10.5 ÷ 4.5
		"bearable":           {8, 7, 210, 9999, false, "true 210 0 215"},
		"no more is borne":   {8, 7, 200, 9999, false, "false"},
		"the ceiling":        {8, 7, 0, 220, false, "true 220 0 215"},
		"as before":          {7, 7, 0, 9999, false, "false"},
		"higher":             {7, 8, 0, 9999, false, "false"},
		"not told before it": {0, 7, 0, 9999, false, "false"},
		"the bid changed":    {8, 7, 0, 9999, true, "false"},
	} {
		a, got := Advice{BeforeFen: 200, Measures: did(70, 100, 0)}, "false"
		if a.qualityFell(StopMove{QualityWas: row.was, QualityIs: row.is, Edited: row.edited}, 10, row.bearable, row.ceiling) {
			got = fmt.Sprint("true ", int64(a.AfterFen), " ", int64(a.LowFen), " ", int64(a.HighFen))
		}
		if got != row.want {
			t.Errorf("%s: %s, want %s", name, got, row.want)
		}
	}
}

// A keyword to which several rules apply hears the surest one.
func TestOneRuleSpeaksOfAKeyword(t *testing.T) {
	t.Parallel()
	fell := StopMove{QualityWas: 8, QualityIs: 7}
	rose := StopMove{Before: did(70, 100, 0), After: did(70, 160, 0), AfterDays: 2, QualityWas: 8, QualityIs: 7}
	for _, row := range []struct {
		keyword  Measures
		marginBP int
		move     StopMove
		want     AdviceKind
	}{
		{did(100, 100, 0), 3000, rose, AdviceNoOrders},
		{did(100, 900, 5), 3000, rose, AdviceTooDear}, // ¥100 × 30 % × 8 ÷ 160 = ¥1.50
		{did(100, 100, 5), 3000, rose, AdvicePPCRose},
		{did(100, 100, 20), 3000, fell, AdviceQualityFell}, // bearable ¥100 × 30 % × 23 ÷ 160 = ¥4.31: there is room as well
		{did(100, 100, 20), 3000, StopMove{}, AdviceRoom},
		{did(100, 100, 5), 0, StopMove{}, ""},
	} {
		a := Advice{Measures: row.keyword, BeforeFen: 200}
		if spoke := a.judge(ruleAccount, 10, row.marginBP, row.move, 5, 9999); spoke != (row.want != "") || spoke && a.Kind != row.want {
			t.Errorf("%+v hears %v %q, want %q", row.keyword, spoke, a.Kind, row.want)
		}
	}
}

// Costs by week before (first the last one) and hour; -1 is to be left out.
func TestAStopIsHeldAgainstTheSameHours(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 11, 24, 2, 0, 0, 0, time.UTC)
	for name, row := range map[string]struct {
		weeks [][]Fen
		want  string
	}{
		// The means are 20 and 20. The second week has the first hour alone: 30 ÷ 20 of 40.
		"an hour is left out": {[][]Fen{{10, 20}, {30, -1}, {-1, -1}, {-1, -1}}, "2 40 30 60"},
		"four weeks":          {[][]Fen{{10, 10}, {20, 20}, {30, 30}, {40, 40}}, "4 50 20 80"},
		"nights of nothing":   {[][]Fen{{0, 10}, {0, 30}, {-1, -1}, {-1, -1}}, "2 20 10 30"},
		"one week":            {[][]Fen{{10, 20}, {-1, -1}, {-1, -1}, {-1, -1}}, "unknown"},
		"no week":             {[][]Fen{{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}}, "unknown"},
		// Of three hours one is known: less than half of the stop.
		"hardly an hour": {[][]Fen{{10, -1, -1}, {10, -1, -1}, {10, -1, -1}, {10, -1, -1}}, "unknown"},
	} {
		c := StopCost{From: began, Until: began.Add(time.Duration(len(row.weeks[0])) * time.Hour)}
		c.estimate(func(hour time.Time) (Measures, bool) {
			ago := began.Add(24 * time.Hour).Sub(hour)
			week := int(ago / (7 * 24 * time.Hour))
			cost := row.weeks[week-1][int(hour.Sub(began.AddDate(0, 0, -7*week))/time.Hour)]
			return Measures{CostFen: cost}, cost >= 0
		})
		got := "unknown"
		if c.Known() {
			got = fmt.Sprint(c.Weeks, " ", int64(c.Mean.CostFen), " ", int64(c.Low.CostFen), " ", int64(c.High.CostFen))
		}
		if got != row.want {
			t.Errorf("%s: %s, want %s", name, got, row.want)
		}
	}
}

func TestABudgetIsEarlyOnThreeDaysOfSeven(t *testing.T) {
	t.Parallel()
	shape := dayShape([24]Fen{10: 50, 15: 30, 20: 20}) // half of a day by ten, eight tenths by fifteen
	day := func(ten, fifteen Fen) (hours [24]Fen) {
		hours[10], hours[15] = ten, fifteen
		return hours
	}
	sells := Measures{CostFen: 100 * Yuan, OrderAmountFen: 300 * Yuan} // ROI 3
	for name, row := range map[string]struct {
		days     [7][24]Fen
		did      Measures
		marginBP int
		want     string
	}{
		// ¥100 ÷ 0.8 = ¥125 were wanted; ¥30 more at an ROI of 3.
		"three days":        {[7][24]Fen{day(60_00, 40_00), day(60_00, 40_00), day(60_00, 40_00)}, sells, 0, "true 130 45 90"},
		"two days":          {[7][24]Fen{day(60_00, 40_00), day(60_00, 40_00), day(60_00, 37_99)}, sells, 0, "false"},
		"as good as gone":   {[7][24]Fen{day(60_00, 38_00), day(60_00, 38_00), day(60_00, 38_00)}, sells, 0, "true 130 45 90"}, // ¥98 ÷ 0.8 = ¥122.50
		"not twice as much": {[7][24]Fen{day(150_00, 0), day(150_00, 0), day(150_00, 0)}, sells, 0, "true 200 150 300"},        // ¥150 ÷ 0.5 = ¥300
		"it loses money":    {[7][24]Fen{day(60_00, 40_00), day(60_00, 40_00), day(60_00, 40_00)}, sells, 3000, "false"},       // 3 × 30 %
		"it sells nothing":  {[7][24]Fen{day(60_00, 40_00), day(60_00, 40_00), day(60_00, 40_00)}, Measures{CostFen: 100 * Yuan}, 0, "false"},
	} {
		a, got := Advice{BeforeFen: 100 * Yuan, Measures: row.did}, "false"
		if a.budgetEarly(row.days[:], shape, row.marginBP, 1000*Yuan) {
			got = fmt.Sprint("true ", int64(a.AfterFen/Yuan), " ", int64(a.LowFen/Yuan), " ", int64(a.HighFen/Yuan))
		}
		if got != row.want {
			t.Errorf("%s: %s, want %s", name, got, row.want)
		}
	}
}
