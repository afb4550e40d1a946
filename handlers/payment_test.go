package handlers_test

import (
	"bytes"
	"image/png"
	"io"
	"net/http"
	"net/netip"
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

// draft is a payment that the seller has asked for.
func (b *browser) draft(account int64, amount string) models.Payment {
	b.t.Helper()
	b.get("/recharge")
	b.post("/recharge", "amount", amount, "method", "alipay").is(b.t, http.StatusSeeOther)
	return b.site.payments(b.t, account)[0]
}

// pending is a payment that the seller has confirmed.
func (b *browser) pending(account int64, amount string) models.Payment {
	b.t.Helper()
	p := b.draft(account, amount)
	b.get("/payments/"+p.No+"/confirm").is(b.t, http.StatusOK)
	b.post("/payments/"+p.No+"/confirm").is(b.t, http.StatusSeeOther)
	return b.site.payment(b.t, p.No)
}

func TestOnlyTheStoredDraftIsConfirmed(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, account := s.seller(t)
		p := b.draft(account, "300")
		page := b.get("/payments/"+p.No+"/confirm").is(t, http.StatusOK)
		page.says(t, "#main", "¥300.00")
		page.says(t, "#main", "Shop of seller@shop.test")
		if calls := s.far.Calls(); len(calls) != 0 {
			t.Errorf("the gateway was told of it before the seller confirmed: %v", calls)
		}
		answer := b.post("/payments/"+p.No+"/confirm", "amount", "1", "amount_fen", "1", "method", "wechat", "return_url", "https://evil.test/",
			"payee", "2088000000000000", "account_id", "999").is(t, http.StatusSeeOther)
		cashier, err := url.Parse(answer.Header.Get("Location"))
		must(t, err)
		sent := cashier.Query()
		if !strings.HasPrefix(cashier.String(), s.far.URL+"/gateway.do?") || !strings.Contains(sent.Get("biz_content"), `"total_amount":"300.00"`) ||
			!strings.Contains(sent.Get("biz_content"), p.No) || sent.Get("return_url") != s.url+"/return/alipay" {
			t.Errorf("the browser is sent to %s", cashier)
		}
		if p := s.payment(t, p.No); p.AmountFen != 300*yuan || p.Rail != models.RailAlipay || p.State != models.PaymentPending || p.AccountID != account {
			t.Errorf("confirmed is %+v", p)
		}
	})
}

func TestPaidAtTheCashier(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, account := s.seller(t)
		s.Charge(t, "click", s.campaigns(t, account, 100*yuan)[0], 50*yuan)
		p := b.draft(account, "300")
		answer := b.post("/payments/" + p.No + "/confirm")
		cashier, err := http.Get(answer.Header.Get("Location"))
		must(t, err)
		cashier.Body.Close()
		paid, err := b.client.PostForm(cashier.Request.URL.String(), url.Values{"outcome": {"pay"}, "fault": {"notify_first"}})
		must(t, err)
		paid.Body.Close()
		back, err := paid.Location()
		must(t, err)
		b.get(back.RequestURI()).leads(t, "/payments/"+p.No)
		for _, lang := range text.Languages {
			b.lang = lang
			page := b.get("/payments/"+p.No).is(t, http.StatusOK)
			page.says(t, "#payment", word(lang, "state.payment.paid"))
			page.says(t, "#payment", "¥300.00")
			if page.Find("[hx-trigger^=every]").Length() > 0 {
				t.Error("a page of a paid payment keeps asking")
			}
		}
		if cash := s.cash(t, account); cash != 250*yuan {
			t.Errorf("cash is %s", cash.Wire())
		}
		b.get("/payments/"+p.No+"/confirm").leads(t, "/payments/"+p.No)
		b.post("/payments/"+p.No+"/confirm").leads(t, "/payments/"+p.No)
		b.post("/payments/"+p.No+"/cancel").leads(t, "/payments/"+p.No)
		b.post("/payments/"+p.No+"/resume").leads(t, "/payments/"+p.No)
		if n := len(s.payments(t, account)); n != 1 || s.cash(t, account) != 250*yuan {
			t.Errorf("%d payments, cash %s", n, s.cash(t, account).Wire())
		}
		s.Sound(t)
	})
}

