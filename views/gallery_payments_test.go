package views_test

import (
	"strings"
	"time"

	"ztc-portal/models"
	"ztc-portal/views/admin"
	"ztc-portal/views/components"
	"ztc-portal/views/layout"
)

// instant gives an instant that may be missing.
func instant(t time.Time) *time.Time { return &t }

// staffPaymentScreens are what staff see of payments.
func staffPaymentScreens() []screen {
	list := admin.PaymentsPage{
		Now: now, Filter: admin.PaymentsFilter{Stuck: true}, Pager: components.Pager{OlderHref: "/admin/payments?before=3&stuck=1", Shown: 4},
		Rows: []models.StaffPaymentRow{
			{No: no, AccountID: 7, ShopName: shop, Rail: models.RailAlipay, State: models.PaymentPending, AmountFen: 1_700_00, CreatedAt: ago(2 * time.Hour), ExpiresAt: instant(ago(90 * time.Minute)), CheckingSince: instant(ago(80 * time.Minute))},
			{No: no, AccountID: 7, ShopName: shop, Rail: models.RailAlipay, State: models.PaymentPending, AmountFen: 200_00, CreatedAt: ago(3 * time.Hour), ExpiresAt: instant(ago(time.Hour))},
			{No: no, AccountID: 8, ShopName: shop, Rail: models.RailWechat, State: models.PaymentPaid, AmountFen: 500_000_00, CreatedAt: ago(50 * time.Hour), PaidAt: instant(ago(49 * time.Hour)), SettledAt: instant(ago(48 * time.Hour)), PaidLate: true},
			{No: no, AccountID: 9, ShopName: shop, Rail: models.RailBankTransfer, State: models.PaymentPartiallyRefunded, AmountFen: 300_00, CreatedAt: ago(90 * time.Hour), PaidAt: instant(ago(89 * time.Hour)), SettledAt: instant(ago(89*time.Hour - 3*time.Second))},
		},
	}
	refused := admin.PaymentsPage{Now: now, Filter: admin.PaymentsFilter{From: "2026-11-31", To: "x", Errors: models.FieldErrors{
		{Field: "from", Key: "error.day.malformed"}, {Field: "to", Key: "error.day.malformed"},
	}}}
	none := admin.PaymentsPage{Now: now}
	held := []models.Held{
		{ID: 1, Rail: models.RailAlipay, GatewayTradeNo: "2026112422001400000000000001", OutTradeNo: no, PaymentID: 5, AccountID: 7, ShopName: shop, AmountFen: 299_00, OwnFen: 300_00, Reason: models.SuspenseAmount, CreatedAt: ago(26 * time.Hour)},
		{ID: 2, Rail: models.RailAlipay, GatewayTradeNo: "2026112422001400000000000002", OutTradeNo: "R261124AAAAAAAAAAAAAA", AmountFen: 50_000_00, Reason: models.SuspenseUnknown, CreatedAt: ago(80 * time.Hour), ClearedAt: instant(ago(2 * time.Hour))},
	}
	asked := held[0]
	asked.ID, asked.GatewayTradeNo, asked.ApprovalID = 3, "2026112422001400000000000003", 41
	held = append(held, asked)
	suspense := admin.SuspensePage{Now: now, Standing: 299_00, Cleared: true, CanClear: true, Rows: held, Pager: components.Pager{Shown: 3}}
	quiet := admin.SuspensePage{Now: now}
	return []screen{
		{"admin-payments", list.Title, admin.Payments(list), atDesk(models.RoleSupport)},
		{"admin-payments-refused", refused.Title, admin.Payments(refused), atDesk(models.RoleFinance)},
		{"admin-payments-none", none.Title, admin.Payments(none), atDesk(models.RoleFinance)},
		{"admin-suspense", suspense.Title, admin.Suspense(suspense), atDesk(models.RoleFinance)},
		{"admin-suspense-none", quiet.Title, admin.Suspense(quiet), atDesk(models.RoleFinance)},
	}
}

