-- +goose Up

-- Advice that a seller wants to see no more until then; value is what it proposed.
CREATE TABLE advice_dismissed (
    account_id BIGINT   NOT NULL REFERENCES accounts (id),
    kind       TEXT        NOT NULL CHECK (kind <> ''),
    subject_id BIGINT   NOT NULL,
    value_fen  BIGINT   NOT NULL,
    until      TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (account_id, kind, subject_id)
);
-- Advice that was taken, by the edit that did it.
CREATE TABLE advice_applied (
    edit_id     BIGINT NOT NULL REFERENCES edits (id),
    kind        TEXT   NOT NULL CHECK (kind <> ''),
    campaign_id BIGINT NOT NULL REFERENCES campaigns (id),
    keyword_id  BIGINT NOT NULL DEFAULT 0,
    before_fen  BIGINT NOT NULL,
    after_fen   BIGINT NOT NULL,
    PRIMARY KEY (edit_id, kind, campaign_id, keyword_id)
);

-- +goose Down
DROP TABLE advice_applied;
DROP TABLE advice_dismissed;
