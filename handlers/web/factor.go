package web

import (
	"github.com/labstack/echo/v4"

	"ztc-portal/models"
)

// Factor reads a form about a second factor.
func Factor(c echo.Context) models.FactorInput {
	return models.FactorInput{
		Code: c.FormValue("code"), Credential: c.FormValue("credential"), Name: c.FormValue("name"),
		Address: c.RealIP(), UserAgent: c.Request().UserAgent(),
	}
}
