package wechat_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ztc-portal/gateways"
	"ztc-portal/gateways/conformance"
	"ztc-portal/gateways/gatewaystest"
	"ztc-portal/gateways/wechat"
	"ztc-portal/models"
)

// These tests set an npm client and node's own crypto as a third side beside our
// adapter and our sandbox: implementations of one rule, none sharing code with
// another.

func node(t *testing.T, script string, in, out any) {
	t.Helper()
	gatewaystest.Node(t, "wechatpay-axios-plugin", script, in, out)
}

// step is what the client hands on of an answer.
type step struct {
	Status     any // of the answer, or of a refund where the body names one
	Code       string
	Signed     *bool  // of a refusal
	OutTradeNo string `json:"out_trade_no"`
	TradeState string `json:"trade_state"`
	CodeURL    string `json:"code_url"`
	H5URL      string `json:"h5_url"`
	Amount     struct{ Total, Refund int64 }
}

// drive is what drive.mjs saw, step by step.
type drive struct {
	Unknown, Native, Waiting, Paid, ClosePaid, Close, Closed, Phone, Refund, Refunded, Over step

	Cashier         string
	OtherKeyRefused string // the client's word for it; "": it took the answer
}

func TestClientDrivesOurSandbox(t *testing.T) {
	rig := newRig(t)
	numbers := map[string]string{"paid": testNo + "1", "closed": testNo + "2", "phone": testNo + "3"}
	var seen drive
	node(t, "drive.mjs", map[string]any{
		"gateway": rig.Gateway, "mchId": rig.merchant.MchID, "appId": rig.merchant.AppID, "serial": rig.merchant.Serial, "notifyUrl": rig.Inbox,
		"privateKey": gatewaystest.Read(t, rig.merchant.PrivateKeyFile), "keyId": rig.merchant.PublicKeyID, "publicKey": gatewaystest.Read(t, rig.merchant.PublicKeyFile),
		"otherKey": publicPEM(evilKey()), "numbers": numbers,
	}, &seen)
	for name, c := range map[string]struct {
		got    step
		status any
		code   string
		state  string
	}{
		"unknown": {seen.Unknown, 404.0, "ORDER_NOT_EXIST", ""}, "native": {seen.Native, 200.0, "", ""}, "waiting": {seen.Waiting, 200.0, "", "NOTPAY"},
		"paid": {seen.Paid, 200.0, "", "SUCCESS"}, "close paid": {seen.ClosePaid, 400.0, "ORDERPAID", ""}, "close": {seen.Close, 204.0, "", ""},
		"closed": {seen.Closed, 200.0, "", "CLOSED"}, "phone": {seen.Phone, 200.0, "", ""}, "refund": {seen.Refund, "PROCESSING", "", ""},
		"refunded": {seen.Refunded, "SUCCESS", "", ""}, "over": {seen.Over, 400.0, "INVALID_REQUEST", ""},
	} {
		if c.got.Status != c.status || c.got.Code != c.code || c.got.TradeState != c.state {
			t.Errorf("%s: %+v, want %v %s %s", name, c.got, c.status, c.code, c.state)
		}
		if signed := c.got.Signed; (c.code != "") != (signed != nil && *signed) {
			t.Errorf("%s: a refusal, signed: %v", name, signed)
		}
	}
	if seen.Paid.Amount.Total != 64_10 || seen.Paid.OutTradeNo != numbers["paid"] || seen.Refunded.Amount.Refund != 10 {
		t.Errorf("paid %+v, refunded %+v", seen.Paid, seen.Refunded)
	}
	if !strings.Contains(seen.Native.CodeURL, "/qr/") || !strings.Contains(seen.Cashier, "/cashier/") || !strings.Contains(seen.Phone.H5URL, "/h5/") {
		t.Errorf("code %s, cashier %s, phone %s", seen.Native.CodeURL, seen.Cashier, seen.Phone.H5URL)
	}
	if seen.OtherKeyRefused != "EV3_RES_HEADER_SIGNATURE_DIGEST" {
		t.Errorf("under another key the client says %q: it has not verified ours", seen.OtherKeyRefused)
	}
	receipt, err := rig.rail.Query(t.Context(), gateways.Ref{OutTradeNo: numbers["paid"]})
	if err != nil || receipt.State != models.TradePaid || receipt.AmountFen != 64_10 {
		t.Errorf("what the client had paid, our adapter reads as %+v, %v", receipt, err)
	}
}

type verdict struct {
	Client, Crypto bool
	Plain          string
}

// wire is a message as the scripts take it.
func wire(message conformance.Message) map[string]any {
	header := map[string]string{}
	for name := range message.Header {
		header[strings.ToLower(name)] = message.Header.Get(name)
	}
	return map[string]any{"header": header, "body": string(message.Body)}
}

