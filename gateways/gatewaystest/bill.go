package gatewaystest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"

	"ztc-portal/gateways/sandbox"
)

// Bills is the part of a wire by which the files of bills come.
type Bills struct {
	mu    sync.Mutex
	spoil func([]byte) []byte
}

// SpoilBills changes each file of a bill on its way from now on; nil: none.
func (b *Bills) SpoilBills(spoil func(file []byte) []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.spoil = spoil
}

// wire stands before the sandbox; files lie where a path holds the words.
func (b *Bills) wire(next http.Handler, words string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.mu.Lock()
		spoil := b.spoil
		b.mu.Unlock()
		if spoil == nil || !strings.Contains(r.URL.Path, words) {
			next.ServeHTTP(w, r)
			return
		}
		held := httptest.NewRecorder()
		next.ServeHTTP(held, r)
		for name, values := range held.Header() {
			if name != "Content-Length" {
				w.Header()[name] = values
			}
		}
		w.WriteHeader(held.Code)
		_, _ = w.Write(spoil(held.Body.Bytes()))
	})
}

// changed are a sandbox's settings as a test wants them.
func changed(opts sandbox.Options, changes []func(*sandbox.Options)) sandbox.Options {
	for _, change := range changes {
		change(&opts)
	}
	return opts
}
