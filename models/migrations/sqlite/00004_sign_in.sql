-- +goose Up

-- A session of staff is half open until its second factor has passed.
ALTER TABLE sessions ADD COLUMN factor_at DATETIME;
ALTER TABLE sessions ADD COLUMN factor_by TEXT NOT NULL DEFAULT '' CHECK (factor_by IN ('', 'totp', 'recovery', 'passkey'));
-- What a passkey is asked to sign, once; with the instant at which it was asked.
ALTER TABLE sessions ADD COLUMN challenge TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN challenge_at DATETIME;

-- The authenticator app of a member of staff. Secrets are sealed with a key
-- that is not in the database; pending is one that no code has confirmed yet.
CREATE TABLE totp_factors (
    user_id      BIGINT   PRIMARY KEY REFERENCES users (id),
    secret       TEXT     NOT NULL DEFAULT '',
    pending      TEXT     NOT NULL DEFAULT '',
    last_step    BIGINT   NOT NULL DEFAULT 0,
    confirmed_at DATETIME,
    CHECK ((secret = '') = (confirmed_at IS NULL))
);
CREATE TABLE passkeys (
    id            INTEGER PRIMARY KEY,
    user_id       BIGINT   NOT NULL REFERENCES users (id),
    credential_id TEXT     NOT NULL UNIQUE CHECK (credential_id <> ''),
    name          TEXT     NOT NULL CHECK (name <> ''),
    record        TEXT     NOT NULL,
    created_at    DATETIME NOT NULL,
    used_at       DATETIME
);
CREATE INDEX passkeys_by_user ON passkeys (user_id);
CREATE TABLE recovery_codes (
    id         INTEGER PRIMARY KEY,
    user_id    BIGINT   NOT NULL REFERENCES users (id),
    code_hash  TEXT     NOT NULL UNIQUE CHECK (length(code_hash) = 64),
    created_at DATETIME NOT NULL,
    used_at    DATETIME
);
CREATE INDEX recovery_codes_by_user ON recovery_codes (user_id);

-- +goose Down
INSERT INTO ledger_sums (fen) VALUES (1); -- refused: staff would be without their second factor
