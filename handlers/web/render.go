package web

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"ztc-portal/models"
	"ztc-portal/views/layout"
	"ztc-portal/views/text"
)

// Titled is a view model that knows the name of its page.
type Titled interface{ Title(context.Context) string }

// Part tells whether the request asks for a part of a page.
func Part(c echo.Context) bool { return c.Request().Header.Get("HX-Request-Type") == "partial" }

// Render draws a screen: alone for a part, else with the layout around it.
// Nothing is sent before all of it could be drawn.
func (w *Web) Render(c echo.Context, status int, page Titled, screen templ.Component) error {
	ctx := c.Request().Context()
	if may := w.mayAsk(c); may != nil {
		limited, any, err := limit(ctx, screen, may, text.T(ctx, "shop_role.why", "Role", Who(c).ShopRole))
		if err != nil {
			return err
		}
		if screen = limited; any && !Part(c) {
			screen = withNotice(limited)
		}
	}
	drawn := screen
	if !Part(c) {
		chrome, err := w.chrome(c)
		if err != nil {
			return err
		}
		drawn = layout.Page(chrome, page.Title(ctx), screen)
	}
	var body bytes.Buffer
	if err := drawn.Render(ctx, &body); err != nil {
		return err
	}
	c.Response().Header().Add("Vary", "HX-Request-Type, Cookie, Accept-Language")
	return c.HTMLBlob(status, body.Bytes())
}

// chrome is what stands around the page for this request.
func (w *Web) chrome(c echo.Context) (layout.Chrome, error) {
	chrome := layout.Chrome{
		Theme: theme(c), Path: c.Request().URL.RequestURI(), CSRF: w.Token(c), Demo: w.Demo, Simulation: w.sim,
		RequestID: c.Response().Header().Get(echo.HeaderXRequestID), Now: w.Store.Now(), Flash: w.takeFlash(c),
	}
	if c.Request().Method != http.MethodGet {
		chrome.Back = Home(Who(c))
	}
	who := Who(c)
	if who == nil {
		return chrome, nil
	}
	chrome.SignedIn, chrome.Email = true, who.Email
	if who.Role.IsStaff() {
		chrome.Staff, chrome.Query = who.Role, lastSearch(c)
		open, err := w.Store.OpenApprovals(c.Request().Context())
		chrome.OpenApprovals = int(open)
		return chrome, err
	}
	shell, err := w.Store.Shell(c.Request().Context(), who.AccountID)
	if err != nil {
		return chrome, err
	}
	if chrome.Unread, err = w.Store.UnreadAlerts(c.Request().Context(), who.AccountID, who.UserID); err != nil {
		return chrome, err
	}
	chrome.Shop, chrome.Role = who.ShopName, who.ShopRole
	chrome.State, chrome.Spendable, chrome.Banner = shell.State, shell.Spendable, layout.BannerOf(shell)
	return chrome, nil
}

// lastSearch is what was typed into the search box, to stand there again.
func lastSearch(c echo.Context) string {
	typed := []rune(c.QueryParam("q"))
	return string(typed[:min(len(typed), searchKept)])
}

const searchKept = 200 // characters

// SeeOther leads on after an accepted form: 303, or for a part of a page the
// header by which htmx follows, since fetch would draw the answer in its place.
func SeeOther(c echo.Context, path string) error {
	if !Part(c) {
		return c.Redirect(http.StatusSeeOther, path)
	}
	name := "HX-Location"
	if !strings.HasPrefix(path, "/") {
		name = "HX-Redirect"
	}
	c.Response().Header().Set(name, path)
	return c.NoContent(http.StatusNoContent)
}

const (
	cookieLang  = "lang"
	cookieTheme = "theme"
)

// LoadLanguage picks the reader's language: the cookie, else what the browser
// accepts, else zh-CN.
func LoadLanguage(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		lang := ""
		if cookie, err := c.Cookie(cookieLang); err == nil {
			lang = text.Match(cookie.Value)
		} else {
			lang = text.Match(c.Request().Header.Get("Accept-Language"))
		}
		c.SetRequest(c.Request().WithContext(text.With(c.Request().Context(), lang)))
		return next(c)
	}
}

func theme(c echo.Context) string {
	cookie, err := c.Cookie(cookieTheme)
	if err == nil && (cookie.Value == layout.ThemeLight || cookie.Value == layout.ThemeDark) {
		return cookie.Value
	}
	return layout.ThemeAuto
}

// SetPreference keeps the language or the theme for a year.
func (w *Web) SetPreference(c echo.Context, name, value string) {
	c.SetCookie(&http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: 365 * 24 * 60 * 60,
		HttpOnly: true, Secure: w.cookies.Options.Secure, SameSite: http.SameSiteLaxMode,
	})
}

// Instant reads an optional instant; zero stands for none.
func Instant[T any](at *T) (value T) {
	if at != nil {
		value = *at
	}
	return value
}

// Refused says whether the error is a form that was refused, field by field.
func Refused(err error) (models.FieldErrors, bool) {
	var fields models.FieldErrors
	return fields, errors.As(err, &fields)
}
