package models

import (
	"time"

	"gorm.io/gorm"
)

// refundUnderWay is true of refunds that have neither been given back nor
// refused, as the index on them wants it said; %s is the table's short name.
const refundUnderWay = "%s.state IN ('reserved', 'sent')"

// OpenRefunds is the money on its way back to its source: taken from the cash,
// and the gateway has not said what became of it, or was not asked yet; or people
// have not paid it out.
type OpenRefunds struct {
	Count     int64
	AmountFen Fen
	OldestAt  *time.Time // reserved
}

// openRefunds counts those that had been reserved at the instant, among the few
// that are under way: at their gateways, or to be paid out by hand.
func openRefunds(db *gorm.DB, since time.Time, byHand bool) (open OpenRefunds, err error) {
	var rows []Refund
	rail := "p.rail <> ?"
	if byHand {
		rail = "p.rail = ?"
	}
	err = db.Table("refunds AS f").Select("f.amount_fen, f.reserved_at").Joins("JOIN payments p ON p.id = f.payment_id").Where(rail, RailBankTransfer).Where(of(refundUnderWay, "f")+" AND f.reserved_at <= ?", since).
		Order("f.id").Find(&rows).Error
	for _, r := range rows {
		if open.OldestAt == nil || r.ReservedAt.Before(*open.OldestAt) {
			open.OldestAt = &r.ReservedAt
		}
		open.Count, open.AmountFen = open.Count+1, open.AmountFen+r.AmountFen
	}
	return open, err
}
