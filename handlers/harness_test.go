package handlers_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/labstack/echo/v4"

	"ztc-portal/gateways"
	"ztc-portal/gateways/gatewaystest"
	"ztc-portal/handlers"
	"ztc-portal/models"
	"ztc-portal/models/modelstest"
	"ztc-portal/views/text"
)

const (
	yuan     = models.Yuan
	password = "long enough"
)

// site is the whole portal behind a real server, with a sandbox to pay at.
type site struct {
	*modelstest.Bench
	url     string
	far     *gatewaystest.Alipay
	rails   *gateways.Rails
	handler http.Handler
	routes  []*echo.Route
	ready   error
	apps    map[string]*app // authenticator apps of the staff, by e-mail
}

// eachSite runs a test on every engine.
func eachSite(t *testing.T, test func(*testing.T, *site)) {
	t.Helper()
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) { test(t, newSite(t, b, func(*handlers.Config) {})) })
}

func newSite(t *testing.T, b *modelstest.Bench, change func(*handlers.Config)) *site {
	t.Helper()
	s := &site{Bench: b, apps: map[string]*app{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	s.url = server.URL
	s.far = gatewaystest.OpenAlipay(t, b.Clock.Now)
	s.rails = s.far.Rails(b.Store, server.URL)
	cfg := handlers.Config{
		Store: b.Store, Rails: s.rails, Log: slog.New(slog.DiscardHandler), Secret: bytes.Repeat([]byte{7}, 32), Demo: true,
		Cashiers: []string{s.far.URL}, Ready: func(context.Context) error { return s.ready },
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "figures") }),
		Queue:   http.HandlerFunc(queuePage),
	}
	change(&cfg)
	s.handler = handlers.New(cfg)
	s.routes = s.handler.(*echo.Echo).Routes()
	return s
}

// browser is one person's: it keeps cookies, follows nothing, and sends forms
// with the token that the last page gave.
type browser struct {
	t      testing.TB
	site   *site
	client *http.Client
	lang   string
	token  string
	email  string
}

