package models

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

//go:embed seed.json
var seedJSON []byte

// seedBook is what the demo is made of; amounts in fen. Keywords are
// [phrase, bid, quality].
type seedBook struct {
	Password string
	Staff    []struct {
		Email string
		Role  Role
	}
	Sellers []seedSeller
}

type seedSeller struct {
	Email             string
	Shop              string
	BonusFen          Fen `json:"bonus_fen"`
	BalanceFen        Fen `json:"balance_fen"` // cash in the end
	StoppedHoursAgo   int `json:"stopped_hours_ago"`
	Suspended         bool
	ExpiredPaymentFen Fen `json:"expired_payment_fen"`
	Campaigns         []seedCampaign
}

type seedCampaign struct {
	Name      string
	BudgetFen Fen `json:"budget_fen"`
	On        bool
	Ended     bool
	DailyFen  Fen `json:"daily_fen"`
	Keywords  []seedKeyword
}

type seedKeyword NewKeyword

// UnmarshalJSON reads [phrase, bid, quality].
func (k *seedKeyword) UnmarshalJSON(data []byte) error {
	fields := []any{&k.Phrase, &k.Bid, &k.Quality}
	return json.Unmarshal(data, &fields)
}

const seedDays = 15 // days of history

// hourShare is how a day's clicks spread over its hours, in thousandths.
var hourShare = [24]int64{16, 10, 6, 5, 5, 8, 16, 28, 42, 55, 60, 56, 50, 48, 52, 54, 52, 50, 52, 62, 76, 82, 72, 43}

// IsEmpty: nobody can sign in yet.
func (s *Store) IsEmpty(ctx context.Context) (bool, error) {
	var n int64
	err := s.read.WithContext(ctx).Model(&User{}).Limit(1).Count(&n).Error
	return n == 0, err
}

// SeedDemo fills an empty database with the demo's staff and sellers: their
// history is played through the same commands that run in earnest, on a clock
// that is set back. It is refused outside demo mode.
func (s *Store) SeedDemo(ctx context.Context) error {
	if !s.rules.Demo {
		return conflict("error.seed.production", nil)
	}
	var book seedBook
	if err := json.Unmarshal(seedJSON, &book); err != nil {
		return err
	}
	for _, staff := range book.Staff {
		if _, err := s.CreateUser(ctx, Actor{}, NewUser{Email: staff.Email, Password: book.Password, Role: staff.Role}); err != nil {
			return err
		}
		if err := s.seedTOTP(ctx, staff.Email); err != nil {
			return err
		}
	}
	for i, seller := range book.Sellers {
		if err := s.seedSeller(ctx, seller, book.Password, uint64(i)); err != nil {
			return fmt.Errorf("seed %s: %w", seller.Email, err)
		}
	}
	return nil
}

// at is the same store on a clock that stands at an instant.
func (s *Store) at(instant time.Time) *Store {
	other := *s
	other.now = func() time.Time { return instant }
	return &other
}

