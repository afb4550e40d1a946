-- +goose Up

-- The ledger: double entry, append-only.
CREATE TABLE ledger_accounts (
    id          INTEGER PRIMARY KEY,
    name        TEXT     NOT NULL UNIQUE,
    balance_fen BIGINT   NOT NULL DEFAULT 0,
    created_at  DATETIME NOT NULL
);
-- What a transaction's entries sum to must be in here when the database
-- transaction commits: only zero is.
CREATE TABLE ledger_sums (fen BIGINT PRIMARY KEY CHECK (fen = 0));
INSERT INTO ledger_sums (fen) VALUES (0);
CREATE TABLE ledger_transactions (
    id        INTEGER PRIMARY KEY,
    kind      TEXT     NOT NULL,
    reference TEXT     NOT NULL,
    booked_at DATETIME NOT NULL,
    sum_fen   BIGINT   NOT NULL DEFAULT 0 REFERENCES ledger_sums (fen) DEFERRABLE INITIALLY DEFERRED,
    UNIQUE (kind, reference)
);
CREATE TABLE ledger_entries (
    id                INTEGER PRIMARY KEY,
    transaction_id    BIGINT NOT NULL REFERENCES ledger_transactions (id),
    account_id        BIGINT NOT NULL REFERENCES ledger_accounts (id),
    amount_fen        BIGINT NOT NULL CHECK (amount_fen <> 0),
    balance_after_fen BIGINT NOT NULL,
    UNIQUE (transaction_id, account_id)
);
CREATE INDEX ledger_entries_by_account ON ledger_entries (account_id, id);

INSERT INTO ledger_accounts (name, created_at) VALUES
    ('gateway:alipay', '2026-01-01 00:00:00+00:00'),
    ('gateway:wechat', '2026-01-01 00:00:00+00:00'),
    ('gateway:unionpay', '2026-01-01 00:00:00+00:00'),
    ('gateway:bank_transfer', '2026-01-01 00:00:00+00:00'),
    ('suspense', '2026-01-01 00:00:00+00:00'),
    ('revenue', '2026-01-01 00:00:00+00:00'),
    ('bonus_expense', '2026-01-01 00:00:00+00:00'),
    ('adjustment', '2026-01-01 00:00:00+00:00'),
    ('refund', '2026-01-01 00:00:00+00:00');

-- People.
CREATE TABLE sellers (
    id         INTEGER PRIMARY KEY,
    shop_name  TEXT     NOT NULL CHECK (shop_name <> ''),
    created_at DATETIME NOT NULL
);
CREATE TABLE users (
    id            INTEGER PRIMARY KEY,
    email         TEXT     NOT NULL UNIQUE CHECK (email = lower(email) AND email <> ''),
    password_hash TEXT     NOT NULL,
    role          TEXT     NOT NULL CHECK (role IN ('seller', 'support', 'finance', 'admin')),
    seller_id     BIGINT REFERENCES sellers (id),
    created_at    DATETIME NOT NULL,
    disabled_at   DATETIME,
    CHECK ((role = 'seller') = (seller_id IS NOT NULL))
);
CREATE TABLE sessions (
    id_hash    TEXT PRIMARY KEY,
    user_id    BIGINT   NOT NULL REFERENCES users (id),
    address    TEXT     NOT NULL,
    user_agent TEXT     NOT NULL,
    created_at DATETIME NOT NULL,
    seen_at    DATETIME NOT NULL,
    expires_at DATETIME NOT NULL,
    revoked_at DATETIME
);
CREATE INDEX sessions_by_user ON sessions (user_id, created_at);
CREATE TABLE sign_in_attempts (
    id        INTEGER PRIMARY KEY,
    email_key TEXT     NOT NULL,
    address   TEXT     NOT NULL,
    at        DATETIME NOT NULL,
    succeeded BOOLEAN  NOT NULL
);
CREATE INDEX sign_in_attempts_by_email ON sign_in_attempts (email_key, at);
CREATE INDEX sign_in_attempts_by_address ON sign_in_attempts (address, at);

