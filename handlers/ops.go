package handlers

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"ztc-portal/models"
	"ztc-portal/static"
)

// healthz: the process answers.
func (p *portal) healthz(c echo.Context) error { return c.String(http.StatusOK, "ok\n") }

// readyz: the process can serve: its database answers, with the schema it needs.
func (p *portal) readyz(c echo.Context) error {
	if err := p.ready(c.Request().Context()); err != nil {
		p.Log.WarnContext(c.Request().Context(), "not ready", "error", err)
		return c.String(http.StatusServiceUnavailable, "not ready\n")
	}
	return c.String(http.StatusOK, "ready\n")
}

// staticFile serves the built files; an address with the version in it may be
// kept for good. Their folder is no page.
func (p *portal) staticFile(c echo.Context) error {
	if strings.HasSuffix(c.Request().URL.Path, "/") {
		return &models.Error{Code: models.NotFound, Key: "error.not_found"}
	}
	caching := "no-cache"
	if c.QueryParam("v") == static.Version {
		caching = "public, max-age=31536000, immutable"
	}
	c.Response().Header().Set("Cache-Control", caching)
	c.Response().Header().Set("X-Content-Type-Options", "nosniff")
	http.StripPrefix(static.Prefix, http.FileServerFS(static.Files)).ServeHTTP(c.Response(), c.Request())
	return nil
}

// notFound answers for what no route takes. It hides the router's own answer to
// a method that a path does not know, so it gives that one too.
func (p *portal) notFound(c echo.Context) error {
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		probe := c.Echo().NewContext(nil, nil)
		c.Echo().Router().Find(method, c.Request().URL.Path, probe)
		if path := probe.Path(); path != "" && path != "/*" {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) > 0 {
		c.Response().Header().Set(echo.HeaderAllow, strings.Join(allowed, ", "))
		return echo.ErrMethodNotAllowed
	}
	return &models.Error{Code: models.NotFound, Key: "error.not_found"}
}
