package models

import (
	"strings"
	"sync"

	"gorm.io/gorm"

	"ztc-portal/models/ledger"
)

// Funds are an account's two purses, in fen. Cash below zero is arrears.
type Funds struct {
	Cash  Fen
	Bonus Fen
}

// Arrears is what is owed: max(0, -cash).
func (f Funds) Arrears() Fen { return max(0, -f.Cash) }

// Spendable is what ads may still use: cash and bonus, and nothing in arrears.
func (f Funds) Spendable() Fen {
	if f.Cash < 0 {
		return 0
	}
	return f.Cash + f.Bonus
}

// fundsOf reads both purses of an account.
func fundsOf(db *gorm.DB, a Account) (Funds, error) {
	var purses []ledger.Account
	err := db.Select("id", "balance_fen").Find(&purses, "id IN ?", []int64{a.CashAccountID, a.BonusAccountID}).Error
	var funds Funds
	for _, purse := range purses {
		switch purse.ID {
		case a.CashAccountID:
			funds.Cash = Fen(purse.BalanceFen)
		case a.BonusAccountID:
			funds.Bonus = Fen(purse.BalanceFen)
		}
	}
	return funds, err
}

// systemAccounts remembers the ids of the ledger accounts that migrations made:
// they never change.
type systemAccounts struct{ ids sync.Map }

// systemAccount gives the id of a ledger account of the portal's own, such as
// "revenue" or "gateway:alipay".
func (t *tx) systemAccount(name string) (int64, error) {
	if id, ok := t.system.ids.Load(name); ok {
		return id.(int64), nil
	}
	id, err := ledger.AccountID(t.DB, name)
	if err == nil {
		t.system.ids.Store(name, id)
	}
	return id, err
}

// toValid drops what no UTF-8 column takes: broken sequences and NUL.
func toValid(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, ""), "\x00", "")
}