-- A seller's account. The staff freeze and the state of its money are two facts.
CREATE TABLE accounts (
    id               INTEGER PRIMARY KEY,
    seller_id        BIGINT   NOT NULL UNIQUE REFERENCES sellers (id),
    cash_account_id  BIGINT   NOT NULL UNIQUE REFERENCES ledger_accounts (id),
    bonus_account_id BIGINT   NOT NULL UNIQUE REFERENCES ledger_accounts (id),
    funding_state    TEXT     NOT NULL DEFAULT 'active' CHECK (funding_state IN ('active', 'arrears', 'suspended')),
    arrears_since    DATETIME,
    grace_ends_at    DATETIME,
    suspended_at     DATETIME,
    frozen_at        DATETIME,
    frozen_reason    TEXT     NOT NULL DEFAULT '',
    last_method      TEXT     NOT NULL DEFAULT '',
    created_at       DATETIME NOT NULL,
    CHECK ((funding_state = 'active') = (arrears_since IS NULL)),
    CHECK ((arrears_since IS NULL) = (grace_ends_at IS NULL)),
    CHECK ((funding_state = 'suspended') = (suspended_at IS NOT NULL)),
    CHECK ((frozen_at IS NULL) = (frozen_reason = ''))
);
CREATE TABLE account_events (
    id         INTEGER PRIMARY KEY,
    account_id BIGINT   NOT NULL REFERENCES accounts (id),
    at         DATETIME NOT NULL,
    kind       TEXT     NOT NULL,
    args       TEXT     NOT NULL DEFAULT '{}'
);
CREATE INDEX account_events_by_account ON account_events (account_id, id);
-- Times in which nothing of an account could be delivered: for want of money,
-- or while staff froze it.
CREATE TABLE account_stops (
    id         INTEGER PRIMARY KEY,
    account_id BIGINT   NOT NULL REFERENCES accounts (id),
    began_at   DATETIME NOT NULL,
    ended_at   DATETIME CHECK (ended_at >= began_at)
);
CREATE UNIQUE INDEX account_stops_open ON account_stops (account_id) WHERE ended_at IS NULL;
CREATE INDEX account_stops_by_account ON account_stops (account_id, began_at);

-- Payments: one row is one attempt on one rail.
CREATE TABLE payments (
    id                    INTEGER PRIMARY KEY,
    no                    TEXT     NOT NULL UNIQUE CHECK (length(no) = 21),
    account_id            BIGINT   NOT NULL REFERENCES accounts (id),
    rail                  TEXT     NOT NULL CHECK (rail IN ('alipay', 'wechat', 'unionpay', 'bank_transfer')),
    state                 TEXT     NOT NULL CHECK (state IN ('draft', 'pending', 'paid', 'expired', 'cancelled', 'failed', 'partially_refunded', 'refunded')),
    amount_fen            BIGINT   NOT NULL CHECK (amount_fen > 0),
    currency              TEXT     NOT NULL DEFAULT 'CNY' CHECK (currency = 'CNY'),
    payee                 TEXT     NOT NULL DEFAULT '',
    resumes_id            BIGINT UNIQUE REFERENCES payments (id),
    created_at            DATETIME NOT NULL,
    confirmed_at          DATETIME,
    expires_at            DATETIME,
    paid_at               DATETIME,
    settled_at            DATETIME,
    expired_at            DATETIME,
    cancelled_at          DATETIME,
    failed_at             DATETIME,
    checking_since        DATETIME,
    gateway_trade_no      TEXT,
    paid_late             BOOLEAN  NOT NULL DEFAULT FALSE,
    qr_content            TEXT     NOT NULL DEFAULT '',
    cash_before_fen       BIGINT,
    refunded_fen          BIGINT   NOT NULL DEFAULT 0,
    ledger_transaction_id BIGINT UNIQUE REFERENCES ledger_transactions (id),
    UNIQUE (rail, gateway_trade_no),
    CHECK (refunded_fen >= 0 AND refunded_fen <= amount_fen),
    CHECK ((confirmed_at IS NULL) = (expires_at IS NULL)),
    CHECK (state NOT IN ('pending', 'expired', 'failed') OR confirmed_at IS NOT NULL),
    CHECK ((state IN ('paid', 'partially_refunded', 'refunded')) = (settled_at IS NOT NULL)),
    CHECK (settled_at IS NULL OR (paid_at IS NOT NULL AND gateway_trade_no IS NOT NULL AND ledger_transaction_id IS NOT NULL AND confirmed_at IS NOT NULL)),
    CHECK (state <> 'expired' OR expired_at IS NOT NULL),
    CHECK (state <> 'cancelled' OR cancelled_at IS NOT NULL),
    CHECK (state <> 'failed' OR failed_at IS NOT NULL),
    CHECK (state <> 'partially_refunded' OR (refunded_fen > 0 AND refunded_fen < amount_fen)),
    CHECK ((state = 'refunded') = (refunded_fen = amount_fen))
);
CREATE UNIQUE INDEX payments_one_draft ON payments (account_id, rail, amount_fen) WHERE state = 'draft';
CREATE INDEX payments_by_account ON payments (account_id, id);
CREATE INDEX payments_pending ON payments (expires_at) WHERE state = 'pending';

