package jobs_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"ztc-portal/models"
)

// waiting stores jobs of payments that nobody works off: the queue is not started.
func (s *shop) waiting(t *testing.T, n int) {
	t.Helper()
	for i := range n {
		s.confirmed(t, fmt.Sprint(300+i))
	}
}

func (s *shop) exec(t *testing.T, query string, args ...any) {
	t.Helper()
	_, err := s.db.Exec(query, args...)
	must(t, err)
}

func TestQueueSaysHowItStands(t *testing.T) {
	eachShop(t, asUsual, func(t *testing.T, s *shop) {
		q, err := s.runner.QueueFigures(t.Context())
		must(t, err)
		if q != (models.QueueFigures{}) {
			t.Errorf("an empty queue has %+v", q)
		}
		s.waiting(t, 3) // each two jobs, scheduled
		if q, err = s.runner.QueueFigures(t.Context()); err != nil || q != (models.QueueFigures{}) {
			t.Errorf("what is not due counts: %+v, %v", q, err)
		}
		ago := func(d time.Duration) string {
			at := time.Now().Add(-d).UTC()
			if s.Engine() == models.SQLite {
				return at.Format("2006-01-02 15:04:05.999")
			}
			return at.Format(time.RFC3339Nano)
		}
		s.exec(t, "UPDATE river_job SET state = 'available', scheduled_at = $1 WHERE kind = 'query_payment'", ago(90*time.Second))
		s.exec(t, "UPDATE river_job SET scheduled_at = $1 WHERE id = (SELECT MIN(id) FROM river_job WHERE kind = 'query_payment')", ago(10*time.Minute))
		ids := "SELECT id FROM river_job WHERE kind = 'expire_payment' ORDER BY id LIMIT 1 OFFSET "
		s.exec(t, "UPDATE river_job SET state = 'running', attempted_at = scheduled_at WHERE id = ("+ids+"0)")
		s.exec(t, "UPDATE river_job SET state = 'discarded', finalized_at = scheduled_at WHERE id IN ("+ids+"1)")
		s.exec(t, "UPDATE river_job SET state = 'retryable' WHERE id = ("+ids+"2)")
		q, err = s.runner.QueueFigures(t.Context())
		must(t, err)
		if q.Oldest < 10*time.Minute-time.Second || q.Oldest > 11*time.Minute {
			t.Errorf("the oldest waits %v", q.Oldest)
		}
		q.Oldest = 0
		if q != (models.QueueFigures{Available: 3, Running: 1, Retryable: 1, Discarded: 1}) {
			t.Errorf("the queue has %+v", q)
		}
	})
}

// The store asks the queue that it was given, and the job that watches opens an
// alert of what it says; it comes by itself when the queue starts.
func TestWatchOpensAnAlert(t *testing.T) {
	eachShop(t, asUsual, func(t *testing.T, s *shop) {
		_, err := s.db.Exec("UPDATE ledger_accounts SET balance_fen = 1 WHERE name = 'suspense'")
		must(t, err)
		s.start(t)
		eventually(t, "the ledger is read and kept", func() bool {
			desk, err := s.FiguresDesk(t.Context())
			return err == nil && desk.Ledger.Faults == 1
		})
		eventually(t, "the figures are judged", func() bool {
			desk, err := s.FiguresDesk(t.Context())
			return err == nil && !desk.JudgedAt.IsZero() && s.count(t, "watch_figures", "completed") == 1
		})
		must(t, s.JudgeFigures(t.Context()))
		open, err := s.OpenStaffAlerts(t.Context())
		if err != nil || len(open) != 1 || open[0].Figure != models.FigureLedger || open[0].Level != models.LevelAlarm {
			t.Errorf("open are %+v, %v", open, err)
		}
	})
}

// River's own page works on both engines, with the drivers that we use.
func TestQueuePageReadsAndActs(t *testing.T) {
	eachShop(t, asUsual, func(t *testing.T, s *shop) {
		const prefix = "/admin/jobs/queue"
		page, err := s.runner.QueuePage(t.Context(), prefix, slog.New(slog.NewTextHandler(s.log, nil)))
		must(t, err)
		s.waiting(t, 2)
		ask := func(method, path, body string) (int, string, http.Header) {
			t.Helper()
			answer := httptest.NewRecorder()
			request := httptest.NewRequest(method, prefix+path, strings.NewReader(body))
			page.ServeHTTP(answer, request)
			text, err := io.ReadAll(answer.Body)
			must(t, err)
			return answer.Code, string(text), answer.Header()
		}
		status, index, _ := ask("GET", "/", "")
		if status != http.StatusOK || !strings.Contains(index, `src="`+prefix+`/assets/`) || strings.Contains(index, "http://") || strings.Contains(index, "https://") {
			t.Errorf("the page is %d, %.2000s", status, index)
		}
		script := regexp.MustCompile(`src="` + prefix + `(/assets/[^"]+)"`).FindStringSubmatch(index)
		if status, _, _ := ask("GET", script[1], ""); status != http.StatusOK {
			t.Errorf("its script %s is %d", script[1], status)
		}
		status, list, _ := ask("GET", "/api/jobs?state=scheduled&limit=20", "")
		var jobs struct {
			Data []struct {
				ID   json.RawMessage `json:"id"`
				Kind string          `json:"kind"`
			} `json:"data"`
		}
		if err := json.Unmarshal([]byte(list), &jobs); status != http.StatusOK || err != nil || len(jobs.Data) != 4 {
			t.Fatalf("the jobs are %d %s: %v", status, list, err)
		}
		id := strings.Trim(string(jobs.Data[0].ID), `"`)
		for _, path := range []string{"/api/states", "/api/queues?limit=5", "/api/jobs/" + id, "/api/features"} {
			if status, text, _ := ask("GET", path, ""); status != http.StatusOK {
				t.Errorf("%s: %d %s", path, status, text)
			}
		}
		for _, act := range []struct{ path, state string }{{"cancel", "cancelled"}, {"retry", "available"}} {
			if status, text, _ := ask("POST", "/api/jobs/"+act.path, `{"ids":["`+id+`"]}`); status != http.StatusOK {
				t.Errorf("%s: %d %s", act.path, status, text)
			}
			var state string
			must(t, s.db.QueryRow("SELECT CAST(state AS text) FROM river_job WHERE id = "+id).Scan(&state))
			if state != act.state {
				t.Errorf("after %s the job is %s", act.path, state)
			}
		}
		if status, text, _ := ask("POST", "/api/jobs/delete", `{"ids":["`+id+`"]}`); status != http.StatusOK {
			t.Errorf("delete: %d %s", status, text)
		}
		if status, _, _ := ask("POST", "/api/jobs/retry", `{"ids":["`+id+`"]}`); status != http.StatusNotFound {
			t.Errorf("a job that is gone is tried again: %d", status)
		}
		if s.log.has("level=ERROR") {
			t.Errorf("the page logs %s", *s.log.text.Load())
		}
	})
}
