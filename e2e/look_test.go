package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// axe is the accessibility checker's own source.
var axe = sync.OnceValues(func() ([]byte, error) { return os.ReadFile("../node_modules/axe-core/axe.min.js") })

// pictures are kept when they are asked for, as make pictures does.
var pictures = os.Getenv("PORTAL_TEST_PICTURES") != ""

// look examines the screen, wide in light and narrow in dark: nothing reaches
// beyond its sides, and axe-core finds nothing serious. With pictures it is both
// widths in both themes, which takes twice as long.
func (b *tab) look(name string) {
	b.t.Helper()
	for _, theme := range []string{"light", "dark"} {
		for _, width := range []int64{wide, narrow} {
			if !pictures && (theme == "light") != (width == wide) {
				continue
			}
			b.appear(width, theme)
			where := fmt.Sprintf("%s-%s-%d-%s", eval[string](b, `document.documentElement.lang`)[:2], theme, width, name)
			eval[bool](b, `new Promise((done) => { scrollTo(0, 0); requestAnimationFrame(() => requestAnimationFrame(() => done(true))) })`, chromedp.EvalAwaitPromise)
			b.photograph(where)
			b.fits(where)
			b.accessible(where)
		}
	}
	b.appear(wide, "light")
}

// photograph takes the whole page in a window as high as the page, so that what
// clings to the window's edge stands at the page's. Pictures show nothing by themselves, and take a good part of the time.
func (b *tab) photograph(name string) {
	b.t.Helper()
	if !pictures {
		return
	}
	size := eval[[]int64](b, `[innerWidth, Math.max(innerHeight, document.documentElement.scrollHeight)]`)
	call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: size[0], Height: size[1], DeviceScaleFactor: 1})
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.WriteFile(filepath.Join(outShots, name+".png"), picture, 0o644)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	b.resize(size[0])
}

// fits: a page never scrolls sideways. What scrolls inside itself may be wider.
func (b *tab) fits(where string) {
	b.t.Helper()
	if beyond := b.beyond(); len(beyond) > 0 {
		b.t.Errorf("%s reaches beyond its side: %s", where, strings.Join(beyond, "\n  "))
	}
}

// beyond says how wide a page is that is wider than its window, and what makes it so.
func (b *tab) beyond() []string {
	b.t.Helper()
	return eval[[]string](b, `(() => {
		const limit = document.documentElement.clientWidth;
		if (document.documentElement.scrollWidth <= limit) return [];
		const wide = [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > limit + 0.5);
		return ["the page is " + document.documentElement.scrollWidth + " wide", ...wide.slice(0, 5).map((e) => e.outerHTML.slice(0, 160))];
	})()`)
}

// violation is what axe-core holds against a page.
type violation struct {
	ID, Impact, Help string
	Nodes            []string
}

// accessible: axe-core finds no serious or critical violation.
func (b *tab) accessible(where string) {
	b.t.Helper()
	for _, v := range b.violations() {
		b.t.Errorf("%s: %s (%s): %s\n  %s", where, v.ID, v.Impact, v.Help, strings.Join(v.Nodes, "\n  "))
	}
}

// violations are the serious and the critical ones.
func (b *tab) violations() []violation {
	b.t.Helper()
	source, err := axe()
	if err != nil {
		b.t.Fatal(err)
	}
	if !eval[bool](b, `typeof window.axe === "object"`) {
		eval[bool](b, string(source)+"; true")
	}
	return eval[[]violation](b, `axe.run(document, {resultTypes: ["violations"]}).then((result) => result.violations
		.filter((v) => v.impact === "serious" || v.impact === "critical")
		.map((v) => ({ID: v.id, Impact: v.impact, Help: v.help,
			Nodes: v.nodes.slice(0, 4).map((n) => n.html.slice(0, 200) + " " + (n.failureSummary || "").slice(0, 300))})))`, chromedp.EvalAwaitPromise)
}

// TestWatchersSeeFaults plants each kind of fault that the tests watch for.
func TestWatchersSeeFaults(t *testing.T) {
	t.Parallel()
	b := newTab(t, serve(t))
	b.open("/login")
	if len(b.beyond()) > 0 || len(b.violations()) > 0 {
		t.Fatal("the page has faults of its own")
	}
	eval[bool](b, `(document.querySelector("h1").insertAdjacentHTML("afterend",
		'<p id="planted"></p><img src="/static/favicon.svg" onerror="planted()">'), true)`)
	eval[bool](b, `(() => { const p = document.getElementById("planted"); p.textContent = "planted"; p.style.color = "#bbb"; p.style.width = "3000px"; return true })()`)
	await(t, patience, "a breach of the content security policy is reported", func() bool { return b.reported("Content Security Policy") })
	eval[bool](b, `(setTimeout(() => { throw new Error("planted fault") }), true)`)
	await(t, patience, "a script's error is reported", func() bool { return b.reported("planted fault") })
	if len(b.beyond()) == 0 {
		t.Error("a page of 3000 pixels seems to fit")
	}
	found := ""
	for _, v := range b.violations() {
		found += v.ID + " "
	}
	if !strings.Contains(found, "color-contrast") || !strings.Contains(found, "image-alt") {
		t.Errorf("axe-core finds %q", found)
	}
	b.mu.Lock()
	b.problems = nil
	b.mu.Unlock()
}

// reported: a page has complained in these words.
func (b *tab) reported(words string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Contains(strings.Join(b.problems, "\n"), words)
}
