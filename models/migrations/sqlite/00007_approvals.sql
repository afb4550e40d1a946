-- +goose Up

-- What one member of staff asks for and another decides on. What was asked
-- never changes, and what was decided stays decided.
CREATE TABLE approvals (
    id          INTEGER PRIMARY KEY,
    kind        TEXT     NOT NULL CHECK (kind IN ('refund', 'adjustment', 'bonus_grant', 'bank_transfer', 'freeze', 'unfreeze', 'suspense_clear')),
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
CREATE INDEX approvals_open ON approvals (id) WHERE state = 'open';
CREATE INDEX approvals_by_account ON approvals (account_id, id);
CREATE INDEX approvals_by_asker ON approvals (asked_by, id);

-- Money on its way back to where it came from. The request no is the gateway's
-- key: it gives the money back once for it.
CREATE TABLE refunds (
    id          INTEGER PRIMARY KEY,
    request_no  TEXT     NOT NULL UNIQUE,
    payment_id  BIGINT   NOT NULL REFERENCES payments (id),
    approval_id BIGINT   NOT NULL UNIQUE REFERENCES approvals (id),
    amount_fen  BIGINT   NOT NULL CHECK (amount_fen > 0),
    reason      TEXT     NOT NULL,
    state       TEXT     NOT NULL CHECK (state IN ('reserved', 'sent', 'settled', 'released')),
    reserved_at DATETIME NOT NULL,
    sent_at     DATETIME,
    settled_at  DATETIME,
    released_at DATETIME,
    attempts    INTEGER  NOT NULL DEFAULT 0,
    last_answer TEXT     NOT NULL DEFAULT '',
    CHECK ((state = 'settled') = (settled_at IS NOT NULL)),
    CHECK ((state = 'released') = (released_at IS NOT NULL)),
    CHECK (state <> 'sent' OR sent_at IS NOT NULL),
    CHECK ((attempts = 0) = (sent_at IS NULL))
);
CREATE INDEX refunds_by_payment ON refunds (payment_id, id);
CREATE INDEX refunds_under_way ON refunds (id) WHERE state IN ('reserved', 'sent');

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
-- +goose StatementBegin
CREATE TRIGGER refunds_fixed_facts BEFORE UPDATE OF request_no, payment_id, approval_id, amount_fen, reserved_at ON refunds
BEGIN SELECT RAISE(ABORT, 'what a refund is for never changes'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER refunds_stay_ended BEFORE UPDATE OF state ON refunds
WHEN OLD.state IN ('settled', 'released')
BEGIN SELECT RAISE(ABORT, 'a refund that ended stays ended'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER refunds_no_delete BEFORE DELETE ON refunds
BEGIN SELECT RAISE(ABORT, 'refunds are kept'); END;
-- +goose StatementEnd

-- +goose Down
INSERT INTO ledger_sums (fen) VALUES (1); -- refused: the ledger is append-only, there is no way down
