package unionpay_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
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

// rig is the rail with the sandbox on the other side of a wire.
type rig struct {
	gatewaystest.Rig
	rail     *unionpay.Rail
	far      *sandbox.Sandbox
	merchant sandbox.UnionpayMerchant
	only     atomic.Value // the path that trouble strikes, a string; not set: each
}

var _ conformance.Rig = (*rig)(nil)

func newRig(t *testing.T, now ...func() time.Time) *rig {
	t.Helper()
	r := &rig{}
	options := sandbox.Options{DataDir: gatewaystest.UnionpayKeys.Dir(t), Log: slog.New(slog.DiscardHandler)}
	if len(now) > 0 {
		options.Now = now[0]
	}
	var err error
	if r.far, err = sandbox.OpenUnionpay(options); err != nil {
		t.Fatal(err)
	}
	r.merchant = r.far.UnionpayMerchant()
	r.Serve(t, r.far, r)
	config := configOf(t, r.merchant, r.Gateway)
	config.Timeout, config.Now = r.Timeout(), options.Now
	if r.rail, err = unionpay.New(config); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *rig) Rail() gateways.Gateway { return r.rail }
func (r *rig) Traits() conformance.Traits {
	return conformance.Traits{Door: true, DoorOffline: true, RefundsLater: true, StaysPaid: true, SignedReturn: true}
}
func (r *rig) URLs() (notify, back string) { return r.Inbox, "http://127.0.0.1:8080/return/unionpay" }

func (r *rig) Replies() (settled, refused conformance.Reply) {
	return conformance.Reply{Status: 200, ContentType: "text/plain", Body: "ok"},
		conformance.Reply{Status: 500, ContentType: "text/plain", Body: "fail"}
}

// Arrive posts the form as the payer's browser does, and chooses a bank where one
// is asked for.
func (r *rig) Arrive(t *testing.T, order gateways.Order, checkout gateways.Checkout) {
	t.Helper()
	form := url.Values{}
	for name, value := range checkout.Form.Fields {
		form.Set(name, value)
	}
	page, err := http.PostForm(checkout.Form.Action, form)
	if err != nil {
		t.Fatal(err)
	}
	defer page.Body.Close()
	if strings.Contains(page.Request.URL.Path, "/banks/") {
		bank, ok := document(t, page).Find(".banks a").First().Attr("href")
		if !ok {
			t.Fatal("no bank to choose")
		}
		if page, err = http.Get(r.Gateway + bank); err != nil {
			t.Fatal(err)
		}
	}
	r.Arrived(t, order.OutTradeNo, page)
}

func document(t *testing.T, page *http.Response) *goquery.Document {
	t.Helper()
	read, err := goquery.NewDocumentFromReader(page.Body)
	if err != nil {
		t.Fatal(err)
	}
	return read
}

// Pay sends the cashier's form, and keeps the form that leads back.
func (r *rig) Pay(t *testing.T, order gateways.Order) {
	t.Helper()
	page := document(t, r.Choose(t, order.OutTradeNo, "pay", "none"))
	_, back := r.URLs()
	fields := url.Values{}
	page.Find(`form[action="` + back + `"] input[type=hidden]`).Each(func(_ int, input *goquery.Selection) {
		value := strings.ReplaceAll(input.AttrOr("value", ""), "\n", "\r\n") // as browsers end lines
		fields.Set(input.AttrOr("name", ""), value)
	})
	if len(fields) == 0 {
		t.Fatalf("no form leads back: %s", page.Find("main").Text())
	}
	r.CameBack(order.OutTradeNo, fields)
}

// About is the payment's no.
func (*rig) About(body []byte) (string, error) {
	form, err := url.ParseQuery(string(body))
	return form.Get("orderId"), err
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

// Calls: a query, a refund, a settlement file; the payer's browser posts elsewhere.
func (r *rig) Calls(request *http.Request) bool {
	path := request.URL.Path
	if only, ok := r.only.Load().(string); ok && only != path {
		return false
	}
	return path == "/gateway/api/queryTrans.do" || path == "/gateway/api/backTransReq.do" || path == r.merchant.FilePath
}

// Resign passes the sandbox's answer on with another signature, or none.
func (r *rig) Resign(w http.ResponseWriter, genuine *httptest.ResponseRecorder, evil bool) error {
	form := pairs(genuine.Body.String())
	form.Del("signature")
	if evil {
		body, err := r.far.SignUnionpay(form, true)
		if err != nil {
			return err
		}
		if form, err = url.ParseQuery(body); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, raw(form))
	return err
}
