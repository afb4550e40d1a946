package models

import (
	"encoding/json"
	"time"

	"gorm.io/gorm"
)

// EventKind names one turn on an account's timeline.
type EventKind string

const (
	EventRechargeConfirmed EventKind = "recharge_confirmed"
	EventRechargePaid      EventKind = "recharge_paid"
	EventRechargePaidLate  EventKind = "recharge_paid_late"
	EventRechargeExpired   EventKind = "recharge_expired"
	EventRechargeCancelled EventKind = "recharge_cancelled"
	EventRechargeFailed    EventKind = "recharge_failed"
	EventArrearsBegan      EventKind = "arrears_began"
	EventArrearsReduced    EventKind = "arrears_reduced"
	EventArrearsCleared    EventKind = "arrears_cleared"
	EventOutOfFunds        EventKind = "out_of_funds"
	EventSuspended         EventKind = "suspended"
	EventAccountRestored   EventKind = "account_restored"
	EventRecovering        EventKind = "recovering"
	EventDeliveryFull      EventKind = "delivery_full"
	EventRestarted         EventKind = "restarted"
	EventRestartUndone     EventKind = "restart_undone"
	EventSoftCapped        EventKind = "soft_capped"
	EventSoftHalted        EventKind = "soft_halted"
	EventFrozen            EventKind = "frozen"
	EventUnfrozen          EventKind = "unfrozen"
	EventBudgetReached     EventKind = "budget_reached"
	EventBudgetRaised      EventKind = "budget_raised"
	EventBudgetRenewed     EventKind = "budget_renewed"
	EventRefundReserved    EventKind = "refund_reserved"
	EventRefunded          EventKind = "refunded"
	EventRefundReleased    EventKind = "refund_released"
	EventSuspenseCredited  EventKind = "suspense_credited"
	EventBonusExpired      EventKind = "bonus_expired"
)

// EventKinds lists every kind; each has its words in the catalogues.
var EventKinds = []EventKind{
	EventRechargeConfirmed, EventRechargePaid, EventRechargePaidLate, EventRechargeExpired,
	EventRechargeCancelled, EventRechargeFailed, EventArrearsBegan, EventArrearsReduced,
	EventArrearsCleared, EventOutOfFunds, EventSuspended, EventAccountRestored, EventRecovering,
	EventDeliveryFull, EventRestarted, EventRestartUndone, EventSoftCapped, EventSoftHalted, EventFrozen, EventUnfrozen,
	EventBudgetReached, EventBudgetRaised, EventBudgetRenewed,
	EventRefundReserved, EventRefunded, EventRefundReleased, EventSuspenseCredited, EventBonusExpired,
}

// EventArgs are the facts of an event; which are set depends on its kind.
type EventArgs struct {
	AmountFen Fen        `json:"amount_fen,omitempty"`
	PaymentNo string     `json:"payment_no,omitempty"`
	Count     int        `json:"count,omitempty"`
	Until     *time.Time `json:"until,omitempty"`
	Reason    string     `json:"reason,omitempty"`
	Campaign  string     `json:"campaign,omitempty"` // its name then
}

// Event is one turn as a page shows it. At is UTC.
type Event struct {
	At   time.Time
	Kind EventKind
	EventArgs
}

// accountEvent is the stored row.
type accountEvent struct {
	ID        int64 `gorm:"primaryKey"`
	AccountID int64
	At        time.Time
	Kind      EventKind
	Args      string
}

func (accountEvent) TableName() string { return "account_events" }

// event writes one turn on the timeline, together with the transaction's other
// turns when its work is done.
func (t *tx) event(accountID int64, kind EventKind, args EventArgs) error {
	stored, err := json.Marshal(args)
	if err != nil {
		return err
	}
	t.events = append(t.events, accountEvent{AccountID: accountID, At: t.now, Kind: kind, Args: string(stored)})
	return nil
}

func (t *tx) storeEvents() error {
	if len(t.events) == 0 {
		return nil
	}
	return t.CreateInBatches(&t.events, 500).Error
}

// timeline reads the newest turns of an account, newest first.
func timeline(db *gorm.DB, accountID int64, limit int) ([]Event, error) {
	var rows []accountEvent
	if err := db.Order("id DESC").Limit(limit).Find(&rows, "account_id = ?", accountID).Error; err != nil {
		return nil, err
	}
	events := make([]Event, len(rows))
	for i, row := range rows {
		events[i] = Event{At: row.At, Kind: row.Kind}
		if err := json.Unmarshal([]byte(row.Args), &events[i].EventArgs); err != nil {
			return nil, err
		}
	}
	return events, nil
}

// accountStop is a time in which nothing could be delivered: for want of money,
// or while staff froze the account.
type accountStop struct {
	ID        int64 `gorm:"primaryKey"`
	AccountID int64
	BeganAt   time.Time
	EndedAt   *time.Time
}

func (accountStop) TableName() string { return "account_stops" }

// openStop begins a stop unless one is open.
func (t *tx) openStop(accountID int64) error {
	return t.Exec(`INSERT INTO account_stops (account_id, began_at) VALUES (?, ?)
		ON CONFLICT (account_id) WHERE ended_at IS NULL DO NOTHING`, accountID, t.now).Error
}

// closeStop ends the open stop, if there is one.
func (t *tx) closeStop(accountID int64) error {
	return t.endStop(t.Where("account_id = ?", accountID))
}

// closeStopIfNoneWaits ends the open stop unless a campaign waits under the
// arrears stop for its seller. The caller holds the account's lock.
func (t *tx) closeStopIfNoneWaits(accountID int64) error {
	return t.endStop(t.Where(`account_id = ? AND NOT EXISTS (SELECT 1 FROM campaigns c WHERE c.account_id = ?
		AND c.switched_on AND c.ended_at IS NULL AND c.arrears_stopped_at IS NOT NULL)`, accountID, accountID))
}

// endStop writes the end. This transaction may have begun before the one that
// opened the stop and waited for the account since: the end is never put
// before the beginning.
func (t *tx) endStop(which *gorm.DB) error {
	return which.Model(&accountStop{}).Where("ended_at IS NULL").
		Update("ended_at", gorm.Expr("CASE WHEN began_at > ? THEN began_at ELSE ? END", t.now, t.now)).Error
}
