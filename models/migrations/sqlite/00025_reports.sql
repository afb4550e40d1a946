-- +goose Up

-- A report marks the recharges of its days.
CREATE INDEX payments_settled_by_account ON payments (account_id, settled_at) WHERE settled_at IS NOT NULL;

-- +goose Down
DROP INDEX payments_settled_by_account;
