package web

import (
	"github.com/labstack/echo/v4"

	"ztc-portal/models"
)

const (
	keyWho  = "who"
	keyHalf = "half"
)

// LoadWho finds out who asks, once a request. Somebody of the staff whose second
// factor is still missing is nobody yet, but to Half.
func (w *Web) LoadWho(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		who, err := w.Store.WhoIs(c.Request().Context(), w.Secret(c))
		if err != nil {
			return err
		}
		know(c, who)
		return next(c)
	}
}

// know keeps who asks: as nobody, while a second factor is missing.
func know(c echo.Context, who *models.Who) {
	var half *models.Who
	if who != nil && who.Stage != models.StageIn {
		who, half = nil, who
	}
	c.Set(keyWho, who)
	c.Set(keyHalf, half)
}

// Half is the member of staff whose password was right and who has still to show
// a second factor, or to set one up; nil for everybody else.
func Half(c echo.Context) *models.Who {
	half, _ := c.Get(keyHalf).(*models.Who)
	return half
}

// Door is where somebody who is not signed in goes on with signing in.
func Door(c echo.Context) string {
	switch half := Half(c); {
	case half == nil:
		return "/login"
	case half.Stage == models.StageEnrol:
		return "/admin/security/enrol"
	default:
		return "/login/factor"
	}
}

// StaffOrEnrolling lets staff pass, and those of them who have no second factor
// yet and are here to set one up.
func StaffOrEnrolling(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if half := Half(c); half != nil && half.Stage == models.StageEnrol {
			return next(c)
		}
		return StaffOnly(next)(c)
	}
}

// Secret is the session's own, as the cookie holds it; "" for none.
func (w *Web) Secret(c echo.Context) string {
	secret, _ := w.session(c).Values[valueSecret].(string)
	return secret
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
			return SeeOther(c, Door(c))
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
			return SeeOther(c, Door(c))
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
// that was there before is revoked. The rest of the request is its owner's.
func (w *Web) SignIn(c echo.Context, secret string) error {
	session := w.session(c)
	if before, _ := session.Values[valueSecret].(string); before != "" {
		if err := w.Store.SignOut(c.Request().Context(), before, c.RealIP()); err != nil {
			return err
		}
	}
	session.Values[valueSecret] = secret
	session.Values[valueToken] = newToken()
	who, err := w.Store.WhoIs(c.Request().Context(), secret)
	if err != nil {
		return err
	}
	know(c, who)
	return session.Save(c.Request(), c.Response())
}

// SignOut revokes the session and empties the cookie.
func (w *Web) SignOut(c echo.Context) error {
	session := w.session(c)
	secret, _ := session.Values[valueSecret].(string)
	if err := w.Store.SignOut(c.Request().Context(), secret, c.RealIP()); err != nil {
		return err
	}
	delete(session.Values, valueSecret)
	session.Values[valueToken] = newToken()
	return session.Save(c.Request(), c.Response())
}
