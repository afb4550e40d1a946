package models

import (
	"math"
	"time"
)

// The formulas of advice. Money is fen, days are those of Asia/Shanghai; all
// figures are the account's own, from its rollups. A rule that has too little to
// stand on gives nothing.

// AdviceKind names a piece of advice by what it saw.
type AdviceKind string

const (
	AdviceNoOrders    AdviceKind = "no_orders"    // a keyword that costs and sells nothing: pause it
	AdviceTooDear     AdviceKind = "too_dear"     // a click costs more than it brings in: lower the bid
	AdviceRoom        AdviceKind = "room"         // a click costs far less than it brings in: raise the bid
	AdviceBudgetEarly AdviceKind = "budget_early" // the day's budget is gone before evening: raise it
)

// AdviceKinds lists every kind; each has its words in the catalogues.
var AdviceKinds = []AdviceKind{AdviceNoOrders, AdviceTooDear, AdviceRoom, AdviceBudgetEarly}

const (
	adviceDays     = 30     // full days that advice stands on
	adviceMinDays  = 7      // fewer with cost, and there is none
	ruleOfThree    = 3      // see noOrders
	leastClicks    = 20     // of a keyword, before its PPC says anything
	leastOrders    = 5      // of a keyword, before the value of its orders does
	eightyPercent  = 1.2816 // half an 80 % interval of the normal distribution, in standard deviations
	roomAbove      = 0.8    // a bid above this share of the bearable PPC has no room
	roomPPC        = 0.6    // likewise of the PPC
	roomStep       = 1.2    // a bid is raised by this at most
	evening        = 18     // the hour, see budgetEarly
	earlyDays      = 3      // on which a budget was gone before it, of the last
	earlyOf        = 7      // full days
	budgetNearly   = 0.98   // of a budget is as good as all: the next click may cost more than what is left
	budgetAtMost   = 2      // times the budget is proposed
	budgetRounding = 10 * Yuan
)

// conversion is orders ÷ clicks.
func conversion(m Measures) float64 {
	if m.Clicks == 0 {
		return 0
	}
	return float64(m.Orders) / float64(m.Clicks)
}

// shrunkConversion is a keyword's conversion drawn towards the account's by the
// weight of three orders: (orders + 3) ÷ (clicks + 3 ÷ account's conversion). One
// order in two clicks is not believed to be 50 %. Source: the mean of a Beta
// distribution after the data, its prior that of the account (Gelman et al.,
// Bayesian Data Analysis, 3rd ed., section 2.4).
func shrunkConversion(k, all Measures) float64 {
	own := conversion(all)
	if own == 0 {
		return 0
	}
	return (float64(k.Orders) + ruleOfThree) / (float64(k.Clicks) + ruleOfThree/own)
}

// orderValue is order amount ÷ orders, of the keyword where it has sold enough,
// else of the account.
func orderValue(k, all Measures) float64 {
	if k.Orders < leastOrders {
		k = all
	}
	if k.Orders == 0 {
		return 0
	}
	return float64(k.OrderAmountFen) / float64(k.Orders)
}

// bearablePPC is the most that a click may cost before the order loses money:
// order value × margin × conversion, rounded down; marginBP in hundredths of a
// percent. Source: the field's highest bearable
// PPC, price × margin × conversion.
func bearablePPC(value float64, marginBP int, conversion float64) Fen {
	return Fen(math.Floor(value * float64(marginBP) / wholeBP * conversion))
}

// around is an expected amount a day as a range that holds four times of five:
// n clicks are counted with a relative error of 1 ÷ √n. Source: the normal
// approximation of the Poisson distribution.
func around(perDay float64, n int64) (low, high Fen) {
	if n <= 0 {
		return 0, 0
	}
	spread := eightyPercent / math.Sqrt(float64(n))
	return Fen(math.Round(max(0, perDay*(1-spread)))), Fen(math.Round(perDay * (1 + spread)))
}