-- What gateways sent, raw, before anybody judged it; and what they answered.
CREATE TABLE notify_inbox (
    id          INTEGER PRIMARY KEY,
    rail        TEXT     NOT NULL,
    received_at DATETIME NOT NULL,
    address     TEXT     NOT NULL,
    headers     TEXT     NOT NULL,
    body        BLOB     NOT NULL,
    verdict     TEXT     NOT NULL DEFAULT 'received',
    detail      TEXT     NOT NULL DEFAULT '',
    payment_no  TEXT     NOT NULL DEFAULT '',
    judged_at   DATETIME
);
CREATE INDEX notify_inbox_by_payment ON notify_inbox (payment_no, id);
CREATE TABLE gateway_queries (
    id         INTEGER PRIMARY KEY,
    payment_id BIGINT   NOT NULL REFERENCES payments (id),
    asked_at   DATETIME NOT NULL,
    asked_by   TEXT     NOT NULL,
    answer     TEXT     NOT NULL,
    detail     TEXT     NOT NULL DEFAULT ''
);
CREATE INDEX gateway_queries_by_payment ON gateway_queries (payment_id, id);
CREATE TABLE suspense_items (
    id                    INTEGER PRIMARY KEY,
    rail                  TEXT     NOT NULL,
    gateway_trade_no      TEXT     NOT NULL,
    out_trade_no          TEXT     NOT NULL,
    payment_id            BIGINT REFERENCES payments (id),
    amount_fen            BIGINT   NOT NULL CHECK (amount_fen > 0),
    reason                TEXT     NOT NULL CHECK (reason IN ('unknown_payment', 'amount_differs', 'other_payee', 'second_trade')),
    ledger_transaction_id BIGINT   NOT NULL REFERENCES ledger_transactions (id),
    created_at            DATETIME NOT NULL,
    cleared_at            DATETIME,
    UNIQUE (rail, gateway_trade_no)
);
CREATE INDEX suspense_items_by_payment ON suspense_items (payment_id);

-- Campaigns. The seller's switch and the arrears stop are never one column.
CREATE TABLE campaigns (
    id                 INTEGER PRIMARY KEY,
    account_id         BIGINT   NOT NULL REFERENCES accounts (id),
    name               TEXT     NOT NULL CHECK (name <> ''),
    daily_budget_fen   BIGINT   NOT NULL CHECK (daily_budget_fen > 0),
    switched_on        BOOLEAN  NOT NULL,
    switched_at        DATETIME NOT NULL,
    arrears_stopped_at DATETIME,
    recovering_since   DATETIME,
    ended_at           DATETIME,
    row_version        BIGINT   NOT NULL DEFAULT 1,
    created_at         DATETIME NOT NULL,
    UNIQUE (account_id, name)
);
CREATE TABLE keywords (
    id          INTEGER PRIMARY KEY,
    campaign_id BIGINT   NOT NULL REFERENCES campaigns (id),
    phrase      TEXT     NOT NULL CHECK (phrase <> ''),
    bid_fen     BIGINT   NOT NULL CHECK (bid_fen > 0),
    quality     INTEGER  NOT NULL CHECK (quality BETWEEN 1 AND 10),
    row_version BIGINT   NOT NULL DEFAULT 1,
    created_at  DATETIME NOT NULL,
    UNIQUE (campaign_id, phrase)
);
CREATE TABLE charges (
    id             INTEGER PRIMARY KEY,
    charge_id      TEXT     NOT NULL UNIQUE,
    account_id     BIGINT   NOT NULL REFERENCES accounts (id),
    campaign_id    BIGINT   NOT NULL REFERENCES campaigns (id),
    keyword_id     BIGINT REFERENCES keywords (id),
    amount_fen     BIGINT   NOT NULL CHECK (amount_fen > 0),
    charged_at     DATETIME NOT NULL,
    received_at    DATETIME NOT NULL,
    transaction_id BIGINT   NOT NULL REFERENCES ledger_transactions (id)
);
-- Rollups by day in Asia/Shanghai (day_on is YYYY-MM-DD), kept as charges arrive.
CREATE TABLE campaign_days (
    campaign_id BIGINT NOT NULL REFERENCES campaigns (id),
    day_on      TEXT   NOT NULL CHECK (length(day_on) = 10),
    cost_fen    BIGINT NOT NULL CHECK (cost_fen >= 0),
    clicks      BIGINT NOT NULL CHECK (clicks >= 0),
    PRIMARY KEY (campaign_id, day_on)
);
CREATE TABLE account_days (
    account_id BIGINT NOT NULL REFERENCES accounts (id),
    day_on     TEXT   NOT NULL CHECK (length(day_on) = 10),
    cost_fen   BIGINT NOT NULL CHECK (cost_fen >= 0),
    PRIMARY KEY (account_id, day_on)
);
CREATE TABLE account_hours (
    account_id BIGINT  NOT NULL REFERENCES accounts (id),
    day_on     TEXT    NOT NULL CHECK (length(day_on) = 10),
    hour       INTEGER NOT NULL CHECK (hour BETWEEN 0 AND 23),
    cost_fen   BIGINT  NOT NULL CHECK (cost_fen >= 0),
    PRIMARY KEY (account_id, day_on, hour)
);

