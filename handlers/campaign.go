package handlers

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"ztc-portal/handlers/web"
	"ztc-portal/models"
	"ztc-portal/views"
	"ztc-portal/views/components"
	"ztc-portal/views/layout"
)

func (p *portal) listCampaigns(c echo.Context) error {
	return p.drawCampaigns(c, http.StatusOK, views.BulkForm{}, nil)
}

// campaignsScreen is the list as staff see it.
func (p *portal) campaignsScreen(c echo.Context, accountID int64) (screen, error) {
	page, err := p.campaignsPage(c, accountID, nil)
	return screen{http.StatusOK, page, views.Campaigns(page)}, err
}

// drawCampaigns is the list as its seller sees it; typed and ticked are what a
// change of many rows was refused with.
func (p *portal) drawCampaigns(c echo.Context, status int, typed views.BulkForm, ticked map[int64]bool) error {
	page, err := p.campaignsPage(c, web.Seller(c).AccountID, ticked)
	if err != nil {
		return err
	}
	page.CSRF, page.Bulk = p.Token(c), typed
	if page.Undo, err = p.undoBar(c, page.Href()); err != nil {
		return err
	}
	return p.Render(c, status, page, views.Campaigns(page))
}

// campaignsAsked reads from the address which campaigns are asked for; what it
// does not know it takes for nothing.
func campaignsAsked(c echo.Context) views.CampaignFilter {
	f := views.CampaignFilter{State: oneOf(c.QueryParam("state"), views.DeliveryStates), Name: c.QueryParam("name"), Sort: c.QueryParam("sort")}
	if !slices.Contains(models.CampaignSorts, strings.TrimPrefix(f.Sort, "-")) {
		f.Sort = ""
	}
	return f
}

func (p *portal) campaignsPage(c echo.Context, accountID int64, ticked map[int64]bool) (views.CampaignsPage, error) {
	page := views.CampaignsPage{Now: p.Store.Now(), Filter: campaignsAsked(c)}
	ctx, f := c.Request().Context(), page.Filter
	list, all, err := p.Store.CampaignList(ctx, accountID, models.CampaignInput{State: models.DeliveryState(f.State), Name: f.Name, Sort: f.Sort})
	if err != nil {
		return page, err
	}
	shell, err := p.Store.Shell(ctx, accountID)
	if err != nil {
		return page, err
	}
	page.Waiting, page.All = shell.Waiting, all
	for _, v := range list {
		row := views.CampaignRow{
			CampaignRef: components.CampaignRef{ID: v.ID, Name: v.Name}, Version: v.RowVersion,
			State: v.Delivery, SharePercent: v.SharePercent, Budget: v.DailyBudgetFen, SpentToday: v.SpentTodayFen,
			Schedule: v.Schedule, Ended: v.EndedAt != nil, Ticked: ticked[v.ID] || c.QueryParam("tick") == "all", Costs: v.Costs[:], Measures: v.Measures,
		}
		for i, cause := range v.Causes {
			if i == 0 {
				row.StoppedAt = web.Instant(cause.Since)
			}
			stop := web.StopOf(cause, shell.Spendable)
			stop.Campaigns = []components.CampaignRef{row.CampaignRef}
			row.Stops = append(row.Stops, stop)
		}
		page.Rows = append(page.Rows, row)
	}
	page.Pager.Shown = len(page.Rows)
	return page, nil
}

// changeCampaigns does one act on the campaigns that are ticked: act is start,
// pause, preview and budget.
func (p *portal) changeCampaigns(c echo.Context) error {
	rows, ticked, err := rowsTicked(c)
	if err != nil {
		return err
	}
	ctx, by, account := c.Request().Context(), web.Actor(c), web.Seller(c).AccountID
	typed := views.BulkForm{Percent: c.FormValue("percent"), To: c.FormValue("to")}
	change := models.BulkChange{To: typed.To, Percent: typed.Percent}
	var items []models.EditItem
	switch act := c.FormValue("act"); act {
	case "start", "pause":
		_, err = p.Store.SwitchCampaigns(ctx, by, account, rows, act == "start")
	case "budget":
		_, _, err = p.Store.SetBudgets(ctx, by, account, rows, change, false)
	default:
		if _, items, err = p.Store.SetBudgets(ctx, by, account, rows, change, true); err == nil {
			return p.previewBudgets(c, rows, items, typed)
		}
	}
	if fields, refused := web.Refused(err); refused {
		typed.Errors = fields
		return p.drawCampaigns(c, http.StatusUnprocessableEntity, typed, ticked)
	}
	if err != nil {
		return err
	}
	p.Flash(c, layout.Flash{Key: "flash.campaigns_saved"})
	return web.SeeOther(c, campaignsAsked(c).Href())
}

// refusals are the forms of a campaign's page as they were typed and refused.
type refusals struct {
	budget views.BudgetForm
	bid    views.BidForm
	bulk   views.BulkForm
	add    views.AddForm
	ticked map[int64]bool
}

func (p *portal) showCampaign(c echo.Context) error {
	return p.drawCampaign(c, http.StatusOK, refusals{})
}

