package gateways_test

import (
	"strconv"
	"testing"
	"time"
)

// A flood of refused notifies is not all kept; what verifies still is settled.
func TestAFloodOfRefusedNotifiesDoesNotFillTheDisk(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		p := d.confirmed(t)
		for i := range 100 {
			wantAnswer(t, d.send(t, "trade_no="+strconv.Itoa(i)+"&sign=none"), "fail")
		}
		kept, err := d.Notifies(t.Context(), "")
		must(t, err)
		if len(kept) != 60 {
			t.Errorf("%d of 100 refused notifies were kept, want 60", len(kept))
		}
		d.deaf.Store(true)
		d.pay(t, p, "none")
		d.deaf.Store(false)
		wantAnswer(t, d.send(t, d.signed(t, d.notice(t, p.No))), "success")
		d.balance(t, full)
		d.Clock.Add(time.Minute)
		wantAnswer(t, d.send(t, "sign=none"), "fail")
		if kept, err = d.Notifies(t.Context(), ""); err != nil || len(kept) != 61 {
			t.Errorf("a minute later: %d kept, %v", len(kept), err)
		}
	})
}