-- What ran when arrears stopped it, and how it came back.
CREATE TABLE stop_snapshots (
    id         INTEGER PRIMARY KEY,
    account_id BIGINT   NOT NULL REFERENCES accounts (id),
    stopped_at DATETIME NOT NULL
);
CREATE INDEX stop_snapshots_by_account ON stop_snapshots (account_id, id);
CREATE TABLE stop_snapshot_campaigns (
    snapshot_id      BIGINT NOT NULL REFERENCES stop_snapshots (id),
    campaign_id      BIGINT NOT NULL REFERENCES campaigns (id),
    daily_budget_fen BIGINT NOT NULL,
    row_version      BIGINT NOT NULL,
    PRIMARY KEY (snapshot_id, campaign_id)
);
CREATE TABLE stop_snapshot_keywords (
    snapshot_id BIGINT NOT NULL REFERENCES stop_snapshots (id),
    keyword_id  BIGINT NOT NULL REFERENCES keywords (id),
    bid_fen     BIGINT NOT NULL,
    PRIMARY KEY (snapshot_id, keyword_id)
);
CREATE TABLE restarts (
    id         INTEGER PRIMARY KEY,
    account_id BIGINT   NOT NULL REFERENCES accounts (id),
    user_id    BIGINT   NOT NULL REFERENCES users (id),
    at         DATETIME NOT NULL,
    undo_until DATETIME NOT NULL,
    undone_at  DATETIME
);
CREATE INDEX restarts_by_account ON restarts (account_id, id);
CREATE TABLE restart_items (
    restart_id  BIGINT  NOT NULL REFERENCES restarts (id),
    campaign_id BIGINT  NOT NULL REFERENCES campaigns (id),
    started     BOOLEAN NOT NULL,
    reason      TEXT    NOT NULL DEFAULT '',
    stopped_at  DATETIME,
    row_version BIGINT  NOT NULL DEFAULT 0,
    undone      BOOLEAN NOT NULL DEFAULT FALSE,
    PRIMARY KEY (restart_id, campaign_id),
    CHECK (started = (reason = '')),
    CHECK (NOT started OR stopped_at IS NOT NULL)
);

-- Who did what: append-only.
CREATE TABLE audit_log (
    id       INTEGER PRIMARY KEY,
    at       DATETIME NOT NULL,
    user_id  BIGINT REFERENCES users (id),
    action   TEXT     NOT NULL,
    subject  TEXT     NOT NULL,
    address  TEXT     NOT NULL DEFAULT '',
    before   TEXT     NOT NULL DEFAULT '',
    after    TEXT     NOT NULL DEFAULT ''
);
CREATE INDEX audit_log_by_subject ON audit_log (subject, id);

-- +goose StatementBegin
CREATE TRIGGER ledger_entries_no_update BEFORE UPDATE ON ledger_entries
BEGIN SELECT RAISE(ABORT, 'ledger_entries is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER ledger_entries_no_delete BEFORE DELETE ON ledger_entries
BEGIN SELECT RAISE(ABORT, 'ledger_entries is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER ledger_entries_sum AFTER INSERT ON ledger_entries
BEGIN UPDATE ledger_transactions SET sum_fen = sum_fen + NEW.amount_fen WHERE id = NEW.transaction_id; END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER ledger_transactions_no_update BEFORE UPDATE OF id, kind, reference, booked_at ON ledger_transactions
BEGIN SELECT RAISE(ABORT, 'ledger_transactions is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER ledger_transactions_no_delete BEFORE DELETE ON ledger_transactions
BEGIN SELECT RAISE(ABORT, 'ledger_transactions is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_log_no_update BEFORE UPDATE ON audit_log
BEGIN SELECT RAISE(ABORT, 'audit_log is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_log_no_delete BEFORE DELETE ON audit_log
BEGIN SELECT RAISE(ABORT, 'audit_log is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER payments_fixed_facts BEFORE UPDATE OF no, account_id, rail, amount_fen, resumes_id, created_at ON payments
BEGIN SELECT RAISE(ABORT, 'what a payment is for never changes'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER payments_stay_paid BEFORE UPDATE OF state ON payments
WHEN OLD.state IN ('paid', 'partially_refunded', 'refunded') AND NEW.state NOT IN ('paid', 'partially_refunded', 'refunded')
BEGIN SELECT RAISE(ABORT, 'a paid payment stays paid'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER payments_no_delete BEFORE DELETE ON payments
BEGIN SELECT RAISE(ABORT, 'payments are kept'); END;
-- +goose StatementEnd

-- +goose Down
INSERT INTO ledger_sums (fen) VALUES (1); -- refused: the ledger is append-only, there is no way down
