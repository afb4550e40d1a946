package models

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Task is work that must follow a command. It is stored in the command's own
// transaction, so it exists exactly if the command happened.
type Task struct {
	Args  TaskArgs
	RunAt time.Time // UTC; zero means at once
}

// TaskArgs is what a task is about; Kind names its worker. The interface is
// the job queue's own, without the queue.
type TaskArgs interface{ Kind() string }

// Enqueuer stores tasks in a transaction that the Store has open.
type Enqueuer interface {
	Enqueue(ctx context.Context, tx *sql.Tx, tasks []Task) error
}

// ExpirePayment: the payment's deadline has come; ask, then settle or close.
type ExpirePayment struct {
	PaymentNo string `json:"payment_no"`
}

func (ExpirePayment) Kind() string { return "expire_payment" }

// QueryPayment: ask the gateway what became of a payment that is still open,
// or that ended unpaid and might have been paid at the last second.
type QueryPayment struct {
	PaymentNo string `json:"payment_no"`
}

func (QueryPayment) Kind() string { return "query_payment" }

// SuspendAccount: the grace time of arrears that began at ArrearsSince is over.
type SuspendAccount struct {
	AccountID    int64     `json:"account_id"`
	ArrearsSince time.Time `json:"arrears_since"`
}

func (SuspendAccount) Kind() string { return "suspend_account" }

// RecoverDelivery: the recovery ramp that began at Since is over; note it on
// the account's timeline.
type RecoverDelivery struct {
	AccountID int64     `json:"account_id"`
	Since     time.Time `json:"since"`
}

func (RecoverDelivery) Kind() string { return "recover_delivery" }

// RampStep: a step of a recovery ramp has come; tell the engine.
type RampStep struct {
	AccountID int64     `json:"account_id"`
	Due       time.Time `json:"due"`
}

func (RampStep) Kind() string { return "ramp_step" }

// WatchRestart: a soft start has come to a time At to look at what it costs.
type WatchRestart struct {
	AccountID int64     `json:"account_id"`
	RestartID int64     `json:"restart_id"`
	At        time.Time `json:"at"`
}

func (WatchRestart) Kind() string { return "watch_restart" }

// Due is when the ramp is over.
func (r RecoverDelivery) Due() time.Time { return r.Since.Add(rampLength) }

// RenewBudgets: the day in Shanghai that begins at Day has come for an account
// whose campaigns had reached their daily budgets.
type RenewBudgets struct {
	AccountID int64     `json:"account_id"`
	Day       time.Time `json:"day"`
}

func (RenewBudgets) Kind() string { return "renew_budgets" }

// CheckAlerts: an account's money has moved; look at where it stands on the ladder
// of alerts.
type CheckAlerts struct {
	AccountID int64 `json:"account_id"`
}

func (CheckAlerts) Kind() string { return "check_alerts" }

// SendAlert: an alert is due to go one of its ways.
type SendAlert struct {
	ID int64 `json:"id"` // of the delivery
}

func (SendAlert) Kind() string { return "send_alert" }

// ExpireBonus: bonus of an account expires at At.
type ExpireBonus struct {
	AccountID int64     `json:"account_id"`
	At        time.Time `json:"at"`
}

func (ExpireBonus) Kind() string { return "expire_bonus" }

// DeliverWebhook: send a stored message to the ad engine.
type DeliverWebhook struct {
	ID int64 `json:"id"`
}

func (DeliverWebhook) Kind() string { return "deliver_webhook" }

// SendRefund: ask the gateway to give money back under a request no.
type SendRefund struct {
	RequestNo string `json:"request_no"`
}

func (SendRefund) Kind() string { return "send_refund" }

// QueryDelays are the waits after confirmation at which an open payment is
// asked about, so that a lost notify costs the seller seconds.
var QueryDelays = []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute}

// lateQueryAfter is when a payment that ended unpaid is asked about once more:
// a payer may have pressed "pay" in its last second.
const lateQueryAfter = 2 * time.Minute

// noQueue is what a Store has until SetQueue: it refuses, since a task that is
// dropped is money that nobody asks about.
type noQueue struct{}

func (noQueue) Enqueue(_ context.Context, _ *sql.Tx, tasks []Task) error {
	return fmt.Errorf("no task queue is set; %d tasks, the first %s", len(tasks), tasks[0].Args.Kind())
}
