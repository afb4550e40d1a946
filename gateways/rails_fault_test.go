package gateways_test

import (
	"slices"
	"testing"
	"time"

	"ztc-portal/gateways"
	"ztc-portal/gateways/gatewaystest"
	"ztc-portal/gateways/sandbox"
	"ztc-portal/models"
)

const (
	owing = -charged
	full  = asked - charged
)

// Each fault of the sandbox ends with the right balance and state.
func TestFaults(t *testing.T) {
	cases := []struct {
		fault sandbox.Fault
		test  func(*testing.T, *desk)
	}{
		{sandbox.FaultNone, faultNone},
		{sandbox.FaultNotifyLost, faultNotifyLost},
		{sandbox.FaultNotifyTriple, faultNotifyTriple},
		{sandbox.FaultNotifyLate, faultNotifyLate},
		{sandbox.FaultNotifyFirst, faultNotifyFirst},
		{sandbox.FaultForgedSign, faultForgedSign},
		{sandbox.FaultGatewayDown, faultGatewayDown},
		{sandbox.FaultWrongAmount, faultWrongAmount},
		{sandbox.FaultWrongAmountPaid, faultWrongAmountPaid},
		{sandbox.FaultPayAfterClose, faultPayAfterClose},
	}
	if len(cases) != len(sandbox.Faults) {
		t.Errorf("%d of the %d faults are tested", len(cases), len(sandbox.Faults))
	}
	for _, c := range cases {
		t.Run(string(c.fault), func(t *testing.T) {
			t.Parallel()
			eachDesk(t, c.test)
		})
	}
}

func faultNone(t *testing.T, d *desk) {
	p := d.paid(t)
	d.balance(t, full)
	wantList(t, "verdicts", d.verdicts(t, p.No), "settled")
	if p.PaidLate || p.GatewayTradeNo == nil || !p.PaidAt.Equal(d.Clock.Now()) {
		t.Errorf("settled as %+v", p)
	}
}

func faultNotifyLost(t *testing.T, d *desk) {
	p := d.confirmed(t)
	d.pay(t, p, sandbox.FaultNotifyLost)
	d.is(t, p, models.PaymentPending)
	asked, err := d.rails.Ask(t.Context(), p.No, gateways.ByPoll)
	must(t, err)
	if asked.Outcome != models.OutcomeSettled {
		t.Errorf("the poll came to %+v", asked)
	}
	d.is(t, p, models.PaymentPaid)
	d.balance(t, full)
}

func faultNotifyTriple(t *testing.T, d *desk) {
	p := d.confirmed(t)
	d.pay(t, p, sandbox.FaultNotifyTriple)
	gatewaystest.Eventually(t, "three notifies are judged", func() bool {
		credited := 0
		for _, verdict := range d.verdicts(t, p.No) {
			if models.Outcome(verdict).Credited() {
				credited++
			}
		}
		return credited == 3
	})
	d.is(t, p, models.PaymentPaid)
	d.balance(t, full)
}

func faultNotifyLate(t *testing.T, d *desk) {
	p := d.confirmed(t)
	d.pay(t, p, sandbox.FaultNotifyLate)
	time.Sleep(300 * time.Millisecond) // the sandbox looks at its clock meanwhile
	d.is(t, p, models.PaymentPending)
	d.Clock.Add(20 * time.Second)
	p = d.becomes(t, p, models.PaymentPaid)
	if p.PaidLate {
		t.Error("a late notify made the payment late")
	}
	d.balance(t, full)
}

func faultNotifyFirst(t *testing.T, d *desk) {
	p := d.confirmed(t)
	d.pay(t, p, sandbox.FaultNotifyFirst)
	d.is(t, p, models.PaymentPaid) // before the browser is sent back
	d.balance(t, full)
}

func faultForgedSign(t *testing.T, d *desk) {
	p := d.confirmed(t)
	d.pay(t, p, sandbox.FaultForgedSign)
	gatewaystest.Eventually(t, "the forgery is refused", func() bool { return slices.Equal(d.verdicts(t, ""), []string{"refused"}) })
	d.is(t, p, models.PaymentPending)
	d.Clock.Add(time.Second)
	d.becomes(t, p, models.PaymentPaid)
	d.balance(t, full)
}

func faultGatewayDown(t *testing.T, d *desk) {
	p := d.confirmed(t)
	d.pay(t, p, sandbox.FaultGatewayDown)
	_, err := d.rails.Ask(t.Context(), p.No, gateways.BySeller)
	wantCode(t, err, models.Unavailable)
	if p := d.is(t, p, models.PaymentPending); p.CheckingSince == nil {
		t.Error("nothing says that the payment is being checked")
	}
	d.Clock.Add(20 * time.Second)
	if p := d.becomes(t, p, models.PaymentPaid); p.CheckingSince != nil {
		t.Error("the paid payment is still said to be checked")
	}
	d.balance(t, full)
}

func faultWrongAmount(t *testing.T, d *desk) {
	p := d.confirmed(t)
	d.pay(t, p, sandbox.FaultWrongAmount)
	p = d.becomes(t, p, models.PaymentPaid)
	if p.AmountFen != asked {
		t.Errorf("the amount became %s", p.AmountFen.Wire())
	}
	d.balance(t, full)
	wantList(t, "verdicts", d.verdicts(t, p.No), "settled")
	gatewaystest.Eventually(t, "the question is on record", func() bool {
		findings, err := d.Findings(t.Context(), p.ID, 5)
		return err == nil && len(findings) == 1 && findings[0].AskedBy == gateways.ByNotify && findings[0].Answer == "settled"
	})
}

func faultWrongAmountPaid(t *testing.T, d *desk) {
	p := d.confirmed(t)
	d.pay(t, p, sandbox.FaultWrongAmountPaid)
	d.becomes(t, p, models.PaymentFailed)
	figures, err := d.Figures(t.Context())
	must(t, err)
	if figures.Suspense != asked-models.Yuan {
		t.Errorf("%s are in suspense", figures.Suspense.Wire())
	}
	d.balance(t, owing)
	_, err = d.rails.Ask(t.Context(), p.No, gateways.BySeller)
	must(t, err)
	d.is(t, p, models.PaymentFailed)
	d.balance(t, owing)
}

func faultPayAfterClose(t *testing.T, d *desk) {
	p := d.expired(t, d.scanned(t))
	d.pay(t, p, sandbox.FaultPayAfterClose)
	p = d.becomes(t, p, models.PaymentPaid)
	if !p.PaidLate {
		t.Error("money for an expired payment is not marked late")
	}
	d.balance(t, full)
}
