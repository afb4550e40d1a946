package models_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

func settle(t testing.TB, b *modelstest.Bench, r models.Receipt) models.Outcome {
	t.Helper()
	outcome, err := b.SettlePayment(t.Context(), r, 0)
	if err != nil {
		t.Fatal(err)
	}
	return outcome
}

func wantFunds(t testing.TB, b *modelstest.Bench, accountID int64, cash, bonus models.Fen) {
	t.Helper()
	desk, err := b.RechargeDesk(t.Context(), accountID)
	if err != nil {
		t.Fatal(err)
	}
	if desk.Funds != (models.Funds{Cash: cash, Bonus: bonus}) {
		t.Errorf("funds are %+v, want cash %d bonus %d", desk.Funds, cash, bonus)
	}
}

func wantState(t testing.TB, b *modelstest.Bench, no string, want models.PaymentState) models.Payment {
	t.Helper()
	p, err := b.PaymentByNo(t.Context(), no)
	if err != nil {
		t.Fatal(err)
	}
	if p.State != want {
		t.Errorf("payment is %s, want %s", p.State, want)
	}
	return p
}

func TestSettlePayment(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, _ := b.Seller(t)
		p := b.Pending(t, account, "500")
		r := b.Receipt(p)

		t.Run("CreditsOnceHoweverOftenItIsTold", func(t *testing.T) {
			if got := settle(t, b, r); got != models.OutcomeSettled {
				t.Fatalf("first receipt: %s", got)
			}
			for range 3 {
				if got := settle(t, b, r); got != models.OutcomeAlready {
					t.Fatalf("repeated receipt: %s", got)
				}
			}
			wantFunds(t, b, account, 500*models.Yuan, 0)
			paid := wantState(t, b, p.No, models.PaymentPaid)
			if paid.PaidLate || *paid.GatewayTradeNo != r.GatewayTradeNo || !paid.PaidAt.Equal(r.PaidAt) {
				t.Errorf("paid payment: %+v", paid)
			}
		})
		t.Run("SecondTradeForTheSamePaymentStandsInSuspense", func(t *testing.T) {
			second := r
			second.GatewayTradeNo, second.Confirmed = "2026112499999999", true
			if got := settle(t, b, second); got != models.OutcomeSuspense {
				t.Fatalf("second trade: %s", got)
			}
			wantFunds(t, b, account, 500*models.Yuan, 0)
			wantState(t, b, p.No, models.PaymentPaid)
		})
		b.Sound(t)
	})
}

func TestSettleDoubtfulReceipts(t *testing.T) {
	t.Parallel()
	change := map[string]func(*models.Receipt){
		"AmountDiffers":   func(r *models.Receipt) { r.AmountFen++ },
		"CurrencyDiffers": func(r *models.Receipt) { r.Currency = "USD" },
		"PayeeDiffers":    func(r *models.Receipt) { r.Payee = "2088999999999999" },
		"NoPayee":         func(r *models.Receipt) { r.Payee = "" },
		"UnknownPayment":  func(r *models.Receipt) { r.OutTradeNo = "R26112400000000000000" },
		"OtherRail":       func(r *models.Receipt) { r.Rail = models.RailWechat },
	}
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		for name, spoil := range change {
			t.Run(name, func(t *testing.T) {
				account, _ := b.Seller(t)
				p := b.Pending(t, account, "500")
				told := b.Receipt(p)
				spoil(&told)
				if got := settle(t, b, told); got != models.OutcomeAsk {
					t.Fatalf("unconfirmed: %s, want %s", got, models.OutcomeAsk)
				}
				wantState(t, b, p.No, models.PaymentPending)
				told.Confirmed = true
				for range 2 { // the second is a no-op
					if got := settle(t, b, told); got != models.OutcomeSuspense {
						t.Fatalf("confirmed: %s, want %s", got, models.OutcomeSuspense)
					}
				}
				wantFunds(t, b, account, 0, 0)
				if told.OutTradeNo == p.No && told.Rail == p.Rail {
					wantState(t, b, p.No, models.PaymentFailed)
				} else {
					wantState(t, b, p.No, models.PaymentPending)
				}
				b.Sound(t)
			})
		}
	})
}

func TestSettleLateMoney(t *testing.T) {
	t.Parallel()
	ends := map[models.PaymentState]func(*testing.T, *modelstest.Bench, models.Payment){
		models.PaymentExpired: func(t *testing.T, b *modelstest.Bench, p models.Payment) {
			b.Clock.Add(b.Rules().PaymentTTL)
			if _, err := b.ExpirePayment(t.Context(), p.No); err != nil {
				t.Fatal(err)
			}
		},
		models.PaymentCancelled: func(t *testing.T, b *modelstest.Bench, p models.Payment) {
			if _, err := b.CancelPayment(t.Context(), p.No); err != nil {
				t.Fatal(err)
			}
		},
	}
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		for state, end := range ends {
			t.Run(string(state), func(t *testing.T) {
				account, _ := b.Seller(t)
				p := b.Pending(t, account, "500")
				end(t, b, p)
				wantState(t, b, p.No, state)
				b.Clock.Add(72 * time.Hour)
				if got := settle(t, b, b.Receipt(p)); got != models.OutcomeLate {
					t.Fatalf("late money: %s", got)
				}
				if paid := wantState(t, b, p.No, models.PaymentPaid); !paid.PaidLate {
					t.Error("not marked paid_late")
				}
				wantFunds(t, b, account, 500*models.Yuan, 0)
				b.Sound(t)
			})
		}
	})
}

