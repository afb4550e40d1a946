package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"ztc-portal/gateways/sandbox"
)

// journey is the way of two sellers back into business, as a browser goes it.
type journey struct {
	*tab
	gateway *gateway // nil: the portal's own sandbox
	scripts bool
}

// TestJourney is the mission's M1 to M9, in Chinese, against a gateway that
// only settings name; every screen is looked at on the way.
func TestJourney(t *testing.T) {
	t.Parallel()
	g := openGateway(t, sandbox.Options{})
	p := serve(t, paying(g))
	j := journey{tab: newTab(t, p), gateway: g, scripts: true}
	j.payInGrace()
	j.signOut()
	j.payOverdue()
}

// TestJourneyWithoutScripts goes the same way with JavaScript off, in demo mode
// as a newcomer starts it.
func TestJourneyWithoutScripts(t *testing.T) {
	t.Parallel()
	j := journey{tab: newTab(t, serve(t))}
	j.withoutScripts()
	j.open("/login")
	if eval[bool](j.tab, `typeof htmx !== "undefined" || document.readyState !== "complete"`) {
		t.Fatal("scripts run all the same")
	}
	j.payInGrace()
	j.signOut()
	j.payOverdue()
}

// look only counts with scripts: without them the same screens are drawn.
func (j *journey) look(name string) {
	j.t.Helper()
	if j.scripts {
		j.tab.look(name)
	}
}

func (j *journey) signOut() {
	j.t.Helper()
	j.press("我的账号")
	j.submit("退出登录")
	j.at(`/login$`)
	j.see("您已退出登录")
	j.open("/account")
	j.at(`/login$`)
}

// payInGrace: the seller owes, the grace time runs, nothing is stopped by it yet.
func (j *journey) payInGrace() {
	j.step("M1_balance_arrears_and_what_next_at_a_glance", func() {
		j.open("/")
		j.at(`/login$`)
		j.look("login")
		j.signIn("arrears@demo.test")
		j.see("账户欠费，请尽快补交", "欠费金额", "-¥1,286.40", "距离停服还有", "欠费开始于", "充值到账后，没有其他停投原因的计划自动逐步恢复")
		j.look("overview-arrears")
	})
	j.step("M2_recharge_page_from_anywhere", func() {
		for _, page := range []string{"/ledger", "/campaigns", "/payments"} {
			j.open(page)
			j.pressIn("header", "充值")
			j.at(`/recharge$`)
		}
		j.open("/account")
		j.press("立即补交")
		j.at(`/recharge\?amount=\d+$`)
	})
	j.step("M3_method_with_limits_fee_and_time", func() {
		j.see("支付宝", "单笔 ¥200.00 – ¥500,000.00", "免手续费", "几秒内到账")
	})
	j.step("M4_amount_suggested_and_checked", j.chooseAmount)
	no := ""
	j.step("M5_confirmation_before_anything_is_sent", func() { no = j.confirm() })
	j.step("M6_pays_and_recovers_by_itself", func() { j.payAndRecover(no) })
}

func (j *journey) chooseAmount() {
	j.open("/recharge")
	fen := eval[[]int64](j.tab, `[...document.querySelectorAll("a.choice data")].map((d) => Number(d.value))`)
	if len(fen) != 3 || 10*fen[0] < 12*128640 || fen[0] > fen[1] || fen[1] > fen[2] {
		j.fail(fmt.Sprintf("the amounts suggested are %v fen", fen))
	}
	for _, amount := range fen {
		if amount%100_00 != 0 {
			j.t.Errorf("%d fen is not a multiple of ¥100", amount)
		}
	}
	j.press("够投 7 天")
	j.at(fmt.Sprintf(`/recharge\?amount=%d&`, fen[1]/100))
	j.wait("the amount is filled in", fmt.Sprintf(`document.getElementsByName("amount")[0].value === "%d"`, fen[1]/100))
	j.look("recharge")
	if j.scripts {
		j.fill("amount", "1000")
		j.see("仍欠 ¥286.40", "不足以结清欠费")
		j.fill("amount", "￥２，０００")
		j.see("抵扣欠费 ¥1,286.40", "现金余额 ¥713.60", "账户状态 正常", "4 个自动逐步恢复", "1 个不会恢复", "下一步：确认 ¥2,000.00")
		if got := j.value("amount"); got != "￥２，０００" {
			j.t.Errorf("while typing, the field became %q", got)
		}
	}
	for typed, refusal := range map[string]string{
		"": "请输入金额", "0": "金额必须大于 0", "-5": "金额不能为负数", "12.345": "金额最多两位小数", "1e5": "请输入数字金额",
		"100": "金额不能低于 ¥200.00", "500000.01": "支付宝单笔不能超过 ¥500,000.00",
	} {
		j.fill("amount", typed)
		eval[bool](j.tab, `document.getElementById("recharge").stale = true`)
		j.press("下一步")
		j.wait("the form again", `document.readyState === "complete" && !document.getElementById("recharge").stale && !document.querySelector(".htmx-request")`)
		if got := eval[string](j.tab, `document.getElementById("amount-error")?.innerText || ""`); !strings.Contains(got, refusal) {
			j.t.Errorf("%q is refused with %q, want %q", typed, got, refusal)
		}
		if got := j.value("amount"); got != typed {
			j.t.Errorf("%q was typed, the field keeps %q", typed, got)
		}
		if j.scripts {
			j.wait("the field has the focus", `document.activeElement === document.getElementsByName("amount")[0]`)
		}
	}
	j.look("recharge-refused")
}

