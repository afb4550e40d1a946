package handlers

import (
	"errors"
	"io"
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"ztc-portal/gateways"
	"ztc-portal/models"
)

// notify takes a gateway's word: stored raw, verified, settled, and answered in
// the gateway's own form only after that.
func (p *portal) notify(c echo.Context) error {
	rail := models.Rail(c.Param("rail"))
	gateway, ok := p.rails.By[rail]
	if !ok {
		return &models.Error{Code: models.NotFound, Key: "error.not_found"}
	}
	body, err := io.ReadAll(c.Request().Body) // bounded for every route
	if err != nil {
		return err
	}
	settled, err := p.rails.Notify(c.Request().Context(), rail, c.RealIP(), c.Request().Header, body)
	if err != nil {
		p.Log.ErrorContext(c.Request().Context(), "notify not taken", "rail", rail, "error", err)
	}
	status, contentType, answer := gateway.Answer(settled && err == nil)
	if denier, ok := gateway.(gateways.Denier); ok && !settled {
		if _, unread := gateway.ReadNotify(c.Request().Header, body); errors.Is(unread, gateways.ErrUnverified) {
			status, contentType, answer = denier.Deny()
		}
	}
	return c.Blob(status, contentType, []byte(answer))
}

// comeBack is where the browser lands after the cashier. What it brings proves
// nothing: the gateway is asked, and the payment's own page says what is so.
func (p *portal) comeBack(c echo.Context) error {
	return p.backFrom(c, models.Rail(c.Param("rail")), c.QueryParams())
}

// comeBackByForm is comeBack for a rail whose cashier lets the browser post what
// it brings, from the gateway's own page and so without our cookies.
func (p *portal) comeBackByForm(rail models.Rail) echo.HandlerFunc {
	return func(c echo.Context) error {
		if err := c.Request().ParseForm(); err != nil { // the body is bounded for every route
			if tooLong := (*echo.HTTPError)(nil); errors.As(err, &tooLong) {
				return err
			}
			return &models.Error{Code: models.Invalid, Key: "error.form", Err: err}
		}
		return p.backFrom(c, rail, c.Request().PostForm)
	}
}

func (p *portal) backFrom(c echo.Context, rail models.Rail, brought url.Values) error {
	if _, ok := p.rails.By[rail]; !ok {
		return &models.Error{Code: models.NotFound, Key: "error.not_found"}
	}
	no, err := p.rails.Return(c.Request().Context(), rail, brought)
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/payments/"+no)
}
