package handlers_test

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"ztc-portal/handlers"
	"ztc-portal/models"
	"ztc-portal/models/modelstest"
	"ztc-portal/views/text"
)

// shopRoutes says which permission each of the sellers' routes asks for. A route
// of the router's own list that stands here not, or the other way round, fails
// the test.
var shopRoutes = map[string]models.ShopPermission{
	"GET /account":                      models.ShopSee,
	"GET /recharge":                     models.ShopPay,
	"POST /recharge":                    models.ShopPay,
	"GET /payments":                     models.ShopSee,
	"GET /payments/:no/confirm":         models.ShopPay,
	"POST /payments/:no/confirm":        models.ShopPay,
	"POST /payments/:no/method":         models.ShopPay,
	"GET /payments/:no":                 models.ShopSee,
	"GET /payments/:no/qr.png":          models.ShopSee,
	"POST /payments/:no/check":          models.ShopPay,
	"POST /payments/:no/cancel":         models.ShopPay,
	"POST /payments/:no/resume":         models.ShopPay,
	"GET /ledger":                       models.ShopSee,
	"GET /bonus":                        models.ShopSee,
	"GET /campaigns":                    models.ShopSee,
	"POST /campaigns/bulk":              models.ShopRun,
	"GET /campaigns/restart":            models.ShopSee,
	"POST /campaigns/restart":           models.ShopRun,
	"POST /campaigns/restart/undo":      models.ShopRun,
	"POST /campaigns/restart/order":     models.ShopRun,
	"GET /campaigns/:id":                models.ShopSee,
	"POST /campaigns/:id/pause":         models.ShopRun,
	"GET /campaigns/:id/schedule":       models.ShopSee,
	"POST /campaigns/:id/schedule":      models.ShopRun,
	"POST /campaigns/:id/budget":        models.ShopRun,
	"POST /campaigns/:id/keywords":      models.ShopRun,
	"POST /campaigns/:id/keywords/bulk": models.ShopRun,
	"POST /campaigns/:id/keywords/:kid": models.ShopRun,
	"POST /edits/:id/undo":              models.ShopRun,
	"GET /alerts":                       models.ShopSee, "POST /alerts": models.ShopMoney, "POST /alerts/read": models.ShopSelf, "POST /alerts/mail": models.ShopSelf,
	"POST /alerts/targets": models.ShopMoney, "POST /alerts/targets/:id/test": models.ShopMoney, "POST /alerts/targets/:id/remove": models.ShopMoney,
	"GET /advice":                           models.ShopSee,
	"POST /advice":                          models.ShopRun,
	"POST /advice/margin":                   models.ShopRun,
	"POST /advice/ceiling":                  models.ShopRun,
	"GET /reports":                          models.ShopSee,
	"GET /reports.csv":                      models.ShopSee,
	"GET /reports.xlsx":                     models.ShopSee,
	"GET /people":                           models.ShopPeople,
	"POST /people/invitations":              models.ShopPeople,
	"POST /people/invitations/:id/resend":   models.ShopPeople,
	"POST /people/invitations/:id/withdraw": models.ShopPeople,
	"POST /people/:id/role":                 models.ShopPeople,
	"POST /people/:id/revoke":               models.ShopPeople,
	"POST /people/:id/remove":               models.ShopPeople,
	"GET /security":                         models.ShopSelf,
	"GET /security/enrol":                   models.ShopSelf,
	"GET /security/enrol/qr.png":            models.ShopSelf,
	"POST /security/enrol":                  models.ShopSelf,
	"POST /security/passkeys":               models.ShopSelf,
	"POST /security/passkeys/options":       models.ShopSelf,
	"POST /security/passkeys/:id/remove":    models.ShopSelf,
	"POST /security/codes":                  models.ShopSelf,
	"POST /security/app/remove":             models.ShopSelf,
	"GET /security/confirm":                 models.ShopSelf,
	"POST /security/confirm":                models.ShopSelf,
	"POST /security/confirm/password":       models.ShopSelf,
	"POST /security/confirm/passkey":        models.ShopSelf,
	"POST /security/sessions/:id/revoke":    models.ShopSelf,
	"POST /security/sessions/revoke":        models.ShopSelf,

	"POST /security/confirm/passkey/options": models.ShopSelf,
}

// eachMailSite is eachSite where mail goes out.
func eachMailSite(t *testing.T, test func(*testing.T, *site)) {
	t.Helper()
	t.Parallel()
	for _, engine := range modelstest.Engines {
		t.Run(string(engine), func(t *testing.T) {
			b := modelstest.OpenWith(t, engine, func(r *models.Rules) { r.Mail = true })
			test(t, newSite(t, b, func(*handlers.Config) {}))
		})
	}
}

