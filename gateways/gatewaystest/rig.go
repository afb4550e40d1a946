package gatewaystest

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"ztc-portal/gateways"
	"ztc-portal/gateways/conformance"
	"ztc-portal/gateways/sandbox"
)

// Rig is what the rails' conformance rigs share: the wire to the sandbox, which
// can be made to fail; the inbox of its notifies; and the way to its cashier. A
// rail's own rig embeds one and is its Protocol.
type Rig struct {
	Gateway string // origin of the sandbox, as the rail and the browser see it
	Inbox   string // where its notifies arrive

	mu       sync.Mutex
	trouble  conformance.Trouble
	mended   chan struct{}
	cashiers map[string]string                // payment no → address of the cashier page
	returns  map[string]url.Values            // payment no → what the browser brought back
	messages map[string][]conformance.Message // what they are about → notifies, oldest first
}

// Protocol is what the wire and the inbox must know of a rail.
type Protocol interface {
	// Calls tells the rail's calls, which trouble strikes, from a browser's.
	Calls(request *http.Request) bool
	// Resign passes a genuine answer on under a stranger's signature, or none.
	Resign(w http.ResponseWriter, genuine *httptest.ResponseRecorder, evil bool) error
	// About is what a notify is kept under: the payment no, or another name that
	// the rail's tests ask for.
	About(body []byte) (string, error)
	// Replies are as conformance.Rig has them; the inbox is content with all.
	Replies() (settled, refused conformance.Reply)
}

// Serve opens the wire and the inbox. The test's end closes both, and the sandbox.
func (r *Rig) Serve(t testing.TB, far *sandbox.Sandbox, rail Protocol) {
	t.Helper()
	r.cashiers, r.returns, r.messages = map[string]string{}, map[string]url.Values{}, map[string][]conformance.Message{}
	inbox := httptest.NewServer(r.inbox(rail))
	t.Cleanup(inbox.Close)
	r.Inbox = inbox.URL
	r.Gateway = serve(t, far, r.wire(far.Handler(), rail))
}

// Timeout is the bound that a rig's rail is given.
func (*Rig) Timeout() time.Duration { return 2 * time.Second }

// Break brings trouble to every call until mend is called.
func (r *Rig) Break(t *testing.T, trouble conformance.Trouble) (mend func()) {
	t.Helper()
	mended := make(chan struct{})
	r.mu.Lock()
	r.trouble, r.mended = trouble, mended
	r.mu.Unlock()
	mend = sync.OnceFunc(func() {
		r.mu.Lock()
		r.trouble = ""
		r.mu.Unlock()
		close(mended)
	})
	t.Cleanup(mend)
	return mend
}

// wire stands before the sandbox and spoils its answers to the rail; what the
// browser asks passes.
func (r *Rig) wire(next http.Handler, rail Protocol) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		r.mu.Lock()
		trouble, mended := r.trouble, r.mended
		r.mu.Unlock()
		if !rail.Calls(request) {
			trouble = ""
		}
		switch trouble {
		case conformance.Refusing:
			panic(http.ErrAbortHandler) // cuts the connection
		case conformance.Hanging:
			<-mended
		case conformance.Failing:
			http.Error(w, "<html>Bad Gateway</html>", http.StatusBadGateway)
		case conformance.EvilKey, conformance.Unsigned:
			genuine := httptest.NewRecorder()
			next.ServeHTTP(genuine, request)
			if err := rail.Resign(w, genuine, trouble == conformance.EvilKey); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
			}
		default:
			next.ServeHTTP(w, request)
		}
	})
}

// inbox stores notifies and is content with them.
func (r *Rig) inbox(rail Protocol) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		var about string
		if err == nil {
			about, err = rail.About(body)
		}
		if err != nil {
			http.Error(w, "not a notify", http.StatusBadRequest)
			return
		}
		r.mu.Lock()
		r.messages[about] = append(r.messages[about], conformance.Message{Header: request.Header, Body: body})
		r.mu.Unlock()
		settled, _ := rail.Replies()
		w.Header().Set("Content-Type", settled.ContentType)
		w.WriteHeader(settled.Status)
		_, _ = io.WriteString(w, settled.Body) // a sender that has left sends again
	})
}

// Notify is the latest notify that the sandbox sent about the payment, or about
// what else the rail's About has named.
func (r *Rig) Notify(t *testing.T, about string) (latest conformance.Message) {
	t.Helper()
	Eventually(t, "a notify about "+about, func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		messages := r.messages[about]
		if len(messages) > 0 {
			latest = messages[len(messages)-1]
		}
		return len(messages) > 0
	})
	return latest
}

// Arrive opens the cashier as a browser does, or as a phone that scans the code
// if that is all there is.
func (r *Rig) Arrive(t *testing.T, order gateways.Order, checkout gateways.Checkout) {
	t.Helper()
	door := checkout.RedirectURL
	if door == "" {
		door = checkout.QRContent
	}
	page, err := http.Get(door)
	if err != nil {
		t.Fatal(err)
	}
	r.Arrived(t, order.OutTradeNo, page)
}

// Arrived keeps the address of the cashier that a payer was led to.
func (r *Rig) Arrived(t *testing.T, outTradeNo string, page *http.Response) {
	t.Helper()
	page.Body.Close()
	if page.StatusCode != http.StatusOK || !strings.Contains(page.Request.URL.Path, "/cashier/") {
		t.Fatalf("the cashier is at %s: %s", page.Request.URL.Path, page.Status)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cashiers[outTradeNo] = page.Request.URL.String()
}

// Choose sends the cashier's form, and keeps what an address that leads back
// carries. The answer is the last page of the sandbox that the payer sees.
func (r *Rig) Choose(t *testing.T, outTradeNo, outcome, fault string) *http.Response {
	t.Helper()
	r.mu.Lock()
	cashier := r.cashiers[outTradeNo]
	r.mu.Unlock()
	browser := http.Client{CheckRedirect: func(next *http.Request, way []*http.Request) error {
		if next.URL.Host == way[0].URL.Host {
			return nil
		}
		return http.ErrUseLastResponse
	}}
	answer, err := browser.PostForm(cashier, url.Values{"outcome": {outcome}, "fault": {fault}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { answer.Body.Close() })
	if answer.StatusCode >= http.StatusBadRequest {
		t.Fatalf("%s at the cashier: %s", outcome, answer.Status)
	}
	if back, err := answer.Location(); err == nil {
		r.CameBack(outTradeNo, back.Query())
	}
	return answer
}

// Pay lets the payer pay what Arrive opened.
func (r *Rig) Pay(t *testing.T, order gateways.Order) {
	t.Helper()
	if err := r.Choose(t, order.OutTradeNo, "pay", "none").Body.Close(); err != nil {
		t.Error(err)
	}
}

// CameBack keeps what the browser brought back.
func (r *Rig) CameBack(outTradeNo string, fields url.Values) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.returns[outTradeNo] = fields
}

// Return is what the browser brought back.
func (r *Rig) Return(t *testing.T, outTradeNo string) url.Values {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.returns[outTradeNo] == nil {
		t.Fatalf("no browser came back from %s", outTradeNo)
	}
	return r.returns[outTradeNo]
}

// PrivateKey reads a key file that a sandbox has made.
func PrivateKey(t testing.TB, name string) *rsa.PrivateKey {
	t.Helper()
	block, _ := pem.Decode([]byte(Read(t, name)))
	if block == nil {
		t.Fatalf("%s is not PEM", name)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return key.(*rsa.PrivateKey)
}
