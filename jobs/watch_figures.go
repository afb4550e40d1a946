package jobs

import (
	"context"
	"time"

	"github.com/riverqueue/river"

	"ztc-portal/models"
)

// watchFiguresArgs asks for every figure to be held against its band.
type watchFiguresArgs struct{}

func (watchFiguresArgs) Kind() string { return "watch_figures" }

// watchFigures tells staff when a figure leaves its band, and when it is back.
// One that fails is not tried again: the next comes within the minute.
type watchFigures struct {
	river.WorkerDefaults[watchFiguresArgs]
	store *models.Store
}

func (w *watchFigures) Work(ctx context.Context, _ *river.Job[watchFiguresArgs]) error {
	return w.store.JudgeFigures(ctx)
}

// watchEvery is how often figures are watched.
const watchEvery = time.Minute

// watching watches the figures every minute, on one of the replicas.
func watching() *river.PeriodicJob {
	return river.NewPeriodicJob(river.PeriodicInterval(watchEvery), func() (river.JobArgs, *river.InsertOpts) {
		return watchFiguresArgs{}, &river.InsertOpts{MaxAttempts: 1, Priority: 1, UniqueOpts: river.UniqueOpts{ByPeriod: watchEvery}}
	}, &river.PeriodicJobOpts{RunOnStart: true})
}