// staffPaymentPages are one payment in trouble, one that is well, one that is new.
func staffPaymentPages() []screen {
	pending := admin.PaymentPage{
		CSRF: token, Now: now, No: no, State: models.PaymentPending, Amount: 300_00, Rail: models.RailAlipay, Payee: "2088000000000001", AccountID: 7, Shop: shop,
		CreatedAt: ago(9 * time.Minute), ConfirmedAt: ago(8 * time.Minute), ExpiresAt: now.Add(22 * time.Minute), CanRepair: true,
		Signs: []models.PaymentSign{models.SignChecking, models.SignUnsettled, models.SignRefused, models.SignSilent, models.SignNeverAsked},
		Notifies: []models.Notice{
			{ReceivedAt: ago(5 * time.Minute), Address: "203.0.113.7", Headers: `{"Content-Type":"application/x-www-form-urlencoded"}`, Body: []byte("out_trade_no=" + no + "&sign=" + strings.Repeat("A9%2F", 200)), Size: 60_000, Verdict: "refused", Detail: "alipay: signature: not verified", Unverified: true},
			{ReceivedAt: ago(6 * time.Minute), Address: "203.0.113.9", Headers: `{}`, Body: []byte("<script>alert(1)</script>\xff"), Size: 26, Verdict: "unsettled", Detail: "gateway unavailable"},
		},
		Answers: []models.GatewayAnswer{{Finding: models.Finding{AskedAt: ago(time.Minute), AskedBy: "staff", Answer: "unavailable"}, Staff: "support@demo.test", Why: "alipay: alipay.trade.query: gateways: gateway unavailable: dial tcp 203.0.113.1:443: connect: connection refused"}},
		Acts:    []models.PaymentAct{{At: ago(time.Minute), Email: "support@demo.test", Address: "198.51.100.4", Action: models.ActRepair, Before: "pending", After: "pending unavailable"}},
	}
	gone := pending
	gone.Gone, gone.Rail, gone.Payee, gone.Answers, gone.Notifies = true, models.RailWechat, "1900000109", nil, nil
	gone.ExpiresAt, gone.Signs = ago(time.Minute), []models.PaymentSign{models.SignOverdue, models.SignNeverAsked}
	failed := pending
	failed.State, failed.FailedAt, failed.CanRefund, failed.CanAudit = models.PaymentFailed, ago(time.Minute), true, true
	failed.CanClear = true
	failed.Signs = []models.PaymentSign{models.SignHeld, models.SignDisagreed, models.SignUnpaid}
	failed.Held = []models.Held{{ID: 1, Rail: models.RailAlipay, GatewayTradeNo: "2026112422001400000000000001", OutTradeNo: no, PaymentID: 5, AccountID: 7, ShopName: shop, AmountFen: 299_00, OwnFen: 300_00, Reason: models.SuspenseAmount, CreatedAt: ago(time.Minute)}}
	failed.Answers = []models.GatewayAnswer{{Finding: models.Finding{AskedAt: ago(time.Minute), AskedBy: "notify", Answer: "suspense"}, Facts: &models.TradeFacts{State: models.TradePaid, GatewayTradeNo: "2026112422001400000000000001", AmountFen: 299_00, Currency: "CNY", Payee: "2088000000000002", PaidAt: instant(ago(2 * time.Minute))}}}
	paid := pending
	paid.State, paid.PaidAt, paid.SettledAt, paid.ExpiredAt, paid.CanRefund, paid.CanAudit = models.PaymentPartiallyRefunded, ago(49*time.Hour), ago(48*time.Hour), ago(50*time.Hour), true, true
	paid.Refunded, paid.GatewayTradeNo, paid.CanRepair, paid.Acts = 100_00, "2026112422001400000000000001", false, nil
	paid.Signs = []models.PaymentSign{models.SignTwice, models.SignLate, models.SignUnheard, models.SignAgree}
	paid.Resumes, paid.ResumedBy = models.Sibling{No: no, State: models.PaymentExpired}, models.Sibling{No: no, State: models.PaymentPaid}
	paid.Posting = []models.PostedLine{{Name: "seller:7:cash", AmountFen: 300_00, BalanceAfterFen: -986_40}, {Name: "gateway:alipay", AmountFen: -300_00, BalanceAfterFen: -1_200_300_00}}
	paid.Refunds = []admin.RefundLine{
		{RefundFacts: admin.RefundFacts{RequestNo: "F" + no[1:], State: models.RefundSettled, Attempts: 1}, Amount: 100_00, ApprovalID: 7, ReservedAt: ago(47 * time.Hour)},
		{RefundFacts: admin.RefundFacts{RequestNo: "F" + no[1:], State: models.RefundReleased, Attempts: 12}, Amount: 1_000_000_00, ApprovalID: 8, ReservedAt: ago(time.Hour)},
	}
	waits := *toPay()
	waits.AskedID = 42
	paid.ToPay, paid.CanRecord = []models.ToPay{*toPay(), waits}, true
	paid.ToPay[1].RequestNo = "F26112300000000000000"
	paid.PostedAt, paid.MoreNotifies, paid.MoreAnswers = ago(48*time.Hour), true, true
	paid.Answers = []models.GatewayAnswer{{Finding: models.Finding{AskedAt: ago(time.Minute), AskedBy: "poll", Answer: "already_settled"}, Facts: &models.TradeFacts{State: models.TradePaid, GatewayTradeNo: paid.GatewayTradeNo, AmountFen: 300_00, Payee: paid.Payee, PaidAt: instant(paid.PaidAt)}}}
	draft := admin.PaymentPage{CSRF: token, Now: now, No: no, State: models.PaymentDraft, Amount: 300_00, Rail: models.RailAlipay, AccountID: 7, Shop: shop, CreatedAt: ago(time.Minute), Signs: []models.PaymentSign{models.SignDraft}}
	return []screen{
		{"admin-payment-pending", pending.Title, admin.Payment(pending), func(c *layout.Chrome) {
			atDesk(models.RoleSupport)(c)
			c.Flash = &layout.Flash{Key: "flash.payment_gateway_down"}
		}},
		{"admin-payment-gone", gone.Title, admin.Payment(gone), atDesk(models.RoleSupport)},
		{"admin-payment-failed", failed.Title, admin.Payment(failed), atDesk(models.RoleAdmin)},
		{"admin-payment-paid", paid.Title, admin.Payment(paid), atDesk(models.RoleFinance)},
		{"admin-payment-draft", draft.Title, admin.Payment(draft), atDesk(models.RoleSupport)},
	}
}
