package models_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ztc-portal/models"
	"ztc-portal/models/ledger"
	"ztc-portal/models/modelstest"
)

// figure reads one watched figure.
func figure(t testing.TB, b *modelstest.Bench, name models.Figure) models.Watched {
	t.Helper()
	all, err := b.WatchedFigures(t.Context())
	must(t, err)
	for _, f := range all {
		if f.Figure == name {
			return f
		}
	}
	t.Fatalf("%s is not watched", name)
	return models.Watched{}
}

func wantFigure(t testing.TB, b *modelstest.Bench, name models.Figure, value int64, known bool, level models.Level) {
	t.Helper()
	want := models.Watched{Figure: name, Value: value, Known: known, Level: level}
	if diff := cmp.Diff(want, figure(t, b, name)); diff != "" {
		t.Errorf("%s: %s", name, diff)
	}
}

// judged gives the alerts that stand once every figure was held to its band.
func judged(t testing.TB, b *modelstest.Bench) []models.StaffAlert {
	t.Helper()
	must(t, b.JudgeFigures(t.Context()))
	open, err := b.OpenStaffAlerts(t.Context())
	must(t, err)
	return open
}

func TestEveryBandHasItsLevels(t *testing.T) {
	for _, band := range models.Bands {
		step := int64(1)
		if band.Below {
			step = -1
		}
		if band.Level(band.Warn) != "" || band.Level(band.Alarm) == models.LevelAlarm {
			t.Errorf("%s: a limit is beyond itself", band.Figure)
		}
		if band.Level(band.Alarm+step) != models.LevelAlarm {
			t.Errorf("%s: just beyond the alarm is %q", band.Figure, band.Level(band.Alarm+step))
		}
		if got := band.Level(band.Warn + step); got == "" || (got == models.LevelAlarm) != (band.Warn == band.Alarm) {
			t.Errorf("%s: just beyond the warning is %q", band.Figure, got)
		}
	}
}

func TestSuccessIsKnownFromTwentyAttempts(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, _ := b.Seller(t)
		for range 15 {
			settledAfter(t, b, account, "200", time.Second)
		}
		for i := range 4 {
			_, err := b.CancelPayment(t.Context(), b.Pending(t, account, fmt.Sprint(300+i)).No)
			must(t, err)
		}
		b.Pending(t, account, "999") // not ended: no attempt yet
		wantFigure(t, b, models.FigureSuccess, 78, false, "")
		if open := judged(t, b); len(open) != 0 {
			t.Errorf("too few attempts open %+v", open)
		}
		settledAfter(t, b, account, "200", time.Second)
		wantFigure(t, b, models.FigureSuccess, 80, true, "")
		_, err := b.CancelPayment(t.Context(), b.Pending(t, account, "305").No)
		must(t, err)
		wantFigure(t, b, models.FigureSuccess, 76, true, models.LevelWarn)
		b.Clock.Add(time.Hour + time.Second)
		wantFigure(t, b, models.FigureSuccess, 0, false, "")
	})
}

func TestCreditTimeOfTheLastHour(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, _ := b.Seller(t)
		for range 19 {
			settledAfter(t, b, account, "200", time.Second)
		}
		wantFigure(t, b, models.FigureCredit, 1, false, "")
		settledAfter(t, b, account, "200", time.Minute)
		wantFigure(t, b, models.FigureCredit, 60, true, "")
		settledAfter(t, b, account, "200", time.Minute+100*time.Millisecond)
		wantFigure(t, b, models.FigureCredit, 61, true, models.LevelWarn)
		settledAfter(t, b, account, "200", 10*time.Minute)
		wantFigure(t, b, models.FigureCredit, 600, true, models.LevelAlarm)
		b.Clock.Add(time.Hour + time.Second)
		wantFigure(t, b, models.FigureCredit, 0, false, "")
	})
}

