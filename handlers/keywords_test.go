package handlers_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"ztc-portal/models"
	"ztc-portal/views/text"
)

// bids writes a campaign's keywords with their bids in fen.
func (s *site) bids(t testing.TB, account, campaign int64) string {
	t.Helper()
	_, keywords, err := s.CampaignDetail(t.Context(), account, campaign)
	must(t, err)
	var all []string
	for _, k := range keywords {
		all = append(all, fmt.Sprintf("%s %d %s %t", k.Phrase, k.BidFen, k.MatchType, k.SwitchedOn))
	}
	return strings.Join(all, "; ")
}

func TestAStaleRowIsToldAndNothingOverwritten(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, account := s.seller(t)
		own := s.belongings(t, account)
		path, bid := own.at("/campaigns/:id"), own.at("/campaigns/:id/keywords/:kid")
		page := b.get(path)
		version := page.value("#keyword-" + id(own.keyword) + " input[name=version]")
		b.post(bid, "bid", "1.5", "version", version).leads(t, path)
		second := b.post(bid, "bid", "1.8", "version", version).is(t, http.StatusUnprocessableEntity)
		second.says(t, "#bid-"+id(own.keyword)+"-error", word(text.Chinese, "error.row.stale", "Now", models.Fen(150)))
		if second.value("#bid-"+id(own.keyword)) != "1.8" {
			t.Error("what was typed is gone")
		}
		if got := s.bids(t, account, own.campaign); got != "tea 150 broad true" {
			t.Errorf("stored is %s", got)
		}
		// Told, the second can: the page that refused has the version that stands.
		b.post(bid, "bid", "1.8", "version", second.value("#keyword-"+id(own.keyword)+" input[name=version]")).leads(t, path)
		budget := page.value(`form[action="` + path + `/budget"] input[name=version]`)
		b.post(path+"/budget", "budget", "200", "version", budget).leads(t, path)
		b.post(path+"/budget", "budget", "210", "version", budget).is(t, http.StatusUnprocessableEntity).
			says(t, "#budget-error", word(text.Chinese, "error.row.stale", "Now", 200*yuan))
	})
}

func TestAnInlineEditDrawsThePartWithItsUndo(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, account := s.seller(t)
		own := s.belongings(t, account)
		path, bid := own.at("/campaigns/:id"), own.at("/campaigns/:id/keywords/:kid")
		b.get(path)
		part := b.postPart(bid+"?sort=cost&period=30d", "bid", "2").is(t, http.StatusOK)
		part.isPart(t)
		part.says(t, ".undo-bar", "tea ¥1.20 → ¥2.00")
		back := part.value(".undo-bar input[name=back]")
		if back != path+"?period=30d&sort=cost" {
			t.Errorf("it comes back to %q", back)
		}
		b.postPart(bid, "bid", "0").is(t, http.StatusUnprocessableEntity).isPart(t)
		undo := part.Find(".undo-bar").AttrOr("action", "")
		b.post(undo, "back", "//elsewhere.test").leads(t, "/account")
		if got := s.bids(t, account, own.campaign); got != "tea 120 broad true" {
			t.Errorf("stored is %s", got)
		}
		b.get(path).says(t, "#main", word(text.Chinese, "flash.edit_undone", "Count", 1))
		b.post(undo, "back", back).is(t, http.StatusConflict)
		other, _ := s.member(t, models.RoleSeller, "other@shop.test")
		other.post(undo).is(t, http.StatusNotFound)
	})
}

