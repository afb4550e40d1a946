package models

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// AlertArgs are the figures that an alert speaks of; which are set depends on the rung.
type AlertArgs struct {
	SpendableFen Fen        `json:"spendable_fen,omitempty"`
	ArrearsFen   Fen        `json:"arrears_fen,omitempty"`
	AmountFen    Fen        `json:"amount_fen,omitempty"` // paid, the threshold, or the bonus
	At           *time.Time `json:"at,omitempty"`         // when the money runs out, service stops, or the bonus expires
	SuggestedFen Fen        `json:"suggested_fen,omitempty"`
	PaymentNo    string     `json:"payment_no,omitempty"`
	Reason       string     `json:"reason,omitempty"` // of a failure: a text key
}

// alertRung is where an account stands on a rung.
type alertRung struct {
	AccountID int64 `gorm:"primaryKey"`
	Rung      Rung  `gorm:"primaryKey"`
	Low       bool
	Crossings int64
	ChangedAt time.Time
}

func (alertRung) TableName() string { return "alert_rungs" }

// alertRow is an alert as it is stored.
type alertRow struct {
	ID        int64 `gorm:"primaryKey"`
	AccountID int64
	Rung      Rung
	Crossing  int64
	At        time.Time
	Args      string
}

func (alertRow) TableName() string { return "alerts" }

// CheckAlerts looks at where an account stands on the ladder, tells of what it has
// come to be low on since, and notes what it is above of again. Nothing is written
// where nothing has changed. NotFound.
func (s *Store) CheckAlerts(ctx context.Context, accountID int64) error {
	db := s.read.WithContext(ctx)
	spent, err := s.spendingNow(db, accountID)
	if err != nil {
		return err
	}
	look := func(db *gorm.DB, a Account, now time.Time) (footing, []alertRung, error) {
		at, err := s.footing(db, a, spent, now)
		if err != nil {
			return at, nil, err
		}
		changed, err := at.changes(db, a.ID)
		return at, changed, err
	}
	var a Account
	if err := db.Take(&a, accountID).Error; err != nil {
		return found(err, "account")
	}
	if _, changed, err := look(db, a, s.Now()); err != nil || len(changed) == 0 {
		return err
	}
	return s.inTx(ctx, func(t *tx) error {
		a, err := t.lockAccount(accountID)
		if err != nil {
			return err
		}
		at, changed, err := look(t.DB, a, t.now) // again, under the lock
		if err != nil {
			return err
		}
		return t.climb(a, at, changed)
	})
}

// spendingNow reads what a forecast stands on; it takes a while, and needs no lock.
func (s *Store) spendingNow(db *gorm.DB, accountID int64) (Spending, error) {
	a, f, err := s.accountAndFunds(db, accountID)
	if err != nil {
		return Spending{}, err
	}
	campaigns, err := s.campaignViews(db, a, f)
	if err != nil {
		return Spending{}, err
	}
	return spendingOf(db, a, campaigns, s.Now())
}

// footing reads what the ladder looks at.
func (s *Store) footing(db *gorm.DB, a Account, spent Spending, now time.Time) (footing, error) {
	at := footing{now: now, state: a.FundingState, calendar: s.rules.Calendar}
	var err error
	if at.funds, err = fundsOf(db, a); err != nil {
		return at, err
	}
	if a.AlertBelowFen != nil {
		at.below = *a.AlertBelowFen
	}
	since, err := openStopSince(db, a.ID)
	if err != nil {
		return at, err
	}
	at.stopped = since != nil
	at.forecast = spent.Forecast(at.funds.Spendable())
	if a.BonusExpiresAt == nil {
		return at, nil
	}
	grants, err := openGrants(db, a.ID)
	drawDown(grants, at.funds.Bonus)
	desk := BonusDesk{Grants: column(grants, func(g bonusGrant) BonusGrant { return g.BonusGrant })}
	at.bonusAt, at.bonus = desk.Expiring()
	return at, err
}

// changes are the rungs on which the account stands otherwise than is stored, as
// they are to be stored.
func (s footing) changes(db *gorm.DB, accountID int64) ([]alertRung, error) {
	var stored []alertRung
	if err := db.Find(&stored, "account_id = ?", accountID).Error; err != nil {
		return nil, err
	}
	var changed []alertRung
	for _, rung := range levels {
		now := alertRung{AccountID: accountID, Rung: rung}
		if i := slices.IndexFunc(stored, func(r alertRung) bool { return r.Rung == rung }); i >= 0 {
			now = stored[i]
		}
		low := s.low(rung, now.Low)
		if low == now.Low {
			continue
		}
		if now.Low = low; low {
			now.Crossings++
		}
		now.ChangedAt = s.now
		changed = append(changed, now)
	}
	return changed, nil
}

// climb stores where the account stands, and tells of it. The caller holds the
// account's lock.
func (t *tx) climb(a Account, at footing, changed []alertRung) error {
	if len(changed) == 0 {
		return nil
	}
	if err := t.Clauses(clause.OnConflict{UpdateAll: true}).Create(&changed).Error; err != nil {
		return err
	}
	var stored []alertRung
	if err := t.Find(&stored, "account_id = ? AND low", a.ID).Error; err != nil {
		return err
	}
	low := make(map[Rung]bool, len(stored))
	for _, r := range stored {
		low[r.Rung] = true
	}
	var fresh []Rung
	crossing := map[Rung]int64{}
	for _, r := range changed {
		if r.Low {
			fresh, crossing[r.Rung] = append(fresh, r.Rung), r.Crossings
		}
	}
	for _, rung := range crossed(fresh, low) {
		if err := t.alert(a, rung, crossing[rung], at.args(rung, a)); err != nil {
			return err
		}
	}
	return nil
}

