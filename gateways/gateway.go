// Package gateways holds what every payment rail can do, and the order of
// things when a rail and our books meet: network first, books second.
package gateways

import (
	"context"
	"errors"
	"net/http"
	"time"

	"ztc-portal/models"
)

var (
	// ErrUnverified: signature, app or merchant are not ours; not to be believed.
	ErrUnverified = errors.New("gateways: not verified")
	// ErrUnavailable: the gateway could not be asked; nothing is known.
	ErrUnavailable = errors.New("gateways: gateway unavailable")
	// ErrOnlyThis stands beside ErrUnavailable where the gateway answered, and of
	// this payment alone nothing is known now: the rail works.
	ErrOnlyThis = errors.New("gateways: of this payment alone")
	// ErrTimeUnknown stands beside ErrUnavailable where a rail asks by the time of
	// the order, and we have none: the portal never made the payment.
	ErrTimeUnknown = errors.New("gateways: the order's time is not known")
	// ErrNotExist: the gateway does not know this payment (yet).
	ErrNotExist = errors.New("gateways: payment not known to the gateway")
	// ErrRefused: the gateway answered and said no.
	ErrRefused = errors.New("gateways: refused by the gateway")
	// ErrOtherDevice: the payment was opened for another kind of device, and the
	// gateway lets no other pay it.
	ErrOtherDevice = errors.New("gateways: opened for another kind of device")
)

// Ref names one payment to a gateway.
type Ref struct {
	OutTradeNo     string    // our payment no: R + yyMMdd + 14 characters
	OpenedAt       time.Time // when it was sent on its way, as Order.OpenedAt said; UTC, whole seconds; zero: not known
	GatewayTradeNo string    // the gateway's own number; "": not known yet
	ExpiresAt      time.Time // the deadline that the gateway was given; UTC; zero: not known
}

// Device is the kind of machine that the payer sits before; the WeChat app's own
// browser can do no more than a desk's: show a code.
func (p Payer) Device() models.Device {
	if p.Phone && !p.InWechat {
		return models.DevicePhone
	}
	return models.DeviceDesk
}

// Order is what a rail needs to ask for money. The same order may come again:
// all but Payer is then as it was.
type Order struct {
	OutTradeNo string // our payment no
	AmountFen  models.Fen
	Subject    string    // what the payer reads at the gateway
	OpenedAt   time.Time // UTC, whole seconds
	ExpiresAt  time.Time // UTC; sent as the gateway's own deadline
	NotifyURL  string
	ReturnURL  string
	PageURL    string // our own page of the payment, for a browser that brings nothing back; "": none
	SkipQR     bool   // the QR code is known: only the way to the cashier is wanted
	Payer      Payer
}

// Payer is what is known of who pays, for rails that ask.
type Payer struct {
	IP        string // as the portal sees it
	Phone     bool   // the browser is a phone's
	InWechat  bool   // and the WeChat app's own, from which that app's cashier can't be opened
	Bank      string // the bank chosen, by the rail's own code; "": the gateway asks
	Corporate bool   // a company's account pays
}

// Ref names the order's payment.
func (o Order) Ref() Ref {
	return Ref{OutTradeNo: o.OutTradeNo, OpenedAt: o.OpenedAt, ExpiresAt: o.ExpiresAt}
}

// Checkout is how the payer gets to the gateway: by an address or by a form,
// and by a QR code beside or instead of it.
type Checkout struct {
	RedirectURL string // cashier to send the browser to
	Form        *Form  // what the browser posts to get there, where an address is not enough
	QRContent   string // content of a QR code, or "" if the rail gave none
	OnOurPage   bool   // there is nowhere to go: the payment's own page says how to pay

	For models.Device // the one kind of device that can pay it from now on; "": any
}

// Form is posted to a gateway by the payer's browser.
type Form struct {
	Action string
	Fields map[string]string
}

// HasDoor tells whether the browser can be sent on.
func (c Checkout) HasDoor() bool { return c.RedirectURL != "" || c.Form != nil }

// CloseResult is what a close came to.
type CloseResult string

const (
	Closed      CloseResult = "closed"       // it can't be paid any more
	AlreadyPaid CloseResult = "already_paid" // too late: ask, then settle
	NeverSeen   CloseResult = "never_seen"   // it did not exist: unpaid and closable
	StaysOpen   CloseResult = "stays_open"   // unpaid, and the protocol has no way to close it: it ends at its deadline
)

// Gateway is one payment rail. An adapter holds no business rule and no state
// beyond its keys. Every method that asks the network returns ErrUnavailable
// (wrapped) when nothing is known afterwards.
type Gateway interface {
	Rail() models.Rail
	// Payee is the merchant account that money must be paid to.
	Payee() string
	// Open asks for one payment. When only the QR code fails, the checkout comes
	// back with the error; one without any way to the gateway comes with an error.
	Open(ctx context.Context, order Order) (Checkout, error)
	// Query asks what became of a payment. ErrNotExist: never seen there.
	Query(ctx context.Context, ref Ref) (models.Receipt, error)
	// Close makes a payment unpayable.
	Close(ctx context.Context, ref Ref) (CloseResult, error)
	// ReadNotify verifies one asynchronous notify: signature and merchant only.
	// ErrUnverified when any of it is not ours. It never touches the network.
	ReadNotify(header http.Header, body []byte) (models.Receipt, error)
	// ReadReturn verifies what the browser brought back and gives the payment
	// no it speaks of; it proves nothing about money.
	ReadReturn(query map[string][]string) (outTradeNo string, err error)
	// Answer gives the exact body, content type and status that tell the
	// gateway whether the notify was stored and settled.
	Answer(ok bool) (status int, contentType string, body string)
}

// Denier is a rail that answers a notify that nobody vouches for otherwise than
// one that could not be settled.
type Denier interface {
	Deny() (status int, contentType string, body string)
}
