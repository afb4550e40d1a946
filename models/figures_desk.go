package models

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"gorm.io/gorm"
)

// FiguresDesk is what staff see first: how the portal does. Nothing in it is
// counted over a whole table that grows: either over a stretch of time or over
// the few rows that stand in somebody's way, both by an index.
type FiguresDesk struct {
	Now       time.Time
	Hours     []RailHour  // of the last 24 hours, newest first
	Day, Week CreditTimes // the week's are a minute old at most
	Arrears   []ArrearsAge
	Suspended int64
	Frozen    int64
	Stuck     StuckPayments
	Suspense  OpenSuspense
	Refunds   OpenRefunds // at their gateways
	ToPay     OpenRefunds // by people, at the bank
	Methods   []MethodState
	Webhooks  WebhookCounts
	Queue     QueueFigures
	Refused   int64         // notifies of the last hour that were not verified
	Ledger    LedgerReading // the last; its At is zero before the first
	Watched   []Watched
	Open      []StaffAlert // oldest first
	Ended     []StaffAlert // in the last 24 hours, the last to end first
	JudgedAt  time.Time    // when the alerts were last brought up to date; zero: never
}

// deskEnded is how many ended alerts the desk lists.
const deskEnded = 10

// FiguresDesk reads the figures as they stand now.
func (s *Store) FiguresDesk(ctx context.Context) (FiguresDesk, error) {
	db := s.read.WithContext(ctx)
	d := FiguresDesk{Now: s.Now()}
	newest := d.Now.Truncate(time.Hour) // Shanghai is whole hours from UTC
	hours := make([]time.Time, 24)
	for i := range hours {
		hours[i] = newest.Add(-time.Duration(i) * time.Hour)
	}
	var err error
	for _, read := range []func() error{
		func() error { d.Hours, err = railHours(db, hours, d.Now); return err },
		func() error { d.Day, err = creditTimes(db, d.Now.Add(-24*time.Hour)); return err },
		func() error { d.Week, err = s.week.read(db, d.Now); return err },
		func() error { d.Arrears, d.Suspended, err = arrearsByAge(db, d.Now); return err },
		func() error { return db.Model(&Account{}).Where("frozen_at IS NOT NULL").Count(&d.Frozen).Error },
		func() error { d.Stuck, err = stuckPayments(db, d.Now); return err },
		func() error { d.Suspense, err = openSuspense(db, d.Now); return err },
		func() error { d.Refunds, err = openRefunds(db, d.Now, false); return err },
		func() error { d.ToPay, err = openRefunds(db, d.Now, true); return err },
		func() error { d.Methods, err = s.methodStates(db); return err },
		func() error { d.Webhooks, err = webhookCounts(db); return err },
		func() error { d.Queue, err = s.queueFigures(ctx); return err },
		func() error { d.Refused, err = refusedNotifies(db, d.Now.Add(-time.Hour)); return err },
		func() error { d.Ledger, err = lastReading(db); return err },
		func() error { d.Watched, err = s.WatchedFigures(ctx); return err },
		func() error { return d.readAlerts(db) },
	} {
		if err := read(); err != nil {
			return d, err
		}
	}
	return d, nil
}

func (d *FiguresDesk) readAlerts(db *gorm.DB) (err error) {
	if d.Open, err = openAlerts(db); err != nil {
		return err
	}
	if err := db.Order("ended_at DESC, id DESC").Limit(deskEnded).Find(&d.Ended, "ended_at >= ?", d.Now.Add(-24*time.Hour)).Error; err != nil {
		return err
	}
	d.JudgedAt, err = lastJudged(db)
	return err
}

// RailHour is what became of the payments on a rail that were confirmed in the
// hour that began at HourAt. Ended are those that are open no more, paid or not.
type RailHour struct {
	HourAt                time.Time
	Rail                  Rail
	Attempts, Paid, Ended int64
	PaidFen               Fen
}

// SuccessPercent is how many of the attempts that ended were paid, rounded down;
// ok is false before one has ended.
func (h RailHour) SuccessPercent() (percent int64, ok bool) {
	return percentOf(h.Paid, h.Ended), h.Ended > 0
}

