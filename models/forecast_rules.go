package models

import (
	"math"
	"time"
)

// When the money runs out. The method is that of the field's notes: the stop
// hour is the first at which the sum of the expected hours reaches what can be
// spent, each day cut at its budgets, hours of a stop left out. In parts:
//
//   - How a week's cost spreads over its hours comes from the newest days. A cell
//     of weekday and hour has two values at most, so each is drawn towards its
//     weekday's share of the overall profile, and a weekday towards a day like
//     any other, as if some days of that had been seen too (Morris 1983,
//     "Parametric empirical Bayes inference").
//   - What a campaign spends on a mean day is its own mean, newer days weighing
//     more (Brown 1959, exponential smoothing), by the part of those days that
//     could deliver. What is switched off now has no part.
//   - The trend is that from one week to the next, halved, and goes on for some
//     days only (Gardner and McKenzie 1985, damped trends).
//   - What was spent today so far scales the rest of today, within bounds.
//   - The band is to hold four of five ends: it comes from the days' spread around
//     what was to be expected of them, the errors of their mean and of the trend,
//     and the hours' noise. It is never beyond what the budgets allow.
//
// The weights were set by the back-test of `make bench`. Ratios and sums to come
// are floats; money comes in, and instants go out, whole.
const (
	ForecastDays = 14                   // full days that are learned from
	forecastMost = 365 * 24 * time.Hour // further ahead nothing is told apart
	forecastStep = 10 * time.Minute     // to which instants are rounded

	profileHalfLife = 14.0 // days after which a day weighs half, for the day's shape
	levelHalfLife   = 7.0  // likewise, for a campaign's level
	weekdayPrior    = 0.5  // days like any other that stand beside a weekday's own
	cellPrior       = 6.0  // hours of the overall shape that stand beside a cell's own
	todayPrior      = 0.35 // of a day's cost, as expected, that stands beside today so far
	todayLeast      = 0.5  // bounds of the factor of today
	todayMost       = 2.0

	trendDamping = 0.5
	trendMost    = 0.05 // a day, before damping
	trendDays    = 5.0  // for which it goes on

	spreadPrior     = 0.20  // a day's relative spread before anything is known
	spreadPriorDays = 3.0   // days that it weighs
	spreadFitted    = 5.0   // days that the fit of the weekdays takes from the spread
	trendDoubt      = 0.076 // error of a trend, a day, by the spread of a day: √(2/7) ÷ 7
	bandWidth       = 1.28  // standard deviations to each side that hold four of five
	slowest         = 0.25  // of the expected cost, the least that the band allows for
)

// Forecast says when an amount is spent, from now on. More never ends earlier.
func (s Spending) Forecast(spendable Fen) Forecast {
	switch {
	case spendable <= 0:
		return Forecast{Why: GapNoMoney}
	case s.Frozen:
		return Forecast{Why: GapFrozen}
	case len(s.Campaigns) == 0:
		return Forecast{Why: GapNoCampaign}
	}
	p, ok := s.profile()
	if !ok {
		return Forecast{Why: GapNoSpend}
	}
	o := s.outlook(p)
	if o.total() <= 0 {
		return Forecast{Why: GapNoSpend}
	}
	return o.runsOut(float64(spendable))
}

// profile is how an account's cost spreads over a week, as parts of a mean day:
// the 168 cells add up to 7.
type profile struct {
	cells     [7][24]float64
	trend     float64 // growth a day, damped, as a logarithm
	roughness float64 // variance of an hour's cost by the cost, in fen
}

// weight of a day so many days ago.
func weight(ago int, halfLife float64) float64 { return math.Exp2(-float64(ago) / halfLife) }

// ago counts the days from a day to today.
func (s Spending) ago(d SpendingDay) int { return int(s.Today.Start.Sub(d.Start).Hours()) / 24 }

func (d SpendingDay) weekday() time.Weekday { return d.Start.In(Shanghai).Weekday() }

