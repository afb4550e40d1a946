package alipay

import "ztc-portal/gateways"

// OpenBill shows the reading of a zipped bill to tests.
func OpenBill(packed []byte) (gateways.BillReader, error) { return openBill(packed) }

// MaxBillBytes is the most that is fetched.
const MaxBillBytes = maxBillBytes
