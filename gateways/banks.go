package gateways

import (
	"context"
	"slices"

	"ztc-portal/models"
)

// Banked is a rail on which the payer may choose the bank before the gateway
// asks, by codes of the rail's own; and whether a company's account pays.
type Banked interface{ Banks() []string }

// Banks are the codes that a payer of the rail may choose from; none on a rail
// that knows no banks.
func (r *Rails) Banks(rail models.Rail) []string {
	if banked, ok := r.By[rail].(Banked); ok {
		return banked.Banks()
	}
	return nil
}

// Choose keeps on a draft, on a rail that knows banks, whose account pays it and
// at which bank. FieldErrors on "bank": the rail offers no such bank.
func (r *Rails) Choose(ctx context.Context, p *models.Payment, payer Payer) error {
	banks := r.Banks(p.Rail)
	if len(banks) == 0 || p.State != models.PaymentDraft || payer.Bank == p.PayerBank && payer.Corporate == p.PayerCorporate {
		return nil
	}
	if payer.Bank != "" && !slices.Contains(banks, payer.Bank) {
		return models.FieldErrors{{Code: models.Invalid, Field: "bank", Key: "error.bank.unknown"}}
	}
	p.PayerBank, p.PayerCorporate = payer.Bank, payer.Corporate
	return r.Store.ChoosePayer(ctx, p.No, payer.Bank, payer.Corporate)
}
