package gateways_test

import (
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"ztc-portal/gateways"
	"ztc-portal/models"
)

// A refund or a bill that nobody answers shows that the gateway is away, as an
// unanswered question does; what it refuses, and a bill that it has not, are
// answers. The files' own server speaks of itself alone.
func TestRefundsAndBillsTellOfTheGateway(t *testing.T) {
	away := gateways.ErrUnavailable
	filesAway := fmt.Errorf("%w: %w", away, gateways.ErrBillServer)
	eachTwoRails(t, func(t *testing.T, d *twoRails) {
		sent := d.refunding(t)
		for i, c := range []struct {
			name, call string
			said       error
			fails      bool
		}{
			{"refund away", "refund", away, true},
			{"refund refused", "refund", gateways.ErrRefused, false},
			{"refund asked about, away", "refund query", away, true},
			{"refund asked about, refused", "refund query", gateways.ErrRefused, false},
			{"bill away", "bill", away, true},
			{"no bill yet", "bill", gateways.ErrBillNotYet, false},
			{"nothing on the bill", "bill", gateways.ErrBillEmpty, false},
			{"unreadable bill", "bill", gateways.ErrBillUnreadable, false},
			{"files away", "bill", filesAway, false},
		} {
			d.anew()
			draft := d.draft(t, "wechat", models.Fen(400+i)*models.Yuan) // the same once more would be the payment of before
			d.other.Fail(c.said)
			for range 4 {
				d.makeCall(t, c.call, sent)
			}
			if again := d.rails.TryAgainAt(models.RailWechat); !again.IsZero() {
				t.Fatalf("%s: after four calls it is tried again at %s", c.name, again)
			}
			d.makeCall(t, c.call, sent)
			if failing := !d.rails.TryAgainAt(models.RailWechat).IsZero(); failing != c.fails {
				t.Fatalf("%s: failing %v, want %v", c.name, failing, c.fails)
			}
			d.other.Fail(nil)
			if c.fails {
				d.refused(t, draft.No)
				d.Clock.Add(30 * time.Second)
				d.makeCall(t, "bill", sent)
			}
			if _, _, err := d.confirm(t, draft.No); err != nil {
				t.Errorf("%s: it answers, and refuses a payment: %v", c.name, err)
			}
		}
		// What is no word of the gateway's neither adds to five failures nor ends them.
		d.anew()
		d.other.Fail(away)
		for range 4 {
			d.makeCall(t, "refund", sent)
		}
		for _, said := range []error{filesAway, gateways.ErrRefused} {
			d.other.Fail(said)
			d.makeCall(t, "bill", sent)
		}
		if !d.rails.TryAgainAt(models.RailWechat).IsZero() {
			t.Error("the files' server counts as the gateway")
		}
		d.other.Fail(away)
		d.makeCall(t, "refund", sent)
		if d.rails.TryAgainAt(models.RailWechat).IsZero() {
			t.Error("the files' server counts as an answer of the gateway")
		}
	})
}

// anew gives the desk rails that have heard of nothing yet.
func (d *twoRails) anew() {
	d.rails = &gateways.Rails{Store: d.Store, By: d.rails.By, PublicURL: d.rails.PublicURL, Log: slog.New(slog.DiscardHandler)}
}

// refunding is a refund on the second rail that is on its way.
func (d *twoRails) refunding(t *testing.T) models.Refund {
	t.Helper()
	p, _, err := d.confirm(t, d.draft(t, "wechat", 300*models.Yuan).No)
	must(t, err)
	receipt := d.Receipt(p)
	receipt.Payee = d.other.Payee()
	d.other.Pay(receipt)
	if asked, err := d.rails.Ask(t.Context(), p.No, gateways.ByPoll); err != nil || !asked.Outcome.Credited() {
		t.Fatal(asked, err)
	}
	sent := d.reserved(t, p, "100")
	d.other.Fail(gateways.ErrUnavailable)
	if _, err := d.rails.SendRefund(t.Context(), sent.RequestNo); models.CodeOf(err) != models.Unavailable {
		t.Fatal(err)
	}
	d.other.Fail(nil)
	return sent
}

// makeCall makes the second rail do something that ends in one call at least.
func (d *twoRails) makeCall(t *testing.T, call string, refund models.Refund) {
	t.Helper()
	before := d.other.Calls(call)
	var err error
	switch call {
	case "refund":
		_, err = d.rails.SendRefund(t.Context(), refund.RequestNo)
	case "refund query":
		_, err = d.rails.AskRefund(t.Context(), refund.RequestNo)
	case "bill":
		_, err = d.rails.FetchBill(t.Context(), models.RailWechat, today)
	}
	if failed := (*models.Error)(nil); err != nil && !errors.As(err, &failed) {
		t.Fatal(err)
	}
	if n := d.other.Calls(call) - before; n != 1 {
		t.Fatalf("%s was called %d times: %v", call, n, err)
	}
}
