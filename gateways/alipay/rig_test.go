package alipay_test

import (
	"bytes"
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"ztc-portal/gateways"
	"ztc-portal/gateways/alipay"
	"ztc-portal/gateways/conformance"
	"ztc-portal/gateways/sandbox"
)

func TestConformance(t *testing.T) { conformance.Exercise(t, newRig(t)) }

// rig is the rail with the sandbox on the other side, and a wire between the
// two that can be made to fail.
type rig struct {
	rail     *alipay.Rail
	gateway  string // the sandbox as the rail and the browser see it
	notify   string // where its notifies arrive
	merchant sandbox.Merchant
	platform *rsa.PrivateKey // the sandbox's own key

	mu       sync.Mutex
	trouble  conformance.Trouble
	mended   chan struct{}
	cashiers map[string]string     // out_trade_no → address of the cashier page
	returns  map[string]url.Values // out_trade_no → what the browser brought back
	notifies map[string][][]byte   // out_trade_no → bodies, oldest first
}

var _ conformance.Rig = (*rig)(nil)

func newRig(t *testing.T) *rig {
	t.Helper()
	dir := t.TempDir()
	far, err := sandbox.Open(sandbox.Options{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := far.Close(ctx); err != nil {
			t.Errorf("closing the sandbox: %v", err)
		}
	})
	r := &rig{
		merchant: far.Merchant(), platform: readPrivateKey(t, filepath.Join(dir, "platform_private_key.pem")),
		cashiers: map[string]string{}, returns: map[string]url.Values{}, notifies: map[string][][]byte{},
	}
	r.gateway = serve(t, r.wire(far.Handler()))
	r.notify = serve(t, http.HandlerFunc(r.receive))
	r.rail, err = alipay.New(alipay.Config{
		GatewayURL: r.gateway, AppID: r.merchant.AppID, SellerID: r.merchant.SellerID, Timeout: r.Timeout(),
		PrivateKeyPEM: readFile(t, r.merchant.AppPrivateKeyFile), PublicKeyPEM: readFile(t, r.merchant.PlatformPublicKeyFile),
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func readPrivateKey(t *testing.T, name string) *rsa.PrivateKey {
	t.Helper()
	block, _ := pem.Decode([]byte(readFile(t, name)))
	if block == nil {
		t.Fatalf("%s is not PEM", name)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return key.(*rsa.PrivateKey)
}

func (r *rig) Rail() gateways.Gateway { return r.rail }
func (r *rig) Timeout() time.Duration { return 2 * time.Second }
func (r *rig) Traits() conformance.Traits {
	return conformance.Traits{Door: true, DoorOffline: true, QR: true, Closes: true, SignedReturn: true}
}
func (r *rig) URLs() (notify, back string) { return r.notify, "http://127.0.0.1:8080/return/alipay" }

func (r *rig) Replies() (settled, refused conformance.Reply) {
	return conformance.Reply{Status: 200, ContentType: "text/plain", Body: "success"},
		conformance.Reply{Status: 200, ContentType: "text/plain", Body: "fail"}
}

// Arrive opens the cashier as a browser or a scanning phone does, and keeps the
// page's address.
func (r *rig) Arrive(t *testing.T, order gateways.Order, checkout gateways.Checkout) {
	t.Helper()
	door := checkout.RedirectURL
	if door == "" {
		door = checkout.QRContent
	}
	page, err := http.Get(door)
	if err != nil {
		t.Fatal(err)
	}
	defer page.Body.Close()
	if page.StatusCode != http.StatusOK || !strings.Contains(page.Request.URL.Path, "/cashier/") {
		t.Fatalf("the cashier is at %s: %s", page.Request.URL.Path, page.Status)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cashiers[order.OutTradeNo] = page.Request.URL.String()
}

// Pay sends the cashier's form, and keeps what the way back carries, if there
// is one: a phone stays at the cashier.
func (r *rig) Pay(t *testing.T, order gateways.Order) {
	t.Helper()
	r.mu.Lock()
	cashier := r.cashiers[order.OutTradeNo]
	r.mu.Unlock()
	browser := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := browser.PostForm(cashier, url.Values{"outcome": {"pay"}, "fault": {"none"}})
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode >= http.StatusBadRequest {
		t.Fatalf("paying: %s", answer.Status)
	}
	back, err := answer.Location()
	if err != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.returns[order.OutTradeNo] = back.Query()
}

func (r *rig) Return(t *testing.T, outTradeNo string) url.Values {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.returns[outTradeNo] == nil {
		t.Fatalf("no browser came back from %s", outTradeNo)
	}
	return r.returns[outTradeNo]
}

// receive stores a notify and is content with it.
func (r *rig) receive(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	form, parseErr := url.ParseQuery(string(body))
	if err != nil || parseErr != nil {
		http.Error(w, "not a form", http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	no := form.Get("out_trade_no")
	r.notifies[no] = append(r.notifies[no], body)
	fmt.Fprint(w, "success")
}

func (r *rig) Notify(t *testing.T, outTradeNo string) conformance.Message {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		r.mu.Lock()
		bodies := r.notifies[outTradeNo]
		r.mu.Unlock()
		if len(bodies) > 0 {
			return conformance.Message{Body: bodies[len(bodies)-1]}
		}
	}
	t.Fatalf("no notify about %s", outTradeNo)
	return conformance.Message{}
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

func (r *rig) Break(t *testing.T, trouble conformance.Trouble) (mend func()) {
	t.Helper()
	mended := make(chan struct{})
	r.mu.Lock()
	r.trouble, r.mended = trouble, mended
	r.mu.Unlock()
	mend = sync.OnceFunc(func() {
		r.mu.Lock()
		r.trouble = ""
		r.mu.Unlock()
		close(mended)
	})
	t.Cleanup(mend)
	return mend
}

// wire stands before the sandbox and spoils its answers to the rail; what the
// browser asks passes.
func (r *rig) wire(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		r.mu.Lock()
		trouble, mended := r.trouble, r.mended
		r.mu.Unlock()
		if request.Method != http.MethodPost || request.URL.Path != "/gateway.do" {
			trouble = ""
		}
		switch trouble {
		case conformance.Refusing:
			panic(http.ErrAbortHandler) // cuts the connection
		case conformance.Hanging:
			<-mended
		case conformance.Failing:
			http.Error(w, "<html>Bad Gateway</html>", http.StatusBadGateway)
		case conformance.EvilKey:
			resign(w, next, request, func(content string) string { return signText(evilKey(), content) })
		case conformance.Unsigned:
			resign(w, next, request, func(string) string { return "" })
		default:
			next.ServeHTTP(w, request)
		}
	})
}

// resign passes the sandbox's answer on with another signature, or none.
func resign(w http.ResponseWriter, next http.Handler, request *http.Request, sign func(content string) string) {
	genuine := httptest.NewRecorder()
	next.ServeHTTP(genuine, request)
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(genuine.Body.Bytes(), &parts); err != nil {
		http.Error(w, "the sandbox gave no JSON: "+err.Error(), http.StatusInternalServerError)
		return
	}
	var forged bytes.Buffer
	for node, content := range parts {
		if node == "sign" {
			continue
		}
		fmt.Fprintf(&forged, `{%q:%s`, node, content)
		if signature := sign(string(content)); signature != "" {
			fmt.Fprintf(&forged, `,"sign":%q`, signature)
		}
		forged.WriteByte('}')
	}
	forged.WriteTo(w)
}
