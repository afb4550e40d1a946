package unionpay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"ztc-portal/gateways"
	"ztc-portal/models"
)

const (
	txnQuery  = "00"
	txnPay    = "01"
	txnRefund = "04"

	bizPersonal  = "000201" // B2C
	bizCorporate = "000202" // B2B

	maxAmount = 100_000_000 * models.Yuan
)

var (
	orderIDForm = regexp.MustCompile(`^[0-9A-Za-z]{8,40}$`)
	bankForm    = regexp.MustCompile(`^[0-9A-Z]{1,20}$`)
)

// Open gives the signed form that takes the payer's browser to UnionPay, or to
// the chosen bank. It asks nobody. An order that UnionPay can't take (number,
// amount, times, bank) is ErrRefused.
func (r *Rail) Open(_ context.Context, order gateways.Order) (gateways.Checkout, error) {
	if !orderIDForm.MatchString(order.OutTradeNo) || order.AmountFen <= 0 || order.AmountFen > maxAmount || order.OpenedAt.IsZero() || order.ExpiresAt.IsZero() {
		return gateways.Checkout{}, fmt.Errorf("unionpay: order not possible here: %w", gateways.ErrRefused)
	}
	fields := map[string]string{
		"txnType": txnPay, "txnSubType": "01", "bizType": bizPersonal, "channelType": "07",
		"orderId": order.OutTradeNo, "txnTime": stamp(order.OpenedAt), "payTimeout": stamp(order.ExpiresAt),
		"txnAmt": strconv.FormatInt(int64(order.AmountFen), 10), "currencyCode": "156",
		"frontUrl": order.ReturnURL, "backUrl": order.NotifyURL,
	}
	if order.Payer.Corporate {
		fields["bizType"] = bizCorporate
	}
	if order.Payer.Phone {
		fields["channelType"] = "08"
	}
	if order.Payer.Bank != "" {
		if !bankForm.MatchString(order.Payer.Bank) {
			return gateways.Checkout{}, fmt.Errorf("unionpay: bank not possible here: %w", gateways.ErrRefused)
		}
		fields["issInsCode"] = order.Payer.Bank
	}
	if err := r.sign(fields); err != nil {
		return gateways.Checkout{}, err
	}
	return gateways.Checkout{Form: &gateways.Form{Action: r.gateway + pathFront, Fields: fields}}, nil
}

// Query asks what became of a payment. ErrNotExist: the payer has not been at
// the cashier. Unpaid and its deadline over, it is closed; before, a failure is
// no end, since the payer may try again. ErrRefused: the gateway won't tell.
func (r *Rail) Query(ctx context.Context, ref gateways.Ref) (models.Receipt, error) {
	got, err := r.query(ctx, ref.OutTradeNo, ref.OpenedAt)
	switch {
	case err != nil:
		return models.Receipt{}, err
	case got.fields["txnType"] != txnPay:
		return models.Receipt{}, otherOrder(pathQuery)
	}
	receipt := r.receipt(got.fields, got.fields["origRespCode"], got.raw)
	over := !ref.ExpiresAt.IsZero() && !r.now().Before(ref.ExpiresAt)
	if over && receipt.State == models.TradeWaiting {
		receipt.State = models.TradeClosed
	}
	return receipt, nil
}

// Close asks: the protocol has no word that closes a payment. Unpaid it stays
// open until its deadline; after that what the gateway says is final.
func (r *Rail) Close(ctx context.Context, ref gateways.Ref) (gateways.CloseResult, error) {
	receipt, err := r.Query(ctx, ref)
	over := !ref.ExpiresAt.IsZero() && !r.now().Before(ref.ExpiresAt)
	switch {
	case err != nil && !errors.Is(err, gateways.ErrNotExist):
		return "", err
	case receipt.State == models.TradePaid:
		return gateways.AlreadyPaid, nil
	case receipt.State == models.TradeUnknown:
		return "", fmt.Errorf("unionpay: paid, but not readable: %w: %w", gateways.ErrUnavailable, gateways.ErrOnlyThis)
	case over:
		return gateways.Closed, nil
	}
	return gateways.StaysOpen, nil
}

// receipt puts a payment into our words; code is what became of it. Paid
// without a readable amount or number is not paid but unknown: nobody could
// book it.
func (r *Rail) receipt(fields map[string]string, code, raw string) models.Receipt {
	opened := instant(fields["txnTime"])
	amount, readable := fen(fields["txnAmt"])
	receipt := models.Receipt{
		Rail: models.RailUnionpay, OutTradeNo: fields["orderId"], GatewayTradeNo: fields["queryId"], State: models.TradeWaiting,
		AmountFen: amount, Currency: currency(fields["currencyCode"]), Payee: fields["merId"], OpenedAt: opened, Raw: raw,
	}
	if isPaid(code) {
		receipt.State, receipt.PaidAt = models.TradePaid, nearest(fields["traceTime"], opened)
		if !readable || amount <= 0 || receipt.GatewayTradeNo == "" || receipt.OutTradeNo == "" {
			receipt.State = models.TradeUnknown
		}
	}
	return receipt
}

