package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"ztc-portal/models"
)

// TestBankTransfer is a transfer from the seller's choice to the credit, in the
// browser: the seller sees where to pay and the code; finance imports the bank's
// statement and proposes; somebody else approves; the seller sees it paid.
func TestBankTransfer(t *testing.T) {
	t.Parallel()
	p := serve(t)
	store := p.open(t)
	seller := newTab(t, p)
	seller.signIn("arrears@demo.test")
	var no, code, account string
	seller.step("seller_chooses", func() {
		seller.open("/recharge?amount=2000&method=bank_transfer")
		seller.see("对公转账", "1–2 个工作日到账")
		seller.press("下一步")
		seller.at(`/payments/R\w+/confirm$`)
		seller.see("支付方式 对公转账")
		seller.submit("确认 ¥2,000.00，查看收款账户")
		no = seller.at(`/payments/(R\w{20})$`)[1]
		code = eval[string](seller, `document.querySelector("[data-reference]").textContent`)
		account = eval[string](seller, `document.querySelectorAll("[data-copy]")[3].dataset.copy`)
		seller.see("请用企业网银或柜台转账", "¥2,000.00", code, account, "DEMO ONLY", "务必在附言（用途）里写 "+code)
		seller.look("payment-transfer")
		if _, err := run[bool](seller, `(navigator.clipboard.writeText = (words) => { window.taken = words; return Promise.resolve() }, true)`); err != nil {
			seller.t.Fatal(err)
		}
		eval[bool](seller, `(document.querySelectorAll("[data-copy]")[1].click(), true)`)
		seller.wait("the code is taken along", fmt.Sprintf(`window.taken === %q`, code))
	})
	paid := payment(t, store, no)
	before := cash(t, store, paid.AccountID)

	finance := newTab(t, p)
	finance.withoutScripts()
	finance.resize(narrow)
	finance.signInStaff("finance@demo.test")
	finance.step("finance_imports", func() {
		finance.open("/admin/statements")
		finance.see("导入流水", account)
		finance.choose("november.csv", statement(account, line(store, "T1", "2000.0x", "杭州云间茶叶有限公司", code)))
		finance.submitIn("main", "导入")
		finance.see("第 2 行的金额", "整份文件未导入")
		finance.fits("a refused statement")
		finance.choose("november.csv", statement(account,
			line(store, "T1", "2000.00", "杭州云间茶叶有限公司", "货款 "+strings.ToLower(code[:4])+" "+code[4:]), line(store, "T2", "99.90", "陌生人", "")))
		finance.submitIn("main", "导入")
		finance.at(`/admin/statements$`)
		finance.see("新增 2 笔收款", "november.csv", "本站模板", "¥2,099.90")
		finance.fits("the imports")
	})
	finance.step("finance_proposes", func() {
		finance.press("处理 2 笔待认领的流水")
		finance.at(`/admin/statements/lines\?state=unmatched`)
		finance.see(no, "匹配度 100", "附言写有该支付单的识别码或单号", "金额一致", "陌生人", "没有找到归属")
		finance.fits("lines of a statement")
		finance.submit("批量提出确定的匹配")
		finance.at(`/admin/statements/lines\?state=proposed`)
		finance.see("已提出 1 笔", no, "待审批")
		finance.press("审批 #")
		finance.at(`/admin/approvals/\d+$`)
		finance.see("等待另一位同事审批", no)
		finance.seeNot("通过并执行")
	})
	if got := payment(t, store, no); got.State != models.PaymentPending || cash(t, store, paid.AccountID) != before {
		t.Fatalf("proposed, the payment is %s", got.State)
	}

	decider := newTab(t, p)
	decider.signInStaff("admin@demo.test")
	decider.step("another_approves", func() {
		decider.open("/admin/approvals")
		decider.press("挂账清理")
		decider.at(`/admin/approvals/\d+$`)
		decider.see(no, "¥2,000.00", "-¥1,286.40 → 变为 ¥713.60")
		decider.submit("通过并执行")
		decider.see("已处理")
		decider.open("/admin/statements/lines?state=credited")
		decider.see("已入账", no)
		decider.open("/admin/statements/lines")
		decider.look("staff-statement-lines")
		decider.open("/admin/statements")
		decider.look("staff-statements")
	})
	seller.step("seller_sees_it_paid", func() {
		seller.wait("the page says by itself that it is paid", `document.querySelector("#payment").innerText.includes("已到账") || document.querySelector("#payment").innerText.includes("充值成功")`)
		seller.see("¥2,000.00")
	})
	if got := cash(t, store, paid.AccountID); got != before+2000_00 {
		t.Errorf("in the end the account has %d fen, not %d", got, before+2000_00)
	}
	sound(t, store)
}

// statement is a file in our template.
func statement(account string, lines ...string) string {
	return "交易日期,交易时间,收入金额,付款人名称,付款人账号,附言,银行流水号,余额,收款账号\n" + strings.ReplaceAll(strings.Join(lines, ""), "OURS", account)
}

// line is a line of it, a minute ago.
func line(store *models.Store, serial, amount, payer, remark string) string {
	at := store.Now().Add(-time.Minute).In(models.Shanghai)
	return fmt.Sprintf("%s,%s,%s,%s,571900000010801,%s,%s,,OURS\n", at.Format(time.DateOnly), at.Format(time.TimeOnly), amount, payer, remark, serial)
}

// choose puts a file into the form's field, as the browser's own window would.
func (b *tab) choose(name, content string) {
	b.t.Helper()
	eval[int](b, fmt.Sprintf(`(() => {
		const held = new DataTransfer(), field = document.getElementById("file");
		held.items.add(new File([%q], %q, {type: "text/csv"}));
		field.files = held.files;
		return field.files.length;
	})()`, content, name))
}
