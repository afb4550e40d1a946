package gateways

import (
	"context"
	"errors"
	"io"
	"slices"

	"ztc-portal/models"
)

// maxBillLines is the most that one day may hold.
const maxBillLines = 2_000_000

// Billed are the rails that issue bills, or whose bank's statements are the
// bill, in the order of their names.
func (r *Rails) Billed() []models.Rail {
	var billed []models.Rail
	for rail, gateway := range r.By {
		_, bills := gateway.(Biller)
		if _, remits := gateway.(Remittee); bills || remits {
			billed = append(billed, rail)
		}
	}
	slices.Sort(billed)
	return billed
}

// FetchBill fetches the bill of a day. A bill without lines, and one that does
// not exist long after it should, is nil. Unavailable: there is none yet, or
// the gateway does not answer. Invalid: the rail issues no bills. The bill of a
// Remittee is what imported statements say; while none holds the whole day it
// is Unavailable, with ErrNoStatement.
func (r *Rails) FetchBill(ctx context.Context, rail models.Rail, dayOn string) (BillReader, error) {
	if its, ok := r.By[rail].(Remittee); ok {
		return r.statedBill(ctx, its, dayOn)
	}
	biller, ok := r.By[rail].(Biller)
	if !ok {
		return nil, &models.Error{Code: models.Invalid, Key: "error.reconcile.rail", Field: "rail"}
	}
	bill, err := biller.Bill(ctx, dayOn)
	r.heardBill(ctx, rail, err)
	switch {
	case errors.Is(err, ErrBillEmpty), errors.Is(err, ErrBillNotYet) && models.BillOverdue(dayOn, r.Store.Now()):
		return nil, nil
	case errors.Is(err, ErrBillNotYet):
		return nil, &models.Error{Code: models.Unavailable, Key: "error.reconcile.no_bill_yet", Err: err}
	case errors.Is(err, ErrBillUnreadable):
		return brokenBill{err}, nil // a run that fails, so that staff see it
	case err != nil: // the task comes again and again: that is to be seen
		r.Log.WarnContext(ctx, "no bill was given", "rail", rail, "day", dayOn, "error", err)
		return nil, unavailable(err)
	}
	return bill, nil
}

func (r *Rails) statedBill(ctx context.Context, its Remittee, dayOn string) (BillReader, error) {
	lines, covered, err := r.Store.StatementBill(ctx, its.BankAccount().Number, dayOn)
	if err == nil && !covered {
		err = &models.Error{Code: models.Unavailable, Key: "error.reconcile.no_statement", Args: map[string]any{"Day": dayOn}, Err: ErrNoStatement}
	}
	if err != nil {
		return nil, err
	}
	bill := stated(lines)
	return &bill, nil
}

// heardBill takes what fetching a bill came to. That there is none is an answer.
// The files' own server speaks of itself alone, and a refusal may be ours.
func (r *Rails) heardBill(ctx context.Context, rail models.Rail, err error) {
	if errors.Is(err, ErrBillServer) || errors.Is(err, ErrRefused) {
		return
	}
	r.heard(ctx, rail, true, err)
}

// brokenBill is a bill of which nothing can be read.
type brokenBill struct{ err error }

func (b brokenBill) Next() (models.BillLine, error) { return models.BillLine{}, b.err }
func (b brokenBill) Close() error                   { return nil }

