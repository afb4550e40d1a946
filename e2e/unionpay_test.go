package e2e

import (
	"fmt"
	"testing"
)

// TestJourneyByOnlineBanking recharges at a bank: chosen on our page, reached by a
// form that goes by itself, and back by another; once more with nothing chosen.
func TestJourneyByOnlineBanking(t *testing.T) {
	t.Parallel()
	j := journey{tab: newTab(t, serve(t)), scripts: true}
	j.signIn("arrears@demo.test")
	no := ""
	j.step("chooses_a_bank_and_the_form_goes_by_itself", func() {
		no = j.confirmAtBank("2,000", "¥2,000.00", "企业网银", "招商银行")
		j.at(`/unionpay/cashier/`)
		j.see("沙箱网银网关", "¥2,000.00", no, "付款银行 招商银行")
		j.look("unionpay-cashier")
	})
	j.step("pays_and_comes_back_by_a_form", func() {
		j.submit("付款 ¥2,000.00")
		j.at(`/unionpay/cashier/`)
		j.see("付款成功")
		j.look("unionpay-paid")
		j.submit("返回商户")
		j.at(`/payments/` + no + `$`)
		j.see("充值成功", "+¥2,000.00", "抵扣欠费 ¥1,286.40", "网银支付")
	})
	j.step("lets_the_gateway_ask_and_refuses_there", func() {
		no = j.confirmAtBank("300", "¥300.00", "个人网银", "到银联页面再选")
		j.at(`/unionpay/banks/`)
		j.see("请选择付款银行", "¥300.00", "工商银行")
		j.look("unionpay-banks")
		j.submit("工商银行")
		j.at(`/unionpay/cashier/`)
		j.see("付款银行 工商银行")
		j.submit("拒绝付款，返回商户")
		j.see("您没有付款")
		j.submit("返回商户")
		j.at(`/payments/` + no + `$`)
		j.see("等待支付", "¥300.00")
	})
	j.step("goes_to_the_bank_again_and_pays", func() {
		j.submit("前往网银支付付款")
		j.at(`/unionpay/banks/`)
		j.submit("建设银行")
		j.submit("付款 ¥300.00")
		j.submit("返回商户")
		j.at(`/payments/` + no + `$`)
		j.see("充值成功", "+¥300.00")
	})
}

// TestJourneyByOnlineBankingWithoutScripts goes the same way by buttons alone.
func TestJourneyByOnlineBankingWithoutScripts(t *testing.T) {
	t.Parallel()
	j := journey{tab: newTab(t, serve(t))}
	j.withoutScripts()
	j.signIn("arrears@demo.test")
	j.step("every_step_is_a_button", func() {
		no := j.confirmAtBank("2,000", "¥2,000.00", "个人网银", "农业银行")
		j.see("正在前往付款页面", "¥2,000.00")
		j.submit("前往付款")
		j.at(`/unionpay/cashier/`)
		j.see("付款银行 农业银行")
		j.submit("付款 ¥2,000.00")
		j.submit("返回商户")
		j.at(`/payments/` + no + `$`)
		j.see("充值成功", "+¥2,000.00")
	})
}

// confirmAtBank asks for a recharge by online banking, chooses whose account and
// which bank, and confirms.
func (j *journey) confirmAtBank(typed, amount, account, bank string) (no string) {
	j.t.Helper()
	j.open("/recharge")
	j.press("网银支付")
	j.wait("online banking is chosen", `document.querySelector("input[name=method][value=unionpay]").checked && !document.querySelector(".htmx-request")`)
	j.fill("amount", typed)
	j.press("下一步")
	no = j.at(`/payments/(R\w{20})/confirm$`)[1]
	j.see("支付方式 网银支付", "付款账户", "付款银行")
	j.press(account)
	chosen := eval[string](j.tab, fmt.Sprintf(`(() => {
		const banks = document.querySelector("select[name=bank]");
		banks.selectedIndex = [...banks.options].findIndex((o) => o.text === %q);
		return banks.selectedOptions[0]?.text || "";
	})()`, bank))
	if chosen != bank {
		j.fail(fmt.Sprintf("%q is chosen, want %q", chosen, bank))
	}
	j.look("confirm-bank")
	j.submit("确认并付款 " + amount)
	return no
}
