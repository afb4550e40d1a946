package wechat_test

import (
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ztc-portal/gateways"
	"ztc-portal/gateways/conformance"
	"ztc-portal/gateways/gatewaystest"
	"ztc-portal/gateways/sandbox"
	"ztc-portal/gateways/wechat"
)

func TestConformance(t *testing.T) { conformance.Exercise(t, newRig(t)) }

// rig is the rail with the sandbox on the other side of a wire.
type rig struct {
	gatewaystest.Rig
	rail     *wechat.Rail
	far      *sandbox.Sandbox
	merchant sandbox.WechatMerchant
	platform *rsa.PrivateKey // the sandbox's own key
	apiKey   string
}

var _ conformance.Rig = (*rig)(nil)

func newRig(t *testing.T) *rig {
	t.Helper()
	dir := gatewaystest.AlipayKeys.Dir(t)
	far, err := sandbox.OpenWechat(sandbox.Options{DataDir: dir, RefundTakes: 200 * time.Millisecond, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{far: far, merchant: far.WechatMerchant(), platform: gatewaystest.PrivateKey(t, filepath.Join(dir, "platform_private_key.pem"))}
	r.apiKey = gatewaystest.Read(t, r.merchant.APIKeyFile)
	r.Serve(t, far, r)
	r.rail, err = wechat.New(wechat.Config{
		BaseURL: r.Gateway, MchID: r.merchant.MchID, AppID: r.merchant.AppID, Serial: r.merchant.Serial, Timeout: r.Timeout(),
		PrivateKeyPEM: gatewaystest.Read(t, r.merchant.PrivateKeyFile), APIKey: r.apiKey,
		PublicKeys: []wechat.PublicKey{{ID: r.merchant.PublicKeyID, PEM: gatewaystest.Read(t, r.merchant.PublicKeyFile)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *rig) Rail() gateways.Gateway { return r.rail }
func (r *rig) Traits() conformance.Traits {
	return conformance.Traits{QR: true, KnownAtOnce: true, Closes: true, RefundsLater: true, StaysPaid: true}
}
func (r *rig) URLs() (notify, back string) { return r.Inbox, "http://127.0.0.1:8080/return/wechat" }

func (r *rig) Replies() (settled, refused conformance.Reply) {
	return conformance.Reply{Status: 200, ContentType: "application/json", Body: `{"code":"SUCCESS","message":""}`},
		conformance.Reply{Status: 500, ContentType: "application/json", Body: `{"code":"FAIL","message":"not settled"}`}
}

// Return: the browser brings nothing that is signed.
func (*rig) Return(*testing.T, string) url.Values { return nil }

// About is the payment's no; of a notify about a refund, refundOf that.
func (r *rig) About(body []byte) (string, error) {
	var told struct {
		OutTradeNo  string `json:"out_trade_no"`
		OutRefundNo string `json:"out_refund_no"`
	}
	err := json.Unmarshal(unseal(r.apiKey, body), &told)
	if told.OutRefundNo != "" {
		return refundOf(told.OutTradeNo), err
	}
	return told.OutTradeNo, err
}

func refundOf(outTradeNo string) string { return "the refund of " + outTradeNo }

// unseal opens a notify by the bare rule; nil if it can't be opened.
func unseal(key string, body []byte) []byte {
	var message struct {
		Resource struct {
			Ciphertext, Nonce string
			AssociatedData    string `json:"associated_data"`
		}
	}
	if json.Unmarshal(body, &message) != nil || len(message.Resource.Nonce) != 12 {
		return nil
	}
	sealed, err := base64.StdEncoding.DecodeString(message.Resource.Ciphertext)
	if err != nil {
		return nil
	}
	plain, err := gcm(key).Open(nil, []byte(message.Resource.Nonce), sealed, []byte(message.Resource.AssociatedData))
	if err != nil {
		return nil
	}
	return plain
}

// Forge makes a notify that is not to be believed. Where the protocol keeps the
// signature out of the body, what is sealed is sealed anew, so that body and
// signature both differ from the genuine ones.
func (r *rig) Forge(t *testing.T, message conformance.Message, how conformance.Forgery) conformance.Message {
	t.Helper()
	var plain, outer fields
	if json.Unmarshal(unseal(r.apiKey, message.Body), &plain) != nil || json.Unmarshal(message.Body, &outer) != nil {
		t.Fatal("the genuine notify can't be opened")
	}
	sealed := func(told fields) fields {
		return envelope("TRANSACTION.SUCCESS", "transaction", r.apiKey, told.encode())
	}
	platform := signer{r.platform, r.merchant.PublicKeyID, time.Now()}
	under := func(header http.Header, body fields) conformance.Message {
		return conformance.Message{Header: header, Body: []byte(body.encode())}
	}
	switch how {
	case conformance.AmountTampered:
		return under(message.Header, sealed(plain.with("amount", fields{"total": 1_000_000_00, "currency": "CNY"})))
	case conformance.FieldAdded:
		return under(message.Header, outer.with("extra", "1"))
	case conformance.FieldDropped:
		return under(message.Header, outer.with("summary", nil))
	case conformance.FieldRepeated:
		body := strings.Replace(string(message.Body), `{`, `{"event_type":"TRANSACTION.SUCCESS",`, 1)
		return conformance.Message{Header: message.Header, Body: []byte(body)}
	case conformance.FieldsGlued:
		return r.glued(t, platform, sealed(plain))
	case conformance.NoSignature:
		forged := platform.signed(sealed(plain))
		forged.Header.Del("Wechatpay-Signature")
		return forged
	case conformance.OtherKey:
		return signer{evilKey(), r.merchant.PublicKeyID, time.Now()}.signed(sealed(plain))
	case conformance.OtherApp:
		return platform.signed(sealed(plain.with("appid", "wx9999999999999999")))
	case conformance.OtherPayee:
		return platform.signed(sealed(plain.with("mchid", "1999999999")))
	}
	t.Fatalf("no way to forge %s", how)
	return conformance.Message{}
}

// glued cuts a signed text otherwise: its first line becomes part of the nonce.
func (r *rig) glued(t *testing.T, platform signer, body fields) conformance.Message {
	t.Helper()
	text := body.encode()
	header := platform.headers("first\n" + text)
	header.Set("Wechatpay-Nonce", header.Get("Wechatpay-Nonce")+"\nfirst")
	signed := header.Get("Wechatpay-Timestamp") + "\n" + header.Get("Wechatpay-Nonce") + "\n" + text + "\n"
	if verifyText(&r.platform.PublicKey, signed, header.Get("Wechatpay-Signature")) != nil {
		t.Fatal("the glued parts do not carry the genuine signature, so they prove nothing")
	}
	return conformance.Message{Header: header, Body: []byte(text)}
}

// Calls: the cashier lies outside the API.
func (*rig) Calls(request *http.Request) bool { return strings.HasPrefix(request.URL.Path, "/v3/") }

// Resign passes the sandbox's answer on with another signature, or none.
func (r *rig) Resign(w http.ResponseWriter, genuine *httptest.ResponseRecorder, evil bool) error {
	for name, values := range genuine.Header() {
		if !strings.HasPrefix(name, "Wechatpay-") {
			w.Header()[name] = values
		}
	}
	if evil {
		for name, values := range (signer{evilKey(), r.merchant.PublicKeyID, time.Now()}).headers(genuine.Body.String()) {
			w.Header()[name] = values
		}
	}
	w.WriteHeader(genuine.Code)
	_, err := w.Write(genuine.Body.Bytes())
	return err
}