func TestPendingPage(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, account := s.seller(t)
		p := b.pending(account, "300")
		page := b.get("/payments/"+p.No).is(t, http.StatusOK)
		if page.Find("[hx-trigger^=every]").Length() != 1 || page.Find(`img[src="/payments/`+p.No+`/qr.png"]`).Length() != 1 {
			t.Error("the page neither asks again nor shows the code")
		}
		code := b.get("/payments/"+p.No+"/qr.png").is(t, http.StatusOK)
		picture, err := png.Decode(bytes.NewReader([]byte(code.body)))
		must(t, err)
		if code.Header.Get("Content-Type") != "image/png" || picture.Bounds().Dx() < 200 {
			t.Errorf("the code is %s of %v", code.Header.Get("Content-Type"), picture.Bounds())
		}
		s.Clock.Set(p.ExpiresAt.Add(time.Second))
		b.post("/payments/"+p.No+"/confirm").leads(t, "/payments/"+p.No) // too late for the cashier
	})
}

func TestIHavePaidAsksAtOnce(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, account := s.seller(t)
		p := b.pending(account, "300")
		check, path := "/payments/"+p.No+"/check", "/payments/"+p.No
		b.post(check).leads(t, path)
		b.get(path).says(t, "#payment", word(text.Chinese, "finding.answer.not_exist"))
		b.post(check).leads(t, path) // pressed twice: the gateway is not asked again
		b.get(path).says(t, "#payment", word(text.Chinese, "finding.answer.not_exist"))
		s.Clock.Add(2 * time.Second)
		s.far.CutOff(true)
		down := b.postPart(check).is(t, http.StatusOK)
		down.isPart(t)
		down.says(t, "#payment", word(text.Chinese, "payment.check.unreachable"))
		down.says(t, "#payment", word(text.Chinese, "finding.answer.unavailable"))
		b.get(path).says(t, "#payment", word(text.Chinese, "payment.check.unreachable"))
		if s.payment(t, p.No).State != models.PaymentPending {
			t.Error("a gateway that is down ended the payment")
		}
		s.far.CutOff(false)
		s.Clock.Add(2 * time.Second)
		_, err := s.far.Pay(t.Context(), p.No, sandbox.FaultNotifyLost)
		must(t, err)
		paid := b.postPart(check).is(t, http.StatusOK)
		paid.isPart(t)
		paid.says(t, "#payment", word(text.Chinese, "state.payment.paid"))
		if s.cash(t, account) != 300*yuan {
			t.Errorf("cash is %s", s.cash(t, account).Wire())
		}
	})
}

func TestGatewayDownAtConfirm(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, account := s.seller(t)
		s.far.CutOff(true)
		p := b.pending(account, "300")
		page := b.get("/payments/"+p.No).is(t, http.StatusOK)
		if page.Find(`img[src$="qr.png"]`).Length() != 0 || page.Find(`form[action="/payments/`+p.No+`/confirm"] button`).Length() != 1 {
			t.Error("without the gateway the page has a code, or no button")
		}
		b.get("/payments/"+p.No+"/qr.png").is(t, http.StatusNotFound)
		b.post("/payments/"+p.No+"/cancel").is(t, http.StatusServiceUnavailable).
			says(t, "#main", word(text.Chinese, "error.gateway.unavailable"))
		if s.payment(t, p.No).State != models.PaymentPending {
			t.Error("the payment ended though the gateway could not be told")
		}
	})
}

