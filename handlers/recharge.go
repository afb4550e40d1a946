package handlers

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"ztc-portal/handlers/web"
	"ztc-portal/models"
	"ztc-portal/views"
)

// showRecharge draws the form (M2–M4); what is typed so far may stand in the
// address, so that the summary follows it.
func (p *portal) showRecharge(c echo.Context) error {
	form := views.RechargeForm{Amount: c.QueryParam("amount"), Method: c.QueryParam("method")}
	return p.drawRecharge(c, http.StatusOK, form)
}

func (p *portal) recharge(c echo.Context) error {
	form := views.RechargeForm{Amount: c.FormValue("amount"), Method: c.FormValue("method")}
	payment, err := p.Store.DraftRecharge(c.Request().Context(), web.Seller(c).AccountID,
		models.RechargeInput{Amount: form.Amount, Method: form.Method})
	if fields, refused := web.Refused(err); refused {
		form.Errors = fields
		return p.drawRecharge(c, http.StatusUnprocessableEntity, form)
	}
	if err != nil {
		return err
	}
	return web.SeeOther(c, "/payments/"+payment.No+"/confirm")
}

func (p *portal) drawRecharge(c echo.Context, status int, form views.RechargeForm) error {
	desk, err := p.Store.RechargeDesk(c.Request().Context(), web.Seller(c).AccountID)
	if err != nil {
		return err
	}
	page := rechargePage(desk, form)
	if !web.Part(c) && page.Form.Errors == nil && page.Estimate.Problem != nil { // filled in by the address, not in the middle of typing
		page.Form.Errors = models.FieldErrors{page.Estimate.Problem}
	}
	page.CSRF, page.Pending = p.Token(c), p.pendingPayment(desk.Pending)
	return p.Render(c, status, page, views.Recharge(page))
}

func rechargePage(desk models.RechargeDesk, form views.RechargeForm) views.RechargePage {
	if form.Method == "" && len(form.Errors) == 0 {
		form.Method = string(desk.Methods[0].Rail)
	}
	closed, proposed := propose(&form, desk.Methods)
	page := views.RechargePage{
		Now: desk.Now, Form: form, Closed: closed, Proposed: proposed,
		State: desk.Account.State(), Arrears: desk.Funds.Arrears(), Cash: desk.Funds.Cash, Bonus: desk.Funds.Bonus,
		Spendable: desk.Funds.Spendable(), DailyCost: desk.DailyCost.Fen, Minimum: least(desk.Methods),
	}
	typed, _, problems := models.RechargeInput{Amount: form.Amount, Method: form.Method}.Parse(desk.Methods)
	for _, s := range desk.Suggestions {
		preview := desk.Preview(s.Amount)
		page.Suggestions = append(page.Suggestions, views.Suggestion{
			Suggestion: s, Forecast: preview.Forecast, Chosen: typed == s.Amount,
			CampaignsBack: preview.CountReturns(models.ReturnsByItself) + preview.CountReturns(models.ReturnsByRestart),
		})
	}
	for _, m := range desk.Methods {
		page.Methods = append(page.Methods, views.Method{Method: m, LastUsed: m.Rail == desk.Account.LastMethod})
	}
	page.Estimate.Problem = problems.On("amount")
	if strings.TrimSpace(form.Amount) == "" {
		page.Estimate.Problem = nil
	} else if page.Estimate.Problem == nil {
		page.Estimate = estimate(desk, typed)
	}
	return page
}

func estimate(desk models.RechargeDesk, amount models.Fen) views.Estimate {
	p := desk.Preview(amount)
	return views.Estimate{
		Amount: amount, ArrearsBefore: desk.Funds.Arrears(), ArrearsCleared: p.ArrearsCleared, ArrearsLeft: p.ArrearsLeft,
		CashAfter: p.After.Cash, SpendableAfter: p.After.Spendable(), StateAfter: p.StateAfter, Forecast: p.Forecast,
		CampaignsByItself: p.CountReturns(models.ReturnsByItself), CampaignsByRestart: p.CountReturns(models.ReturnsByRestart),
		CampaignsStay: p.CountReturns(models.Stays),
	}
}
