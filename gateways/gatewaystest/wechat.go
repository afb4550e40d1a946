package gatewaystest

import (
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ztc-portal/gateways/sandbox"
	"ztc-portal/gateways/wechat"
)

// Wechat is the WeChat Pay rail and the sandbox that it speaks to.
type Wechat struct {
	*sandbox.Sandbox
	Bills
	Rail *wechat.Rail
	URL  string // origin of the cashier and of the API

	down atomic.Bool
}

// CutOff cuts every call of the rail from now on, or lets them pass again.
func (w *Wechat) CutOff(down bool) { w.down.Store(down) }

// OpenWechat starts a sandbox on the given clock (time.Now when nil), whose
// refunds take a second of it, and makes the rail that speaks to it. The test's
// end closes both.
func OpenWechat(t testing.TB, now func() time.Time, change ...func(*sandbox.Options)) *Wechat {
	t.Helper()
	far, err := sandbox.OpenWechat(changed(sandbox.Options{
		DataDir: AlipayKeys.Dir(t), Now: now, Log: slog.New(slog.DiscardHandler), GenuineAfter: time.Second,
	}, change))
	if err != nil {
		t.Fatal(err)
	}
	w := &Wechat{Sandbox: far}
	passes := w.wire(far.Handler(), "/v3/billdownload/file")
	w.URL = serve(t, far, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if w.down.Load() && strings.HasPrefix(r.URL.Path, "/v3/") {
			panic(http.ErrAbortHandler) // cuts the connection
		}
		passes.ServeHTTP(rw, r)
	}))
	m := far.WechatMerchant()
	w.Rail, err = wechat.New(wechat.Config{
		BaseURL: w.URL, MchID: m.MchID, AppID: m.AppID, Serial: m.Serial,
		PrivateKeyPEM: Read(t, m.PrivateKeyFile), APIKey: strings.TrimSpace(Read(t, m.APIKeyFile)),
		PublicKeys: []wechat.PublicKey{{ID: m.PublicKeyID, PEM: Read(t, m.PublicKeyFile)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}
