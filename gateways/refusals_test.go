package gateways_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
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

// A large one counts as many, and of headers only those that a rail reads are kept.
func TestLargeRefusedNotifiesDoNotFillTheDisk(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		junk := http.Header{"Wechatpay-Junk": {strings.Repeat("j", 60_000)}, "User-Agent": {strings.Repeat("u", 60_000)}, "Content-Type": {"text/plain"}}
		body := []byte("sign=none&x=" + strings.Repeat("a", 60_000))
		for range 100 {
			if ok, err := d.rails.Notify(t.Context(), models.RailAlipay, "192.0.2.1", junk, body); ok || err != nil {
				t.Fatalf("a forged notify is answered %t, %v", ok, err)
			}
		}
		d.kept(t, 4)
		rows, err := d.Notifies(t.Context(), "")
		must(t, err)
		for _, row := range rows {
			if len(row.Headers) > 2000 || !strings.Contains(row.Headers, "text/plain") || strings.Contains(row.Headers, "Junk") {
				t.Errorf("%d bytes of headers are kept", len(row.Headers))
			}
		}
	})
}

// Addresses cost nothing where somebody has a network of them: those of one IPv6
// customer are counted as one, and of all that come from anywhere no more than a
// share is kept. What verifies is settled through it all.
func TestManyAddressesDoNotFillTheDiskEither(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		p := d.confirmed(t)
		flood := func(times int, address string) {
			for i := range times {
				ok, err := d.rails.Notify(t.Context(), models.RailAlipay, fmt.Sprintf(address, i), http.Header{}, []byte("sign=none"))
				if ok || err != nil {
					t.Fatalf("a forged notify is answered %t, %v", ok, err)
				}
			}
		}
		flood(70, "2001:db8:1:2::%x")
		d.kept(t, 60)
		flood(600, "2001:db8:2:%x::1")
		d.kept(t, 600)
		d.deaf.Store(true)
		d.pay(t, p, "none")
		d.deaf.Store(false)
		wantAnswer(t, d.send(t, d.signed(t, d.notice(t, p.No))), "success")
		d.balance(t, full)
		d.Clock.Add(time.Minute)
		flood(1, "2001:db8:1:2::%x")
		d.kept(t, 601)
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
