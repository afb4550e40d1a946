package models

import (
	"context"
	"slices"

	"gorm.io/gorm"

	"ztc-portal/models/ledger"
)

// VerifyLedger reads the whole ledger and names every promise that does not
// hold, every posting of charges that is not the sum of the charges stored under
// it, every line of a bank's statement whose money is not booked once, and every
// purse that its days don't add up to. An empty slice means sound books.
func (s *Store) VerifyLedger(ctx context.Context) ([]ledger.Fault, error) {
	db := s.read.WithContext(ctx)
	faults, err := ledger.Verify(db)
	if err != nil {
		return nil, err
	}
	lines, err := verifyStatements(db)
	if err != nil {
		return nil, err
	}
	days, err := verifyMoneyDays(db)
	if err != nil {
		return nil, err
	}
	bonus, err := verifyBonus(db)
	if err != nil {
		return nil, err
	}
	faults = slices.Concat(faults, lines, days, bonus)
	charges, err := verifyCharges(db)
	if err != nil || s.engine == SQLite { // whose foreign keys hold
		return append(faults, charges...), err
	}
	strays, err := strayCharges(db)
	return slices.Concat(faults, charges, strays), err
}

// strayCharges finds charges of no campaign of their account, or of no keyword
// of their campaign: PostgreSQL has no foreign keys that would refuse them.
func strayCharges(db *gorm.DB) ([]ledger.Fault, error) {
	var faults []ledger.Fault
	err := db.Raw(`SELECT 'charge of nothing' AS what, c.id, 0 AS want, c.amount_fen AS got FROM charges c
		LEFT JOIN campaigns p ON p.id = c.campaign_id AND p.account_id = c.account_id
		LEFT JOIN keywords k ON k.id = c.keyword_id AND k.campaign_id = c.campaign_id
		WHERE p.id IS NULL OR c.keyword_id IS NOT NULL AND k.id IS NULL ORDER BY c.id`).Scan(&faults).Error
	return faults, err
}

// verifyCharges holds the sub-ledger against the ledger: what an account paid in
// a transaction is what its charges stored under that transaction cost, and what
// a transaction earned is what all of them cost. Nothing but charges posts to
// revenue, and only transactions of charges take part on the ledger's side. Each
// is one pass and one grouping: a join of the great tables would be left to the
// planner's guess of how many rows there are, which on a table that has just
// grown is wrong by far.
func verifyCharges(db *gorm.DB) ([]ledger.Fault, error) {
	var faults, unpaid []ledger.Fault
	err := db.Raw(`SELECT 'charges of transaction' AS what, transaction_id AS id, SUM(charged) AS want, SUM(earned) AS got FROM (
			SELECT transaction_id, amount_fen AS charged, 0 AS earned FROM charges
			UNION ALL SELECT transaction_id, 0, amount_fen FROM ledger_entries
				WHERE account_id = (SELECT id FROM ledger_accounts WHERE name = 'revenue')
		) AS both_sides GROUP BY transaction_id HAVING SUM(charged) <> SUM(earned) ORDER BY transaction_id`).Scan(&faults).Error
	if err != nil {
		return nil, err
	}
	err = db.Raw(`SELECT 'charges of account' AS what, account_id AS id, SUM(charged) AS want, SUM(paid) AS got FROM (
			SELECT transaction_id, account_id, amount_fen AS charged, 0 AS paid FROM charges
			UNION ALL SELECT e.transaction_id, a.id, 0, -e.amount_fen FROM ledger_entries e
				JOIN (SELECT id, cash_account_id AS purse FROM accounts UNION ALL SELECT id, bonus_account_id FROM accounts) AS a ON a.purse = e.account_id
				WHERE e.transaction_id IN (SELECT id FROM ledger_transactions WHERE kind = ?)
		) AS both_sides GROUP BY transaction_id, account_id HAVING SUM(charged) <> SUM(paid) ORDER BY account_id, transaction_id`, KindCharge).Scan(&unpaid).Error
	return append(faults, unpaid...), err
}
