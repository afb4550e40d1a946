// Package jobs runs the work that follows a command: River keeps the tasks in
// the portal's own database, in the transaction of the command. It holds no
// rule: each worker calls one command of models or gateways.
package jobs

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"

	"ztc-portal/gateways"
	"ztc-portal/models"
)

// Runner stores tasks and works them off.
type Runner struct {
	client *river.Client[*sql.Tx]
	read   *sql.DB
	real   func(time.Time) time.Time
	store  *models.Store
	log    *slog.Logger

	stopSweep context.CancelFunc // nil: not started
}

// Options are what a Runner may be told besides its store.
type Options struct {
	Webhook Webhook // where the ad engine is told of changes; none when empty
	Mail    Mail    // how mail goes out; none does when empty
	Alerts  Alerts  // how alerts go out besides
	// Real gives the machine's time for an instant of the store's clock, which
	// in the demo may run faster: the queue knows the machine's alone.
	Real func(time.Time) time.Time
}

func driver(store *models.Store) (riverdriver.Driver[*sql.Tx], error) {
	db, err := store.Handle()
	if err != nil {
		return nil, err
	}
	if store.Engine() == models.SQLite {
		return riversqlite.New(db), nil
	}
	return riverdatabasesql.New(db), nil
}

// Migrate brings the queue's own tables up to date.
func Migrate(ctx context.Context, store *models.Store) error {
	drv, err := driver(store)
	if err != nil {
		return err
	}
	migrator, err := rivermigrate.New(drv, nil)
	if err != nil {
		return err
	}
	_, err = migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
	return err
}

const jobTimeout = time.Minute

// New prepares the queue on the store's database and makes it the store's own.
// Nothing runs before Start.
func New(store *models.Store, rails *gateways.Rails, log *slog.Logger, options ...Options) (*Runner, error) {
	drv, err := driver(store)
	if err != nil {
		return nil, err
	}
	var o Options
	if len(options) > 0 {
		o = options[0]
	}
	deliver, err := newDeliverWebhook(store, log, o.Webhook)
	if err != nil {
		return nil, err
	}
	post, err := newSendMail(store, log, o.Mail)
	if err != nil {
		return nil, err
	}
	workers := river.NewWorkers()
	river.AddWorker(workers, deliver)
	river.AddWorker(workers, post)
	river.AddWorker(workers, &startReset{store: store})
	river.AddWorker(workers, &rampStep{store: store})
	river.AddWorker(workers, &watchRestart{store: store})
	river.AddWorker(workers, &expireBonus{store: store})
	river.AddWorker(workers, &checkAlerts{store: store})
	river.AddWorker(workers, newSendAlert(store, log, o.Alerts))
	river.AddWorker(workers, &renewBudgets{store: store})
	river.AddWorker(workers, &prune{store: store})
	river.AddWorker(workers, &expirePayment{rails: rails})
	river.AddWorker(workers, &queryPayment{rails: rails})
	river.AddWorker(workers, &sendRefund{rails: rails, log: log})
	river.AddWorker(workers, &resumeRefunds{store: store})
	river.AddWorker(workers, &suspendAccount{store: store})
	river.AddWorker(workers, &recoverDelivery{store: store})
	river.AddWorker(workers, &verifyLedger{store: store, log: log})
	river.AddWorker(workers, &reconcileDay{rails: rails})
	river.AddWorker(workers, &planReconciliations{rails: rails})
	river.AddWorker(workers, &watchFigures{store: store})
	client, err := river.NewClient(drv, &river.Config{
		Workers:    workers,
		Queues:     map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 10}, webhookQueue: {MaxWorkers: webhookWorkers}, mailQueue: {MaxWorkers: mailWorkers}, alertQueue: {MaxWorkers: alertWorkers}},
		Logger:     log,
		JobTimeout: jobTimeout,
		// What a crash cut off runs again, and not only after River's hour.
		RescueStuckJobsAfter: 2 * jobTimeout,
		FetchPollInterval:    time.Second,
		PeriodicJobs:         []*river.PeriodicJob{daily(verifyLedgerArgs{}), daily(pruneArgs{}), hourly(planReconciliationsArgs{}), hourly(resumeRefundsArgs{}), watching()},
	})
	if err != nil {
		return nil, err
	}
	read, err := store.ReadHandle()
	if err != nil {
		return nil, err
	}
	runner := &Runner{client: client, read: read, real: o.Real, store: store, log: log}
	store.SetQueue(runner)
	return runner, nil
}

