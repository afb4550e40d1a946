package admin

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"ztc-portal/handlers/web"
	"ztc-portal/models"
	views "ztc-portal/views/admin"
	"ztc-portal/views/layout"
)

func (a *security) showEnrol(c echo.Context) error {
	return a.drawEnrol(c, http.StatusOK, "", nil)
}

func (a *security) drawEnrol(c echo.Context, status int, name string, refusals models.FieldErrors) error {
	enrolment, err := a.Store.Enrolment(c.Request().Context(), a.Secret(c))
	if err != nil {
		return a.overOr(c, err)
	}
	page := views.EnrolPage{
		CSRF: a.Token(c), Base: a.base, Email: enrolment.Email, Secret: enrolment.Secret, Passkeys: enrolment.Passkeys, First: enrolment.First,
		Name: name, Errors: refusals,
	}
	return a.Render(c, status, page, views.Enrol(page))
}

// overOr leads to the sign-in page when the session ended meanwhile.
func (a *security) overOr(c echo.Context, err error) error {
	if models.CodeOf(err) == models.Unauthenticated {
		return web.SeeOther(c, "/login")
	}
	return err
}

// enrolQR draws the secret for an authenticator app to read.
func (a *security) enrolQR(c echo.Context) error {
	enrolment, err := a.Store.Enrolment(c.Request().Context(), a.Secret(c))
	if err != nil {
		return a.overOr(c, err)
	}
	return web.QR(c, enrolment.URL)
}

// enrol takes the first code of an authenticator app.
func (a *security) enrol(c echo.Context) error {
	done, err := a.Store.ConfirmTOTP(c.Request().Context(), a.Secret(c), web.Factor(c))
	if err != nil {
		return a.refuseEnrol(c, err)
	}
	return a.enrolled(c, done, "flash.totp_set")
}

// addPasskey takes the passkey that a device has made.
func (a *security) addPasskey(c echo.Context) error {
	done, err := a.Store.AddPasskey(c.Request().Context(), a.Secret(c), web.Factor(c))
	if err != nil {
		return a.refuseEnrol(c, err)
	}
	return a.enrolled(c, done, "flash.passkey_added")
}

func (a *security) refuseEnrol(c echo.Context, err error) error {
	if fields, ok := web.Refused(err); ok {
		return a.drawEnrol(c, http.StatusUnprocessableEntity, c.FormValue("name"), fields)
	}
	refusal := (*models.Error)(nil)
	if errors.As(err, &refusal) && (refusal.Code == models.Unauthenticated || refusal.Code == models.Conflict) {
		return a.drawEnrol(c, web.Status(err), c.FormValue("name"), models.FieldErrors{refusal})
	}
	return err
}

// enrolled shows the recovery codes that came with the first factor, once; else
// it leads back.
func (a *security) enrolled(c echo.Context, done models.Enrolled, said string) error {
	if len(done.Codes) == 0 {
		a.Flash(c, layout.Flash{Key: said})
		return web.SeeOther(c, a.base)
	}
	if done.Session != "" {
		if err := a.SignIn(c, done.Session); err != nil {
			return err
		}
	}
	return a.showCodes(c, done.Codes)
}

// home is where whoever has kept the recovery codes goes on.
func (a *security) home(c echo.Context) string {
	if who := web.Who(c); who != nil && who.Role.IsStaff() {
		return web.Home(who)
	}
	return a.base
}

func (a *security) showCodes(c echo.Context, codes []string) error {
	page := views.CodesPage{Codes: codes, Next: a.home(c)}
	return a.Render(c, http.StatusOK, page, views.Codes(page))
}

// askNewPasskey gives the page's script what a device needs to make a passkey.
func (a *security) askNewPasskey(c echo.Context) error {
	options, err := a.Store.AskNewPasskey(c.Request().Context(), a.Secret(c))
	if models.AsksFactorAgain(err) { // a script asks: the browser would follow for it
		return c.JSON(http.StatusForbidden, map[string]string{"confirm": a.confirmPath(a.base + "/enrol")})
	}
	if err != nil {
		return a.overOr(c, err)
	}
	return c.JSONBlob(http.StatusOK, options)
}