// keywordsAsked reads from the address which keywords are asked for; what it
// does not know it takes for nothing.
func keywordsAsked(c echo.Context) (models.KeywordInput, views.KeywordFilter) {
	in := models.KeywordInput{
		Period: oneOf(c.QueryParam("period"), models.ReportPeriods), Days: models.Days{From: c.QueryParam("from"), To: c.QueryParam("to")},
		Sort: c.QueryParam("sort"), Switch: oneOf(c.QueryParam("on"), models.KeywordSwitches),
		Match: models.MatchType(oneOf(c.QueryParam("match"), models.MatchTypes)), Phrase: c.QueryParam("phrase"),
	}
	if in.Period == "" {
		in.Period = "7d"
	}
	if !slices.Contains(models.KeywordSorts, strings.TrimPrefix(in.Sort, "-")) {
		in.Sort = ""
	}
	return in, views.KeywordFilter{
		Period: in.Period, From: in.Days.From, To: in.Days.To, Sort: in.Sort, Switch: in.Switch, Match: string(in.Match), Phrase: in.Phrase,
	}
}

func (p *portal) drawCampaign(c echo.Context, status int, typed refusals) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	ctx, account := c.Request().Context(), web.Seller(c).AccountID
	in, filter := keywordsAsked(c)
	if in.Period == "own" && in.Days == (models.Days{}) { // asked for, and not said yet
		in.Days = lastWeek(p.Store.Now())
		filter.From, filter.To = in.Days.From, in.Days.To
	}
	desk, err := p.Store.CampaignDesk(ctx, account, id, in)
	if fields, refused := web.Refused(err); refused {
		in.Period, filter.Errors, status = "", fields, http.StatusUnprocessableEntity
		desk, err = p.Store.CampaignDesk(ctx, account, id, in)
	}
	if err != nil {
		return err
	}
	shell, err := p.Store.Shell(ctx, account)
	if err != nil {
		return err
	}
	page := campaignPage(desk, filter, typed, c.QueryParam("tick") == "all")
	for _, cause := range desk.Causes {
		page.Stops = append(page.Stops, web.StopOf(cause, shell.Spendable))
	}
	page.CSRF, page.Now = p.Token(c), p.Store.Now()
	if page.Undo, err = p.undoBar(c, page.Href()); err != nil {
		return err
	}
	return p.Render(c, status, page, views.Campaign(page))
}

// lastWeek are the seven days before today.
func lastWeek(now time.Time) models.Days {
	return models.Days{From: models.DayOn(now.AddDate(0, 0, -7)), To: models.DayOn(now.AddDate(0, 0, -1))}
}

func campaignPage(d models.CampaignDesk, filter views.KeywordFilter, typed refusals, tickAll bool) views.CampaignPage {
	page := views.CampaignPage{
		ID: d.ID, Version: d.RowVersion, Name: d.Name, State: d.Delivery, SharePercent: d.SharePercent, SwitchedOn: d.SwitchedOn, Ended: d.EndedAt != nil,
		SpentToday: d.SpentTodayFen, Budget: d.DailyBudgetFen, BudgetForm: views.BudgetForm{Budget: d.DailyBudgetFen.Wire()},
		From: d.From, Last: d.Until.AddDate(0, 0, -1), Filter: filter, All: d.All, Total: d.Total,
		BidForm: typed.bid, Bulk: typed.bulk, Add: typed.add, Schedule: d.Schedule,
	}
	if typed.budget.Errors != nil {
		page.BudgetForm = typed.budget
	}
	for _, k := range d.Keywords {
		page.Keywords = append(page.Keywords, views.KeywordRow{
			ID: k.ID, Version: k.RowVersion, Word: k.Phrase, Quality: k.Quality, Bid: k.BidFen, Match: k.MatchType, Off: !k.SwitchedOn,
			Ticked: tickAll || typed.ticked[k.ID], Measures: k.Measures,
		})
	}
	return page
}

// version reads which version of a row was on the page; none is 0.
func version(c echo.Context) int64 {
	n, err := strconv.ParseInt(c.FormValue("version"), 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// accepted ends an act on a campaign's page: a part is drawn anew, with what can
// be undone on it; a page is led back to, the filter kept.
func (p *portal) accepted(c echo.Context, id int64, flash layout.Flash) error {
	if web.Part(c) {
		return p.drawCampaign(c, http.StatusOK, refusals{})
	}
	p.Flash(c, flash)
	_, filter := keywordsAsked(c)
	return web.SeeOther(c, components.CampaignRef{ID: id}.Href()+filter.Query())
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
	return p.accepted(c, id, layout.Flash{Key: key})
}

func (p *portal) setBudget(c echo.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	typed := c.FormValue("budget")
	_, err = p.Store.SetBudget(c.Request().Context(), web.Actor(c), web.Seller(c).AccountID, models.RowRef{ID: id, Version: version(c)}, typed)
	if fields, refused := web.Refused(err); refused {
		return p.drawCampaign(c, http.StatusUnprocessableEntity, refusals{budget: views.BudgetForm{Budget: typed, Errors: fields}})
	}
	if err != nil {
		return err
	}
	return p.accepted(c, id, layout.Flash{Key: "flash.budget_saved"})
}
