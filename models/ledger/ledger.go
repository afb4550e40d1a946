// Package ledger is the double-entry kernel: accounts with a balance, and
// transactions whose signed entries sum to zero. It knows names and fen, no
// sellers, campaigns or gateways. README.md says what may never break.
package ledger

import (
	"errors"
	"time"

	"gorm.io/gorm"
)

// Account is a place to post to. BalanceFen always equals the sum of its entries.
type Account struct {
	ID         int64 `gorm:"primaryKey"`
	Name       string
	BalanceFen int64
	CreatedAt  time.Time
}

func (Account) TableName() string { return "ledger_accounts" }

// Transaction is one balanced event. (Kind, Reference) is unique for ever.
type Transaction struct {
	ID        int64 `gorm:"primaryKey"`
	Kind      string
	Reference string
	BookedAt  time.Time
}

func (Transaction) TableName() string { return "ledger_transactions" }

// Entry is one signed line of a transaction: positive raises the balance.
// BalanceAfterFen is the account's balance with this entry in it.
type Entry struct {
	ID              int64 `gorm:"primaryKey"`
	TransactionID   int64
	AccountID       int64
	AmountFen       int64
	BalanceAfterFen int64
}

func (Entry) TableName() string { return "ledger_entries" }

var (
	// ErrUnbalanced: the entries do not sum to zero, or are fewer than two.
	ErrUnbalanced = errors.New("ledger: entries do not sum to zero")
	// ErrMismatch: the (kind, reference) is taken by a transaction with other entries.
	ErrMismatch = errors.New("ledger: reference already posted with other entries")
	// ErrNoAccount: an entry names an account that does not exist.
	ErrNoAccount = errors.New("ledger: no such account")
)

// OpenAccount makes an account with a zero balance inside the caller's
// transaction.
func OpenAccount(db *gorm.DB, name string, now time.Time) (Account, error) {
	account := Account{Name: name, CreatedAt: now}
	err := db.Create(&account).Error
	return account, err
}

// AccountID finds an account by name.
func AccountID(db *gorm.DB, name string) (int64, error) {
	var id int64
	err := db.Raw("SELECT id FROM ledger_accounts WHERE name = ?", name).Scan(&id).Error
	if err == nil && id == 0 {
		err = ErrNoAccount
	}
	return id, err
}

// Balance reads one account's balance in fen.
func Balance(db *gorm.DB, accountID int64) (int64, error) {
	var account Account
	err := db.Select("balance_fen").Take(&account, accountID).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		err = ErrNoAccount
	}
	return account.BalanceFen, err
}
