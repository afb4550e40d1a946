package jobs

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"riverqueue.com/riverui"

	"ztc-portal/models"
)

// QueueFigures says how the queue stands. The oldest is the job that is due and
// has waited longest, on the machine's clock, which is the queue's.
func (r *Runner) QueueFigures(ctx context.Context) (models.QueueFigures, error) {
	var q models.QueueFigures
	rows, err := r.read.QueryContext(ctx, `SELECT CAST(state AS text), COUNT(*), MIN(scheduled_at) FROM river_job
		WHERE state IN ('available', 'running', 'retryable', 'discarded') GROUP BY state`)
	if err != nil {
		return q, fmt.Errorf("count the jobs: %w", err)
	}
	defer rows.Close()
	into := map[string]*int64{"available": &q.Available, "running": &q.Running, "retryable": &q.Retryable, "discarded": &q.Discarded}
	for rows.Next() {
		var state string
		var n int64
		var first any
		if err := rows.Scan(&state, &n, &first); err != nil {
			return q, err
		}
		*into[state] = n
		if state != "available" {
			continue
		}
		due, err := instant(first)
		if err != nil {
			return q, err
		}
		q.Oldest = max(0, time.Since(due))
	}
	return q, rows.Err()
}

// instant reads a time as the drivers give it: SQLite's of a computed column is
// the text that River wrote, in UTC.
func instant(value any) (time.Time, error) {
	switch v := value.(type) {
	case time.Time:
		return v, nil
	case []byte:
		return time.Parse(time.DateTime, string(v))
	case string:
		return time.Parse(time.DateTime, v)
	}
	return time.Time{}, fmt.Errorf("a job's time is a %T", value)
}

// QueuePage is River's own page of the queue, below a path of ours. Who may see
// it and who may act on it is for others to say. From its first request until
// the context ends it counts jobs in the background.
func (r *Runner) QueuePage(ctx context.Context, prefix string, log *slog.Logger) (http.Handler, error) {
	page, err := riverui.NewHandler(&riverui.HandlerOpts{
		Endpoints: riverui.NewEndpoints(r.client, nil), Prefix: prefix, Logger: log,
	})
	if err != nil {
		return nil, fmt.Errorf("prepare the queue's page: %w", err)
	}
	start := sync.OnceValue(func() error { return page.Start(ctx) })
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if err := start(); err != nil {
			log.ErrorContext(request.Context(), "the queue's page does not start", "error", err)
			http.Error(w, http.StatusText(http.StatusServiceUnavailable), http.StatusServiceUnavailable)
			return
		}
		page.ServeHTTP(w, request)
	}), nil
}
