package alipay_test

import (
	"bytes"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"testing"

	"ztc-portal/gateways"
	"ztc-portal/gateways/alipay"
	"ztc-portal/gateways/conformance"
	"ztc-portal/gateways/gatewaystest"
	"ztc-portal/gateways/sandbox"
)

func TestConformance(t *testing.T) { conformance.Exercise(t, newRig(t)) }

// rig is the rail with the sandbox on the other side of a wire.
type rig struct {
	gatewaystest.Rig
	rail     *alipay.Rail
	gateway  string // where the rail calls
	merchant sandbox.Merchant
	platform *rsa.PrivateKey // the sandbox's own key
}

var _ conformance.Rig = (*rig)(nil)

func newRig(t *testing.T) *rig {
	t.Helper()
	dir := gatewaystest.AlipayKeys.Dir(t)
	far, err := sandbox.Open(sandbox.Options{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{merchant: far.Merchant(), platform: gatewaystest.PrivateKey(t, filepath.Join(dir, "platform_private_key.pem"))}
	r.Serve(t, far, r)
	r.gateway = r.Gateway + "/gateway.do"
	r.rail, err = alipay.New(alipay.Config{
		GatewayURL: r.gateway, AppID: r.merchant.AppID, SellerID: r.merchant.SellerID, Timeout: r.Timeout(),
		PrivateKeyPEM: gatewaystest.Read(t, r.merchant.AppPrivateKeyFile), PublicKeyPEM: gatewaystest.Read(t, r.merchant.PlatformPublicKeyFile),
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *rig) Rail() gateways.Gateway { return r.rail }
func (r *rig) Traits() conformance.Traits {
	return conformance.Traits{Door: true, DoorOffline: true, QR: true, Closes: true, SignedReturn: true}
}
func (r *rig) URLs() (notify, back string) { return r.Inbox, "http://127.0.0.1:8080/return/alipay" }

func (r *rig) Replies() (settled, refused conformance.Reply) {
	return conformance.Reply{Status: 200, ContentType: "text/plain", Body: "success"},
		conformance.Reply{Status: 200, ContentType: "text/plain", Body: "fail"}
}

// About is the payment's no.
func (*rig) About(body []byte) (string, error) {
	form, err := url.ParseQuery(string(body))
	return form.Get("out_trade_no"), err
}

func (r *rig) Forge(t *testing.T, genuine conformance.Message, how conformance.Forgery) conformance.Message {
	t.Helper()
	form, err := url.ParseQuery(string(genuine.Body))
	if err != nil {
		t.Fatal(err)
	}
	switch how {
	case conformance.AmountTampered:
		form.Set("total_amount", "9"+form.Get("total_amount"))
	case conformance.FieldAdded:
		form.Set("extra", "1")
	case conformance.FieldDropped:
		form.Del("notify_id")
	case conformance.FieldRepeated:
		form.Add("out_trade_no", form.Get("out_trade_no"))
	case conformance.FieldsGlued:
		form.Set("trade_no", form.Get("trade_no")+"&trade_status="+form.Get("trade_status"))
		form.Del("trade_status")
		if verifyText(&r.platform.PublicKey, signedText(form, "sign", "sign_type"), form.Get("sign")) != nil {
			t.Fatal("the glued fields do not carry the genuine signature, so they prove nothing")
		}
	case conformance.NoSignature:
		form.Del("sign")
	case conformance.OtherKey:
		signNotice(evilKey(), form)
	case conformance.OtherApp:
		form.Set("app_id", "9021000999999999")
		signNotice(r.platform, form)
	case conformance.OtherPayee:
		form.Set("seller_id", "2088999999999999")
		signNotice(r.platform, form)
	default:
		t.Fatalf("no way to forge %s", how)
	}
	return conformance.Message{Body: []byte(form.Encode())}
}

// Calls: the cashier is opened by GET.
func (*rig) Calls(request *http.Request) bool {
	return request.Method == http.MethodPost && request.URL.Path == "/gateway.do"
}

// Resign passes the sandbox's answer on with another signature, or none.
func (*rig) Resign(w http.ResponseWriter, genuine *httptest.ResponseRecorder, evil bool) error {
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(genuine.Body.Bytes(), &parts); err != nil {
		return fmt.Errorf("the sandbox gave no JSON: %w", err)
	}
	var forged bytes.Buffer
	for node, content := range parts {
		if node == "sign" {
			continue
		}
		fmt.Fprintf(&forged, `{%q:%s`, node, content)
		if evil {
			fmt.Fprintf(&forged, `,"sign":%q`, signText(evilKey(), string(content)))
		}
		forged.WriteByte('}')
	}
	_, err := forged.WriteTo(w)
	return err
}
