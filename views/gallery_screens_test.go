package views_test

import (
	"context"
	"time"

	"ztc-portal/handlers/api"
	"ztc-portal/models"
	"ztc-portal/views"
	"ztc-portal/views/components"
	"ztc-portal/views/layout"
	"ztc-portal/views/text"
)

// now is the instant at which the canned pages are drawn: 11-22 14:05 in Shanghai.
var now = time.Date(2026, 11, 22, 6, 5, 0, 0, time.UTC)

// sellersWords are names that a seller gave, which no catalogue translates.
var sellersWords = []string{
	"秋叶原数码旗舰店", "机械键盘-主推款", "蓝牙耳机-拉新", "双十二预热-人体工学鼠标与超长名称测试计划", "显示器支架", "旧款清仓",
	"机械键盘 静音", "机械键盘 茶轴 87键", "办公键盘", "杭州直通车信息技术有限公司", "人工核查",
}

const (
	shop  = "秋叶原数码旗舰店"
	token = "csrf-token"
	no    = "R2611224KQ8ZP0T3M9XWB"
	older = "R261122A7M2V4C8D0NEFG"
)

func usualChrome() layout.Chrome {
	return layout.Chrome{
		Path: "/account", CSRF: token, RequestID: "01JD8Q4ZV0", Demo: true, Now: now, SignedIn: true,
		Shop: shop, Email: "active@demo.test", State: models.AccountActive, Spendable: 4_832_60,
	}
}

func ago(d time.Duration) time.Time { return now.Add(-d) }
func at(d time.Duration) *time.Time { t := now.Add(d); return &t }

func lasts(days float64) models.Forecast {
	span := time.Duration(days * 24 * float64(time.Hour))
	return models.Forecast{OK: true, At: now.Add(span), Low: now.Add(span * 9 / 10), High: now.Add(span * 6 / 5)}
}

var noMoney, noSpend = models.Forecast{Why: models.GapNoMoney}, models.Forecast{Why: models.GapNoSpend}

func on(path string) func(*layout.Chrome) {
	return func(c *layout.Chrome) { c.Path = path }
}

// inArrears is the frame of a seller in arrears, with the banner.
func inArrears(path string) func(*layout.Chrome) {
	return func(c *layout.Chrome) {
		c.Path, c.State, c.Spendable, c.Email = path, models.AccountArrears, 0, "arrears@demo.test"
		c.Banner = layout.BannerOf(models.Shell{State: c.State, Arrears: 1_286_40, Since: at(-3 * time.Hour)})
	}
}

func suspended(path string) func(*layout.Chrome) {
	return func(c *layout.Chrome) {
		inArrears(path)(c)
		c.State, c.Email = models.AccountSuspended, "overdue@demo.test"
		c.Banner = layout.BannerOf(models.Shell{State: c.State, Arrears: 1_286_40, Since: at(-50 * time.Hour)})
	}
}

func screens() []screen {
	all := []screen{
		{"login", views.LoginPage{}.Title, views.Login(views.LoginPage{CSRF: token, Demo: true}), signedOut},
		{"login-refused", views.LoginPage{}.Title, views.Login(views.LoginPage{CSRF: token, Email: "seller@shop.example", Errors: models.FieldErrors{
			{Key: "error.sign_in.wrong"}, {Field: "password", Key: "error.password.empty"},
		}}), signedOut},
	}
	all = append(all, accountScreens()...)
	all = append(all, rechargeScreens()...)
	all = append(all, methodScreens()...)
	all = append(all, paymentScreens()...)
	all = append(all, recordScreens()...)
	all = append(all, campaignScreens()...)
	all = append(all, reportScreens()...)
	all = append(all, adviceScreens()...)
	all = append(all, adminScreens()...)
	all = append(all, auditScreens()...)
	all = append(all, staffPaymentScreens()...)
	all = append(all, staffPaymentPages()...)
	all = append(all, approvalScreens()...)
	all = append(all, statementScreens()...)
	all = append(all, deskScreens()...)
	all = append(all, signInScreens()...)
	all = append(all, peopleScreens()...)
	all = append(all, docsScreens()...)
	return append(all, errorScreens()...)
}

// docsScreens are the API's contract, for whoever is signed in and for others.
func docsScreens() []screen {
	page, err := api.Docs()
	if err != nil {
		panic(err) // the contract is in the binary
	}
	return []screen{
		{"docs", page.Title, views.Docs(page), on("/api/docs")},
		{"docs-signed-out", page.Title, views.Docs(page), func(c *layout.Chrome) { signedOut(c); c.Path = "/api/docs" }},
	}
}

func signedOut(c *layout.Chrome) {
	*c = layout.Chrome{Path: "/login", CSRF: token, Demo: true, Now: now, Theme: c.Theme}
}

