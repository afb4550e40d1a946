package jobs

import (
	"context"
	"log/slog"
	"time"

	"github.com/riverqueue/river"

	"ztc-portal/gateways"
	"ztc-portal/models"
)

// sendRefund has the gateway give reserved money back, and comes again under
// the same number until the gateway says what became of it.
type sendRefund struct {
	river.WorkerDefaults[models.SendRefund]
	rails *gateways.Rails
	log   *slog.Logger
}

// maxRefundWait bounds the wait between two tries; after warnAfter of them staff
// must look.
const (
	maxRefundWait = time.Hour
	warnAfter     = 5
)

// firstRefundWait is the wait after the first try, doubled after each.
var firstRefundWait = 30 * time.Second

func (w *sendRefund) Work(ctx context.Context, job *river.Job[models.SendRefund]) error {
	refund, err := w.rails.SendRefund(ctx, job.Args.RequestNo)
	if models.CodeOf(err) != models.Unavailable {
		return err
	}
	if refund.Attempts >= warnAfter {
		w.log.ErrorContext(ctx, "a refund has no end yet", "refund", refund.RequestNo, "attempts", refund.Attempts, "error", err)
	}
	return river.JobSnooze(refundWait(refund.Attempts))
}

// refundWait is the wait after so many tries.
func refundWait(attempts int) time.Duration {
	return min(maxRefundWait, firstRefundWait<<min(max(attempts-1, 0), 10))
}

// resumeRefundsArgs asks for refunds to be sent that have lost their task.
type resumeRefundsArgs struct{}

func (resumeRefundsArgs) Kind() string { return "resume_refunds" }

// resumeRefunds sees to it that no reserved money is forgotten: a task may be
// given up after many failures, or be taken away by hand.
type resumeRefunds struct {
	river.WorkerDefaults[resumeRefundsArgs]
	store *models.Store
}

func (w *resumeRefunds) Work(ctx context.Context, _ *river.Job[resumeRefundsArgs]) error {
	return w.store.ResumeRefunds(ctx)
}
