package alipay

import (
	"context"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"

	sdk "github.com/smartwalle/alipay/v3"

	"ztc-portal/gateways"
	"ztc-portal/models"
)

const (
	methodPagePay   = "alipay.trade.page.pay"
	methodPrecreate = "alipay.trade.precreate"
	methodQuery     = "alipay.trade.query"
	methodClose     = "alipay.trade.close"

	maxSubjectRunes = 256
	maxAmount       = 100_000_000 * models.Yuan
)

var outTradeNoForm = regexp.MustCompile(`^[0-9A-Za-z_]{1,64}$`)

// biz is the biz_content of a request.
type biz map[string]string

// Open gives the signed address of Alipay's cashier, and the QR code of the
// same payment. The address needs no network; when only the QR code fails the
// checkout comes back without it, beside the error. An order that Alipay can't
// take (number, amount, no deadline) is ErrRefused.
func (r *Rail) Open(ctx context.Context, order gateways.Order) (gateways.Checkout, error) {
	if !outTradeNoForm.MatchString(order.OutTradeNo) || order.AmountFen <= 0 || order.AmountFen > maxAmount || order.ExpiresAt.IsZero() {
		return gateways.Checkout{}, fmt.Errorf("alipay: order not possible here: %w", gateways.ErrRefused)
	}
	fields := biz{
		"out_trade_no": order.OutTradeNo,
		"total_amount": order.AmountFen.Wire(),
		"subject":      cleanSubject(order.Subject, order.OutTradeNo),
		"time_expire":  order.ExpiresAt.In(r.beijing).Format(wireTime),
	}
	page := payload(methodPagePay, fields).
		AddBizField("product_code", "FAST_INSTANT_TRADE_PAY").
		AddParam("notify_url", order.NotifyURL).AddParam("return_url", order.ReturnURL)
	query, err := r.client.EncodeParam(page)
	if err != nil {
		return gateways.Checkout{}, fmt.Errorf("alipay: sign %s: %w", methodPagePay, err)
	}
	checkout := gateways.Checkout{RedirectURL: r.pageURL + "?" + query}
	if order.SkipQR {
		return checkout, nil
	}
	qr := payload(methodPrecreate, fields).AddParam("notify_url", order.NotifyURL)
	got, err := r.ask(ctx, qr)
	switch {
	case err != nil:
		return checkout, err
	case got.OutTradeNo != order.OutTradeNo:
		return checkout, otherPayment(methodPrecreate)
	}
	checkout.QRContent = got.QRCode
	return checkout, nil
}

// Query asks what became of a payment. ErrNotExist: the payer has not been at
// the cashier yet. ErrRefused: the gateway won't tell; it does not mean unpaid.
func (r *Rail) Query(ctx context.Context, ref gateways.Ref) (models.Receipt, error) {
	outTradeNo := ref.OutTradeNo
	got, err := r.ask(ctx, payload(methodQuery, biz{"out_trade_no": outTradeNo}))
	unclear := models.Receipt{Rail: models.RailAlipay, OutTradeNo: outTradeNo, State: models.TradeUnknown, Currency: "CNY", Payee: r.sellerID, Raw: got.raw}
	switch {
	case got.Code == codeInProgress:
		return unclear, nil
	case err != nil:
		return models.Receipt{}, err
	case got.OutTradeNo != outTradeNo:
		return models.Receipt{}, otherPayment(methodQuery)
	}
	// Alipay's answer does not name the merchant: that the app's own payment is
	// paid to the app's own merchant is part of the question.
	return r.receipt(tradeFacts{
		outTradeNo: got.OutTradeNo, tradeNo: got.TradeNo, status: got.TradeStatus,
		amount: got.TotalAmount, currency: got.Currency, paidAt: got.SendPayDate, raw: got.raw,
	}), nil
}

