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
	g := pages.Group("/admin", web.StaffOnly)
	g.GET("", a.home)
	g.GET("/search", a.search, web.Needs(models.PermRead))
	g.GET("/accounts", a.listAccounts, web.Needs(models.PermRead))
	g.GET("/accounts/:id", a.showAccount, web.Needs(models.PermRead))
	g.POST("/accounts/:id/notes", a.addNote, web.Needs(models.PermRepair))
	g.GET("/jobs", a.showJobs)
	g.POST("/jobs/webhooks/:id/resend", a.resendWebhook, web.Needs(models.PermRepair))
}

func (a *admin) home(c echo.Context) error { return web.SeeOther(c, web.Home(web.Who(c))) }
