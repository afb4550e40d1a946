package gateways

import (
	"context"

	"ztc-portal/models"
)

// AskForStaff asks the gateway what became of a payment, at the word of staff.
// The answer, what it settles and the act on the audit trail are one
// transaction; nothing is credited but what the gateway confirms. NotFound;
// Unavailable while it can't be asked, which is kept and audited too.
func (r *Rails) AskForStaff(ctx context.Context, act models.StaffAct, no string) (Asked, error) {
	return r.ask(ctx, no, models.ByStaff, &act)
}

// CloseForStaff ends a pending payment at the word of staff, in the order of
// things of Cancel: ask, settle what was paid, else close at the gateway and
// cancel here. It gives the state that the payment was found in, too: one that
// is not pending is left alone. NotFound, Unavailable: the payment stays as it is.
func (r *Rails) CloseForStaff(ctx context.Context, by models.Actor, no string) (was models.PaymentState, p models.Payment, err error) {
	if p, err = r.Store.PaymentByNo(ctx, no); err != nil {
		return "", p, err
	}
	was = p.State
	ask := func(ctx context.Context, no string) (Asked, error) {
		return r.AskForStaff(ctx, models.StaffAct{By: by, Action: models.ActClose}, no)
	}
	p, err = r.end(ctx, no, ask, func(ctx context.Context, no string) (models.Payment, error) {
		return r.Store.ClosePayment(ctx, by, no)
	})
	return was, p, err
}