func (s *site) browser(t testing.TB) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	must(t, err)
	return &browser{t: t, site: s, lang: text.Chinese, client: &http.Client{
		Jar: jar, Timeout: 20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// member is a user of the role with a browser that is signed in; account is 0
// for staff.
func (s *site) member(t testing.TB, role models.Role, email string) (*browser, int64) {
	t.Helper()
	in := models.NewUser{Email: email, Password: password, Role: role}
	if role == models.RoleSeller {
		in.ShopName = "Shop of " + email
	}
	account, err := s.CreateUser(t.Context(), models.Actor{}, in)
	must(t, err)
	b := s.browser(t)
	if role.IsStaff() {
		b.enrol(email)
	} else {
		b.signIn(email)
	}
	return b, account
}

func (s *site) seller(t testing.TB) (*browser, int64) {
	t.Helper()
	return s.member(t, models.RoleSeller, "seller@shop.test")
}

// signIn signs a seller in.
func (b *browser) signIn(email string) {
	b.t.Helper()
	b.signInTo("/account", email)
}

// signInTo signs somebody in whose first page is at the path.
func (b *browser) signInTo(path, email string) {
	b.t.Helper()
	b.email = email
	b.get("/login")
	answer := b.post("/login", "email", email, "password", password)
	if its := b.site.apps[email]; its != nil {
		answer.leads(b.t, "/login/factor")
		b.get("/login/factor").is(b.t, http.StatusOK)
		answer = b.post("/login/factor", "code", its.next(b.t, b.site.Clock))
	}
	answer.leads(b.t, path)
	b.get(path).is(b.t, http.StatusOK)
}

// campaigns makes campaigns of the account with these daily budgets.
func (s *site) campaigns(t testing.TB, account int64, budgets ...models.Fen) []int64 {
	t.Helper()
	ids := make([]int64, len(budgets))
	for i, budget := range budgets {
		id, err := s.CreateCampaign(t.Context(), models.Actor{}, account, models.NewCampaign{
			Name: "Campaign " + string(rune('A'+i)), Budget: budget, SwitchedOn: true,
			Keywords: []models.NewKeyword{{Phrase: "tea", Bid: 120, Quality: 7}},
		})
		must(t, err)
		ids[i] = id
	}
	return ids
}

// credit pays an amount in, without a gateway.
func (s *site) credit(t testing.TB, account int64, amount models.Fen) {
	t.Helper()
	p := s.Pending(t, account, amount.Wire())
	_, err := s.SettlePayment(t.Context(), s.Receipt(p), 0)
	must(t, err)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// answer is what the portal answered, its body parsed.
type answer struct {
	*http.Response
	body string
	*goquery.Document
}

// option changes a request before it is sent.
type option func(*http.Request)

func header(name, value string) option {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

// part asks for a part of a page, as htmx does.
func part(r *http.Request) {
	r.Header.Set("HX-Request", "true")
	r.Header.Set("HX-Request-Type", "partial")
}

func (b *browser) get(path string, options ...option) answer {
	b.t.Helper()
	return b.do(http.MethodGet, path, "", options...)
}

// post sends a form of name and value pairs with the token.
func (b *browser) post(path string, pairs ...string) answer {
	b.t.Helper()
	return b.send(path, pairs)
}

func (b *browser) postPart(path string, pairs ...string) answer {
	b.t.Helper()
	return b.send(path, pairs, part)
}

func (b *browser) send(path string, pairs []string, options ...option) answer {
	b.t.Helper()
	form := url.Values{"csrf": {b.token}}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return b.do(http.MethodPost, path, form.Encode(), options...)
}

func (b *browser) do(method, path, body string, options ...option) answer {
	b.t.Helper()
	request, err := http.NewRequest(method, b.site.url+path, strings.NewReader(body))
	must(b.t, err)
	request.Header.Set("Accept-Language", b.lang)
	if method != http.MethodGet {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, change := range options {
		change(request)
	}
	response, err := b.client.Do(request)
	must(b.t, err)
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	must(b.t, err)
	document, err := goquery.NewDocumentFromReader(bytes.NewReader(content))
	must(b.t, err)
	if token, ok := document.Find("input[name=csrf]").Attr("value"); ok {
		b.token = token
	}
	return answer{response, string(content), document}
}

func (a answer) is(t testing.TB, status int) answer {
	t.Helper()
	if a.StatusCode != status {
		t.Fatalf("%s %s: %s, want %d", a.Request.Method, a.Request.URL.Path, a.Status, status)
	}
	return a
}

// leads wants a redirect to a path of ours.
func (a answer) leads(t testing.TB, path string) {
	t.Helper()
	a.is(t, http.StatusSeeOther)
	if got := a.Header.Get("Location"); got != path {
		t.Fatalf("%s %s leads to %q, want %q", a.Request.Method, a.Request.URL.Path, got, path)
	}
}

// says wants words in what the selector finds.
func (a answer) says(t testing.TB, selector, words string) {
	t.Helper()
	if got := strings.Join(strings.Fields(a.Find(selector).Text()), " "); !strings.Contains(got, words) {
		t.Errorf("%s %s: %s reads %.200q, want %q", a.Request.Method, a.Request.URL.Path, selector, got, words)
	}
}

// isPart wants a part of a page, isPage a whole one.
func (a answer) isPart(t testing.TB) {
	t.Helper()
	if strings.Contains(a.body, "<html") || a.body == "" {
		t.Errorf("%s %s gives no part", a.Request.Method, a.Request.URL.Path)
	}
}

func (a answer) isPage(t testing.TB) {
	t.Helper()
	if !strings.HasPrefix(a.body, "<!doctype html>") && !strings.HasPrefix(a.body, "<!DOCTYPE html>") {
		t.Errorf("%s %s gives no page", a.Request.Method, a.Request.URL.Path)
	}
}

func (a answer) value(selector string) string {
	value, _ := a.Find(selector).Attr("value")
	return value
}

// word is a text of the catalogue in a language.
func word(lang, key string, args ...any) string {
	return text.T(text.With(context.Background(), lang), key, args...)
}

// payments counts the account's payments.
func (s *site) payments(t testing.TB, account int64) []models.Payment {
	t.Helper()
	rows, _, err := s.Payments(t.Context(), account, models.PaymentFilter{}, models.Keyset{})
	must(t, err)
	return rows
}

func (s *site) payment(t testing.TB, no string) models.Payment {
	t.Helper()
	p, err := s.PaymentByNo(t.Context(), no)
	must(t, err)
	return p
}

func (s *site) cash(t testing.TB, account int64) models.Fen {
	t.Helper()
	desk, err := s.RechargeDesk(t.Context(), account)
	must(t, err)
	return desk.Funds.Cash
}

// becomes waits until the payment stands in a state.
func (s *site) becomes(t testing.TB, no string, want models.PaymentState) {
	t.Helper()
	gatewaystest.Eventually(t, "the payment becomes "+string(want), func() bool { return s.payment(t, no).State == want })
}

var errDown = errors.New("the database is gone")
