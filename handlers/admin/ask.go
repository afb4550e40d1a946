package admin

import (
	"errors"
	"net/http"
	"slices"
	"strconv"

	"github.com/labstack/echo/v4"

	"ztc-portal/handlers/web"
	"ztc-portal/models"
	views "ztc-portal/views/admin"
	"ztc-portal/views/layout"
	"ztc-portal/views/text"
)

// mountApprovals adds the queue, and the forms by which staff ask.
func (a *admin) mountApprovals(g *echo.Group) {
	g.GET("/approvals", a.listApprovals, web.Needs(models.PermRead))
	g.GET("/approvals/:id", a.showApproval, web.Needs(models.PermRead))
	g.POST("/approvals/:id/approve", a.approve, web.Needs(models.PermApprove))
	g.POST("/approvals/:id/refuse", a.refuse, web.Needs(models.PermApprove))
	g.POST("/approvals/:id/withdraw", a.withdraw, web.Needs(models.PermRead)) // who asked, and nobody else: the command looks
	for kind, path := range views.AskPaths {
		g.GET(path, a.showAsk(kind), web.Needs(kind.AskPermission()))
		g.POST(path, a.ask(kind), web.Needs(kind.AskPermission()))
	}
}

// asked reads what is asked about from the path, and what was typed.
func asked(c echo.Context, kind models.ApprovalKind) (models.ApprovalInput, error) {
	in := models.ApprovalInput{
		Kind: kind, PaymentNo: c.Param("no"), Amount: c.FormValue("amount"), Direction: c.FormValue("direction"), Reason: c.FormValue("reason"),
		Reference: c.FormValue("reference"), PaidOn: c.FormValue("paid_on"), To: c.FormValue("to"), ExpiresOn: c.FormValue("expires_on"),
	}
	switch kind {
	case models.ApprovalRefund:
		return in, nil
	case models.ApprovalRefundPaid, models.ApprovalRefundUnpaid:
		in.PaymentNo, in.RefundNo = "", c.Param("no")
		if kind == models.ApprovalRefundPaid {
			in.Reason = text.T(c.Request().Context(), "ask.because.refund_paid")
		}
		return in, nil
	}
	id, err := web.ID(c, "id")
	if kind == models.ApprovalSuspenseClear {
		in.SuspenseID, in.PaymentNo = id, c.FormValue("payment")
	} else {
		in.AccountID = id
	}
	return in, err
}

// showAsk draws the form, filled in with what may be known already, and what it
// would do.
func (a *admin) showAsk(kind models.ApprovalKind) echo.HandlerFunc {
	return func(c echo.Context) error {
		in, err := asked(c, kind)
		if err != nil {
			return err
		}
		return a.drawAsk(c, http.StatusOK, in, nil, true)
	}
}

// ask stores the request, or with act=preview says what it would do.
func (a *admin) ask(kind models.ApprovalKind) echo.HandlerFunc {
	return func(c echo.Context) error {
		in, err := asked(c, kind)
		if err != nil {
			return err
		}
		if c.FormValue("act") == "preview" {
			return a.drawAsk(c, http.StatusOK, in, nil, false)
		}
		approval, err := a.Store.AskApproval(c.Request().Context(), web.Actor(c), in)
		if fields, refused := web.Refused(err); refused {
			return a.drawAsk(c, http.StatusUnprocessableEntity, in, fields, false)
		}
		if err != nil {
			return err
		}
		a.Flash(c, layout.Flash{Key: "flash.approval_asked"})
		return web.SeeOther(c, "/admin/approvals/"+strconv.FormatInt(approval.ID, 10))
	}
}

// previewReason stands in for the reason that nobody has typed yet, so that the
// form can show at once what it would do; it is rolled back with the rest.
const previewReason = "preview"

// drawAsk draws the form. fresh: nobody has typed anything, so that what is
// missing is no error yet.
func (a *admin) drawAsk(c echo.Context, status int, in models.ApprovalInput, refused models.FieldErrors, fresh bool) error {
	desk, err := a.Store.AskDesk(c.Request().Context(), web.Actor(c), in)
	if err != nil {
		return err
	}
	if fresh && in.Amount == "" && desk.Refundable > 0 {
		in.Amount = desk.Refundable.Wire()
	}
	page := views.AskPage{
		CSRF: a.Token(c), Now: a.Store.Now(), Kind: in.Kind, Action: c.Request().URL.Path, AskDesk: desk,
		Form: views.AskForm{
			Amount: in.Amount, Direction: in.Direction, Reason: in.Reason, Reference: in.Reference, PaidOn: in.PaidOn, To: in.To, ExpiresOn: in.ExpiresOn,
			Payment: c.FormValue("payment"), Errors: refused,
		},
	}
	if refused == nil {
		if fresh && in.Reason == "" {
			in.Reason = previewReason
		}
		preview, err := a.Store.PreviewApproval(c.Request().Context(), web.Actor(c), in)
		var fields models.FieldErrors
		switch {
		case err == nil:
			page.Preview = &preview
		case !errors.As(err, &fields):
			return err
		case fresh: // what is missing is no error yet, but what can't be is said
			page.Form.Errors = slices.DeleteFunc(fields, func(e *models.Error) bool { return e.Code != models.Conflict })
		default:
			page.Form.Errors, status = fields, http.StatusUnprocessableEntity
		}
	}
	return a.Render(c, status, page, views.Ask(page))
}
