-- +goose Up

-- The entries of an account, by two tables instead of one index. An index would
-- change one page of its own for nearly every entry of a body of charges: each
-- account has its end elsewhere. New entries go to ledger_recent, which is small
-- enough to stay on few pages; from there they are moved to ledger_older many at
-- a time, in the order of the accounts (models/ledger/shelf.go).
CREATE TABLE ledger_recent (
    account_id BIGINT NOT NULL,
    entry_id   BIGINT NOT NULL,
    PRIMARY KEY (account_id, entry_id)
) WITHOUT ROWID;
CREATE TABLE ledger_older (
    account_id BIGINT NOT NULL,
    entry_id   BIGINT NOT NULL,
    PRIMARY KEY (account_id, entry_id)
) WITHOUT ROWID;
INSERT INTO ledger_older (account_id, entry_id) SELECT account_id, id FROM ledger_entries ORDER BY account_id, id;
DROP INDEX ledger_entries_by_account;
-- +goose StatementBegin
CREATE TRIGGER ledger_entries_recent AFTER INSERT ON ledger_entries
BEGIN INSERT INTO ledger_recent (account_id, entry_id) VALUES (NEW.account_id, NEW.id); END;
-- +goose StatementEnd

-- Where each account's entries are, whichever engine it is.
CREATE VIEW ledger_by_account AS
    SELECT account_id, entry_id FROM ledger_recent UNION ALL SELECT account_id, entry_id FROM ledger_older;

-- +goose Down
INSERT INTO ledger_sums (fen) VALUES (1); -- refused: the ledger is append-only, there is no way down
