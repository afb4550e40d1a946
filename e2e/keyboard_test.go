package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp/kb"
)

// TestStaffByKeyboard finds an account as staff do on the phone: with the key /,
// the query, Enter, the arrow keys and Enter; Tab reaches all the rest in order.
func TestStaffByKeyboard(t *testing.T) {
	t.Parallel()
	b := newTab(t, serve(t))
	b.signInStaff("support@demo.test")
	b.step("skip_link", func() {
		b.open("/admin/payments")
		b.key(kb.Tab)
		if got := b.focused(); got != "跳到正文" {
			b.fail("the first stop is " + got)
		}
		b.seesFocus()
		b.key(kb.Enter)
		b.wait("the focus is in the page", `document.activeElement.id === "main"`)
	})
	b.step("search", func() {
		b.slash()
		if got := b.focused(); got != "q" || b.value("q") != "" {
			b.fail("the key / leads to " + got + " and types " + b.value("q"))
		}
		b.seesFocus()
		b.type_("demo/test") // a second one is typed
		if got := b.value("q"); got != "demo/test" {
			b.t.Errorf("the box holds %q", got)
		}
		for range len("/test") {
			b.key(kb.Backspace)
		}
		b.key(kb.Enter)
		b.at(`/admin/search\?q=demo$`)
		b.see("arrears@demo.test", "active@demo.test")
	})
	b.step("rows", func() {
		rows := eval[[]string](b, `[...document.querySelectorAll("a[data-row]")].map((row) => row.getAttribute("href"))`)
		if len(rows) < 3 {
			b.fail(fmt.Sprint("rows: ", rows))
		}
		b.slash()
		for i, key := range []string{kb.ArrowDown, kb.ArrowDown, kb.ArrowDown, kb.ArrowUp} {
			b.key(key)
			want := rows[[]int{0, 1, 2, 1}[i]]
			if got := eval[string](b, `document.activeElement.getAttribute("href")`); got != want {
				b.fail(fmt.Sprintf("after %d keys the focus is on %q, want %q", i+1, got, want))
			}
			b.seesFocus()
		}
		b.key(kb.Enter)
		b.at(rows[1] + `$`)
	})
	for _, path := range []string{"/admin/search?q=demo", "/admin/accounts", "/admin/payments", "/admin/security"} {
		b.step("tab"+strings.ReplaceAll(path, "/", "_"), func() { b.tabsThrough(path) })
	}
}

// slash presses the key / as a keyboard does: the character comes of the press,
// unless the page takes that for itself.
func (b *tab) slash() {
	b.t.Helper()
	call(b, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyDown, Key: "/", Code: "Slash", Text: "/", WindowsVirtualKeyCode: 191})
	call(b, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyUp, Key: "/", Code: "Slash", WindowsVirtualKeyCode: 191})
}

// stopsOnPage are the things that Tab has to reach, in the order of the page;
// of a group of radio buttons the chosen one.
const stopsOnPage = `window.stops = [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]")].filter((e) =>
	e.tabIndex >= 0 && !e.disabled && e.checkVisibility({visibilityProperty: true}) &&
	!(e.type === "radio" && !e.checked && document.querySelector("input[type=radio][name=" + e.name + "]:checked"))), window.stops.length`

// tabsThrough presses Tab from the page's beginning to its end: it comes to each
// thing, in order, and the focus shows.
func (b *tab) tabsThrough(path string) {
	b.t.Helper()
	b.open(path)
	eval[bool](b, `document.activeElement.blur(), scrollTo(0, 0), true`)
	stops := eval[int](b, stopsOnPage)
	if stops < 20 {
		b.fail(fmt.Sprintf("only %d things can be reached", stops))
	}
	const here = `window.stops.indexOf(document.activeElement)`
	for i := range stops {
		b.key(kb.Tab)
		at := eval[int](b, here)
		for part := 1; part < 4 && i > 0 && at == i-1 && eval[bool](b, `document.activeElement.type === "date"`); part++ {
			b.key(kb.Tab) // the browser's own stops in a date: year, month, day, calendar
			at = eval[int](b, here)
		}
		if at != i {
			b.fail(fmt.Sprintf("stop %d of %d is thing %d: %s", i, stops, at, b.focused()))
		}
		b.seesFocus()
	}
}
