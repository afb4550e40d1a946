-- +goose Up

-- Each row of the audit log carries the hash of the row before it and its own,
-- over all that it says. Rows of older schemas get theirs from the program,
-- right after this step: see models/audit_chain.go.
ALTER TABLE audit_log ADD COLUMN prev_hash TEXT NOT NULL DEFAULT '';
ALTER TABLE audit_log ADD COLUMN hash TEXT NOT NULL DEFAULT '';
CREATE UNIQUE INDEX audit_log_chain ON audit_log (prev_hash) WHERE prev_hash <> '';
CREATE INDEX audit_log_by_user ON audit_log (user_id, id);
CREATE INDEX audit_log_by_action ON audit_log (action, id);
CREATE INDEX audit_log_by_time ON audit_log (at);

-- The end of the chain: its row is locked by whoever adds to the log. An empty
-- hash says that rows of older schemas have not got theirs yet.
CREATE TABLE audit_head (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    row_id BIGINT  NOT NULL,
    hash   TEXT    NOT NULL CHECK (length(hash) IN (0, 64))
);
INSERT INTO audit_head (id, row_id, hash) VALUES (1, 0, '');
-- +goose StatementBegin
CREATE TRIGGER audit_head_forward BEFORE UPDATE ON audit_head
WHEN OLD.hash <> '' AND (NEW.id <> 1 OR NEW.row_id <= OLD.row_id OR NEW.hash = '')
BEGIN SELECT RAISE(ABORT, 'audit_head is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_head_kept BEFORE DELETE ON audit_head
BEGIN SELECT RAISE(ABORT, 'audit_head is append-only'); END;
-- +goose StatementEnd
-- Not even by REPLACE, which deletes without asking the trigger above.
-- +goose StatementBegin
CREATE TRIGGER audit_head_alone BEFORE INSERT ON audit_head
BEGIN SELECT RAISE(ABORT, 'audit_head is append-only'); END;
-- +goose StatementEnd

-- A row is taken at the end of the chain and nowhere else.
-- +goose StatementBegin
CREATE TRIGGER audit_log_chained BEFORE INSERT ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'audit_log is append-only: this row does not follow the last one')
        WHERE length(NEW.hash) <> 64
            OR NOT EXISTS (SELECT 1 FROM audit_head WHERE row_id + 1 = NEW.id AND hash = NEW.prev_hash AND hash <> '');
    UPDATE audit_head SET row_id = NEW.id, hash = NEW.hash;
END;
-- +goose StatementEnd

-- What a row says never changes; one without a hash may get its hash, once.
DROP TRIGGER audit_log_no_update;
-- +goose StatementBegin
CREATE TRIGGER audit_log_no_update BEFORE UPDATE ON audit_log
WHEN OLD.hash <> '' OR length(NEW.hash) <> 64 OR length(NEW.prev_hash) <> 64
    OR OLD.id IS NOT NEW.id OR OLD.at IS NOT NEW.at OR OLD.user_id IS NOT NEW.user_id OR OLD.action IS NOT NEW.action
    OR OLD.subject IS NOT NEW.subject OR OLD.address IS NOT NEW.address OR OLD.before IS NOT NEW.before OR OLD.after IS NOT NEW.after
BEGIN SELECT RAISE(ABORT, 'audit_log is append-only'); END;
-- +goose StatementEnd

-- +goose Down
INSERT INTO ledger_sums (fen) VALUES (1); -- refused: the audit log is append-only, there is no way down
