package wechat

import (
	"bytes"
	"context"
	"io"

	"ztc-portal/gateways"
)

// OpenBill shows the reading of a packed bill to tests.
func OpenBill(packed []byte, wantHash, mchID string) (gateways.BillReader, error) {
	return openBill(packed, wantHash, mchID)
}

// ReadUnpacked is the same of a bill that is not packed.
func ReadUnpacked(text []byte, wantHash, mchID string) gateways.BillReader {
	return readUnpacked(io.NopCloser(bytes.NewReader(text)), wantHash, mchID)
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
