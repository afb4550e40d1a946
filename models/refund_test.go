package models_test

import (
	"fmt"
	"sync"
	"testing"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

func TestRefundFromReservationToTheGateway(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		o := newOffice(t, b)
		account, _ := b.Seller(t, 100*yuan)
		p := recharge(t, b, account, 500*yuan)
		first := refunded(t, b, o, p, "200")
		wantFunds(t, b, account, 300*yuan, 0)
		if first.State != models.RefundReserved || systemBalance(t, b, "refund") != 200*yuan || systemBalance(t, b, "gateway:alipay") != -500*yuan {
			t.Errorf("reserved: %+v, %d in refund", first, systemBalance(t, b, "refund"))
		}
		wantState(t, b, p.No, models.PaymentPaid)
		_, err := b.AskApproval(t.Context(), o.finance, refunding(p, "300.01"))
		wantField(t, err, "amount", "error.refund.over_paid")

		for i := range 2 {
			sent, err := b.SendingRefund(t.Context(), first.RequestNo)
			if err != nil || sent.Refund.State != models.RefundSent || sent.Refund.Attempts != i+1 || sent.Payment.No != p.No {
				t.Fatalf("sending: %+v, %v", sent, err)
			}
		}
		for range 3 { // once
			done, err := b.SettleRefund(t.Context(), first.RequestNo, "10000")
			if err != nil || done.State != models.RefundSettled || done.SettledAt == nil || done.LastAnswer != "10000" {
				t.Fatalf("settled: %+v, %v", done, err)
			}
		}
		if done, err := b.ReleaseRefund(t.Context(), first.RequestNo, "late word"); err != nil || done.State != models.RefundSettled {
			t.Errorf("released after all: %+v, %v", done, err)
		}
		if sent, err := b.SendingRefund(t.Context(), first.RequestNo); err != nil || sent.Refund.Attempts != 2 {
			t.Errorf("sent after its end: %+v, %v", sent, err)
		}
		part := wantState(t, b, p.No, models.PaymentPartiallyRefunded)
		if part.RefundedFen != 200*yuan || systemBalance(t, b, "refund") != 0 || systemBalance(t, b, "gateway:alipay") != -300*yuan {
			t.Errorf("partly refunded: %+v", part)
		}
		for _, amount := range []string{"100", "200"} { // a second part, then the rest
			r := refunded(t, b, o, p, amount)
			must(t, settled(t, b, r))
		}
		if whole := wantState(t, b, p.No, models.PaymentRefunded); whole.RefundedFen != 500*yuan {
			t.Errorf("refunded: %+v", whole)
		}
		wantFunds(t, b, account, 0, 0)
		if got := settle(t, b, b.Receipt(p)); got != models.OutcomeAlready {
			t.Errorf("a late notify of a refunded payment: %s", got)
		}
		kinds := timeline(t, b, account)
		if got := fmt.Sprint(kinds[len(kinds)-2:]); got != "[out_of_funds refunded]" {
			t.Errorf("the timeline ends with %s", got)
		}
		_, err = b.RefundByNo(t.Context(), "F26112400000000000000")
		wantCode(t, err, models.NotFound)
		b.Sound(t)
	})
}

func settled(t testing.TB, b *modelstest.Bench, r models.Refund) error {
	t.Helper()
	_, err := b.SettleRefund(t.Context(), r.RequestNo, "10000")
	return err
}

// What the gateway refuses comes back to the cash, and delivery with it.
func TestReleasedRefundIsInTheCashAgain(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		o := newOffice(t, b)
		account, _ := b.Seller(t, 100*yuan)
		p := recharge(t, b, account, 500*yuan)
		r := refunded(t, b, o, p, "500")
		wantFunds(t, b, account, 0, 0)
		wantAccount(t, b, account, models.AccountActive) // out of funds, never in arrears
		wantDelivery(t, b, account, models.DeliveryOutOfFunds)
		for range 2 {
			if done, err := b.ReleaseRefund(t.Context(), r.RequestNo, "ACQ.TRADE_HAS_FINISHED"); err != nil || done.State != models.RefundReleased {
				t.Fatalf("released: %+v, %v", done, err)
			}
		}
		must(t, settled(t, b, r)) // a no-op
		wantFunds(t, b, account, 500*yuan, 0)
		wantDelivery(t, b, account, models.DeliveryRecovering)
		if p := wantState(t, b, p.No, models.PaymentPaid); p.RefundedFen != 0 || systemBalance(t, b, "refund") != 0 {
			t.Errorf("refused, yet %+v", p)
		}
		refunded(t, b, o, p, "500") // may be asked for again
		b.Sound(t)
	})
}

