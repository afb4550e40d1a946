package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"ztc-portal/gateways/gatewaystest"
	"ztc-portal/gateways/sandbox"
	"ztc-portal/handlers"
	"ztc-portal/models"
	"ztc-portal/models/modelstest"
	"ztc-portal/views/text"
)

const (
	phoneAgent  = "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36"
	wechatAgent = phoneAgent + " MicroMessenger/8.0.56.2800(0x28003856) NetType/WIFI Language/zh_CN"
	// The app for desks has a browser too, and another phone to scan with beside it.
	deskWechatAgent = "Mozilla/5.0 (Windows NT 10.0; WOW64) AppleWebKit/537.36 Chrome/107.0 Safari/537.36 MicroMessenger/7.0.20.1781(0x6700143B) WindowsWechat"
)

// eachWechatSite is a site where WeChat Pay can be picked too.
func eachWechatSite(t *testing.T, test func(*testing.T, *site, *gatewaystest.Wechat)) {
	t.Helper()
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		far := gatewaystest.OpenWechat(t, b.Clock.Now)
		s := newSite(t, b, func(cfg *handlers.Config) {
			cfg.Rails.By[models.RailWechat] = far.Rail
			cfg.Cashiers = append(cfg.Cashiers, far.URL)
		})
		b.Offer(models.RailAlipay, models.RailWechat)
		test(t, s, far)
	})
}

// wechatDraft is a draft of ¥300 that the seller has made with the form.
func (b *browser) wechatDraft() string {
	b.t.Helper()
	b.get("/recharge").is(b.t, http.StatusOK).says(b.t, "main", word(text.Chinese, "method.wechat"))
	to := b.post("/recharge", "amount", "300", "method", "wechat").is(b.t, http.StatusSeeOther).Header.Get("Location")
	b.get(to).is(b.t, http.StatusOK).says(b.t, "main", word(text.Chinese, "method.wechat"))
	return strings.TrimSuffix(strings.TrimPrefix(to, "/payments/"), "/confirm")
}

func TestWechatShowsItsCodeOnOurPage(t *testing.T) {
	eachWechatSite(t, func(t *testing.T, s *site, far *gatewaystest.Wechat) {
		b, account := s.seller(t)
		no := b.wechatDraft()
		b.post("/payments/"+no+"/confirm").leads(t, "/payments/"+no)
		page := b.get("/payments/"+no).is(t, http.StatusOK)
		if page.Find("figure img[src$='/qr.png']").Length() != 1 || page.Find("form[action$='/confirm']").Length() != 0 {
			t.Error("at a desk the page wants a code, and no button that leads nowhere")
		}
		if link := page.Find("figure a").AttrOr("href", ""); link != s.payment(t, no).QRContent {
			t.Errorf("the demo's link leads to %q", link)
		}
		if qr := b.get("/payments/"+no+"/qr.png").is(t, http.StatusOK); qr.Header.Get("Content-Type") != "image/png" {
			t.Errorf("the code is %s", qr.Header.Get("Content-Type"))
		}
		_, err := far.PayByScan(t.Context(), s.payment(t, no).QRContent, sandbox.FaultNone)
		must(t, err)
		s.becomes(t, no, models.PaymentPaid)
		if s.cash(t, account) != 300*yuan {
			t.Errorf("cash is %s", s.cash(t, account).Wire())
		}
	})
}

// A phone goes to the app's own address, which opens only for a page of the
// merchant's domain, and is told to come back to the payment's page.
func TestWechatSendsAPhoneToTheApp(t *testing.T) {
	eachWechatSite(t, func(t *testing.T, s *site, far *gatewaystest.Wechat) {
		b, _ := s.seller(t)
		no := b.wechatDraft()
		answer := b.send("/payments/"+no+"/confirm", nil, header("User-Agent", phoneAgent)).is(t, http.StatusSeeOther)
		to, err := url.Parse(answer.Header.Get("Location"))
		must(t, err)
		if !strings.HasPrefix(to.String(), far.URL+"/h5/") || to.Query().Get("redirect_url") != s.url+"/payments/"+no || answer.Header.Get("Referrer-Policy") != "origin" {
			t.Errorf("to %s, Referrer-Policy %q", to, answer.Header.Get("Referrer-Policy"))
		}
		if s.payment(t, no).QRContent != "" {
			t.Error("a phone was given a code")
		}
		page := b.get("/payments/"+no, header("User-Agent", phoneAgent)).is(t, http.StatusOK)
		if page.Find("form[action$='/confirm']").Length() != 1 {
			t.Error("there is no way to the app once more")
		}
		_, err = far.Pay(t.Context(), no, sandbox.FaultNone)
		must(t, err)
		s.becomes(t, no, models.PaymentPaid)
	})
}