// Close makes a payment unpayable. Alipay refuses with one and the same code
// when the payment is paid and when it is closed already: then it is asked.
func (r *Rail) Close(ctx context.Context, ref gateways.Ref) (gateways.CloseResult, error) {
	outTradeNo := ref.OutTradeNo
	got, err := r.ask(ctx, payload(methodClose, biz{"out_trade_no": outTradeNo}))
	switch {
	case err == nil && got.OutTradeNo != "" && got.OutTradeNo != outTradeNo:
		return "", otherPayment(methodClose)
	case err == nil:
		return gateways.Closed, nil
	case errors.Is(err, gateways.ErrNotExist):
		return gateways.NeverSeen, nil
	case got.notWaiting():
		return r.closedOrPaid(ctx, ref)
	}
	return "", err
}

func (r *Rail) closedOrPaid(ctx context.Context, ref gateways.Ref) (gateways.CloseResult, error) {
	receipt, err := r.Query(ctx, ref)
	switch {
	case err != nil:
		return "", err
	case receipt.State == models.TradePaid:
		return gateways.AlreadyPaid, nil
	case receipt.State == models.TradeClosed:
		return gateways.Closed, nil
	}
	return "", fmt.Errorf("alipay: %s refused, and the payment is %s: %w: %w", methodClose, receipt.State, gateways.ErrUnavailable, gateways.ErrOnlyThis)
}

// tradeFacts is what a query answer and a notify say alike, as written there.
type tradeFacts struct {
	outTradeNo, tradeNo, status, amount, currency, paidAt, raw string
}

// receipt puts a trade into our words. Paid without a readable amount or
// number is not paid but unknown: nobody could book it.
func (r *Rail) receipt(facts tradeFacts) models.Receipt {
	amount, readable := models.FenFromYuan(facts.amount)
	state := tradeState(facts.status)
	if state == models.TradePaid && (!readable || amount <= 0 || facts.tradeNo == "" || facts.outTradeNo == "") {
		state = models.TradeUnknown
	}
	if facts.currency == "" {
		facts.currency = "CNY"
	}
	return models.Receipt{
		Rail: models.RailAlipay, OutTradeNo: facts.outTradeNo, GatewayTradeNo: facts.tradeNo, State: state,
		AmountFen: amount, Currency: facts.currency, Payee: r.sellerID, PaidAt: r.instant(facts.paidAt), Raw: facts.raw,
	}
}

func tradeState(status string) models.TradeState {
	switch sdk.TradeStatus(status) {
	case sdk.TradeStatusWaitBuyerPay:
		return models.TradeWaiting
	case sdk.TradeStatusSuccess, sdk.TradeStatusFinished:
		return models.TradePaid
	case sdk.TradeStatusClosed:
		return models.TradeClosed
	}
	return models.TradeUnknown
}

// instant reads a Beijing time of the wire; the zero time when there is none.
func (r *Rail) instant(wire string) time.Time {
	at, err := time.ParseInLocation(wireTime, wire, r.beijing)
	if err != nil {
		return time.Time{}
	}
	return at.UTC()
}

// cleanSubject keeps what Alipay takes and GBK can hold: letters, digits,
// punctuation and spaces of the basic plane, without / = & (the latter two
// also keep a notify's fields from being read in two ways).
func cleanSubject(subject, otherwise string) string {
	kept := strings.Map(func(c rune) rune {
		switch {
		case c == '/' || c == '=' || c == '&' || unicode.IsSpace(c) || unicode.IsControl(c):
			return ' '
		case c > 0xFFFF || c == unicode.ReplacementChar || !unicode.In(c, unicode.L, unicode.M, unicode.N, unicode.P, unicode.Sc, unicode.Sm):
			return -1
		case unicode.Is(unicode.Variation_Selector, c):
			return -1
		}
		return c
	}, subject)
	runes := []rune(strings.Join(strings.Fields(kept), " "))
	if len(runes) == 0 {
		return otherwise
	}
	return strings.TrimSpace(string(runes[:min(len(runes), maxSubjectRunes)]))
}

func payload(method string, fields biz) *sdk.Payload {
	request := sdk.NewPayload(method)
	for name, value := range fields {
		request.AddBizField(name, value)
	}
	return request
}

