package sandbox_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ztc-portal/gateways/sandbox"
)

// morning is when every test begins: 10:00 in Beijing.
var morning = time.Date(2026, 11, 24, 2, 0, 0, 0, time.UTC)

var beijing = time.FixedZone("CST", 8*60*60)

// clock is moved by hand.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// shop is the merchant's side: it takes notifies and gives the answer it is told to.
type shop struct {
	*httptest.Server
	mu       sync.Mutex
	answer   string
	notifies []url.Values
	busy     int
	busiest  int // how many notifies were being answered at once
	slow     time.Duration
}

func newShop(t *testing.T) *shop {
	s := &shop{answer: "success"}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Errorf("notify is not a form: %v", err)
		}
		s.mu.Lock()
		s.notifies = append(s.notifies, r.PostForm)
		s.busy++
		s.busiest = max(s.busiest, s.busy)
		answer, slow := s.answer, s.slow
		s.mu.Unlock()
		time.Sleep(slow)
		s.mu.Lock()
		s.busy--
		s.mu.Unlock()
		if to, redirects := strings.CutPrefix(answer, "redirect:"); redirects {
			http.Redirect(w, r, to, http.StatusFound)
			return
		}
		io.WriteString(w, answer)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *shop) got() []url.Values {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.notifies)
}

func (s *shop) answerWith(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = text
}

// bench is a sandbox, its merchant, and a clock.
type bench struct {
	*testing.T
	box   *sandbox.Sandbox
	web   *httptest.Server
	shop  *shop
	clock *clock

	app      *rsa.PrivateKey
	platform *rsa.PublicKey
	browser  *http.Client
}

