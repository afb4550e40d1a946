package models

import (
	"context"

	"gorm.io/gorm"
)

// refundable is the rule: the money of the payment that the difference is about
// may go back to its source. A fee is the gateway's, and what the bill calls a
// refund went back already. What no statement has may never have come: people must
// not pay it out, an adjustment mends it.
func (d Difference) refundable(p Payment) bool {
	neverCame := d.Kind == OnlyOurs && p.Rail.PaidOutByHand()
	return d.IsOpen() && d.Kind != FeeDiffers && d.RequestNo == "" && !neverCame && p.Refundable()
}

// endedBy is the rule: the refund gave back, since the difference was found,
// what the difference is about. One that the bill names ends by that refund
// alone.
func (d Difference) endedBy(r Refund) bool {
	return d.PaymentID != nil && *d.PaymentID == r.PaymentID && d.Kind != FeeDiffers && (d.RequestNo == "" || d.RequestNo == r.RequestNo) &&
		r.State == RefundSettled && r.SettledAt.After(d.FoundAt)
}

// CloseRefunded ends a difference whose payment went back to its source since it
// was found, in full or in part; the refund's number is its note. NotFound;
// Conflict: it is worked already, or no such refund is settled.
func (s *Store) CloseRefunded(ctx context.Context, by Actor, id int64) error {
	return s.work(ctx, by, id, Refunded, func(t *tx, _ Rail, d Difference) (string, error) {
		refunds, err := settledRefunds(t.DB, d)
		for i := len(refunds) - 1; i >= 0; i-- {
			if d.endedBy(refunds[i]) {
				return refunds[i].RequestNo, nil
			}
		}
		if err == nil {
			err = conflict("error.difference.not_refunded", nil)
		}
		return "", err
	})
}

// settledRefunds reads what went back of the payments that differences are
// about, oldest first.
func settledRefunds(db *gorm.DB, about ...Difference) (refunds []Refund, err error) {
	ids := paymentsOf(about)
	if len(ids) == 0 {
		return nil, nil
	}
	return refunds, db.Order("id").Find(&refunds, "payment_id IN ? AND state = 'settled'", ids).Error
}

func paymentsOf(about []Difference) (ids []int64) {
	for _, d := range about {
		if d.PaymentID != nil {
			ids = append(ids, *d.PaymentID)
		}
	}
	return ids
}

// readRefunds says of each open difference whether its payment may be refunded,
// and whether it was since.
func readRefunds(db *gorm.DB, rows []DifferenceView) error {
	var open []Difference
	for _, row := range rows {
		if row.IsOpen() {
			open = append(open, row.Difference)
		}
	}
	refunds, err := settledRefunds(db, open...)
	if err != nil {
		return err
	}
	var payments []Payment
	if ids := paymentsOf(open); len(ids) > 0 {
		if err := db.Find(&payments, "id IN ?", ids).Error; err != nil {
			return err
		}
	}
	for i := range rows {
		row := &rows[i]
		for _, p := range payments {
			row.Refundable = row.Refundable || row.PaymentID != nil && *row.PaymentID == p.ID && row.refundable(p)
		}
		for _, r := range refunds {
			row.Refunded = row.Refunded || row.IsOpen() && row.endedBy(r)
		}
	}
	return nil
}
