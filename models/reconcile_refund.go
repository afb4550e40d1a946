package models

import "ztc-portal/models/bulk"

// bookedRefund is a refund as our books hold it.
type bookedRefund struct {
	amountFen Fen // positive
	state     string
	settled   bool // the money has left
}

// refundOf finds the refunds of a rail by their request numbers.
func (t *tx) refundOf(rail Rail, requestNos []string) (map[string]bookedRefund, error) {
	found := make(map[string]bookedRefund, len(requestNos))
	if len(requestNos) == 0 {
		return found, nil
	}
	query := "SELECT r.request_no, r.amount_fen, r.state, p.rail FROM refunds r JOIN payments p ON p.id = r.payment_id WHERE %s"
	return found, bulk.On(t.DB).Select(query, "r.request_no", requestNos, func(scan bulk.Scan) error {
		var no string
		var of Rail
		var r bookedRefund
		if err := scan(&no, &r.amountFen, &r.state, &of); err != nil {
			return err
		}
		r.settled = RefundState(r.state) == RefundSettled
		if of == rail {
			found[no] = r
		}
		return nil
	})
}
