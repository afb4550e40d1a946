package handlers_test

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"ztc-portal/handlers/api"
	"ztc-portal/models"
	"ztc-portal/static"
	"ztc-portal/views/text"
)

// open are the routes that anybody may ask; every other one is for sellers, but
// for the API's own, which ask for a key.
var open = []string{
	"/healthz", "/readyz", "/metrics", "/static/*", "/notify/:rail", "/return/:rail", "/return/unionpay", "/api/docs", "/api/openapi.yaml",
	"/login", "/logout", "/preferences", "/", "/*", "/forgot", "/reset", "/join",
}

func ofAPI(route *echo.Route) bool {
	return route.Path == api.Prefix || strings.HasPrefix(route.Path, api.Prefix+"/")
}

// unsafe are the routes that change something and are neither a gateway's nor
// an engine's.
func (s *site) unsafe() []*echo.Route {
	var some []*echo.Route
	for _, route := range s.routes {
		if (route.Method == http.MethodPost || route.Method == http.MethodPut) && !strings.HasPrefix(route.Path, "/notify/") && !strings.HasPrefix(route.Path, "/return/") && !ofAPI(route) {
			some = append(some, route)
		}
	}
	return some
}

// theirs are a seller's payment, campaign and keyword.
type theirs struct {
	no                string
	campaign, keyword int64
}

func (s *site) belongings(t *testing.T, account int64) theirs {
	t.Helper()
	draft, err := s.DraftRecharge(t.Context(), account, models.RechargeInput{Amount: "300", Method: "alipay"})
	must(t, err)
	id := s.campaigns(t, account, 100*yuan)[0]
	_, keywords, err := s.CampaignDetail(t.Context(), account, id)
	must(t, err)
	return theirs{draft.No, id, keywords[0].ID}
}

// at fills the placeholders of a route.
func (o theirs) at(path string) string {
	return strings.NewReplacer(":no", o.no, ":id", strconv.FormatInt(o.campaign, 10), ":kid", strconv.FormatInt(o.keyword, 10)).Replace(path)
}

func TestRoutesKnowTheirMethods(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		for _, route := range s.routes {
			if !slices.Contains([]string{http.MethodGet, http.MethodPost, http.MethodPut, echo.RouteNotFound}, route.Method) {
				t.Errorf("%s %s: the tests of this file know nothing of the method", route.Method, route.Path)
			}
		}
		if n := len(s.unsafe()); n < 10 {
			t.Errorf("only %d unsafe routes were found", n)
		}
	})
}

func TestEveryUnsafeRouteWantsTheSessionsOwnToken(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, account := s.seller(t)
		own := s.belongings(t, account)
		other, _ := s.member(t, models.RoleSeller, "other@shop.test")
		stranger := s.browser(t)
		stranger.get("/login")
		for _, route := range s.unsafe() {
			path := own.at(route.Path)
			for what, body := range map[string]string{
				"no token": "", "an empty token": "csrf=", "a wrong token": "csrf=" + b.token + "x",
				"another session's token": "csrf=" + other.token, "a stranger's token": "csrf=" + stranger.token,
			} {
				answer := b.do(route.Method, path, body)
				if answer.StatusCode != http.StatusForbidden {
					t.Errorf("%s with %s: %s", path, what, answer.Status)
				}
				answer.says(t, "#main", word(text.Chinese, "error.form_token"))
			}
			if answer := b.do(route.Method, path+"?csrf="+b.token, ""); answer.StatusCode != http.StatusForbidden {
				t.Errorf("%s with the token in the address: %s", path, answer.Status)
			}
		}
		if p := s.payment(t, own.no); p.State != models.PaymentDraft {
			t.Errorf("the payment became %s", p.State)
		}
		b.post(own.at("/campaigns/:id/pause"), "switched_on", "0").leads(t, own.at("/campaigns/:id"))
	})
}

