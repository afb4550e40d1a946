package models

// bookedRefund is a refund as our books hold it.
type bookedRefund struct {
	amountFen Fen // positive
	state     string
	settled   bool // the money has left
}

// refundOf finds the refunds of a rail by their request numbers. The portal
// gives no refunds yet, so that what a bill says of one is theirs alone.
func (t *tx) refundOf(_ Rail, _ []string) (map[string]bookedRefund, error) { return nil, nil }