func (s footing) args(rung Rung, a Account) AlertArgs {
	args := AlertArgs{SpendableFen: s.funds.Spendable(), ArrearsFen: s.funds.Arrears()}
	switch rung {
	case RungWeek, RungTwoDays, RungToday, RungBreak:
		args.At = &s.forecast.At
	case RungBelow:
		args.AmountFen = s.below
	case RungBonus:
		args.AmountFen, args.At = s.bonus, &s.bonusAt
	case RungArrears:
		args.At = a.GraceEndsAt
	}
	return args
}

// tell alerts of an event, which is no level. The caller holds the account's lock.
func (t *tx) tell(a Account, rung Rung, args AlertArgs) error {
	var row alertRung
	if err := t.Limit(1).Find(&row, "account_id = ? AND rung = ?", a.ID, rung).Error; err != nil {
		return err
	}
	row = alertRung{AccountID: a.ID, Rung: rung, Crossings: row.Crossings + 1, ChangedAt: t.now}
	if err := t.Clauses(clause.OnConflict{UpdateAll: true}).Create(&row).Error; err != nil {
		return err
	}
	return t.alert(a, rung, row.Crossings, args)
}

// alert stores an alert and each way that it goes.
func (t *tx) alert(a Account, rung Rung, crossing int64, args AlertArgs) error {
	stored, err := json.Marshal(args)
	if err != nil {
		return err
	}
	row := alertRow{AccountID: a.ID, Rung: rung, Crossing: crossing, At: t.now, Args: string(stored)}
	if err := t.Create(&row).Error; err != nil {
		return err
	}
	due := t.now
	if quiet := a.quietUntil(t.now); !quiet.IsZero() && !rung.Urgent() {
		due = quiet
	}
	ways, err := t.ways(a, rung)
	if err != nil || len(ways) == 0 {
		return err
	}
	for i := range ways {
		ways[i].AccountID, ways[i].AlertID, ways[i].State, ways[i].DueAt, ways[i].CreatedAt = a.ID, &row.ID, DeliveryWaiting, due, t.now
	}
	if err := t.Create(&ways).Error; err != nil {
		return err
	}
	for _, way := range ways {
		t.then(Task{SendAlert{ID: way.ID}, due})
	}
	return nil
}

// ways are the colleagues who get the alert by mail, and the targets.
func (t *tx) ways(a Account, rung Rung) (ways []alertDelivery, err error) {
	people, err := alertReaders(t.DB, a)
	if err != nil {
		return nil, err
	}
	for _, u := range people {
		if who := u.ShopRole.audience(); t.rules.Mail && u.AlertMail && who != "" && rung.concerns(who) {
			ways = append(ways, alertDelivery{UserID: &u.ID})
		}
	}
	var targets []alertTarget
	err = t.Order("id").Find(&targets, "account_id = ? AND removed_at IS NULL", a.ID).Error
	for _, target := range targets {
		if rung.concerns(target.Audience) {
			ways = append(ways, alertDelivery{TargetID: &target.ID})
		}
	}
	return ways, err
}

// alertReaders are the shop's people who can sign in.
func alertReaders(db *gorm.DB, a Account) (people []User, err error) {
	return people, db.Order("id").Find(&people, "seller_id = ? AND disabled_at IS NULL", a.SellerID).Error
}

// lookAtAlerts has the account's place on the ladder looked at once this
// transaction has committed.
func (t *tx) lookAtAlerts(accountID int64) {
	task := Task{Args: CheckAlerts{AccountID: accountID}}
	if !slices.Contains(t.tasks, task) {
		t.then(task)
	}
}

// busy notes which accounts have paid for clicks since it was last asked; of this
// process alone.
type busy struct {
	sync.Mutex
	accounts map[int64]bool
}

func (b *busy) note(accounts []int64) {
	b.Lock()
	defer b.Unlock()
	for _, id := range accounts {
		b.accounts[id] = true
	}
}

func (b *busy) take() map[int64]bool {
	b.Lock()
	defer b.Unlock()
	taken := b.accounts
	b.accounts = map[int64]bool{}
	return taken
}

// SweepAlerts looks at every account whose place on the ladder time or clicks may
// have moved: those that this process has booked clicks of since the last sweep,
// those that are low on some rung, and those with bonus that expires.
func (s *Store) SweepAlerts(ctx context.Context) error {
	var ids []int64
	err := s.read.WithContext(ctx).Raw("SELECT account_id FROM alert_rungs WHERE low UNION SELECT id FROM accounts WHERE bonus_expires_at < ?", s.Now().Add(bonusWarned)).Scan(&ids).Error
	if err != nil {
		return err
	}
	of := s.busy.take()
	for _, id := range ids {
		of[id] = true
	}
	var errs error
	for _, id := range slices.Sorted(maps.Keys(of)) {
		if err := ctx.Err(); err != nil {
			return err
		}
		errs = errors.Join(errs, s.CheckAlerts(ctx, id))
	}
	return errs
}
