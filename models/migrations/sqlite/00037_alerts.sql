-- +goose Up

-- When a seller wants to be told, and when not: below what money, and between which
-- hours of Asia/Shanghai nothing is sent that can wait.
ALTER TABLE accounts ADD COLUMN alert_below_fen BIGINT CHECK (alert_below_fen > 0);
ALTER TABLE accounts ADD COLUMN quiet_from INTEGER CHECK (quiet_from BETWEEN 0 AND 23);
ALTER TABLE accounts ADD COLUMN quiet_until INTEGER CHECK (quiet_until BETWEEN 0 AND 23);
-- Up to which alert a user has read, and whether they come by mail too.
ALTER TABLE users ADD COLUMN alerts_read_id BIGINT NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN alert_mail BOOLEAN NOT NULL DEFAULT TRUE;

-- Where an account stands on each rung of the ladder: low, and how often it has
-- come to be so (models/alert.go).
CREATE TABLE alert_rungs (
    account_id BIGINT   NOT NULL REFERENCES accounts (id),
    rung       TEXT     NOT NULL CHECK (rung <> ''),
    low        BOOLEAN  NOT NULL,
    crossings  BIGINT   NOT NULL CHECK (crossings >= 0),
    changed_at DATETIME NOT NULL,
    PRIMARY KEY (account_id, rung)
);
CREATE INDEX alert_rungs_low ON alert_rungs (account_id) WHERE low;
-- An alert: once for each crossing.
CREATE TABLE alerts (
    id         INTEGER PRIMARY KEY,
    account_id BIGINT   NOT NULL REFERENCES accounts (id),
    rung       TEXT     NOT NULL CHECK (rung <> ''),
    crossing   BIGINT   NOT NULL CHECK (crossing > 0),
    at         DATETIME NOT NULL,
    args       TEXT     NOT NULL,
    UNIQUE (account_id, rung, crossing)
);
CREATE INDEX alerts_by_account ON alerts (account_id, id);
-- Where alerts go besides the page and the colleagues' own mail. The address of a
-- robot is a secret as well: both are sealed.
CREATE TABLE alert_targets (
    id         INTEGER PRIMARY KEY,
    account_id BIGINT   NOT NULL REFERENCES accounts (id),
    channel    TEXT     NOT NULL CHECK (channel IN ('dingtalk', 'wecom', 'feishu', 'webhook')),
    name       TEXT     NOT NULL CHECK (name <> ''),
    host       TEXT     NOT NULL CHECK (host <> ''),
    address    TEXT     NOT NULL CHECK (address <> ''),
    secret     TEXT     NOT NULL DEFAULT '',
    audience   TEXT     NOT NULL CHECK (audience IN ('all', 'money', 'campaigns')),
    lang       TEXT     NOT NULL CHECK (lang IN ('zh-CN', 'en')),
    created_at DATETIME NOT NULL,
    removed_at DATETIME
);
CREATE INDEX alert_targets_by_account ON alert_targets (account_id, id);
-- Each way of each alert, and what came of it; without an alert: a test.
CREATE TABLE alert_deliveries (
    id         INTEGER PRIMARY KEY,
    account_id BIGINT   NOT NULL REFERENCES accounts (id),
    alert_id   BIGINT   REFERENCES alerts (id),
    target_id  BIGINT   REFERENCES alert_targets (id),
    user_id    BIGINT   REFERENCES users (id),
    state      TEXT     NOT NULL CHECK (state IN ('waiting', 'sent', 'failed', 'moot')),
    due_at     DATETIME NOT NULL,
    attempts   INTEGER  NOT NULL DEFAULT 0,
    answer     TEXT     NOT NULL DEFAULT '',
    ended_at   DATETIME,
    created_at DATETIME NOT NULL,
    CHECK ((target_id IS NULL) <> (user_id IS NULL)),
    CHECK ((state = 'waiting') = (ended_at IS NULL))
);
CREATE INDEX alert_deliveries_by_account ON alert_deliveries (account_id, id);
CREATE INDEX alert_deliveries_waiting ON alert_deliveries (due_at) WHERE state = 'waiting';

-- +goose Down
DROP TABLE alert_deliveries;
DROP TABLE alert_targets;
DROP TABLE alerts;
DROP TABLE alert_rungs;
ALTER TABLE users DROP COLUMN alert_mail;
ALTER TABLE users DROP COLUMN alerts_read_id;
ALTER TABLE accounts DROP COLUMN quiet_until;
ALTER TABLE accounts DROP COLUMN quiet_from;
ALTER TABLE accounts DROP COLUMN alert_below_fen;
