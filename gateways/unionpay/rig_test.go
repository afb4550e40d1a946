package unionpay_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"ztc-portal/gateways"
	"ztc-portal/gateways/conformance"
	"ztc-portal/gateways/gatewaystest"
	"ztc-portal/gateways/sandbox"
	"ztc-portal/gateways/unionpay"
)

func TestConformance(t *testing.T) { conformance.Exercise(t, newRig(t)) }

// rig is the rail with the sandbox on the other side, and a wire between the
// two that can be made to fail.
type rig struct {
	rail     *unionpay.Rail
	far      *sandbox.Sandbox
	gateway  string
	notify   string
	merchant sandbox.UnionpayMerchant

	mu       sync.Mutex
	trouble  conformance.Trouble
	only     string // the path that trouble strikes; "": each
	mended   chan struct{}
	cashiers map[string]string     // orderId → address of the cashier page
	returns  map[string]url.Values // orderId → what the browser brought back
	notifies map[string][][]byte   // orderId → bodies, oldest first
}

var _ conformance.Rig = (*rig)(nil)

func newRig(t *testing.T, now ...func() time.Time) *rig {
	t.Helper()
	r := &rig{cashiers: map[string]string{}, returns: map[string]url.Values{}, notifies: map[string][][]byte{}}
	options := sandbox.Options{DataDir: gatewaystest.UnionpayKeys.Dir(t), Log: slog.New(slog.DiscardHandler)}
	if len(now) > 0 {
		options.Now = now[0]
	}
	var err error
	if r.far, err = sandbox.OpenUnionpay(options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := r.far.Close(ctx); err != nil {
			t.Errorf("closing the sandbox: %v", err)
		}
	})
	r.merchant = r.far.UnionpayMerchant()
	r.gateway = serve(t, r.wire(r.far.Handler()))
	r.notify = serve(t, http.HandlerFunc(r.receive))
	config := configOf(t, r.merchant, r.gateway)
	config.Timeout, config.Now = r.Timeout(), options.Now
	if r.rail, err = unionpay.New(config); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *rig) Rail() gateways.Gateway { return r.rail }
func (r *rig) Timeout() time.Duration { return 2 * time.Second }
func (r *rig) Traits() conformance.Traits {
	return conformance.Traits{Door: true, DoorOffline: true, RefundsLater: true, StaysPaid: true, SignedReturn: true}
}
func (r *rig) URLs() (notify, back string) { return r.notify, "http://127.0.0.1:8080/return/unionpay" }

func (r *rig) Replies() (settled, refused conformance.Reply) {
	return conformance.Reply{Status: 200, ContentType: "text/plain", Body: "ok"},
		conformance.Reply{Status: 500, ContentType: "text/plain", Body: "fail"}
}

// Arrive posts the form as the payer's browser does, chooses a bank where one is
// asked for, and keeps the address of the cashier.
func (r *rig) Arrive(t *testing.T, order gateways.Order, checkout gateways.Checkout) {
	t.Helper()
	form := url.Values{}
	for name, value := range checkout.Form.Fields {
		form.Set(name, value)
	}
	page := opened(t, func() (*http.Response, error) { return http.PostForm(checkout.Form.Action, form) })
	if strings.Contains(page.Url.Path, "/banks/") {
		bank, ok := page.Find(".banks a").First().Attr("href")
		if !ok {
			t.Fatal("no bank to choose")
		}
		page = opened(t, func() (*http.Response, error) { return http.Get(r.gateway + bank) })
	}
	if !strings.Contains(page.Url.Path, "/cashier/") {
		t.Fatalf("the payer is at %s: %s", page.Url, page.Find("main").Text())
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cashiers[order.OutTradeNo] = page.Url.String()
}

// opened reads the page that a request leads to.
func opened(t *testing.T, ask func() (*http.Response, error)) *goquery.Document {
	t.Helper()
	response, err := ask()
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	page, err := goquery.NewDocumentFromReader(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	page.Url = response.Request.URL
	return page
}

// Pay sends the cashier's form, and keeps the form that leads back.
func (r *rig) Pay(t *testing.T, order gateways.Order) {
	t.Helper()
	r.choose(t, order.OutTradeNo, "pay", "none")
}

func (r *rig) choose(t *testing.T, no, outcome, fault string) {
	t.Helper()
	r.mu.Lock()
	cashier := r.cashiers[no]
	r.mu.Unlock()
	page := opened(t, func() (*http.Response, error) {
		return http.PostForm(cashier, url.Values{"outcome": {outcome}, "fault": {fault}})
	})
	_, back := r.URLs()
	fields := url.Values{}
	page.Find(`form[action="` + back + `"] input[type=hidden]`).Each(func(_ int, input *goquery.Selection) {
		value := strings.ReplaceAll(input.AttrOr("value", ""), "\n", "\r\n") // as browsers end lines
		fields.Set(input.AttrOr("name", ""), value)
	})
	if len(fields) == 0 {
		t.Fatalf("no form leads back: %s", page.Find("main").Text())
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.returns[no] = fields
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
	no := form.Get("orderId")
	r.notifies[no] = append(r.notifies[no], body)
	fmt.Fprint(w, "ok")
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
	sign := func(evil bool) conformance.Message {
		form.Del("signature")
		body, err := r.far.SignUnionpay(form, evil)
		if err != nil {
			t.Fatal(err)
		}
		return conformance.Message{Body: []byte(body)}
	}
	switch how {
	case conformance.AmountTampered:
		form.Set("txnAmt", "9"+form.Get("txnAmt"))
	case conformance.FieldAdded:
		form.Set("extra", "1")
	case conformance.FieldDropped:
		form.Del("traceNo")
	case conformance.FieldRepeated:
		form.Add("orderId", form.Get("orderId"))
	case conformance.FieldsGlued:
		form.Set("queryId", form.Get("queryId")+"&respCode="+form.Get("respCode"))
		form.Del("respCode")
		if verifyForm(form) != nil {
			t.Fatal("the glued fields do not carry the genuine signature, so they prove nothing")
		}
	case conformance.NoSignature:
		form.Del("signature")
	case conformance.OtherKey:
		return sign(true)
	case conformance.OtherApp: // certified by the same authority, but a merchant and not UnionPay
		signForm(ownCertificate(t, r.merchant), form)
	case conformance.OtherPayee:
		form.Set("merId", "777290000000009")
		return sign(false)
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
		r.trouble, r.only = "", ""
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
		trouble, mended, only := r.trouble, r.mended, r.only
		r.mu.Unlock()
		path := request.URL.Path
		called := path == "/gateway/api/queryTrans.do" || path == "/gateway/api/backTransReq.do" || path == r.merchant.FilePath
		if !called || only != "" && only != path {
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
			r.resign(w, next, request, func(form url.Values) (string, error) { return r.far.SignUnionpay(form, true) })
		case conformance.Unsigned:
			r.resign(w, next, request, func(form url.Values) (string, error) { return form.Encode(), nil })
		default:
			next.ServeHTTP(w, request)
		}
	})
}

// resign passes the sandbox's answer on with another signature, or none.
func (r *rig) resign(w http.ResponseWriter, next http.Handler, request *http.Request, sign func(url.Values) (string, error)) {
	genuine := httptest.NewRecorder()
	next.ServeHTTP(genuine, request)
	form := pairs(genuine.Body.String())
	form.Del("signature")
	body, err := sign(form)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	again, err := url.ParseQuery(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	io.WriteString(w, raw(again))
}
