package wechat_test

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"

	"ztc-portal/gateways"
	"ztc-portal/gateways/conformance"
	"ztc-portal/gateways/wechat"
)

// The other side of the wire for these tests, written from the protocol alone:
// nothing of the adapter's, its library's or the sandbox's signing is used.

const (
	testMch    = "1900000001"
	testApp    = "wx0123456789abcdef"
	testSerial = "0123456789ABCDEF0123456789ABCDEF01234567"
	testAPIKey = "0123456789abcdef0123456789ABCDEF"
	testKeyID  = "PUB_KEY_ID_0100000001"
	nextKeyID  = "PUB_KEY_ID_0100000002"
	testNo     = "R260304ABCDEFGHJKMNPQ"
	noGateway  = "http://127.0.0.1:1"
)

var merchantKey, platformKey, nextKey, evilKey = newKey(), newKey(), newKey(), newKey()

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
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
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

// signer is who vouches for a message, and when.
type signer struct {
	key *rsa.PrivateKey
	id  string
	at  time.Time
}

// genuine is the platform, now.
func genuine() signer { return signer{platformKey(), testKeyID, time.Now()} }

// headers are those of a message with this body.
func (s signer) headers(body string) http.Header {
	stamp, nonce := strconv.FormatInt(s.at.Unix(), 10), rand.Text()
	header := http.Header{}
	header.Set("Wechatpay-Serial", s.id)
	header.Set("Wechatpay-Timestamp", stamp)
	header.Set("Wechatpay-Nonce", nonce)
	header.Set("Wechatpay-Signature", signText(s.key, stamp+"\n"+nonce+"\n"+body+"\n"))
	return header
}

func gcm(key string) cipher.AEAD {
	block, err := aes.NewCipher([]byte(key))
	if err != nil {
		panic(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return aead
}

// fields is a JSON object under construction.
type fields map[string]any

func (f fields) encode() string {
	text, err := json.Marshal(f)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// with gives a copy with another value; nil takes the field out.
func (f fields) with(name string, value any) fields {
	changed := maps.Clone(f)
	changed[name] = value
	if value == nil {
		delete(changed, name)
	}
	return changed
}

// paid is a payment as a query and a notify tell it.
func paid() fields {
	return fields{
		"appid": testApp, "mchid": testMch, "out_trade_no": testNo, "transaction_id": "4200000000202603040000000001",
		"trade_type": "NATIVE", "trade_state": "SUCCESS", "trade_state_desc": "支付成功", "bank_type": "OTHERS", "attach": "",
		"success_time": "2026-03-04T20:01:00+08:00", "payer": fields{"openid": "o-1"},
		"amount": fields{"total": 160000, "payer_total": 160000, "currency": "CNY", "payer_currency": "CNY"},
	}
}

// refunded is a refund as a notify tells it.
func refunded() fields {
	return fields{
		"mchid": testMch, "out_trade_no": testNo, "transaction_id": "4200000000202603040000000001", "out_refund_no": "F0001REFUND",
		"refund_id": "50300000000000000001", "refund_status": "SUCCESS", "success_time": "2026-03-05T09:00:00+08:00",
		"user_received_account": "支付用户零钱", "amount": fields{"total": 160000, "refund": 5000, "payer_total": 160000, "payer_refund": 5000},
	}
}

// envelope seals what a notify tells.
func envelope(event, kind, key string, plain string) fields {
	nonce := rand.Text()[:12]
	return fields{
		"id": "EV-20260304200100000001", "create_time": "2026-03-04T20:01:00+08:00", "event_type": event,
		"resource_type": "encrypt-resource", "summary": "支付成功",
		"resource": fields{
			"algorithm": "AEAD_AES_256_GCM", "original_type": kind, "associated_data": kind, "nonce": nonce,
			"ciphertext": base64.StdEncoding.EncodeToString(gcm(key).Seal(nil, []byte(nonce), []byte(plain), []byte(kind))),
		},
	}
}

func paidNotice(plain fields) fields {
	return envelope("TRANSACTION.SUCCESS", "transaction", testAPIKey, plain.encode())
}

func refundNotice(plain fields) fields {
	return envelope("REFUND.SUCCESS", "refund", testAPIKey, plain.encode())
}

// signed is a message with its headers.
func (s signer) signed(body fields) conformance.Message {
	text := body.encode()
	return conformance.Message{Header: s.headers(text), Body: []byte(text)}
}

func testConfig(base string) wechat.Config {
	return wechat.Config{
		BaseURL: base, MchID: testMch, AppID: testApp, Serial: testSerial, PrivateKeyPEM: privatePEM(merchantKey()), APIKey: testAPIKey,
		PublicKeys: []wechat.PublicKey{{ID: testKeyID, PEM: publicPEM(platformKey())}, {ID: nextKeyID, PEM: publicPEM(nextKey())}},
		Timeout:    2 * time.Second,
	}
}

func newRail(t testing.TB, base string) *wechat.Rail {
	t.Helper()
	rail, err := wechat.New(testConfig(base))
	if err != nil {
		t.Fatal(err)
	}
	return rail
}

func testOrder() gateways.Order {
	return gateways.Order{
		OutTradeNo: testNo, AmountFen: 1600_00, Subject: "直通车充值", ExpiresAt: time.Date(2026, 3, 4, 12, 30, 0, 0, time.UTC),
		NotifyURL: "https://portal.test/notify/wechat", PageURL: "https://portal.test/payments/" + testNo,
	}
}

func serve(t testing.TB, handler http.Handler) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// seen is one request as it reached the gateway.
type seen struct {
	method, uri, body, authorization, serial string
}

// cannedGateway answers every call with one status and body, signed by by.
type cannedGateway struct {
	status int
	body   string
	by     signer
	mu     sync.Mutex
	asked  []seen
}

func (g *cannedGateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(err)
	}
	g.mu.Lock()
	g.asked = append(g.asked, seen{r.Method, r.RequestURI, string(body), r.Header.Get("Authorization"), r.Header.Get("Wechatpay-Serial")})
	g.mu.Unlock()
	if g.by.key != nil {
		for name, values := range g.by.headers(g.body) {
			w.Header()[name] = values
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(g.status)
	io.WriteString(w, g.body)
}

var authorization = regexp.MustCompile(`^WECHATPAY2-SHA256-RSA2048 mchid="(\d+)",nonce_str="(\w+)",timestamp="(\d+)",serial_no="(\w+)",signature="([^"]+)"$`)

// mustBeSigned checks a request's signature by the bare rule.
func (s seen) mustBeSigned(t *testing.T) {
	t.Helper()
	parts := authorization.FindStringSubmatch(s.authorization)
	if parts == nil {
		t.Fatalf("Authorization: %s", s.authorization)
	}
	if parts[1] != testMch || parts[4] != testSerial || s.serial != testKeyID {
		t.Errorf("merchant %s, certificate %s, wants to be answered by %s", parts[1], parts[4], s.serial)
	}
	text := fmt.Sprintf("%s\n%s\n%s\n%s\n%s\n", s.method, s.uri, parts[3], parts[2], s.body)
	if err := verifyText(&merchantKey().PublicKey, text, parts[5]); err != nil {
		t.Errorf("%s %s is not signed: %v", s.method, s.uri, err)
	}
}
