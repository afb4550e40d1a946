package gatewaystest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"ztc-portal/gateways"
	"ztc-portal/gateways/sandbox"
)

// Arrive brings the payer's browser to the gateway, where a form does that.
func Arrive(t testing.TB, checkout gateways.Checkout) {
	t.Helper()
	if checkout.Form == nil {
		return
	}
	form := url.Values{}
	for name, value := range checkout.Form.Fields {
		form.Set(name, value)
	}
	page, err := http.PostForm(checkout.Form.Action, form)
	if err != nil {
		t.Fatal(err)
	}
	page.Body.Close()
	if page.StatusCode != http.StatusOK {
		t.Fatalf("the payer is at %s: %s", page.Request.URL, page.Status)
	}
}

// Keys are the files that a sandbox makes on its first start. Making keys takes
// long, so that all tests of a binary share one set of each.
type Keys func() (map[string][]byte, error)

// KeysOf are the files of the pattern that open's sandbox makes.
func KeysOf(open func(sandbox.Options) (*sandbox.Sandbox, error), pattern string) Keys {
	return sync.OnceValues(func() (map[string][]byte, error) {
		dir, err := os.MkdirTemp("", "sandbox-keys")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		first, err := open(sandbox.Options{DataDir: dir})
		if err != nil {
			return nil, err
		}
		if err := first.Close(context.Background()); err != nil {
			return nil, err
		}
		names, err := filepath.Glob(filepath.Join(dir, pattern))
		files := make(map[string][]byte, len(names))
		for _, name := range names {
			if files[filepath.Base(name)], err = os.ReadFile(name); err != nil {
				return nil, err
			}
		}
		return files, err
	})
}

// Dir is a fresh data directory with the files in it.
func (keys Keys) Dir(t testing.TB) string {
	t.Helper()
	files, err := keys()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// serve serves a sandbox through the handler and gives its origin. The test's
// end closes both, the sandbox first.
func serve(t testing.TB, far *sandbox.Sandbox, handler http.Handler) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := far.Close(ctx); err != nil {
			t.Errorf("closing the sandbox: %v", err)
		}
		server.Close()
	})
	return server.URL
}

// Read is the text of a file.
func Read(t testing.TB, name string) string {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
