package handlers_test

import (
	"image/png"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"ztc-portal/handlers"
	"ztc-portal/models"
	"ztc-portal/models/modelstest"
	"ztc-portal/views/text"
)

// employee makes a member of staff who has not signed in yet.
func (s *site) employee(t testing.TB, role models.Role, email string) *browser {
	t.Helper()
	_, err := s.CreateUser(t.Context(), models.Actor{}, models.NewUser{Email: email, Password: password, Role: role})
	must(t, err)
	return s.browser(t)
}

// halfway signs in by the password alone.
func (b *browser) halfway(email, door string) {
	b.t.Helper()
	b.get("/login")
	b.post("/login", "email", email, "password", password).leads(b.t, door)
	b.get(door).is(b.t, http.StatusOK)
}

// Whoever has shown the password alone reaches no page, by any method: neither
// one who has a second factor to show, nor one who has to set one up first.
func TestAHalfOpenSessionReachesNothing(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		s.member(t, models.RoleAdmin, "has@staff.test")
		has := s.browser(t)
		has.halfway("has@staff.test", "/login/factor")
		none := s.employee(t, models.RoleAdmin, "none@staff.test")
		none.halfway("none@staff.test", "/admin/security/enrol")
		enrolling := []string{"/admin/security/enrol", "/admin/security/enrol/qr.png", "/admin/security/passkeys", "/admin/security/passkeys/options"}
		asked := 0
		for _, route := range s.routes {
			if slices.Contains(open, route.Path) || ofAPI(route) {
				continue
			}
			for door, b := range map[string]*browser{"/login/factor": has, "/admin/security/enrol": none} {
				own := strings.HasPrefix(route.Path, "/login/factor") && b == has || slices.Contains(enrolling, route.Path) && b == none
				if own {
					continue
				}
				asked++
				name := route.Method + " " + route.Path
				got := b.tries(name)
				if got.StatusCode != http.StatusSeeOther || got.Header.Get("Location") != door {
					t.Errorf("%s: answered %d, led to %q, want %q", name, got.StatusCode, got.Header.Get("Location"), door)
				}
			}
		}
		if asked < 60 {
			t.Errorf("only %d pages were asked for", asked)
		}
		page := has.get("/nowhere").is(t, http.StatusNotFound)
		if strings.Contains(page.body, word(text.Chinese, "product.staff")) {
			t.Error("an error page shows the staff's frame")
		}
		has.get("/login").leads(t, "/login/factor")
		has.get("/").leads(t, "/account") // which leads to the door
		has.post("/logout").leads(t, "/login")
		has.get("/login").is(t, http.StatusOK)
	})
}

func TestSignInWithACode(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		s.member(t, models.RoleSupport, "s@staff.test")
		its := s.apps["s@staff.test"]
		for _, lang := range text.Languages {
			b := s.browser(t)
			b.lang = lang
			b.halfway("s@staff.test", "/login/factor")
			half, token := b.cookie("ztc"), b.token
			page := b.get("/login/factor").is(t, http.StatusOK)
			page.says(t, "h1", word(lang, "factor.title"))
			if page.Find("[data-passkey]").Length() != 0 || page.Find("#code").AttrOr("autocomplete", "") != "one-time-code" {
				t.Error("the page asks for a passkey that is not there, or for no code")
			}
			b.post("/login/factor").is(t, http.StatusUnprocessableEntity).says(t, "#code-error", word(lang, "error.factor.empty"))
			b.post("/login/factor", "code", "000000").is(t, http.StatusUnprocessableEntity).says(t, "#code-error", word(lang, "error.factor.wrong"))
			b.post("/login/factor", "code", its.next(t, s.Clock)).leads(t, "/admin")
			b.get("/admin/jobs").is(t, http.StatusOK)
			if b.cookie("ztc") == half || b.token == token {
				t.Error("the session is the one from before the second factor")
			}
			b.thief(half).get("/admin/jobs").leads(t, "/login")
			b.get("/login/factor").leads(t, "/admin")
			b.post("/login/factor", "code", "000000").leads(t, "/admin")

			again := s.browser(t)
			again.lang = lang
			again.halfway("s@staff.test", "/login/factor")
			again.post("/login/factor", "code", its.code(t, time.Unix(its.last*30, 0))).is(t, http.StatusUnprocessableEntity).
				says(t, "#code-error", word(lang, "error.factor.used"))
		}
	})
}