// Bonus is never refunded, and nothing goes back while the cash is owed.
func TestRefundLeavesBonusAndArrearsAlone(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		o := newOffice(t, b)
		account, campaigns := b.Seller(t, 10_000*yuan)
		p := recharge(t, b, account, 500*yuan)
		b.Charge(t, "c1", campaigns[0], 300*yuan)
		grant(t, b, account, "g1", 1000*yuan)
		_, err := b.AskApproval(t.Context(), o.finance, refunding(p, "200.01"))
		wantField(t, err, "amount", "error.refund.over_cash")
		must(t, settled(t, b, refunded(t, b, o, p, "200")))
		wantFunds(t, b, account, 0, 1000*yuan)
		b.Charge(t, "c2", campaigns[0], 1200*yuan)
		_, err = b.AskApproval(t.Context(), o.finance, refunding(p, "0.01"))
		wantField(t, err, "amount", "error.refund.over_cash")
		approve(t, b, o.other, ask(t, b, o.finance, transfer(account, "900", "REF-0001")), models.ApprovalApproved)
		byBank, _, err := b.Payments(t.Context(), account, models.PaymentFilter{Method: models.RailBankTransfer}, models.Keyset{})
		if err != nil || len(byBank) != 1 || byBank[0].State != models.PaymentPaid || *byBank[0].GatewayTradeNo != "REF0001" {
			t.Fatalf("by the bank: %+v, %v", byBank, err)
		}
		b.Sound(t)
	})
}

// Settling and releasing at once, from several places: one end, booked once.
// Two refunds that together exceed what is left: one is reserved.
func TestRefundEndsOnceUnderRace(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		o := newOffice(t, b)
		account, _ := b.Seller(t)
		p := recharge(t, b, account, 900*yuan)
		for range 4 {
			r := refunded(t, b, o, p, "100")
			var ending sync.WaitGroup
			for i := range 8 {
				ending.Go(func() {
					end := b.SettleRefund
					if i%2 == 1 {
						end = b.ReleaseRefund
					}
					if _, err := end(t.Context(), r.RequestNo, "x"); err != nil {
						t.Error(err)
					}
				})
			}
			ending.Wait()
		}
		now, err := b.PaymentByNo(t.Context(), p.No)
		must(t, err)
		wantFunds(t, b, account, 900*yuan-now.RefundedFen, 0)
		rest := (900*yuan - now.RefundedFen).Wire()
		one, two := ask(t, b, o.finance, refunding(p, rest)), ask(t, b, o.admin, refunding(p, rest))
		var deciding sync.WaitGroup
		ends := make([]models.ApprovalState, 2)
		for i, a := range []models.Approval{one, two} {
			deciding.Go(func() {
				got, err := b.Approve(t.Context(), o.other, a.ID, "")
				if err != nil {
					t.Error(err)
				}
				ends[i] = got.State
			})
		}
		deciding.Wait()
		if ends[0] == ends[1] || ends[0] != models.ApprovalApproved && ends[1] != models.ApprovalApproved {
			t.Errorf("the two refunds of all that is left are %v", ends)
		}
		wantFunds(t, b, account, 0, 0)
		b.Sound(t)
	})
}

// One bank number on two accounts, approved at once: credited once.
func TestBankNumberIsCreditedOnceUnderRace(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		o := newOffice(t, b)
		for round := range 4 {
			var requests []models.Approval
			var total models.Fen
			accounts := make([]int64, 4)
			for i := range accounts {
				accounts[i], _ = b.Seller(t)
				requests = append(requests, ask(t, b, o.finance, transfer(accounts[i], fmt.Sprint(100+i%2), fmt.Sprintf("REF-%04d", round))))
			}
			var deciding sync.WaitGroup
			for _, a := range requests {
				deciding.Go(func() {
					if _, err := b.Approve(t.Context(), o.other, a.ID, ""); err != nil {
						t.Error(err)
					}
				})
			}
			deciding.Wait()
			credited := 0
			for _, account := range accounts {
				if cash := desk(t, b, account).Funds.Cash; cash > 0 {
					credited++
					total += cash
				}
			}
			if credited != 1 {
				t.Errorf("%d accounts were credited, %d fen", credited, total)
			}
		}
		b.Sound(t)
	})
}

// What is on its way back counts as gone, however much cash other payments left.
func TestRefundsUnderWayCountAgainstThePayment(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		o := newOffice(t, b)
		account, _ := b.Seller(t)
		p := recharge(t, b, account, 500*yuan)
		recharge(t, b, account, 2000*yuan)
		waiting := ask(t, b, o.finance, refunding(p, "200.01"))
		r := refunded(t, b, o, p, "300")
		for range 2 { // reserved, then sent
			_, err := b.AskApproval(t.Context(), o.admin, refunding(p, "200.01"))
			wantField(t, err, "amount", "error.refund.over_paid")
			_, err = b.SendingRefund(t.Context(), r.RequestNo)
			must(t, err)
		}
		if failed := approve(t, b, o.other, waiting, models.ApprovalFailed); failed.Note != "error.refund.over_paid" {
			t.Errorf("it failed with %s", failed.Note)
		}
		must(t, settled(t, b, r))
		_, err := b.AskApproval(t.Context(), o.admin, refunding(p, "200.01"))
		wantField(t, err, "amount", "error.refund.over_paid")
		must(t, settled(t, b, refunded(t, b, o, p, "200")))
		wantState(t, b, p.No, models.PaymentRefunded)
		wantFunds(t, b, account, 2000*yuan, 0)
		b.Sound(t)
	})
}
