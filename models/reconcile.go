package models

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"ztc-portal/models/bulk"
)

// ReconciliationState says how far a day and rail are held against the bill.
type ReconciliationState string

const (
	ReconciliationWaiting ReconciliationState = "waiting" // asked for; the gateway has no bill yet, or the turn has not come (again)
	ReconciliationRunning ReconciliationState = "running"
	ReconciliationDone    ReconciliationState = "done"
	ReconciliationFailed  ReconciliationState = "failed" // the bill could not be read
)

// ReconciliationStates are all of them.
var ReconciliationStates = []ReconciliationState{ReconciliationWaiting, ReconciliationRunning, ReconciliationDone, ReconciliationFailed}

// Reconciliation is one day of one rail, held against the gateway's bill. The
// counts and sums are those of the newest run that came to its end.
type Reconciliation struct {
	ID               int64 `gorm:"primaryKey"` // the day as yyyymmdd and a digit for the rail
	Rail             Rail
	DayOn            string // YYYY-MM-DD in Asia/Shanghai
	State            ReconciliationState
	Run              int64 // counts the runs
	CreatedAt        time.Time
	StartedAt        *time.Time
	FinishedAt       *time.Time
	Failure          string // of a failed run, technical
	PaymentCount     int64  // on the bill
	PaymentFen       Fen
	RefundCount      int64
	RefundFen        Fen // zero or negative
	FeeFen           Fen // zero or negative
	MatchedCount     int64
	SuspenseCount    int64 // payments of the bill whose money stands in suspense
	SuspenseFen      Fen
	OursCount        int64 // payments of ours that the gateway was paid on this day
	OursFen          Fen
	LedgerFen        Fen   // what these moved on the rail's clearing account
	LedgerFaultCount int64 // broken promises of the ledger, found in the same run

	// The whole clearing account against all bills so far. Money that the gateway
	// took for us is positive, what it gave back is taken off; fees are in neither.
	ComparedFrom string // the first day with a bill, YYYY-MM-DD; empty: the run did not compare
	UnbilledDays int64  // from then to this day, without a bill that was read
	OpeningFen   Fen    // what the account stood at when that first day began
	ClearingFen  Fen    // what it stood at when this day ended
	BilledFen    Fen    // what all bills from that day to this come to
	ExplainedFen Fen    // what the books hold more, and is known why
}

// UnexplainedFen is what the clearing account and the bills do not agree on and
// nothing explains: a fault of the ledger unless it is 0.
func (r Reconciliation) UnexplainedFen() Fen {
	return r.ClearingFen - r.OpeningFen - r.BilledFen - r.ExplainedFen
}

// NetFen is what the bill comes to, refunds taken off.
func (r Reconciliation) NetFen() Fen { return r.PaymentFen + r.RefundFen }

const (
	// billHour and billMinute are when a day's bill is asked for, on the next
	// day in Shanghai: gateways have it at nine, as a rule.
	billHour, billMinute = 9, 30
	// billPatience is how long after that a bill that does not exist may still
	// come; later there is none, since nothing was traded.
	billPatience = 24 * time.Hour
	// runPatience is how long a run may take; one that was cut off by a crash can
	// be begun again after that.
	runPatience = 10 * time.Minute
	// daysMissed is how many days before yesterday are caught up with.
	daysMissed = 3
)

// railDigits are what ends a reconciliation's id.
var railDigits = map[Rail]int64{RailAlipay: 1, RailWechat: 2, RailUnionpay: 3, RailBankTransfer: 4}

// billDay is a day in Shanghai that is over, as an instant: its beginning.
func billDay(dayOn string, now time.Time) (time.Time, *Error) {
	day, err := time.ParseInLocation(time.DateOnly, strings.TrimSpace(dayOn), Shanghai)
	switch {
	case err != nil:
		return day, fieldError("day", "error.day.malformed", nil)
	case !day.Before(dayStart(now)):
		return day, fieldError("day", "error.reconcile.day_not_over", nil)
	case day.Year() < 2000:
		return day, fieldError("day", "error.reconcile.day_too_old", nil)
	}
	return day.UTC(), nil
}

// BillDue is when the bill of a day (YYYY-MM-DD) is asked for; zero when that
// is no day.
func BillDue(dayOn string) time.Time {
	day, err := time.ParseInLocation(time.DateOnly, dayOn, Shanghai)
	if err != nil {
		return time.Time{}
	}
	return day.AddDate(0, 0, 1).Add(billHour*time.Hour + billMinute*time.Minute).UTC()
}

