package e2e

import (
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// phoneAgent is what a phone's browser says it is.
const phoneAgent = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"

// wechatDraft goes as far as the confirmation of ¥300 by WeChat Pay, and gives
// the payment's no.
func wechatDraft(b *tab) string {
	b.t.Helper()
	b.signIn("active@demo.test")
	b.open("/recharge")
	b.see("微信支付", "扫码支付，几秒内到账")
	b.press("微信支付")
	b.wait("WeChat Pay is chosen", `document.querySelector('input[name=method][value=wechat]').checked && !document.querySelector(".htmx-request")`)
	b.fill("amount", "300")
	b.press("下一步")
	no := b.at(`/payments/(R\w{20})/confirm$`)[1]
	b.see("确认充值", "支付方式 微信支付", "1900000109", no)
	return no
}

// aPhone makes the tab a phone's.
func (b *tab) aPhone() {
	b.t.Helper()
	b.appear(narrow, "light")
	call(b, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: phoneAgent, AcceptLanguage: "zh-CN"})
}

// TestWechatByScan: at a desk the code stands on our own page, a phone scans it,
// and the page goes on by itself; before that the seller took the payment to
// their phone and back, and paid on neither.
func TestWechatByScan(t *testing.T) {
	t.Parallel()
	p := serve(t)
	b := newTab(t, p)
	no := wechatDraft(b)
	b.submit("确认并付款 ¥300.00")
	b.at(`/payments/` + no + `$`)
	b.step("taken_to_a_phone_and_back", func() { no = thereAndBack(b, no) })
	b.see("等待支付", "剩余支付时间", "用微信支付扫码支付")
	b.seeNot("前往微信支付付款")
	b.wait("the QR code is drawn", `(() => { const code = document.querySelector("main figure img"); return code && code.complete && code.naturalWidth >= 300 })()`)
	b.look("payment-wechat")
	code := payment(t, p.open(t), no).QRContent
	if link := eval[string](b, `document.querySelector("figure a").href`); link != code {
		t.Errorf("the demo's link leads to %s, the code to %s", link, code)
	}
	phone := newTab(t, p)
	phone.do(chromedp.Navigate(code))
	phone.at(`/wechat/cashier/`)
	phone.see("微信支付沙箱", "¥300.00", no, "沙箱 · 测试网关，不会动用真钱")
	phone.look("cashier-wechat")
	phone.submit("付款 ¥300.00")
	phone.see("付款成功")
	b.front()
	b.see("充值成功", "+¥300.00")
	b.look("payment-wechat-paid")
}

// thereAndBack takes a payment that a desk opened to a phone, and that to the
// desk again: each makes one of its own, and closes the other's. It gives the last.
func thereAndBack(desk *tab, no string) string {
	hand := newTab(desk.t, desk.portal)
	hand.aPhone()
	hand.signIn("active@demo.test")
	hand.open("/payments/" + no)
	hand.see("这笔支付单是在电脑上或微信里打开的")
	hand.seeNot("前往微信支付付款", "用微信支付扫码支付")
	hand.fits("a payment that a desk opened")
	hand.accessible("a payment that a desk opened")
	hand.submit("在这台设备上支付 ¥300.00")
	next := hand.at(`/payments/(R\w{20})$`)[1]
	hand.see("前往微信支付付款")
	desk.front()
	desk.see("已取消") // the page asks by itself
	desk.open("/payments/" + next)
	desk.see("这笔支付单是在手机上打开的")
	desk.seeNot("前往微信支付付款", "用微信支付扫码支付")
	desk.look("payment-elsewhere")
	desk.submit("在这台设备上支付 ¥300.00")
	last := desk.at(`/payments/(R\w{20})$`)[1]
	if last == no || last == next {
		desk.t.Errorf("it is %s again", last)
	}
	return last
}

// TestWechatOnAPhone: there the WeChat app is opened, and the browser comes back
// to the payment's page, with scripts off as with them on.
func TestWechatOnAPhone(t *testing.T) {
	for _, scripts := range []string{"with scripts", "without scripts"} {
		t.Run(scripts, func(t *testing.T) {
			t.Parallel()
			b := newTab(t, serve(t))
			b.aPhone()
			if scripts == "without scripts" {
				b.withoutScripts()
			}
			no := wechatDraft(b)
			b.submit("确认并付款 ¥300.00")
			b.at(`/wechat/cashier/`)
			b.see("¥300.00", no)
			b.open("/payments/" + no)
			b.see("等待支付")
			b.submit("前往微信支付付款")
			b.at(`/wechat/cashier/`)
			b.submit("付款 ¥300.00")
			b.at(`/payments/` + no + `$`)
			b.wait("the money is there", `document.readyState === "complete"`)
			if scripts == "without scripts" {
				b.press("我已付款")
			}
			b.see("充值成功", "+¥300.00")
			if got := payment(t, b.portal.open(t), no); got.QRContent != "" || got.GatewayTradeNo == nil {
				t.Errorf("the payment: %+v", got)
			}
		})
	}
}