func TestKeywordsAreAddedAndChangedInBulk(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, account := s.seller(t)
		own := s.belongings(t, account)
		path := own.at("/campaigns/:id")
		bulk := path + "/keywords/bulk"
		b.get(path)
		refused := b.post(path+"/keywords", "phrases", " \n", "add_bid", "0.01", "add_match", "x").is(t, http.StatusUnprocessableEntity)
		refused.says(t, "#phrases-error", word(text.Chinese, "error.phrase.empty"))
		b.post(path+"/keywords", "phrases", "green tea\ncup\ntea", "add_bid", "3", "add_match", "exact").leads(t, path)
		b.get(path).says(t, "#main", word(text.Chinese, "flash.keywords_added", "Count", 2))
		b.post(path+"/keywords", "phrases", "tea", "add_bid", "3", "add_match", "exact").leads(t, path)
		b.get(path).says(t, "#main", word(text.Chinese, "flash.keywords_there"))

		var rows []string // all of them, as ticked boxes are sent
		tick := func() {
			rows = nil
			b.get(path + "?tick=all").Find("input[name=row][checked]").Each(func(i int, box *goquery.Selection) { rows = append(rows, "row", box.AttrOr("value", "")) })
		}
		tick()
		if len(rows) != 6 {
			t.Fatalf("ticked are %q", rows)
		}
		act := func(act string, more ...string) answer {
			t.Helper()
			return b.post(bulk, append(append([]string{"act", act}, more...), rows...)...)
		}
		b.post(bulk, "act", "pause").is(t, http.StatusUnprocessableEntity).says(t, "#row-error", word(text.Chinese, "error.edit.none"))
		act("match", "match_type", "x").is(t, http.StatusUnprocessableEntity).says(t, "#match_type-error", word(text.Chinese, "error.match.unknown"))
		act("preview", "percent", "ten").is(t, http.StatusUnprocessableEntity).says(t, "#bid-error", word(text.Chinese, "error.percent.malformed"))
		low := act("preview", "percent", "-90").is(t, http.StatusOK)
		low.says(t, "tbody tr:first-child", "tea¥1.20¥0.12")
		tooLow := act("preview", "to", "0.04").is(t, http.StatusUnprocessableEntity)
		tooLow.says(t, "#bid-"+id(own.keyword)+"-error", word(text.Chinese, "error.bid.too_small", "Min", models.Fen(5)))
		if tooLow.Find("input[name=row][checked]").Length() != 3 || tooLow.value("input[name=to]") != "0.04" {
			t.Error("what was ticked and typed is gone")
		}
		before := "tea 120 broad true; green tea 300 exact true; cup 300 exact true"
		if got := s.bids(t, account, own.campaign); got != before {
			t.Errorf("previews changed it: %s", got)
		}
		preview := act("preview", "percent", "10")
		var again []string
		preview.Find("form.panel input[name]").Each(func(i int, field *goquery.Selection) {
			if name := field.AttrOr("name", ""); name != "csrf" {
				again = append(again, name, field.AttrOr("value", ""))
			}
		})
		b.post(bulk, append(again, "act", "bid")...).leads(t, path)
		if got := s.bids(t, account, own.campaign); got != "tea 132 broad true; green tea 330 exact true; cup 330 exact true" {
			t.Errorf("stored is %s", got)
		}
		// The same preview once more is of rows that have changed since.
		b.post(bulk, append(again, "act", "bid")...).is(t, http.StatusUnprocessableEntity).
			says(t, "#bid-"+id(own.keyword)+"-error", word(text.Chinese, "error.row.stale", "Now", models.Fen(132)))
		rows = rows[:2]
		act("pause").leads(t, path) // is never too late
		act("match", "match_type", "phrase").is(t, http.StatusUnprocessableEntity).says(t, "#row-error", word(text.Chinese, "error.row.moved", "Name", "tea"))
		one := func() { tick(); rows = rows[:2] }
		one()
		act("match", "match_type", "phrase").leads(t, path)
		one()
		act("ask_remove").is(t, http.StatusOK).says(t, "form.panel", word(text.Chinese, "preview.remove", "Count", 1))
		if got := s.bids(t, account, own.campaign); !strings.HasPrefix(got, "tea 132 phrase false; ") {
			t.Errorf("stored is %s", got)
		}
		act("remove").leads(t, path)
		if got := s.bids(t, account, own.campaign); strings.Contains(got, "tea 132") {
			t.Errorf("stored is %s", got)
		}
		act("pause").is(t, http.StatusNotFound)
		undo := b.get(path).Find(".undo-bar").AttrOr("action", "")
		s.Clock.Add(31 * time.Minute)
		b.post(undo, "back", path).is(t, http.StatusConflict)
	})
}
