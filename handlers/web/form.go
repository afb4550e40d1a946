package web

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"ztc-portal/models"
	"ztc-portal/views/components"
)

// ID reads a number from the path; what is not one is NotFound.
func ID(c echo.Context, name string) (int64, error) {
	id, err := strconv.ParseInt(c.Param(name), 10, 64)
	if err != nil || id <= 0 {
		return 0, &models.Error{Code: models.NotFound, Key: "error.not_found", Err: err}
	}
	return id, nil
}

// Keyset reads which page of a list is asked for.
func Keyset(c echo.Context) models.Keyset {
	number := func(name string) int64 {
		n, err := strconv.ParseInt(c.QueryParam(name), 10, 64)
		if err != nil || n < 0 {
			return 0
		}
		return n
	}
	return models.Keyset{Before: number("before"), After: number("after")}
}

// Pager leads to the pages on either side, the filter kept.
func Pager(c echo.Context, page models.Page, shown int) components.Pager {
	link := func(name string, id int64) string {
		if id == 0 {
			return ""
		}
		query := c.QueryParams()
		kept := url.Values{}
		for key, values := range query {
			if key != "before" && key != "after" && len(values) > 0 && values[0] != "" {
				kept.Set(key, values[0])
			}
		}
		kept.Set(name, strconv.FormatInt(id, 10))
		return c.Request().URL.Path + "?" + kept.Encode()
	}
	return components.Pager{NewerHref: link("after", page.Newer), OlderHref: link("before", page.Older), Shown: shown}
}

// OwnPath gives the path if it leads to a page of ours, else the overview.
func OwnPath(path string) string {
	u, err := url.Parse(path)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(path, "/") ||
		strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\r\n\t") {
		return "/account"
	}
	return u.RequestURI()
}
