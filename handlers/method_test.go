package handlers_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"ztc-portal/gateways"
	"ztc-portal/gateways/gatewaystest"
	"ztc-portal/models"
	"ztc-portal/views/text"
)

// twoWays is the site with a second rail beside Alipay: a double of WeChat Pay,
// which takes less.
type twoWays struct {
	*site
	other *gatewaystest.Double
}

const otherMax = 50_000 * yuan

func eachTwoWays(t *testing.T, test func(*testing.T, *twoWays)) {
	t.Helper()
	eachSite(t, func(t *testing.T, s *site) {
		w := &twoWays{s, gatewaystest.NewDouble(models.RailWechat)}
		s.rails.By[models.RailWechat] = w.other
		s.SetMethods(s.rails, models.NewMethod(models.RailAlipay, 200*yuan, 500_000*yuan), models.NewMethod(models.RailWechat, 100*yuan, otherMax))
		test(t, w)
	})
}

// breaks makes Alipay fail by as many calls as that takes.
func (w *twoWays) breaks(t *testing.T, b *browser, account int64) {
	t.Helper()
	w.far.CutOff(true)
	for _, amount := range []string{"901", "902", "903", "904", "905"} {
		b.pending(account, amount)
	}
	if w.rails.TryAgainAt(models.RailAlipay).IsZero() {
		t.Fatal("it does not fail")
	}
}

// choice is the radio button of a method.
func choice(rail models.Rail) string { return "input[name=method][value=" + string(rail) + "]" }

// chosen wants one method chosen, and these that can't be.
func (a answer) chosen(t *testing.T, want models.Rail, disabled ...models.Rail) {
	t.Helper()
	if got, _ := a.Find("input[name=method][checked]").Attr("value"); got != string(want) {
		t.Errorf("%q is chosen, want %q", got, want)
	}
	if n := a.Find("input[name=method][disabled]").Length(); n != len(disabled) {
		t.Errorf("%d methods can't be chosen, want %v", n, disabled)
	}
	for _, rail := range disabled {
		if a.Find(choice(rail)+"[disabled]").Length() != 1 {
			t.Errorf("%s can be chosen", rail)
		}
	}
}

func TestMethodsShowLimitsFeeAndSpeedTheLastUsedChosen(t *testing.T) {
	eachTwoWays(t, func(t *testing.T, w *twoWays) {
		b, _ := w.seller(t)
		for _, lang := range text.Languages {
			b.lang = lang
			page := b.get("/recharge").is(t, http.StatusOK)
			page.chosen(t, models.RailAlipay)
			for rail, limits := range map[models.Rail][2]models.Fen{models.RailAlipay: {200 * yuan, 500_000 * yuan}, models.RailWechat: {100 * yuan, otherMax}} {
				for _, want := range []string{
					word(lang, "method."+string(rail)), word(lang, "method.fee."+string(rail)), word(lang, "method.speed."+string(rail)),
					word(lang, "recharge.method.limits", "Min", limits[0], "Max", limits[1]),
				} {
					page.says(t, "label.choice:has("+choice(rail)+")", want)
				}
			}
			if strings.Contains(page.Find("label.choice").Text(), word(lang, "recharge.method.last")) {
				t.Error("a method is called the last used before one was")
			}
			page.says(t, "#amount-hint", "¥100.00")
		}
		b.post("/recharge", "amount", "300", "method", "wechat").is(t, http.StatusSeeOther)
		b.get("/recharge").chosen(t, models.RailAlipay) // a draft is no use
		account := w.payments(t, 1)[0]
		b.post("/payments/"+account.No+"/confirm").leads(t, "/payments/"+account.No)
		page := b.get("/recharge").is(t, http.StatusOK)
		page.chosen(t, models.RailWechat)
		if first := page.Find("input[name=method]").First().AttrOr("value", ""); first != "wechat" {
			t.Errorf("first is %s", first)
		}
		page.says(t, "label.choice:has("+choice(models.RailWechat)+")", word(b.lang, "recharge.method.last"))
	})
}

