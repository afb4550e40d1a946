package models

import (
	"gorm.io/gorm"

	"ztc-portal/models/ledger"
)

// statedTradeNo is StatementLine.tradeNo in SQL, of the table n.
const statedTradeNo = `'BT' || REPLACE(n.day_on, '-', '') || '-' || UPPER(SUBSTR(n.line_key, 1, 20))`

// verifyStatements holds the lines of statements against the books: each line's
// money is in them once, by its own number and amount, in suspense or by the
// payment that staff had credited by hand; and no suspense of bank transfer
// came otherwise. An empty slice means that it is so.
func verifyStatements(db *gorm.DB) (all []ledger.Fault, err error) {
	const booked = ` LEFT JOIN ledger_entries e ON e.transaction_id = t.id AND e.account_id = (SELECT id FROM ledger_accounts WHERE name = 'gateway:bank_transfer')`
	for _, query := range []string{
		// What was booked is read off both sides; the smaller is told.
		`SELECT 'statement line in suspense' AS what, n.id, n.amount_fen AS want,
				CASE WHEN COALESCE(-e.amount_fen, 0) <= COALESCE(f.amount_fen, 0) THEN COALESCE(-e.amount_fen, 0) ELSE COALESCE(f.amount_fen, 0) END AS got
			FROM statement_lines n
			LEFT JOIN suspense_items i ON i.id = n.suspense_id AND i.rail = 'bank_transfer' AND i.gateway_trade_no = ` + statedTradeNo + ` AND i.amount_fen = n.amount_fen
			LEFT JOIN ledger_transactions t ON t.id = i.ledger_transaction_id AND t.kind = 'suspense' AND t.reference = 'bank_transfer:' || i.gateway_trade_no` + booked + `
			LEFT JOIN ledger_entries f ON f.transaction_id = t.id AND f.account_id = (SELECT id FROM ledger_accounts WHERE name = 'suspense')
			WHERE n.suspense_id IS NOT NULL AND (COALESCE(-e.amount_fen, 0) <> n.amount_fen OR COALESCE(f.amount_fen, 0) <> n.amount_fen) ORDER BY n.id`,
		`SELECT 'statement line credited by hand' AS what, n.id, n.amount_fen AS want, COALESCE(-e.amount_fen, 0) AS got FROM statement_lines n
			LEFT JOIN payments p ON p.id = n.payment_id AND p.rail = 'bank_transfer' AND p.amount_fen = n.amount_fen
				AND n.serial_no <> '' AND REPLACE(p.gateway_trade_no, '-', '') = n.serial_no
			LEFT JOIN ledger_transactions t ON t.id = p.ledger_transaction_id AND t.kind = 'recharge' AND t.reference = 'bank_transfer:' || p.gateway_trade_no` + booked + `
			WHERE n.payment_id IS NOT NULL AND COALESCE(-e.amount_fen, 0) <> n.amount_fen ORDER BY n.id`,
		`SELECT 'statement line booked twice' AS what, n.id, n.amount_fen AS want, n.amount_fen + i.amount_fen AS got FROM statement_lines n
			JOIN suspense_items i ON i.rail = 'bank_transfer' AND i.gateway_trade_no = ` + statedTradeNo + `
			WHERE n.payment_id IS NOT NULL ORDER BY n.id`,
		// By hand and by the line, over the same amount, and no line stands for what was done by hand.
		`SELECT 'statement line booked twice' AS what, n.id, n.amount_fen AS want, n.amount_fen + p.amount_fen AS got FROM payments p
			JOIN statement_lines n ON n.serial_no = REPLACE(p.gateway_trade_no, '-', '') AND n.serial_no <> '' AND n.amount_fen = p.amount_fen AND n.suspense_id IS NOT NULL
			WHERE p.rail = 'bank_transfer' AND p.gateway_trade_no IS NOT NULL
				AND NOT EXISTS (SELECT 1 FROM statement_lines o WHERE o.payment_id = p.id) ORDER BY n.id`,
		`SELECT 'suspense of no statement line' AS what, i.id, 0 AS want, i.amount_fen AS got FROM suspense_items i
			WHERE i.rail = 'bank_transfer' AND NOT EXISTS (SELECT 1 FROM statement_lines n WHERE n.suspense_id = i.id) ORDER BY i.id`,
	} {
		var faults []ledger.Fault
		if err := db.Raw(query).Scan(&faults).Error; err != nil {
			return nil, err
		}
		all = append(all, faults...)
	}
	return all, nil
}
