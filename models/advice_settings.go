package models

import (
	"context"
	"strings"
)

// What a seller says once for all advice and bids, as it was typed.

// SetMargin keeps what is left of a sale before advertising: a percentage with two
// decimals at most, above 0 and up to 100. FieldErrors on "margin".
func (s *Store) SetMargin(ctx context.Context, by Actor, accountID int64, typed string) error {
	bp, refused := ParseFen(strings.TrimSuffix(strings.TrimSpace(strings.Map(toHalfWidth, typed)), "%"))
	if refused != nil || bp <= 0 || bp > wholeBP {
		return FieldErrors{fieldError("margin", "error.margin", nil)}
	}
	return s.setOnAccount(ctx, by, accountID, "margin_bp", "account.margin", &bp, func(a Account) *Fen {
		if a.MarginBP == nil {
			return nil
		}
		before := Fen(*a.MarginBP)
		return &before
	})
}

// SetBidCeiling keeps the most, in yuan, that the seller ever wants to bid for a
// click; empty: the portal's own. Bids that stand above it stay, new ones are
// refused. FieldErrors on "ceiling": not an amount, or out of the portal's range.
func (s *Store) SetBidCeiling(ctx context.Context, by Actor, accountID int64, typed string) error {
	var after *Fen
	if strings.TrimSpace(typed) != "" {
		ceiling, refused := ParseFen(typed)
		if refused == nil {
			refused = within(ceiling, "ceiling", s.rules.MinBid, s.rules.MaxBid, "error.bid.too_small", "error.bid.too_large")
		}
		if refused != nil {
			refused.Field = "ceiling"
			return FieldErrors{refused}
		}
		after = &ceiling
	}
	return s.setOnAccount(ctx, by, accountID, "bid_ceiling_fen", "account.bid_ceiling", after, func(a Account) *Fen { return a.BidCeilingFen })
}

// setOnAccount sets one column of an account and says so on the audit trail, unless
// it stands so already; nil is nothing.
func (s *Store) setOnAccount(ctx context.Context, by Actor, accountID int64, column, action string, after *Fen, stands func(Account) *Fen) error {
	wire := func(f *Fen) string {
		if f == nil {
			return ""
		}
		return f.Wire()
	}
	return s.inTx(ctx, func(t *tx) error {
		a, err := t.lockAccount(accountID)
		if err != nil {
			return err
		}
		before := wire(stands(a))
		if before == wire(after) {
			return nil
		}
		if err := t.Model(&Account{}).Where("id = ?", accountID).Update(column, after).Error; err != nil {
			return err
		}
		return t.audit(by, action, subject("account", accountID), before, wire(after))
	})
}
