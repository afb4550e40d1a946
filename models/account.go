package models

import (
	"strconv"
	"time"

	"ztc-portal/models/ledger"
)

// Account is a seller's account. How its money stands (FundingState) and the
// staff freeze are two facts; State folds them for a page.
type Account struct {
	ID             int64 `gorm:"primaryKey"`
	SellerID       int64
	CashAccountID  int64
	BonusAccountID int64
	FundingState   AccountState // active, arrears or suspended
	ArrearsSince   *time.Time
	GraceEndsAt    *time.Time
	SuspendedAt    *time.Time
	FrozenAt       *time.Time
	FrozenReason   string
	LastMethod     Rail
	BonusExpiresAt *time.Time // when the next of what is left of the bonus does; nil: none
	BidCeilingFen  *Fen       // the most that a click may cost, as the seller set it; nil: the portal's
	MarginBP       *int       // what of a sale is left before advertising, in hundredths of a percent; nil: not said
	AlertBelowFen  *Fen       // below which the seller wants to be told; nil: not wanted
	QuietFrom      *int       // hours of Asia/Shanghai in which alerts that can wait do; nil: none
	QuietUntil     *int
	CreatedAt      time.Time
}

// State is what a page says: the freeze if there is one, else the money's state.
func (a Account) State() AccountState {
	if a.FrozenAt != nil {
		return AccountFrozen
	}
	return a.FundingState
}

// lockAccount reads an account and keeps others from changing it until commit.
// Bonus that has expired is gone from then on.
func (t *tx) lockAccount(id int64) (Account, error) {
	var account Account
	if err := t.locked().Take(&account, id).Error; err != nil {
		return account, found(err, "account")
	}
	return account, t.expireBonus(&account)
}

// lockAccounts does so for several, in ascending order of id.
func (t *tx) lockAccounts(ids []int64) ([]Account, error) {
	var accounts []Account
	err := t.locked().Order("id").Find(&accounts, "id IN ?", ids).Error
	for i := range accounts {
		if err == nil {
			err = t.expireBonus(&accounts[i])
		}
	}
	return accounts, err
}

// funds reads both purses of an account.
func (t *tx) funds(a Account) (Funds, error) { return fundsOf(t.DB, a) }

// openAccount makes an account with its two purses.
func (t *tx) openAccount(sellerID int64) (Account, error) {
	name := "seller:" + strconv.FormatInt(sellerID, 10)
	cash, err := ledger.OpenAccount(t.DB, name+":cash", t.now)
	if err != nil {
		return Account{}, err
	}
	bonus, err := ledger.OpenAccount(t.DB, name+":bonus", t.now)
	if err != nil {
		return Account{}, err
	}
	account := Account{
		SellerID: sellerID, CashAccountID: cash.ID, BonusAccountID: bonus.ID,
		FundingState: AccountActive, CreatedAt: t.now,
	}
	return account, t.Create(&account).Error
}

// turn is one change of an account's life, found by a rule and then written.
type turn struct {
	event EventKind
	args  EventArgs
}

// fundsChanged is the rule of arrears: it moves the account between active and
// arrears by what the money was and is, and names the turns taken. Suspension
// is the deadline's business, not the money's; the freeze is nobody's but the
// staff's.
func (a *Account) fundsChanged(before, after Funds, now time.Time, grace time.Duration) []turn {
	var turns []turn
	if after.Cash < 0 && a.FundingState == AccountActive {
		ends := now.Add(grace)
		a.FundingState, a.ArrearsSince, a.GraceEndsAt = AccountArrears, &now, &ends
		turns = append(turns, turn{EventArrearsBegan, EventArgs{AmountFen: after.Arrears(), Until: &ends}})
	}
	if after.Cash >= 0 && a.FundingState != AccountActive {
		was := a.FundingState
		a.FundingState, a.ArrearsSince, a.GraceEndsAt, a.SuspendedAt = AccountActive, nil, nil, nil
		turns = append(turns, turn{EventArrearsCleared, EventArgs{AmountFen: before.Arrears()}})
		if was == AccountSuspended {
			turns = append(turns, turn{EventAccountRestored, EventArgs{}})
		}
	}
	if after.Cash < 0 && after.Cash > before.Cash {
		turns = append(turns, turn{EventArrearsReduced, EventArgs{AmountFen: after.Arrears()}})
	}
	if before.Spendable() > 0 && after.Spendable() == 0 {
		turns = append(turns, turn{EventOutOfFunds, EventArgs{}})
	}
	return turns
}

