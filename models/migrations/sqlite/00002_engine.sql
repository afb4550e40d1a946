-- +goose Up

-- Keys by which an ad engine speaks to the API. The key itself is not kept.
CREATE TABLE api_keys (
    id           INTEGER PRIMARY KEY,
    name         TEXT     NOT NULL CHECK (name <> ''),
    hint         TEXT     NOT NULL,
    key_hash     TEXT     NOT NULL UNIQUE CHECK (length(key_hash) = 64),
    scopes       TEXT     NOT NULL CHECK (scopes <> ''),
    created_at   DATETIME NOT NULL,
    last_used_at DATETIME,
    revoked_at   DATETIME
);

-- Charges are the sub-ledger: nothing of them changes once they are booked.
-- +goose StatementBegin
CREATE TRIGGER charges_no_update BEFORE UPDATE ON charges
BEGIN SELECT RAISE(ABORT, 'charges is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER charges_no_delete BEFORE DELETE ON charges
BEGIN SELECT RAISE(ABORT, 'charges is append-only'); END;
-- +goose StatementEnd

-- Rollups in Asia/Shanghai, kept as charges and results arrive. cost_fen and
-- clicks are what was charged; the other figures are the engine's results.
CREATE TABLE campaign_days_2 (
    campaign_id      BIGINT NOT NULL REFERENCES campaigns (id),
    day_on           TEXT   NOT NULL CHECK (length(day_on) = 10),
    cost_fen         BIGINT NOT NULL DEFAULT 0 CHECK (cost_fen >= 0),
    clicks           BIGINT NOT NULL DEFAULT 0 CHECK (clicks >= 0),
    impressions      BIGINT NOT NULL DEFAULT 0 CHECK (impressions >= 0),
    result_clicks    BIGINT NOT NULL DEFAULT 0 CHECK (result_clicks >= 0),
    orders           BIGINT NOT NULL DEFAULT 0 CHECK (orders >= 0),
    order_amount_fen BIGINT NOT NULL DEFAULT 0 CHECK (order_amount_fen >= 0),
    PRIMARY KEY (campaign_id, day_on)
) WITHOUT ROWID;
INSERT INTO campaign_days_2 (campaign_id, day_on, cost_fen, clicks) SELECT campaign_id, day_on, cost_fen, clicks FROM campaign_days;
DROP TABLE campaign_days;
ALTER TABLE campaign_days_2 RENAME TO campaign_days;
CREATE TABLE keyword_days (
    keyword_id       BIGINT NOT NULL REFERENCES keywords (id),
    day_on           TEXT   NOT NULL CHECK (length(day_on) = 10),
    cost_fen         BIGINT NOT NULL DEFAULT 0 CHECK (cost_fen >= 0),
    clicks           BIGINT NOT NULL DEFAULT 0 CHECK (clicks >= 0),
    impressions      BIGINT NOT NULL DEFAULT 0 CHECK (impressions >= 0),
    result_clicks    BIGINT NOT NULL DEFAULT 0 CHECK (result_clicks >= 0),
    orders           BIGINT NOT NULL DEFAULT 0 CHECK (orders >= 0),
    order_amount_fen BIGINT NOT NULL DEFAULT 0 CHECK (order_amount_fen >= 0),
    PRIMARY KEY (keyword_id, day_on)
) WITHOUT ROWID;
CREATE TABLE account_hours_2 (
    account_id       BIGINT  NOT NULL REFERENCES accounts (id),
    day_on           TEXT    NOT NULL CHECK (length(day_on) = 10),
    hour             INTEGER NOT NULL CHECK (hour BETWEEN 0 AND 23),
    cost_fen         BIGINT  NOT NULL DEFAULT 0 CHECK (cost_fen >= 0),
    clicks           BIGINT  NOT NULL DEFAULT 0 CHECK (clicks >= 0),
    impressions      BIGINT  NOT NULL DEFAULT 0 CHECK (impressions >= 0),
    result_clicks    BIGINT  NOT NULL DEFAULT 0 CHECK (result_clicks >= 0),
    orders           BIGINT  NOT NULL DEFAULT 0 CHECK (orders >= 0),
    order_amount_fen BIGINT  NOT NULL DEFAULT 0 CHECK (order_amount_fen >= 0),
    PRIMARY KEY (account_id, day_on, hour)
) WITHOUT ROWID;
INSERT INTO account_hours_2 (account_id, day_on, hour, cost_fen) SELECT account_id, day_on, hour, cost_fen FROM account_hours;
DROP TABLE account_hours;
ALTER TABLE account_hours_2 RENAME TO account_hours;
-- A day of an account is the sum of its 24 hours at most.
DROP TABLE account_days;

-- What the engine reports, the newest word of each hour. keyword_id 0 stands
-- for what belongs to no keyword.
CREATE TABLE results (
    campaign_id      BIGINT   NOT NULL REFERENCES campaigns (id),
    keyword_id       BIGINT   NOT NULL DEFAULT 0,
    hour_at          DATETIME NOT NULL,
    impressions      BIGINT   NOT NULL CHECK (impressions >= 0),
    clicks           BIGINT   NOT NULL CHECK (clicks >= 0),
    orders           BIGINT   NOT NULL CHECK (orders >= 0),
    order_amount_fen BIGINT   NOT NULL CHECK (order_amount_fen >= 0),
    received_at      DATETIME NOT NULL,
    PRIMARY KEY (campaign_id, keyword_id, hour_at)
) WITHOUT ROWID;

-- What the engine was last told of each campaign, numbered in the order of the
-- changes; serving_clock holds the last number given.
CREATE TABLE serving_states (
    campaign_id      BIGINT   PRIMARY KEY REFERENCES campaigns (id),
    seq              BIGINT   NOT NULL UNIQUE,
    delivery_state   TEXT     NOT NULL,
    share_percent    INTEGER  NOT NULL CHECK (share_percent BETWEEN 0 AND 100),
    daily_budget_fen BIGINT   NOT NULL,
    changed_at       DATETIME NOT NULL
);
CREATE TABLE serving_clock (
    id  INTEGER PRIMARY KEY CHECK (id = 1),
    seq BIGINT  NOT NULL
);
INSERT INTO serving_clock (id, seq) VALUES (1, 0);

-- Messages to the engine, stored in the transaction of what they tell.
CREATE TABLE webhook_messages (
    id           INTEGER PRIMARY KEY,
    message_id   TEXT     NOT NULL UNIQUE,
    body         TEXT     NOT NULL,
    created_at   DATETIME NOT NULL,
    attempts     INTEGER  NOT NULL DEFAULT 0,
    last_answer  TEXT     NOT NULL DEFAULT '',
    tried_at     DATETIME,
    delivered_at DATETIME,
    parked_at    DATETIME,
    CHECK (delivered_at IS NULL OR parked_at IS NULL)
);
CREATE INDEX webhook_messages_parked ON webhook_messages (id) WHERE parked_at IS NOT NULL;
-- Messages on their way are few beside those delivered and kept for a month.
CREATE INDEX webhook_messages_pending ON webhook_messages (created_at) WHERE delivered_at IS NULL AND parked_at IS NULL;
CREATE INDEX webhook_messages_delivered ON webhook_messages (delivered_at) WHERE delivered_at IS NOT NULL;

-- +goose Down
INSERT INTO ledger_sums (fen) VALUES (1); -- refused: the ledger is append-only, there is no way down
