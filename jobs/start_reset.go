package jobs

import (
	"context"

	"github.com/riverqueue/river"

	"ztc-portal/models"
)

// startReset sends a link to a new password, where there is somebody to send it to.
type startReset struct {
	river.WorkerDefaults[models.StartReset]
	store *models.Store
}

func (w *startReset) Work(ctx context.Context, job *river.Job[models.StartReset]) error {
	err := w.store.StartReset(ctx, job.Args)
	if models.CodeOf(err) == models.Conflict { // no mail goes out any more
		return river.JobCancel(err)
	}
	return err
}
