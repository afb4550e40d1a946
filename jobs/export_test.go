package jobs

import "time"

// HurryWebhooks shortens how long a receiver may take, for tests.
func HurryWebhooks(timeout time.Duration) { webhookTimeout = timeout }