func TestCancelAndResume(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, account := s.seller(t)
		old := b.pending(account, "300")
		b.post("/payments/"+old.No+"/cancel").leads(t, "/payments/"+old.No)
		page := b.get("/payments/"+old.No).is(t, http.StatusOK)
		page.says(t, "#main", word(text.Chinese, "flash.payment_cancelled"))
		if strings.Contains(b.get("/payments/"+old.No).body, word(text.Chinese, "flash.payment_cancelled")) {
			t.Error("the sentence is said twice")
		}
		b.post("/payments/"+old.No+"/confirm").is(t, http.StatusConflict).
			says(t, "#main", word(text.Chinese, "error.payment.ended", "No", old.No))
		answer := b.post("/payments/"+old.No+"/resume").is(t, http.StatusSeeOther)
		next := s.payments(t, account)[0]
		if answer.Header.Get("Location") != "/payments/"+next.No || next.No == old.No || next.State != models.PaymentPending || next.AmountFen != 300*yuan {
			t.Errorf("resumed by %s, %s", next.No, next.State)
		}
		b.post("/payments/"+old.No+"/resume").leads(t, "/payments/"+next.No) // a second click
		b.get("/payments/"+old.No).says(t, "#payment", next.No)
		b.get("/payments/"+next.No).says(t, "#payment", old.No)
		if n := len(s.payments(t, account)); n != 2 {
			t.Errorf("%d payments", n)
		}
		draft := b.draft(account, "555")
		b.post("/payments/"+draft.No+"/resume").is(t, http.StatusConflict)
	})
}

func TestExpiredIsResumedInOneStep(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, account := s.seller(t)
		old := b.pending(account, "300")
		s.Clock.Set(old.ExpiresAt.Add(time.Second))
		_, err := s.rails.CloseAndExpire(t.Context(), old.No)
		must(t, err)
		page := b.get("/payments/"+old.No).is(t, http.StatusOK)
		page.says(t, "#payment", word(text.Chinese, "payment.expired.title"))
		if page.Find(`form[action="/payments/`+old.No+`/resume"] button`).Length() != 1 {
			t.Error("the page offers no way on")
		}
		b.post("/payments/"+old.No+"/resume").is(t, http.StatusSeeOther)
		next := s.payments(t, account)[0]
		_, err = s.far.Pay(t.Context(), next.No, sandbox.FaultNone)
		must(t, err)
		s.becomes(t, next.No, models.PaymentPaid)
		if s.cash(t, account) != 300*yuan {
			t.Errorf("cash is %s", s.cash(t, account).Wire())
		}
	})
}

func TestHeldMoneyIsSaid(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, account := s.seller(t)
		p := b.pending(account, "300")
		_, err := s.far.Pay(t.Context(), p.No, sandbox.FaultWrongAmountPaid)
		must(t, err)
		s.becomes(t, p.No, models.PaymentFailed)
		b.get("/payments/"+p.No).is(t, http.StatusOK).
			says(t, "#payment", word(text.Chinese, "payment.failed.suspense", "Ours", 300*yuan, "Theirs", 299*yuan))
		if s.cash(t, account) != 0 {
			t.Errorf("cash is %s", s.cash(t, account).Wire())
		}
	})
}

// notify posts a body to where a gateway sends its notifies.
func (s *site) notify(t *testing.T, rail, body string, options ...option) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequest(http.MethodPost, s.url+"/notify/"+rail, strings.NewReader(body))
	must(t, err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	for _, change := range options {
		change(request)
	}
	response, err := http.DefaultClient.Do(request)
	must(t, err)
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	must(t, err)
	return response, string(answer)
}

func TestNotifyIsAnsweredInTheGatewaysForm(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, account := s.seller(t)
		p := b.pending(account, "300")
		_, err := s.far.Pay(t.Context(), p.No, sandbox.FaultNotifyLost)
		must(t, err)
		notices, err := s.far.Notices(t.Context(), p.No)
		must(t, err)
		fields := notices[0].Fields
		fields.Set("body", "1+1 = 100%25 & ¥300")
		forged, err := s.far.SignNotify(fields, true)
		must(t, err)
		genuine, err := s.far.SignNotify(fields, false)
		must(t, err)
		for _, localhost := range []string{"localhost", "127.0.0.1"} {
			_, answer := s.notify(t, "alipay", forged, func(r *http.Request) { r.Host = localhost })
			if answer != "fail" || s.cash(t, account) != 0 {
				t.Errorf("a forgery sent to %s is answered %q", localhost, answer)
			}
		}
		for range 2 {
			response, answer := s.notify(t, "alipay", genuine)
			if response.StatusCode != http.StatusOK || answer != "success" || !strings.HasPrefix(response.Header.Get("Content-Type"), "text/plain") ||
				len(response.Cookies()) > 0 {
				t.Errorf("answered %s %q, %s, %v", response.Status, answer, response.Header.Get("Content-Type"), response.Cookies())
			}
		}
		rows, err := s.Notifies(t.Context(), p.No)
		must(t, err)
		if len(rows) != 2 || string(rows[0].Body) != genuine || rows[0].Address != "127.0.0.1" {
			t.Errorf("kept are %d notifies, not what came", len(rows))
		}
		if s.cash(t, account) != 300*yuan {
			t.Errorf("cash is %s", s.cash(t, account).Wire())
		}
		if response, _ := s.notify(t, "wechat", genuine); response.StatusCode != http.StatusNotFound {
			t.Errorf("a rail that is not there answers %s", response.Status)
		}
	})
}

