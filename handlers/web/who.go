package web

import (
	"github.com/labstack/echo/v4"

	"ztc-portal/models"
)

const keyWho = "who"

// LoadWho finds out who asks, once a request.
func (w *Web) LoadWho(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		secret, _ := w.session(c).Values[valueSecret].(string)
		who, err := w.Store.WhoIs(c.Request().Context(), secret)
		if err != nil {
			return err
		}
		c.Set(keyWho, who)
		return next(c)
	}
}

// Who is the person who asks, or nil.
func Who(c echo.Context) *models.Who {
	who, _ := c.Get(keyWho).(*models.Who)
	return who
}

// Home is where a person begins: a seller at the account, staff at theirs.
func Home(who *models.Who) string {
	if who != nil && who.Role.IsStaff() {
		return "/admin"
	}
	return "/account"
}

// SellersOnly sends strangers to the sign-in page and refuses staff, who have
// no account of their own.
func SellersOnly(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		switch who := Who(c); {
		case who == nil:
			return SeeOther(c, "/login")
		case who.AccountID == 0:
			return &models.Error{Code: models.Forbidden, Key: "error.staff_has_no_account"}
		}
		return next(c)
	}
}

// StaffOnly sends strangers to the sign-in page; for sellers there is nothing
// here.
func StaffOnly(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		switch who := Who(c); {
		case who == nil:
			return SeeOther(c, "/login")
		case !who.Role.IsStaff():
			return &models.Error{Code: models.NotFound, Key: "error.not_found"}
		}
		return next(c)
	}
}

// Needs refuses staff whose role lacks a permission; only behind StaffOnly.
func Needs(p models.Permission) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if !Who(c).Role.May(p) {
				return &models.Error{Code: models.Forbidden, Key: "error.role.not_allowed"}
			}
			return next(c)
		}
	}
}

// Seller is the signed-in seller's user; only behind SellersOnly.
func Seller(c echo.Context) *models.Who { return Who(c) }

// Actor is who acts, for the audit trail.
func Actor(c echo.Context) models.Actor {
	return models.Actor{UserID: Who(c).UserID, Address: c.RealIP()}
}

// SignIn puts a fresh session into the cookie, with a fresh form token; one
// that was there before is revoked.
func (w *Web) SignIn(c echo.Context, secret string) error {
	session := w.session(c)
	if before, _ := session.Values[valueSecret].(string); before != "" {
		if err := w.Store.SignOut(c.Request().Context(), before); err != nil {
			return err
		}
	}
	session.Values[valueSecret] = secret
	session.Values[valueToken] = newToken()
	return session.Save(c.Request(), c.Response())
}

// SignOut revokes the session and empties the cookie.
func (w *Web) SignOut(c echo.Context) error {
	session := w.session(c)
	secret, _ := session.Values[valueSecret].(string)
	if err := w.Store.SignOut(c.Request().Context(), secret); err != nil {
		return err
	}
	delete(session.Values, valueSecret)
	session.Values[valueToken] = newToken()
	return session.Save(c.Request(), c.Response())
}
