package models

import (
	"context"
	"time"

	"ztc-portal/models/ledger"
)

// Kinds of ledger transactions that correct or give, never take a payment's place.
const (
	KindAdjustment = "adjustment"
	KindBonusGrant = "bonus_grant"
)

// post books in a transaction of its own: what demo accounts begin with.
func (s *Store) post(ctx context.Context, accountID int64, kind, reference string, amount Fen) error {
	return s.inTx(ctx, func(t *tx) error {
		a, err := t.lockAccount(accountID)
		if err != nil {
			return err
		}
		before, err := t.funds(a)
		if err != nil {
			return err
		}
		return t.postOn(&a, before, kind, reference, amount, nil)
	})
}

// postOn books an amount on one of an account's purses against a ledger account,
// with all that it means for arrears and delivery. The caller holds the
// account's lock and has read before under it. Posting the same (kind,
// reference) again changes nothing. A bonus grant may expire.
func (t *tx) postOn(a *Account, before Funds, kind, reference string, amount Fen, expires *time.Time) error {
	purse, against, after := a.CashAccountID, "adjustment", Funds{before.Cash + amount, before.Bonus}
	if kind == KindBonusGrant {
		purse, against, after = a.BonusAccountID, "bonus_expense", Funds{before.Cash, before.Bonus + amount}
	}
	other, err := t.systemAccount(against)
	if err != nil {
		return err
	}
	posted, err := ledger.Post(t.DB, kind, reference, []ledger.Line{
		{AccountID: purse, AmountFen: int64(amount)}, {AccountID: other, AmountFen: -int64(amount)},
	}, t.now)
	if err != nil || !posted.New {
		return err
	}
	if kind == KindBonusGrant {
		if err := t.granted(a, before.Bonus, bonusGrant{Reference: reference, BonusGrant: BonusGrant{AmountFen: amount, ExpiresAt: expires}}); err != nil {
			return err
		}
	}
	return t.fundsMoved(a, kind, before, after)
}
