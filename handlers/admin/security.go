package admin

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"

	"ztc-portal/handlers/web"
	"ztc-portal/models"
	views "ztc-portal/views/admin"
	"ztc-portal/views/layout"
)

func (a *security) showSecurity(c echo.Context) error {
	desk, err := a.Store.SecurityDesk(c.Request().Context(), web.Who(c).UserID, a.Secret(c))
	if err != nil {
		return err
	}
	page := securityPage(desk)
	page.CSRF, page.Base = a.Token(c), a.base
	return a.Render(c, http.StatusOK, page, views.Security(page))
}

func securityPage(desk models.SecurityDesk) views.SecurityPage {
	page := views.SecurityPage{
		Now: desk.Now, TOTPSince: web.Instant(desk.TOTPSince), CodesLeft: desk.CodesLeft, Codes: models.RecoveryCodes,
		Optional: desk.Optional,
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

func (a *security) renewCodes(c echo.Context) error {
	codes, err := a.Store.NewRecoveryCodes(c.Request().Context(), web.Actor(c), a.Secret(c))
	if err != nil {
		return err
	}
	return a.showCodes(c, codes)
}

// did ends an act: back to its page with what was done, or with what refused it.
func (a *admin) did(c echo.Context, said, back string, err error) error {
	if err != nil {
		return err
	}
	a.Flash(c, layout.Flash{Key: said})
	return web.SeeOther(c, back)
}

// actOn does an act on what the path's id names.
func (a *admin) actOn(c echo.Context, act func(context.Context, models.Actor, int64) error, said, back string) error {
	id, err := web.ID(c, "id")
	if err == nil {
		err = act(c.Request().Context(), web.Actor(c), id)
	}
	return a.did(c, said, back, err)
}

// freshly is an act that wants a second factor shown lately in this session.
func (a *admin) freshly(c echo.Context, act func(context.Context, models.Actor, string, int64) error) func(context.Context, models.Actor, int64) error {
	return func(ctx context.Context, by models.Actor, id int64) error { return act(ctx, by, a.Secret(c), id) }
}

func (a *security) removePasskey(c echo.Context) error {
	return a.actOn(c, a.freshly(c, a.Store.RemovePasskey), "flash.passkey_removed", a.base)
}

// removeApp takes the authenticator app away.
func (a *security) removeApp(c echo.Context) error {
	err := a.Store.RemoveTOTP(c.Request().Context(), web.Actor(c), a.Secret(c))
	return a.did(c, "flash.totp_removed", a.base, err)
}

func (a *security) revokeSession(c echo.Context) error {
	err := a.Store.RevokeSession(c.Request().Context(), web.Actor(c), c.Param("id"))
	return a.did(c, "flash.session_revoked", a.base, err)
}

func (a *security) revokeOtherSessions(c echo.Context) error {
	err := a.Store.RevokeOtherSessions(c.Request().Context(), web.Actor(c), a.Secret(c))
	return a.did(c, "flash.sessions_revoked", a.base, err)
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
	return a.actOn(c, a.Store.RevokeStaffSessions, "flash.staff_revoked", "/admin/staff")
}

func (a *admin) resetStaff(c echo.Context) error {
	return a.actOn(c, a.freshly(c, a.Store.ResetFactors), "flash.factors_reset", "/admin/staff")
}
