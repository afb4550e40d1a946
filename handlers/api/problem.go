package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"ztc-portal/models"
	"ztc-portal/views/text"
)

// problem is a refusal on its way out: a status, a code that programs read, and
// the words' placeholders. place says where in the body it is.
type problem struct {
	status int
	code   string
	args   map[string]any
	place  *place
	wait   time.Duration // before another try
}

func (p *problem) Error() string { return p.code }

// place is where a body stops being JSON; all count from 1, but offset.
type place struct {
	Offset int64 `json:"offset"` // bytes before it, unpacked
	Line   int   `json:"line"`
	Column int   `json:"column"` // in bytes
}

// document is a problem as RFC 9457 writes it.
type document struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail"`
	Code      string `json:"code"`
	RequestID string `json:"request_id"`
	*place
}

// Codes lists every code of a problem; each has a title and a sentence in the
// catalogues.
var Codes = []string{
	"unauthorized", "scope_missing", "bad_json", "bad_encoding", "body_cut_off", "bad_parameter", "unsupported_media_type", "body_too_large", "too_many_items",
	"too_fast", "not_found", "method_not_allowed", "cursor_unknown", "unavailable", "internal",
}

func tooFast(wait time.Duration) error {
	return &problem{status: http.StatusTooManyRequests, code: "too_fast", wait: max(wait, time.Second)}
}

// problems answers what a handler returned as an error. What is not ours is
// logged and never shown.
func (a *api) problems(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		ctx := c.Request().Context() // before a time limit was put on it, which ends with the handler
		err := next(c)
		if err == nil || c.Response().Committed {
			return err
		}
		// A body that comes too slowly ends the request's context too, though its
		// sender still waits: what we refuse by ourselves is said all the same.
		if refused := (*problem)(nil); errors.Is(ctx.Err(), context.Canceled) && !errors.As(err, &refused) {
			return err // nobody listens any more: logged as such
		}
		p := problemOf(err)
		if p.status >= http.StatusInternalServerError {
			a.Log.ErrorContext(ctx, "request failed", "method", c.Request().Method, "path", c.Path(),
				"request_id", c.Response().Header().Get(echo.HeaderXRequestID), "error", err)
		}
		return p.answer(c)
	}
}

// problemOf turns any error into a problem.
func problemOf(err error) *problem {
	if p := (*problem)(nil); errors.As(err, &p) {
		return p
	}
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return &problem{status: http.StatusRequestEntityTooLarge, code: "body_too_large", args: map[string]any{"Max": maxBody >> 20}}
	}
	if errors.Is(err, context.DeadlineExceeded) || models.CodeOf(err) == models.Unavailable {
		return &problem{status: http.StatusServiceUnavailable, code: "unavailable", wait: time.Second}
	}
	if models.CodeOf(err) == models.Unauthenticated {
		return &problem{status: http.StatusUnauthorized, code: "unauthorized"}
	}
	return &problem{status: http.StatusInternalServerError, code: "internal"}
}

func (p *problem) answer(c echo.Context) error {
	ctx := c.Request().Context()
	h := c.Response().Header()
	if p.wait > 0 {
		h.Set("Retry-After", strconv.Itoa(int((p.wait+time.Second-1)/time.Second)))
	}
	if p.status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="ztc-portal"`)
	}
	args := map[string]any{}
	for name, value := range p.args {
		args[name] = value
	}
	if p.place != nil {
		args["Line"], args["Column"] = p.place.Line, p.place.Column
	}
	body, err := json.Marshal(document{
		Type: "/api/docs#problem-" + p.code, Title: text.T(ctx, "api.problem."+p.code+".title"), Status: p.status,
		Detail: text.TMap(ctx, "api.problem."+p.code+".detail", args), Code: p.code,
		RequestID: h.Get(echo.HeaderXRequestID), place: p.place,
	})
	if err != nil {
		return err
	}
	return c.Blob(p.status, "application/problem+json", body)
}
