package views_test

import (
	"fmt"
	"slices"
	"time"

	"ztc-portal/gateways/unionpay"
	"ztc-portal/models"
	"ztc-portal/views"
	"ztc-portal/views/components"
	"ztc-portal/views/layout"
)

func rechargeScreens() []screen {
	page := views.RechargePage{
		CSRF: token, Now: now, State: models.AccountArrears, Arrears: 1_286_40, Cash: -1_286_40, DailyCost: 388_00, Minimum: 200_00,
		Form: views.RechargeForm{Amount: "1700", Method: string(models.RailAlipay)},
		Suggestions: []views.Suggestion{
			{Suggestion: models.Suggestion{Days: 1, Amount: 1_700_00, Basis: "days"}, CampaignsBack: 3, Forecast: lasts(1), Chosen: true},
			{Suggestion: models.Suggestion{Days: 7, Amount: 4_100_00, Basis: "days"}, CampaignsBack: 3, Forecast: lasts(7.2)},
			{Suggestion: models.Suggestion{Days: 30, Amount: 13_000_00, Basis: "days"}, CampaignsBack: 3, Forecast: lasts(30.1)},
		},
		Methods: []views.Method{{Method: models.NewMethod(models.RailAlipay, 200_00, 500_000_00), LastUsed: true}},
		Estimate: views.Estimate{
			Amount: 1_700_00, ArrearsBefore: 1_286_40, ArrearsCleared: 1_286_40, CashAfter: 413_60, SpendableAfter: 533_60,
			StateAfter: models.AccountActive, CampaignsByItself: 2, CampaignsByRestart: 1, CampaignsStay: 1, Forecast: lasts(1),
		},
	}
	short := page
	short.Form.Amount = "800"
	short.Suggestions = []views.Suggestion{page.Suggestions[1], page.Suggestions[2]}
	short.Estimate = views.Estimate{
		Amount: 800_00, ArrearsBefore: 1_286_40, ArrearsCleared: 800_00, ArrearsLeft: 486_40, CashAfter: -486_40,
		StateAfter: models.AccountArrears, CampaignsStay: 4, Forecast: noMoney,
	}
	short.Pending = &views.PendingPayment{No: no, Amount: 1_700_00, Rail: models.RailAlipay, ExpiresAt: now.Add(18 * time.Minute)}

	refused := page
	refused.Form = views.RechargeForm{Amount: "1e5", Errors: models.FieldErrors{
		{Field: "amount", Key: "error.amount.not_a_number"}, {Field: "method", Key: "error.method.empty"},
	}}
	refused.Methods = []views.Method{
		page.Methods[0],
		{Method: models.NewMethod(models.RailWechat, 200_00, 200_000_00)},
		{Method: models.NewMethod(models.RailUnionpay, 200_00, 500_000_00)},
		{Method: models.NewMethod(models.RailBankTransfer, 200_00, 500_000_00)},
	}
	refused.Estimate = views.Estimate{Problem: refused.Form.Errors.On("amount")}

	fresh := views.RechargePage{CSRF: token, Now: now, State: models.AccountActive, Minimum: 200_00, Suggestions: []views.Suggestion{
		{Suggestion: models.Suggestion{Days: 1, Amount: 200_00, Basis: "minimum"}, Forecast: noSpend}, {Suggestion: models.Suggestion{Days: 7, Amount: 200_00, Basis: "arrears"}, Forecast: noSpend},
	}, Methods: page.Methods}

	confirm := views.ConfirmPage{
		CSRF: token, Now: now, No: no, Amount: 1_700_00, Rail: models.RailAlipay, Payee: views.Payee{Account: "2088000000000001"}, Shop: shop, TTL: 30 * time.Minute,
		Before: views.Standing{State: models.AccountSuspended, Arrears: 1_286_40, Cash: -1_286_40, Forecast: noMoney},
		After:  views.Standing{State: models.AccountActive, Cash: 413_60, Spendable: 413_60, Forecast: lasts(1)},
		Campaigns: []models.Return{
			{CampaignID: 101, Name: "机械键盘-主推款", How: models.ReturnsByRestart},
			{CampaignID: 103, Name: "双十二预热-人体工学鼠标与超长名称测试计划", How: models.ReturnsByItself},
			{CampaignID: 104, Name: "显示器支架", How: models.KeepsServing},
		},
	}
	for i, why := range views.DeliveryStates[2:] {
		confirm.Campaigns = append(confirm.Campaigns, models.Return{CampaignID: int64(200 + i), Name: "旧款清仓", How: models.Stays, Why: why})
	}
	none := confirm
	none.Campaigns = nil
	banking := none
	banking.Rail, banking.Payee, banking.Choice = models.RailUnionpay, views.Payee{Account: "777290000000001"}, views.BankChoice{Banks: unionpay.Banks, Bank: "CMB", Corporate: true}
	bankRefused := banking
	bankRefused.Choice = views.BankChoice{Banks: unionpay.Banks, Error: &models.Error{Code: models.Invalid, Field: "bank", Key: "error.bank.unknown"}}
	transfer := none
	transfer.Rail, transfer.TTL = models.RailBankTransfer, 7*24*time.Hour
	transfer.Payee = views.Payee{Account: "622202000001234567812345678", Name: "示例网络科技（杭州）有限公司华东区数字营销分公司"}
	handover := views.HandoverPage{
		No: no, Rail: models.RailUnionpay, Amount: 1_600_00, Action: "https://gateway.bank.example/frontTransReq.do", Fields: map[string]string{"orderId": no, "txnAmt": "160000"},
	}
	return []screen{
		{"recharge", page.Title, views.Recharge(page), inArrears("/recharge")},
		{"recharge-short", short.Title, views.Recharge(short), inArrears("/recharge")},
		{"recharge-refused", refused.Title, views.Recharge(refused), suspended("/recharge")},
		{"recharge-fresh", fresh.Title, views.Recharge(fresh), on("/recharge")},
		{"confirm", confirm.Title, views.Confirm(confirm), suspended("/payments/" + no + "/confirm")},
		{"handover", handover.Title, views.Handover(handover), on("/payments/" + no + "/confirm")},
		{"confirm-bank", banking.Title, views.Confirm(banking), on("/payments/" + no + "/confirm")},
		{"confirm-transfer", transfer.Title, views.Confirm(transfer), on("/payments/" + no + "/confirm")},
		{"confirm-bank-refused", bankRefused.Title, views.Confirm(bankRefused), on("/payments/" + no + "/confirm")},
		{"confirm-none", none.Title, views.Confirm(none), on("/payments/" + no + "/confirm")},
	}
}

