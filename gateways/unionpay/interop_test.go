package unionpay_test

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/url"
	"testing"
	"time"

	"ztc-portal/gateways"
	"ztc-portal/gateways/gatewaystest"
	"ztc-portal/models"
)

// These tests set Node's crypto as a third side beside our adapter and our
// sandbox: three implementations of one rule, none sharing code with another.

func node(t *testing.T, script string, in, out any) {
	t.Helper()
	gatewaystest.Node(t, "", script, in, out)
}

type verdict struct {
	Signed  bool   `json:"signed"`
	Chained bool   `json:"chained"`
	Name    string `json:"name"`
}

func plain(form url.Values) map[string]string {
	fields := map[string]string{}
	for name := range form {
		fields[name] = form.Get(name)
	}
	return fields
}

// What our rail signs: the form for the browser, a query, a refund.
func TestNodeVerifiesWhatWeSign(t *testing.T) {
	t.Parallel()
	refunder, gateway := giving(t, []string{"origRespCode", "00"}, nil, nil)
	if _, err := refunder.Refund(t.Context(), testRefund()); err != nil {
		t.Fatal(err)
	}
	checkout, err := newRail(t, noGateway).Open(t.Context(), testOrder())
	if err != nil {
		t.Fatal(err)
	}
	messages := map[string]map[string]string{"form": checkout.Form.Fields, "query": plain(gateway.asked[0]), "refund": plain(gateway.asked[1])}
	cheaper := map[string]string{}
	for name, value := range checkout.Form.Fields {
		cheaper[name] = value
	}
	cheaper["txnAmt"] = "1"
	messages["cheaper"] = cheaper
	der, err := x509.MarshalPKIXPublicKey(&shopKey().PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]verdict
	node(t, "verify.mjs", map[string]any{"publicKey": string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), "messages": messages}, &got)
	for name, want := range map[string]bool{"form": true, "query": true, "refund": true, "cheaper": false} {
		if got[name].Signed != want {
			t.Errorf("%s: signed %v, want %v", name, got[name].Signed, want)
		}
	}
}

// What our sandbox signs: back notify and front notify, with a chain that node
// follows too.
func TestNodeVerifiesWhatOurSandboxSigns(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	notify, back := r.URLs()
	order := testOrder()
	order.OpenedAt, order.ExpiresAt, order.NotifyURL, order.ReturnURL = time.Now(), time.Now().Add(time.Hour), notify, back
	checkout, err := r.rail.Open(t.Context(), order)
	if err != nil {
		t.Fatal(err)
	}
	r.Arrive(t, order, checkout)
	r.Pay(t, order)
	paid, err := url.ParseQuery(string(r.Notify(t, order.OutTradeNo).Body))
	if err != nil {
		t.Fatal(err)
	}
	dearer := plain(paid)
	dearer["txnAmt"] = "9160000"
	forged, err := r.far.SignUnionpay(paid, true)
	if err != nil {
		t.Fatal(err)
	}
	evil, err := url.ParseQuery(forged)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]verdict
	node(t, "verify.mjs", map[string]any{
		"root": string(read(t, r.merchant.RootCertFile)), "middle": string(read(t, r.merchant.MiddleCertFile)),
		"messages": map[string]any{"paid": plain(paid), "front": plain(r.Return(t, order.OutTradeNo)), "dearer": dearer, "evil": plain(evil)},
	}, &got)
	const name = "00040000:SIGN"
	for what, want := range map[string]verdict{
		"paid": {true, true, name}, "front": {true, true, name}, "dearer": {false, true, name}, "evil": {true, false, name},
	} {
		if got[what] != want {
			t.Errorf("%s: %+v, want %+v", what, got[what], want)
		}
	}
}

func TestWeReadWhatNodeSigns(t *testing.T) {
	t.Parallel()
	der, err := x509.MarshalPKCS8PrivateKey(signerKey())
	if err != nil {
		t.Fatal(err)
	}
	with := func(changes ...string) map[string]string {
		return plain(message(append(changes, "signPubKeyCert", far().signer.pem())...))
	}
	var bodies map[string]map[string]string
	node(t, "sign.mjs", map[string]any{"privateKey": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), "notices": map[string]any{
		"paid": with(), "odd": with("respMsg", `100% + "20" <b> ~!*'() ；成功`), "refunded": with("txnType", "04"), "other": with("merId", "777290058110097"),
	}}, &bodies)
	rail := newRail(t, noGateway)
	bodyOf := func(name string, changes ...string) []byte {
		form := url.Values{}
		for field, value := range bodies[name] {
			form.Set(field, value)
		}
		for i := 0; i < len(changes); i += 2 {
			form.Set(changes[i], changes[i+1])
		}
		return []byte(form.Encode())
	}
	for name, refund := range map[string]bool{"paid": false, "odd": false, "refunded": true} {
		got, err := rail.ReadNotify(nil, bodyOf(name))
		if err != nil || got.State != models.TradePaid || got.RefundNotice != refund || got.AmountFen != 1600_00 {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for name, body := range map[string][]byte{"another merchant": bodyOf("other"), "dearer": bodyOf("paid", "txnAmt", "9160000"), "more": bodyOf("paid", "extra", "1")} {
		if got, err := rail.ReadNotify(nil, body); !errors.Is(err, gateways.ErrUnverified) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}
