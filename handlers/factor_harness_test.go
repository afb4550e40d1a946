package handlers_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"ztc-portal/models/modelstest"
)

// app is an authenticator app: it knows a secret, and which of its codes were
// used.
type app struct {
	secret string
	last   int64 // time step of the last code given
}

const step = 30 * time.Second

// code is what the app shows at an instant.
func (a *app) code(t testing.TB, at time.Time) string {
	t.Helper()
	code, err := totp.GenerateCode(a.secret, at)
	must(t, err)
	return code
}

// next is a code that was not used yet; it is waited for where there is none.
func (a *app) next(t testing.TB, clock *modelstest.Clock) string {
	t.Helper()
	now := clock.Now().Unix() / 30
	a.last = max(a.last+1, now-1)
	if a.last > now+1 {
		clock.Add(time.Duration(a.last-now-1) * step)
	}
	return a.code(t, time.Unix(a.last*30, 0))
}

// enrol signs a new member of staff in, who sets an authenticator app up; it
// gives the recovery codes.
func (b *browser) enrol(email string) []string {
	b.t.Helper()
	b.email = email
	b.get("/login")
	b.post("/login", "email", email, "password", password).leads(b.t, "/admin/security/enrol")
	page := b.get("/admin/security/enrol").is(b.t, http.StatusOK)
	its := &app{secret: strings.Join(strings.Fields(page.Find("ol code").First().Text()), "")}
	b.site.apps[email] = its
	done := b.post("/admin/security/enrol", "code", its.next(b.t, b.site.Clock)).is(b.t, http.StatusOK)
	b.get("/admin/jobs").is(b.t, http.StatusOK)
	return done.codes()
}

// codes are the recovery codes that a page shows.
func (a answer) codes() (codes []string) {
	for _, code := range a.Find("[data-codes] code").EachIter() {
		codes = append(codes, code.Text())
	}
	return codes
}