func TestCodesAreThrottledOnThePage(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		s.member(t, models.RoleSupport, "s@staff.test")
		b := s.browser(t)
		b.halfway("s@staff.test", "/login/factor")
		for range 5 {
			b.post("/login/factor", "code", "000000").is(t, http.StatusUnprocessableEntity)
		}
		answer := b.post("/login/factor", "code", s.apps["s@staff.test"].next(t, s.Clock)).is(t, http.StatusTooManyRequests)
		answer.says(t, "[role=alert]", word(text.Chinese, "error.sign_in.too_many", "Minutes", 15))
		if wait := answer.Header.Get("Retry-After"); wait != "900" {
			t.Errorf("Retry-After is %q", wait)
		}
		b.get("/admin/jobs").leads(t, "/login/factor")
		if n := len(s.audits(t, "session.refuse")); n != 6 {
			t.Errorf("%d refusals are on the trail", n)
		}
	})
}

func TestStaffSetUpTheirSecondFactorFirst(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		for _, lang := range text.Languages {
			email := lang[:2] + "@staff.test"
			b := s.employee(t, models.RoleFinance, email)
			b.lang = lang
			b.halfway(email, "/admin/security/enrol")
			page := b.get("/admin/security/enrol")
			page.says(t, "h1", word(lang, "enrol.title"))
			if src := page.Find("#main img").AttrOr("src", ""); src != "/admin/security/enrol/qr.png" {
				t.Errorf("the picture is at %q", src)
			}
			picture := b.get("/admin/security/enrol/qr.png").is(t, http.StatusOK)
			image, err := png.Decode(strings.NewReader(picture.body))
			if err != nil || image.Bounds().Dx() < 200 || picture.Header.Get("Content-Type") != "image/png" || picture.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("the picture: %v, %v", picture.Header, err)
			}
			b.post("/admin/security/enrol", "code", "000000").is(t, http.StatusUnprocessableEntity).says(t, "#code-error", word(lang, "error.factor.unconfirmed"))
			codes := b.enrol(email)
			if len(codes) != models.RecoveryCodes {
				t.Fatalf("%d recovery codes are shown", len(codes))
			}
			security := b.get("/admin/security").is(t, http.StatusOK)
			if strings.Contains(security.body, codes[0]) {
				t.Error("recovery codes are shown twice")
			}
			security.says(t, "#main", word(lang, "security.codes.left", "Left", 10, "All", 10))

			other := s.browser(t)
			other.halfway(email, "/login/factor")
			other.post("/login/factor", "code", codes[4]).leads(t, "/admin")
			other.get("/admin/security").says(t, "#main", word(text.Chinese, "security.codes.left", "Left", 9, "All", 10))
			renewed := other.post("/admin/security/codes").is(t, http.StatusOK).codes()
			if len(renewed) != models.RecoveryCodes || slices.Contains(renewed, codes[0]) {
				t.Errorf("the new codes are %v", renewed)
			}
		}
	})
}

