package models

import (
	"context"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"ztc-portal/models/ledger"
)

// QueueFigures are how the job queue stands. Available jobs are due; Oldest is
// how long the first of them has waited.
type QueueFigures struct {
	Available, Running, Retryable, Discarded int64
	Oldest                                   time.Duration
}

// QueueWatcher is what an Enqueuer may be besides: one that knows how its queue
// stands.
type QueueWatcher interface {
	QueueFigures(context.Context) (QueueFigures, error)
}

// queueFigures asks the queue; one that cannot say has nothing waiting.
func (s *Store) queueFigures(ctx context.Context) (QueueFigures, error) {
	if q, ok := s.queue.(QueueWatcher); ok {
		return q.QueueFigures(ctx)
	}
	return QueueFigures{}, nil
}

// Watched is a figure as it is now. It is not Known where there were too few
// cases to say; Level is "" within the band.
type Watched struct {
	Figure Figure
	Value  int64
	Known  bool
	Level  Level
}

// WatchedFigures reads every figure that has a band, in the order of Bands.
func (s *Store) WatchedFigures(ctx context.Context) ([]Watched, error) {
	db, now := s.read.WithContext(ctx), s.Now()
	all := make([]Watched, len(Bands))
	for i, band := range Bands {
		value, known, err := s.watched(ctx, db, band, now)
		if err != nil {
			return nil, err
		}
		all[i] = Watched{Figure: band.Figure, Value: value, Known: known}
		if known {
			all[i].Level = band.Level(value)
		}
	}
	return all, nil
}

// watched reads one figure. known is false where there were too few cases.
func (s *Store) watched(ctx context.Context, db *gorm.DB, b Band, now time.Time) (value int64, known bool, err error) {
	known = true
	switch b.Figure {
	case FigureSuccess:
		rates, failed := railHours(db, []time.Time{now.Add(-b.Window)}, now)
		var paid, ended int64
		for _, r := range rates {
			if r.Rail != RailBankTransfer { // which are there once they are credited, and never fail
				paid, ended = paid+r.Paid, ended+r.Ended
			}
		}
		return percentOf(paid, ended), ended >= b.Least, failed
	case FigureCredit:
		times, failed := creditTimes(db, now.Add(-b.Window))
		return int64((times.P99 + time.Second - 1) / time.Second), times.Count >= b.Least, failed
	case FigureStuck:
		stuck, failed := stuckPayments(db, now.Add(-b.Aged))
		return stuck.Count(), true, failed
	case FigureRails:
		value, err = failingRails(db, now)
	case FigureSuspense:
		open, failed := openSuspense(db, now.Add(-b.Aged))
		return open.Count, true, failed
	case FigureRefunds:
		open, failed := openRefunds(db, now.Add(-b.Aged), false)
		return open.Count, true, failed
	case FigureToPay:
		open, failed := openRefunds(db, now.Add(-b.Aged), true)
		return open.Count, true, failed
	case FigureParked:
		err = db.Model(&WebhookMessage{}).Where(isParked).Count(&value).Error
	case FigureQueue:
		queue, failed := s.queueFigures(ctx)
		return int64(queue.Oldest / time.Second), true, failed
	case FigureRefused:
		value, err = refusedNotifies(db, now.Add(-b.Window))
	case FigureLedger:
		reading, failed := lastReading(db)
		return reading.Faults, !reading.At.IsZero(), failed
	}
	return value, known, err
}

// LedgerReading is what one reading of the whole ledger found.
type LedgerReading struct {
	ID     int64 `gorm:"primaryKey"`
	At     time.Time
	Faults int64
	First  string // of the faults, in words for the log; "" when there is none
}

// NoteLedgerReading keeps what a reading found.
func (s *Store) NoteLedgerReading(ctx context.Context, faults []ledger.Fault) error {
	return s.inTx(ctx, func(t *tx) error {
		row := LedgerReading{At: t.now, Faults: int64(len(faults))}
		if len(faults) > 0 {
			row.First = faults[0].String()
		}
		return t.Create(&row).Error
	})
}

// lastReading is the newest; its At is zero before the first.
func lastReading(db *gorm.DB) (LedgerReading, error) {
	var rows []LedgerReading
	err := db.Order("id DESC").Limit(1).Find(&rows).Error
	if err != nil || len(rows) == 0 {
		return LedgerReading{}, err
	}
	return rows[0], nil
}

// StaffAlert is a figure that left its band, until it is back in it.
type StaffAlert struct {
	ID        int64 `gorm:"primaryKey"`
	Figure    Figure
	Level     Level
	Value     int64 // when it was last held against the band outside of it
	OpenedAt  time.Time
	ChangedAt time.Time // of level or value
	EndedAt   *time.Time
}

// staffWatch is when the figures were last held against their bands.
type staffWatch struct {
	ID       int64 `gorm:"primaryKey"`
	JudgedAt time.Time
}

func (staffWatch) TableName() string { return "staff_watch" }

// JudgeFigures holds every figure against its band: one that left it opens an
// alert, one that is back, or of which too little is known, ends it. A figure
// has one open alert at most, however many judge at once.
func (s *Store) JudgeFigures(ctx context.Context) error {
	figures, err := s.WatchedFigures(ctx)
	if err != nil {
		return err
	}
	return s.inTx(ctx, func(t *tx) error {
		if err := t.Clauses(clause.OnConflict{UpdateAll: true}).Create(&staffWatch{1, t.now}).Error; err != nil {
			return err // and from here on we are alone: the row is ours until the commit
		}
		var rows []StaffAlert
		if err := t.Find(&rows, "ended_at IS NULL").Error; err != nil {
			return err
		}
		open := map[Figure]StaffAlert{}
		for _, row := range rows {
			open[row.Figure] = row
		}
		for _, f := range figures {
			if err := t.judgeFigure(f, open[f.Figure]); err != nil {
				return err
			}
		}
		return nil
	})
}

// judgeFigure opens, changes or ends a figure's alert; open is the one that
// stands, if any.
func (t *tx) judgeFigure(f Watched, open StaffAlert) error {
	switch {
	case open.ID == 0 && f.Level != "":
		return t.Create(&StaffAlert{Figure: f.Figure, Level: f.Level, Value: f.Value, OpenedAt: t.now, ChangedAt: t.now}).Error
	case open.ID != 0 && f.Level == "":
		open.EndedAt = &t.now
		return t.Model(&open).Select("EndedAt").Updates(&open).Error
	case open.ID != 0 && (open.Level != f.Level || open.Value != f.Value):
		open.Level, open.Value, open.ChangedAt = f.Level, f.Value, t.now
		return t.Model(&open).Select("Level", "Value", "ChangedAt").Updates(&open).Error
	}
	return nil
}

// OpenStaffAlerts are those that stand, oldest first.
func (s *Store) OpenStaffAlerts(ctx context.Context) ([]StaffAlert, error) {
	return openAlerts(s.read.WithContext(ctx))
}

func openAlerts(db *gorm.DB) (rows []StaffAlert, err error) {
	return rows, db.Order("opened_at, id").Find(&rows, "ended_at IS NULL").Error
}

// lastJudged is when the figures were last held against their bands; zero: never.
func lastJudged(db *gorm.DB) (at time.Time, err error) {
	var watch []staffWatch
	err = db.Limit(1).Find(&watch).Error
	for _, w := range watch {
		at = w.JudgedAt
	}
	return at, err
}
