package models_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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

// What is wrong with an item is said of that item; the rest is booked.
func TestAWrongItemIsRejectedAndTheRestIsBooked(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, campaigns := b.Seller(t, 10_000*yuan)
		_, theirs := b.Seller(t, 10_000*yuan)
		keyword := keywordOf(t, b, account, campaigns[0])
		with := func(id string, change func(*models.Charge)) models.Charge {
			c := click(b, id, campaigns[0], 5)
			change(&c)
			return c
		}
		at := func(ago time.Duration) func(*models.Charge) {
			return func(c *models.Charge) { c.ChargedAt = b.Clock.Now().Add(-ago) }
		}
		amount := func(fen models.Fen) func(*models.Charge) { return func(c *models.Charge) { c.AmountFen = fen } }
		n := 0
		for _, c := range []struct {
			name string
			item models.Charge
			code models.RejectCode // "": taken
		}{
			{"unknown campaign", with("x1", func(c *models.Charge) { c.CampaignID = 999999 }), models.RejectUnknownCampaign},
			{"unknown keyword", with("x2", func(c *models.Charge) { c.KeywordID = 999999 }), models.RejectUnknownKeyword},
			{"another campaign's keyword", with("x3", func(c *models.Charge) { c.CampaignID, c.KeywordID = theirs[0], keyword }), models.RejectUnknownKeyword},
			{"its own keyword", with("k1", func(c *models.Charge) { c.KeywordID = keyword }), ""},
			{"zero", with("x4", amount(0)), models.RejectNotPositive},
			{"negative", with("x5", amount(-1)), models.RejectNotPositive},
			{"the greatest", with("k2", amount(999_999)), ""},
			{"over the greatest", with("x6", amount(1_000_000)), models.RejectTooLarge},
			{"beyond sums", with("x7", amount(math.MaxInt64)), models.RejectTooLarge},
			{"five minutes ahead", with("k3", at(-5*time.Minute)), ""},
			{"over five minutes ahead", with("x8", at(-5*time.Minute-time.Second)), models.RejectFuture},
			{"seven days old", with("k4", at(7*24*time.Hour)), ""},
			{"over seven days old", with("x9", at(7*24*time.Hour+time.Second)), models.RejectTooOld},
			{"no instant", with("x10", func(c *models.Charge) { c.ChargedAt = time.Time{} }), models.RejectMalformed},
			{"no id", with("", amount(5)), models.RejectMalformed},
			{"an id too long", with(strings.Repeat("x", 65), amount(5)), models.RejectMalformed},
			{"an id over two lines", with("a\nb", amount(5)), models.RejectMalformed},
			{"no campaign", with("x11", func(c *models.Charge) { c.CampaignID = 0 }), models.RejectMalformed},
		} {
			t.Run(c.name, func(t *testing.T) {
				n++
				before := desk(t, b, account).Funds.Cash
				got, err := b.PostCharges(t.Context(), []models.Charge{click(b, fmt.Sprint("good", n), campaigns[0], 100), c.item})
				must(t, err)
				want := models.ChargeResult{Accepted: 2}
				if c.code != "" {
					want = models.ChargeResult{Accepted: 1, Rejected: []models.Rejection{{Index: 1, Code: c.code}}}
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Error(diff)
				}
				cost := models.Fen(100)
				if c.code == "" {
					cost += c.item.AmountFen
				}
				if after := desk(t, b, account).Funds.Cash; before-after != cost {
					t.Errorf("%d were booked, want %d", before-after, cost)
				}
			})
		}
		_, err := b.PostCharges(t.Context(), make([]models.Charge, models.MaxChargeBatch+1))
		wantCode(t, err, models.Invalid)
		b.Sound(t)
	})
}

// An id is good for one charge, for ever: what is the same is a duplicate, even
// when it could no longer be booked; what is another charge is told apart.
func TestAChargeIDIsBookedOnceForEver(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, campaigns := b.Seller(t, 10_000*yuan, 10_000*yuan)
		first := click(b, "c1", campaigns[0], 100)
		got, err := b.PostCharges(t.Context(), []models.Charge{first, first})
		wantCounts(t, got, err, 1, 1)
		b.Clock.Add(400 * 24 * time.Hour)
		got, err = b.PostCharges(t.Context(), []models.Charge{first})
		wantCounts(t, got, err, 0, 1)
		other, elsewhere := first, first
		other.AmountFen, elsewhere.CampaignID = 101, campaigns[1]
		got, err = b.PostCharges(t.Context(), []models.Charge{other, elsewhere, click(b, "c2", campaigns[1], 1)})
		must(t, err)
		want := models.ChargeResult{Accepted: 1, Rejected: []models.Rejection{{Index: 0, Code: models.RejectReused}, {Index: 1, Code: models.RejectReused}}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		wantFunds(t, b, account, -101, 0)
		b.Sound(t)
	})
}

