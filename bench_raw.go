package main

import (
	"context"
	"database/sql"
	"time"

	"ztc-portal/models"
)

// rawStatements write what one settlement leaves behind, and read nothing. The
// first stands in a transaction of its own, as the inbox does.
var rawStatements = []string{
	`INSERT INTO notify_inbox (rail, received_at, address, headers, body) VALUES ('alipay', $1, '127.0.0.1', '{}', $2) RETURNING id`,
	`INSERT INTO ledger_transactions (kind, reference, booked_at) VALUES ('recharge', $1, $2) ON CONFLICT (kind, reference) DO NOTHING RETURNING id`,
	`UPDATE ledger_accounts SET balance_fen = balance_fen - $1 WHERE id = $2 RETURNING balance_fen`,
	`UPDATE ledger_accounts SET balance_fen = balance_fen + $1 WHERE id = $2 RETURNING balance_fen`,
	`INSERT INTO ledger_entries (transaction_id, account_id, amount_fen, balance_after_fen) VALUES ($1, $2, $3, $4), ($5, $6, $7, $8)`,
	`UPDATE payments SET state = 'paid', paid_at = $1, settled_at = $2, gateway_trade_no = $3, cash_before_fen = $4, ledger_transaction_id = $5
		WHERE id = $6 AND state = 'pending'`,
	`INSERT INTO account_events (account_id, at, kind, args) VALUES ($1, $2, 'recharge_paid', $3)`,
	`UPDATE accounts SET funding_state = 'active', arrears_since = NULL, grace_ends_at = NULL WHERE id = $1`,
	`INSERT INTO account_events (account_id, at, kind, args) VALUES ($1, $2, 'arrears_cleared', $3)`,
	`UPDATE campaigns SET recovering_since = $1 WHERE account_id = $2 AND switched_on`,
	`INSERT INTO account_events (account_id, at, kind, args) VALUES ($1, $2, 'recovering', $3)`,
	`UPDATE account_stops SET ended_at = $1 WHERE account_id = $2 AND ended_at IS NULL`,
	`INSERT INTO river_job (args, kind, max_attempts, metadata, priority, queue, scheduled_at, state, tags)
		VALUES ($1, 'recover_delivery', 25, '{}', 1, 'default', $2, 'scheduled', $3)`,
	`UPDATE notify_inbox SET verdict = 'settled', payment_no = $1, judged_at = $2 WHERE id = $3`,
}

// rawRate writes the rows of the settlements with prepared SQL alone.
func (b *benchRun) rawRate(ctx context.Context, clients int) (float64, error) {
	w, err := b.stage(ctx)
	if err != nil {
		return 0, err
	}
	defer w.close()
	body, err := b.notifyBody(0)
	if err != nil {
		return 0, err
	}
	var gateway int64
	if err := w.raw.QueryRowContext(ctx, "SELECT id FROM ledger_accounts WHERE name = 'gateway:alipay'").Scan(&gateway); err != nil {
		return 0, err
	}
	raw := rawWriter{gateway: gateway, body: []byte(body), tags: "[]"}
	if b.engine == models.Postgres {
		raw.tags = "{}"
	}
	for _, text := range rawStatements {
		prepared, err := w.raw.PrepareContext(ctx, text)
		if err != nil {
			return 0, err
		}
		defer prepared.Close()
		raw.prepared = append(raw.prepared, prepared)
	}
	persec, err := rate(clients, b.settlements, func(i int) error { return raw.settle(ctx, w.raw, i) })
	if err != nil {
		return 0, err
	}
	return persec, w.allPaid(ctx, b.settlements)
}

// rawWriter holds the prepared statements, in the order of rawStatements.
type rawWriter struct {
	prepared []*sql.Stmt
	gateway  int64
	body     []byte
	tags     string // an empty list, as the engine's queue table wants it
}

func (r rawWriter) settle(ctx context.Context, db *sql.DB, i int) error {
	now := time.Now().UTC().Truncate(time.Microsecond)
	amount, account, cash := int64(benchAmount), i+1, int64(1000+2*i)
	var inbox, transaction, ofGateway, ofSeller int64
	if err := r.prepared[0].QueryRowContext(ctx, now, r.body).Scan(&inbox); err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	scan := func(n int, into *int64, args ...any) {
		if err == nil {
			err = tx.StmtContext(ctx, r.prepared[n]).QueryRowContext(ctx, args...).Scan(into) //nolint:sqlclosecheck // it ends with the transaction
		}
	}
	exec := func(n int, args ...any) {
		if err == nil {
			_, err = tx.StmtContext(ctx, r.prepared[n]).ExecContext(ctx, args...) //nolint:sqlclosecheck // likewise
		}
	}
	scan(1, &transaction, "alipay:"+benchTradeNo(i), now)
	scan(2, &ofGateway, amount, r.gateway)
	scan(3, &ofSeller, amount, cash)
	exec(4, transaction, r.gateway, -amount, ofGateway, transaction, cash, amount, ofSeller)
	exec(5, now, now, benchTradeNo(i), ofSeller-amount, transaction, i+1)
	exec(6, account, now, `{"amount_fen":50000}`)
	exec(7, account)
	exec(8, account, now, `{"amount_fen":500}`)
	exec(9, now, account)
	exec(10, account, now, `{"count":1}`)
	exec(11, now, account)
	exec(12, `{"account_id":1,"since":"2026-11-24T10:00:00Z"}`, now.Add(30*time.Minute), r.tags)
	exec(13, benchPaymentNo(i), now, inbox)
	if err != nil {
		return err
	}
	return tx.Commit()
}
