package models

import (
	"context"

	"gorm.io/gorm"

	"ztc-portal/models/ledger"
)

// VerifyLedger reads the whole ledger and names every promise that does not
// hold, and every posting of charges that is not the sum of the charges stored
// under it. An empty slice means sound books.
func (s *Store) VerifyLedger(ctx context.Context) ([]ledger.Fault, error) {
	db := s.read.WithContext(ctx)
	faults, err := ledger.Verify(db)
	if err != nil {
		return nil, err
	}
	charges, err := verifyCharges(db)
	return append(faults, charges...), err
}

// verifyCharges holds the sub-ledger against the ledger: each posting of kind
// charge earned what its charges cost, and each charge has its posting.
func verifyCharges(db *gorm.DB) ([]ledger.Fault, error) {
	var faults []ledger.Fault
	err := db.Raw(`WITH charged AS (SELECT transaction_id, SUM(amount_fen) AS fen FROM charges GROUP BY transaction_id),
		earned AS (SELECT e.transaction_id, e.amount_fen AS fen FROM ledger_entries e JOIN ledger_transactions t ON t.id = e.transaction_id
			WHERE t.kind = ? AND e.account_id = (SELECT id FROM ledger_accounts WHERE name = 'revenue'))
		SELECT 'charges of transaction' AS what, c.transaction_id AS id, c.fen AS want, COALESCE(e.fen, 0) AS got
			FROM charged c LEFT JOIN earned e ON e.transaction_id = c.transaction_id WHERE e.fen IS NULL OR e.fen <> c.fen
		UNION ALL SELECT 'charges of transaction', e.transaction_id, 0, e.fen
			FROM earned e LEFT JOIN charged c ON c.transaction_id = e.transaction_id WHERE c.fen IS NULL`, KindCharge).Scan(&faults).Error
	return faults, err
}
