package models

import (
	"context"
	"slices"
	"strconv"
	"time"

	"gorm.io/gorm"

	"ztc-portal/models/ledger"
)

// KindBonusExpiry takes off the purse what was left of a grant whose time is over;
// the reference is the grant's.
const KindBonusExpiry = "bonus_expiry"

// BonusGrant is bonus that was given once, as it stands. Instants are UTC.
type BonusGrant struct {
	AmountFen  Fen
	LeftFen    Fen
	ExpiredFen Fen
	GrantedAt  time.Time
	ExpiresAt  *time.Time // nil: it does not expire
}

// bonusGrant is its row. What is left of it may be less than is stored: see drawDown.
type bonusGrant struct {
	ID         int64 `gorm:"primaryKey"`
	AccountID  int64
	Reference  string // of the ledger's transaction
	BonusGrant `gorm:"embedded"`
}

func (bonusGrant) TableName() string { return "bonus_grants" }

// over tells whether its time has passed.
func (g BonusGrant) over(now time.Time) bool { return g.ExpiresAt != nil && !g.ExpiresAt.After(now) }

// drawDown takes from the grants what was spent since they were last looked at:
// they have more left than the purse holds by that. What expires first is spent
// first, then the older; what does not expire comes last. Source: the order of
// deduction that Shopee's and Lazada's ad credit name (earliest expiry first).
func drawDown(grants []bonusGrant, purse Fen) {
	slices.SortFunc(grants, func(a, b bonusGrant) int {
		switch {
		case a.ExpiresAt == nil && b.ExpiresAt == nil || a.ExpiresAt != nil && b.ExpiresAt != nil && a.ExpiresAt.Equal(*b.ExpiresAt):
			return int(a.ID - b.ID)
		case a.ExpiresAt == nil:
			return 1
		case b.ExpiresAt == nil:
			return -1
		}
		return a.ExpiresAt.Compare(*b.ExpiresAt)
	})
	spent := -purse
	for _, g := range grants {
		spent += g.LeftFen
	}
	for i := range grants {
		take := min(max(spent, 0), grants[i].LeftFen)
		grants[i].LeftFen, spent = grants[i].LeftFen-take, spent-take
	}
}

// nextExpiry is when the next of what is left expires, or nil.
func nextExpiry(grants []bonusGrant) *time.Time {
	for _, g := range grants { // in the order of drawDown
		if g.LeftFen > 0 {
			return g.ExpiresAt
		}
	}
	return nil
}

func openGrants(db *gorm.DB, accountID int64) (grants []bonusGrant, err error) {
	return grants, db.Find(&grants, "account_id = ? AND left_fen > 0", accountID).Error
}

// BonusDesk is an account's bonus as it stands.
type BonusDesk struct {
	Now    time.Time
	Funds  Funds
	Grants []BonusGrant // what is left of each now; those with something left first, what expires first on top, then the newest 20 that are used up
}

// Bonus reads an account's bonus. NotFound.
func (s *Store) Bonus(ctx context.Context, accountID int64) (BonusDesk, error) {
	d := BonusDesk{Now: s.Now()}
	err := s.snapshot(ctx, func(db *gorm.DB) error {
		a, funds, err := s.accountAndFunds(db, accountID)
		if err != nil {
			return err
		}
		d.Funds = funds
		open, err := openGrants(db, a.ID)
		if err != nil {
			return err
		}
		drawDown(open, funds.Bonus)
		var used []bonusGrant
		err = db.Order("id DESC").Limit(20).Find(&used, "account_id = ? AND left_fen = 0", a.ID).Error
		d.Grants = column(append(open, used...), func(g bonusGrant) BonusGrant { return g.BonusGrant })
		slices.SortStableFunc(d.Grants, func(a, b BonusGrant) int {
			switch {
			case a.LeftFen > 0 && b.LeftFen == 0:
				return -1
			case a.LeftFen == 0 && b.LeftFen > 0:
				return 1
			}
			return 0
		})
		return err
	})
	return d, err
}

// Expiring is what expires next, and how much of the bonus that is: all that ends at
// the same instant. Zero: nothing does.
func (d BonusDesk) Expiring() (at time.Time, amount Fen) {
	for _, g := range d.Grants {
		if g.LeftFen == 0 || g.ExpiresAt == nil || !at.IsZero() && !g.ExpiresAt.Equal(at) {
			break
		}
		at, amount = *g.ExpiresAt, amount+g.LeftFen
	}
	return at, amount
}