// A bank names the day of a transfer, at whose beginning it counts as paid: that
// is no time that anybody waited, and an office that credits many is no rail
// that goes well.
func TestBankTransfersRaiseNoAlarm(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		o := newOffice(t, b)
		account, _ := b.Seller(t)
		for i := range 20 {
			approve(t, b, o.other, ask(t, b, o.finance, transfer(account, "1,000", fmt.Sprint("BANK-", 100+i))), models.ApprovalApproved)
		}
		wantFigure(t, b, models.FigureSuccess, 0, false, "")
		wantFigure(t, b, models.FigureCredit, 0, false, "")
		for range 20 {
			settledAfter(t, b, account, "200", time.Second)
		}
		wantFigure(t, b, models.FigureCredit, 1, true, "")
		if d := figures(t, b); d.Day.Count != 20 || d.Day.Worst != time.Second || d.Week != d.Day {
			t.Errorf("credited are %+v", d.Day)
		}
		if open := judged(t, b); len(open) != 0 {
			t.Errorf("bank transfers open %+v", open)
		}
	})
}

func TestFiguresCountWhatHasStoodForItsTime(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, _ := b.Seller(t)
		p := b.Pending(t, account, "300")
		b.Clock.Add(models.DefaultRules().PaymentTTL + 15*time.Minute)
		wantFigure(t, b, models.FigureStuck, 0, true, "")
		b.Clock.Add(time.Second)
		wantFigure(t, b, models.FigureStuck, 1, true, models.LevelWarn)
		stranger := b.Receipt(p)
		stranger.OutTradeNo, stranger.GatewayTradeNo, stranger.Confirmed = "R261124ZZZZZZZZZZZZZZ", "9", true
		_, err := b.SettlePayment(t.Context(), stranger, 0)
		must(t, err)
		b.Clock.Add(24*time.Hour - time.Second)
		wantFigure(t, b, models.FigureSuspense, 0, true, "")
		b.Clock.Add(time.Second)
		wantFigure(t, b, models.FigureSuspense, 1, true, models.LevelWarn)
		b.Queue.Figures.Oldest = 5*time.Minute + 999*time.Millisecond
		wantFigure(t, b, models.FigureQueue, 300, true, "")
		b.Queue.Figures.Oldest = 5*time.Minute + time.Second
		wantFigure(t, b, models.FigureQueue, 301, true, models.LevelWarn)
		wantFigure(t, b, models.FigureLedger, 0, false, "")
		must(t, b.NoteLedgerReading(t.Context(), []ledger.Fault{{What: "account"}}))
		wantFigure(t, b, models.FigureLedger, 1, true, models.LevelAlarm)
		must(t, b.NoteLedgerReading(t.Context(), nil))
		wantFigure(t, b, models.FigureLedger, 0, true, "")
	})
}

func TestParkedWebhooksAndRefusedNotifiesAreWatched(t *testing.T) {
	t.Parallel()
	for _, engine := range modelstest.Engines {
		t.Run(string(engine), func(t *testing.T) {
			b := modelstest.OpenWith(t, engine, func(rules *models.Rules) { rules.Webhooks = true })
			b.Seller(t, 100*yuan)
			message := b.Queue.Tasks()[0].Args.(models.DeliverWebhook)
			wantFigure(t, b, models.FigureParked, 0, true, "")
			b.Clock.Add(3 * 24 * time.Hour)
			_, err := b.WebhookTried(t.Context(), message.ID, false, "503")
			must(t, err)
			wantFigure(t, b, models.FigureParked, 1, true, models.LevelWarn)
			for i := range 101 {
				if i == 100 {
					wantFigure(t, b, models.FigureRefused, 100, true, "")
				}
				id, err := b.ReceiveNotify(t.Context(), models.RailAlipay, "192.0.2.1", "", []byte("forged"))
				must(t, err)
				must(t, b.JudgeNotify(t.Context(), id, models.OutcomeRefused, "", "signature"))
			}
			wantFigure(t, b, models.FigureRefused, 101, true, models.LevelWarn)
		})
	}
}