// noOrders: a keyword had no order in so many clicks that, at the account's own
// conversion p, it would have had one with 95 %: clicks ≥ 3 ÷ p. Source: the rule
// of three (Hanley and Lippman-Hand, JAMA 1983). What it cost a day is saved.
func (a *Advice) noOrders(all Measures, days int) bool {
	p := conversion(all)
	if p == 0 || a.Orders > 0 || float64(a.Clicks) < ruleOfThree/p {
		return false
	}
	a.Kind, a.Conversion = AdviceNoOrders, p
	a.LowFen, a.HighFen = around(float64(a.CostFen)/float64(days), a.Clicks)
	return a.LowFen > 0
}

// bidAgainstMargin: a click costs more than bearablePPC, so the bid goes down to
// it, which saves the difference of each click; or both the PPC and the bid are far
// below it, so the bid goes up by a fifth at most: at best the clicks rise with it
// and each leaves what it brings in less a PPC that rose as much, at worst nothing
// happens.
func (a *Advice) bidAgainstMargin(all Measures, days, marginBP int, minBid, maxBid Fen) bool {
	if marginBP == 0 || a.Clicks < leastClicks {
		return false
	}
	a.Conversion, a.ValueFen = shrunkConversion(a.Measures, all), Fen(orderValue(a.Measures, all))
	exact := orderValue(a.Measures, all) * float64(marginBP) / wholeBP * a.Conversion
	a.BearableFen = bearablePPC(orderValue(a.Measures, all), marginBP, a.Conversion)
	ppc, perDay := float64(a.CostFen)/float64(a.Clicks), float64(a.Clicks)/float64(days)
	switch to := max(a.BearableFen, minBid); {
	case ppc > exact && a.BeforeFen > to:
		a.Kind, a.AfterFen = AdviceTooDear, to
		a.LowFen, a.HighFen = around((ppc-float64(to))*perDay, a.Clicks)
		return ppc > float64(to)
	case a.Orders >= leastOrders && ppc < roomPPC*exact && float64(a.BeforeFen) < roomAbove*exact:
		a.Kind = AdviceRoom
		a.AfterFen = min(Fen(math.Floor(float64(a.BeforeFen)*roomStep)), a.BearableFen, maxBid)
		a.HighFen = Fen(math.Round((roomStep - 1) * perDay * (exact - ppc*roomStep)))
		return a.AfterFen > a.BeforeFen && a.HighFen > 0
	}
	return false
}

// budgetEarly: on three of the last seven full days the budget was gone before
// 18:00. What the whole day would have cost is what it cost by then ÷ the share of
// a day that the account usually has by then; the mean of that, rounded up, is
// proposed. What more is spent is expected to sell at the campaign's own ROI at
// best, at half of it at worst: later clicks are not the same clicks. It stands
// only where the ROI, times the margin where that is known, is above 1.
func (a *Advice) budgetEarly(hours [earlyOf][24]Fen, shape [24]float64, marginBP int) bool {
	roi := 0.0
	if a.CostFen > 0 {
		roi = float64(a.OrderAmountFen) / float64(a.CostFen)
	}
	worth := roi
	if marginBP > 0 {
		worth = roi * float64(marginBP) / wholeBP
	}
	if worth <= 1 {
		return false
	}
	sum, latest := 0.0, 0
	for _, day := range hours {
		var cost Fen
		var share float64
		for hour := range evening {
			cost += day[hour]
			share += shape[hour]
			if float64(cost) >= budgetNearly*float64(a.BeforeFen) {
				a.EarlyDays++
				sum += float64(cost) / max(share, 0.1)
				latest = max(latest, hour)
				break
			}
		}
	}
	if a.EarlyDays < earlyDays {
		return false
	}
	a.Kind, a.EarlyHour = AdviceBudgetEarly, latest
	wanted := Fen(math.Ceil(sum / float64(a.EarlyDays)))
	a.AfterFen = min(wanted.CeilTo(budgetRounding), budgetAtMost*a.BeforeFen)
	more := float64(a.AfterFen-a.BeforeFen) * roi
	a.LowFen, a.HighFen = Fen(math.Round(more/2)), Fen(math.Round(more))
	return a.AfterFen > a.BeforeFen
}