func paymentScreen(name string, p views.PaymentPage, chrome func(*layout.Chrome)) screen {
	return screen{"payment-" + name, p.Title, views.Payment(p), chrome}
}

func paymentScreens() []screen {
	place := "/payments/" + no
	pending := views.PaymentPage{
		CSRF: token, Now: now, No: no, State: models.PaymentPending, Amount: 1_700_00, Rail: models.RailAlipay, Shop: shop,
		CreatedAt: ago(13 * time.Minute), ExpiresAt: now.Add(17*time.Minute + 21*time.Second), HasQR: true, Poll: true,
	}
	checking := pending
	checking.Checking, checking.AskedAt, checking.HasQR, checking.Resumes = true, ago(20*time.Second), false, older
	for i, answer := range []string{"not_exist", "waiting", "paid", "closed", "unknown", "unavailable", "settled", "settled_late", "already_settled", "not_paid", "suspense", "unsettled", "ask_gateway", "refused"} {
		by := []string{"expiry", "poll", "return", "seller", "notify", "staff"}[i%6]
		checking.Findings = append(checking.Findings, models.Finding{AskedAt: ago(time.Duration(i) * time.Minute), AskedBy: by, Answer: answer})
	}
	draft := pending
	draft.State, draft.Poll = models.PaymentDraft, false

	paid := pending
	paid.State, paid.PaidAt, paid.SettledAt, paid.GatewayTradeNo = models.PaymentPaid, ago(90*time.Second), ago(88*time.Second), "2026112222001412345678901234"
	paid.ArrearsCleared, paid.CashAfter, paid.AccountState = 1_286_40, 413_60, models.AccountActive
	paid.Recovery = models.RecoverySteps{
		Paid: at(-90 * time.Second), Credited: at(-88 * time.Second), ArrearsCleared: at(-88 * time.Second), Restored: at(-88 * time.Second),
		HadArrears: true, WasSuspended: true, WaitingForRestart: 3, SharePercent: 100,
	}
	ramping := paid
	ramping.PaidLate = true
	ramping.Recovery.WaitingForRestart, ramping.Recovery.SharePercent = 0, 50
	ramping.Recovery.Restarted, ramping.Recovery.Serving = at(-12*time.Minute), at(-12*time.Minute)

	partly := paid
	partly.Amount, partly.ArrearsCleared, partly.ArrearsLeft, partly.CashAfter, partly.AccountState = 800_00, 800_00, 486_40, -486_40, models.AccountArrears
	partly.Recovery = models.RecoverySteps{Paid: at(-90 * time.Second), Credited: at(-88 * time.Second), HadArrears: true, SharePercent: 100}

	plain := paid
	plain.ArrearsCleared, plain.CashAfter = 0, 6_412_60
	plain.Recovery = models.RecoverySteps{Paid: at(-time.Hour), Credited: at(-time.Hour), Serving: at(-time.Hour), SharePercent: 100}

	expired := pending
	expired.State, expired.Poll, expired.ClosedAt, expired.AskedAt, expired.CampaignsStopped = models.PaymentExpired, false, ago(2*time.Minute), ago(2*time.Minute), 3
	cancelled := expired
	cancelled.State, cancelled.ResumedBy = models.PaymentCancelled, older
	failed := expired
	failed.State, failed.Suspense = models.PaymentFailed, 1_600_00
	refused := expired
	refused.State = models.PaymentFailed
	refunded := paid
	refunded.State, refunded.Refunded = models.PaymentPartiallyRefunded, 200_00
	return []screen{
		paymentScreen("draft", draft, on(place)), paymentScreen("pending", pending, inArrears(place)), paymentScreen("checking", checking, inArrears(place)),
		paymentScreen("paid", paid, on(place)), paymentScreen("ramping", ramping, on(place)), paymentScreen("partly", partly, inArrears(place)),
		paymentScreen("plain", plain, on(place)), paymentScreen("expired", expired, suspended(place)), paymentScreen("cancelled", cancelled, on(place)),
		paymentScreen("failed", failed, on(place)), paymentScreen("refused", refused, on(place)), paymentScreen("refunded", refunded, on(place)),
	}
}