func (s *Store) seedSeller(ctx context.Context, in seedSeller, password string, stream uint64) error {
	now := s.Now()
	stop := now.Add(-time.Duration(in.StoppedHoursAgo) * time.Hour)
	// Two weeks before the stop are there too; they are drawn apart, so that the days
	// up to now are the same without them.
	began, recent := dayStart(stop).AddDate(0, 0, -seedDays), dayStart(now).AddDate(0, 0, -seedDays)
	opening := s.at(began)
	accountID, err := opening.CreateUser(ctx, Actor{}, NewUser{Email: in.Email, Password: password, Role: RoleSeller, ShopName: in.Shop})
	if err != nil {
		return err
	}
	clicks := func(ids []int64, keywords [][]int64) ([][]Charge, Fen) {
		older, before := seedClicks(in.Campaigns, ids, keywords, began, recent, rand.New(rand.NewPCG(20261126, stream)))
		hours, total := seedClicks(in.Campaigns, ids, keywords, recent, stop, rand.New(rand.NewPCG(20261124, stream)))
		return append(older, hours...), before + total
	}
	_, total := clicks(make([]int64, len(in.Campaigns)), nil)
	last := in.BalanceFen
	if in.BalanceFen < 0 { // the last clicks come in late and take the account below zero
		last = 1260
	}
	if err := opening.post(ctx, accountID, KindAdjustment, "opening:"+in.Email, total-in.BonusFen+last); err != nil {
		return err
	}
	if in.BonusFen > 0 {
		if err := opening.post(ctx, accountID, KindBonusGrant, "opening:"+in.Email, in.BonusFen); err != nil {
			return err
		}
	}
	// After the money, so that the first thing they do is not to recover.
	ids, err := opening.seedCampaigns(ctx, accountID, in.Campaigns, began.AddDate(0, 0, 3))
	if err != nil {
		return err
	}
	keywords, err := s.seedKeywords(ctx, ids)
	if err != nil {
		return err
	}
	history, _ := clicks(ids, keywords)
	for _, hour := range history {
		if _, err := s.at(hour[0].ChargedAt).PostCharges(ctx, hour); err != nil {
			return err
		}
	}
	older := slices.IndexFunc(history, func(hour []Charge) bool { return !hour[0].ChargedAt.Before(recent) })
	for _, part := range []struct {
		hours [][]Charge
		seed  uint64
	}{{history[:older], 20261127}, {history[older:], 20261125}} {
		if err := s.seedResults(ctx, in.Campaigns, part.hours, keywords, rand.New(rand.NewPCG(part.seed, stream))); err != nil {
			return err
		}
	}
	if in.BalanceFen < 0 {
		if _, err := s.at(stop).PostCharges(ctx, seedLate(in.Campaigns, ids, last-in.BalanceFen, stop)); err != nil {
			return err
		}
	}
	return s.seedEnd(ctx, accountID, in, stop)
}

