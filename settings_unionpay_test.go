package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// unionpayEnviron is production with online banking set up, and changes to it.
func unionpayEnviron(t *testing.T, overrides ...string) []string {
	t.Helper()
	folder := t.TempDir()
	write := func(name string, mode os.FileMode) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte("a key"), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return productionEnviron(t, append([]string{
		"PORTAL_UNIONPAY_GATEWAY=https://gateway.95516.com", "PORTAL_UNIONPAY_MER_ID=777290058110048",
		"PORTAL_UNIONPAY_PFX_FILE=" + write("shop.pfx", 0o600), "PORTAL_UNIONPAY_PFX_PASSWORD_FILE=" + write("password", 0o600),
		"PORTAL_UNIONPAY_ROOT_CERT_FILE=" + write("root.cer", 0o644), "PORTAL_UNIONPAY_MIDDLE_CERT_FILE=" + write("middle.cer", 0o644),
	}, overrides...)...)
}

func TestUnionpayIsOfferedWhereItIsSetUp(t *testing.T) {
	for name, tt := range map[string]struct {
		environ []string
		given   bool
	}{
		"demo":               {nil, false}, // until its sandbox is open
		"production":         {productionEnviron(t), false},
		"production, set up": {unionpayEnviron(t), true},
	} {
		s, err := LoadSettings(tt.environ)
		if err != nil || (s.unionpayGiven() > 0) != tt.given {
			t.Errorf("%s: %d of it given, %v", name, s.unionpayGiven(), err)
		}
	}
	s, err := LoadSettings(unionpayEnviron(t))
	if err != nil || !slices.Contains(s.cashiers(), "https://gateway.95516.com") {
		t.Errorf("browsers may go to %v, %v", s.cashiers(), err)
	}
}

func TestUnionpaySettingsNameWhatIsWrong(t *testing.T) {
	open := filepath.Join(t.TempDir(), "open.pfx")
	if err := os.WriteFile(open, []byte("a key"), 0o644); err != nil {
		t.Fatal(err)
	}
	for override, want := range map[string]string{
		"PORTAL_UNIONPAY_GATEWAY=":                                      "PORTAL_UNIONPAY_GATEWAY: must be set",
		"PORTAL_UNIONPAY_GATEWAY=https://gateway.test.95516.com":        "PORTAL_UNIONPAY_GATEWAY: is UnionPay's test environment, where no money moves",
		"PORTAL_UNIONPAY_GATEWAY=http://gateway.95516.com":              "PORTAL_UNIONPAY_GATEWAY: must be https in production",
		"PORTAL_UNIONPAY_GATEWAY=http://localhost:8081/unionpay":        "PORTAL_UNIONPAY_GATEWAY: is on this machine: production refuses the sandbox gateway",
		"PORTAL_UNIONPAY_FILE_URL=https://filedownload.test.95516.com/": "PORTAL_UNIONPAY_FILE_URL: is UnionPay's test environment, where no money moves",
		"PORTAL_UNIONPAY_MER_ID=1":                                      "PORTAL_UNIONPAY_MER_ID: must be 15 letters and digits",
		"PORTAL_UNIONPAY_MER_ID=":                                       "PORTAL_UNIONPAY_MER_ID: must be 15 letters and digits",
		"PORTAL_UNIONPAY_PFX_FILE=" + open:                              "PORTAL_UNIONPAY_PFX_FILE: " + open + " can be read by others; chmod 600",
		"PORTAL_UNIONPAY_PFX_PASSWORD_FILE=" + open:                     "PORTAL_UNIONPAY_PFX_PASSWORD_FILE: " + open + " can be read by others; chmod 600",
		"PORTAL_UNIONPAY_ROOT_CERT_FILE=":                               "PORTAL_UNIONPAY_ROOT_CERT_FILE: must be set",
		"PORTAL_UNIONPAY_MIDDLE_CERT_FILE=/nowhere":                     "PORTAL_UNIONPAY_MIDDLE_CERT_FILE: stat /nowhere: no such file or directory",
		"PORTAL_ENV=demo":                                               "PORTAL_UNIONPAY_GATEWAY: moves real money",
	} {
		_, err := LoadSettings(unionpayEnviron(t, override))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", override, err, want)
		}
	}
	if _, err := LoadSettings(productionEnviron(t, "PORTAL_UNIONPAY_MER_ID=777290058110048")); len(linesOf(t, err)) != 5 {
		t.Errorf("with one set the other five are named: %v", err)
	}
}
