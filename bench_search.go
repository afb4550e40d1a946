package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"ztc-portal/models"
)

// searchAMillion prints how long the staff's search takes among a million
// accounts with a campaign and a payment for one in four: through the page, for
// each kind of words, those that are frequent and those that are in none.
func (b *benchRun) searchAMillion(ctx context.Context) error {
	w, err := b.open(ctx)
	if err != nil {
		return err
	}
	defer w.close()
	_, err = w.store.CreateUser(ctx, models.Actor{}, models.NewUser{Email: "bench-staff@demo.test", Password: "bench-1234", Role: models.RoleSupport})
	if err != nil {
		return err
	}
	began := time.Now()
	if err := w.fillAccounts(ctx, b); err != nil {
		return err
	}
	filled := time.Since(began)
	staff, err := w.signIn(ctx, "bench-staff@demo.test")
	if err != nil {
		return err
	}
	if err := w.passFactor(ctx, staff); err != nil {
		return err
	}
	const rounds = 30
	var all []time.Duration
	slowest, slowestAt := time.Duration(0), ""
	for _, kind := range searchedFor {
		var took []time.Duration
		for round := range rounds {
			words := kind.words(round*7919%b.accounts + 1)
			one, err := w.searchOnce(ctx, staff, words)
			if err != nil {
				return err
			}
			if round > 0 { // the first of a kind warms up
				took = append(took, one)
			}
			if round > 0 && one > slowest {
				slowest, slowestAt = one, words
			}
		}
		fmt.Printf("search %-8s %-28s p50 %-8v max %v\n", b.engine, kind.name, percentile(took, 50).Round(10*time.Microsecond), percentile(took, 100).Round(10*time.Microsecond))
		all = append(all, took...)
	}
	fmt.Printf("search %-8s among %d accounts: p50 %v, p99 %v, slowest %v for %q (filled in %v)\n", b.engine, b.accounts,
		percentile(all, 50).Round(10*time.Microsecond), percentile(all, 99).Round(10*time.Microsecond), slowest.Round(10*time.Microsecond), slowestAt, filled.Round(time.Second))
	return nil
}

func (w *world) searchOnce(ctx context.Context, staff *http.Cookie, words string) (time.Duration, error) {
	req := httptest.NewRequestWithContext(ctx, "GET", "/admin/search?q="+url.QueryEscape(words), nil)
	req.AddCookie(staff)
	answer := httptest.NewRecorder()
	began := time.Now()
	w.portal.ServeHTTP(answer, req)
	took := time.Since(began)
	// What is named exactly leads to its page.
	if to := answer.Header().Get("Location"); answer.Code != http.StatusOK && !strings.HasPrefix(to, "/admin/accounts/") && !strings.HasPrefix(to, "/admin/payments/") {
		return 0, fmt.Errorf("the search for %q answered %d and led to %q", words, answer.Code, to)
	}
	return took, nil
}

// passFactor marks the one session there is as signed in by both factors, and
// sees that it is.
func (w *world) passFactor(ctx context.Context, staff *http.Cookie) error {
	if _, err := w.raw.ExecContext(ctx, "UPDATE sessions SET factor_at = created_at"); err != nil {
		return err
	}
	req := httptest.NewRequestWithContext(ctx, "GET", "/admin/search?q=nothing+of+this+name", nil)
	req.AddCookie(staff)
	answer := httptest.NewRecorder()
	if w.portal.ServeHTTP(answer, req); answer.Code != http.StatusOK {
		return fmt.Errorf("staff's search answered %d", answer.Code)
	}
	return nil
}

// Names are made of the characters from \u4e00 on, 100 of them in each place,
// and end in a word that a third of all share.
func benchShopName(n int) string {
	return string([]rune{rune(0x4e00 + n%100), rune(0x4e64 + n/100%100), rune(0x4ec8 + n/10_000%100)}) + []string{"\u65d7\u8230\u5e97", "\u4e13\u8425\u5e97", "Tea shop"}[n%3] + fmt.Sprint(n)
}

