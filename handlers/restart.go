package handlers

import (
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"ztc-portal/handlers/web"
	"ztc-portal/models"
	"ztc-portal/views"
	"ztc-portal/views/components"
	"ztc-portal/views/layout"
)

func (p *portal) showRestart(c echo.Context) error { return p.drawRestart(c, http.StatusOK, nil) }

// cutAsked is how many the address asks to be ticked; below 0: as many as the
// money is enough for.
func cutAsked(c echo.Context) int {
	cut, err := strconv.Atoi(c.QueryParam("cut"))
	if err != nil {
		return -1
	}
	return cut
}

func (p *portal) drawRestart(c echo.Context, status int, refused models.FieldErrors) error {
	cut := cutAsked(c)
	if refused != nil { // nothing of what could start was ticked
		cut = 0
	}
	desk, err := p.Store.RestartDesk(c.Request().Context(), web.Seller(c).AccountID, c.QueryParam("by"), cut)
	if err != nil {
		return err
	}
	page := p.restartPage(desk)
	page.CSRF, page.Errors = p.Token(c), refused
	return p.Render(c, status, page, views.Restart(page))
}

func (p *portal) restartPage(d models.RestartDesk) views.RestartPage {
	now := p.Store.Now()
	page := views.RestartPage{
		Now: now, State: d.Account.State(), Arrears: d.Funds.Arrears(), Spendable: d.Funds.Spendable(), Result: restartResult(d, now),
		Rank: d.Rank, Cut: d.Cut, Short: d.NotEnough(), SoftCap: d.SoftCap, SoftStop: d.SoftStop,
	}
	place := 0
	for _, c := range d.Stopped {
		row := views.RestartRow{
			CampaignRef: components.CampaignRef{ID: c.ID, Name: c.Name}, StoppedAt: web.Instant(c.ArrearsStoppedAt),
			Budget: c.DailyBudgetFen, DailyCost: c.DailyCost(), Before: c.Before, Edits: c.Edits, Refusal: c.Refusal, UpTo: c.UpTo, Runway: c.Runway,
		}
		if c.Refusal == "" {
			place++
			row.Place, row.Ticked = place, place <= d.Cut
		}
		if row.Ticked {
			page.Check.Chosen++
			page.Check.BudgetSum += row.Budget
		}
		page.Rows = append(page.Rows, row)
	}
	page.Check.Running = d.Running
	page.Check.Runway = p.Store.RunwayOf(d, page.Check.BudgetSum+d.Running)
	return page
}

func restartResult(d models.RestartDesk, now time.Time) *views.RestartResult {
	if d.Last == nil {
		return nil
	}
	result := &views.RestartResult{At: d.Last.At, Undone: d.Last.UndoneAt != nil}
	if !result.Undone && now.Before(d.Last.UndoUntil) {
		result.UndoUntil = d.Last.UndoUntil
	}
	if !result.Undone && result.UndoUntil.IsZero() {
		return nil
	}
	for _, item := range d.LastItems {
		row := views.RestartResultRow{
			CampaignRef: components.CampaignRef{ID: item.CampaignID, Name: d.Names[item.CampaignID]}, Refusal: item.Reason, Halted: item.HaltedFor, Cap: item.CapFen,
		}
		if until := d.Last.SoftUntil(); item.CapFen > 0 && !result.Undone && now.Before(until) {
			row.SoftUntil = until
		}
		result.Rows = append(result.Rows, row)
	}
	return result
}

// restart starts what the seller chose (M9): campaign_id repeated, or all=1;
// full=1 is without a soft start.
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
	_, _, err = p.Store.RestartCampaigns(c.Request().Context(), web.Actor(c), web.Seller(c).AccountID,
		models.RestartInput{IDs: ids, All: form.Get("all") == "1", Full: form.Get("full") == "1"})
	if fields, refused := web.Refused(err); refused {
		return p.drawRestart(c, http.StatusUnprocessableEntity, fields)
	}
	if err != nil {
		return err
	}
	return web.SeeOther(c, "/campaigns/restart")
}

// orderRestart moves a campaign in the seller's own order: up or down name it.
func (p *portal) orderRestart(c echo.Context) error {
	typed, up := c.FormValue("up"), true
	if typed == "" {
		typed, up = c.FormValue("down"), false
	}
	id, err := strconv.ParseInt(typed, 10, 64)
	if err != nil {
		return &models.Error{Code: models.NotFound, Key: "error.not_found", Err: err}
	}
	if err := p.Store.MoveRestart(c.Request().Context(), web.Seller(c).AccountID, id, up); err != nil {
		return err
	}
	return web.SeeOther(c, "/campaigns/restart?by=own")
}

func (p *portal) undoRestart(c echo.Context) error {
	n, left, err := p.Store.UndoRestart(c.Request().Context(), web.Actor(c), web.Seller(c).AccountID)
	if err != nil {
		return err
	}
	flash := layout.Flash{Key: "flash.restart_undone", Args: map[string]any{"Count": n}}
	if left > 0 {
		flash = layout.Flash{Key: "flash.restart_undone_partly", Args: map[string]any{"Count": n, "Left": left}}
	}
	p.Flash(c, flash)
	return web.SeeOther(c, "/campaigns/restart")
}
