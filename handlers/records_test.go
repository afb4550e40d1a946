package handlers_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"ztc-portal/models"
	"ztc-portal/views/text"
)

// column reads what the selector finds in each row of a list.
func (a answer) column(selector string) []string {
	return a.Find("table.list tbody " + selector).Map(func(_ int, s *goquery.Selection) string { return strings.TrimSpace(s.Text()) })
}

func TestRechargeRecordsTurnTheirPages(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, account := s.seller(t)
		b.get("/payments").is(t, http.StatusOK).says(t, "#main", word(text.Chinese, "payments.empty.title"))
		var newestFirst []string
		for i := range 45 {
			p, err := s.DraftRecharge(t.Context(), account, models.RechargeInput{Amount: fmt.Sprint(300 + i), Method: "alipay"})
			must(t, err)
			newestFirst = append([]string{p.No}, newestFirst...)
		}
		var read []string
		path, way := "/payments?state=draft", []string{}
		for path != "" {
			page := b.get(path).is(t, http.StatusOK)
			way = append(way, path)
			read = append(read, page.column("a.serial")...)
			path, _ = page.Find("a[rel=next]").Attr("href")
			if path != "" && !strings.Contains(path, "state=draft") {
				t.Errorf("the filter is lost in %q", path)
			}
		}
		if len(way) != 3 || fmt.Sprint(read) != fmt.Sprint(newestFirst) {
			t.Errorf("%d pages of %d payments, in another order", len(way), len(read))
		}
		newer, _ := b.get(way[2]).Find("a[rel=prev]").Attr("href")
		if got := b.get(newer).column("a.serial"); fmt.Sprint(got) != fmt.Sprint(newestFirst[20:40]) {
			t.Errorf("the newer page shows %v", got)
		}
		for _, odd := range []string{"?before=x", "?before=-1", "?after=99999999999999999999", "?before=1'--"} {
			if got := b.get("/payments"+odd).is(t, http.StatusOK).column("a.serial"); len(got) != models.PageSize {
				t.Errorf("%s shows %d rows", odd, len(got))
			}
		}
	})
}

func TestRechargeRecordsAreFiltered(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, account := s.seller(t)
		s.credit(t, account, 300*yuan)
		_, err := s.DraftRecharge(t.Context(), account, models.RechargeInput{Amount: "400", Method: "alipay"})
		must(t, err)
		today := models.DayOn(s.Now())
		tomorrow := models.DayOn(s.Now().Add(24 * time.Hour))
		for query, want := range map[string]int{
			"": 2, "state=paid": 1, "state=draft": 1, "state=expired": 0, "state=nonsense": 2, "state=&method=": 2, "method=alipay": 2, "method=wechat": 2,
			"from=" + today: 2, "to=" + today: 2, "from=" + tomorrow: 0, "state=paid&from=" + today + "&to=" + today: 1,
		} {
			if got := b.get("/payments?"+query).is(t, http.StatusOK).column("a.serial"); len(got) != want {
				t.Errorf("%q shows %d rows, want %d", query, len(got), want)
			}
		}
		for _, lang := range text.Languages {
			b.lang = lang
			for _, list := range []string{"/payments", "/ledger"} {
				wrong := b.get(list+"?from="+url.QueryEscape(`"><script>`)+"&to=2026-02-30").is(t, http.StatusUnprocessableEntity)
				wrong.says(t, "#from-error", word(lang, "error.day.malformed"))
				wrong.says(t, "#to-error", word(lang, "error.day.malformed"))
				if wrong.value("#from") != `"><script>` || wrong.Find("#main script").Length() > 0 {
					t.Errorf("%s keeps %q", list, wrong.value("#from"))
				}
				b.get(list+"?from="+tomorrow+"&to="+today).is(t, http.StatusUnprocessableEntity).
					says(t, "#to-error", word(lang, "error.day.order"))
			}
		}
	})
}

func TestStatementShowsBothPurses(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, account := s.seller(t)
		b.get("/ledger").is(t, http.StatusOK)
		s.Charge(t, "click", s.campaigns(t, account, 100*yuan)[0], 50*yuan)
		s.credit(t, account, 300*yuan)
		no := s.payments(t, account)[0].No
		page := b.get("/ledger").is(t, http.StatusOK)
		page.says(t, "table.list", no)
		page.says(t, "table.list", word(text.Chinese, "ledger.line.arrears"))
		page.says(t, "table.list", "¥250.00")
		if page.Find(`a[href="/payments/`+no+`"]`).Length() == 0 {
			t.Error("the recharge does not lead to its payment")
		}
		for kind, want := range map[string]bool{"recharge": true, "charge": false, "nonsense": true} {
			if got := strings.Contains(b.get("/ledger?kind="+kind).is(t, http.StatusOK).Find("table.list").Text(), no); got != want {
				t.Errorf("kind %s shows the recharge: %v", kind, got)
			}
		}
	})
}

func TestAddressesAreEscaped(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, _ := s.seller(t)
		attack := url.QueryEscape(`"><script>alert(1)</script><a href="javascript:alert(1)">`)
		for _, path := range []string{
			"/payments?state=" + attack, "/payments?x=" + attack, "/ledger?kind=" + attack, "/campaigns?state=" + attack,
			"/recharge?amount=" + attack + "&method=" + attack, "/account?x=" + attack, "/login?back=" + attack, "/nowhere?" + attack, "/" + attack,
		} {
			page := b.get(path)
			if n := page.Find(`script:not([src]), a[href^="javascript:"]`).Length(); n > 0 {
				t.Errorf("%s: %d things came in by the address", path, n)
			}
		}
	})
}
