package admin

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"ztc-portal/handlers/web"
	"ztc-portal/models"
	views "ztc-portal/views/admin"
)

func (a *admin) listMethods(c echo.Context) error {
	states, err := a.Store.MethodStates(c.Request().Context())
	if err != nil {
		return err
	}
	page := views.MethodsPage{Now: a.Store.Now(), CanSwitch: web.Who(c).Role.May(models.PermRepair), Rows: methodRows(states)}
	return a.Render(c, http.StatusOK, page, views.MethodList(page))
}

func methodRows(states []models.MethodState) []views.MethodRow {
	rows := make([]views.MethodRow, len(states))
	for i, s := range states {
		rows[i] = views.MethodRow{
			Method: s.Method, SwitchedAt: web.Instant(s.SwitchedAt), SwitchedBy: s.SwitchedBy, Reason: s.Reason,
			FailingSince: web.Instant(s.FailingSince),
		}
	}
	return rows
}

// showSwitch asks why a method is to be switched.
func (a *admin) showSwitch(c echo.Context) error { return a.drawSwitch(c, http.StatusOK, "", nil) }

func (a *admin) drawSwitch(c echo.Context, status int, reason string, refused models.FieldErrors) error {
	states, err := a.Store.MethodStates(c.Request().Context())
	if err != nil {
		return err
	}
	for _, row := range methodRows(states) {
		if string(row.Rail) == c.Param("rail") {
			page := views.SwitchPage{CSRF: a.Token(c), Now: a.Store.Now(), Row: row, Reason: reason, Errors: refused}
			return a.Render(c, status, page, views.Switch(page))
		}
	}
	return &models.Error{Code: models.NotFound, Key: "error.not_found"}
}

func (a *admin) switchMethod(c echo.Context) error {
	in := models.MethodSwitch{Rail: models.Rail(c.Param("rail")), Off: c.FormValue("off") == "1", Reason: c.FormValue("reason")}
	err := a.Store.SwitchMethod(c.Request().Context(), web.Actor(c), in)
	if fields, refused := web.Refused(err); refused {
		return a.drawSwitch(c, http.StatusUnprocessableEntity, in.Reason, fields)
	}
	said := "flash.method_on"
	if in.Off {
		said = "flash.method_off"
	}
	return a.did(c, said, "/admin/methods", err)
}