// profile learns the week. Not ok: nothing was spent.
func (s Spending) profile() (profile, bool) {
	hours, ok := s.overall()
	if !ok {
		return profile{}, false
	}
	var level, seen float64 // what a mean day costs
	for _, d := range s.Days {
		cost, share := d.of(hours)
		level, seen = level+cost, seen+share
	}
	if level <= 0 || seen <= 0 {
		return profile{}, false
	}
	level /= seen
	p := profile{trend: s.trend(hours)}
	var sum float64
	for weekday := range p.cells {
		p.cells[weekday] = s.week(time.Weekday(weekday), hours, level, p.trend)
		for _, cell := range p.cells[weekday] {
			sum += cell
		}
	}
	for weekday := range p.cells {
		for hour := range p.cells[weekday] {
			p.cells[weekday][hour] *= 7 / sum
		}
	}
	p.roughness = s.roughness(p)
	return p, true
}

// overall is the part of a day's cost that falls in each hour. An hour of which
// nothing is known has the mean of the others.
func (s Spending) overall() (hours [24]float64, ok bool) {
	var weights [24]float64
	for _, d := range s.Days {
		w := weight(s.ago(d), profileHalfLife)
		for hour, cost := range d.CostFen {
			if !d.Stopped[hour] {
				hours[hour] += w * float64(cost)
				weights[hour] += w
			}
		}
	}
	var sum, known float64
	for hour := range hours {
		if weights[hour] > 0 {
			hours[hour] /= weights[hour]
			sum, known = sum+hours[hour], known+1
		}
	}
	if sum <= 0 {
		return hours, false
	}
	for hour := range hours {
		if weights[hour] == 0 {
			hours[hour] = sum / known
		}
	}
	sum *= 24 / known
	for hour := range hours {
		hours[hour] /= sum
	}
	return hours, true
}

// of sums what a day's hours without a stop cost, and the part of a day that
// they are.
func (d SpendingDay) of(hours [24]float64) (cost, share float64) {
	for hour, stopped := range d.Stopped {
		if !stopped {
			cost += float64(d.CostFen[hour])
			share += hours[hour]
		}
	}
	return cost, share
}

// trend compares the newest 7 days with those before. Two weeks of which much is
// missing have none.
func (s Spending) trend(hours [24]float64) float64 {
	var cost, share [2]float64
	for i, d := range s.Days {
		c, part := d.of(hours)
		week := min(i/7, 1)
		cost[week], share[week] = cost[week]+c, share[week]+part
	}
	if min(share[0], share[1]) < 4 || min(cost[0], cost[1]) <= 0 {
		return 0
	}
	grown := math.Log(cost[0]/share[0]/(cost[1]/share[1])) / 7
	return trendDamping * min(max(grown, -trendMost), trendMost)
}

// week is one weekday's hours as parts of a mean day.
func (s Spending) week(weekday time.Weekday, hours [24]float64, level, trend float64) (cells [24]float64) {
	var cost, share float64
	var sums, counts [24]float64
	for _, d := range s.Days {
		if d.weekday() != weekday {
			continue
		}
		c, part := d.of(hours)
		since := float64(s.ago(d)) - float64(ForecastDays+1)/2 // from the middle of the days
		cost, share = cost+c*math.Exp(trend*since), share+part
		for hour, stopped := range d.Stopped {
			if !stopped {
				sums[hour] += float64(d.CostFen[hour]) / level
				counts[hour]++
			}
		}
	}
	of := (cost/level + weekdayPrior) / (share + weekdayPrior)
	var sum float64
	for hour := range cells {
		cells[hour] = (sums[hour] + cellPrior*of*hours[hour]) / (counts[hour] + cellPrior)
		sum += cells[hour]
	}
	for hour := range cells {
		cells[hour] *= of / sum
	}
	return cells
}

// roughness compares the hours of each day with the profile at that day's level.
func (s Spending) roughness(p profile) float64 {
	var squares, costs float64
	for _, d := range s.Days {
		cells := p.cells[d.weekday()]
		cost, share := d.of(cells)
		if share <= 0 {
			continue
		}
		for hour, stopped := range d.Stopped {
			if !stopped {
				off := float64(d.CostFen[hour]) - cost/share*cells[hour]
				squares += off * off
			}
		}
		costs += cost
	}
	if costs <= 0 {
		return 0
	}
	return squares / costs
}

// outlook is what is to come: each campaign's level on the account's profile.
type outlook struct {
	Spending
	profile profile
	days    []dayPart
	levels  []float64 // fen on a mean day, by campaign
	today   float64   // factor of the rest of today
	spread  float64   // of a day around its expectation, relative
	doubt   float64   // of the levels, relative
	silent  [7][24]bool
}

