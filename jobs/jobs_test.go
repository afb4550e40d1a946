package jobs_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"ztc-portal/gateways/sandbox"
	"ztc-portal/jobs"
	"ztc-portal/models"
)

func asUsual(*models.Rules)          {}
func shortLived(rules *models.Rules) { rules.PaymentTTL = 3 * time.Second }

func TestTaskExistsExactlyIfItsCommandCommitted(t *testing.T) {
	eachShop(t, asUsual, func(t *testing.T, s *shop) {
		draft := s.draft(t, "300")
		if n := s.count(t, "query_payment", "") + s.count(t, "expire_payment", ""); n != 0 {
			t.Errorf("a draft left %d tasks", n)
		}
		s.SetQueue(failing{s.runner})
		if _, err := s.ConfirmPayment(t.Context(), s.account, draft.No, "x"); !errors.Is(err, errAfterwards) {
			t.Errorf("the command gave %v", err)
		}
		if n := s.count(t, "query_payment", "") + s.count(t, "expire_payment", ""); n != 0 || s.state(t, draft) != models.PaymentDraft {
			t.Errorf("a command that was rolled back left %d tasks and a payment that is %s", n, s.state(t, draft))
		}
		s.SetQueue(s.runner)
		for range 2 { // the second changes nothing
			_, err := s.ConfirmPayment(t.Context(), s.account, draft.No, "x")
			must(t, err)
		}
		if asks, ends := s.count(t, "query_payment", "scheduled"), s.count(t, "expire_payment", "scheduled"); asks != 1 || ends != 1 {
			t.Errorf("a confirmed payment has %d questions and %d ends", asks, ends)
		}
	})
}

var errAfterwards = errors.New("something failed after the tasks were stored")

// failing stores the tasks and then fails, so that the transaction is rolled back.
type failing struct{ queue models.Enqueuer }

func (f failing) Enqueue(ctx context.Context, tx *sql.Tx, tasks []models.Task) error {
	if err := f.queue.Enqueue(ctx, tx, tasks); err != nil {
		return err
	}
	return errAfterwards
}

func TestMigrateAgainChangesNothing(t *testing.T) {
	eachShop(t, asUsual, func(t *testing.T, s *shop) {
		s.confirmed(t, "300")
		must(t, jobs.Migrate(t.Context(), s.Store))
		if n := s.count(t, "expire_payment", ""); n != 1 {
			t.Errorf("%d tasks are left", n)
		}
	})
}

func TestDeadlineSettlesThePaidAndExpiresTheUnpaid(t *testing.T) {
	eachShop(t, shortLived, func(t *testing.T, s *shop) {
		s.deaf.Store(true)
		paid, unpaid := s.confirmed(t, "300"), s.confirmed(t, "400")
		_, err := s.far.Pay(t.Context(), paid.No, sandbox.FaultNotifyLost)
		must(t, err)
		s.drop(t, "query_payment") // or the poll would find it first
		s.start(t)
		s.becomes(t, unpaid, models.PaymentExpired)
		s.becomes(t, paid, models.PaymentPaid)
		s.cash(t, 300*models.Yuan)
		eventually(t, "both tasks are done", func() bool { return s.count(t, "expire_payment", "completed") == 2 })
		// A payer may have pressed "pay" in the last second: it is asked about once more.
		_, err = s.far.Scan(t.Context(), unpaid.QRContent)
		if err == nil {
			t.Error("a trade began after its deadline")
		}
		s.hurry(t, "query_payment")
		eventually(t, "the late question is asked", func() bool { return s.count(t, "query_payment", "completed") == 1 })
		if state := s.state(t, unpaid); state != models.PaymentExpired {
			t.Errorf("the unpaid one is %s", state)
		}
	})
}

func TestLateMoneyIsFoundAfterTheDeadline(t *testing.T) {
	eachShop(t, shortLived, func(t *testing.T, s *shop) {
		s.deaf.Store(true)
		p := s.confirmed(t, "300")
		_, err := s.far.Scan(t.Context(), p.QRContent)
		must(t, err)
		s.start(t)
		s.becomes(t, p, models.PaymentExpired)
		_, err = s.far.Pay(t.Context(), p.No, sandbox.FaultPayAfterClose)
		must(t, err)
		eventually(t, "the late question waits", func() bool { return s.count(t, "query_payment", "scheduled") == 1 })
		s.hurry(t, "query_payment")
		s.becomes(t, p, models.PaymentPaid)
		s.cash(t, 300*models.Yuan)
	})
}

func TestLostNotifyIsFoundByThePoll(t *testing.T) {
	eachShop(t, asUsual, func(t *testing.T, s *shop) {
		s.start(t)
		p, open := s.confirmed(t, "300"), s.confirmed(t, "400")
		_, err := s.far.Pay(t.Context(), p.No, sandbox.FaultNotifyLost)
		must(t, err)
		s.becomes(t, p, models.PaymentPaid)
		s.cash(t, 300*models.Yuan)
		eventually(t, "the poll of the open one has asked as often as it should", func() bool {
			findings, err := s.Findings(t.Context(), open.ID, 10)
			return err == nil && len(findings) >= 1 && s.count(t, "query_payment", "completed") == 2
		})
		if state := s.state(t, open); state != models.PaymentPending {
			t.Errorf("a payment that the gateway has not seen is %s", state)
		}
	})
}

