package wechat_test

import (
	"crypto/rand"
	"crypto/rsa"
	"strings"
	"testing"

	"ztc-portal/gateways/wechat"
	"ztc-portal/models"
)

func TestNewNamesEverythingThatIsWrong(t *testing.T) {
	_, err := wechat.New(wechat.Config{BaseURL: "api.mch.weixin.qq.com", APIKey: "short", PrivateKeyPEM: "no key"})
	if err == nil {
		t.Fatal("it was made")
	}
	for _, want := range []string{
		"base URL: want", "merchant id: missing", "app id: missing", "certificate serial: missing", "APIv3 key: 5 bytes, want 32",
		"private key: not readable as PEM", "public keys: 0 given",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not named in\n%v", want, err)
		}
	}
}

func TestNewRefusesKeys(t *testing.T) {
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*wechat.Config){
		"this is the merchant's own":             func(c *wechat.Config) { c.PublicKeys[0].PEM = publicPEM(merchantKey()) },
		"is given twice":                         func(c *wechat.Config) { c.PublicKeys[1].ID = testKeyID },
		"must begin with PUB_KEY_ID_":            func(c *wechat.Config) { c.PublicKeys[0].ID = "5157F09EFDC096DE15EBE81A47057A72" },
		"3 given":                                func(c *wechat.Config) { c.PublicKeys = append(c.PublicKeys, wechat.PublicKey{}) },
		"private key: 1024 bits":                 func(c *wechat.Config) { c.PrivateKeyPEM = privatePEM(short) },
		"public key: 1024 bits":                  func(c *wechat.Config) { c.PublicKeys[1].PEM = publicPEM(short) },
		"public key: not readable as PEM":        func(c *wechat.Config) { c.PublicKeys[1].PEM = "" },
		"private key: neither PKCS#1 nor PKCS#8": func(c *wechat.Config) { c.PrivateKeyPEM = publicPEM(merchantKey()) },
		"public key: not in PKIX form":           func(c *wechat.Config) { c.PublicKeys[0].PEM = privatePEM(platformKey()) },
		"APIv3 key: 16 bytes":                    func(c *wechat.Config) { c.APIKey = testAPIKey[:16] },
	} {
		config := testConfig(noGateway)
		change(&config)
		_, err := wechat.New(config)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
		if err != nil && (strings.Contains(err.Error(), "BEGIN") || strings.Contains(err.Error(), testAPIKey)) {
			t.Errorf("key material in %v", err)
		}
	}
}

func TestRailNamesItself(t *testing.T) {
	rail := newRail(t, noGateway)
	if rail.Rail() != models.RailWechat || rail.Payee() != testMch {
		t.Errorf("%s, %s", rail.Rail(), rail.Payee())
	}
}
