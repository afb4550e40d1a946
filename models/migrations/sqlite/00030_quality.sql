-- +goose Up

-- The engine's word on a keyword's quality, 1 to 10: of each day the newest, and
-- the hour that it was told of. keywords.quality is that of the newest day.
CREATE TABLE keyword_qualities (
    keyword_id BIGINT   NOT NULL REFERENCES keywords (id),
    day_on     TEXT     NOT NULL,
    hour_at    DATETIME NOT NULL,
    quality    INTEGER  NOT NULL CHECK (quality BETWEEN 1 AND 10),
    PRIMARY KEY (keyword_id, day_on)
) WITHOUT ROWID;

-- +goose Down
DROP TABLE keyword_qualities;
