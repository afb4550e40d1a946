package gateways

import (
	"context"

	"ztc-portal/models"
)

// ChangeMethod puts a draft on another rail in the place of a payment that is
// open, over the same amount; the old one is ended as Cancel ends it. A payment
// that has ended, or has the method already, is given back as it is, and so is
// one that turns out to be paid. One whose gateway can't be asked stays pending
// beside the draft, to its deadline. NotFound; FieldErrors on "method" and
// "amount": nothing is changed then.
func (r *Rails) ChangeMethod(ctx context.Context, accountID int64, no, method string) (models.Payment, error) {
	old, err := r.Store.OwnPayment(ctx, accountID, no)
	if err != nil || !old.State.IsOpen() || string(old.Rail) == method {
		return old, err
	}
	next, err := r.Store.DraftRecharge(ctx, accountID, models.RechargeInput{Amount: old.AmountFen.Wire(), Method: method})
	if err != nil {
		return old, err
	}
	ended, err := r.Cancel(ctx, accountID, no)
	switch {
	case err != nil && models.CodeOf(err) != models.Unavailable:
		return old, err
	case err == nil && ended.State.IsPaid():
		_, err = r.Store.DiscardDraft(ctx, next.No)
		return ended, err
	}
	return next, nil
}
