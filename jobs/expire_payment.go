package jobs

import (
	"context"
	"time"

	"github.com/riverqueue/river"

	"ztc-portal/gateways"
	"ztc-portal/models"
)

// comeAgain is the wait before a gateway that does not answer is asked again.
const comeAgain = 30 * time.Second

// expirePayment ends a payment at its deadline: ask, settle or close, expire.
type expirePayment struct {
	river.WorkerDefaults[models.ExpirePayment]
	rails *gateways.Rails
}

func (w *expirePayment) Work(ctx context.Context, job *river.Job[models.ExpirePayment]) error {
	_, err := w.rails.CloseAndExpire(ctx, job.Args.PaymentNo)
	switch models.CodeOf(err) {
	case models.Unavailable:
		return river.JobSnooze(comeAgain)
	case models.Conflict: // the queue's clock is ahead of ours
		return river.JobSnooze(time.Second)
	}
	return err
}