// Reconcile holds a day (YYYY-MM-DD in Shanghai) of a rail against the gateway's
// bill: the bill is fetched first, stored, and held against the books second;
// the ledger's own promises are read in between. It can be run again at any
// time. Invalid: no day that is over, or a rail without bills, or a bill that
// can't be read; Conflict: the day is being run; Unavailable as FetchBill.
func (r *Rails) Reconcile(ctx context.Context, rail models.Rail, dayOn string) (models.Reconciliation, error) {
	if err := r.Store.CheckBillDay(dayOn); err != nil {
		return models.Reconciliation{}, err
	}
	bill, err := r.FetchBill(ctx, rail, dayOn)
	if err != nil {
		return models.Reconciliation{}, err
	}
	if bill != nil {
		defer bill.Close()
	}
	run, err := r.Store.BeginReconciliation(ctx, rail, dayOn)
	if err != nil {
		return run, err
	}
	if err := r.storeBill(ctx, run, bill); err != nil {
		if failed := r.Store.FailReconciliation(context.WithoutCancel(ctx), run, err.Error()); failed != nil {
			return run, errors.Join(err, failed)
		}
		return run, err
	}
	faults, err := r.Store.VerifyLedger(ctx)
	if err == nil {
		for _, fault := range faults {
			r.Log.ErrorContext(ctx, "the ledger does not hold", "fault", fault.String())
		}
		done, err := r.Store.FinishReconciliation(ctx, run, len(faults))
		if gap := done.UnexplainedFen(); gap != 0 {
			r.Log.ErrorContext(ctx, "the clearing account and the bills do not agree", "rail", rail, "day", dayOn, "unexplained_fen", int64(gap))
		}
		return done, err
	}
	if failed := r.Store.FailReconciliation(context.WithoutCancel(ctx), run, err.Error()); failed != nil {
		err = errors.Join(err, failed)
	}
	return run, err
}

// storeBill stores the lines of a bill as they come.
func (r *Rails) storeBill(ctx context.Context, run models.Reconciliation, bill BillReader) error {
	if bill == nil {
		return nil
	}
	book := models.NewBillBook()
	batch := make([]models.BillLine, 0, models.MaxBillBatch)
	for {
		line, err := bill.Next()
		if err != nil && !errors.Is(err, io.EOF) {
			return &models.Error{Code: models.Invalid, Key: "error.reconcile.bill", Err: err}
		}
		whole := err != nil
		if !whole {
			fresh, err := book.Take(line)
			if err != nil || book.Lines() > maxBillLines {
				return &models.Error{Code: models.Invalid, Key: "error.reconcile.bill", Err: err}
			}
			if fresh {
				batch = append(batch, line)
			}
		}
		if len(batch) == models.MaxBillBatch || whole && len(batch) > 0 {
			if err := r.Store.AddBillLines(ctx, run, batch); err != nil {
				return err
			}
			batch = batch[:0]
		}
		if whole {
			return nil
		}
	}
}

// RepairDifference asks the gateway about a payment that only its bill has, and
// books what it confirms: never what the bill says. The difference is closed
// when the money is credited, or stands in suspense. NotFound. Conflict: there
// is nothing to repair, or nobody to ask, or the gateway does not confirm it.
// Unavailable.
func (r *Rails) RepairDifference(ctx context.Context, by models.Actor, id int64) (models.Outcome, error) {
	d, rail, err := r.Store.DifferenceByID(ctx, id)
	if err != nil {
		return "", err
	}
	if !d.Repairable() || rail == models.RailBankTransfer {
		return "", &models.Error{Code: models.Conflict, Key: "error.difference.not_repairable"}
	}
	gateway, err := r.on(rail)
	if err != nil {
		return "", err
	}
	asked, err := r.AskForStaff(ctx, models.StaffAct{By: by, Action: models.ActRepair}, d.OutTradeNo)
	if models.CodeOf(err) == models.NotFound { // no payment of ours: what is confirmed stands in suspense
		asked, err = r.query(ctx, gateway, Ref{OutTradeNo: d.OutTradeNo, GatewayTradeNo: d.TradeNo}, 0)
		switch {
		case errors.Is(err, ErrTimeUnknown):
			err = &models.Error{Code: models.Conflict, Key: "error.difference.not_askable"}
		case errors.Is(err, ErrUnavailable):
			err = unavailable(err)
		}
	}
	if err != nil {
		return asked.Outcome, err
	}
	return asked.Outcome, r.Store.CloseRepaired(ctx, by, id, asked.Outcome)
}
