package unionpay

import (
	"time"

	"ztc-portal/gateways"
)

// OpenBill shows the reading of a zipped settlement file to tests.
func OpenBill(packed []byte, merID string, day time.Time) (gateways.BillReader, error) {
	return openBill(packed, merID, day)
}

// ReadAnswer shows the reading of an answer to tests.
func ReadAnswer(body string) (map[string]string, error) { return readAnswer(body) }
