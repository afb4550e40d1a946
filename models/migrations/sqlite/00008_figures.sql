-- +goose Up

-- How long it took from paid (the gateway's instant) to credited (ours), in
-- milliseconds; below zero where the gateway's clock is ahead.
ALTER TABLE payments ADD COLUMN credit_wait_ms BIGINT
    GENERATED ALWAYS AS (CAST(ROUND((julianday(settled_at) - julianday(paid_at)) * 86400000) AS INTEGER)) VIRTUAL;

-- What the figures of the staff read: a stretch of time, or the few rows that
-- stand in the way of somebody; never a whole table.
CREATE INDEX payments_by_confirmed ON payments (confirmed_at, rail, state, amount_fen) WHERE confirmed_at IS NOT NULL;
CREATE INDEX payments_by_settled ON payments (settled_at, credit_wait_ms) WHERE settled_at IS NOT NULL;
CREATE INDEX payments_by_state ON payments (state, id);
CREATE INDEX accounts_in_arrears ON accounts (arrears_since, suspended_at, cash_account_id) WHERE arrears_since IS NOT NULL;
CREATE INDEX suspense_items_open ON suspense_items (created_at, amount_fen) WHERE cleared_at IS NULL;
CREATE INDEX notify_inbox_refused ON notify_inbox (received_at) WHERE verdict = 'refused';
CREATE INDEX notify_inbox_refused_newest ON notify_inbox (id) WHERE verdict = 'refused';

-- What each reading of the whole ledger found.
CREATE TABLE ledger_readings (
    id     INTEGER PRIMARY KEY,
    at     DATETIME NOT NULL,
    faults BIGINT   NOT NULL CHECK (faults >= 0),
    first  TEXT     NOT NULL DEFAULT '',
    CHECK ((faults = 0) = (first = ''))
);

-- A figure that left its band: one open row a figure.
CREATE TABLE staff_alerts (
    id         INTEGER PRIMARY KEY,
    figure     TEXT     NOT NULL CHECK (figure <> ''),
    level      TEXT     NOT NULL CHECK (level IN ('warn', 'alarm')),
    value      BIGINT   NOT NULL,
    opened_at  DATETIME NOT NULL,
    changed_at DATETIME NOT NULL,
    ended_at   DATETIME CHECK (ended_at >= opened_at)
);
CREATE UNIQUE INDEX staff_alerts_open ON staff_alerts (figure) WHERE ended_at IS NULL;
CREATE INDEX staff_alerts_ended ON staff_alerts (ended_at) WHERE ended_at IS NOT NULL;
-- When the figures were last held against their bands.
CREATE TABLE staff_watch (
    id        INTEGER  PRIMARY KEY CHECK (id = 1),
    judged_at DATETIME NOT NULL
);

-- +goose Down
DROP TABLE staff_watch;
DROP TABLE staff_alerts;
DROP TABLE ledger_readings;
DROP INDEX notify_inbox_refused_newest;
DROP INDEX notify_inbox_refused;
DROP INDEX suspense_items_open;
DROP INDEX accounts_in_arrears;
DROP INDEX payments_by_state;
DROP INDEX payments_by_settled;
DROP INDEX payments_by_confirmed;
ALTER TABLE payments DROP COLUMN credit_wait_ms;
