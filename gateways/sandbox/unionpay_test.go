package sandbox_test

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"io/fs"
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

	"software.sslmate.com/src/go-pkcs12"

	"ztc-portal/gateways/sandbox"
)

// counter is UnionPay's side with its merchant, on a clock moved by hand.
type counter struct {
	*testing.T
	box    *sandbox.Sandbox
	url    string
	shop   *shop
	clock  *clock
	key    *rsa.PrivateKey
	serial string
}

// counterKeys are made once for all tests.
var counterKeys = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "sandbox-unionpay-")
	if err != nil {
		return "", err
	}
	box, err := sandbox.OpenUnionpay(sandbox.Options{DataDir: dir})
	if err != nil {
		return "", err
	}
	return dir, box.Close(context.Background())
})

func newCounter(t *testing.T) *counter {
	t.Helper()
	t.Parallel()
	dir := t.TempDir()
	for _, file := range must(filepath.Glob(filepath.Join(must(counterKeys())(t), "unionpay_*")))(t) {
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(file)), must(os.ReadFile(file))(t), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := &counter{T: t, shop: newShop(t), clock: &clock{now: morning}}
	c.shop.answerWith("ok")
	c.box = must(sandbox.OpenUnionpay(sandbox.Options{DataDir: dir, Now: c.clock.Now, Log: slog.New(slog.DiscardHandler), Path: "/unionpay"}))(t)
	web := httptest.NewServer(c.box.Handler())
	c.url = web.URL
	t.Cleanup(func() {
		web.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		c.box.Close(ctx)
	})
	m := c.box.UnionpayMerchant()
	password := strings.TrimSpace(string(must(os.ReadFile(m.PasswordFile))(t)))
	key, certificate, _, err := pkcs12.DecodeChain(must(os.ReadFile(m.PFXFile))(t), password)
	if err != nil {
		t.Fatal(err)
	}
	c.key, c.serial = key.(*rsa.PrivateKey), certificate.SerialNumber.String()
	return c
}

// upDigest is what is signed, written here a second time.
func upDigest(params fields) []byte {
	inner := sha256.Sum256([]byte(joined(params, "signature")))
	outer := sha256.Sum256(fmt.Appendf(nil, "%x", inner[:]))
	return outer[:]
}

// signed is a request with these fields beside those that all have.
func (c *counter) signed(own fields) fields {
	c.Helper()
	params := fields{
		"version": "5.1.0", "encoding": "UTF-8", "signMethod": "01", "accessType": "0", "merId": c.box.UnionpayMerchant().MerID,
		"certId": c.serial, "txnTime": "20261124100000",
	}
	for name, value := range own {
		params[name] = value
	}
	params["signature"] = base64.StdEncoding.EncodeToString(must(rsa.SignPKCS1v15(nil, c.key, crypto.SHA256, upDigest(params)))(c.T))
	return params
}

// genuine says whether the certificate in a message signed it.
func genuine(t *testing.T, message fields) bool {
	t.Helper()
	block, _ := pem.Decode([]byte(message["signPubKeyCert"]))
	if block == nil {
		t.Fatalf("no certificate in %v", message)
	}
	certificate := must(x509.ParseCertificate(block.Bytes))(t)
	raw := must(base64.StdEncoding.DecodeString(message["signature"]))(t)
	return rsa.VerifyPKCS1v15(certificate.PublicKey.(*rsa.PublicKey), crypto.SHA256, upDigest(message), raw) == nil
}

// call asks as the merchant's server, and gives the answer's fields, verified.
func (c *counter) call(path string, own fields) fields {
	c.Helper()
	response := must(http.PostForm(c.url+"/unionpay"+path, form(c.signed(own))))(c.T)
	defer response.Body.Close()
	answer := fields{}
	for pair := range strings.SplitSeq(string(must(io.ReadAll(response.Body))(c.T)), "&") {
		name, value, _ := strings.Cut(pair, "=")
		answer[name] = value
	}
	if !genuine(c.T, answer) {
		c.Fatalf("%s: not signed: %v", path, answer)
	}
	return answer
}

func (c *counter) query(no string) fields {
	return c.call("/gateway/api/queryTrans.do", fields{"txnType": "00", "txnSubType": "00", "bizType": "000000", "orderId": no})
}

func (c *counter) order(no string) fields {
	return fields{
		"txnType": "01", "txnSubType": "01", "bizType": "000201", "channelType": "07", "orderId": no, "txnAmt": "1650", "currencyCode": "156",
		"payTimeout": "20261124103000", "issInsCode": "ICBC", "frontUrl": c.shop.URL + "/return", "backUrl": c.shop.URL + "/notify",
	}
}

// arrive posts the form as a browser does; the page and where it lies.
func (c *counter) arrive(params fields) (*http.Response, string) {
	c.Helper()
	response := must(http.PostForm(c.url+"/unionpay/gateway/api/frontTransReq.do", form(params)))(c.T)
	defer response.Body.Close()
	return response, string(must(io.ReadAll(response.Body))(c.T))
}

