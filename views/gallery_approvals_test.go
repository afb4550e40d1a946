package views_test

import (
	"time"

	"ztc-portal/models"
	"ztc-portal/views/admin"
	"ztc-portal/views/components"
	"ztc-portal/views/layout"
)

const shopName = shop

func approvalRow(kind models.ApprovalKind, amount models.Fen, state models.ApprovalState) models.ApprovalRow {
	row := models.ApprovalRow{
		ID: 41, Kind: kind, AccountID: 7, ShopName: shopName, AmountFen: amount, Reason: "商家重复付款，要求原路退回", AskedBy: 2,
		Asker: "finance-team-member-one@office.test", AskedAt: ago(29 * time.Hour), State: state,
	}
	if state != models.ApprovalOpen {
		row.Decider, row.DecidedAt, row.Note = "admin@demo.test", ago(time.Hour), "金额与流水核对一致"
	}
	return row
}

// approvalScreens are the pages of the two persons.
func approvalScreens() []screen {
	at := func(path string) func(*layout.Chrome) {
		return func(c *layout.Chrome) {
			atDesk(models.RoleFinance)(c)
			c.Path, c.OpenApprovals = path, 7
		}
	}
	queue := admin.ApprovalsPage{Now: now, Show: "open", Open: 7, Pager: components.Pager{OlderHref: "/admin/approvals?before=3", Shown: 7}}
	amounts := []models.Fen{1_700_00, -1_204_50, 300_00, 4_999_999_99, 0, 0, 77_00, 600_00, 1_204_50}
	for i, kind := range models.ApprovalKinds {
		row := approvalRow(kind, amounts[i], models.ApprovalStates[i%len(models.ApprovalStates)])
		if kind == models.ApprovalSuspenseClear {
			row.ShopName, row.AccountID = "", 0
		}
		queue.Rows = append(queue.Rows, row)
	}
	empty := admin.ApprovalsPage{Now: now, Show: "mine"}
	preview := &models.ApprovalPreview{
		AccountID: 7, Before: models.AccountStanding{State: models.AccountActive, Funds: models.Funds{Cash: 4_213_60, Bonus: 120_00}, Serving: 3},
		After: models.AccountStanding{State: models.AccountArrears, Funds: models.Funds{Cash: -86_40, Bonus: 120_00}},
	}
	open := admin.ApprovalPage{CSRF: token, Now: now, ApprovalRow: approvalRow(models.ApprovalRefund, 1_700_00, models.ApprovalOpen), MayDecide: true, Preview: preview}
	open.PaymentNo = no
	refused := open
	refused.Errors, refused.Note = models.FieldErrors{{Field: "note", Key: "error.reason.too_short", Args: map[string]any{"Min": 5}}}, "no"
	own := open
	own.MayDecide, own.MayWithdraw, own.Refusal = false, true, &models.Error{Key: "error.approval.own"}
	own.Preview, own.Doubt = nil, &models.Error{Key: "error.refund.over_cash"}
	done := admin.ApprovalPage{CSRF: token, Now: now, ApprovalRow: approvalRow(models.ApprovalRefund, 1_700_00, models.ApprovalApproved), Refund: &admin.RefundFacts{
		RequestNo: "F26112200000000000000", State: models.RefundSent, Attempts: 3, SentAt: ago(9 * time.Minute), LastAnswer: "alipay: alipay.trade.refund: context deadline exceeded",
	}}
	byBank := admin.ApprovalPage{CSRF: token, Now: now, ApprovalRow: approvalRow(models.ApprovalRefund, 600_00, models.ApprovalApproved), CanRecord: true, ToPay: toPay(), Refund: &admin.RefundFacts{
		RequestNo: toPay().RequestNo, ByHand: true, State: models.RefundReserved,
	}}
	paidOut := admin.ApprovalPage{CSRF: token, Now: now, ApprovalRow: approvalRow(models.ApprovalRefundPaid, 600_00, models.ApprovalApproved), ToPay: toPay()}
	paidOut.Reference, paidOut.PaidOn = "ICBC20261122000417", "2026-11-22"
	paidOut.ToPay.State, paidOut.ToPay.BankNo, paidOut.ToPay.PaidAt, paidOut.ToPay.Known = models.RefundSettled, paidOut.Reference, ago(48*time.Hour), false
	failed := admin.ApprovalPage{CSRF: token, Now: now, ApprovalRow: approvalRow(models.ApprovalBankTransfer, 50_000_00, models.ApprovalFailed)}
	failed.ApprovalRow.Note, failed.Reference, failed.PaidOn = "error.reference.used", "ICBC-2026-1122-000417", "2026-11-22"
	screens := []screen{
		{"admin-approvals", queue.Title, admin.Approvals(queue), at("/admin/approvals")},
		{"admin-approvals-empty", empty.Title, admin.Approvals(empty), at("/admin/approvals")},
		{"admin-approval-open", open.Title, admin.Approval(open), at("/admin/approvals/41")},
		{"admin-approval-refused", refused.Title, admin.Approval(refused), at("/admin/approvals/41")},
		{"admin-approval-own", own.Title, admin.Approval(own), at("/admin/approvals/41")},
		{"admin-approval-refund", done.Title, admin.Approval(done), at("/admin/approvals/41")},
		{"admin-approval-to-pay", byBank.Title, admin.Approval(byBank), at("/admin/approvals/41")},
		{"admin-approval-paid-out", paidOut.Title, admin.Approval(paidOut), at("/admin/approvals/41")},
		{"admin-approval-failed", failed.Title, admin.Approval(failed), at("/admin/approvals/41")},
	}
	for _, kind := range models.ApprovalKinds {
		page := askPage(kind, preview)
		screens = append(screens, screen{"admin-ask-" + string(kind), page.Title, admin.Ask(page), at("/admin/approvals")})
	}
	return screens
}

