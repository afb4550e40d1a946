package gateways_test

import (
	"fmt"
	"testing"

	"ztc-portal/gateways"
	"ztc-portal/gateways/gatewaystest"
	"ztc-portal/models"
)

// Nobody takes a rail down for all by resuming drafts that were never sent: they
// are no question to the gateway, and each can be put in its place by a new one.
func TestResumingDraftsThatWereNeverSentTakesNoRailDown(t *testing.T) {
	eachBank(t, func(t *testing.T, d *desk, _ *gatewaystest.Unionpay) {
		for range 6 {
			draft, err := d.DraftRecharge(t.Context(), d.account, models.RechargeInput{Amount: "300", Method: "unionpay"})
			must(t, err)
			_, err = d.rails.Cancel(t.Context(), d.account, draft.No)
			must(t, err)
			next, err := d.rails.Resume(t.Context(), d.account, draft.No, subject, gateways.Payer{})
			if err != nil || next.State != models.PaymentPending || next.No == draft.No {
				t.Errorf("resumed to %s, %v", next.State, err)
			}
		}
		if at := d.rails.TryAgainAt(models.RailUnionpay); !at.IsZero() {
			t.Errorf("one seller holds the rail back until %s", at)
		}
		d.Sound(t)
	})
}

// Nor by a payment of which alone the gateway says nothing now, such as one whose
// payer is typing the password while they close it here, over and over.
func TestAPaymentThatIsNotAnsweredForTakesNoRailDown(t *testing.T) {
	eachTwoRails(t, func(t *testing.T, d *twoRails) {
		p := d.draft(t, "wechat", asked)
		_, _, err := d.confirm(t, p.No)
		must(t, err)
		d.other.Fail(fmt.Errorf("user paying: %w: %w", gateways.ErrUnavailable, gateways.ErrOnlyThis))
		for range 12 {
			_, err := d.rails.Cancel(t.Context(), d.account, p.No)
			wantCode(t, err, models.Unavailable)
		}
		if at := d.rails.TryAgainAt(models.RailWechat); !at.IsZero() {
			t.Errorf("one seller holds the rail back until %s", at)
		}
		d.is(t, p, models.PaymentPending)
	})
}
