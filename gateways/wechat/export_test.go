package wechat

import "ztc-portal/gateways"

// OpenBill shows the reading of a packed bill to tests.
func OpenBill(packed []byte, wantHash, mchID string) (gateways.BillReader, error) {
	return openBill(packed, wantHash, mchID)
}

// MaxBillBytes is the most that is fetched.
const MaxBillBytes = maxBillBytes
