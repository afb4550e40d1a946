package admin

import (
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"ztc-portal/handlers/web"
	"ztc-portal/models"
	views "ztc-portal/views/admin"
)

// listPayments are the payments of all sellers, newest first.
func (a *admin) listPayments(c echo.Context) error {
	filter := views.PaymentsFilter{
		State: oneOf(c.QueryParam("state"), models.PaymentStates), Method: oneOf(c.QueryParam("method"), views.Methods),
		From: c.QueryParam("from"), To: c.QueryParam("to"), Late: c.QueryParam("late") == "1", Stuck: c.QueryParam("stuck") == "1",
	}
	rows, page, err := a.Store.StaffPayments(c.Request().Context(), models.StaffPaymentFilter{
		State: models.PaymentState(filter.State), Method: models.Rail(filter.Method),
		Days: models.Days{From: filter.From, To: filter.To}, Late: filter.Late, Stuck: filter.Stuck,
	}, web.Keyset(c))
	status := http.StatusOK
	if fields, refused := web.Refused(err); refused {
		filter.Errors, status = fields, http.StatusUnprocessableEntity
	} else if err != nil {
		return err
	}
	list := views.PaymentsPage{Now: a.Store.Now(), Filter: filter, Rows: rows, Pager: web.Pager(c, page, len(rows))}
	return a.Render(c, status, list, views.Payments(list))
}

// listSuspense is what stands in suspense, newest first.
func (a *admin) listSuspense(c echo.Context) error {
	cleared := c.QueryParam("cleared") == "1"
	desk, err := a.Store.SuspenseDesk(c.Request().Context(), cleared, web.Keyset(c))
	if err != nil {
		return err
	}
	list := views.SuspensePage{
		Now: a.Store.Now(), Standing: desk.Standing, Cleared: cleared, Rows: desk.Items, Pager: web.Pager(c, desk.Page, len(desk.Items)),
		CanClear: web.Who(c).Role.May(models.ApprovalSuspenseClear.AskPermission()),
	}
	return a.Render(c, http.StatusOK, list, views.Suspense(list))
}

// oneOf takes a filter from the address if it is one that we know.
func oneOf[T ~string](asked string, known []T) string {
	if slices.Contains(known, T(asked)) {
		return asked
	}
	return ""
}
