// Package admin answers the staff's pages: every route of theirs is on this
// page; one file a screen.
package admin

import (
	"net/http"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"ztc-portal/gateways"
	"ztc-portal/handlers/web"
	"ztc-portal/models"
)

// admin is what the handlers of the staff's pages share.
type admin struct {
	*web.Web
	rails *gateways.Rails
}

// Mount adds the staff's pages to those that know who asks.
func Mount(pages *echo.Group, w *web.Web, rails *gateways.Rails) {
	a := &admin{Web: w, rails: rails}
	own := &security{a, "/admin/security"}
	own.mountEnrol(pages.Group("/admin", web.StaffOrEnrolling))

	g := pages.Group("/admin", web.StaffOnly)
	g.GET("", a.showFigures, web.Needs(models.PermRead))
	g.GET("/payments", a.listPayments, web.Needs(models.PermRead))
	g.GET("/payments/:no", a.showPayment, web.Needs(models.PermRead))
	g.POST("/payments/:no/ask", a.askPayment, web.Needs(models.PermRepair))
	g.POST("/payments/:no/repair", a.repairPayment, web.Needs(models.PermRepair))
	g.POST("/payments/:no/close", a.closePayment, web.Needs(models.PermRepair))
	g.GET("/methods", a.listMethods, web.Needs(models.PermRead))
	g.GET("/methods/:rail", a.showSwitch, web.Needs(models.PermRepair))
	g.POST("/methods/:rail", a.switchMethod, web.Needs(models.PermRepair))
	g.GET("/suspense", a.listSuspense, web.Needs(models.PermRead))
	g.GET("/search", a.search, web.Needs(models.PermRead))
	g.GET("/accounts", a.listAccounts, web.Needs(models.PermRead))
	g.GET("/accounts/:id", a.showAccount, web.Needs(models.PermRead))
	g.POST("/accounts/:id/notes", a.addNote, web.Needs(models.PermRepair))
	g.GET("/notifies", a.listRefused, web.Needs(models.PermRead))
	g.GET("/jobs", a.showJobs)
	g.GET("/audit", a.showAudit, web.Needs(models.PermAudit))
	g.GET("/audit.csv", a.exportAudit, web.Needs(models.PermAudit))
	g.POST("/jobs/webhooks/:id/resend", a.resendWebhook, web.Needs(models.PermRepair))
	g.GET("/reconciliation", a.listReconciliations)
	g.POST("/reconciliation/run", a.runReconciliation, web.Needs(models.PermReconcile))
	g.GET("/reconciliation/:id", a.showReconciliation)
	g.POST("/reconciliation/differences/:id", a.workDifference, web.Needs(models.PermReconcile))
	own.mount(g)
	g.GET("/staff", a.showStaff, web.Needs(models.PermStaff))
	g.POST("/staff/:id/revoke", a.revokeStaff, web.Needs(models.PermStaff))
	g.POST("/staff/:id/reset", a.resetStaff, web.Needs(models.PermStaff), own.lately("/admin/staff"))
	a.mountApprovals(g)
	a.mountStatements(g)
}

// MountSecurity adds the pages about one's own sign-in for sellers: the same as
// the staff's, but for what staff must have and sellers may.
func MountSecurity(g *echo.Group, w *web.Web) {
	own := &security{&admin{Web: w}, web.SecurityPath}
	own.mountEnrol(g)
	own.mount(g)
	g.POST("/security/confirm/password", own.confirmPassword)
	g.POST("/security/app/remove", own.removeApp, own.lately(own.base))
}

// security is one's own sign-in, at a base below which all its pages are.
type security struct {
	*admin
	base string
}

// mountEnrol adds the setting up of second factors, which staff without one must
// come to before they are signed in.
func (a *security) mountEnrol(g *echo.Group) {
	again := a.lately(a.base + "/enrol")
	g.GET("/security/enrol", a.showEnrol, again)
	g.GET("/security/enrol/qr.png", a.enrolQR)
	g.POST("/security/enrol", a.enrol, again)
	g.POST("/security/passkeys", a.addPasskey, again)
	g.POST("/security/passkeys/options", a.askNewPasskey)
}

func (a *security) mount(g *echo.Group) {
	g.GET("/security", a.showSecurity)
	g.GET("/security/confirm", a.showConfirm)
	g.POST("/security/confirm", a.confirm)
	g.POST("/security/confirm/passkey", a.confirmPasskey)
	g.POST("/security/confirm/passkey/options", a.askConfirmPasskey)
	g.POST("/security/codes", a.renewCodes, a.lately(a.base))
	g.POST("/security/passkeys/:id/remove", a.removePasskey, a.lately(a.base))
	g.POST("/security/sessions/:id/revoke", a.revokeSession)
	g.POST("/security/sessions/revoke", a.revokeOtherSessions)
}

// MountQueue adds the job queue's own page. Its scripts know of no form token,
// so the group asks for the origin instead; what they change stands in the list
// of acts in queue.go, and nothing else passes.
func MountQueue(g *echo.Group, w *web.Web, page http.Handler) {
	if page == nil {
		return
	}
	q := &queue{&admin{Web: w}, page}
	g.Use(web.StaffOnly)
	g.GET("", q.show, web.Needs(models.PermRead))
	g.GET("/*", q.show, web.Needs(models.PermRead), middleware.Gzip())
	g.POST("/*", q.act, web.Needs(models.PermRepair))
	g.PUT("/*", q.act, web.Needs(models.PermRepair))
}
