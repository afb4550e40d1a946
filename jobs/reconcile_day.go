package jobs

import (
	"context"
	"errors"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"ztc-portal/gateways"
	"ztc-portal/models"
)

const (
	billAgain = 10 * time.Minute // the gateway had no bill, or did not answer
	runAgain  = time.Minute      // the day is being run
)

// notDone are the states of a task that still does its work.
var notDone = []rivertype.JobState{
	rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRunning, rivertype.JobStateRetryable, rivertype.JobStateScheduled,
}

// reconcileDay holds a day of a rail against the gateway's bill, once there is one.
type reconcileDay struct {
	river.WorkerDefaults[models.ReconcileDay]
	rails *gateways.Rails
}

// Timeout is long: a bill may hold a hundred thousand lines, and the ledger is
// read whole.
func (w *reconcileDay) Timeout(*river.Job[models.ReconcileDay]) time.Duration { return time.Hour }

func (w *reconcileDay) Work(ctx context.Context, job *river.Job[models.ReconcileDay]) error {
	_, err := w.rails.Reconcile(ctx, job.Args.Rail, job.Args.DayOn)
	if errors.Is(err, gateways.ErrNoStatement) {
		return nil // the import that brings it asks anew
	}
	switch models.CodeOf(err) {
	case models.Unavailable:
		return river.JobSnooze(billAgain)
	case models.Conflict:
		return river.JobSnooze(runAgain)
	}
	return err
}

// planReconciliationsArgs asks for the days that are still to be reconciled.
type planReconciliationsArgs struct{}

func (planReconciliationsArgs) Kind() string { return "plan_reconciliations" }

// planReconciliations asks for yesterday, and for the days before that are
// missing: after a day on which nothing ran, or the first start.
type planReconciliations struct {
	river.WorkerDefaults[planReconciliationsArgs]
	rails *gateways.Rails
}

func (w *planReconciliations) Work(ctx context.Context, _ *river.Job[planReconciliationsArgs]) error {
	return w.rails.Store.PlanReconciliations(ctx, w.rails.Billed())
}

// hourly runs a task at the start and once an hour, on one of the replicas.
func hourly(args river.JobArgs) *river.PeriodicJob {
	return river.NewPeriodicJob(river.PeriodicInterval(time.Hour), func() (river.JobArgs, *river.InsertOpts) {
		return args, &river.InsertOpts{UniqueOpts: river.UniqueOpts{ByPeriod: time.Hour}}
	}, &river.PeriodicJobOpts{RunOnStart: true})
}
