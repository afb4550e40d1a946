package sandbox_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"ztc-portal/gateways/sandbox"
)

// page reads an HTML page of the sandbox.
func (b *bench) page(address string, header http.Header) *goquery.Document {
	b.Helper()
	request := must(http.NewRequest(http.MethodGet, address, nil))(b.T)
	request.Header = header
	response := must(b.browser.Do(request))(b.T)
	defer response.Body.Close()
	return must(goquery.NewDocumentFromReader(response.Body))(b.T)
}

func TestCashierShowsWhatIsPaidInTheBuyersLanguage(t *testing.T) {
	b := newBench(t)
	biz := b.order("R1")
	biz["total_amount"] = "1234567.8"
	cashier := b.reach(biz)
	chinese := b.page(cashier, nil)
	for _, text := range []string{"沙箱 · 测试网关，不会动用真钱", "¥1,234,567.80", "广告充值", "R1", "还剩 30 分 0 秒", "10:30:00"} {
		if !strings.Contains(chinese.Text(), text) {
			t.Errorf("the page does not say %q", text)
		}
	}
	b.want("language", chinese.Find("html").AttrOr("lang", ""), "zh-CN")
	b.want("scripts", chinese.Find("script, style, [style], [onclick]").Length(), 0)
	b.want("faults", chinese.Find("form input[type=radio][name=fault]").Length(), len(sandbox.Faults))
	b.want("fault chosen", chinese.Find("input[name=fault][checked]").AttrOr("value", ""), "none")

	asked := b.page(cashier+"?lang=en", nil)
	b.want("language asked for", asked.Find("html").AttrOr("lang", ""), "en")
	b.want("button", strings.TrimSpace(asked.Find("button[name=outcome][value=pay]").Text()), "Pay ¥1,234,567.80")
	accepted := b.page(cashier, http.Header{"Accept-Language": {"en-GB,en;q=0.9,zh;q=0.5"}})
	b.want("language accepted", accepted.Find("html").AttrOr("lang", ""), "en")
}

func TestCashierLetsItsFormLeadToTheMerchantAndNowhereElse(t *testing.T) {
	b := newBench(t)
	response, _ := b.get(b.reach(b.order("R1")))
	policy := response.Header.Get("Content-Security-Policy")
	if !strings.HasSuffix(policy, "form-action 'self' "+b.shop.URL) || !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
		t.Errorf("policy is %s", policy)
	}
	b.want("cache", response.Header.Get("Cache-Control"), "no-store")
	css, _ := b.get(b.web.URL + "/static/cashier.css")
	b.want("style sheet", css.StatusCode, http.StatusOK)
	nothing, _ := b.get(b.web.URL + "/static/other.css")
	b.want("another file", nothing.StatusCode, http.StatusNotFound)
}

func TestPayingLeadsBackWithTheTwelveSignedFields(t *testing.T) {
	b := newBench(t)
	cashier := b.reach(b.order("R1"), func(p fields) { p["return_url"] += "?own=1" })
	response, _ := b.choose(cashier, "pay", "none")
	b.want("answer", response.StatusCode, http.StatusSeeOther)
	back := must(url.Parse(response.Header.Get("Location")))(t)
	b.want("address", "http://"+back.Host+back.Path, b.shop.URL+"/return/alipay")
	got := back.Query()
	b.want("own parameter", got.Get("own"), "1")
	got.Del("own")
	b.want("number of fields", len(got), 12)
	b.want("signature is genuine", b.genuineMessage(got), true)
	for name, want := range map[string]string{
		"app_id": b.box.Merchant().AppID, "auth_app_id": b.box.Merchant().AppID, "seller_id": b.box.Merchant().SellerID,
		"charset": "utf-8", "method": "alipay.trade.page.pay.return", "version": "1.0", "sign_type": "RSA2",
		"out_trade_no": "R1", "total_amount": "16.50", "timestamp": "2026-11-24 10:00:00",
	} {
		b.want(name, got.Get(name), want)
	}
	again, _ := b.choose(cashier, "", "")
	b.want("paying again", again.StatusCode, http.StatusSeeOther)
	_, paid := b.get(cashier)
	if !strings.Contains(paid, "付款成功") || strings.Contains(paid, "<form") {
		t.Error("the cashier of what is paid offers to pay, or does not say so")
	}
	b.settled(1)
}

func TestRefusingAndLeavingTakeNoMoney(t *testing.T) {
	b := newBench(t)
	cashier := b.reach(b.order("R1"))
	refused, _ := b.choose(cashier, "refuse", "none")
	b.want("refuse", refused.StatusCode, http.StatusSeeOther)
	back := must(url.Parse(refused.Header.Get("Location")))(t)
	b.want("return is genuine", b.genuineMessage(back.Query()), true)
	left, page := b.choose(cashier, "abandon", "notify_triple")
	b.want("abandon", left.StatusCode, http.StatusOK)
	if !strings.Contains(page, "已离开收银台") || strings.Contains(page, b.shop.URL) {
		t.Error("the page does not say that the buyer left, or leads back")
	}
	b.want("status", b.status("R1"), "WAIT_BUYER_PAY")
	b.settled(0)
}

func TestChoicesThatTheCashierDoesNotKnowTakeNoMoney(t *testing.T) {
	b := newBench(t)
	cashier := b.reach(b.order("R1"))
	for _, choice := range [][2]string{{"steal", "none"}, {"pay", "explode"}} {
		response, _ := b.choose(cashier, choice[0], choice[1])
		b.want("answer", response.StatusCode, http.StatusBadRequest)
	}
	b.want("status", b.status("R1"), "WAIT_BUYER_PAY")
	for _, path := range []string{"/cashier/unknown", "/qr/unknown", "/elsewhere"} {
		response, page := b.get(b.web.URL + path)
		b.want(path, response.StatusCode, http.StatusNotFound)
		if !strings.Contains(page, "没有收款") {
			t.Errorf("%s does not say that no money moved", path)
		}
	}
}

func TestPaymentWithoutReturnAddressEndsAtTheCashier(t *testing.T) {
	b := newBench(t)
	cashier := b.reach(b.order("R1"), func(p fields) { delete(p, "return_url"); delete(p, "notify_url") })
	response, _ := b.choose(cashier, "pay", "notify_first")
	b.want("address", b.web.URL+response.Header.Get("Location"), cashier)
	b.want("notifies", len(must(b.box.Notices(t.Context(), "R1"))(t)), 0)
}

func TestHandlerAnswersWithoutAServerOfItsOwn(t *testing.T) {
	b := newBench(t)
	w := httptest.NewRecorder()
	b.box.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodDelete, "/gateway.do", nil))
	b.want("other verb", w.Code, http.StatusNotFound)
}
