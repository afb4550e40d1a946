package e2e

import (
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// aPhone is what a phone's browser says it is.
const aPhone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"

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

// TestWechatByScan: at a desk the code stands on our own page, a phone scans it,
// and the page goes on by itself.
func TestWechatByScan(t *testing.T) {
	t.Parallel()
	p := serve(t)
	b := newTab(t, p)
	no := wechatDraft(b)
	b.submit("确认并付款 ¥300.00")
	b.at(`/payments/` + no + `$`)
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

// TestWechatOnAPhone: there the WeChat app is opened, and the browser comes back
// to the payment's page, with scripts off as with them on.
func TestWechatOnAPhone(t *testing.T) {
	for _, scripts := range []string{"with scripts", "without scripts"} {
		t.Run(scripts, func(t *testing.T) {
			t.Parallel()
			b := newTab(t, serve(t))
			b.appear(narrow, "light")
			call(b, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: aPhone, AcceptLanguage: "zh-CN"})
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