func TestStrangersAreSentToSignIn(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		_, account := s.seller(t)
		own := s.belongings(t, account)
		stranger := s.browser(t)
		stranger.get("/login")
		guarded := 0
		for _, route := range s.routes {
			if slices.Contains(open, route.Path) || ofAPI(route) {
				continue
			}
			guarded++
			path := own.at(route.Path)
			if route.Method == http.MethodPost || route.Method == http.MethodPut {
				stranger.do(route.Method, path, "csrf="+stranger.token).leads(t, "/login")
				continue
			}
			stranger.get(path).leads(t, "/login")
			if answer := stranger.get(path, part).is(t, http.StatusNoContent); answer.Header.Get("HX-Location") != "/login" {
				t.Errorf("%s leads a part to %q", path, answer.Header.Get("HX-Location"))
			}
		}
		if guarded < 15 {
			t.Errorf("only %d routes are for sellers", guarded)
		}
		stranger.get("/").leads(t, "/account")
	})
}

func TestWhatIsAnothersIsNotFound(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		_, account := s.seller(t)
		foreign := s.belongings(t, account)
		b, mine := s.member(t, models.RoleSeller, "other@shop.test")
		own := s.belongings(t, mine)
		asked := 0
		for _, route := range s.routes {
			if !strings.Contains(route.Path, ":no") && !strings.Contains(route.Path, ":id") {
				continue
			}
			for _, path := range []string{
				foreign.at(route.Path), theirs{"R261124AAAAAAAAAAAAAA", 999999, 999999}.at(route.Path), theirs{"x'--", -1, 0}.at(route.Path),
			} {
				asked++
				answer := b.get(path)
				if route.Method == http.MethodPost {
					answer = b.post(path, "budget", "300", "bid", "1", "switched_on", "0")
				}
				if answer.StatusCode != http.StatusNotFound {
					t.Errorf("%s %s: %s", route.Method, path, answer.Status)
				}
			}
		}
		if asked < 27 {
			t.Errorf("only %d were asked", asked)
		}
		mixed := theirs{own.no, own.campaign, foreign.keyword}
		b.post(mixed.at("/campaigns/:id/keywords/:kid"), "bid", "1").is(t, http.StatusNotFound)
		b.post("/campaigns/restart", "campaign_id", strconv.FormatInt(foreign.campaign, 10)).is(t, http.StatusNotFound)
		if p := s.payment(t, foreign.no); p.State != models.PaymentDraft {
			t.Errorf("the other's payment became %s", p.State)
		}
	})
}

func TestStaffHaveNoAccount(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, _ := s.member(t, models.RoleSupport, "staff@shop.test")
		for _, path := range []string{"/account", "/recharge", "/payments", "/campaigns/restart"} {
			b.get(path).is(t, http.StatusForbidden).says(t, "#main", word(text.Chinese, "error.staff_has_no_account"))
		}
	})
}

func TestErrorPagesSpeakBothLanguages(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		seller, _ := s.seller(t)
		for _, b := range []*browser{s.browser(t), seller} {
			for _, lang := range text.Languages {
				b.lang = lang
				missing := b.get("/nowhere").is(t, http.StatusNotFound)
				missing.isPage(t)
				missing.says(t, "#main", word(lang, "error.not_found"))
				missing.says(t, "#main", missing.Header.Get("X-Request-Id"))
				b.get("/nowhere", part).is(t, http.StatusNotFound).isPart(t)
				for path, allow := range map[string]string{"/logout": "POST", "/notify/alipay": "POST", "/campaigns/7/budget": "POST"} {
					wrong := b.get(path).is(t, http.StatusMethodNotAllowed)
					wrong.isPage(t)
					wrong.says(t, "h1", word(lang, "failure.422.title"))
					if wrong.Header.Get("Allow") != allow {
						t.Errorf("%s: Allow is %q", path, wrong.Header.Get("Allow"))
					}
				}
				b.do(http.MethodDelete, "/account", "").is(t, http.StatusForbidden)
			}
		}
	})
}

