package models

import (
	"strings"
	"time"
)

// alike finds the lines that may be others which came before in another file,
// with more facts or fewer: a bank gives the same statement in several layouts.
func (t *tx) alike(lines []StatementLine) (map[int64]bool, error) {
	days := map[string][]StatementLine{}
	for _, l := range lines {
		days[l.DayOn] = append(days[l.DayOn], l)
	}
	found := map[int64]bool{}
	for day, its := range days {
		before, err := t.linesOf(day, column(its, func(l StatementLine) Fen { return l.AmountFen }))
		if err != nil {
			return nil, err
		}
		for _, l := range its {
			for _, b := range before {
				if l.mayBe(b) {
					found[l.ID] = true
				}
			}
		}
	}
	return found, nil
}

// linesOf reads a day's lines over these amounts, by the number that they have in
// suspense, which begins with the day and has an index.
func (t *tx) linesOf(day string, amounts []Fen) ([]StatementLine, error) {
	from, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return nil, err
	}
	const begins = "BT20060102"
	var rows []StatementLine
	err = t.Table("suspense_items AS i").Joins("JOIN statement_lines l ON l.suspense_id = i.id").
		Select("l.id, l.import_id, l.day_on, l.bank_at, l.amount_fen, l.payer_account, l.serial_no, l.balance").
		Where("i.rail = ? AND i.gateway_trade_no >= ? AND i.gateway_trade_no < ?", RailBankTransfer, from.Format(begins), from.AddDate(0, 0, 1).Format(begins)).
		Where("l.day_on = ? AND l.amount_fen IN ?", day, amounts).Scan(&rows).Error
	return rows, err
}

// mayBe: nothing that both lines say tells them apart. Within one file they are
// apart, and of two files the later one brought it again.
func (l StatementLine) mayBe(b StatementLine) bool {
	if b.ID >= l.ID || b.ImportID == l.ImportID || b.DayOn != l.DayOn || b.AmountFen != l.AmountFen {
		return false
	}
	if l.SerialNo != "" && b.SerialNo != "" {
		return numberKey(l.SerialNo) == numberKey(b.SerialNo)
	}
	return agree(l.Balance, b.Balance) && agree(numberKey(l.PayerAccount), numberKey(b.PayerAccount)) &&
		(l.isAllDay() || b.isAllDay() || l.BankAt.Truncate(time.Minute).Equal(b.BankAt.Truncate(time.Minute)))
}

// agree: two facts are the same, or one is not told, or told in part.
func agree(one, other string) bool {
	return one == other || one == "" || other == "" || strings.Contains(one+other, "*")
}

// isAllDay: the bank gave no clock.
func (l StatementLine) isAllDay() bool {
	return l.BankAt.In(Shanghai).Format(time.TimeOnly) == "00:00:00"
}

// again is a match of a line that may have come before: whose it is, or whether
// it is anybody's, is for a human to say.
func (m Match) again() Match {
	m.Score, m.PaymentNo, m.PayFen = min(m.Score, 60), "", 0
	m.Reasons = append(m.Reasons, MatchAlike)
	return m
}
