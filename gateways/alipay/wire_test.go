package alipay_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ztc-portal/gateways/alipay"
)

// The other side of the wire for these tests, written from the protocol alone:
// nothing of the adapter's, its library's or the sandbox's signing is used.

const (
	testApp    = "9021000100000001"
	testSeller = "2088000100000001"
)

var appKey, platformKey, evilKey = newKey(), newKey(), newKey()

// newKey gives a key that is made when first asked for, and kept.
func newKey() func() *rsa.PrivateKey {
	return sync.OnceValue(func() *rsa.PrivateKey {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		return key
	})
}

func privatePEM(key *rsa.PrivateKey) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
}

func publicPEM(key *rsa.PrivateKey) string {
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func signText(key *rsa.PrivateKey, text string) string {
	digest := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:])
	if err != nil {
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(signature)
}

func verifyText(key *rsa.PublicKey, text, signature string) error {
	raw, err := base64.StdEncoding.DecodeString(signature)
	if err != nil {
		return err
	}
	digest := sha256.Sum256([]byte(text))
	return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], raw)
}

// signedText is what is signed of a form: sorted name=value pairs without the
// names left out, unescaped.
func signedText(form url.Values, without ...string) string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(form)) {
		if !slices.Contains(without, name) {
			pairs = append(pairs, name+"="+form.Get(name))
		}
	}
	return strings.Join(pairs, "&")
}

// notice is a payment notify as Alipay sends it, not yet signed; changes are
// name, value pairs, and an empty value takes the field out.
func notice(changes ...string) url.Values {
	form := url.Values{}
	for name, value := range map[string]string{
		"notify_time": "2026-03-04 20:01:02", "notify_type": "trade_status_sync", "notify_id": "2026030400222200102",
		"charset": "utf-8", "version": "1.0", "sign_type": "RSA2", "app_id": testApp, "auth_app_id": testApp,
		"trade_no": "2026030422001400000001", "out_trade_no": "R260304ABCDEFGHJKMNPQ", "buyer_id": "2088000200000002",
		"seller_id": testSeller, "trade_status": "TRADE_SUCCESS", "total_amount": "1600.00", "receipt_amount": "1600.00",
		"buyer_pay_amount": "1600.00", "invoice_amount": "1600.00", "point_amount": "0.00", "subject": "直通车充值 100% + 20",
		"gmt_create": "2026-03-04 20:00:00", "gmt_payment": "2026-03-04 20:01:00",
		"fund_bill_list": `[{"amount":"1600.00","fundChannel":"ALIPAYACCOUNT"}]`,
	} {
		form.Set(name, value)
	}
	for i := 0; i < len(changes); i += 2 {
		form.Set(changes[i], changes[i+1])
		if changes[i+1] == "" {
			form.Del(changes[i])
		}
	}
	return form
}

// signNotice signs by the rule for notifies and returns: without sign and sign_type.
func signNotice(key *rsa.PrivateKey, form url.Values) url.Values {
	form.Set("sign", signText(key, signedText(form, "sign", "sign_type")))
	return form
}

func testConfig(gateway string) alipay.Config {
	return alipay.Config{
		GatewayURL: gateway, AppID: testApp, SellerID: testSeller,
		PrivateKeyPEM: privatePEM(appKey()), PublicKeyPEM: publicPEM(platformKey()), Timeout: 5 * time.Second,
	}
}

func newRail(t testing.TB, gateway string) *alipay.Rail {
	t.Helper()
	rail, err := alipay.New(testConfig(gateway))
	if err != nil {
		t.Fatal(err)
	}
	return rail
}

// cannedGateway answers each method with the content given for it, signed by
// the platform's key, after checking the request's own signature.
type cannedGateway struct {
	content map[string]string // of <method>_response
	mu      sync.Mutex
	asked   []url.Values
}

func (g *cannedGateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, "not a form", http.StatusBadRequest)
		return
	}
	if err := verifyText(&appKey().PublicKey, signedText(r.Form, "sign"), r.Form.Get("sign")); err != nil {
		http.Error(w, "request signature: "+err.Error(), http.StatusForbidden)
		return
	}
	g.mu.Lock()
	g.asked = append(g.asked, r.Form)
	g.mu.Unlock()
	method := r.Form.Get("method")
	fmt.Fprint(w, signedAnswer(platformKey(), method, g.content[method]))
}

func signedAnswer(key *rsa.PrivateKey, method, content string) string {
	return fmt.Sprintf(`{"%s_response":%s,"sign":"%s"}`, strings.ReplaceAll(method, ".", "_"), content, signText(key, content))
}

// serve runs a handler on this machine until the test ends.
func serve(t testing.TB, handler http.Handler) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL + "/gateway.do"
}

// canned gives a rail whose gateway answers every method with one content.
func canned(t *testing.T, content string) (*alipay.Rail, *cannedGateway) {
	t.Helper()
	gateway := &cannedGateway{content: map[string]string{
		"alipay.trade.query": content, "alipay.trade.close": content, "alipay.trade.precreate": content,
	}}
	return newRail(t, serve(t, gateway)), gateway
}

func bizOf(t *testing.T, request url.Values) map[string]string {
	t.Helper()
	var fields map[string]string
	if err := json.Unmarshal([]byte(request.Get("biz_content")), &fields); err != nil {
		t.Fatalf("biz_content %q: %v", request.Get("biz_content"), err)
	}
	return fields
}
