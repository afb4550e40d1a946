package gateways

import (
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

// KnowsBank tells whether some rail offers the bank.
func (r *Rails) KnowsBank(code string) bool {
	for rail := range r.By {
		if slices.Contains(r.Banks(rail), code) {
			return true
		}
	}
	return false
}
