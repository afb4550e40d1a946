package handlers_test

import (
	"net/http"
	"strings"
	"testing"

	"ztc-portal/models"
	"ztc-portal/views/text"
)

// From the refund to the bank's number: asked for and approved, it waits where
// finance looks, with whom to pay; recorded by one, it is over when another
// confirms, and the seller reads what sellers read of any refund.
func TestABankTransferGoesBackOnThePages(t *testing.T) {
	eachTill(t, func(t *testing.T, s *site) {
		seller, account := s.seller(t)
		path := strings.TrimSuffix(seller.transfers(t, "600"), "/confirm")
		p := s.payments(t, account)[0]
		finance, _ := s.member(t, models.RoleFinance, "finance@office.test")
		admin, _ := s.member(t, models.RoleAdmin, "admin@office.test")
		support, _ := s.member(t, models.RoleSupport, "support@office.test")
		finance.get("/admin/statements")
		finance.upload(importPath, "x.csv", templated(line("T1", "600", "杭州茶叶", *p.ReferenceCode))).leads(t, "/admin/statements")
		finance.post("/admin/statements/propose")
		way, _ := finance.get("/admin/statements/lines?state=proposed").Find("a[href^='/admin/approvals/']").Attr("href")
		admin.get(way)
		admin.post(way+"/approve").is(t, http.StatusSeeOther)

		desk := "/admin/payments/" + p.No
		if finance.get(desk).is(t, http.StatusOK).Find("a[href='"+desk+"/refund']").Length() != 1 {
			t.Error("no way leads to the refund")
		}
		finance.get(desk+"/refund").is(t, http.StatusOK).says(t, "main", word(finance.lang, "ask.lead.refund.transfer"))
		refund := finance.post(desk+"/refund", "amount", "200", "reason", "paid too much").request(t)
		admin.post(refund+"/approve").is(t, http.StatusSeeOther)
		r := s.refundsOf(t, p)[0]
		paid, unpaid := "/admin/refunds/"+r.RequestNo+"/paid", "/admin/refunds/"+r.RequestNo+"/unpaid"
		for _, lang := range text.Languages {
			finance.lang, support.lang, seller.lang = lang, lang, lang
			if finance.get("/admin/approvals?show=to_pay").is(t, http.StatusOK).Find("td a[href='"+refund+"']").Length() != 1 {
				t.Error("the list does not name it")
			}
			for _, at := range []string{desk, refund, paid, unpaid} {
				page := finance.get(at).is(t, http.StatusOK)
				for _, words := range []string{"杭州茶叶", "571900000010801", "200.00", r.RequestNo, word(lang, "to_pay.title"), word(lang, "to_pay.lead")} {
					page.says(t, "section[aria-labelledby='to-pay-"+r.RequestNo+"']", words)
				}
				if ways := page.Find("a[href='" + paid + "']").Length(); (ways == 1) != (at == desk || at == refund) {
					t.Errorf("%s has %d ways to record it", at, ways)
				}
			}
			finance.get(desk).says(t, "main", word(lang, "refund.by_hand.reserved"))
			if support.get(desk).is(t, http.StatusOK).Find("a[href='"+paid+"']").Length() != 0 {
				t.Error("support is led to where it may not go")
			}
			support.get(paid).is(t, http.StatusForbidden)
			finance.get("/admin").is(t, http.StatusOK).says(t, "main", word(lang, "figure.refunds_to_pay"))
			finance.post(paid, "reference", "?", "paid_on", "").is(t, http.StatusUnprocessableEntity).says(t, "#reference-error", word(lang, "error.reference.malformed"))
			finance.post(unpaid, "reason", "").is(t, http.StatusUnprocessableEntity).says(t, "#reason-error", word(lang, "error.reason.too_short", "Min", 5))
		}
		record := finance.post(paid, "reference", "OUT-000001", "paid_on", "2026-11-24").request(t)
		if page := finance.get(desk); page.Find("a[href='"+paid+"']").Length() != 0 || page.Find("a[href='"+record+"']").Length() == 0 {
			t.Error("recorded, and it is asked for again")
		}
		finance.post(record+"/approve").is(t, http.StatusForbidden)
		if got := s.payment(t, p.No); got.State != models.PaymentPaid {
			t.Errorf("one alone made it %s", got.State)
		}
		admin.get(record).is(t, http.StatusOK).says(t, "main", "OUT000001")
		admin.post(record+"/approve").is(t, http.StatusSeeOther)
		if got := s.payment(t, p.No); got.State != models.PaymentPartiallyRefunded || got.RefundedFen != 200_00 || s.cash(t, account) != 400_00 {
			t.Errorf("%s with %s gone back", got.State, got.RefundedFen.Wire())
		}
		for _, lang := range text.Languages {
			finance.lang, seller.lang = lang, lang
			finance.get(desk).is(t, http.StatusOK).says(t, "main", word(lang, "refund.by_hand.settled"))
			finance.post(unpaid, "reason", "the account is closed").is(t, http.StatusUnprocessableEntity).says(t, "#reason-error", word(lang, "error.refund.ended"))
			finance.post(paid, "reference", "OUT-000002", "paid_on", "2026-11-24").is(t, http.StatusUnprocessableEntity).says(t, "#reason-error", word(lang, "error.refund.ended"))
			seller.get(path).is(t, http.StatusOK).says(t, "#main", word(lang, "state.payment.partially_refunded"))
		}
		finance.get("/admin/refunds/F26112400000000000000/paid").is(t, http.StatusNotFound)
		s.Sound(t)
	})
}

// transfers has a seller begin a payment by bank transfer.
func (b *browser) transfers(t testing.TB, amount string) (confirm string) {
	t.Helper()
	b.get("/recharge")
	confirm = b.post("/recharge", "amount", amount, "method", "bank_transfer").is(t, http.StatusSeeOther).Header.Get("Location")
	b.get(confirm)
	b.post(confirm).is(t, http.StatusSeeOther)
	return confirm
}

func (s *site) refundsOf(t testing.TB, p models.Payment) []models.Refund {
	t.Helper()
	rows, err := s.RefundsOf(t.Context(), p.ID)
	must(t, err)
	return rows
}
