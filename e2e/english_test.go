package e2e

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/chromedp/chromedp"
)

// TestEnglish switches the language in the page and walks over the screens: not
// one word of ours is Chinese, only what the seller has named.
func TestEnglish(t *testing.T) {
	t.Parallel()
	b := newTab(t, serve(t))
	names := sellersWords(t)
	read := func(words ...string) {
		b.t.Helper()
		b.see(words...)
		inEnglish(b, names)
	}
	b.step("switch", func() {
		b.signIn("overdue@demo.test")
		b.submitIn("header", "EN")
		b.at(`/account$`)
		read("Suspended")
		b.look("overview-suspended")
	})
	b.step("recharge", func() {
		b.open("/recharge")
		b.fill("amount", "12")
		b.press("Next")
		b.wait("a refusal", `document.getElementById("amount-error") !== null`)
		read("¥200.00")
		b.look("recharge-refused")
		b.fill("amount", "2000")
		b.see("¥1,036.50")
		inEnglish(b, names)
		b.press("Next")
		no := b.at(`/payments/(R\w{20})/confirm$`)[1]
		read(no, "¥2,000.00")
		b.look("confirm")
		b.submit("¥2,000.00")
		b.at(`/cashier/`)
		b.open("/payments/" + no)
		read("¥2,000.00")
		b.look("payment-pending")
		b.submitIn("main", "Alipay")
		b.at(`/cashier/`)
		b.do(chromedp.Click(chromedp.CSS("button[name=outcome][value=pay]")))
		b.at(`/payments/` + no + `$`)
		read("+¥2,000.00")
		b.look("payment-paid")
	})
	b.step("everywhere_else", func() {
		for _, path := range []string{"/account", "/payments", "/payments?state=expired", "/ledger", "/ledger?kind=refund", "/campaigns", "/campaigns/restart", "/nowhere"} {
			b.open(path)
			inEnglish(b, names)
		}
		b.open("/campaigns/restart")
		b.look("restart")
		b.submitIn("main form", "Start all")
		inEnglish(b, names)
		b.open("/campaigns")
		b.press(names[len(names)-1])
		b.at(`/campaigns/\d+$`)
		inEnglish(b, names)
		b.look("campaign")
	})
}

// inEnglish fails on Chinese words in what is read or read aloud, but for names
// that people gave and what is marked to be in Chinese.
func inEnglish(b *tab, names []string) {
	b.t.Helper()
	if lang := eval[string](b, `document.documentElement.lang`); lang != "en" {
		b.fail("the page is in " + lang)
	}
	said := eval[[]string](b, `(() => {
		const said = [document.title];
		const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
		for (let n = walk.currentNode; n; n = walk.nextNode()) {
			const e = n.nodeType === Node.TEXT_NODE ? n.parentElement : n;
			if (e.closest("[lang=zh-CN], script")) continue;
			if (n.nodeType === Node.TEXT_NODE) said.push(n.data);
			else for (const a of ["aria-label", "title", "alt", "placeholder"]) if (e.hasAttribute(a)) said.push(e.getAttribute(a));
		}
		return said;
	})()`)
	for _, words := range said {
		for _, name := range names {
			words = strings.ReplaceAll(words, name, "")
		}
		if strings.ContainsFunc(words, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
			b.t.Errorf("%s is not translated: %q", eval[string](b, `location.pathname`), strings.TrimSpace(words))
		}
	}
}

// sellersWords are the names that the demo's sellers gave, long ones first; the
// last is a campaign of the seller who is overdue.
func sellersWords(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../models/seed.json")
	if err != nil {
		t.Fatal(err)
	}
	var book struct {
		Sellers []struct {
			Email, Shop string
			Campaigns   []struct {
				Name     string
				Keywords [][]any
			}
		}
	}
	if err := json.Unmarshal(text, &book); err != nil {
		t.Fatal(err)
	}
	var names []string
	last := ""
	for _, seller := range book.Sellers {
		names = append(names, seller.Shop)
		for _, campaign := range seller.Campaigns {
			names = append(names, campaign.Name)
			for _, keyword := range campaign.Keywords {
				names = append(names, keyword[0].(string))
			}
			if seller.Email == "overdue@demo.test" && last == "" {
				last = campaign.Name
			}
		}
	}
	slices.SortFunc(names, func(a, b string) int { return len(b) - len(a) })
	return append(names, last)
}
