package admin

import (
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"ztc-portal/handlers/web"
	views "ztc-portal/views/admin"
)

// search finds from one box; what is named exactly is opened at once.
func (a *admin) search(c echo.Context) error {
	found, err := a.Store.Search(c.Request().Context(), c.QueryParam("q"))
	page := views.SearchPage{Now: a.Store.Now(), Found: found}
	status := http.StatusOK
	if fields, refused := web.Refused(err); refused {
		page.Errors, status = fields, http.StatusUnprocessableEntity
	} else if err != nil {
		return err
	}
	switch {
	case found.PaymentNo != "":
		return web.SeeOther(c, "/admin/payments/"+found.PaymentNo)
	case found.AccountID != 0:
		return web.SeeOther(c, "/admin/accounts/"+strconv.FormatInt(found.AccountID, 10))
	}
	return a.Render(c, status, page, views.Search(page))
}
