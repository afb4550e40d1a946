package gatewaystest

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"ztc-portal/gateways/sandbox"
	"ztc-portal/gateways/unionpay"
)

// Unionpay is the online banking rail, the sandbox that it speaks to, and the
// wire between.
type Unionpay struct {
	*sandbox.Sandbox
	Rail *unionpay.Rail
	URL  string // origin and path of the gateway

	mu    sync.Mutex
	down  bool
	calls []string
}

// OpenUnionpay starts a sandbox on the given clock (time.Now when nil), below a
// path as serve does, and makes the rail that speaks to it. The test's end
// closes both.
func OpenUnionpay(t testing.TB, now func() time.Time) *Unionpay {
	t.Helper()
	files, err := unionpayKeys()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	far, err := sandbox.OpenUnionpay(sandbox.Options{
		DataDir: dir, Now: now, Log: slog.New(slog.DiscardHandler), GenuineAfter: time.Second, Path: "/unionpay",
	})
	if err != nil {
		t.Fatal(err)
	}
	u := &Unionpay{Sandbox: far}
	server := httptest.NewServer(u.wire(far.Handler()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := far.Close(ctx); err != nil {
			t.Errorf("closing the sandbox: %v", err)
		}
		server.Close()
	})
	u.URL = server.URL + "/unionpay"
	m := far.UnionpayMerchant()
	u.Rail, err = unionpay.New(unionpay.Config{
		GatewayURL: u.URL, FileURL: u.URL + m.FilePath, MerID: m.MerID, Test: true, Now: now,
		PFX: []byte(read(t, m.PFXFile)), Password: string(bytes.TrimSpace([]byte(read(t, m.PasswordFile)))),
		RootPEM: []byte(read(t, m.RootCertFile)), MiddlePEM: []byte(read(t, m.MiddleCertFile)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// CutOff cuts every call of the rail from now on, or lets them pass again.
func (u *Unionpay) CutOff(down bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.down = down
}

// Calls are the paths that the rail has called so far.
func (u *Unionpay) Calls() []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return append([]string(nil), u.calls...)
}

// wire stands before the sandbox; what the browser asks passes.
func (u *Unionpay) wire(next http.Handler) http.Handler {
	called := map[string]bool{"queryTrans.do": true, "backTransReq.do": true, "filedownload": true}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name := filepath.Base(r.URL.Path); called[name] {
			u.mu.Lock()
			u.calls = append(u.calls, name)
			down := u.down
			u.mu.Unlock()
			if down {
				panic(http.ErrAbortHandler) // cuts the connection
			}
		}
		next.ServeHTTP(w, r)
	})
}

// unionpayKeys are the key files that its sandbox makes on its first start: all
// tests of a binary share one set.
var unionpayKeys = sync.OnceValues(func() (map[string][]byte, error) {
	dir, err := os.MkdirTemp("", "unionpay-keys")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	first, err := sandbox.OpenUnionpay(sandbox.Options{DataDir: dir})
	if err != nil {
		return nil, err
	}
	if err := first.Close(context.Background()); err != nil {
		return nil, err
	}
	names, err := filepath.Glob(filepath.Join(dir, "unionpay_*"))
	files := make(map[string][]byte, len(names))
	for _, name := range names {
		if files[filepath.Base(name)], err = os.ReadFile(name); err != nil {
			return nil, err
		}
	}
	return files, err
})
