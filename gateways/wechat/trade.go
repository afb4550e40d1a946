package wechat

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"ztc-portal/gateways"
	"ztc-portal/models"
)

const (
	callNative = "native"
	callH5     = "h5"
	callQuery  = "query"
	callClose  = "close"

	maxDescriptionBytes = 127
	maxAmount           = 100_000_000 * models.Yuan
)

var outTradeNoForm = regexp.MustCompile(`^[0-9A-Za-z_-]{6,32}$`)

// placed is an order as both ways of paying send it.
type placed struct {
	AppID       string `json:"appid"`
	MchID       string `json:"mchid"`
	Description string `json:"description"`
	OutTradeNo  string `json:"out_trade_no"`
	TimeExpire  string `json:"time_expire"`
	NotifyURL   string `json:"notify_url"`
	Amount      amount `json:"amount"`
	SceneInfo   *scene `json:"scene_info,omitempty"`
}

// scene is asked for by H5.
type scene struct {
	PayerClientIP string `json:"payer_client_ip"`
	H5Info        h5Info `json:"h5_info"`
}

type h5Info struct {
	Type string `json:"type"`
}

// Open gives the QR code of a payment, or to a phone the address that opens
// the WeChat app, good for five minutes: one or the other, ErrOtherDevice after
// that. Whoever knows the code wants nothing more: SkipQR gives an empty checkout. An order that WeChat Pay can't take
// (number, amount, no deadline, a phone without an address) is ErrRefused.
func (r *Rail) Open(ctx context.Context, order gateways.Order) (gateways.Checkout, error) {
	if !outTradeNoForm.MatchString(order.OutTradeNo) || order.AmountFen <= 0 || order.AmountFen > maxAmount || order.ExpiresAt.IsZero() ||
		order.Payer.Device() == models.DevicePhone && order.Payer.IP == "" {
		return gateways.Checkout{}, fmt.Errorf("wechat: order not possible here: %w", gateways.ErrRefused)
	}
	wanted := placed{
		AppID: r.appID, MchID: r.mchID, Description: cleanText(order.Subject, order.OutTradeNo, maxDescriptionBytes),
		OutTradeNo: order.OutTradeNo, TimeExpire: order.ExpiresAt.In(models.Shanghai).Format(time.RFC3339),
		NotifyURL: order.NotifyURL, Amount: amount{Total: order.AmountFen, Currency: "CNY"},
	}
	if order.Payer.Device() == models.DevicePhone {
		wanted.SceneInfo = &scene{order.Payer.IP, h5Info{"Wap"}}
		got, err := r.post(ctx, callH5, "/v3/pay/transactions/h5", wanted)
		if err != nil {
			return gateways.Checkout{}, got.taken(err)
		}
		return door(got.H5URL, order.PageURL)
	}
	if order.SkipQR {
		return gateways.Checkout{}, nil
	}
	got, err := r.post(ctx, callNative, "/v3/pay/transactions/native", wanted)
	switch {
	case err != nil:
		return gateways.Checkout{}, got.taken(err)
	case got.CodeURL == "":
		return gateways.Checkout{}, fmt.Errorf("wechat: %s: no code: %w", callNative, gateways.ErrUnavailable)
	}
	return gateways.Checkout{QRContent: got.CodeURL, For: models.DeviceDesk}, nil
}

// taken says of a refused order that its number is used: an order is paid by the
// code or by the app, as it was opened first, and each is asked for in the same
// words as before.
func (a *answer) taken(err error) error {
	if a.Code == "OUT_TRADE_NO_USED" && errors.Is(err, gateways.ErrRefused) {
		return fmt.Errorf("%w: %w", gateways.ErrOtherDevice, err)
	}
	return err
}

// door leads to the WeChat app, and from there back to our page of the payment.
func door(h5URL, back string) (gateways.Checkout, error) {
	address, err := url.Parse(h5URL)
	if err != nil || address.Host == "" || address.Scheme != "https" && address.Scheme != "http" {
		return gateways.Checkout{}, fmt.Errorf("wechat: %s: no address: %w", callH5, gateways.ErrUnavailable)
	}
	if back == "" {
		return gateways.Checkout{RedirectURL: h5URL, For: models.DevicePhone}, nil
	}
	if address.RawQuery != "" {
		address.RawQuery += "&"
	}
	address.RawQuery += "redirect_url=" + url.QueryEscape(back)
	return gateways.Checkout{RedirectURL: address.String(), For: models.DevicePhone}, nil
}

// Query asks what became of a payment. ErrRefused: WeChat Pay won't tell; it
// does not mean unpaid.
func (r *Rail) Query(ctx context.Context, ref gateways.Ref) (models.Receipt, error) {
	if !outTradeNoForm.MatchString(ref.OutTradeNo) {
		return models.Receipt{}, fmt.Errorf("wechat: %s: no number of a payment: %w", callQuery, gateways.ErrRefused)
	}
	got, err := r.get(ctx, callQuery, "/v3/pay/transactions/out-trade-no/"+ref.OutTradeNo+"?mchid="+url.QueryEscape(r.mchID))
	switch {
	case err != nil:
		return models.Receipt{}, err
	case got.OutTradeNo != ref.OutTradeNo, got.MchID != r.mchID, got.AppID != r.appID:
		return models.Receipt{}, otherPayment(callQuery)
	}
	return got.receipt(), nil
}

// Close makes a payment unpayable. What WeChat Pay refuses otherwise than with
// "paid" may be closed already, or paid under a code of another name: it is asked.
func (r *Rail) Close(ctx context.Context, ref gateways.Ref) (gateways.CloseResult, error) {
	if !outTradeNoForm.MatchString(ref.OutTradeNo) {
		return "", fmt.Errorf("wechat: %s: no number of a payment: %w", callClose, gateways.ErrRefused)
	}
	got, err := r.post(ctx, callClose, "/v3/pay/transactions/out-trade-no/"+ref.OutTradeNo+"/close", map[string]string{"mchid": r.mchID})
	switch {
	case err == nil:
		return gateways.Closed, nil
	case errors.Is(err, gateways.ErrNotExist):
		return gateways.NeverSeen, nil
	case !errors.Is(err, gateways.ErrRefused):
		return "", err
	case got.Code == "ORDERPAID" || got.Code == "ORDER_PAID":
		return gateways.AlreadyPaid, nil
	}
	receipt, asked := r.Query(ctx, ref)
	switch {
	case asked != nil:
		return "", asked
	case receipt.State == models.TradePaid:
		return gateways.AlreadyPaid, nil
	case receipt.State == models.TradeClosed:
		return gateways.Closed, nil
	}
	return "", fmt.Errorf("wechat: %s refused, and the payment is %s: %w", callClose, receipt.State, errNotNow)
}

// cleanText keeps letters, digits, punctuation and spaces of the basic plane,
// as many whole characters as fit.
func cleanText(text, otherwise string, maxBytes int) string {
	kept := strings.Map(func(c rune) rune {
		switch {
		case unicode.IsSpace(c) || unicode.IsControl(c):
			return ' '
		case c > 0xFFFF || c == unicode.ReplacementChar || unicode.Is(unicode.Variation_Selector, c):
			return -1
		case !unicode.In(c, unicode.L, unicode.M, unicode.N, unicode.P, unicode.Sc, unicode.Sm):
			return -1
		}
		return c
	}, text)
	kept = strings.Join(strings.Fields(kept), " ")
	for len(kept) > maxBytes {
		_, last := utf8.DecodeLastRuneInString(kept)
		kept = strings.TrimSpace(kept[:len(kept)-last])
	}
	if kept == "" {
		return otherwise
	}
	return kept
}
