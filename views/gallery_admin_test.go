package views_test

import (
	"time"

	"ztc-portal/models"
	"ztc-portal/views"
	"ztc-portal/views/admin"
	"ztc-portal/views/components"
	"ztc-portal/views/layout"
	"ztc-portal/views/text"
)

// atDesk is the frame of a member of staff.
func atDesk(role models.Role) func(*layout.Chrome) {
	return func(c *layout.Chrome) {
		*c = layout.Chrome{
			Path: "/admin/jobs", CSRF: token, Demo: true, Now: now, Theme: c.Theme, SignedIn: true,
			Email: string(role) + "@demo.test", Staff: role,
		}
	}
}

func adminScreens() []screen {
	full := admin.JobsPage{
		CSRF: token, Now: now, On: true, Pending: 1_204, OldestAt: ago(7 * time.Hour), Parked: 23, CanResend: true,
		Pager: components.Pager{OlderHref: "/admin/jobs?before=41", Shown: 3, Total: 23},
		Rows: []admin.WebhookRow{
			{ID: 61, MessageID: "msg_4QJ2ZB7NXK5RTWYH3LMVGSPA6C", ChangedAt: ago(75 * time.Hour), ParkedAt: ago(7 * time.Hour), Attempts: 19, Campaigns: 500, Accounts: 37, LastAnswer: "503 upstream connect error or disconnect/reset before headers. reset reason: connection timeout, transport failure reason: delayed connect error: 111, attempted on 10.2.…"},
			{ID: 52, MessageID: "msg_ZB7NXK5RTWYH3LMVGSPA6C4QJ2", ChangedAt: ago(90 * time.Hour), ParkedAt: ago(22 * time.Hour), Attempts: 19, Campaigns: 1, Accounts: 1, LastAnswer: "401 <html><body>no such key: " + "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" + "</body></html>"},
			{ID: 41, MessageID: "msg_XK5RTWYH3LMVGSPA6C4QJ2ZB7N", ChangedAt: ago(190 * time.Hour), ParkedAt: ago(122 * time.Hour), Attempts: 19, Campaigns: 3, Accounts: 2, LastAnswer: "dial tcp 10.2.0.17:443: connect: connection refused"},
		},
	}
	finance := full
	finance.CanResend = false
	quiet := admin.JobsPage{CSRF: token, Now: now, On: true, CanResend: true}
	off := admin.JobsPage{CSRF: token, Now: now, CanResend: true}
	refused := views.ErrorPage{Status: 403, RequestID: "01JD8Q4ZV0", SignedIn: true, Staff: true, MoneySafe: true, Line: text.Line{Key: "error.staff_has_no_account"}}
	stale := views.ErrorPage{Status: 409, RequestID: "01JD8Q4ZV0", SignedIn: true, Staff: true, MoneySafe: true, Line: text.Line{Key: "error.webhook.not_parked"}}
	return append(append(reconcileScreens(), figuresScreens()...), []screen{
		{"admin-jobs", full.Title, admin.Jobs(full), func(c *layout.Chrome) {
			atDesk(models.RoleSupport)(c)
			c.Flash = &layout.Flash{Key: "flash.webhook_resent"}
		}},
		{"admin-jobs-finance", finance.Title, admin.Jobs(finance), atDesk(models.RoleFinance)},
		{"admin-jobs-quiet", quiet.Title, admin.Jobs(quiet), atDesk(models.RoleAdmin)},
		{"admin-jobs-off", off.Title, admin.Jobs(off), func(c *layout.Chrome) {
			atDesk(models.RoleAdmin)(c)
			c.Simulation = layout.Simulation{Runs: true, Speed: 60}
		}},
		{"admin-error-403", refused.Title, views.Error(refused), func(c *layout.Chrome) {
			atDesk(models.RoleSupport)(c)
			c.Path = "/account"
		}},
		{"admin-error-409", stale.Title, views.Error(stale), atDesk(models.RoleSupport)},
	}...)
}
