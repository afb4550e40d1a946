package handlers_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/go-cmp/cmp"

	"ztc-portal/models"
	"ztc-portal/static"
	"ztc-portal/views/admin"
	"ztc-portal/views/text"
)

func searchPath(q string) string       { return "/admin/search?q=" + url.QueryEscape(q) }
func accountPath(id int64) string      { return fmt.Sprint("/admin/accounts/", id) }
func asPath(id int64, p string) string { return accountPath(id) + "/as" + p }

// named makes a seller of this name and gives the account.
func (s *site) named(t testing.TB, shop, email string) int64 {
	t.Helper()
	id, err := s.CreateUser(t.Context(), models.Actor{}, models.NewUser{Email: email, Password: password, Role: models.RoleSeller, ShopName: shop})
	must(t, err)
	return id
}

// desk is a browser of one of the support staff.
func (s *site) desk(t testing.TB) *browser {
	t.Helper()
	b, _ := s.member(t, models.RoleSupport, "support@office.test")
	return b
}

// links are the addresses of what the selector finds.
func (a answer) links(selector string) []string {
	return a.Find(selector).Map(func(_ int, s *goquery.Selection) string { return s.AttrOr("href", "") })
}

func TestStaffSearchFromEveryPage(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		tea, coffee := s.named(t, "老王茶叶店", "tea@shop.test"), s.named(t, "咖啡馆", "coffee@shop.test")
		s.campaigns(t, coffee, 100*yuan)
		p := s.Pending(t, tea, "1286.40")
		b := s.desk(t)
		for _, path := range []string{"/admin/jobs", "/admin/search", "/admin/accounts", accountPath(tea), asPath(tea, "/account"), "/admin/nowhere"} {
			page := b.get(path)
			box := page.Find("header form[role=search][method=get][action='/admin/search'] input[name=q][data-search]")
			if box.Length() != 1 || page.Find("script[src^='/static/desk.js']").Length() != 1 {
				t.Errorf("%s has %d search boxes", path, box.Length())
			}
		}
		for typed, want := range map[string][]string{
			"茶叶": {accountPath(tea)}, "咖": {accountPath(coffee)}, "shop.test": {accountPath(coffee), accountPath(tea)},
			"¥1,286.40": {"/admin/payments/" + p.No}, "Campaign": {fmt.Sprintf("%s?tab=campaigns#campaign-1", accountPath(coffee))}, `"*%_'`: {}, "zz": {},
		} {
			page := b.get(searchPath(typed)).is(t, http.StatusOK)
			page.isPage(t)
			if diff := cmp.Diff(want, page.links("#main a[data-row]")); diff != "" {
				t.Errorf("%q leads to %s", typed, diff)
			}
			if got := page.value("input[name=q]"); got != typed {
				t.Errorf("the box holds %q after %q", got, typed)
			}
			if len(want) == 0 {
				page.says(t, "#main", word(text.Chinese, "search.nothing.title"))
			}
		}
		found := b.get(searchPath("茶叶"))
		found.says(t, "#main h2", word(text.Chinese, "search.group.accounts"))
		found.says(t, "#main header", word(text.Chinese, "search.count", "Count", 1))
		found.says(t, "#main td", word(text.Chinese, "state.account.active"))
		b.get("/admin/search").is(t, http.StatusOK).says(t, "#main", word(text.Chinese, "search.begin.title"))
	})
}

func TestStaffSearchOpensWhatIsNamedExactly(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		account := s.named(t, "Shop", "one@shop.test")
		p := s.Pending(t, account, "500")
		_, err := s.SettlePayment(t.Context(), s.Receipt(p), 0)
		must(t, err)
		b := s.desk(t)
		trade := *s.payment(t, p.No).GatewayTradeNo
		for typed, want := range map[string]string{
			p.No: "/admin/payments/" + p.No, strings.ToLower(p.No): "/admin/payments/" + p.No, trade: "/admin/payments/" + p.No,
			fmt.Sprint(account): accountPath(account), fmt.Sprint("#", account): accountPath(account), "ONE@shop.test": accountPath(account),
		} {
			b.get(searchPath(typed)).leads(t, want)
		}
		b.get(searchPath("500")).is(t, http.StatusOK) // an amount
	})
}

