package admin

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"ztc-portal/gateways"
	"ztc-portal/handlers/web"
	"ztc-portal/models"
	views "ztc-portal/views/admin"
	"ztc-portal/views/layout"
)

func (a *admin) showPayment(c echo.Context) error {
	desk, err := a.Store.StaffPaymentDesk(c.Request().Context(), c.Param("no"))
	if err != nil {
		return err
	}
	page, role := paymentPage(desk), web.Who(c).Role
	page.CSRF, page.CanRepair, page.CanAudit = a.Token(c), role.May(models.PermRepair), role.May(models.PermAudit)
	page.Gone = a.rails.IsGone(page.Rail)
	page.CanRefund = desk.Payment.Refundable() && role.May(models.PermRefund)
	page.CanRecord = role.May(models.ApprovalRefundPaid.AskPermission())
	page.CanClear = role.May(models.ApprovalSuspenseClear.AskPermission())
	return a.Render(c, http.StatusOK, page, views.Payment(page))
}

func paymentPage(d models.StaffPaymentDesk) views.PaymentPage {
	p := d.Payment
	page := views.PaymentPage{
		Now: d.Now, No: p.No, State: p.State, Amount: p.AmountFen, Refunded: p.RefundedFen, Rail: p.Rail, Payee: p.Payee,
		GatewayTradeNo: web.Instant(p.GatewayTradeNo), AccountID: p.AccountID, Shop: d.ShopName,
		CreatedAt: p.CreatedAt, ConfirmedAt: web.Instant(p.ConfirmedAt), ExpiresAt: web.Instant(p.ExpiresAt),
		PaidAt: web.Instant(p.PaidAt), SettledAt: web.Instant(p.SettledAt),
		Signs: d.Signs(), Resumes: d.Resumes, ResumedBy: d.ResumedBy, Posting: d.Posting, PostedAt: web.Instant(d.PostedAt),
		Held: d.Held, ToPay: d.ToPay, Notifies: d.Notifies, Answers: d.Answers, Acts: d.Acts,
		MoreNotifies: d.More.Notifies, MoreAnswers: d.More.Answers,
	}
	for i := range d.Refunds {
		r := &d.Refunds[i]
		page.Refunds = append(page.Refunds, views.RefundLine{RefundFacts: *refundFacts(r, p.Rail.PaidOutByHand()), Amount: r.AmountFen, ApprovalID: r.ApprovalID, ReservedAt: r.ReservedAt})
	}
	page.ExpiredAt, page.CancelledAt, page.FailedAt = web.Instant(p.ExpiredAt), web.Instant(p.CancelledAt), web.Instant(p.FailedAt)
	return page
}

// askPayment asks the gateway now; what it confirms is settled, whoever asks.
func (a *admin) askPayment(c echo.Context) error { return a.askGateway(c, models.ActAsk) }

// repairPayment asks the gateway and credits what it confirms as paid, and
// nothing on anybody's word.
func (a *admin) repairPayment(c echo.Context) error { return a.askGateway(c, models.ActRepair) }

func (a *admin) askGateway(c echo.Context, action string) error {
	no := c.Param("no")
	asked, err := a.rails.AskForStaff(c.Request().Context(), models.StaffAct{By: web.Actor(c), Action: action}, no)
	return a.saidOf(c, no, saying(asked), err)
}

// closePayment ends a pending payment: settled if it was paid, else closed at
// the gateway and cancelled here.
func (a *admin) closePayment(c echo.Context) error {
	no := c.Param("no")
	was, p, err := a.rails.CloseForStaff(c.Request().Context(), web.Actor(c), no)
	said := "flash.payment_not_pending"
	switch {
	case was != models.PaymentPending:
	case p.State == models.PaymentCancelled:
		said = "flash.payment_closed"
	case p.State.IsPaid():
		said = "flash.payment_credited"
	case p.State == models.PaymentFailed:
		said = "flash.payment_held"
	}
	return a.saidOf(c, no, said, err)
}

// saidOf leads back to the payment with what came of an act. That the gateway
// can't be asked is said there too: nothing is lost by it.
func (a *admin) saidOf(c echo.Context, no, said string, err error) error {
	if refusal := (*models.Error)(nil); errors.As(err, &refusal) && refusal.Code == models.Unavailable {
		said = "flash.payment_gateway_down"
		if refusal.Key == "error.gateway.off" {
			said = "flash.payment_rail_off"
		}
	} else if err != nil {
		return err
	}
	a.Flash(c, layout.Flash{Key: said})
	return web.SeeOther(c, "/admin/payments/"+no)
}

// saying is the sentence for what a gateway answered and what that came to.
func saying(asked gateways.Asked) string {
	switch asked.Outcome {
	case models.OutcomeSettled:
		return "flash.payment_credited"
	case models.OutcomeLate:
		return "flash.payment_credited_late"
	case models.OutcomeAlready:
		return "flash.payment_credited_before"
	case models.OutcomeSuspense:
		return "flash.payment_held"
	}
	switch asked.State {
	case models.TradeNotExist:
		return "flash.payment_not_there"
	case models.TradeWaiting:
		return "flash.payment_waiting"
	case models.TradeClosed:
		return "flash.payment_closed_there"
	}
	return "flash.payment_unclear"
}
