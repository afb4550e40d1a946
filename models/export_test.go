package models

import (
	"context"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// Book lets tests book adjustments and bonus grants, which staff will ask for
// on pages of their own.
func (s *Store) Book(ctx context.Context, accountID int64, kind, reference string, amount Fen) error {
	return s.post(ctx, accountID, kind, reference, amount)
}

// FreezeAccount lets tests freeze at once what staff ask each other for;
// UnfreezeAccount lifts it.
func (s *Store) FreezeAccount(ctx context.Context, by Actor, accountID int64, reason string) error {
	return s.inTx(ctx, func(t *tx) error {
		a, err := t.lockAccount(accountID)
		if err != nil {
			return err
		}
		return t.freeze(by, &a, reason)
	})
}

func (s *Store) UnfreezeAccount(ctx context.Context, by Actor, accountID int64) error {
	return s.inTx(ctx, func(t *tx) error {
		a, err := t.lockAccount(accountID)
		if err != nil {
			return err
		}
		return t.unfreeze(by, &a)
	})
}

// MayBecome shows the moves of a payment's state to tests.
func (s PaymentState) MayBecome(next PaymentState) bool { return s.mayBecome(next) }

// Recorded gives the queries that a read or a command makes, with their values in them.
func (s *Store) Recorded(read func(*Store) error) ([]string, error) {
	kept := &recorder{}
	watched := *s
	watched.read, watched.write = s.read.Session(&gorm.Session{Logger: kept}), s.write.Session(&gorm.Session{Logger: kept})
	err := read(&watched)
	return kept.queries, err
}

// recorder is a logger that keeps every query.
type recorder struct {
	logger.Interface
	queries []string
}

func (r *recorder) Trace(_ context.Context, _ time.Time, query func() (string, int64), _ error) {
	text, _ := query()
	r.queries = append(r.queries, text)
}

// ChangedSchedule lets tests change a schedule that stands nowhere.
func ChangedSchedule(now Schedule, in ScheduleInput) (Schedule, FieldErrors) { return now.change(in) }

// SetSchedule lets tests change all of a campaign's bid factors by half hour. Refusals stand on
// the field "schedule". NotFound; Conflict when it has ended.
func (s *Store) SetSchedule(ctx context.Context, by Actor, accountID int64, row RowRef, schedule Schedule) (Edit, error) {
	schedule, refused := schedule.normal()
	if refused != nil {
		return Edit{}, FieldErrors{refused}
	}
	return s.schedule(ctx, by, accountID, row, func(Schedule) (Schedule, FieldErrors) { return schedule, nil })
}

// FactorAt is the factor in percent at an instant.
func (s Schedule) FactorAt(at time.Time) int {
	if s == "" {
		return fullFactor
	}
	return s.Factors()[SlotAt(at)]
}
