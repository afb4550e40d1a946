-- +goose Up

-- Payments that were paid after they had ended are few, and staff list them. The
-- rare states have payments_by_state.
CREATE INDEX payments_paid_late ON payments (id) WHERE paid_late;

-- +goose Down
DROP INDEX payments_paid_late;
