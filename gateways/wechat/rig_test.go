package wechat_test

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"log/slog"
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
	"ztc-portal/gateways/conformance"
	"ztc-portal/gateways/sandbox"
	"ztc-portal/gateways/wechat"
)

func TestConformance(t *testing.T) { conformance.Exercise(t, newRig(t)) }

// rig is the rail with the sandbox on the other side, and a wire between the
// two that can be made to fail.
type rig struct {
	rail     *wechat.Rail
	far      *sandbox.Sandbox
	gateway  string // the sandbox as the rail and the browser see it
	notify   string // where its notifies arrive
	merchant sandbox.WechatMerchant
	platform *rsa.PrivateKey // the sandbox's own key
	apiKey   string

	mu       sync.Mutex
	trouble  conformance.Trouble
	mended   chan struct{}
	cashiers map[string]string                // out_trade_no → address of the cashier page
	notifies map[string][]conformance.Message // out_trade_no → payments told, oldest first
	refunds  map[string][]conformance.Message // out_trade_no → refunds told
}

var _ conformance.Rig = (*rig)(nil)

func newRig(t *testing.T) *rig {
	t.Helper()
	dir := t.TempDir()
	far, err := sandbox.OpenWechat(sandbox.Options{DataDir: dir, RefundTakes: 200 * time.Millisecond, Log: slog.New(slog.DiscardHandler)})
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
		far: far, merchant: far.WechatMerchant(), platform: readPrivateKey(t, filepath.Join(dir, "platform_private_key.pem")),
		cashiers: map[string]string{}, notifies: map[string][]conformance.Message{}, refunds: map[string][]conformance.Message{},
	}
	r.apiKey = readFile(t, r.merchant.APIKeyFile)
	r.gateway = serve(t, r.wire(far.Handler()))
	r.notify = serve(t, http.HandlerFunc(r.receive))
	r.rail, err = wechat.New(wechat.Config{
		BaseURL: r.gateway, MchID: r.merchant.MchID, AppID: r.merchant.AppID, Serial: r.merchant.Serial, Timeout: r.Timeout(),
		PrivateKeyPEM: readFile(t, r.merchant.PrivateKeyFile), APIKey: r.apiKey,
		PublicKeys: []wechat.PublicKey{{ID: r.merchant.PublicKeyID, PEM: readFile(t, r.merchant.PublicKeyFile)}},
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
	return conformance.Traits{QR: true, KnownAtOnce: true, Closes: true, RefundsLater: true, StaysPaid: true}
}
func (r *rig) URLs() (notify, back string) { return r.notify, "http://127.0.0.1:8080/return/wechat" }

func (r *rig) Replies() (settled, refused conformance.Reply) {
	return conformance.Reply{Status: 200, ContentType: "application/json", Body: `{"code":"SUCCESS","message":""}`},
		conformance.Reply{Status: 500, ContentType: "application/json", Body: `{"code":"FAIL","message":"not settled"}`}
}

// Arrive scans the code as a phone does, and keeps the cashier's address.
func (r *rig) Arrive(t *testing.T, order gateways.Order, checkout gateways.Checkout) {
	t.Helper()
	page, err := http.Get(checkout.QRContent)
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

// Pay sends the cashier's form.
func (r *rig) Pay(t *testing.T, order gateways.Order) {
	t.Helper()
	r.mu.Lock()
	cashier := r.cashiers[order.OutTradeNo]
	r.mu.Unlock()
	answer, err := http.PostForm(cashier, url.Values{"outcome": {"pay"}, "fault": {"none"}})
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode >= http.StatusBadRequest {
		t.Fatalf("paying: %s", answer.Status)
	}
}

// Return: the browser brings nothing that is signed.
func (r *rig) Return(*testing.T, string) url.Values { return nil }

// receive stores a notify and is content with it.
func (r *rig) receive(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	var told struct {
		OutTradeNo  string `json:"out_trade_no"`
		OutRefundNo string `json:"out_refund_no"`
	}
	if err == nil {
		err = json.Unmarshal(unseal(r.apiKey, body), &told)
	}
	if err != nil {
		http.Error(w, "not a notify", http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	kept, message := r.notifies, conformance.Message{Header: request.Header, Body: body}
	if told.OutRefundNo != "" {
		kept = r.refunds
	}
	kept[told.OutTradeNo] = append(kept[told.OutTradeNo], message)
	w.WriteHeader(http.StatusNoContent)
}

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

func (r *rig) Notify(t *testing.T, outTradeNo string) conformance.Message {
	t.Helper()
	return r.arrived(t, r.notifies, outTradeNo)
}

// arrived waits for the latest message about a payment.
func (r *rig) arrived(t *testing.T, kept map[string][]conformance.Message, outTradeNo string) conformance.Message {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		r.mu.Lock()
		messages := kept[outTradeNo]
		r.mu.Unlock()
		if len(messages) > 0 {
			return messages[len(messages)-1]
		}
	}
	t.Fatalf("no notify about %s", outTradeNo)
	return conformance.Message{}
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
		if !strings.HasPrefix(request.URL.Path, "/v3/") {
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
			resign(w, next, request, func(body string) http.Header {
				return signer{evilKey(), r.merchant.PublicKeyID, time.Now()}.headers(body)
			})
		case conformance.Unsigned:
			resign(w, next, request, func(string) http.Header { return nil })
		default:
			next.ServeHTTP(w, request)
		}
	})
}

// resign passes the sandbox's answer on with another signature, or none.
func resign(w http.ResponseWriter, next http.Handler, request *http.Request, sign func(body string) http.Header) {
	answer := httptest.NewRecorder()
	next.ServeHTTP(answer, request)
	for name, values := range answer.Header() {
		if !strings.HasPrefix(name, "Wechatpay-") {
			w.Header()[name] = values
		}
	}
	for name, values := range sign(answer.Body.String()) {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	w.Write(answer.Body.Bytes())
}
