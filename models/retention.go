package models

import (
	"context"
	"time"
)

// How long rows are kept that nobody needs any more.
const (
	refusedKept  = 90 * 24 * time.Hour // notifies that could not be verified, which belong to no payment
	attemptsKept = 30 * 24 * time.Hour // tries to sign in; they count for ThrottleWindow
	sessionsKept = 90 * 24 * time.Hour // sessions, from their end
)

// forgottenAtOnce bounds one transaction of ForgetOld, so that nobody waits
// long for its locks.
const forgottenAtOnce = 500

// ForgetOld drops old rows that nobody needs any more: delivered messages to the
// engine, notifies that could not be verified, tries to sign in, links to new passwords,
// sessions that ended. Notifies of a payment stay for good. What was dropped stays so when a
// later part fails.
func (s *Store) ForgetOld(ctx context.Context) error {
	if err := s.DropOldWebhooks(ctx); err != nil {
		return err
	}
	now := s.Now()
	old := now.Add(-sessionsKept)
	for _, part := range []struct {
		table, key, where string
		args              []any
	}{
		{"notify_inbox", "id", "payment_no = '' AND verdict IN ('received', 'refused') AND received_at < ?", []any{now.Add(-refusedKept)}},
		{"sign_in_attempts", "id", "at < ?", []any{now.Add(-attemptsKept)}},
		{"password_resets", "id", "expires_at < ?", []any{now.Add(-attemptsKept)}},
		{"sessions", "id_hash", "expires_at < ? OR revoked_at < ?", []any{old, old}},
	} {
		statement := "DELETE FROM " + part.table + " WHERE " + part.key + " IN (SELECT " + part.key + " FROM " + part.table + " WHERE " + part.where + " LIMIT ?)"
		if err := s.forget(ctx, statement, append(part.args, forgottenAtOnce)); err != nil {
			return err
		}
	}
	return nil
}

// forget deletes by parts until nothing is left to delete.
func (s *Store) forget(ctx context.Context, statement string, args []any) error {
	for {
		var dropped int64
		err := s.inTx(ctx, func(t *tx) error {
			done := t.Exec(statement, args...)
			dropped = done.RowsAffected
			return done.Error
		})
		if err != nil || dropped < forgottenAtOnce {
			return err
		}
	}
}
