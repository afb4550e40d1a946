// Package admin answers the staff's pages: every route of theirs is on this
// page; one file a screen.
package admin

import (
	"github.com/labstack/echo/v4"

	"ztc-portal/handlers/web"
	"ztc-portal/models"
)

// admin is what the handlers of the staff's pages share.
type admin struct{ *web.Web }

// Mount adds the staff's pages to those that know who asks.
func Mount(pages *echo.Group, w *web.Web) {
	a := &admin{w}
	pages.GET("/admin/security/enrol", a.showEnrol, web.StaffOrEnrolling)
	pages.GET("/admin/security/enrol/qr.png", a.enrolQR, web.StaffOrEnrolling)
	pages.POST("/admin/security/enrol", a.enrol, web.StaffOrEnrolling)
	pages.POST("/admin/security/passkeys", a.addPasskey, web.StaffOrEnrolling)
	pages.POST("/admin/security/passkeys/options", a.askNewPasskey, web.StaffOrEnrolling)

	g := pages.Group("/admin", web.StaffOnly)
	g.GET("", a.home)
	g.GET("/jobs", a.showJobs)
	g.GET("/security", a.showSecurity)
	g.POST("/security/codes", a.renewCodes)
	g.POST("/security/passkeys/:id/remove", a.removePasskey)
	g.POST("/security/sessions/:id/revoke", a.revokeSession)
	g.POST("/security/sessions/revoke", a.revokeOtherSessions)
	g.GET("/staff", a.showStaff, web.Needs(models.PermStaff))
	g.POST("/staff/:id/revoke", a.revokeStaff, web.Needs(models.PermStaff))
	g.POST("/staff/:id/reset", a.resetStaff, web.Needs(models.PermStaff))
	g.POST("/jobs/webhooks/:id/resend", a.resendWebhook, web.Needs(models.PermRepair))
}

func (a *admin) home(c echo.Context) error { return web.SeeOther(c, web.Home(web.Who(c))) }
