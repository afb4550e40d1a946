package alipay_test

import (
	"crypto/x509"
	_ "embed"
	"encoding/pem"
	"errors"
	"net/url"
	"strings"
	"testing"

	"ztc-portal/gateways"
	"ztc-portal/gateways/alipay"
)

// fuzzKey plays the platform's key here and nowhere else. It is a fixed one,
// since the processes of one fuzz run share their inputs.
//
//go:embed testdata/fuzz_platform_key.pem
var fuzzKey []byte

// fuzzRail believes that key. It comes with what the key has signed, whose forms
// and forgeries are the seeds.
func fuzzRail(f *testing.F) (rail *alipay.Rail, signed map[string]bool) {
	f.Helper()
	block, _ := pem.Decode(fuzzKey)
	platform, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil {
		f.Fatal(err)
	}
	config := testConfig(noGateway)
	config.PublicKeyPEM = publicPEM(platform)
	if rail, err = alipay.New(config); err != nil {
		f.Fatal(err)
	}
	signed = map[string]bool{}
	for _, form := range []url.Values{
		signNotice(platform, notice()),
		signNotice(platform, notice("refund_fee", "50.00", "out_biz_no", "F1")),
		signNotice(platform, notice("trade_status", "TRADE_CLOSED", "charset", "GBK", "subject", "\xb3\xe4\xd6\xb5")),
		signNotice(platform, notice("out_trade_no", "")),
	} {
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
	return rail, signed
}

// FuzzReadNotify: whatever the body, no panic; and what is accepted holds
// exactly the fields that the platform's key signed, as our own parser and our
// own verification see them, all of them once.
func FuzzReadNotify(f *testing.F) {
	rail, signed := fuzzRail(f)
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

// FuzzReadReturn: the same of what a browser brings back.
func FuzzReadReturn(f *testing.F) {
	rail, signed := fuzzRail(f)
	f.Fuzz(func(t *testing.T, query []byte) {
		form, err := url.ParseQuery(string(query))
		if err != nil {
			return // the router has refused it
		}
		no, err := rail.ReadReturn(form)
		switch {
		case err == nil && (no == "" || no != form.Get("out_trade_no") || !signed[fieldsOf(form)]):
			t.Fatalf("accepted, but never signed: %q leads to %q", query, no)
		case err != nil && (!errors.Is(err, gateways.ErrUnverified) || no != ""):
			t.Fatalf("refused with %v, and gives %q", err, no)
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