func TestStaffSearchRefusesWhatIsTooLong(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b := s.desk(t)
		for _, lang := range text.Languages {
			b.lang = lang
			page := b.get(searchPath(strings.Repeat("茶", 5000))).is(t, http.StatusUnprocessableEntity)
			page.isPage(t)
			page.says(t, "#main [role=alert]", word(lang, "error.search.too_long", "Max", 100))
			if n := len([]rune(page.value("input[name=q]"))); n != 200 {
				t.Errorf("the box holds %d characters", n)
			}
		}
		evil := `"><script>alert(1)</script>`
		page := b.get(searchPath(evil)).is(t, http.StatusOK)
		if page.Find("script:not([src])").Length() != 0 || page.value("input[name=q]") != evil {
			t.Error("what was typed is no plain text on the page")
		}
	})
}

func TestStaffListAccounts(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		quiet := s.named(t, "Quiet", "quiet@shop.test")
		var owing []int64
		for i := range models.PageSize + 2 {
			id := s.named(t, fmt.Sprint("Owing ", i), fmt.Sprintf("owing%d@shop.test", i))
			s.Charge(t, fmt.Sprint("owing-", i), s.campaigns(t, id, 100*yuan)[0], 50*yuan)
			owing = append(owing, id)
			s.Clock.Add(time.Minute)
		}
		b := s.desk(t)
		rows := func(path string) (ids []string, page answer) {
			page = b.get(path).is(t, http.StatusOK)
			return page.links("#main a[data-row]"), page
		}
		want := func(ids ...int64) (paths []string) {
			for _, id := range ids {
				paths = append(paths, accountPath(id))
			}
			return paths
		}
		newest := slices.Clone(owing)
		slices.Reverse(newest)
		got, page := rows("/admin/accounts")
		if diff := cmp.Diff(want(newest[:models.PageSize]...), got); diff != "" {
			t.Errorf("newest first: %s", diff)
		}
		got, page = rows(page.links("a[rel=next]")[0])
		if diff := cmp.Diff(want(append(newest[models.PageSize:], quiet)...), got); diff != "" {
			t.Errorf("then: %s", diff)
		}
		got, _ = rows(page.links("a[rel=prev]")[0])
		if diff := cmp.Diff(want(newest[:models.PageSize]...), got); diff != "" {
			t.Errorf("and back: %s", diff)
		}
		got, page = rows("/admin/accounts?order=arrears")
		if diff := cmp.Diff(want(owing[:models.PageSize]...), got); diff != "" {
			t.Errorf("oldest arrears first: %s", diff)
		}
		page.says(t, "#main tbody td", "-¥50.00")
		next := page.links("a[rel=next]")[0]
		got, page = rows(next)
		if diff := cmp.Diff(want(owing[models.PageSize:]...), got); diff != "" {
			t.Errorf("then: %s", diff)
		}
		got, _ = rows(page.links("a[rel=prev]")[0])
		if diff := cmp.Diff(want(owing[:models.PageSize]...), got); diff != "" {
			t.Errorf("and back: %s", diff)
		}
		for path, n := range map[string]int{
			"/admin/accounts?state=active": 1, "/admin/accounts?state=arrears": models.PageSize, "/admin/accounts?state=suspended": 0, "/admin/accounts?state=frozen": 0,
			"/admin/accounts?state=nonsense&order=nonsense": models.PageSize,
		} {
			if got, page := rows(path); len(got) != n || n == 0 && page.Find("#main a[href='/admin/accounts']").Length() == 0 {
				t.Errorf("%s shows %d accounts, want %d", path, len(got), n)
			}
		}
		// Who was seen last owes nothing any more: the list begins anew.
		s.credit(t, owing[models.PageSize-1], 200*yuan)
		b.get(next).leads(t, "/admin/accounts?order=arrears&state=")
	})
}