// railHours counts the attempts from each instant to the one before it in the
// list, the newest first; from the first of them to until. Hours and rails
// without any are left out.
func railHours(db *gorm.DB, from []time.Time, until time.Time) ([]RailHour, error) {
	const one = `SELECT %d AS hour, rail, COUNT(*) AS attempts,
		SUM(CASE WHEN state IN ('paid', 'partially_refunded', 'refunded') THEN 1 ELSE 0 END) AS paid,
		SUM(CASE WHEN state IN ('draft', 'pending') THEN 0 ELSE 1 END) AS ended,
		SUM(CASE WHEN state IN ('paid', 'partially_refunded', 'refunded') THEN amount_fen ELSE 0 END) AS paid_fen
		FROM payments WHERE confirmed_at >= ? AND confirmed_at < ? GROUP BY rail`
	parts, args := make([]string, len(from)), make([]any, 0, 2*len(from))
	until = until.Add(time.Microsecond) // what was confirmed at this very instant counts
	for i, at := range from {
		parts[i], args = fmt.Sprintf(one, i), append(args, at, until)
		until = at
	}
	var counted []struct {
		Hour                  int
		Rail                  Rail
		Attempts, Paid, Ended int64
		PaidFen               Fen
	}
	err := db.Raw(strings.Join(parts, " UNION ALL "), args...).Scan(&counted).Error
	hours := make([]RailHour, len(counted))
	for i, c := range counted {
		hours[i] = RailHour{from[c.Hour], c.Rail, c.Attempts, c.Paid, c.Ended, c.PaidFen}
	}
	slices.SortFunc(hours, func(a, b RailHour) int {
		if order := b.HourAt.Compare(a.HourAt); order != 0 {
			return order
		}
		return strings.Compare(string(a.Rail), string(b.Rail))
	})
	return hours, err
}

// CreditTimes say how long it took from paid (the gateway's instant) to credited
// (ours), in whole tenths of a second, rounded down. Bank transfers are left out:
// of them the bank names a day, and people credit them.
type CreditTimes struct {
	Count           int64
	P50, P99, Worst time.Duration
}

// creditTimes reads them of all that was credited since an instant. The index
// that it walks does not know the rail; bank transfers, which are few, are taken
// off again.
func creditTimes(db *gorm.DB, since time.Time) (CreditTimes, error) {
	var tenths []struct{ Tenths, N int64 }
	err := db.Raw(`SELECT tenths, CAST(SUM(n) AS BIGINT) AS n FROM (
			SELECT credit_wait_ms / 100 AS tenths, COUNT(*) AS n FROM payments WHERE settled_at >= ? GROUP BY credit_wait_ms / 100
			UNION ALL SELECT credit_wait_ms / 100, -COUNT(*) FROM payments WHERE rail = ? AND settled_at >= ? GROUP BY credit_wait_ms / 100
		) AS waits GROUP BY tenths HAVING SUM(n) > 0 ORDER BY tenths`, since, RailBankTransfer, since).Scan(&tenths).Error
	if err != nil || len(tenths) == 0 {
		return CreditTimes{}, err
	}
	var c CreditTimes
	for _, t := range tenths {
		c.Count += t.N
	}
	at := func(percent int64) time.Duration { // the smallest that percent of all do not exceed
		rank, seen := (c.Count*percent+99)/100, int64(0)
		for _, t := range tenths {
			if seen += t.N; seen >= rank {
				return max(0, time.Duration(t.Tenths)*100*time.Millisecond)
			}
		}
		return 0
	}
	c.P50, c.P99, c.Worst = at(50), at(99), at(100)
	return c, nil
}

// weekTimes keeps the week's credit times for a minute: a busy week is hundreds
// of thousands of credits, and one reader at a time is enough to walk them.
type weekTimes struct {
	mu    sync.Mutex
	at    time.Time
	times CreditTimes
}

func (w *weekTimes) read(db *gorm.DB, now time.Time) (CreditTimes, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if age := now.Sub(w.at); age >= 0 && age < time.Minute {
		return w.times, nil
	}
	times, err := creditTimes(db, now.Add(-7*24*time.Hour))
	if err == nil {
		w.at, w.times = now, times
	}
	return times, err
}

// ArrearsAge is how many accounts owe since how long, and how much: from Age
// before now to the age of the next.
type ArrearsAge struct {
	Age      time.Duration // at least this old
	Accounts int64
	OwedFen  Fen
}