func TestAnAmountOverTheLimitLeadsToTheMethodThatTakesIt(t *testing.T) {
	eachTwoWays(t, func(t *testing.T, w *twoWays) {
		b, account := w.seller(t)
		b.get("/recharge")
		for _, lang := range text.Languages {
			b.lang = lang
			want := word(lang, "error.amount.too_large_for", "Method", models.RailWechat, "Max", otherMax, "Other", models.RailAlipay, "OtherMax", 500_000*yuan)
			page := b.post("/recharge", "amount", "60000", "method", "wechat").is(t, http.StatusUnprocessableEntity)
			page.says(t, "#amount-error", want)
			page.chosen(t, models.RailWechat)
			b.get("/recharge?amount=60000&method=wechat", part).is(t, http.StatusOK).says(t, "#estimate", want)
		}
		if n := len(w.payments(t, account)); n != 0 {
			t.Errorf("%d payments were stored", n)
		}
	})
}

func TestAFailingMethodIsShownAndAnotherIsProposed(t *testing.T) {
	eachTwoWays(t, func(t *testing.T, w *twoWays) {
		b, account := w.seller(t)
		waits := b.draft(account, "300")
		w.breaks(t, b, account)
		again := w.Clock.Now().Add(30 * time.Second)
		for _, lang := range text.Languages {
			b.lang = lang
			failing := word(lang, "error.method.failing", "Method", models.RailAlipay, "Until", again)
			proposed := word(lang, "recharge.method.proposed", "Method", models.RailWechat)
			page := b.get("/recharge?amount=300").is(t, http.StatusOK)
			page.chosen(t, models.RailWechat, models.RailAlipay)
			page.says(t, "label.choice:has("+choice(models.RailAlipay)+")", word(lang, "recharge.method.failing", "Until", again))
			page.says(t, "fieldset [role=status]", failing)
			page.says(t, "fieldset [role=status]", proposed)
			for _, answer := range []answer{
				b.post("/recharge", "amount", "300", "method", "alipay"), b.postPart("/recharge", "amount", "300", "method", "alipay"),
			} {
				answer.is(t, http.StatusUnprocessableEntity)
				answer.says(t, "#method-error", failing)
				answer.says(t, "fieldset [role=status]", proposed)
				answer.chosen(t, models.RailWechat, models.RailAlipay)
				if answer.value("#amount") != "300" {
					t.Errorf("the amount became %q", answer.value("#amount"))
				}
			}
			refused := b.post("/payments/"+waits.No+"/confirm").is(t, http.StatusUnprocessableEntity)
			refused.says(t, "#method-error", failing)
			refused.says(t, "form[action$='/method'] button", word(lang, "method.other.act", "Method", models.RailWechat))
			b.get("/payments/"+waits.No+"/confirm").is(t, http.StatusOK).says(t, "#method-error", failing)
		}
		if p := w.payment(t, waits.No); p.State != models.PaymentDraft {
			t.Errorf("the draft became %s", p.State)
		}
		// More than the other takes: it is proposed all the same, and says its limit.
		b.get("/recharge?amount=60000").says(t, "#estimate", "¥50,000.00")

		// By itself it can be had again.
		w.far.CutOff(false)
		w.Clock.Add(30 * time.Second)
		b.get("/recharge").is(t, http.StatusOK).chosen(t, models.RailAlipay)
		b.post("/payments/"+waits.No+"/confirm").is(t, http.StatusSeeOther)
		if p := w.payment(t, waits.No); p.State != models.PaymentPending {
			t.Errorf("it is %s", p.State)
		}
	})
}

