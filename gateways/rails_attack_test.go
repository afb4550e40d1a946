package gateways_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"ztc-portal/gateways"
	"ztc-portal/gateways/gatewaystest"
	"ztc-portal/gateways/sandbox"
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

// A payment on each rail meets everybody at once, in two processes: its notifies,
// polls, returns, an impatient seller, staff, the deadline. It is credited once.
func TestEverybodyAtOnceOnEveryRail(t *testing.T) {
	eachBank(t, func(t *testing.T, d *desk, bank *gatewaystest.Unionpay) {
		scan := gatewaystest.OpenWechat(t, d.Clock.Now)
		d.rails.By[models.RailWechat] = scan.Rail
		d.Offer(models.RailAlipay, models.RailUnionpay, models.RailWechat)
		support, _ := d.Office(t)
		other := &gateways.Rails{Store: d.Again(t), By: d.rails.By, PublicURL: d.rails.PublicURL, Log: d.rails.Log}
		pay := map[models.Rail]func(context.Context, string, sandbox.Fault) error{
			models.RailAlipay: func(ctx context.Context, no string, f sandbox.Fault) error {
				_, err := d.far.Pay(ctx, no, f)
				return err
			},
			models.RailUnionpay: func(ctx context.Context, no string, f sandbox.Fault) error {
				_, err := bank.Pay(ctx, no, f)
				return err
			},
			models.RailWechat: func(ctx context.Context, no string, f sandbox.Fault) error {
				_, err := scan.Pay(ctx, no, f)
				return err
			},
		}
		var want models.Fen
		for range 2 {
			for rail := range pay {
				draft, err := d.DraftRecharge(t.Context(), d.account, models.RechargeInput{Amount: asked.Wire(), Method: string(rail)})
				must(t, err)
				var p models.Payment
				if rail == models.RailUnionpay {
					p = d.atBank(t, asked.Wire())
				} else {
					p, _, err = d.rails.Confirm(t.Context(), d.account, draft.No, subject(draft.No), gateways.Payer{})
					must(t, err)
				}
				if rail == models.RailAlipay {
					_, err = d.far.Scan(t.Context(), p.QRContent)
					must(t, err)
				}
				var all sync.WaitGroup
				all.Go(func() {
					if err := pay[rail](t.Context(), p.No, sandbox.FaultNotifyTriple); err != nil {
						t.Log(rail, "was closed before it was paid:", err)
					}
				})
				for i := range 32 {
					rails := []*gateways.Rails{d.rails, other}[i%2]
					all.Go(func() {
						switch i / 2 % 4 {
						case 0:
							rails.Ask(t.Context(), p.No, gateways.ByPoll)
						case 1:
							rails.AskSoon(t.Context(), p.No, gateways.ByReturn)
						case 2:
							rails.AskForStaff(t.Context(), models.StaffAct{By: support, Action: models.ActRepair}, p.No)
						case 3:
							if i > 16 {
								rails.Cancel(t.Context(), d.account, p.No)
							}
						}
					})
				}
				all.Wait()
				_, err = d.rails.Ask(t.Context(), p.No, gateways.ByPoll)
				must(t, err)
				p = d.now(t, p)
				if p.State.IsPaid() {
					want += asked
				} else if p.State != models.PaymentCancelled {
					t.Errorf("%s: it is %s", rail, p.State)
				}
			}
		}
		read, err := d.RechargeDesk(t.Context(), d.account)
		must(t, err)
		if got := read.Funds.Cash; got != want-charged {
			t.Errorf("the cash is %s, want %s", got.Wire(), (want - charged).Wire())
		}
		if want == 0 {
			t.Error("all were cancelled before they were paid")
		}
		figures, err := d.Figures(t.Context())
		must(t, err)
		if figures.Suspense != 0 {
			t.Errorf("%s stand in suspense", figures.Suspense.Wire())
		}
		d.Sound(t)
	})
}