func recordScreens() []screen {
	payments := views.PaymentsPage{Now: now, Pager: components.Pager{Shown: 8, OlderHref: "/payments?before=8"}}
	for i, state := range models.PaymentStates {
		payments.Rows = append(payments.Rows, views.PaymentRow{
			No: no, State: state, Amount: models.Fen(1_700_00 + i*1_234_56), Rail: models.RailAlipay,
			CreatedAt: ago(time.Duration(i*i) * time.Hour), ExpiresAt: now.Add(11 * time.Minute), PaidLate: state == models.PaymentPaid,
		})
	}
	none := views.PaymentsPage{Now: now}
	noMatch := views.PaymentsPage{Now: now, Filter: views.PaymentsFilter{
		State: "failed", Method: "wechat", From: "2026-11-32", To: "2026-11-22", Methods: []models.Rail{models.RailAlipay, models.RailWechat},
		Errors: models.FieldErrors{{Field: "from", Key: "error.day.malformed"}},
	}}
	ledger := views.LedgerPage{Now: now, Rows: ledgerRows(), Pager: components.Pager{Total: 10_000, TotalIsFloor: true, NewerHref: "/ledger?after=1", OlderHref: "/ledger?before=9"}}
	noRows := views.LedgerPage{Now: now}
	noneSuch := views.LedgerPage{Now: now, Filter: views.LedgerFilter{Kind: "refund"}}
	return []screen{
		{"payments", payments.Title, views.Payments(payments), on("/payments")},
		{"payments-empty", none.Title, views.Payments(none), on("/payments")},
		{"payments-no-match", noMatch.Title, views.Payments(noMatch), on("/payments?state=failed")},
		{"ledger", ledger.Title, views.Ledger(ledger), on("/ledger")},
		{"alerts", views.AlertsPage{}.Title, views.Alerts(alertsPage()), func(c *layout.Chrome) { c.Path, c.Unread = "/alerts", 2 }},
		{"alerts-empty", views.AlertsPage{}.Title, views.Alerts(views.AlertsPage{CSRF: token, AlertDesk: models.AlertDesk{Now: now}}), on("/alerts")},
		{"bonus", views.BonusPage{}.Title, views.Bonus(bonusPage()), on("/bonus")},
		{"bonus-empty", views.BonusPage{}.Title, views.Bonus(views.BonusPage{BonusDesk: models.BonusDesk{Now: now}}), on("/bonus")},
		{"ledger-empty", noRows.Title, views.Ledger(noRows), on("/ledger")},
		{"ledger-no-match", noneSuch.Title, views.Ledger(noneSuch), on("/ledger")},
	}
}

