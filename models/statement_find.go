package models

import (
	"maps"
	"slices"

	"gorm.io/gorm"
)

// contenders reads payments with what is known of their sellers.
func (t *tx) contenders(asked map[string]bool, narrow func(*gorm.DB) *gorm.DB) ([]contender, error) {
	var rows []contender
	err := narrow(t.Table("payments AS p").Select("p.*, s.shop_name, s.registered_key").
		Joins("JOIN accounts a ON a.id = p.account_id").Joins("JOIN sellers s ON s.id = a.seller_id").
		Where("p.rail = ?", RailBankTransfer)).Order("p.id").Scan(&rows).Error
	for i := range rows {
		rows[i].Asked = asked[rows[i].No]
	}
	return rows, err
}

// named finds the payments that each line's remark names, by line id; asked are
// those for which other money waits to be approved.
func (t *tx) named(lines []StatementLine, asked map[string]bool) (map[int64][]contender, error) {
	payments, err := t.namedPayments(lines, asked)
	named := map[int64][]contender{}
	for _, l := range lines {
		codes, numbers := codesIn(l.Remark)
		seen := map[int64]bool{}
		for _, word := range append(codes, numbers...) {
			if c, ok := payments[word]; ok && !seen[c.ID] {
				seen[c.ID] = true
				named[l.ID] = append(named[l.ID], c)
			}
		}
	}
	return named, err
}

// namedPayments finds the payments that remarks name, by code and by number.
func (t *tx) namedPayments(lines []StatementLine, asked map[string]bool) (map[string]contender, error) {
	codes, numbers := map[string]bool{}, map[string]bool{}
	for _, l := range lines {
		some, more := codesIn(l.Remark)
		for _, code := range some {
			codes[code] = true
		}
		for _, number := range more {
			numbers[number] = true
		}
	}
	found := map[string]contender{}
	for column, words := range map[string]map[string]bool{"p.reference_code": codes, "p.no": numbers} {
		for some := range slices.Chunk(slices.Sorted(maps.Keys(words)), statementChunk) {
			rows, err := t.contenders(asked, func(db *gorm.DB) *gorm.DB { return db.Where(column+" IN ?", some) })
			if err != nil {
				return nil, err
			}
			for _, c := range rows {
				found[c.No] = c
				if c.ReferenceCode != nil {
					found[*c.ReferenceCode] = c
				}
			}
		}
	}
	return found, nil
}

// askedPayments are those for which suspense waits to be approved.
func (t *tx) askedPayments() (map[string]bool, error) {
	var open []Approval
	if err := t.Find(&open, "state = 'open' AND kind = ?", ApprovalSuspenseClear).Error; err != nil {
		return nil, err
	}
	asked := map[string]bool{}
	for _, a := range open {
		args, err := a.ParseArgs()
		if err != nil {
			return nil, err
		}
		if args.ForPayment != "" {
			asked[args.ForPayment] = true
		}
	}
	return asked, nil
}

// maxBearers is how many sellers of one company are looked at.
const maxBearers = 20

// bearers finds the sellers whose companies are the payers, by name key.
func (t *tx) bearers(lines []StatementLine) (map[string][]bearer, error) {
	keys := map[string]bool{}
	for _, l := range lines {
		if key := nameKey(l.PayerName); key != "" {
			keys[key] = true
		}
	}
	found := map[string][]bearer{}
	for some := range slices.Chunk(slices.Sorted(maps.Keys(keys)), statementChunk) {
		var rows []bearer
		err := t.Table("sellers AS s").Select("a.id AS account_id, s.shop_name, s.registered_key").
			Joins("JOIN accounts a ON a.seller_id = s.id").Where("s.registered_key <> '' AND s.registered_key IN ?", some).
			Order("a.id").Scan(&rows).Error
		if err != nil {
			return nil, err
		}
		for _, b := range rows {
			if len(found[b.RegisteredKey]) < maxBearers {
				found[b.RegisteredKey] = append(found[b.RegisteredKey], b)
			}
		}
	}
	return found, nil
}

// mostAlike is how many transfers of one amount are looked at: two make several.
const mostAlike = 5

// transfersOf finds unpaid transfers over an amount of these sellers: those that
// wait, and then those that ended not long ago. Those asked for may stand before
// the others, and take no place from them.
func (t *tx) transfersOf(bearers []bearer, amount Fen, asked map[string]bool) ([]contender, error) {
	accounts := column(bearers, func(b bearer) int64 { return b.AccountID })
	return t.contenders(asked, func(db *gorm.DB) *gorm.DB {
		return db.Where("p.account_id IN ? AND p.amount_fen = ? AND (p.state = ? OR p.state IN ? AND p.expires_at > ?)", accounts, amount,
			PaymentPending, []PaymentState{PaymentExpired, PaymentCancelled}, t.now.Add(-endedWithin)).
			Order("CASE WHEN p.state = 'pending' THEN 0 ELSE 1 END").Limit(mostAlike + len(asked))
	})
}