// BillOverdue: a bill that does not exist now never will.
func BillOverdue(dayOn string, now time.Time) bool {
	return now.After(BillDue(dayOn).Add(billPatience))
}

// CheckBillDay refuses what is no day (YYYY-MM-DD) that is over in Shanghai:
// FieldErrors on "day".
func (s *Store) CheckBillDay(dayOn string) error {
	if _, refused := billDay(dayOn, s.Now()); refused != nil {
		return FieldErrors{refused}
	}
	return nil
}

// ReconcileDay: hold a day of a rail against the gateway's bill.
type ReconcileDay struct {
	Rail  Rail   `json:"rail"`
	DayOn string `json:"day_on"`
}

func (ReconcileDay) Kind() string { return "reconcile_day" }

// ReconcileInput is what staff ask for, as it was typed.
type ReconcileInput struct{ Day, Rail string }

// AskReconciliation asks for a run on staff's word; the run is a task that
// follows. billed are the rails that issue bills. FieldErrors on "day" (no day,
// or not over) and "rail".
func (s *Store) AskReconciliation(ctx context.Context, by Actor, in ReconcileInput, billed []Rail) error {
	return s.inTx(ctx, func(t *tx) error {
		var refusals FieldErrors
		day, refused := billDay(in.Day, t.now)
		if refused != nil {
			refusals = append(refusals, refused)
		}
		if !slices.Contains(billed, Rail(in.Rail)) {
			refusals = append(refusals, fieldError("rail", "error.reconcile.rail", nil))
		}
		if err := refusals.OrNil(); err != nil {
			return err
		}
		r, err := t.reconciliation(Rail(in.Rail), DayOn(day))
		if err != nil {
			return err
		}
		t.then(Task{Args: ReconcileDay{Rail: r.Rail, DayOn: r.DayOn}})
		return t.audit(by, "reconciliation.run", subject("reconciliation", r.ID), string(r.State), "asked for")
	})
}

// NoteReconciliation puts on the audit trail that a run is about to be made by
// hand. FieldErrors on "day" and "rail".
func (s *Store) NoteReconciliation(ctx context.Context, by Actor, rail Rail, dayOn string) error {
	return s.inTx(ctx, func(t *tx) error {
		day, refused := billDay(dayOn, t.now)
		if refused != nil {
			return FieldErrors{refused}
		}
		id, err := reconciliationID(rail, DayOn(day))
		if err != nil {
			return FieldErrors{fieldError("rail", "error.reconcile.rail", nil)}
		}
		return t.audit(by, "reconciliation.run", subject("reconciliation", id), "", "asked for")
	})
}

// PlanReconciliations asks for yesterday, and for the three days before where
// they are missing or wait, on each rail that issues bills.
func (s *Store) PlanReconciliations(ctx context.Context, billed []Rail) error {
	return s.inTx(ctx, func(t *tx) error {
		for back := daysMissed + 1; back > 0; back-- {
			dayOn := DayOn(t.now.AddDate(0, 0, -back))
			for _, rail := range billed {
				r, err := t.reconciliation(rail, dayOn)
				if err != nil {
					return err
				}
				if r.Run == 0 || r.State == ReconciliationWaiting {
					t.then(Task{ReconcileDay{Rail: rail, DayOn: dayOn}, BillDue(dayOn)})
				}
			}
		}
		return nil
	})
}

// reconciliationID is the day as yyyymmdd and a digit for the rail.
func reconciliationID(rail Rail, dayOn string) (int64, error) {
	digit, ok := railDigits[rail]
	var id int64
	if _, err := fmt.Sscanf(strings.ReplaceAll(dayOn, "-", ""), "%d", &id); err != nil || !ok {
		return 0, fmt.Errorf("no reconciliation of %q on %q", dayOn, rail)
	}
	return id*10 + digit, nil
}

