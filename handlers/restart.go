package handlers

import (
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"ztc-portal/handlers/web"
	"ztc-portal/models"
	"ztc-portal/views"
	"ztc-portal/views/components"
	"ztc-portal/views/layout"
)

func (p *portal) showRestart(c echo.Context) error { return p.drawRestart(c, http.StatusOK, nil) }

func (p *portal) drawRestart(c echo.Context, status int, refused models.FieldErrors) error {
	desk, err := p.Store.RestartDesk(c.Request().Context(), web.Seller(c).AccountID)
	if err != nil {
		return err
	}
	page := restartPage(desk)
	page.CSRF, page.Errors = p.Token(c), refused
	return p.Render(c, status, page, views.Restart(page))
}

func restartPage(d models.RestartDesk) views.RestartPage {
	page := views.RestartPage{
		Now: d.Now, State: d.Account.State(), Arrears: d.Funds.Arrears(), Spendable: d.Funds.Spendable(), Result: restartResult(d),
	}
	for _, c := range d.Stopped {
		row := views.RestartRow{
			CampaignRef: components.CampaignRef{ID: c.ID, Name: c.Name}, StoppedAt: web.Instant(c.ArrearsStoppedAt),
			Budget: c.DailyBudgetFen, DailyCost: c.DailyCostFen, Edited: c.Edited, Refusal: c.Refusal, Ticked: c.Refusal == "",
		}
		if row.Ticked {
			page.Check.Chosen++
			page.Check.BudgetSum += row.Budget
		}
		page.Rows = append(page.Rows, row)
	}
	page.Check.Running = d.Running
	page.Check.Runway = d.RunwayOf(page.Check.BudgetSum + d.Running)
	return page
}

func restartResult(d models.RestartDesk) *views.RestartResult {
	if d.Last == nil {
		return nil
	}
	result := &views.RestartResult{At: d.Last.At, Undone: d.Last.UndoneAt != nil}
	if !result.Undone && d.Now.Before(d.Last.UndoUntil) {
		result.UndoUntil = d.Last.UndoUntil
	}
	if !result.Undone && result.UndoUntil.IsZero() {
		return nil
	}
	for _, item := range d.LastItems {
		result.Rows = append(result.Rows, views.RestartResultRow{
			CampaignRef: components.CampaignRef{ID: item.CampaignID, Name: d.Names[item.CampaignID]}, Refusal: item.Reason,
		})
	}
	return result
}

// restart starts what the seller chose (M9): campaign_id repeated, or all=1.
func (p *portal) restart(c echo.Context) error {
	form, err := c.FormParams()
	if err != nil {
		return &models.Error{Code: models.Invalid, Key: "error.form", Err: err}
	}
	var ids []int64
	for _, typed := range form["campaign_id"] {
		id, err := strconv.ParseInt(typed, 10, 64)
		if err != nil {
			return &models.Error{Code: models.NotFound, Key: "error.not_found", Err: err}
		}
		ids = append(ids, id)
	}
	_, _, err = p.Store.RestartCampaigns(c.Request().Context(), web.Actor(c), web.Seller(c).AccountID, ids, form.Get("all") == "1")
	if fields, refused := web.Refused(err); refused {
		return p.drawRestart(c, http.StatusUnprocessableEntity, fields)
	}
	if err != nil {
		return err
	}
	return web.SeeOther(c, "/campaigns/restart")
}

func (p *portal) undoRestart(c echo.Context) error {
	n, err := p.Store.UndoRestart(c.Request().Context(), web.Actor(c), web.Seller(c).AccountID)
	if err != nil {
		return err
	}
	p.Flash(c, layout.Flash{Key: "flash.restart_undone", Args: map[string]any{"Count": n}})
	return web.SeeOther(c, "/campaigns/restart")
}
