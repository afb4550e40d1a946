package models

import (
	"time"

	"gorm.io/gorm"

	"ztc-portal/models/ledger"
)

// MoneyDay is what moved on an account's purses on one day of Asia/Shanghai, by
// when it was booked.
type MoneyDay struct {
	DayOn            string
	Opening, Closing Funds
	Moves            []MoneyMove // by kind; what clicks cost first
}

// MoneyMove is all of one kind of the ledger that moved on a day.
type MoneyMove struct {
	Kind                  string
	CashInFen, CashOutFen Fen // both 0 or more, as are the next
	BonusInFen            Fen
	BonusOutFen           Fen
	Moves                 int64 // 0 for what clicks cost: they are not counted one by one
}

// net is what the move changed.
func (m MoneyMove) net() Funds {
	return Funds{Cash: m.CashInFen - m.CashOutFen, Bonus: m.BonusInFen - m.BonusOutFen}
}

// moneyDay is a row of money_days.
type moneyDay struct {
	AccountID int64
	DayOn     string
	MoneyMove `gorm:"embedded"`
}

func (moneyDay) TableName() string { return "money_days" }

// moneyMoved notes on the account's day what one posting moved; what clicks cost
// is noted by rollUpCharges.
func (t *tx) moneyMoved(accountID int64, kind string, before, after Funds) error {
	in, out := func(d Fen) Fen { return max(d, 0) }, func(d Fen) Fen { return max(-d, 0) }
	cash, bonus := after.Cash-before.Cash, after.Bonus-before.Bonus
	return t.Exec(`INSERT INTO money_days (account_id, day_on, kind, cash_in_fen, cash_out_fen, bonus_in_fen, bonus_out_fen, moves) VALUES (?, ?, ?, ?, ?, ?, ?, 1)
		ON CONFLICT (account_id, day_on, kind) DO UPDATE SET cash_in_fen = money_days.cash_in_fen + excluded.cash_in_fen, cash_out_fen = money_days.cash_out_fen + excluded.cash_out_fen,
			bonus_in_fen = money_days.bonus_in_fen + excluded.bonus_in_fen, bonus_out_fen = money_days.bonus_out_fen + excluded.bonus_out_fen, moves = money_days.moves + 1`,
		accountID, DayOn(t.now), kind, in(cash), out(cash), in(bonus), out(bonus)).Error
}

// moneyDays reads the days of [from, until), each with what it opened and closed
// with, the oldest first. db must be a snapshot: it reckons back from what stands
// on the purses now.
func moneyDays(db *gorm.DB, a Account, from, until time.Time) ([]MoneyDay, error) {
	funds, err := fundsOf(db, a)
	if err != nil {
		return nil, err
	}
	var moved []moneyDay
	if err := db.Order("kind").Find(&moved, "account_id = ? AND day_on >= ?", a.ID, DayOn(from)).Error; err != nil {
		return nil, err
	}
	var paid []moneyDay
	err = db.Table("account_hours").Select("day_on, ? AS kind, CAST(SUM(cash_paid_fen) AS BIGINT) AS cash_out_fen, CAST(SUM(bonus_paid_fen) AS BIGINT) AS bonus_out_fen", KindCharge).
		Where("account_id = ? AND day_on >= ?", a.ID, DayOn(from)).Group("day_on").Having("SUM(cash_paid_fen) + SUM(bonus_paid_fen) > 0").Scan(&paid).Error
	if err != nil {
		return nil, err
	}
	of := map[string][]MoneyMove{}
	for _, m := range append(paid, moved...) {
		of[m.DayOn] = append(of[m.DayOn], m.MoneyMove)
	}
	var days []MoneyDay
	for day := dayStart(from); day.Before(until); day = day.AddDate(0, 0, 1) {
		days = append(days, MoneyDay{DayOn: DayOn(day), Moves: of[DayOn(day)]})
		delete(of, DayOn(day))
	}
	for _, later := range of {
		funds = funds.less(later)
	}
	for i := len(days) - 1; i >= 0; i-- {
		days[i].Closing = funds
		funds = funds.less(days[i].Moves)
		days[i].Opening = funds
	}
	return days, nil
}

// less takes off what moved.
func (f Funds) less(moves []MoneyMove) Funds {
	for _, m := range moves {
		f.Cash, f.Bonus = f.Cash-m.net().Cash, f.Bonus-m.net().Bonus
	}
	return f
}

// verifyMoneyDays holds the days against the balances: all that ever moved on a
// purse, day by day, is what stands on it.
func verifyMoneyDays(db *gorm.DB) (all []ledger.Fault, err error) {
	for _, purse := range []string{"cash", "bonus"} {
		var faults []ledger.Fault
		err := db.Raw(`SELECT '` + purse + ` by day of account' AS what, a.id, l.balance_fen AS want, COALESCE(m.moved, 0) - COALESCE(h.paid, 0) AS got
			FROM accounts a JOIN ledger_accounts l ON l.id = a.` + purse + `_account_id
			LEFT JOIN (SELECT account_id, CAST(SUM(` + purse + `_in_fen - ` + purse + `_out_fen) AS BIGINT) AS moved FROM money_days GROUP BY account_id) AS m ON m.account_id = a.id
			LEFT JOIN (SELECT account_id, CAST(SUM(` + purse + `_paid_fen) AS BIGINT) AS paid FROM account_hours GROUP BY account_id) AS h ON h.account_id = a.id
			WHERE l.balance_fen <> COALESCE(m.moved, 0) - COALESCE(h.paid, 0) ORDER BY a.id`).Scan(&faults).Error
		if err != nil {
			return nil, err
		}
		all = append(all, faults...)
	}
	return all, nil
}
