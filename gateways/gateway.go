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
	// ErrNotExist: the gateway does not know this payment (yet).
	ErrNotExist = errors.New("gateways: payment not known to the gateway")
	// ErrRefused: the gateway answered and said no.
	ErrRefused = errors.New("gateways: refused by the gateway")
)

// Order is what a rail needs to ask for money.
type Order struct {
	OutTradeNo string // our payment no: R + yyMMdd + 14 characters
	AmountFen  models.Fen
	Subject    string    // what the payer reads at the gateway
	ExpiresAt  time.Time // UTC; sent as the gateway's own deadline
	NotifyURL  string
	ReturnURL  string
	SkipQR     bool // the QR code is known: only the way to the cashier is wanted
}

// Checkout is how the payer gets to the gateway.
type Checkout struct {
	RedirectURL string // cashier to send the browser to
	QRContent   string // content of a QR code, or "" if the rail gave none
}

// CloseResult is what a close came to.
type CloseResult string

const (
	Closed      CloseResult = "closed"       // it can't be paid any more
	AlreadyPaid CloseResult = "already_paid" // too late: ask, then settle
	NeverSeen   CloseResult = "never_seen"   // it did not exist: unpaid and closable
)

// Gateway is one payment rail. An adapter holds no business rule and no state
// beyond its keys. Every method that asks the network returns ErrUnavailable
// (wrapped) when nothing is known afterwards.
type Gateway interface {
	Rail() models.Rail
	// Payee is the merchant account that money must be paid to.
	Payee() string
	// Open asks for one payment. The redirect URL needs no network; a QR code
	// does: when only that fails, the checkout comes back with the error.
	Open(ctx context.Context, order Order) (Checkout, error)
	// Query asks what became of a payment. ErrNotExist: never seen there.
	Query(ctx context.Context, outTradeNo string) (models.Receipt, error)
	// Close makes a payment unpayable.
	Close(ctx context.Context, outTradeNo string) (CloseResult, error)
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
