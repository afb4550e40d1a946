package sandbox

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// The one merchant that UnionPay's side of the sandbox serves.
const unionpayMerID = "777290000000001"

const (
	unionpayTime = "20060102150405"
	unionpayFile = "/filedownload/" // a host of its own at the real one
)

// UnionpayMerchant is what the portal's settings need to talk to this sandbox.
type UnionpayMerchant struct {
	MerID          string
	PFXFile        string // the merchant's certificate and private key
	PasswordFile   string // of PFXFile
	RootCertFile   string // whom the portal believes
	MiddleCertFile string
	FilePath       string // where settlement files lie, below the gateway's address
}

// OpenUnionpay opens UnionPay's side in opts.DataDir, as Open does Alipay's. The
// waits before a notify is sent again are 1, 2, 4 and 5 minutes.
func OpenUnionpay(opts Options) (*Sandbox, error) {
	if opts.NotifyDelays == nil {
		opts.NotifyDelays = []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute, 5 * time.Minute}
	}
	return open(opts, func(s *Sandbox) (wire, error) {
		keys, err := openUnionpayKeys(s.opts.DataDir)
		return &unionpayWire{s, keys}, err
	})
}

// UnionpayMerchant gives the number and the files of the merchant served here.
func (s *Sandbox) UnionpayMerchant() UnionpayMerchant {
	in := func(name string) string { return filepath.Join(s.opts.DataDir, name) }
	return UnionpayMerchant{
		MerID: unionpayMerID, PFXFile: in(unionpayPFXFile), PasswordFile: in(unionpayPasswordFile),
		RootCertFile: in(unionpayRootFile), MiddleCertFile: in(unionpayMiddleFile), FilePath: unionpayFile,
	}
}

// unionpayWire speaks UnionPay's online gateway, 5.1.0.
type unionpayWire struct {
	*Sandbox
	keys unionpayKeys
}

func (*unionpayWire) name() string { return "unionpay" }

func (w *unionpayWire) routes(_ *Sandbox, mux *http.ServeMux) {
	mux.HandleFunc("POST /gateway/api/frontTransReq.do", w.serveFront)
	mux.HandleFunc("GET /banks/{token}", w.showBanks)
	mux.HandleFunc("POST /gateway/api/queryTrans.do", w.serveCall(map[string]unionpayCall{"00": w.queryTrans}))
	mux.HandleFunc("POST /gateway/api/backTransReq.do", w.serveCall(map[string]unionpayCall{"04": w.giveRefund}))
	mux.HandleFunc("POST "+unionpayFile, w.serveCall(map[string]unionpayCall{"76": w.settlementFile}))
}

// tradeNo numbers a trade: 21 digits, from the second it began.
func (*unionpayWire) tradeNo(now time.Time) string { return unionpayNumber(now) }

func unionpayNumber(now time.Time) string {
	return now.In(beijing).Format(unionpayTime) + newNumber(now, "", 8+7)[8:]
}

// unionpayRefusal is the gateway's "no": a code, and words for who reads them.
type unionpayRefusal struct{ code, words string }

func (r *unionpayRefusal) Error() string { return r.code + " " + r.words }

// unionpayCode is the refusal that an error of the gateway stands for, or nil.
func unionpayCode(err error) *unionpayRefusal {
	if no, ok := errors.AsType[*unionpayRefusal](err); ok {
		return no
	}
	if address, ok := errors.AsType[addressError](err); ok {
		return &unionpayRefusal{"10", strings.TrimPrefix(address.Error(), "sandbox: ")}
	}
	for cause, no := range map[error]unionpayRefusal{
		ErrNoTrade: {"34", "no such transaction"}, errInconsistent: {"12", "another amount under the same order"},
		errNotRefunded: {"35", "the original transaction is not paid"}, errRefundLate: {"39", "the time for refunds is over"},
		errRefundOver: {"36", "more than the original transaction holds"}, errRefundOther: {"12", "repeated order"},
	} {
		if errors.Is(err, cause) {
			return &no
		}
	}
	return nil
}

