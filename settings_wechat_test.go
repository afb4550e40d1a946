package main

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// wechatEnviron is production with WeChat Pay, then the overrides.
func wechatEnviron(t *testing.T, overrides ...string) []string {
	t.Helper()
	dir := t.TempDir()
	file := func(name string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("a key"), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return productionEnviron(t, append([]string{
		"PORTAL_WECHAT_BASE_URL=https://api.mch.weixin.qq.com", "PORTAL_WECHAT_MCH_ID=1900000001", "PORTAL_WECHAT_APP_ID=wx0123456789abcdef",
		"PORTAL_WECHAT_SERIAL=0123456789ABCDEF0123456789ABCDEF01234567", "PORTAL_WECHAT_PRIVATE_KEY_FILE=" + file("apiclient_key.pem"),
		"PORTAL_WECHAT_API_KEY_FILE=" + file("apiv3.txt"), "PORTAL_WECHAT_PUBLIC_KEY=PUB_KEY_ID_01=" + file("a.pem") + ",PUB_KEY_ID_02=" + file("b.pem"),
	}, overrides...)...)
}

func TestProductionTakesWechatOrNoneOfIt(t *testing.T) {
	s, err := LoadSettings(wechatEnviron(t))
	if err != nil || s.wechatGiven() == 0 || len(s.WechatPublicKey) != 2 {
		t.Errorf("%d given, %v", s.wechatGiven(), err)
	}
	if !slices.Contains(s.cashiers(), "https://wx.tenpay.com") {
		t.Errorf("forms may lead to %v, and not to WeChat Pay", s.cashiers())
	}
	s, err = LoadSettings(productionEnviron(t))
	if err != nil || s.wechatGiven() != 0 || s.wechatSandbox() || len(s.cashiers()) != 1 {
		t.Errorf("without it: %d given, %v, %v", s.wechatGiven(), s.cashiers(), err)
	}
	_, err = LoadSettings(productionEnviron(t, "PORTAL_WECHAT_MCH_ID=1900000001"))
	if lines := linesOf(t, err); len(lines) != 6 {
		t.Errorf("half of it: want the six other settings named, got\n%v", err)
	}
}

func TestDemoHasWechatWithItsSandbox(t *testing.T) {
	s, err := LoadSettings(nil)
	if err != nil || !s.wechatSandbox() {
		t.Errorf("no sandbox: %v", err)
	}
	if s, err = LoadSettings(wechatEnviron(t, "PORTAL_ENV=demo")); err == nil || s.wechatSandbox() || !strings.Contains(err.Error(), "PORTAL_WECHAT_BASE_URL: moves real money") {
		t.Errorf("demo mode with real money: %v", err)
	}
}

// One override of good settings each, and the one line it leads to.
func TestWechatNamesWhatIsWrong(t *testing.T) {
	open := filepath.Join(t.TempDir(), "open.pem")
	if err := os.WriteFile(open, []byte("a key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o666); err != nil { // whatever the umask
		t.Fatal(err)
	}
	for override, want := range map[string]string{
		"PORTAL_WECHAT_BASE_URL=http://api.mch.weixin.qq.com": "PORTAL_WECHAT_BASE_URL: must be https in production",
		"PORTAL_WECHAT_BASE_URL=http://localhost:8081/wechat": "PORTAL_WECHAT_BASE_URL: is on this machine: production refuses the sandbox gateway",
		"PORTAL_WECHAT_BASE_URL=":                             "PORTAL_WECHAT_BASE_URL: must be set",
		"PORTAL_WECHAT_MCH_ID=2088x":                          "PORTAL_WECHAT_MCH_ID: must be 8 to 12 digits",
		"PORTAL_WECHAT_APP_ID=2021000000000001":               "PORTAL_WECHAT_APP_ID: must be wx and 16 letters or digits",
		"PORTAL_WECHAT_SERIAL=serial":                         "PORTAL_WECHAT_SERIAL: must be the hexadecimal serial number of the merchant's API certificate",
		"PORTAL_WECHAT_PRIVATE_KEY_FILE=" + open:              "PORTAL_WECHAT_PRIVATE_KEY_FILE: " + open + " can be read by others; chmod 600",
		"PORTAL_WECHAT_API_KEY_FILE=" + open:                  "PORTAL_WECHAT_API_KEY_FILE: " + open + " can be read by others; chmod 600",
		"PORTAL_WECHAT_API_KEY_FILE=":                         "PORTAL_WECHAT_API_KEY_FILE: must be set",
		"PORTAL_WECHAT_PUBLIC_KEY=":                           "PORTAL_WECHAT_PUBLIC_KEY: has 0 keys, one is needed, or two while WeChat Pay changes its key",
		"PORTAL_WECHAT_PUBLIC_KEY=PUB_KEY_ID_1=" + open:       "PORTAL_WECHAT_PUBLIC_KEY: " + open + " can be changed by others; chmod 644",
		"PORTAL_WECHAT_PUBLIC_KEY=" + open:                    "PORTAL_WECHAT_PUBLIC_KEY: must be PUB_KEY_ID_…=FILE",
		"PORTAL_WECHAT_PUBLIC_KEY=a,b,c":                      "PORTAL_WECHAT_PUBLIC_KEY: has 3 keys, one is needed, or two while WeChat Pay changes its key",
	} {
		t.Run(override, func(t *testing.T) {
			_, err := LoadSettings(wechatEnviron(t, override))
			if !slices.Contains(linesOf(t, err), want) {
				t.Errorf("got\n%v\nwant\n%s", err, want)
			}
		})
	}
}

// The demo's sandboxes share one listener, each below its path with keys of its
// own, and the settings lead the rails there.
func TestSandboxesShareOneListener(t *testing.T) {
	s, err := LoadSettings([]string{"PORTAL_DATA_DIR=" + t.TempDir(), "PORTAL_SANDBOX_ADDR=127.0.0.1:18311"})
	if err != nil {
		t.Fatal(err)
	}
	boxes, s, err := openSandboxes(s, slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := boxes.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	for path, look := range map[string]string{"/cashier/none": `<body class="alipay">`, "/wechat/cashier/none": `<body class="wechat">`} {
		answer := httptest.NewRecorder()
		boxes.mux.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, nil))
		if answer.Code != http.StatusNotFound || !strings.Contains(answer.Body.String(), look) {
			t.Errorf("%s: %d, want %s", path, answer.Code, look)
		}
	}
	if s.WechatBaseURL != "http://localhost:18311/wechat" || s.AlipayGateway != "http://localhost:18311/gateway.do" {
		t.Errorf("the rails are led to %s and %s", s.WechatBaseURL, s.AlipayGateway)
	}
	rail, err := wechatRail(s)
	if err != nil || rail.Payee() != s.WechatMchID {
		t.Errorf("the rail: %v", err)
	}
}
