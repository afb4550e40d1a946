package handlers

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"ztc-portal/handlers/web"
	"ztc-portal/models"
	"ztc-portal/views"
	"ztc-portal/views/components"
	"ztc-portal/views/text"
)

// showReport is what was delivered in a time, part by part.
func (p *portal) showReport(c echo.Context) error { return p.show(c, p.reportScreen) }

// reportAsked reads a report's filter from the address; what it does not know
// it takes for nothing.
func reportAsked(c echo.Context) (models.ReportInput, views.ReportFilter) {
	id := func(name string) int64 {
		n, err := strconv.ParseInt(c.QueryParam(name), 10, 64)
		if err != nil || n < 0 {
			return 0
		}
		return n
	}
	in := models.ReportInput{
		Period: oneOf(c.QueryParam("period"), models.ReportPeriods), Step: models.ReportStep(oneOf(c.QueryParam("by"), models.ReportSteps)),
		Days: models.Days{From: c.QueryParam("from"), To: c.QueryParam("to")}, CampaignID: id("campaign"), KeywordID: id("keyword"),
	}
	if in.Period == "" {
		in.Period = "7d"
	}
	if in.Step == "" {
		in.Step = models.ByDay
		if in.Period == "today" || in.Period == "yesterday" {
			in.Step = models.ByHour
		}
	}
	show := c.QueryParam("show")
	if !slices.Contains(views.ChartNames, show) {
		show = views.ChartNames[0]
	}
	return in, views.ReportFilter{
		Period: in.Period, From: in.Days.From, To: in.Days.To, Step: in.Step, Show: show, Campaign: in.CampaignID, Keyword: in.KeywordID,
	}
}

func (p *portal) reportScreen(c echo.Context, accountID int64) (screen, error) {
	in, filter := reportAsked(c)
	if in.Period == "own" && in.Days == (models.Days{}) { // asked for, and not said yet
		in.Days = lastWeek(p.Store.Now())
		filter.From, filter.To = in.Days.From, in.Days.To
	}
	ctx := c.Request().Context()
	r, err := p.Store.Report(ctx, accountID, in)
	status := http.StatusOK
	if fields, refused := web.Refused(err); refused {
		filter.Errors, status = fields, http.StatusUnprocessableEntity
	} else if err != nil {
		return screen{}, err
	}
	names, err := p.Store.CampaignNames(ctx, accountID)
	if err != nil {
		return screen{}, err
	}
	filter.Campaigns = []components.Option{{Value: "0", Label: text.T(ctx, "report.account")}}
	for _, n := range names {
		filter.Campaigns = append(filter.Campaigns, components.Option{Value: strconv.FormatInt(n.ID, 10), Label: n.Name})
	}
	page := views.ReportPage{
		Now: r.Now, Filter: filter, From: r.From, Last: r.Until.AddDate(0, 0, -1), BeforeFrom: r.BeforeFrom, Partial: r.Partial(), Rows: r.Rows, Total: r.Total,
		Before: r.Before, Parts: r.Parts, PartsMore: r.PartsMore, Recharges: r.Recharges, CampaignID: in.CampaignID,
	}
	if r.Campaign != nil {
		page.Campaign = r.Campaign.Name
	}
	if r.Keyword != nil {
		page.Keyword = r.Keyword.Phrase
	}
	return screen{status, page, views.Report(page)}, nil
}

// reportFile reads the same report for a file, with the names of its columns.
func (p *portal) reportFile(c echo.Context) (models.Report, []string, error) {
	in, _ := reportAsked(c)
	ctx := c.Request().Context()
	r, err := p.Store.Report(ctx, web.Seller(c).AccountID, in)
	header := []string{text.T(ctx, "report.column.from"), text.T(ctx, "report.column.until")}
	for _, name := range views.MeasureNames {
		header = append(header, text.T(ctx, "measure."+name))
	}
	return r, append(header, text.T(ctx, "report.column.stopped"), text.T(ctx, "report.column.recharged")), err
}

// reportCells are one row of the file; times are Shanghai's, until exclusive.
func reportCells(r models.ReportRow) []string {
	const form = "2006-01-02 15:04"
	cells := []string{r.From.In(models.Shanghai).Format(form), r.Until.In(models.Shanghai).Format(form)}
	for _, name := range views.MeasureNames {
		cells = append(cells, views.MeasurePlain(r.Measures, name))
	}
	return append(cells, strconv.Itoa(int(r.Stopped.Minutes())), strings.TrimSpace(r.RechargeFen.Wire()))
}

// attach names the file that is answered.
func (p *portal) attach(c echo.Context, kind, ending string) {
	c.Response().Header().Set(echo.HeaderContentType, kind)
	c.Response().Header().Set(echo.HeaderContentDisposition, `attachment; filename="report-`+text.Day(p.Store.Now())+ending+`"`)
}

// reportCSV is the rows of the report as a file that spreadsheets open.
func (p *portal) reportCSV(c echo.Context) error {
	r, header, err := p.reportFile(c)
	if err != nil {
		return err
	}
	p.attach(c, "text/csv; charset=utf-8", ".csv")
	file, err := web.NewCSV(c.Response(), header)
	if err != nil {
		return err
	}
	for _, row := range r.Rows {
		if err := file.Write(reportCells(row)); err != nil {
			return err
		}
	}
	return file.End()
}

// reportXLSX is the same as a workbook; figures are numbers there.
func (p *portal) reportXLSX(c echo.Context) error {
	r, header, err := p.reportFile(c)
	if err != nil {
		return err
	}
	file, err := web.NewXLSX(header)
	if err != nil {
		return err
	}
	for _, row := range r.Rows {
		var cells []any
		for i, cell := range reportCells(row) {
			if number, err := strconv.ParseFloat(cell, 64); err == nil && i > 1 {
				cells = append(cells, number)
				continue
			}
			cells = append(cells, cell)
		}
		if err := file.Write(cells); err != nil {
			return err
		}
	}
	p.attach(c, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ".xlsx")
	return file.End(c.Response())
}
