package models

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"ztc-portal/models/bulk"
	"ztc-portal/models/ledger"
)

// PostCharges books a body of clicks: each charge is a row; a body is one
// transaction in the ledger, in which each account pays for all its clicks at
// once, bonus first, then cash; arrears begin here. Each
// item is judged by itself, and an id that was booked before is counted and
// skipped, so any body can be sent again, whole or in part. Invalid: more than
// MaxChargeBatch. After an error part of the body may be booked: send it again.
//
// Bodies that come in at the same time share database transactions, and the
// accounts are spread over lanes that book side by side (see lane.go).
func (s *Store) PostCharges(ctx context.Context, charges []Charge) (ChargeResult, error) {
	var result ChargeResult
	if len(charges) > MaxChargeBatch {
		return result, &Error{Code: Invalid, Key: "error.charges.too_many"}
	}
	places, rejected, err := s.placeCharges(ctx, charges)
	if err != nil {
		return result, err
	}
	result.Rejected = rejected
	shares := make([]*share, len(s.lanes))
	for _, p := range places {
		n := int(p.account) % len(s.lanes)
		if shares[n] == nil {
			shares[n] = &share{}
		}
		shares[n].items = append(shares[n].items, p)
	}
	errs := make([]error, len(shares))
	var wg sync.WaitGroup
	for n, share := range shares {
		if share != nil {
			wg.Go(func() { errs[n] = s.lanes[n].book(ctx, s, share) })
		}
	}
	wg.Wait()
	for n, share := range shares {
		if errs[n] != nil {
			return ChargeResult{}, errs[n]
		}
		if share != nil {
			result.Accepted += share.accepted
			result.Duplicate += share.duplicate
			result.Rejected = append(result.Rejected, share.rejected...)
		}
	}
	s.busy.note(column(places, func(p placed) int64 { return p.account }))
	slices.SortFunc(result.Rejected, func(a, b Rejection) int { return cmp.Compare(a.Index, b.Index) })
	return result, nil
}

// placeCharges finds the account of each charge that is well formed. Whose
// campaign a campaign is, and whose keyword a keyword, never changes, so this
// needs no lock.
func (s *Store) placeCharges(ctx context.Context, charges []Charge) ([]placed, []Rejection, error) {
	campaigns, keywords := make([]int64, 0, len(charges)), make([]int64, 0, len(charges))
	for _, c := range charges {
		campaigns = append(campaigns, c.CampaignID)
		if c.KeywordID > 0 {
			keywords = append(keywords, c.KeywordID)
		}
	}
	accountOf, campaignOf, err := s.ownersOf(ctx, campaigns, keywords)
	if err != nil {
		return nil, nil, err
	}
	places := make([]placed, 0, len(charges))
	var rejected []Rejection
	for i, c := range charges {
		account, known := accountOf[c.CampaignID]
		code := c.refusal()
		if code == "" && !known {
			code = RejectUnknownCampaign
		}
		if code != "" {
			rejected = append(rejected, Rejection{i, code})
			continue
		}
		c.ChargedAt = c.ChargedAt.UTC().Truncate(time.Microsecond)
		places = append(places, placed{c, i, account, c.KeywordID > 0 && campaignOf[c.KeywordID] != c.CampaignID})
	}
	return places, rejected, nil
}

// share is what one body has for one lane, and what became of it.
type share struct {
	items []placed

	accepted, duplicate int
	rejected            []Rejection
}

// due is what one account owes for its fresh clicks of one body.
type due struct {
	account       *Account
	charges       []placed
	before, after Funds
	lines         []ledger.Line
}

// bookCharges books the shares of several bodies in this transaction, and gives
// how many entries that made in the ledger.
func (t *tx) bookCharges(shares []*share) (entries int, err error) {
	accounts, err := t.lockToCharge(shares)
	if err != nil {
		return 0, err
	}
	fresh, err := t.judgeCharges(shares)
	if err != nil {
		return 0, err
	}
	bodies, err := t.planDues(fresh, accounts)
	if err != nil || len(bodies) == 0 {
		return 0, err
	}
	references, lines := make([]string, len(bodies)), make([][]ledger.Line, len(bodies))
	for i, dues := range bodies {
		references[i] = dues[0].charges[0].ChargeID
		for _, p := range dues {
			lines[i] = append(lines[i], p.lines...)
		}
		entries += len(lines[i]) + 1
	}
	batch, err := ledger.OpenBatch(t.DB, KindCharge, references, t.now)
	if err == nil {
		err = t.storeCharges(bodies, batch)
	}
	if uniqueTaken(err) {
		return 0, errStale // another lane or replica booked one of them meanwhile: look again
	}
	if err != nil {
		return 0, err
	}
	dues := slices.Concat(bodies...)
	if err := t.rollUpCharges(dues); err != nil {
		return 0, err
	}
	revenue, err := t.systemAccount("revenue")
	if err != nil {
		return 0, err
	}
	if _, err := batch.Post(revenue, lines); err != nil {
		return 0, err
	}
	for _, p := range dues {
		if err := t.fundsMoved(p.account, KindCharge, p.before, p.after); err != nil {
			return 0, err
		}
	}
	return entries, nil
}

