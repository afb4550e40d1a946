package handlers_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"ztc-portal/models"
	"ztc-portal/views/text"
)

// What a person may type wrong, and what stands beside the field then.
var badRecharges = []struct {
	amount, method string
	field, key     string
	args           []any
}{
	{"", "alipay", "amount", "error.amount.empty", nil},
	{"   ", "alipay", "amount", "error.amount.empty", nil},
	{"0", "alipay", "amount", "error.amount.zero", nil},
	{"-5", "alipay", "amount", "error.amount.negative", nil},
	{"300.001", "alipay", "amount", "error.amount.decimals", nil},
	{"1e5", "alipay", "amount", "error.amount.not_a_number", nil},
	{"NaN", "alipay", "amount", "error.amount.not_a_number", nil},
	{"0x200", "alipay", "amount", "error.amount.not_a_number", nil},
	{"3,00", "alipay", "amount", "error.amount.not_a_number", nil},
	{"三百", "alipay", "amount", "error.amount.not_a_number", nil},
	{"199.99", "alipay", "amount", "error.amount.too_small", []any{"Min", 200 * yuan}},
	{"500000.01", "alipay", "amount", "error.amount.too_large", []any{"Max", 500_000 * yuan}},
	{"9" + strings.Repeat("0", 30), "alipay", "amount", "error.amount.too_large_to_read", nil},
	{`"><script>alert(1)</script>`, "alipay", "amount", "error.amount.not_a_number", nil},
	{"300", "", "method", "error.method.empty", nil},
	{"300", "paypal", "method", "error.method.unknown", nil},
	{"300", `"><img src=x onerror=alert(1)>`, "method", "error.method.unknown", nil},
}

func TestRechargeRefusals(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, account := s.seller(t)
		b.get("/recharge").is(t, http.StatusOK)
		for _, lang := range text.Languages {
			b.lang = lang
			for _, bad := range badRecharges {
				page := b.post("/recharge", "amount", bad.amount, "method", bad.method)
				page.isPage(t)
				some := b.postPart("/recharge", "amount", bad.amount, "method", bad.method)
				some.isPart(t)
				for _, answer := range []answer{page, some} {
					answer.is(t, http.StatusUnprocessableEntity)
					answer.says(t, "#"+bad.field+"-error", word(lang, bad.key, bad.args...))
					if got := answer.value("#amount"); got != bad.amount {
						t.Errorf("typed was %q, kept is %q", bad.amount, got)
					}
					if answer.Find("[aria-invalid=true]").Length() == 0 || answer.Find("#main script, #recharge script, img[src=x]").Length() > 0 {
						t.Errorf("%q, %q: the form is drawn wrong", bad.amount, bad.method)
					}
				}
			}
		}
		both := b.post("/recharge", "amount", "0", "method", "")
		both.says(t, "#amount-error", word(b.lang, "error.amount.zero"))
		both.says(t, "#method-error", word(b.lang, "error.method.empty"))
		if n := len(s.payments(t, account)); n != 0 {
			t.Errorf("%d payments were stored", n)
		}
	})
}

func TestRechargeIsTakenAsTyped(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, account := s.seller(t)
		b.get("/recharge")
		for typed, want := range map[string]models.Fen{
			"1,000": 1000 * yuan, "￥500": 500 * yuan, "５００.５０": 500*yuan + 50, " 200 ": 200 * yuan, "500000": 500_000 * yuan,
		} {
			answer := b.post("/recharge", "amount", typed, "method", "alipay").is(t, http.StatusSeeOther)
			no := strings.TrimSuffix(strings.TrimPrefix(answer.Header.Get("Location"), "/payments/"), "/confirm")
			if p := s.payment(t, no); p.AmountFen != want || p.State != models.PaymentDraft || p.AccountID != account {
				t.Errorf("%q was stored as %s, %s", typed, p.AmountFen.Wire(), p.State)
			}
		}
		answer := b.postPart("/recharge", "amount", "321", "method", "alipay").is(t, http.StatusNoContent)
		if to := answer.Header.Get("HX-Location"); !strings.HasSuffix(to, "/confirm") || answer.body != "" {
			t.Errorf("a part is led to %q with %q", to, answer.body)
		}
	})
}

func TestRechargeBelowTheArrearsIsTakenAfterAWarning(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, account := s.seller(t)
		s.Charge(t, "click", s.campaigns(t, account, 2000*yuan)[0], 1000*yuan)
		b.get("/recharge?amount=300").says(t, "#estimate", word(text.Chinese, "estimate.too_little", "Left", 700*yuan))
		b.post("/recharge", "amount", "300", "method", "alipay").is(t, http.StatusSeeOther)
	})
}

