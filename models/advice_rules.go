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
	AdvicePPCRose     AdviceKind = "ppc_rose"     // a click costs more than before the stop: lower the bid
	AdviceQualityFell AdviceKind = "quality_fell" // the quality is lower than before the stop: raise the bid to keep the place
)

// AdviceKinds lists every kind; each has its words in the catalogues.
var AdviceKinds = []AdviceKind{AdviceNoOrders, AdviceTooDear, AdvicePPCRose, AdviceQualityFell, AdviceRoom, AdviceBudgetEarly}

const (
	adviceDays     = 30     // full days that advice stands on
	adviceMinDays  = 7      // fewer with cost, and there is none
	ruleOfThree    = 3      // see noOrders
	leastClicks    = 20     // of a keyword, before its PPC says anything
	leastOrders    = 5      // of a keyword, before the value of its orders does; of the account, before anything is said of bids
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
	movedWithin    = 14   // days after a stop in which what moved over it is told
	movedBefore    = 7    // full days before the stop that it is held against
	movedClicks    = 30   // on each side, before a PPC is held against another
	certain        = 1.96 // a difference of so many standard errors is no chance with 95 %
	qualityStep    = 1.5  // a bid is raised for a lost quality by this at most
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
	if marginBP == 0 || a.Clicks < leastClicks || all.Orders < leastOrders {
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
// 18:00; days before the budget was last changed say nothing of it. What the whole day would have cost is what it cost by then ÷ the share of
// a day that the account usually has by then; the mean of that, rounded up, is
// proposed. What more is spent is expected to sell at the campaign's own ROI at
// best, at half of it at worst: later clicks are not the same clicks. It stands
// only where the ROI, times the margin where that is known, is above 1.
func (a *Advice) budgetEarly(hours [][24]Fen, shape [24]float64, marginBP int, maxBudget Fen) bool {
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
	a.AfterFen = min(wanted.CeilTo(budgetRounding), budgetAtMost*a.BeforeFen, maxBudget)
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

// StopMove is what a keyword was before the last stop and is since: of the 7 full
// days before the day on which it began, and from the first full hour after its
// end on.
type StopMove struct {
	Before, After Measures
	AfterDays     float64 // since the end; 1 at least
	QualityWas    int     // 0: it was not told of
	QualityIs     int
	Edited        bool // the bid, the match or the campaign's schedule: what moved may be that
}

// ppcError is the standard error of the difference of two PPCs in fen. A click
// costs between nothing and the bid, so the standard deviation of one click is half
// the bid at most; of n clicks' mean it is that ÷ √n. Source: Popoviciu's inequality
// on variances (1935). Where a schedule's factor puts a PPC above the bid, the PPC
// stands for the bid.
func ppcError(bid Fen, before, after float64, nBefore, nAfter int64) float64 {
	return max(float64(bid), before, after) / 2 * math.Sqrt(1/float64(nBefore)+1/float64(nAfter))
}

// ppcRose: since the stop a click costs more than before it by more than chance
// explains: 30 clicks on both sides, and a difference above 1.96 standard errors.
// The bid goes down by as much as the PPC went up: bid × PPC before ÷ PPC after. As
// many clicks at the former PPC cost the difference less.
func (a *Advice) ppcRose(m StopMove, minBid Fen) bool {
	if m.Edited || m.Before.Clicks < movedClicks || m.After.Clicks < movedClicks {
		return false
	}
	before, after := float64(m.Before.CostFen)/float64(m.Before.Clicks), float64(m.After.CostFen)/float64(m.After.Clicks)
	wrong := ppcError(a.BeforeFen, before, after, m.Before.Clicks, m.After.Clicks)
	rise := after - before
	if rise <= certain*wrong {
		return false
	}
	perDay := float64(m.After.Clicks) / m.AfterDays
	a.Kind, a.Moved = AdvicePPCRose, m
	a.AfterFen = max(minBid, Fen(math.Floor(float64(a.BeforeFen)*before/after)))
	a.LowFen, a.HighFen = Fen(math.Round((rise-eightyPercent*wrong)*perDay)), Fen(math.Round((rise+eightyPercent*wrong)*perDay))
	return a.AfterFen < a.BeforeFen
}

// qualityFell: the quality is lower by 1 or more than on the last day before the
// stop. A place is held by bid × quality, and a click costs the next one's bid ×
// quality ÷ the own quality + ¥0.01; so the same place needs the bid × quality before
// ÷ now, and its clicks cost about as much more. Source: the field's formula of the
// price of a click (not verified anew, so the page says "about"). A quality is
// rounded to a whole number, so that the true ratio lies between (before − ½) ÷ (now
// + ½) and (before + ½) ÷ (now − ½): that is the range of what more is spent a day.
// No bid above what a click may cost (bearable, 0: unknown) or the ceiling.
func (a *Advice) qualityFell(m StopMove, days int, bearable, maxBid Fen) bool {
	if m.Edited || m.QualityWas == 0 || m.QualityIs == 0 || m.QualityIs >= m.QualityWas {
		return false
	}
	was, is := float64(m.QualityWas), float64(m.QualityIs)
	to := min(Fen(math.Floor(float64(a.BeforeFen)*min(was/is, qualityStep))), maxBid)
	if bearable > 0 {
		to = min(to, bearable)
	}
	perDay := float64(a.CostFen) / float64(days)
	a.Kind, a.Moved, a.AfterFen = AdviceQualityFell, m, to
	a.LowFen = Fen(math.Round(perDay * max(0, (was-0.5)/(is+0.5)-1)))
	a.HighFen = Fen(math.Round(perDay * ((was+0.5)/(is-0.5) - 1)))
	return to > a.BeforeFen && a.HighFen > 0
}

// judge applies the rules to a keyword, the surest first; one of them speaks at
// most.
func (a *Advice) judge(all Measures, days, marginBP int, m StopMove, minBid, maxBid Fen) bool {
	if a.noOrders(all, days) {
		return true
	}
	margin := *a
	byMargin := margin.bidAgainstMargin(all, days, marginBP, minBid, maxBid)
	if byMargin && margin.Kind == AdviceTooDear {
		*a = margin
		return true
	}
	for _, rule := range []func(*Advice) bool{
		func(b *Advice) bool { return b.ppcRose(m, minBid) },
		func(b *Advice) bool { return b.qualityFell(m, days, margin.BearableFen, maxBid) },
	} {
		moved := *a
		if rule(&moved) {
			*a = moved
			return true
		}
	}
	*a = margin
	return byMargin
}

// StopCost is what a stop is estimated to have cost. Each full hour of it is held
// against the same hour of the same weekday of the four weeks before; of those, hours
// in which the account itself was stopped, in part or whole, and hours before its
// first figures are left out. Mean is the sum of the hours' means. The range is the
// weakest and the strongest of the weeks: a week's sum ÷ the means' sum over the
// hours that it has, times Mean. Another such week lies within with a probability of
// (weeks − 1) ÷ (weeks + 1). Source: the order statistics of equally distributed
// draws. A week counts that has half of the hours; there are two, or nothing is said.
type StopCost struct {
	From, Until     time.Time // full hours, UTC; at most the first 7 days of the stop
	Open            bool      // it has not ended
	Weeks           int       // that the range stands on; below 2 nothing can be said
	MissingDays     int       // of history before the stop, 14 being needed
	Mean, Low, High Measures
}

// Known says whether there is enough to say what the stop cost.
func (c StopCost) Known() bool { return c.Weeks >= stopLeastWeeks }

const (
	stopWeeks      = 4
	stopLeastWeeks = 2
	stopAtMost     = 7 * 24 * time.Hour
	stopFirstHour  = time.Hour
)

// vector is Measures to be reckoned with.
type vector [6]float64

func (m Measures) vector() vector {
	return vector{float64(m.Impressions), float64(m.Clicks), float64(m.ResultClicks), float64(m.CostFen), float64(m.Orders), float64(m.OrderAmountFen)}
}

func (v vector) measures() Measures {
	whole := func(i int) int64 { return int64(math.Round(v[i])) }
	return Measures{whole(0), whole(1), whole(2), Fen(whole(3)), whole(4), Fen(whole(5))}
}

// plus adds part of another.
func (v vector) plus(o vector, part float64) vector {
	for i := range v {
		v[i] += o[i] * part
	}
	return v
}

// estimate fills in Weeks and the sums; at gives what an hour brought, or false for
// one that is to be left out.
func (c *StopCost) estimate(at func(hour time.Time) (Measures, bool)) {
	var total vector
	var did, expected [stopWeeks]vector
	var hours [stopWeeks]int
	known := 0
	for hour := c.From; hour.Before(c.Until); hour = hour.Add(time.Hour) {
		var sum vector
		var found []int
		var values [stopWeeks]vector
		for w := range stopWeeks {
			if m, is := at(hour.AddDate(0, 0, -7*(w+1))); is {
				values[w], found = m.vector(), append(found, w)
				sum = sum.plus(values[w], 1)
			}
		}
		if len(found) == 0 {
			continue
		}
		known++
		mean := vector{}.plus(sum, 1/float64(len(found)))
		total = total.plus(mean, 1)
		for _, w := range found {
			did[w], expected[w], hours[w] = did[w].plus(values[w], 1), expected[w].plus(mean, 1), hours[w]+1
		}
	}
	if 2*known < int(c.Until.Sub(c.From)/time.Hour) {
		return
	}
	low, high := total, total
	for w := range stopWeeks {
		if 2*hours[w] < known {
			continue
		}
		c.Weeks++
		for i := range total {
			if expected[w][i] > 0 {
				week := did[w][i] / expected[w][i] * total[i]
				low[i], high[i] = min(low[i], week), max(high[i], week)
			}
		}
	}
	c.Mean, c.Low, c.High = total.measures(), low.measures(), high.measures()
}