func TestGatewayDownIsAskedLater(t *testing.T) {
	eachShop(t, shortLived, func(t *testing.T, s *shop) {
		p := s.confirmed(t, "300")
		s.drop(t, "query_payment")
		s.far.CutOff(true)
		s.start(t)
		eventually(t, "the end is put off", func() bool { return s.snoozed(t, "expire_payment") > 0 })
		now, err := s.PaymentByNo(t.Context(), p.No)
		must(t, err)
		if now.State != models.PaymentPending || now.CheckingSince == nil {
			t.Errorf("the payment is %s, checking %v", now.State, now.CheckingSince)
		}
		s.far.CutOff(false)
		eventually(t, "the end waits", func() bool { return s.count(t, "expire_payment", "scheduled") == 1 })
		s.hurry(t, "expire_payment")
		s.becomes(t, p, models.PaymentExpired)
	})
}

func TestEndThatComesTooEarlyWaits(t *testing.T) {
	eachShop(t, asUsual, func(t *testing.T, s *shop) {
		p := s.confirmed(t, "300")
		s.hurry(t, "expire_payment")
		s.start(t)
		eventually(t, "the end is put off", func() bool { return s.snoozed(t, "expire_payment") > 0 })
		if state := s.state(t, p); state != models.PaymentPending {
			t.Errorf("the payment is %s before its deadline", state)
		}
		if n := s.count(t, "expire_payment", "retryable"); n != 0 {
			t.Error("coming too early counts as a failure")
		}
	})
}

func TestAccountIsSuspendedWhenGraceIsOver(t *testing.T) {
	shortGrace := func(rules *models.Rules) { rules.ArrearsGrace = time.Second }
	eachShop(t, shortGrace, func(t *testing.T, s *shop) {
		s.start(t)
		s.Clock.Set(time.Now())
		s.Charge(t, "click", s.campaign, 50*models.Yuan)
		eventually(t, "the account is suspended", func() bool {
			desk, err := s.RechargeDesk(t.Context(), s.account)
			return err == nil && desk.Account.State() == models.AccountSuspended &&
				desk.Campaigns[0].Delivery == models.DeliveryPausedArrears
		})
	})
}

func TestRecoveryIsNotedWhenTheRampIsOver(t *testing.T) {
	eachShop(t, asUsual, func(t *testing.T, s *shop) {
		s.Clock.Set(time.Now())
		s.Charge(t, "click", s.campaign, 50*models.Yuan)
		p := s.confirmed(t, "300")
		_, err := s.far.Pay(t.Context(), p.No, sandbox.FaultNone)
		must(t, err)
		s.becomes(t, p, models.PaymentPaid)
		s.ahead.Store(int64(30 * time.Minute))
		s.hurry(t, "recover_delivery")
		s.start(t)
		eventually(t, "the timeline says so", func() bool {
			overview, err := s.AccountOverview(t.Context(), s.account)
			return err == nil && overview.Timeline[0].Kind == models.EventDeliveryFull
		})
	})
}

func TestLedgerAndAuditLogAreReadAtStart(t *testing.T) {
	eachShop(t, asUsual, func(t *testing.T, s *shop) {
		_, err := s.db.Exec("UPDATE ledger_accounts SET balance_fen = 1 WHERE name = 'suspense'")
		must(t, err)
		forbid := "DROP TRIGGER audit_log_no_update"
		if s.Engine() == models.Postgres {
			forbid += " ON audit_log"
		}
		for _, statement := range []string{forbid, `UPDATE audit_log SET "after" = '' WHERE id = 2`} {
			_, err := s.db.Exec(statement)
			must(t, err)
		}
		s.start(t)
		eventually(t, "the fault is logged", func() bool { return s.log.has("the ledger does not hold") })
		eventually(t, "the changed act is named", func() bool { return s.log.has("row 2 of the audit log was changed") })
	})
}

func TestStopWaitsForRunningWork(t *testing.T) {
	eachShop(t, asUsual, func(t *testing.T, s *shop) {
		s.deaf.Store(true)
		p := s.confirmed(t, "300")
		_, err := s.far.Pay(t.Context(), p.No, sandbox.FaultNotifyLost)
		must(t, err)
		asked, answer := make(chan bool, 1), make(chan bool)
		s.far.Before(func(string) {
			asked <- true
			<-answer
		})
		s.hurry(t, "query_payment")
		must(t, s.runner.Start(context.WithoutCancel(t.Context())))
		<-asked
		stopped := make(chan error, 1)
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			stopped <- s.runner.Stop(ctx)
		}()
		select {
		case <-stopped:
			t.Error("stopped while a task was running")
		case <-time.After(200 * time.Millisecond):
		}
		close(answer)
		must(t, <-stopped)
		if state := s.state(t, p); state != models.PaymentPaid {
			t.Errorf("the running task was cut off: the payment is %s", state)
		}
	})
}
