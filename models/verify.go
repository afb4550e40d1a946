package models

import (
	"context"

	"ztc-portal/models/ledger"
)

// VerifyLedger reads the whole ledger and names every promise that does not
// hold; none means sound books.
func (s *Store) VerifyLedger(ctx context.Context) ([]ledger.Fault, error) {
	return ledger.Verify(s.read.WithContext(ctx))
}
