package jobs

import (
	"context"
	"time"

	"github.com/riverqueue/river"

	"ztc-portal/gateways"
	"ztc-portal/models"
)

// keepAsking is how long a payment that ended unpaid is asked about while its
// gateway gives no clear answer.
const keepAsking = 24 * time.Hour

// queryPayment asks about a payment that is still open, again and again by
// models.QueryDelays, and once about one that ended unpaid.
type queryPayment struct {
	river.WorkerDefaults[models.QueryPayment]
	rails *gateways.Rails
}

func (w *queryPayment) Work(ctx context.Context, job *river.Job[models.QueryPayment]) error {
	p, err := w.rails.Store.PaymentByNo(ctx, job.Args.PaymentNo)
	if err != nil || p.State.IsPaid() || p.ConfirmedAt == nil {
		return err
	}
	asked, err := w.rails.Ask(ctx, p.No, gateways.ByPoll)
	if err != nil && models.CodeOf(err) != models.Unavailable {
		return err
	}
	waited := w.rails.Store.Now().Sub(*p.ConfirmedAt)
	switch {
	case asked.State == models.TradePaid:
		return nil
	case p.State == models.PaymentPending:
		if next, ok := nextQuery(waited); ok {
			return river.JobSnooze(next)
		}
		return nil // the deadline's task asks next
	case (err != nil || asked.State == models.TradeUnknown) && waited < keepAsking:
		return river.JobSnooze(comeAgain)
	}
	return nil
}

// nextQuery is the wait until the next question about a pending payment.
func nextQuery(waited time.Duration) (time.Duration, bool) {
	for _, delay := range models.QueryDelays {
		if delay > waited {
			return delay - waited, true
		}
	}
	return 0, false
}
