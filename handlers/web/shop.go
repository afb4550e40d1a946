package web

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"ztc-portal/models"
)

// ShopRoutes are routes of sellers that ask for one permission in the shop. It
// is by these that a seller's route is made, so that none is without one.
type ShopRoutes struct {
	group *echo.Group
	web   *Web
	needs models.ShopPermission
}

// Shop makes routes that ask for a permission; only behind SellersOnly.
func (w *Web) Shop(g *echo.Group, needs models.ShopPermission) ShopRoutes {
	return ShopRoutes{g, w, needs}
}

// GET adds a page.
func (r ShopRoutes) GET(path string, h echo.HandlerFunc, also ...echo.MiddlewareFunc) {
	r.web.shop[http.MethodGet+" "+path] = r.needs
	r.group.GET(path, h, append([]echo.MiddlewareFunc{NeedsShop(r.needs)}, also...)...)
}

// POST adds an act.
func (r ShopRoutes) POST(path string, h echo.HandlerFunc, also ...echo.MiddlewareFunc) {
	r.web.shop[http.MethodPost+" "+path] = r.needs
	r.group.POST(path, h, append([]echo.MiddlewareFunc{NeedsShop(r.needs)}, also...)...)
}

// NeedsShop refuses a seller's user whose role in the shop lacks a permission;
// only behind SellersOnly.
func NeedsShop(p models.ShopPermission) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if !Who(c).ShopRole.May(p) {
				return &models.Error{Code: models.Forbidden, Key: "error.shop_role.not_allowed"}
			}
			return next(c)
		}
	}
}

// mayAsk tells for who asks which of our own addresses their role in the shop
// may ask for; nil: all of them. What is no seller's route is nobody's business
// here.
func (w *Web) mayAsk(c echo.Context) func(method, path string) bool {
	who := Who(c)
	if who == nil || who.AccountID == 0 || who.ShopRole == models.ShopOwner {
		return nil
	}
	return func(method, path string) bool {
		found := c.Echo().NewContext(c.Request(), c.Response())
		c.Echo().Router().Find(method, path, found)
		needs, known := w.shop[method+" "+found.Path()]
		return !known || who.ShopRole.May(needs)
	}
}
