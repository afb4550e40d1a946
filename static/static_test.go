package static

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
)

func TestEveryAssetThePagesNameIsBuilt(t *testing.T) {
	for _, name := range []string{"app.css", "app.js", "desk.js", "passkey.js", "htmx.js", "icons.svg", "favicon.svg"} {
		content, err := fs.ReadFile(Files, name)
		if err != nil || len(content) == 0 {
			t.Errorf("%s: %d bytes, %v", name, len(content), err)
		}
		if url := URL(name); !strings.HasPrefix(url, Prefix+name+"?v=") || !strings.HasSuffix(url, Version) {
			t.Errorf("address of %s is %s", name, url)
		}
	}
}

func TestStyleSheetStaysWithinTheContentSecurityPolicy(t *testing.T) {
	css, err := fs.ReadFile(Files, "app.css")
	if err != nil {
		t.Fatal(err)
	}
	for _, forbidden := range []string{"data:", "http://", "https://", "@import"} {
		if strings.Contains(strings.ReplaceAll(string(css), "https://tailwindcss.com", ""), forbidden) {
			t.Errorf("the style sheet holds %q", forbidden)
		}
	}
}

func TestVersionFollowsTheContent(t *testing.T) {
	a := mustHash(fstest.MapFS{"a": {Data: []byte("1")}})
	if b := mustHash(fstest.MapFS{"a": {Data: []byte("2")}}); a == b {
		t.Error("other content, same version")
	}
	if b := mustHash(fstest.MapFS{"b": {Data: []byte("1")}}); a == b {
		t.Error("other name, same version")
	}
	if b := mustHash(fstest.MapFS{"a": {Data: []byte("1")}}); a != b {
		t.Error("same content, other version")
	}
}
