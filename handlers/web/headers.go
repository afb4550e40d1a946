package web

import (
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"
)

// Headers sets what browsers must obey: no script or style that is not ours,
// forms that lead nowhere but here and to the gateways' cashiers, no copy of a
// private page in any cache; and where the portal is secure, https only.
func Headers(secure bool, cashiers ...string) echo.MiddlewareFunc {
	policy := "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; " +
		"connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action " + strings.Join(append([]string{"'self'"}, origins(cashiers)...), " ")
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			h := c.Response().Header()
			h.Set("Content-Security-Policy", policy)
			h.Set("X-Content-Type-Options", "nosniff")
			h.Set("Referrer-Policy", "same-origin")
			h.Set("Cross-Origin-Opener-Policy", "same-origin")
			h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
			h.Set("Cache-Control", "no-store")
			if secure {
				h.Set("Strict-Transport-Security", "max-age=31536000")
			}
			return next(c)
		}
	}
}

// QueuePolicy is the narrower frame of River's own page of the job queue: it
// submits no form and draws on no other origin. Unlike our pages it sets styles
// from its scripts, which a policy can only permit as inline styles.
const QueuePolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; " +
	"connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'"

// OwnRequestID drops a request id that the client made up, so that what stands
// in the log and on a page is ours.
func OwnRequestID(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		c.Request().Header.Del(echo.HeaderXRequestID)
		return next(c)
	}
}

// origins gives the origins of cashiers. Browsers hold a form's redirects to
// the policy too, and a provider's cashier moves between hosts of its domain,
// so for https the whole domain is named.
func origins(cashiers []string) []string {
	var all []string
	for _, cashier := range cashiers {
		u, err := url.Parse(cashier)
		if err != nil || u.Host == "" {
			continue
		}
		all = append(all, u.Scheme+"://"+u.Host)
		labels := strings.Split(u.Hostname(), ".")
		if n := len(labels); u.Scheme == "https" && n > 2 {
			all = append(all, "https://*."+strings.Join(labels[n-2:], "."))
		}
	}
	return all
}