func TestAnotherMethodForTheSameAmount(t *testing.T) {
	eachTwoWays(t, func(t *testing.T, w *twoWays) {
		b, account := w.seller(t)
		old := b.draft(account, "300")
		b.get("/payments/"+old.No+"/confirm").says(t, "form[action$='/method'] button", word(b.lang, "method.other.act", "Method", models.RailWechat))
		for _, lang := range text.Languages {
			b.lang = lang
			bad := b.post("/payments/"+old.No+"/method", "method", "paypal").is(t, http.StatusUnprocessableEntity)
			bad.isPage(t)
			bad.says(t, "#method-error", word(lang, "error.method.unknown"))
			b.post("/payments/"+old.No+"/method").is(t, http.StatusUnprocessableEntity).says(t, "#method-error", word(lang, "error.method.empty"))
		}
		to := b.post("/payments/"+old.No+"/method", "method", "wechat").is(t, http.StatusSeeOther).Header.Get("Location")
		next := w.payments(t, account)[0]
		if to != "/payments/"+next.No+"/confirm" || next.Rail != models.RailWechat || next.AmountFen != 300*yuan || next.State != models.PaymentDraft {
			t.Errorf("it leads to %s, %+v", to, next)
		}
		if p := w.payment(t, old.No); p.State != models.PaymentCancelled {
			t.Errorf("the old one is %s", p.State)
		}
		// The page of the old one, still open in another tab, confirms nothing.
		b.get(to).is(t, http.StatusOK).says(t, "#main", "double of wechat")
		b.post("/payments/"+old.No+"/confirm").is(t, http.StatusConflict)

		big := b.draft(account, "60000")
		page := b.get("/payments/" + big.No + "/confirm")
		if page.Find("form[action$='/method'] button").Length() != 0 {
			t.Error("a method is offered that does not take the amount")
		}
		page.says(t, "form[action$='/method']", "¥50,000.00")
		b.post("/payments/"+big.No+"/method", "method", "wechat").is(t, http.StatusUnprocessableEntity).says(t, "#method-error", "¥50,000.00")
		if p := w.payment(t, big.No); p.State != models.PaymentDraft {
			t.Errorf("refused, and it is %s", p.State)
		}
	})
}

func TestAGatewayThatDoesNotOpenLeadsToTheOtherMethods(t *testing.T) {
	eachTwoWays(t, func(t *testing.T, w *twoWays) {
		b, account := w.seller(t)
		b.get("/recharge")
		b.post("/recharge", "amount", "300", "method", "wechat").is(t, http.StatusSeeOther)
		p := w.payments(t, account)[0]
		w.other.Fail(gateways.ErrUnavailable)
		b.post("/payments/"+p.No+"/confirm").leads(t, "/payments/"+p.No)
		page := b.get("/payments/"+p.No).is(t, http.StatusOK)
		page.says(t, "#main [role=status]", word(b.lang, "flash.payment_unopened"))
		page.says(t, "form[action$='/method'] button", word(b.lang, "method.other.act", "Method", models.RailAlipay))
		if w.payment(t, p.No).State != models.PaymentPending {
			t.Errorf("it is %s", w.payment(t, p.No).State)
		}
		// The old one can't be closed there now: it stays, and the new page says so.
		to := b.post("/payments/"+p.No+"/method", "method", "alipay").is(t, http.StatusSeeOther).Header.Get("Location")
		next := w.payments(t, account)[0]
		if to != "/payments/"+next.No+"/confirm" || next.Rail != models.RailAlipay || next.State != models.PaymentDraft {
			t.Errorf("it leads to %s, %+v", to, next)
		}
		for _, lang := range text.Languages {
			b.lang = lang
			b.get(to).is(t, http.StatusOK).says(t, "#main [role=status]", word(lang, "confirm.pending", "Amount", 300*yuan, "Method", models.RailWechat))
		}
		// Refused, a pending one leads to the form, which proposes another.
		b.post("/payments/"+p.No+"/method", "method", "paypal").leads(t, "/recharge?amount=300.00&method=paypal")
	})
}