// The sub-pages of an account with a history, each as a page and as a part.
func TestStaffSeeAnAccountWhole(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		seller, account := s.seller(t)
		s.credit(t, account, 500*yuan)
		running := s.campaigns(t, account, 100*yuan)[0]
		s.Charge(t, "c1", running, 30*yuan)
		other := s.named(t, "Other", "other@shop.test")
		stranger := s.Pending(t, other, "777")
		wrong := s.browser(t)
		wrong.get("/login")
		wrong.post("/login", "email", seller.email, "password", "not this one")
		paid := s.payments(t, account)[0]
		b := s.desk(t)
		for _, lang := range text.Languages {
			b.lang = lang
			for tab, says := range map[string]string{
				"": word(lang, "timeline.recharge_paid", "Amount", 500*yuan), "nonsense": word(lang, "customer.tab.timeline"), "timeline": word(lang, "timeline.recharge_paid", "Amount", 500*yuan),
				"payments": paid.No + " " + *paid.GatewayTradeNo, "ledger": "-¥30.00", "campaigns": "Campaign A #" + fmt.Sprint(running), "alerts": word(lang, "state.delivery.serving"),
				"signins": word(lang, "customer.attempt.failed"), "notes": word(lang, "customer.empty.notes"),
			} {
				path := accountPath(account) + "?tab=" + tab
				page := b.get(path).is(t, http.StatusOK)
				page.isPage(t)
				page.says(t, "#account-tab", says)
				page.says(t, "#main h1", "Shop of seller@shop.test")
				page.says(t, "#main", "¥470.00")
				page.says(t, "#main", word(lang, "state.account.active"))
				if strings.Contains(page.body, stranger.No) {
					t.Errorf("%s shows another account's payment", path)
				}
				here := page.Find("#account-tab a[aria-current=page]")
				if want := map[string]string{"": "timeline", "nonsense": "timeline"}[tab]; here.Length() != 1 || !strings.HasSuffix(here.AttrOr("href", ""), "tab="+cmp2(want, tab)) {
					t.Errorf("%s stands at %q", path, here.AttrOr("href", ""))
				}
				piece := b.get(path, part).is(t, http.StatusOK)
				piece.isPart(t)
				piece.says(t, "#account-tab", says)
				if piece.Find("h1").Length() != 0 {
					t.Errorf("the part %s holds the whole", path)
				}
			}
		}
		timeline := b.get(accountPath(account))
		if links := timeline.links("#account-tab ol a"); !slices.Contains(links, "/admin/payments/"+paid.No) {
			t.Errorf("the timeline leads to %v", links)
		}
		for _, link := range timeline.links("#main a") {
			if !strings.HasPrefix(link, "/admin/") {
				t.Errorf("the page leads to a seller's page: %s", link)
			}
		}
		for _, path := range []string{accountPath(4711), "/admin/accounts/x", "/admin/accounts/-1", asPath(4711, "/account")} {
			b.get(path).is(t, http.StatusNotFound)
		}
	})
}

func cmp2(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func TestStaffSeeWhyAnAccountStandsStill(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		_, account := s.seller(t)
		s.Charge(t, "c1", s.campaigns(t, account, 100*yuan)[0], 50*yuan)
		page := s.desk(t).get(accountPath(account)).is(t, http.StatusOK)
		page.says(t, "#main", word(text.Chinese, "customer.arrears", "Amount", 50*yuan))
		page.says(t, "#main dl", word(text.Chinese, "customer.arrears_since")+"11-24 14:00")
		page.says(t, "#main article", word(text.Chinese, "state.delivery.out_of_funds"))
		page.says(t, "#main article", word(text.Chinese, "stop.lifted.recharge"))
		if n := page.Find("#main article a, #main article button").Length(); n != 0 {
			t.Errorf("a stop card has %d acts for staff", n)
		}
	})
}

