package main

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"ztc-portal/models"
)

// The back-test of the forecast: accounts are simulated hour by hour, with a
// pattern of weekdays, a trend, noise of days and of hours, stops and budgets.
// Somewhere on the way each has an amount left of which we know when it will be
// spent; the forecast and the plain mean of 7 days say when they think so.
const (
	backtestSeed    = 20261124
	backtestLearned = 28 // days before the question
	backtestAhead   = 40 // and after it
)

// backtest is what came of it; errors are in hours, ascending.
type backtest struct {
	forecast, mean []float64
	held           int // ends that lie in the forecast's band
	silent         int // questions to which it had no answer
	from           string
}

func (b backtest) heldPercent() int { return b.held * 100 / max(len(b.forecast), 1) }

// errorAt is the p-th percentile of errors in hours.
func errorAt(errors []float64, p int) float64 {
	if len(errors) == 0 {
		return 0
	}
	return errors[(len(errors)-1)*p/100]
}

func (b backtest) print() {
	fmt.Printf("forecast %-22s %4d accounts: error p50 %5.1f h, p90 %5.1f h; of the 7-day mean %5.1f h, %5.1f h; ratios %.2f, %.2f; the band holds %d %%, no answer %d\n",
		b.from, len(b.forecast), errorAt(b.forecast, 50), errorAt(b.forecast, 90), errorAt(b.mean, 50), errorAt(b.mean, 90),
		errorAt(b.forecast, 50)/errorAt(b.mean, 50), errorAt(b.forecast, 90)/errorAt(b.mean, 90), b.heldPercent(), b.silent)
}

func printBacktests(accounts int) {
	for _, b := range backtestForecast(accounts) {
		b.print()
	}
}

// spans are how far away the end is, for each of which there are figures.
var spans = []struct {
	name        string
	least, most float64 // hours
}{{"3 hours to 8 days", 3, 192}, {"within a day", 3, 24}, {"1 to 3 days", 24, 72}, {"3 to 8 days", 72, 192}}

// backtestForecast asks about so many accounts for each span.
func backtestForecast(accounts int) []backtest {
	var all []backtest
	for i, span := range spans {
		b := backtest{from: span.name}
		for n := range accounts {
			b.ask(newSimulated(uint64(i*accounts+n)), span.least, span.most)
		}
		slices.SortFunc(b.forecast, cmp.Compare)
		slices.SortFunc(b.mean, cmp.Compare)
		all = append(all, b)
	}
	return all
}

// simulated is an account whose every hour is known, those to come as well.
type simulated struct {
	random    *rand.Rand
	start     time.Time // of the first day, in Shanghai
	campaigns []simulatedCampaign
	stopped   []bool // by hour
}

type simulatedCampaign struct {
	budget models.Fen
	costs  []models.Fen // by hour
}

func newSimulated(stream uint64) simulated {
	random := rand.New(rand.NewPCG(backtestSeed, stream))
	a := simulated{random: random, start: time.Date(2026, 9, 7, 0, 0, 0, 0, models.Shanghai)}
	hours := (backtestLearned + backtestAhead) * 24
	a.stopped = make([]bool, hours)
	for range random.IntN(3) { // stops of the weeks that are learned from
		from := (backtestLearned-16)*24 + random.IntN(14*24)
		for hour := from; hour < min(from+3+random.IntN(40), backtestLearned*24-12); hour++ {
			a.stopped[hour] = true
		}
	}
	var week [7]float64
	for weekday := range week {
		week[weekday] = math.Exp(0.2 * random.NormFloat64())
	}
	weekend := math.Exp(0.35 * random.NormFloat64()) // Saturday and Sunday go together
	week[0], week[6] = week[0]*weekend, week[6]*weekend
	trend := 0.012 * random.NormFloat64() // a day
	shift := random.IntN(5) - 2           // hours that this account's buyers come later
	days := make([]float64, backtestLearned+backtestAhead)
	for day := range days {
		days[day] = week[(day+1)%7] * math.Exp(trend*float64(day-backtestLearned)+0.12*random.NormFloat64())
	}
	for range 1 + random.IntN(4) {
		a.campaigns = append(a.campaigns, a.campaign(days, shift))
	}
	return a
}

