package handlers_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
	"ztc-portal/views/text"
)

// Every page and form that changes second factors leads to the one page that
// asks who it is, and from there back, once five minutes have gone by.
func TestChangingFactorsAsksAgainWhoItIs(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, _ := s.member(t, models.RoleAdmin, "a@staff.test")
		s.member(t, models.RoleSupport, "o@staff.test")
		device := modelstest.NewAuthenticator(t)
		b.post("/admin/security/passkeys", "name", "Laptop", "credential", device.Create(t, []byte(b.post("/admin/security/passkeys/options").body))).leads(t, "/admin/security")
		remove := b.get("/admin/security").Find("form[action$='/remove']").AttrOr("action", "")
		reset := b.get("/admin/staff").Find("form[action$='/reset']").AttrOr("action", "")
		its := s.apps["a@staff.test"]
		const enrol, security, staff = "%2Fadmin%2Fsecurity%2Fenrol", "%2Fadmin%2Fsecurity", "%2Fadmin%2Fstaff"
		for _, lang := range text.Languages {
			b.lang = lang
			s.Clock.Add(5*time.Minute + time.Second)
			for name, back := range map[string]string{
				"GET /admin/security/enrol": enrol, "POST /admin/security/enrol": enrol,
				"POST /admin/security/codes": security, "POST " + remove: security, "POST " + reset: staff,
			} {
				method, path, _ := strings.Cut(name, " ")
				answer := b.do(method, path, "csrf="+b.token+"&code=000000")
				if to := answer.Header.Get("Location"); answer.StatusCode != http.StatusSeeOther || to != "/admin/security/confirm?next="+back {
					t.Errorf("%s: %d, leads to %q", name, answer.StatusCode, to)
				}
			}
			refused := b.post("/admin/security/passkeys/options").is(t, http.StatusForbidden)
			if strings.TrimSpace(refused.body) != `{"confirm":"/admin/security/confirm?next=`+enrol+`"}` {
				t.Errorf("the script is told %s", refused.body)
			}
			if n := len(s.audits(t, "factor.reset")) + len(s.audits(t, "passkey.remove")) + len(s.audits(t, "recovery.renew")); n != 0 {
				t.Fatalf("%d acts were done by a session left open", n)
			}
			page := b.get("/admin/security/confirm?next="+staff).is(t, http.StatusOK)
			page.says(t, "h1", word(lang, "again.title"))
			for _, form := range page.Find("#main form").EachIter() {
				if form.Find("[name=next]").AttrOr("value", "") != "/admin/staff" {
					t.Error("a form knows no way back")
				}
			}
			if page.Find("form[data-passkey=get]").AttrOr("action", "") != "/admin/security/confirm/passkey" {
				t.Error("the page asks for no passkey")
			}
			wrong := b.post("/admin/security/confirm", "code", "000000", "next", "/admin/staff").is(t, http.StatusUnprocessableEntity)
			wrong.says(t, "#code-error", word(lang, "error.factor.wrong"))
			if wrong.Find("[name=next]").Last().AttrOr("value", "") != "/admin/staff" {
				t.Error("the way back is forgotten")
			}
			b.post("/admin/security/confirm", "next", "/admin/staff").is(t, http.StatusUnprocessableEntity).says(t, "#code-error", word(lang, "error.factor.empty"))
			b.post("/admin/security/confirm", "code", its.next(t, s.Clock), "next", "/admin/staff").leads(t, "/admin/staff")
			b.get("/admin/staff").says(t, "[role=status]", word(lang, "flash.confirmed"))
			b.get("/admin/security/enrol").is(t, http.StatusOK)
		}
		s.Clock.Add(5*time.Minute + time.Second)
		options := b.post("/admin/security/confirm/passkey/options").is(t, http.StatusOK)
		b.post("/admin/security/confirm/passkey", "credential", "{}", "next", "/admin/security/enrol").is(t, http.StatusUnprocessableEntity).
			says(t, "[role=alert]", word(b.lang, "error.passkey.refused"))
		device.Counter++
		b.post("/admin/security/confirm/passkey", "credential", device.Sign(t, []byte(options.body)), "next", "/admin/security/enrol").leads(t, "/admin/security/enrol")
		b.post(reset).leads(t, "/admin/staff")
		b.post(remove).leads(t, "/admin/security")
		if n := len(b.post("/admin/security/codes").is(t, http.StatusOK).codes()); n != models.RecoveryCodes {
			t.Errorf("%d new codes", n)
		}
	})
}

// The page leads back to the staff's own pages and nowhere else.
func TestConfirmingLeadsToOwnPathsOnly(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, _ := s.member(t, models.RoleSupport, "s@staff.test")
		its := s.apps["s@staff.test"]
		for _, far := range []string{"https://evil.test/admin/", "//evil.test/admin/", `/\evil.test`, "javascript:alert(1)", "/account", "/adminevil", "", "admin/staff"} {
			b.post("/admin/security/confirm", "code", its.next(t, s.Clock), "next", far).leads(t, "/admin/security")
		}
		b.post("/admin/security/confirm", "code", its.next(t, s.Clock), "next", "/admin/audit?who=a&x=%2F").leads(t, "/admin/audit?who=a&x=%2F")
	})
}

func TestConfirmationsAreThrottledOnThePage(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, _ := s.member(t, models.RoleSupport, "s@staff.test")
		for range 5 {
			b.post("/admin/security/confirm", "code", "000000").is(t, http.StatusUnprocessableEntity)
		}
		answer := b.post("/admin/security/confirm", "code", s.apps["s@staff.test"].next(t, s.Clock)).is(t, http.StatusTooManyRequests)
		answer.says(t, "[role=alert]", word(text.Chinese, "error.sign_in.too_many", "Minutes", 15))
		if wait := answer.Header.Get("Retry-After"); wait != "900" {
			t.Errorf("Retry-After is %q", wait)
		}
	})
}
