package sandbox

import (
	"net/http"
	"time"
)

// wire is what differs between the protocols. Each Sandbox speaks one, with
// storage and keys of its own; what a trade, a refund, a fault and the cashier
// are is common to all.
type wire interface {
	// name is the rail's: it leads to the look and the words of the cashier.
	name() string
	// routes adds what the merchant's server, or the browser it sends, calls.
	routes(s *Sandbox, mux *http.ServeMux)
	// noticeID makes the number of a notify.
	noticeID(now time.Time) string
	// notice are the fields of a notify that tells what became of a trade, or of
	// the refund if there is one; nil: this wire does not tell it.
	notice(id string, tr Trade, r *refunded) map[string]string
	// seal gives header and body of one sending, signed by the gateway, or by a
	// key that nobody trusts if evil.
	seal(fields map[string]string, evil bool, at time.Time) (http.Header, string, error)
	// took tells whether the merchant's answer ends the sending.
	took(Delivery) bool
	// back is the way from the cashier to the merchant; it says nothing of success.
	back(o order, tr Trade, now time.Time) (way, error)
	// words put a refusal into the protocol's own words, for a browser; "" if it has none.
	words(err error) string
}

// way leads a browser on: to an address, or by a form that it posts there.
type way struct {
	URL    string // "": nowhere
	Fields map[string]string
}

// numbering is a wire that numbers trades in its own way.
type numbering interface{ tradeNo(now time.Time) string }
