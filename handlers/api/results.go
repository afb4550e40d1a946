package api

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"ztc-portal/models"
)

// result is one item of POST /results.
type result struct {
	CampaignID     int64      `json:"campaign_id"`
	KeywordID      int64      `json:"keyword_id"`
	HourAt         time.Time  `json:"hour"`
	Impressions    int64      `json:"impressions"`
	Clicks         int64      `json:"clicks"`
	Orders         int64      `json:"orders"`
	OrderAmountFen models.Fen `json:"order_amount_fen"`
	Quality        *int64     `json:"quality"`
}

// resultsAnswer counts every item of the body once.
type resultsAnswer struct {
	Accepted int              `json:"accepted"`
	Rejected []rejectedResult `json:"rejected"`
}

type rejectedResult struct {
	Index      int    `json:"index"`
	CampaignID int64  `json:"campaign_id"`
	KeywordID  int64  `json:"keyword_id"`
	Hour       string `json:"hour"`
	reason
}

func (a *api) postResults(c echo.Context) error {
	items, err := readItems[result](c, models.MaxResultBatch)
	if err != nil {
		return err
	}
	results := make([]models.Result, len(items))
	for i, item := range items {
		results[i] = models.Result(item)
	}
	got, err := a.Store.PutResults(c.Request().Context(), results)
	if err != nil {
		return err
	}
	answer := resultsAnswer{Accepted: got.Accepted, Rejected: []rejectedResult{}}
	words := reasons(c.Request().Context(), got.Rejected)
	for _, r := range got.Rejected {
		item := items[r.Index]
		answer.Rejected = append(answer.Rejected, rejectedResult{
			r.Index, item.CampaignID, item.KeywordID, item.HourAt.UTC().Format(time.RFC3339), words[r.Code],
		})
	}
	return c.JSON(http.StatusOK, answer)
}