// isPaid: done, or done with a flaw that is not the payer's (A6).
func isPaid(code string) bool { return code == "00" || code == "A6" }

// isPending: accepted, and what becomes of it is not known yet.
func isPending(code string) bool { return code == "03" || code == "04" || code == "05" }

// fen reads an amount of the wire: whole fen, digits only.
func fen(wire string) (models.Fen, bool) {
	if wire == "" || len(wire) > 12 || strings.Trim(wire, "0123456789") != "" {
		return 0, false
	}
	amount, err := strconv.ParseInt(wire, 10, 64)
	return models.Fen(amount), err == nil
}

// currency names by ISO 4217 what the wire names by number.
func currency(code string) string {
	if code == "156" || code == "" {
		return "CNY"
	}
	return code
}

// answer is a verified one.
type answer struct {
	fields map[string]string
	raw    string
}

// query asks about an order, a payment or a refund, by its number and time.
// ErrNotExist: the gateway has none.
func (r *Rail) query(ctx context.Context, orderID string, at time.Time) (answer, error) {
	if at.IsZero() {
		return answer{}, fmt.Errorf("unionpay: %s: %w: %w: %w", pathQuery, gateways.ErrUnavailable, gateways.ErrOnlyThis, gateways.ErrTimeUnknown)
	}
	got, err := r.ask(ctx, r.calls, r.gateway+pathQuery, map[string]string{
		"txnType": txnQuery, "txnSubType": "00", "bizType": "000000", "orderId": orderID, "txnTime": stamp(at),
	})
	if err != nil {
		return answer{}, err
	}
	if err := refusal(pathQuery, got.fields["respCode"]); err != nil {
		return answer{}, err
	}
	if got.fields["orderId"] != orderID || got.fields["txnTime"] != stamp(at) || got.fields["merId"] != r.merID {
		return answer{}, otherOrder(pathQuery)
	}
	return got, nil
}

// refusal is the error that a verified answer stands for, nil for "done". A code
// that says nothing of the order is no refusal: the gateway could not be asked.
func refusal(path, code string) error {
	var kind error
	switch code {
	case "00":
		return nil
	case "34":
		kind = gateways.ErrNotExist
	case "", "02", "03", "04", "05", "06", "37":
		kind = gateways.ErrUnavailable
	default:
		kind = gateways.ErrRefused
	}
	return fmt.Errorf("unionpay: %s: %.10q: %w", path, code, kind)
}

// ask sends one signed request and gives the answer, verified. An answer that
// UnionPay did not sign, or that speaks of another order or merchant, is
// ErrUnavailable whatever it says.
func (r *Rail) ask(ctx context.Context, client *http.Client, address string, fields map[string]string) (answer, error) {
	path := nameOfFile
	if at, err := url.Parse(address); err == nil && strings.HasPrefix(address, r.gateway+"/gateway/") {
		path = at.Path
	}
	if err := r.sign(fields); err != nil {
		return answer{}, err
	}
	form := url.Values{}
	for name, value := range fields {
		form.Set(name, value)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return answer{}, fmt.Errorf("unionpay: %s: %w: bad address", path, gateways.ErrUnavailable)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded;charset=UTF-8")
	response, err := client.Do(request)
	if err != nil {
		return answer{}, fmt.Errorf("unionpay: %s: %w: %w", path, gateways.ErrUnavailable, err)
	}
	defer response.Body.Close()
	limit := client.Transport.(boundedTransport).maxBytes
	body, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return answer{}, fmt.Errorf("unionpay: %s: %w: %w", path, gateways.ErrUnavailable, err)
	case int64(len(body)) > limit:
		return answer{}, fmt.Errorf("unionpay: %s: answer has more than %d bytes: %w", path, limit, gateways.ErrUnavailable)
	}
	got, err := readAnswer(string(body))
	if err == nil {
		err = r.trust.verify(got, r.now())
	}
	if err != nil {
		return answer{}, fmt.Errorf("unionpay: %s: %w: %w: %w", path, err, gateways.ErrUnavailable, gateways.ErrUnverified)
	}
	for _, name := range []string{"merId", "orderId", "txnTime"} {
		if said := got[name]; said != "" && said != fields[name] && fields[name] != "" {
			return answer{}, otherOrder(path)
		}
	}
	return answer{got, string(body)}, nil
}

// otherOrder: a genuine answer, but to another question.
func otherOrder(path string) error {
	return fmt.Errorf("unionpay: %s: answer about another order: %w: %w", path, gateways.ErrUnavailable, gateways.ErrUnverified)
}
