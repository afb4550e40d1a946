package models

import (
	"slices"
	"time"

	"gorm.io/gorm"
)

// What a search shows of the rows that it found; ids are few, and the rows are
// given in their order.

// foundColumns are an account with its balances, and the first of its e-mails.
const foundColumns = `SELECT a.id AS account_id, s.shop_name, COALESCE((SELECT u.email FROM users u WHERE u.seller_id = s.id ORDER BY u.id LIMIT 1), '') AS email,
	CASE WHEN a.frozen_at IS NOT NULL THEN 'frozen' ELSE a.funding_state END AS state,
	cash.balance_fen AS cash, bonus.balance_fen AS bonus, a.arrears_since AS since, a.created_at
	FROM accounts a JOIN sellers s ON s.id = a.seller_id
	JOIN ledger_accounts cash ON cash.id = a.cash_account_id JOIN ledger_accounts bonus ON bonus.id = a.bonus_account_id `

func foundAccounts(db *gorm.DB, ids []int64) (rows []FoundAccount, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	err = db.Raw(foundColumns+"WHERE a.id IN ?", ids).Scan(&rows).Error
	inOrder(rows, ids, func(r FoundAccount) int64 { return r.AccountID })
	return rows, err
}

func foundPayments(db *gorm.DB, ids []int64) ([]FoundPayment, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var rows []struct {
		ID int64
		FoundPayment
	}
	err := db.Raw(`SELECT p.id, p.no, p.account_id, s.shop_name, p.state, p.rail, p.amount_fen,
		COALESCE(p.gateway_trade_no, '') AS gateway_trade_no, p.created_at
		FROM payments p JOIN accounts a ON a.id = p.account_id JOIN sellers s ON s.id = a.seller_id WHERE p.id IN ?`, ids).Scan(&rows).Error
	if err != nil {
		return nil, err
	}
	payments := make([]FoundPayment, 0, len(rows))
	for _, id := range ids {
		for _, row := range rows {
			if row.ID == id {
				payments = append(payments, row.FoundPayment)
			}
		}
	}
	return payments, nil
}

func foundCampaigns(db *gorm.DB, ids []int64, now time.Time) ([]FoundCampaign, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var rows []struct {
		Campaign
		ShopName string
		FrozenAt *time.Time
		Cash     Fen
		Bonus    Fen
		SpentFen Fen
	}
	err := db.Raw(`SELECT c.*, s.shop_name, a.frozen_at, cash.balance_fen AS cash, bonus.balance_fen AS bonus, COALESCE(d.cost_fen, 0) AS spent_fen
		FROM campaigns c JOIN accounts a ON a.id = c.account_id JOIN sellers s ON s.id = a.seller_id
		JOIN ledger_accounts cash ON cash.id = a.cash_account_id JOIN ledger_accounts bonus ON bonus.id = a.bonus_account_id
		LEFT JOIN campaign_days d ON d.campaign_id = c.id AND d.day_on = ? WHERE c.id IN ?`, DayOn(now), ids).Scan(&rows).Error
	campaigns := make([]FoundCampaign, len(rows))
	for i, r := range rows {
		state, share := r.Delivery(Account{FrozenAt: r.FrozenAt}, Funds{Cash: r.Cash, Bonus: r.Bonus}, r.SpentFen, now)
		campaigns[i] = FoundCampaign{r.ID, r.AccountID, r.ShopName, r.Name, state, share}
	}
	inOrder(campaigns, ids, func(c FoundCampaign) int64 { return c.ID })
	return campaigns, err
}

// inOrder puts rows in the order of their ids.
func inOrder[Row any](rows []Row, ids []int64, id func(Row) int64) {
	slices.SortFunc(rows, func(a, b Row) int { return slices.Index(ids, id(a)) - slices.Index(ids, id(b)) })
}

// held finds money in suspense that belongs to no payment: whoever paid it knows
// its trade number at most.
func (q search) held(f *Found) error {
	number, amount := half(q.text), Fen(0)
	if fen, refusal := ParseFen(q.text); refusal == nil {
		amount = fen
	}
	unknown := heldItems(q.db).Where("h.payment_id IS NULL").Order("h.id DESC").Limit(SearchShown).Session(&gorm.Session{})
	if err := unknown.Where("h.rail IN ? AND h.gateway_trade_no = ?", rails, number).Scan(&f.Held).Error; err != nil {
		return err
	}
	if amount == 0 || len(f.Held) > 0 {
		return nil
	}
	return unknown.Where("h.cleared_at IS NULL AND h.amount_fen = ?", amount).Scan(&f.Held).Error
}
