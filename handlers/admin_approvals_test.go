package handlers_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ztc-portal/models"
	"ztc-portal/views/text"
)

const askedWhy = "商家重复付款要求退回"

// request wants an accepted form and gives the address of the request; numbers
// may have gaps, since previews take some.
func (a answer) request(t testing.TB) string {
	t.Helper()
	path := a.is(t, http.StatusSeeOther).Header.Get("Location")
	if !strings.HasPrefix(path, "/admin/approvals/") {
		t.Fatalf("%s leads to %q", a.Request.URL.Path, path)
	}
	return path
}

// One asks for a refund, another approves it, on the pages; the trail tells it.
func TestARefundIsAskedForByOneAndApprovedByAnother(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		_, account := s.seller(t)
		s.credit(t, account, 500*yuan)
		p := s.payments(t, account)[0]
		asker, _ := s.member(t, models.RoleFinance, "one@office.test")
		decider, _ := s.member(t, models.RoleFinance, "two@office.test")
		refundPath := "/admin/payments/" + p.No + "/refund"

		form := asker.get(refundPath).is(t, http.StatusOK)
		if got := form.value("input[name=amount]"); got != "500.00" {
			t.Errorf("the form begins with %q", got)
		}
		form.says(t, "#main", "¥500.00 → 变为 ¥0.00")
		if form.Find("[aria-invalid]").Length() != 0 {
			t.Error("a fresh form has errors")
		}
		preview := asker.post(refundPath, "amount", "１２０．５０", "reason", askedWhy, "act", "preview").is(t, http.StatusOK)
		preview.says(t, "#main", "¥500.00 → 变为 ¥379.50")
		if s.cash(t, account) != 500*yuan || preview.value("input[name=amount]") != "１２０．５０" {
			t.Error("the preview did something, or forgot what was typed")
		}
		bad := asker.post(refundPath, "amount", "500.01", "reason", "退").is(t, http.StatusUnprocessableEntity)
		bad.says(t, "#reason-error", word(text.Chinese, "error.reason.too_short", "Min", 5))
		bad = asker.post(refundPath, "amount", "500.01", "reason", askedWhy).is(t, http.StatusUnprocessableEntity)
		bad.says(t, "#amount-error", word(text.Chinese, "error.refund.over_paid"))
		if bad.value("input[name=amount]") != "500.01" || bad.value("input[name=reason]") != askedWhy {
			t.Error("what was typed is lost")
		}
		request := asker.post(refundPath, "amount", "120.50", "reason", askedWhy).request(t)

		own := asker.get(request).is(t, http.StatusOK)
		own.says(t, "#main", word(text.Chinese, "error.approval.own"))
		if own.Find("form[action$='/approve']").Length() != 0 || own.Find("form[action$='/withdraw']").Length() != 1 {
			t.Error("the asker is offered to approve, or not to withdraw")
		}
		asker.post(request+"/approve").is(t, http.StatusForbidden).says(t, "#main", word(text.Chinese, "error.approval.own"))
		decider.get("/admin/jobs").says(t, "nav [href='/admin/approvals'] .badge", "1")
		decider.get("/admin/approvals").is(t, http.StatusOK).says(t, "tbody", askedWhy)
		page := decider.get(request).is(t, http.StatusOK)
		page.says(t, "#main", "¥500.00 → 变为 ¥379.50")
		decider.post(request+"/refuse", "note", "no").is(t, http.StatusUnprocessableEntity).says(t, "#note-error", word(text.Chinese, "error.reason.too_short", "Min", 5))
		decider.post(request+"/approve", "note", "looked it up").leads(t, request)
		decider.get(request).says(t, "[role=status]", word(text.Chinese, "flash.approval_decided"))
		if s.cash(t, account) != 379_50 {
			t.Errorf("cash is %s", s.cash(t, account).Wire())
		}
		onPayment := decider.get("/admin/payments/"+p.No).is(t, http.StatusOK)
		onPayment.says(t, "[aria-labelledby=refunds-title]", word(text.Chinese, "refund.state.reserved"))
		onPayment.says(t, "[aria-labelledby=refunds-title] tbody", "¥120.50")
		if onPayment.Find("[aria-labelledby=refunds-title] a[href='"+request+"']").Length() != 1 {
			t.Error("the refund does not lead to its request")
		}
		asker.post(request+"/withdraw").leads(t, request)
		asker.get(request).says(t, "[role=status]", word(text.Chinese, "flash.approval_stands"))
		asker.get("/admin/approvals").says(t, "#main", word(text.Chinese, "approvals.empty.title"))
		for _, show := range []string{"decided", "mine"} {
			asker.get("/admin/approvals?show="+show+"&kind=refund").says(t, "tbody", askedWhy)
		}
		decider.get("/admin/approvals?show=mine").says(t, "#main", word(text.Chinese, "approvals.empty.title"))
		subject := strings.Replace(strings.TrimPrefix(request, "/admin/approvals/"), "", "approval:", 1)
		summary := fmt.Sprintf("refund 120.50 account:%d payment:%d: %s", account, p.ID, askedWhy)
		if diff := cmp.Diff([]string{"one@office.test " + subject + "  " + summary}, s.audits(t, "approval.ask")); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"two@office.test " + subject + " " + summary + " looked it up"}, s.audits(t, "approval.approved")); diff != "" {
			t.Error(diff)
		}
		s.Sound(t)
	})
}