func TestSignInWithAPasskey(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b := s.employee(t, models.RoleAdmin, "a@staff.test")
		b.halfway("a@staff.test", "/admin/security/enrol")
		form := b.get("/admin/security/enrol").Find("form[data-passkey=create]")
		if form.AttrOr("action", "") != "/admin/security/passkeys" || form.AttrOr("data-options", "") != "/admin/security/passkeys/options" {
			t.Fatalf("the form leads to %q", form.AttrOr("action", ""))
		}
		device := modelstest.NewAuthenticator(t)
		b.post("/admin/security/passkeys", "name", "Laptop", "credential", "{}").is(t, http.StatusUnprocessableEntity).
			says(t, "[role=alert]", word(text.Chinese, "error.passkey.refused"))
		options := b.post("/admin/security/passkeys/options").is(t, http.StatusOK)
		if kind := options.Header.Get("Content-Type"); !strings.HasPrefix(kind, "application/json") {
			t.Errorf("the options are %s", kind)
		}
		unnamed := b.post("/admin/security/passkeys", "credential", device.Create(t, []byte(options.body))).is(t, http.StatusUnprocessableEntity)
		unnamed.says(t, "#name-error", word(text.Chinese, "error.passkey.name", "Max", 50))
		done := b.post("/admin/security/passkeys", "name", "<b>Laptop", "credential", device.Create(t, []byte(options.body))).is(t, http.StatusOK)
		if n := len(done.codes()); n != models.RecoveryCodes {
			t.Errorf("%d recovery codes are shown", n)
		}
		b.get("/admin/security").is(t, http.StatusOK).says(t, "#main dd", "<b>Laptop")

		other := s.browser(t)
		other.halfway("a@staff.test", "/login/factor")
		page := other.get("/login/factor")
		if page.Find("form[data-passkey=get]").AttrOr("data-options", "") != "/login/factor/passkey/options" {
			t.Error("the page asks for no passkey")
		}
		script := page.Find("script[src*='passkey.js']").AttrOr("src", "")
		if got := other.get(script).is(t, http.StatusOK); !strings.Contains(got.body, "navigator.credentials") {
			t.Error("the script is not there")
		}
		asked := []byte(other.post("/login/factor/passkey/options").is(t, http.StatusOK).body)
		other.post("/login/factor/passkey", "credential", modelstest.NewAuthenticator(t).Sign(t, asked)).is(t, http.StatusUnprocessableEntity).
			says(t, "[role=alert]", word(text.Chinese, "error.passkey.refused"))
		signed := device.Sign(t, asked)
		half := other.cookie("ztc")
		other.post("/login/factor/passkey", "credential", signed).leads(t, "/admin")
		other.get("/admin/jobs").is(t, http.StatusOK)
		other.thief(half).get("/admin/jobs").leads(t, "/login")

		remove := other.get("/admin/security").Find("form[action$='/remove']").AttrOr("action", "")
		other.post(remove).is(t, http.StatusConflict).says(t, "#main", word(text.Chinese, "error.factor.last"))
		stranger, _ := s.member(t, models.RoleAdmin, "x@staff.test")
		stranger.post(remove).is(t, http.StatusNotFound)
	})
}

func TestStaffSessionsEndOnThePages(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, _ := s.member(t, models.RoleSupport, "s@staff.test")
		s.Clock.Add(30 * time.Minute)
		b.get("/admin/jobs").leads(t, "/login")
		b.signInTo("/admin", "s@staff.test")
		for range 8*3 - 1 {
			s.Clock.Add(20 * time.Minute)
			b.get("/admin/jobs").is(t, http.StatusOK)
		}
		s.Clock.Add(20 * time.Minute)
		b.get("/admin/jobs").leads(t, "/login")
	})
}

func TestOwnSessionsAreListedAndRevoked(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, _ := s.member(t, models.RoleSupport, "s@staff.test")
		second, third := s.browser(t), s.browser(t)
		second.signInTo("/admin", "s@staff.test")
		third.signInTo("/admin", "s@staff.test")
		other, _ := s.member(t, models.RoleAdmin, "o@staff.test")
		page := b.get("/admin/security").is(t, http.StatusOK)
		if n := page.Find("tbody tr").Length(); n != 3 {
			t.Fatalf("%d sessions are listed", n)
		}
		page.says(t, "tbody", word(text.Chinese, "security.sessions.own"))
		var foreign []string
		for _, row := range page.Find("tbody tr").EachIter() {
			if !strings.Contains(row.Text(), word(text.Chinese, "security.sessions.own")) {
				foreign = append(foreign, row.Find("form").AttrOr("action", ""))
			}
		}
		other.post(foreign[0]).is(t, http.StatusNotFound)
		for _, b := range []*browser{second, third} {
			b.get("/admin/jobs").is(t, http.StatusOK)
		}
		b.post(foreign[0]).leads(t, "/admin/security")
		b.get("/admin/security").says(t, "[role=status]", word(text.Chinese, "flash.session_revoked"))
		b.post(foreign[0]).is(t, http.StatusNotFound)
		alive := 0
		for _, b := range []*browser{second, third} {
			if b.get("/admin/jobs").StatusCode == http.StatusOK {
				alive++
			}
		}
		if alive != 1 {
			t.Errorf("%d of the two live", alive)
		}
		b.post("/admin/security/sessions/revoke").leads(t, "/admin/security")
		for _, b := range []*browser{second, third} {
			b.get("/admin/jobs").leads(t, "/login")
		}
		b.get("/admin/jobs").is(t, http.StatusOK)
	})
}