func TestClientOpensWhatOurSandboxNotifies(t *testing.T) {
	rig := newRig(t)
	order := testOrder()
	order.NotifyURL, order.ExpiresAt = rig.Inbox, time.Now().Add(30*time.Minute)
	checkout, err := rig.rail.Open(t.Context(), order)
	if err != nil {
		t.Fatal(err)
	}
	rig.Arrive(t, order, checkout)
	rig.Pay(t, order)
	told := rig.Notify(t, testNo)
	refund := gateways.RefundOrder{Ref: order.Ref(), RequestNo: "F0001REFUND", AmountFen: 50_00, PaidFen: 1600_00, NotifyURL: rig.Inbox}
	if _, err := rig.rail.Refund(t.Context(), refund); err != nil {
		t.Fatal(err)
	}
	changed := conformance.Message{Header: told.Header, Body: bytes.Replace(told.Body, []byte("TRANSACTION"), []byte("TRANSACTIOM"), 1)}
	var verdicts map[string]verdict
	node(t, "verify.mjs", map[string]any{
		"publicKey": gatewaystest.Read(t, rig.merchant.PublicKeyFile), "apiKey": rig.apiKey,
		"messages": map[string]any{"paid": wire(told), "refunded": wire(rig.Notify(t, refundOf(testNo))), "changed": wire(changed)},
	}, &verdicts)
	for name, want := range map[string][]string{
		"paid":     {`"out_trade_no":"` + testNo + `"`, `"trade_state":"SUCCESS"`, `"total":160000`, `"mchid":"` + rig.merchant.MchID + `"`},
		"refunded": {`"out_refund_no":"F0001REFUND"`, `"refund":5000`, `"refund_status":"SUCCESS"`},
	} {
		got := verdicts[name]
		if !got.Client || !got.Crypto {
			t.Errorf("%s: %+v, want it accepted by both", name, got)
		}
		for _, part := range want {
			if !strings.Contains(got.Plain, part) {
				t.Errorf("%s: %s is not in %s", name, part, got.Plain)
			}
		}
	}
	if got := verdicts["changed"]; got.Client || got.Crypto || len(verdicts) != 3 {
		t.Errorf("changed: %+v of %d", got, len(verdicts))
	}
}

func TestWeReadWhatOthersSeal(t *testing.T) {
	notice := func(by, event, kind string, plain fields) map[string]string {
		return map[string]string{"by": by, "event": event, "kind": kind, "plain": plain.encode()}
	}
	var sealed map[string]struct {
		Header map[string]string
		Body   string
	}
	odd := paid().with("attach", `100% + "20" <b> ~!*'() ；欠费 😀`)
	node(t, "sign.mjs", map[string]any{"privateKey": privatePEM(platformKey()), "keyId": testKeyID, "apiKey": testAPIKey, "notices": map[string]any{
		"paid by the client": notice("client", "TRANSACTION.SUCCESS", "transaction", paid()), "paid by crypto": notice("crypto", "TRANSACTION.SUCCESS", "transaction", odd),
		"refunded": notice("crypto", "REFUND.SUCCESS", "refund", refunded()), "another app": notice("client", "TRANSACTION.SUCCESS", "transaction", paid().with("appid", "wxffffffffffffffff")),
	}}, &sealed)
	rail := newRail(t, noGateway)
	message := func(name string) conformance.Message {
		header := http.Header{}
		for name, value := range sealed[name].Header {
			header.Set(name, value)
		}
		return conformance.Message{Header: header, Body: []byte(sealed[name].Body)}
	}
	for name, refund := range map[string]bool{"paid by the client": false, "paid by crypto": false, "refunded": true} {
		m := message(name)
		got, err := rail.ReadNotify(m.Header, m.Body)
		if err != nil || got.State != models.TradePaid || got.RefundNotice != refund || got.AmountFen != 1600_00 || got.OutTradeNo != testNo {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
		m.Body = bytes.Replace(m.Body, []byte("EV-2018"), []byte("EV-2019"), 1)
		mustNotRead(t, rail, name+", changed", m)
	}
	mustNotRead(t, rail, "another app", message("another app"))
}

// The official Go library publishes one vector of its signature rule: this key,
// this text, this signature. Our verification takes it, and nothing beside it.
func TestPublishedSignature(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "published.json"))
	if err != nil {
		t.Fatal(err)
	}
	var vector struct{ PublicKey, Message, Signature string }
	if err := json.Unmarshal(text, &vector); err != nil {
		t.Fatal(err)
	}
	keys := []wechat.PublicKey{{ID: testKeyID, PEM: vector.PublicKey}}
	if err := wechat.Verify(keys, testKeyID, vector.Message, vector.Signature); err != nil {
		t.Error(err)
	}
	if wechat.Verify(keys, testKeyID, vector.Message+"x", vector.Signature) == nil || wechat.Verify(keys, nextKeyID, vector.Message, vector.Signature) == nil {
		t.Error("another text, or another key's name, is accepted")
	}
}