func TestEstimateFollowsTheTyping(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, account := s.seller(t)
		s.Charge(t, "click", s.campaigns(t, account, 2000*yuan)[0], 1000*yuan)
		answer := b.get("/recharge?amount=1300&method=alipay", part).is(t, http.StatusOK)
		answer.isPart(t)
		answer.says(t, "#estimate", "¥300.00") // what is left after the arrears
		if answer.value("#amount") != "1300" {
			t.Errorf("the field holds %q", answer.value("#amount"))
		}
		for _, typed := range []string{"1e9", "-1", `"><script>`} {
			answer := b.get("/recharge?amount="+url.QueryEscape(typed), part).is(t, http.StatusOK)
			if answer.value("#amount") != typed || answer.Find("script").Length() > 0 {
				t.Errorf("%q: the field holds %q", typed, answer.value("#amount"))
			}
		}
		if n := len(s.payments(t, account)); n != 0 {
			t.Errorf("%d payments were stored", n)
		}
	})
}

func TestFullPageOrPart(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, account := s.seller(t)
		no := s.Pending(t, account, "300").No
		id := s.campaigns(t, account, 100*yuan)[0]
		for _, path := range []string{
			"/account", "/recharge", "/payments", "/payments/" + no, "/ledger", "/campaigns", "/campaigns/restart",
			theirs{campaign: id}.at("/campaigns/:id"), "/nowhere",
		} {
			answers := map[string]answer{
				"plain":   b.get(path),
				"history": b.get(path, header("HX-Request", "true")),
				"full":    b.get(path, header("HX-Request", "true"), header("HX-Request-Type", "full")),
				"partial": b.get(path, part),
			}
			for kind, answer := range answers {
				if vary := strings.Join(answer.Header.Values("Vary"), ","); !strings.Contains(vary, "HX-Request-Type") {
					t.Errorf("%s, %s: Vary is %q", path, kind, vary)
				}
				if kind == "partial" {
					answer.isPart(t)
				} else {
					answer.isPage(t)
				}
			}
		}
	})
}

func TestDoublePostsMakeOnePayment(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, account := s.seller(t)
		b.get("/recharge")
		token := b.token
		post := func(path, pairs string) answer {
			return b.do(http.MethodPost, path, "csrf="+url.QueryEscape(token)+pairs)
		}
		var clicks sync.WaitGroup
		for range 6 {
			clicks.Go(func() {
				if answer := post("/recharge", "&amount=300&method=alipay"); answer.StatusCode != http.StatusSeeOther {
					t.Errorf("a click is answered %s", answer.Status)
				}
			})
		}
		clicks.Wait()
		drafts := s.payments(t, account)
		if len(drafts) != 1 {
			t.Fatalf("%d payments were made", len(drafts))
		}
		confirm := "/payments/" + drafts[0].No + "/confirm"
		b.get(confirm).is(t, http.StatusOK)
		token = b.token
		for range 6 {
			clicks.Go(func() {
				answer := post(confirm, "")
				if !strings.HasPrefix(answer.Header.Get("Location"), s.far.URL) {
					t.Errorf("a click leads to %q", answer.Header.Get("Location"))
				}
			})
		}
		clicks.Wait()
		if rows := s.payments(t, account); len(rows) != 1 || rows[0].State != models.PaymentPending {
			t.Errorf("the payments are %+v", rows)
		}
		// Back to the form and the same wish again: the payment that waits.
		post("/recharge", "&amount=300.00&method=alipay").leads(t, confirm)
		b.get(confirm).leads(t, "/payments/"+drafts[0].No)
	})
}

// Until when the money lasts is said in words, with its band, on the overview and
// beside each amount of the form; more money lasts longer.
func TestLastsUntilIsTheForecast(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, account := s.seller(t)
		s.credit(t, account, 2000*yuan)
		campaign := s.campaigns(t, account, 500*yuan)[0]
		b.get("/account").says(t, "#main", word(text.Chinese, "forecast.gap.no_spend"))
		for n := range 8 { // 100 yuan every 24 hours
			s.Charge(t, fmt.Sprint("forecast", n), campaign, 100*yuan)
			s.Clock.Add(24 * time.Hour)
		}
		b.signIn("seller@shop.test") // the session has long ended
		soon, err := s.Forecast(t.Context(), account)
		if err != nil || !soon.OK {
			t.Fatalf("%+v, %v", soon, err)
		}
		desk, err := s.RechargeDesk(t.Context(), account)
		if err != nil {
			t.Fatal(err)
		}
		for _, lang := range text.Languages {
			b.lang = lang
			ctx, now := text.With(t.Context(), lang), s.Clock.Now()
			b.get("/account").says(t, "#main", word(lang, "forecast.sentence", "At", text.Soon(ctx, soon.At, now)))
			b.get("/account").says(t, "#main", word(lang, "forecast.band", "Low", text.SoonOn(ctx, soon.Low, soon.At, now), "High", text.SoonOn(ctx, soon.High, soon.At, now)))
			after := desk.Preview(300 * yuan).Forecast
			if !after.At.After(soon.At) {
				t.Errorf("with more money %+v, without %+v", after, soon)
			}
			b.get("/recharge?amount=300", part).says(t, "#estimate", text.Soon(ctx, after.At, now))
			page := b.get("/recharge")
			for _, suggestion := range desk.Suggestions {
				page.says(t, "#recharge fieldset ul", text.Soon(ctx, desk.Preview(suggestion.Amount).Forecast.At, now))
			}
		}
	})
}
