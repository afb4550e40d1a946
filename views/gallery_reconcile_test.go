package views_test

import (
	"time"

	"ztc-portal/models"
	"ztc-portal/views/admin"
	"ztc-portal/views/components"
	"ztc-portal/views/layout"
)

// atPath is the frame of a member of staff on a page.
func atPath(role models.Role, path string) func(*layout.Chrome) {
	return func(c *layout.Chrome) {
		atDesk(role)(c)
		c.Path = path
	}
}

func reconcileScreens() []screen {
	rails := []models.Rail{models.RailAlipay}
	days := []admin.ReconciliationRow{
		{ID: 202611231, Day: "2026-11-23", Rail: models.RailAlipay, State: models.ReconciliationDone, FinishedAt: ago(5 * time.Hour), Payments: 12_480, Refunds: 31, Net: 9_874_300_20, Fee: -59_245_80, Matched: 12_475, Open: 6, Faults: 1},
		{ID: 202611221, Day: "2026-11-22", Rail: models.RailAlipay, State: models.ReconciliationDone, FinishedAt: ago(29 * time.Hour), Payments: 11_002, Net: 8_123_004_00, Matched: 11_002},
		{ID: 202611211, Day: "2026-11-21", Rail: models.RailAlipay, State: models.ReconciliationFailed, FinishedAt: ago(53 * time.Hour), Open: 2},
		{ID: 202611202, Day: "2026-11-20", Rail: models.RailWechat, State: models.ReconciliationRunning},
		{ID: 202611201, Day: "2026-11-20", Rail: models.RailAlipay, State: models.ReconciliationWaiting},
	}
	list := admin.ReconciliationPage{
		CSRF: token, Now: now, CanRun: true, Form: admin.ReconcileForm{Day: "2026-11-23", Rails: rails}, Rows: days,
		Pager: components.Pager{OlderHref: "/admin/reconciliation?before=202611201", Shown: 5},
	}
	refused := list
	refused.Form.Errors = models.FieldErrors{
		{Code: models.Invalid, Field: "day", Key: "error.reconcile.day_not_over"}, {Code: models.Invalid, Field: "rail", Key: "error.reconcile.rail"},
	}
	empty := admin.ReconciliationPage{CSRF: token, Now: now, Form: admin.ReconcileForm{Rails: rails}}
	const no, trade = "R261123ABCDEFGHJKMNPQ", "2026112322001400000001"
	row := func(id int64, kind models.DifferenceKind, ours, theirs models.Fen, state string) admin.DifferenceRow {
		return admin.DifferenceRow{
			ID: id, Kind: kind, TradeNo: trade, OutTradeNo: no, PaymentNo: no, Ours: ours, Theirs: theirs, OursState: state,
			FoundAt: ago(5 * time.Hour), Open: true, Repairable: kind == models.StateDiffers || kind == models.OnlyTheirs,
		}
	}
	paidLess := row(3, models.AmountDiffers, 300_00, 299_00, "paid")
	paidLess.Refundable, paidLess.Refunded = true, true
	foreign, refund := row(6, models.OnlyTheirs, 0, 55_00, ""), row(5, models.OnlyTheirs, 0, -10_00, "")
	foreign.PaymentNo, refund.RequestNo, refund.Repairable = "", "F261123000001", false
	underWay := row(8, models.StateDiffers, -20_00, -20_00, string(models.RefundSent))
	underWay.RequestNo, underWay.Repairable = "F261123000002", false
	day := admin.DifferencesPage{
		CSRF: token, Now: now, Day: days[0], CanWork: true, Worked: 4,
		Bill:     admin.BillSums{Payments: 12_480, PaymentFen: 9_880_000_20, Refunds: 31, RefundFen: -5_700_00, NetFen: 9_874_300_20, FeeFen: -59_245_80},
		Books:    admin.BookSums{Payments: 12_476, PaymentFen: 9_879_400_20, ClearingFen: 9_879_400_20, Matched: 12_475, Suspended: 2, SuspenseFen: 140_00},
		Clearing: admin.ClearingSums{From: "2026-01-05", UnbilledDays: 2, Opening: 1_204_300_00, Billed: 3_045_210_884_20, Explained: 1_240_00, Closing: 3_046_416_474_20, Unexplained: 50_00},
		Rows: []admin.DifferenceRow{
			foreign, refund, underWay, row(4, models.StateDiffers, 0, 300_00, "expired"), paidLess,
			row(2, models.FeeDiffers, 3_00, 3_01, "paid"), row(1, models.OnlyOurs, 70_00, 0, "suspense"),
		},
	}
	day.Pager = components.Pager{Shown: len(day.Rows)}
	short := day
	short.Refused, short.NoteWas = 4, "fee"
	short.RefuseAt = models.FieldErrors{{Code: models.Invalid, Field: "note", Key: "error.difference.note_short", Args: map[string]any{"Count": 5}}}
	worked := day
	worked.Filter, worked.CanWork, worked.Rows = admin.DifferencesFilter{All: true}, false, nil
	worked.Clearing.UnbilledDays, worked.Clearing.Unexplained = 0, 0
	for i, resolution := range models.Resolutions {
		d := row(int64(9-i), models.DifferenceKinds[i], 300_00, 299_00, "paid")
		d.Open, d.Repairable, d.Resolution, d.WorkedAt, d.WorkedBy, d.Note = false, false, resolution, ago(time.Hour), "finance@demo.test", "A campaign of the gateway's: it paid one yuan of each."
		switch resolution {
		case models.Repaired:
			d.Note = string(models.OutcomeLate)
		case models.Vanished:
			d.Note, d.WorkedBy = "", ""
		case models.Refunded:
			d.Note = "F261124ABCDEFGHJKMNPQ"
		}
		worked.Rows = append(worked.Rows, d)
	}
	failed := admin.DifferencesPage{CSRF: token, Now: now, Day: days[2], CanWork: true, Failure: `alipay: bill: "20880001000000010156_20261121.csv" line 4711: no amount: gateways: bill can't be read`}
	running := admin.DifferencesPage{CSRF: token, Now: now, Day: days[3]}
	waiting := admin.DifferencesPage{CSRF: token, Now: now, Day: days[4]}
	stated := admin.DifferencesPage{
		CSRF: token, Now: now, Day: days[4], CanWork: true, Stated: true, Unstated: true,
		Bill: admin.BillSums{Payments: 3, PaymentFen: 4_300_00, NetFen: 4_300_00}, Books: admin.BookSums{Payments: 1, PaymentFen: 1_600_00, ClearingFen: 1_600_00, Matched: 1, Suspended: 2, SuspenseFen: 2_700_00},
		Rows: []admin.DifferenceRow{
			row(5, models.StateDiffers, 1_600_00, 1_600_00, "pending"), row(4, models.OnlyTheirs, 0, 100_00, ""), row(3, models.AmountDiffers, 500_00, 501_00, "paid"),
			row(2, models.OnlyOurs, 500_00, 0, "paid"), row(1, models.OnlyOurs, -88_00, 0, "suspense"),
		},
	}
	stated.Day.Rail, stated.Rows[4].RequestNo, stated.Rows[4].PaymentNo = models.RailBankTransfer, "suspense:17", ""
	for i := range stated.Rows {
		stated.Rows[i].Stated, stated.Rows[i].Repairable = true, false
	}
	stated.Pager = components.Pager{Shown: len(stated.Rows)}
	again := stated
	again.Unstated = false
	const path = "/admin/reconciliation"
	return []screen{
		{"admin-reconciliation", list.Title, admin.Reconciliation(list), func(c *layout.Chrome) {
			atPath(models.RoleFinance, path)(c)
			c.Flash = &layout.Flash{Key: "flash.reconcile_asked", Args: map[string]any{"Day": "2026-11-23"}}
		}},
		{"admin-reconciliation-refused", refused.Title, admin.Reconciliation(refused), atPath(models.RoleFinance, path)},
		{"admin-reconciliation-empty", empty.Title, admin.Reconciliation(empty), atPath(models.RoleSupport, path)},
		{"admin-differences", day.Title, admin.Differences(day), atPath(models.RoleFinance, path+"/202611231")},
		{"admin-differences-refused", short.Title, admin.Differences(short), atPath(models.RoleFinance, path+"/202611231")},
		{"admin-differences-worked", worked.Title, admin.Differences(worked), atPath(models.RoleSupport, path+"/202611231")},
		{"admin-differences-failed", failed.Title, admin.Differences(failed), atPath(models.RoleFinance, path+"/202611211")},
		{"admin-differences-running", running.Title, admin.Differences(running), atPath(models.RoleFinance, path+"/202611202")},
		{"admin-differences-waiting", waiting.Title, admin.Differences(waiting), atPath(models.RoleFinance, path+"/202611201")},
		{"admin-differences-stated", stated.Title, admin.Differences(stated), atPath(models.RoleFinance, path+"/202611204")},
		{"admin-differences-stated-again", again.Title, admin.Differences(again), atPath(models.RoleSupport, path+"/202611204")},
	}
}
