package views_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/a-h/templ"

	"ztc-portal/static"
	"ztc-portal/views/layout"
	"ztc-portal/views/text"
)

// galleryDir is where the drawn pages are kept for a browser to open.
const galleryDir = "../e2e/out/gallery"

// screen is one page of the gallery.
type screen struct {
	name   string
	title  func(context.Context) string
	body   templ.Component
	chrome func(*layout.Chrome) // what differs from the usual frame; nil: nothing
}

// TestGalleryDrawsEveryPage draws each page from canned models in each language
// and theme, checks what must hold of any page, and keeps the files.
func TestGalleryDrawsEveryPage(t *testing.T) {
	for _, lang := range text.Languages {
		for _, theme := range []string{layout.ThemeLight, layout.ThemeDark} {
			folder := filepath.Join(galleryDir, lang+"-"+theme)
			if err := os.RemoveAll(folder); err != nil {
				t.Fatal(err)
			}
			if err := os.MkdirAll(folder, 0o755); err != nil {
				t.Fatal(err)
			}
			for _, s := range screens() {
				t.Run(lang+"/"+theme+"/"+s.name, func(t *testing.T) {
					html := draw(t, s, lang, theme)
					checkPage(t, html, lang)
					file := filepath.Join(folder, s.name+".html")
					if err := os.WriteFile(file, forFile(t, html), 0o644); err != nil {
						t.Fatal(err)
					}
				})
			}
		}
	}
}

func draw(t *testing.T, s screen, lang, theme string) string {
	t.Helper()
	ctx := text.With(context.Background(), lang)
	chrome := usualChrome()
	chrome.Theme = theme
	if s.chrome != nil {
		s.chrome(&chrome)
	}
	var page bytes.Buffer
	if err := layout.Page(chrome, s.title(ctx), s.body).Render(ctx, &page); err != nil {
		t.Fatal(err)
	}
	return page.String()
}

// checkPage asserts what holds of any page of ours.
func checkPage(t *testing.T, html, lang string) {
	t.Helper()
	page, err := goquery.NewDocumentFromReader(strings.NewReader(html))
	if err != nil {
		t.Fatal(err)
	}
	if got := page.Find("html").AttrOr("lang", ""); got != lang {
		t.Errorf("lang is %q, want %q", got, lang)
	}
	if n := page.Find("h1").Length(); n != 1 {
		t.Errorf("%d h1, want 1", n)
	}
	if strings.Contains(html, "⟦") || strings.Contains(html, "no value") {
		t.Errorf("words are missing: %s", around(html, "⟦"))
	}
	for _, forbidden := range []string{"style=", "<style", "hx-on", "js:", "onclick=", "javascript:"} {
		if strings.Contains(html, forbidden) {
			t.Errorf("%q is not allowed by our content security policy", forbidden)
		}
	}
	page.Find("script").Each(func(_ int, s *goquery.Selection) {
		if _, external := s.Attr("src"); !external {
			t.Error("an inline script")
		}
	})
	page.Find("form[method=post]").Each(func(_ int, f *goquery.Selection) {
		ours := strings.HasPrefix(f.AttrOr("action", ""), "/")
		if ours != (f.Find("input[name=csrf]").Length() == 1) || ours && f.Find("input[value=csrf-token]").Length() != 1 {
			t.Errorf("form %s carries no CSRF token, or carries ours elsewhere", f.AttrOr("action", "?"))
		}
	})
	ids := map[string]bool{}
	page.Find("[id]").Each(func(_ int, s *goquery.Selection) {
		if ids[s.AttrOr("id", "")] {
			t.Errorf("id %q twice", s.AttrOr("id", ""))
		}
		ids[s.AttrOr("id", "")] = true
	})
	page.Find("[aria-describedby], [aria-labelledby], label[for]").Each(func(_ int, s *goquery.Selection) {
		for _, attribute := range []string{"aria-describedby", "aria-labelledby", "for"} {
			for _, id := range strings.Fields(s.AttrOr(attribute, "")) {
				if !ids[id] {
					t.Errorf("%s names %q, which is not on the page", attribute, id)
				}
			}
		}
	})
	if lang == text.English {
		checkNoHanWords(t, page)
	}
}

// checkNoHanWords looks for words of ours that were not translated; names that a
// seller gave are in Chinese and marked so by the canned data.
func checkNoHanWords(t *testing.T, page *goquery.Document) {
	t.Helper()
	page.Find("body *").Each(func(_ int, s *goquery.Selection) {
		own := s.Clone().Children().Remove().End().Text()
		for _, name := range sellersWords {
			own = strings.ReplaceAll(own, name, "")
		}
		if s.AttrOr("lang", "") != text.Chinese && strings.ContainsFunc(own, isHan) {
			t.Errorf("not translated: %q", strings.TrimSpace(own))
		}
	})
}

func isHan(r rune) bool { return r >= 0x4E00 && r <= 0x9FFF }

func around(s, mark string) string {
	at := max(0, strings.Index(s, mark))
	return s[at:min(len(s), at+80)]
}

// forFile links the assets so that the file opens in a browser by itself; the
// icons stand in the page, since a file may not reach into another by <use>.
func forFile(t *testing.T, html string) []byte {
	t.Helper()
	sprite, err := os.ReadFile("../static/dist/icons.svg")
	if err != nil {
		t.Fatal(err)
	}
	html = strings.ReplaceAll(html, static.URL("icons.svg")+"#", "#icon-")
	inline := strings.Replace(strings.ReplaceAll(string(sprite), `id="`, `id="icon-`), "<svg ", "<svg hidden ", 1)
	html = strings.Replace(html, "<body>", "<body>"+inline, 1)
	return []byte(strings.ReplaceAll(html, `"/static/`, `"../../../../static/dist/`))
}
