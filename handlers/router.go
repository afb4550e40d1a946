// Package handlers answers the portal's requests: every route is on this page,
// by audience; one file a screen.
package handlers

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"ztc-portal/gateways"
	"ztc-portal/handlers/admin"
	"ztc-portal/handlers/api"
	"ztc-portal/handlers/web"
	"ztc-portal/models"
	"ztc-portal/static"
)

// Config is what the portal's pages are made of.
type Config struct {
	Store    *models.Store
	Rails    *gateways.Rails
	Log      *slog.Logger
	Secret   []byte         // signs the session cookie
	Secure   bool           // cookies travel over https only
	Demo     bool           // the sign-in page lists the demo's sign-ins
	Proxies  []netip.Prefix // whose X-Forwarded-For is believed
	Cashiers []string       // where a confirmed payment sends the browser
	Ready    func(context.Context) error
	Metrics  http.Handler
	Queue    http.Handler  // the job queue's own page, at admin.QueuePath; none when nil
	APIRate  int           // requests a second of one API key; 0: no limit
	Stopping chan struct{} // closed when the process is to end

	Mailbox   string // where the demo's mails are read; empty: mail goes elsewhere, or nowhere
	Simulated bool   // the clicks are made by a simulated ad engine: pages say so
	Speed     int    // how many times faster than real time the clock runs
}

// portal is what the handlers of the seller's pages share.
type portal struct {
	*web.Web
	rails   *gateways.Rails
	ready   func(context.Context) error
	mailbox string
}

const (
	maxBody        = "64KiB"
	maxUpload      = "16MiB" // with room for a file that is refused by its own limit
	requestTimeout = 30 * time.Second
)

// New builds the whole portal as one http.Handler.
func New(cfg Config) http.Handler {
	w := web.New(web.Options{Store: cfg.Store, Log: cfg.Log, Secret: cfg.Secret, Secure: cfg.Secure, Demo: cfg.Demo, Simulated: cfg.Simulated, Speed: cfg.Speed})
	p := &portal{Web: w, rails: cfg.Rails, ready: cfg.Ready, mailbox: cfg.Mailbox}
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = w.HandleError
	e.IPExtractor = addressOf(cfg.Proxies)
	e.Use(
		web.OwnRequestID, middleware.RequestID(), except(api.Prefix, middleware.ContextTimeout(requestTimeout)), web.Logged(cfg.Log),
		middleware.Recover(), web.Headers(cfg.Secure, cfg.Cashiers...), web.LoadLanguage, except(api.Prefix, limitBody),
	)
	api.Mount(e, api.Config{Store: cfg.Store, Log: cfg.Log, Rate: cfg.APIRate, Stopping: cfg.Stopping})
	p.ops(e, cfg.Metrics)
	p.callbacks(e)
	pages := e.Group("", w.LoadWho, w.CheckToken)
	p.everybody(pages)
	p.sellers(pages)
	admin.Mount(pages, w, cfg.Rails)
	admin.MountQueue(e.Group(admin.QueuePath, w.LoadWho, w.CheckOrigin), w, cfg.Queue)
	p.seenByStaff(pages)
	pages.RouteNotFound("/*", p.notFound) // last: a group with middleware brings one of its own
	return e
}

// except leaves what is below a prefix out: the API has limits of its own.
func except(prefix string, limit echo.MiddlewareFunc) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		limited := limit(next)
		return func(c echo.Context) error {
			if strings.HasPrefix(c.Request().URL.Path, prefix+"/") {
				return next(c)
			}
			return limited(c)
		}
	}
}

// limitBody bounds what a request may bring: little, but to the one address that
// takes a file.
func limitBody(next echo.HandlerFunc) echo.HandlerFunc {
	form, file := middleware.BodyLimit(maxBody)(next), middleware.BodyLimit(maxUpload)(next)
	return func(c echo.Context) error {
		brings := c.Request().Header.Get(echo.HeaderContentType)
		if c.Request().URL.Path == admin.UploadPath && strings.HasPrefix(brings, echo.MIMEMultipartForm) {
			return file(c)
		}
		return form(c)
	}
}

// ops: for machines that watch over the portal, and the built files.
func (p *portal) ops(e *echo.Echo, metrics http.Handler) {
	e.GET("/healthz", p.healthz)
	e.GET("/readyz", p.readyz)
	e.GET("/metrics", echo.WrapHandler(metrics))
	e.GET(static.Prefix+"*", p.staticFile, middleware.Gzip())
}

// callbacks: gateways, and browsers that come back from them. No session, no
// form token: a signature is what counts.
func (p *portal) callbacks(e *echo.Echo) {
	e.POST("/notify/:rail", p.notify)
	e.GET("/return/:rail", p.comeBack)
	e.POST("/return/unionpay", p.comeBackByForm(models.RailUnionpay))
}

// everybody: signed in or not.
func (p *portal) everybody(g *echo.Group) {
	g.GET("/login", p.showLogin)
	g.POST("/login", p.login)
	g.POST("/logout", p.logout)
	g.GET("/forgot", p.showForgot)
	g.POST("/forgot", p.forgot)
	g.GET("/reset", p.showReset)
	g.POST("/reset", p.reset)
	g.GET("/join", p.showJoin)
	g.POST("/join", p.join)
	g.GET("/login/factor", p.showFactor)
	g.POST("/login/factor", p.factor)
	g.POST("/login/factor/passkey", p.passkeyFactor)
	g.POST("/login/factor/passkey/options", p.askPasskey)
	g.POST("/preferences", p.setPreferences)
	g.GET("/", p.home)
	g.GET("/api/docs", p.showDocs)
}

