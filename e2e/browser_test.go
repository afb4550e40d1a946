package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	browserlog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

const (
	patience    = 15 * time.Second // for what a page does within a second
	lookAgain   = 50 * time.Millisecond
	wide        = 1440
	narrow      = 360
	chineseFont = "zh-CN,zh;q=0.9"

	fewProcesses = "IsolateOrigins,site-per-process,SpareRendererForSitePerProcess" // what makes a process for each site
)

// The one browser of the run; each test has a context of its own in it, with
// cookies of its own. Pages are not kept for the back button: once it has shown
// one, the browser takes no more clicks from a test on pages of other origins.
var (
	startBrowser = sync.OnceValues(func() (context.Context, error) {
		allocator, stop := chromedp.NewExecAllocator(context.Background(),
			chromedp.ExecPath("/usr/bin/chromium"), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
			chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
			chromedp.Flag("disable-sync", true), chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("in-process-gpu", true),
			chromedp.Flag("disable-background-timer-throttling", true), chromedp.Flag("disable-renderer-backgrounding", true),
			chromedp.Flag("disable-backgrounding-occluded-windows", true), chromedp.Flag("force-color-profile", "srgb"),
			chromedp.Flag("disable-features", "BackForwardCache,"+fewProcesses), chromedp.Flag("renderer-process-limit", "2"),
			chromedp.Flag("force-prefers-reduced-motion", true), chromedp.UserDataDir(filepath.Join(scratch, "chromium")))
		ctx, _ := chromedp.NewContext(allocator)
		stopBrowser = func() {
			chromedp.Cancel(ctx)
			stop()
		}
		return ctx, chromedp.Do(ctx)
	})
	stopBrowser = func() {}
)

func closeBrowser() { stopBrowser() }

// tab is a browser's tab as a person uses it: it finds things by their words,
// clicks with the mouse and types on the keyboard. What the page complains of
// (a script's error, a breach of the content security policy) fails the test.
type tab struct {
	t      *testing.T // of the step at work
	ctx    context.Context
	portal *portal

	mu       sync.Mutex
	problems []string
}

// newTab opens a tab with cookies of its own; a reader of Chinese sits before it.
func newTab(t *testing.T, p *portal) *tab {
	t.Helper()
	browser, err := startBrowser()
	if err != nil {
		t.Fatal(err)
	}
	return openTab(t, p, browser, chromedp.WithNewBrowserContext())
}

// beside opens a second tab with the same cookies.
func (b *tab) beside() *tab {
	b.t.Helper()
	return openTab(b.t, b.portal, b.ctx)
}

func openTab(t *testing.T, p *portal, parent context.Context, options ...chromedp.ContextOption) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(parent, options...)
	b := &tab{t: t, ctx: ctx, portal: p}
	t.Cleanup(func() {
		b.t = t
		b.noProblems()
		cancel()
	})
	if err := chromedp.Listen(ctx, b.listen); err != nil {
		t.Fatal(err)
	}
	call(b, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Accept-Language": chineseFont}})
	b.appear(wide, "light")
	return b
}

// front brings the tab before the others, as a click on it does: what is behind
// takes no clicks.
func (b *tab) front() {
	b.t.Helper()
	call(b, page.BringToFront, cdp.Empty{})
}

// call sends a command of the protocol.
func call[P, R any](b *tab, command cdp.Command[P, R], params P) R {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	result, err := chromedp.Call(ctx, command, params)
	if err != nil {
		b.t.Fatal(err)
	}
	return result
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.fail(err.Error())
	}
}

// run gives the value of a script, or why it has none (a page that is leaving).
func run[T any](b *tab, script string, options ...chromedp.EvaluateOption) (T, error) {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T](script, options...))
}

func eval[T any](b *tab, script string, options ...chromedp.EvaluateOption) T {
	b.t.Helper()
	value, err := run[T](b, script, options...)
	if err != nil {
		b.fail(err.Error())
	}
	return value
}

// refusedPage is how Chromium notes a page that we refuse on purpose.
var refusedPage = regexp.MustCompile(`the server responded with a status of 4\d\d`)

