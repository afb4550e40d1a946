package api

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"ztc-portal/models"
	"ztc-portal/views/text"
)

// charge is one item of POST /charges.
type charge struct {
	ChargeID   string     `json:"charge_id"`
	CampaignID int64      `json:"campaign_id"`
	KeywordID  int64      `json:"keyword_id"`
	AmountFen  models.Fen `json:"amount_fen"`
	ChargedAt  time.Time  `json:"charged_at"`
}

// onlyNamed is a charge of which nothing but the id could be read: the rules
// refuse it as malformed, since it names no campaign.
func (charge) onlyNamed(id string) charge { return charge{ChargeID: id} }

// chargesAnswer counts every item of the body once.
type chargesAnswer struct {
	Accepted  int              `json:"accepted"`
	Duplicate int              `json:"duplicate"`
	Rejected  []rejectedCharge `json:"rejected"`
}

type rejectedCharge struct {
	Index    int    `json:"index"`
	ChargeID string `json:"charge_id"`
	reason
}

// reason is why an item was not taken: a code for programs, a sentence for people.
type reason struct {
	Code   models.RejectCode `json:"code"`
	Detail string            `json:"detail"`
}

func (a *api) postCharges(c echo.Context) error {
	items, err := readItems[charge](c, models.MaxChargeBatch)
	if err != nil {
		return err
	}
	charges := make([]models.Charge, len(items))
	for i, item := range items {
		charges[i] = models.Charge(item)
	}
	got, err := a.Store.PostCharges(c.Request().Context(), charges)
	if err != nil {
		return err
	}
	answer := chargesAnswer{Accepted: got.Accepted, Duplicate: got.Duplicate, Rejected: []rejectedCharge{}}
	words := reasons(c.Request().Context(), got.Rejected)
	for _, r := range got.Rejected {
		answer.Rejected = append(answer.Rejected, rejectedCharge{r.Index, items[r.Index].ChargeID, words[r.Code]})
	}
	return c.JSON(http.StatusOK, answer)
}

// reasons puts each code that occurs into words once.
func reasons(ctx context.Context, rejected []models.Rejection) map[models.RejectCode]reason {
	words := make(map[models.RejectCode]reason)
	for _, r := range rejected {
		if _, said := words[r.Code]; !said {
			words[r.Code] = reason{r.Code, text.T(ctx, "api.reject."+string(r.Code), "Max", models.MaxChargeFen)}
		}
	}
	return words
}
