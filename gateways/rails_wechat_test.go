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

// wechatDesk is a desk that takes WeChat Pay too.
type wechatDesk struct {
	*desk
	far *gatewaystest.Wechat
}

func eachWechatDesk(t *testing.T, test func(*testing.T, wechatDesk)) {
	t.Helper()
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		d := wechatDesk{newDesk(t, b), gatewaystest.OpenWechat(t, b.Clock.Now)}
		d.rails.By[models.RailWechat] = d.far.Rail
		b.Offer(models.RailAlipay, models.RailWechat)
		test(t, d)
	})
}

func (d wechatDesk) confirmed(t *testing.T) models.Payment {
	t.Helper()
	draft, err := d.DraftRecharge(t.Context(), d.account, models.RechargeInput{Amount: asked.Wire(), Method: "wechat"})
	must(t, err)
	p, checkout, err := d.rails.Confirm(t.Context(), d.account, draft.No, subject(draft.No), gateways.Payer{})
	must(t, err)
	if checkout.HasDoor() || checkout.QRContent == "" || p.State != models.PaymentPending || p.QRContent != checkout.QRContent {
		t.Fatalf("confirmed to %+v, %s", checkout, p.State)
	}
	return p
}

func (d wechatDesk) cash(t *testing.T) models.Fen {
	t.Helper()
	read, err := d.RechargeDesk(t.Context(), d.account)
	must(t, err)
	return read.Funds.Cash
}

// Whatever goes wrong on the way, what was paid is credited once.
func TestWechatFaultsCreditOnce(t *testing.T) {
	eachWechatDesk(t, func(t *testing.T, d wechatDesk) {
		want := d.cash(t)
		for _, fault := range []sandbox.Fault{
			sandbox.FaultNone, sandbox.FaultNotifyTriple, sandbox.FaultNotifyFirst, sandbox.FaultWrongAmount, sandbox.FaultNotifyLost,
			sandbox.FaultForgedSign, sandbox.FaultPayAfterClose,
		} {
			p := d.confirmed(t)
			if fault == sandbox.FaultPayAfterClose {
				if p, err := d.rails.Cancel(t.Context(), d.account, p.No); err != nil || p.State != models.PaymentCancelled {
					t.Fatalf("cancelled to %s, %v", p.State, err)
				}
			}
			_, err := d.far.Pay(t.Context(), p.No, fault)
			must(t, err)
			if fault == sandbox.FaultNotifyLost {
				_, err := d.rails.Ask(t.Context(), p.No, gateways.ByPoll)
				must(t, err)
			}
			if fault == sandbox.FaultForgedSign {
				d.Clock.Add(2 * time.Second)
			}
			p = d.becomes(t, p, models.PaymentPaid)
			want += asked
			if p.PaidLate != (fault == sandbox.FaultPayAfterClose) {
				t.Errorf("%s: late %v", fault, p.PaidLate)
			}
			if got := d.cash(t); got != want {
				t.Errorf("%s: cash is %s, want %s", fault, got.Wire(), want.Wire())
			}
		}
		wrong := d.confirmed(t)
		_, err := d.far.Pay(t.Context(), wrong.No, sandbox.FaultWrongAmountPaid)
		must(t, err)
		d.becomes(t, wrong, models.PaymentFailed)
		if got := d.cash(t); got != want {
			t.Errorf("another amount: cash is %s, want %s", got.Wire(), want.Wire())
		}
		d.Sound(t)
	})
}

// At the deadline WeChat Pay says unpaid still: it is closed there, and only
// then expires here. A gateway that is down leaves it pending.
func TestWechatExpiry(t *testing.T) {
	eachWechatDesk(t, func(t *testing.T, d wechatDesk) {
		p := d.confirmed(t)
		d.Clock.Add(31 * time.Minute)
		must(t, d.far.GoDown(t.Context(), time.Minute))
		if got, err := d.rails.CloseAndExpire(t.Context(), p.No); models.CodeOf(err) != models.Unavailable || got.State != models.PaymentPending {
			t.Errorf("while the gateway is down: %s, %v", got.State, err)
		}
		d.Clock.Add(2 * time.Minute)
		if got, err := d.far.Rail.Query(t.Context(), gateways.Ref{OutTradeNo: p.No}); err != nil || got.State != models.TradeWaiting {
			t.Errorf("past the deadline the gateway says %s, %v", got.State, err)
		}
		if got, err := d.rails.CloseAndExpire(t.Context(), p.No); err != nil || got.State != models.PaymentExpired {
			t.Errorf("%s, %v", got.State, err)
		}
		if got, err := d.far.Rail.Query(t.Context(), gateways.Ref{OutTradeNo: p.No}); err != nil || got.State != models.TradeClosed {
			t.Errorf("after that it says %s, %v", got.State, err)
		}
		next, err := d.rails.Resume(t.Context(), d.account, p.No, subject, gateways.Payer{})
		if err != nil || next.State != models.PaymentPending || next.QRContent == "" || next.Rail != models.RailWechat {
			t.Errorf("resumed to %+v, %v", next, err)
		}
	})
}

