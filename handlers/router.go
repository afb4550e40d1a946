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

	Simulated bool // the clicks are made by a simulated ad engine: pages say so
	Speed     int  // how many times faster than real time the clock runs
}

// portal is what the handlers of the seller's pages share.
type portal struct {
	*web.Web
	rails *gateways.Rails
	ready func(context.Context) error
}

const (
	maxBody        = "64KiB"
	maxUpload      = "16MiB" // with room for a file that is refused by its own limit
	requestTimeout = 30 * time.Second
)

// New builds the whole portal as one http.Handler.
func New(cfg Config) http.Handler {
	w := web.New(web.Options{Store: cfg.Store, Log: cfg.Log, Secret: cfg.Secret, Secure: cfg.Secure, Demo: cfg.Demo, Simulated: cfg.Simulated, Speed: cfg.Speed})
	p := &portal{Web: w, rails: cfg.Rails, ready: cfg.Ready}
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
	g.GET("/login/factor", p.showFactor)
	g.POST("/login/factor", p.factor)
	g.POST("/login/factor/passkey", p.passkeyFactor)
	g.POST("/login/factor/passkey/options", p.askPasskey)
	g.POST("/preferences", p.setPreferences)
	g.GET("/", p.home)
	g.GET("/api/docs", p.showDocs)
}

// sellers: signed-in sellers, in the order in which they meet the pages.
func (p *portal) sellers(all *echo.Group) {
	g := all.Group("", web.SellersOnly)
	g.GET("/account", p.showAccount)
	g.GET("/recharge", p.showRecharge)
	g.POST("/recharge", p.recharge)
	g.GET("/payments", p.listPayments)
	g.GET("/payments/:no/confirm", p.showConfirm)
	g.POST("/payments/:no/confirm", p.confirm)
	g.POST("/payments/:no/method", p.changeMethod)
	g.GET("/payments/:no", p.showPayment)
	g.GET("/payments/:no/qr.png", p.paymentQR)
	g.POST("/payments/:no/check", p.checkPayment)
	g.POST("/payments/:no/cancel", p.cancelPayment)
	g.POST("/payments/:no/resume", p.resumePayment)
	g.GET("/ledger", p.listLedger)
	g.GET("/bonus", p.showBonus)
	g.GET("/campaigns", p.listCampaigns)
	g.POST("/campaigns/bulk", p.changeCampaigns)
	g.GET("/campaigns/restart", p.showRestart)
	g.POST("/campaigns/restart", p.restart)
	g.POST("/campaigns/restart/undo", p.undoRestart)
	g.POST("/campaigns/restart/order", p.orderRestart)
	g.GET("/campaigns/:id", p.showCampaign)
	g.POST("/campaigns/:id/pause", p.switchCampaign)
	g.GET("/campaigns/:id/schedule", p.showSchedule)
	g.POST("/campaigns/:id/schedule", p.changeSchedule)
	g.POST("/campaigns/:id/budget", p.setBudget)
	g.POST("/campaigns/:id/keywords", p.addKeywords)
	g.POST("/campaigns/:id/keywords/bulk", p.changeKeywords)
	g.POST("/campaigns/:id/keywords/:kid", p.setBid)
	g.POST("/edits/:id/undo", p.undoEdit)
	g.GET("/advice", p.showAdvice)
	g.POST("/advice", p.changeAdvice)
	g.POST("/advice/margin", p.setMargin)
	g.POST("/advice/ceiling", p.setCeiling)
	g.GET("/alerts", p.showAlerts)
	g.POST("/alerts", p.setAlerts)
	g.POST("/alerts/read", p.readAlerts)
	g.POST("/alerts/mail", p.setAlertMail)
	g.POST("/alerts/targets", p.addAlertTarget)
	g.POST("/alerts/targets/:id/test", p.testAlertTarget)
	g.POST("/alerts/targets/:id/remove", p.removeAlertTarget)
	g.GET("/reports", p.showReport)
	g.GET("/reports.csv", p.reportCSV)
	g.GET("/reports.xlsx", p.reportXLSX)
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
