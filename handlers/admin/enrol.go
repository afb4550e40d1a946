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

func (a *admin) showEnrol(c echo.Context) error {
	return a.drawEnrol(c, http.StatusOK, "", nil)
}

func (a *admin) drawEnrol(c echo.Context, status int, name string, refusals models.FieldErrors) error {
	enrolment, err := a.Store.Enrolment(c.Request().Context(), a.Secret(c))
	if err != nil {
		return a.overOr(c, err)
	}
	page := views.EnrolPage{
		CSRF: a.Token(c), Email: enrolment.Email, Secret: enrolment.Secret, Passkeys: enrolment.Passkeys, First: enrolment.First,
		Name: name, Errors: refusals,
	}
	return a.Render(c, status, page, views.Enrol(page))
}

// overOr leads to the sign-in page when the session ended meanwhile.
func (a *admin) overOr(c echo.Context, err error) error {
	if models.CodeOf(err) == models.Unauthenticated {
		return web.SeeOther(c, "/login")
	}
	return err
}

// enrolQR draws the secret for an authenticator app to read.
func (a *admin) enrolQR(c echo.Context) error {
	enrolment, err := a.Store.Enrolment(c.Request().Context(), a.Secret(c))
	if err != nil {
		return a.overOr(c, err)
	}
	return web.QR(c, enrolment.URL)
}

// enrol takes the first code of an authenticator app.
func (a *admin) enrol(c echo.Context) error {
	done, err := a.Store.ConfirmTOTP(c.Request().Context(), a.Secret(c), web.Factor(c))
	if err != nil {
		return a.refuseEnrol(c, err)
	}
	return a.enrolled(c, done, "flash.totp_set")
}

// addPasskey takes the passkey that a device has made.
func (a *admin) addPasskey(c echo.Context) error {
	done, err := a.Store.AddPasskey(c.Request().Context(), a.Secret(c), web.Factor(c))
	if err != nil {
		return a.refuseEnrol(c, err)
	}
	return a.enrolled(c, done, "flash.passkey_added")
}

func (a *admin) refuseEnrol(c echo.Context, err error) error {
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
func (a *admin) enrolled(c echo.Context, done models.Enrolled, said string) error {
	if done.Session == "" {
		a.Flash(c, layout.Flash{Key: said})
		return web.SeeOther(c, "/admin/security")
	}
	if err := a.SignIn(c, done.Session); err != nil {
		return err
	}
	return a.showCodes(c, done.Codes)
}

func (a *admin) showCodes(c echo.Context, codes []string) error {
	page := views.CodesPage{Codes: codes, Next: web.Home(web.Who(c))}
	return a.Render(c, http.StatusOK, page, views.Codes(page))
}

// askNewPasskey gives the page's script what a device needs to make a passkey.
func (a *admin) askNewPasskey(c echo.Context) error {
	options, err := a.Store.AskNewPasskey(c.Request().Context(), a.Secret(c))
	if models.AsksFactorAgain(err) { // a script asks: the browser would follow for it
		return c.JSON(http.StatusForbidden, map[string]string{"confirm": confirmPath("/admin/security/enrol")})
	}
	if err != nil {
		return a.overOr(c, err)
	}
	return c.JSONBlob(http.StatusOK, options)
}