func alertsPage() views.AlertsPage {
	soon, ended := now.Add(9*time.Hour), ago(time.Hour)
	p := views.AlertsPage{CSRF: token, AlertDesk: models.AlertDesk{Now: now, Unread: 2, SendsMail: true, Mail: true}}
	for i, rung := range models.Rungs {
		p.List = append(p.List, models.AlertShown{Unread: i < 2, Alert: models.Alert{ID: int64(i), Rung: rung, At: ago(time.Duration(i*7) * time.Hour),
			AlertArgs: models.AlertArgs{SpendableFen: 312_40, ArrearsFen: 1_286_40, AmountFen: 500_00, At: &soon, PaymentNo: no}}})
	}
	p.Targets = []models.AlertTarget{
		{ID: 1, Channel: models.ChannelDingTalk, Name: "财务群", Host: "oapi.dingtalk.com", Audience: models.AudienceMoney, Signed: true},
		{ID: 2, Channel: models.ChannelWebhook, Name: "Operations", Host: "hooks.shop-with-a-rather-long-name.example.com", Audience: models.AudienceAll},
	}
	p.Deliveries = []models.AlertDelivered{
		{To: "财务群", Channel: models.ChannelDingTalk, State: models.DeliverySent, EndedAt: &ended}, {Rung: models.RungWeek, To: "zhang.made-up@shop.test", State: models.DeliverySent, EndedAt: &ended},
		{Rung: models.RungBelow, To: "Operations", Channel: models.ChannelWebhook, State: models.DeliveryFailed, Answer: "dial tcp: the address is not a public one", EndedAt: &ended},
		{Rung: models.RungToday, To: "财务群", Channel: models.ChannelDingTalk, State: models.DeliveryWaiting, DueAt: soon}, {Rung: models.RungTwoDays, To: "财务群", Channel: models.ChannelDingTalk, State: models.DeliveryMoot, EndedAt: &ended},
	}
	p.Target.Errors = models.FieldErrors{{Code: models.Invalid, Field: "address", Key: "error.alert.private_address"}}
	return p
}

func bonusPage() views.BonusPage {
	soon, later, gone := now.AddDate(0, 0, 3), now.AddDate(0, 0, 40), now.AddDate(0, 0, -2)
	return views.BonusPage{BonusDesk: models.BonusDesk{Now: now, Funds: models.Funds{Cash: 4_712_60, Bonus: 420_00}, Grants: []models.BonusGrant{
		{AmountFen: 200_00, LeftFen: 120_00, GrantedAt: ago(300 * time.Hour), ExpiresAt: &soon}, {AmountFen: 200_00, LeftFen: 200_00, GrantedAt: ago(50 * time.Hour), ExpiresAt: &later},
		{AmountFen: 100_00, LeftFen: 100_00, GrantedAt: ago(700 * time.Hour)}, {AmountFen: 88_00, ExpiredFen: 12_50, GrantedAt: ago(900 * time.Hour), ExpiresAt: &gone}, {AmountFen: 50_00, GrantedAt: ago(1000 * time.Hour)},
	}}}
}

// evenings is a schedule that delivers from 18:00 on.
func evenings() models.Schedule {
	factors := make([]int, models.WeekSlots)
	for i := range factors {
		if i%models.DaySlots >= 36 {
			factors[i] = 100
		}
	}
	return models.NewSchedule(factors)
}

