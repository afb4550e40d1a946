package admin

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"ztc-portal/handlers/web"
	"ztc-portal/models"
	views "ztc-portal/views/admin"
	"ztc-portal/views/text"
)

// auditExported is how many acts one file holds at most; the command line knows
// no limit.
const auditExported = 100_000

// showAudit is who did what, newest first.
func (a *admin) showAudit(c echo.Context) error {
	trail, err := a.Store.AuditTrail(c.Request().Context(), auditFilter(c), web.Keyset(c))
	if fields, refused := web.Refused(err); refused {
		return a.refuseAudit(c, fields)
	}
	if err != nil {
		return err
	}
	page := auditPage(c)
	page.LastID, page.Hash, page.Pager = trail.RowID, trail.Hash, web.Pager(c, trail.Page, len(trail.Rows))
	for _, e := range trail.Rows {
		page.Rows = append(page.Rows, views.AuditRow{
			ID: e.ID, At: e.At, Email: e.Email, Address: e.Address, Action: e.Action, Subject: e.Subject, Before: e.Before, After: e.After,
		})
	}
	return a.Render(c, http.StatusOK, page, views.Audit(page))
}

// refuseAudit shows what of the filter can't be taken.
func (a *admin) refuseAudit(c echo.Context, fields models.FieldErrors) error {
	page := auditPage(c)
	page.Filter.Errors = fields
	return a.Render(c, http.StatusUnprocessableEntity, page, views.Audit(page))
}

// exportAudit is the same acts as a file, oldest first.
func (a *admin) exportAudit(c echo.Context) error {
	var file *web.CSV
	begin := func() (err error) {
		if file == nil {
			head := c.Response().Header()
			head.Set(echo.HeaderContentType, "text/csv; charset=utf-8")
			head.Set(echo.HeaderContentDisposition, `attachment; filename="audit-`+text.Day(a.Store.Now())+`.csv"`)
			file, err = web.NewCSV(c.Response(), auditHeader(c))
		}
		return err
	}
	err := a.Store.ExportAudit(c.Request().Context(), web.Actor(c), auditFilter(c), auditExported, func(e models.AuditEntry) error {
		if err := begin(); err != nil {
			return err
		}
		return file.Write(e.Record())
	})
	if fields, refused := web.Refused(err); refused {
		return a.refuseAudit(c, fields)
	}
	if err == nil {
		err = begin() // of no acts there is a header
	}
	if err == nil {
		err = file.End()
	}
	return a.cutOff(c, err)
}

// cutOff breaks the connection where a file failed half-way, so that nobody
// takes it for whole.
func (a *admin) cutOff(c echo.Context, err error) error {
	if err == nil {
		return nil
	}
	if !c.Response().Committed {
		c.Response().Header().Del(echo.HeaderContentDisposition)
		return err
	}
	a.Log.ErrorContext(c.Request().Context(), "a file was cut off", "path", c.Path(), "error", err)
	panic(http.ErrAbortHandler)
}

// auditHeader names the columns of the file in the reader's language.
func auditHeader(c echo.Context) []string {
	names := make([]string, len(models.AuditColumns))
	for i, column := range models.AuditColumns {
		names[i] = text.T(c.Request().Context(), "audit.file."+column)
	}
	return names
}

func auditFilter(c echo.Context) models.AuditFilter {
	asked := func(name string) string { return strings.TrimSpace(c.QueryParam(name)) }
	return models.AuditFilter{
		Who: asked("who"), Action: asked("action"), Subject: asked("subject"), Days: models.Days{From: asked("from"), To: asked("to")},
	}
}

// auditPage is the page with its filter and no acts yet.
func auditPage(c echo.Context) views.AuditPage {
	f := auditFilter(c)
	query := url.Values{}
	for name, value := range map[string]string{"who": f.Who, "action": f.Action, "subject": f.Subject, "from": f.Days.From, "to": f.Days.To} {
		if value != "" {
			query.Set(name, value)
		}
	}
	page := views.AuditPage{
		Filter: views.AuditFilter{Who: f.Who, Action: f.Action, Subject: f.Subject, From: f.Days.From, To: f.Days.To}, ExportHref: "/admin/audit.csv",
	}
	if len(query) > 0 {
		page.ExportHref += "?" + query.Encode()
	}
	return page
}
