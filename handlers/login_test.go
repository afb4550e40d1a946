package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"ztc-portal/handlers"
	"ztc-portal/models"
	"ztc-portal/models/modelstest"
	"ztc-portal/views/text"
)

func (b *browser) cookie(name string) string {
	b.t.Helper()
	home, err := url.Parse(b.site.url)
	must(b.t, err)
	for _, cookie := range b.client.Jar.Cookies(home) {
		if cookie.Name == name {
			return cookie.Value
		}
	}
	return ""
}

// thief is a browser with a copy of a session cookie.
func (b *browser) thief(cookie string) *browser {
	b.t.Helper()
	other := b.site.browser(b.t)
	home, err := url.Parse(b.site.url)
	must(b.t, err)
	other.client.Jar.SetCookies(home, []*http.Cookie{{Name: "ztc", Value: cookie, Path: "/"}})
	return other
}

func TestSessionChangesAtSignInAndEndsAtSignOut(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		_, err := s.CreateUser(t.Context(), models.Actor{}, models.NewUser{Email: "a@shop.test", Password: password, Role: models.RoleSeller, ShopName: "A"})
		must(t, err)
		b := s.browser(t)
		b.get("/login").is(t, http.StatusOK)
		before, tokenBefore := b.cookie("ztc"), b.token
		b.signIn("a@shop.test")
		first := b.cookie("ztc")
		if first == before || b.token == tokenBefore {
			t.Error("the session is the one from before the sign-in")
		}
		b.thief(before).get("/account").leads(t, "/login")
		b.thief(first).get("/account").is(t, http.StatusOK)
		b.get("/login").leads(t, "/account")

		b.post("/login", "email", "a@shop.test", "password", password).leads(t, "/account")
		b.thief(first).get("/account").leads(t, "/login") // signing in again ended the first session
		second := b.cookie("ztc")
		b.get("/account").is(t, http.StatusOK)
		b.post("/logout").leads(t, "/login")
		b.thief(second).get("/account").leads(t, "/login")
		b.get("/account").leads(t, "/login")
		b.get("/login").says(t, "#main", word(text.Chinese, "flash.signed_out"))
	})
}

func TestSessionEnds(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, _ := s.seller(t)
		s.Clock.Add(s.Rules().SessionTTL + time.Second)
		b.get("/account").leads(t, "/login")
	})
}

func TestForgedCookieIsNoSession(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, _ := s.seller(t)
		genuine := b.cookie("ztc")
		for _, forged := range []string{"", "x", genuine[:len(genuine)-2], "A" + genuine, strings.ToUpper(genuine)} {
			b.thief(forged).get("/account").leads(t, "/login")
		}
	})
}

func TestSessionCookieFlags(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		for _, secure := range []bool{false, true} {
			s := newSite(t, b, func(cfg *handlers.Config) { cfg.Secure = secure })
			answer := s.browser(t).get("/login").is(t, http.StatusOK)
			name := map[bool]string{false: "ztc", true: "__Host-ztc"}[secure]
			if n := len(answer.Cookies()); n != 1 {
				t.Fatalf("%d cookies are set", n)
			}
			cookie := answer.Cookies()[0]
			if cookie.Name != name || !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Secure != secure ||
				cookie.Path != "/" || cookie.Domain != "" || cookie.MaxAge != int(b.Rules().SessionTTL.Seconds()) {
				t.Errorf("secure %v: the cookie is %s", secure, cookie.Raw)
			}
			if hsts := answer.Header.Get("Strict-Transport-Security"); (hsts != "") != secure {
				t.Errorf("secure %v: Strict-Transport-Security is %q", secure, hsts)
			}
		}
	})
}

func TestSignInRefusals(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		s.seller(t)
		for _, lang := range text.Languages {
			b := s.browser(t)
			b.lang = lang
			b.get("/login")
			for _, email := range []string{"seller@shop.test", "nobody@shop.test"} {
				answer := b.post("/login", "email", email, "password", "wrong <b>word").is(t, http.StatusUnprocessableEntity)
				answer.isPage(t)
				answer.says(t, "form [role=alert]", word(lang, "error.sign_in.wrong"))
				if answer.value("#email") != email || answer.value("#password") != "" || strings.Contains(answer.body, "wrong ") {
					t.Errorf("kept are %q and %q", answer.value("#email"), answer.value("#password"))
				}
			}
			empty := b.post("/login").is(t, http.StatusUnprocessableEntity)
			empty.says(t, "#email-error", word(lang, "error.email.empty"))
			empty.says(t, "#password-error", word(lang, "error.password.empty"))
		}
	})
}

func TestSignInIsThrottled(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		_, err := s.CreateUser(t.Context(), models.Actor{}, models.NewUser{Email: "other@shop.test", Password: password, Role: models.RoleSeller, ShopName: "B"})
		must(t, err)
		s.seller(t)
		b := s.browser(t)
		b.get("/login")
		for range 5 {
			b.post("/login", "email", "seller@shop.test", "password", "wrong").is(t, http.StatusUnprocessableEntity)
		}
		answer := b.post("/login", "email", " SELLER@shop.test", "password", password).is(t, http.StatusTooManyRequests)
		answer.says(t, "form [role=alert]", word(text.Chinese, "error.sign_in.too_many", "Minutes", 15))
		if wait := answer.Header.Get("Retry-After"); wait != "900" {
			t.Errorf("Retry-After is %q", wait)
		}
		s.browser(t).signIn("other@shop.test")
		s.Clock.Add(16 * time.Minute)
		s.browser(t).signIn("seller@shop.test")
	})
}

func TestPreferences(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, _ := s.seller(t)
		b.get("/recharge").says(t, "h1", word(text.Chinese, "recharge.title"))
		b.post("/preferences", "lang", "en", "back", "/recharge?amount=300").leads(t, "/recharge?amount=300")
		page := b.get("/recharge")
		page.says(t, "h1", word(text.English, "recharge.title"))
		if lang, _ := page.Find("html").Attr("lang"); lang != "en" {
			t.Errorf("the page's language is %q", lang)
		}
		b.post("/preferences", "theme", "dark", "back", "/account").leads(t, "/account")
		if theme, _ := b.get("/account").Find("html").Attr("data-theme"); theme != "dark" && !strings.Contains(theme, "dark") {
			t.Errorf("the theme is %q", theme)
		}
		answer := b.post("/preferences", "lang", "xx\"><script>", "theme", "neon", "back", "https://evil.test/")
		answer.leads(t, "/account")
		for _, cookie := range answer.Cookies() {
			if cookie.Name == "lang" || cookie.Name == "theme" {
				t.Errorf("kept is %s", cookie.Raw)
			}
		}
	})
}