// An alert opens once, worsens in place, ends by itself, and opens anew.
func TestAlertOpensOnceAndEndsByItself(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		if open := judged(t, b); len(open) != 0 {
			t.Fatalf("a new portal has %+v", open)
		}
		b.Queue.Figures.Oldest = 10 * time.Minute
		opened := b.Clock.Now()
		first := judged(t, b)
		b.Clock.Add(time.Minute)
		b.Queue.Figures.Oldest = time.Hour
		second := judged(t, b)
		b.Clock.Add(time.Minute)
		third := judged(t, b)
		want := models.StaffAlert{ID: first[0].ID, Figure: models.FigureQueue, Level: models.LevelWarn, Value: 600, OpenedAt: opened, ChangedAt: opened}
		if diff := cmp.Diff([]models.StaffAlert{want}, first); diff != "" {
			t.Error("opened: ", diff)
		}
		want.Level, want.Value, want.ChangedAt = models.LevelAlarm, 3600, opened.Add(time.Minute)
		if diff := cmp.Diff([]models.StaffAlert{want}, second); diff != "" {
			t.Error("worse: ", diff)
		}
		if diff := cmp.Diff(second, third); diff != "" {
			t.Error("the same once more: ", diff)
		}
		b.Queue.Figures.Oldest = 0
		ended := b.Clock.Now()
		if open := judged(t, b); len(open) != 0 {
			t.Errorf("back in its band, it stands: %+v", open)
		}
		d := figures(t, b)
		want.EndedAt = &ended
		if diff := cmp.Diff([]models.StaffAlert{want}, d.Ended); diff != "" || !d.JudgedAt.Equal(ended) {
			t.Errorf("ended at %v: %s", d.JudgedAt, diff)
		}
		b.Queue.Figures.Oldest = 10 * time.Minute
		if open := judged(t, b); len(open) != 1 || open[0].ID == want.ID {
			t.Errorf("a second time opens %+v", open)
		}
		b.Clock.Add(24*time.Hour + time.Second)
		if d := figures(t, b); len(d.Ended) != 0 {
			t.Errorf("a day later the page still lists %+v", d.Ended)
		}
	})
}

// Two replicas judge at once, many times: one alert opens, and ends.
func TestReplicasOpenOneAlert(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		replicas := []*models.Store{b.Store, b.Again(t)}
		together := func() {
			var wait sync.WaitGroup
			errs := make([]error, 16)
			for i := range errs {
				wait.Go(func() { errs[i] = replicas[i%2].JudgeFigures(t.Context()) })
			}
			wait.Wait()
			must(t, errors.Join(errs...))
		}
		rows := func() (open, all int) {
			db, err := b.Handle()
			must(t, err)
			must(t, db.QueryRowContext(t.Context(), "SELECT COUNT(*) - COUNT(ended_at), COUNT(*) FROM staff_alerts").Scan(&open, &all))
			return open, all
		}
		b.Queue.Figures.Oldest = time.Hour
		together()
		if open, all := rows(); open != 1 || all != 1 {
			t.Errorf("%d of %d alerts stand", open, all)
		}
		b.Queue.Figures.Oldest = 0
		together()
		if open, all := rows(); open != 0 || all != 1 {
			t.Errorf("%d of %d alerts stand at the end", open, all)
		}
		db, err := b.Handle()
		must(t, err)
		insert := "INSERT INTO staff_alerts (figure, level, value, opened_at, changed_at) VALUES ('x', 'warn', 1, '2026-11-24 06:00:00+00:00', '2026-11-24 06:00:00+00:00')"
		_, err = db.ExecContext(t.Context(), insert)
		must(t, err)
		if _, err = db.ExecContext(t.Context(), insert); err == nil {
			t.Error("the database takes a second open alert of a figure")
		}
	})
}

// A figure that cannot be read leaves everything as it stands, and the page can
// tell that nobody judged.
func TestWhatCannotBeReadIsNotJudged(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		b.Queue.Figures.Oldest = time.Hour
		before, at := judged(t, b), b.Clock.Now()
		must(t, b.NoteLedgerReading(t.Context(), []ledger.Fault{{What: "account"}}))
		b.Clock.Add(time.Minute)
		b.Queue.Fail = errors.New("the queue is gone")
		if err := b.JudgeFigures(t.Context()); !errors.Is(err, b.Queue.Fail) {
			t.Errorf("judged with %v", err)
		}
		b.Queue.Fail = nil
		d := figures(t, b)
		if diff := cmp.Diff(before, d.Open); diff != "" || !d.JudgedAt.Equal(at) {
			t.Errorf("judged at %v: %s", d.JudgedAt, diff)
		}
		if open := judged(t, b); len(open) != 2 {
			t.Errorf("the next one finds %+v", open)
		}
	})
}