func TestStaffNotesAreAddedAndKept(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		_, account := s.seller(t)
		b := s.desk(t)
		path := accountPath(account) + "?tab=notes"
		b.get(path)
		const said = "Called.\r\n<b>Will pay</b> 周一 "
		b.post(accountPath(account)+"/notes", "body", said).leads(t, path)
		s.Clock.Add(time.Minute)
		page := b.get(path).is(t, http.StatusOK)
		page.says(t, "[role=status]", word(text.Chinese, "flash.note_added"))
		page.says(t, "#account-tab ol li", "Called. <b>Will pay</b> 周一support@office.test11-24 14:00")
		page.says(t, "#account-tab a[aria-current=page]", word(text.Chinese, "customer.tab.notes")+" 1")
		if page.Find("#account-tab ol b").Length() != 0 {
			t.Error("a note's signs are taken for a page's")
		}
		want := []string{fmt.Sprintf("support@office.test account:%d  Called.\n<b>Will pay</b> 周一", account)}
		if diff := cmp.Diff(want, s.audits(t, "account.note")); diff != "" {
			t.Errorf("the audit trail: %s", diff)
		}
		for _, lang := range text.Languages {
			b.lang = lang
			for typed, says := range map[string]string{
				" \n ": word(lang, "error.note.empty"), strings.Repeat("字", 2001): word(lang, "error.note.too_long", "Max", 2000, "Count", 2001),
			} {
				refused := b.post(accountPath(account)+"/notes", "body", typed).is(t, http.StatusUnprocessableEntity)
				refused.isPage(t)
				refused.says(t, "#body-error", says)
				if got := refused.Find("textarea#body[aria-invalid=true]").Text(); got != typed && strings.TrimSpace(typed) != "" {
					t.Errorf("the form holds %d characters of %d", len([]rune(got)), len([]rune(typed)))
				}
			}
		}
		b.post(accountPath(account)+"/notes", "body", strings.Repeat("字", 2000)).leads(t, path)
		b.post(accountPath(4711)+"/notes", "body", "to nobody").is(t, http.StatusNotFound)
		if n := len(s.audits(t, "account.note")); n != 2 {
			t.Errorf("%d notes are on the trail, want 2", n)
		}
		notes, _, err := s.Notes(t.Context(), account, models.Keyset{})
		if err != nil || len(notes) != 2 {
			t.Errorf("%d notes, %v", len(notes), err)
		}
		finance, _ := s.member(t, models.RoleFinance, "finance@office.test")
		if n := finance.get(path).is(t, http.StatusOK).Find("#account-tab form").Length(); n != 0 {
			t.Error("who may not write notes is offered the form")
		}
		for range models.PageSize {
			b.post(accountPath(account)+"/notes", "body", "more").leads(t, path)
		}
		older := b.get(path).links("#account-tab a[rel=next]")
		if len(older) != 1 || b.get(older[0]).is(t, http.StatusOK).Find("#account-tab ol li").Length() != 2 {
			t.Errorf("the older notes are at %v", older)
		}
		if links := b.post(accountPath(account)+"/notes").is(t, http.StatusUnprocessableEntity).links("#account-tab a[rel=next]"); len(links) != 0 {
			t.Errorf("the refused form leads to %v", links)
		}
	})
}

// What staff see as the seller sees it: the same words, and nothing to act with.
func TestStaffSeeAsTheSellerSeesAndCanDoNothing(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		seller, account := s.seller(t)
		s.credit(t, account, 500*yuan)
		ids := s.campaigns(t, account, 100*yuan, 200*yuan)
		s.Charge(t, "c1", ids[0], 30*yuan)
		s.Pending(t, account, "600") // a card with a form on the overview
		b := s.desk(t)
		var seen []string
		for _, path := range admin.AsPaths {
			own := seller.get(path).is(t, http.StatusOK)
			as := b.get(asPath(account, path)).is(t, http.StatusOK)
			seen = append(seen, fmt.Sprintf("support@office.test account:%d  %s", account, path))
			as.isPage(t)
			as.says(t, "#main [role=status]", word(text.Chinese, "customer.as.title", "Shop", "Shop of seller@shop.test"))
			as.says(t, "#main [role=status]", word(text.Chinese, "customer.as.banner"))
			wantStill(t, as, account)
			words := func(a answer, selector string) string {
				return strings.Join(strings.Fields(a.Find(selector).Text()), " ")
			}
			if want, got := words(own, "#main"), words(as, "[data-read-only]"); want != got {
				t.Errorf("%s: staff read\n%s\nthe seller\n%s", path, got, want)
			}
		}
		if diff := cmp.Diff(seen, s.audits(t, "account.view_as")); diff != "" {
			t.Errorf("the audit trail: %s", diff)
		}
		before := len(s.payments(t, account))
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
			for _, path := range append([]string{"/recharge", "/campaigns/1/pause", "/payments/" + s.payments(t, account)[0].No + "/cancel", "/campaigns/restart", ""}, admin.AsPaths...) {
				got := b.do(method, asPath(account, path), url.Values{"csrf": {b.token}, "amount": {"500"}, "method": {"alipay"}}.Encode())
				refused := got.StatusCode == http.StatusNotFound || got.StatusCode == http.StatusMethodNotAllowed
				if method == http.MethodDelete { // which has no form, and so no token
					refused = got.StatusCode == http.StatusForbidden
				}
				if !refused {
					t.Errorf("%s %s: %s", method, asPath(account, path), got.Status)
				}
			}
		}
		if n := len(s.payments(t, account)); n != before {
			t.Errorf("%d payments became %d", before, n)
		}
		for _, path := range []string{"/recharge", "/campaigns/1", "/payments/" + s.payments(t, account)[0].No, "/campaigns/restart", ""} {
			b.get(asPath(account, path)).is(t, http.StatusNotFound)
		}
		b.get(asPath(account, "/payments")+"?from=nonsense").is(t, http.StatusUnprocessableEntity)
	})
}