func TestStaffSwitchAMethodOffAndOn(t *testing.T) {
	eachTwoWays(t, func(t *testing.T, w *twoWays) {
		b, account := w.seller(t)
		waits := b.draft(account, "300")
		pending := b.pending(account, "400")
		staff, _ := w.member(t, models.RoleSupport, "support@shop.test")
		const why = "the contract is being renewed"
		for _, lang := range text.Languages {
			staff.lang = lang
			list := staff.get("/admin/methods").is(t, http.StatusOK)
			list.says(t, "#main tbody", word(lang, "methods.state.open"))
			list.says(t, "#main tbody", word(lang, "methods.limits", "Min", 100*yuan, "Max", otherMax))
			staff.get("/admin/methods/alipay").is(t, http.StatusOK).says(t, "h1", word(lang, "methods.off.title", "Method", models.RailAlipay))
			bad := staff.post("/admin/methods/alipay", "off", "1", "reason", "no").is(t, http.StatusUnprocessableEntity)
			bad.says(t, "#reason-error", word(lang, "error.reason.too_short", "Min", 5))
			if bad.value("#reason") != "no" {
				t.Errorf("the reason became %q", bad.value("#reason"))
			}
		}
		staff.get("/admin/methods/unionpay").is(t, http.StatusNotFound)
		staff.post("/admin/methods/unionpay", "off", "1", "reason", why).is(t, http.StatusNotFound)
		b.get("/recharge").chosen(t, models.RailAlipay)

		staff.post("/admin/methods/alipay", "off", "1", "reason", why).leads(t, "/admin/methods")
		for _, lang := range text.Languages {
			staff.lang, b.lang = lang, lang
			list := staff.get("/admin/methods").is(t, http.StatusOK)
			for _, want := range []string{word(lang, "methods.state.off"), why, "support@shop.test"} {
				list.says(t, "#main tbody", want)
			}
			page := b.get("/recharge").is(t, http.StatusOK)
			page.chosen(t, models.RailWechat, models.RailAlipay)
			page.says(t, "label.choice:has("+choice(models.RailAlipay)+")", word(lang, "recharge.method.off"))
			off := word(lang, "error.method.off", "Method", models.RailAlipay)
			page.says(t, "fieldset [role=status]", off)
			b.post("/payments/"+waits.No+"/confirm").is(t, http.StatusUnprocessableEntity).says(t, "#method-error", off)
			if body := b.get("/payments/" + waits.No + "/confirm").body; strings.Contains(body, why) || strings.Contains(body, "support@") {
				t.Error("sellers read who decided, or why")
			}
		}
		b.post("/payments/"+pending.No+"/confirm").is(t, http.StatusSeeOther)
		b.post("/payments/"+pending.No+"/resume").leads(t, "/recharge?amount=400.00&method=alipay")
		if p := w.payment(t, pending.No); p.State != models.PaymentPending {
			t.Errorf("the pending one is %s", p.State)
		}
		finance, _ := w.member(t, models.RoleFinance, "finance@shop.test")
		if finance.get("/admin/methods").is(t, http.StatusOK).Find("a[href^='/admin/methods/']").Length() != 0 {
			t.Error("finance is led to the switch")
		}
		finance.post("/admin/methods/alipay", "reason", why).is(t, http.StatusForbidden)
		staff.post("/admin/methods/alipay", "reason", "renewed at last").leads(t, "/admin/methods")
		b.get("/recharge").chosen(t, models.RailAlipay)
		b.post("/payments/"+waits.No+"/confirm").is(t, http.StatusSeeOther)
		trail, err := w.AuditTrail(t.Context(), models.AuditFilter{Subject: "method:alipay"}, models.Keyset{})
		must(t, err)
		if len(trail.Rows) != 2 {
			t.Errorf("the audit log has %+v", trail.Rows)
		}
		w.Sound(t)
	})
}

func TestStaffSeeWhatFails(t *testing.T) {
	eachTwoWays(t, func(t *testing.T, w *twoWays) {
		b, account := w.seller(t)
		staff, _ := w.member(t, models.RoleSupport, "support@shop.test")
		staff.get("/admin").is(t, http.StatusOK).says(t, "#main", word(staff.lang, "figures.rails.none"))
		w.breaks(t, b, account)
		must(t, w.JudgeFigures(t.Context()))
		again := w.Clock.Now().Add(30 * time.Second)
		for _, lang := range text.Languages {
			staff.lang = lang
			page := staff.get("/admin").is(t, http.StatusOK)
			page.says(t, "section[aria-labelledby=alerts-title]", word(lang, "figure.rails_failing"))
			page.says(t, "#main", word(lang, "figures.rails.failing", "Method", models.RailAlipay, "Until", again))
			if page.Find("#main a[href='/admin/methods']").Length() == 0 {
				t.Error("nothing leads to the methods")
			}
			list := staff.get("/admin/methods").is(t, http.StatusOK)
			list.says(t, "#main tbody", word(lang, "methods.state.failing"))
			list.says(t, "#main tbody", word(lang, "methods.failing.until", "Until", again))
		}
	})
}
