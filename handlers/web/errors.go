package web

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"ztc-portal/models"
	"ztc-portal/views"
	"ztc-portal/views/text"
)

// statusOf is the one table that turns a refusal into a status.
var statusOf = map[models.Code]int{
	models.Invalid:         http.StatusUnprocessableEntity,
	models.NotFound:        http.StatusNotFound,
	models.Conflict:        http.StatusConflict,
	models.Unauthenticated: http.StatusUnprocessableEntity,
	models.Forbidden:       http.StatusForbidden,
	models.TooMany:         http.StatusTooManyRequests,
	models.Unavailable:     http.StatusServiceUnavailable,
	models.Internal:        http.StatusInternalServerError,
}

// statusLeft is what the log says of a client that did not wait for its answer:
// a double click, a tab closed. It is nobody's fault.
const statusLeft = 499

// Status gives the status of an error; the router's own errors keep theirs.
func Status(err error) int {
	if http := (*echo.HTTPError)(nil); errors.As(err, &http) {
		return http.Code
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return http.StatusServiceUnavailable
	}
	return statusOf[models.CodeOf(err)]
}

// HandleError answers what a handler returned as an error: a page that says
// what happened, whether money moved and what to do. What is not ours is
// logged and never shown.
func (w *Web) HandleError(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	if errors.Is(c.Request().Context().Err(), context.Canceled) {
		c.Response().WriteHeader(statusLeft)
		return
	}
	status := Status(err)
	if status >= http.StatusInternalServerError {
		w.Log.ErrorContext(c.Request().Context(), "request failed", "method", c.Request().Method, "path", c.Path(),
			"request_id", c.Response().Header().Get(echo.HeaderXRequestID), "error", err)
	}
	SayWhen(c, status)
	if w.drawError(c, status, err) == nil {
		return
	}
	// What stands around the page is read from the database: do without.
	c.SetRequest(c.Request().WithContext(context.WithoutCancel(c.Request().Context())))
	c.Set(keyWho, nil)
	if drawn := w.drawError(c, status, err); drawn != nil {
		w.Log.ErrorContext(c.Request().Context(), "error page failed", "error", drawn)
		c.Response().WriteHeader(status)
	}
}

func (w *Web) drawError(c echo.Context, status int, err error) error {
	who := Who(c)
	page := views.ErrorPage{
		Status: status, Line: lineOf(err), RequestID: c.Response().Header().Get(echo.HeaderXRequestID),
		SignedIn: who != nil, Staff: who != nil && who.Role.IsStaff(), MoneySafe: moneySafe(c, status),
	}
	return w.Render(c, status, page, views.Error(page))
}

// SayWhen tells a client that is too fast when to come again.
func SayWhen(c echo.Context, status int) {
	if status == http.StatusTooManyRequests {
		c.Response().Header().Set("Retry-After", strconv.Itoa(int(models.ThrottleWindow.Seconds())))
	}
}

// moneySafe tells whether it is certain that no money moved: the request was
// refused, and it was not about a payment, which may have been paid meanwhile.
func moneySafe(c echo.Context, status int) bool {
	path := c.Request().URL.Path
	acted := c.Request().Method != http.MethodGet && strings.HasPrefix(strings.TrimPrefix(path, "/admin"), "/payments/")
	if acted || strings.HasPrefix(path, "/return/") || strings.HasPrefix(path, "/notify/") {
		return false
	}
	return status < http.StatusInternalServerError
}

// lineOf is the sentence of a refusal; none for what is not ours.
func lineOf(err error) text.Line {
	if refusal := (*models.Error)(nil); errors.As(err, &refusal) && refusal.Code != models.Internal {
		return text.Line{Key: refusal.Key, Args: refusal.Args}
	}
	return text.Line{}
}
