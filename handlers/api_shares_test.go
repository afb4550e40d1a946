package handlers_test

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ztc-portal/handlers/api"
)

// slowly promises a body and sends its first byte; the connection stays open.
func (e *engine) slowly(t *testing.T) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(e.site.url, "http://"))
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	_, err = fmt.Fprintf(conn, "POST %s/charges HTTP/1.1\r\nHost: portal\r\nAuthorization: Bearer %s\r\nContent-Length: 10\r\n\r\n[", api.Prefix, e.key)
	must(t, err)
}

// One key that sends more bodies than there are places, none of which comes to
// its end, keeps itself out and nobody else.
func TestOneKeysBodiesLeavePlacesToOthers(t *testing.T) {
	eachSite(t, func(t *testing.T, site *site) {
		greedy, other := site.charged(t), site.engine(t)
		for range 20 {
			greedy.slowly(t)
		}
		// Until they have taken what they can, its own next body is taken too.
		for until := time.Now().Add(30 * time.Second); ; {
			if last := greedy.send("/charges"); last.StatusCode != http.StatusOK || time.Now().After(until) {
				last.refused(t, http.StatusTooManyRequests, "too_fast")
				break
			}
		}
		began := time.Now()
		other.send("/charges").counts(t)
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("another key waits %v", took)
		}
	})
}

func TestOneKeysPollsLeavePlacesToOthers(t *testing.T) {
	eachSite(t, func(t *testing.T, site *site) {
		greedy, other := site.charged(t), site.engine(t)
		cursor := greedy.get("/serving").serving(t).Cursor
		var refused atomic.Int64
		var polls sync.WaitGroup
		for range 200 {
			polls.Go(func() {
				request, err := http.NewRequest(http.MethodGet, fmt.Sprintf("%s%s/serving?after=%s&wait=4", site.url, api.Prefix, cursor), nil)
				if err != nil {
					t.Error(err)
					return
				}
				request.Header.Set("Authorization", "Bearer "+greedy.key)
				response, err := http.DefaultClient.Do(request)
				if err != nil {
					t.Error(err)
					return
				}
				response.Body.Close()
				if response.StatusCode == http.StatusTooManyRequests {
					refused.Add(1)
				}
			})
		}
		time.Sleep(time.Second)
		answer := other.get(fmt.Sprintf("/serving?after=%s&wait=1", cursor))
		answer.is(t, http.StatusOK)
		polls.Wait()
		if n := refused.Load(); n != 8 {
			t.Errorf("%d of 200 polls of one key were refused, want those above 192", n)
		}
	})
}
