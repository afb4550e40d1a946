package wechat_test

import (
	"crypto/sha1"
	"crypto/x509"
	_ "embed"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"ztc-portal/gateways"
	"ztc-portal/gateways/wechat"
)

// fuzzKey plays the platform's key here and nowhere else. It is a fixed one,
// since the processes of one fuzz run share their inputs.
//
//go:embed testdata/fuzz_platform_key.pem
var fuzzKey []byte

// FuzzReadNotify: whatever body and headers, no panic; and what is accepted was
// signed as a whole by the platform's key, byte for byte.
func FuzzReadNotify(f *testing.F) {
	block, _ := pem.Decode(fuzzKey)
	platform, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil {
		f.Fatal(err)
	}
	config := testConfig(noGateway)
	config.PublicKeys = []wechat.PublicKey{{ID: testKeyID, PEM: publicPEM(platform)}}
	rail, err := wechat.New(config)
	if err != nil {
		f.Fatal(err)
	}
	by := genuine()
	by.key = platform
	for _, body := range []fields{paidNotice(paid()), refundNotice(refunded()), envelope("TRANSACTION.SUCCESS", "transaction", testAPIKey, paid().with("trade_state", "REFUND").encode())} {
		message := by.signed(body)
		h := message.Header
		add := func(body string, stamp, nonce string) {
			f.Add([]byte(body), stamp, nonce, h.Get("Wechatpay-Signature"), testKeyID)
		}
		stamp, nonce := h.Get("Wechatpay-Timestamp"), h.Get("Wechatpay-Nonce")
		add(string(message.Body), stamp, nonce)
		add(string(message.Body)+" ", stamp, nonce)
		add(string(message.Body[1:]), stamp, nonce+"\n{")
		add("\n"+string(message.Body), stamp, nonce)
		add(strings.Replace(string(message.Body), "12", "", 1), stamp, nonce)
	}
	nonceless := by.signed(resource(paidNotice(paid()), "nonce", "x"))
	f.Add(nonceless.Body, nonceless.Header.Get("Wechatpay-Timestamp"), nonceless.Header.Get("Wechatpay-Nonce"), nonceless.Header.Get("Wechatpay-Signature"), testKeyID)
	f.Add([]byte("null"), "0", "n", "WECHATPAY/SIGNTEST/AAAA", testKeyID)
	f.Fuzz(func(t *testing.T, body []byte, stamp, nonce, signature, serial string) {
		header := http.Header{}
		header.Set("Wechatpay-Timestamp", stamp)
		header.Set("Wechatpay-Nonce", nonce)
		header.Set("Wechatpay-Signature", signature)
		header.Set("Wechatpay-Serial", serial)
		receipt, err := rail.ReadNotify(header, body)
		if err != nil {
			if !errors.Is(err, gateways.ErrUnverified) {
				t.Fatalf("refused with %v", err)
			}
			return
		}
		if strings.ContainsAny(stamp+nonce, "\r\n") || verifyText(&platform.PublicKey, stamp+"\n"+nonce+"\n"+string(body)+"\n", strings.TrimSpace(signature)) != nil {
			t.Fatalf("accepted, but never signed: %q", body)
		}
		if receipt.OutTradeNo != testNo || receipt.Payee != testMch {
			t.Fatalf("%q reads as %+v", body, receipt)
		}
	})
}

// FuzzReadBill: whatever is unpacked, no panic; a bill that is read to its end
// is the one that was hashed, each line has its numbers, and signs fit.
func FuzzReadBill(f *testing.F) {
	whole := billHead + rowPaid + rowCoupon + rowRefunded + billSums + sumsOfThree
	f.Add([]byte(whole), true)
	f.Add([]byte(whole), false)
	f.Add([]byte(billHead+rowPaid+billSums), true)
	f.Add([]byte(strings.ReplaceAll(whole, "`", "")), true)
	f.Add([]byte(strings.ReplaceAll(whole, "\r\n", "\n")), true)
	f.Add([]byte(billHead+billSums+"`0,`0.00,`0.00\n"), true)
	f.Fuzz(func(t *testing.T, text []byte, honest bool) {
		sum := sha1.Sum(text)
		if !honest {
			sum[0] ^= 1
		}
		reader := wechat.ReadUnpacked(text, hex.EncodeToString(sum[:]), testMch)
		defer reader.Close()
		for {
			line, err := reader.Next()
			if errors.Is(err, io.EOF) {
				if !honest {
					t.Fatal("read to its end under another hash")
				}
				return
			}
			if err != nil {
				if !errors.Is(err, gateways.ErrBillUnreadable) {
					t.Fatalf("refused with %v", err)
				}
				return
			}
			if line.TradeNo == "" || line.OutTradeNo == "" || line.FinishedAt.IsZero() || line.IsRefund() && line.AmountFen > 0 || !line.IsRefund() && line.AmountFen < 0 {
				t.Fatalf("%+v", line)
			}
		}
	})
}
