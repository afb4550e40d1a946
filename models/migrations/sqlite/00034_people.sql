-- +goose Up

-- What a seller's user may do in the shop, and the language that mails to a user
-- are written in. Whoever signed in for a shop so far owns it.
ALTER TABLE users ADD COLUMN shop_role TEXT NOT NULL DEFAULT '' CHECK (shop_role IN ('', 'owner', 'finance', 'operator', 'viewer'));
ALTER TABLE users ADD COLUMN lang TEXT NOT NULL DEFAULT 'zh-CN' CHECK (lang IN ('zh-CN', 'en'));
UPDATE users SET shop_role = 'owner' WHERE role = 'seller';
-- +goose StatementBegin
CREATE TRIGGER users_shop_role_insert BEFORE INSERT ON users WHEN (NEW.role = 'seller') <> (NEW.shop_role <> '')
BEGIN SELECT RAISE(ABORT, 'a seller''s user has a role in the shop, and nobody else has'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER users_shop_role_update BEFORE UPDATE OF role, shop_role ON users WHEN (NEW.role = 'seller') <> (NEW.shop_role <> '')
BEGIN SELECT RAISE(ABORT, 'a seller''s user has a role in the shop, and nobody else has'); END;
-- +goose StatementEnd

-- From now on a session without factor_at is half open for everybody: those of
-- sellers, who had no second factor, were whole when they began.
UPDATE sessions SET factor_at = created_at WHERE factor_at IS NULL AND user_id IN (SELECT id FROM users WHERE role = 'seller');

-- Colleagues who were asked to join a shop. Of the link that they got only the
-- hash is kept; sending it again makes another.
CREATE TABLE invitations (
    id           INTEGER PRIMARY KEY,
    seller_id    BIGINT   NOT NULL REFERENCES sellers (id),
    email        TEXT     NOT NULL CHECK (email = lower(email) AND email <> ''),
    shop_role    TEXT     NOT NULL CHECK (shop_role IN ('owner', 'finance', 'operator', 'viewer')),
    lang         TEXT     NOT NULL CHECK (lang IN ('zh-CN', 'en')),
    token_hash   TEXT     NOT NULL UNIQUE CHECK (length(token_hash) = 64),
    invited_by   BIGINT   NOT NULL REFERENCES users (id),
    created_at   DATETIME NOT NULL,
    sent_at      DATETIME NOT NULL,
    expires_at   DATETIME NOT NULL,
    accepted_at  DATETIME,
    accepted_by  BIGINT REFERENCES users (id),
    withdrawn_at DATETIME,
    CHECK ((accepted_at IS NULL) = (accepted_by IS NULL)),
    CHECK (accepted_at IS NULL OR withdrawn_at IS NULL)
);
CREATE UNIQUE INDEX invitations_open ON invitations (seller_id, email) WHERE accepted_at IS NULL AND withdrawn_at IS NULL;
CREATE INDEX invitations_by_seller ON invitations (seller_id, id);

-- +goose Down
DROP TABLE invitations;
DROP TRIGGER users_shop_role_update;
DROP TRIGGER users_shop_role_insert;
ALTER TABLE users DROP COLUMN lang;
ALTER TABLE users DROP COLUMN shop_role;
