// Package api is how a real ad engine drives the portal: charges and results
// come in, what may serve goes out. It speaks JSON, answers refusals as problem
// documents (RFC 9457), and knows its caller by a bearer key. openapi.yaml is
// the contract; tests hold every answer against it.
package api

import (
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"ztc-portal/models"
	"ztc-portal/views/text"
)

// Config is what the API is made of.
type Config struct {
	Store    *models.Store
	Log      *slog.Logger
	Rate     int           // requests a second of one key; 0: no limit
	Stopping chan struct{} // closed when the process is to end: nobody is kept waiting
}

// Prefix is where the API begins.
const Prefix = "/api/v1"

type api struct {
	Config
	limits limits
	bodies *shares // a place for each body that is being worked on
	polls  *shares // and for each reader who waits for a change
}

const (
	maxBody        = 4 << 20 // of one request, unpacked
	bodiesAtOnce   = 16
	pollsAtOnce    = 256
	bodyPatience   = 5 * time.Second // for its turn
	requestTimeout = 40 * time.Second
)

// Mount adds the API's routes, all of them here.
func Mount(e *echo.Echo, cfg Config) {
	a := &api{Config: cfg, bodies: newShares(bodiesAtOnce), polls: newShares(pollsAtOnce)}
	a.limits.rate = cfg.Rate
	g := e.Group(Prefix, english, a.problems, middleware.ContextTimeout(requestTimeout), a.portalTime, a.authenticate)
	g.POST("/charges", a.postCharges, a.needs(models.ScopeCharges), a.oneOfFew)
	g.POST("/results", a.postResults, a.needs(models.ScopeResults), a.oneOfFew)
	g.GET("/serving", a.getServing, a.needs(models.ScopeServing))
	g.GET("/keywords", a.getKeywords, a.needs(models.ScopeServing))
	g.RouteNotFound("", notFound)
	g.RouteNotFound("/*", notFound)
	e.GET("/api/openapi.yaml", spec)
}

// english makes a reader who asks for no language an English one: what calls an
// API seldom says, and whoever reads its log is an engineer.
func english(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if c.Request().Header.Get("Accept-Language") == "" {
			c.SetRequest(c.Request().WithContext(text.With(c.Request().Context(), text.English)))
		}
		return next(c)
	}
}

// portalTime puts the portal's own clock into Date, which in the demo may run
// faster than the machine's.
func (a *api) portalTime(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		c.Response().Header().Set("Date", a.Store.Now().Format(http.TimeFormat))
		return next(c)
	}
}

const keyOfRequest = "api key"

// authenticate finds the bearer key and counts the request against its rate.
func (a *api) authenticate(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		kind, secret, _ := strings.Cut(c.Request().Header.Get("Authorization"), " ")
		if !strings.EqualFold(kind, "Bearer") {
			secret = ""
		}
		key, err := a.Store.APIKeyOf(c.Request().Context(), strings.TrimSpace(secret))
		if err != nil {
			return err
		}
		if wait := a.limits.take(key.ID); wait > 0 {
			return tooFast(wait)
		}
		c.Set(keyOfRequest, key)
		return next(c)
	}
}

// keyOf is the key that the request showed; only behind authenticate.
func keyOf(c echo.Context) models.APIKey {
	key, _ := c.Get(keyOfRequest).(models.APIKey)
	return key
}

// needs lets only keys of a scope pass.
func (a *api) needs(scope models.Scope) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if !keyOf(c).May(scope) {
				return &problem{status: http.StatusForbidden, code: "scope_missing", args: map[string]any{"Scope": string(scope)}}
			}
			return next(c)
		}
	}
}

// oneOfFew bounds how many bodies are in memory at once, of one key and in all.
// One that does not get its turn in time is told to come again.
func (a *api) oneOfFew(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		leave, err := a.bodies.take(c.Request().Context(), keyOf(c).ID, bodyPatience)
		if err != nil {
			return err
		}
		defer leave()
		return next(c)
	}
}

// notFound answers for paths and methods that the API does not have.
func notFound(c echo.Context) error {
	allowed := map[string]string{"/charges": "POST", "/results": "POST", "/serving": "GET", "/keywords": "GET"}
	if method, ok := allowed[strings.TrimPrefix(c.Request().URL.Path, Prefix)]; ok {
		c.Response().Header().Set(echo.HeaderAllow, method)
		return &problem{status: http.StatusMethodNotAllowed, code: "method_not_allowed"}
	}
	return &problem{status: http.StatusNotFound, code: "not_found"}
}