// searchedFor are the kinds of words, each about the n-th account.
var searchedFor = []struct {
	name  string
	words func(n int) string
}{
	{"a shop's whole name", benchShopName},
	{"two characters", func(n int) string { return string([]rune(benchShopName(n))[:2]) }},
	{"three characters", func(n int) string { return string([]rune(benchShopName(n))[:3]) }},
	{"one character", func(n int) string { return string([]rune(benchShopName(n))[:1]) }},
	{"a word of every third name", func(n int) string { return string([]rune(benchShopName(n))[3:6]) }},
	{"two of its characters", func(n int) string { return string([]rune(benchShopName(n))[3:5]) }},
	{"two words", func(n int) string { r := []rune(benchShopName(n)); return string(r[3:6]) + " " + string(r[:2]) }},
	{"two characters of none", func(n int) string { return string([]rune{rune(0x9f00 + n%50), rune(0x9f32 + n%50)}) }},
	{"frequent, and never together", func(n int) string { return "\u8230\u5e97\u65d7\u8230" + fmt.Sprint(n%10) }},
	{"an e-mail's beginning", func(n int) string { return fmt.Sprintf("seller%d", n) }},
	{"an e-mail", func(n int) string { return fmt.Sprintf("seller%d@bench.example", n) }},
	{"a part of every e-mail", func(int) string { return "@bench.exam" }},
	{"an account's id", func(n int) string { return fmt.Sprintf("#%d", n) }},
	{"a payment no", func(n int) string { return fmt.Sprintf("R261124%014d", n) }},
	{"its beginning", func(n int) string { return fmt.Sprintf("R261124%010d", n/1000) }},
	{"the beginning of all", func(int) string { return "R261" }},
	{"its end", func(n int) string { return fmt.Sprintf("%08d", n) }},
	{"a gateway's trade no", func(n int) string { return fmt.Sprintf("2026112422%018d", n) }},
	{"an amount", func(n int) string { return fmt.Sprintf("\u00a5%d.00", 200+n%1000) }},
	{"signs", func(n int) string { return []string{`%_"`, `***`, `""`, "%"}[n%4] }},
	{"a campaign", func(n int) string { return fmt.Sprintf("\u8ba1\u5212%d", n) }},
	{"a word of every campaign", func(int) string { return "\u8ba1\u5212" }},
}

// fillAccounts writes the accounts by series, with the names of benchShopName.
func (w *world) fillAccounts(ctx context.Context, b *benchRun) error {
	char := "char"
	if b.engine == models.Postgres {
		char = "chr"
	}
	name := fmt.Sprintf("%[1]s(19968 + i %% 100) || %[1]s(20068 + i / 100 %% 100) || %[1]s(20168 + i / 10000 %% 100) || CASE i %% 3 WHEN 0 THEN '\u65d7\u8230\u5e97' WHEN 1 THEN '\u4e13\u8425\u5e97' ELSE 'Tea shop' END || i", char)
	const at = "'2026-11-24 05:00:00+00:00'"
	rebuild, err := w.withoutIndexes(ctx, b.engine)
	if err != nil {
		return err
	}
	tx, err := w.raw.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	every := func(step int, into, values string) string {
		return fmt.Sprintf("INSERT INTO %s WITH RECURSIVE n(i) AS (SELECT %d UNION ALL SELECT i + %d FROM n WHERE i + %d <= %d) SELECT %s FROM n", into, step, step, step, b.accounts, values)
	}
	const first = 1_000_000 // of the ledger's accounts
	for _, statement := range []string{
		every(1, "sellers (id, shop_name, created_at)", "i, "+name+", "+at),
		every(1, "users (id, email, password_hash, role, seller_id, created_at)", "i + 10, 'seller' || i || '@bench.example', '', 'seller', i, "+at),
		every(1, "ledger_accounts (id, name, balance_fen, created_at)", fmt.Sprintf("%d + 2 * i, 'seller:' || i || ':cash', i %% 1000 - 100, %s", first, at)),
		every(1, "ledger_accounts (id, name, balance_fen, created_at)", fmt.Sprintf("%d + 2 * i + 1, 'seller:' || i || ':bonus', 0, %s", first, at)),
		every(1, "accounts (id, seller_id, cash_account_id, bonus_account_id, created_at)", fmt.Sprintf("i, i, %d + 2 * i, %d + 2 * i + 1, %s", first, first, at)),
		every(4, "campaigns (id, account_id, name, daily_budget_fen, switched_on, switched_at, created_at)", "i, i, '\u8ba1\u5212' || i, 10000, TRUE, "+at+", "+at),
		"INSERT INTO ledger_transactions (id, kind, reference, booked_at) VALUES (1, 'recharge', 'bench', " + at + ")",
		every(4, "payments (id, no, account_id, rail, state, amount_fen, created_at, cancelled_at, gateway_trade_no)",
			fmt.Sprintf("i, 'R261124' || substr('00000000000000' || i, length('00000000000000' || i) - 13), i, 'alipay', 'cancelled', (200 + i %% 1000) * 100, %s, %s, '2026112422' || substr('000000000000000000' || i, length('000000000000000000' || i) - 17)", at, at)),
	} {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%.120s: %w", statement, err)
		}
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	for _, statement := range rebuild {
		if _, err := w.raw.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	if b.engine == models.Postgres { // as autovacuum would, before long
		_, err = w.raw.ExecContext(ctx, "VACUUM ANALYZE")
	}
	return err
}

// withoutIndexes drops PostgreSQL's indexes of names, and gives the statements
// that make them again: a million names at once go into them quicker so.
func (w *world) withoutIndexes(ctx context.Context, engine models.Engine) (rebuild []string, err error) {
	if engine != models.Postgres {
		return nil, nil
	}
	rows, err := w.raw.QueryContext(ctx, "SELECT indexname, indexdef FROM pg_indexes WHERE tablename LIKE 'search%' AND indexdef LIKE '%USING gin%'")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name, definition string
		if err := rows.Scan(&name, &definition); err != nil {
			return nil, err
		}
		names, rebuild = append(names, name), append(rebuild, definition)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	for _, name := range names {
		if _, err := w.raw.ExecContext(ctx, "DROP INDEX "+name); err != nil {
			return nil, err
		}
	}
	return rebuild, nil
}