// One posting an account and body, whatever the bodies share; and no more than
// one transaction a body and lane.
func TestABodyIsOnePostingAnAccount(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, campaigns := b.Seller(t, 10_000*yuan, 10_000*yuan)
		other, theirs := b.Seller(t, 10_000*yuan)
		grant(t, b, account, "g1", 150)
		bodies := [][]models.Charge{
			{click(b, "a1", campaigns[0], 100), click(b, "a2", campaigns[1], 20), click(b, "a3", theirs[0], 3)},
			{click(b, "b1", campaigns[1], 40), click(b, "a1", campaigns[0], 100), click(b, "b2", theirs[0], 4)},
		}
		for _, body := range bodies {
			_, err := b.PostCharges(t.Context(), body)
			must(t, err)
		}
		for id, want := range map[int64][]string{account: {"bonus -120", "bonus -30", "cash -10"}, other: {"cash -3", "cash -4"}} {
			rows, _, err := b.Statement(t.Context(), id, models.StatementFilter{Kind: models.KindCharge}, models.Keyset{})
			must(t, err)
			var got []string
			for _, row := range rows {
				got = append(got, fmt.Sprint(row.Purse, " ", int64(row.AmountFen)))
			}
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		}
		db, err := b.Handle()
		must(t, err)
		var transactions int
		must(t, db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM ledger_transactions WHERE kind = 'charge'").Scan(&transactions))
		if most := map[models.Engine]int{models.SQLite: 2, models.Postgres: 4}[b.Engine()]; transactions < 2 || transactions > most {
			t.Errorf("2 bodies over 2 accounts made %d transactions", transactions)
		}
		b.Sound(t)
	})
}

func keywordOf(t testing.TB, b *modelstest.Bench, account, campaign int64) int64 {
	t.Helper()
	_, keywords, err := b.CampaignDetail(t.Context(), account, campaign)
	must(t, err)
	return keywords[0].ID
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
		modelstest.Edited(t)(b.SetBudget(t.Context(), models.Actor{}, account, models.RowRef{ID: campaigns[0]}, "200"))
		wantDelivery(t, b, account, models.DeliveryServing, models.DeliveryServing)
	})
}

// Bodies that come in together share transactions and still count each for
// itself; on PostgreSQL they are spread over lanes.
func TestManySmallBodiesAtOnceAreBookedOnceEach(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		const sellers, clients, bodies = 6, 16, 12
		var accounts, campaigns []int64
		for range sellers {
			account, ids := b.Seller(t, 10_000*yuan)
			accounts, campaigns = append(accounts, account), append(campaigns, ids[0])
		}
		var mu sync.Mutex
		var sum models.ChargeResult
		var wg sync.WaitGroup
		for i := range clients {
			wg.Go(func() {
				for n := range bodies {
					body := []models.Charge{
						click(b, fmt.Sprintf("%d-%d", i, n), campaigns[(i+n)%sellers], 1),
						click(b, fmt.Sprintf("shared-%d", n), campaigns[n%sellers], 10), // every client sends it
						click(b, fmt.Sprintf("bad-%d-%d", i, n), campaigns[0], 0),
					}
					got, err := b.PostCharges(t.Context(), body)
					if err != nil || got.Accepted+got.Duplicate != 2 || len(got.Rejected) != 1 || got.Rejected[0].Index != 2 {
						t.Errorf("%+v, %v", got, err)
					}
					mu.Lock()
					sum.Accepted += got.Accepted
					sum.Duplicate += got.Duplicate
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if sum.Accepted != clients*bodies+bodies || sum.Duplicate != (clients-1)*bodies {
			t.Errorf("in all: %+v", sum)
		}
		var cash models.Fen
		for _, account := range accounts {
			cash += desk(t, b, account).Funds.Cash
		}
		if want := models.Fen(clients*bodies + 10*bodies); cash != -want {
			t.Errorf("the accounts stand at %d, want %d", cash, -want)
		}
		b.Sound(t)
	})
}

// Who gives up waiting takes the body out of the queue, or has it booked; either
// way nothing is lost or booked twice when it is sent again.
func TestABodyWhoseSenderGaveUpCanBeSentAgain(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, campaigns := b.Seller(t, 10_000*yuan)
		for n := range 20 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(n)*200*time.Microsecond)
			body := []models.Charge{click(b, fmt.Sprint("c", n), campaigns[0], 1)}
			_, first := b.PostCharges(ctx, body)
			cancel()
			got, err := b.PostCharges(t.Context(), body)
			if err != nil || got.Accepted+got.Duplicate != 1 {
				t.Errorf("after %v: %+v, %v", first, got, err)
			}
		}
		wantFunds(t, b, account, -20, 0)
		b.Sound(t)
	})
}