// toPay is a refund that waits for finance.
func toPay() *models.ToPay {
	return &models.ToPay{
		RequestNo: "F26112200000000000000", State: models.RefundReserved, AmountFen: 600_00, ReservedAt: ago(50 * time.Hour), PaymentNo: no,
		TradeNo: "BT20261120-1D83F6A91E489AAA5D65", Known: true, PayerName: "杭州龙井茶叶有限责任公司", PayerAccount: "33050161000000000001",
		Raw: "20261120 09:30:15\t0\t1600.50\t杭州龙井茶叶有限责任公司\t33050161000000000001\t建行杭州分行\tK7QM2H9X",
	}
}

func askPage(kind models.ApprovalKind, preview *models.ApprovalPreview) admin.AskPage {
	page := admin.AskPage{CSRF: token, Now: now, Kind: kind, Action: "/admin/accounts/7/ask", Preview: preview, AskDesk: models.AskDesk{
		AccountID: 7, ShopName: shopName, State: models.AccountActive, Funds: models.Funds{Cash: 4_213_60, Bonus: 120_00}, Limit: 500_000_00,
	}}
	switch kind {
	case models.ApprovalRefundPaid, models.ApprovalRefundUnpaid:
		page.ToPay = toPay()
		page.Form.Errors = models.FieldErrors{{Field: "reference", Key: "error.reference.used"}, {Field: "reason", Key: "error.refund.ended"}}
	case models.ApprovalRefund:
		page.PaymentNo, page.Rail, page.Paid, page.Refunded, page.Reserved, page.Refundable = no, models.RailAlipay, 1_700_00, 200_00, 100_00, 1_400_00
		page.Form.Amount = "1400.00"
	case models.ApprovalAdjustment:
		page.Form = admin.AskForm{Amount: "1e5", Reason: "补", Errors: models.FieldErrors{
			{Field: "amount", Key: "error.amount.not_a_number"}, {Field: "direction", Key: "error.direction.empty"},
			{Field: "reason", Key: "error.reason.too_short", Args: map[string]any{"Min": 5}},
		}}
	case models.ApprovalUnfreeze:
		page.State, page.FrozenReason = models.AccountFrozen, "人工核查"
	case models.ApprovalSuspenseClear:
		page.AskDesk = models.AskDesk{
			SuspenseID: 3, SuspenseReason: models.SuspenseAmount, SuspenseNo: "2026112222001412345678901234", OutTradeNo: no,
			SuspenseFen: 1_600_00, OwnFen: 1_700_00, SuspenseAt: ago(50 * time.Hour), Rail: models.RailAlipay,
		}
		page.Preview = &models.ApprovalPreview{}
	}
	return page
}