// keyDir holds one set of key files for all tests: making them takes long.
var keyDir = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "sandbox-keys-")
	if err != nil {
		return "", err
	}
	box, err := sandbox.Open(sandbox.Options{DataDir: dir})
	if err != nil {
		return "", err
	}
	return dir, box.Close(context.Background())
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := keyDir(); err == nil {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

// must gives the value of a call that may not fail: must(call())(t).
func must[T any](value T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// newBench opens a sandbox with its clock at morning; change may alter the
// options. The test runs beside others from here on.
func newBench(t *testing.T, change ...func(*sandbox.Options)) *bench {
	t.Helper()
	t.Parallel()
	dir := t.TempDir()
	for _, file := range must(filepath.Glob(filepath.Join(must(keyDir())(t), "*.pem")))(t) {
		text := must(os.ReadFile(file))(t)
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(file)), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b := &bench{T: t, shop: newShop(t), clock: &clock{now: morning}}
	options := sandbox.Options{DataDir: dir, Now: b.clock.Now, Log: slog.New(slog.DiscardHandler)}
	for _, alter := range change {
		alter(&options)
	}
	b.start(options)
	return b
}

// start opens the sandbox and serves it until the test ends.
func (b *bench) start(options sandbox.Options) {
	b.Helper()
	b.box = must(sandbox.Open(options))(b.T)
	b.web = httptest.NewServer(b.box.Handler())
	web, box := b.web, b.box
	b.Cleanup(func() {
		web.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		box.Close(ctx)
	})
	b.browser = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	m := b.box.Merchant()
	b.app = parse(b.T, m.AppPrivateKeyFile, x509.ParsePKCS8PrivateKey).(*rsa.PrivateKey)
	b.platform = parse(b.T, m.PlatformPublicKeyFile, x509.ParsePKIXPublicKey).(*rsa.PublicKey)
}

func parse(t *testing.T, file string, read func([]byte) (any, error)) any {
	t.Helper()
	block, _ := pem.Decode(must(os.ReadFile(file))(t))
	if block == nil {
		t.Fatalf("%s holds no PEM block", file)
	}
	return must(read(block.Bytes))(t)
}

type fields map[string]string

// joined is the string under a signature, written here a second time.
func joined(params fields, without ...string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(params)) {
		if params[name] != "" && !slices.Contains(without, name) {
			parts = append(parts, name+"="+params[name])
		}
	}
	return strings.Join(parts, "&")
}

func (b *bench) sign(content string) string {
	b.Helper()
	sum := sha256.Sum256([]byte(content))
	return base64.StdEncoding.EncodeToString(must(rsa.SignPKCS1v15(rand.Reader, b.app, crypto.SHA256, sum[:]))(b.T))
}

// genuine says whether the gateway signed content.
func (b *bench) genuine(content, signature string) bool {
	b.Helper()
	sum := sha256.Sum256([]byte(content))
	raw := must(base64.StdEncoding.DecodeString(signature))(b.T)
	return rsa.VerifyPKCS1v15(b.platform, crypto.SHA256, sum[:], raw) == nil
}

// genuineMessage says so for a notify or a return.
func (b *bench) genuineMessage(message url.Values) bool {
	b.Helper()
	params := fields{}
	for name := range message {
		params[name] = message.Get(name)
	}
	return b.genuine(joined(params, "sign", "sign_type"), message.Get("sign"))
}

// params are a signed request; change may alter it before it is signed.
func (b *bench) params(method string, biz fields, change ...func(fields)) fields {
	b.Helper()
	params := fields{
		"app_id": b.box.Merchant().AppID, "method": method, "format": "JSON", "charset": "utf-8",
		"sign_type": "RSA2", "timestamp": b.clock.Now().In(beijing).Format(time.DateTime), "version": "1.0",
		"biz_content": string(must(json.Marshal(biz))(b.T)),
	}
	for _, alter := range change {
		alter(params)
	}
	params["sign"] = b.sign(joined(params, "sign"))
	return params
}

func form(params fields) url.Values {
	values := url.Values{}
	for name, value := range params {
		values.Set(name, value)
	}
	return values
}

// post sends a request as it is, and gives status and body.
func (b *bench) post(params fields) (int, []byte) {
	b.Helper()
	response := must(http.PostForm(b.web.URL+"/gateway.do", form(params)))(b.T)
	defer response.Body.Close()
	return response.StatusCode, must(io.ReadAll(response.Body))(b.T)
}

// call sends a signed request and gives the fields of the answer, whose
// signature it has checked over the raw bytes.
func (b *bench) call(method string, biz fields, change ...func(fields)) map[string]any {
	b.Helper()
	status, body := b.post(b.params(method, biz, change...))
	if status != http.StatusOK {
		b.Fatalf("%s answered %d %s", method, status, body)
	}
	var outer map[string]json.RawMessage
	if err := json.Unmarshal(body, &outer); err != nil {
		b.Fatalf("%s answered %s: %v", method, body, err)
	}
	inner, there := outer[strings.ReplaceAll(method, ".", "_")+"_response"]
	if !there {
		b.Fatalf("%s answered %s", method, body)
	}
	if !bytes.Contains(body, inner) || !b.genuine(string(inner), strings.Trim(string(outer["sign"]), `"`)) {
		b.Fatalf("%s: the signature is not of the bytes sent: %s", method, body)
	}
	var answer map[string]any
	if err := json.Unmarshal(inner, &answer); err != nil {
		b.Fatal(err)
	}
	return answer
}

// order is a page.pay of ¥16.50 that expires in half an hour.
func (b *bench) order(no string) fields {
	return fields{
		"out_trade_no": no, "total_amount": "16.50", "subject": "广告充值", "product_code": "FAST_INSTANT_TRADE_PAY",
		"time_expire": b.clock.Now().Add(30 * time.Minute).In(beijing).Format(time.DateTime),
	}
}

func (b *bench) urls(params fields) {
	params["notify_url"] = b.shop.URL + "/notify/alipay"
	params["return_url"] = b.shop.URL + "/return/alipay"
}

// get opens an address as a browser does, without following a redirect.
func (b *bench) get(address string) (*http.Response, string) {
	b.Helper()
	response := must(b.browser.Get(address))(b.T)
	defer response.Body.Close()
	return response, string(must(io.ReadAll(response.Body))(b.T))
}

// reach goes through page.pay and gives the address of the cashier.
func (b *bench) reach(biz fields, change ...func(fields)) string {
	b.Helper()
	params := b.params("alipay.trade.page.pay", biz, append([]func(fields){b.urls}, change...)...)
	response, body := b.get(b.web.URL + "/gateway.do?" + form(params).Encode())
	if response.StatusCode != http.StatusFound {
		b.Fatalf("page.pay answered %d %s", response.StatusCode, body)
	}
	return b.web.URL + response.Header.Get("Location")
}

// choose sends the cashier's form.
func (b *bench) choose(cashier, outcome, fault string) (*http.Response, string) {
	b.Helper()
	response := must(b.browser.PostForm(cashier, url.Values{"outcome": {outcome}, "fault": {fault}}))(b.T)
	defer response.Body.Close()
	return response, string(must(io.ReadAll(response.Body))(b.T))
}

// status asks the gateway for the state of a trade; "" if it does not exist.
func (b *bench) status(no string) string {
	b.Helper()
	answer := b.call("alipay.trade.query", fields{"out_trade_no": no})
	if answer["sub_code"] == "ACQ.TRADE_NOT_EXIST" {
		return ""
	}
	b.want("query code", answer["code"], "10000")
	return answer["trade_status"].(string)
}

func (b *bench) want(what string, got, want any) {
	b.Helper()
	if got != want {
		b.Fatalf("%s is %v, want %v", what, got, want)
	}
}

// eventually waits for something that happens beside the test.
func (b *bench) eventually(what string, happened func() bool) {
	b.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if happened() {
			return
		}
	}
	b.Fatalf("never happened: %s", what)
}

// settled waits until n notifies came and nothing more is being sent.
func (b *bench) settled(n int) []url.Values {
	b.Helper()
	b.eventually("notifies arrive", func() bool { return len(b.shop.got()) >= n })
	time.Sleep(300 * time.Millisecond) // longer than the notifier's tick: one too many would have come
	got := b.shop.got()
	b.want("number of notifies", len(got), n)
	return got
}
