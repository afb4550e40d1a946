package models_test

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

func click(b *modelstest.Bench, id string, campaignID int64, amount models.Fen) models.Charge {
	return models.Charge{ChargeID: id, CampaignID: campaignID, AmountFen: amount, ChargedAt: b.Clock.Now()}
}

func wantCounts(t *testing.T, got models.ChargeResult, err error, accepted, duplicate int) {
	t.Helper()
	if err != nil || got.Accepted != accepted || got.Duplicate != duplicate {
		t.Errorf("got %+v, %v; want %d accepted, %d duplicate", got, err, accepted, duplicate)
	}
}

func TestChargesUseBonusFirst(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, campaigns := b.Seller(t, 10_000*yuan)
		recharge(t, b, account, 500*yuan)
		grant(t, b, account, "g1", 100*yuan)
		b.Charge(t, "c1", campaigns[0], 60*yuan)
		wantFunds(t, b, account, 500*yuan, 40*yuan)
		b.Charge(t, "c2", campaigns[0], 90*yuan) // over the edge of the bonus
		wantFunds(t, b, account, 450*yuan, 0)
		b.Charge(t, "c3", campaigns[0], 50*yuan)
		wantFunds(t, b, account, 400*yuan, 0)
		b.Sound(t)
	})
}

func TestBonusNeverSettlesArrears(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, campaigns := b.Seller(t, 10_000*yuan)
		b.Charge(t, "c1", campaigns[0], 300*yuan)
		grant(t, b, account, "g1", 1000*yuan)
		wantFunds(t, b, account, -300*yuan, 1000*yuan)
		wantAccount(t, b, account, models.AccountArrears)
		d := desk(t, b, account)
		if d.Funds.Spendable() != 0 || d.Funds.Arrears() != 300*yuan {
			t.Errorf("in arrears %d may be spent, %d is owed", d.Funds.Spendable(), d.Funds.Arrears())
		}
		b.Charge(t, "c2", campaigns[0], 100*yuan) // a late click: bonus pays it, the debt stays
		wantFunds(t, b, account, -300*yuan, 900*yuan)
		recharge(t, b, account, 300*yuan)
		wantFunds(t, b, account, 0, 900*yuan)
		wantAccount(t, b, account, models.AccountActive)
		wantDelivery(t, b, account, models.DeliveryRecovering)
		b.Sound(t)
	})
}

func TestChargesAreBookedOnce(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, campaigns := b.Seller(t, 10_000*yuan)
		other, theirs := b.Seller(t, 10_000*yuan)
		batch := []models.Charge{click(b, "c1", campaigns[0], 100), click(b, "c2", theirs[0], 20), click(b, "c3", campaigns[0], 3)}
		got, err := b.PostCharges(t.Context(), batch)
		wantCounts(t, got, err, 3, 0)
		got, err = b.PostCharges(t.Context(), batch)
		wantCounts(t, got, err, 0, 3)
		slices.Reverse(batch)
		got, err = b.PostCharges(t.Context(), append(batch, click(b, "c4", theirs[0], 4000)))
		wantCounts(t, got, err, 1, 3)
		got, err = b.PostCharges(t.Context(), nil)
		wantCounts(t, got, err, 0, 0)
		wantFunds(t, b, account, -103, 0)
		wantFunds(t, b, other, -4020, 0)
		b.Sound(t)
	})
}

func TestARefusedBatchBooksNothing(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, campaigns := b.Seller(t, 10_000*yuan)
		good := click(b, "c1", campaigns[0], 100)
		for name, c := range map[string]struct {
			batch []models.Charge
			code  models.Code
		}{
			"unknown campaign":   {[]models.Charge{good, click(b, "c2", 999999, 5)}, models.NotFound},
			"amount of zero":     {[]models.Charge{good, click(b, "c2", campaigns[0], 0)}, models.Invalid},
			"negative amount":    {[]models.Charge{good, click(b, "c2", campaigns[0], -1)}, models.Invalid},
			"amount beyond sums": {[]models.Charge{good, click(b, "c2", campaigns[0], math.MaxInt64)}, models.Invalid},
			"no id":              {[]models.Charge{good, click(b, "", campaigns[0], 5)}, models.Invalid},
			"an id twice":        {[]models.Charge{good, click(b, "c1", campaigns[0], 5)}, models.Invalid},
			"too many":           {make([]models.Charge, models.MaxChargeBatch+1), models.Invalid},
		} {
			t.Run(name, func(t *testing.T) {
				got, err := b.PostCharges(t.Context(), c.batch)
				wantCode(t, err, c.code)
				if got != (models.ChargeResult{}) {
					t.Errorf("counted %+v", got)
				}
				wantFunds(t, b, account, 0, 0)
			})
		}
		b.Sound(t)
	})
}

