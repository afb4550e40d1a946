// Package sandbox plays a payment gateway: the far side of the wires of Alipay
// (gateway.do, RSA2, asynchronous notify) and WeChat Pay (APIv3), with storage
// and keys of its own. It shares no code with the portal, so that what the two agree on is the protocol
// and nothing else. No money moves here.
package sandbox

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Options are the settings of a sandbox. Only DataDir is required.
type Options struct {
	DataDir string           // holds sandbox.db and the key files (0600); created on first start
	Now     func() time.Time // default time.Now
	Path    string           // before each path that it serves, such as /wechat; default none

	// NotifyDelays are the waits before a notify that was not answered
	// "success" is sent again; default 4m, 10m, 10m, 1h, 2h, 6h, 15h.
	NotifyDelays []time.Duration
	NotifyLate   time.Duration // how late the fault notify_late is; default 20 s
	GenuineAfter time.Duration // fault forged_sign: from the forged notify to the genuine one; default 3 s
	RefundTakes  time.Duration // how long a refund is being processed, on wires that process it; default 1 s
	DownFor      time.Duration // fault gateway_down: how long API calls answer 502; default 20 s

	BillFee func(outTradeNo string) int64 // fen that bills say were kept of a payment; default none

	Client *http.Client // sends notifies; default: 5 s timeout, follows no redirect
	Log    *slog.Logger // default slog.Default
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.NotifyDelays == nil {
		o.NotifyDelays = []time.Duration{
			4 * time.Minute, 10 * time.Minute, 10 * time.Minute,
			time.Hour, 2 * time.Hour, 6 * time.Hour, 15 * time.Hour,
		}
	}
	if o.NotifyLate == 0 {
		o.NotifyLate = 20 * time.Second
	}
	if o.GenuineAfter == 0 {
		o.GenuineAfter = 3 * time.Second
	}
	if o.DownFor == 0 {
		o.DownFor = 20 * time.Second
	}
	if o.BillFee == nil {
		o.BillFee = func(string) int64 { return 0 }
	}
	if o.Client == nil {
		o.Client = &http.Client{Timeout: 5 * time.Second, CheckRedirect: noRedirect}
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return o
}

func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Merchant is what the portal's settings need to talk to this sandbox.
type Merchant struct {
	AppID    string
	SellerID string

	AppPrivateKeyFile     string // PKCS #8 PEM: the portal signs with it
	PlatformPublicKeyFile string // PKIX PEM: the portal verifies with it
}

// Sandbox is an open gateway. Its methods may be called concurrently.
type Sandbox struct {
	opts  Options
	wire  wire
	evil  func() (*rsa.PrivateKey, error) // signs forgeries; nobody trusts it
	store *store

	wake chan struct{} // a notify may be due
	stop chan struct{} // closed by Close
	once sync.Once
	done chan struct{} // closed when the notifier has ended
	ctx  context.Context
	halt context.CancelFunc // cuts off notifies in flight
}

// Open opens Alipay's side in opts.DataDir, making its database and keys when
// they are missing, and starts sending the notifies that are due.
func Open(opts Options) (*Sandbox, error) {
	return open(opts, func(s *Sandbox) (wire, error) {
		pair, err := openKeys(s.opts.DataDir)
		return &alipayWire{s, pair}, err
	})
}

// open opens a gateway that speaks the wire which speak prepares.
func open(opts Options, speak func(*Sandbox) (wire, error)) (*Sandbox, error) {
	opts = opts.withDefaults()
	if opts.DataDir == "" {
		return nil, errors.New("sandbox: no data directory given")
	}
	if err := os.MkdirAll(opts.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	s := &Sandbox{
		opts: opts, evil: sync.OnceValues(newKey),
		wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
	}
	var err error
	if s.wire, err = speak(s); err != nil {
		return nil, err
	}
	if s.store, err = openStore(filepath.Join(opts.DataDir, "sandbox.db"), s.wire, opts.Now); err != nil {
		return nil, err
	}
	s.ctx, s.halt = context.WithCancel(context.Background())
	go s.runNotifier()
	return s, nil
}

// Merchant gives the identifiers and key files of the merchant served here.
func (s *Sandbox) Merchant() Merchant {
	return Merchant{
		AppID: appID, SellerID: sellerID,
		AppPrivateKeyFile:     filepath.Join(s.opts.DataDir, appPrivateFile),
		PlatformPublicKeyFile: filepath.Join(s.opts.DataDir, platformPublicFile),
	}
}

// Handler serves the gateway, its cashier and its bills.
func (s *Sandbox) Handler() http.Handler {
	mux := http.NewServeMux()
	s.wire.routes(s, mux)
	mux.HandleFunc("GET /qr/{token}", s.scan)
	mux.HandleFunc("GET /cashier/{token}", s.showCashier)
	mux.HandleFunc("POST /cashier/{token}", s.submitCashier)
	mux.HandleFunc("GET /static/{file}", serveStatic)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.problem(w, r, http.StatusNotFound, "problem.not_found", "")
	})
	return secure(http.StripPrefix(s.opts.Path, mux))
}

// secure sets the headers that every answer carries.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy(""))
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// policy is the content security policy of a page whose form, once sent, leads
// to formTarget (an origin), or stays here if that is empty.
func policy(formTarget string) string {
	action := "'self'"
	if formTarget != "" {
		action += " " + formTarget
	}
	return "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; " +
		"frame-ancestors 'none'; form-action " + action
}

// Close stops the notifier, lets notifies in flight end until ctx is done, and
// closes the storage. Notifies not yet sent are kept for the next start.
func (s *Sandbox) Close(ctx context.Context) error {
	s.once.Do(func() { close(s.stop) })
	select {
	case <-s.done:
	case <-ctx.Done():
		s.halt()
		<-s.done
	}
	s.halt()
	return s.store.db.Close()
}