func TestWechatNotifyIsAnsweredByStatus(t *testing.T) {
	eachWechatSite(t, func(t *testing.T, s *site, far *gatewaystest.Wechat) {
		b, account := s.seller(t)
		confirmed := func() string {
			no := b.wechatDraft()
			b.post("/payments/"+no+"/confirm").leads(t, "/payments/"+no)
			return no
		}
		// A forgery is 401, the genuine notify after it 200.
		forged := confirmed()
		_, err := far.Pay(t.Context(), forged, sandbox.FaultForgedSign)
		must(t, err)
		delivered := func(no string, notice int) (d sandbox.Delivery) {
			gatewaystest.Eventually(t, "the notify is answered", func() bool {
				notices, err := far.Notices(t.Context(), no)
				must(t, err)
				if len(notices) > notice && len(notices[notice].Deliveries) > 0 {
					d = notices[notice].Deliveries[0]
				}
				return d.Status != 0
			})
			return d
		}
		if d := delivered(forged, 0); d.Status != http.StatusUnauthorized || d.Body != `{"code":"FAIL","message":"not verified"}` || s.cash(t, account) != 0 {
			t.Errorf("a forgery is answered %d %s, cash %s", d.Status, d.Body, s.cash(t, account).Wire())
		}
		s.Clock.Add(2 * time.Second)
		if d := delivered(forged, 1); d.Status != http.StatusOK || d.Body != `{"code":"SUCCESS","message":""}` || s.cash(t, account) != 300*yuan {
			t.Errorf("the genuine one is answered %d %s, cash %s", d.Status, d.Body, s.cash(t, account).Wire())
		}
		if response, body := s.notify(t, "wechat", "{}", header("Wechatpay-Signature", "WECHATPAY/SIGNTEST/x"), func(r *http.Request) { r.Host = "localhost" }); response.StatusCode != http.StatusUnauthorized || !strings.HasPrefix(response.Header.Get("Content-Type"), "application/json") {
			t.Errorf("a probe is answered %s %s", response.Status, body)
		}
		// One that is genuine and can't be settled now is 500: it comes again.
		unsure := confirmed()
		must(t, far.GoDown(t.Context(), time.Minute))
		_, err = far.Pay(t.Context(), unsure, sandbox.FaultWrongAmount)
		must(t, err)
		d, err := far.ResendNotify(t.Context(), unsure)
		if err != nil || d.Status != http.StatusInternalServerError || d.Body != `{"code":"FAIL","message":"not settled"}` {
			t.Errorf("what can't be settled is answered %d %s, %v", d.Status, d.Body, err)
		}
	})
}

// The other kind of device gets neither code nor cashier, but one button that
// makes a payment for it, in both directions.
func TestWechatOnAnotherDeviceIsResumedThere(t *testing.T) {
	eachWechatSite(t, func(t *testing.T, s *site, far *gatewaystest.Wechat) {
		b, _ := s.seller(t)
		phone, desk := header("User-Agent", phoneAgent), header("User-Agent", "Mozilla/5.0 (X11; Linux x86_64)")
		for _, c := range []struct {
			first, second option
			opened        string
		}{{desk, phone, "desk"}, {phone, desk, "phone"}} {
			no := b.wechatDraft()
			b.send("/payments/"+no+"/confirm", nil, c.first).is(t, http.StatusSeeOther)
			b.send("/payments/"+no+"/confirm", nil, c.second).leads(t, "/payments/"+no)
			for _, lang := range text.Languages {
				b.lang = lang
				page := b.get("/payments/"+no, c.second).is(t, http.StatusOK)
				page.says(t, "#payment [role=status]", word(lang, "payment.elsewhere."+c.opened, "Method", models.RailWechat))
				if page.Find("form[action$='/confirm'], figure img").Length() != 0 || page.Find("form[action$='/resume'] button").Length() != 1 {
					t.Error("what fails is offered, or the one button is not")
				}
				if b.get("/payments/"+no, c.first).Find("form[action$='/resume']").Length() != 0 {
					t.Error("the device that opened it is led away")
				}
			}
			b.lang = text.Chinese
			to := b.send("/payments/"+no+"/resume", nil, c.second).is(t, http.StatusSeeOther).Header.Get("Location")
			if p := s.payment(t, no); p.State != models.PaymentCancelled || to == "/payments/"+no {
				t.Errorf("the old one is %s, and it leads to %s", p.State, to)
			}
			page := b.get(to, c.second).is(t, http.StatusOK)
			if page.Find("form[action$='/resume']").Length() != 0 || page.Find("form[action$='/confirm'], figure img").Length() != 1 {
				t.Error("the new one can't be paid here")
			}
			b.post(strings.TrimSuffix(to, "/")+"/cancel").is(t, http.StatusSeeOther)
		}
	})
}

