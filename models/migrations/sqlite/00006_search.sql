-- +goose Up

-- What staff search by name. The tokenizer cuts a name into all its runs of
-- three characters, and finds nothing shorter. So `pairs` holds the name's
-- first 200 characters with a mark between them, m茶m叶m店m: its runs of three
-- are each character by itself (m茶m) and each two neighbours (茶m叶).
CREATE VIRTUAL TABLE search_shops USING fts5 (name, pairs, content = '', contentless_delete = 1, tokenize = 'trigram');
CREATE VIRTUAL TABLE search_campaigns USING fts5 (name, pairs, content = '', contentless_delete = 1, tokenize = 'trigram');
CREATE VIRTUAL TABLE search_emails USING fts5 (name, content = '', contentless_delete = 1, tokenize = 'trigram');

-- +goose StatementBegin
CREATE TRIGGER search_shops_insert AFTER INSERT ON sellers
BEGIN INSERT INTO search_shops (rowid, name, pairs) VALUES (NEW.id, NEW.shop_name, (
    WITH RECURSIVE at (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM at WHERE i < min(length(NEW.shop_name), 200))
    SELECT char(1) || group_concat(substr(NEW.shop_name, i, 1), char(1) ORDER BY i) || char(1) FROM at)); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER search_shops_update AFTER UPDATE OF shop_name ON sellers
BEGIN
    DELETE FROM search_shops WHERE rowid = OLD.id;
    INSERT INTO search_shops (rowid, name, pairs) VALUES (NEW.id, NEW.shop_name, (
        WITH RECURSIVE at (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM at WHERE i < min(length(NEW.shop_name), 200))
        SELECT char(1) || group_concat(substr(NEW.shop_name, i, 1), char(1) ORDER BY i) || char(1) FROM at));
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER search_shops_delete AFTER DELETE ON sellers
BEGIN DELETE FROM search_shops WHERE rowid = OLD.id; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER search_campaigns_insert AFTER INSERT ON campaigns
BEGIN INSERT INTO search_campaigns (rowid, name, pairs) VALUES (NEW.id, NEW.name, (
    WITH RECURSIVE at (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM at WHERE i < min(length(NEW.name), 200))
    SELECT char(1) || group_concat(substr(NEW.name, i, 1), char(1) ORDER BY i) || char(1) FROM at)); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER search_campaigns_update AFTER UPDATE OF name ON campaigns
BEGIN
    DELETE FROM search_campaigns WHERE rowid = OLD.id;
    INSERT INTO search_campaigns (rowid, name, pairs) VALUES (NEW.id, NEW.name, (
        WITH RECURSIVE at (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM at WHERE i < min(length(NEW.name), 200))
        SELECT char(1) || group_concat(substr(NEW.name, i, 1), char(1) ORDER BY i) || char(1) FROM at));
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER search_campaigns_delete AFTER DELETE ON campaigns
BEGIN DELETE FROM search_campaigns WHERE rowid = OLD.id; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER search_emails_insert AFTER INSERT ON users WHEN NEW.seller_id IS NOT NULL
BEGIN INSERT INTO search_emails (rowid, name) VALUES (NEW.id, NEW.email); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER search_emails_update AFTER UPDATE OF email ON users WHEN NEW.seller_id IS NOT NULL
BEGIN
    DELETE FROM search_emails WHERE rowid = OLD.id;
    INSERT INTO search_emails (rowid, name) VALUES (NEW.id, NEW.email);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER search_emails_delete AFTER DELETE ON users
BEGIN DELETE FROM search_emails WHERE rowid = OLD.id; END;
-- +goose StatementEnd

-- What stands already.
INSERT INTO search_shops (rowid, name, pairs) SELECT s.id, s.shop_name, (
    WITH RECURSIVE at (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM at WHERE i < min(length(s.shop_name), 200))
    SELECT char(1) || group_concat(substr(s.shop_name, i, 1), char(1) ORDER BY i) || char(1) FROM at) FROM sellers s;
INSERT INTO search_campaigns (rowid, name, pairs) SELECT c.id, c.name, (
    WITH RECURSIVE at (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM at WHERE i < min(length(c.name), 200))
    SELECT char(1) || group_concat(substr(c.name, i, 1), char(1) ORDER BY i) || char(1) FROM at) FROM campaigns c;
INSERT INTO search_emails (rowid, name) SELECT id, email FROM users WHERE seller_id IS NOT NULL;

-- Whose users they are.
CREATE INDEX users_by_seller ON users (seller_id) WHERE seller_id IS NOT NULL;

-- Payments by amount, and by the last six characters of their numbers.
CREATE INDEX payments_by_amount ON payments (amount_fen, id);
CREATE INDEX payments_by_no_end ON payments (substr(no, 16));
CREATE INDEX payments_by_trade_end ON payments (substr(gateway_trade_no, length(gateway_trade_no) - 5)) WHERE gateway_trade_no IS NOT NULL;

-- Accounts in trouble, which are few, by state and by age.
CREATE INDEX accounts_in_trouble ON accounts (funding_state, id) WHERE funding_state <> 'active';
CREATE INDEX accounts_frozen ON accounts (id) WHERE frozen_at IS NOT NULL;
CREATE INDEX accounts_by_arrears ON accounts (arrears_since, id) WHERE arrears_since IS NOT NULL;

-- What staff note on an account, for each other: append-only.
CREATE TABLE account_notes (
    id         INTEGER PRIMARY KEY,
    account_id BIGINT   NOT NULL REFERENCES accounts (id),
    user_id    BIGINT   NOT NULL REFERENCES users (id),
    at         DATETIME NOT NULL,
    body       TEXT     NOT NULL CHECK (body <> '')
);
CREATE INDEX account_notes_by_account ON account_notes (account_id, id);
-- +goose StatementBegin
CREATE TRIGGER account_notes_no_update BEFORE UPDATE ON account_notes
BEGIN SELECT RAISE(ABORT, 'account_notes is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER account_notes_no_delete BEFORE DELETE ON account_notes
BEGIN SELECT RAISE(ABORT, 'account_notes is append-only'); END;
-- +goose StatementEnd

-- +goose Down
INSERT INTO ledger_sums (fen) VALUES (1); -- refused: notes are append-only, there is no way down