// Opened by one kind of device, it can't be paid from another: that is known, and
// known too after nobody noted it. A resume makes one that this device can pay.
func TestWechatIsPaidByTheDeviceThatOpenedIt(t *testing.T) {
	eachWechatDesk(t, func(t *testing.T, d wechatDesk) {
		phone := gateways.Payer{IP: "203.0.113.7", Phone: true}
		for _, first := range []gateways.Payer{{}, phone} {
			second := phone
			if first.Phone {
				second = gateways.Payer{}
			}
			draft, err := d.DraftRecharge(t.Context(), d.account, models.RechargeInput{Amount: asked.Wire(), Method: "wechat"})
			must(t, err)
			// What a process that died before it noted anything leaves behind.
			p, err := d.ConfirmPayment(t.Context(), d.account, draft.No, d.far.Rail.Payee())
			must(t, err)
			_, err = d.far.Rail.Open(t.Context(), gateways.Order{
				OutTradeNo: p.No, AmountFen: p.AmountFen, Subject: subject(p.No), OpenedAt: p.ConfirmedAt.Truncate(time.Second), ExpiresAt: *p.ExpiresAt,
				NotifyURL: d.rails.PublicURL + "/notify/wechat", Payer: first,
			})
			must(t, err)
			for range 2 {
				got, checkout, err := d.rails.Confirm(t.Context(), d.account, p.No, subject(p.No), second)
				if err != nil || checkout != (gateways.Checkout{}) || got.OpenedFor != first.Device() {
					t.Errorf("opened for %q, now by %s: %+v, %v", got.OpenedFor, second.Device(), checkout, err)
				}
			}
			next, err := d.rails.Resume(t.Context(), d.account, p.No, subject, second)
			if err != nil || next.No == p.No || next.OpenedFor != second.Device() || (next.QRContent != "") == second.Phone {
				t.Errorf("resumed to %+v, %v", next, err)
			}
			if told, err := d.far.Rail.Query(t.Context(), gateways.Ref{OutTradeNo: p.No}); err != nil || told.State != models.TradeClosed {
				t.Errorf("the old one is %s there, %v", told.State, err)
			}
		}
	})
}

// Alipay's notify address takes no word of WeChat Pay's, nor the other way round.
func TestWechatNotifySettlesItsOwnRailAlone(t *testing.T) {
	eachWechatDesk(t, func(t *testing.T, d wechatDesk) {
		p := d.desk.confirmed(t) // by Alipay
		before := d.cash(t)
		receipt := d.Receipt(p)
		receipt.Rail, receipt.Payee = models.RailWechat, d.far.Rail.Payee()
		if outcome, err := d.SettlePayment(t.Context(), receipt, 0); err == nil && outcome.Credited() {
			t.Errorf("settled: %s", outcome)
		}
		if got := d.now(t, p); got.State != models.PaymentPending || d.cash(t) != before {
			t.Errorf("the payment is %s, cash %s", got.State, d.cash(t).Wire())
		}
	})
}

// A refund is taken, is on its way, and is settled by its notice.
func TestWechatRefundEndsWithItsNotice(t *testing.T) {
	eachWechatDesk(t, func(t *testing.T, d wechatDesk) {
		p := d.confirmed(t)
		_, err := d.far.Pay(t.Context(), p.No, sandbox.FaultNone)
		must(t, err)
		p = d.becomes(t, p, models.PaymentPaid)
		r := d.reserved(t, p, "100")
		for range 2 { // sent twice: it moves nothing the second time
			if sent, err := d.rails.SendRefund(t.Context(), r.RequestNo); models.CodeOf(err) != models.Unavailable || sent.State != models.RefundSent {
				t.Fatalf("sent: %s, %v", sent.State, err)
			}
		}
		d.Clock.Add(2 * time.Second)
		gatewaystest.Eventually(t, "the refund is settled", func() bool {
			o, err := d.RefundByNo(t.Context(), r.RequestNo)
			must(t, err)
			return o.Refund.State == models.RefundSettled
		})
		if got := d.now(t, p); got.State != models.PaymentPartiallyRefunded || got.RefundedFen != 100*models.Yuan {
			t.Errorf("the payment is %s, %s given back", got.State, got.RefundedFen.Wire())
		}
		trade, err := d.far.Trade(t.Context(), p.No)
		if err != nil || trade.RefundedFen != 100_00 {
			t.Errorf("the gateway gave back %d, %v", trade.RefundedFen, err)
		}
		if _, err := d.rails.Ask(t.Context(), p.No, gateways.ByPoll); err != nil || d.cash(t) != asked-charged-100*models.Yuan {
			t.Errorf("asked once more: %v, cash %s", err, d.cash(t).Wire())
		}
		d.Sound(t)
	})
}

// The day's bill agrees with the books, and shows what they lack.
func TestWechatReconciliation(t *testing.T) {
	eachWechatDesk(t, func(t *testing.T, d wechatDesk) {
		day := models.DayOn(d.Clock.Now())
		known := d.confirmed(t)
		_, err := d.far.Pay(t.Context(), known.No, sandbox.FaultNone)
		must(t, err)
		d.becomes(t, known, models.PaymentPaid)
		r := d.reserved(t, known, "100")
		_, err = d.rails.SendRefund(t.Context(), r.RequestNo)
		if models.CodeOf(err) != models.Unavailable {
			t.Fatal(err)
		}
		d.Clock.Add(2 * time.Second)
		gatewaystest.Eventually(t, "the refund is settled", func() bool {
			o, err := d.RefundByNo(t.Context(), r.RequestNo)
			return err == nil && o.Refund.State == models.RefundSettled
		})
		lost := d.confirmed(t)
		_, err = d.far.Pay(t.Context(), lost.No, sandbox.FaultNotifyLost)
		must(t, err)
		d.Clock.Add(24 * time.Hour)
		done, err := d.rails.Reconcile(t.Context(), models.RailWechat, day)
		if err != nil {
			t.Fatal(err)
		}
		if done.PaymentCount != 2 || done.PaymentFen != 2*asked || done.RefundCount != 1 || done.RefundFen != -100*models.Yuan || done.MatchedCount != 2 {
			t.Errorf("%+v", done)
		}
	})
}