func (s *Store) seedCampaigns(ctx context.Context, accountID int64, campaigns []seedCampaign, ended time.Time) ([]int64, error) {
	ids := make([]int64, len(campaigns))
	for i, c := range campaigns {
		in := NewCampaign{Name: c.Name, Budget: c.BudgetFen, SwitchedOn: c.On}
		if c.Ended {
			in.EndedAt = &ended
		}
		for _, k := range c.Keywords {
			in.Keywords = append(in.Keywords, NewKeyword(k))
		}
		var err error
		if ids[i], err = s.CreateCampaign(ctx, Actor{}, accountID, in); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// seedKeywords reads the ids of each campaign's keywords, in their order.
func (s *Store) seedKeywords(ctx context.Context, campaigns []int64) ([][]int64, error) {
	all := make([][]int64, len(campaigns))
	for i, id := range campaigns {
		err := s.read.WithContext(ctx).Model(&Keyword{}).Where("campaign_id = ?", id).Order("id").Pluck("id", &all[i]).Error
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// seedResults tells what came of the clicks, a day at a time: about one in twenty
// brings an order, but none of the last of several keywords; and what their quality is.
func (s *Store) seedResults(ctx context.Context, campaigns []seedCampaign, history [][]Charge, keywords [][]int64, random *rand.Rand) error {
	barren, price, quality := map[int64]bool{}, map[int64]Fen{}, map[int64]int64{}
	for c, ids := range keywords {
		worth := Fen(49_00 + random.Int64N(100_00))
		for i, id := range ids {
			barren[id], price[id], quality[id] = i > 0 && i == len(ids)-1, worth, int64(campaigns[c].Keywords[i].Quality)
		}
	}
	at := map[int64]int{}
	var day []Result
	for n, hour := range history {
		clear(at)
		for _, c := range hour {
			place, known := at[c.KeywordID]
			if !known {
				place = len(day)
				at[c.KeywordID] = place
				day = append(day, Result{CampaignID: c.CampaignID, KeywordID: c.KeywordID, HourAt: c.ChargedAt.Truncate(time.Hour), Quality: new(quality[c.KeywordID])})
			}
			r := &day[place]
			r.Clicks++
			r.Impressions += 25 + random.Int64N(30)
			if random.IntN(20) == 0 && !barren[c.KeywordID] {
				r.Orders++
				r.OrderAmountFen += price[c.KeywordID]
			}
		}
		last := hour[0].ChargedAt
		if n+1 < len(history) && DayOn(history[n+1][0].ChargedAt) == DayOn(last) {
			continue
		}
		if _, err := s.at(last).PutResults(ctx, day); err != nil {
			return err
		}
		day = day[:0]
	}
	return nil
}

// seedClicks makes the clicks of an account hour by hour, and their sum; without
// keywords their sum alone is meant.
func seedClicks(campaigns []seedCampaign, ids []int64, keywords [][]int64, began, stop time.Time, random *rand.Rand) (hours [][]Charge, total Fen) {
	for at := began.Add(30 * time.Minute); at.Before(stop); at = at.Add(time.Hour) {
		var hour []Charge
		for i, c := range campaigns {
			left := int64(c.DailyFen) * hourShare[at.In(Shanghai).Hour()] / 1000
			left = left * (85 + random.Int64N(31)) / 100
			for n := 0; left > 0; n++ {
				which := random.IntN(len(c.Keywords))
				k := c.Keywords[which]
				var keyword int64
				if keywords != nil {
					keyword = keywords[i][which]
				}
				cost := min(int64(k.Bid)*(55+random.Int64N(46))/100, left)
				hour = append(hour, Charge{
					ChargeID: fmt.Sprintf("seed-%d-%s-%d", ids[i], at.Format("0102T15"), n), CampaignID: ids[i], KeywordID: keyword, AmountFen: Fen(cost), ChargedAt: at,
				})
				left -= cost
				total += Fen(cost)
			}
		}
		if len(hour) > 0 {
			hours = append(hours, hour)
		}
	}
	return hours, total
}

// seedLate makes clicks of the four days before the stop that are charged only
// then, over all campaigns that run, so that none of them exceeds its day.
func seedLate(campaigns []seedCampaign, ids []int64, amount Fen, stop time.Time) (late []Charge) {
	for day := range 4 {
		for i, c := range campaigns {
			if c.DailyFen > 0 {
				id := fmt.Sprintf("seed-late-%d-%d", ids[i], day+1)
				late = append(late, Charge{ChargeID: id, CampaignID: ids[i], ChargedAt: stop.AddDate(0, 0, -day-1)})
			}
		}
	}
	for i := range late {
		left := Fen(len(late) - i)
		late[i].AmountFen = amount / left
		amount -= late[i].AmountFen
	}
	return late
}

// seedEnd plays what followed the stop: the deadline, and a payment that timed out.
func (s *Store) seedEnd(ctx context.Context, accountID int64, in seedSeller, stop time.Time) error {
	if in.Suspended {
		if err := s.at(stop.Add(s.rules.ArrearsGrace)).SuspendAccount(ctx, accountID, stop.UTC().Truncate(time.Microsecond)); err != nil {
			return err
		}
	}
	if in.ExpiredPaymentFen == 0 {
		return nil
	}
	asked := stop.Add(s.rules.ArrearsGrace).Add(4 * time.Hour)
	draft, err := s.at(asked).DraftRecharge(ctx, accountID, RechargeInput{Amount: in.ExpiredPaymentFen.Wire(), Method: string(RailAlipay)})
	if err != nil {
		return err
	}
	if _, err := s.at(asked.Add(time.Minute)).ConfirmPayment(ctx, accountID, draft.No, ""); err != nil {
		return err
	}
	_, err = s.at(asked.Add(time.Minute+s.rules.PaymentTTL)).ExpirePayment(ctx, draft.No)
	return err
}
