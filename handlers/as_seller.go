package handlers

import (
	"strconv"
	"strings"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"ztc-portal/handlers/web"
	views "ztc-portal/views/admin"
)

// screen is a page of a seller's, ready to be drawn.
type screen struct {
	status int
	page   web.Titled
	body   templ.Component
}

// screenOf makes a page of an account's.
type screenOf func(c echo.Context, accountID int64) (screen, error)

// show draws a page of the seller's own.
func (p *portal) show(c echo.Context, of screenOf) error {
	s, err := of(c, web.Seller(c).AccountID)
	if err != nil {
		return err
	}
	return p.Render(c, s.status, s.page, s.body)
}

// seen draws it for staff: the same page, of which nothing can be used, and
// which leads nowhere but to its like. Each look goes on the audit trail.
func (p *portal) seen(of screenOf) echo.HandlerFunc {
	return func(c echo.Context) error {
		id, err := web.ID(c, "id")
		if err != nil {
			return err
		}
		base := "/admin/accounts/" + strconv.FormatInt(id, 10) + "/as"
		path := strings.TrimPrefix(c.Request().URL.Path, base)
		shop, err := p.Store.ViewAs(c.Request().Context(), web.Actor(c), id, path)
		if err != nil {
			return err
		}
		s, err := of(c, id)
		if err != nil {
			return err
		}
		page := views.AsPage{ID: id, Shop: shop, Path: path}
		body := web.ReadOnly(s.body, func(href string) string { return seenAt(base, href) })
		return p.Render(c, s.status, page, views.As(page, body))
	}
}

// seenAt is where a link of a seller's page leads when staff see it: to the
// like of the page, an anchor of this one, or "": nowhere.
func seenAt(base, href string) string {
	path, _, _ := strings.Cut(href, "?")
	for _, known := range views.AsPaths {
		switch path {
		case known:
			return base + href
		case base + known:
			return href
		}
	}
	if strings.HasPrefix(href, "#") {
		return href
	}
	return ""
}