// granted stores a grant that was just posted; before is what the purse held. The
// caller holds the account's lock.
func (t *tx) granted(a *Account, before Fen, g bonusGrant) error {
	grants, err := openGrants(t.DB, a.ID)
	if err != nil {
		return err
	}
	drawDown(grants, before)
	g.AccountID, g.LeftFen, g.GrantedAt = a.ID, g.AmountFen, t.now
	if err := t.Create(&g).Error; err != nil {
		return err
	}
	return t.keepGrants(a, append(grants, g))
}

// keepGrants writes what is left, and has the next expiry seen to.
func (t *tx) keepGrants(a *Account, grants []bonusGrant) error {
	left := Fen(0)
	for _, g := range grants {
		left += g.LeftFen
		if err := t.Model(&bonusGrant{}).Where("id = ?", g.ID).Select("LeftFen", "ExpiredFen").Updates(&g).Error; err != nil {
			return err
		}
	}
	drawDown(grants, left) // takes nothing: it sorts them
	a.BonusExpiresAt = nextExpiry(grants)
	if a.BonusExpiresAt != nil {
		t.then(Task{ExpireBonus{AccountID: a.ID, At: *a.BonusExpiresAt}, *a.BonusExpiresAt})
	}
	return t.Model(&Account{}).Where("id = ?", a.ID).Update("bonus_expires_at", a.BonusExpiresAt).Error
}

// expireBonus takes off what is left of grants whose time is over. It runs before
// anything else under the account's lock, so that no click is paid with it however
// late its task comes.
func (t *tx) expireBonus(a *Account) error {
	if a.BonusExpiresAt == nil || a.BonusExpiresAt.After(t.now) {
		return nil
	}
	before, err := t.funds(*a)
	if err != nil {
		return err
	}
	grants, err := openGrants(t.DB, a.ID)
	if err != nil {
		return err
	}
	drawDown(grants, before.Bonus)
	gone := Fen(0)
	for i := range grants {
		g := &grants[i]
		if !g.over(t.now) || g.LeftFen == 0 {
			continue
		}
		if err := t.takeBonus(*a, *g); err != nil {
			return err
		}
		gone += g.LeftFen
		g.ExpiredFen, g.LeftFen = g.LeftFen, 0
	}
	if err := t.keepGrants(a, grants); err != nil || gone == 0 {
		return err
	}
	if err := t.event(a.ID, EventBonusExpired, EventArgs{AmountFen: gone}); err != nil {
		return err
	}
	return t.fundsMoved(a, KindBonusExpiry, before, Funds{before.Cash, before.Bonus - gone})
}

func (t *tx) takeBonus(a Account, g bonusGrant) error {
	expense, err := t.systemAccount("bonus_expense")
	if err != nil {
		return err
	}
	posted, err := ledger.Post(t.DB, KindBonusExpiry, "grant:"+strconv.FormatInt(g.ID, 10), []ledger.Line{
		{AccountID: a.BonusAccountID, AmountFen: -int64(g.LeftFen)}, {AccountID: expense, AmountFen: int64(g.LeftFen)},
	}, t.now)
	if err == nil && !posted.New {
		err = errStale
	}
	return err
}

// ExpireBonus takes off an account's purse what has expired. Conflict before its
// time; a second call finds nothing.
func (s *Store) ExpireBonus(ctx context.Context, task ExpireBonus) error {
	return s.inTx(ctx, func(t *tx) error {
		if t.now.Before(task.At) {
			return conflict("error.day.not_begun", nil)
		}
		_, err := t.lockAccount(task.AccountID)
		return err
	})
}

// resumeBonus gives expiries that come within a day, or are over, their tasks again.
func (t *tx) resumeBonus() error {
	var accounts []Account
	err := t.Find(&accounts, "bonus_expires_at < ?", t.now.AddDate(0, 0, 1)).Error
	for _, a := range accounts {
		t.then(Task{ExpireBonus{AccountID: a.ID, At: *a.BonusExpiresAt}, *a.BonusExpiresAt})
	}
	return err
}

// verifyBonus names the accounts whose grants have less left than the purse holds.
func verifyBonus(db *gorm.DB) (faults []ledger.Fault, err error) {
	err = db.Raw(`SELECT 'bonus grants of account' AS what, a.id, l.balance_fen AS want, COALESCE(g.fen, 0) AS got
		FROM accounts a JOIN ledger_accounts l ON l.id = a.bonus_account_id
		LEFT JOIN (SELECT account_id, CAST(SUM(left_fen) AS BIGINT) AS fen FROM bonus_grants GROUP BY account_id) AS g ON g.account_id = a.id
		WHERE l.balance_fen > COALESCE(g.fen, 0) ORDER BY a.id`).Scan(&faults).Error
	return faults, err
}