func TestHeadersOfPrivatePages(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, _ := s.seller(t)
		for _, path := range []string{"/login", "/account", "/recharge", "/payments", "/ledger", "/campaigns", "/campaigns/restart", "/nowhere"} {
			got := b.get(path).Header
			for name, want := range map[string]string{
				"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin",
				"Cross-Origin-Opener-Policy": "same-origin",
			} {
				if got.Get(name) != want {
					t.Errorf("%s: %s is %q", path, name, got.Get(name))
				}
			}
			policy := got.Get("Content-Security-Policy")
			for _, want := range []string{
				"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'",
				"form-action 'self' " + s.far.URL,
			} {
				if !strings.Contains(policy, want) {
					t.Errorf("%s: the policy lacks %q", path, want)
				}
			}
			if strings.Contains(policy, "unsafe") {
				t.Errorf("%s: the policy is %q", path, policy)
			}
		}
		page := b.get("/account")
		if n := page.Find("[style], script:not([src]), [onclick], [onsubmit]").Length(); n > 0 {
			t.Errorf("%d things stand in the page that its policy forbids", n)
		}
	})
}

func TestStaticFilesAreKeptByVersion(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b := s.browser(t)
		for path, want := range map[string]string{
			static.URL("app.css"): "public, max-age=31536000, immutable", "/static/app.css": "no-cache", "/static/app.css?v=old": "no-cache",
		} {
			answer := b.get(path).is(t, http.StatusOK)
			if got := answer.Header.Get("Cache-Control"); got != want || !strings.HasPrefix(answer.Header.Get("Content-Type"), "text/css") {
				t.Errorf("%s: %q, %s", path, got, answer.Header.Get("Content-Type"))
			}
			if len(answer.Cookies()) > 0 {
				t.Errorf("%s sets a cookie", path)
			}
		}
		for _, path := range []string{"/static/", "/static/nothing.js?v=" + static.Version, "/static/../handlers.go", "/static/%2e%2e/embed.go"} {
			answer := b.get(path)
			if answer.StatusCode != http.StatusNotFound || strings.Contains(answer.Header.Get("Cache-Control"), "immutable") {
				t.Errorf("%s: %s, %q", path, answer.Status, answer.Header.Get("Cache-Control"))
			}
		}
	})
}

func TestBodiesAreLimited(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, account := s.seller(t)
		long := strings.Repeat("9", 64<<10)
		b.post("/recharge", "amount", long, "method", "alipay").is(t, http.StatusRequestEntityTooLarge).isPage(t)
		chunked := func(r *http.Request) { r.ContentLength = -1 }
		b.send("/recharge", []string{"amount", long, "method", "alipay"}, chunked).is(t, http.StatusRequestEntityTooLarge)
		b.post("/admin/statements/import", "amount", long).is(t, http.StatusRequestEntityTooLarge) // which takes a file, and no more of a form than others
		b.do(http.MethodPost, "/recharge", "csrf="+b.token+"&amount=%zz").is(t, http.StatusUnprocessableEntity).
			says(t, "#main", word(text.Chinese, "error.form"))
		if n := len(s.payments(t, account)); n != 0 {
			t.Errorf("%d payments were stored", n)
		}
	})
}

func TestMachinesAreAnswered(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b := s.browser(t)
		for path, want := range map[string]string{"/healthz": "ok\n", "/readyz": "ready\n", "/metrics": "figures"} {
			answer := b.get(path).is(t, http.StatusOK)
			if answer.body != want || len(answer.Cookies()) > 0 {
				t.Errorf("%s says %q and sets %d cookies", path, answer.body, len(answer.Cookies()))
			}
		}
		s.ready = errDown
		if answer := b.get("/readyz").is(t, http.StatusServiceUnavailable); strings.Contains(answer.body, errDown.Error()) {
			t.Errorf("/readyz tells the world %q", answer.body)
		}
		b.get("/healthz").is(t, http.StatusOK)
	})
}

func TestFailuresAreNotShown(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, _ := s.seller(t)
		must(t, s.Close())
		answer := b.get("/account").is(t, http.StatusInternalServerError)
		if strings.Contains(answer.body, "sql") || strings.Contains(answer.body, "closed") {
			t.Errorf("the page shows %.300q", answer.body)
		}
		answer.says(t, "body", word(text.Chinese, "failure.500.title"))
	})
}
