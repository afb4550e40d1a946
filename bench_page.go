package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"time"

	"ztc-portal/models"
)

// overviewBySize prints how long the account page takes on an account with 100
// ledger entries and on one with a million, asked for in turn.
func (b *benchRun) overviewBySize(ctx context.Context) error {
	w, err := b.open(ctx)
	if err != nil {
		return err
	}
	defer w.close()
	sizes := []int{100, b.entries}
	readers := make([]*http.Cookie, len(sizes))
	for i, size := range sizes {
		if readers[i], err = w.sellerWithEntries(ctx, fmt.Sprintf("bench-%d@demo.test", i), size); err != nil {
			return err
		}
	}
	if b.engine == models.Postgres { // as autovacuum would, before long
		if _, err := w.raw.ExecContext(ctx, "ANALYZE"); err != nil {
			return err
		}
	}
	took := make([][]time.Duration, len(sizes))
	for n := range b.pages {
		for i, cookie := range readers {
			req := httptest.NewRequestWithContext(ctx, "GET", "/account", nil)
			req.AddCookie(cookie)
			answer := httptest.NewRecorder()
			began := time.Now()
			w.portal.ServeHTTP(answer, req)
			if answer.Code != http.StatusOK {
				return fmt.Errorf("the overview answered %d", answer.Code)
			}
			if n >= b.pages/10 { // the first tenth warms up
				took[i] = append(took[i], time.Since(began))
			}
		}
	}
	small, large := percentile(took[0], 99), percentile(took[1], 99)
	fmt.Printf("overview %-8s p99 at %d entries %v, at %d entries %v   ratio %.2f (p50 %v, %v)\n", b.engine, sizes[0], small.Round(10*time.Microsecond),
		sizes[1], large.Round(10*time.Microsecond), float64(large)/float64(small), percentile(took[0], 50).Round(10*time.Microsecond), percentile(took[1], 50).Round(10*time.Microsecond))
	return nil
}

// sellerWithEntries makes a seller whose cash purse has the given number of
// entries, and signs it in.
func (w *world) sellerWithEntries(ctx context.Context, email string, entries int) (*http.Cookie, error) {
	account, err := w.store.CreateUser(ctx, models.Actor{}, models.NewUser{Email: email, Password: "bench-1234", Role: models.RoleSeller, ShopName: "Bench shop"})
	if err != nil {
		return nil, err
	}
	for i := range 10 {
		_, err := w.store.CreateCampaign(ctx, models.Actor{}, account, models.NewCampaign{Name: fmt.Sprint("Bench campaign ", i), Budget: 100 * models.Yuan, SwitchedOn: true})
		if err != nil {
			return nil, err
		}
	}
	if err := w.fill(ctx, account, entries); err != nil {
		return nil, err
	}
	return w.signIn(ctx, email)
}

// fill writes balanced transactions of one fen by series, as many as asked for.
func (w *world) fill(ctx context.Context, account int64, entries int) error {
	tx, err := w.raw.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var cash, revenue, first int64
	if err := tx.QueryRowContext(ctx, "SELECT cash_account_id FROM accounts WHERE id = $1", account).Scan(&cash); err != nil {
		return err
	}
	if err := tx.QueryRowContext(ctx, "SELECT id FROM ledger_accounts WHERE name = 'revenue'").Scan(&revenue); err != nil {
		return err
	}
	if err := tx.QueryRowContext(ctx, "SELECT COALESCE(MAX(id), 0) FROM ledger_transactions").Scan(&first); err != nil {
		return err
	}
	const series = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) "
	numbers := fmt.Sprintf(series, entries)
	mark := fmt.Sprintf("fill-%d-", account)
	statements := []string{
		fmt.Sprintf("INSERT INTO ledger_transactions (kind, reference, booked_at) %s SELECT 'charge', '%s' || i, CURRENT_TIMESTAMP FROM n", numbers, mark),
		fmt.Sprintf(`INSERT INTO ledger_entries (transaction_id, account_id, amount_fen, balance_after_fen) SELECT * FROM (
			SELECT id, %[1]d, 1, id - %[3]d FROM ledger_transactions WHERE id > %[3]d
			UNION ALL SELECT id, %[2]d, -1, %[3]d - id FROM ledger_transactions WHERE id > %[3]d) AS both_sides ORDER BY 1`, cash, revenue, first),
		fmt.Sprintf("UPDATE ledger_accounts SET balance_fen = balance_fen + %d WHERE id = %d", entries, cash),
		fmt.Sprintf("UPDATE ledger_accounts SET balance_fen = balance_fen - %d WHERE id = %d", entries, revenue),
	}
	for _, statement := range statements {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return tx.Commit()
}

var csrfField = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

// signIn goes through the sign-in form and gives the session's cookie.
func (w *world) signIn(ctx context.Context, email string) (*http.Cookie, error) {
	form := httptest.NewRecorder()
	w.portal.ServeHTTP(form, httptest.NewRequestWithContext(ctx, "GET", "/login", nil))
	token := csrfField.FindStringSubmatch(form.Body.String())
	if token == nil {
		return nil, fmt.Errorf("the sign-in page has no form token")
	}
	values := url.Values{"csrf": {token[1]}, "email": {email}, "password": {"bench-1234"}}
	req := httptest.NewRequestWithContext(ctx, "POST", "/login", strings.NewReader(values.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, cookie := range form.Result().Cookies() {
		req.AddCookie(cookie)
	}
	answer := httptest.NewRecorder()
	w.portal.ServeHTTP(answer, req)
	cookies := answer.Result().Cookies()
	if answer.Code != http.StatusSeeOther || len(cookies) == 0 {
		return nil, fmt.Errorf("sign-in answered %d", answer.Code)
	}
	return cookies[len(cookies)-1], nil
}
