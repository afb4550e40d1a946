package admin

import (
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"ztc-portal/handlers/web"
	"ztc-portal/models"
	views "ztc-portal/views/admin"
	"ztc-portal/views/layout"
)

// lately leads whoever has to show again who they are to the page that asks
// for it, and from there back to where the act is begun.
func (a *security) lately(back string) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			err := next(c)
			if models.AsksFactorAgain(err) {
				return web.SeeOther(c, a.confirmPath(back))
			}
			return err
		}
	}
}

func (a *security) confirmPath(back string) string { return web.ConfirmPath(a.base, back) }

// wayBack is where the page leads when it is done: to one of our pages, for
// staff to one of theirs, and nowhere else.
func (a *security) wayBack(c echo.Context) string {
	back := web.OwnPath(c.FormValue("next"))
	if c.FormValue("next") != "" && strings.HasPrefix(back, "/admin/") == strings.HasPrefix(a.base, "/admin/") {
		return back
	}
	return a.base
}

func (a *security) showConfirm(c echo.Context) error {
	return a.drawConfirm(c, http.StatusOK, nil)
}

func (a *security) drawConfirm(c echo.Context, status int, refusals models.FieldErrors) error {
	desk, err := a.Store.FactorDesk(c.Request().Context(), *web.Who(c))
	if err != nil {
		return err
	}
	page := views.ConfirmPage{
		CSRF: a.Token(c), Base: a.base, Password: desk.Password, Email: desk.Email, TOTP: desk.TOTP, Passkeys: desk.Passkeys > 0, DemoCode: desk.DemoCode, Next: a.wayBack(c), Errors: refusals,
	}
	return a.Render(c, status, page, views.Confirm(page))
}

// confirm takes a code of the authenticator app or a recovery code.
func (a *security) confirm(c echo.Context) error {
	return a.confirmed(c, a.Store.ConfirmFactor(c.Request().Context(), a.Secret(c), web.Factor(c)))
}

// confirmPassword takes the password of who has no second factor.
func (a *security) confirmPassword(c echo.Context) error {
	return a.confirmed(c, a.Store.ConfirmPassword(c.Request().Context(), a.Secret(c), c.FormValue("password"), c.RealIP()))
}

// confirmPasskey takes a passkey's answer.
func (a *security) confirmPasskey(c echo.Context) error {
	return a.confirmed(c, a.Store.ConfirmPasskey(c.Request().Context(), a.Secret(c), web.Factor(c)))
}

// confirmed leads back, or draws the page again with what was wrong.
func (a *security) confirmed(c echo.Context, err error) error {
	if err == nil {
		a.Flash(c, layout.Flash{Key: "flash.confirmed"})
		return web.SeeOther(c, a.wayBack(c))
	}
	if fields, ok := web.Refused(err); ok {
		return a.drawConfirm(c, http.StatusUnprocessableEntity, fields)
	}
	refusal := (*models.Error)(nil)
	if !errors.As(err, &refusal) || refusal.Code == models.Internal {
		return err
	}
	web.SayWhen(c, web.Status(err))
	return a.drawConfirm(c, web.Status(err), models.FieldErrors{refusal})
}

// askConfirmPasskey gives the page's script what a passkey is to sign.
func (a *security) askConfirmPasskey(c echo.Context) error {
	options, err := a.Store.AskPasskey(c.Request().Context(), a.Secret(c))
	if err != nil {
		return a.overOr(c, err)
	}
	return c.JSONBlob(http.StatusOK, options)
}