func campaignScreens() []screen {
	list := views.CampaignsPage{CSRF: token, Now: now, All: 8, Waiting: 3, Pager: components.Pager{Total: 8}}
	for i, state := range views.DeliveryStates {
		row := views.CampaignRow{CampaignRef: campaigns()[i%5], State: state, SharePercent: 50, Budget: models.Fen(300_00 + i*50_00), SpentToday: models.Fen(i * 21_17)}
		if i > 1 {
			row.StoppedAt = ago(time.Duration(i) * 9 * time.Hour)
			row.Stops = []components.Stop{{Cause: state, Since: row.StoppedAt, Lift: models.LiftRecharge, Campaigns: []components.CampaignRef{row.CampaignRef}}}
		}
		if state == models.DeliveryServing {
			row.Schedule = evenings()
		}
		row.ID = int64(101 + i)
		row.Version, row.Measures, row.Ended = 1, did(int64(i)), state == models.DeliveryEnded
		for d := range models.TrendDays {
			row.Costs = append(row.Costs, models.Fen((d*i*37)%100*100))
		}
		list.Rows = append(list.Rows, row)
	}
	none, noMatch := views.CampaignsPage{Now: now}, views.CampaignsPage{Now: now, All: 8, Filter: views.CampaignFilter{State: "frozen"}}
	refusedList := list
	refusedList.Rows = slices.Clone(list.Rows)
	refusedList.Rows[1].Ticked = true
	refusedList.Bulk = views.BulkForm{Percent: "-80", Errors: models.FieldErrors{{Code: models.Invalid, Field: fmt.Sprint("budget.", list.Rows[1].ID), Key: "error.budget.under_spent", Args: map[string]any{"Spent": models.Fen(21_17)}}}}
	week := views.SchedulePage{CSRF: token, Now: now, ID: 101, Version: 3, Name: "机械键盘-主推款", Schedule: "0*18,100*8,130*6,100*12,0*4,0*18,100*26,0*4,50*18,100*8,130*6,100*12,70*4,100*144,0*14,150*34"}
	always, refusedWeek := week, week
	always.Schedule, always.Ended = "", true
	refusedWeek.Form = views.ScheduleForm{Act: "set", Input: models.ScheduleInput{From: "09:00", To: "09:00", Factor: "20"}, Errors: models.FieldErrors{
		{Code: models.Invalid, Field: "days", Key: "error.schedule.days"}, {Code: models.Invalid, Field: "to", Key: "error.schedule.times"},
		{Code: models.Invalid, Field: "factor", Key: "error.schedule.factor", Args: map[string]any{"Min": 30, "Max": 250}}, {Code: models.Conflict, Field: "schedule", Key: "error.schedule.stale"},
	}}
	one := views.CampaignPage{
		CSRF: token, Now: now, ID: 101, Name: "机械键盘-主推款", State: models.DeliveryRecovering, SharePercent: 25, SwitchedOn: true,
		SpentToday: 214_35, Budget: 400_00, BudgetForm: views.BudgetForm{Budget: "400"},
		Version: 3, From: ago(7 * 24 * time.Hour), Last: ago(24 * time.Hour), Filter: views.KeywordFilter{Period: "7d", Sort: "cost"}, All: 3,
		Total: did(3),
		Keywords: []views.KeywordRow{
			{ID: 1, Version: 2, Word: "机械键盘 静音", Quality: 8, Bid: 1_25, Match: models.MatchBroad, Measures: did(3)},
			{ID: 2, Version: 1, Word: "机械键盘 茶轴 87键", Quality: 6, Bid: 98, Match: models.MatchPhrase, Ticked: true, Measures: did(1)},
			{ID: 3, Version: 1, Word: "办公键盘", Bid: 2_00, Match: models.MatchExact, Off: true},
		},
		Undo: views.UndoBar{CSRF: token, ID: 7, Kind: models.EditBid, Rows: 1, First: "机械键盘 静音", Until: now.Add(29 * time.Minute), Fresh: true, Back: "/campaigns/101",
			Items: []views.EditLine{{Field: "bid_fen", Before: "1.10", After: "1.25"}}},
	}
	stopped := one
	stopped.State, stopped.SwitchedOn, stopped.Name = models.DeliveryPausedArrears, false, "双十二预热-人体工学鼠标与超长名称测试计划"
	stopped.Stops = []components.Stop{
		{Cause: models.DeliveryPausedArrears, Lift: models.LiftRestart, Since: ago(26 * time.Hour), PayFirst: true},
		{Cause: models.DeliveryPaused, Lift: models.LiftSwitch, Since: ago(20 * time.Hour)},
		{Cause: models.DeliveryBudgetReached, Lift: models.LiftBudget, Since: ago(27 * time.Hour)},
	}
	stopped.BudgetForm = views.BudgetForm{Budget: "10", Errors: models.FieldErrors{{Field: "budget", Key: "error.budget.too_small", Args: map[string]any{"Min": models.Fen(30_00)}}}}
	stopped.BidForm = views.BidForm{KeywordID: 2, Bid: "0.01", Errors: models.FieldErrors{{Field: "bid", Key: "error.bid.too_small", Args: map[string]any{"Min": models.Fen(5)}}}}
	stopped.Filter = views.KeywordFilter{Period: "own", From: "2026-11-20", To: "2026-11-10", Match: "exact", Errors: models.FieldErrors{{Field: "to", Key: "error.day.order"}}}
	stopped.Bulk = views.BulkForm{Percent: "900", Errors: models.FieldErrors{
		{Field: "row", Key: "error.edit.none"}, {Field: "bid", Key: "error.percent.limits", Args: map[string]any{"Min": -90, "Max": 500}},
	}}
	stopped.Add = views.AddForm{Phrases: "\n", Bid: "0", Errors: models.FieldErrors{{Field: "phrases", Key: "error.phrase.empty"}, {Field: "bid", Key: "error.bid.too_small", Args: map[string]any{"Min": models.Fen(5)}}}}
	stopped.Undo = views.UndoBar{}
	bulk := views.BulkPreview{
		CSRF: token, Name: "Change bids", Lead: "Nothing is changed yet.", Action: "/campaigns/101/keywords/bulk", Back: "/campaigns/101", Act: "bid", Same: 1,
		Lines: []views.EditLine{{"机械键盘 静音", "bid_fen", "1.25", "1.38"}, {"机械键盘 茶轴 87键", "bid_fen", "0.98", "1.08"}},
	}
	remove, nothing := bulk, bulk
	remove.Danger, remove.Act, remove.Same, nothing.Lines = true, "remove", 0, nil
	ended := one
	ended.Undo, ended.All, ended.State, ended.Ended, ended.Keywords = views.UndoBar{}, 0, models.DeliveryEnded, true, nil
	ended.Stops = []components.Stop{{Cause: models.DeliveryEnded, Lift: models.LiftNobody, Since: ago(900 * time.Hour)}}
	return append(restartScreens(),
		screen{"campaigns", list.Title, views.Campaigns(list), on("/campaigns")},
		screen{"schedule", week.Title, views.Schedule(week), on("/campaigns")},
		screen{"schedule-always", always.Title, views.Schedule(always), on("/campaigns")},
		screen{"schedule-refused", refusedWeek.Title, views.Schedule(refusedWeek), on("/campaigns")},
		screen{"campaigns-refused", refusedList.Title, views.Campaigns(refusedList), on("/campaigns")},
		screen{"campaigns-empty", none.Title, views.Campaigns(none), on("/campaigns")},
		screen{"campaigns-no-match", noMatch.Title, views.Campaigns(noMatch), on("/campaigns?state=frozen")},
		screen{"campaign", one.Title, views.Campaign(one), on("/campaigns/101")},
		screen{"campaign-stopped", stopped.Title, views.Campaign(stopped), suspended("/campaigns/103")},
		screen{"campaign-preview", bulk.Title, views.Preview(bulk), on("/campaigns/101")},
		screen{"campaign-remove", remove.Title, views.Preview(remove), on("/campaigns/101")},
		screen{"campaign-preview-none", nothing.Title, views.Preview(nothing), on("/campaigns/101")},
		screen{"campaign-ended", ended.Title, views.Campaign(ended), on("/campaigns/101")},
	)
}

