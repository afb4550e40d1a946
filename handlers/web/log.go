package web

import (
	"log/slog"
	"time"

	"github.com/labstack/echo/v4"
)

// Logged writes one line a request: what was asked (by route, not by address,
// so that no payment no or query lands in the log), the answer, how long it took.
func Logged(log *slog.Logger) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			began := time.Now()
			err := next(c)
			if err != nil {
				c.Error(err)
			}
			level := slog.LevelInfo
			if c.Response().Status >= 500 {
				level = slog.LevelError
			} else if c.Path() == "/healthz" || c.Path() == "/readyz" || c.Path() == "/metrics" || c.Path() == "/static/*" {
				level = slog.LevelDebug
			}
			log.Log(c.Request().Context(), level, "request", "method", c.Request().Method, "route", c.Path(),
				"status", c.Response().Status, "bytes", c.Response().Size, "ms", time.Since(began).Milliseconds(),
				"address", c.RealIP(), "request_id", c.Response().Header().Get(echo.HeaderXRequestID))
			return nil
		}
	}
}
