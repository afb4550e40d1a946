package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"ztc-portal/gateways/sandbox"
	"ztc-portal/models"
)

const (
	mayChooseAlipay = `!document.querySelector("input[name=method][value=alipay]").disabled`
	otherChosen     = `document.querySelector("input[name=method]:checked:not([value=alipay])")?.value || ""`
)

// TestAFailingMethodIsShownAndRecoversByItself cuts Alipay off while sellers pay:
// the form says so and proposes another method where there is one, the payment
// that waited stays a draft, staff see the alert; when the gateway answers again
// the method comes back without anybody's hand, and the draft is paid.
func TestAFailingMethodIsShownAndRecoversByItself(t *testing.T) {
	t.Parallel()
	g := openGateway(t, sandbox.Options{})
	p := serve(t, paying(g))
	store := p.open(t)
	seller := signedIn(t, p, "active@demo.test")
	waits := seller.draft(t, "310")
	down := func(d time.Duration) {
		if err := g.GoDown(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	b := newTab(t, p)
	b.signIn("active@demo.test")
	b.open("/recharge?amount=310")
	if !eval[bool](b, mayChooseAlipay) {
		t.Fatal("the method can't be chosen from the first")
	}
	down(time.Hour)
	for i := range 5 {
		seller.confirmed(t, fmt.Sprint(320+i))
	}
	b.step("shown_as_unavailable", func() {
		b.open("/recharge?amount=310")
		b.see("支付宝暂时没有响应", "再试", "暂时不可用")
		if eval[bool](b, mayChooseAlipay) {
			b.t.Error("the failing method can be chosen")
		}
		if other := eval[string](b, otherChosen); other != "" {
			b.see("已为您改选")
		} else {
			b.see("目前没有可用的支付方式", "没有扣款")
		}
		b.look("recharge-failing")
	})
	b.step("a_draft_stays_one", func() {
		b.open("/payments/" + waits + "/confirm")
		b.see("支付宝暂时没有响应")
		b.submit("确认并付款")
		b.see("支付宝暂时没有响应")
		b.look("confirm-failing")
		if got := payment(b.t, store, waits).State; got != models.PaymentDraft {
			b.t.Error("it became ", got)
		}
	})
	staff := newTab(t, p)
	staff.signInStaff("support@demo.test")
	staff.step("staff_see_it", func() {
		staff.see("无响应的支付渠道", "支付宝：无响应")
		staff.pressIn("main", "无响应的支付渠道")
		staff.at(`/admin/methods$`)
		staff.see("无响应", "再试")
		staff.look("staff-methods-failing")
	})
	down(0)
	await(t, 3*patience, "the method does not come back", func() bool {
		b.open("/recharge?amount=310")
		return eval[bool](b, mayChooseAlipay)
	})
	b.step("recovers_by_itself", func() {
		b.seeNot("暂时没有响应")
		b.open("/payments/" + waits + "/confirm")
		b.seeNot("暂时没有响应")
		b.submit("确认并付款")
		b.at(`/cashier/`)
		b.submit("付款 ¥")
		b.at(`/payments/` + waits + `$`)
		b.see("充值成功")
	})
	staff.step("staff_see_that_it_is_over", func() {
		staff.open("/admin/methods")
		staff.seeNot("无响应")
	})
	sound(t, store)
}

// TestStaffSwitchAMethodOff does so at a telephone's width, without scripts and
// by the keys alone; sellers can't begin a payment by it then, and can again.
func TestStaffSwitchAMethodOff(t *testing.T) {
	t.Parallel()
	p := serve(t)
	seller := signedIn(t, p, "active@demo.test")
	waits := seller.draft(t, "310")
	b := newTab(t, p)
	b.signIn("active@demo.test")
	staff := newTab(t, p)
	staff.withoutScripts()
	staff.resize(narrow)
	staff.signInStaff("support@demo.test")
	turn := func(act, reason string) {
		staff.resize(narrow)
		staff.open("/admin/methods")
		staff.fits("the methods")
		staff.tabTo(act + " 支付宝")
		staff.key(kb.Enter)
		staff.at(`/admin/methods/alipay$`)
		staff.fits("the switch of a method")
		staff.tabTo("reason")
		staff.type_("no")
		staff.key(kb.Enter)
		staff.see("原因")
		staff.look("staff-method-refused")
		staff.tabTo("reason")
		staff.type_(reason) // in the place of what was typed before
		staff.key(kb.Enter)
		staff.at(`/admin/methods$`)
		staff.see(reason, "support@demo.test")
	}
	staff.step("off", func() { turn("停用", "the contract ends now") })
	b.step("no_new_payment", func() {
		b.open("/recharge?amount=310")
		b.see("支付宝暂停使用")
		if eval[bool](b, mayChooseAlipay) {
			b.t.Error("a method that is off can be chosen")
		}
		b.open("/payments/" + waits + "/confirm")
		b.submit("确认并付款")
		b.see("支付宝暂停使用")
		b.seeNot("contract", "support@demo.test")
		b.look("confirm-off")
	})
	staff.step("on", func() { turn("恢复使用", "the contract is renewed") })
	b.step("payments_again", func() {
		b.open("/payments/" + waits + "/confirm")
		b.submit("确认并付款")
		b.at(`/cashier/`)
	})
}