// Each form asks for its act, which somebody else then does.
func TestEveryFormAsksForItsAct(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		_, account := s.seller(t)
		s.campaigns(t, account, 100*yuan)
		s.credit(t, account, 500*yuan)
		asker, _ := s.member(t, models.RoleFinance, "one@office.test")
		decider, _ := s.member(t, models.RoleAdmin, "two@office.test")
		asker.lang, decider.lang = text.English, text.English
		of := fmt.Sprintf("/admin/accounts/%d/", account)
		for _, c := range []struct {
			act   string
			pairs []string
			cash  models.Fen
			state models.AccountState
		}{
			{"adjust", []string{"amount", "600", "direction", "take"}, -100 * yuan, models.AccountArrears},
			{"bank-transfer", []string{"amount", "￥1,100", "reference", "icbc 2026-001", "paid_on", "2026-11-24"}, 1000 * yuan, models.AccountActive},
			{"grant", []string{"amount", "25"}, 1000 * yuan, models.AccountActive},
			{"freeze", nil, 1000 * yuan, models.AccountFrozen},
			{"unfreeze", nil, 1000 * yuan, models.AccountActive},
		} {
			asker.get(of+c.act).is(t, http.StatusOK)
			asker.post(of+c.act, "reason", "x").is(t, http.StatusUnprocessableEntity).says(t, "#reason-error", "at least 5 characters")
			path := asker.post(of+c.act, append(c.pairs, "reason", "checked with the bank")...).request(t)
			decider.get(path).is(t, http.StatusOK)
			decider.post(path+"/approve").leads(t, path)
			desk, err := s.RechargeDesk(t.Context(), account)
			must(t, err)
			if desk.Funds.Cash != c.cash || desk.Account.State() != c.state {
				t.Errorf("%s: cash %s, %s", c.act, desk.Funds.Cash.Wire(), desk.Account.State())
			}
		}
		frozenTwice := asker.get(of+"unfreeze").is(t, http.StatusOK)
		frozenTwice.says(t, "#reason-error", word(text.English, "error.account.not_frozen"))
		used := asker.post(of+"bank-transfer", "amount", "5", "reference", "ICBC2026-001", "paid_on", "2026-11-24", "reason", "checked with the bank").is(t, http.StatusUnprocessableEntity)
		used.says(t, "#reference-error", word(text.English, "error.reference.used"))
		s.Sound(t)
	})
}

func TestSuspenseIsClearedOnThePages(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		_, account := s.seller(t)
		outcome, err := s.SettlePayment(t.Context(), models.Receipt{
			Rail: models.RailAlipay, OutTradeNo: "R26112400000000000000", GatewayTradeNo: "T1", State: models.TradePaid, AmountFen: 77 * yuan,
			Currency: "CNY", Payee: "2088", PaidAt: s.Clock.Now(), Confirmed: true,
		}, 0)
		if err != nil || outcome != models.OutcomeSuspense {
			t.Fatal(outcome, err)
		}
		asker, _ := s.member(t, models.RoleFinance, "one@office.test")
		decider, _ := s.member(t, models.RoleFinance, "two@office.test")
		asker.get(searchPath("77")).is(t, http.StatusOK).says(t, "[aria-labelledby=found-held]", word(text.Chinese, "suspense.reason.unknown_payment"))
		form := asker.get("/admin/suspense/1/clear").is(t, http.StatusOK)
		form.says(t, "#main", word(text.Chinese, "suspense.reason.unknown_payment"))
		form.says(t, "#main", word(text.Chinese, "preview.no_account"))
		asker.post("/admin/suspense/1/clear", "to", "nobody", "reason", askedWhy).is(t, http.StatusUnprocessableEntity).says(t, "#to-error", word(text.Chinese, "error.account.unknown"))
		request := asker.post("/admin/suspense/1/clear", "to", fmt.Sprint(account), "reason", askedWhy).request(t)
		decider.post(request+"/approve").leads(t, request)
		if s.cash(t, account) != 77*yuan {
			t.Errorf("cash is %s", s.cash(t, account).Wire())
		}
		s.Sound(t)
	})
}

// What can't be done any more is closed as failed, and the page says why; a
// request of a million is beyond finance.
func TestWhatCanNotBeApproved(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		_, account := s.seller(t)
		campaign := s.campaigns(t, account, 1000*yuan)[0]
		s.credit(t, account, 500*yuan)
		p := s.payments(t, account)[0]
		asker, _ := s.member(t, models.RoleFinance, "one@office.test")
		decider, _ := s.member(t, models.RoleFinance, "two@office.test")
		request := asker.post("/admin/payments/"+p.No+"/refund", "amount", "500", "reason", askedWhy).request(t)
		s.Charge(t, "click", campaign, 1*yuan)
		doubtful := decider.get(request).is(t, http.StatusOK)
		doubtful.says(t, "#main", word(text.Chinese, "error.refund.over_cash"))
		if strings.Contains(doubtful.Find("#main").Text(), word(text.Chinese, "approval.approve")) {
			t.Error("it offers to approve what can't be")
		}
		decider.post(request+"/approve").leads(t, request)
		failed := decider.get(request).is(t, http.StatusOK)
		failed.says(t, "[role=status]", word(text.Chinese, "flash.approval_failed"))
		failed.says(t, "#main", word(text.Chinese, "error.refund.over_cash"))
		if s.cash(t, account) != 499*yuan {
			t.Errorf("cash is %s", s.cash(t, account).Wire())
		}
		large := asker.post(fmt.Sprintf("/admin/accounts/%d/adjust", account), "amount", "50000.01", "direction", "add", "reason", askedWhy).request(t)
		decider.get(large).says(t, "#main", "¥50,000.00")
		decider.post(large+"/approve").is(t, http.StatusForbidden)
		for _, path := range []string{"/admin/approvals/4711", "/admin/approvals/x", "/admin/accounts/4711/adjust", "/admin/suspense/4711/clear", "/admin/payments/R26112400000000000000/refund"} {
			decider.get(path).is(t, http.StatusNotFound)
		}
		s.Sound(t)
	})
}
