package views_test

import (
	"time"

	"ztc-portal/models"
	"ztc-portal/views/admin"
	"ztc-portal/views/components"
	"ztc-portal/views/layout"
)

// atFigures is the frame of a member of staff at the first page.
func atFigures(role models.Role) func(*layout.Chrome) {
	return func(c *layout.Chrome) {
		atDesk(role)(c)
		c.Path = "/admin"
	}
}

func figuresScreens() []screen {
	day := 24 * time.Hour
	busy := admin.FiguresPage{
		Now: now, JudgedAt: ago(20 * time.Second),
		Open: []admin.AlertRow{
			{Figure: models.FigureLedger, Level: models.LevelAlarm, Value: 2, OpenedAt: ago(9 * time.Hour)},
			{Figure: models.FigureSuccess, Level: models.LevelWarn, Value: 71, OpenedAt: ago(12 * time.Minute)},
			{Figure: models.FigureCredit, Level: models.LevelAlarm, Value: 1_204, OpenedAt: ago(3 * time.Minute)},
		},
		Ended: []admin.AlertRow{
			{Figure: models.FigureQueue, Level: models.LevelWarn, Value: 412, OpenedAt: ago(9 * time.Hour), EndedAt: ago(8 * time.Hour)},
		},
		Levels: map[models.Figure]models.Level{models.FigureStuck: models.LevelWarn, models.FigureLedger: models.LevelAlarm},
		Stuck:  models.StuckPayments{PastDeadline: 3, Checking: 12}, Suspense: 4, SuspenseFen: 1_234_567_89, SuspenseOldestAt: ago(31 * time.Hour),
		Refunds: 2, RefundsFen: 1_820_50, RefundsOldestAt: ago(26 * time.Minute),
		ToPay: 1, ToPayFen: 600_00, ToPayOldestAt: ago(76 * time.Hour),
		Methods:  methodRows(),
		Webhooks: models.WebhookCounts{Parked: 23, Pending: 1_204}, Queue: models.QueueFigures{Available: 41, Running: 10, Retryable: 3, Discarded: 1, Oldest: 8 * time.Second},
		Refused: 7, ReadAt: ago(9 * time.Hour), Faults: 2,
		Ages: []models.ArrearsAge{
			{Age: 0, Accounts: 1_402, OwedFen: 40_210_30}, {Age: day, Accounts: 311, OwedFen: 12_345_678_90}, {Age: 3 * day, Accounts: 96, OwedFen: 60_003_00}, {Age: 7 * day, Accounts: 2_041, OwedFen: 99_887_766_55},
		},
		Suspended: 2_448, Frozen: 5,
		Credit: []admin.CreditRow{
			{Span: day, Times: models.CreditTimes{Count: 12_044, P50: 800 * time.Millisecond, P99: 31_200 * time.Millisecond, Worst: 7 * time.Hour}},
			{Span: 7 * day, Times: models.CreditTimes{Count: 80_311, P50: 700 * time.Millisecond, P99: 4_100 * time.Millisecond, Worst: 31 * time.Hour}},
		},
	}
	for i := range 24 {
		n := int64(40 + i*i%97)
		at := now.Truncate(time.Hour).Add(-time.Duration(i) * time.Hour)
		busy.Hours = append(busy.Hours,
			models.RailHour{HourAt: at, Rail: models.RailAlipay, Attempts: n + 9, Ended: n, Paid: n * 8 / 9, PaidFen: models.Fen(n) * 512_30},
			models.RailHour{HourAt: at, Rail: models.RailWechat, Attempts: n / 2, Ended: n / 3, Paid: n / 4, PaidFen: models.Fen(n) * 301_00})
	}
	quiet := admin.FiguresPage{
		Now: now, JudgedAt: ago(20 * time.Second), Ages: []models.ArrearsAge{{}, {Age: day}, {Age: 3 * day}, {Age: 7 * day}},
		Credit: []admin.CreditRow{{Span: day}, {Span: 7 * day}},
	}
	unwatched := quiet
	unwatched.Unwatched, unwatched.JudgedAt = true, ago(40*time.Minute)
	unwatched.Open = busy.Open[1:2]
	refused := admin.RefusedPage{Now: now, Pager: components.Pager{OlderHref: "/admin/notifies?before=41", Shown: 2}, Rows: []admin.RefusedRow{
		{ReceivedAt: ago(3 * time.Minute), Rail: models.RailAlipay, Address: "2001:db8:85a3:8d3:1319:8a2e:370:7348", Why: "signature does not verify: crypto/rsa: verification error", PaymentNo: "R261122ABCDEFGHJKMNPQ", Bytes: 1_204},
		{ReceivedAt: ago(30 * time.Hour), Rail: models.RailWechat, Address: "203.0.113.7", Why: "no signature", Bytes: 12},
	}}
	atRefused := func(c *layout.Chrome) {
		atDesk(models.RoleSupport)(c)
		c.Path = "/admin/notifies"
	}
	return []screen{
		{"admin-refused", refused.Title, admin.Refused(refused), atRefused},
		{"admin-refused-none", refused.Title, admin.Refused(admin.RefusedPage{Now: now}), atRefused},
		{"admin-figures", busy.Title, admin.Figures(busy), atFigures(models.RoleAdmin)},
		{"admin-figures-quiet", quiet.Title, admin.Figures(quiet), atFigures(models.RoleSupport)},
		{"admin-figures-unwatched", unwatched.Title, admin.Figures(unwatched), atFigures(models.RoleFinance)},
	}
}
