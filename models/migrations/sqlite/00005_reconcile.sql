-- +goose Up

-- One row for each day (Asia/Shanghai) and rail that is held against the
-- gateway's bill. id is the day as yyyymmdd and one digit for the rail, so that
-- the list by day is the list by id. run counts the runs; what belongs to an
-- older run than the row's own is history.
CREATE TABLE reconciliations (
    id                 INTEGER PRIMARY KEY,
    rail               TEXT     NOT NULL CHECK (rail IN ('alipay', 'wechat', 'unionpay', 'bank_transfer')),
    day_on             TEXT     NOT NULL CHECK (length(day_on) = 10),
    state              TEXT     NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed')),
    run                BIGINT   NOT NULL DEFAULT 0,
    created_at         DATETIME NOT NULL,
    started_at         DATETIME,
    finished_at        DATETIME,
    failure            TEXT     NOT NULL DEFAULT '',
    payment_count      BIGINT   NOT NULL DEFAULT 0,
    payment_fen        BIGINT   NOT NULL DEFAULT 0,
    refund_count       BIGINT   NOT NULL DEFAULT 0,
    refund_fen         BIGINT   NOT NULL DEFAULT 0 CHECK (refund_fen <= 0),
    fee_fen            BIGINT   NOT NULL DEFAULT 0,
    matched_count      BIGINT   NOT NULL DEFAULT 0,
    suspense_count     BIGINT   NOT NULL DEFAULT 0,
    suspense_fen       BIGINT   NOT NULL DEFAULT 0,
    ours_count         BIGINT   NOT NULL DEFAULT 0,
    ours_fen           BIGINT   NOT NULL DEFAULT 0,
    ledger_fen         BIGINT   NOT NULL DEFAULT 0,
    ledger_fault_count BIGINT   NOT NULL DEFAULT 0,
    UNIQUE (rail, day_on),
    CHECK (state <> 'running' OR started_at IS NOT NULL),
    CHECK (state <> 'done' OR finished_at IS NOT NULL)
);

-- What the bills say, as they say it. A line that a later bill of the day no
-- longer has keeps its older run.
CREATE TABLE bill_lines (
    id                INTEGER PRIMARY KEY,
    reconciliation_id BIGINT   NOT NULL REFERENCES reconciliations (id),
    run               BIGINT   NOT NULL,
    rail              TEXT     NOT NULL,
    trade_no          TEXT     NOT NULL CHECK (trade_no <> ''),
    request_no        TEXT     NOT NULL DEFAULT '',
    out_trade_no      TEXT     NOT NULL,
    order_fen         BIGINT   NOT NULL,
    amount_fen        BIGINT   NOT NULL,
    fee_fen           BIGINT   NOT NULL,
    finished_at       DATETIME NOT NULL,
    note              TEXT     NOT NULL DEFAULT '',
    UNIQUE (rail, trade_no, request_no)
);
CREATE INDEX bill_lines_by_reconciliation ON bill_lines (reconciliation_id, run);

-- What bill and books do not agree on. A difference is found once and then
-- worked, however often the day is run; none is ever deleted.
CREATE TABLE differences (
    id                INTEGER PRIMARY KEY,
    reconciliation_id BIGINT   NOT NULL REFERENCES reconciliations (id),
    kind              TEXT     NOT NULL CHECK (kind IN ('only_ours', 'only_theirs', 'amount_differs', 'state_differs', 'fee_differs')),
    trade_no          TEXT     NOT NULL,
    request_no        TEXT     NOT NULL DEFAULT '',
    out_trade_no      TEXT     NOT NULL,
    payment_id        BIGINT REFERENCES payments (id),
    ours_fen          BIGINT   NOT NULL,
    theirs_fen        BIGINT   NOT NULL,
    ours_state        TEXT     NOT NULL DEFAULT '',
    found_at          DATETIME NOT NULL,
    run               BIGINT   NOT NULL,
    state             TEXT     NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'worked')),
    resolution        TEXT     NOT NULL DEFAULT '' CHECK (resolution IN ('', 'repaired', 'refunded', 'explained', 'vanished')),
    note              TEXT     NOT NULL DEFAULT '',
    worked_by         BIGINT REFERENCES users (id),
    worked_at         DATETIME,
    UNIQUE (reconciliation_id, kind, trade_no, request_no),
    CHECK ((state = 'open') = (resolution = '')),
    CHECK ((state = 'open') = (worked_at IS NULL)),
    CHECK (resolution <> 'explained' OR note <> '')
);
CREATE INDEX differences_by_state ON differences (reconciliation_id, state, id);

-- The payments of a day are read once a day, and there are many others.
CREATE INDEX payments_by_paid ON payments (paid_at) WHERE paid_at IS NOT NULL;
CREATE INDEX suspense_items_by_created ON suspense_items (created_at);

-- +goose StatementBegin
CREATE TRIGGER differences_no_delete BEFORE DELETE ON differences
BEGIN SELECT RAISE(ABORT, 'differences are kept'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER bill_lines_no_delete BEFORE DELETE ON bill_lines
BEGIN SELECT RAISE(ABORT, 'bill lines are kept'); END;
-- +goose StatementEnd

-- +goose Down
INSERT INTO ledger_sums (fen) VALUES (1); -- refused: what was reconciled stays on record, there is no way down
