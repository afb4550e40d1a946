package web

import (
	"net/url"

	"github.com/labstack/echo/v4"

	"ztc-portal/models"
)

// SecurityPath is where sellers look after their own sign-in; staff do so below
// /admin.
const SecurityPath = "/security"

// ConfirmPath is the page that asks again who somebody is, and then leads back;
// base is SecurityPath, or the staff's.
func ConfirmPath(base, back string) string {
	return base + "/confirm?" + url.Values{"next": {back}}.Encode()
}

// Confirmed lets an act of a seller's pass that nobody may do who just finds an
// open browser: when a second factor or, where there is none, the password was
// shown within the last minutes. Anybody else is led to the page that asks for
// it and from there to back, where the act is begun; the form's fields named
// keep come back with them in the query. Only behind SellersOnly.
func (w *Web) Confirmed(back string, keep ...string) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			err := w.Store.ConfirmedLately(c.Request().Context(), Actor(c), w.Secret(c))
			if !models.AsksFactorAgain(err) {
				if err != nil {
					return err
				}
				return next(c)
			}
			kept := url.Values{}
			for _, name := range keep {
				if value := c.FormValue(name); value != "" && len(value) <= keptField {
					kept.Set(name, value)
				}
			}
			to := back
			if len(kept) > 0 {
				to += "?" + kept.Encode()
			}
			return SeeOther(c, ConfirmPath(SecurityPath, to))
		}
	}
}

// keptField bounds a field that travels in a query.
const keptField = 300

// Factor reads a form about a second factor.
func Factor(c echo.Context) models.FactorInput {
	return models.FactorInput{
		Code: c.FormValue("code"), Credential: c.FormValue("credential"), Name: c.FormValue("name"),
		Address: c.RealIP(), UserAgent: c.Request().UserAgent(),
	}
}