// reconciliation reads the row of a day and rail under its lock; there is one
// from the first time that it is asked for.
func (t *tx) reconciliation(rail Rail, dayOn string) (Reconciliation, error) {
	var r Reconciliation
	id, err := reconciliationID(rail, dayOn)
	if err != nil {
		return r, err
	}
	err = t.Exec(`INSERT INTO reconciliations (id, rail, day_on, state, created_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		id, rail, dayOn, ReconciliationWaiting, t.now).Error
	if err != nil {
		return r, err
	}
	return r, t.locked().Take(&r, id).Error
}

// BeginReconciliation begins a run. FieldErrors on "day" as AskReconciliation.
// Conflict: the day is being run.
func (s *Store) BeginReconciliation(ctx context.Context, rail Rail, dayOn string) (Reconciliation, error) {
	var r Reconciliation
	err := s.inTx(ctx, func(t *tx) error {
		day, refused := billDay(dayOn, t.now)
		if refused != nil {
			return FieldErrors{refused}
		}
		var err error
		if r, err = t.reconciliation(rail, DayOn(day)); err != nil {
			return err
		}
		if r.State == ReconciliationRunning && t.now.Before(r.StartedAt.Add(runPatience)) {
			return conflict("error.reconcile.running", map[string]any{"Day": r.DayOn})
		}
		r.State, r.Run, r.StartedAt, r.Failure = ReconciliationRunning, r.Run+1, &t.now, ""
		return t.Model(&r).Select("State", "Run", "StartedAt", "Failure").Updates(&r).Error
	})
	return r, err
}

// running reads a run under its lock. Conflict: another took its place.
func (t *tx) running(id, run int64) (Reconciliation, error) {
	var r Reconciliation
	if err := t.locked().Take(&r, id).Error; err != nil {
		return r, found(err, "reconciliation")
	}
	if r.State != ReconciliationRunning || r.Run != run {
		return r, conflict("error.reconcile.running", map[string]any{"Day": r.DayOn})
	}
	return r, nil
}

// MaxBillBatch is how many lines are stored at once.
const MaxBillBatch = 5000

// AddBillLines stores lines of the bill for a run, at most MaxBillBatch, no two
// of the same payment or refund. A line that is there from an older run is
// replaced. Conflict: the run was taken over.
func (s *Store) AddBillLines(ctx context.Context, r Reconciliation, lines []BillLine) error {
	if len(lines) > MaxBillBatch {
		return &Error{Code: Invalid, Key: "error.reconcile.bill", Err: fmt.Errorf("%d lines at once", len(lines))}
	}
	return s.inTx(ctx, func(t *tx) error {
		if _, err := t.running(r.ID, r.Run); err != nil {
			return err
		}
		words := func(of func(BillLine) string) []string { return column(lines, of) }
		fen := func(of func(BillLine) Fen) []int64 {
			return column(lines, func(l BillLine) int64 { return int64(of(l)) })
		}
		return bulk.On(t.DB).Insert("bill_lines", len(lines), []bulk.Column{
			{Name: "reconciliation_id", Values: r.ID}, {Name: "run", Values: r.Run}, {Name: "rail", Values: string(r.Rail)},
			{Name: "trade_no", Values: words(func(l BillLine) string { return l.TradeNo })},
			{Name: "request_no", Values: words(func(l BillLine) string { return l.RequestNo })},
			{Name: "out_trade_no", Values: words(func(l BillLine) string { return l.OutTradeNo })},
			{Name: "order_fen", Values: fen(func(l BillLine) Fen { return l.OrderFen })},
			{Name: "amount_fen", Values: fen(func(l BillLine) Fen { return l.AmountFen })},
			{Name: "fee_fen", Values: fen(func(l BillLine) Fen { return l.FeeFen })},
			{Name: "finished_at", Values: column(lines, func(l BillLine) time.Time { return l.FinishedAt.UTC() })},
			{Name: "note", Values: words(func(l BillLine) string { return clip(toValid(l.Note), maxBillNote) })},
		}, `ON CONFLICT (rail, trade_no, request_no) DO UPDATE SET reconciliation_id = excluded.reconciliation_id, run = excluded.run,
			out_trade_no = excluded.out_trade_no, order_fen = excluded.order_fen, amount_fen = excluded.amount_fen,
			fee_fen = excluded.fee_fen, finished_at = excluded.finished_at, note = excluded.note`, nil)
	})
}

const maxBillNote = 500

func column[Row, Value any](rows []Row, of func(Row) Value) []Value {
	values := make([]Value, len(rows))
	for i, row := range rows {
		values[i] = of(row)
	}
	return values
}

// FailReconciliation ends a run whose bill could not be read; what is open from
// earlier runs stays as it is. Conflict: the run was taken over.
func (s *Store) FailReconciliation(ctx context.Context, r Reconciliation, why string) error {
	return s.inTx(ctx, func(t *tx) error {
		its, err := t.running(r.ID, r.Run)
		if err != nil {
			return err
		}
		its.State, its.FinishedAt, its.Failure = ReconciliationFailed, &t.now, clip(toValid(why), maxBillNote)
		return t.Model(&its).Select("State", "FinishedAt", "Failure").Updates(&its).Error
	})
}