// campaign plays a campaign through all days; every second meets its budget on
// days that are busier than usual.
func (a simulated) campaign(days []float64, shift int) simulatedCampaign {
	level := 50_00 * math.Exp(a.random.NormFloat64())
	c := simulatedCampaign{budget: max(30_00, models.Fen(level*3)), costs: make([]models.Fen, len(days)*24)}
	if a.random.IntN(2) == 0 {
		c.budget = max(30_00, models.Fen(level*(0.8+0.5*a.random.Float64())))
	}
	for day, busy := range days {
		left := c.budget
		for hour := range 24 {
			noise := math.Exp(0.3 * a.random.NormFloat64())
			if a.stopped[day*24+hour] {
				continue
			}
			share := float64(hourShare[(hour+24-shift)%24]) / 1000
			cost := min(models.Fen(level*busy*share*noise), left)
			c.costs[day*24+hour], left = cost, left-cost
		}
	}
	return c
}

// ask puts one question to both, and notes how far each is off.
func (b *backtest) ask(a simulated, least, most float64) {
	hour := backtestLearned*24 + a.random.IntN(7*24)
	minute := a.random.IntN(6) * 10
	now := a.start.Add(time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute)
	span := least * math.Exp(a.random.Float64()*math.Log(most/least))
	end := now.Add(time.Duration(span * float64(time.Hour))).Truncate(time.Minute)
	money := a.spentUntil(end) - a.spentUntil(now)
	if money <= 0 {
		return
	}
	for a.spentUntil(end.Add(-time.Minute))-a.spentUntil(now) == money { // nothing was spent in the end: it came earlier
		end = end.Add(-time.Minute)
	}
	f := a.seen(now).Forecast(money)
	daily := a.mean(now)
	if !f.OK || daily <= 0 {
		b.silent++
		return
	}
	plain := now.Add(time.Duration(float64(money) / float64(daily) * 24 * float64(time.Hour)))
	b.forecast = append(b.forecast, math.Abs(f.At.Sub(end).Hours()))
	b.mean = append(b.mean, math.Abs(plain.Sub(end).Hours()))
	if !end.Before(f.Low) && !end.After(f.High) {
		b.held++
	}
}

// spentUntil sums all that was spent before an instant.
func (a simulated) spentUntil(at time.Time) (sum models.Fen) {
	for _, c := range a.campaigns {
		sum += c.between(0, at.Sub(a.start))
	}
	return sum
}

// between sums what was spent from one time after the start to another.
func (c simulatedCampaign) between(from, until time.Duration) (sum models.Fen) {
	for hour := int(from / time.Hour); time.Duration(hour)*time.Hour < until; hour++ {
		part := min(until-time.Duration(hour)*time.Hour, time.Hour)
		sum += c.costs[hour] * models.Fen(part/time.Minute) / 60
	}
	return sum
}

// seen is what the portal knows at an instant.
func (a simulated) seen(now time.Time) models.Spending {
	today := int(now.Sub(a.start) / (24 * time.Hour))
	s := models.Spending{Now: now, Today: a.day(today, now)}
	for n := 1; n <= models.ForecastDays; n++ {
		s.Days = append(s.Days, a.day(today-n, now))
	}
	for _, c := range a.campaigns {
		seen := models.CampaignSpending{BudgetFen: c.budget, TodayFen: c.between(time.Duration(today)*24*time.Hour, now.Sub(a.start)), Since: a.start}
		for n := 1; n <= models.ForecastDays; n++ {
			seen.DayFen = append(seen.DayFen, c.between(time.Duration(today-n)*24*time.Hour, time.Duration(today-n+1)*24*time.Hour))
		}
		s.Campaigns = append(s.Campaigns, seen)
	}
	return s
}

func (a simulated) day(day int, now time.Time) models.SpendingDay {
	d := models.SpendingDay{Start: a.start.AddDate(0, 0, day).UTC()}
	for hour := range 24 {
		from := time.Duration(day*24+hour) * time.Hour
		until := min(from+time.Hour, now.Sub(a.start))
		if until <= from {
			break
		}
		for _, c := range a.campaigns {
			d.CostFen[hour] += c.between(from, until)
		}
		d.Stopped[hour] = a.stopped[day*24+hour]
	}
	return d
}

// mean is the plain daily cost: of the last 7 full days without a stop.
func (a simulated) mean(now time.Time) models.Fen {
	var sum, days models.Fen
	for day := int(now.Sub(a.start)/(24*time.Hour)) - 1; day >= 0 && days < 7; day-- {
		if slices.Contains(a.stopped[day*24:day*24+24], true) {
			continue
		}
		for _, c := range a.campaigns {
			sum += c.between(time.Duration(day)*24*time.Hour, time.Duration(day+1)*24*time.Hour)
		}
		days++
	}
	return sum / max(days, 1)
}
