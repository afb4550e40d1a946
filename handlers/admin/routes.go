// Package admin answers the staff's pages: every route of theirs is on this
// page; one file a screen.
package admin

import (
	"net/http"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"ztc-portal/handlers/web"
	"ztc-portal/models"
)

// admin is what the handlers of the staff's pages share.
type admin struct{ *web.Web }

// Mount adds the staff's pages to those that know who asks.
func Mount(pages *echo.Group, w *web.Web) {
	a := &admin{w}
	g := pages.Group("/admin", web.StaffOnly)
	g.GET("", a.showFigures, web.Needs(models.PermRead))
	g.GET("/notifies", a.listRefused, web.Needs(models.PermRead))
	g.GET("/jobs", a.showJobs)
	g.POST("/jobs/webhooks/:id/resend", a.resendWebhook, web.Needs(models.PermRepair))
}

// MountQueue adds the job queue's own page. Its scripts know of no form token,
// so the group asks for the origin instead; what they change stands in the list
// of acts in queue.go, and nothing else passes.
func MountQueue(g *echo.Group, w *web.Web, page http.Handler) {
	if page == nil {
		return
	}
	q := &queue{&admin{w}, page}
	g.Use(web.StaffOnly)
	g.GET("", q.show, web.Needs(models.PermRead))
	g.GET("/*", q.show, web.Needs(models.PermRead), middleware.Gzip())
	g.POST("/*", q.act, web.Needs(models.PermRepair))
	g.PUT("/*", q.act, web.Needs(models.PermRepair))
}
