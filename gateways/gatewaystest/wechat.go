package gatewaystest

import (
	"log/slog"
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
	far, err := sandbox.OpenWechat(sandbox.Options{DataDir: AlipayKeys.Dir(t), Now: now, Log: slog.New(slog.DiscardHandler), GenuineAfter: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	url := serve(t, far, far.Handler())
	m := far.WechatMerchant()
	rail, err := wechat.New(wechat.Config{
		BaseURL: url, MchID: m.MchID, AppID: m.AppID, Serial: m.Serial,
		PrivateKeyPEM: Read(t, m.PrivateKeyFile), APIKey: strings.TrimSpace(Read(t, m.APIKeyFile)),
		PublicKeys: []wechat.PublicKey{{ID: m.PublicKeyID, PEM: Read(t, m.PublicKeyFile)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return &Wechat{far, rail, url}
}
