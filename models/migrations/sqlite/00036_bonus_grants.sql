-- +goose Up

-- Bonus is granted for a time: what expires first is spent first. left_fen is
-- brought up to date when another grant comes or one expires; until then the purse
-- may hold less than the grants have left, never more (models/bonus.go).
CREATE TABLE bonus_grants (
    id          INTEGER PRIMARY KEY,
    account_id  BIGINT   NOT NULL REFERENCES accounts (id),
    reference   TEXT     NOT NULL UNIQUE,
    amount_fen  BIGINT   NOT NULL CHECK (amount_fen > 0),
    left_fen    BIGINT   NOT NULL CHECK (left_fen BETWEEN 0 AND amount_fen),
    expired_fen BIGINT   NOT NULL DEFAULT 0 CHECK (expired_fen BETWEEN 0 AND amount_fen),
    granted_at  DATETIME NOT NULL,
    expires_at  DATETIME -- null: it does not
);
CREATE INDEX bonus_grants_by_account ON bonus_grants (account_id, id);
-- When the next of what is left expires.
ALTER TABLE accounts ADD COLUMN bonus_expires_at DATETIME;
CREATE INDEX accounts_bonus_expires ON accounts (bonus_expires_at) WHERE bonus_expires_at IS NOT NULL;

-- What was granted before this does not expire.
INSERT INTO bonus_grants (account_id, reference, amount_fen, left_fen, granted_at)
SELECT a.id, 'before:' || a.id, l.balance_fen, l.balance_fen, a.created_at FROM accounts a JOIN ledger_accounts l ON l.id = a.bonus_account_id WHERE l.balance_fen > 0;

-- +goose Down
DROP INDEX accounts_bonus_expires;
ALTER TABLE accounts DROP COLUMN bonus_expires_at;
DROP TABLE bonus_grants;
