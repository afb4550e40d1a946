package models

import (
	"math/rand/v2"
	"testing"
	"time"
)

// steady is an account that spends hourly an hour around the clock with one
// campaign, at noon of a Wednesday in Shanghai.
func steady(hourly, budget Fen) Spending {
	today := time.Date(2026, 11, 24, 16, 0, 0, 0, time.UTC)
	s := Spending{Now: today.Add(12 * time.Hour), Today: SpendingDay{Start: today}}
	c := CampaignSpending{BudgetFen: budget, TodayFen: 12 * hourly}
	for n := 1; n <= ForecastDays; n++ {
		d := SpendingDay{Start: today.AddDate(0, 0, -n)}
		for hour := range d.CostFen {
			d.CostFen[hour] = hourly
		}
		s.Days, c.DayFen = append(s.Days, d), append(c.DayFen, 24*hourly)
	}
	for hour := range 12 {
		s.Today.CostFen[hour] = hourly
	}
	s.Campaigns = []CampaignSpending{c}
	return s
}

// after is how long the money is expected to last.
func after(t *testing.T, s Spending, money Fen) time.Duration {
	t.Helper()
	f := s.Forecast(money)
	if !f.OK || f.Why != "" {
		t.Fatalf("no forecast: %+v", f)
	}
	return f.At.Sub(s.Now)
}

func near(a, b, by time.Duration) bool { return (a - b).Abs() <= by }

func TestForecastOfASteadyAccount(t *testing.T) {
	s := steady(10*Yuan, 1000*Yuan)
	for money, want := range map[Fen]time.Duration{
		45 * Yuan: 270 * time.Minute, 10: 0, 240 * Yuan: 24 * time.Hour, 2400 * Yuan: 240 * time.Hour,
	} {
		if got := after(t, s, money); !near(got, want, forecastStep) {
			t.Errorf("%d fen last %v, want %v", money, got, want)
		}
	}
	f := s.Forecast(100_000_000 * Yuan)
	if !f.OK || !f.Beyond || !f.At.Equal(s.Now.Add(forecastMost)) {
		t.Errorf("more than a year's money: %+v", f)
	}
}

func TestForecastKnowsWeekdayAndHour(t *testing.T) {
	s := steady(0, 10_000*Yuan)
	for i := range s.Days {
		weekend := s.Days[i].weekday() == time.Saturday || s.Days[i].weekday() == time.Sunday
		for hour := 20; hour < 22; hour++ { // evenings only, and ten times as much at the weekend
			s.Days[i].CostFen[hour] = 10 * Yuan
			if weekend {
				s.Days[i].CostFen[hour] = 100 * Yuan
			}
			s.Campaigns[0].DayFen[i] += s.Days[i].CostFen[hour]
		}
	}
	evening := 8 * time.Hour // from noon
	if got := after(t, s, 10*Yuan); got < evening || got > evening+2*time.Hour {
		t.Errorf("a quiet evening's half: %v", got)
	}
	// Wednesday to Friday cost some 60 yuan, Saturday 200.
	if got := s.Forecast(200 * Yuan).At.In(Shanghai); got.Weekday() != time.Saturday || got.Hour() < 20 || got.Hour() > 21 {
		t.Errorf("the weekend's money ends %v", got)
	}
}

func TestForecastCutsEachDayAtItsBudgets(t *testing.T) {
	s := steady(10*Yuan, 180*Yuan) // 60 are left of today, and each day ends at 18 o'clock
	if got := after(t, s, 59*Yuan); got > 6*time.Hour {
		t.Errorf("within today's budget: %v", got)
	}
	if got := after(t, s, 70*Yuan); got < 12*time.Hour || got > 14*time.Hour {
		t.Errorf("today's budget ends before the money, which lasts %v", got)
	}
	if f := s.Forecast(70 * Yuan); f.Low.Before(s.Now.Add(12 * time.Hour)) {
		t.Errorf("the band goes beyond the budget: %+v", f)
	}
	spent := s
	spent.Campaigns = []CampaignSpending{s.Campaigns[0]}
	spent.Campaigns[0].TodayFen = 180 * Yuan
	if got := after(t, spent, Yuan); got < 12*time.Hour {
		t.Errorf("a budget that is reached lets the money end in %v", got)
	}
}

func TestForecastLeavesStopsOut(t *testing.T) {
	s := steady(10*Yuan, 1000*Yuan)
	whole := after(t, s, 500*Yuan)
	for i := range 5 {
		for hour := 6; hour < 24; hour++ {
			s.Days[i].CostFen[hour], s.Days[i].Stopped[hour] = 0, true
		}
		s.Campaigns[0].DayFen[i] = 60 * Yuan
	}
	if got := after(t, s, 500*Yuan); !near(got, whole, time.Hour) {
		t.Errorf("with stops %v, without %v", got, whole)
	}
}

func TestForecastFollowsToday(t *testing.T) {
	usual := steady(10*Yuan, 1000*Yuan)
	last := after(t, usual, 60*Yuan)
	for _, c := range []struct {
		today Fen
		least time.Duration
		most  time.Duration
	}{
		{240 * Yuan, last / 2, last * 3 / 4},      // twice as fast
		{60 * Yuan, last * 5 / 4, last * 2},       // half as fast
		{100_000 * Yuan, last / 2, last*6/10 + 1}, // never more than twice
	} {
		s := usual
		s.Campaigns = []CampaignSpending{usual.Campaigns[0]}
		s.Campaigns[0].TodayFen, s.Campaigns[0].BudgetFen = c.today, 200_000*Yuan
		if got := after(t, s, 60*Yuan); got < c.least || got > c.most {
			t.Errorf("%d fen so far: %v, usually %v", c.today, got, last)
		}
	}
}

