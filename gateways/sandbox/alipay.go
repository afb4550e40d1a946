package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const maxRequestBytes = 64 << 10

// pagePay is the one method that a browser calls; it answers with a page.
const pagePay = "alipay.trade.page.pay"

// methods are the calls that answer JSON.
var methods = map[string]func(*alipayWire, context.Context, request) (object, error){
	"alipay.trade.precreate":                         (*alipayWire).precreate,
	"alipay.trade.query":                             (*alipayWire).query,
	"alipay.trade.close":                             (*alipayWire).close,
	"alipay.trade.refund":                            (*alipayWire).refund,
	"alipay.trade.fastpay.refund.query":              (*alipayWire).refundQuery,
	"alipay.data.dataservice.bill.downloadurl.query": (*alipayWire).billURL,
}

// alipayWire speaks Alipay's open protocol: gateway.do, RSA2.
type alipayWire struct {
	*Sandbox
	keys keys
}

// The one merchant that Alipay's side of the sandbox serves.
const (
	appID    = "9021000000000001"
	sellerID = "2088721000000001"
)

func (*alipayWire) name() string { return "alipay" }

func (w *alipayWire) routes(_ *Sandbox, mux *http.ServeMux) {
	mux.HandleFunc("GET /gateway.do", w.serveGateway)
	mux.HandleFunc("POST /gateway.do", w.serveGateway)
	mux.HandleFunc("GET /bill/{token}", w.serveBill)
}

func (w *alipayWire) words(err error) string {
	if no := inWords(err); no != nil {
		return no.sub + " · " + no.subMsg()
	}
	return ""
}

// inWords is the refusal that an error of the gateway stands for, or nil.
func inWords(err error) *refusal {
	if no, ok := errors.AsType[*refusal](err); ok {
		return no
	}
	if address, ok := errors.AsType[addressError](err); ok {
		return badParameter(strings.TrimPrefix(address.Error(), "sandbox: "))
	}
	for cause, sub := range map[error]string{
		errInconsistent: "ACQ.CONTEXT_INCONSISTENT", errHasClosed: "ACQ.TRADE_HAS_CLOSE", errHasPaid: "ACQ.TRADE_HAS_SUCCESS",
		errNotRefunded: "ACQ.TRADE_STATUS_ERROR", errRefundOver: "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", errRefundLate: "ACQ.TRADE_HAS_FINISHED",
		errRefundOther: "ACQ.DISCORDANT_REPEAT_REQUEST",
	} {
		if errors.Is(err, cause) {
			return business(sub)
		}
	}
	return nil
}

// request is a verified call.
type request struct {
	params map[string]string
	biz    bizContent
	origin string // of the gateway itself, as the caller wrote it
}

// bizContent holds what any of the methods reads from biz_content.
type bizContent struct {
	OutTradeNo     text   `json:"out_trade_no"`
	TradeNo        text   `json:"trade_no"`
	TotalAmount    text   `json:"total_amount"`
	Subject        text   `json:"subject"`
	Body           text   `json:"body"`
	PassbackParams text   `json:"passback_params"`
	ProductCode    text   `json:"product_code"`
	TimeExpire     text   `json:"time_expire"`
	TimeoutExpress text   `json:"timeout_express"`
	OutRequestNo   text   `json:"out_request_no"`
	RefundAmount   text   `json:"refund_amount"`
	RefundReason   text   `json:"refund_reason"`
	BillType       text   `json:"bill_type"`
	BillDate       text   `json:"bill_date"`
	QueryOptions   []text `json:"query_options"`
}

// text is a JSON string, or a number taken as it is written.
type text string

func (t *text) UnmarshalJSON(raw []byte) error {
	var s string
	if err := json.Unmarshal(raw, &s); err == nil {
		*t = text(s)
		return nil
	}
	var n json.Number
	if err := json.Unmarshal(raw, &n); err != nil {
		return fmt.Errorf("sandbox: %s is neither text nor number", raw)
	}
	*t = text(n)
	return nil
}

// serveGateway answers every call of the open protocol.
func (s *alipayWire) serveGateway(w http.ResponseWriter, r *http.Request) {
	params, err := readParams(w, r)
	isPage := params["method"] == pagePay
	if err == nil && !isPage {
		down, downErr := s.isDown(r.Context())
		if down {
			http.Error(w, "Bad Gateway", http.StatusBadGateway)
			return
		}
		err = downErr
	}
	var call request
	if err == nil {
		call, err = s.admit(params)
		call.origin = s.origin(r)
	}
	if isPage {
		s.servePagePay(w, r, call, err)
		return
	}
	s.serveAPI(w, r, call, err)
}

