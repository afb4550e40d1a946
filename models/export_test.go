package models

import "context"

// Book lets tests book adjustments and bonus grants, which staff will ask for
// on pages of their own.
func (s *Store) Book(ctx context.Context, accountID int64, kind, reference string, amount Fen) error {
	return s.post(ctx, accountID, kind, reference, amount)
}

// MayBecome shows the moves of a payment's state to tests.
func (s PaymentState) MayBecome(next PaymentState) bool { return s.mayBecome(next) }

// FreezeAccount lets tests freeze without two persons. Freezing again keeps the
// first instant.
func (s *Store) FreezeAccount(ctx context.Context, by Actor, accountID int64, reason string) error {
	return s.inTx(ctx, func(t *tx) error {
		a, err := t.lockAccount(accountID)
		if err != nil || a.FrozenAt != nil {
			return err
		}
		return t.freeze(by, &a, reason)
	})
}

// UnfreezeAccount lifts it again.
func (s *Store) UnfreezeAccount(ctx context.Context, by Actor, accountID int64) error {
	return s.inTx(ctx, func(t *tx) error {
		a, err := t.lockAccount(accountID)
		if err != nil || a.FrozenAt == nil {
			return err
		}
		return t.unfreeze(by, &a)
	})
}
