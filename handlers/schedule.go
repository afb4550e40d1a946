package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"ztc-portal/handlers/web"
	"ztc-portal/models"
	"ztc-portal/views"
	"ztc-portal/views/layout"
)

func (p *portal) showSchedule(c echo.Context) error {
	return p.drawSchedule(c, http.StatusOK, views.ScheduleForm{})
}

func (p *portal) drawSchedule(c echo.Context, status int, typed views.ScheduleForm) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	v, _, err := p.Store.CampaignDetail(c.Request().Context(), web.Seller(c).AccountID, id)
	if err != nil {
		return err
	}
	page := views.SchedulePage{
		CSRF: p.Token(c), Now: p.Store.Now(), ID: v.ID, Version: v.RowVersion, Name: v.Name, Ended: v.EndedAt != nil, Schedule: v.Schedule, Form: typed,
	}
	if page.Undo, err = p.undoBar(c, page.Href()); err != nil {
		return err
	}
	return p.Render(c, status, page, views.Schedule(page))
}

// changeSchedule sets a stretch (act=set), copies a day (act=copy), or takes a
// preset.
func (p *portal) changeSchedule(c echo.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	form, err := c.FormParams()
	if err != nil {
		return &models.Error{Code: models.Invalid, Key: "error.form", Err: err}
	}
	in := models.ScheduleInput{Days: form["days"], From: form.Get("from"), To: form.Get("to"), Factor: form.Get("factor"), Preset: form.Get("preset")}
	if form.Get("act") == "copy" {
		in.CopyFrom = form.Get("copy")
		if in.CopyFrom == "" {
			in.CopyFrom = "none"
		}
	}
	_, err = p.Store.ChangeSchedule(c.Request().Context(), web.Actor(c), web.Seller(c).AccountID, models.RowRef{ID: id, Version: version(c)}, in)
	if fields, refused := web.Refused(err); refused {
		return p.drawSchedule(c, http.StatusUnprocessableEntity, views.ScheduleForm{Act: form.Get("act"), Input: in, Errors: fields})
	}
	if err != nil {
		return err
	}
	p.Flash(c, layout.Flash{Key: "flash.schedule_saved"})
	return web.SeeOther(c, views.SchedulePage{ID: id}.Href())
}
