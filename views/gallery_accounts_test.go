package views_test

import (
	"strings"
	"time"

	"ztc-portal/models"
	"ztc-portal/views"
	"ztc-portal/views/admin"
	"ztc-portal/views/components"
	"ztc-portal/views/layout"
)

func atDeskOn(role models.Role, path string) func(*layout.Chrome) {
	return func(c *layout.Chrome) {
		atDesk(role)(c)
		c.Path = path
	}
}

// foundAccounts are accounts in every state; the last has the longest names.
func foundAccounts() []models.FoundAccount {
	return []models.FoundAccount{
		{AccountID: 41, ShopName: shop, Email: "active@demo.test", State: models.AccountActive, Cash: 4_712_60, Bonus: 120_00, CreatedAt: ago(900 * time.Hour)},
		{AccountID: 40, ShopName: shop, Email: "arrears@demo.test", State: models.AccountArrears, Cash: -1_286_40, Since: at(-3 * time.Hour), CreatedAt: ago(2000 * time.Hour)},
		{AccountID: 39, ShopName: shop, Email: "overdue@demo.test", State: models.AccountSuspended, Cash: -1_286_40, Since: at(-50 * time.Hour), CreatedAt: ago(2000 * time.Hour)},
		{AccountID: 1_000_000, ShopName: strings.Repeat("A very long name of a shop ", 5), Email: strings.Repeat("x", 60) + "@" + strings.Repeat("y", 60) + ".example", State: models.AccountFrozen, Cash: 98_765_432_10, CreatedAt: ago(time.Hour)},
	}
}

func deskScreens() []screen {
	rows := foundAccounts()
	found := admin.SearchPage{Now: now, Found: models.Found{
		Query: "1286.40", Accounts: rows, MoreAccounts: true,
		Payments: []models.FoundPayment{
			{No: no, AccountID: 40, ShopName: shop, State: models.PaymentPaid, Rail: models.RailAlipay, AmountFen: 1_286_40, GatewayTradeNo: "2026112222001412345678901234", CreatedAt: ago(time.Hour)},
			{No: older, AccountID: 40, ShopName: shop, State: models.PaymentExpired, Rail: models.RailAlipay, AmountFen: 1_286_40, CreatedAt: ago(30 * time.Hour)},
		},
		Campaigns: []models.FoundCampaign{
			{ID: 7, AccountID: 40, ShopName: shop, Name: "双十二预热-人体工学鼠标与超长名称测试计划", Delivery: models.DeliveryPausedArrears},
			{ID: 6, AccountID: 41, ShopName: shop, Name: "显示器支架", Delivery: models.DeliveryRecovering, SharePercent: 50},
		},
	}}
	begin, nothing := admin.SearchPage{Now: now}, admin.SearchPage{Now: now, Found: models.Found{Query: "nobody"}}
	long := admin.SearchPage{Now: now, Found: models.Found{Query: strings.Repeat("x", 101)}, Errors: models.FieldErrors{
		{Field: "q", Key: "error.search.too_long", Args: map[string]any{"Max": 100}},
	}}
	searchFrame := func(c *layout.Chrome) {
		atDeskOn(models.RoleSupport, "/admin/search?q=1286.40")(c)
		c.Query = "1286.40"
	}
	list := admin.AccountsPage{Now: now, Order: "newest", Rows: rows, Pager: components.Pager{OlderHref: "/admin/accounts?before=39", Shown: 4}}
	noMatch := admin.AccountsPage{Now: now, Order: "arrears", State: "frozen"}
	empty := admin.AccountsPage{Now: now, Order: "newest"}
	all := []screen{
		{"admin-search", found.Title, admin.Search(found), searchFrame},
		{"admin-search-begin", begin.Title, admin.Search(begin), atDeskOn(models.RoleFinance, "/admin/search")},
		{"admin-search-nothing", nothing.Title, admin.Search(nothing), atDeskOn(models.RoleFinance, "/admin/search?q=nobody")},
		{"admin-search-long", long.Title, admin.Search(long), atDeskOn(models.RoleFinance, "/admin/search")},
		{"admin-accounts", list.Title, admin.Accounts(list), atDeskOn(models.RoleSupport, "/admin/accounts")},
		{"admin-accounts-no-match", noMatch.Title, admin.Accounts(noMatch), atDeskOn(models.RoleSupport, "/admin/accounts?state=frozen")},
		{"admin-accounts-empty", empty.Title, admin.Accounts(empty), atDeskOn(models.RoleSupport, "/admin/accounts")},
	}
	full, fresh := staffAccount(), admin.AccountPage{CSRF: token, Now: now, ID: 41, Shop: shop, Emails: []string{"active@demo.test"}, State: models.AccountActive, CanNote: true}
	for _, tab := range admin.AccountTabs {
		full, fresh := full, fresh
		full.Tab, fresh.Tab = tab, tab
		path := "/admin/accounts/40?tab=" + tab
		all = append(all,
			screen{"admin-account-" + tab, full.Title, admin.Account(full), atDeskOn(models.RoleSupport, path)},
			screen{"admin-account-fresh-" + tab, fresh.Title, admin.Account(fresh), atDeskOn(models.RoleSupport, path)},
		)
	}
	full.Tab, full.Sub.Note = "notes", "  "
	full.Sub.Errors = models.FieldErrors{{Field: "body", Key: "error.note.empty"}}
	as := admin.AsPage{ID: 40, Shop: shop, Path: "/ledger"}
	return append(all,
		screen{"admin-account-note-refused", full.Title, admin.Account(full), atDeskOn(models.RoleSupport, "/admin/accounts/40/notes")},
		screen{"admin-as", as.Title, admin.As(as, views.Ledger(views.LedgerPage{Now: now, Rows: ledgerRows()})), atDeskOn(models.RoleSupport, "/admin/accounts/40/as/ledger")},
	)
}

