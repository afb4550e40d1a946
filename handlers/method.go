package handlers

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/labstack/echo/v4"

	"ztc-portal/handlers/web"
	"ztc-portal/models"
	"ztc-portal/views"
)

// propose puts another method in the place of a chosen one that can't be had
// now. It gives why that can't be had, and what is proposed; "" where nothing can.
func propose(form *views.RechargeForm, methods []models.Method) (closed *models.Error, proposed models.Rail) {
	rail := models.Rail(form.Method)
	its, ok := models.MethodOf(methods, rail)
	switch {
	case !ok && rail.IsKnown():
		closed = models.MethodGone(rail)
	case !ok || its.IsOpen():
		return nil, ""
	default:
		closed = its.Refusal()
	}
	amount, _ := models.ParseFen(form.Amount)
	if other := models.Proposed(methods, amount); other != nil {
		proposed = other.Rail
	}
	form.Method = string(proposed)
	return closed, proposed
}

// least is the smallest amount that any method takes.
func least(methods []models.Method) models.Fen {
	return slices.MinFunc(methods, func(a, b models.Method) int { return int(a.Min - b.Min) }).Min
}

// otherWays are the methods beside a payment's own, and whether that can be had.
func otherWays(methods []models.Method, payment models.Payment) views.OtherWays {
	ways := views.OtherWays{No: payment.No, Amount: payment.AmountFen, Closed: models.MethodGone(payment.Rail), Gone: true}
	for _, m := range methods {
		if m.Rail == payment.Rail {
			ways.Closed, ways.Gone = m.RefusalOf(payment.AmountFen, methods), false
			if payment.State == models.PaymentPending { // its amount was taken when it was sent
				ways.Closed = m.Refusal()
			}
		} else {
			ways.Methods = append(ways.Methods, m)
		}
	}
	return ways
}

// changeMethod puts a draft on another method in the place of a payment that is
// open, over the same amount.
func (p *portal) changeMethod(c echo.Context) error {
	method := c.FormValue("method")
	payment, err := p.rails.ChangeMethod(c.Request().Context(), web.Seller(c).AccountID, c.Param("no"), method)
	if fields, refused := web.Refused(err); refused {
		if payment.State == models.PaymentDraft {
			return p.drawConfirm(c, http.StatusUnprocessableEntity, fields, nil)
		}
		return web.SeeOther(c, rechargeForm(payment, models.Rail(method)))
	}
	if err != nil {
		return err
	}
	return web.SeeOther(c, "/payments/"+payment.No+"/confirm")
}

// rechargeForm is the recharge form filled in as a payment was, with a method
// that can't be had now: the form says why, and proposes another.
func rechargeForm(payment models.Payment, method models.Rail) string {
	return "/recharge?" + url.Values{"amount": {payment.AmountFen.Wire()}, "method": {string(method)}}.Encode()
}

// pendingBeside is the newest payment that waits to be paid over the amount of a
// draft, which nobody should pay twice.
func (p *portal) pendingBeside(pending *models.Payment, draft models.Payment) *views.PendingPayment {
	if pending == nil || pending.AmountFen != draft.AmountFen {
		return nil
	}
	return p.pendingPayment(pending)
}