// What the nightly reader is for: a sub-ledger that is not the ledger's sum.
func TestVerifyHoldsChargesAgainstTheLedger(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, campaigns := b.Seller(t, 10_000*yuan)
		b.Charge(t, "c1", campaigns[0], 100)
		b.Sound(t)
		db, err := b.Handle()
		must(t, err)
		plant := func(statement string, args ...any) {
			t.Helper()
			_, err := db.ExecContext(t.Context(), statement, args...)
			must(t, err)
		}
		const copied = `INSERT INTO charges (charge_id, account_id, campaign_id, amount_fen, charged_at, received_at, transaction_id)
			SELECT '%s', %d, %d, 7, charged_at, received_at, %s FROM charges WHERE charge_id = 'c1'`
		// A charge that nobody paid.
		plant(fmt.Sprintf(copied, "planted", account, campaigns[0], "transaction_id"))
		// A charge of one seller that another paid: the books are in balance.
		other, theirs := b.Seller(t, 10_000*yuan)
		plant("INSERT INTO ledger_transactions (id, kind, reference, booked_at) VALUES (900, 'charge', 'c2', CURRENT_TIMESTAMP)")
		plant(`INSERT INTO ledger_entries (transaction_id, account_id, amount_fen, balance_after_fen)
			SELECT 900, id, CASE name WHEN 'revenue' THEN 7 ELSE -7 END, 0 FROM ledger_accounts WHERE name = 'revenue' OR id = (SELECT cash_account_id FROM accounts WHERE id = $1)`, account)
		plant("UPDATE ledger_accounts SET balance_fen = balance_fen + CASE name WHEN 'revenue' THEN 7 ELSE -7 END WHERE name = 'revenue' OR id = (SELECT cash_account_id FROM accounts WHERE id = $1)", account)
		plant(fmt.Sprintf(copied, "swapped", other, theirs[0], "900"))
		faults, err := b.VerifyLedger(t.Context())
		must(t, err)
		var got []string
		for _, fault := range faults {
			got = append(got, fmt.Sprintf("%s %d: %d, %d", fault.What, fault.ID, fault.Want, fault.Got))
		}
		want := []string{"cash by day of account 1: -107, -100", "charges of transaction 1: 107, 100"}
		for _, of := range [][]int64{{account, 107, 100}, {account, 0, 7}, {other, 7, 0}} {
			want = append(want, fmt.Sprintf("charges of account %d: %d, %d", of[0], of[1], of[2]))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

// Two processes on one database are sent the same bodies at once, and ids that
// are used again for another seller's campaign: the locks and unique indexes of
// the database are all that stands between.
func TestChargesAreBookedOnceByTwoProcesses(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		stores := []*models.Store{b.Store, b.Again(t)}
		const rounds, ids = 10, 8
		for round := range rounds {
			account, campaigns := b.Seller(t, 10_000*yuan)
			other, theirs := b.Seller(t, 10_000*yuan)
			grant(t, b, account, fmt.Sprint("g", account), 35)
			body := func(campaign int64) (all []models.Charge) {
				for n := range ids {
					all = append(all, click(b, fmt.Sprintf("%d-%d", round, n), campaign, 10))
				}
				return all
			}
			var mu sync.Mutex
			accepted := 0
			var wg sync.WaitGroup
			start := make(chan struct{})
			for i := range 12 {
				wg.Go(func() {
					<-start
					campaign := campaigns[0]
					if i%3 == 0 {
						campaign = theirs[0]
					}
					got, err := stores[i%2].PostCharges(t.Context(), body(campaign))
					if err != nil || got.Accepted+got.Duplicate+len(got.Rejected) != ids {
						t.Errorf("%+v, %v", got, err)
					}
					mu.Lock()
					accepted += got.Accepted
					mu.Unlock()
				})
			}
			close(start)
			wg.Wait()
			if accepted != ids {
				t.Errorf("round %d: %d of %d ids were booked", round, accepted, ids)
			}
			mine, others := desk(t, b, account).Funds, desk(t, b, other).Funds
			if spent := 35 - mine.Cash - mine.Bonus - others.Cash; spent != 10*ids {
				t.Errorf("round %d: %d fen were spent", round, spent)
			}
		}
		b.Sound(t)
	})
}