func (b *tab) listen(event any) {
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		words, _ := json.Marshal(e.ExceptionDetails)
		b.complain("script: " + string(words))
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			words, _ := json.Marshal(e.Args)
			b.complain("console: " + string(words))
		}
	case *browserlog.EventEntryAdded:
		if e.Entry.Level == browserlog.EntryLevelError && !refusedPage.MatchString(e.Entry.Text) {
			b.complain(fmt.Sprintf("%s: %s (%s)", e.Entry.Source, e.Entry.Text, e.Entry.URL))
		}
	}
}

func (b *tab) complain(problem string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.problems = append(b.problems, problem)
}

// noProblems fails the test with what pages have complained of so far.
func (b *tab) noProblems() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, problem := range b.problems {
		b.t.Error("the browser reports ", problem)
	}
	b.problems = nil
}

// fail keeps what the page looks like and ends the test.
func (b *tab) fail(words string) {
	b.t.Helper()
	name := filepath.Join(outFailed, fileName(b.t.Name()))
	where, _ := run[string](b, `location.href`)
	seen, _ := run[string](b, `(document.querySelector("main") || document.body).innerText.replace(/\s+/g, " ")`)
	html, _ := run[string](b, `document.documentElement.outerHTML`)
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100)); err == nil {
		os.WriteFile(name+".png", picture, 0o644)
	}
	os.WriteFile(name+".html", []byte(html), 0o644)
	b.noProblems()
	b.t.Fatalf("%s\nat %s (see %s.png)\n%s", words, where, name, seen[:min(len(seen), 2000)])
}

// appear sets the window's width and the reader's theme.
func (b *tab) appear(width int64, theme string) {
	b.t.Helper()
	b.resize(width)
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: theme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}})
}

// resize makes the window as large as a phone's or a desk's screen.
func (b *tab) resize(width int64) {
	b.t.Helper()
	height := int64(900)
	if width == narrow {
		height = 780
	}
	call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1})
}

func (b *tab) withoutScripts() {
	b.t.Helper()
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
}

// open goes to an address of the portal, as typed.
func (b *tab) open(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.portal.URL + path))
	b.settle()
}

// wait polls a script until it is true; a page on its way counts as not yet.
func (b *tab) wait(what, script string) {
	b.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(lookAgain) {
		if holds, err := run[bool](b, script); err == nil && holds {
			return
		}
		if time.Now().After(deadline) {
			b.fail("waited in vain: " + what)
		}
	}
}

// settle waits until the page is loaded and no part of it is on its way.
func (b *tab) settle() {
	b.t.Helper()
	b.wait("the page is loaded", `document.readyState === "complete" && !document.querySelector(".htmx-request")`)
}

// at waits until the address matches, and gives what the pattern's groups hold.
func (b *tab) at(pattern string) []string {
	b.t.Helper()
	wanted, where := regexp.MustCompile(pattern), ""
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(lookAgain) {
		if now, err := run[string](b, `location.href`); err == nil {
			if where = now; wanted.MatchString(where) {
				b.settle()
				return wanted.FindStringSubmatch(where)
			}
		}
	}
	b.fail(fmt.Sprintf("%s does not match %s", where, pattern))
	return nil
}

// text is what a person reads on the page, spaces as one.
func (b *tab) text() string {
	words, _ := run[string](b, `document.body.innerText`)
	return strings.Join(strings.Fields(words), " ")
}

// see waits until the page says all of these words.
func (b *tab) see(words ...string) {
	b.t.Helper()
	for _, one := range words {
		wanted, last := strings.Join(strings.Fields(one), " "), ""
		for deadline := time.Now().Add(patience); ; time.Sleep(lookAgain) {
			if last = b.text(); strings.Contains(last, wanted) {
				break
			}
			if time.Now().After(deadline) {
				b.fail(fmt.Sprintf("the page does not say %q", one))
			}
		}
	}
}

// seeNot fails if the page says any of these words.
func (b *tab) seeNot(words ...string) {
	b.t.Helper()
	shown := b.text()
	for _, one := range words {
		if strings.Contains(shown, one) {
			b.fail(fmt.Sprintf("the page says %q", one))
		}
	}
}

// spot is where something can be clicked.
type spot struct {
	X, Y    float64
	Covered string // what lies over it
}

