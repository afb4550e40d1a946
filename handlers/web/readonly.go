package web

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strings"

	"github.com/a-h/templ"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"ztc-portal/views/admin"
)

// ReadOnly draws a part of a page so that nothing in it can be used: forms are
// no forms, fields and buttons are disabled and nameless, nothing asks the
// server by itself, and a link leads where lead says, "" being nowhere. It
// works on what was drawn, so it holds for whatever a page may come to have.
func ReadOnly(part templ.Component, lead func(href string) string) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		var drawn bytes.Buffer
		if err := part.Render(ctx, &drawn); err != nil {
			return err
		}
		nodes, err := html.ParseFragment(&drawn, &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body})
		if err != nil {
			return err
		}
		for _, node := range nodes {
			still(node, lead)
			if err := html.Render(w, node); err != nil {
				return err
			}
		}
		return nil
	})
}

// still takes the life out of an element and of all in it.
func still(n *html.Node, lead func(string) string) {
	if n.Type == html.ElementNode {
		n.Attr = slices.DeleteFunc(n.Attr, func(a html.Attribute) bool { return acts(n, a.Key) })
		switch n.DataAtom {
		case atom.Form:
			n.Data, n.DataAtom = "div", atom.Div
		case atom.Button, atom.Input, atom.Select, atom.Textarea:
			n.Attr = append(n.Attr, html.Attribute{Key: "disabled"})
		case atom.A:
			stillLink(n, lead)
		}
	}
	for child := n.FirstChild; child != nil; {
		next := child.NextSibling
		if hidden(child) {
			n.RemoveChild(child)
		} else {
			still(child, lead)
		}
		child = next
	}
}

// acts: what makes an element send or fetch something.
func acts(n *html.Node, key string) bool {
	switch key {
	case "name":
		return n.DataAtom != atom.Details // which close each other by it
	case "action", "formaction", "method", "formmethod", "data-auto", "autofocus", "disabled", "type":
		return key != "type" || n.DataAtom == atom.Button
	}
	return strings.HasPrefix(key, "hx-") || strings.HasPrefix(key, "data-hx-")
}

// hidden is a field that only a form has a use for, as its token.
func hidden(n *html.Node) bool {
	return n.DataAtom == atom.Input && slices.Contains(n.Attr, html.Attribute{Key: "type", Val: "hidden"}) || n.DataAtom == atom.Script
}

// stillLink leads a link elsewhere, or nowhere.
func stillLink(n *html.Node, lead func(string) string) {
	for i, a := range n.Attr {
		if a.Key != "href" {
			continue
		}
		if to := lead(a.Val); to != "" {
			n.Attr[i].Val = to
			return
		}
		n.Attr = slices.Delete(n.Attr, i, i+1)
		break
	}
	n.Attr = append(n.Attr, html.Attribute{Key: "role", Val: "link"}, html.Attribute{Key: "aria-disabled", Val: "true"})
	for i, a := range n.Attr {
		if a.Key == "class" && slices.Contains(strings.Fields(a.Val), "btn") {
			n.Attr[i].Val += " " + admin.Inert
		}
	}
}