func errorScreens() []screen {
	var all []screen
	for status, name := range map[int]string{403: "error-403", 404: "error-404", 405: "error-405", 409: "error-409", 422: "error-422", 429: "error-429", 500: "error-500", 503: "error-503"} {
		page := views.ErrorPage{Status: status, RequestID: "01JD8Q4ZV0", SignedIn: true, MoneySafe: status < 500}
		if status == 409 {
			page.Line = text.Line{Key: "error.payment.ended", Args: map[string]any{"No": no}}
		}
		all = append(all, screen{name, page.Title, views.Error(page), on("/nowhere")})
	}
	signIn := views.ErrorPage{Status: 404, RequestID: "01JD8Q4ZV0", MoneySafe: true}
	return append(all, screen{"error-signed-out", signIn.Title, views.Error(signIn), signedOut})
}

func accountScreen(name string, p views.AccountPage, chrome func(*layout.Chrome)) screen {
	return screen{name, func(ctx context.Context) string { return p.Title(ctx) }, views.Account(p), chrome}
}

func accountScreens() []screen {
	fine := views.AccountPage{
		CSRF: token, Now: now, State: models.AccountActive, Spendable: 4_832_60, Cash: 4_712_60, Bonus: 120_00, BonusExpiresAt: now.AddDate(0, 0, 9), BonusExpires: 80_00,
		Forecast: lasts(12.4), DailyCost: 388_00, SpentToday: 214_35, SpentYesterdaySameHour: 198_10, CampaignsTotal: 5, CampaignsServing: 4,
		SuggestedAmount: 400_00, Timeline: timeline(), Ledger: ledgerRows()[:5], Days: lastDays(4_832_60, 214_35),
		Stops: []components.Stop{
			{Cause: models.DeliveryBudgetReached, Lift: models.LiftBudget, Since: ago(40 * time.Minute), Campaigns: campaigns()[:1]},
			{Cause: models.DeliveryPaused, Lift: models.LiftSwitch, Since: ago(200 * time.Hour), Campaigns: campaigns()[4:5]},
		},
	}
	spent := fine
	spent.Spendable, spent.Cash, spent.Bonus, spent.BonusExpiresAt, spent.Forecast = 0, 0, 0, time.Time{}, noMoney
	spent.CampaignsServing, spent.Stops = 0, []components.Stop{{Cause: models.DeliveryOutOfFunds, Lift: models.LiftRecharge, Since: ago(3 * time.Hour), Campaigns: campaigns()[:4]}}
	fine.Timeline = fine.Timeline[:6]
	arrears := fine
	arrears.State, arrears.Arrears, arrears.Cash, arrears.Spendable, arrears.Forecast = models.AccountArrears, 1_286_40, -1_286_40, 0, noMoney
	arrears.ArrearsSince, arrears.StopsAt, arrears.SuggestedAmount, arrears.CampaignsServing = ago(3*time.Hour), now.Add(21*time.Hour-43*time.Second), 1_700_00, 0
	arrears.Days = lastDays(-1_286_40, 0)
	arrears.Pending = &views.PendingPayment{No: no, Amount: 1_700_00, Rail: models.RailAlipay, ExpiresAt: now.Add(18*time.Minute + 7*time.Second)}
	arrears.Stops = []components.Stop{{Cause: models.DeliveryOutOfFunds, Lift: models.LiftRecharge, Since: ago(3 * time.Hour), Campaigns: campaigns()}}

	stopped := arrears
	stopped.State, stopped.SuspendedAt, stopped.CampaignsStopped, stopped.Pending = models.AccountSuspended, ago(26*time.Hour), 3, nil
	stopped.Stops = []components.Stop{
		{Cause: models.DeliveryPausedArrears, Lift: models.LiftRestart, Since: ago(26 * time.Hour), Campaigns: campaigns()[:3], PayFirst: true},
		{Cause: models.DeliveryPaused, Lift: models.LiftSwitch, Since: ago(200 * time.Hour), Campaigns: campaigns()[4:5]},
	}
	waiting := fine
	waiting.CampaignsWaiting, waiting.CampaignsServing = 3, 0
	waiting.Stops = []components.Stop{{Cause: models.DeliveryPausedArrears, Lift: models.LiftRestart, Since: ago(26 * time.Hour), Campaigns: campaigns()[:3]}}

	frozen := fine
	frozen.State, frozen.FrozenAt, frozen.CampaignsServing = models.AccountFrozen, ago(5*time.Hour), 0
	frozen.Stops = []components.Stop{{Cause: models.DeliveryFrozen, Lift: models.LiftStaff, Since: ago(5 * time.Hour), Campaigns: campaigns()}}

	empty := views.AccountPage{CSRF: token, Now: now, State: models.AccountActive, CampaignsTotal: 0, Forecast: noMoney}
	low := fine
	low.Spendable, low.Forecast, low.Stops = 620_00, lasts(0.3), nil

	return []screen{
		accountScreen("account", fine, nil),
		accountScreen("account-low", low, nil),
		accountScreen("account-spent", spent, func(c *layout.Chrome) { c.Spendable = 0 }),
		accountScreen("account-fresh", empty, func(c *layout.Chrome) { c.Spendable = 0 }),
		accountScreen("account-arrears", arrears, inArrears("/account")),
		accountScreen("account-suspended", stopped, suspended("/account")),
		accountScreen("account-waiting", waiting, func(c *layout.Chrome) {
			c.Flash = &layout.Flash{Key: "flash.payment_cancelled"}
			c.Banner = layout.BannerOf(models.Shell{State: c.State, Spendable: c.Spendable, Waiting: 3})
		}),
		accountScreen("account-frozen", frozen, func(c *layout.Chrome) {
			c.State = models.AccountFrozen
			c.Banner = layout.BannerOf(models.Shell{State: c.State, Since: at(-5 * time.Hour)})
		}),
	}
}

