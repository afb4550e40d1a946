package gateways_test

import (
	"testing"
	"time"

	"ztc-portal/gateways"
	"ztc-portal/gateways/gatewaystest"
	"ztc-portal/gateways/sandbox"
	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

// eachBank runs a test on every engine, at a desk that takes online banking too.
func eachBank(t *testing.T, test func(*testing.T, *desk, *gatewaystest.Unionpay)) {
	t.Helper()
	for _, engine := range modelstest.Engines {
		t.Run(string(engine), func(t *testing.T) {
			b := modelstest.Open(t, engine)
			d := newDesk(t, b)
			bank := gatewaystest.OpenUnionpay(t, b.Clock.Now)
			d.rails.By[models.RailUnionpay] = bank.Rail
			b.Offer(models.RailAlipay, models.RailUnionpay)
			test(t, d, bank)
		})
	}
}

// atBank is a payment whose payer stands at the bank.
func (d *desk) atBank(t *testing.T, amount string) models.Payment {
	t.Helper()
	draft, err := d.DraftRecharge(t.Context(), d.account, models.RechargeInput{Amount: amount, Method: "unionpay"})
	must(t, err)
	p, checkout, err := d.rails.Confirm(t.Context(), d.account, draft.No, "Recharge", gateways.Payer{Bank: "ICBC"})
	must(t, err)
	gatewaystest.Arrive(t, checkout)
	return p
}

// A notify of this rail is doubted until the gateway agrees: one that names too
// much is settled as the gateway says, one that the gateway does not know is none.
func TestUnionpayNotifyIsDoubted(t *testing.T) {
	eachBank(t, func(t *testing.T, d *desk, bank *gatewaystest.Unionpay) {
		p := d.atBank(t, "300")
		_, err := bank.Pay(t.Context(), p.No, sandbox.FaultNotifyLost)
		must(t, err)
		notices, err := bank.Notices(t.Context(), p.No)
		must(t, err)
		lie := notices[0].Fields
		lie.Set("orderId", "R260304ZZZZZZZZZZZZZZ")
		body, err := bank.SignUnionpay(lie, false)
		must(t, err)
		if ok, err := d.rails.Notify(t.Context(), models.RailUnionpay, "127.0.0.1", nil, []byte(body)); ok || err != nil {
			t.Errorf("signed, but of an order that the gateway has not: %v, %v", ok, err)
		}
		lie.Set("orderId", p.No)
		lie.Set("txnAmt", "9999900")
		body, err = bank.SignUnionpay(lie, false)
		must(t, err)
		if ok, err := d.rails.Notify(t.Context(), models.RailUnionpay, "127.0.0.1", nil, []byte(body)); !ok || err != nil {
			t.Errorf("settled by what the gateway says: %v, %v", ok, err)
		}
		got, err := d.PaymentByNo(t.Context(), p.No)
		must(t, err)
		if got.State != models.PaymentPaid {
			t.Errorf("it is %s", got.State)
		}
		d.Sound(t)
	})
}

// Paid, refunded in part, and one that only the gateway knows of: the settlement
// file agrees with the books but for that one, and asking repairs it.
func TestUnionpayDayIsReconciled(t *testing.T) {
	eachBank(t, func(t *testing.T, d *desk, bank *gatewaystest.Unionpay) {
		day := models.DayOn(d.Clock.Now())
		paid, stuck := d.atBank(t, "300"), d.atBank(t, "400")
		for _, p := range []models.Payment{paid, stuck} {
			_, err := bank.Pay(t.Context(), p.No, sandbox.FaultNotifyLost)
			must(t, err)
		}
		if asked, err := d.rails.Ask(t.Context(), paid.No, gateways.ByPoll); err != nil || asked.Outcome != models.OutcomeSettled {
			t.Fatal(asked, err)
		}
		d.Clock.Add(24 * time.Hour)
		d.Clock.Add(12 * time.Hour)
		done, err := d.rails.Reconcile(t.Context(), models.RailUnionpay, day)
		must(t, err)
		if done.State != models.ReconciliationDone || done.PaymentCount != 2 || done.PaymentFen != 700*models.Yuan || done.MatchedCount != 1 {
			t.Errorf("the run: %+v", done)
		}
		if asked, err := d.rails.Ask(t.Context(), stuck.No, gateways.ByPoll); err != nil || !asked.Outcome.Credited() {
			t.Errorf("the stuck one: %+v, %v", asked, err)
		}
		again, err := d.rails.Reconcile(t.Context(), models.RailUnionpay, day)
		must(t, err)
		if again.MatchedCount != 2 {
			t.Errorf("the run after: %+v", again)
		}
		if billed := d.rails.Billed(); len(billed) != 2 {
			t.Errorf("bills come from %v", billed)
		}
	})
}