func (*unionpayWire) words(err error) string {
	if no := unionpayCode(err); no != nil {
		return no.code + " · " + no.words
	}
	return ""
}

// unionpayCall answers a verified request with the fields beside its echo.
type unionpayCall func(ctx context.Context, request map[string]string) (map[string]string, error)

// serveCall answers what the merchant's server asks: name=value pairs joined by
// &, not escaped, signed.
func (w *unionpayWire) serveCall(calls map[string]unionpayCall) http.HandlerFunc {
	return func(out http.ResponseWriter, r *http.Request) {
		down, err := w.isDown(r.Context())
		if down {
			http.Error(out, "Bad Gateway", http.StatusBadGateway)
			return
		}
		var request, fields map[string]string
		if err == nil {
			request, err = w.admit(out, r)
		}
		if err == nil {
			call, known := calls[request["txnType"]]
			if !known {
				err = &unionpayRefusal{"10", "txnType is not served here"}
			} else {
				fields, err = call(r.Context(), request)
			}
		}
		answer := unionpayEcho(request)
		for name, value := range fields {
			answer[name] = value
		}
		answer["respCode"], answer["respMsg"] = "00", "success"
		if err != nil {
			no := unionpayCode(err)
			if no == nil {
				w.opts.Log.Error("sandbox: call failed", "error", err)
				no = &unionpayRefusal{"06", "system busy"}
			}
			answer["respCode"], answer["respMsg"] = no.code, no.words
		}
		w.writeAnswer(out, answer)
	}
}

// unionpayEcho is what an answer repeats of its question.
func unionpayEcho(request map[string]string) map[string]string {
	echo := map[string]string{}
	for _, name := range []string{
		"version", "encoding", "signMethod", "txnType", "txnSubType", "bizType", "accessType", "merId", "orderId", "txnTime", "txnAmt", "origQryId", "settleDate", "fileType",
	} {
		if value := request[name]; value != "" {
			echo[name] = value
		}
	}
	return echo
}

func (w *unionpayWire) writeAnswer(out http.ResponseWriter, answer map[string]string) {
	signed, err := w.signUnionpay(answer, false)
	if err != nil {
		w.opts.Log.Error("sandbox: answer not signed", "error", err)
		http.Error(out, "Internal Server Error", http.StatusInternalServerError)
		return
	}
	pairs := make([]string, 0, len(signed))
	for name, value := range signed {
		pairs = append(pairs, name+"="+value)
	}
	out.Header().Set("Content-Type", "text/html;charset=UTF-8")
	if _, err := out.Write([]byte(strings.Join(pairs, "&"))); err != nil {
		w.opts.Log.Info("sandbox: caller went away", "error", err)
	}
}

// admit checks what all requests have in common, the signature last.
func (w *unionpayWire) admit(out http.ResponseWriter, r *http.Request) (map[string]string, error) {
	r.Body = http.MaxBytesReader(out, r.Body, maxRequestBytes)
	if err := r.ParseForm(); err != nil {
		return nil, &unionpayRefusal{"10", "the form can't be read"}
	}
	request := map[string]string{}
	for name, values := range r.PostForm {
		if len(values) != 1 {
			return nil, &unionpayRefusal{"10", name + " is repeated"}
		}
		request[name] = values[0]
	}
	for name, want := range map[string]string{
		"version": "5.1.0", "encoding": "UTF-8", "signMethod": "01", "accessType": "0", "merId": unionpayMerID, "certId": w.keys.merchantID,
	} {
		if request[name] == "" {
			return request, &unionpayRefusal{"13", name + " is missing"}
		}
		if request[name] != want {
			return request, &unionpayRefusal{"10", name + " is not ours"}
		}
	}
	if _, err := time.ParseInLocation(unionpayTime, request["txnTime"], beijing); err != nil {
		return request, &unionpayRefusal{"10", "txnTime must be YYYYMMDDhhmmss"}
	}
	if !verifyUnionpay(w.keys.merchant, request) {
		return request, &unionpayRefusal{"11", "the signature is not the merchant's"}
	}
	return request, nil
}

