package admin

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"ztc-portal/handlers/web"
	"ztc-portal/models"
	views "ztc-portal/views/admin"
	"ztc-portal/views/layout"
)

func (a *admin) showSecurity(c echo.Context) error {
	desk, err := a.Store.SecurityDesk(c.Request().Context(), web.Who(c).UserID, a.Secret(c))
	if err != nil {
		return err
	}
	page := securityPage(desk)
	page.CSRF = a.Token(c)
	return a.Render(c, http.StatusOK, page, views.Security(page))
}

func securityPage(desk models.SecurityDesk) views.SecurityPage {
	page := views.SecurityPage{
		Now: desk.Now, TOTPSince: web.Instant(desk.TOTPSince), CodesLeft: desk.CodesLeft, Codes: models.RecoveryCodes,
	}
	for _, k := range desk.Passkeys {
		page.Passkeys = append(page.Passkeys, views.PasskeyRow{ID: k.ID, Name: k.Name, CreatedAt: k.CreatedAt, UsedAt: web.Instant(k.UsedAt)})
	}
	for _, s := range desk.Sessions {
		page.Sessions = append(page.Sessions, views.SessionRow{
			Handle: s.Handle, Address: s.Address, Device: shortened(s.UserAgent), CreatedAt: s.CreatedAt, SeenAt: s.SeenAt,
			ExpiresAt: s.ExpiresAt, By: s.FactorBy, Own: s.Own,
		})
	}
	return page
}

func (a *admin) renewCodes(c echo.Context) error {
	codes, err := a.Store.NewRecoveryCodes(c.Request().Context(), web.Actor(c), a.Secret(c))
	if err != nil {
		return err
	}
	return a.showCodes(c, codes)
}

func (a *admin) removePasskey(c echo.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	if err := a.Store.RemovePasskey(c.Request().Context(), web.Actor(c), a.Secret(c), id); err != nil {
		return err
	}
	a.Flash(c, layout.Flash{Key: "flash.passkey_removed"})
	return web.SeeOther(c, "/admin/security")
}

func (a *admin) revokeSession(c echo.Context) error {
	if err := a.Store.RevokeSession(c.Request().Context(), web.Actor(c), c.Param("id")); err != nil {
		return err
	}
	a.Flash(c, layout.Flash{Key: "flash.session_revoked"})
	return web.SeeOther(c, "/admin/security")
}

func (a *admin) revokeOtherSessions(c echo.Context) error {
	if err := a.Store.RevokeOtherSessions(c.Request().Context(), web.Actor(c), a.Secret(c)); err != nil {
		return err
	}
	a.Flash(c, layout.Flash{Key: "flash.sessions_revoked"})
	return web.SeeOther(c, "/admin/security")
}

func (a *admin) showStaff(c echo.Context) error {
	members, now, err := a.Store.StaffDesk(c.Request().Context())
	if err != nil {
		return err
	}
	page := views.StaffPage{CSRF: a.Token(c), Now: now}
	for _, m := range members {
		page.Rows = append(page.Rows, views.StaffRow{
			ID: m.ID, Email: m.Email, Role: m.Role, TOTP: m.TOTP, Passkeys: m.Passkeys, CodesLeft: m.CodesLeft,
			Sessions: m.Sessions, SeenAt: web.Instant(m.SeenAt), Own: m.ID == web.Who(c).UserID,
		})
	}
	return a.Render(c, http.StatusOK, page, views.Staff(page))
}

func (a *admin) revokeStaff(c echo.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	if err := a.Store.RevokeStaffSessions(c.Request().Context(), web.Actor(c), id); err != nil {
		return err
	}
	a.Flash(c, layout.Flash{Key: "flash.staff_revoked"})
	return web.SeeOther(c, "/admin/staff")
}

func (a *admin) resetStaff(c echo.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	if err := a.Store.ResetFactors(c.Request().Context(), web.Actor(c), a.Secret(c), id); err != nil {
		return err
	}
	a.Flash(c, layout.Flash{Key: "flash.factors_reset"})
	return web.SeeOther(c, "/admin/staff")
}
