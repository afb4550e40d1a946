package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"ztc-portal/models"
)

// historyPages are the pages that are timed: reports each by a week, so that what
// differs is the history behind it alone, and the lists.
var historyPages = []string{
	"/ledger", "/payments", "/campaigns", "/campaigns/%d", "/campaigns/restart", "/advice",
	"/reports?period=7d&by=day", "/reports?period=7d&by=hour", "/reports?period=7d&by=day&campaign=%d", "/reports?period=7d&by=hour&campaign=%d",
}

// pagesBySize prints how long reports and lists take on an account with a thousand
// payments, ledger entries and rows of rollups behind it and on one with a million
// of each, asked for in turn.
func (b *benchRun) pagesBySize(ctx context.Context) error {
	w, err := b.open(ctx)
	if err != nil {
		return err
	}
	defer w.close()
	sizes := []int{1008, b.entries}
	readers, campaigns := make([]*http.Cookie, len(sizes)), make([]int64, len(sizes))
	for i, size := range sizes {
		email := fmt.Sprintf("bench-report-%d@demo.test", i)
		if readers[i], err = w.sellerWithEntries(ctx, email, size); err != nil {
			return err
		}
		if campaigns[i], err = w.fillRollups(ctx, email, size); err != nil {
			return err
		}
		if err := w.fillPayments(ctx, email, size); err != nil {
			return err
		}
	}
	if b.engine == models.Postgres { // as autovacuum would, before long
		if _, err := w.raw.ExecContext(ctx, "ANALYZE"); err != nil {
			return err
		}
	}
	for _, page := range historyPages {
		took := make([][]time.Duration, len(sizes))
		for n := range b.pages / 3 {
			for i, cookie := range readers {
				path := page
				if page[len(page)-2:] == "%d" {
					path = fmt.Sprintf(page, campaigns[i])
				}
				req := httptest.NewRequestWithContext(ctx, "GET", path, nil)
				req.AddCookie(cookie)
				answer := httptest.NewRecorder()
				began := time.Now()
				w.portal.ServeHTTP(answer, req)
				if answer.Code != http.StatusOK {
					return fmt.Errorf("%s answered %d", path, answer.Code)
				}
				if n >= b.pages/30 { // the first tenth warms up
					took[i] = append(took[i], time.Since(began))
				}
			}
		}
		small, large := percentile(took[0], 99), percentile(took[1], 99)
		fmt.Printf("history  %-8s %-40s p99 at %d rows %v, at %d rows %v   ratio %.2f (p50 %v, %v)\n", b.engine, page, sizes[0], small.Round(10*time.Microsecond),
			sizes[1], large.Round(10*time.Microsecond), float64(large)/float64(small), percentile(took[0], 50).Round(10*time.Microsecond), percentile(took[1], 50).Round(10*time.Microsecond))
	}
	return nil
}

// fillPayments gives a seller as many payments that were cancelled as drafts.
func (w *world) fillPayments(ctx context.Context, email string, rows int) error {
	now := time.Now().UTC().Format("2006-01-02 15:04:05+00:00")
	_, err := w.raw.ExecContext(ctx, fmt.Sprintf(`INSERT INTO payments (no, account_id, rail, state, amount_fen, created_at, cancelled_at)
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
		SELECT 'R26112' || (100000000000000 + a.id * 10000000 + n.i), a.id, 'alipay', 'cancelled', 30000, '%s', '%s'
		FROM n, accounts a JOIN users u ON u.seller_id = a.seller_id WHERE u.email = $1`, rows, now, now), email)
	return err
}

// fillRollups gives a seller's first campaign as many hours of a keyword as are
// asked for, the newest just before this one, and the days and the account's
// hours that follow from them.
func (w *world) fillRollups(ctx context.Context, email string, rows int) (campaign int64, err error) {
	var account int64
	err = w.raw.QueryRowContext(ctx, `SELECT c.account_id, MIN(c.id) FROM campaigns c JOIN accounts a ON a.id = c.account_id JOIN users u ON u.seller_id = a.seller_id
		WHERE u.email = $1 GROUP BY c.account_id`, email).Scan(&account, &campaign)
	if err != nil {
		return 0, err
	}
	const perHour = 1 // keyword: a thousand rows are more than the 30 days that a page reads at most
	first := time.Now().Add(-time.Duration(rows/perHour) * time.Hour)
	var hours []string
	for h := range rows / perHour {
		at := first.Add(time.Duration(h) * time.Hour).In(models.Shanghai)
		hours = append(hours, fmt.Sprintf("('%s', %d)", at.Format(time.DateOnly), at.Hour()))
	}
	for len(hours) > 0 {
		some := hours[:min(500, len(hours))]
		hours = hours[len(some):]
		list := some[0]
		for _, h := range some[1:] {
			list += ", " + h
		}
		const figures = "cost_fen, clicks, impressions, result_clicks, orders, order_amount_fen"
		for _, statement := range []string{
			fmt.Sprintf(`INSERT INTO keyword_hours (campaign_id, keyword_id, day_on, hour, %s)
				WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) SELECT %d, n.i, h.column1, h.column2, 120, 1, 40, 1, 0, 0 FROM (VALUES %s) AS h, n`, figures, perHour, campaign, list),
			fmt.Sprintf(`INSERT INTO account_hours (account_id, day_on, hour, %s) SELECT %d, h.column1, h.column2, 12000, 100, 4000, 100, 2, 9900 FROM (VALUES %s) AS h`, figures, account, list),
			fmt.Sprintf(`INSERT INTO campaign_days (campaign_id, day_on, %s) SELECT DISTINCT %d, h.column1, 288000, 2400, 96000, 2400, 48, 237600 FROM (VALUES %s) AS h
				WHERE TRUE ON CONFLICT DO NOTHING`, figures, campaign, list),
		} {
			if _, err := w.raw.ExecContext(ctx, statement); err != nil {
				return 0, fmt.Errorf("%.80s: %w", statement, err)
			}
		}
	}
	return campaign, nil
}
