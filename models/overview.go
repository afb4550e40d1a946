package models

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
)

// Shell is what every page of a seller shows around itself.
type Shell struct {
	State       AccountState
	Arrears     Fen
	Spendable   Fen
	Since       *time.Time // when what blocks delivery began
	StopsAt     *time.Time // arrears: when the grace time ends
	Waiting     int        // campaigns that only a restart brings back
	Recommended Fen        // first suggested amount, where something is owed
}

// Shell reads the frame of a seller's page.
func (s *Store) Shell(ctx context.Context, accountID int64) (Shell, error) {
	db := s.read.WithContext(ctx)
	a, f, err := s.accountAndFunds(db, accountID)
	if err != nil {
		return Shell{}, err
	}
	shell := Shell{State: a.State(), Arrears: f.Arrears(), Spendable: f.Spendable(), StopsAt: a.GraceEndsAt}
	switch {
	case a.FrozenAt != nil:
		shell.Since = a.FrozenAt
	case a.SuspendedAt != nil:
		shell.Since = a.SuspendedAt
	case a.ArrearsSince != nil:
		shell.Since = a.ArrearsSince
	case shell.Spendable == 0:
		if shell.Since, err = openStopSince(db, accountID); err != nil {
			return shell, err
		}
	}
	if shell.State != AccountActive || shell.Spendable == 0 {
		return shell, nil
	}
	var waiting int64
	err = db.Model(&Campaign{}).Where("account_id = ? AND switched_on AND ended_at IS NULL AND arrears_stopped_at IS NOT NULL", accountID).Count(&waiting).Error
	shell.Waiting = int(waiting)
	return shell, err
}

// Overview is all that the account page shows (M1, M7).
type Overview struct {
	RechargeDesk
	Forecast       Forecast
	SpentToday     Fen
	SpentYesterday Fen // up to the same hour
	Days           []OverviewDay
	BonusExpiresAt time.Time // of the bonus that expires next; zero: none does
	BonusExpires   Fen
	StoppedSince   *time.Time
	Timeline       []Event
	Statement      []StatementRow
}

// OverviewDay is one of the last 14 days, today included: what was delivered, what
// stood still and was recharged, and what was left at its end.
type OverviewDay struct {
	ReportRow
	ClosingFen Fen // cash and bonus together; less than nothing in arrears
}

const (
	overviewEvents = 12
	overviewRows   = 6
	overviewDays   = 14
)

// AccountOverview reads the account page. NotFound: no such account.
func (s *Store) AccountOverview(ctx context.Context, accountID int64) (Overview, error) {
	var o Overview
	var err error
	if o.RechargeDesk, err = s.RechargeDesk(ctx, accountID); err != nil {
		return o, err
	}
	db := s.read.WithContext(ctx)
	o.Forecast = o.Spending.Forecast(o.Funds.Spendable())
	if o.SpentToday, o.SpentYesterday, err = spentByHour(db, accountID, o.Now); err != nil {
		return o, err
	}
	if o.Days, err = s.overviewDays(ctx, o.Account, o.Now); err != nil {
		return o, err
	}
	bonus, err := s.Bonus(ctx, accountID)
	if err != nil {
		return o, err
	}
	o.BonusExpiresAt, o.BonusExpires = bonus.Expiring()
	if o.StoppedSince, err = openStopSince(db, accountID); err != nil {
		return o, err
	}
	if o.Timeline, err = timeline(db, accountID, overviewEvents); err != nil {
		return o, err
	}
	rows, _, err := s.Statement(ctx, accountID, StatementFilter{}, Keyset{})
	o.Statement = rows[:min(len(rows), overviewRows)]
	return o, err
}

// overviewDays reads the last days, the oldest first.
func (s *Store) overviewDays(ctx context.Context, a Account, now time.Time) (days []OverviewDay, err error) {
	until := dayStart(now).AddDate(0, 0, 1)
	r := Report{From: until.AddDate(0, 0, -overviewDays), Until: until, Step: ByDay, Now: now}
	r.BeforeFrom = r.From
	var money []MoneyDay
	err = s.snapshot(ctx, func(db *gorm.DB) error {
		if err := r.readRows(db, a.ID); err != nil {
			return err
		}
		if err := r.readStops(db, a.ID); err != nil {
			return err
		}
		if err := r.readRecharges(db, a.ID); err != nil {
			return err
		}
		money, err = moneyDays(db, a, r.From, r.Until)
		return err
	})
	for i, row := range r.Rows {
		if err == nil {
			days = append(days, OverviewDay{row, money[i].Closing.Cash + money[i].Closing.Bonus})
		}
	}
	return days, err
}

