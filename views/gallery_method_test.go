package views_test

import (
	"time"

	"ztc-portal/models"
	"ztc-portal/views"
	"ztc-portal/views/admin"
	"ztc-portal/views/layout"
)

// someMethods are all of them: one fails, one is switched off.
func someMethods() []models.Method {
	alipay := models.NewMethod(models.RailAlipay, 200_00, 500_000_00)
	alipay.TryAgainAt = now.Add(4*time.Minute + 20*time.Second)
	unionpay := models.NewMethod(models.RailUnionpay, 200_00, 500_000_00)
	unionpay.Off = true
	return []models.Method{
		alipay, models.NewMethod(models.RailWechat, 200_00, 50_000_00), unionpay, models.NewMethod(models.RailBankTransfer, 1_000_00, 5_000_000_00),
	}
}

// methodRows are the same as staff see them.
func methodRows() []admin.MethodRow {
	methods := someMethods()
	return []admin.MethodRow{
		{Method: methods[0], FailingSince: ago(11 * time.Minute)},
		{Method: methods[1]},
		{Method: methods[2], SwitchedAt: ago(26 * time.Hour), SwitchedBy: "support@demo.test", Reason: "人工核查"},
		{Method: methods[3], SwitchedAt: ago(90 * 24 * time.Hour), Reason: "人工核查"},
	}
}

func methodScreens() []screen {
	recharge := views.RechargePage{
		CSRF: token, Now: now, State: models.AccountActive, Minimum: 200_00,
		Form: views.RechargeForm{Amount: "1700", Method: string(models.RailWechat)},
		Suggestions: []views.Suggestion{
			{Suggestion: models.Suggestion{Days: 1, Amount: 200_00, Basis: "minimum"}, Forecast: noSpend}, {Suggestion: models.Suggestion{Days: 7, Amount: 1_700_00, Basis: "days"}, Forecast: lasts(4), Chosen: true},
		},
		Closed: someMethods()[0].Refusal(), Proposed: models.RailWechat,
		Estimate: views.Estimate{Amount: 1_700_00, CashAfter: 1_700_00, SpendableAfter: 1_700_00, StateAfter: models.AccountActive, Forecast: lasts(4)},
	}
	for i, m := range someMethods() {
		recharge.Methods = append(recharge.Methods, views.Method{Method: m, LastUsed: i == 0})
	}
	none := recharge
	none.Form, none.Proposed, none.Methods = views.RechargeForm{Amount: "1700", Errors: models.FieldErrors{someMethods()[2].Refusal()}}, "", nil
	for _, m := range someMethods() {
		m.Off = true
		none.Methods = append(none.Methods, views.Method{Method: m})
	}
	tooLarge := recharge
	tooLarge.Closed, tooLarge.Proposed = nil, ""
	tooLarge.Form = views.RechargeForm{Amount: "60000", Method: string(models.RailWechat), Errors: models.FieldErrors{{
		Field: "amount", Key: "error.amount.too_large_for",
		Args: map[string]any{"Method": models.RailWechat, "Max": models.Fen(50_000_00), "Other": models.RailBankTransfer, "OtherMax": models.Fen(5_000_000_00)},
	}}}
	tooLarge.Estimate = views.Estimate{Problem: tooLarge.Form.Errors[0]}

	open := recharge
	open.Closed, open.Proposed, open.Methods = nil, "", nil
	for _, m := range someMethods() {
		m.Off, m.TryAgainAt = false, time.Time{}
		if m.Rail == models.RailUnionpay {
			m.Max, m.PersonalMax = 5_000_000_00, 500_000_00
		}
		open.Methods = append(open.Methods, views.Method{Method: m, LastUsed: m.Rail == models.RailWechat})
	}
	open.Pending = &views.PendingPayment{No: older, Amount: 700_00, Rail: models.RailAlipay, ExpiresAt: now.Add(18 * time.Minute), Gone: true}

	ways := views.OtherWays{No: no, Amount: 700_00, Closed: someMethods()[0].Refusal(), Methods: someMethods()[1:]}
	confirm := views.ConfirmPage{
		CSRF: token, Now: now, No: no, Amount: 700_00, Rail: models.RailAlipay, Payee: views.Payee{Account: "2088000000000001"}, Shop: shop, TTL: 30 * time.Minute,
		Before: views.Standing{State: models.AccountActive, Forecast: noMoney}, After: views.Standing{State: models.AccountActive, Cash: 700_00, Spendable: 700_00, Forecast: lasts(2)},
		Other: ways, Problem: ways.Closed,
		Pending: &views.PendingPayment{No: older, Amount: 700_00, Rail: models.RailWechat, ExpiresAt: now.Add(18 * time.Minute)},
	}
	payment := views.PaymentPage{
		CSRF: token, Now: now, No: no, State: models.PaymentPending, Amount: 700_00, Rail: models.RailAlipay, Shop: shop,
		CreatedAt: ago(3 * time.Minute), ExpiresAt: now.Add(27 * time.Minute), Poll: true, Other: ways,
	}
	list := admin.MethodsPage{Now: now, CanSwitch: true, Rows: methodRows()}
	reader := list
	reader.CanSwitch = false
	off := admin.SwitchPage{
		CSRF: token, Now: now, Row: methodRows()[0], Reason: "no",
		Errors: models.FieldErrors{{Field: "reason", Key: "error.reason.too_short", Args: map[string]any{"Min": 5}}},
	}
	back := admin.SwitchPage{CSRF: token, Now: now, Row: methodRows()[2]}
	return append(wechatScreens(confirm, payment), []screen{
		{"recharge-methods", open.Title, views.Recharge(open), on("/recharge")},
		{"recharge-failing", recharge.Title, views.Recharge(recharge), on("/recharge")},
		{"recharge-no-method", none.Title, views.Recharge(none), on("/recharge")},
		{"recharge-over-limit", tooLarge.Title, views.Recharge(tooLarge), on("/recharge")},
		{"confirm-failing", confirm.Title, views.Confirm(confirm), on("/payments/" + no + "/confirm")},
		paymentScreen("failing", payment, on("/payments/"+no)),
		{"staff-methods", list.Title, admin.MethodList(list), atMethods(models.RoleSupport)},
		{"staff-methods-reader", reader.Title, admin.MethodList(reader), atMethods(models.RoleFinance)},
		{"staff-method-off", off.Title, admin.Switch(off), atMethods(models.RoleSupport)},
		{"staff-method-on", back.Title, admin.Switch(back), atMethods(models.RoleAdmin)},
	}...)
}