// fundsMoved writes what a change of money means: the account's state and its
// deadline, the stop or the recovery of delivery, the timeline, the day's money.
// kind is the ledger's. It must run in the transaction that posted, under the
// account's lock.
func (t *tx) fundsMoved(a *Account, kind string, before, after Funds) error {
	if kind != KindCharge { // what clicks cost goes to the hours, many accounts at a time
		if err := t.moneyMoved(a.ID, kind, before, after); err != nil {
			return err
		}
	}
	was := a.FundingState
	switch had, has := before.Spendable(), after.Spendable(); {
	case has > had: // the engine counts down: it must hear of more
		t.raise(a.ID)
	case had > 0 && has <= 0:
		t.touch(a.ID)
	}
	turns := a.fundsChanged(before, after, t.now, t.rules.ArrearsGrace)
	if kind != KindCharge || len(turns) > 0 {
		t.lookAtAlerts(a.ID)
	}
	if a.FundingState != was {
		if err := t.Model(a).Select("FundingState", "ArrearsSince", "GraceEndsAt", "SuspendedAt").Updates(a).Error; err != nil {
			return err
		}
		if a.FundingState == AccountArrears {
			t.then(Task{SuspendAccount{a.ID, *a.ArrearsSince}, *a.GraceEndsAt})
		}
	}
	for _, turn := range turns {
		if err := t.event(a.ID, turn.event, turn.args); err != nil {
			return err
		}
		if turn.event == EventArrearsCleared {
			if err := t.tell(*a, RungRestored, AlertArgs{SpendableFen: after.Spendable()}); err != nil {
				return err
			}
		}
	}
	switch {
	case after.Spendable() == 0 && (before.Spendable() > 0 || a.FundingState != was):
		return t.openStop(a.ID)
	case before.Spendable() == 0 && after.Spendable() > 0 && a.FrozenAt == nil: // a freeze is for staff to lift
		return t.recoverDelivery(a)
	}
	return nil
}

// recoverDelivery puts every campaign that the account's stop alone had kept on
// the recovery ramp. Campaigns under the arrears stop wait for their seller,
// and the account's stop stays open until the first of them is restarted. An
// account that was never stopped, such as a new one, has nothing to recover from.
func (t *tx) recoverDelivery(a *Account) error {
	if since, err := openStopSince(t.DB, a.ID); err != nil || since == nil {
		return err
	}
	result := t.Model(&Campaign{}).
		Where("account_id = ? AND switched_on AND ended_at IS NULL AND arrears_stopped_at IS NULL", a.ID).
		Update("recovering_since", t.now)
	if result.Error != nil {
		return result.Error
	}
	if result.RowsAffected > 0 {
		if err := t.event(a.ID, EventRecovering, EventArgs{Count: int(result.RowsAffected)}); err != nil {
			return err
		}
		t.rampUp(a.ID)
	}
	return t.closeStopIfNoneWaits(a.ID)
}

// lookAtSteps has the account looked at again at the first steps of the ramp
// that began at since, after the one at once.
func (t *tx) lookAtSteps(accountID int64, since time.Time, steps int) {
	for step := 1; step <= steps; step++ {
		due := since.Add(time.Duration(step) * rampStep)
		t.then(Task{RampStep{AccountID: accountID, Due: due}, due})
	}
}

// rampUp has the account looked at again at each step of the ramp that begins
// now, and its end noted.
func (t *tx) rampUp(accountID int64) {
	t.touch(accountID)
	t.lookAtSteps(accountID, t.now, rampSteps-2)
	t.then(Task{RecoverDelivery{accountID, t.now}, t.now.Add(rampLength)})
}
