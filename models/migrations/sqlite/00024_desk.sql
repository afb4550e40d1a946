-- +goose Up

-- What a seller tunes. A keyword that is removed stays for its history.
ALTER TABLE keywords ADD COLUMN match_type TEXT NOT NULL DEFAULT 'broad' CHECK (match_type IN ('exact', 'phrase', 'broad'));
ALTER TABLE keywords ADD COLUMN switched_on BOOLEAN NOT NULL DEFAULT TRUE;
ALTER TABLE keywords ADD COLUMN removed_at DATETIME;
-- A campaign's bid factor by half hour of the week, as runs "percent*slots" from
-- Monday 00:00 in Asia/Shanghai; empty: 100 always.
ALTER TABLE campaigns ADD COLUMN schedule TEXT NOT NULL DEFAULT '';
-- The seller's own: the most that a click may cost, and what of a sale is left
-- before advertising, in hundredths of a percent.
ALTER TABLE accounts ADD COLUMN bid_ceiling_fen BIGINT CHECK (bid_ceiling_fen > 0);
ALTER TABLE accounts ADD COLUMN margin_bp INTEGER CHECK (margin_bp BETWEEN 1 AND 10000);

-- One act of a seller on campaigns or keywords, which can be put back for a while.
CREATE TABLE edits (
    id         INTEGER PRIMARY KEY,
    account_id BIGINT   NOT NULL REFERENCES accounts (id),
    user_id    BIGINT   REFERENCES users (id),
    kind       TEXT     NOT NULL CHECK (kind <> ''),
    at         DATETIME NOT NULL,
    undo_until DATETIME NOT NULL,
    undone_at  DATETIME
);
CREATE INDEX edits_by_account ON edits (account_id, id);
-- What it changed: one value of one row.
CREATE TABLE edit_items (
    edit_id      BIGINT  NOT NULL REFERENCES edits (id),
    subject      TEXT    NOT NULL CHECK (subject IN ('campaign', 'keyword')),
    subject_id   BIGINT  NOT NULL,
    field        TEXT    NOT NULL CHECK (field <> ''),
    before_value TEXT    NOT NULL,
    after_value  TEXT    NOT NULL,
    undone       BOOLEAN NOT NULL DEFAULT FALSE,
    PRIMARY KEY (edit_id, subject, subject_id, field)
);

-- A keyword's hour; keyword_id 0 stands for what belongs to no keyword, so that a
-- campaign's hour is the sum of its rows.
CREATE TABLE keyword_hours (
    campaign_id      BIGINT  NOT NULL REFERENCES campaigns (id),
    keyword_id       BIGINT  NOT NULL DEFAULT 0,
    day_on           TEXT    NOT NULL CHECK (length(day_on) = 10),
    hour             INTEGER NOT NULL CHECK (hour BETWEEN 0 AND 23),
    cost_fen         BIGINT  NOT NULL DEFAULT 0 CHECK (cost_fen >= 0),
    clicks           BIGINT  NOT NULL DEFAULT 0 CHECK (clicks >= 0),
    impressions      BIGINT  NOT NULL DEFAULT 0 CHECK (impressions >= 0),
    result_clicks    BIGINT  NOT NULL DEFAULT 0 CHECK (result_clicks >= 0),
    orders           BIGINT  NOT NULL DEFAULT 0 CHECK (orders >= 0),
    order_amount_fen BIGINT  NOT NULL DEFAULT 0 CHECK (order_amount_fen >= 0),
    PRIMARY KEY (campaign_id, day_on, hour, keyword_id)
) WITHOUT ROWID;
INSERT INTO keyword_hours (campaign_id, keyword_id, day_on, hour, cost_fen, clicks)
SELECT campaign_id, COALESCE(keyword_id, 0), strftime('%Y-%m-%d', charged_at, '+8 hours'), CAST(strftime('%H', charged_at, '+8 hours') AS INTEGER), SUM(amount_fen), COUNT(*)
FROM charges GROUP BY 1, 2, 3, 4;
INSERT INTO keyword_hours (campaign_id, keyword_id, day_on, hour, impressions, result_clicks, orders, order_amount_fen)
SELECT campaign_id, keyword_id, strftime('%Y-%m-%d', hour_at, '+8 hours'), CAST(strftime('%H', hour_at, '+8 hours') AS INTEGER), impressions, clicks, orders, order_amount_fen
FROM results WHERE TRUE
ON CONFLICT (campaign_id, day_on, hour, keyword_id) DO UPDATE SET impressions = excluded.impressions,
    result_clicks = excluded.result_clicks, orders = excluded.orders, order_amount_fen = excluded.order_amount_fen;

-- +goose Down
DROP TABLE keyword_hours;
DROP TABLE edit_items;
DROP TABLE edits;
ALTER TABLE accounts DROP COLUMN margin_bp;
ALTER TABLE accounts DROP COLUMN bid_ceiling_fen;
ALTER TABLE campaigns DROP COLUMN schedule;
ALTER TABLE keywords DROP COLUMN removed_at;
ALTER TABLE keywords DROP COLUMN switched_on;
ALTER TABLE keywords DROP COLUMN match_type;
