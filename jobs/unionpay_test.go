package jobs_test

import (
	"slices"
	"testing"
	"time"

	"ztc-portal/gateways"
	"ztc-portal/gateways/gatewaystest"
	"ztc-portal/gateways/sandbox"
	"ztc-portal/models"
)

// eachBank runs a test at a shop that takes online banking too, whose protocol
// can't close a payment; no notify of it comes.
func eachBank(t *testing.T, change func(*models.Rules), test func(*testing.T, *shop, *gatewaystest.Unionpay)) {
	t.Helper()
	eachShop(t, change, func(t *testing.T, s *shop) {
		bank := gatewaystest.OpenUnionpay(t, nil)
		s.rails.By[models.RailUnionpay] = bank.Rail
		s.Offer(models.RailAlipay, models.RailUnionpay)
		test(t, s, bank)
	})
}

// atBank is a payment whose payer stands at the bank. Its first questions are
// taken away: each test waits for the later ones.
func (s *shop) atBank(t *testing.T, amount string) models.Payment {
	t.Helper()
	draft, err := s.DraftRecharge(t.Context(), s.account, models.RechargeInput{Amount: amount, Method: "unionpay"})
	must(t, err)
	p, checkout, err := s.rails.Confirm(t.Context(), s.account, draft.No, "test", gateways.Payer{Bank: "ICBC"})
	must(t, err)
	gatewaystest.Arrive(t, checkout)
	s.drop(t, "query_payment")
	return p
}

// onlyAsked: a close would be a call that the protocol does not have. The bills
// of days gone by are fetched whenever the shop is open.
func onlyAsked(t *testing.T, bank *gatewaystest.Unionpay) {
	t.Helper()
	if calls := bank.Calls(); !slices.Contains(calls, "queryTrans.do") ||
		slices.ContainsFunc(calls, func(call string) bool { return call != "queryTrans.do" && call != "filedownload" }) {
		t.Errorf("the calls were %v", calls)
	}
}

func TestUnionpayEndsAtItsDeadlineAndIsAskedOnceMore(t *testing.T) {
	eachBank(t, shortLived, func(t *testing.T, s *shop, bank *gatewaystest.Unionpay) {
		paid, late, unpaid := s.atBank(t, "300"), s.atBank(t, "400"), s.atBank(t, "500")
		_, err := bank.Pay(t.Context(), paid.No, sandbox.FaultNotifyLost)
		must(t, err)
		bank.CutOff(true)
		s.start(t)
		eventually(t, "the ends are put off", func() bool { return s.snoozed(t, "expire_payment") >= 3 })
		for _, p := range []models.Payment{paid, late, unpaid} {
			if now, err := s.PaymentByNo(t.Context(), p.No); err != nil || now.State != models.PaymentPending || now.CheckingSince == nil {
				t.Errorf("while nothing is known it is %s, checking %v, %v", now.State, now.CheckingSince, err)
			}
		}
		bank.CutOff(false)
		eventually(t, "the ends wait", func() bool { return s.count(t, "expire_payment", "scheduled") == 3 })
		s.hurry(t, "expire_payment")
		s.becomes(t, paid, models.PaymentPaid)
		s.becomes(t, late, models.PaymentExpired)
		s.becomes(t, unpaid, models.PaymentExpired)
		s.cash(t, 300*models.Yuan)
		// A payer who pressed "pay" in the last second: it is asked about once more.
		_, err = bank.Pay(t.Context(), late.No, sandbox.FaultPayAfterClose)
		must(t, err)
		eventually(t, "the late questions wait", func() bool { return s.count(t, "query_payment", "scheduled") == 2 })
		s.hurry(t, "query_payment")
		s.becomes(t, late, models.PaymentPaid)
		eventually(t, "both late questions are asked", func() bool { return s.count(t, "query_payment", "completed") == 2 })
		if state := s.state(t, unpaid); state != models.PaymentExpired {
			t.Errorf("the unpaid one is %s", state)
		}
		s.cash(t, 700*models.Yuan)
		onlyAsked(t, bank)
	})
}

// Cancelled before its deadline it stays open at the gateway: the first question
// after the cancel finds nothing, the one after the deadline finds the money.
func TestCancelledUnionpayStaysOpenAndIsAskedAfterItsDeadline(t *testing.T) {
	eachBank(t, asUsual, func(t *testing.T, s *shop, bank *gatewaystest.Unionpay) {
		p := s.atBank(t, "300")
		cancelled, err := s.rails.Cancel(t.Context(), s.account, p.No)
		must(t, err)
		if n := s.count(t, "query_payment", "scheduled"); cancelled.State != models.PaymentCancelled || n != 2 {
			t.Fatalf("it is %s, and %d questions wait", cancelled.State, n)
		}
		if last := s.lastDue(t, "query_payment"); !last.After(*p.ExpiresAt) {
			t.Errorf("the last question is due at %v, the deadline is %v", last, *p.ExpiresAt)
		}
		s.start(t)
		s.hurryFirst(t, "query_payment")
		eventually(t, "the first question is asked", func() bool { return s.count(t, "query_payment", "completed") == 1 })
		if state := s.state(t, p); state != models.PaymentCancelled || s.count(t, "query_payment", "scheduled") != 1 {
			t.Errorf("asked, and it is %s", state)
		}
		_, err = bank.Pay(t.Context(), p.No, sandbox.FaultNotifyLost)
		must(t, err)
		s.hurry(t, "query_payment")
		s.becomes(t, p, models.PaymentPaid)
		s.cash(t, 300*models.Yuan)
		onlyAsked(t, bank)
	})
}

// lastDue is when the last waiting task of a kind is due.
func (s *shop) lastDue(t *testing.T, kind string) (at time.Time) {
	t.Helper()
	must(t, s.db.QueryRow("SELECT scheduled_at FROM river_job WHERE kind = $1 AND state = 'scheduled' ORDER BY scheduled_at DESC LIMIT 1", kind).Scan(&at))
	return at
}
