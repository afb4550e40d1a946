-- +goose Up

-- What the payer of a bank transfer writes in the remark.
ALTER TABLE payments ADD COLUMN reference_code TEXT CHECK (reference_code IS NULL OR length(reference_code) = 8);
CREATE UNIQUE INDEX payments_by_reference_code ON payments (reference_code) WHERE reference_code IS NOT NULL;

-- The name that the seller's company is registered under, as staff typed it and
-- as names are compared.
ALTER TABLE sellers ADD COLUMN registered_name TEXT NOT NULL DEFAULT '';
ALTER TABLE sellers ADD COLUMN registered_key TEXT NOT NULL DEFAULT '';
CREATE INDEX sellers_by_registered_key ON sellers (registered_key) WHERE registered_key <> '';

-- Each file of a bank that staff imported, and what came of it.
CREATE TABLE statement_imports (
    id             INTEGER PRIMARY KEY,
    file_name      TEXT     NOT NULL,
    file_hash      TEXT     NOT NULL CHECK (length(file_hash) = 64),
    layout         TEXT     NOT NULL CHECK (layout <> ''),
    our_account    TEXT     NOT NULL CHECK (our_account <> ''),
    imported_by    BIGINT   NOT NULL REFERENCES users (id),
    imported_at    DATETIME NOT NULL,
    line_count     BIGINT   NOT NULL CHECK (line_count >= 0),
    new_count      BIGINT   NOT NULL CHECK (new_count >= 0 AND new_count <= line_count),
    debit_count    BIGINT   NOT NULL CHECK (debit_count >= 0),
    reversal_count BIGINT   NOT NULL CHECK (reversal_count >= 0),
    new_fen        BIGINT   NOT NULL CHECK (new_fen >= 0),
    first_on       TEXT     NOT NULL,
    last_on        TEXT     NOT NULL
);

-- Each line of money that came in, once however often it is imported. Its money
-- stands in suspense from then on; one that staff credited by hand before, under
-- the bank's own number, names that payment instead.
CREATE TABLE statement_lines (
    id            INTEGER PRIMARY KEY,
    import_id     BIGINT   NOT NULL REFERENCES statement_imports (id),
    line_key      TEXT     NOT NULL UNIQUE CHECK (length(line_key) = 64),
    row_no        BIGINT   NOT NULL CHECK (row_no > 0),
    day_on        TEXT     NOT NULL CHECK (length(day_on) = 10),
    bank_at       DATETIME NOT NULL,
    amount_fen    BIGINT   NOT NULL CHECK (amount_fen > 0),
    payer_name    TEXT     NOT NULL,
    payer_account TEXT     NOT NULL,
    remark        TEXT     NOT NULL,
    serial_no     TEXT     NOT NULL,
    balance       TEXT     NOT NULL,
    raw           TEXT     NOT NULL,
    suspense_id   BIGINT UNIQUE REFERENCES suspense_items (id),
    payment_id    BIGINT UNIQUE REFERENCES payments (id),
    CHECK ((suspense_id IS NULL) <> (payment_id IS NULL))
);
CREATE INDEX statement_lines_by_import ON statement_lines (import_id, id);
CREATE INDEX statement_lines_by_serial ON statement_lines (serial_no) WHERE serial_no <> '';

-- The columns of a bank that no known layout fits: one row, which staff edit.
CREATE TABLE statement_mappings (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    titles     TEXT     NOT NULL,
    changed_by BIGINT   NOT NULL REFERENCES users (id),
    changed_at DATETIME NOT NULL
);

-- +goose StatementBegin
CREATE TRIGGER statement_lines_fixed BEFORE UPDATE ON statement_lines
BEGIN SELECT RAISE(ABORT, 'what a bank wrote never changes'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER statement_lines_no_delete BEFORE DELETE ON statement_lines
BEGIN SELECT RAISE(ABORT, 'statement lines are kept'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER payments_keep_reference_code BEFORE UPDATE OF reference_code ON payments
WHEN OLD.reference_code IS NOT NULL AND NEW.reference_code IS NOT OLD.reference_code
BEGIN SELECT RAISE(ABORT, 'a payer may have written the code down'); END;
-- +goose StatementEnd

-- +goose Down
INSERT INTO ledger_sums (fen) VALUES (1); -- refused: what a bank wrote stays on record, there is no way down
