package unionpay_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"ztc-portal/gateways/sandbox"
	"ztc-portal/gateways/unionpay"
)

// The other side of the wire for these tests, written from the protocol alone:
// nothing of the adapter's or the sandbox's signing is used.

const (
	testMerID = "777290058110048"
	testNo    = "R260304ABCDEFGHJKMNPQ"
)

// beijing is the only time zone of the wire.
var beijing = time.FixedZone("CST", 8*60*60)

// testNow is when the canned messages are read.
var testNow = time.Date(2026, 3, 4, 12, 5, 0, 0, time.UTC)

// certified is a key with its certificate.
type certified struct {
	key         *rsa.PrivateKey
	certificate *x509.Certificate
}

func (c certified) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.certificate.Raw}))
}

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

var rootKey, middleKey, signerKey, shopKey, evilKey = newKey(), newKey(), newKey(), newKey(), newKey()

// authority is the certificates of the canned side: those of UnionPay, and ones
// that are like them but for one thing.
type authority struct{ root, middle, signer, shop certified }

var far = sync.OnceValue(func() authority {
	var a authority
	a.root = certify("CFCA TEST CS CA", rootKey(), nil, true)
	a.middle = certify("CFCA TEST OCA1", middleKey(), &a.root, true)
	a.signer = certify("041@Z12@中国银联股份有限公司@00000001", signerKey(), &a.middle, false)
	a.shop = certify("041@Z12@"+testMerID+"@00000002", shopKey(), &a.middle, false)
	return a
})

// certify has a key certified, by itself if by is nil, for the years around the
// tests or for those given.
func certify(name string, key *rsa.PrivateKey, by *certified, isCA bool, years ...int) certified {
	if len(years) == 0 {
		years = []int{2020, 2040}
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<50))
	if err != nil {
		panic(err)
	}
	plan := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, BasicConstraintsValid: true, IsCA: isCA,
		NotBefore: time.Date(years[0], 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(years[1], 1, 1, 0, 0, 0, 0, time.UTC),
		KeyUsage: x509.KeyUsageDigitalSignature,
	}
	if isCA {
		plan.KeyUsage = x509.KeyUsageCertSign
	}
	if by == nil {
		by = &certified{key, plan}
	}
	der, err := x509.CreateCertificate(rand.Reader, plan, by.certificate, &key.PublicKey, by.key)
	if err != nil {
		panic(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return certified{key, made}
}

// shopPFX is the merchant's file, under the password "secret".
var shopPFX = sync.OnceValue(func() []byte {
	pfx, err := pkcs12.Modern2023.Encode(shopKey(), far().shop.certificate, nil, "secret")
	if err != nil {
		panic(err)
	}
	return pfx
})

// signedText is what is signed of a form.
func signedText(form url.Values) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(form)) {
		if name != "signature" && form.Get(name) != "" {
			parts = append(parts, name+"="+form.Get(name))
		}
	}
	return strings.Join(parts, "&")
}

func digestOf(form url.Values) []byte {
	sum := sha256.Sum256([]byte(signedText(form)))
	again := sha256.Sum256([]byte(fmt.Sprintf("%x", sum[:])))
	return again[:]
}

// signForm signs as the holder of a certificate.
func signForm(by certified, form url.Values) url.Values {
	form.Set("signPubKeyCert", by.pem())
	signature, err := rsa.SignPKCS1v15(nil, by.key, crypto.SHA256, digestOf(form))
	if err != nil {
		panic(err)
	}
	form.Set("signature", base64.StdEncoding.EncodeToString(signature))
	return form
}

// verifyForm verifies a form by the certificate in it, whosever that is.
func verifyForm(form url.Values) error {
	block, _ := pem.Decode([]byte(form.Get("signPubKeyCert")))
	if block == nil {
		return fmt.Errorf("no certificate in it")
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return err
	}
	return verifyBy(certificate.PublicKey.(*rsa.PublicKey), form)
}

func verifyBy(key *rsa.PublicKey, form url.Values) error {
	signature, err := base64.StdEncoding.DecodeString(form.Get("signature"))
	if err != nil {
		return err
	}
	return rsa.VerifyPKCS1v15(key, crypto.SHA256, digestOf(form), signature)
}

