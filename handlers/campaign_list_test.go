package handlers_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"ztc-portal/models"
	"ztc-portal/views/text"
)

// budgets writes an account's campaigns with their daily budgets and switches.
func (s *site) budgets(t testing.TB, account int64) string {
	t.Helper()
	views, err := s.Campaigns(t.Context(), account)
	must(t, err)
	var all []string
	for _, v := range views {
		all = append(all, fmt.Sprintf("%s %s %t", strings.TrimPrefix(v.Name, "Campaign "), v.DailyBudgetFen.Wire(), v.SwitchedOn))
	}
	return strings.Join(all, "; ")
}

func TestCampaignsAreChangedInBulk(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, account := s.seller(t)
		s.credit(t, account, 1000*yuan)
		ids := s.campaigns(t, account, 100*yuan, 200*yuan, 300*yuan)
		const list, bulk = "/campaigns", "/campaigns/bulk"
		var page answer
		var rows []string // A and C, as ticked boxes are sent
		tick := func() {
			page, rows = b.get(list+"?tick=all"), nil
			page.Find("input[name=row][checked]").Each(func(i int, box *goquery.Selection) {
				if i != 1 {
					rows = append(rows, "row", box.AttrOr("value", ""))
				}
			})
		}
		tick()
		if len(rows) != 4 {
			t.Fatalf("ticked are %q", rows)
		}
		act := func(act string, more ...string) answer {
			t.Helper()
			return b.post(bulk+"?sort=-budget", append(append([]string{"act", act}, more...), rows...)...)
		}
		stands := func(want string) {
			t.Helper()
			if got := s.budgets(t, account); got != want {
				t.Errorf("stored is %s, want %s", got, want)
			}
		}

		const before = "A 100.00 true; B 200.00 true; C 300.00 true"
		b.post(bulk, "act", "pause").is(t, http.StatusUnprocessableEntity).says(t, "#row-error", word(text.Chinese, "error.edit.none"))
		b.post(bulk, "act", "pause", "row", "1:x", "row", "no").is(t, http.StatusNotFound)
		for _, lang := range text.Languages {
			b.lang = lang
			act("preview", "percent", "ten").is(t, http.StatusUnprocessableEntity).says(t, "#budget-error", word(lang, "error.percent.malformed"))
			act("preview").is(t, http.StatusUnprocessableEntity)
			low := act("budget", "percent", "-75").is(t, http.StatusUnprocessableEntity)
			low.says(t, "#budget-"+id(ids[0])+"-error", word(lang, "error.budget.too_small", "Min", 30*yuan))
			if low.Find("#budget-"+id(ids[2])+"-error").Length() > 0 || low.Find("input[name=row][checked]").Length() != 2 || low.value("input[name=percent]") != "-75" {
				t.Error("what was ticked and typed is gone, or a row is blamed that is not at fault")
			}
		}
		b.lang = text.Chinese
		stands(before)

		preview := act("preview", "percent", "50").is(t, http.StatusOK)
		preview.says(t, "tbody tr:first-child", "Campaign A¥100.00¥150.00")
		stands(before)
		var again []string
		preview.Find("form.panel input[name]").Each(func(_ int, field *goquery.Selection) {
			if name := field.AttrOr("name", ""); name != "csrf" {
				again = append(again, name, field.AttrOr("value", ""))
			}
		})
		action := preview.Find("form.panel").AttrOr("action", "")
		b.post(action, append(again, "act", "budget")...).leads(t, list+"?sort=-budget")
		const raised = "A 150.00 true; B 200.00 true; C 450.00 true"
		stands(raised)
		page = b.get(list)
		page.says(t, "#main", word(text.Chinese, "flash.campaigns_saved"))
		// The same preview once more is of rows that have changed since.
		b.post(action, append(again, "act", "budget")...).is(t, http.StatusUnprocessableEntity).
			says(t, "#budget-"+id(ids[0])+"-error", word(text.Chinese, "error.row.stale", "Now", 150*yuan))
		stands(raised)

		act("pause").leads(t, list+"?sort=-budget")
		stands("A 150.00 false; B 200.00 true; C 450.00 false")
		undo := b.get(list).Find(".undo-bar").AttrOr("action", "")
		b.post(undo, "back", list).leads(t, list)
		stands(raised)
		act("pause").leads(t, list+"?sort=-budget")
		// A page from before the pause does not start them: somebody had a reason.
		act("start").is(t, http.StatusUnprocessableEntity).says(t, "#row-error", word(text.Chinese, "error.row.moved", "Name", "Campaign A"))
		tick()
		act("start").leads(t, list+"?sort=-budget")
		stands(raised)

		// Another's campaigns are nobody's here, even among one's own.
		other, theirs := s.member(t, models.RoleSeller, "other@shop.test")
		foreign := s.campaigns(t, theirs, 100*yuan)[0]
		other.get(list)
		b.post(bulk, append([]string{"act", "pause", "row", id(foreign) + ":1"}, rows...)...).is(t, http.StatusNotFound)
		other.post(bulk, append([]string{"act", "pause"}, rows...)...).is(t, http.StatusNotFound)
		stands(raised)
	})
}

func TestTheListOfCampaignsSortsAndFilters(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, account := s.seller(t)
		s.credit(t, account, 1000*yuan)
		ids := s.campaigns(t, account, 200*yuan, 100*yuan, 300*yuan)
		must(t, s.SwitchCampaign(t.Context(), models.Actor{}, account, ids[2], false))
		rows := func(path string) string {
			t.Helper()
			var all []string
			b.get(path).is(t, http.StatusOK).Find("table.list tbody td:first-child a").Each(func(_ int, a *goquery.Selection) {
				all = append(all, strings.TrimPrefix(a.Text(), "Campaign "))
			})
			return strings.Join(all, "")
		}
		for path, want := range map[string]string{
			"/campaigns": "ABC", "/campaigns?sort=budget": "CAB", "/campaigns?sort=-name": "CBA", "/campaigns?sort=x'": "ABC",
			"/campaigns?state=paused": "C", "/campaigns?state=serving&sort=-budget": "BA", "/campaigns?name=gn+b": "B", "/campaigns?name=%25": "",
			"/campaigns?state=nonsense": "ABC",
		} {
			if got := rows(path); got != want {
				t.Errorf("%s lists %s, want %s", path, got, want)
			}
		}
		none := b.get("/campaigns?name=" + `%22%3E%3Cscript%3E`)
		none.says(t, "#main", word(text.Chinese, "list.no_match.title"))
		if none.value("input[name=name]") != `"><script>` || none.Find("#main script").Length() > 0 {
			t.Errorf("the name asked for comes back as %q", none.value("input[name=name]"))
		}
		// A head turns round what it sorts by and keeps the filter.
		head := b.get("/campaigns?state=serving&sort=spent").Find("th[aria-sort=descending] a").AttrOr("href", "")
		if head != "/campaigns?sort=-spent&state=serving" {
			t.Errorf("the head leads to %q", head)
		}
	})
}