// notified waits for n notifies and gives them as fields.
func (c *counter) notified(n int) []fields {
	c.Helper()
	b := &bench{T: c.T, shop: c.shop}
	var all []fields
	for _, got := range b.settled(n) {
		one := fields{}
		for name := range got {
			one[name] = got.Get(name)
		}
		all = append(all, one)
	}
	return all
}

func (c *counter) want(what string, got, want any) {
	c.Helper()
	if got != want {
		c.Errorf("%s is %v, want %v", what, got, want)
	}
}

func TestUnionpayPaidFromFormToNotify(t *testing.T) {
	c := newCounter(t)
	c.want("before anybody came", c.query("R0000001")["respCode"], "34")
	response, page := c.arrive(c.signed(c.order("R0000001")))
	if !strings.Contains(response.Request.URL.Path, "/unionpay/cashier/") || !strings.Contains(page, `class="unionpay"`) {
		t.Fatalf("the payer is at %s", response.Request.URL)
	}
	waiting := c.query("R0000001")
	c.want("waiting", waiting["respCode"]+waiting["origRespCode"], "0005")
	c.want("another time", c.call("/gateway/api/queryTrans.do", fields{"txnType": "00", "orderId": "R0000001", "txnTime": "20261124100001"})["respCode"], "34")
	paid := must(http.PostForm(response.Request.URL.String(), url.Values{"outcome": {"pay"}, "fault": {"none"}}))(t)
	paid.Body.Close()
	got := c.notified(1)[0]
	c.want("genuine", genuine(t, got), true)
	tr := must(c.box.Trade(t.Context(), "R0000001"))(t)
	for name, want := range map[string]string{
		"txnType": "01", "orderId": "R0000001", "txnTime": "20261124100000", "txnAmt": "1650", "queryId": tr.TradeNo, "respCode": "00",
		"traceTime": "1124100000", "merId": c.box.UnionpayMerchant().MerID, "bizType": "000201", "currencyCode": "156",
	} {
		c.want(name, got[name], want)
	}
	c.want("digits of queryId", len(tr.TradeNo), 21)
	c.want("asked", c.query("R0000001")["origRespCode"], "00")
}

func TestUnionpayHasNoPageThatNobodyOpened(t *testing.T) {
	c := newCounter(t)
	for _, path := range []string{"/banks/unknown", "/cashier/unknown", "/elsewhere"} {
		page := must(http.Get(c.url + "/unionpay" + path))(t)
		text := string(must(io.ReadAll(page.Body))(t))
		page.Body.Close()
		c.want(path, page.StatusCode, http.StatusNotFound)
		c.want(path+" says that no money moved", strings.Contains(text, "没有收款"), true)
	}
}

func TestUnionpayRefusesWhatTheMerchantDidNotSignOrGotWrong(t *testing.T) {
	c := newCounter(t)
	for name, spoil := range map[string]func(fields){
		"amount":      func(f fields) { f["txnAmt"] = "16.50" },
		"nothing":     func(f fields) { f["txnAmt"] = "0" },
		"kind":        func(f fields) { f["bizType"] = "000301" },
		"number":      func(f fields) { f["orderId"] = "R-0000001" },
		"bank":        func(f fields) { f["issInsCode"] = "NONE" },
		"deadline":    func(f fields) { f["payTimeout"] = "soon" },
		"notify":      func(f fields) { f["backUrl"] = "https://elsewhere.example/" },
		"no notify":   func(f fields) { f["backUrl"] = "" },
		"time":        func(f fields) { f["txnTime"] = "now" },
		"merchant":    func(f fields) { f["merId"] = "777290000000009" },
		"certificate": func(f fields) { f["certId"] = "1" },
		"version":     func(f fields) { f["version"] = "5.0.0" },
	} {
		own := c.order("R0000001")
		spoil(own)
		if response, page := c.arrive(c.signed(own)); response.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %s at %s: %.200s", name, response.Status, response.Request.URL, page)
		}
	}
	cheaper := c.signed(c.order("R0000001"))
	cheaper["txnAmt"] = "1"
	if response, page := c.arrive(cheaper); response.StatusCode != http.StatusBadRequest || !strings.Contains(page, "11 ·") {
		t.Errorf("not signed: %s", response.Status)
	}
	c.arrive(c.signed(c.order("R0000001")))
	other := c.order("R0000001")
	other["txnAmt"] = "99"
	if response, _ := c.arrive(c.signed(other)); response.StatusCode != http.StatusBadRequest {
		t.Errorf("another amount under the number: %s", response.Status)
	}
	c.clock.Advance(time.Hour)
	if response, _ := c.arrive(c.signed(c.order("R0000002"))); response.StatusCode != http.StatusGone {
		t.Errorf("after the deadline: %s", response.Status)
	}
	c.want("unpaid at its end", c.query("R0000001")["origRespCode"], "01")
	c.notified(0)
}