// lastDays are 14 that end with a balance, the last with what it has cost so far:
// a recharge on the fourth and the ninth, a stop from the seventh into the ninth.
func lastDays(closing, today models.Fen) []models.OverviewDay {
	days := make([]models.OverviewDay, 14)
	for i := len(days) - 1; i >= 0; i-- {
		d := &days[i]
		d.From = time.Date(2026, 11, 22, 0, 0, 0, 0, models.Shanghai).AddDate(0, 0, i-13)
		d.Until = d.From.AddDate(0, 0, 1)
		d.ClosingFen, d.CostFen = closing, models.Fen(300_00+(i*7%5)*40_00)
		switch i {
		case 3:
			d.RechargeFen, d.Recharges = 2_000_00, 1
		case 6:
			d.Stopped = 9 * time.Hour
		case 7:
			d.CostFen, d.Stopped = 0, 24*time.Hour
		case 8:
			d.RechargeFen, d.Recharges, d.Stopped = 3_000_00, 2, 10*time.Hour
		case 13:
			d.CostFen = today
		}
		closing += d.CostFen - d.RechargeFen
	}
	return days
}

func campaigns() []components.CampaignRef {
	return []components.CampaignRef{
		{ID: 101, Name: "机械键盘-主推款"}, {ID: 102, Name: "蓝牙耳机-拉新"}, {ID: 103, Name: "双十二预热-人体工学鼠标与超长名称测试计划"},
		{ID: 104, Name: "显示器支架"}, {ID: 105, Name: "旧款清仓"},
	}
}

// timeline holds every kind of event, so that each is seen in words.
func timeline() []models.Event {
	var events []models.Event
	for i, kind := range models.EventKinds {
		e := models.Event{At: ago(time.Duration(i*i+1) * 17 * time.Minute), Kind: kind}
		e.AmountFen, e.Count, e.Reason, e.Until = models.Fen(286_40+i*100_00), i%3+1, "人工核查", at(20*time.Hour)
		if i < 6 {
			e.PaymentNo = no
		}
		events = append(events, e)
	}
	return events
}

func ledgerRows() []views.LedgerRow {
	return []views.LedgerRow{
		{At: ago(4 * time.Minute), Kind: "recharge", Purse: "cash", Ref: no, RefHref: "/payments/" + no, Amount: 1_700_00, Balance: 413_60, Cleared: 1_286_40},
		{At: ago(3 * time.Hour), Kind: "charge", Purse: "cash", Ref: "机械键盘-主推款", RefHref: "/campaigns/101", Amount: -42_35, Balance: -1_286_40},
		{At: ago(4 * time.Hour), Kind: "charge", Purse: "bonus", Ref: "蓝牙耳机-拉新", RefHref: "/campaigns/102", Amount: -18_00, Balance: 0},
		{At: ago(30 * time.Hour), Kind: "bonus_grant", Purse: "bonus", Amount: 120_00, Balance: 120_00},
		{At: ago(50 * time.Hour), Kind: "refund", Purse: "cash", Ref: older, RefHref: "/payments/" + older, Amount: -200_00, Balance: 1_044_05},
		{At: ago(52 * time.Hour), Kind: "adjustment", Purse: "cash", Amount: 10_00, Balance: 1_244_05},
		{At: ago(53 * time.Hour), Kind: "reversal", Purse: "cash", Amount: -10_00, Balance: 1_234_05},
		{At: ago(99 * time.Hour), Kind: "bonus_expiry", Purse: "bonus", Amount: -30_00, Balance: 0},
	}
}
