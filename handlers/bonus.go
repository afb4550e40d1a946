package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"ztc-portal/views"
)

// showBonus is what was granted, and until when it can be spent.
func (p *portal) showBonus(c echo.Context) error { return p.show(c, p.bonusScreen) }

func (p *portal) bonusScreen(c echo.Context, accountID int64) (screen, error) {
	desk, err := p.Store.Bonus(c.Request().Context(), accountID)
	page := views.BonusPage{BonusDesk: desk}
	return screen{http.StatusOK, page, views.Bonus(page)}, err
}
