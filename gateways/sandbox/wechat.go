package sandbox

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"time"
)

// The one merchant that WeChat Pay's side of the sandbox serves.
const (
	wechatMchID       = "1900000109"
	wechatAppID       = "wx8888888888888888"
	wechatSerial      = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"
	wechatPublicKeyID = "PUB_KEY_ID_0119000001092026112400000000000001"

	wechatRefundTakes = time.Second // from asking for a refund to its end
)

// WechatMerchant is what the portal's settings need to talk to this sandbox.
type WechatMerchant struct {
	MchID  string
	AppID  string
	Serial string // of the merchant's certificate

	PrivateKeyFile string // PKCS #8 PEM: the portal signs with it
	APIKeyFile     string // 32 characters: opens what notifies hold
	PublicKeyID    string
	PublicKeyFile  string // PKIX PEM: the portal verifies with it
}

// OpenWechat opens WeChat Pay's side (APIv3, Native and H5) in opts.DataDir,
// making its database and keys when they are missing, and starts sending the
// notifies that are due. Signatures bear the machine's time, whatever opts.Now says.
func OpenWechat(opts Options) (*Sandbox, error) {
	return open(opts, func(s *Sandbox) (wire, error) {
		pair, err := openKeys(s.opts.DataDir)
		if err != nil {
			return nil, err
		}
		apiKey, err := openAPIKey(s.opts.DataDir)
		return &wechatWire{s, pair, apiKey}, err
	})
}

// WechatMerchant gives the identifiers and key files of the merchant served here.
func (s *Sandbox) WechatMerchant() WechatMerchant {
	file := func(name string) string { return filepath.Join(s.opts.DataDir, name) }
	return WechatMerchant{
		MchID: wechatMchID, AppID: wechatAppID, Serial: wechatSerial,
		PrivateKeyFile: file(appPrivateFile), APIKeyFile: file(apiKeyFile),
		PublicKeyID: wechatPublicKeyID, PublicKeyFile: file(platformPublicFile),
	}
}

// wechatWire speaks WeChat Pay's APIv3.
type wechatWire struct {
	*Sandbox
	keys   keys
	apiKey []byte
}

func (*wechatWire) name() string { return "wechat" }

// refundTakes is how long a refund is being processed.
func (w *wechatWire) refundTakes() time.Duration {
	if w.opts.RefundTakes > 0 {
		return w.opts.RefundTakes
	}
	return wechatRefundTakes
}

func (w *wechatWire) routes(_ *Sandbox, mux *http.ServeMux) {
	for pattern, act := range map[string]func(context.Context, wechatCall) (any, error){
		"POST /v3/pay/transactions/native":                  w.native,
		"POST /v3/pay/transactions/h5":                      w.h5,
		"GET /v3/pay/transactions/out-trade-no/{no}":        w.query,
		"POST /v3/pay/transactions/out-trade-no/{no}/close": w.close,
		"POST /v3/refund/domestic/refunds":                  w.refund,
		"GET /v3/refund/domestic/refunds/{no}":              w.refundQuery,
		"GET /v3/bill/tradebill":                            w.billURL,
	} {
		mux.HandleFunc(pattern, func(rw http.ResponseWriter, r *http.Request) { w.serveAPI(rw, r, act) })
	}
	mux.HandleFunc("GET /v3/billdownload/file", w.serveBill)
	mux.HandleFunc("GET /h5/{token}", w.serveH5)
}

// wechatCall is one verified call.
type wechatCall struct {
	*http.Request
	body   []byte
	origin string // of the gateway itself, as the caller wrote it
}

// read decodes the body of a call.
func (c wechatCall) read(into any) error {
	if err := json.Unmarshal(c.body, into); err != nil {
		return wechatParameter("the body is not the JSON object it should be")
	}
	return nil
}

// serveAPI answers a call: nil is "204 No Content".
func (w *wechatWire) serveAPI(rw http.ResponseWriter, r *http.Request, act func(context.Context, wechatCall) (any, error)) {
	call, err := w.admit(rw, r)
	if err != nil {
		w.refuse(rw, err)
		return
	}
	result, err := act(r.Context(), call)
	switch {
	case err != nil:
		w.refuse(rw, err)
	case result == nil:
		w.answer(rw, http.StatusNoContent, nil)
	default:
		w.answer(rw, http.StatusOK, result)
	}
}

var errPlaysDead = errors.New("sandbox: the gateway is down")

