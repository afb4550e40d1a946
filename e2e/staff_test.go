package e2e

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/pquerna/otp/totp"

	"ztc-portal/gateways/sandbox"
	"ztc-portal/models"
)

// signInStaff signs a member of the demo's staff in, from the first page. What
// else staff are asked for at the door belongs here.
func (b *tab) signInStaff(email string) {
	b.t.Helper()
	b.open("/login")
	b.fill("email", email)
	b.fill("password", password)
	b.do(chromedp.KeyEvent("\r"))
	b.at(`/login/factor`)
	code, err := totp.GenerateCode(demoTOTP, time.Now())
	if err != nil {
		b.t.Fatal(err)
	}
	b.fill("code", code)
	b.do(chromedp.KeyEvent("\r"))
	b.at(`/admin$`)
}

// demoTOTP is the secret of the demo's staff, as the sign-in page shows it.
const demoTOTP = "JBSWY3DPEHPK3PXP"

// phoneCall is a seller on the phone who has paid and does not see the money.
type phoneCall struct {
	*tab
	gateway *gateway
	seller  *client
	store   *models.Store
	account int64
	cash    models.Fen // what the account must have
}

// TestPhoneCall answers "I paid, where is my money?" in the browser, for each
// way in which the sandbox lets it get lost: staff open the payment, see both
// sides and why, repair it in one click, and the money is there once, or parked.
func TestPhoneCall(t *testing.T) {
	t.Parallel()
	g := openGateway(t, sandbox.Options{})
	p := serve(t, paying(g))
	c := phoneCall{tab: newTab(t, p), gateway: g, seller: signedIn(t, p, "active@demo.test"), store: p.open(t)}
	c.account = payment(t, c.store, c.seller.draft(t, "200")).AccountID
	c.cash = cash(t, c.store, c.account)
	c.signInStaff("support@demo.test")
	c.step("lost_notify", c.lostNotify)
	c.step("wrong_amount_told", c.wrongAmountTold)
	c.step("wrong_amount_paid", c.wrongAmountPaid)
	c.step("paid_after_close", c.paidAfterClose)
	c.step("paid_twice_by_resume", c.paidTwice)
	if got := cash(t, c.store, c.account); got != c.cash {
		t.Errorf("in the end the account has %d fen, want %d", got, c.cash)
	}
	sound(t, c.store)
}

// finds goes to a payment as staff do, from the list.
func (c *phoneCall) finds(no string) {
	c.t.Helper()
	c.open("/admin/payments")
	c.press(no)
	c.at(`/admin/payments/` + no + `$`)
}

// pays pays at the gateway.
func (c *phoneCall) pays(no string, fault sandbox.Fault) {
	c.t.Helper()
	if _, err := c.gateway.Pay(c.t.Context(), no, fault); err != nil {
		c.t.Fatal(err)
	}
}

// becomes waits until the portal has heard of it by itself.
func (c *phoneCall) becomes(no string, want models.PaymentState) {
	c.t.Helper()
	await(c.t, patience, no+" is not "+string(want), func() bool { return payment(c.t, c.store, no).State == want })
}

func (c *phoneCall) lostNotify() {
	no := c.seller.confirmed(c.t, "301")
	c.pays(no, sandbox.FaultNotifyLost)
	c.finds(no)
	c.see("待支付", "还没有收到渠道通知", "还没有向渠道查询过", "没有入账")
	c.look("staff-payment-pending")
	c.submit("补单")
	c.see("渠道确认已付款，款项现已入账", "已付款并入账，我方与渠道一致", "没有收到渠道通知，是查询后入账的", "客服 (support@demo.test)", "付款到入账", "¥301.00")
	c.look("staff-payment-repaired")
	c.seeNot("补单")
	c.submit("向渠道查询")
	c.see("没有重复入账")
	c.cash += 301_00
}

func (c *phoneCall) wrongAmountTold() {
	no := c.seller.confirmed(c.t, "302")
	c.pays(no, sandbox.FaultWrongAmount)
	c.becomes(no, models.PaymentPaid)
	c.finds(no)
	c.see("有一条通知与支付单不符，没有直接采信，已向渠道核实", "已付款并入账，我方与渠道一致", "通知与支付单不符")
	c.press("查看原文")
	c.see("total_amount=402.00")
	c.cash += 302_00
}

func (c *phoneCall) wrongAmountPaid() {
	no := c.seller.confirmed(c.t, "303")
	c.pays(no, sandbox.FaultWrongAmountPaid)
	c.becomes(no, models.PaymentFailed)
	c.finds(no)
	c.see("渠道为这张支付单收到的 ¥302.00 与支付单不符，已挂账", "金额不符：收到 ¥302.00，应收 ¥303.00", "不一致")
	c.look("staff-payment-held")
	c.submit("补单")
	c.see("已挂账，等待核对")
	c.open("/admin/suspense")
	c.see("挂账余额", "¥302.00", no)
	c.look("staff-suspense")
}

func (c *phoneCall) paidAfterClose() {
	no := c.seller.confirmed(c.t, "304")
	c.scans(no)
	c.seller.must(c.t, "/payments/"+no+"/cancel", nil)
	c.finds(no)
	c.submit("补单")
	c.see("交易已关闭", "没有入账", "已取消")
	c.pays(no, sandbox.FaultPayAfterClose)
	c.becomes(no, models.PaymentPaid)
	c.open("/admin/payments?late=1")
	c.press(no)
	c.see("钱在支付单关闭之后才到，已照常入账", "已付款并入账，我方与渠道一致")
	c.submit("向渠道查询")
	c.see("没有重复入账")
	c.look("staff-payment-late")
	c.cash += 304_00
}

// scans makes the payment known to the gateway, as the payer's phone does.
func (c *phoneCall) scans(no string) {
	c.t.Helper()
	if _, err := c.gateway.Scan(c.t.Context(), payment(c.t, c.store, no).QRContent); err != nil {
		c.t.Fatal(err)
	}
}

func (c *phoneCall) paidTwice() {
	old := c.seller.confirmed(c.t, "305")
	c.scans(old)
	next := c.seller.must(c.t, "/payments/"+old+"/resume", nil).to[len("/payments/"):]
	c.pays(next, sandbox.FaultNotifyLost)
	c.finds(next)
	c.submit("补单")
	c.see("款项现已入账")
	c.pays(old, sandbox.FaultPayAfterClose)
	c.becomes(old, models.PaymentPaid)
	c.finds(old)
	c.see("这张支付单和接续的支付单都已付款，两笔都已入账", "被接续为", next)
	c.look("staff-payment-twice")
	c.pressIn("main", next)
	c.at(`/admin/payments/` + next + `$`)
	c.see("这张支付单和接续的支付单都已付款", "接续自", old)
	c.cash += 2 * 305_00
	c.open("/admin/payments")
	c.look("staff-payments")
}