func TestAdminsLookAfterTheStaff(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		admin, _ := s.member(t, models.RoleAdmin, "admin@staff.test")
		b, _ := s.member(t, models.RoleSupport, "s@staff.test")
		s.employee(t, models.RoleFinance, "f@staff.test")
		s.member(t, models.RoleSeller, "seller@shop.test")
		page := admin.get("/admin/staff").is(t, http.StatusOK)
		if strings.Contains(page.body, "seller@shop.test") || page.Find("tbody tr").Length() != 3 {
			t.Errorf("%d members are listed", page.Find("tbody tr").Length())
		}
		row := page.Find("tbody tr").Last()
		revoke, reset := row.Find("form[action$='/revoke']").AttrOr("action", ""), row.Find("form[action$='/reset']").AttrOr("action", "")
		if !strings.Contains(row.Text(), "s@staff.test") || reset == "" {
			t.Fatalf("the last row reads %q", row.Text())
		}
		if page.Find("tbody tr").First().Find("form[action$='/reset']").Length() != 0 {
			t.Error("admins may reset their own factors")
		}
		admin.post(revoke).leads(t, "/admin/staff")
		admin.get("/admin/staff").says(t, "[role=status]", word(text.Chinese, "flash.staff_revoked"))
		b.get("/admin/jobs").leads(t, "/login")
		b.signInTo("/admin", "s@staff.test")
		admin.post(reset).leads(t, "/admin/staff")
		admin.get("/admin/staff").says(t, "[role=status]", word(text.Chinese, "flash.factors_reset"))
		b.get("/admin/jobs").leads(t, "/login")
		b.halfway("s@staff.test", "/admin/security/enrol")
		if acts := s.audits(t, "factor.reset"); len(acts) != 1 || !strings.HasPrefix(acts[0], "admin@staff.test user:") {
			t.Errorf("the trail: %v", acts)
		}
		own := strings.Replace(page.Find("tbody tr").First().Find("form[action$='/revoke']").AttrOr("action", ""), "/revoke", "/reset", 1)
		admin.post(own).is(t, http.StatusConflict).says(t, "#main", word(text.Chinese, "error.factor.own"))
		b.enrol("s@staff.test")
		b.get("/admin/staff").is(t, http.StatusForbidden)
		if n := b.get("/admin/jobs").Find("a[href='/admin/staff']").Length(); n != 0 {
			t.Error("support is led to a page that is not theirs")
		}
	})
}

// The demo tells its staff's code, so that a newcomer gets in at once; nobody
// else is told anything.
func TestTheDemoShowsTheCode(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, bench *modelstest.Bench) {
		s := newSite(t, bench, func(*handlers.Config) {})
		must(t, s.SeedDemo(t.Context()))
		b := s.browser(t)
		login := b.get("/login").is(t, http.StatusOK)
		its := &app{secret: models.DemoTOTPSecret}
		now := its.code(t, s.Clock.Now())
		if !strings.Contains(login.body, now) || !strings.Contains(login.body, models.DemoTOTPSecret) {
			t.Error("the sign-in page shows no code")
		}
		for range 2 { // at once again, with the next code
			b = s.browser(t)
			b.get("/login")
			b.post("/login", "email", "support@demo.test", "password", "demo-1234").leads(t, "/login/factor")
			shown := b.get("/login/factor").Find(".notice code").Text()
			b.post("/login/factor", "code", shown).leads(t, "/admin")
		}
		s.member(t, models.RoleSupport, "real@staff.test")
		own := s.browser(t)
		own.halfway("real@staff.test", "/login/factor")
		if own.get("/login/factor").Find(".notice code").Length() != 0 {
			t.Error("the page shows a code of somebody's own")
		}
	})
}

func TestProductionShowsNoCode(t *testing.T) {
	t.Parallel()
	for _, engine := range modelstest.Engines {
		t.Run(string(engine), func(t *testing.T) {
			bench := modelstest.OpenWith(t, engine, func(rules *models.Rules) { rules.Demo = false })
			s := newSite(t, bench, func(cfg *handlers.Config) { cfg.Demo = false })
			if page := s.browser(t).get("/login").is(t, http.StatusOK); strings.Contains(page.body, models.DemoTOTPSecret) || strings.Contains(page.body, "demo-1234") {
				t.Error("production shows the demo's secrets")
			}
		})
	}
}
