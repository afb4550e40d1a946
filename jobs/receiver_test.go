package jobs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ztc-portal/jobs"
	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

// Two secrets of 32 bytes, as an operator would set them.
const (
	secretOne = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	secretTwo = "whsec_ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="
)

// receiver is the ad engine's end: it keeps what it hears.
type receiver struct {
	url    string
	mu     sync.Mutex
	heard  []letter
	answer http.HandlerFunc // nil: 204
}

// letter is one request as it came.
type letter struct {
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
}

func (l letter) id() string { return l.Headers["Webhook-Id"] }

// with is the letter with something else in a header.
func (l letter) with(name, value string) letter {
	headers := map[string]string{}
	for name, value := range l.Headers {
		headers[name] = value
	}
	headers[name] = value
	return letter{headers, l.Body}
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	ear := &receiver{}
	server := httptest.NewServer(ear)
	t.Cleanup(server.Close)
	ear.url = server.URL + "/hooks?engine=1"
	return ear
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return
	}
	l := letter{map[string]string{"Request": request.Method + " " + request.URL.String()}, string(body)}
	for name := range request.Header {
		l.Headers[name] = request.Header.Get(name)
	}
	r.mu.Lock()
	r.heard = append(r.heard, l)
	answer := r.answer
	r.mu.Unlock()
	if answer == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	answer(w, request)
}

// answers says what it answers from now on.
func (r *receiver) answers(answer http.HandlerFunc) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

func (r *receiver) letters() []letter {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]letter(nil), r.heard...)
}

// eachTold runs a test on every engine with a receiver, to which messages are
// signed by the secrets. The shop's campaign has made the first message.
func eachTold(t *testing.T, secrets []string, test func(*testing.T, *shop, *receiver)) {
	t.Helper()
	t.Parallel()
	for _, engine := range modelstest.Engines {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			ear := newReceiver(t)
			test(t, newShop(t, engine, told, jobs.Options{Webhook: jobs.Webhook{URL: ear.url, Secrets: secrets}}), ear)
		})
	}
}

func told(rules *models.Rules) { rules.Webhooks = true }

// first is the message that the shop's campaign made.
func (s *shop) first(t *testing.T) models.WebhookMessage {
	t.Helper()
	var id int64
	must(t, s.db.QueryRow("SELECT MIN(id) FROM webhook_messages").Scan(&id))
	return s.message(t, id)
}

func (s *shop) message(t *testing.T, id int64) models.WebhookMessage {
	t.Helper()
	m, err := s.Webhook(t.Context(), id)
	must(t, err)
	return m
}

// tried waits until the message was tried so often.
func (s *shop) tried(t *testing.T, id int64, times int) models.WebhookMessage {
	t.Helper()
	eventually(t, "the message was tried "+strconv.Itoa(times)+" times", func() bool { return s.message(t, id).Attempts == times })
	return s.message(t, id)
}

func (s *shop) webhooks(t *testing.T) models.WebhookCounts {
	t.Helper()
	desk, err := s.WebhookDesk(t.Context(), models.Keyset{})
	must(t, err)
	return desk.Counts
}

// dueIn is how long after the message's last try its task waits for the next.
func (s *shop) dueIn(t *testing.T, m models.WebhookMessage) time.Duration {
	t.Helper()
	var due time.Time
	must(t, s.db.QueryRow("SELECT scheduled_at FROM river_job WHERE kind = 'deliver_webhook'").Scan(&due))
	return due.Sub(*m.TriedAt)
}

func status(code int, words string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { http.Error(w, words, code) }
}

// verified asks the npm package about the letters, by each secret.
func verified(t *testing.T, secrets []string, letters map[string]letter) map[string][]bool {
	t.Helper()
	asked, err := json.Marshal(map[string]any{"secrets": secrets, "messages": letters})
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	run := exec.CommandContext(ctx, "node", "testdata/verify.mjs")
	var printed, complaint bytes.Buffer
	run.Stdin, run.Stdout, run.Stderr = bytes.NewReader(asked), &printed, &complaint
	if err := run.Run(); err != nil {
		t.Fatalf("node testdata/verify.mjs: %v (when a package is missing, run `npm ci` beside go.mod)\n%s", err, complaint.String())
	}
	var verdicts map[string][]bool
	must(t, json.Unmarshal(printed.Bytes(), &verdicts))
	return verdicts
}

func mustVerify(t *testing.T, secrets []string, letters map[string]letter, want map[string][]bool) {
	t.Helper()
	if diff := cmp.Diff(want, verified(t, secrets, letters)); diff != "" {
		t.Errorf("the receiver judges otherwise: %s", diff)
	}
}

// newest is what the receiver heard of the last change: messages may overtake
// one another, and the cursor tells.
func (r *receiver) newest(t *testing.T) (newest string) {
	t.Helper()
	var last int64
	for _, l := range r.letters() {
		var body struct{ Data struct{ Cursor string } }
		must(t, json.Unmarshal([]byte(l.Body), &body))
		cursor, err := models.ParseCursor(body.Data.Cursor)
		must(t, err)
		if cursor > last {
			last, newest = cursor, l.Body
		}
	}
	return newest
}

func (r *receiver) says(t *testing.T, words string) {
	t.Helper()
	eventually(t, "the receiver hears "+words, func() bool { return strings.Contains(r.newest(t), words) })
}
