package admin

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"

	"github.com/labstack/echo/v4"

	"ztc-portal/handlers/web"
	"ztc-portal/models"
	views "ztc-portal/views/admin"
	"ztc-portal/views/layout"
)

func (a *admin) listApprovals(c echo.Context) error {
	page := views.ApprovalsPage{Now: a.Store.Now(), Show: c.QueryParam("show"), Kind: c.QueryParam("kind")}
	if !slices.Contains(views.ApprovalsShown, page.Show) {
		page.Show = views.ApprovalsShown[0]
	}
	if !slices.Contains(models.ApprovalKinds, models.ApprovalKind(page.Kind)) {
		page.Kind = ""
	}
	filter := models.ApprovalFilter{Show: page.Show, Kind: models.ApprovalKind(page.Kind), Mine: web.Who(c).UserID}
	rows, beside, err := a.Store.Approvals(c.Request().Context(), filter, web.Keyset(c))
	if err != nil {
		return err
	}
	open, err := a.Store.OpenApprovals(c.Request().Context())
	page.Rows, page.Open, page.Pager = rows, int(open), web.Pager(c, beside, len(rows))
	if err != nil {
		return err
	}
	return a.Render(c, http.StatusOK, page, views.Approvals(page))
}

func (a *admin) showApproval(c echo.Context) error {
	return a.drawApproval(c, http.StatusOK, "", nil)
}

func (a *admin) drawApproval(c echo.Context, status int, note string, refused models.FieldErrors) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	desk, err := a.Store.ApprovalDesk(c.Request().Context(), web.Actor(c), id)
	if err != nil {
		return err
	}
	page := views.ApprovalPage{
		CSRF: a.Token(c), Now: a.Store.Now(), ApprovalRow: desk.ApprovalRow, MayDecide: desk.MayDecide, MayWithdraw: desk.MayWithdraw,
		Refusal: desk.Refusal, Refund: refundFacts(desk.Refund, desk.ToPay != nil), ToPay: desk.ToPay,
		CanRecord: web.Who(c).Role.May(models.ApprovalRefundPaid.AskPermission()), Note: note, Errors: refused,
	}
	if desk.State == models.ApprovalOpen {
		preview, err := a.Store.PreviewDecision(c.Request().Context(), web.Actor(c), id)
		switch doubt := (*models.Error)(nil); {
		case err == nil:
			page.Preview = &preview
		case errors.As(err, &doubt) && doubt.Code == models.Conflict:
			page.Doubt = doubt
		default:
			return err
		}
	}
	return a.Render(c, status, page, views.Approval(page))
}

// refundFacts is how far a refund has come; byHand: people pay it out.
func refundFacts(r *models.Refund, byHand bool) *views.RefundFacts {
	if r == nil {
		return nil
	}
	return &views.RefundFacts{
		RequestNo: r.RequestNo, ByHand: byHand, State: r.State, Attempts: r.Attempts, SentAt: web.Instant(r.SentAt), LastAnswer: shortened(r.LastAnswer),
	}
}

func (a *admin) approve(c echo.Context) error {
	return a.decide(c, models.ApprovalApproved, a.Store.Approve)
}

func (a *admin) refuse(c echo.Context) error {
	return a.decide(c, models.ApprovalRefused, a.Store.RefuseApproval)
}

func (a *admin) withdraw(c echo.Context) error {
	return a.decide(c, models.ApprovalWithdrawn, func(ctx context.Context, by models.Actor, id int64, _ string) (models.Approval, error) {
		return a.Store.WithdrawApproval(ctx, by, id)
	})
}

// decide runs one decision and says what stands now: somebody else may have
// been faster.
func (a *admin) decide(c echo.Context, want models.ApprovalState, command func(context.Context, models.Actor, int64, string) (models.Approval, error)) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	note := c.FormValue("note")
	decided, err := command(c.Request().Context(), web.Actor(c), id, note)
	if fields, refused := web.Refused(err); refused {
		return a.drawApproval(c, http.StatusUnprocessableEntity, note, fields)
	}
	if err != nil {
		return err
	}
	key := "flash.approval_stands"
	switch {
	case decided.State == models.ApprovalFailed && want == models.ApprovalApproved:
		key = "flash.approval_failed"
	case decided.State == want && *decided.DecidedBy == web.Who(c).UserID:
		key = "flash.approval_decided"
	}
	a.Flash(c, layout.Flash{Key: key})
	return web.SeeOther(c, "/admin/approvals/"+strconv.FormatInt(id, 10))
}
