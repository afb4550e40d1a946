package jobs_test

import (
	"context"
	"database/sql"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ztc-portal/gateways"
	"ztc-portal/gateways/gatewaystest"
	"ztc-portal/jobs"
	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

// The queue runs on the real clock, so the waits are short here.
func TestMain(m *testing.M) {
	models.QueryDelays = []time.Duration{time.Second, 2 * time.Second}
	jobs.HurryWebhooks(2 * time.Second)
	jobs.HurryRefunds(time.Second)
	os.Exit(m.Run())
}

// shop is a seller's store with the real queue on it and a sandbox to pay at.
type shop struct {
	*modelstest.Bench
	far      *gatewaystest.Alipay
	rails    *gateways.Rails
	runner   *jobs.Runner
	db       *sql.DB
	account  int64
	campaign int64
	deaf     atomic.Bool  // no notify is taken
	ahead    atomic.Int64 // how far the store's clock is ahead of the queue's
	log      *lines
}

// eachShop runs a test on every engine, all at once: queues wait most of the time.
func eachShop(t *testing.T, change func(*models.Rules), test func(*testing.T, *shop)) {
	t.Helper()
	t.Parallel()
	for _, engine := range modelstest.Engines {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			test(t, newShop(t, engine, change))
		})
	}
}

func newShop(t *testing.T, engine models.Engine, change func(*models.Rules), options ...jobs.Options) *shop {
	t.Helper()
	clock := modelstest.NewClock()
	rules := models.DefaultRules()
	change(&rules)
	s := &shop{Bench: &modelstest.Bench{Clock: clock}, log: &lines{}}
	store, err := models.Open(modelstest.URL(t, engine), models.Options{Now: s.now, Rules: rules, Secret: []byte(modelstest.Secret), PasswordMemory: modelstest.PasswordMemory})
	must(t, err)
	t.Cleanup(func() { store.Close() })
	clock.Set(time.Now())
	s.Store = store
	must(t, store.Migrate(t.Context()))
	must(t, jobs.Migrate(t.Context(), store))
	s.db, err = store.Handle()
	must(t, err)
	server := httptest.NewServer(http.HandlerFunc(s.notify))
	t.Cleanup(server.Close)
	s.far = gatewaystest.OpenAlipay(t, nil)
	s.rails = s.far.Rails(store, server.URL)
	s.runner, err = jobs.New(store, s.rails, slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelError})), options...)
	must(t, err)
	account, campaigns := s.Seller(t, 100*models.Yuan)
	s.account, s.campaign = account, campaigns[0]
	return s
}

// now is the store's clock.
func (s *shop) now() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) }

func (s *shop) notify(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil || s.deaf.Load() {
		http.Error(w, "nobody is here", http.StatusServiceUnavailable)
		return
	}
	ok, err := s.rails.Notify(r.Context(), models.RailAlipay, "127.0.0.1", r.Header, body)
	_, _, answer := s.far.Rail.Answer(ok && err == nil)
	io.WriteString(w, answer)
}

// start works tasks off until the test ends.
func (s *shop) start(t *testing.T) {
	t.Helper()
	must(t, s.runner.Start(context.WithoutCancel(t.Context())))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.runner.Stop(ctx); err != nil {
			t.Errorf("stopping: %v", err)
		}
	})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (s *shop) draft(t *testing.T, amount string) models.Payment {
	t.Helper()
	p, err := s.DraftRecharge(t.Context(), s.account, models.RechargeInput{Amount: amount, Method: "alipay"})
	must(t, err)
	return p
}

func (s *shop) confirmed(t *testing.T, amount string) models.Payment {
	t.Helper()
	p, _, err := s.rails.Confirm(t.Context(), s.account, s.draft(t, amount).No, "test", gateways.Payer{})
	must(t, err)
	return p
}

func (s *shop) state(t *testing.T, p models.Payment) models.PaymentState {
	t.Helper()
	p, err := s.PaymentByNo(t.Context(), p.No)
	must(t, err)
	return p.State
}

func (s *shop) becomes(t *testing.T, p models.Payment, want models.PaymentState) {
	t.Helper()
	eventually(t, "the payment becomes "+string(want), func() bool { return s.state(t, p) == want })
}

func (s *shop) cash(t *testing.T, want models.Fen) {
	t.Helper()
	desk, err := s.RechargeDesk(t.Context(), s.account)
	must(t, err)
	if desk.Funds.Cash != want {
		t.Errorf("cash is %s, want %s", desk.Funds.Cash.Wire(), want.Wire())
	}
	s.Sound(t)
}

// count counts the tasks of a kind in a state; "" for any state.
func (s *shop) count(t *testing.T, kind, state string) int {
	t.Helper()
	var n int
	must(t, s.db.QueryRow("SELECT COUNT(*) FROM river_job WHERE kind = $1 AND ($2 = '' OR CAST(state AS text) = $2)", kind, state).Scan(&n))
	return n
}

// snoozed counts how often tasks of a kind were put off.
func (s *shop) snoozed(t *testing.T, kind string) int {
	t.Helper()
	read := "CAST(metadata->>'snoozes' AS integer)"
	if s.Engine() == models.SQLite {
		read = "json_extract(metadata, '$.snoozes')"
	}
	var n int
	must(t, s.db.QueryRow("SELECT COALESCE(SUM("+read+"), 0) FROM river_job WHERE kind = $1", kind).Scan(&n))
	return n
}

// hurry makes the waiting tasks of a kind due now.
func (s *shop) hurry(t *testing.T, kind string) {
	t.Helper()
	s.hurryWhere(t, kind, "")
}

// hurryFirst makes the one of them that is due first due now.
func (s *shop) hurryFirst(t *testing.T, kind string) {
	t.Helper()
	s.hurryWhere(t, kind, " AND id = (SELECT id FROM river_job WHERE kind = $1 AND state = 'scheduled' ORDER BY scheduled_at LIMIT 1)")
}

func (s *shop) hurryWhere(t *testing.T, kind, which string) {
	t.Helper()
	set := "state = 'available', scheduled_at = now()"
	if s.Engine() == models.SQLite {
		set = "state = 'available', scheduled_at = datetime('now')"
	}
	result, err := s.db.Exec("UPDATE river_job SET "+set+" WHERE kind = $1 AND state = 'scheduled'"+which, kind)
	must(t, err)
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		t.Fatalf("no %s waits: %v", kind, err)
	}
}

// drop takes the waiting tasks of a kind away.
func (s *shop) drop(t *testing.T, kind string) {
	t.Helper()
	_, err := s.db.Exec("DELETE FROM river_job WHERE kind = $1 AND state = 'scheduled'", kind)
	must(t, err)
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatalf("waited in vain: %s", what)
}

// lines is a log that tests read.
type lines struct{ text atomic.Pointer[string] }

func (l *lines) Write(line []byte) (int, error) {
	for {
		old := l.text.Load()
		all := string(line)
		if old != nil {
			all = *old + all
		}
		if l.text.CompareAndSwap(old, &all) {
			return len(line), nil
		}
	}
}

func (l *lines) has(words string) bool {
	text := l.text.Load()
	return text != nil && strings.Contains(*text, words)
}