// admit reads a call and checks its signature.
func (w *wechatWire) admit(rw http.ResponseWriter, r *http.Request) (wechatCall, error) {
	down, err := w.isDown(r.Context())
	if err != nil {
		return wechatCall{}, err
	}
	if down {
		return wechatCall{}, errPlaysDead
	}
	body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, maxRequestBytes))
	if err != nil {
		return wechatCall{}, wechatParameter("the body can't be read")
	}
	if err := w.checkRequest(r, body); err != nil {
		return wechatCall{}, err
	}
	return wechatCall{r, body, w.origin(r)}, nil
}

// wechatRefusal is the gateway's "no", in the protocol's words.
type wechatRefusal struct {
	status int
	code   string
	detail string // appended to the text of code
}

func (r *wechatRefusal) Error() string { return fmt.Sprintf("%d %s %s", r.status, r.code, r.detail) }

func wechatParameter(detail string) *wechatRefusal {
	return &wechatRefusal{http.StatusBadRequest, "PARAM_ERROR", detail}
}

//go:embed templates/wechat.json
var wechatJSON []byte

// wechatText says each code and trade state in the gateway's language.
var wechatText = func() map[string]string {
	var texts map[string]string
	if err := json.Unmarshal(wechatJSON, &texts); err != nil {
		panic("sandbox: wechat.json: " + err.Error())
	}
	return texts
}()

func (r *wechatRefusal) message() string {
	if r.detail == "" {
		return wechatText[r.code]
	}
	return wechatText[r.code] + ": " + r.detail
}

// inWechatWords is the refusal that an error of the gateway stands for, or nil.
func inWechatWords(err error) *wechatRefusal {
	if no, ok := errors.AsType[*wechatRefusal](err); ok {
		return no
	}
	if address, ok := errors.AsType[addressError](err); ok {
		return wechatParameter(strings.TrimPrefix(address.Error(), "sandbox: "))
	}
	for cause, no := range map[error]wechatRefusal{
		errInconsistent: {http.StatusForbidden, "OUT_TRADE_NO_USED", ""},
		errHasClosed:    {http.StatusBadRequest, "ORDER_CLOSED", ""},
		errHasPaid:      {http.StatusBadRequest, "ORDERPAID", ""},
		errNotRefunded:  {http.StatusBadRequest, "INVALID_REQUEST", "the order is not paid"},
		errRefundOver:   {http.StatusBadRequest, "INVALID_REQUEST", "more than the order holds"},
		errRefundLate:   {http.StatusBadRequest, "INVALID_REQUEST", "the time for refunds is over"},
		errRefundOther:  {http.StatusBadRequest, "INVALID_REQUEST", "another refund under the same number"},
	} {
		if errors.Is(err, cause) {
			return &no
		}
	}
	return nil
}

func (w *wechatWire) words(err error) string {
	if no := inWechatWords(err); no != nil {
		return no.code + " · " + no.message()
	}
	return ""
}

// refuse answers with an error: signed, but for one that says that the caller's
// own signature is wrong.
func (w *wechatWire) refuse(rw http.ResponseWriter, err error) {
	no := inWechatWords(err)
	switch {
	case errors.Is(err, errPlaysDead):
		http.Error(rw, "Bad Gateway", http.StatusBadGateway)
		return
	case errors.Is(err, ErrNoTrade):
		no = &wechatRefusal{http.StatusNotFound, "ORDER_NOT_EXIST", ""}
	case no == nil:
		w.opts.Log.Error("sandbox: call failed", "error", err)
		no = &wechatRefusal{http.StatusInternalServerError, "SYSTEM_ERROR", ""}
	}
	body := map[string]string{"code": no.code, "message": no.message()}
	if no.status == http.StatusUnauthorized {
		w.write(rw, no.status, body, nil)
		return
	}
	w.answer(rw, no.status, body)
}

// answer sends result as JSON, signed; nil is an empty body, signed too.
func (w *wechatWire) answer(rw http.ResponseWriter, status int, result any) {
	w.write(rw, status, result, func(body []byte) (http.Header, error) { return w.signature(body, w.keys.platform) })
}

func (w *wechatWire) write(rw http.ResponseWriter, status int, result any, signed func([]byte) (http.Header, error)) {
	var body []byte
	var err error
	if result != nil {
		body, err = json.Marshal(result)
	}
	header := http.Header{}
	if err == nil && signed != nil {
		header, err = signed(body)
	}
	if err != nil {
		w.opts.Log.Error("sandbox: answer not signed", "error", err)
		http.Error(rw, "Internal Server Error", http.StatusInternalServerError)
		return
	}
	for name, values := range header {
		rw.Header()[name] = values
	}
	if result != nil {
		rw.Header().Set("Content-Type", "application/json; charset=utf-8")
	}
	rw.WriteHeader(status)
	if _, err := rw.Write(body); err != nil && status != http.StatusNoContent {
		w.opts.Log.Info("sandbox: caller went away", "error", err)
	}
}