// finder finds what a person would press by its words: exact ones first, the
// page's own before the frame's. It must be in sight, and nothing over it.
const finder = `((want, within) => {
	const clean = (s) => (s || "").replace(/\s+/g, " ").trim();
	const words = (e) => [clean(e.innerText), clean(e.getAttribute("aria-label")), clean(e.value)];
	const shown = (e) => e.getClientRects().length > 0 && getComputedStyle(e).visibility !== "hidden" && !e.disabled;
	const all = [...document.querySelectorAll(within + " :is(a[href], button, summary, label, input[type=checkbox], input[type=radio])")].filter(shown);
	const ranked = [...all.filter((e) => words(e).includes(want)), ...all.filter((e) => words(e).some((w) => w.includes(want)))];
	const found = ranked.find((e) => e.closest("main")) || ranked[0];
	if (!found) return null;
	found.scrollIntoView({block: "center", behavior: "instant"});
	const box = found.getClientRects()[0];
	const x = box.left + box.width / 2, y = box.top + box.height / 2;
	const top = document.elementFromPoint(x, y);
	const free = top && (found.contains(top) || top.closest("label")?.control === found);
	return {X: x, Y: y, Covered: free ? "" : (top ? top.outerHTML.slice(0, 200) : "it is out of sight")};
})(%q, %q)`

func (b *tab) find(words, within string) spot {
	b.t.Helper()
	var last *spot
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(lookAgain) {
		if last, _ = run[*spot](b, fmt.Sprintf(finder, words, within)); last != nil && last.Covered == "" {
			return *last
		}
	}
	if last != nil {
		b.fail(fmt.Sprintf("%q is covered by %s", words, last.Covered))
	}
	b.fail(fmt.Sprintf("there is nothing to press with the words %q", words))
	return spot{}
}

// press clicks what has these words.
func (b *tab) press(words string) {
	b.t.Helper()
	b.pressIn("body", words)
}

// pressIn clicks what has these words inside a part of the page.
func (b *tab) pressIn(within, words string) {
	b.t.Helper()
	at := b.find(words, within)
	b.do(chromedp.MouseClickXY(at.X, at.Y))
}

// pressTwice double-clicks. The page may be gone before the second click is
// answered; that is no fault.
func (b *tab) pressTwice(words string) {
	b.t.Helper()
	at := b.find(words, "body")
	b.do(chromedp.MouseClickXY(at.X, at.Y))
	ctx, cancel := context.WithTimeout(b.ctx, time.Second)
	defer cancel()
	_ = chromedp.Do(ctx, chromedp.MouseClickXY(at.X, at.Y, chromedp.ClickCount(2)))
}

// submit clicks and waits for the page that comes next, also at the same address.
func (b *tab) submit(words string) {
	b.t.Helper()
	b.submitIn("body", words)
}

func (b *tab) submitIn(within, words string) {
	b.t.Helper()
	eval[bool](b, `window.before = true`)
	b.pressIn(within, words)
	b.wait("a new page after "+words, `!window.before`)
	b.settle()
}

// fill types into the field of that name, in place of what stands there.
func (b *tab) fill(name, value string) {
	b.t.Helper()
	script := fmt.Sprintf(`(() => { const e = document.getElementsByName(%q)[0]; if (!e) return false; e.focus(); e.select(); return document.activeElement === e })()`, name)
	b.wait("the field "+name, script)
	b.do(chromedp.KeyEvent("\b"))
	if value != "" {
		call(b, input.InsertText, input.InsertTextParams{Text: value})
	}
}

// value is what stands in the field of that name.
func (b *tab) value(name string) string {
	b.t.Helper()
	return eval[string](b, fmt.Sprintf(`document.getElementsByName(%q)[0].value`, name))
}

// back is the browser's own button.
func (b *tab) back() {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.NavigateBack()); err != nil {
		b.fail(err.Error())
	}
	b.settle()
}

// signIn signs a demo seller in, from the first page.
func (b *tab) signIn(email string) {
	b.t.Helper()
	b.open("/")
	b.at(`/login$`)
	b.fill("email", email)
	b.fill("password", password)
	b.do(chromedp.KeyEvent("\r"))
	b.at(`/account$`)
}

// step runs a part of a journey as a subtest; a journey ends where a part fails.
func (b *tab) step(name string, part func()) {
	outer := b.t
	outer.Helper()
	passed := outer.Run(name, func(t *testing.T) {
		b.t = t
		part()
		b.noProblems()
	})
	b.t = outer
	if !passed {
		outer.FailNow()
	}
}
