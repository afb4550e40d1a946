package unionpay_test

import (
	"crypto/rsa"
	"crypto/x509"
	_ "embed"
	"encoding/pem"
	"errors"
	"io"
	"net/url"
	"strings"
	"testing"

	"ztc-portal/gateways"
	"ztc-portal/gateways/unionpay"
)

// fuzzAuthority plays UnionPay here and nowhere else: root, middle and signer's
// certificate, and the signer's key. It is a fixed one, since the processes of one
// fuzz run share their inputs.
//
//go:embed testdata/fuzz_authority.pem
var fuzzAuthority []byte

// fuzzRail believes that authority, and signs as it does.
func fuzzRail(f *testing.F) (*unionpay.Rail, certified) {
	f.Helper()
	var blocks []*pem.Block
	for block, rest := pem.Decode(fuzzAuthority); block != nil; block, rest = pem.Decode(rest) {
		blocks = append(blocks, block)
	}
	config := testConfig(noGateway)
	config.RootPEM, config.MiddlePEM = pem.EncodeToMemory(blocks[0]), pem.EncodeToMemory(blocks[1])
	rail, err := unionpay.New(config)
	if err != nil {
		f.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(blocks[2].Bytes)
	if err != nil {
		f.Fatal(err)
	}
	key, err := x509.ParsePKCS8PrivateKey(blocks[3].Bytes)
	if err != nil {
		f.Fatal(err)
	}
	return rail, certified{key.(*rsa.PrivateKey), certificate}
}

// seeded adds genuine messages and what a forger would try first, and gives back
// the genuine ones.
func seeded(f *testing.F, signer certified, messages ...url.Values) (signed []url.Values) {
	f.Helper()
	for _, form := range messages {
		signForm(signer, form)
		signed = append(signed, form)
		body := form.Encode()
		f.Add([]byte(body))
		f.Add([]byte(body + "&txnAmt=1"))
		f.Add([]byte(strings.Replace(body, "&respCode=", "%26respCode%3D", 1)))
		f.Add([]byte(strings.Replace(body, "=", "%3D", 1)))
		f.Add([]byte(strings.ReplaceAll(body, "&", ";")))
		f.Add([]byte(strings.ReplaceAll(body, "%0A", "%0D%0A"))) // as a browser ends lines
	}
	f.Add([]byte("signature=&signPubKeyCert="))
	f.Add([]byte("%"))
	f.Add([]byte{0, '=', 0xff})
	return signed
}

// mustBeSigned: the form that was accepted holds exactly the fields of a genuine one.
func mustBeSigned(t *testing.T, form url.Values, signed []url.Values) {
	t.Helper()
	for name, values := range form {
		if len(values) == 1 && values[0] == "" { // an empty field is not signed, and says nothing
			form.Del(name)
		}
	}
	for _, theirs := range signed {
		if signedText(theirs) == signedText(form) && len(theirs) == len(form) {
			return
		}
	}
	t.Fatalf("accepted, but never signed: %q", form.Encode())
}

// FuzzReadNotify: whatever the body, no panic; and what is accepted holds exactly
// the fields that UnionPay's key signed, all of them once.
func FuzzReadNotify(f *testing.F) {
	rail, signer := fuzzRail(f)
	signed := seeded(f, signer, message(), message("txnType", "04", "origQryId", "202603042000001234568"),
		message("respCode", "A6", "respMsg", "&=+ %"))
	f.Fuzz(func(t *testing.T, body []byte) {
		receipt, err := rail.ReadNotify(nil, body)
		if err != nil {
			return
		}
		form, err := url.ParseQuery(string(body))
		if err != nil {
			t.Fatalf("accepted, but is not a form: %v", err)
		}
		mustBeSigned(t, form, signed)
		if receipt.Payee != testMerID || !receipt.RefundNotice && receipt.OutTradeNo != form.Get("orderId") {
			t.Fatalf("%q reads as %+v", body, receipt)
		}
	})
}

// FuzzReadReturn: the same of the front notify, in which the lines of the
// certificate, and of nothing else, may end as a browser ends them.
func FuzzReadReturn(f *testing.F) {
	rail, signer := fuzzRail(f)
	signed := seeded(f, signer, message(), message("txnType", "04", "origQryId", "202603042000001234568"),
		message("respMsg", "one\r\ntwo"))
	f.Fuzz(func(t *testing.T, body []byte) {
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return // the router has refused it
		}
		no, err := rail.ReadReturn(form)
		if err != nil {
			if !errors.Is(err, gateways.ErrUnverified) || no != "" {
				t.Fatalf("refused with %v, and gives %q", err, no)
			}
			return
		}
		if no != form.Get("orderId") || form.Get("txnType") != "01" {
			t.Fatalf("%q leads to %q", body, no)
		}
		form.Set("signPubKeyCert", strings.ReplaceAll(form.Get("signPubKeyCert"), "\r\n", "\n"))
		mustBeSigned(t, form, signed)
	})
}

// FuzzAnswer: an answer that is taken apart can be put together again, and no
// field of it hides another.
func FuzzAnswer(f *testing.F) {
	f.Add(raw(signForm(far().signer, message("origRespCode", "00"))))
	for _, body := range []string{"", "a", "a=", "a=1&a=2", "a=1&b", "=1", "a=1&&b=2", "a=b=c", "respMsg={x=1&y=2}"} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		fields, err := unionpay.ReadAnswer(body)
		if err != nil {
			return
		}
		if n := strings.Count(body, "&") + 1; len(fields) != n {
			t.Fatalf("%q: %d fields of %d pairs", body, len(fields), n)
		}
		for name, value := range fields {
			if strings.Contains(value, "&") || !strings.Contains("&"+body+"&", "&"+name+"="+value+"&") {
				t.Fatalf("%q: %q is %q", body, name, value)
			}
		}
	})
}

// FuzzSettlementFile: whatever the file, no panic, an end, and no line that could
// not be booked.
func FuzzSettlementFile(f *testing.F) {
	f.Add(sample)
	f.Add(sample[:609])
	f.Add(append([]byte("\r\n"), sample[609:]...))
	f.Add(sample[:100])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, table []byte) {
		reader, err := unionpay.OpenBill(zipped(t, zmName, string(table)), testMerID, billNoon)
		if err != nil {
			t.Fatalf("the zip is sound: %v", err)
		}
		defer reader.Close()
		for {
			line, err := reader.Next()
			switch {
			case errors.Is(err, io.EOF), errors.Is(err, gateways.ErrBillUnreadable):
				return
			case err != nil:
				t.Fatal(err)
			case line.TradeNo == "" || line.OutTradeNo == "" || line.FinishedAt.IsZero() || line.AmountFen == 0, line.IsRefund() != (line.AmountFen < 0):
				t.Fatalf("nobody could book %+v", line)
			}
		}
	})
}
