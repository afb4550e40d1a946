package handlers_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"ztc-portal/models"
	"ztc-portal/views/text"
)

// From a difference about a paid payment to its refund, and back to end it.
func TestFinanceRefundsADifference(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		_, account := s.seller(t)
		s.credit(t, account, 300*yuan) // on no bill
		p := s.payments(t, account)[0]
		s.Clock.Set(models.BillDue(billDay))
		_, err := s.rails.Reconcile(t.Context(), models.RailAlipay, billDay)
		must(t, err)
		asker, _ := s.member(t, models.RoleFinance, "one@office.test")
		decider, _ := s.member(t, models.RoleFinance, "two@office.test")
		support, _ := s.member(t, models.RoleSupport, "three@office.test")
		s.Clock.Add(time.Minute)
		const button = "form input[name=act][value=refunded]"
		form := "/admin/payments/" + p.No + "/refund"
		page := asker.get(dayPath).is(t, http.StatusOK)
		if page.Find("a[href='"+form+"']").Length() != 1 || page.Find(button).Length() != 0 {
			t.Error("the way to the refund is missing, or it may end already")
		}
		if n := support.get(dayPath).is(t, http.StatusOK).Find("a[href='" + form + "']").Length(); n != 0 {
			t.Error("support is led to the refund")
		}
		desk, err := s.ReconciliationDesk(t.Context(), 202611241, models.DifferenceFilter{}, models.Keyset{})
		must(t, err)
		path := differencePath(desk.Differences[0].ID)
		asker.post(path, "act", "refunded").is(t, http.StatusConflict).says(t, "#main", word(text.Chinese, "error.difference.not_refunded"))
		asker.get(form).is(t, http.StatusOK)
		request := asker.post(form, "amount", "300", "reason", askedWhy).request(t)
		decider.get(request)
		decider.post(request+"/approve").leads(t, request)
		decider.get("/admin").is(t, http.StatusOK).says(t, "section:has(a[href='/admin/approvals?show=refunds'])", "¥300.00")
		decider.get("/admin/approvals?show=refunds").is(t, http.StatusOK).says(t, "tbody", askedWhy)
		refunds, err := s.RefundsOf(t.Context(), p.ID)
		must(t, err)
		_, err = s.SettleRefund(t.Context(), refunds[0].RequestNo, "10000")
		must(t, err)
		decider.get("/admin/approvals?show=refunds").says(t, "#main", word(text.Chinese, "approvals.empty.title"))
		page = asker.get(dayPath).is(t, http.StatusOK)
		if page.Find("a[href='"+form+"']").Length() != 0 || page.Find(button).Length() != 1 || support.get(dayPath).Find(button).Length() != 0 {
			t.Error("the way to end it is missing, or it may be refunded once more, or support may end it")
		}
		support.post(path, "act", "refunded").is(t, http.StatusForbidden)
		asker.post(path, "act", "refunded").leads(t, dayPath)
		after := asker.get(dayPath+"?show=all").is(t, http.StatusOK)
		after.says(t, "[role=status]", word(text.Chinese, "flash.difference_refunded"))
		after.says(t, "table tbody", word(text.Chinese, "difference.resolution.refunded"))
		after.says(t, "table tbody", word(text.Chinese, "difference.refund", "No", refunds[0].RequestNo))
		acts := s.audits(t, "difference.work")
		want := fmt.Sprintf("one@office.test difference:%d only_ours %s open refunded: %s", desk.Differences[0].ID, desk.Differences[0].TradeNo, refunds[0].RequestNo)
		if len(acts) != 1 || acts[0] != want {
			t.Errorf("the trail says %q, want %q", acts, want)
		}
		s.Sound(t)
	})
}
