// Package gatewaystest gives tests the Alipay rail with its sandbox on the far
// side of a real wire, put together as serve does it, and ways to make that
// wire fail.
package gatewaystest

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"ztc-portal/gateways"
	"ztc-portal/gateways/alipay"
	"ztc-portal/gateways/sandbox"
	"ztc-portal/models"
)

// Alipay is the rail, the sandbox that it speaks to, and the wire between.
type Alipay struct {
	*sandbox.Sandbox
	Rail *alipay.Rail
	URL  string // origin of the cashier and of the API

	mu     sync.Mutex
	down   bool
	before func(method string)
	calls  []string
}

// OpenAlipay starts a sandbox on the given clock (time.Now when nil) and makes
// the rail that speaks to it. The test's end closes both.
func OpenAlipay(t testing.TB, now func() time.Time) *Alipay {
	t.Helper()
	far, err := sandbox.Open(sandbox.Options{
		DataDir: keyed(t), Now: now, Log: slog.New(slog.DiscardHandler), GenuineAfter: time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	a := &Alipay{Sandbox: far}
	server := httptest.NewServer(a.wire(far.Handler()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := far.Close(ctx); err != nil {
			t.Errorf("closing the sandbox: %v", err)
		}
		server.Close()
	})
	a.URL = server.URL
	merchant := far.Merchant()
	a.Rail, err = alipay.New(alipay.Config{
		GatewayURL: a.URL + "/gateway.do", AppID: merchant.AppID, SellerID: merchant.SellerID,
		PrivateKeyPEM: read(t, merchant.AppPrivateKeyFile), PublicKeyPEM: read(t, merchant.PlatformPublicKeyFile),
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// Rails are the store's rails, with Alipay alone, called by gateways at publicURL.
func (a *Alipay) Rails(store *models.Store, publicURL string) *gateways.Rails {
	rails := &gateways.Rails{
		Store: store, By: map[models.Rail]gateways.Gateway{models.RailAlipay: a.Rail},
		PublicURL: publicURL, Log: slog.New(slog.DiscardHandler),
	}
	store.SetMethods(rails, models.NewMethod(models.RailAlipay, store.Rules().MinRecharge, store.Rules().MaxRecharge))
	return rails
}

// CutOff cuts every call of the rail from now on, or lets them pass again.
func (a *Alipay) CutOff(down bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.down = down
}

// Before runs act before each call of the rail is answered, with the call's
// method, e.g. alipay.trade.close.
func (a *Alipay) Before(act func(method string)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.before = act
}

// Calls are the methods that the rail has called so far.
func (a *Alipay) Calls() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]string(nil), a.calls...)
}

// wire stands before the sandbox; what the browser asks passes.
func (a *Alipay) wire(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.URL.Path != "/gateway.do" {
			next.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		form, parseErr := url.ParseQuery(string(body))
		if err != nil || parseErr != nil {
			http.Error(w, "not a form", http.StatusBadRequest)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		method := form.Get("method")
		a.mu.Lock()
		a.calls = append(a.calls, method)
		before := a.before
		a.mu.Unlock()
		if before != nil {
			before(method)
		}
		a.mu.Lock()
		down := a.down
		a.mu.Unlock()
		if down {
			panic(http.ErrAbortHandler) // cuts the connection
		}
		next.ServeHTTP(w, r)
	})
}

// Eventually waits for what happens in its own time; at most
// ten seconds.
func Eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatalf("waited in vain: %s", what)
}

// keyed is a fresh data directory for a sandbox, with keys in it: making them
// takes long, so that all tests of a binary share one set.
func keyed(t testing.TB) string {
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

// keys are the key files that a sandbox makes on its first start.
var keys = sync.OnceValues(func() (map[string][]byte, error) {
	dir, err := os.MkdirTemp("", "sandbox-keys")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	first, err := sandbox.Open(sandbox.Options{DataDir: dir})
	if err != nil {
		return nil, err
	}
	if err := first.Close(context.Background()); err != nil {
		return nil, err
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.pem"))
	files := make(map[string][]byte, len(names))
	for _, name := range names {
		if files[filepath.Base(name)], err = os.ReadFile(name); err != nil {
			return nil, err
		}
	}
	return files, err
})

func read(t testing.TB, name string) string {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
