package handlers

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"ztc-portal/handlers/web"
	"ztc-portal/models"
	"ztc-portal/views"
	"ztc-portal/views/components"
	"ztc-portal/views/layout"
	"ztc-portal/views/text"
)

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
	row := models.RowRef{ID: keyword, Version: version(c)}
	_, err = p.Store.SetBid(c.Request().Context(), web.Actor(c), web.Seller(c).AccountID, id, row, typed)
	if fields, refused := web.Refused(err); refused {
		return p.drawCampaign(c, http.StatusUnprocessableEntity, refusals{bid: views.BidForm{KeywordID: keyword, Bid: typed, Errors: fields}})
	}
	if err != nil {
		return err
	}
	return p.accepted(c, id, layout.Flash{Key: "flash.bid_saved"})
}

// addKeywords adds what was typed, a phrase a line.
func (p *portal) addKeywords(c echo.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	form := views.AddForm{Phrases: c.FormValue("phrases"), Bid: c.FormValue("add_bid"), Match: c.FormValue("add_match")}
	in := models.KeywordsInput{Phrases: form.Phrases, Bid: form.Bid, MatchType: models.MatchType(form.Match)}
	made, items, err := p.Store.AddKeywords(c.Request().Context(), web.Actor(c), web.Seller(c).AccountID, id, in)
	if fields, refused := web.Refused(err); refused {
		form.Errors = fields
		return p.drawCampaign(c, http.StatusUnprocessableEntity, refusals{add: form})
	}
	if err != nil {
		return err
	}
	added := 0
	for _, item := range items {
		if item.Field == "removed" {
			added++
		}
	}
	if made.ID == 0 {
		return p.accepted(c, id, layout.Flash{Key: "flash.keywords_there"})
	}
	return p.accepted(c, id, layout.Flash{Key: "flash.keywords_added", Args: map[string]any{"Count": added}})
}

// rowsTicked reads the rows that were ticked, each with the version that was on
// the page. NotFound: one is no row.
func rowsTicked(c echo.Context) (rows []models.RowRef, ticked map[int64]bool, err error) {
	form, err := c.FormParams()
	if err != nil {
		return nil, nil, &models.Error{Code: models.Invalid, Key: "error.form", Err: err}
	}
	ticked = map[int64]bool{}
	for _, typed := range form["row"] {
		id, version, _ := strings.Cut(typed, ":")
		var row models.RowRef
		if row.ID, err = strconv.ParseInt(id, 10, 64); err == nil {
			row.Version, err = strconv.ParseInt(version, 10, 64)
		}
		if err != nil || row.Version < 0 {
			return nil, nil, &models.Error{Code: models.NotFound, Key: "error.not_found", Err: err}
		}
		rows, ticked[row.ID] = append(rows, row), true
	}
	return rows, ticked, nil
}

// changeKeywords does one act on the keywords that are ticked: act is start,
// pause, match, preview and bid, ask_remove and remove.
func (p *portal) changeKeywords(c echo.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	rows, ticked, err := rowsTicked(c)
	if err != nil {
		return err
	}
	ctx, by, account := c.Request().Context(), web.Actor(c), web.Seller(c).AccountID
	typed := views.BulkForm{Match: c.FormValue("match_type"), Percent: c.FormValue("percent"), To: c.FormValue("to")}
	change := models.BulkChange{To: typed.To, Percent: typed.Percent}
	var items []models.EditItem
	switch act := c.FormValue("act"); act {
	case "start", "pause":
		_, err = p.Store.SwitchKeywords(ctx, by, account, id, rows, act == "start")
	case "match":
		_, err = p.Store.SetMatchType(ctx, by, account, id, rows, models.MatchType(typed.Match))
	case "bid":
		_, _, err = p.Store.SetBids(ctx, by, account, id, rows, change, false)
	case "remove":
		_, err = p.Store.RemoveKeywords(ctx, by, account, id, rows)
	case "preview":
		if _, items, err = p.Store.SetBids(ctx, by, account, id, rows, change, true); err == nil {
			return p.previewBids(c, id, rows, items, typed)
		}
	default:
		if items, err = p.Store.KeywordRemoval(ctx, account, id, rows); err == nil {
			return p.previewRemoval(c, id, rows, items)
		}
	}
	if fields, refused := web.Refused(err); refused {
		typed.Errors = fields
		return p.drawCampaign(c, http.StatusUnprocessableEntity, refusals{bulk: typed, ticked: ticked})
	}
	if err != nil {
		return err
	}
	return p.accepted(c, id, layout.Flash{Key: "flash.keywords_saved"})
}

// keptRows are the rows again, for the form that does what was previewed.
func keptRows(rows []models.RowRef) []components.Option {
	kept := make([]components.Option, len(rows))
	for i, r := range rows {
		kept[i] = components.Option{Value: "row", Label: views.RowRef(r.ID, r.Version)}
	}
	return kept
}

// preview draws what an act would do.
func (p *portal) preview(c echo.Context, page views.BulkPreview, items []models.EditItem) error {
	names, err := p.Store.EditNames(c.Request().Context(), web.Seller(c).AccountID, items)
	if err != nil {
		return err
	}
	page.CSRF, page.Lines = p.Token(c), editLines(items, names)
	return p.Render(c, http.StatusOK, page, views.Preview(page))
}

func editLines(items []models.EditItem, names map[int64]string) []views.EditLine {
	lines := make([]views.EditLine, len(items))
	for i, item := range items {
		lines[i] = views.EditLine{Name: names[item.SubjectID], Field: item.Field, Before: item.BeforeValue, After: item.AfterValue}
	}
	return lines
}

func (p *portal) previewBids(c echo.Context, id int64, rows []models.RowRef, items []models.EditItem, typed views.BulkForm) error {
	_, filter := keywordsAsked(c)
	ctx, path := c.Request().Context(), components.CampaignRef{ID: id}.Href()
	return p.preview(c, views.BulkPreview{
		Name: text.T(ctx, "preview.bid.title"), Lead: text.T(ctx, "preview.lead"), Action: path + "/keywords/bulk" + filter.Query(), Back: path + filter.Query(),
		Act: "bid", Same: len(rows) - len(items),
		Keep: append(keptRows(rows), components.Option{Value: "percent", Label: typed.Percent}, components.Option{Value: "to", Label: typed.To}),
	}, items)
}

func (p *portal) previewBudgets(c echo.Context, rows []models.RowRef, items []models.EditItem, typed views.BulkForm) error {
	f, ctx := campaignsAsked(c), c.Request().Context()
	return p.preview(c, views.BulkPreview{
		Name: text.T(ctx, "preview.budget.title"), Lead: text.T(ctx, "preview.lead"), Action: "/campaigns/bulk" + f.Query(), Back: f.Href(),
		Act: "budget", Same: len(rows) - len(items),
		Keep: append(keptRows(rows), components.Option{Value: "percent", Label: typed.Percent}, components.Option{Value: "to", Label: typed.To}),
	}, items)
}

func (p *portal) previewRemoval(c echo.Context, id int64, rows []models.RowRef, items []models.EditItem) error {
	_, filter := keywordsAsked(c)
	ctx, path := c.Request().Context(), components.CampaignRef{ID: id}.Href()
	return p.preview(c, views.BulkPreview{
		Name: text.T(ctx, "preview.remove.title"), Lead: text.T(ctx, "preview.remove.lead"), Action: path + "/keywords/bulk" + filter.Query(), Back: path + filter.Query(),
		Act: "remove", Danger: true, Keep: keptRows(rows),
	}, items)
}
