-- +goose Up

-- A soft start: until an hour after soft_since the campaign costs at most
-- soft_cap_fen; soft_base_fen is what it had cost that day before.
ALTER TABLE campaigns ADD COLUMN soft_since DATETIME;
ALTER TABLE campaigns ADD COLUMN soft_cap_fen BIGINT NOT NULL DEFAULT 0;
ALTER TABLE campaigns ADD COLUMN soft_base_fen BIGINT NOT NULL DEFAULT 0;
CREATE INDEX campaigns_soft ON campaigns (soft_since) WHERE soft_since IS NOT NULL;
-- Why the portal itself switched the campaign off; empty: its seller did.
ALTER TABLE campaigns ADD COLUMN paused_for TEXT NOT NULL DEFAULT '' CHECK (paused_for IN ('', 'soft_ppc', 'soft_spend'));
-- The seller's own order of what waits for a restart; 0: none was given.
ALTER TABLE campaigns ADD COLUMN restart_rank INTEGER NOT NULL DEFAULT 0;

-- What a soft start is held against: what the campaign did on its last 7 days
-- with cost before the stop, and where its day stood when it was restarted.
ALTER TABLE restart_items ADD COLUMN cap_fen BIGINT NOT NULL DEFAULT 0;
ALTER TABLE restart_items ADD COLUMN norm_cost_fen BIGINT NOT NULL DEFAULT 0;
ALTER TABLE restart_items ADD COLUMN norm_clicks BIGINT NOT NULL DEFAULT 0;
ALTER TABLE restart_items ADD COLUMN norm_hour_fen BIGINT NOT NULL DEFAULT 0;
ALTER TABLE restart_items ADD COLUMN base_fen BIGINT NOT NULL DEFAULT 0;
ALTER TABLE restart_items ADD COLUMN base_clicks BIGINT NOT NULL DEFAULT 0;
ALTER TABLE restart_items ADD COLUMN halted_for TEXT NOT NULL DEFAULT '' CHECK (halted_for IN ('', 'soft_ppc', 'soft_spend'));

-- All that can be edited during a stop is in its snapshot; null: taken before this.
ALTER TABLE stop_snapshot_campaigns ADD COLUMN schedule TEXT;
ALTER TABLE stop_snapshot_keywords ADD COLUMN match_type TEXT;
ALTER TABLE stop_snapshot_keywords ADD COLUMN switched_on BOOLEAN;

-- +goose Down
ALTER TABLE stop_snapshot_keywords DROP COLUMN switched_on;
ALTER TABLE stop_snapshot_keywords DROP COLUMN match_type;
ALTER TABLE stop_snapshot_campaigns DROP COLUMN schedule;
ALTER TABLE restart_items DROP COLUMN halted_for;
ALTER TABLE restart_items DROP COLUMN base_clicks;
ALTER TABLE restart_items DROP COLUMN base_fen;
ALTER TABLE restart_items DROP COLUMN norm_hour_fen;
ALTER TABLE restart_items DROP COLUMN norm_clicks;
ALTER TABLE restart_items DROP COLUMN norm_cost_fen;
ALTER TABLE restart_items DROP COLUMN cap_fen;
ALTER TABLE campaigns DROP COLUMN restart_rank;
ALTER TABLE campaigns DROP COLUMN paused_for;
DROP INDEX campaigns_soft;
ALTER TABLE campaigns DROP COLUMN soft_base_fen;
ALTER TABLE campaigns DROP COLUMN soft_cap_fen;
ALTER TABLE campaigns DROP COLUMN soft_since;
