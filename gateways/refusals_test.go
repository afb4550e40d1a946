package gateways_test

import (
	"strconv"
	"testing"
	"time"

	"ztc-portal/models"
)

// A flood of refused notifies is not all kept; what verifies still is settled.
func TestAFloodOfRefusedNotifiesDoesNotFillTheDisk(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		p := d.confirmed(t)
		for i := range 100 {
			wantAnswer(t, d.send(t, "trade_no="+strconv.Itoa(i)+"&sign=none"), "fail")
		}
		d.kept(t, 60)
		d.deaf.Store(true)
		d.pay(t, p, "none")
		d.deaf.Store(false)
		wantAnswer(t, d.send(t, d.signed(t, d.notice(t, p.No))), "success")
		d.balance(t, full)
		d.Clock.Add(time.Minute)
		wantAnswer(t, d.send(t, "sign=none"), "fail")
		d.kept(t, 61)
	})
}

// kept wants so many refused notifies in the inbox.
func (d *desk) kept(t *testing.T, want int) {
	t.Helper()
	rows, err := d.Notifies(t.Context(), "")
	must(t, err)
	refused := 0
	for _, row := range rows {
		if row.Verdict == string(models.OutcomeRefused) {
			refused++
		}
	}
	if refused != want {
		t.Errorf("%d refused notifies were kept, want %d", refused, want)
	}
}
