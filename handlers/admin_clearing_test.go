package handlers_test

import (
	"net/http"
	"testing"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
	"ztc-portal/views/text"
)

// The day's page shows the whole clearing account beside all bills; what nothing
// explains is called out.
func TestClearingAccountOnTheDaysPage(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		s.lost(t)
		b, _ := s.member(t, models.RoleSupport, "support@shop.test")
		for _, lang := range text.Languages {
			b.lang = lang
			page := b.get(dayPath).is(t, http.StatusOK)
			page.says(t, "[aria-labelledby=clearing-title]", word(lang, "reconcile.clearing.lead", "Day", billDay))
			page.says(t, "[aria-labelledby=clearing-title]", "-¥300.00") // on the bill, not in the books, and known
			if n := page.Find("[aria-labelledby=clearing-title] .text-error, [role=alert]").Length(); n != 0 {
				t.Errorf("%d faults are shown", n)
			}
		}
		db, err := s.Handle()
		must(t, err)
		for _, statement := range []string{
			"INSERT INTO ledger_transactions (id, kind, reference, booked_at) VALUES (9001, 'adjustment', 'by hand', '2026-11-24 06:00:00+00:00')",
			`INSERT INTO ledger_entries (transaction_id, account_id, amount_fen, balance_after_fen)
				SELECT 9001, id, CASE WHEN name = 'adjustment' THEN 4321 ELSE -4321 END, 0 FROM ledger_accounts WHERE name IN ('adjustment', 'gateway:alipay')`,
			"UPDATE ledger_accounts SET balance_fen = balance_fen + CASE WHEN name = 'adjustment' THEN 4321 ELSE -4321 END WHERE name IN ('adjustment', 'gateway:alipay')",
		} {
			_, err := db.ExecContext(t.Context(), statement)
			must(t, err)
		}
		done, err := s.rails.Reconcile(t.Context(), models.RailAlipay, billDay)
		must(t, err)
		if done.LedgerFaultCount != 1 || done.UnexplainedFen() != 43_21 {
			t.Errorf("tampered with, it is %+v", done)
		}
		for _, lang := range text.Languages {
			b.lang = lang
			page := b.get(dayPath).is(t, http.StatusOK)
			page.says(t, "#main", word(lang, "reconcile.clearing.broken", "Amount", models.Fen(43_21)))
			page.says(t, "[aria-labelledby=clearing-title] .text-error", "¥43.21")
			b.get("/admin/reconciliation").is(t, http.StatusOK).says(t, "table tbody", word(lang, "reconcile.faults", "Count", 1))
		}
	})
}

// A refund that is under way here and given back on the bill reads so.
func TestRefundOnTheBillIsPutIntoWords(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		s.refundUnderWay(t)
		b, _ := s.member(t, models.RoleSupport, "support@shop.test")
		for _, lang := range text.Languages {
			b.lang = lang
			page := b.get(dayPath).is(t, http.StatusOK)
			page.says(t, "table tbody", word(lang, "difference.refund.state.reserved"))
			page.says(t, "table tbody", word(lang, "difference.refund.hint.state_differs"))
		}
	})
}

// refundUnderWay is a refund that was approved and not sent, and the morning on
// which the gateway's bill says that it was given back.
func (s *site) refundUnderWay(t testing.TB) {
	t.Helper()
	_, account := s.seller(t)
	draft, err := s.DraftRecharge(t.Context(), account, models.RechargeInput{Amount: "300", Method: "alipay"})
	must(t, err)
	p, err := s.ConfirmPayment(t.Context(), account, draft.No, modelstest.Payee)
	must(t, err)
	receipt := s.Receipt(p)
	_, err = s.SettlePayment(t.Context(), receipt, 0)
	must(t, err)
	db, err := s.Handle()
	must(t, err)
	staff := func(email string) (by models.Actor) {
		_, err := s.CreateUser(t.Context(), models.Actor{}, models.NewUser{Email: email, Password: "long enough", Role: models.RoleFinance})
		must(t, err)
		must(t, db.QueryRowContext(t.Context(), "SELECT id FROM users WHERE email = $1", email).Scan(&by.UserID))
		return by
	}
	asked, err := s.AskApproval(t.Context(), staff("one@shop.test"), models.ApprovalInput{Kind: models.ApprovalRefund, PaymentNo: p.No, Amount: "10", Reason: "paid twice"})
	must(t, err)
	_, err = s.Approve(t.Context(), staff("two@shop.test"), asked.ID, "")
	must(t, err)
	refunds, err := s.RefundsOf(t.Context(), p.ID)
	must(t, err)
	s.Clock.Set(models.BillDue(billDay))
	run, err := s.BeginReconciliation(t.Context(), models.RailAlipay, billDay)
	must(t, err)
	line := models.BillLine{TradeNo: receipt.GatewayTradeNo, OutTradeNo: p.No, OrderFen: 300_00, AmountFen: 300_00, FinishedAt: receipt.PaidAt}
	back := line
	back.RequestNo, back.OrderFen, back.AmountFen = refunds[0].RequestNo, -10_00, -10_00
	must(t, s.AddBillLines(t.Context(), run, []models.BillLine{line, back}))
	_, err = s.FinishReconciliation(t.Context(), run, 0)
	must(t, err)
}
