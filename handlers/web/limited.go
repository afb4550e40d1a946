package web

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/a-h/templ"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"ztc-portal/views"
	"ztc-portal/views/admin"
)

// limit draws a screen so that what its reader's role may not do in the shop
// can't be begun: such a form's fields and buttons are disabled, such a link
// leads nowhere, and each says why. It works on what was drawn and by the
// router's own table, so that it holds for whatever a page may come to have.
// limited tells whether there was anything of the kind.
func limit(ctx context.Context, screen templ.Component, may func(method, path string) bool, why string) (drawn templ.Component, limited bool, err error) {
	var body bytes.Buffer
	if err := screen.Render(ctx, &body); err != nil {
		return nil, false, err
	}
	// As a template's content, where any element may stand: a part may be a row.
	nodes, err := html.ParseFragment(&body, &html.Node{Type: html.ElementNode, Data: "template", DataAtom: atom.Template})
	if err != nil {
		return nil, false, err
	}
	l := &limiter{may: may, why: why}
	for _, node := range nodes {
		l.walk(node, false)
	}
	for _, node := range nodes {
		l.walkOutside(node)
	}
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		for _, node := range nodes {
			if err := html.Render(w, node); err != nil {
				return err
			}
		}
		return nil
	}), l.limited, nil
}

// withNotice puts what the role may not do above a screen.
func withNotice(screen templ.Component) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		if err := views.RoleNotice().Render(ctx, w); err != nil {
			return err
		}
		return screen.Render(ctx, w)
	})
}

type limiter struct {
	may     func(method, path string) bool
	why     string
	limited bool
	forms   []string // ids of forms that are shut
}

func attr(n *html.Node, key string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val, true
		}
	}
	return "", false
}

func drop(n *html.Node, keys ...string) {
	n.Attr = slices.DeleteFunc(n.Attr, func(a html.Attribute) bool { return slices.Contains(keys, a.Key) })
}

// refused tells whether the address may not be asked for.
func (l *limiter) refused(method, address string) bool {
	path, _, _ := strings.Cut(address, "?")
	path, _, _ = strings.Cut(path, "#")
	return strings.HasPrefix(path, "/") && !l.may(method, path)
}

// walk shuts what may not be done; shut: the element stands in such a form.
func (l *limiter) walk(n *html.Node, shut bool) {
	if n.Type == html.ElementNode {
		shut = shut || l.shutForm(n)
		l.shutRequest(n)
		switch n.DataAtom {
		case atom.Input, atom.Select, atom.Textarea, atom.Button:
			action, own := attr(n, "formaction")
			if shut && !own || own && l.refused(http.MethodPost, action) {
				l.disable(n)
			}
		case atom.A:
			if href, _ := attr(n, "href"); l.refused(http.MethodGet, href) {
				l.shutLink(n)
			}
		}
	}
	for child := n.FirstChild; child != nil; child = child.NextSibling {
		l.walk(child, shut)
	}
}

// shutForm tells whether the element is a form that may not be sent.
func (l *limiter) shutForm(n *html.Node) bool {
	if n.DataAtom != atom.Form {
		return false
	}
	method, _ := attr(n, "method")
	action, given := attr(n, "action")
	if method = strings.ToUpper(method); method == "" {
		method = http.MethodGet
	}
	if !given || !l.refused(method, action) {
		return false
	}
	if id, ok := attr(n, "id"); ok {
		l.forms = append(l.forms, id)
	}
	drop(n, "hx-post", "hx-get", "data-auto")
	return true
}

// shutRequest takes requests of the page's script away that would be refused.
func (l *limiter) shutRequest(n *html.Node) {
	for key, method := range map[string]string{"hx-post": http.MethodPost, "hx-get": http.MethodGet} {
		if address, ok := attr(n, key); ok && l.refused(method, address) {
			drop(n, key)
			if n.DataAtom == atom.Button || n.DataAtom == atom.Input || n.DataAtom == atom.Select {
				l.disable(n)
			}
		}
	}
}

// walkOutside disables what belongs to a shut form and stands outside of it.
func (l *limiter) walkOutside(n *html.Node) {
	if id, ok := attr(n, "form"); ok && n.Type == html.ElementNode && slices.Contains(l.forms, id) {
		if _, own := attr(n, "formaction"); !own {
			l.disable(n)
		}
	}
	for child := n.FirstChild; child != nil; child = child.NextSibling {
		l.walkOutside(child)
	}
}

func (l *limiter) disable(n *html.Node) {
	kind, _ := attr(n, "type")
	drop(n, "disabled", "title", "autofocus")
	n.Attr = append(n.Attr, html.Attribute{Key: "disabled"})
	if kind != "hidden" {
		l.limited = true
		n.Attr = append(n.Attr, html.Attribute{Key: "title", Val: l.why})
	}
}

// shutLink makes a link lead nowhere.
func (l *limiter) shutLink(n *html.Node) {
	l.limited = true
	drop(n, "href", "title")
	n.Attr = append(n.Attr, html.Attribute{Key: "role", Val: "link"}, html.Attribute{Key: "aria-disabled", Val: "true"}, html.Attribute{Key: "title", Val: l.why})
	for i, a := range n.Attr {
		if a.Key == "class" && slices.Contains(strings.Fields(a.Val), "btn") {
			n.Attr[i].Val += " " + admin.Inert
		}
	}
}
