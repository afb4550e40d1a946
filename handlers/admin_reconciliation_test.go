package handlers_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ztc-portal/gateways"
	"ztc-portal/gateways/sandbox"
	"ztc-portal/models"
	"ztc-portal/views/text"
)

const billDay = "2026-11-24"

// lost is a payment that was paid at the gateway and of which nobody told us,
// and the morning after, on which the bill has come and was run.
func (s *site) lost(t testing.TB) (no string, difference int64) {
	t.Helper()
	_, account := s.seller(t)
	draft, err := s.DraftRecharge(t.Context(), account, models.RechargeInput{Amount: "300", Method: "alipay"})
	must(t, err)
	p, _, err := s.rails.Confirm(t.Context(), account, draft.No, "test", gateways.Payer{})
	must(t, err)
	_, err = s.far.PayByScan(t.Context(), p.QRContent, sandbox.FaultNotifyLost)
	must(t, err)
	s.Clock.Set(models.BillDue(billDay))
	done, err := s.rails.Reconcile(t.Context(), models.RailAlipay, billDay)
	must(t, err)
	desk, err := s.ReconciliationDesk(t.Context(), done.ID, models.DifferenceFilter{}, models.Keyset{})
	must(t, err)
	if len(desk.Differences) != 1 {
		t.Fatalf("the day differs in %+v", desk.Differences)
	}
	return p.No, desk.Differences[0].ID
}

func differencePath(id int64) string {
	return fmt.Sprintf("/admin/reconciliation/differences/%d", id)
}

const dayPath = "/admin/reconciliation/202611241"

func TestFinanceRepairsWhatTheBillShows(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		no, id := s.lost(t)
		b, _ := s.member(t, models.RoleFinance, "finance@shop.test")
		for _, lang := range text.Languages {
			b.lang = lang
			list := b.get("/admin/reconciliation").is(t, http.StatusOK)
			list.isPage(t)
			list.says(t, "table tbody tr", billDay)
			list.says(t, "table tbody tr", word(lang, "reconcile.state.done"))
			page := b.get(dayPath).is(t, http.StatusOK)
			page.says(t, "h1", billDay)
			page.says(t, "table tbody", word(lang, "difference.kind.state_differs"))
			page.says(t, "table tbody", "¥300.00")
			if n := page.Find("a[href='/admin/payments/" + no + "']").Length(); n != 1 {
				t.Errorf("%d links lead to the payment", n)
			}
		}
		b.lang = text.Chinese
		b.get(dayPath, part).is(t, http.StatusOK).isPart(t)
		if empty := b.get(dayPath+"?kind=fee_differs").is(t, http.StatusOK); empty.Find("table").Length() != 0 {
			t.Error("the filter filters nothing")
		}
		s.far.CutOff(true)
		b.post(differencePath(id), "act", "repair").is(t, http.StatusServiceUnavailable)
		s.far.CutOff(false)
		b.post(differencePath(id), "act", "forget").is(t, http.StatusUnprocessableEntity)
		b.get(dayPath)
		b.post(differencePath(id), "act", "repair").leads(t, dayPath)
		after := b.get(dayPath).is(t, http.StatusOK)
		after.says(t, "[role=status]", word(text.Chinese, "flash.difference_repaired"))
		after.says(t, "#main", word(text.Chinese, "difference.empty.title"))
		b.get(dayPath+"?show=all").says(t, "table tbody", word(text.Chinese, "difference.resolution.repaired"))
		b.post(differencePath(id), "act", "repair").is(t, http.StatusConflict)
		if state := s.payment(t, no).State; state != models.PaymentPaid {
			t.Errorf("the payment is %s", state)
		}
		acts := s.audits(t, "difference.work")
		if len(acts) != 1 || !strings.HasPrefix(acts[0], fmt.Sprintf("finance@shop.test difference:%d state_differs ", id)) || !strings.HasSuffix(acts[0], " open repaired: settled") {
			t.Errorf("the trail says %q", acts)
		}
		s.Sound(t)
	})
}

func TestFinanceExplainsADifference(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		no, id := s.lost(t)
		b, _ := s.member(t, models.RoleFinance, "finance@shop.test")
		b.get(dayPath)
		refused := b.post(differencePath(id), "act", "explain", "note", "<b> ").is(t, http.StatusUnprocessableEntity)
		refused.isPage(t)
		field := fmt.Sprintf("note-%d", id)
		refused.says(t, "#"+field+"-error", word(text.Chinese, "error.difference.note_short", "Count", models.MinExplanation))
		box := refused.Find("#" + field)
		if described, _ := box.Attr("aria-describedby"); described != field+"-error" || strings.TrimSpace(box.Text()) != "<b>" || refused.Find("details[open] #"+field).Length() != 1 {
			t.Errorf("the field reads %q, described by %q", box.Text(), described)
		}
		b.post(differencePath(id), "act", "explain", "note", "渠道活动补贴，金额以账单为准").leads(t, dayPath)
		page := b.get(dayPath+"?show=all").is(t, http.StatusOK)
		page.says(t, "table tbody", "渠道活动补贴，金额以账单为准")
		page.says(t, "table tbody", "finance@shop.test")
		if page.Find("form[method=post][action='"+differencePath(id)+"']").Length() != 0 || s.payment(t, no).State != models.PaymentPending {
			t.Error("what is explained can still be worked, or was booked")
		}
		for _, path := range []string{differencePath(4711), "/admin/reconciliation/differences/x"} {
			b.post(path, "act", "explain", "note", "long enough").is(t, http.StatusNotFound)
		}
		for _, path := range []string{"/admin/reconciliation/4711", "/admin/reconciliation/x"} {
			b.get(path).is(t, http.StatusNotFound)
		}
	})
}

