package models

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"ztc-portal/models/ledger"
)

// KindCharge is the ledger kind of clicks paid; the reference is the id of the
// first charge in the posting.
const KindCharge = "charge"

// Charge is one click that the ad engine charges, in fen.
type Charge struct {
	ChargeID   string
	CampaignID int64
	KeywordID  *int64
	AmountFen  Fen
	ChargedAt  time.Time
}

// ChargeResult counts what became of a batch.
type ChargeResult struct {
	Accepted  int
	Duplicate int
}

// MaxChargeBatch bounds one body of charges.
const MaxChargeBatch = 5000

// maxCharge bounds one click, so that the sum of a batch cannot overflow.
const maxCharge = 1_000_000 * Yuan

// chargeRow is the stored charge.
type chargeRow struct {
	ID            int64 `gorm:"primaryKey"`
	ChargeID      string
	AccountID     int64
	CampaignID    int64
	KeywordID     *int64
	AmountFen     Fen
	ChargedAt     time.Time
	ReceivedAt    time.Time
	TransactionID int64
}

func (chargeRow) TableName() string { return "charges" }

// campaignDay and accountDay are the rollups by day in Shanghai.
type campaignDay struct {
	CampaignID int64  `gorm:"primaryKey"`
	DayOn      string `gorm:"primaryKey"`
	CostFen    Fen
	Clicks     int64
}

func (campaignDay) TableName() string { return "campaign_days" }

type accountDay struct {
	AccountID int64  `gorm:"primaryKey"`
	DayOn     string `gorm:"primaryKey"`
	CostFen   Fen
}

func (accountDay) TableName() string { return "account_days" }

// accountHour is the rollup by hour of the day in Shanghai.
type accountHour struct {
	AccountID int64  `gorm:"primaryKey"`
	DayOn     string `gorm:"primaryKey"`
	Hour      int    `gorm:"primaryKey"`
	CostFen   Fen
}

func (accountHour) TableName() string { return "account_hours" }

// PostCharges books a batch of clicks in one transaction: bonus first, then
// cash, one posting an account; arrears begin here. A charge id that was seen
// before is counted and skipped. Invalid: more than MaxChargeBatch, an amount
// that is not positive or beyond all measure, a charge id twice in the batch;
// NotFound: an unknown campaign. Then nothing is booked.
func (s *Store) PostCharges(ctx context.Context, charges []Charge) (ChargeResult, error) {
	var result ChargeResult
	if err := checkCharges(charges); err != nil || len(charges) == 0 {
		return result, err
	}
	err := s.inTx(ctx, func(t *tx) error {
		accountOf, err := t.accountsOf(charges)
		if err != nil {
			return err
		}
		// All accounts are locked before any is booked on, and before we look
		// what is booked already: batches neither block nor overtake each other.
		accounts, err := t.lockAccounts(slices.Collect(maps.Values(accountOf)))
		if err != nil {
			return err
		}
		fresh, err := t.freshCharges(charges, accountOf)
		if err != nil {
			return err
		}
		byAccount := make(map[int64][]chargeRow)
		for _, row := range fresh {
			byAccount[row.AccountID] = append(byAccount[row.AccountID], row)
		}
		for _, account := range accounts {
			if rows := byAccount[account.ID]; len(rows) > 0 {
				if err := t.chargeAccount(account, rows); err != nil {
					return err
				}
			}
		}
		result = ChargeResult{Accepted: len(fresh), Duplicate: len(charges) - len(fresh)}
		return nil
	})
	return result, err
}

func checkCharges(charges []Charge) error {
	if len(charges) > MaxChargeBatch {
		return &Error{Code: Invalid, Key: "error.charges.too_many"}
	}
	seen := make(map[string]bool, len(charges))
	for _, c := range charges {
		if c.AmountFen <= 0 || c.AmountFen > maxCharge || c.ChargeID == "" || seen[c.ChargeID] {
			return &Error{Code: Invalid, Key: "error.charges.malformed"}
		}
		seen[c.ChargeID] = true
	}
	return nil
}

// accountsOf finds the account of each campaign that is charged.
func (t *tx) accountsOf(charges []Charge) (map[int64]int64, error) {
	ids := make([]int64, len(charges))
	for i, c := range charges {
		ids[i] = c.CampaignID
	}
	slices.Sort(ids)
	var campaigns []Campaign
	if err := t.Select("id", "account_id").Find(&campaigns, "id IN ?", slices.Compact(ids)).Error; err != nil {
		return nil, err
	}
	accountOf := make(map[int64]int64, len(campaigns))
	for _, c := range campaigns {
		accountOf[c.ID] = c.AccountID
	}
	return accountOf, nil
}

