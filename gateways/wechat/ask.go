package wechat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/wechatpay-apiv3/wechatpay-go/core"

	"ztc-portal/gateways"
	"ztc-portal/models"
)

// amount is money on this wire: whole fen.
type amount struct {
	Total    models.Fen `json:"total"`
	Refund   models.Fen `json:"refund,omitempty"`
	Currency string     `json:"currency"`
}

// answer is what is read of an answer; raw holds all of it.
type answer struct {
	Code string `json:"code"` // of a refusal

	CodeURL string `json:"code_url"`
	H5URL   string `json:"h5_url"`

	AppID         string `json:"appid"`
	MchID         string `json:"mchid"`
	OutTradeNo    string `json:"out_trade_no"`
	TransactionID string `json:"transaction_id"`
	TradeState    string `json:"trade_state"`
	SuccessTime   string `json:"success_time"`
	Amount        amount `json:"amount"`

	OutRefundNo string `json:"out_refund_no"`
	Status      string `json:"status"` // of a refund

	HashType    string `json:"hash_type"`
	HashValue   string `json:"hash_value"`
	DownloadURL string `json:"download_url"`

	status int
	raw    string
}

// errNotNow: the gateway answered, and the payment is about to become another.
var errNotNow = fmt.Errorf("%w: %w", gateways.ErrUnavailable, gateways.ErrOnlyThis)

// refusal is the error that a signed answer stands for, nil for "done".
func (a *answer) refusal(call string) error {
	if a.status == http.StatusOK || a.status == http.StatusNoContent {
		return nil
	}
	kind := gateways.ErrRefused
	switch a.Code {
	case "ORDER_NOT_EXIST", "ORDERNOTEXIST", "RESOURCE_NOT_EXISTS":
		kind = gateways.ErrNotExist
	case "SYSTEM_ERROR", "SYSTEMERROR", "BANK_ERROR", "BANKERROR",
		"FREQUENCY_LIMITED", "FREQUENCY_LIMIT_EXCEED", "RATELIMIT_EXCEEDED", "RATE_LIMIT_EXCEEDED", "SIGN_ERROR":
		kind = gateways.ErrUnavailable
	case "USERPAYING", "USER_PAYING": // the payer is typing the password
		kind = errNotNow
	}
	if a.Code == "" || a.status == http.StatusTooManyRequests || a.status == http.StatusUnauthorized || a.status >= http.StatusInternalServerError {
		kind = gateways.ErrUnavailable
	}
	return fmt.Errorf("wechat: %s: status %d %.40q: %w", call, a.status, a.Code, kind)
}

// post and get send one request and give the answer, its signature verified,
// together with the error that it stands for. call names it in errors.
func (r *Rail) post(ctx context.Context, call, path string, body any) (answer, error) {
	result, err := r.client.Post(ctx, r.baseURL+path, body)
	return r.answered(ctx, call, result, err)
}

func (r *Rail) get(ctx context.Context, call, path string) (answer, error) {
	result, err := r.client.Get(ctx, r.baseURL+path)
	return r.answered(ctx, call, result, err)
}

// answered sorts what the library returns. It believes a refusal without
// looking at its signature: here that is looked at, and without a genuine one
// nothing is known. Its errors hold header and body, so only codes are kept.
func (r *Rail) answered(ctx context.Context, call string, result *core.APIResult, err error) (answer, error) {
	if result == nil || result.Response == nil {
		return answer{}, fmt.Errorf("wechat: %s: %w: %w", call, gateways.ErrUnavailable, err)
	}
	defer result.Response.Body.Close()
	var refused *core.APIError
	if errors.As(err, &refused) {
		err = r.validator.Validate(ctx, result.Response)
	}
	status := result.Response.StatusCode
	if err != nil {
		code := ""
		if refused != nil {
			code = refused.Code
		}
		return answer{}, fmt.Errorf("wechat: %s: status %d %.40q, not signed by WeChat Pay's key: %w: %w", call, status, code, gateways.ErrUnavailable, gateways.ErrUnverified)
	}
	raw, err := io.ReadAll(result.Response.Body)
	got := answer{status: status, raw: string(raw)}
	if err == nil && len(raw) > 0 {
		err = json.Unmarshal(raw, &got)
	}
	if err != nil {
		return answer{}, fmt.Errorf("wechat: %s: status %d, answer can't be read: %w", call, status, gateways.ErrUnavailable)
	}
	return got, got.refusal(call)
}

// refusedWith gives the status of a refusal of the library's.
func refusedWith(err error) (status int, ok bool) {
	refused, ok := errors.AsType[*core.APIError](err)
	if !ok {
		return 0, false
	}
	return refused.StatusCode, true
}

// otherPayment: a genuine answer, but to another question.
func otherPayment(call string) error {
	return fmt.Errorf("wechat: %s: answer about another payment: %w: %w", call, gateways.ErrUnavailable, gateways.ErrUnverified)
}

// receipt puts a trade into our words, told alike by a query's answer and a
// notify. Paid without an amount or a number is not paid but unknown: nobody
// could book it.
func (a *answer) receipt() models.Receipt {
	state := tradeState(a.TradeState)
	if state == models.TradePaid && (a.Amount.Total <= 0 || a.TransactionID == "" || a.OutTradeNo == "") {
		state = models.TradeUnknown
	}
	currency := a.Amount.Currency
	if currency == "" {
		currency = "CNY"
	}
	return models.Receipt{
		Rail: models.RailWechat, OutTradeNo: a.OutTradeNo, GatewayTradeNo: a.TransactionID, State: state,
		AmountFen: a.Amount.Total, Currency: currency, Payee: a.MchID, PaidAt: instant(a.SuccessTime), Raw: a.raw,
	}
}

// tradeState: a payment of which something was refunded was paid, REFUND says
// no more. PAYERROR is a try that failed; the payer may try again.
func tradeState(wire string) models.TradeState {
	switch wire {
	case "SUCCESS", "REFUND":
		return models.TradePaid
	case "NOTPAY", "USERPAYING", "PAYERROR":
		return models.TradeWaiting
	case "CLOSED", "REVOKED":
		return models.TradeClosed
	}
	return models.TradeUnknown
}

// instant reads a time of the wire; the zero time when there is none.
func instant(wire string) time.Time {
	at, err := time.Parse(time.RFC3339, wire)
	if err != nil {
		return time.Time{}
	}
	return at.UTC()
}
