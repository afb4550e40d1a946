-- +goose Up

-- The bank's numbers that staff credited by hand: some were kept with their
-- hyphens, and statements have none.
CREATE INDEX payments_by_bank_number ON payments (REPLACE(gateway_trade_no, '-', '')) WHERE rail = 'bank_transfer';

-- +goose Down
DROP INDEX payments_by_bank_number;