// freshCharges drops charges that were booked before.
func (t *tx) freshCharges(charges []Charge, accountOf map[int64]int64) ([]chargeRow, error) {
	ids := make([]string, len(charges))
	for i, c := range charges {
		ids[i] = c.ChargeID
	}
	var booked []string
	if err := t.Model(&chargeRow{}).Where("charge_id IN ?", ids).Pluck("charge_id", &booked).Error; err != nil {
		return nil, err
	}
	known := make(map[string]bool, len(booked))
	for _, id := range booked {
		known[id] = true
	}
	var fresh []chargeRow
	for _, c := range charges {
		if known[c.ChargeID] {
			continue
		}
		account, ok := accountOf[c.CampaignID]
		if !ok {
			return nil, notFound("campaign")
		}
		fresh = append(fresh, chargeRow{
			ChargeID: c.ChargeID, AccountID: account, CampaignID: c.CampaignID, KeywordID: c.KeywordID,
			AmountFen: c.AmountFen, ChargedAt: c.ChargedAt.UTC(), ReceivedAt: t.now,
		})
	}
	return fresh, nil
}

// chargeAccount books one locked account's clicks of a batch.
func (t *tx) chargeAccount(account Account, rows []chargeRow) error {
	before, err := t.funds(account)
	if err != nil {
		return err
	}
	var total Fen
	for _, row := range rows {
		total += row.AmountFen
	}
	fromBonus := min(max(before.Bonus, 0), total)
	after := Funds{Cash: before.Cash - (total - fromBonus), Bonus: before.Bonus - fromBonus}
	transactionID, err := t.postCharge(account, rows[0].ChargeID, fromBonus, total-fromBonus)
	if errors.Is(err, ledger.ErrMismatch) {
		return errStale // the same charge came in twice at once, for two accounts
	}
	if err != nil {
		return err
	}
	for i := range rows {
		rows[i].TransactionID = transactionID
	}
	if err := t.CreateInBatches(&rows, 500).Error; err != nil {
		if uniqueTaken(err) {
			return errStale // the same charge came in twice at once: look again
		}
		return err
	}
	if err := t.rollUp(account.ID, rows); err != nil {
		return err
	}
	return t.fundsMoved(&account, before, after)
}

func (t *tx) postCharge(a Account, reference string, fromBonus, fromCash Fen) (int64, error) {
	revenue, err := t.systemAccount("revenue")
	if err != nil {
		return 0, err
	}
	lines := []ledger.Line{{AccountID: revenue, AmountFen: int64(fromBonus + fromCash)}}
	if fromBonus > 0 {
		lines = append(lines, ledger.Line{AccountID: a.BonusAccountID, AmountFen: -int64(fromBonus)})
	}
	if fromCash > 0 {
		lines = append(lines, ledger.Line{AccountID: a.CashAccountID, AmountFen: -int64(fromCash)})
	}
	posted, err := ledger.Post(t.DB, KindCharge, reference, lines, t.now)
	return posted.TransactionID, err
}

// rollUp adds the clicks to their days and hours.
func (t *tx) rollUp(accountID int64, rows []chargeRow) error {
	campaignDays := make(map[campaignDay]campaignDay)
	days := make(map[accountDay]accountDay)
	hours := make(map[accountHour]accountHour)
	for _, row := range rows {
		on, hour := DayOn(row.ChargedAt), row.ChargedAt.In(Shanghai).Hour()
		c := campaignDay{CampaignID: row.CampaignID, DayOn: on}
		sum := campaignDays[c]
		campaignDays[c] = campaignDay{c.CampaignID, on, sum.CostFen + row.AmountFen, sum.Clicks + 1}
		d := accountDay{AccountID: accountID, DayOn: on}
		days[d] = accountDay{accountID, on, days[d].CostFen + row.AmountFen}
		h := accountHour{AccountID: accountID, DayOn: on, Hour: hour}
		hours[h] = accountHour{accountID, on, hour, hours[h].CostFen + row.AmountFen}
	}
	if err := upsert(t, campaignDays, added("campaign_days", []string{"campaign_id", "day_on"}, "cost_fen", "clicks")); err != nil {
		return err
	}
	if err := upsert(t, days, added("account_days", []string{"account_id", "day_on"}, "cost_fen")); err != nil {
		return err
	}
	return upsert(t, hours, added("account_hours", []string{"account_id", "day_on", "hour"}, "cost_fen"))
}

// upsert writes rollup rows, adding their figures to those that stand. The
// caller holds the account's lock, so the order of rows cannot matter.
func upsert[Row comparable](t *tx, sums map[Row]Row, add clause.OnConflict) error {
	rows := slices.Collect(maps.Values(sums))
	return t.Clauses(add).Create(&rows).Error
}

// added is an upsert that adds the new figures to those that stand.
func added(table string, key []string, columns ...string) clause.OnConflict {
	conflict := clause.OnConflict{}
	for _, name := range key {
		conflict.Columns = append(conflict.Columns, clause.Column{Name: name})
	}
	for _, name := range columns {
		conflict.DoUpdates = append(conflict.DoUpdates, clause.Assignment{
			Column: clause.Column{Name: name},
			Value:  gorm.Expr(table + "." + name + " + excluded." + name),
		})
	}
	return conflict
}
