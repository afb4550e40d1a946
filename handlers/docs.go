package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"ztc-portal/handlers/api"
	"ztc-portal/views"
)

// showDocs is the API's contract as people read it, signed in or not.
func (p *portal) showDocs(c echo.Context) error {
	page, err := api.Docs()
	if err != nil {
		return err
	}
	return p.Render(c, http.StatusOK, page, views.Docs(page))
}
