package wechat

import (
	"context"

	"ztc-portal/gateways"
)

// OpenBill shows the reading of a packed bill to tests.
func OpenBill(packed []byte, wantHash, mchID string) (gateways.BillReader, error) {
	return openBill(packed, wantHash, mchID)
}

// MaxBillBytes is the most that is fetched.
const MaxBillBytes = maxBillBytes

// Verify shows the verification of one signature to tests.
func Verify(keys []PublicKey, serial, message, signature string) error {
	platform, err := readPlatformKeys(keys)
	if err != nil {
		return err
	}
	return platform.Verify(context.Background(), serial, message, signature)
}
