package admin

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"ztc-portal/handlers/web"
	"ztc-portal/models"
	views "ztc-portal/views/admin"
	"ztc-portal/views/layout"
)

func (a *admin) listReconciliations(c echo.Context) error {
	yesterday := models.DayOn(a.Store.Now().AddDate(0, 0, -1))
	return a.drawReconciliations(c, http.StatusOK, views.ReconcileForm{Day: yesterday})
}

func (a *admin) drawReconciliations(c echo.Context, status int, form views.ReconcileForm) error {
	rows, found, err := a.Store.Reconciliations(c.Request().Context(), web.Keyset(c))
	if err != nil {
		return err
	}
	form.Rails = a.rails.Billed()
	page := views.ReconciliationPage{
		CSRF: a.Token(c), Now: a.Store.Now(), CanRun: web.Who(c).Role.May(models.PermReconcile), Form: form,
		Pager: web.Pager(c, found, len(rows)),
	}
	for _, r := range rows {
		page.Rows = append(page.Rows, reconciliationRow(r))
	}
	return a.Render(c, status, page, views.Reconciliation(page))
}

func reconciliationRow(r models.ReconciliationView) views.ReconciliationRow {
	return views.ReconciliationRow{
		ID: r.ID, Day: r.DayOn, Rail: r.Rail, State: r.State, FinishedAt: web.Instant(r.FinishedAt), Payments: int(r.PaymentCount),
		Refunds: int(r.RefundCount), Net: r.NetFen(), Fee: r.FeeFen, Matched: int(r.MatchedCount), Open: int(r.OpenCount), Faults: int(r.LedgerFaultCount),
	}
}

// runReconciliation asks for a run; it is a task, since a bill may take minutes.
func (a *admin) runReconciliation(c echo.Context) error {
	form := views.ReconcileForm{Day: c.FormValue("day"), Rail: c.FormValue("rail")}
	err := a.Store.AskReconciliation(c.Request().Context(), web.Actor(c), models.ReconcileInput{Day: form.Day, Rail: form.Rail}, a.rails.Billed())
	if fields, refused := web.Refused(err); refused {
		form.Errors = fields
		return a.drawReconciliations(c, http.StatusUnprocessableEntity, form)
	}
	if err != nil {
		return err
	}
	a.Flash(c, layout.Flash{Key: "flash.reconcile_asked", Args: map[string]any{"Day": form.Day}})
	return web.SeeOther(c, "/admin/reconciliation")
}

func (a *admin) showReconciliation(c echo.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	filter := views.DifferencesFilter{All: c.QueryParam("show") == "all"}
	if kind := models.DifferenceKind(c.QueryParam("kind")); slices.Contains(models.DifferenceKinds, kind) {
		filter.Kind = string(kind)
	}
	return a.drawReconciliation(c, http.StatusOK, id, web.Keyset(c), views.DifferencesPage{Filter: filter})
}

// drawReconciliation draws a day; page says the filter, and which form was refused.
func (a *admin) drawReconciliation(c echo.Context, status int, id int64, k models.Keyset, page views.DifferencesPage) error {
	filter := models.DifferenceFilter{All: page.Filter.All, Kind: models.DifferenceKind(page.Filter.Kind)}
	desk, err := a.Store.ReconciliationDesk(c.Request().Context(), id, filter, k)
	if err != nil {
		return err
	}
	page.CSRF, page.Now, page.CanWork = a.Token(c), a.Store.Now(), web.Who(c).Role.May(models.PermReconcile)
	if page.Stated = desk.Rail == models.RailBankTransfer; page.Stated && desk.State == models.ReconciliationWaiting {
		covered, err := a.Store.StatementCovers(c.Request().Context(), a.ourAccount(), desk.DayOn)
		if err != nil {
			return err
		}
		page.Unstated = !covered
	}
	page.Day, page.Failure, page.Worked = reconciliationRow(desk.ReconciliationView), desk.Failure, int(desk.WorkedCount)
	page.Bill = views.BillSums{
		Payments: int(desk.PaymentCount), PaymentFen: desk.PaymentFen, Refunds: int(desk.RefundCount), RefundFen: desk.RefundFen,
		NetFen: desk.NetFen(), FeeFen: desk.FeeFen,
	}
	page.Books = views.BookSums{
		Payments: int(desk.OursCount), PaymentFen: desk.OursFen, ClearingFen: desk.LedgerFen, Matched: int(desk.MatchedCount),
		Suspended: int(desk.SuspenseCount), SuspenseFen: desk.SuspenseFen,
	}
	mayRefund := web.Who(c).Role.May(models.PermRefund)
	page.Clearing = views.ClearingSums{
		From: desk.ComparedFrom, UnbilledDays: int(desk.UnbilledDays), Opening: desk.OpeningFen, Billed: desk.BilledFen,
		Explained: desk.ExplainedFen, Closing: desk.ClearingFen, Unexplained: desk.UnexplainedFen(),
	}
	for _, d := range desk.Differences {
		page.Rows = append(page.Rows, views.DifferenceRow{
			ID: d.ID, Kind: d.Kind, TradeNo: d.TradeNo, RequestNo: d.RequestNo, OutTradeNo: d.OutTradeNo, PaymentNo: d.PaymentNo,
			Ours: d.OursFen, Theirs: d.TheirsFen, OursState: d.OursState, FoundAt: d.FoundAt, Open: d.IsOpen(), Repairable: d.Repairable() && !page.Stated, Stated: page.Stated,
			Refundable: d.Refundable && mayRefund, Refunded: d.Refunded,
			Resolution: d.Resolution, Note: d.Note, WorkedBy: d.WorkerName, WorkedAt: web.Instant(d.WorkedAt),
		})
	}
	page.Pager = web.Pager(c, desk.Page, len(page.Rows))
	return a.Render(c, status, page, views.Differences(page))
}

// workDifference repairs a difference, ends one that was refunded, or explains
// it, as the form's act says.
func (a *admin) workDifference(c echo.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	d, _, err := a.Store.DifferenceByID(ctx, id)
	if err != nil {
		return err
	}
	key, note := "flash.difference_explained", c.FormValue("note")
	switch c.FormValue("act") {
	case "repair":
		var outcome models.Outcome
		outcome, err = a.rails.RepairDifference(ctx, web.Actor(c), id)
		if key = "flash.difference_repaired"; outcome == models.OutcomeSuspense {
			key = "flash.difference_suspense"
		}
	case "refunded":
		key, err = "flash.difference_refunded", a.Store.CloseRefunded(ctx, web.Actor(c), id)
	case "explain":
		err = a.Store.ExplainDifference(ctx, web.Actor(c), id, note)
	default:
		return &models.Error{Code: models.Invalid, Key: "error.difference.act"}
	}
	if fields, refused := web.Refused(err); refused {
		return a.drawReconciliation(c, http.StatusUnprocessableEntity, d.ReconciliationID, models.Keyset{Before: id + 1},
			views.DifferencesPage{Refused: id, NoteWas: note, RefuseAt: fields})
	}
	if err != nil {
		return err
	}
	a.Flash(c, layout.Flash{Key: key})
	return web.SeeOther(c, fmt.Sprintf("/admin/reconciliation/%d", d.ReconciliationID))
}