// spentByHour sums today's cost, and yesterday's up to the same time: of the
// hour that has begun, the part of it that has passed.
func spentByHour(db *gorm.DB, accountID int64, now time.Time) (today, yesterday Fen, err error) {
	var hours []accountHour
	err = db.Find(&hours, "account_id = ? AND day_on >= ? AND hour <= ?",
		accountID, DayOn(now.AddDate(0, 0, -1)), now.In(Shanghai).Hour()).Error
	for _, h := range hours {
		switch h.DayOn {
		case DayOn(now):
			today += h.CostFen
		case DayOn(now.AddDate(0, 0, -1)):
			if h.Hour == now.In(Shanghai).Hour() {
				h.CostFen = h.CostFen * Fen(now.Minute()) / 60
			}
			yesterday += h.CostFen
		}
	}
	return today, yesterday, err
}

// PaymentDesk is all that the page of one payment shows.
type PaymentDesk struct {
	Payment   Payment
	Resumes   string // no of the payment that this one replaces
	ResumedBy string // no of the payment that replaced this one
	Findings  []Finding
	Steps     RecoverySteps
	Recharge  RechargeDesk
	Suspense  *SuspenseItem
}

// RecoverySteps are the rungs after a payment, each with its instant; nil is
// not reached (yet).
type RecoverySteps struct {
	Paid, Credited, ArrearsCleared, Restored, Restarted, Serving *time.Time
	HadArrears, WasSuspended                                     bool
	WaitingForRestart                                            int
	NothingToServe                                               bool // no campaign is switched on, or staff froze the account
	SharePercent                                                 int  // the least share among campaigns that recover
}

// PaymentDesk reads the page of one payment. NotFound: not this account's.
func (s *Store) PaymentDesk(ctx context.Context, accountID int64, no string) (PaymentDesk, error) {
	var d PaymentDesk
	var err error
	if d.Payment, err = s.OwnPayment(ctx, accountID, no); err != nil {
		return d, err
	}
	db := s.read.WithContext(ctx)
	if d.Payment.ResumesID != nil {
		if err = db.Model(&Payment{}).Where("id = ?", *d.Payment.ResumesID).Pluck("no", &d.Resumes).Error; err != nil {
			return d, err
		}
	}
	if err = db.Model(&Payment{}).Where("resumes_id = ?", d.Payment.ID).Limit(1).Pluck("no", &d.ResumedBy).Error; err != nil {
		return d, err
	}
	if d.Findings, err = s.Findings(ctx, d.Payment.ID, 5); err != nil {
		return d, err
	}
	var item SuspenseItem
	err = db.Take(&item, "payment_id = ?", d.Payment.ID).Error
	if err == nil {
		d.Suspense = &item
	} else if !errors.Is(err, gorm.ErrRecordNotFound) {
		return d, err
	}
	if d.Recharge, err = s.RechargeDesk(ctx, accountID); err != nil {
		return d, err
	}
	if d.Payment.State.IsPaid() {
		d.Steps, err = recoverySteps(db, d.Payment, d.Recharge)
	}
	return d, err
}

// recoverySteps reads from the timeline what followed a payment.
func recoverySteps(db *gorm.DB, p Payment, desk RechargeDesk) (RecoverySteps, error) {
	steps := RecoverySteps{Paid: p.PaidAt, Credited: p.SettledAt, SharePercent: 100}
	var rows []accountEvent
	err := db.Order("id").Limit(200).Find(&rows, "account_id = ? AND at >= ?", p.AccountID, *p.SettledAt).Error
	if err != nil {
		return steps, err
	}
	set := func(step **time.Time, at time.Time) {
		if *step == nil {
			*step = &at
		}
	}
	for _, row := range rows {
		switch row.Kind {
		case EventArrearsCleared:
			set(&steps.ArrearsCleared, row.At)
		case EventAccountRestored:
			set(&steps.Restored, row.At)
			steps.WasSuspended = true
		case EventRestarted:
			set(&steps.Restarted, row.At)
		case EventRestartUndone:
			steps.Restarted = nil
		}
	}
	steps.HadArrears = p.CashBeforeFen != nil && *p.CashBeforeFen < 0
	steps.WasSuspended = steps.WasSuspended || desk.Account.SuspendedAt != nil
	steps.NothingToServe = true
	for _, c := range desk.Campaigns {
		if c.SwitchedOn && c.EndedAt == nil && desk.Account.FrozenAt == nil {
			steps.NothingToServe = false
		}
		switch {
		case c.Delivery == DeliveryPausedArrears:
			if c.SwitchedOn {
				steps.WaitingForRestart++
			}
		case c.Delivery == DeliveryRecovering:
			steps.SharePercent = min(steps.SharePercent, c.SharePercent)
			set(&steps.Serving, *c.RecoveringSince)
		case c.Delivery == DeliveryServing && steps.Serving == nil:
			since := *p.SettledAt
			if c.RecoveringSince != nil && c.RecoveringSince.After(since) {
				since = *c.RecoveringSince
			}
			set(&steps.Serving, since)
		}
	}
	return steps, nil
}
