-- +goose Up

-- A payment rail: the switch of the staff, and that its gateway does not answer,
-- as a process last noted it. A rail without a row is on and works.
CREATE TABLE rail_states (
    rail          TEXT   NOT NULL PRIMARY KEY CHECK (rail IN ('alipay', 'wechat', 'unionpay', 'bank_transfer')),
    off_at        TIMESTAMPTZ NULL,
    reason        TEXT   NOT NULL DEFAULT '',
    switched_at   TIMESTAMPTZ NULL,
    switched_by   BIGINT NULL REFERENCES users (id),
    failing_since TIMESTAMPTZ NULL,
    try_again_at  TIMESTAMPTZ NULL,
    CHECK (off_at IS NULL OR switched_at IS NOT NULL),
    CHECK (switched_at IS NULL OR reason <> ''),
    CHECK ((failing_since IS NULL) = (try_again_at IS NULL))
);

-- +goose Down
DROP TABLE rail_states;
