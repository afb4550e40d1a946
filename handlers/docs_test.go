package handlers_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"ztc-portal/handlers/api"
	"ztc-portal/views/text"
)

// TestDocsAreForEverybody: the page stands signed in and out, in both languages;
// each operation, field and problem of the contract is on it, and each link
// within it leads somewhere.
func TestDocsAreForEverybody(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		seller, _ := s.seller(t)
		for _, b := range []*browser{s.browser(t), seller} {
			for _, lang := range text.Languages {
				b.lang = lang
				page := b.get("/api/docs").is(t, http.StatusOK)
				page.isPage(t)
				for path := range operations {
					page.says(t, "#main", api.Prefix+path)
				}
				for _, code := range api.Codes {
					page.says(t, "#problem-"+code, word(lang, "api.problem."+code+".title"))
				}
				for _, status := range []string{"401", "404", "405", "410", "413", "415", "429", "500", "503"} {
					page.says(t, "#main section[id^=problem-]", status)
				}
				for name := range theContract(t).document.Components.Schemas.GetOrZero("Charge").Schema().Properties.KeysFromOldest() {
					page.says(t, "#main table", name)
				}
				page.says(t, "#main", "webhook-signature")
				links := page.Find("#main a[href^='#']")
				links.Each(func(_ int, link *goquery.Selection) {
					if target := link.AttrOr("href", ""); page.Find(target).Length() != 1 {
						t.Errorf("%s leads nowhere", target)
					}
				})
				if links.Length() < 80 || strings.Contains(page.body, "no value") {
					t.Errorf("%d links", links.Length())
				}
				b.get("/api/docs", part).is(t, http.StatusOK).isPart(t)
			}
		}
		for _, elsewhere := range []string{"http://", "https://"} {
			if answer := seller.get("/api/docs"); strings.Contains(answer.body, `src="`+elsewhere) || strings.Contains(answer.body, `href="`+elsewhere) {
				t.Error("the page leads to another origin")
			}
		}
	})
}