// dayShape is the share of a day's cost that falls into each hour; evenly, where
// there is none.
func dayShape(hours [24]Fen) (shape [24]float64) {
	var sum Fen
	for _, cost := range hours {
		sum += cost
	}
	for hour := range shape {
		shape[hour] = 1.0 / 24
		if sum > 0 {
			shape[hour] = float64(hours[hour]) / float64(sum)
		}
	}
	return shape
}

// StopCost is what a stop is estimated to have cost: what the same hours of up to
// four weeks before brought, as their mean, least and greatest week. Weeks in which
// the account stood still for more than a fifth of those hours are left out, and
// those without any cost.
type StopCost struct {
	From, Until     time.Time // full hours, UTC; at most the first 7 days of the stop
	Open            bool      // it has not ended
	Weeks           int       // that the estimate stands on; 0: it can't be said
	Mean, Low, High Measures
	Moved           []MovedPPC // over the stop, the dearest change first; none while it lasts
	Qualities       []MovedQuality
}

// MovedPPC is a keyword whose click costs another price since the stop than on the
// 7 days before it.
type MovedPPC struct {
	CampaignID       int64
	Campaign, Phrase string
	Before, After    Measures
}

// MovedQuality is a keyword whose quality is another since the stop than it was on
// the day on which that began. About: a click costs the next one's bid times its
// quality by the own quality, so a lower quality pays more for the same place.
type MovedQuality struct {
	CampaignID       int64
	Campaign, Phrase string
	Before, After    int
}

// moved: each side has 50 clicks at least, and the PPC differs by a fifth or more.
// A mean of 50 prices that scatter by half of themselves is out by 14 % in one of
// twenty, so a fifth is no chance.
func (m MovedPPC) moved() bool {
	if m.Before.Clicks < movedClicks || m.After.Clicks < movedClicks {
		return false
	}
	before, after := float64(m.Before.CostFen)/float64(m.Before.Clicks), float64(m.After.CostFen)/float64(m.After.Clicks)
	return math.Abs(after-before) >= movedShare*before
}

// harm is what the clicks since the stop cost more than they had before, in fen.
func (m MovedPPC) harm() float64 {
	return math.Abs(float64(m.After.CostFen) - float64(m.Before.CostFen)/float64(m.Before.Clicks)*float64(m.After.Clicks))
}

const (
	stopWeeks     = 4
	stopAtMost    = 7 * 24 * time.Hour
	stopOverlap   = 0.2
	stopFirstHour = time.Hour
	movedClicks   = 50
	movedShare    = 0.2
	movedDays     = 7
)

// estimate sums up the weeks: each figure has its own least and greatest.
func (c *StopCost) estimate(weeks []Measures) {
	c.Weeks = len(weeks)
	for i, w := range weeks {
		if i == 0 {
			c.Mean, c.Low, c.High = w, w, w
			continue
		}
		c.Mean = c.Mean.Plus(w)
		c.Low = each(c.Low, w, func(a, b int64) int64 { return min(a, b) })
		c.High = each(c.High, w, func(a, b int64) int64 { return max(a, b) })
	}
	if n := int64(len(weeks)); n > 1 {
		c.Mean = each(c.Mean, c.Mean, func(sum, _ int64) int64 { return (sum + n/2) / n })
	}
}

// each makes one of two sums, figure by figure.
func each(a, b Measures, of func(a, b int64) int64) Measures {
	return Measures{
		of(a.Impressions, b.Impressions), of(a.Clicks, b.Clicks), of(a.ResultClicks, b.ResultClicks),
		Fen(of(int64(a.CostFen), int64(b.CostFen))), of(a.Orders, b.Orders), Fen(of(int64(a.OrderAmountFen), int64(b.OrderAmountFen))),
	}
}