// wantStill wants nothing in the seller's page that could be used.
func wantStill(t *testing.T, page answer, account int64) {
	t.Helper()
	frame := page.Find("[data-read-only]")
	frame.Find("form, button:not([disabled]), input:not([disabled]), select:not([disabled]), textarea:not([disabled]), [type=hidden], [name], script, [action], [formaction]").Each(func(_ int, n *goquery.Selection) {
		html, _ := goquery.OuterHtml(n)
		t.Errorf("%s can be used: %.200s", page.Request.URL.Path, html)
	})
	frame.Find("*").Each(func(_ int, n *goquery.Selection) {
		for _, a := range n.Nodes[0].Attr {
			if strings.HasPrefix(a.Key, "hx-") || strings.HasPrefix(a.Key, "on") {
				t.Errorf("%s: %s=%q", page.Request.URL.Path, a.Key, a.Val)
			}
			if a.Key == "href" && n.Is("a") && !strings.HasPrefix(a.Val, asPath(account, "/")) && !strings.HasPrefix(a.Val, "#") {
				t.Errorf("%s leads to %s", page.Request.URL.Path, a.Val)
			}
		}
	})
	if n := page.Find("#main form").Length(); n != 0 {
		t.Errorf("%s has %d forms", page.Request.URL.Path, n)
	}
}

// No page is heavier than 100 KB, with all it loads, on its way.
func TestStaffPagesAreLight(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		_, account := s.seller(t)
		s.credit(t, account, 500*yuan)
		s.campaigns(t, account, slices.Repeat([]models.Fen{100 * yuan}, 26)...)
		for i := range models.SearchShown + 1 {
			s.named(t, fmt.Sprintf("%s %d", strings.Repeat("Shop of everything ", 5), i), fmt.Sprintf("shop%d@shop.test", i))
			s.Pending(t, account, fmt.Sprint(600+i))
		}
		b := s.desk(t)
		b.get(accountPath(account))
		for i := range models.PageSize {
			b.post(accountPath(account)+"/notes", "body", strings.Repeat(fmt.Sprint("备注", i), 300))
		}
		assets := 0
		for _, name := range []string{"app.css", "app.js", "desk.js", "htmx.js", "icons.svg"} {
			assets += squeezed(t, b.get(static.URL(name)).is(t, http.StatusOK).body)
		}
		paths := []string{"/admin/accounts", searchPath("shop")}
		for _, tab := range admin.AccountTabs {
			paths = append(paths, accountPath(account)+"?tab="+tab)
		}
		for _, path := range admin.AsPaths {
			paths = append(paths, asPath(account, path))
		}
		for _, path := range paths {
			if n := assets + squeezed(t, b.get(path).is(t, http.StatusOK).body); n > 100_000 {
				t.Errorf("%s weighs %d bytes", path, n)
			}
		}
	})
}

func squeezed(t testing.TB, body string) int {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write([]byte(body))
	must(t, err)
	must(t, w.Close())
	return out.Len()
}
