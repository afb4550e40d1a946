package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/pquerna/otp/totp"

	"ztc-portal/gateways/sandbox"
)

// openMailbox is a mail server of the test's own, and the setting that has the
// portal send to it.
func openMailbox(t *testing.T) (*sandbox.Mailbox, option) {
	t.Helper()
	box, err := sandbox.OpenMailbox(sandbox.Options{DataDir: t.TempDir(), Path: "/mail"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := box.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return box, with("PORTAL_SMTP_URL=" + box.URL())
}

// mailTo waits for the newest mail to an address whose subject has the words,
// and gives where its button leads, below the portal.
func (b *tab) mailTo(box *sandbox.Mailbox, address, words string) (path string) {
	b.t.Helper()
	await(b.t, patience, "a mail to "+address+" about "+words, func() bool {
		mails, err := box.Mails(b.t.Context(), address)
		if err != nil || len(mails) == 0 || !strings.Contains(mails[0].Subject, words) {
			return false
		}
		path = strings.TrimPrefix(mails[0].Links()[0], b.portal.URL)
		return true
	})
	return path
}

// TestAColleagueJoinsByMail invites a colleague, who accepts by the mail's link,
// looks about and can't recharge; is made an operator, may run campaigns then; and
// is sent away.
func TestAColleagueJoinsByMail(t *testing.T) {
	t.Parallel()
	box, mailed := openMailbox(t)
	p := serve(t, mailed)
	owner, colleague := newTab(t, p), newTab(t, p)
	owner.signIn("active@demo.test")
	var link string
	owner.step("invite", func() {
		owner.open("/people")
		owner.fill("email", "colleague@example.test")
		owner.submit("发送邀请")
		owner.see("已向 colleague@example.test 发出邀请", "等待接受")
		owner.look("people")
		link = owner.mailTo(box, "colleague@example.test", "邀请您加入店铺")
	})
	colleague.step("accept", func() {
		colleague.open(link)
		colleague.see("colleague@example.test", "只读")
		colleague.fill("password", "short")
		colleague.submit("设置密码并加入")
		colleague.see("8")
		colleague.look("join-refused")
		colleague.fill("password", "a long password")
		colleague.submit("设置密码并加入")
		colleague.at(`/account$`)
		colleague.see("欢迎加入")
		colleague.look("overview-viewer")
	})
	colleague.step("look_only", func() {
		if n := eval[int](colleague, `document.querySelectorAll('a[href="/recharge"]').length`); n != 0 {
			colleague.t.Errorf("%d links lead a viewer to recharge", n)
		}
		colleague.open("/recharge")
		colleague.see("您在店铺中的角色不能这样做")
		colleague.open("/people")
		colleague.see("您在店铺中的角色不能这样做")
		colleague.open("/campaigns")
		colleague.see("您的角色只能使用本页的一部分")
		colleague.look("campaigns-viewer")
		colleague.press("四件套主推")
		colleague.at(`/campaigns/\d+$`)
		if !eval[bool](colleague, `document.querySelector("input[name=budget]").disabled`) {
			colleague.t.Error("a viewer may type a budget")
		}
		colleague.look("campaign-viewer")
		colleague.open(link) // which was used
		colleague.see("链接已失效")
	})
	owner.step("another_role", func() {
		owner.front()
		owner.open("/people")
		owner.see("已接受")
		owner.pressIn("tbody tr:nth-child(2)", "只读")
		owner.submitIn("tbody tr:nth-child(2)", "改为“推广”")
		owner.see("角色已更改")
	})
	colleague.step("run_campaigns", func() {
		colleague.front()
		colleague.open("/campaigns")
		colleague.seeNot("您的角色只能使用本页的一部分")
		colleague.press("四件套主推")
		colleague.at(`/campaigns/\d+$`)
		colleague.fill("budget", "321")
		colleague.press("保存日限额")
		colleague.see("321.00")
	})
	owner.step("away", func() {
		owner.front()
		owner.open("/people")
		owner.pressIn("tbody tr:nth-child(2)", "移除")
		owner.submitIn("tbody tr:nth-child(2) form[action$='/remove']", "移除")
		owner.see("已移除该同事")
		owner.seeNot("colleague@example.test 推广")
	})
	colleague.step("out", func() {
		colleague.front()
		colleague.open("/campaigns")
		colleague.at(`/login$`)
	})
}

// TestAPasswordIsResetByMail asks for a new password without scripts, in English
// and at a telephone's width, and finds every other session over.
func TestAPasswordIsResetByMail(t *testing.T) {
	t.Parallel()
	box, mailed := openMailbox(t)
	p := serve(t, mailed)
	inside, b := newTab(t, p), newTab(t, p)
	inside.signIn("active@demo.test")
	b.withoutScripts()
	b.resize(narrow)
	var link string
	b.step("ask", func() {
		b.open("/login")
		b.submitIn("header", "EN")
		b.press("Forgot password?")
		b.at(`/forgot$`)
		b.fits("the page of a forgotten password")
		b.fill("email", "active@demo.test")
		b.submit("Send the link")
		b.see("If this address has a sign-in, a link is on its way")
		link = b.mailTo(box, "active@demo.test", "Reset your password")
	})
	b.step("set", func() {
		b.open(link)
		b.fits("the page of a new password")
		b.fill("password", "another password")
		b.submit("Save the new password")
		b.at(`/login$`)
		b.see("Your password was changed")
		b.mailTo(box, "active@demo.test", "Your password was changed")
		b.open(link)
		b.see("This link is no longer valid")
	})
	b.step("sign_in", func() {
		b.open("/login")
		b.fill("email", "active@demo.test")
		b.fill("password", "another password")
		b.submit("Sign in")
		b.at(`/account$`)
	})
	inside.step("out", func() {
		inside.front()
		inside.open("/account")
		inside.at(`/login$`)
	})
}

// TestASellerMaySetUpASecondFactor sets an authenticator app up after the
// password is shown again, signs in with it, and takes it away.
func TestASellerMaySetUpASecondFactor(t *testing.T) {
	t.Parallel()
	b := newTab(t, serve(t))
	var secret string
	b.step("set_up", func() {
		b.signIn("active@demo.test")
		b.open("/security")
		b.look("security")
		b.press("设置验证器")
		b.at(`/security/enrol$`)
		secret = eval[string](b, `document.querySelector("ol code").textContent.replace(/\s/g, "")`)
		code, err := totp.GenerateCode(secret, time.Now())
		if err != nil {
			b.t.Fatal(err)
		}
		b.fill("code", code)
		b.submit("确认")
		b.see("恢复码只显示这一次")
		b.press("我已保存，继续")
		b.at(`/security$`)
		b.see("剩余 10 / 10 个")
	})
	b.step("sign_in", func() {
		eval[bool](b, `(document.querySelector("form[action='/logout']").submit(), true)`)
		b.at(`/login$`)
		b.fill("email", "active@demo.test")
		b.fill("password", password)
		b.do(chromedp.KeyEvent("\r"))
		b.at(`/login/factor$`)
		code, err := totp.GenerateCode(secret, time.Now().Add(30*time.Second)) // the next one: this one is spent
		if err != nil {
			b.t.Fatal(err)
		}
		b.fill("code", code)
		b.do(chromedp.KeyEvent("\r"))
		b.at(`/account$`)
	})
	b.step("take_away", func() {
		b.open("/security")
		b.press("移除")
		b.submitIn("form[action$='/app/remove']", "移除")
		b.see("验证器 App 已移除", "未设置")
	})
}