// daily runs a task once a day (UTC), on one of the replicas: at the first start
// of the day, or when the day comes.
func daily(args river.JobArgs) *river.PeriodicJob {
	return river.NewPeriodicJob(river.PeriodicInterval(time.Hour), func() (river.JobArgs, *river.InsertOpts) {
		return args, &river.InsertOpts{UniqueOpts: river.UniqueOpts{ByPeriod: 24 * time.Hour}}
	}, &river.PeriodicJobOpts{RunOnStart: true})
}

// Enqueue stores tasks in the transaction of the command that they follow.
func (r *Runner) Enqueue(ctx context.Context, tx *sql.Tx, tasks []models.Task) error {
	params := make([]river.InsertManyParams, len(tasks))
	for i, task := range tasks {
		options := &river.InsertOpts{ScheduledAt: task.RunAt}
		if r.real != nil && !task.RunAt.IsZero() {
			options.ScheduledAt = r.real(task.RunAt)
		}
		switch task.Args.(type) {
		case models.DeliverWebhook:
			options.Queue = webhookQueue
		case models.StartReset:
			options.Queue = mailQueue
		case models.SendMail:
			options.Queue, options.MaxAttempts = mailQueue, mailAttempts
		case models.SendAlert:
			options.Queue = alertQueue
		case models.ReconcileDay: // planned, one a day and rail; what staff ask for is done now, whatever waits
			if !task.RunAt.IsZero() {
				options.UniqueOpts = river.UniqueOpts{ByArgs: true, ByState: notDone}
			}
		case models.SendRefund: // one a refund, however often it is found without
			options.UniqueOpts = river.UniqueOpts{ByArgs: true, ByState: notDone}
		case models.RenewBudgets: // one an account and day, however many budgets are reached
			options.UniqueOpts = river.UniqueOpts{ByArgs: true}
		}
		params[i] = river.InsertManyParams{Args: task.Args, InsertOpts: options}
	}
	if _, err := r.client.InsertManyFastTx(ctx, tx, params); err != nil {
		return fmt.Errorf("store tasks: %w", err)
	}
	return nil
}

// Start works tasks off until Stop.
func (r *Runner) Start(ctx context.Context) error {
	if err := r.client.Start(ctx); err != nil {
		return err
	}
	ctx, r.stopSweep = context.WithCancel(ctx)
	go r.sweepAlerts(ctx)
	return nil
}

// sweepEvery is how often the alerts of accounts that spend are looked at, by the
// store's clock.
const sweepEvery = 10 * time.Minute

// sweepAlerts runs in each process: each knows whose clicks it has booked itself.
func (r *Runner) sweepAlerts(ctx context.Context) {
	for {
		wait := sweepEvery
		if r.real != nil {
			now := r.store.Now()
			wait = max(r.real(now.Add(sweepEvery)).Sub(r.real(now)), 10*time.Second)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		if err := r.store.SweepAlerts(ctx); err != nil && ctx.Err() == nil {
			r.log.ErrorContext(ctx, "alerts were not all looked at", "error", err)
		}
	}
}

// Stop lets running tasks finish, until the context ends; what still runs then
// is cancelled, and taken up again at the next start.
func (r *Runner) Stop(ctx context.Context) error {
	if r.stopSweep != nil {
		r.stopSweep()
	}
	if r.client.Stop(ctx) == nil {
		return nil
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return r.client.StopAndCancel(last)
}