func TestSettleLeavesNothingWhenTheQueueFails(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, campaigns := b.Seller(t, 100*models.Yuan)
		b.Charge(t, "c1", campaigns[0], 50*models.Yuan)
		p := b.Pending(t, account, "500")
		b.Queue.Fail = errors.New("queue is down")
		if _, err := b.SettlePayment(t.Context(), b.Receipt(p), 0); !errors.Is(err, b.Queue.Fail) {
			t.Fatalf("got %v", err)
		}
		wantState(t, b, p.No, models.PaymentPending)
		wantFunds(t, b, account, -50*models.Yuan, 0)
		b.Queue.Fail = nil
		if got := settle(t, b, b.Receipt(p)); got != models.OutcomeSettled {
			t.Fatalf("after the queue is back: %s", got)
		}
		wantFunds(t, b, account, 450*models.Yuan, 0)
		b.Sound(t)
	})
}

// The race counts on PostgreSQL; SQLite has one writer and hides it.
func TestSettleOnceUnderRace(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		for round := range 5 {
			account, _ := b.Seller(t)
			p := b.Pending(t, account, "500")
			outcomes := atOnce(50, func() models.Outcome {
				outcome, err := b.SettlePayment(t.Context(), b.Receipt(p), 0)
				if err != nil {
					return models.Outcome(err.Error())
				}
				return outcome
			})
			if outcomes[models.OutcomeSettled] != 1 || outcomes[models.OutcomeAlready] != 49 {
				t.Errorf("round %d: %v, want one settled and 49 already settled", round, outcomes)
			}
			wantFunds(t, b, account, 500*models.Yuan, 0)
			rows, _, err := b.Statement(t.Context(), account, models.StatementFilter{}, models.Keyset{})
			if err != nil || len(rows) != 1 {
				t.Errorf("round %d: %d entries, %v", round, len(rows), err)
			}
		}
		b.Sound(t)
	})
}

func TestExpiryAgainstMoneyUnderRace(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		for range 5 {
			account, _ := b.Seller(t)
			p := b.Pending(t, account, "500")
			receipt := b.Receipt(p)
			b.Clock.Set(*p.ExpiresAt)
			var wg sync.WaitGroup
			wg.Go(func() {
				if _, err := b.ExpirePayment(t.Context(), p.No); err != nil {
					t.Error(err)
				}
			})
			wg.Go(func() {
				if outcome, err := b.SettlePayment(t.Context(), receipt, 0); err != nil || !outcome.Credited() {
					t.Error(outcome, err)
				}
			})
			wg.Wait()
			paid := wantState(t, b, p.No, models.PaymentPaid)
			if paid.PaidLate != (paid.ExpiredAt != nil) {
				t.Errorf("late %v, expired at %v", paid.PaidLate, paid.ExpiredAt)
			}
			wantFunds(t, b, account, 500*models.Yuan, 0)
		}
		b.Sound(t)
	})
}

// atOnce runs the act n times at once and counts the results.
func atOnce(n int, act func() models.Outcome) map[models.Outcome]int {
	start := make(chan struct{})
	results := make(chan models.Outcome, n)
	for range n {
		go func() {
			<-start
			results <- act()
		}()
	}
	close(start)
	counts := map[models.Outcome]int{}
	for range n {
		counts[<-results]++
	}
	return counts
}

func TestPaymentNosAreLegalOnEveryRail(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, _ := b.Seller(t)
		seen := map[string]bool{}
		for i := range 20 {
			p := b.Pending(t, account, fmt.Sprint(300+i))
			if len(p.No) != 21 || p.No[:7] != "R261124" || seen[p.No] {
				t.Errorf("payment no %q", p.No)
			}
			seen[p.No] = true
		}
	})
}

// A charge that takes the last money and a payment that brings new money meet:
// whoever waited for the account began earlier and must not fail for it.
func TestMoneyInAndOutUnderRaceOnARealClock(t *testing.T) {
	t.Parallel()
	for _, engine := range modelstest.Engines {
		t.Run(string(engine), func(t *testing.T) {
			b := modelstest.OpenAt(t, engine, time.Now)
			for round := range 20 {
				account, campaigns := b.Seller(t, 1000*models.Yuan)
				first, second := b.Pending(t, account, "500"), b.Pending(t, account, "600")
				settle(t, b, b.Receipt(first))
				var wg sync.WaitGroup
				wg.Go(func() { b.Charge(t, fmt.Sprint("all", round), campaigns[0], 500*models.Yuan) })
				wg.Go(func() {
					if outcome, err := b.SettlePayment(t.Context(), b.Receipt(second), 0); err != nil || !outcome.Credited() {
						t.Error(outcome, err)
					}
				})
				wg.Wait()
				wantFunds(t, b, account, 600*models.Yuan, 0)
			}
			b.Sound(t)
		})
	}
}
