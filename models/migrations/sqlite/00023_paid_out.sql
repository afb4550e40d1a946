-- +goose Up

-- Two kinds more: that a refund was paid out at the bank, and that it can't be.
-- What may stand in a column is part of its table, which is made anew.
PRAGMA defer_foreign_keys = ON;
CREATE TEMPORARY TABLE approvals_before AS SELECT id, kind, account_id, payment_id, suspense_id, amount_fen, reason, args, asked_by, asked_at, state, decided_by, decided_at, note FROM approvals;
DROP TABLE approvals;
CREATE TABLE approvals (
    id          INTEGER PRIMARY KEY,
    kind        TEXT     NOT NULL CHECK (kind IN ('refund', 'adjustment', 'bonus_grant', 'bank_transfer', 'freeze', 'unfreeze', 'suspense_clear', 'refund_paid', 'refund_unpaid')),
    account_id  BIGINT REFERENCES accounts (id),
    payment_id  BIGINT REFERENCES payments (id),
    suspense_id BIGINT REFERENCES suspense_items (id),
    amount_fen  BIGINT   NOT NULL,
    reason      TEXT     NOT NULL CHECK (length(reason) >= 5),
    args        TEXT     NOT NULL DEFAULT '{}',
    asked_by    BIGINT   NOT NULL REFERENCES users (id),
    asked_at    DATETIME NOT NULL,
    state       TEXT     NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'approved', 'refused', 'withdrawn', 'failed')),
    decided_by  BIGINT REFERENCES users (id),
    decided_at  DATETIME,
    note        TEXT     NOT NULL DEFAULT '',
    CHECK ((state = 'open') = (decided_at IS NULL)),
    CHECK ((decided_by IS NULL) = (decided_at IS NULL)),
    CHECK (state NOT IN ('approved', 'refused', 'failed') OR decided_by <> asked_by),
    CHECK (state <> 'withdrawn' OR decided_by = asked_by),
    CHECK (state <> 'refused' OR note <> ''),
    CHECK (account_id IS NOT NULL OR kind = 'suspense_clear'),
    CHECK ((kind = 'refund') = (payment_id IS NOT NULL)),
    CHECK ((kind = 'suspense_clear') = (suspense_id IS NOT NULL)),
    CHECK ((kind IN ('freeze', 'unfreeze')) = (amount_fen = 0)),
    CHECK (amount_fen >= 0 OR kind = 'adjustment')
);
INSERT INTO approvals (id, kind, account_id, payment_id, suspense_id, amount_fen, reason, args, asked_by, asked_at, state, decided_by, decided_at, note) SELECT id, kind, account_id, payment_id, suspense_id, amount_fen, reason, args, asked_by, asked_at, state, decided_by, decided_at, note FROM approvals_before;
DROP TABLE approvals_before;
CREATE INDEX approvals_open ON approvals (id) WHERE state = 'open';
CREATE INDEX approvals_by_account ON approvals (account_id, id);
CREATE INDEX approvals_by_asker ON approvals (asked_by, id);
CREATE INDEX approvals_by_suspense ON approvals (suspense_id) WHERE suspense_id IS NOT NULL;
-- +goose StatementBegin
CREATE TRIGGER approvals_fixed_facts BEFORE UPDATE OF kind, account_id, payment_id, suspense_id, amount_fen, reason, args, asked_by, asked_at ON approvals
BEGIN SELECT RAISE(ABORT, 'what was asked for never changes'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER approvals_stay_decided BEFORE UPDATE ON approvals
WHEN OLD.state <> 'open'
BEGIN SELECT RAISE(ABORT, 'what was decided stays decided'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER approvals_no_delete BEFORE DELETE ON approvals
BEGIN SELECT RAISE(ABORT, 'approvals are kept'); END;
-- +goose StatementEnd

-- What left by the bank, as staff recorded it: the bank's number of the transfer
-- out, and its day in Shanghai as the instant at which that began.
ALTER TABLE refunds ADD COLUMN bank_no TEXT NOT NULL DEFAULT '';
ALTER TABLE refunds ADD COLUMN paid_at DATETIME;
CREATE UNIQUE INDEX refunds_by_bank_no ON refunds (bank_no) WHERE bank_no <> '';
CREATE INDEX refunds_by_paid ON refunds (paid_at) WHERE paid_at IS NOT NULL;

-- Lines of money that left, without whom it went to: they are held against the
-- refunds that were paid out, and against nothing else. request_no is the refund
-- that the remark names; empty: none.
CREATE TABLE statement_debits (
    id         INTEGER PRIMARY KEY,
    import_id  BIGINT NOT NULL REFERENCES statement_imports (id),
    line_key   TEXT   NOT NULL UNIQUE CHECK (length(line_key) = 64),
    day_on     TEXT   NOT NULL CHECK (length(day_on) = 10),
    amount_fen BIGINT NOT NULL CHECK (amount_fen > 0),
    serial_no  TEXT   NOT NULL,
    request_no TEXT   NOT NULL,
    CHECK (serial_no <> '' OR request_no <> '')
);
CREATE INDEX statement_debits_by_day ON statement_debits (day_on, id);

-- +goose StatementBegin
CREATE TRIGGER refunds_keep_bank_no BEFORE UPDATE OF bank_no, paid_at ON refunds
WHEN OLD.bank_no <> ''
BEGIN SELECT RAISE(ABORT, 'what left by the bank never changes'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER statement_debits_fixed BEFORE UPDATE ON statement_debits
BEGIN SELECT RAISE(ABORT, 'what a bank wrote never changes'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER statement_debits_no_delete BEFORE DELETE ON statement_debits
BEGIN SELECT RAISE(ABORT, 'statement lines are kept'); END;
-- +goose StatementEnd

-- +goose Down
INSERT INTO ledger_sums (fen) VALUES (1); -- refused: what a bank wrote stays on record, there is no way down
