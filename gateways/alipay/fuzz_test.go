package alipay_test

import (
	"crypto/x509"
	_ "embed"
	"encoding/pem"
	"net/url"
	"strings"
	"testing"

	"ztc-portal/gateways/alipay"
)

// fuzzKey plays the platform's key here and nowhere else. It is a fixed one,
// since the processes of one fuzz run share their inputs.
//
//go:embed testdata/fuzz_platform_key.pem
var fuzzKey []byte

// FuzzReadNotify: whatever the body, no panic; and what is accepted holds
// exactly the fields that the platform's key signed, as our own parser and our
// own verification see them, all of them once.
func FuzzReadNotify(f *testing.F) {
	block, _ := pem.Decode(fuzzKey)
	platform, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil {
		f.Fatal(err)
	}
	config := testConfig(noGateway)
	config.PublicKeyPEM = publicPEM(platform)
	rail, err := alipay.New(config)
	if err != nil {
		f.Fatal(err)
	}
	genuine := []url.Values{
		signNotice(platform, notice()),
		signNotice(platform, notice("refund_fee", "50.00", "out_biz_no", "F1")),
		signNotice(platform, notice("trade_status", "TRADE_CLOSED", "charset", "GBK", "subject", "\xb3\xe4\xd6\xb5")),
	}
	signed := map[string]bool{}
	for _, form := range genuine {
		signed[fieldsOf(form)] = true
		body := form.Encode()
		f.Add([]byte(body))
		f.Add([]byte(body + "&total_amount=0.01"))
		f.Add([]byte(body + "&alipay_cert_sn=x"))
		f.Add([]byte(strings.Replace(body, "&refund_fee=", "%26refund_fee%3D", 1)))
		f.Add([]byte(strings.Replace(body, "=", "%3D", 1)))
		f.Add([]byte(strings.ReplaceAll(body, "&", ";")))
	}
	f.Add([]byte("sign=&sign_type=RSA2"))
	f.Add([]byte("%"))
	f.Add([]byte{0, '=', 0xff})
	f.Fuzz(func(t *testing.T, body []byte) {
		receipt, err := rail.ReadNotify(nil, body)
		if err != nil {
			return
		}
		form, err := url.ParseQuery(string(body))
		if err != nil {
			t.Fatalf("accepted, but is not a form: %v", err)
		}
		if !signed[fieldsOf(form)] {
			t.Fatalf("accepted, but never signed: %q", body)
		}
		if receipt.OutTradeNo != form.Get("out_trade_no") || receipt.Payee != testSeller {
			t.Fatalf("%q reads as %+v", body, receipt)
		}
	})
}

// fieldsOf writes every value of every signed field unambiguously.
func fieldsOf(form url.Values) string {
	rest := url.Values{}
	for name, values := range form {
		if name != "sign" && name != "sign_type" {
			rest[name] = values
		}
	}
	return rest.Encode()
}
