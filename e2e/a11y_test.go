package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestScreensOffTheJourney looks at what the journey does not meet: refusals,
// empty lists, ends of another kind. The journey looks at all others.
func TestScreensOffTheJourney(t *testing.T) {
	t.Parallel()
	b := newTab(t, serve(t))
	b.step("sign_in_refused", func() {
		b.open("/login")
		b.fill("email", "arrears@demo.test")
		b.fill("password", "not the password")
		b.submit("登录")
		b.see("邮箱或密码不正确")
		if b.value("email") != "arrears@demo.test" || b.value("password") != "" {
			b.t.Error("the address typed is kept, the password is not: ", b.value("email"), b.value("password"))
		}
		b.look("login-refused")
	})
	b.step("account_in_order", func() {
		b.signIn("active@demo.test")
		b.see("账户一切正常")
		b.look("overview-fine")
	})
	b.step("nothing_to_restart", func() {
		b.open("/campaigns/restart")
		b.see("没有需要重启的计划")
		b.look("restart-empty")
	})
	b.step("lists_without_a_match", func() {
		b.open("/payments")
		b.see("还没有充值")
		b.look("payments-empty")
		b.open("/ledger?kind=refund")
		b.see("没有符合条件的记录", "清除筛选")
		b.look("ledger-no-match")
		b.open("/ledger?from=2026-02-31")
		b.see("日期格式应为")
		b.look("ledger-refused")
	})
	b.step("campaign_refused", func() {
		b.open("/campaigns")
		b.press("四件套主推")
		b.at(`/campaigns/\d+$`)
		b.fill("budget", "0.5")
		b.press("保存日限额")
		b.see("日限额不能低于")
		if b.value("budget") != "0.5" {
			b.t.Error("what was typed is not kept: ", b.value("budget"))
		}
		b.look("campaign-refused")
	})
	b.step("payment_cancelled", func() {
		no := b.pending("300")
		b.press("取消这笔支付")
		b.submit("确认取消")
		b.see("支付已取消", "没有收到付款", "支付单已取消")
		b.look("payment-cancelled")
		b.open("/payments/" + no + "/confirm")
		b.at(`/payments/` + no + `$`)
	})
	b.step("not_found", func() {
		for _, path := range []string{"/payments/R26112400000000000000", "/campaigns/999999", "/nowhere"} {
			b.open(path)
			b.see("没有找到", "没有资金变动", "联系客服时请提供编号")
		}
		b.look("not-found")
	})
}

// pending recharges up to the payment that waits to be paid, and gives its no.
func (b *tab) pending(amount string) string {
	b.t.Helper()
	b.open("/recharge")
	b.fill("amount", amount)
	b.press("下一步")
	no := b.at(`/payments/(R\w{20})/confirm$`)[1]
	b.submit("确认并付款")
	b.at(`/cashier/`)
	b.open("/payments/" + no)
	b.see("等待支付")
	return no
}

// TestKeyboardAlone recharges and confirms with Tab, Enter and the digits.
func TestKeyboardAlone(t *testing.T) {
	t.Parallel()
	b := newTab(t, serve(t))
	b.open("/login")
	b.step("sign_in", func() {
		if got := b.focused(); got != "email" {
			b.t.Errorf("the focus begins on %q", got)
		}
		b.type_("arrears@demo.test")
		b.tabTo("password")
		b.type_(password)
		b.tabTo("登录")
		b.key(kb.Enter)
		b.at(`/account$`)
	})
	b.step("skip_link", func() {
		b.key(kb.Tab)
		if got := b.focused(); got != "跳到正文" {
			b.fail("the first stop is " + got)
		}
		b.seesFocus()
		b.key(kb.Enter)
		b.wait("the focus is in the page", `document.activeElement.id === "main"`)
	})
	b.step("recharge_and_confirm", func() {
		b.tabTo("立即补交")
		b.key(kb.Enter)
		b.at(`/recharge\?amount`)
		b.tabTo("amount")
		b.do(chromedp.KeyEvent("a", chromedp.KeyModifiers(kb.ModifierCtrl)))
		b.type_("1")
		b.key(kb.Enter)
		b.wait("the refused field has the focus", `document.activeElement.name === "amount" && document.activeElement.getAttribute("aria-invalid") === "true"`)
		b.seesFocus()
		b.key(kb.End)
		b.type_("700")
		b.see("下一步：确认 ¥1,700.00")
		if got := b.focused(); got != "amount" {
			b.t.Errorf("while typing, the focus went to %q", got)
		}
		b.tabTo("下一步")
		b.key(kb.Enter)
		b.at(`/payments/R\w+/confirm$`)
		b.tabTo("确认并付款")
		b.key(kb.Enter)
		b.at(`/cashier/`)
		b.tabTo("付款 ¥1,700.00")
		b.key(kb.Enter)
		b.at(`/payments/R\w+$`)
		b.see("充值成功", "+¥1,700.00")
	})
}

func (b *tab) key(key string) {
	b.t.Helper()
	b.do(chromedp.KeyEvent(key))
}

func (b *tab) type_(words string) {
	b.t.Helper()
	b.do(chromedp.KeyEvent(words))
}

// focused names what has the focus: a field by its name, else by its words.
func (b *tab) focused() string {
	b.t.Helper()
	return eval[string](b, `(() => { const e = document.activeElement; return (e.matches("input, select") && e.name) || e.innerText?.replace(/\s+/g, " ").trim() || e.getAttribute("aria-label") || e.tagName })()`)
}

// tabTo presses Tab until the thing has the focus; at each stop the focus shows.
func (b *tab) tabTo(words string) {
	b.t.Helper()
	b.settle()
	var stops []string
	for range 60 {
		b.key(kb.Tab)
		at := b.focused()
		if strings.HasPrefix(at, words) {
			b.seesFocus()
			return
		}
		if at != "BODY" && at != "HTML" {
			b.seesFocus()
		}
		stops = append(stops, at)
	}
	b.fail(fmt.Sprintf("Tab does not come to %q: %q", words, stops))
}

// seesFocus: what has the focus, or its frame, is drawn with a ring, in sight.
func (b *tab) seesFocus() {
	b.t.Helper()
	shown := eval[bool](b, `(() => {
		const e = document.activeElement;
		const ringed = (n) => { const s = getComputedStyle(n); return (s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 1) || s.boxShadow !== "none" };
		const box = e.getBoundingClientRect();
		const inSight = box.width > 0 && box.bottom > 0 && box.top < innerHeight;
		return inSight && [e, e.parentElement, e.closest("label")].some((n) => n && n !== document.body && ringed(n));
	})()`)
	if !shown {
		b.fail("the focus does not show on " + b.focused())
	}
}