// staffAccount is an account that is suspended and frozen, with all there is.
func staffAccount() admin.AccountPage {
	return admin.AccountPage{
		CSRF: token, Now: now, ID: 40, Shop: shop, Emails: []string{"arrears@demo.test", "second@demo.test"}, State: models.AccountFrozen,
		ArrearsSince: ago(75 * time.Hour), StopsAt: ago(51 * time.Hour), SuspendedAt: ago(51 * time.Hour), FrozenAt: ago(2 * time.Hour), FrozenReason: "人工核查",
		Cash: -1_286_40, Bonus: 20_00, Arrears: 1_286_40, SpentToday: 0, DailyCost: 388_00, Serving: 0, Campaigns: 3, Notes: 21, CanNote: true,
		Asks:    []models.ApprovalKind{models.ApprovalAdjustment, models.ApprovalBonusGrant, models.ApprovalBankTransfer, models.ApprovalUnfreeze},
		Waiting: []models.ApprovalRow{approvalRow(models.ApprovalUnfreeze, 0, models.ApprovalOpen), approvalRow(models.ApprovalAdjustment, -1_204_50, models.ApprovalOpen)}, MoreWaiting: true,
		Sub: admin.AccountSub{
			Stops:    []components.Stop{{Cause: models.DeliveryPausedArrears, Lift: models.LiftRestart, Since: ago(51 * time.Hour), ReadOnly: true, Campaigns: []components.CampaignRef{{ID: 1, Name: "显示器支架"}}}},
			Timeline: timeline(),
			Payments: []admin.PaymentLine{
				{No: no, State: models.PaymentPaid, Rail: models.RailAlipay, Amount: 1_600_00, GatewayTradeNo: "2026112222001412345678901234", CreatedAt: ago(time.Hour), PaidLate: true},
				{No: older, State: models.PaymentExpired, Rail: models.RailWechat, Amount: 500_00, CreatedAt: ago(70 * time.Hour)},
			},
			Entries: []models.StatementRow{
				{EntryID: 2, BookedAt: ago(time.Hour), Kind: "recharge", Purse: "cash", AmountFen: 1_600_00, BalanceAfterFen: 313_60, PaymentNo: no},
				{EntryID: 1, BookedAt: ago(2 * time.Hour), Kind: "charge", Purse: "bonus", AmountFen: -12_00, BalanceAfterFen: -1_286_40},
			},
			Campaigns: []admin.CampaignLine{
				{ID: 1, Name: "显示器支架", State: models.DeliveryPausedArrears, StoppedAt: ago(51 * time.Hour), SpentToday: 20_00, Budget: 100_00},
				{ID: 2, Name: "双十二预热-人体工学鼠标与超长名称测试计划", State: models.DeliveryServing, SharePercent: 100, Budget: 300_00},
			},
			Alerts: alertsPage().Deliveries,
			Told:   []models.EngineWord{{CampaignID: 1, Name: "显示器支架", Delivery: models.DeliveryRecovering, SharePercent: 50, BudgetFen: 100_00, ChangedAt: ago(time.Hour)}},
			Sessions: []models.Session{
				{Email: "arrears@demo.test", Address: "203.0.113.7", UserAgent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36", CreatedAt: ago(3 * time.Hour), SeenAt: ago(time.Minute), ExpiresAt: now.Add(time.Hour)},
				{Email: "second@demo.test", Address: "2001:db8:85a3:8d3:1319:8a2e:370:7348", CreatedAt: ago(90 * time.Hour), SeenAt: ago(80 * time.Hour), ExpiresAt: ago(time.Hour)},
				{Email: "second@demo.test", Address: "203.0.113.7", CreatedAt: ago(99 * time.Hour), SeenAt: ago(98 * time.Hour), ExpiresAt: now.Add(time.Hour), RevokedAt: at(-97 * time.Hour)},
			},
			Attempts: []models.Attempt{{EmailKey: "arrears@demo.test", Address: "198.51.100.0", At: ago(4 * time.Hour)}, {EmailKey: "arrears@demo.test", Address: "203.0.113.7", At: ago(5 * time.Hour), Succeeded: true}},
			Notes: []models.Note{
				{ID: 2, At: ago(time.Hour), Email: "support@demo.test", Body: "Called back.\nWill pay on Monday; <b>no</b> freeze until then. " + strings.Repeat("x", 120)},
				{ID: 1, At: ago(26 * time.Hour), Email: "finance@demo.test", Body: "人工核查"},
			},
			Pager: components.Pager{OlderHref: "/admin/accounts/40?before=1&tab=notes", Shown: 2},
		},
	}
}
