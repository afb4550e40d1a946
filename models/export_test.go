package models

import (
	"context"

	"gorm.io/gorm"
)

// Book lets tests book adjustments and bonus grants, which staff will ask for
// on pages of their own.
func (s *Store) Book(ctx context.Context, accountID int64, kind, reference string, amount Fen) error {
	return s.post(ctx, accountID, kind, reference, amount)
}

// MayBecome shows the moves of a payment's state to tests.
func (s PaymentState) MayBecome(next PaymentState) bool { return s.mayBecome(next) }

// StatementPlan is how the database goes about a page of the statement.
func (s *Store) StatementPlan(ctx context.Context, k Keyset) (steps []string, err error) {
	text := s.read.ToSQL(func(db *gorm.DB) *gorm.DB { return statementOf(db, "cash", 1, k).Find(&[]StatementRow{}) })
	rows, err := s.read.WithContext(ctx).Raw("EXPLAIN QUERY PLAN " + text).Rows()
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			return nil, err
		}
		steps = append(steps, step)
	}
	return steps, rows.Err()
}
