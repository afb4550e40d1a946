package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"ztc-portal/gateways/sandbox"
	"ztc-portal/models"
)

// mishap is what a payer meets at the cashier, and what the seller reads then.
type mishap struct {
	fault     sandbox.Fault
	at        string              // words of the choice at the cashier
	meanwhile []string            // on the way
	end       []string            // in the end
	state     models.PaymentState // in the end
}

var mishaps = []mishap{
	{fault: sandbox.FaultNotifyLost, at: "通知丢失", end: []string{"充值成功"}, state: models.PaymentPaid},
	{fault: sandbox.FaultNotifyTriple, at: "通知重复", end: []string{"充值成功"}, state: models.PaymentPaid},
	{fault: sandbox.FaultNotifyLate, at: "通知迟到", end: []string{"充值成功"}, state: models.PaymentPaid},
	{fault: sandbox.FaultNotifyFirst, at: "通知先到", end: []string{"充值成功"}, state: models.PaymentPaid},
	{fault: sandbox.FaultForgedSign, at: "伪造签名", end: []string{"充值成功"}, state: models.PaymentPaid},
	{fault: sandbox.FaultWrongAmount, at: "通知金额不符", end: []string{"充值成功"}, state: models.PaymentPaid},
	{
		fault: sandbox.FaultWrongAmountPaid, at: "实收金额不符", state: models.PaymentFailed,
		end: []string{"收到的款项对不上，正在核对", "这笔钱已安全挂账，尚未计入余额", "请勿重复支付"},
	},
	{
		fault: sandbox.FaultPayAfterClose, at: "仍然付款", state: models.PaymentPaid,
		end: []string{"充值成功", "这笔钱在支付单关闭之后才到，已照常入账"},
	},
	// The last: while a gateway is down its method may be taken off the page for half a minute.
	{
		fault: sandbox.FaultGatewayDown, at: "网关宕机", end: []string{"充值成功"}, state: models.PaymentPaid,
		meanwhile: []string{"等待支付", "暂时无法联系支付渠道，还不能确定是否已扣款。请勿重复支付"},
	},
}

// TestMishapsAtTheCashier chooses each fault that the cashier offers, in the
// browser: the page says what is so, and the money is there once, or parked.
func TestMishapsAtTheCashier(t *testing.T) {
	t.Parallel()
	g := openGateway(t, sandbox.Options{
		NotifyLate: time.Second, GenuineAfter: 300 * time.Millisecond, DownFor: 4 * time.Second,
		NotifyDelays: []time.Duration{time.Second, time.Second, time.Second, time.Second, time.Second},
	})
	p := serve(t, paying(g))
	b := newTab(t, p)
	b.signIn("active@demo.test")
	seller, store := signedIn(t, p, "active@demo.test"), p.open(t)
	account := payment(t, store, seller.draft(t, "200")).AccountID
	want := cash(t, store, account)
	var all []string
	for i, m := range mishaps {
		b.step(string(m.fault), func() {
			no := seller.confirmed(b.t, fmt.Sprint(300+i))
			all = append(all, no)
			if m.state == models.PaymentPaid {
				want += payment(b.t, store, no).AmountFen
			}
			if m.fault == sandbox.FaultPayAfterClose {
				b.payLate(seller, store, no, m)
			} else {
				b.payWith(seller, no, m)
			}
			b.see(m.end...)
			if m.fault == sandbox.FaultWrongAmountPaid || m.fault == sandbox.FaultPayAfterClose {
				b.look("payment-" + string(m.fault))
			}
			if got := payment(b.t, store, no).State; got != m.state {
				b.t.Errorf("%s is %s, want %s", no, got, m.state)
			}
		})
	}
	await(t, patience, "a notify is still under way", func() bool { return g.quiet(t, all) })
	if got := cash(t, store, account); got != want {
		t.Errorf("in the end the account has %d fen, want %d", got, want)
	}
	sound(t, store)
}

// payWith pays at the cashier with the fault chosen.
func (b *tab) payWith(seller *client, no string, m mishap) {
	b.t.Helper()
	b.do(chromedp.Navigate(seller.must(b.t, "/payments/"+no+"/confirm", nil).to))
	b.at(`/cashier/`)
	b.press(m.at)
	b.submit("付款 ¥")
	b.at(`/payments/` + no + `$`)
	if m.meanwhile != nil {
		b.see(m.meanwhile...)
		b.look("payment-" + string(m.fault))
	}
}

// payLate goes to the cashier, cancels in the portal, and pays all the same.
func (b *tab) payLate(seller *client, store *models.Store, no string, m mishap) {
	b.t.Helper()
	b.do(chromedp.Navigate(seller.must(b.t, "/payments/"+no+"/confirm", nil).to))
	b.at(`/cashier/`)
	if a := seller.must(b.t, "/payments/"+no+"/cancel", nil); a.to != "/payments/"+no {
		b.t.Fatalf("cancel leads to %q", a.to)
	}
	b.do(chromedp.Reload())
	b.look("cashier-closed")
	b.submit(m.at)
	await(b.t, patience, "late money is not credited", func() bool { return payment(b.t, store, no).State == m.state })
	b.open("/payments/" + no)
}

// quiet: the gateway has nothing more to say of these payments.
func (g *gateway) quiet(t *testing.T, payments []string) bool {
	t.Helper()
	for _, no := range payments {
		notices, err := g.Notices(t.Context(), no)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range notices {
			if n.State == "waiting" {
				return false
			}
		}
	}
	return true
}
