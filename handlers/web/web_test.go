package web_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"ztc-portal/handlers/web"
	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

func TestOwnPathLeadsNowhereElse(t *testing.T) {
	const home = "/account"
	for path, want := range map[string]string{
		"/recharge": "/recharge", "/recharge?amount=300&method=alipay": "/recharge?amount=300&method=alipay", "/": "/",
		"/payments/R1#top": "/payments/R1", "/a b": "/a%20b", "/%E8%B4%A6": "/%E8%B4%A6",
		"": home, "recharge": home, "?a=1": home, "#x": home,
		"//evil.test/": home, "///evil.test/": home, "//evil.test@ours/": home, "/\\evil.test": home, "\\\\evil.test": home, "/\\/evil.test": home,
		"https://evil.test/": home, "HTTPS://evil.test": home, "https:evil.test": home, "http:/evil.test": home, "//": home,
		"javascript:alert(1)": home, "data:text/html,x": home, " /recharge": home, " //evil.test": home,
		"/\n/evil.test": home, "/\t/evil.test": home, "/ok\r\nSet-Cookie: a=b": home, "/\x00": home, "/%zz": home, "mailto:a@evil.test": home, "%2f": home, "%2f%2fevil.test": home,
		"/%0d%0aSet-Cookie:a=b": "/%0d%0aSet-Cookie:a=b", "/%2F%2Fevil.test": "/%2F%2Fevil.test", "/.//evil.test": "/.//evil.test",
	} {
		if got := web.OwnPath(path); got != want {
			t.Errorf("%q leads to %q, want %q", path, got, want)
		}
	}
}

func FuzzOwnPath(f *testing.F) {
	for _, seed := range []string{"/recharge", "//evil.test", "/\\evil.test", "https://evil.test", "/a?b=c", "%2f"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		got := web.OwnPath(path)
		if !strings.HasPrefix(got, "/") || strings.HasPrefix(got, "//") || strings.HasPrefix(got, "/\\") || strings.ContainsAny(got, "\r\n\t\x00") {
			t.Errorf("%q leads to %q", path, got)
		}
	})
}

func TestStatusOfEveryRefusal(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{models.FieldErrors{{Code: models.Invalid, Field: "amount"}}, 422},
		{&models.Error{Code: models.Invalid}, 422},
		{&models.Error{Code: models.Unauthenticated}, 422},
		{&models.Error{Code: models.NotFound}, 404},
		{&models.Error{Code: models.Conflict}, 409},
		{&models.Error{Code: models.Forbidden}, 403},
		{&models.Error{Code: models.TooMany}, 429},
		{&models.Error{Code: models.Unavailable}, 503},
		{&models.Error{Code: models.Internal}, 500},
		{fmt.Errorf("wrapped: %w", &models.Error{Code: models.NotFound}), 404},
		{errors.New("a defect"), 500},
		{fmt.Errorf("read: %w", context.DeadlineExceeded), 503},
		{echo.ErrMethodNotAllowed, 405},
		{echo.ErrStatusRequestEntityTooLarge, 413},
	} {
		if got := web.Status(c.err); got != c.want {
			t.Errorf("%v is %d, want %d", c.err, got, c.want)
		}
	}
}

func TestFormsLeadToTheCashiersDomain(t *testing.T) {
	for cashier, want := range map[string]string{
		"https://openapi.alipay.com/gateway.do": "form-action 'self' https://openapi.alipay.com https://*.alipay.com",
		"http://127.0.0.1:8081/gateway.do":      "form-action 'self' http://127.0.0.1:8081",
		"":                                      "form-action 'self'",
		"not an address":                        "form-action 'self'",
	} {
		e := echo.New()
		e.Use(web.Headers(false, cashier))
		e.GET("/", func(c echo.Context) error { return c.NoContent(http.StatusOK) })
		answer := httptest.NewRecorder()
		e.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/", nil))
		if policy := answer.Header().Get("Content-Security-Policy"); !strings.HasSuffix(policy, want) {
			t.Errorf("%q: the policy is %q", cashier, policy)
		}
	}
}

// What takes too long, or fails beside the database, still ends in a page.
func TestErrorPageStandsWithoutDatabase(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		var log bytes.Buffer
		w := web.New(web.Options{Store: b.Store, Log: slog.New(slog.NewTextHandler(&log, nil)), Secret: bytes.Repeat([]byte{7}, 32)})
		e := echo.New()
		e.HTTPErrorHandler = w.HandleError
		ended, cancel := context.WithTimeout(t.Context(), 0)
		defer cancel()
		e.GET("/slow", func(c echo.Context) error {
			c.SetRequest(c.Request().WithContext(ended))
			c.Set("who", &models.Who{AccountID: 1})
			return fmt.Errorf("read: %w", context.DeadlineExceeded)
		})
		e.GET("/broken", func(c echo.Context) error {
			c.Set("who", &models.Who{AccountID: 1})
			return errors.New("secret detail")
		})
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		for path, status := range map[string]int{"/slow": 503, "/broken": 500} {
			answer := httptest.NewRecorder()
			e.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, nil))
			if body := answer.Body.String(); answer.Code != status || !strings.Contains(body, "<html") || strings.Contains(body, "secret detail") {
				t.Errorf("%s: %d, %.200q", path, answer.Code, body)
			}
		}
		if !strings.Contains(log.String(), "secret detail") {
			t.Error("the cause is not in the log")
		}
	})
}
