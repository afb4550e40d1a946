package admin

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"ztc-portal/handlers/web"
	"ztc-portal/models"
	views "ztc-portal/views/admin"
)

func (a *admin) showFigures(c echo.Context) error {
	desk, err := a.Store.FiguresDesk(c.Request().Context())
	if err != nil {
		return err
	}
	page := figuresPage(desk)
	return a.Render(c, http.StatusOK, page, views.Figures(page))
}

// watchedWithin is how old the last judgement of the figures may be: it is made
// every minute.
const watchedWithin = 3 * time.Minute

func figuresPage(d models.FiguresDesk) views.FiguresPage {
	page := views.FiguresPage{
		Now: d.Now, JudgedAt: d.JudgedAt, Unwatched: d.Now.Sub(d.JudgedAt) > watchedWithin,
		Open: alertRows(d.Open), Ended: alertRows(d.Ended), Levels: map[models.Figure]models.Level{},
		Stuck: d.Stuck, Suspense: int(d.Suspense.Count), SuspenseFen: d.Suspense.AmountFen, SuspenseOldestAt: web.Instant(d.Suspense.OldestAt),
		Refunds: int(d.Refunds.Count), RefundsFen: d.Refunds.AmountFen, RefundsOldestAt: web.Instant(d.Refunds.OldestAt),
		ToPay: int(d.ToPay.Count), ToPayFen: d.ToPay.AmountFen, ToPayOldestAt: web.Instant(d.ToPay.OldestAt),
		Methods:  methodRows(d.Methods),
		Webhooks: d.Webhooks, Queue: d.Queue, Refused: int(d.Refused), ReadAt: d.Ledger.At, Faults: int(d.Ledger.Faults),
		Ages: d.Arrears, Suspended: int(d.Suspended), Frozen: int(d.Frozen),
		Credit: []views.CreditRow{{Span: 24 * time.Hour, Times: d.Day}, {Span: 7 * 24 * time.Hour, Times: d.Week}},
		Hours:  d.Hours,
	}
	for _, w := range d.Watched {
		page.Levels[w.Figure] = w.Level
	}
	return page
}

func alertRows(alerts []models.StaffAlert) []views.AlertRow {
	rows := make([]views.AlertRow, len(alerts))
	for i, a := range alerts {
		rows[i] = views.AlertRow{
			Figure: a.Figure, Level: a.Level, Value: a.Value, OpenedAt: a.OpenedAt, EndedAt: web.Instant(a.EndedAt),
		}
	}
	return rows
}

func (a *admin) listRefused(c echo.Context) error {
	rows, found, err := a.Store.RefusedNotifies(c.Request().Context(), web.Keyset(c))
	if err != nil {
		return err
	}
	page := views.RefusedPage{Now: a.Store.Now(), Pager: web.Pager(c, found, len(rows))}
	for _, r := range rows {
		page.Rows = append(page.Rows, views.RefusedRow{
			ReceivedAt: r.ReceivedAt, Rail: r.Rail, Address: r.Address, Why: shortened(r.Detail), PaymentNo: r.PaymentNo, Bytes: len(r.Body),
		})
	}
	return a.Render(c, http.StatusOK, page, views.Refused(page))
}