// confirm goes to the confirmation and gives the payment's no.
func (j *journey) confirm() string {
	j.fill("amount", "1,999")
	j.press("下一步")
	j.at(`/payments/R\w+/confirm$`)
	j.press("返回修改")
	j.at(`/recharge\?amount=1999&method=alipay$`)
	j.fill("amount", "2,000")
	j.press("下一步")
	no := j.at(`/payments/(R\w{20})/confirm$`)[1]
	j.see("确认充值", "支付方式 支付宝", "充入账户 云间茶叶旗舰店", "收款方", no, "现在 到账后", "账户状态 欠费 正常",
		"欠费 ¥1,286.40 ¥0.00", "现金 -¥1,286.40 ¥713.60", "可用余额 ¥0.00 ¥713.60", "恢复投放的计划（4）", "春季龙井主推 到账后自动逐步恢复",
		"不会恢复的计划（1）", "新品试投 您手动暂停了它")
	j.look("confirm")
	if j.gateway != nil && (j.gateway.heard(no) || j.gateway.holds(j.t, no)) {
		j.t.Error("before the seller confirmed, the gateway knew of the payment")
	}
	j.open("/payments/" + no)
	j.see("等待您确认", "还没有向支付渠道发送任何信息")
	j.look("payment-draft")
	j.press("去确认")
	j.at(`/confirm$`)
	j.submit("确认并付款 ¥2,000.00")
	j.at(`/cashier/`)
	j.see("¥2,000.00", no)
	j.look("cashier")
	if j.gateway != nil && !j.gateway.holds(j.t, no) {
		j.t.Error("at the cashier, the gateway holds no trade")
	}
	j.seesCode(no)
	return no
}

// seesCode looks at the payment that waits: its QR code, its countdown, and what
// the gateway says when it is asked.
func (j *journey) seesCode(no string) {
	j.open("/account")
	j.see("支付宝 ¥2,000.00 待支付")
	j.look("overview-pending")
	j.press("继续支付")
	j.at(`/payments/` + no + `$`)
	j.see("等待支付", "剩余支付时间", "用支付宝扫码支付", "超时后我们会先向支付渠道查询")
	j.wait("the QR code is drawn", `(() => { const code = document.querySelector("main figure img"); return code && code.complete && code.naturalWidth >= 300 })()`)
	j.press("我已付款")
	j.see("您点了“我已付款”")
	j.look("payment-pending")
}

func (j *journey) payAndRecover(no string) {
	j.open("/payments/" + no)
	j.submit("前往支付宝付款")
	j.at(`/cashier/`)
	j.submit("付款 ¥2,000.00")
	j.at(`/payments/` + no + `$`)
	j.see("充值成功", "+¥2,000.00", "抵扣欠费 ¥1,286.40", "现金余额 ¥713.60", "账户状态 正常")
	j.see("恢复进度", "付款成功", "充值入账", "欠费结清", "重启推广计划 无需", "恢复投放", "25%")
	j.look("payment-paid")
	j.open("/account")
	j.see("正常", "可用余额", "¥713.60", "4 / 5 投放中", "充值 ¥2,000.00 到账", "欠费 ¥1,286.40 已结清", "4 个计划开始逐步恢复")
	j.seeNot("立即补交")
	j.look("overview-recovering")
	j.open("/campaigns")
	j.see("春季龙井主推", "恢复中 25%", "手动暂停")
	j.look("campaigns")
	j.open("/ledger")
	j.see("充值", "+¥2,000.00", "其中抵扣欠费", "¥1,286.40", "其中计入现金", "¥713.60")
	j.look("ledger")
	j.open("/payments")
	j.see("已到账", "¥2,000.00", "待确认", "¥1,999.00")
	j.look("payments")
}

// payOverdue: the grace time is over, a payment has timed out, campaigns stand still.
func (j *journey) payOverdue() {
	j.step("M7_what_the_account_is_since_when_why_and_what_ends_it", func() {
		j.signIn("overdue@demo.test")
		j.see("欠费停服，推广已停止", "停服于", "-¥963.50", "5 个推广计划已停止投放", "补交欠费", "重启推广计划")
		j.see("哪些计划停了，为什么", "账户欠费超过宽限期", "开始于", "如何解除", "先补交欠费")
		j.look("overview-suspended")
		j.open("/campaigns/restart")
		j.see("还欠 ¥963.50，补交后才能重启")
		j.look("restart-blocked")
	})
	j.step("M8_payment_that_timed_out_is_resumed_in_one_step", j.resume)
	j.step("M9_campaigns_restart_by_hand_one_some_or_all", j.restart)
}

