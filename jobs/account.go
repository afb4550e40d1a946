package jobs

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/riverqueue/river"

	"ztc-portal/models"
)

// suspendAccount stops an account whose grace time is over.
type suspendAccount struct {
	river.WorkerDefaults[models.SuspendAccount]
	store *models.Store
}

func (w *suspendAccount) Work(ctx context.Context, job *river.Job[models.SuspendAccount]) error {
	err := w.store.SuspendAccount(ctx, job.Args.AccountID, job.Args.ArrearsSince)
	if models.CodeOf(err) == models.Conflict { // the queue's clock is ahead of ours
		return river.JobSnooze(time.Second)
	}
	return err
}

// recoverDelivery notes on the timeline that delivery is whole again.
type recoverDelivery struct {
	river.WorkerDefaults[models.RecoverDelivery]
	store *models.Store
}

func (w *recoverDelivery) Work(ctx context.Context, job *river.Job[models.RecoverDelivery]) error {
	if err := notYet(w.store, job.Args.Due()); err != nil {
		return err
	}
	return w.store.NoteRecovered(ctx, job.Args.AccountID, job.Args.Since)
}

// rampStep tells the engine of a step of the ramp.
type rampStep struct {
	river.WorkerDefaults[models.RampStep]
	store *models.Store
}

func (w *rampStep) Work(ctx context.Context, job *river.Job[models.RampStep]) error {
	if err := notYet(w.store, job.Args.Due); err != nil {
		return err
	}
	return w.store.AnnounceServing(ctx, job.Args.AccountID)
}

// watchRestart looks at what a soft start costs.
type watchRestart struct {
	river.WorkerDefaults[models.WatchRestart]
	store *models.Store
}

func (w *watchRestart) Work(ctx context.Context, job *river.Job[models.WatchRestart]) error {
	if err := notYet(w.store, job.Args.At); err != nil {
		return err
	}
	return w.store.WatchRestart(ctx, job.Args)
}

// renewBudgets begins a new day for an account that had reached a budget.
type renewBudgets struct {
	river.WorkerDefaults[models.RenewBudgets]
	store *models.Store
}

func (w *renewBudgets) Work(ctx context.Context, job *river.Job[models.RenewBudgets]) error {
	if err := notYet(w.store, job.Args.Day); err != nil {
		return err
	}
	return w.store.RenewBudgets(ctx, job.Args.AccountID, job.Args.Day)
}

// expireBonus takes off what is left of a bonus whose time is over.
type expireBonus struct {
	river.WorkerDefaults[models.ExpireBonus]
	store *models.Store
}

func (w *expireBonus) Work(ctx context.Context, job *river.Job[models.ExpireBonus]) error {
	if err := notYet(w.store, job.Args.At); err != nil {
		return err
	}
	return w.store.ExpireBonus(ctx, job.Args)
}

// notYet puts a task off that came before its time: the queue's clock is ahead
// of the store's, or the portal's own runs faster.
func notYet(store *models.Store, due time.Time) error {
	if early := due.Sub(store.Now()); early > 0 {
		return river.JobSnooze(min(early, time.Second))
	}
	return nil
}

// pruneArgs asks for old rows that nobody needs any more to be dropped.
type pruneArgs struct{}

func (pruneArgs) Kind() string { return "prune" }

type prune struct {
	river.WorkerDefaults[pruneArgs]
	store *models.Store
}

func (w *prune) Work(ctx context.Context, _ *river.Job[pruneArgs]) error {
	return w.store.ForgetOld(ctx)
}

// verifyLedgerArgs asks for one reading of the whole ledger, and of the audit log.
type verifyLedgerArgs struct{}

func (verifyLedgerArgs) Kind() string { return "verify_ledger" }

// verifyLedger reads the books once a day by other means than those that wrote
// them, and the chain of the audit log; a fault is an error that staff must see.
type verifyLedger struct {
	river.WorkerDefaults[verifyLedgerArgs]
	store *models.Store
	log   *slog.Logger
}

func (w *verifyLedger) Timeout(*river.Job[verifyLedgerArgs]) time.Duration { return time.Hour }

func (w *verifyLedger) Work(ctx context.Context, _ *river.Job[verifyLedgerArgs]) error {
	faults, err := w.store.VerifyLedger(ctx)
	for _, fault := range faults {
		w.log.ErrorContext(ctx, "the ledger does not hold", "fault", fault.String())
	}
	audit, broken := w.store.VerifyAudit(ctx)
	if audit.Fault != nil {
		w.log.ErrorContext(ctx, "the audit log does not hold", "fault", audit.Fault.String())
	}
	if err == nil {
		err = w.store.NoteLedgerReading(ctx, faults)
	}
	return errors.Join(err, broken)
}
