package api

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"ztc-portal/models"
)

const maxWait = 30 * time.Second

// servingAnswer is what changed, and the cursor to ask with next.
type servingAnswer struct {
	Cursor    string                   `json:"cursor"`
	Campaigns []models.ServingCampaign `json:"campaigns"`
}

// getServing gives all campaigns without a cursor, with one those that changed
// since; with wait it holds the answer until there is a change.
func (a *api) getServing(c echo.Context) error {
	wait, err := seconds(c, "wait", maxWait)
	if err != nil {
		return err
	}
	if !c.QueryParams().Has("after") {
		return a.snapshot(c)
	}
	after, err := models.ParseCursor(c.QueryParam("after"))
	if err != nil {
		return cursorUnknown
	}
	ctx := c.Request().Context()
	campaigns, cursor, err := a.Store.ServingSince(ctx, after)
	if err == nil && len(campaigns) == 0 && wait > 0 {
		if err = a.await(ctx, keyOf(c).ID, after, wait); err == nil {
			campaigns, cursor, err = a.Store.ServingSince(ctx, after)
		}
	}
	if models.CodeOf(err) == models.NotFound {
		return cursorUnknown
	}
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, servingAnswer{models.CursorText(cursor), campaigns})
}

var cursorUnknown = &problem{status: http.StatusGone, code: "cursor_unknown"}

// await returns after a change, after the wait, or when the process is to end.
func (a *api) await(ctx context.Context, key, after int64, wait time.Duration) error {
	leave, err := a.polls.take(ctx, key, 0)
	if err != nil {
		return err
	}
	defer leave()
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	go func() {
		select {
		case <-a.Stopping:
			cancel()
		case <-ctx.Done():
		}
	}()
	return a.Store.AwaitServing(ctx, after)
}

// snapshot writes every campaign as it is read: there may be a million. Should
// the database fail half-way the connection is cut, so that nobody takes a part
// for the whole.
func (a *api) snapshot(c echo.Context) error {
	ctx := c.Request().Context()
	cursor, err := a.Store.ServingCursor(ctx) // first: what changes meanwhile comes with the next answer
	if err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderContentType, echo.MIMEApplicationJSON)
	out := bufio.NewWriterSize(c.Response(), 32<<10)
	_, _ = out.WriteString(`{"cursor":"` + models.CursorText(cursor) + `","campaigns":[`) // what fails here, Flush says
	separator := ""
	err = a.Store.ServingAll(ctx, func(campaign models.ServingCampaign) error {
		item, err := json.Marshal(campaign)
		if err != nil {
			return err
		}
		_, _ = out.WriteString(separator)
		separator = ","
		_, err = out.Write(item)
		return err
	})
	if err != nil && !c.Response().Committed {
		return err
	}
	if err != nil {
		if !errors.Is(ctx.Err(), context.Canceled) { // the reader left
			a.Log.ErrorContext(ctx, "snapshot cut off", "error", err)
		}
		panic(http.ErrAbortHandler)
	}
	_, _ = out.WriteString("]}\n")
	return out.Flush()
}

// keywordsAnswer is one page of keywords; next is null on the last.
type keywordsAnswer struct {
	Keywords []models.EngineKeyword `json:"keywords"`
	Next     *int64                 `json:"next"`
}

// getKeywords gives what the engine bids with, a page at a time.
func (a *api) getKeywords(c echo.Context) error {
	after := int64(0)
	if typed := c.QueryParam("after"); typed != "" {
		var err error
		if after, err = strconv.ParseInt(typed, 10, 64); err != nil || after < 0 {
			return badParameter("after")
		}
	}
	keywords, next, err := a.Store.EngineKeywords(c.Request().Context(), after)
	if err != nil {
		return err
	}
	answer := keywordsAnswer{Keywords: keywords}
	if next > 0 {
		answer.Next = &next
	}
	return c.JSON(http.StatusOK, answer)
}

// seconds reads a whole number of seconds up to a limit; absent is 0.
func seconds(c echo.Context, name string, limit time.Duration) (time.Duration, error) {
	typed := c.QueryParam(name)
	if typed == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(typed)
	if err != nil || n < 0 {
		return 0, badParameter(name)
	}
	return time.Duration(min(n, int(limit/time.Second))) * time.Second, nil
}

func badParameter(name string) error {
	return &problem{status: http.StatusBadRequest, code: "bad_parameter", args: map[string]any{"Name": name}}
}

//go:embed openapi.yaml
var openapi []byte

// Spec is the contract, OpenAPI 3.1.
func Spec() []byte { return openapi }

func spec(c echo.Context) error {
	return c.Blob(http.StatusOK, "application/yaml; charset=utf-8", openapi)
}