// The same clicks, and batches that overlap, come in at once: each is booked
// once, though bonus is used up between the batches.
func TestChargesAreBookedOnceUnderRace(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		for round := range 3 {
			account, campaigns := b.Seller(t, 10_000*yuan)
			grant(t, b, account, fmt.Sprint("g", round, account), 130)
			id := func(n int) string { return fmt.Sprintf("%d-%d", account, n) }
			var wg sync.WaitGroup
			start := make(chan struct{})
			for i := range 20 {
				wg.Go(func() {
					<-start
					_, err := b.PostCharges(t.Context(), []models.Charge{
						click(b, id(0), campaigns[0], 100), click(b, id(1+i%4), campaigns[0], 10),
					})
					if err != nil {
						t.Error(err)
					}
				})
			}
			close(start)
			wg.Wait()
			wantFunds(t, b, account, -10, 0)
		}
		b.Sound(t)
	})
}

// Batches over the same accounts in any order must not lock each other out:
// PostgreSQL takes a second to find each deadlock.
func TestBatchesOverManyAccountsDoNotBlockEachOther(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		var accounts, campaigns []int64
		for range 3 {
			account, ids := b.Seller(t, 10_000*yuan)
			accounts, campaigns = append(accounts, account), append(campaigns, ids[0])
		}
		began := time.Now()
		var wg sync.WaitGroup
		for i := range 12 {
			wg.Go(func() {
				for n := range 5 {
					var batch []models.Charge
					for j := range 1 + i%3 {
						batch = append(batch, click(b, fmt.Sprintf("%d-%d-%d", i, n, j), campaigns[(i/3+j)%3], 1))
					}
					if _, err := b.PostCharges(t.Context(), batch); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("60 batches took %v", took)
		}
		var sum models.Fen
		for _, account := range accounts {
			sum += desk(t, b, account).Funds.Cash
		}
		if sum != -120 {
			t.Errorf("the accounts stand at %d together, want -120", sum)
		}
		b.Sound(t)
	})
}

func TestBudgetIsReachedUntilMidnightInShanghai(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, campaigns := b.Seller(t, 100*yuan, 200*yuan)
		recharge(t, b, account, 1000*yuan)
		b.Clock.Add(time.Hour) // the ramp is over
		b.Charge(t, "c1", campaigns[0], 99*yuan)
		wantDelivery(t, b, account, models.DeliveryServing, models.DeliveryServing)
		b.Charge(t, "c2", campaigns[0], yuan)
		views := wantDelivery(t, b, account, models.DeliveryBudgetReached, models.DeliveryServing)
		if views[0].SpentTodayFen != 100*yuan || views[1].SpentTodayFen != 0 {
			t.Errorf("spent today: %d and %d", views[0].SpentTodayFen, views[1].SpentTodayFen)
		}
		midnight := time.Date(2026, 11, 24, 16, 0, 0, 0, time.UTC)
		b.Clock.Set(midnight.Add(-time.Microsecond))
		wantDelivery(t, b, account, models.DeliveryBudgetReached, models.DeliveryServing)
		b.Clock.Set(midnight)
		wantDelivery(t, b, account, models.DeliveryServing, models.DeliveryServing)

		b.Charge(t, "c3", campaigns[0], 150*yuan)
		wantDelivery(t, b, account, models.DeliveryBudgetReached, models.DeliveryServing)
		must(t, b.SetBudget(t.Context(), models.Actor{}, account, campaigns[0], "200"))
		wantDelivery(t, b, account, models.DeliveryServing, models.DeliveryServing)
	})
}