// link is where the last mail of a kind leads.
func (s *site) link(t testing.TB, kind models.MailKind) string {
	t.Helper()
	for _, task := range slices.Backward(s.Queue.Tasks()) {
		if args, ok := task.Args.(models.SendMail); ok && args.About == kind {
			m, err := s.OpenMail(t.Context(), args)
			must(t, err)
			return m.Path
		}
	}
	t.Fatalf("no mail of kind %s", kind)
	return ""
}

// colleague joins the shop of an owner's browser as somebody of the role.
func (s *site) colleague(t testing.TB, owner *browser, role models.ShopRole, email string) *browser {
	t.Helper()
	owner.get("/people").is(t, http.StatusOK)
	owner.post("/people/invitations", "email", email, "role", string(role)).leads(t, "/people")
	b := s.browser(t)
	b.get(s.link(t, models.MailInvitation)).is(t, http.StatusOK)
	_, token, _ := strings.Cut(s.link(t, models.MailInvitation), "token=")
	b.post("/join", "token", token, "password", password).leads(t, "/account")
	b.email = email
	b.get("/account").is(t, http.StatusOK)
	return b
}

// Every role tries every route of the sellers': it is refused with 403 exactly
// where the table of the roles says so.
func TestEveryShopRouteByRole(t *testing.T) {
	eachMailSite(t, func(t *testing.T, s *site) {
		known := map[string]bool{}
		for _, route := range s.routes {
			if slices.Contains(open, route.Path) || ofAPI(route) || route.Method == echoNotFound ||
				strings.HasPrefix(route.Path, "/login/") || strings.HasPrefix(route.Path, "/admin") {
				continue
			}
			name := route.Method + " " + route.Path
			known[name] = true
			if _, ok := shopRoutes[name]; !ok {
				t.Errorf("%s is not in the table", name)
			}
		}
		for name := range shopRoutes {
			if !known[name] {
				t.Errorf("%s is in the table and not in the router", name)
			}
		}
		owner, _ := s.seller(t)
		for _, role := range models.ShopRoles {
			b := owner
			if role != models.ShopOwner {
				b = s.colleague(t, owner, role, string(role)+"@roles.test")
			}
			for name, permission := range shopRoutes {
				got := b.tries(name)
				if refused := got.StatusCode == http.StatusForbidden; refused == role.May(permission) && !strings.Contains(name, "passkeys/options") || got.StatusCode >= 500 {
					t.Errorf("%q on %s: answered %d", role, name, got.StatusCode)
				}
			}
		}
	})
}

// What a role may not do can't be begun on any page: the button is shut and says
// why, and the page says so once.
func TestPagesShutWhatTheRoleMayNot(t *testing.T) {
	eachMailSite(t, func(t *testing.T, s *site) {
		owner, account := s.seller(t)
		s.credit(t, account, 500*yuan)
		campaign := "/campaigns/" + strconv.FormatInt(s.campaigns(t, account, 100*yuan)[0], 10)
		for _, c := range []struct {
			role     models.ShopRole
			pay, run bool
		}{{models.ShopOwner, true, true}, {models.ShopFinance, true, false}, {models.ShopOperator, false, true}, {models.ShopViewer, false, false}} {
			b := owner
			if c.role != models.ShopOwner {
				b = s.colleague(t, owner, c.role, string(c.role)+"@roles.test")
			}
			page := b.get(campaign).is(t, http.StatusOK)
			bar := page.Find("header a[href='/recharge']").Length() > 0
			shut := page.Find("form[action='"+campaign+"/budget'] button[disabled][title]").Length() == 1
			if bar != c.pay || shut == c.run || (page.Find("form[action='"+campaign+"/budget'] button").Length() != 1) {
				t.Errorf("%s: a recharge button %v; the budget is shut %v", c.role, bar, shut)
			}
			notice := strings.Contains(page.Find("#main .notice").Text(), word(text.Chinese, "shop_role.notice"))
			if notice == c.run {
				t.Errorf("%s: the notice stands: %v", c.role, notice)
			}
			if n := page.Find("form[action='/logout'] button[disabled]").Length(); n != 0 {
				t.Errorf("%s can't sign out", c.role)
			}
			overview := b.get("/account").is(t, http.StatusOK)
			if links := overview.Find("a[href='/recharge']").Length(); (links > 0) != c.pay {
				t.Errorf("%s: %d links to recharge", c.role, links)
			}
			if people := overview.Find("a[href='/people']").Length() > 0; people != (c.role == models.ShopOwner) {
				t.Errorf("%s sees the people's page: %v", c.role, people)
			}
		}
	})
}

