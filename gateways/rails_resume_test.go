package gateways_test

import (
	"testing"

	"ztc-portal/gateways"
	"ztc-portal/gateways/sandbox"
	"ztc-portal/models"
)

func (d *desk) payments(t *testing.T) int {
	t.Helper()
	rows, _, err := d.Payments(t.Context(), d.account, models.PaymentFilter{}, models.Keyset{})
	must(t, err)
	return len(rows)
}

func resumePending(t *testing.T, d *desk) {
	old := d.scanned(t)
	next, err := d.rails.Resume(t.Context(), d.account, old.No, subject, gateways.Payer{})
	must(t, err)
	trade, err := d.far.Trade(t.Context(), old.No)
	must(t, err)
	if trade.Status != sandbox.StatusClosed {
		t.Errorf("the old one is %s at the gateway", trade.Status)
	}
	d.is(t, old, models.PaymentCancelled)
	if next.State != models.PaymentPending || next.ResumesID == nil || *next.ResumesID != old.ID ||
		next.AmountFen != old.AmountFen || next.QRContent == "" || next.QRContent == old.QRContent {
		t.Errorf("resumed by %+v", next)
	}
	again, err := d.rails.Resume(t.Context(), d.account, old.No, subject, gateways.Payer{})
	must(t, err)
	if again.No != next.No || d.payments(t) != 2 {
		t.Errorf("resumed again by %s, %d payments", again.No, d.payments(t))
	}
	d.pay(t, next, sandbox.FaultNone)
	d.becomes(t, next, models.PaymentPaid)
	d.balance(t, full)
}

// A payment cancelled before its payer reached the cashier could not be closed
// there; resumed after the payer did, it is.
func resumeOfCancelledThatIsOpenThere(t *testing.T, d *desk) {
	old := d.confirmed(t)
	cancelled, err := d.rails.Cancel(t.Context(), d.account, old.No)
	must(t, err)
	if cancelled.State != models.PaymentCancelled {
		t.Fatalf("it is %s", cancelled.State)
	}
	_, err = d.far.Scan(t.Context(), old.QRContent)
	must(t, err)
	next, err := d.rails.Resume(t.Context(), d.account, old.No, subject, gateways.Payer{})
	must(t, err)
	trade, err := d.far.Trade(t.Context(), old.No)
	must(t, err)
	if trade.Status != sandbox.StatusClosed || next.State != models.PaymentPending {
		t.Errorf("the old one is %s at the gateway, the new one %s", trade.Status, next.State)
	}
}

func resumeOfPaid(t *testing.T, d *desk) {
	old := d.confirmed(t)
	d.pay(t, old, sandbox.FaultNotifyLost)
	d.resumeGivesBack(t, old, false)
}

func resumeOfPaidLate(t *testing.T, d *desk) {
	old := d.expired(t, d.scanned(t))
	d.deaf.Store(true)
	d.pay(t, old, sandbox.FaultPayAfterClose)
	d.is(t, old, models.PaymentExpired)
	d.resumeGivesBack(t, old, true)
}

// resumeGivesBack wants a resume to give the old payment, settled, and to make
// nothing new.
func (d *desk) resumeGivesBack(t *testing.T, old models.Payment, late bool) {
	t.Helper()
	got, err := d.rails.Resume(t.Context(), d.account, old.No, subject, gateways.Payer{})
	must(t, err)
	if got.No != old.No || got.State != models.PaymentPaid || got.PaidLate != late || d.payments(t) != 1 {
		t.Errorf("resumed by %s, %s, late %v; %d payments", got.No, got.State, got.PaidLate, d.payments(t))
	}
	d.balance(t, full)
}

func resumeWhileDown(t *testing.T, d *desk) {
	pending := d.scanned(t)
	d.far.CutOff(true)
	_, err := d.rails.Resume(t.Context(), d.account, pending.No, subject, gateways.Payer{})
	wantCode(t, err, models.Unavailable)
	d.is(t, pending, models.PaymentPending)
	d.far.CutOff(false)
	d.expired(t, pending)
	d.far.CutOff(true)
	_, err = d.rails.Resume(t.Context(), d.account, pending.No, subject, gateways.Payer{})
	wantCode(t, err, models.Unavailable)
	if n := d.payments(t); n != 1 {
		t.Errorf("there are %d payments", n)
	}
}
