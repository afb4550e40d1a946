// Package conformance is the one suite that every payment rail must pass
// against its sandbox: what gateways.Gateway promises, said as tests. A rail
// brings a Rig, which plays the payer and the gateway's side of the wire.
package conformance

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"ztc-portal/gateways"
)

// Message is one notify as it reaches us.
type Message struct {
	Header http.Header
	Body   []byte
}

// Forgery is a way in which a notify is not to be believed.
type Forgery string

const (
	AmountTampered Forgery = "AmountTampered" // another amount under the genuine signature
	FieldAdded     Forgery = "FieldAdded"     // one field more than was signed
	FieldDropped   Forgery = "FieldDropped"   // one field less than was signed
	FieldRepeated  Forgery = "FieldRepeated"  // a genuine field given twice
	FieldsGlued    Forgery = "FieldsGlued"    // the same text is signed, cut into other fields
	NoSignature    Forgery = "NoSignature"
	OtherKey       Forgery = "OtherKey"   // well formed, signed by a key that is not the gateway's
	OtherApp       Forgery = "OtherApp"   // signed by the gateway, for another app
	OtherPayee     Forgery = "OtherPayee" // signed by the gateway, for another merchant
)

// Forgeries lists every kind; a rail refuses each with ErrUnverified.
var Forgeries = []Forgery{
	AmountTampered, FieldAdded, FieldDropped, FieldRepeated, FieldsGlued, NoSignature, OtherKey, OtherApp, OtherPayee,
}

// Trouble is what can be wrong with the gateway while it is asked.
type Trouble string

const (
	Refusing Trouble = "Refusing" // connections are cut
	Hanging  Trouble = "Hanging"  // it takes the request and says nothing
	Failing  Trouble = "Failing"  // an error page instead of an answer
	EvilKey  Trouble = "EvilKey"  // complete answers, signed by a key that is not the gateway's
	Unsigned Trouble = "Unsigned" // complete answers without a signature
)

// Troubles lists every kind; under each a rail says ErrUnavailable.
var Troubles = []Trouble{Refusing, Hanging, Failing, EvilKey, Unsigned}

// Reply is what we answer to a notify.
type Reply struct {
	Status      int
	ContentType string
	Body        string
}

// Traits are what the protocol of a rail has and has not. What it has is tested.
type Traits struct {
	Door         bool // Open gives a way for the browser
	DoorOffline  bool // and does so without asking the gateway
	QR           bool // Open gives a QR code
	KnownAtOnce  bool // the gateway knows a payment once it is opened, before a payer comes
	Closes       bool // a payment can be closed before its deadline
	SignedReturn bool // the browser brings back something that names the payment and is signed
	RefundsLater bool // a refund is accepted first and done later
	StaysPaid    bool // a payment refunded in full is still told as paid
	AsksNobody   bool // there is no gateway to ask and none that calls: what was paid, a bank's statement says
}

// Rig is one rail together with hooks into its sandbox.
type Rig interface {
	// Rail is the adapter under test.
	Rail() gateways.Gateway
	// Timeout is the adapter's own bound of one call.
	Timeout() time.Duration
	// Traits are what the rail's protocol has.
	Traits() Traits
	// URLs are where the sandbox may send notifies and browsers.
	URLs() (notify, back string)
	// Arrive lets a payer open the cashier by the redirect, or by the QR code
	// if that is all the checkout holds.
	Arrive(t *testing.T, order gateways.Order, checkout gateways.Checkout)
	// Pay lets the payer pay what Arrive opened.
	Pay(t *testing.T, order gateways.Order)
	// Notify is the latest notify that the sandbox sent about the payment.
	Notify(t *testing.T, outTradeNo string) Message
	// Return is what the browser brought back after paying, on a rail that signs it.
	Return(t *testing.T, outTradeNo string) url.Values
	// Forge makes a notify out of a genuine one. A rail that knows no apps
	// forges the nearest thing to one.
	Forge(t *testing.T, genuine Message, how Forgery) Message
	// Break brings trouble to every call until mend is called.
	Break(t *testing.T, trouble Trouble) (mend func())
	// Replies are the exact answers to a notify that was settled, and to one
	// that was not.
	Replies() (settled, refused Reply)
}
