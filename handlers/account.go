package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"ztc-portal/handlers/web"
	"ztc-portal/models"
	"ztc-portal/views"
)

func (p *portal) showAccount(c echo.Context) error {
	return p.show(c, p.accountScreen)
}

func (p *portal) accountScreen(c echo.Context, accountID int64) (screen, error) {
	o, err := p.Store.AccountOverview(c.Request().Context(), accountID)
	if err != nil {
		return screen{}, err
	}
	page := accountPage(o)
	page.CSRF, page.Pending = p.Token(c), p.pendingPayment(o.Pending)
	return screen{http.StatusOK, page, views.Account(page)}, nil
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
		BonusExpires:           o.BonusExpires,
		BonusExpiresAt:         o.BonusExpiresAt,
		Forecast:               o.Forecast,
		DailyCost:              o.DailyCost.Fen,
		SpentToday:             o.SpentToday,
		SpentYesterdaySameHour: o.SpentYesterday,
		CampaignsWaiting:       o.Restartable(),
		Stops:                  web.StopsByCause(o.Campaigns, o.Funds.Spendable()),
		Days:                   o.Days,
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

func (p *portal) pendingPayment(of *models.Payment) *views.PendingPayment {
	if of == nil {
		return nil
	}
	return &views.PendingPayment{No: of.No, Amount: of.AmountFen, Rail: of.Rail, ExpiresAt: web.Instant(of.ExpiresAt), Gone: p.rails.IsGone(of.Rail)}
}
