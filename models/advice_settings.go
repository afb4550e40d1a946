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
	stands := func(a Account) *Fen {
		if a.MarginBP == nil {
			return nil
		}
		before := Fen(*a.MarginBP)
		return &before
	}
	return s.setOnAccount(ctx, accountID, "margin_bp", &bp, stands, func(t *tx, before, after string) error {
		return t.audit(by, "account.margin", subject("account", accountID), before, after)
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
	stands := func(a Account) *Fen { return a.BidCeilingFen }
	return s.setOnAccount(ctx, accountID, "bid_ceiling_fen", after, stands, func(t *tx, before, after string) error {
		return t.audit(by, "account.bid_ceiling", subject("account", accountID), before, after)
	})
}

// setOnAccount sets one column of an account and has it told on the audit trail,
// unless it stands so already; nil is nothing.
func (s *Store) setOnAccount(ctx context.Context, accountID int64, column string, after *Fen, stands func(Account) *Fen, tell func(t *tx, before, after string) error) error {
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
		return tell(t, before, wire(after))
	})
}
