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

// FuzzReadNotify: whatever the body, no panic; and what is accepted holds exactly
// the fields that UnionPay's key signed, all of them once.
func FuzzReadNotify(f *testing.F) {
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
	signer := certified{key.(*rsa.PrivateKey), certificate}
	signed := map[string]bool{}
	for _, form := range []url.Values{
		signForm(signer, message()),
		signForm(signer, message("txnType", "04", "origQryId", "202603042000001234568")),
		signForm(signer, message("respCode", "A6", "respMsg", "&=+ %")),
	} {
		signed[form.Encode()] = true
		body := form.Encode()
		f.Add([]byte(body))
		f.Add([]byte(body + "&txnAmt=1"))
		f.Add([]byte(strings.Replace(body, "&respCode=", "%26respCode%3D", 1)))
		f.Add([]byte(strings.Replace(body, "=", "%3D", 1)))
		f.Add([]byte(strings.ReplaceAll(body, "&", ";")))
	}
	f.Add([]byte("signature=&signPubKeyCert="))
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
		for name, values := range form {
			if len(values) == 1 && values[0] == "" { // an empty field is not signed, and says nothing
				form.Del(name)
			}
		}
		genuine := false
		for one := range signed {
			theirs, _ := url.ParseQuery(one)
			genuine = genuine || signedText(theirs) == signedText(form) && len(theirs) == len(form)
		}
		if !genuine {
			t.Fatalf("accepted, but never signed: %q", body)
		}
		if receipt.Payee != testMerID || !receipt.RefundNotice && receipt.OutTradeNo != form.Get("orderId") {
			t.Fatalf("%q reads as %+v", body, receipt)
		}
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
