-- +goose Up

-- The balance of the rail's clearing account at the end of the day, held against
-- all bills from compared_from to the day. compared_from is empty in runs of
-- before.
ALTER TABLE reconciliations ADD COLUMN compared_from TEXT NOT NULL DEFAULT '' CHECK (compared_from = '' OR length(compared_from) = 10);
ALTER TABLE reconciliations ADD COLUMN unbilled_days BIGINT NOT NULL DEFAULT 0 CHECK (unbilled_days >= 0);
ALTER TABLE reconciliations ADD COLUMN opening_fen BIGINT NOT NULL DEFAULT 0;
ALTER TABLE reconciliations ADD COLUMN clearing_fen BIGINT NOT NULL DEFAULT 0;
ALTER TABLE reconciliations ADD COLUMN billed_fen BIGINT NOT NULL DEFAULT 0;
ALTER TABLE reconciliations ADD COLUMN explained_fen BIGINT NOT NULL DEFAULT 0;

-- What a run reads of a day.
CREATE INDEX refunds_by_settled ON refunds (settled_at) WHERE settled_at IS NOT NULL;
CREATE INDEX suspense_items_by_cleared ON suspense_items (cleared_at) WHERE cleared_at IS NOT NULL;
CREATE INDEX approvals_by_suspense ON approvals (suspense_id) WHERE suspense_id IS NOT NULL;

-- +goose Down
DROP INDEX approvals_by_suspense;
DROP INDEX suspense_items_by_cleared;
DROP INDEX refunds_by_settled;
ALTER TABLE reconciliations DROP COLUMN explained_fen;
ALTER TABLE reconciliations DROP COLUMN billed_fen;
ALTER TABLE reconciliations DROP COLUMN clearing_fen;
ALTER TABLE reconciliations DROP COLUMN opening_fen;
ALTER TABLE reconciliations DROP COLUMN unbilled_days;
ALTER TABLE reconciliations DROP COLUMN compared_from;