func TestAnOwnerConfirmsBeforePeopleChange(t *testing.T) {
	eachMailSite(t, func(t *testing.T, s *site) {
		b, _ := s.seller(t)
		s.Clock.Add(6 * time.Minute)
		b.get("/people").is(t, http.StatusOK)
		answer := b.post("/people/invitations", "email", "a@shop.test", "role", "finance").is(t, http.StatusSeeOther)
		confirm := answer.Header.Get("Location")
		if !strings.HasPrefix(confirm, "/security/confirm?next=%2Fpeople%3Femail%3Da%2540shop.test%26role%3Dfinance") || len(s.Queue.Tasks()) != 0 {
			t.Errorf("led to %s; tasks: %v", confirm, s.Queue.Tasks())
		}
		page := b.get(confirm).is(t, http.StatusOK)
		next, _ := page.Find("input[name=next]").Attr("value")
		refused := b.post("/security/confirm/password", "next", next, "password", "wrong one").is(t, http.StatusUnprocessableEntity)
		refused.says(t, "#password-error", word(text.Chinese, "error.password.wrong"))
		b.post("/security/confirm/password", "next", "https://elsewhere.test/", "password", "").is(t, http.StatusUnprocessableEntity)
		b.post("/security/confirm/password", "next", next, "password", password).leads(t, "/people?email=a%40shop.test&role=finance")
		form := b.get("/people?email=a%40shop.test&role=finance").is(t, http.StatusOK)
		if typed, _ := form.Find("input[name=email]").Attr("value"); typed != "a@shop.test" || form.Find("option[selected]").AttrOr("value", "") != "finance" {
			t.Errorf("the form holds %q", typed)
		}
		b.post("/people/invitations", "email", "a@shop.test", "role", "finance").leads(t, "/people")
		b.get("/people").says(t, "#main", word(text.Chinese, "invitation.state.invited"))
		again := b.post("/people/invitations", "email", "a@shop.test", "role", "finance").is(t, http.StatusUnprocessableEntity)
		again.says(t, "#email-error", word(text.Chinese, "error.people.invited"))
		s.Clock.Add(6 * time.Minute)
		b.post("/people/999999/remove").is(t, http.StatusSeeOther)
		b.post("/security/confirm/password", "next", "//elsewhere.test", "password", password).leads(t, "/account")
	})
}

func TestAForgottenPasswordIsResetByMail(t *testing.T) {
	eachMailSite(t, func(t *testing.T, s *site) {
		_, account := s.seller(t)
		if account == 0 {
			t.Fatal("no account")
		}
		stranger := s.browser(t)
		var pages []string
		for _, email := range []string{"seller@shop.test", "nobody@shop.test"} {
			stranger.get("/forgot").is(t, http.StatusOK)
			page := stranger.post("/forgot", "email", email).is(t, http.StatusOK)
			page.Find("input[name=csrf], code").Remove()
			pages = append(pages, strings.Join(strings.Fields(page.Find("#main").Text()), " "))
		}
		if pages[0] != pages[1] || !strings.Contains(pages[0], word(text.Chinese, "forgot.sent")) {
			t.Errorf("a known address: %q\nan unknown one: %q", pages[0], pages[1])
		}
		stranger.get("/forgot")
		stranger.post("/forgot", "email", "nobody").is(t, http.StatusUnprocessableEntity).says(t, "#email-error", word(text.Chinese, "error.email.malformed"))
		for _, task := range s.Queue.Tasks() {
			if args, ok := task.Args.(models.StartReset); ok {
				must(t, s.StartReset(t.Context(), args))
			}
		}
		link := s.link(t, models.MailReset)
		_, token, _ := strings.Cut(link, "token=")
		stranger.get(link).is(t, http.StatusOK)
		stranger.post("/reset", "token", token, "password", "short").is(t, http.StatusUnprocessableEntity).says(t, "#password-error", "8")
		stranger.post("/reset", "token", token, "password", "a new password").leads(t, "/login")
		stranger.get("/login").says(t, "#main", word(text.Chinese, "flash.password_reset"))
		stranger.get(link).is(t, http.StatusNotFound).says(t, "h1", word(text.Chinese, "link.void.title"))
		stranger.post("/reset", "token", token, "password", "a new password").is(t, http.StatusNotFound)
		stranger.post("/login", "email", "seller@shop.test", "password", "a new password").leads(t, "/account")
	})
}

// Without a mail server the pages say so, and offer nothing that would fail.
func TestPagesSayThatNoMailGoesOut(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, _ := s.seller(t)
		off := word(text.Chinese, "error.mail.off")
		for _, path := range []string{"/people", "/forgot"} {
			page := b.get(path).is(t, http.StatusOK)
			page.says(t, "#main .notice", off)
			if n := page.Find("#main input[name=email]").Length(); n != 0 {
				t.Errorf("%s offers a form", path)
			}
		}
		b.get("/people")
		b.post("/people/invitations", "email", "a@b.test", "role", "viewer").is(t, http.StatusConflict)
		b.post("/forgot", "email", "a@b.test").is(t, http.StatusConflict)
	})
}
