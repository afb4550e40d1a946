package sandbox_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"ztc-portal/gateways/sandbox"
)

const wechatNo = "R261124ABCDEFGHJKMNPQ"

// wechatBench is WeChat Pay's side, its merchant, and a clock.
type wechatBench struct {
	*testing.T
	box      *sandbox.Sandbox
	url      string
	clock    *clock
	merchant sandbox.WechatMerchant
	key      *rsa.PrivateKey // the merchant's
	platform *rsa.PublicKey
	shop     string // takes notifies

	mu     sync.Mutex
	status int // that the shop answers
	told   []map[string]any
}

func newWechatBench(t *testing.T, path string) *wechatBench {
	t.Helper()
	t.Parallel()
	dir := t.TempDir()
	for _, file := range must(filepath.Glob(filepath.Join(must(keyDir())(t), "*.pem")))(t) {
		text := must(os.ReadFile(file))(t)
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(file)), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b := &wechatBench{T: t, clock: &clock{now: morning}, status: http.StatusNoContent}
	b.box = must(sandbox.OpenWechat(sandbox.Options{DataDir: dir, Now: b.clock.Now, Path: path, Log: slog.New(slog.DiscardHandler)}))(t)
	mux := http.NewServeMux()
	mux.Handle(path+"/", b.box.Handler())
	web := httptest.NewServer(mux)
	shop := httptest.NewServer(http.HandlerFunc(b.hear))
	t.Cleanup(func() {
		web.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		b.box.Close(ctx)
		shop.Close()
	})
	b.url, b.shop, b.merchant = web.URL+path, shop.URL, b.box.WechatMerchant()
	b.key = parse(t, b.merchant.PrivateKeyFile, x509.ParsePKCS8PrivateKey).(*rsa.PrivateKey)
	b.platform = parse(t, b.merchant.PublicKeyFile, x509.ParsePKIXPublicKey).(*rsa.PublicKey)
	return b
}