// WeChat's own browser on a phone can't open the app's cashier: it is told so
// before and after, and shown a code; a phone's browser goes on from there.
func TestInsideWechatThePageSaysWhatToDo(t *testing.T) {
	eachWechatSite(t, func(t *testing.T, s *site, far *gatewaystest.Wechat) {
		b, _ := s.seller(t)
		phone, inside, desk := header("User-Agent", phoneAgent), header("User-Agent", wechatAgent), header("User-Agent", deskWechatAgent)
		no := b.wechatDraft()
		told := func(path, key string, by option) {
			t.Helper()
			for _, lang := range text.Languages {
				b.lang = lang
				b.get(path, by).is(t, http.StatusOK).says(t, "main [role=status]", word(lang, key, "Method", models.RailWechat))
			}
			b.lang = text.Chinese
		}
		told("/payments/"+no+"/confirm", "confirm.in_wechat", inside)
		for _, by := range []option{phone, desk} {
			if strings.Contains(b.get("/payments/"+no+"/confirm", by).Find("main").Text(), word(b.lang, "confirm.in_wechat")) {
				t.Error("a browser that is not WeChat's on a phone is told so")
			}
		}
		b.send("/payments/"+no+"/confirm", nil, inside).leads(t, "/payments/"+no)
		told("/payments/"+no, "payment.in_wechat", inside)
		if page := b.get("/payments/"+no, inside); page.Find("figure img").Length() != 1 || page.Find("form[action$='/confirm']").Length() != 0 {
			t.Error("inside WeChat there is no code, or a button that opens nothing")
		}
		if strings.Contains(b.get("/payments/"+no, desk).Find("main").Text(), word(b.lang, "payment.in_wechat")) {
			t.Error("the app for desks is told to open a phone's browser")
		}
		told("/payments/"+no, "payment.elsewhere.desk", phone)

		to := b.send("/payments/"+no+"/resume", nil, phone).is(t, http.StatusSeeOther).Header.Get("Location")
		if b.get(to, phone).Find("form[action$='/confirm'] button").Length() != 1 {
			t.Error("the phone's browser can't go on")
		}
		told(to, "payment.elsewhere.in_wechat", inside)
	})
}

// A method that is not set up any more: nothing that fails is offered.
func TestAPendingPaymentWhoseMethodIsGone(t *testing.T) {
	eachWechatSite(t, func(t *testing.T, s *site, far *gatewaystest.Wechat) {
		b, _ := s.seller(t)
		no := b.wechatDraft()
		b.post("/payments/"+no+"/confirm").leads(t, "/payments/"+no)
		delete(s.rails.By, models.RailWechat)
		s.Offer(models.RailAlipay)
		for _, lang := range text.Languages {
			b.lang = lang
			page := b.get("/payments/"+no).is(t, http.StatusOK)
			page.says(t, "#payment [role=status]", word(lang, "payment.gone.text", "Method", models.RailWechat, "No", no))
			if page.Find("#payment form:not([action$='/method']), figure").Length() != 0 {
				t.Error("something is offered that fails")
			}
			page.says(t, "form[action$='/method'] button", word(lang, "method.other.act", "Method", models.RailAlipay))
		}
		for _, path := range []string{"/account", "/recharge"} {
			page := b.get(path).is(t, http.StatusOK)
			page.says(t, "section[aria-labelledby=pending]", word(b.lang, "pending.gone", "Method", models.RailWechat))
			if page.Find("form[action$='/cancel']").Length() != 0 || page.Find("section[aria-labelledby=pending] a[href='/payments/"+no+"']").Length() != 1 {
				t.Errorf("%s offers to cancel what nobody can be asked about, or does not lead to it", path)
			}
		}
		staff, _ := s.member(t, models.RoleSupport, "support@shop.test")
		page := staff.get(desk(no)).is(t, http.StatusOK)
		page.says(t, "main [role=status]", word(text.Chinese, "staff_payment.gone", "Method", models.RailWechat))
		if page.Find("main form").Length() != 0 {
			t.Error("staff are offered what nobody can answer")
		}
		s.Clock.Add(time.Hour)
		for _, lang := range text.Languages {
			b.lang = lang
			b.get("/payments/"+no).says(t, "#payment [role=status]", word(lang, "payment.gone.over", "Method", models.RailWechat, "No", no))
		}
		b.post("/payments/"+no+"/resume").leads(t, "/recharge?amount=300.00&method=wechat")
		b.get("/recharge?amount=300.00&method=wechat").says(t, "fieldset [role=status]", word(b.lang, "error.gateway.off", "Method", models.RailWechat))
	})
}
