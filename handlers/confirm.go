package handlers

import (
	"context"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"ztc-portal/gateways"
	"ztc-portal/handlers/web"
	"ztc-portal/models"
	"ztc-portal/views"
	"ztc-portal/views/layout"
	"ztc-portal/views/text"
)

// showConfirm shows what a draft will do (M5). A payment that was confirmed
// before has its own page.
func (p *portal) showConfirm(c echo.Context) error {
	return p.drawConfirm(c, http.StatusOK, nil, nil)
}

// drawConfirm draws that page, with what was refused, and with what the payer
// chose on it; nil: as it is kept.
func (p *portal) drawConfirm(c echo.Context, status int, refused models.FieldErrors, chosen *gateways.Payer) error {
	ctx, seller := c.Request().Context(), web.Seller(c)
	payment, err := p.Store.OwnPayment(ctx, seller.AccountID, c.Param("no"))
	if err != nil {
		return err
	}
	if payment.State != models.PaymentDraft {
		return web.SeeOther(c, "/payments/"+payment.No)
	}
	desk, err := p.Store.RechargeDesk(ctx, seller.AccountID)
	if err != nil {
		return err
	}
	page := confirmPage(desk, payment)
	page.Pending = p.pendingBeside(desk.Pending, payment)
	page.Problem = refused.On("method")
	if page.Problem == nil {
		page.Problem = refused.On("amount")
	}
	page.CSRF, page.Shop, page.TTL = p.Token(c), seller.ShopName, p.Store.Rules().TTL(payment.Rail)
	page.Choice = bankChoice(desk.Methods, payment, chosen)
	page.Choice.Banks = p.rails.Banks(payment.Rail)
	page.Choice.Error, page.Choice.AccountError = refused.On("bank"), refused.On("corporate")
	page.Payee = p.payee(payment.Rail)
	page.InWechat = payment.Rail == models.RailWechat && payer(c).InWechat
	return p.Render(c, status, page, views.Confirm(page))
}

// payee is who a payment on the rail goes to; none where the rail is gone.
func (p *portal) payee(rail models.Rail) views.Payee {
	gateway, ok := p.rails.By[rail]
	if !ok {
		return views.Payee{}
	}
	payee := views.Payee{Account: gateway.Payee()}
	if bank, ok := gateway.(gateways.Remittee); ok {
		payee.Name = bank.BankAccount().Name
	}
	return payee
}

// bankChoice is how online banking is to be reached: as it was chosen now, or
// before.
func bankChoice(methods []models.Method, payment models.Payment, chosen *gateways.Payer) views.BankChoice {
	choice := views.BankChoice{Bank: payment.PayerBank, Corporate: payment.PayerCorporate}
	if chosen != nil {
		choice.Bank, choice.Corporate = chosen.Bank, chosen.Corporate
	}
	its, _ := models.MethodOf(methods, payment.Rail)
	choice.PersonalMax = its.PersonalMax
	return choice
}

func confirmPage(desk models.RechargeDesk, payment models.Payment) views.ConfirmPage {
	preview := desk.Preview(payment.AmountFen)
	return views.ConfirmPage{
		Now: desk.Now, No: payment.No, Amount: payment.AmountFen, Rail: payment.Rail,
		Before: views.Standing{
			State: preview.StateBefore, Arrears: desk.Funds.Arrears(), Cash: desk.Funds.Cash, Bonus: desk.Funds.Bonus,
			Spendable: desk.Funds.Spendable(), Forecast: preview.ForecastBefore,
		},
		After: views.Standing{
			State: preview.StateAfter, Arrears: preview.ArrearsLeft, Cash: preview.After.Cash, Bonus: preview.After.Bonus,
			Spendable: preview.After.Spendable(), Forecast: preview.Forecast,
		},
		Campaigns: preview.Campaigns, Other: otherWays(desk.Methods, payment),
	}
}

// confirm sends the draft on its way and the browser to the cashier. Only the
// stored draft counts; the form carries nothing but its token, and on rails that
// know banks the payer's choice.
func (p *portal) confirm(c echo.Context) error {
	no, payer := c.Param("no"), payer(c)
	if c.FormValue("back") != "" {
		return p.backToForm(c, no, payer)
	}
	payment, checkout, err := p.rails.Confirm(c.Request().Context(), web.Seller(c).AccountID, no, subject(no), payer)
	if fields, refused := web.Refused(err); refused {
		return p.drawConfirm(c, http.StatusUnprocessableEntity, fields, &payer)
	}
	if models.CodeOf(err) == models.Unavailable && payment.State == models.PaymentPending {
		p.Flash(c, layout.Flash{Key: "flash.payment_unopened"})
		return web.SeeOther(c, "/payments/"+no)
	}
	if err != nil {
		return err
	}
	switch {
	case checkout.Form != nil:
		page := views.HandoverPage{No: payment.No, Rail: payment.Rail, Amount: payment.AmountFen, Action: checkout.Form.Action, Fields: checkout.Form.Fields}
		return p.Render(c, http.StatusOK, page, views.Handover(page))
	case checkout.RedirectURL != "":
		c.Response().Header().Set("Referrer-Policy", "origin") // WeChat Pay opens for the merchant's own domain alone
		return web.SeeOther(c, checkout.RedirectURL)
	}
	return web.SeeOther(c, "/payments/"+payment.No)
}

// backToForm leads from a draft back to the recharge form, and keeps what was
// chosen on the way.
func (p *portal) backToForm(c echo.Context, no string, payer gateways.Payer) error {
	payment, err := p.Store.OwnPayment(c.Request().Context(), web.Seller(c).AccountID, no)
	if err != nil {
		return err
	}
	if err := p.rails.Choose(c.Request().Context(), &payment, payer); err != nil {
		if _, refused := web.Refused(err); !refused {
			return err
		}
	}
	return web.SeeOther(c, rechargeForm(payment, payment.Rail))
}

// subject is what the payer reads at the gateway: in Chinese whatever the page's
// language, since a gateway wants the same words each time.
func subject(no string) string {
	return text.T(text.With(context.Background(), "zh-CN"), "payment.subject", "No", no)
}

// payer is what a rail may want to know of who sits before the browser.
func payer(c echo.Context) gateways.Payer {
	agent := c.Request().UserAgent()
	phone := strings.Contains(agent, "Mobile")
	return gateways.Payer{
		IP: c.RealIP(), Phone: phone, InWechat: phone && strings.Contains(agent, "MicroMessenger"),
		Bank: c.FormValue("bank"), Corporate: c.FormValue("corporate") == "1",
	}
}