// hear takes a notify: it must be signed, and opens with the APIv3 key.
func (b *wechatBench) hear(w http.ResponseWriter, r *http.Request) {
	body := must(io.ReadAll(r.Body))(b.T)
	b.genuine(r.Header, string(body))
	var message struct {
		EventType string `json:"event_type"`
		Resource  struct {
			Ciphertext, Nonce string
			AssociatedData    string `json:"associated_data"`
		}
	}
	if err := json.Unmarshal(body, &message); err != nil {
		b.Error(err)
	}
	block := must(aes.NewCipher(must(os.ReadFile(b.merchant.APIKeyFile))(b.T)))(b.T)
	sealed := must(base64.StdEncoding.DecodeString(message.Resource.Ciphertext))(b.T)
	plain := must(must(cipher.NewGCM(block))(b.T).Open(nil, []byte(message.Resource.Nonce), sealed, []byte(message.Resource.AssociatedData)))(b.T)
	told := map[string]any{"event": message.EventType}
	if err := json.Unmarshal(plain, &told); err != nil {
		b.Error(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.told = append(b.told, told)
	w.WriteHeader(b.status)
}

// genuine wants a message signed by the platform, just now.
func (b *wechatBench) genuine(header http.Header, body string) {
	b.Helper()
	stamp := header.Get("Wechatpay-Timestamp")
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || time.Since(time.Unix(seconds, 0)).Abs() > time.Minute || header.Get("Wechatpay-Serial") != b.merchant.PublicKeyID {
		b.Errorf("dated %q, signed by %q", stamp, header.Get("Wechatpay-Serial"))
	}
	with := &bench{T: b.T, platform: b.platform}
	if !with.genuine(stamp+"\n"+header.Get("Wechatpay-Nonce")+"\n"+body+"\n", header.Get("Wechatpay-Signature")) {
		b.Errorf("not signed: %s", body)
	}
}

// request is a signed call; change may alter the parts of its signature.
func (b *wechatBench) request(method, uri, body string, change func(parts map[string]string)) *http.Request {
	b.Helper()
	r := must(http.NewRequest(method, b.url+uri, strings.NewReader(body)))(b.T)
	parts := map[string]string{
		"mchid": b.merchant.MchID, "serial_no": b.merchant.Serial, "nonce_str": rand.Text(), "timestamp": strconv.FormatInt(time.Now().Unix(), 10),
		"uri": r.URL.RequestURI(), "body": body, "scheme": "WECHATPAY2-SHA256-RSA2048",
	}
	change(parts)
	with := &bench{T: b.T, app: b.key}
	signature := with.sign(strings.Join([]string{method, parts["uri"], parts["timestamp"], parts["nonce_str"], parts["body"]}, "\n") + "\n")
	r.Header.Set("Authorization", fmt.Sprintf(`%s mchid="%s",nonce_str="%s",timestamp="%s",serial_no="%s",signature="%s"`,
		parts["scheme"], parts["mchid"], parts["nonce_str"], parts["timestamp"], parts["serial_no"], signature))
	return r
}

// call sends a signed call and gives status and body, whose signature it has checked.
func (b *wechatBench) call(method, uri string, fields map[string]any) (int, map[string]any) {
	b.Helper()
	body := ""
	if fields != nil {
		body = string(must(json.Marshal(fields))(b.T))
	}
	response := must(http.DefaultClient.Do(b.request(method, uri, body, func(map[string]string) {})))(b.T)
	defer response.Body.Close()
	text := must(io.ReadAll(response.Body))(b.T)
	if response.StatusCode != http.StatusBadGateway {
		b.genuine(response.Header, string(text))
	}
	var answer map[string]any
	if len(text) > 0 && response.StatusCode != http.StatusBadGateway {
		if err := json.Unmarshal(text, &answer); err != nil {
			b.Fatalf("%s: %v", text, err)
		}
	}
	return response.StatusCode, answer
}

// refuses wants a call refused with a status and a code.
func (b *wechatBench) refuses(method, uri string, fields map[string]any, status int, code string) {
	b.Helper()
	if got, answer := b.call(method, uri, fields); got != status || answer["code"] != code || answer["message"] == "" {
		b.Errorf("%s %s: %d %v, want %d %s", method, uri, got, answer, status, code)
	}
}

// Who scanned a code has no merchant's page to go back to: the cashier says what
// was chosen.
func TestWechatRefusedAfterScanningSaysSo(t *testing.T) {
	b := newWechatBench(t, "/wechat")
	cashier := must(http.Get(b.placed()))(t)
	cashier.Body.Close()
	refused := must(http.PostForm(cashier.Request.URL.String(), url.Values{"outcome": {"refuse"}}))(t)
	page := string(must(io.ReadAll(refused.Body))(t))
	refused.Body.Close()
	if !strings.Contains(page, "您没有付款") || strings.Contains(page, "<form") {
		t.Errorf("%d: the page does not say that nothing was taken, or asks again", refused.StatusCode)
	}
	if b.state() != "NOTPAY" {
		t.Errorf("refused: %v", b.state())
	}
}

func (b *wechatBench) order() map[string]any {
	return map[string]any{
		"appid": b.merchant.AppID, "mchid": b.merchant.MchID, "description": "广告充值", "out_trade_no": wechatNo, "notify_url": b.shop,
		"time_expire": b.clock.Now().Add(30 * time.Minute).In(beijing).Format(time.RFC3339), "amount": map[string]any{"total": 1650, "currency": "CNY"},
	}
}

func (b *wechatBench) placed() (code string) {
	b.Helper()
	status, answer := b.call("POST", "/v3/pay/transactions/native", b.order())
	if status != http.StatusOK {
		b.Fatalf("native: %d %v", status, answer)
	}
	return answer["code_url"].(string)
}

const wechatOrderPath = "/v3/pay/transactions/out-trade-no/" + wechatNo

func (b *wechatBench) state() any {
	b.Helper()
	_, answer := b.call("GET", wechatOrderPath+"?mchid="+b.merchant.MchID, nil)
	return answer["trade_state"]
}

func TestWechatRefusesCallsThatAreNotTheMerchants(t *testing.T) {
	b := newWechatBench(t, "/wechat")
	uri := wechatOrderPath + "?mchid=" + b.merchant.MchID
	for name, change := range map[string]func(map[string]string){
		"another merchant":    func(p map[string]string) { p["mchid"] = "1900000001" },
		"another certificate": func(p map[string]string) { p["serial_no"] = "00" },
		"another address":     func(p map[string]string) { p["uri"] = uri }, // without the path that the sandbox stands at
		"another body":        func(p map[string]string) { p["body"] = "{}" },
		"six minutes ago":     func(p map[string]string) { p["timestamp"] = strconv.FormatInt(time.Now().Unix()-360, 10) },
		"no time":             func(p map[string]string) { p["timestamp"] = "now" },
		"another scheme":      func(p map[string]string) { p["scheme"] = "WECHATPAY2-SM2-WITH-SM3" },
	} {
		response := must(http.DefaultClient.Do(b.request("GET", uri, "", change)))(t)
		text := must(io.ReadAll(response.Body))(t)
		response.Body.Close()
		if response.StatusCode != http.StatusUnauthorized || !strings.Contains(string(text), `"SIGN_ERROR"`) || response.Header.Get("Wechatpay-Signature") != "" {
			t.Errorf("%s: %s %s", name, response.Status, text)
		}
	}
	b.refuses("GET", uri, nil, http.StatusNotFound, "ORDER_NOT_EXIST")
}

func TestWechatOrdersAreChecked(t *testing.T) {
	b := newWechatBench(t, "")
	for name, value := range map[string]any{
		"out_trade_no": "R1", "amount": map[string]any{"total": 0, "currency": "CNY"}, "description": strings.Repeat("a", 128), "notify_url": "https://portal.example/notify",
		"time_expire": "2026-11-24 10:30:00",
	} {
		order := b.order()
		order[name] = value
		b.refuses("POST", "/v3/pay/transactions/native", order, http.StatusBadRequest, "PARAM_ERROR")
	}
	order := b.order()
	order["appid"] = "wx0000000000000000"
	b.refuses("POST", "/v3/pay/transactions/native", order, http.StatusBadRequest, "APPID_MCHID_NOT_MATCH")
	b.refuses("POST", "/v3/pay/transactions/h5", b.order(), http.StatusBadRequest, "PARAM_ERROR")

	if first, again := b.placed(), b.placed(); first != again {
		t.Errorf("the same order has the codes %s and %s", first, again)
	}
	for name, value := range map[string]any{"amount": map[string]any{"total": 1651, "currency": "CNY"}, "attach": "more", "time_expire": "2026-11-24T10:31:00+08:00"} {
		order := b.order()
		order[name] = value
		b.refuses("POST", "/v3/pay/transactions/native", order, http.StatusForbidden, "OUT_TRADE_NO_USED")
	}
}

func TestWechatPaymentIsToldUntilTaken(t *testing.T) {
	b := newWechatBench(t, "")
	b.mu.Lock()
	b.status = http.StatusInternalServerError
	b.mu.Unlock()
	code := b.placed()
	if got := b.state(); got != "NOTPAY" {
		t.Errorf("before a payer comes it is %v", got)
	}
	must(b.box.PayByScan(t.Context(), code, sandbox.FaultNone))(t)
	wait := func(n int) {
		t.Helper()
		(&bench{T: t}).eventually("notifies arrive", func() bool { b.mu.Lock(); defer b.mu.Unlock(); return len(b.told) == n })
	}
	wait(1)
	b.mu.Lock()
	b.status = http.StatusOK
	b.mu.Unlock()
	b.clock.Advance(4 * time.Minute)
	wait(2)
	b.clock.Advance(24 * time.Hour)
	time.Sleep(500 * time.Millisecond) // longer than the notifier's tick
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.told) != 2 || b.told[1]["event"] != "TRANSACTION.SUCCESS" || b.told[1]["out_trade_no"] != wechatNo || b.told[1]["trade_state"] != "SUCCESS" {
		t.Errorf("told %v", b.told)
	}
}

func TestWechatCloses(t *testing.T) {
	b := newWechatBench(t, "")
	mchid := map[string]any{"mchid": b.merchant.MchID}
	b.placed()
	if status, _ := b.call("POST", wechatOrderPath+"/close", mchid); status != http.StatusNoContent || b.state() != "CLOSED" {
		t.Errorf("closed with %d, and %v", status, b.state())
	}
	b.refuses("POST", wechatOrderPath+"/close", mchid, http.StatusBadRequest, "ORDER_CLOSED")
	b.refuses("POST", "/v3/pay/transactions/native", b.order(), http.StatusBadRequest, "ORDER_CLOSED")
	must(b.box.Pay(t.Context(), wechatNo, sandbox.FaultPayAfterClose))(t)
	if b.state() != "SUCCESS" {
		t.Errorf("paid after all, and %v", b.state())
	}
	b.refuses("POST", wechatOrderPath+"/close", mchid, http.StatusBadRequest, "ORDERPAID")
}

// The deadline ends the time to pay; the order stays unpaid until it is closed.
func TestWechatDeadlineDoesNotClose(t *testing.T) {
	b := newWechatBench(t, "")
	b.placed()
	b.clock.Advance(31 * time.Minute)
	if got := b.state(); got != "NOTPAY" {
		t.Errorf("past the deadline it is %v", got)
	}
	if _, err := b.box.Pay(t.Context(), wechatNo, sandbox.FaultNone); err == nil {
		t.Error("paid past the deadline")
	}
	if status, _ := b.call("POST", wechatOrderPath+"/close", map[string]any{"mchid": b.merchant.MchID}); status != http.StatusNoContent || b.state() != "CLOSED" {
		t.Errorf("closed with %d, and %v", status, b.state())
	}
}

func TestWechatRefundsLater(t *testing.T) {
	b := newWechatBench(t, "")
	refund := func(no string, fen, total int) map[string]any {
		return map[string]any{"out_trade_no": wechatNo, "out_refund_no": no, "amount": map[string]any{"refund": fen, "total": total, "currency": "CNY"}}
	}
	const path = "/v3/refund/domestic/refunds"
	b.refuses("POST", path, refund("F00001", 100, 1650), http.StatusNotFound, "RESOURCE_NOT_EXISTS")
	b.placed()
	b.refuses("POST", path, refund("F00001", 100, 1650), http.StatusBadRequest, "INVALID_REQUEST") // not paid
	must(b.box.Pay(t.Context(), wechatNo, sandbox.FaultNotifyLost))(t)
	b.refuses("POST", path, refund("F00001", 100, 1600), http.StatusBadRequest, "INVALID_REQUEST") // another total
	for range 2 {
		if status, answer := b.call("POST", path, refund("F00001", 100, 1650)); status != http.StatusOK || answer["status"] != "PROCESSING" {
			t.Errorf("%d %v", status, answer)
		}
	}
	b.refuses("POST", path, refund("F00001", 200, 1650), http.StatusBadRequest, "INVALID_REQUEST")
	b.refuses("POST", path, refund("F00002", 1551, 1650), http.StatusBadRequest, "INVALID_REQUEST")
	if b.state() != "REFUND" {
		t.Errorf("the order is %v", b.state())
	}
	time.Sleep(300 * time.Millisecond)
	b.mu.Lock()
	early := len(b.told)
	b.mu.Unlock()
	b.clock.Advance(time.Second)
	if _, answer := b.call("GET", path+"/F00001", nil); answer["status"] != "SUCCESS" || early != 0 {
		t.Errorf("%v, told %d times before its end", answer, early)
	}
	(&bench{T: t}).eventually("the refund is told", func() bool { b.mu.Lock(); defer b.mu.Unlock(); return len(b.told) == 1 })
	if b.told[0]["event"] != "REFUND.SUCCESS" || b.told[0]["out_refund_no"] != "F00001" {
		t.Errorf("told %v", b.told[0])
	}
	b.refuses("GET", path+"/F00002", nil, http.StatusNotFound, "RESOURCE_NOT_EXISTS")
}

// An H5 address wants a page of the merchant's before it, and lives five minutes.
func TestWechatH5Address(t *testing.T) {
	b := newWechatBench(t, "/wechat")
	order := b.order()
	order["scene_info"] = map[string]any{"payer_client_ip": "203.0.113.9", "h5_info": map[string]string{"type": "Wap"}}
	_, answer := b.call("POST", "/v3/pay/transactions/h5", order)
	address, _ := answer["h5_url"].(string)
	browser := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	open := func(back, referer string) (int, string) {
		r := must(http.NewRequest("GET", address+"?redirect_url="+url.QueryEscape(back), nil))(t)
		r.Header.Set("Referer", referer)
		response := must(browser.Do(r))(t)
		response.Body.Close()
		return response.StatusCode, response.Header.Get("Location")
	}
	back := b.shop + "/payments/" + wechatNo
	if status, _ := open(back, ""); status != http.StatusBadRequest {
		t.Errorf("from nowhere: %d", status)
	}
	if status, _ := open("javascript:alert(1)", b.shop); status != http.StatusBadRequest {
		t.Errorf("back to a script: %d", status)
	}
	status, cashier := open(back, b.shop)
	if status != http.StatusFound || !strings.HasPrefix(cashier, "/wechat/cashier/") {
		t.Fatalf("%d, %s", status, cashier)
	}
	paid := must(browser.PostForm(strings.TrimSuffix(b.url, "/wechat")+cashier, url.Values{"outcome": {"pay"}}))(t)
	paid.Body.Close()
	if got := paid.Header.Get("Location"); got != back {
		t.Errorf("paid, and back to %s", got)
	}
	b.clock.Advance(5 * time.Minute)
	if status, _ := open(back, b.shop); status != http.StatusGone {
		t.Errorf("after five minutes: %d", status)
	}
}

func TestWechatPlaysDead(t *testing.T) {
	b := newWechatBench(t, "")
	b.placed()
	if err := b.box.GoDown(t.Context(), time.Minute); err != nil {
		t.Fatal(err)
	}
	if status, _ := b.call("GET", wechatOrderPath+"?mchid="+b.merchant.MchID, nil); status != http.StatusBadGateway {
		t.Errorf("down, and answers %d", status)
	}
	b.clock.Advance(time.Minute)
	if b.state() != "NOTPAY" {
		t.Errorf("up again, and %v", b.state())
	}
}

func TestWechatBillIsHashedAndPacked(t *testing.T) {
	b := newWechatBench(t, "")
	b.placed()
	must(b.box.Pay(t.Context(), wechatNo, sandbox.FaultNotifyLost))(t)
	const uri = "/v3/bill/tradebill?bill_date=2026-11-24&bill_type=ALL&tar_type=GZIP"
	b.refuses("GET", uri, nil, http.StatusBadRequest, "STATEMENT_CREATING")
	b.clock.Advance(24 * time.Hour) // 10:00 on the next day
	b.refuses("GET", "/v3/bill/tradebill?bill_date=2026-11-23", nil, http.StatusBadRequest, "NO_STATEMENT_EXIST")
	b.refuses("GET", "/v3/bill/tradebill?bill_date=2026-11", nil, http.StatusBadRequest, "PARAM_ERROR")
	_, answer := b.call("GET", uri, nil)
	address := strings.TrimPrefix(answer["download_url"].(string), b.url)
	fetch := func(r *http.Request) (int, []byte) {
		response := must((&http.Client{Transport: &http.Transport{DisableCompression: true}}).Do(r))(t)
		defer response.Body.Close()
		if response.Header.Get("Wechatpay-Signature") != "" && response.StatusCode == http.StatusOK {
			t.Error("the file is signed")
		}
		return response.StatusCode, must(io.ReadAll(response.Body))(t)
	}
	if status, _ := fetch(must(http.NewRequest("GET", b.url+address, nil))(t)); status != http.StatusUnauthorized {
		t.Errorf("unsigned, it is fetched with %d", status)
	}
	status, packed := fetch(b.request("GET", address, "", func(map[string]string) {}))
	text := must(io.ReadAll(must(gzip.NewReader(bytes.NewReader(packed)))(t)))(t)
	sum := sha1.Sum(text)
	if status != http.StatusOK || answer["hash_type"] != "SHA1" || answer["hash_value"] != hex.EncodeToString(sum[:]) {
		t.Errorf("%d %v", status, answer)
	}
	rows := strings.Split(strings.TrimSpace(string(text)), "\r\n")
	if len(rows) != 4 || strings.Count(rows[1], ",`") != 26 || !strings.Contains(rows[1], ",`"+wechatNo+",`") || !strings.HasPrefix(rows[3], "`1,`16.50,`0.00,") {
		t.Errorf("%q", rows)
	}
	b.clock.Advance(6 * time.Minute)
	if status, _ := fetch(b.request("GET", address, "", func(map[string]string) {})); status != http.StatusNotFound {
		t.Errorf("after six minutes it is fetched with %d", status)
	}
}

// The APIv3 key is made once, is nobody else's to read, and stays.
func TestWechatKeyIsMadeOnce(t *testing.T) {
	b := newWechatBench(t, "")
	info := must(os.Stat(b.merchant.APIKeyFile))(t)
	if info.Mode().Perm() != 0o600 || info.Size() != 32 {
		t.Errorf("%v, %d bytes", info.Mode(), info.Size())
	}
	before := must(os.ReadFile(b.merchant.APIKeyFile))(t)
	again := must(sandbox.OpenWechat(sandbox.Options{DataDir: filepath.Dir(b.merchant.APIKeyFile), Log: slog.New(slog.DiscardHandler)}))(t)
	defer again.Close(t.Context())
	if after := must(os.ReadFile(b.merchant.APIKeyFile))(t); !bytes.Equal(before, after) {
		t.Error("another key after a restart")
	}
	if err := os.WriteFile(b.merchant.APIKeyFile, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := sandbox.OpenWechat(sandbox.Options{DataDir: filepath.Dir(b.merchant.APIKeyFile)}); err == nil || strings.Contains(err.Error(), "short") {
		t.Errorf("a spoilt key: %v", err)
	}
}
