package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"ztc-portal/models"
)

// reconcile holds a day against the gateway's bill and prints what came of it;
// differences that nobody has worked are an error, so that a script sees them.
func reconcile(ctx context.Context, s Settings, args []string) error {
	return reconcileTo(ctx, os.Stdout, s, args)
}

func reconcileTo(ctx context.Context, out io.Writer, s Settings, args []string) error {
	flags := flag.NewFlagSet("reconcile", flag.ContinueOnError)
	day := flags.String("day", "", "the day in Asia/Shanghai, YYYY-MM-DD")
	rail := flags.String("rail", string(models.RailAlipay), "the rail")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *day == "" || flags.NArg() > 0 {
		return errors.New("say: reconcile --day YYYY-MM-DD [--rail alipay | wechat | unionpay | bank_transfer]")
	}
	log := newLog(s)
	clock := newClock(1, time.Time{})
	store, err := openStore(s, log, func() time.Time { return clock.Now() })
	if err != nil {
		return err
	}
	defer store.Close()
	if s.Demo() { // whose clock may have run ahead
		newest, err := store.NewestInstant(ctx)
		if err != nil {
			return err
		}
		clock = newClock(1, newest)
	}
	if s.Sandbox() {
		var leave func()
		if s, leave, err = besideSandbox(ctx, s, clock); err != nil {
			return err
		}
		defer leave()
	}
	rails, err := openRails(s, store, log)
	if err != nil {
		return err
	}
	if err := store.NoteReconciliation(ctx, models.CommandLine, models.Rail(*rail), *day); err != nil {
		return err
	}
	done, err := rails.Reconcile(ctx, models.Rail(*rail), *day)
	if err != nil {
		return fmt.Errorf("%s %s: %w", *rail, *day, err)
	}
	return printReconciliation(ctx, out, store, done)
}

// besideSandbox points the settings at the demo's sandbox gateway, and runs it
// where no portal does.
func besideSandbox(ctx context.Context, s Settings, clock clock) (Settings, func(), error) {
	boxes, s, err := openSandboxes(s, newLog(s), clock.Now)
	if err != nil {
		return s, nil, err
	}
	leave := func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
		defer cancel()
		boxes.Close(ctx)
	}
	listener, err := net.Listen("tcp", s.SandboxAddr)
	if err != nil { // the portal's own answers there
		return s, leave, nil
	}
	its := server(s.SandboxAddr, boxes.mux)
	go func() {
		if err := its.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			newLog(s).ErrorContext(ctx, "the sandbox gateway stopped", "error", err)
		}
	}()
	return s, func() {
		its.Close()
		leave()
	}, nil
}

// printReconciliation says what a run came to; an error when anything is open.
func printReconciliation(ctx context.Context, out io.Writer, store *models.Store, r models.Reconciliation) error {
	desk, err := store.ReconciliationDesk(ctx, r.ID, models.DifferenceFilter{}, models.Keyset{})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s %s run %d\n", r.DayOn, r.Rail, r.Run)
	fmt.Fprintf(out, "bill: %d payments %s, %d refunds %s, net %s, fee %s\n", r.PaymentCount, r.PaymentFen.Wire(), r.RefundCount,
		r.RefundFen.Wire(), r.NetFen().Wire(), r.FeeFen.Wire())
	fmt.Fprintf(out, "books: %d payments %s, clearing account %s; in suspense %d %s\n", r.OursCount, r.OursFen.Wire(), r.LedgerFen.Wire(),
		r.SuspenseCount, r.SuspenseFen.Wire())
	fmt.Fprintf(out, "clearing account since %s: opening %s, bills %s, known differences %s, closing %s, not explained %s; days without a bill %d\n", r.ComparedFrom,
		r.OpeningFen.Wire(), r.BilledFen.Wire(), r.ExplainedFen.Wire(), r.ClearingFen.Wire(), r.UnexplainedFen().Wire(), r.UnbilledDays)
	fmt.Fprintf(out, "matched %d, open differences %d, worked %d, ledger faults %d\n", r.MatchedCount, desk.OpenCount, desk.WorkedCount, r.LedgerFaultCount)
	for _, kind := range models.DifferenceKinds {
		if n := desk.Counts[kind]; n > 0 {
			fmt.Fprintf(out, "  %s %d\n", kind, n)
		}
	}
	switch {
	case r.LedgerFaultCount > 0:
		return fmt.Errorf("%s: the ledger does not hold", r.DayOn)
	case desk.OpenCount > 0:
		return fmt.Errorf("%s: %d differences are open: work them at /admin/reconciliation/%d", r.DayOn, desk.OpenCount, r.ID)
	}
	return nil
}
