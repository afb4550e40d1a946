package gatewaystest

import (
	"bytes"
	"log/slog"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"ztc-portal/gateways/sandbox"
	"ztc-portal/gateways/unionpay"
)

// Unionpay is the online banking rail, the sandbox that it speaks to, and the
// wire between.
type Unionpay struct {
	*sandbox.Sandbox
	Bills
	Rail *unionpay.Rail
	URL  string // origin and path of the gateway

	mu    sync.Mutex
	down  bool
	calls []string
}

// OpenUnionpay starts a sandbox on the given clock (time.Now when nil), below a
// path as serve does, and makes the rail that speaks to it. The test's end
// closes both.
func OpenUnionpay(t testing.TB, now func() time.Time, change ...func(*sandbox.Options)) *Unionpay {
	t.Helper()
	far, err := sandbox.OpenUnionpay(changed(sandbox.Options{
		DataDir: UnionpayKeys.Dir(t), Now: now, Log: slog.New(slog.DiscardHandler), GenuineAfter: time.Second, Path: "/unionpay",
	}, change))
	if err != nil {
		t.Fatal(err)
	}
	u := &Unionpay{Sandbox: far}
	u.URL = serve(t, far, u.wire(u.Bills.wire(far.Handler(), "/filedownload"))) + "/unionpay"
	m := far.UnionpayMerchant()
	u.Rail, err = unionpay.New(unionpay.Config{
		GatewayURL: u.URL, FileURL: u.URL + m.FilePath, MerID: m.MerID, Test: true, Now: now,
		PFX: []byte(Read(t, m.PFXFile)), Password: string(bytes.TrimSpace([]byte(Read(t, m.PasswordFile)))),
		RootPEM: []byte(Read(t, m.RootCertFile)), MiddlePEM: []byte(Read(t, m.MiddleCertFile)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// CutOff cuts every call of the rail from now on, or lets them pass again.
func (u *Unionpay) CutOff(down bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.down = down
}

// Calls are the paths that the rail has called so far.
func (u *Unionpay) Calls() []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return append([]string(nil), u.calls...)
}

// wire stands before the sandbox; what the browser asks passes.
func (u *Unionpay) wire(next http.Handler) http.Handler {
	called := map[string]bool{"queryTrans.do": true, "backTransReq.do": true, "filedownload": true}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name := filepath.Base(r.URL.Path); called[name] {
			u.mu.Lock()
			u.calls = append(u.calls, name)
			down := u.down
			u.mu.Unlock()
			if down {
				panic(http.ErrAbortHandler) // cuts the connection
			}
		}
		next.ServeHTTP(w, r)
	})
}

// UnionpayKeys are what UnionPay's sandbox makes.
var UnionpayKeys = KeysOf(sandbox.OpenUnionpay, "unionpay_*")
