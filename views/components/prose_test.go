package components

import (
	"context"
	"strings"
	"testing"
)

func TestProseIsDrawnByItsParts(t *testing.T) {
	const prose = "\nOne\nparagraph.\n\n### A heading\nUnder it.\n\n- first,\n  on two lines\n- second\n\n- a list of its own\n\n```\na  =  1\n\n- no item\n```\nAfter it.\n"
	var drawn strings.Builder
	if err := Prose(prose).Render(context.Background(), &drawn); err != nil {
		t.Fatal(err)
	}
	html := drawn.String()
	for _, want := range []string{
		">One paragraph.</p>", ">A heading</h4>", ">Under it.</p>", "<li>first, on two lines</li><li>second</li></ul>", "<li>a list of its own</li></ul>",
		"<code>a  =  1\n\n- no item</code>", ">After it.</p>",
	} {
		if !strings.Contains(html, want) {
			t.Errorf("%q is not in %s", want, html)
		}
	}
	if n := strings.Count(html, "<p "); n != 3 {
		t.Errorf("%d paragraphs, want 3", n)
	}
}

func TestInlineEscapesWordsAndCode(t *testing.T) {
	var drawn strings.Builder
	if err := Inline("a `<b>`, <i>&`c`").Render(context.Background(), &drawn); err != nil {
		t.Fatal(err)
	}
	if want := "a " + inlineCode + "&lt;b&gt;</code>, &lt;i&gt;&amp;" + inlineCode + "c</code>"; drawn.String() != want {
		t.Errorf("it draws %q, want %q", drawn.String(), want)
	}
}
