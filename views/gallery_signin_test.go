package views_test

import (
	"time"

	"ztc-portal/models"
	"ztc-portal/views"
	"ztc-portal/views/admin"
	"ztc-portal/views/layout"
	"ztc-portal/views/text"
)

// signInScreens are the pages about the staff's second factor.
func signInScreens() []screen {
	at := func(path string, role models.Role) func(*layout.Chrome) {
		return func(c *layout.Chrome) {
			atDesk(role)(c)
			c.Path = path
		}
	}
	wrong := models.FieldErrors{{Code: models.Unauthenticated, Field: "code", Key: "error.factor.wrong"}}
	factor := views.FactorPage{CSRF: token, Email: "support@demo.test", TOTP: true, Passkeys: true, DemoCode: "287082"}
	refused := views.FactorPage{CSRF: token, Email: "a.very.long.name.of.somebody@a-long-domain-of-the-company.example", TOTP: true, Errors: wrong}
	enrol := admin.EnrolPage{CSRF: token, Base: "/admin/security", Email: "support@demo.test", Secret: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", Passkeys: true, First: true}
	change := enrol
	change.First = false
	change.Errors = models.FieldErrors{
		{Code: models.Invalid, Field: "code", Key: "error.factor.unconfirmed"},
		{Code: models.Invalid, Field: "name", Key: "error.passkey.name", Args: map[string]any{"Max": 50}},
		{Code: models.Unauthenticated, Key: "error.passkey.refused"},
	}
	codes := admin.CodesPage{Next: "/admin", Codes: []string{
		"7k2m9-xq4tz", "b8n3c-w6r1y", "0hj5d-p2vfe", "a4s9g-k7z3m", "t6x1q-8c2nb", "y5w3r-e9hjd", "v2p7f-4sgka", "m1z8t-q3xcn", "r9b6y-d5whj", "e7v4p-2fsgk",
	}}
	again := admin.ConfirmPage{CSRF: token, Base: "/admin/security", TOTP: true, Passkeys: true, DemoCode: "287082", Next: "/admin/security/enrol"}
	againRefused := admin.ConfirmPage{CSRF: token, Base: "/admin/security", Next: "/admin/staff", Passkeys: true, Errors: models.FieldErrors{wrong[0], {Code: models.Unauthenticated, Key: "error.passkey.refused"}}}
	const device = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
	security := admin.SecurityPage{
		CSRF: token, Base: "/admin/security", Now: now, TOTPSince: ago(400 * time.Hour), CodesLeft: 2, Codes: models.RecoveryCodes,
		Passkeys: []admin.PasskeyRow{{ID: 1, Name: "ThinkPad X1", CreatedAt: ago(300 * time.Hour), UsedAt: ago(7 * time.Hour)}, {ID: 2, Name: "YubiKey", CreatedAt: ago(2 * time.Hour)}},
		Sessions: []admin.SessionRow{
			{Handle: "0123456789abcdef", Address: "192.0.2.17", Device: device, CreatedAt: ago(3 * time.Hour), SeenAt: ago(time.Minute), By: models.FactorTOTP, Own: true},
			{Handle: "123456789abcdef0", Address: "2001:db8:85a3:8d3:1319:8a2e:370:7348", Device: "curl/8.9.1", CreatedAt: ago(5 * time.Hour), SeenAt: ago(20 * time.Minute), By: models.FactorRecovery},
		},
	}
	bare := admin.SecurityPage{CSRF: token, Base: "/admin/security", Now: now, CodesLeft: 10, Codes: models.RecoveryCodes, Passkeys: security.Passkeys[:1], Sessions: security.Sessions[:1]}
	staff := admin.StaffPage{CSRF: token, Now: now, Rows: []admin.StaffRow{
		{ID: 3, Email: "admin@demo.test", Role: models.RoleAdmin, TOTP: true, Passkeys: 2, CodesLeft: 10, Sessions: 1, SeenAt: ago(time.Minute), Own: true},
		{ID: 2, Email: "finance@demo.test", Role: models.RoleFinance},
		{ID: 1, Email: "support@demo.test", Role: models.RoleSupport, TOTP: true, CodesLeft: 1, Sessions: 3, SeenAt: ago(26 * time.Hour)},
	}}
	stale := views.ErrorPage{Status: 409, RequestID: "01JD8Q4ZV0", SignedIn: true, Staff: true, MoneySafe: true, Line: text.Line{Key: "error.factor.last"}}
	return []screen{
		{"login-demo-code", views.LoginPage{}.Title, views.Login(views.LoginPage{CSRF: token, Demo: true, DemoCode: "287082"}), signedOut},
		{"login-factor", factor.Title, views.Factor(factor), signedOut},
		{"login-factor-refused", refused.Title, views.Factor(refused), signedOut},
		{"admin-enrol", enrol.Title, admin.Enrol(enrol), signedOut},
		{"admin-enrol-change", change.Title, admin.Enrol(change), at("/admin/security/enrol", models.RoleSupport)},
		{"admin-confirm", again.Title, admin.Confirm(again), at("/admin/security/confirm", models.RoleSupport)},
		{"admin-confirm-refused", againRefused.Title, admin.Confirm(againRefused), at("/admin/security/confirm", models.RoleAdmin)},
		{"admin-codes", codes.Title, admin.Codes(codes), at("/admin/security/enrol", models.RoleSupport)},
		{"admin-security", security.Title, admin.Security(security), at("/admin/security", models.RoleFinance)},
		{"admin-security-passkey", bare.Title, admin.Security(bare), at("/admin/security", models.RoleSupport)},
		{"admin-staff", staff.Title, admin.Staff(staff), at("/admin/staff", models.RoleAdmin)},
		{"admin-error-last-factor", stale.Title, views.Error(stale), at("/admin/security", models.RoleSupport)},
	}
}
