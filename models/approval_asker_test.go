package models_test

import (
	"fmt"
	"testing"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

// A request stands on two persons who may. One whose asker was dismissed, or has
// another role since, or a lower limit, is not done, whoever approves it.
func TestWhoAskedMustStillBeAllowedTo(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		o := newOffice(t, b)
		account, _ := b.Seller(t, 100*yuan)
		p := recharge(t, b, account, 500*yuan)
		for _, since := range []string{"disabled_at = CURRENT_TIMESTAMP", "role = 'support'"} {
			a := ask(t, b, o.finance, refunding(p, "100"))
			raw(t, b, fmt.Sprintf("UPDATE users SET %s WHERE id = %d", since, o.finance.UserID))
			_, err := b.PreviewDecision(t.Context(), o.other, a.ID)
			wantCode(t, err, models.Conflict)
			failed := approve(t, b, o.other, a, models.ApprovalFailed)
			if failed.Note != "error.approval.asker" {
				t.Errorf("%s: it failed for %q", since, failed.Note)
			}
			wantFunds(t, b, account, 500_00, 0)
			raw(t, b, fmt.Sprintf("UPDATE users SET disabled_at = NULL, role = 'finance' WHERE id = %d", o.finance.UserID))
		}
		// As finance the same person may ask for less than as an admin.
		boss := newOffice(t, b).admin
		large, small := ask(t, b, o.admin, adjustment(account, "500,000.01", "add")), ask(t, b, o.admin, adjustment(account, "1", "add"))
		raw(t, b, fmt.Sprintf("UPDATE users SET role = 'finance' WHERE id = %d", o.admin.UserID))
		approve(t, b, boss, large, models.ApprovalFailed)
		approve(t, b, o.other, small, models.ApprovalApproved)
		// A freeze is for support to ask for.
		a := ask(t, b, o.finance, freezing(account))
		raw(t, b, fmt.Sprintf("UPDATE users SET role = 'support' WHERE id = %d", o.finance.UserID))
		approve(t, b, o.other, a, models.ApprovalApproved)
		wantFunds(t, b, account, 501_00, 0)
	})
}
