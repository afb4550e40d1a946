-- +goose Up

-- Messages on their way are few beside those delivered and kept for a month.
CREATE INDEX webhook_messages_pending ON webhook_messages (created_at) WHERE delivered_at IS NULL AND parked_at IS NULL;

-- +goose Down
DROP INDEX webhook_messages_pending;