func TestForecastCountsWhatIsOnNow(t *testing.T) {
	s := steady(10*Yuan, 1000*Yuan)
	for i := range s.Campaigns[0].DayFen { // another campaign spent half, and is off by now
		s.Campaigns[0].DayFen[i] /= 2
	}
	s.Campaigns[0].TodayFen /= 2
	if got := after(t, s, 120*Yuan); !near(got, 24*time.Hour, forecastStep) {
		t.Errorf("at half the cost 120 yuan last %v", got)
	}
	hours := make([]int, WeekSlots) // and by its schedule it now waits for Thursday
	for slot := 3 * DaySlots; slot < 4*DaySlots; slot++ {
		hours[slot] = fullFactor
	}
	s.Campaigns[0].Schedule = NewSchedule(hours)
	if got := after(t, s, 10*Yuan); !near(got, 14*time.Hour, forecastStep) {
		t.Errorf("the schedule is not kept: %v", got)
	}
}

func TestForecastSaysWhyThereIsNone(t *testing.T) {
	none, frozen, off := steady(0, 1000*Yuan), steady(10*Yuan, 1000*Yuan), steady(10*Yuan, 1000*Yuan)
	frozen.Frozen, off.Campaigns = true, nil
	other := steady(10*Yuan, 1000*Yuan) // something spends, but not what is on
	other.Campaigns[0].DayFen, other.Campaigns[0].Since = make([]Fen, ForecastDays), other.Now
	for why, c := range map[ForecastGap]struct {
		s     Spending
		money Fen
	}{GapNoSpend: {none, 100}, GapFrozen: {frozen, 100}, GapNoCampaign: {off, 100}, GapNoMoney: {frozen, 0}} {
		if f := c.s.Forecast(c.money); f != (Forecast{Why: why}) {
			t.Errorf("%s: %+v", why, f)
		}
	}
	if f := other.Forecast(100); f.Why != GapNoSpend {
		t.Errorf("what is on has never spent: %+v", f)
	}
	if f := (Spending{Now: frozen.Now, Campaigns: off.Campaigns}).Forecast(-1); f.Why != GapNoMoney {
		t.Errorf("in arrears: %+v", f)
	}
}

// random is an account of any kind, sound or odd.
func random(r *rand.Rand) Spending {
	s := steady(0, 0)
	s.Now = s.Today.Start.Add(time.Duration(r.Int64N(int64(24 * time.Hour))))
	s.Days = s.Days[:r.IntN(ForecastDays+1)]
	s.Campaigns = make([]CampaignSpending, 1+r.IntN(4))
	for i := range s.Campaigns {
		c := &s.Campaigns[i]
		c.BudgetFen, c.TodayFen = Fen(30_00+r.IntN(500_00)), Fen(r.IntN(600_00))
		c.Since = s.Today.Start.AddDate(0, 0, r.IntN(20)-18)
		for range s.Days {
			c.DayFen = append(c.DayFen, Fen(r.IntN(500_00))*Fen(r.IntN(3)/2))
		}
	}
	for d := range s.Days {
		for hour := range 24 {
			s.Days[d].CostFen[hour] = Fen(r.IntN(60_00)) * Fen(r.IntN(2))
			s.Days[d].Stopped[hour] = r.IntN(9) == 0
		}
	}
	return s
}

// Of any account: more money never ends earlier, nor does any edge of the band;
// the expected end lies in the band; higher budgets never make the money last
// longer; and the same question has the same answer.
func TestForecastIsMonotone(t *testing.T) {
	r := rand.New(rand.NewPCG(20261124, 12))
	answers := 0
	for range 300 {
		s := random(r)
		var last Forecast
		for money := Fen(1); money < 1_000_000_00; money = money*(3+Fen(r.IntN(4)))/2 + 1 {
			f := s.Forecast(money)
			if again := s.Forecast(money); again != f {
				t.Fatalf("twice asked: %+v, %+v", f, again)
			}
			if !f.OK {
				break
			}
			answers++
			if f.Low.After(f.At) || f.At.After(f.High) || f.Low.Before(s.Now) {
				t.Fatalf("%d: %+v at %v", money, f, s.Now)
			}
			if f.At.Before(last.At) || f.Low.Before(last.Low) || f.High.Before(last.High) {
				t.Fatalf("%d fen end before fewer did: %+v, %+v", money, f, last)
			}
			last = f
			richer := s
			richer.Campaigns = append([]CampaignSpending(nil), s.Campaigns...)
			for i := range richer.Campaigns {
				richer.Campaigns[i].BudgetFen += Fen(r.IntN(300_00))
			}
			if more := richer.Forecast(money); more.At.After(f.At) {
				t.Fatalf("with higher budgets %d fen last until %v, with lower %v", money, more.At, f.At)
			}
		}
	}
	if answers < 2000 {
		t.Errorf("only %d answers were looked at", answers)
	}
}