// pairs reads an answer, raw writes one: nothing in it is escaped.
func pairs(body string) url.Values {
	form := url.Values{}
	for _, pair := range strings.Split(body, "&") {
		name, value, _ := strings.Cut(pair, "=")
		form.Set(name, value)
	}
	return form
}

func raw(form url.Values) string {
	var parts []string
	for name := range form {
		parts = append(parts, name+"="+form.Get(name))
	}
	return strings.Join(parts, "&")
}

// message is a back notify of a payment, or with changes (name, value pairs; an
// empty value takes the field out) something else.
func message(changes ...string) url.Values {
	form := url.Values{}
	for name, value := range map[string]string{
		"version": "5.1.0", "encoding": "UTF-8", "signMethod": "01", "txnType": "01", "txnSubType": "01", "bizType": "000201", "accessType": "0",
		"merId": testMerID, "orderId": testNo, "txnTime": "20260304200000", "txnAmt": "160000", "currencyCode": "156",
		"queryId": "202603042000001234568", "traceNo": "234568", "traceTime": "0304200100", "settleDate": "0304", "settleAmt": "160000",
		"settleCurrencyCode": "156", "payCardType": "01", "respCode": "00", "respMsg": "Success! 成功 100% + 20",
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

func testConfig(gateway string) unionpay.Config {
	return unionpay.Config{
		GatewayURL: gateway, MerID: testMerID, PFX: shopPFX(), Password: "secret",
		RootPEM: []byte(far().root.pem()), MiddlePEM: []byte(far().middle.pem()),
		Now: func() time.Time { return testNow }, Timeout: 5 * time.Second,
	}
}

func newRail(t testing.TB, gateway string) *unionpay.Rail {
	t.Helper()
	rail, err := unionpay.New(testConfig(gateway))
	if err != nil {
		t.Fatal(err)
	}
	return rail
}

const noGateway = "http://127.0.0.1:1"

// canned answers every call with what is made of its fields, signed, after it
// has checked the request's own signature.
type canned struct {
	answer func(asked url.Values) url.Values
	mu     sync.Mutex
	asked  []url.Values
}

func (c *canned) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, "not a form", http.StatusBadRequest)
		return
	}
	if err := verifyBy(&shopKey().PublicKey, r.PostForm); err != nil {
		http.Error(w, "request signature: "+err.Error(), http.StatusForbidden)
		return
	}
	c.mu.Lock()
	c.asked = append(c.asked, r.PostForm)
	c.mu.Unlock()
	fmt.Fprint(w, raw(signForm(far().signer, c.answer(r.PostForm))))
}

// answering gives a rail whose gateway answers a message with these changes.
func answering(t *testing.T, changes ...string) (*unionpay.Rail, *canned) {
	t.Helper()
	gateway := &canned{answer: func(url.Values) url.Values { return message(changes...) }}
	return newRail(t, serve(t, gateway)), gateway
}

// serve runs a handler on this machine until the test ends.
func serve(t testing.TB, handler http.Handler) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func configOf(t testing.TB, m sandbox.UnionpayMerchant, gateway string) unionpay.Config {
	t.Helper()
	return unionpay.Config{
		GatewayURL: gateway, FileURL: gateway + m.FilePath, MerID: m.MerID, Test: true,
		PFX: read(t, m.PFXFile), Password: strings.TrimSpace(string(read(t, m.PasswordFile))),
		RootPEM: read(t, m.RootCertFile), MiddlePEM: read(t, m.MiddleCertFile),
	}
}

// ownCertificate is the merchant's, as its file holds it.
func ownCertificate(t testing.TB, m sandbox.UnionpayMerchant) certified {
	t.Helper()
	key, certificate, _, err := pkcs12.DecodeChain(read(t, m.PFXFile), strings.TrimSpace(string(read(t, m.PasswordFile))))
	if err != nil {
		t.Fatal(err)
	}
	return certified{key.(*rsa.PrivateKey), certificate}
}
