package gatewaystest

import (
	"context"
	"fmt"
	"net/http"
	"sync"

	"ztc-portal/gateways"
	"ztc-portal/models"
)

// Double stands in for a rail where a test is about what the portal does around
// one: no wire, no keys. It counts its calls and fails when it is told to.
type Double struct {
	Name models.Rail

	mu     sync.Mutex
	fails  error
	noQR   bool
	during func(call string)
	calls  map[string]int
	paid   map[string]models.Receipt
}

// NewDouble is one that works and of which nothing is paid.
func NewDouble(rail models.Rail) *Double {
	return &Double{Name: rail, calls: map[string]int{}, paid: map[string]models.Receipt{}}
}

// Fail makes every call end with the error from now on, or work again (nil).
func (d *Double) Fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fails = err
}

// NoQR makes it open payments by a form, for which no network is needed.
func (d *Double) NoQR() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.noQR = true
}

// During runs act in each call, with the call's name.
func (d *Double) During(act func(call string)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.during = act
}

// Pay makes Query confirm a payment.
func (d *Double) Pay(receipt models.Receipt) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.paid[receipt.OutTradeNo] = receipt
}

// Calls is how often a call was made: open, query, close, refund, refund query, bill.
func (d *Double) Calls(call string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.calls[call]
}

func (d *Double) called(call string) error {
	d.mu.Lock()
	during := d.during
	d.mu.Unlock()
	if during != nil {
		during(call)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls[call]++
	if d.fails != nil {
		return fmt.Errorf("%s %s: %w", d.Name, call, d.fails)
	}
	return nil
}

// Rail is the rail that it stands in for.
func (d *Double) Rail() models.Rail { return d.Name }

// Payee is a merchant of the double's own.
func (d *Double) Payee() string { return "double of " + string(d.Name) }

// Open gives a QR code, or fails without any way to the gateway; without QR codes
// it gives a form and makes no call.
func (d *Double) Open(_ context.Context, order gateways.Order) (gateways.Checkout, error) {
	d.mu.Lock()
	noQR := d.noQR
	d.mu.Unlock()
	if noQR {
		return gateways.Checkout{Form: &gateways.Form{Action: "https://double.test/pay", Fields: map[string]string{"no": order.OutTradeNo}}}, nil
	}
	if err := d.called("open"); err != nil {
		return gateways.Checkout{}, err
	}
	return gateways.Checkout{QRContent: "double://" + order.OutTradeNo}, nil
}

// Query gives what was paid.
func (d *Double) Query(_ context.Context, ref gateways.Ref) (models.Receipt, error) {
	if err := d.called("query"); err != nil {
		return models.Receipt{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	receipt, ok := d.paid[ref.OutTradeNo]
	if !ok {
		return receipt, gateways.ErrNotExist
	}
	return receipt, nil
}

// Close closes whatever is not paid.
func (d *Double) Close(_ context.Context, ref gateways.Ref) (gateways.CloseResult, error) {
	if err := d.called("close"); err != nil {
		return "", err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, ok := d.paid[ref.OutTradeNo]; ok {
		return gateways.AlreadyPaid, nil
	}
	return gateways.Closed, nil
}

// Refund gives the money back.
func (d *Double) Refund(_ context.Context, order gateways.RefundOrder) (gateways.RefundResult, error) {
	if err := d.called("refund"); err != nil {
		return gateways.RefundResult{}, err
	}
	return gateways.RefundResult{State: gateways.RefundDone, AmountFen: order.AmountFen, Raw: "double"}, nil
}

// RefundQuery knows of none.
func (d *Double) RefundQuery(context.Context, gateways.RefundOrder) (gateways.RefundResult, error) {
	if err := d.called("refund query"); err != nil {
		return gateways.RefundResult{}, err
	}
	return gateways.RefundResult{State: gateways.RefundNone}, nil
}

// Bill gives none: the day had no trades.
func (d *Double) Bill(context.Context, string) (gateways.BillReader, error) {
	if err := d.called("bill"); err != nil {
		return nil, err
	}
	return nil, gateways.ErrBillEmpty
}

// ReadNotify believes nothing.
func (d *Double) ReadNotify(http.Header, []byte) (models.Receipt, error) {
	return models.Receipt{}, gateways.ErrUnverified
}

// ReadReturn knows nothing.
func (d *Double) ReadReturn(map[string][]string) (string, error) {
	return "", gateways.ErrUnverified
}

// Answer is what any notify gets.
func (d *Double) Answer(bool) (status int, contentType string, body string) {
	return http.StatusOK, "text/plain", "double"
}