func (s Spending) outlook(p profile) outlook {
	o := outlook{Spending: s, profile: p, levels: make([]float64, len(s.Campaigns))}
	for _, d := range s.Days {
		o.days = append(o.days, s.part(d, p))
	}
	for i, c := range s.Campaigns {
		o.levels[i] = o.level(c)
	}
	o.spread, o.doubt = o.scatter()
	o.today = o.factorOfToday()
	o.silent = s.silent()
	return o
}

func (o outlook) total() (sum float64) {
	for _, level := range o.levels {
		sum += level
	}
	return sum
}

// ran tells whether a campaign's day counts: it ran all that day, or it did spend.
func (c CampaignSpending) ran(d SpendingDay, cost Fen) bool {
	return cost > 0 || !d.Start.Before(c.Since)
}

// dayPart is what of a past day counts.
type dayPart struct {
	share  float64 // of a mean day, that could be delivered
	kept   float64 // of the day's cost: what fell in the hours without a stop, at today's level
	weight float64
}

func (s Spending) part(d SpendingDay, p profile) dayPart {
	cost, share := d.of(p.cells[d.weekday()])
	var all Fen
	for _, hour := range d.CostFen {
		all += hour
	}
	kept := 1.0
	if all > 0 {
		kept = cost / float64(all)
	}
	ago := s.ago(d)
	return dayPart{share, kept * math.Exp(p.trend*float64(ago)), weight(ago, levelHalfLife)}
}

// level is what a campaign spends on a mean day by now, in fen.
func (o outlook) level(c CampaignSpending) float64 {
	var cost, days float64
	for i, d := range o.Days {
		if !c.ran(d, c.DayFen[i]) {
			continue
		}
		part := o.days[i]
		cost, days = cost+part.weight*part.kept*float64(c.DayFen[i]), days+part.weight*part.share
	}
	if days <= 0 {
		return 0
	}
	return cost / days
}

// scatter is how far days lie from what was to be expected of them, and how far
// their mean may be off, both relative.
func (o outlook) scatter() (spread, doubt float64) {
	squares, days := spreadPriorDays*spreadPrior*spreadPrior, spreadPriorDays
	var weights, weightSquares float64
	for i, d := range o.Days {
		part := o.days[i]
		if part.share < 0.5 { // half a day says little of a day
			continue
		}
		var cost, expected float64
		for j, c := range o.Campaigns {
			if c.ran(d, c.DayFen[i]) {
				cost, expected = cost+part.kept*float64(c.DayFen[i]), expected+o.levels[j]*part.share
			}
		}
		if expected <= 0 {
			continue
		}
		off := cost/expected - 1
		squares, days = squares+off*off, days+1
		weights, weightSquares = weights+part.weight, weightSquares+part.weight*part.weight
	}
	spread = math.Sqrt(squares / max(days-spreadFitted, 1))
	if weights <= 0 {
		return spread, spread
	}
	return spread, spread * math.Sqrt(weightSquares) / weights
}

// passed is the part of an hour that is over.
func (s Spending) passed(hour int) float64 {
	return min(max(s.Now.Sub(s.Today.Start.Add(time.Duration(hour)*time.Hour)).Hours(), 0), 1)
}

// factorOfToday compares today so far with what was to be expected of it.
func (o outlook) factorOfToday() float64 {
	cells := o.profile.cells[o.Today.weekday()]
	var share, day float64
	for hour, cell := range cells {
		day += cell
		if !o.Today.Stopped[hour] {
			share += cell * o.passed(hour)
		}
	}
	var cost, level float64
	for i, c := range o.Campaigns {
		if !o.Today.Start.Before(c.Since) {
			cost, level = cost+float64(c.TodayFen), level+o.levels[i]
		}
	}
	if level <= 0 {
		return 1
	}
	prior := todayPrior * day * level
	return min(max((cost+prior)/(share*level+prior), todayLeast), todayMost)
}

