-- +goose Up

-- Where each account's entries are, whichever engine it is. Here an index does.
CREATE VIEW ledger_by_account AS SELECT account_id, id AS entry_id FROM ledger_entries;

-- +goose Down
SELECT 1 / 0; -- refused: the ledger is append-only, there is no way down