func (j *journey) resume() {
	j.open("/payments")
	j.see("超时未付款")
	j.press("R2")
	old := j.at(`/payments/(R\w{20})$`)[1]
	j.see("支付超时", "没有收到付款", "有 5 个推广计划因欠费停投")
	j.look("payment-expired")
	j.press("重新支付 ¥1,500.00")
	next := j.at(`/payments/(R\w{20})$`)[1]
	for deadline := time.Now().Add(patience); next == old && time.Now().Before(deadline); {
		next = j.at(`/payments/(R\w{20})$`)[1]
	}
	j.see("等待支付", "¥1,500.00", "接续自", old)
	j.submit("前往支付宝付款")
	j.at(`/cashier/`)
	j.submit("付款 ¥1,500.00")
	j.at(`/payments/` + next + `$`)
	j.see("充值成功", "抵扣欠费 ¥963.50", "现金余额 ¥536.50", "账户状态 正常", "解除停服", "等您重启")
	j.look("payment-paid-restart-waits")
	j.open("/payments/" + old)
	j.see("这笔支付已由新的支付单接续", next)
	j.seeNot("重新支付 ¥")
	j.open("/account")
	j.see("欠费已结清，还差一步恢复投放", "¥536.50")
	j.look("overview-waiting")
}

func (j *journey) restart() {
	j.press("重启 5 个计划")
	j.at(`/campaigns/restart$`)
	j.see("冲锋衣主推", "登山鞋", "露营帐篷", "户外背包", "睡袋冬季款", "可以启动", "不够全部计划投放一天", "软启动：第一个小时")
	j.seeNot("头灯配件", "秋季清仓", "不足所选计划一天的日限额")
	j.look("restart")
	if j.scripts {
		eval[bool](j.tab, `(() => { const cut = document.querySelector("[data-cut]"); cut.value = 5; return cut.dispatchEvent(new Event("input", {bubbles: true})) })()`)
	} else {
		j.open("/campaigns/restart?by=amount&cut=5")
	}
	j.see("已选 5", "日限额合计 ¥1,300.00", "可用余额 ¥536.50 约可投放 0.4 天", "不足所选计划一天的日限额")
	j.tick("冲锋衣主推", "登山鞋", "露营帐篷", "户外背包", "睡袋冬季款")
	if j.scripts {
		j.see("已选 0")
	} else {
		j.submit("启动所选")
		j.see("请至少选择一个计划", "已选 0")
	}

	j.tick("睡袋冬季款") // one
	if j.scripts {
		j.see("已选 1", "日限额合计 ¥100.00", "约可投放 5.3 天")
	}
	j.submit("启动所选")
	j.see("已启动 1 个，共 1 个", "睡袋冬季款 已启动，逐步恢复中", "可撤销至", "25% → 50% → 75% → 100%")
	j.look("restart-result")

	j.submit("撤销重启")
	j.see("已撤销重启，1 个计划恢复为欠费暂停")
	j.open("/campaigns/restart?cut=5")
	j.see("已选 5")

	j.tick("冲锋衣主推", "登山鞋", "露营帐篷") // some: the two that stay ticked
	j.submit("启动所选")
	j.see("已启动 2 个，共 2 个", "户外背包 已启动", "睡袋冬季款 已启动", "软启动至")

	j.submit("全部启动（3）") // all
	j.see("已启动 3 个，共 3 个", "冲锋衣主推 已启动", "登山鞋 已启动", "露营帐篷 已启动")
	j.open("/campaigns")
	if got := strings.Count(j.text(), "恢复中 25%"); got != 5 {
		j.fail(fmt.Sprintf("%d campaigns recover, want 5", got))
	}
	j.see("头灯配件", "手动暂停", "秋季清仓", "已结束")
	j.press("睡袋冬季款")
	j.at(`/campaigns/\d+$`)
	j.see("恢复中 25%", "出价", "日限额")
	j.look("campaign")
	j.open("/account")
	j.see("5 / 6 投放中", "正常")
	j.open("/campaigns/restart")
	j.look("restart-done")
}

// tick presses the boxes of these campaigns.
func (j *journey) tick(names ...string) {
	j.t.Helper()
	for _, name := range names {
		box := fmt.Sprintf(`input[name=campaign_id][aria-label*="%s"]`, name)
		before := eval[bool](j.tab, fmt.Sprintf(`document.querySelector('%s').checked`, box))
		j.do(chromedp.Click(chromedp.CSS(box)))
		j.wait(name+" is ticked or not", fmt.Sprintf(`document.querySelector('%s').checked === %v`, box, !before))
	}
}