// ArrearsAges are where one age of arrears ends and the next begins.
var ArrearsAges = []time.Duration{0, 24 * time.Hour, 3 * 24 * time.Hour, 7 * 24 * time.Hour}

// arrearsByAge walks the accounts that owe, which an index holds apart.
func arrearsByAge(db *gorm.DB, now time.Time) (ages []ArrearsAge, suspended int64, err error) {
	var counted []struct {
		Age, Accounts, Suspended int64
		OwedFen                  Fen
	}
	err = db.Raw(`SELECT age, COUNT(*) AS accounts, COUNT(suspended_at) AS suspended, -SUM(balance_fen) AS owed_fen FROM (
			SELECT CASE WHEN a.arrears_since > ? THEN 0 WHEN a.arrears_since > ? THEN 1 WHEN a.arrears_since > ? THEN 2 ELSE 3 END AS age,
				a.suspended_at, l.balance_fen
			FROM accounts a JOIN ledger_accounts l ON l.id = a.cash_account_id WHERE a.arrears_since IS NOT NULL
		) AS owing GROUP BY age`,
		now.Add(-ArrearsAges[1]), now.Add(-ArrearsAges[2]), now.Add(-ArrearsAges[3])).Scan(&counted).Error
	ages = make([]ArrearsAge, len(ArrearsAges))
	for i, age := range ArrearsAges {
		ages[i].Age = age
	}
	for _, c := range counted {
		ages[c.Age].Accounts, ages[c.Age].OwedFen = c.Accounts, c.OwedFen
		suspended += c.Suspended
	}
	return ages, suspended, err
}

// StuckPayments are pending ones that no clock ends any more by itself: past
// their deadline, or of which the gateway cannot be asked.
type StuckPayments struct{ PastDeadline, Checking int64 }

// Count counts each once.
func (s StuckPayments) Count() int64 { return s.PastDeadline + s.Checking }

// stuckPayments counts those that have been so at the instant, among the few
// that are pending.
func stuckPayments(db *gorm.DB, since time.Time) (stuck StuckPayments, err error) {
	err = db.Raw(`SELECT COALESCE(SUM(CASE WHEN expires_at < ? THEN 1 ELSE 0 END), 0) AS past_deadline,
		COALESCE(SUM(CASE WHEN NOT expires_at < ? AND checking_since <= ? THEN 1 ELSE 0 END), 0) AS checking
		FROM payments WHERE state = 'pending'`, since, since, since).Scan(&stuck).Error
	return stuck, err
}

// OpenSuspense is the money whose owner is not known yet.
type OpenSuspense struct {
	Count     int64
	AmountFen Fen
	OldestAt  *time.Time
}

// openSuspense counts what has stood open at the instant.
func openSuspense(db *gorm.DB, since time.Time) (open OpenSuspense, err error) {
	const standing = "cleared_at IS NULL AND created_at <= ?"
	err = db.Model(&SuspenseItem{}).Select("COUNT(*) AS count, COALESCE(SUM(amount_fen), 0) AS amount_fen").Where(standing, since).Scan(&open).Error
	if err != nil || open.Count == 0 {
		return open, err
	}
	var oldest []SuspenseItem // none, when it was cleared meanwhile
	err = db.Select("created_at").Order("created_at").Limit(1).Find(&oldest, standing, since).Error
	for _, item := range oldest {
		open.OldestAt = &item.CreatedAt
	}
	return open, err
}

// refusedNotifies counts the notifies since an instant that were not verified.
func refusedNotifies(db *gorm.DB, since time.Time) (n int64, err error) {
	return n, db.Model(&InboxRow{}).Where("verdict = 'refused' AND received_at >= ?", since).Count(&n).Error
}

// RefusedNotifies lists the notifies that were not verified, newest first.
func (s *Store) RefusedNotifies(ctx context.Context, k Keyset) ([]InboxRow, Page, error) {
	var rows []InboxRow
	err := keyset(s.read.WithContext(ctx), k, "id").Where("verdict = 'refused'").Find(&rows).Error
	rows, page := pageOf(rows, k, func(r InboxRow) int64 { return r.ID })
	return rows, page, err
}
