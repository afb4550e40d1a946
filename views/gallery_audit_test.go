package views_test

import (
	"strings"
	"time"

	"ztc-portal/models"
	"ztc-portal/views/admin"
	"ztc-portal/views/components"
	"ztc-portal/views/layout"
)

func auditScreens() []screen {
	atAudit := func(c *layout.Chrome) {
		atDesk(models.RoleFinance)(c)
		c.Path = "/admin/audit"
	}
	full := admin.AuditPage{
		LastID: 1_204_331, Hash: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", ExportHref: "/admin/audit.csv",
		Pager: components.Pager{OlderHref: "/admin/audit?before=1204300", Shown: 5},
		Rows: []admin.AuditRow{
			{ID: 1_204_331, At: ago(2 * time.Minute), Email: "finance.accounts-receivable.east-china@a-rather-long-domain.example.test", Address: "2001:db8:85a3::8a2e:370:7334", Action: "account.freeze", Subject: "account:104233", Before: "active", After: "frozen: " + strings.Repeat("the bank asked us to wait for its answer; ", 4)},
			{ID: 1_204_330, At: ago(time.Hour), Email: "tea@shop.test", Address: "192.0.2.9", Action: "campaign.budget", Subject: "campaign:71", Before: "300.00", After: "1250.00"},
			{ID: 1_204_329, At: ago(26 * time.Hour), Address: "command line", Action: "apikey.create", Subject: "apikey:3", After: "scopes: charges,results,serving, name: engine"},
			{ID: 1_204_328, At: ago(27 * time.Hour), Email: "support@demo.test", Address: "192.0.2.17", Action: "session.open", Subject: "user:2"},
			{ID: 1_204_327, At: ago(300 * time.Hour), Email: "support@demo.test", Address: "192.0.2.17", Action: "of.another.release", Subject: "0123456789abcdef0123456789abcdef0123456789abcdef", Before: "<b>parked</b>", After: "line one\nline two"},
		},
	}
	filtered := full
	filtered.Filter = admin.AuditFilter{Who: "system", Action: "apikey.create", From: "2026-11-20", To: "2026-11-24"}
	filtered.Rows, filtered.Pager = full.Rows[2:3], components.Pager{Shown: 1}
	nothing := admin.AuditPage{Filter: admin.AuditFilter{Action: "of.another.release"}, LastID: 7, Hash: full.Hash, ExportHref: "/admin/audit.csv?action=of.another.release"}
	refused := admin.AuditPage{ExportHref: "/admin/audit.csv", Filter: admin.AuditFilter{Who: "nobody@shop.test", From: "2026-11-24", To: "2026-11-20", Errors: models.FieldErrors{
		{Code: models.Invalid, Field: "who", Key: "error.audit.who"}, {Code: models.Invalid, Field: "to", Key: "error.audit.too_many", Args: map[string]any{"Limit": 100_000}},
	}}}
	fresh := admin.AuditPage{ExportHref: "/admin/audit.csv"}
	return []screen{
		{"admin-audit", full.Title, admin.Audit(full), atAudit},
		{"admin-audit-filtered", filtered.Title, admin.Audit(filtered), atAudit},
		{"admin-audit-nothing", nothing.Title, admin.Audit(nothing), atAudit},
		{"admin-audit-refused", refused.Title, admin.Audit(refused), atAudit},
		{"admin-audit-fresh", fresh.Title, admin.Audit(fresh), atAudit},
	}
}
