-- +goose Up

-- Each row of the audit log carries the hash of the row before it and its own,
-- over all that it says. Rows of older schemas get theirs from the program,
-- right after this step: see models/audit_chain.go.
ALTER TABLE audit_log
    ADD COLUMN prev_hash TEXT NOT NULL DEFAULT '',
    ADD COLUMN hash      TEXT NOT NULL DEFAULT '';
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
CREATE TRIGGER audit_head_forward BEFORE UPDATE ON audit_head FOR EACH ROW
    WHEN (OLD.hash <> '' AND (NEW.id <> 1 OR NEW.row_id <= OLD.row_id OR NEW.hash = ''))
    EXECUTE FUNCTION refuse_change('audit_head is append-only');
CREATE TRIGGER audit_head_kept BEFORE DELETE ON audit_head
    FOR EACH ROW EXECUTE FUNCTION refuse_change('audit_head is append-only');
CREATE TRIGGER audit_head_no_truncate BEFORE TRUNCATE ON audit_head
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('audit_head is append-only');

-- A row is taken at the end of the chain and nowhere else.
-- +goose StatementBegin
CREATE FUNCTION join_audit_chain() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE audit_head SET row_id = NEW.id, hash = NEW.hash
        WHERE id = 1 AND row_id + 1 = NEW.id AND hash = NEW.prev_hash AND hash <> '' AND length(NEW.hash) = 64;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'audit_log is append-only: this row does not follow the last one' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER audit_log_chained BEFORE INSERT ON audit_log FOR EACH ROW EXECUTE FUNCTION join_audit_chain();

-- What a row says never changes; one without a hash may get its hash, once.
DROP TRIGGER audit_log_append_only ON audit_log;
CREATE TRIGGER audit_log_no_delete BEFORE DELETE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION refuse_change('audit_log is append-only');
CREATE TRIGGER audit_log_no_update BEFORE UPDATE ON audit_log FOR EACH ROW
    WHEN (OLD.hash <> '' OR length(NEW.hash) <> 64 OR length(NEW.prev_hash) <> 64
        OR (OLD.id, OLD.at, OLD.user_id, OLD.action, OLD.subject, OLD.address, OLD.before, OLD.after)
            IS DISTINCT FROM (NEW.id, NEW.at, NEW.user_id, NEW.action, NEW.subject, NEW.address, NEW.before, NEW.after))
    EXECUTE FUNCTION refuse_change('audit_log is append-only');

-- +goose Down
SELECT 1 / 0; -- refused: the audit log is append-only, there is no way down
