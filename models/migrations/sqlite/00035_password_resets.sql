-- +goose Up

-- One-time links to a new password; of each only the hash is kept.
CREATE TABLE password_resets (
    id         INTEGER PRIMARY KEY,
    user_id    BIGINT   NOT NULL REFERENCES users (id),
    token_hash TEXT     NOT NULL UNIQUE CHECK (length(token_hash) = 64),
    created_at DATETIME NOT NULL,
    expires_at DATETIME NOT NULL,
    used_at    DATETIME
);
CREATE INDEX password_resets_by_user ON password_resets (user_id);

-- +goose Down
DROP TABLE password_resets;