// notice are the fields of a back notify. A trade that ended unpaid is not told,
// nor one that is refunded in full: the refund is.
func (w *unionpayWire) notice(_ string, tr Trade, r *refunded) map[string]string {
	if r == nil && (tr.PaidAt.IsZero() || tr.Status == StatusFinished) {
		return nil
	}
	if r != nil {
		return w.refundFacts(tr, *r)
	}
	return w.paidFacts(tr)
}

// paidFacts are what a notify and a query say alike of a payment.
func (w *unionpayWire) paidFacts(tr Trade) map[string]string {
	biz, _, _ := strings.Cut(tr.passbackParams, " ")
	fields := map[string]string{
		"version": "5.1.0", "encoding": "UTF-8", "signMethod": "01", "txnType": "01", "txnSubType": "01", "bizType": biz, "accessType": "0",
		"merId": unionpayMerID, "orderId": tr.OutTradeNo, "txnTime": tr.body, "txnAmt": strconv.FormatInt(tr.amountFen(), 10),
		"currencyCode": "156", "queryId": tr.TradeNo, "traceNo": tr.TradeNo[len(tr.TradeNo)-6:], "respCode": "00", "respMsg": "Success!",
	}
	if !tr.PaidAt.IsZero() {
		fields["traceTime"] = tr.PaidAt.In(beijing).Format("0102150405")
		fields["settleDate"] = tr.PaidAt.In(beijing).Format("0102")
		fields["settleAmt"], fields["settleCurrencyCode"] = fields["txnAmt"], "156"
		fields["accNo"], fields["payCardType"], fields["payType"] = "6226********0001", "01", "0501"
	}
	return fields
}

// took: any answer of status 200 or 302 ends the sending.
func (*unionpayWire) took(d Delivery) bool {
	return d.Status == http.StatusOK || d.Status == http.StatusFound
}

// noticeID: the wire has none; this one is the sandbox's own.
func (*unionpayWire) noticeID(now time.Time) string { return newNumber(now, "up", 34) }

// seal gives a notify as a signed form.
func (w *unionpayWire) seal(fields map[string]string, evil bool, _ time.Time) (http.Header, string, error) {
	signed, err := w.signUnionpay(fields, evil)
	return http.Header{"Content-Type": {"application/x-www-form-urlencoded;charset=UTF-8"}}, encodeForm(signed), err
}

// back is the front notify: a form that the browser posts to the merchant. One
// who did not pay comes back with code 01.
func (w *unionpayWire) back(o order, tr Trade, _ time.Time) (way, error) {
	if o.returnURL == "" {
		return way{}, nil
	}
	if _, err := url.Parse(o.returnURL); err != nil {
		return way{}, fmt.Errorf("sandbox: %w", err)
	}
	fields := w.paidFacts(tr)
	if tr.PaidAt.IsZero() {
		fields["respCode"], fields["respMsg"] = "01", "not paid"
	}
	signed, err := w.signUnionpay(fields, false)
	return way{URL: o.returnURL, Fields: signed}, err
}

// SignUnionpay gives the form body of a notify with these fields, signed by the
// gateway, or under a certificate that nobody trusts if evil.
func (s *Sandbox) SignUnionpay(fields url.Values, evil bool) (string, error) {
	single, err := singleValues(fields)
	if err != nil {
		return "", err
	}
	signed, err := s.wire.(*unionpayWire).signUnionpay(single, evil)
	return encodeForm(signed), err
}

// evilCertificate is one with the right name on it, made by nobody.
func (w *unionpayWire) evilCertificate() (*rsa.PrivateKey, string, error) {
	key, err := w.evil()
	if err != nil {
		return nil, "", err
	}
	made, err := selfSigned(unionpaySigner, key)
	return key, made, err
}