// The codes of an answer: done; accepted but not finished; busy or unknown.
const (
	codeDone       = "10000"
	codeInProgress = "10003"
	codeUnknown    = "20000"
	codeLimited    = "40005"
)

// answer is what is read of an answer; raw holds all of it.
type answer struct {
	Code        string `json:"code"`
	SubCode     string `json:"sub_code"`
	OutTradeNo  string `json:"out_trade_no"`
	TradeNo     string `json:"trade_no"`
	TradeStatus string `json:"trade_status"`
	TotalAmount string `json:"total_amount"`
	Currency    string `json:"trans_currency"`
	SendPayDate string `json:"send_pay_date"`
	QRCode      string `json:"qr_code"`
	BillURL     string `json:"bill_download_url"`

	FundChange   string `json:"fund_change"`
	OutRequestNo string `json:"out_request_no"`
	RefundStatus string `json:"refund_status"`
	RefundAmount string `json:"refund_amount"`

	raw string
}

// UnmarshalJSON keeps the gateway's own words beside what is read of them.
func (a *answer) UnmarshalJSON(data []byte) error {
	type fields answer
	a.raw = string(data)
	return json.Unmarshal(data, (*fields)(a))
}

// notWaiting tells a refusal that means: paid or closed already.
func (a *answer) notWaiting() bool {
	switch a.SubCode {
	case "ACQ.TRADE_STATUS_ERROR", "ACQ.REASON_TRADE_STATUS_INVALID", "ACQ.REASON_ILLEGAL_STATUS":
		return true
	}
	return false
}

// refusal is the error that a signed answer stands for, nil for "done".
func (a *answer) refusal(method string) error {
	var kind error
	switch {
	case a.Code == codeDone:
		return nil
	case a.SubCode == "ACQ.TRADE_NOT_EXIST":
		kind = gateways.ErrNotExist
	case a.Code == "", a.Code == codeInProgress, a.Code == codeUnknown, a.Code == codeLimited, strings.HasSuffix(a.SubCode, "SYSTEM_ERROR"):
		kind = gateways.ErrUnavailable
	default:
		kind = gateways.ErrRefused
	}
	return fmt.Errorf("alipay: %s: %.40q %.80q: %w", method, a.Code, a.SubCode, kind)
}

// ask sends one request and gives the answer, its signature verified, together
// with the error that its code stands for.
func (r *Rail) ask(ctx context.Context, request *sdk.Payload) (answer, error) {
	var got answer
	if err := r.client.Request(ctx, request, &got); err != nil {
		return answer{}, notAnswered(request.APIName(), err)
	}
	return got, got.refusal(request.APIName())
}

// notAnswered sorts what the library returns when there is no verified answer.
// An answer without a signature is one of them, whatever it says: the library
// hands it out as an error (a nil one, whose Error would panic, for "null").
// Its sub_msg may hold the whole request, so only the codes are kept.
func notAnswered(method string, err error) error {
	var unsigned *sdk.Error
	var garbled base64.CorruptInputError
	switch {
	case errors.As(err, &unsigned) && unsigned == nil:
		return fmt.Errorf("alipay: %s: empty answer: %w: %w", method, gateways.ErrUnavailable, gateways.ErrUnverified)
	case unsigned != nil:
		return fmt.Errorf("alipay: %s: unsigned answer %.40q %.80q: %w: %w", method, unsigned.Code, unsigned.SubCode, gateways.ErrUnavailable, gateways.ErrUnverified)
	case errors.Is(err, rsa.ErrVerification), errors.Is(err, sdk.ErrAliPublicKeyNotFound), errors.As(err, &garbled):
		return fmt.Errorf("alipay: %s: answer not signed by Alipay's key: %w: %w", method, gateways.ErrUnavailable, gateways.ErrUnverified)
	}
	return fmt.Errorf("alipay: %s: %w: %w", method, gateways.ErrUnavailable, err)
}

// otherPayment: a genuine answer, but to another question.
func otherPayment(method string) error {
	return fmt.Errorf("alipay: %s: answer about another payment: %w: %w", method, gateways.ErrUnavailable, gateways.ErrUnverified)
}
