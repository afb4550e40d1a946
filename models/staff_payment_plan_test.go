package models_test

import (
	"regexp"
	"testing"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

// ofTheFew finds in a plan that payments are read by an index of what is asked
// for alone.
var ofTheFew = regexp.MustCompile(`(payments_by_state|payments_pending|payments_paid_late|payments_one_draft)\b`)

// Whatever staff narrow the list of payments to, rare as it is, the list is read
// by an index of that, not by walking all payments, on the first page and the next.
func TestRarePaymentsAreListedByAnIndex(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, _ := b.Seller(t)
		b.Pending(t, account, "300")
		_, err := b.CancelPayment(t.Context(), b.Pending(t, account, "301").No)
		must(t, err)
		overdue := b.Pending(t, account, "302")
		b.Clock.Add(models.DefaultRules().PaymentTTL)
		_, err = b.ExpirePayment(t.Context(), overdue.No)
		must(t, err)
		crowd(t, b)
		filters := []models.StaffPaymentFilter{{Late: true}, {Stuck: true}, {Late: true, State: models.PaymentRefunded}, {Stuck: true, State: models.PaymentPending}}
		for _, state := range models.PaymentStates {
			if state == models.PaymentPaid { // nearly all are: the newest are soon found in any order
				continue
			}
			filters = append(filters, models.StaffPaymentFilter{State: state}, models.StaffPaymentFilter{State: state, Method: models.RailAlipay})
		}
		for _, f := range filters {
			for _, at := range []models.Keyset{{}, {Before: 3000}} {
				queries, err := b.Recorded(func(s *models.Store) error {
					_, _, err := s.StaffPayments(t.Context(), f, at)
					return err
				})
				must(t, err)
				if len(queries) == 0 {
					t.Fatal("no query was seen")
				}
				for _, query := range queries {
					if text, whole := plan(t, b, query); len(whole) > 0 || !ofTheFew.MatchString(text) {
						t.Errorf("%+v %+v: %s\nwalks %q:\n%s", f, at, query, whole, text)
					}
				}
			}
		}
		// The check itself: newest first without a filter walks the payments' own order.
		text, _ := plan(t, b, "SELECT id FROM payments WHERE rail = 'alipay' ORDER BY id DESC LIMIT 26")
		if ofTheFew.MatchString(text) {
			t.Errorf("a walk over all is not seen: %s", text)
		}
	})
}