// serveAPI answers a call with JSON; admitErr is why it was not admitted, if so.
func (s *alipayWire) serveAPI(w http.ResponseWriter, r *http.Request, call request, admitErr error) {
	if admitErr != nil {
		s.writeAnswer(w, "error_response", s.refuse(admitErr).object(), false)
		return
	}
	name := call.params["method"]
	method, known := methods[name]
	if !known {
		s.writeAnswer(w, "error_response", invalid("method", name).object(), false)
		return
	}
	answer, err := method(s, r.Context(), call)
	if err != nil {
		answer = s.refuse(err).object()
	}
	s.writeAnswer(w, strings.ReplaceAll(name, ".", "_")+"_response", answer, true)
}

// writeAnswer sends {"node":{…},"sign":"…"}; the signature covers the bytes of
// the inner object exactly as they are sent.
func (s *alipayWire) writeAnswer(w http.ResponseWriter, node string, answer object, signed bool) {
	inner := answer.encode()
	body := fmt.Appendf(nil, `{"%s":%s`, node, inner)
	if signed {
		signature, err := sign(s.keys.platform, inner)
		if err != nil {
			s.opts.Log.Error("sandbox: answer not signed", "error", err)
			http.Error(w, "Internal Server Error", http.StatusInternalServerError)
			return
		}
		body = fmt.Appendf(body, `,"sign":"%s"`, signature)
	}
	w.Header().Set("Content-Type", "application/json;charset=utf-8")
	if _, err := w.Write(append(body, '}')); err != nil {
		s.opts.Log.Info("sandbox: caller went away", "error", err)
	}
}

// refuse turns an error into the protocol's words; what is not the caller's
// fault is logged and answered as unavailable.
func (s *alipayWire) refuse(err error) *refusal {
	if no := inWords(err); no != nil {
		return no
	}
	s.opts.Log.Error("sandbox: call failed", "error", err)
	return &refusal{"20000", "aop.unknow-error", ""}
}

// readParams merges query and body, as the gateway does: SDKs split the
// parameters between the two in different ways. A repeated name is refused.
func readParams(w http.ResponseWriter, r *http.Request) (map[string]string, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxRequestBytes)
	if err := r.ParseForm(); err != nil {
		return nil, invalid("parameter", "the form can't be read")
	}
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == "multipart/form-data" {
		return nil, invalid("parameter", "multipart forms are not served")
	}
	return singleValues(r.Form)
}

func singleValues(form url.Values) (map[string]string, error) {
	params := make(map[string]string, len(form))
	for name, values := range form {
		if len(values) != 1 {
			return nil, invalid("parameter", name+" is repeated")
		}
		params[name] = values[0]
	}
	return params, nil
}

// admit checks what all calls have in common, the signature last.
func (s *alipayWire) admit(params map[string]string) (request, error) {
	for _, need := range []struct{ param, name string }{
		{"method", "method"}, {"app_id", "app-id"}, {"sign_type", "signature-type"},
		{"sign", "signature"}, {"timestamp", "timestamp"}, {"version", "version"},
	} {
		if params[need.param] == "" {
			return request{}, missing(need.name)
		}
	}
	if _, err := time.ParseInLocation(wireTime, params["timestamp"], beijing); err != nil {
		return request{}, invalid("timestamp", params["timestamp"])
	}
	switch {
	case params["app_id"] != appID:
		return request{}, invalid("app-id", params["app_id"])
	case params["sign_type"] != "RSA2":
		return request{}, invalid("signature-type", params["sign_type"])
	case !strings.EqualFold(params["charset"], "utf-8"):
		return request{}, invalid("charset", params["charset"])
	case params["version"] != "1.0":
		return request{}, invalid("version", params["version"])
	case params["format"] != "" && !strings.EqualFold(params["format"], "json"):
		return request{}, invalid("format", params["format"])
	}
	content := contentToSign(params, "sign")
	if !verify(s.keys.app, []byte(content), params["sign"]) {
		return request{}, invalid("signature", content)
	}
	call := request{params: params}
	if raw := params["biz_content"]; raw != "" {
		if err := json.Unmarshal([]byte(raw), &call.biz); err != nil {
			return request{}, invalid("parameter", "biz_content is not the JSON object it should be")
		}
	}
	return call, nil
}