// sellers: signed-in sellers, in the order in which they meet the pages. Each
// route says what it asks for of their role in the shop.
func (p *portal) sellers(all *echo.Group) {
	g := all.Group("", web.SellersOnly)
	see, pay, run, people := p.Shop(g, models.ShopSee), p.Shop(g, models.ShopPay), p.Shop(g, models.ShopRun), p.Shop(g, models.ShopPeople)
	money, self := p.Shop(g, models.ShopMoney), p.Shop(g, models.ShopSelf)
	again := p.Confirmed("/people")
	see.GET("/account", p.showAccount)
	pay.GET("/recharge", p.showRecharge)
	pay.POST("/recharge", p.recharge)
	see.GET("/payments", p.listPayments)
	pay.GET("/payments/:no/confirm", p.showConfirm)
	pay.POST("/payments/:no/confirm", p.confirm)
	pay.POST("/payments/:no/method", p.changeMethod)
	see.GET("/payments/:no", p.showPayment)
	see.GET("/payments/:no/qr.png", p.paymentQR)
	pay.POST("/payments/:no/check", p.checkPayment)
	pay.POST("/payments/:no/cancel", p.cancelPayment)
	pay.POST("/payments/:no/resume", p.resumePayment)
	see.GET("/ledger", p.listLedger)
	see.GET("/bonus", p.showBonus)
	see.GET("/campaigns", p.listCampaigns)
	run.POST("/campaigns/bulk", p.changeCampaigns)
	see.GET("/campaigns/restart", p.showRestart)
	run.POST("/campaigns/restart", p.restart)
	run.POST("/campaigns/restart/undo", p.undoRestart)
	run.POST("/campaigns/restart/order", p.orderRestart)
	see.GET("/campaigns/:id", p.showCampaign)
	run.POST("/campaigns/:id/pause", p.switchCampaign)
	see.GET("/campaigns/:id/schedule", p.showSchedule)
	run.POST("/campaigns/:id/schedule", p.changeSchedule)
	run.POST("/campaigns/:id/budget", p.setBudget)
	run.POST("/campaigns/:id/keywords", p.addKeywords)
	run.POST("/campaigns/:id/keywords/bulk", p.changeKeywords)
	run.POST("/campaigns/:id/keywords/:kid", p.setBid)
	run.POST("/edits/:id/undo", p.undoEdit)
	see.GET("/advice", p.showAdvice)
	run.POST("/advice", p.changeAdvice)
	run.POST("/advice/margin", p.setMargin)
	run.POST("/advice/ceiling", p.setCeiling)
	see.GET("/alerts", p.showAlerts)
	money.POST("/alerts", p.setAlerts, p.Confirmed("/alerts"))
	self.POST("/alerts/read", p.readAlerts)
	self.POST("/alerts/mail", p.setAlertMail)
	money.POST("/alerts/targets", p.addAlertTarget, p.Confirmed("/alerts"))
	money.POST("/alerts/targets/:id/test", p.testAlertTarget)
	money.POST("/alerts/targets/:id/remove", p.removeAlertTarget, p.Confirmed("/alerts"))
	see.GET("/reports", p.showReport)
	see.GET("/reports.csv", p.reportCSV)
	see.GET("/reports.xlsx", p.reportXLSX)
	people.GET("/people", p.showPeople)
	people.POST("/people/invitations", p.invite, p.Confirmed("/people", "email", "role"))
	people.POST("/people/invitations/:id/resend", p.resendInvitation, again)
	people.POST("/people/invitations/:id/withdraw", p.withdrawInvitation, again)
	people.POST("/people/:id/role", p.setShopRole, again)
	people.POST("/people/:id/revoke", p.revokeColleague, again)
	people.POST("/people/:id/remove", p.removeColleague, again)
	admin.MountSecurity(g.Group("", web.NeedsShop(models.ShopSelf)), p.Web)
}

// seenByStaff: sellers' pages as the seller sees them, where nothing can be
// done: there is no other method than GET.
func (p *portal) seenByStaff(all *echo.Group) {
	g := all.Group("/admin/accounts/:id/as", web.StaffOnly, web.Needs(models.PermRead))
	g.GET("/account", p.seen(p.accountScreen))
	g.GET("/campaigns", p.seen(p.campaignsScreen))
	g.GET("/payments", p.seen(p.paymentsScreen))
	g.GET("/ledger", p.seen(p.ledgerScreen))
	g.GET("/bonus", p.seen(p.bonusScreen))
}

// addressOf finds the client's address; forwarded ones count from known proxies only.
func addressOf(proxies []netip.Prefix) echo.IPExtractor {
	if len(proxies) == 0 {
		return echo.ExtractIPDirect()
	}
	trust := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, prefix := range proxies {
		_, network, err := net.ParseCIDR(prefix.String())
		if err == nil {
			trust = append(trust, echo.TrustIPRange(network))
		}
	}
	return echo.ExtractIPFromXFFHeader(trust...)
}
