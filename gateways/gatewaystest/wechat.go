package gatewaystest

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"ztc-portal/gateways/sandbox"
	"ztc-portal/gateways/wechat"
)

// Wechat is the WeChat Pay rail and the sandbox that it speaks to.
type Wechat struct {
	*sandbox.Sandbox
	Rail *wechat.Rail
	URL  string // origin of the cashier and of the API
}

// OpenWechat starts a sandbox on the given clock (time.Now when nil), whose
// refunds take a second of it, and makes the rail that speaks to it. The test's
// end closes both.
func OpenWechat(t testing.TB, now func() time.Time) *Wechat {
	t.Helper()
	far, err := sandbox.OpenWechat(sandbox.Options{DataDir: keyed(t), Now: now, Log: slog.New(slog.DiscardHandler), GenuineAfter: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(far.Handler())
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := far.Close(ctx); err != nil {
			t.Errorf("closing the sandbox: %v", err)
		}
		server.Close()
	})
	m := far.WechatMerchant()
	rail, err := wechat.New(wechat.Config{
		BaseURL: server.URL, MchID: m.MchID, AppID: m.AppID, Serial: m.Serial,
		PrivateKeyPEM: read(t, m.PrivateKeyFile), APIKey: strings.TrimSpace(read(t, m.APIKeyFile)),
		PublicKeys: []wechat.PublicKey{{ID: m.PublicKeyID, PEM: read(t, m.PublicKeyFile)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return &Wechat{far, rail, server.URL}
}