func TestUnionpayNotifiesAgainAndTellsFaults(t *testing.T) {
	c := newCounter(t)
	c.shop.answerWith("redirect:/elsewhere") // 302 will do, as the real one says
	c.arrive(c.signed(c.order("R0000001")))
	must(c.box.Pay(t.Context(), "R0000001", sandbox.FaultNone))(t)
	c.notified(1)
	for i, notice := range must(c.box.Notices(t.Context(), "R0000001"))(t) {
		c.want(fmt.Sprint("notice ", i), notice.State, "done")
	}
	c.arrive(c.signed(c.order("R0000002")))
	must(c.box.Pay(t.Context(), "R0000002", sandbox.FaultWrongAmount))(t)
	c.want("told", c.notified(2)[1]["txnAmt"], "11650")
	c.want("asked", c.query("R0000002")["txnAmt"], "1650")
	c.arrive(c.signed(c.order("R0000003")))
	must(c.box.Pay(t.Context(), "R0000003", sandbox.FaultForgedSign))(t)
	forged := c.notified(3)[2]
	root := must(os.ReadFile(c.box.UnionpayMerchant().RootCertFile))(t)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(root)
	block, _ := pem.Decode([]byte(forged["signPubKeyCert"]))
	if _, err := must(x509.ParseCertificate(block.Bytes))(t).Verify(x509.VerifyOptions{Roots: pool, CurrentTime: morning, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err == nil {
		t.Error("the forgery's certificate is the gateway's own")
	}
	if err := c.box.GoDown(t.Context(), time.Minute); err != nil {
		t.Fatal(err)
	}
	response := must(http.PostForm(c.url+"/unionpay/gateway/api/queryTrans.do", form(c.signed(fields{"txnType": "00", "orderId": "R0000001"}))))(t)
	response.Body.Close()
	c.want("down", response.StatusCode, http.StatusBadGateway)
}

func TestUnionpayResendsFourTimes(t *testing.T) {
	c := newCounter(t)
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }))
	t.Cleanup(broken.Close)
	own := c.order("R0000001")
	own["backUrl"] = broken.URL
	c.arrive(c.signed(own))
	must(c.box.Pay(t.Context(), "R0000001", sandbox.FaultNone))(t)
	b := &bench{T: t}
	sent := func() int { return len(must(c.box.Notices(t.Context(), "R0000001"))(t)[0].Deliveries) }
	for i, wait := range []time.Duration{0, time.Minute, 2 * time.Minute, 4 * time.Minute, 5 * time.Minute} {
		c.clock.Advance(wait)
		b.eventually(fmt.Sprint("sending ", i+1), func() bool { return sent() == i+1 })
	}
	c.want("in the end", must(c.box.Notices(t.Context(), "R0000001"))(t)[0].State, "given_up")
}

func TestUnionpayRefundsOnceUnderANumber(t *testing.T) {
	c := newCounter(t)
	c.arrive(c.signed(c.order("R0000001")))
	tr := must(c.box.Pay(t.Context(), "R0000001", sandbox.FaultNotifyLost))(t)
	refund := func(no, fen, biz string) string {
		return c.call("/gateway/api/backTransReq.do", fields{"txnType": "04", "txnSubType": "00", "bizType": biz, "orderId": no, "txnAmt": fen, "origQryId": tr.TradeNo})["respCode"]
	}
	c.want("of the other kind", refund("F0000001", "1000", "000202"), "36")
	c.want("too much", refund("F0000001", "1651", "000201"), "36")
	c.want("first", refund("F0000001", "1000", "000201"), "00")
	c.want("again", refund("F0000001", "1000", "000201"), "12")
	c.want("the rest and more", refund("F0000002", "651", "000201"), "36")
	c.want("the rest", refund("F0000002", "650", "000201"), "00")
	its := c.query("F0000001")
	c.want("asked", its["txnType"]+its["origRespCode"]+its["txnAmt"]+its["origQryId"], "04001000"+tr.TradeNo)
	c.want("the payment is still paid", c.query("R0000001")["origRespCode"], "00")
	for _, notice := range c.notified(2) {
		c.want("notice", notice["txnType"], "04")
	}
}

func TestUnionpayKeysAreNobodyElsesBusiness(t *testing.T) {
	t.Parallel()
	dir := must(counterKeys())(t)
	files := must(filepath.Glob(filepath.Join(dir, "*")))(t)
	for _, file := range files {
		if mode := must(os.Stat(file))(t).Mode(); mode.IsRegular() && mode.Perm()&fs.FileMode(0o077) != 0 && !strings.Contains(file, "-shm") && !strings.Contains(file, "-wal") {
			t.Errorf("%s is %v", file, mode)
		}
	}
	before := must(os.ReadFile(filepath.Join(dir, "unionpay_root.pem")))(t)
	box := must(sandbox.OpenUnionpay(sandbox.Options{DataDir: dir, Log: slog.New(slog.DiscardHandler)}))(t)
	if err := box.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	if after := must(os.ReadFile(filepath.Join(dir, "unionpay_root.pem")))(t); string(before) != string(after) {
		t.Error("a second start makes other keys")
	}
}