// did are the figures of some days; 0: nothing yet.
func did(n int64) models.Measures {
	return models.Measures{Impressions: 12_345 * n, Clicks: 321 * n, ResultClicks: 322 * n, CostFen: models.Fen(386_40 * n), Orders: 9 * n, OrderAmountFen: models.Fen(1_204_50 * n)}
}

func restartScreens() []screen {
	page := views.RestartPage{CSRF: token, Now: now, State: models.AccountActive, Spendable: 413_60, Rank: "roi", Cut: 2, Short: true, SoftCap: 15, SoftStop: 150}
	sum := models.Fen(0)
	for i, c := range campaigns() {
		row := views.RestartRow{CampaignRef: c, StoppedAt: ago(26 * time.Hour), Budget: models.Fen(100_00 + i*50_00), DailyCost: models.Fen(90_00 + i*31_40), Before: did(int64(i))}
		if i > 2 {
			row.Refusal = []string{models.RefusedPaused, models.RefusedEnded}[i-3]
		} else {
			sum += row.Budget
			row.Place, row.Ticked, row.UpTo = i+1, i < 2, sum
			row.Runway = models.Runway{Known: true, Days: []float64{4.1, 1.6, 0.9}[i], Until: now}
		}
		if i == 1 {
			row.Edits = []models.StopEdit{
				{Field: "daily_budget_fen", Before: "300.00", After: "320.00"}, {Field: "schedule", After: "150*336"}, {Phrase: "机械键盘 静音", Field: "bid_fen", Before: "1.00", After: "1.50"},
				{Phrase: "机械键盘 静音", Field: "match_type", Before: "broad", After: "exact"}, {Phrase: "机械键盘 静音", Field: "switched_on", Before: "on", After: "off"},
				{Phrase: "机械键盘 静音", Field: "added", After: "0.80"}, {Phrase: "机械键盘 静音", Field: "removed", Before: "3.00"},
			}
		}
		page.Rows = append(page.Rows, row)
	}
	page.Check = views.RestartCheck{Chosen: 2, BudgetSum: 250_00, Runway: models.Runway{Known: true, Days: 1.6, Until: now.Add(38 * time.Hour)}}
	own := page
	own.Rank, own.Short = "own", false
	owing := page
	owing.State, owing.Arrears = models.AccountSuspended, 1_286_40
	frozen := page
	frozen.State = models.AccountFrozen
	unticked := page
	unticked.Errors = models.FieldErrors{{Field: "campaign_id", Key: "error.restart.none"}}
	unticked.Check = views.RestartCheck{}

	done := views.RestartPage{CSRF: token, Now: now, State: models.AccountActive, Spendable: 413_60, Result: &views.RestartResult{At: ago(2 * time.Minute), UndoUntil: now.Add(28 * time.Minute)}}
	done.Result.Rows = []views.RestartResultRow{
		{CampaignRef: campaigns()[0], Cap: 60_00, SoftUntil: now.Add(58 * time.Minute)}, {CampaignRef: campaigns()[1], Cap: 60_00, Halted: models.HaltPPC},
	}
	for _, reason := range models.RefusedReasons {
		done.Result.Rows = append(done.Result.Rows, views.RestartResultRow{CampaignRef: campaigns()[2], Refusal: reason})
	}
	undone := page
	undone.Result = &views.RestartResult{At: ago(time.Hour), Undone: true, Rows: done.Result.Rows[:2]}
	none := views.RestartPage{CSRF: token, Now: now, State: models.AccountActive}
	place := "/campaigns/restart"
	return []screen{
		{"restart", page.Title, views.Restart(page), on(place)},
		{"restart-own", own.Title, views.Restart(own), on(place)},
		{"restart-owing", owing.Title, views.Restart(owing), suspended(place)},
		{"restart-frozen", frozen.Title, views.Restart(frozen), func(c *layout.Chrome) { c.Path, c.State = place, models.AccountFrozen }},
		{"restart-unticked", unticked.Title, views.Restart(unticked), on(place)},
		{"restart-done", done.Title, views.Restart(done), on(place)},
		{"restart-undone", undone.Title, views.Restart(undone), on(place)},
		{"restart-empty", none.Title, views.Restart(none), on(place)},
	}
}