// lockToCharge locks all accounts before any is booked on, and before we look
// what is booked already: batches neither block nor overtake each other.
func (t *tx) lockToCharge(shares []*share) (map[int64]*Account, error) {
	accounts := make(map[int64]*Account)
	for _, share := range shares {
		for _, item := range share.items {
			accounts[item.account] = nil
		}
	}
	query := `SELECT id, cash_account_id, bonus_account_id, funding_state, arrears_since, grace_ends_at, suspended_at, frozen_at, bonus_expires_at
		FROM accounts WHERE %s ORDER BY id` + t.lockClause()
	err := bulk.On(t.DB).Select(query, "id", slices.Sorted(maps.Keys(accounts)), func(scan bulk.Scan) error {
		var a Account
		err := scan(&a.ID, &a.CashAccountID, &a.BonusAccountID, &a.FundingState, &a.ArrearsSince, &a.GraceEndsAt, &a.SuspendedAt, &a.FrozenAt, &a.BonusExpiresAt)
		accounts[a.ID] = &a
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, id := range slices.Sorted(maps.Keys(accounts)) {
		if err := t.expireBonus(accounts[id]); err != nil {
			return nil, err
		}
	}
	return accounts, nil
}

// judgeCharges counts each item of each share and gives the fresh ones, share
// by share.
func (t *tx) judgeCharges(shares []*share) ([][]placed, error) {
	var ids []string
	for _, share := range shares {
		for _, item := range share.items {
			ids = append(ids, item.ChargeID)
		}
	}
	known := make(map[string]booked, len(ids))
	err := bulk.On(t.DB).Select("SELECT charge_id, campaign_id, amount_fen FROM charges WHERE %s", "charge_id", ids, func(scan bulk.Scan) error {
		var id string
		var b booked
		err := scan(&id, &b.campaign, &b.amount)
		known[id] = b
		return err
	})
	if err != nil {
		return nil, err
	}
	fresh := make([][]placed, len(shares))
	for n, share := range shares {
		share.accepted, share.duplicate, share.rejected = 0, 0, nil // this transaction may be a second try
		for _, item := range share.items {
			refused, duplicate := item.judge(known, t.now)
			switch {
			case refused != "":
				share.rejected = append(share.rejected, Rejection{item.index, refused})
			case duplicate:
				share.duplicate++
			default:
				share.accepted++
				known[item.ChargeID] = booked{item.CampaignID, item.AmountFen}
				fresh[n] = append(fresh[n], item)
			}
		}
	}
	return fresh, nil
}

// planDues makes one due an account and share, in ascending order of account
// within a share; each begins with what the one before left. A share without
// fresh charges is left out.
func (t *tx) planDues(fresh [][]placed, accounts map[int64]*Account) ([][]*due, error) {
	var bodies [][]*due
	purses := make(map[int64]Fen)
	for _, items := range fresh {
		if len(items) == 0 {
			continue
		}
		of := make(map[int64]*due)
		for _, item := range items {
			p, ok := of[item.account]
			if !ok {
				p = &due{account: accounts[item.account]}
				of[item.account] = p
				purses[p.account.CashAccountID], purses[p.account.BonusAccountID] = 0, 0
			}
			p.charges = append(p.charges, item)
		}
		dues := make([]*due, 0, len(of))
		for _, id := range slices.Sorted(maps.Keys(of)) {
			dues = append(dues, of[id])
		}
		bodies = append(bodies, dues)
	}
	if len(bodies) == 0 {
		return nil, nil
	}
	err := bulk.On(t.DB).Select("SELECT id, balance_fen FROM ledger_accounts WHERE %s", "id", slices.Sorted(maps.Keys(purses)), func(scan bulk.Scan) error {
		var id int64
		var balance Fen
		err := scan(&id, &balance)
		purses[id] = balance
		return err
	})
	for _, p := range slices.Concat(bodies...) {
		var total, fromBonus, fromCash Fen
		for _, item := range p.charges {
			total += item.AmountFen
		}
		cash, bonus := p.account.CashAccountID, p.account.BonusAccountID
		p.before = Funds{Cash: purses[cash], Bonus: purses[bonus]}
		fromBonus, fromCash, p.after = p.before.split(total)
		purses[cash], purses[bonus] = p.after.Cash, p.after.Bonus
		if fromCash > 0 {
			p.lines = append(p.lines, ledger.Line{AccountID: cash, AmountFen: -int64(fromCash)})
		}
		if fromBonus > 0 {
			p.lines = append(p.lines, ledger.Line{AccountID: bonus, AmountFen: -int64(fromBonus)})
		}
	}
	return bodies, err
}

// storeCharges writes the rows of the sub-ledger.
func (t *tx) storeCharges(bodies [][]*due, batch *ledger.Batch) error {
	var ids []string
	var accounts, campaigns, keywords, amounts, transactions []int64
	var at []time.Time
	for i, dues := range bodies {
		for _, p := range dues {
			for _, c := range p.charges {
				ids, at = append(ids, c.ChargeID), append(at, c.ChargedAt)
				accounts, campaigns, keywords = append(accounts, c.account), append(campaigns, c.CampaignID), append(keywords, c.KeywordID)
				amounts, transactions = append(amounts, int64(c.AmountFen)), append(transactions, batch.ID(i))
			}
		}
	}
	return bulk.On(t.DB).Insert("charges", len(ids), []bulk.Column{
		{Name: "charge_id", Values: ids}, {Name: "account_id", Values: accounts}, {Name: "campaign_id", Values: campaigns},
		{Name: "keyword_id", Values: keywords, ZeroIsNull: true}, {Name: "amount_fen", Values: amounts}, {Name: "charged_at", Values: at},
		{Name: "received_at", Values: t.now}, {Name: "transaction_id", Values: transactions},
	}, "", nil)
}
