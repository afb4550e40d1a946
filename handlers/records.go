package handlers

import (
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"ztc-portal/handlers/web"
	"ztc-portal/models"
	"ztc-portal/views"
)

// listPayments are the recharge records, newest first.
func (p *portal) listPayments(c echo.Context) error { return p.show(c, p.paymentsScreen) }

func (p *portal) paymentsScreen(c echo.Context, accountID int64) (screen, error) {
	filter := views.PaymentsFilter{
		State: oneOf(c.QueryParam("state"), models.PaymentStates), From: c.QueryParam("from"), To: c.QueryParam("to"),
	}
	for _, m := range p.Store.Methods() {
		filter.Methods = append(filter.Methods, m.Rail)
	}
	filter.Method = oneOf(c.QueryParam("method"), filter.Methods)
	rows, page, err := p.Store.Payments(c.Request().Context(), accountID, models.PaymentFilter{
		State: models.PaymentState(filter.State), Method: models.Rail(filter.Method), Days: models.Days{From: filter.From, To: filter.To},
	}, web.Keyset(c))
	status := http.StatusOK
	if fields, refused := web.Refused(err); refused {
		filter.Errors, status = fields, http.StatusUnprocessableEntity
	} else if err != nil {
		return screen{}, err
	}
	list := views.PaymentsPage{Now: p.Store.Now(), Filter: filter, Pager: web.Pager(c, page, len(rows))}
	for _, r := range rows {
		list.Rows = append(list.Rows, views.PaymentRow{
			No: r.No, State: r.State, Amount: r.AmountFen, Rail: r.Rail, CreatedAt: r.CreatedAt,
			PaidAt: web.Instant(r.PaidAt), ExpiresAt: web.Instant(r.ExpiresAt), PaidLate: r.PaidLate,
		})
	}
	return screen{status, list, views.Payments(list)}, nil
}

// listLedger is the account statement, newest first.
func (p *portal) listLedger(c echo.Context) error { return p.show(c, p.ledgerScreen) }

func (p *portal) ledgerScreen(c echo.Context, accountID int64) (screen, error) {
	filter := views.LedgerFilter{Kind: oneOf(c.QueryParam("kind"), views.LedgerKinds), From: c.QueryParam("from"), To: c.QueryParam("to")}
	rows, page, err := p.Store.Statement(c.Request().Context(), accountID, models.StatementFilter{
		Kind: filter.Kind, Days: models.Days{From: filter.From, To: filter.To},
	}, web.Keyset(c))
	status := http.StatusOK
	if fields, refused := web.Refused(err); refused {
		filter.Errors, status = fields, http.StatusUnprocessableEntity
	} else if err != nil {
		return screen{}, err
	}
	list := views.LedgerPage{Now: p.Store.Now(), Filter: filter, Rows: ledgerRows(rows), Pager: web.Pager(c, page, len(rows))}
	return screen{status, list, views.Ledger(list)}, nil
}

func ledgerRows(rows []models.StatementRow) []views.LedgerRow {
	drawn := make([]views.LedgerRow, len(rows))
	for i, r := range rows {
		drawn[i] = views.LedgerRow{
			At: r.BookedAt, Kind: r.Kind, Purse: r.Purse, Amount: r.AmountFen, Balance: r.BalanceAfterFen, Cleared: r.Cleared(),
		}
		if r.PaymentNo != "" {
			drawn[i].Ref, drawn[i].RefHref = r.PaymentNo, "/payments/"+r.PaymentNo
		}
	}
	return drawn
}

// oneOf takes a filter from the address if it is one that we know.
func oneOf[T ~string](asked string, known []T) string {
	if slices.Contains(known, T(asked)) {
		return asked
	}
	return ""
}
