package models

import (
	"context"
	"fmt"
)

// ReconciliationView is a day and rail of the list.
type ReconciliationView struct {
	Reconciliation
	OpenCount int64 // differences that nobody has worked
}

const openCount = "(SELECT COUNT(*) FROM differences d WHERE d.reconciliation_id = reconciliations.id AND d.state = 'open') AS open_count"

// Reconciliations reads a page of the days and rails, the newest day first.
func (s *Store) Reconciliations(ctx context.Context, k Keyset) ([]ReconciliationView, Page, error) {
	var rows []ReconciliationView
	db := s.read.WithContext(ctx).Table("reconciliations").Select("reconciliations.*, " + openCount)
	if err := keyset(db, k, "id").Find(&rows).Error; err != nil {
		return nil, Page{}, err
	}
	rows, page := pageOf(rows, k, func(r ReconciliationView) int64 { return r.ID })
	return rows, page, nil
}

// DifferenceView is a difference as staff see it.
type DifferenceView struct {
	Difference
	PaymentNo  string // of the payment that it is about
	WorkerName string // who worked it: an e-mail address; empty: the run itself
	Refundable bool   `gorm:"-"` // open, and its payment's money may go back to its source
	Refunded   bool   `gorm:"-"` // open, and it went back since: CloseRefunded ends it
}

// DifferenceFilter narrows the differences of a day.
type DifferenceFilter struct {
	All  bool           // worked ones too
	Kind DifferenceKind // empty: all
}

// ReconciliationDesk is one day of a rail with a page of its differences.
type ReconciliationDesk struct {
	ReconciliationView
	Counts      map[DifferenceKind]int64 // open ones
	WorkedCount int64
	Differences []DifferenceView // newest first
	Page        Page
}

// ReconciliationDesk reads a day of a rail. NotFound.
func (s *Store) ReconciliationDesk(ctx context.Context, id int64, f DifferenceFilter, k Keyset) (ReconciliationDesk, error) {
	desk := ReconciliationDesk{Counts: map[DifferenceKind]int64{}}
	db := s.read.WithContext(ctx)
	err := db.Table("reconciliations").Select("reconciliations.*, "+openCount).Take(&desk.ReconciliationView, "id = ?", id).Error
	if err != nil {
		return desk, found(err, "reconciliation")
	}
	var counts []struct {
		Kind  DifferenceKind
		State string
		N     int64
	}
	err = db.Table("differences").Select("kind, state, COUNT(*) AS n").Where("reconciliation_id = ?", id).Group("kind, state").Find(&counts).Error
	if err != nil {
		return desk, err
	}
	for _, c := range counts {
		if c.State == differenceOpen {
			desk.Counts[c.Kind] += c.N
		} else {
			desk.WorkedCount += c.N
		}
	}
	rows := db.Table("differences").Where("reconciliation_id = ?", id).
		Select("differences.*, COALESCE(p.no, '') AS payment_no, COALESCE(u.email, '') AS worker_name").
		Joins("LEFT JOIN payments p ON p.id = differences.payment_id").Joins("LEFT JOIN users u ON u.id = differences.worked_by")
	if !f.All {
		rows = rows.Where("differences.state = ?", differenceOpen)
	}
	if f.Kind != "" {
		rows = rows.Where("differences.kind = ?", f.Kind)
	}
	if err := keyset(rows, k, "differences.id").Find(&desk.Differences).Error; err != nil {
		return desk, err
	}
	desk.Differences, desk.Page = pageOf(desk.Differences, k, func(d DifferenceView) int64 { return d.ID })
	return desk, readRefunds(db, desk.Differences)
}

// of puts a table's short name into a condition.
func of(condition, table string) string { return fmt.Sprintf(condition, table) }