// wechatScreens are WeChat Pay where it can't be paid: in the app's own browser,
// on another device, and when it is not set up any more.
func wechatScreens(confirm views.ConfirmPage, payment views.PaymentPage) []screen {
	inWechat := confirm
	inWechat.Rail, inWechat.Payee, inWechat.InWechat, inWechat.Problem, inWechat.Pending = models.RailWechat, views.Payee{Account: "1900000109"}, true, nil, nil
	inWechat.Other = views.OtherWays{No: no, Amount: 700_00, Methods: someMethods()[2:]}
	wechat := payment
	wechat.Rail, wechat.Other = models.RailWechat, inWechat.Other
	scan, elsewhere, moved, gone := wechat, wechat, wechat, wechat
	scan.HasQR, scan.ScanOnly, scan.InWechat = true, true, true
	elsewhere.OpenedFor = models.DevicePhone
	moved.OpenedFor, moved.InWechat, moved.Checking = models.DevicePhone, true, true
	gone.Other.Gone, gone.Other.Closed = true, models.MethodGone(models.RailWechat)
	over := gone
	over.ExpiresAt = ago(time.Hour)
	return []screen{
		{"confirm-in-wechat", inWechat.Title, views.Confirm(inWechat), on("/payments/" + no + "/confirm")},
		paymentScreen("in-wechat", scan, on("/payments/"+no)),
		paymentScreen("elsewhere", elsewhere, on("/payments/"+no)),
		paymentScreen("elsewhere-in-wechat", moved, on("/payments/"+no)),
		paymentScreen("gone", gone, on("/payments/"+no)),
		paymentScreen("gone-over", over, on("/payments/"+no)),
	}
}

func atMethods(role models.Role) func(*layout.Chrome) {
	return func(c *layout.Chrome) {
		atDesk(role)(c)
		c.Path = "/admin/methods"
	}
}
