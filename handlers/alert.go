package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"ztc-portal/handlers/web"
	"ztc-portal/models"
	"ztc-portal/views"
	"ztc-portal/views/layout"
	"ztc-portal/views/text"
)

const alertsPath = "/alerts"

func (p *portal) showAlerts(c echo.Context) error {
	return p.drawAlerts(c, http.StatusOK, views.AlertForm{}, views.AlertTargetForm{})
}

func (p *portal) drawAlerts(c echo.Context, status int, typed views.AlertForm, target views.AlertTargetForm) error {
	who := web.Seller(c)
	desk, err := p.Store.AlertDesk(c.Request().Context(), who.AccountID, who.UserID, web.Keyset(c))
	if err != nil {
		return err
	}
	page := views.AlertsPage{CSRF: p.Token(c), AlertDesk: desk, Form: typed, Target: target, Pager: web.Pager(c, desk.Page, len(desk.List))}
	return p.Render(c, status, page, views.Alerts(page))
}

// setAlerts keeps when the account's people want to be told.
func (p *portal) setAlerts(c echo.Context) error {
	in := models.AlertSettings{Below: c.FormValue("below"), QuietFrom: c.FormValue("quiet_from"), QuietUntil: c.FormValue("quiet_until")}
	err := p.Store.SetAlerts(c.Request().Context(), web.Actor(c), web.Seller(c).AccountID, in)
	if fields, refused := web.Refused(err); refused {
		return p.drawAlerts(c, http.StatusUnprocessableEntity, views.AlertForm{Typed: &in, Errors: fields}, views.AlertTargetForm{})
	}
	return p.alertDone(c, err, "flash.alerts_saved")
}

func (p *portal) alertDone(c echo.Context, err error, flash string) error {
	if err != nil {
		return err
	}
	p.Flash(c, layout.Flash{Key: flash})
	return web.SeeOther(c, alertsPath)
}

func (p *portal) readAlerts(c echo.Context) error {
	who := web.Seller(c)
	return p.alertDone(c, p.Store.ReadAlerts(c.Request().Context(), who.AccountID, who.UserID), "flash.alerts_read")
}

// setAlertMail turns the reader's own mail on or off.
func (p *portal) setAlertMail(c echo.Context) error {
	return p.alertDone(c, p.Store.SetAlertMail(c.Request().Context(), web.Actor(c), c.FormValue("on") == "true"), "flash.alerts_saved")
}

func (p *portal) addAlertTarget(c echo.Context) error {
	ctx := c.Request().Context()
	in := models.AlertTargetInput{
		Channel: models.Channel(c.FormValue("channel")), Name: c.FormValue("name"), Address: c.FormValue("address"), Secret: c.FormValue("secret"),
		Audience: models.Audience(c.FormValue("audience")), Lang: text.Lang(ctx),
	}
	_, err := p.Store.AddAlertTarget(ctx, web.Actor(c), web.Seller(c).AccountID, in)
	if fields, refused := web.Refused(err); refused {
		return p.drawAlerts(c, http.StatusUnprocessableEntity, views.AlertForm{},
			views.AlertTargetForm{Channel: string(in.Channel), Name: in.Name, Audience: string(in.Audience), Errors: fields})
	}
	return p.alertDone(c, err, "flash.alert_target_added")
}

func (p *portal) testAlertTarget(c echo.Context) error {
	id, err := web.ID(c, "id")
	if err == nil {
		err = p.Store.TestAlertTarget(c.Request().Context(), web.Actor(c), web.Seller(c).AccountID, id)
	}
	return p.alertDone(c, err, "flash.alert_tested")
}

func (p *portal) removeAlertTarget(c echo.Context) error {
	id, err := web.ID(c, "id")
	if err == nil {
		err = p.Store.RemoveAlertTarget(c.Request().Context(), web.Actor(c), web.Seller(c).AccountID, id)
	}
	return p.alertDone(c, err, "flash.alert_target_removed")
}
