// Package gatewaystest gives tests the rails with their sandboxes on the far side
// of a real wire, put together as serve does it, and ways to make that wire fail.
package gatewaystest

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/url"
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
	Bills
	Rail *alipay.Rail
	URL  string // origin of the cashier and of the API

	mu     sync.Mutex
	down   bool
	before func(method string)
	calls  []string
}

// OpenAlipay starts a sandbox on the given clock (time.Now when nil) and makes
// the rail that speaks to it. The test's end closes both.
func OpenAlipay(t testing.TB, now func() time.Time, change ...func(*sandbox.Options)) *Alipay {
	t.Helper()
	far, err := sandbox.Open(changed(sandbox.Options{
		DataDir: AlipayKeys.Dir(t), Now: now, Log: slog.New(slog.DiscardHandler), GenuineAfter: time.Second,
	}, change))
	if err != nil {
		t.Fatal(err)
	}
	a := &Alipay{Sandbox: far}
	a.URL = serve(t, far, a.wire(a.Bills.wire(far.Handler(), "/bill/")))
	merchant := far.Merchant()
	a.Rail, err = alipay.New(alipay.Config{
		GatewayURL: a.URL + "/gateway.do", AppID: merchant.AppID, SellerID: merchant.SellerID,
		PrivateKeyPEM: Read(t, merchant.AppPrivateKeyFile), PublicKeyPEM: Read(t, merchant.PlatformPublicKeyFile),
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

// AlipayKeys are the pairs that Alipay's sandbox makes; WeChat Pay's takes the same files.
var AlipayKeys = KeysOf(sandbox.Open, "*.pem")
