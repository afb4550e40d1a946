package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"ztc-portal/handlers/web"
	"ztc-portal/models"
	"ztc-portal/views"
	"ztc-portal/views/components"
)

func (p *portal) showAccount(c echo.Context) error {
	o, err := p.Store.AccountOverview(c.Request().Context(), web.Seller(c).AccountID)
	if err != nil {
		return err
	}
	page := accountPage(o)
	page.CSRF = p.Token(c)
	return p.Render(c, http.StatusOK, page, views.Account(page))
}

func accountPage(o models.Overview) views.AccountPage {
	page := views.AccountPage{
		Now:                    o.Now,
		State:                  o.Account.State(),
		Arrears:                o.Funds.Arrears(),
		ArrearsSince:           web.Instant(o.Account.ArrearsSince),
		StopsAt:                web.Instant(o.Account.GraceEndsAt),
		SuspendedAt:            web.Instant(o.Account.SuspendedAt),
		FrozenAt:               web.Instant(o.Account.FrozenAt),
		SuggestedAmount:        o.Suggestions[0].Amount,
		Spendable:              o.Funds.Spendable(),
		Cash:                   o.Funds.Cash,
		Bonus:                  o.Funds.Bonus,
		Runway:                 o.Runway,
		DailyCost:              o.DailyCost.Fen,
		SpentToday:             o.SpentToday,
		SpentYesterdaySameHour: o.SpentYesterday,
		CampaignsWaiting:       o.Restartable(),
		Pending:                pendingPayment(o.Pending),
		Stops:                  stopsByCause(o.Campaigns, o.Funds.Spendable()),
		Timeline:               o.Timeline,
		Ledger:                 ledgerRows(o.Statement),
	}
	for _, campaign := range o.Campaigns {
		if campaign.Delivery != models.DeliveryEnded {
			page.CampaignsTotal++
		}
		switch campaign.Delivery {
		case models.DeliveryServing, models.DeliveryRecovering:
			page.CampaignsServing++
		case models.DeliveryPausedArrears:
			page.CampaignsStopped++
		}
	}
	return page
}

func pendingPayment(p *models.Payment) *views.PendingPayment {
	if p == nil {
		return nil
	}
	return &views.PendingPayment{No: p.No, Amount: p.AmountFen, Rail: p.Rail, ExpiresAt: web.Instant(p.ExpiresAt)}
}

// stopsByCause groups the campaigns that stand still by what keeps them.
func stopsByCause(campaigns []models.CampaignView, spendable models.Fen) []components.Stop {
	var stops []components.Stop
	at := map[models.DeliveryState]int{}
	for _, campaign := range campaigns {
		if campaign.Delivery == models.DeliveryEnded {
			continue
		}
		for _, cause := range campaign.Causes {
			i, known := at[cause.State]
			if !known {
				i = len(stops)
				at[cause.State] = i
				stops = append(stops, stopOf(cause, spendable))
			}
			stops[i].Campaigns = append(stops[i].Campaigns, components.CampaignRef{ID: campaign.ID, Name: campaign.Name})
			if cause.Since != nil && (stops[i].Since.IsZero() || cause.Since.Before(stops[i].Since)) {
				stops[i].Since = *cause.Since
			}
		}
	}
	return stops
}

func stopOf(cause models.Cause, spendable models.Fen) components.Stop {
	return components.Stop{
		Cause: cause.State, Lift: cause.Lift, Since: web.Instant(cause.Since),
		PayFirst: cause.Lift == models.LiftRestart && spendable <= 0,
	}
}