// silent are the hours in which no campaign's schedule has anything delivered.
// An hour in which some deliver is as it was: the profile knows their schedules.
func (s Spending) silent() (silent [7][24]bool) {
	for weekday := range silent {
		for hour := range silent[weekday] {
			silent[weekday][hour] = true
		}
	}
	for _, c := range s.Campaigns {
		for slot, factor := range c.Schedule.Factors() {
			if factor > 0 {
				silent[(slot/DaySlots+1)%7][slot%DaySlots/2] = false // a schedule begins on Monday
			}
		}
	}
	return silent
}

// dayToCome is what each hour of a day is expected to cost, of today's what is
// left; and the most that its budgets leave. In fen.
type dayToCome struct {
	costs [24]float64
	most  float64
}

// day cuts each campaign at its own budget.
func (o outlook) day(start time.Time) (d dayToCome) {
	today := start.Equal(o.Today.Start)
	factor := math.Exp(o.profile.trend * min(start.Sub(o.Today.Start).Hours()/24, trendDays))
	if today {
		factor = o.today
	}
	weekday := start.In(Shanghai).Weekday()
	for i, c := range o.Campaigns {
		left := float64(c.BudgetFen)
		if today {
			left = max(left-float64(c.TodayFen), 0)
		}
		d.most += left
		for hour, cell := range o.profile.cells[weekday] {
			if o.silent[weekday][hour] {
				continue
			}
			part := factor
			if today {
				part *= 1 - o.passed(hour)
			}
			cost := min(o.levels[i]*cell*part, left)
			left -= cost
			d.costs[hour] += cost
		}
	}
	return d
}

// crossing is where a curve of the cost to come reaches the money.
type crossing struct {
	reached float64 // by the curve so far; it never falls
	at      time.Time
}

func (c *crossing) step(from, until time.Time, value, money float64) {
	value = max(value, c.reached)
	if c.at.IsZero() && value >= money {
		part := (money - c.reached) / (value - c.reached)
		c.at = from.Add(time.Duration(part * float64(until.Sub(from))))
	}
	c.reached = value
}

// runsOut walks through the hours to come until each curve has reached the money:
// the expected one, and those of the band.
func (o outlook) runsOut(money float64) Forecast {
	var sum, squares, most float64
	var mid, fast, slow crossing
	week := make([]dayToCome, 0, 1+2*7)
	end := o.Now.Add(forecastMost)
	start := o.Today.Start
	for n := 0; start.Before(end) && slow.at.IsZero(); n++ {
		if n < cap(week) { // then the trend is over, and weeks are alike
			week = append(week, o.day(start))
		}
		next := week[min(n, 8+(n+6)%7)]
		most += next.most
		var day float64
		for hour, cost := range next.costs {
			from := start.Add(time.Duration(hour) * time.Hour)
			until := from.Add(time.Hour)
			if from.Before(o.Now) {
				from = o.Now
			}
			if !from.Before(until) {
				continue
			}
			day, sum = day+cost, sum+cost
			off := o.off(squares+day*day, sum, until)
			mid.step(from, until, sum, money)
			fast.step(from, until, min(sum+off, most), money)
			slow.step(from, until, max(sum-off, slowest*sum), money)
		}
		squares += day * day
		start = start.AddDate(0, 0, 1)
	}
	f := Forecast{OK: true, At: o.rounded(mid.at, end), Low: o.rounded(fast.at, end), High: end.UTC()}
	f.Beyond = mid.at.IsZero() || !mid.at.Before(end)
	if !slow.at.IsZero() {
		f.High = o.rounded(slow.at.Add(forecastStep-1), end)
	}
	return f
}

// off is how far the cost until an instant may lie from the sum expected, when the
// squares of its days add up to so much.
func (o outlook) off(squares, sum float64, until time.Time) float64 {
	trend := trendDoubt * o.spread * until.Sub(o.Now).Hours() / 24
	return bandWidth * math.Sqrt(o.spread*o.spread*squares+(o.doubt*o.doubt+trend*trend)*sum*sum+o.profile.roughness*sum)
}

// rounded brings an instant down to a step, not before now nor after the end.
func (o outlook) rounded(at, end time.Time) time.Time {
	if at.IsZero() || at.After(end) {
		return end.UTC()
	}
	if at = at.Truncate(forecastStep); at.Before(o.Now) {
		return o.Now.UTC()
	}
	return at.UTC()
}
