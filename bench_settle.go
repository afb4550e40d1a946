package main

import (
	"context"
	"database/sql"
	"fmt"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"ztc-portal/models"
)

// benchAmount is what each payment of the benchmark brings; its account owes a
// hundredth of it.
const benchAmount = 500 * models.Yuan

// settlementsBesideRaw prints how many notifies a second the portal settles
// (handler, signature check, inbox, posting, arrears, job) beside raw SQL that
// writes the same rows with prepared statements, by 1 and by 8 clients.
func (b *benchRun) settlementsBesideRaw(ctx context.Context) error {
	for _, clients := range []int{1, 8} {
		ours, err := b.settleRate(ctx, clients)
		if err != nil {
			return err
		}
		raw, err := b.rawRate(ctx, clients)
		if err != nil {
			return err
		}
		fmt.Printf("settle   %-8s clients %d: portal %6.0f/s   raw SQL, same rows %6.0f/s   ratio %.2f\n", b.engine, clients, ours, raw, ours/raw)
	}
	return nil
}

// settleRate posts signed notifies to the portal's own handler.
func (b *benchRun) settleRate(ctx context.Context, clients int) (float64, error) {
	w, err := b.stage(ctx)
	if err != nil {
		return 0, err
	}
	defer w.close()
	bodies := make([]string, b.settlements)
	for i := range bodies {
		if bodies[i], err = b.notifyBody(i); err != nil {
			return 0, err
		}
	}
	persec, err := rate(clients, b.settlements, func(i int) error {
		req := httptest.NewRequestWithContext(ctx, "POST", "/notify/alipay", strings.NewReader(bodies[i]))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
		answer := httptest.NewRecorder()
		w.portal.ServeHTTP(answer, req)
		if answer.Body.String() != "success" {
			return fmt.Errorf("notify %d was answered %q", i, answer.Body)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return persec, w.allPaid(ctx, b.settlements)
}

// notifyBody is a notify as Alipay would send it, signed by the sandbox's key.
func (b *benchRun) notifyBody(i int) (string, error) {
	m := b.box.Merchant()
	return b.box.SignNotify(url.Values{
		"notify_time": {"2026-11-24 10:00:00"}, "notify_type": {"trade_status_sync"}, "notify_id": {fmt.Sprint("n", i)},
		"charset": {"utf-8"}, "version": {"1.0"}, "app_id": {m.AppID}, "auth_app_id": {m.AppID}, "seller_id": {m.SellerID},
		"trade_no": {benchTradeNo(i)}, "out_trade_no": {benchPaymentNo(i)}, "trade_status": {"TRADE_SUCCESS"},
		"total_amount": {benchAmount.Wire()}, "gmt_payment": {"2026-11-24 10:00:00"},
	}, false)
}

func benchPaymentNo(i int) string { return fmt.Sprintf("R261124%014d", i) }
func benchTradeNo(i int) string   { return fmt.Sprintf("2026112422001%08d", i) }

// allPaid checks that what was measured really happened.
func (w *world) allPaid(ctx context.Context, n int) error {
	var paid int
	if err := w.raw.QueryRowContext(ctx, "SELECT COUNT(*) FROM payments WHERE state = 'paid'").Scan(&paid); err != nil {
		return err
	}
	faults, err := w.store.VerifyLedger(ctx)
	if err == nil && (paid != n || len(faults) > 0) {
		err = fmt.Errorf("after the run: %d of %d paid, %d ledger faults", paid, n, len(faults))
	}
	return err
}

// stage opens a fresh database with the accounts that the settlements need.
func (b *benchRun) stage(ctx context.Context) (*world, error) {
	w, err := b.open(ctx)
	if err != nil {
		return nil, err
	}
	if err := w.populate(ctx, b.settlements); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

// populate stores n accounts in arrears, each with a campaign and a payment
// that waits to be paid: the benchmark's stage, not part of what is measured.
func (w *world) populate(ctx context.Context, n int) error {
	tx, err := w.raw.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	now := time.Now().UTC().Truncate(time.Microsecond)
	owed := int64(benchAmount) / 100
	steps := []struct {
		sql  string
		args func(i int) []any
	}{
		{"INSERT INTO sellers (id, shop_name, created_at) VALUES ($1, $2, $3)", func(i int) []any { return []any{i + 1, "Bench shop", now} }},
		{"INSERT INTO ledger_accounts (id, name, balance_fen, created_at) VALUES ($1, $2, $3, $4)", func(i int) []any {
			return []any{1000 + 2*i, fmt.Sprintf("seller:%d:cash", i+1), -owed, now}
		}},
		{"INSERT INTO ledger_accounts (id, name, balance_fen, created_at) VALUES ($1, $2, 0, $3)", func(i int) []any {
			return []any{1001 + 2*i, fmt.Sprintf("seller:%d:bonus", i+1), now}
		}},
		{`INSERT INTO accounts (id, seller_id, cash_account_id, bonus_account_id, funding_state, arrears_since, grace_ends_at, created_at)
			VALUES ($1, $2, $3, $4, 'arrears', $5, $6, $7)`, func(i int) []any {
			return []any{i + 1, i + 1, 1000 + 2*i, 1001 + 2*i, now, now.Add(24 * time.Hour), now}
		}},
		{"INSERT INTO account_stops (account_id, began_at) VALUES ($1, $2)", func(i int) []any { return []any{i + 1, now} }},
		{`INSERT INTO campaigns (id, account_id, name, daily_budget_fen, switched_on, switched_at, created_at)
			VALUES ($1, $2, 'Bench campaign', 10000, TRUE, $3, $4)`, func(i int) []any { return []any{i + 1, i + 1, now, now} }},
		{`INSERT INTO payments (id, no, account_id, rail, state, amount_fen, created_at, confirmed_at, expires_at)
			VALUES ($1, $2, $3, 'alipay', 'pending', $4, $5, $6, $7)`, func(i int) []any {
			return []any{i + 1, benchPaymentNo(i), i + 1, int64(benchAmount), now, now, now.Add(30 * time.Minute)}
		}},
		{"INSERT INTO ledger_entries (transaction_id, account_id, amount_fen, balance_after_fen) VALUES (1, $1, $2, $3)", func(i int) []any {
			return []any{1000 + 2*i, -owed, -owed}
		}},
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO ledger_transactions (id, kind, reference, booked_at) VALUES (1, 'charge', 'bench', $1)", now); err != nil {
		return err
	}
	for _, step := range steps {
		if err := repeat(ctx, tx, step.sql, n, step.args); err != nil {
			return err
		}
	}
	// The numbers given by hand must not be given again.
	_, err = tx.ExecContext(ctx, `INSERT INTO ledger_entries (transaction_id, account_id, amount_fen, balance_after_fen)
		SELECT 1, id, $1, $2 FROM ledger_accounts WHERE name = 'revenue'`, owed*int64(n), owed*int64(n))
	if err == nil {
		_, err = tx.ExecContext(ctx, "UPDATE ledger_accounts SET balance_fen = $1 WHERE name = 'revenue'", owed*int64(n))
	}
	if err == nil && w.store.Engine() == models.Postgres {
		_, err = tx.ExecContext(ctx, "SELECT setval(pg_get_serial_sequence('ledger_transactions', 'id'), 1)")
	}
	if err != nil {
		return err
	}
	return tx.Commit()
}

// repeat runs one prepared statement n times.
func repeat(ctx context.Context, tx *sql.Tx, statement string, n int, args func(i int) []any) error {
	prepared, err := tx.PrepareContext(ctx, statement)
	if err != nil {
		return err
	}
	defer prepared.Close()
	for i := range n {
		if _, err := prepared.ExecContext(ctx, args(i)...); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}
