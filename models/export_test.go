package models

import "context"

// Book lets tests book adjustments and bonus grants, which staff will ask for
// on pages of their own.
func (s *Store) Book(ctx context.Context, accountID int64, kind, reference string, amount Fen) error {
	return s.post(ctx, accountID, kind, reference, amount)
}

// MayBecome shows the moves of a payment's state to tests.
func (s PaymentState) MayBecome(next PaymentState) bool { return s.mayBecome(next) }