// Support may look and not touch.
func TestSupportReadsReconciliation(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		_, id := s.lost(t)
		b, _ := s.member(t, models.RoleSupport, "support@shop.test")
		for _, path := range []string{"/admin/reconciliation", dayPath} {
			if n := b.get(path).is(t, http.StatusOK).Find("#main form[method=post]").Length(); n != 0 {
				t.Errorf("%s offers %d acts", path, n)
			}
		}
		b.post(differencePath(id), "act", "explain", "note", "long enough").is(t, http.StatusForbidden)
		b.post("/admin/reconciliation/run", "day", billDay, "rail", "alipay").is(t, http.StatusForbidden)
		if n := len(s.audits(t, "difference.work")) + len(s.audits(t, "reconciliation.run")); n != 0 {
			t.Errorf("%d acts are on the trail", n)
		}
	})
}

func TestFinanceAsksForARun(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, _ := s.member(t, models.RoleFinance, "finance@shop.test")
		empty := b.get("/admin/reconciliation").is(t, http.StatusOK)
		empty.says(t, "#main", word(text.Chinese, "reconcile.empty.title"))
		if day := empty.value("input[name=day]"); day != "2026-11-23" {
			t.Errorf("the form offers %q", day)
		}
		refused := b.post("/admin/reconciliation/run", "day", billDay, "rail", "wechat").is(t, http.StatusUnprocessableEntity)
		refused.says(t, "#day-error", word(text.Chinese, "error.reconcile.day_not_over"))
		refused.says(t, "#rail-error", word(text.Chinese, "error.reconcile.rail"))
		if day := refused.value("input[name=day]"); day != billDay {
			t.Errorf("the form keeps %q", day)
		}
		b.post("/admin/reconciliation/run", "day", "2026-11-23", "rail", "alipay").leads(t, "/admin/reconciliation")
		page := b.get("/admin/reconciliation").is(t, http.StatusOK)
		page.says(t, "[role=status]", word(text.Chinese, "flash.reconcile_asked", "Day", "2026-11-23"))
		page.says(t, "table tbody", word(text.Chinese, "reconcile.state.waiting"))
		b.get("/admin/reconciliation/202611231").is(t, http.StatusOK).says(t, "#main", word(text.Chinese, "reconcile.waiting"))
		tasks := s.Queue.Tasks()
		if len(tasks) != 1 || tasks[0].Args != models.TaskArgs(models.ReconcileDay{Rail: models.RailAlipay, DayOn: "2026-11-23"}) || !tasks[0].RunAt.IsZero() {
			t.Errorf("to do is %+v", tasks)
		}
		if diff := cmp.Diff([]string{"finance@shop.test reconciliation:202611231 waiting asked for"}, s.audits(t, "reconciliation.run")); diff != "" {
			t.Error(diff)
		}
	})
}

// A day of bank transfer stands beside the statements: it says that none holds
// it, then what is open, and leads to the lines instead of asking a gateway.
func TestDayOfBankTransferStandsBesideStatements(t *testing.T) {
	eachTill(t, func(t *testing.T, s *site) {
		const path = "/admin/reconciliation/202611244"
		_, account := s.seller(t)
		draft, err := s.DraftRecharge(t.Context(), account, models.RechargeInput{Amount: "300", Method: "bank_transfer"})
		must(t, err)
		p, _, err := s.rails.Confirm(t.Context(), account, draft.No, "test", gateways.Payer{})
		must(t, err)
		s.Clock.Set(models.BillDue(billDay))
		b, _ := s.member(t, models.RoleFinance, "finance@shop.test")
		b.get("/admin/reconciliation")
		b.post("/admin/reconciliation/run", "day", billDay, "rail", "bank_transfer").leads(t, "/admin/reconciliation")
		for _, lang := range text.Languages {
			b.lang = lang
			page := b.get(path).is(t, http.StatusOK)
			page.says(t, "#main", word(lang, "reconcile.waiting.unstated"))
			page.says(t, "#main", word(lang, "reconcile.bill.stated"))
		}
		b.get("/admin/statements")
		b.upload(importPath, "november.csv", templated(line("T1", "300", "某人", *p.ReferenceCode))).leads(t, "/admin/statements")
		b.get(path).says(t, "#main", word(b.lang, "reconcile.waiting.stated"))
		done, err := s.rails.Reconcile(t.Context(), models.RailBankTransfer, billDay)
		must(t, err)
		if done.LedgerFaultCount != 0 || done.PaymentCount != 1 {
			t.Errorf("it stands as %+v", done)
		}
		for _, lang := range text.Languages {
			b.lang = lang
			page := b.get(path).is(t, http.StatusOK)
			page.says(t, "table tbody", word(lang, "difference.stated.state_differs"))
			if page.Find("input[name=act][value=repair]").Length() != 0 || page.Find("table a[href^='/admin/statements/lines']").Length() != 1 {
				t.Error("it leads to a gateway, or not to the lines")
			}
		}
		s.Sound(t)
	})
}
