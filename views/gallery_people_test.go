package views_test

import (
	"time"

	"ztc-portal/models"
	"ztc-portal/views"
	"ztc-portal/views/admin"
	"ztc-portal/views/layout"
)

// peopleScreens are the pages about a shop's people and their sign-in.
func peopleScreens() []screen {
	as := func(path string, role models.ShopRole) func(*layout.Chrome) {
		return func(c *layout.Chrome) { c.Path, c.Role = path, role }
	}
	const long = "a.very.long.name.of.somebody@a-long-domain-of-the-company.example"
	people := views.PeoplePage{
		CSRF: token, Now: now, SendsMail: true, Mailbox: "http://localhost:8081/mail",
		Rows: []views.PeopleRow{
			{ID: 1, Email: "owner@shop.example", Role: models.ShopOwner, Factor: true, Sessions: 2, SeenAt: ago(time.Minute), Own: true},
			{ID: 2, Email: "books@shop.example", Role: models.ShopFinance, Sessions: 1, SeenAt: ago(26 * time.Hour)},
			{ID: 3, Email: long, Role: models.ShopOperator},
		},
		Invitations: []models.InvitationView{
			{ID: 4, Email: "new@shop.example", Role: models.ShopViewer, State: models.Invited, SentAt: ago(time.Hour), ExpiresAt: now.Add(47 * time.Hour), ByEmail: "owner@shop.example"},
			{ID: 3, Email: "slow@shop.example", Role: models.ShopOwner, State: models.InvitationExpired, SentAt: ago(72 * time.Hour), ExpiresAt: ago(24 * time.Hour), ByEmail: "owner@shop.example"},
			{ID: 2, Email: "gone@shop.example", Role: models.ShopFinance, State: models.InvitationWithdrawn, SentAt: ago(90 * time.Hour), ExpiresAt: ago(42 * time.Hour), ByEmail: "owner@shop.example"},
			{ID: 1, Email: "books@shop.example", Role: models.ShopFinance, State: models.InvitationAccepted, SentAt: ago(200 * time.Hour), ExpiresAt: ago(152 * time.Hour), ByEmail: "owner@shop.example"},
		},
	}
	refused := views.PeoplePage{CSRF: token, Now: now, SendsMail: true, Rows: people.Rows[:1], Form: views.InviteForm{Email: "nobody", Role: "x", Errors: models.FieldErrors{
		{Code: models.Invalid, Field: "email", Key: "error.email.malformed"}, {Code: models.Invalid, Field: "role", Key: "error.shop_role.unknown"},
	}}}
	noMail := views.PeoplePage{CSRF: token, Now: now, Rows: people.Rows[:1]}
	join := views.JoinPage{CSRF: token, Token: "t", Email: "new@shop.example", Shop: shop, Role: models.ShopViewer, By: "owner@shop.example",
		Errors: models.FieldErrors{{Code: models.Invalid, Field: "password", Key: "error.password.length", Args: map[string]any{"Min": 8, "Max": 200}}}}
	taken := views.JoinPage{CSRF: token, Token: "t", Email: long, Shop: shop, Role: models.ShopOwner, By: long, Taken: true}
	forgot, sent := views.ForgotPage{CSRF: token, SendsMail: true}, views.ForgotPage{CSRF: token, SendsMail: true, Sent: true, Mailbox: "http://localhost:8081/mail"}
	forgotRefused := views.ForgotPage{CSRF: token, SendsMail: true, Email: "nobody", Errors: models.FieldErrors{{Code: models.Invalid, Field: "email", Key: "error.email.malformed"}}}
	reset := views.ResetPage{CSRF: token, Token: "t"}
	void := views.VoidPage{Next: "/forgot", Hint: "link.void.reset"}
	voidJoin := views.VoidPage{Next: "/login", Hint: "link.void.invitation"}
	own := admin.SecurityPage{
		CSRF: token, Base: "/security", Optional: true, Now: now, Codes: models.RecoveryCodes,
		Sessions: []admin.SessionRow{
			{Handle: "0123456789abcdef", Address: "192.0.2.17", Device: "Mozilla/5.0 (Windows NT 10.0; Win64; x64)", CreatedAt: ago(3 * time.Hour), SeenAt: ago(time.Minute), Own: true},
			{Handle: "123456789abcdef0", Address: "192.0.2.18", Device: "curl/8.9.1", CreatedAt: ago(5 * time.Hour), SeenAt: ago(20 * time.Minute)},
		},
	}
	withApp := own
	withApp.TOTPSince, withApp.CodesLeft = ago(400*time.Hour), 9
	password := admin.ConfirmPage{CSRF: token, Base: "/security", Email: "owner@shop.example", Password: true, Next: "/people", Errors: models.FieldErrors{{Code: models.Unauthenticated, Field: "password", Key: "error.password.wrong"}}}
	return []screen{
		{"people", people.Title, views.People(people), as("/people", models.ShopOwner)},
		{"people-refused", refused.Title, views.People(refused), as("/people", models.ShopOwner)},
		{"people-no-mail", noMail.Title, views.People(noMail), as("/people", models.ShopOwner)},
		{"join", join.Title, views.Join(join), signedOut},
		{"join-taken", taken.Title, views.Join(taken), signedOut},
		{"forgot", forgot.Title, views.Forgot(forgot), signedOut},
		{"forgot-refused", forgotRefused.Title, views.Forgot(forgotRefused), signedOut},
		{"forgot-sent", sent.Title, views.Forgot(sent), signedOut},
		{"reset", reset.Title, views.Reset(reset), signedOut},
		{"reset-void", void.Title, views.Void(void), signedOut},
		{"join-void", voidJoin.Title, views.Void(voidJoin), signedOut},
		{"security", own.Title, admin.Security(own), as("/security", models.ShopViewer)},
		{"security-app", withApp.Title, admin.Security(withApp), as("/security", models.ShopOwner)},
		{"security-password", password.Title, admin.Confirm(password), as("/security/confirm", models.ShopOwner)},
	}
}
