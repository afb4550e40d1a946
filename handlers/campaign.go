package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"ztc-portal/handlers/web"
	"ztc-portal/models"
	"ztc-portal/views"
	"ztc-portal/views/components"
	"ztc-portal/views/layout"
)

func (p *portal) listCampaigns(c echo.Context) error { return p.show(c, p.campaignsScreen) }

func (p *portal) campaignsScreen(c echo.Context, accountID int64) (screen, error) {
	campaigns, err := p.Store.Campaigns(c.Request().Context(), accountID)
	if err != nil {
		return screen{}, err
	}
	shell, err := p.Store.Shell(c.Request().Context(), accountID)
	if err != nil {
		return screen{}, err
	}
	page := views.CampaignsPage{Now: p.Store.Now(), State: oneOf(c.QueryParam("state"), views.DeliveryStates), Waiting: shell.Waiting}
	for _, v := range campaigns {
		if page.State != "" && string(v.Delivery) != page.State {
			continue
		}
		row := views.CampaignRow{
			CampaignRef: components.CampaignRef{ID: v.ID, Name: v.Name},
			State:       v.Delivery, SharePercent: v.SharePercent, Budget: v.DailyBudgetFen, SpentToday: v.SpentTodayFen,
		}
		if len(v.Causes) > 0 {
			row.StoppedAt = web.Instant(v.Causes[0].Since)
		}
		page.Rows = append(page.Rows, row)
	}
	page.Pager.Shown = len(page.Rows)
	return screen{http.StatusOK, page, views.Campaigns(page)}, nil
}

func (p *portal) showCampaign(c echo.Context) error {
	return p.drawCampaign(c, http.StatusOK, views.BudgetForm{}, views.BidForm{})
}

func (p *portal) drawCampaign(c echo.Context, status int, budget views.BudgetForm, bid views.BidForm) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	v, keywords, err := p.Store.CampaignDetail(c.Request().Context(), web.Seller(c).AccountID, id)
	if err != nil {
		return err
	}
	shell, err := p.Store.Shell(c.Request().Context(), web.Seller(c).AccountID)
	if err != nil {
		return err
	}
	page := campaignPage(v, keywords, shell.Spendable)
	page.CSRF, page.Now, page.BidForm = p.Token(c), p.Store.Now(), bid
	if budget.Errors != nil {
		page.BudgetForm = budget
	}
	return p.Render(c, status, page, views.Campaign(page))
}

func campaignPage(v models.CampaignView, keywords []models.Keyword, spendable models.Fen) views.CampaignPage {
	page := views.CampaignPage{
		ID: v.ID, Name: v.Name, State: v.Delivery, SharePercent: v.SharePercent, SwitchedOn: v.SwitchedOn, Ended: v.EndedAt != nil,
		SpentToday: v.SpentTodayFen, Budget: v.DailyBudgetFen, BudgetForm: views.BudgetForm{Budget: v.DailyBudgetFen.Wire()},
	}
	for _, cause := range v.Causes {
		page.Stops = append(page.Stops, web.StopOf(cause, spendable))
	}
	for _, k := range keywords {
		page.Keywords = append(page.Keywords, views.KeywordRow{ID: k.ID, Word: k.Phrase, Quality: k.Quality, Bid: k.BidFen})
	}
	return page
}

// switchCampaign is the seller's own switch: switched_on=1 starts, anything
// else pauses.
func (p *portal) switchCampaign(c echo.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	on := c.FormValue("switched_on") == "1"
	if err := p.Store.SwitchCampaign(c.Request().Context(), web.Actor(c), web.Seller(c).AccountID, id, on); err != nil {
		return err
	}
	key := "flash.campaign_paused"
	if on {
		key = "flash.campaign_started"
	}
	p.Flash(c, layout.Flash{Key: key})
	return web.SeeOther(c, components.CampaignRef{ID: id}.Href())
}

func (p *portal) setBudget(c echo.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	typed := c.FormValue("budget")
	_, err = p.Store.SetBudget(c.Request().Context(), web.Actor(c), web.Seller(c).AccountID, models.RowRef{ID: id}, typed)
	if fields, refused := web.Refused(err); refused {
		return p.drawCampaign(c, http.StatusUnprocessableEntity, views.BudgetForm{Budget: typed, Errors: fields}, views.BidForm{})
	}
	if err != nil {
		return err
	}
	p.Flash(c, layout.Flash{Key: "flash.budget_saved"})
	return web.SeeOther(c, components.CampaignRef{ID: id}.Href())
}

func (p *portal) setBid(c echo.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	keyword, err := web.ID(c, "kid")
	if err != nil {
		return err
	}
	typed := c.FormValue("bid")
	_, err = p.Store.SetBid(c.Request().Context(), web.Actor(c), web.Seller(c).AccountID, id, models.RowRef{ID: keyword}, typed)
	if fields, refused := web.Refused(err); refused {
		return p.drawCampaign(c, http.StatusUnprocessableEntity, views.BudgetForm{}, views.BidForm{KeywordID: keyword, Bid: typed, Errors: fields})
	}
	if err != nil {
		return err
	}
	p.Flash(c, layout.Flash{Key: "flash.bid_saved"})
	return web.SeeOther(c, components.CampaignRef{ID: id}.Href())
}
