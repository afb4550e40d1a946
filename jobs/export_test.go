package jobs

import "time"

// HurryWebhooks shortens how long a receiver may take, for tests.
func HurryWebhooks(timeout time.Duration) { webhookTimeout = timeout }

// HurryRefunds shortens the wait after a refund's first try, for tests.
func HurryRefunds(wait time.Duration) { firstRefundWait = wait }