func TestNotifyIsTakenUpTo64KiB(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		chunked := func(r *http.Request) { r.ContentLength = -1 }
		kept := func() int {
			rows, err := s.Notifies(t.Context(), "")
			must(t, err)
			return len(rows)
		}
		if _, answer := s.notify(t, "alipay", strings.Repeat("a", (64<<10))); answer != "fail" || kept() != 1 {
			t.Errorf("64 KiB are answered %q, %d kept", answer, kept())
		}
		for _, options := range [][]option{nil, {chunked}} {
			response, answer := s.notify(t, "alipay", strings.Repeat("a", (64<<10)+1), options...)
			if response.StatusCode != http.StatusRequestEntityTooLarge || answer == "success" || kept() != 1 {
				t.Errorf("more than 64 KiB are answered %s, %d kept", response.Status, kept())
			}
		}
	})
}

func TestForwardedAddressCountsFromKnownProxiesOnly(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		direct := newSite(t, b, func(*handlers.Config) {})
		behind := newSite(t, b, func(cfg *handlers.Config) {
			cfg.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("192.0.2.0/24")}
		})
		var want []string
		for _, c := range []struct {
			site             *site
			forwarded, known string
		}{
			{direct, "198.51.100.7", "127.0.0.1"},
			{behind, "198.51.100.7", "198.51.100.7"},
			{behind, "203.0.113.9, 198.51.100.7, 192.0.2.1", "198.51.100.7"}, // the first is the client's own claim
			{behind, "10.0.0.1", "10.0.0.1"},
			{behind, "nonsense", "127.0.0.1"},
		} {
			c.site.notify(t, "alipay", "x", header("X-Forwarded-For", c.forwarded))
			want = append(want, c.known)
		}
		rows, err := b.Notifies(t.Context(), "")
		must(t, err)
		for i, row := range rows {
			if row.Address != want[i] {
				t.Errorf("the address of notify %d is %q, want %q", i, row.Address, want[i])
			}
		}
		if len(rows) != len(want) {
			t.Errorf("%d notifies are kept", len(rows))
		}
	})
}

func TestReturnTrustsNothing(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, account := s.seller(t)
		p := b.pending(account, "300")
		for _, query := range []string{
			"", "?out_trade_no=" + p.No, "?out_trade_no=" + p.No + "&trade_status=TRADE_SUCCESS&total_amount=300.00&sign=x&sign_type=RSA2",
			"?next=https://evil.test/",
		} {
			b.get("/return/alipay"+query).is(t, http.StatusNotFound)
		}
		b.get("/return/wechat").is(t, http.StatusNotFound)
		if s.payment(t, p.No).State != models.PaymentPending {
			t.Error("a forged return changed the payment")
		}
		// A genuine one leads a stranger to the sign-in, whoever's payment it is.
		cashier := b.post("/payments/" + p.No + "/confirm").Header.Get("Location")
		page, err := http.Get(cashier)
		must(t, err)
		page.Body.Close()
		paid, err := b.client.PostForm(page.Request.URL.String(), url.Values{"outcome": {"pay"}, "fault": {"notify_lost"}})
		must(t, err)
		paid.Body.Close()
		back, err := paid.Location()
		must(t, err)
		stranger := s.browser(t)
		stranger.get(back.RequestURI()).leads(t, "/payments/"+p.No)
		stranger.get("/payments/"+p.No).leads(t, "/login")
		gatewaystest.Eventually(t, "the question settles it", func() bool { return s.cash(t, account) == 300*yuan })
	})
}
