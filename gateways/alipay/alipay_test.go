package alipay_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"strings"
	"testing"

	"ztc-portal/gateways/alipay"
	"ztc-portal/models"
)

func TestNewNamesAllThatIsWrongAtOnce(t *testing.T) {
	_, err := alipay.New(alipay.Config{})
	if err == nil {
		t.Fatal("an empty configuration was accepted")
	}
	for _, want := range []string{"gateway URL", "page URL", "app id", "seller id", "private key", "public key"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not name %s: %v", want, err)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*alipay.Config){
		"URLWithQuery":       func(c *alipay.Config) { c.GatewayURL += "?a=1" },
		"URLWithPassword":    func(c *alipay.Config) { c.GatewayURL = "http://u:p@127.0.0.1/gateway.do" },
		"RelativePageURL":    func(c *alipay.Config) { c.PageURL = "/gateway.do" },
		"ShortPrivateKey":    func(c *alipay.Config) { c.PrivateKeyPEM = privatePEM(short) },
		"ShortPublicKey":     func(c *alipay.Config) { c.PublicKeyPEM = publicPEM(short) },
		"BrokenPEM":          func(c *alipay.Config) { c.PrivateKeyPEM = "-----BEGIN RSA PRIVATE KEY-----\nAAAA" },
		"NotBase64":          func(c *alipay.Config) { c.PublicKeyPEM = "not a key" },
		"AppsOwnPublicKey":   func(c *alipay.Config) { c.PublicKeyPEM = publicPEM(appKey()) },
		"PrivateForPublic":   func(c *alipay.Config) { c.PublicKeyPEM = privatePEM(platformKey()) },
		"MissingMerchant":    func(c *alipay.Config) { c.SellerID = "" },
		"MissingApplication": func(c *alipay.Config) { c.AppID = "" },
	} {
		t.Run(name, func(t *testing.T) {
			config := testConfig("http://127.0.0.1:1/gateway.do")
			spoil(&config)
			_, err := alipay.New(config)
			if err == nil {
				t.Fatal("accepted")
			}
			if secret := strings.Split(privatePEM(appKey()), "\n")[1]; strings.Contains(err.Error(), secret) {
				t.Error("the error shows the private key")
			}
		})
	}
}

func TestKeysInEveryFormThatAlipayHandsOut(t *testing.T) {
	pkcs8, err := x509.MarshalPKCS8PrivateKey(appKey())
	if err != nil {
		t.Fatal(err)
	}
	bare := base64.StdEncoding.EncodeToString
	public, err := x509.MarshalPKIXPublicKey(&platformKey().PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, private := range map[string]string{
		"PEM": privatePEM(appKey()), "BarePKCS1": bare(x509.MarshalPKCS1PrivateKey(appKey())), "BarePKCS8": bare(pkcs8) + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			config := testConfig("http://127.0.0.1:1/gateway.do")
			config.PrivateKeyPEM, config.PublicKeyPEM = private, "\n"+bare(public)+"\n"
			rail, err := alipay.New(config)
			if err != nil {
				t.Fatal(err)
			}
			body := signNotice(platformKey(), notice()).Encode()
			if _, err := rail.ReadNotify(nil, []byte(body)); err != nil {
				t.Errorf("a genuine notify: %v", err)
			}
		})
	}
}

func TestRailNamesItselfAndItsPayee(t *testing.T) {
	rail := newRail(t, "http://127.0.0.1:1/gateway.do")
	if rail.Rail() != models.RailAlipay || rail.Payee() != testSeller {
		t.Errorf("got %s, %s", rail.Rail(), rail.Payee())
	}
}
