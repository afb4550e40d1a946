package e2e

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// TestOneAsksAndAnotherApproves corrects an account's cash: one of the staff, at
// a telephone's width, without scripts and by the keys alone, goes from the
// account's page to the form and asks; another finds it there and approves.
func TestOneAsksAndAnotherApproves(t *testing.T) {
	t.Parallel()
	p := serve(t)
	store := p.open(t)
	seller := signedIn(t, p, "active@demo.test")
	account := payment(t, store, seller.draft(t, "200")).AccountID
	path := fmt.Sprintf("/admin/accounts/%d", account)
	before := cash(t, store, account)

	asker := newTab(t, p)
	asker.withoutScripts()
	asker.resize(narrow)
	asker.signInStaff("finance@demo.test")
	asker.step("ask", func() {
		asker.open(path)
		asker.seeNot("等待审批")
		asker.fits("an account's page with its acts")
		asker.tabTo("申请调账")
		asker.key(kb.Enter)
		asker.at(path + `/adjust$`)
		asker.tabTo("direction")
		eval[string](asker, `document.activeElement.value = "add"`) // the list that opens is the browser's own, and not on this page
		asker.tabTo("amount")
		asker.type_("120.50")
		asker.tabTo("reason")
		asker.type_("checked by telephone")
		asker.tabTo("提交申请")
		asker.key(kb.Enter)
		asker.at(`/admin/approvals/\d+$`)
		asker.see("等待另一位同事审批", "+¥120.50")
	})
	if got := cash(t, store, account); got != before {
		t.Errorf("asked for, the account has %d fen, not %d", got, before)
	}
	decider := newTab(t, p)
	decider.signInStaff("admin@demo.test")
	decider.step("approve", func() {
		decider.open(path)
		decider.see("等待审批", "finance@demo.test", "+¥120.50")
		decider.look("staff-account-waiting")
		decider.press("调账 #")
		decider.at(`/admin/approvals/\d+$`)
		decider.submit("通过并执行")
		decider.see("已处理")
		decider.open(path)
		decider.seeNot("等待审批")
	})
	if got := cash(t, store, account); got != before+120_50 {
		t.Errorf("approved, the account has %d fen, not %d", got, before+120_50)
	}
	sound(t, store)
}
