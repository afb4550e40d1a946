package models_test

import (
	"fmt"
	"strings"
	"testing"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

// What the database itself refuses, whatever code runs above it. Each
// statement is nearly right: `good` statements of the same shape are taken.
func TestTheDatabaseRefusesWrongStates(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, campaigns := b.Seller(t, 1000*yuan)
		paid := recharge(t, b, account, 500*yuan)
		pending := b.Pending(t, account, "600")
		open := draft(t, b, account, "700")
		b.Charge(t, "c1", campaigns[0], 100)
		db, err := b.Handle()
		must(t, err)

		const at = "'2026-11-24 06:00:00+00:00'"
		payment := func(no int, columns, values string) string {
			return fmt.Sprintf("INSERT INTO payments (no, account_id, rail, created_at, %s) VALUES ('R261124%014d', %d, 'alipay', %s, %s)", columns, no, account, at, values)
		}
		update := func(p models.Payment, set string) string {
			return fmt.Sprintf("UPDATE payments SET %s WHERE id = %d", set, p.ID)
		}
		invitation := func(ends string) string {
			return "INSERT INTO invitations (seller_id, email, shop_role, lang, invited_by, created_at, sent_at, expires_at, token_hash, accepted_at, accepted_by, withdrawn_at) VALUES " +
				"(1, 'in@shop.test', 'viewer', 'en', 1, " + strings.Join([]string{at, at, at}, ", ") + ", '" + strings.Repeat("aa", 32) + "', " + ends + ")"
		}
		good := []string{
			invitation("NULL, NULL, NULL"),
			"UPDATE invitations SET accepted_at = " + at + ", accepted_by = 1",
			payment(1, "state, amount_fen", "'draft', 100"),
			payment(2, "state, amount_fen, confirmed_at, expires_at", "'pending', 100, "+at+", "+at),
			update(pending, "checking_since = "+at),
			update(paid, "state = 'partially_refunded', refunded_fen = 1"),
			update(paid, "state = 'refunded', refunded_fen = 50000"),
			fmt.Sprintf("UPDATE accounts SET funding_state = 'arrears', arrears_since = %s, grace_ends_at = %s WHERE id = %d", at, at, account),
			fmt.Sprintf("UPDATE accounts SET funding_state = 'suspended', suspended_at = %s WHERE id = %d", at, account),
			fmt.Sprintf("UPDATE accounts SET frozen_at = %s, frozen_reason = 'checks' WHERE id = %d", at, account),
			"INSERT INTO sellers (shop_name, created_at) VALUES ('Tea', " + at + ")",
			"INSERT INTO users (email, password_hash, role, created_at) VALUES ('staff@office.test', '', 'support', " + at + ")",
		}
		wrong := map[string]string{
			"paid without settled_at":          update(pending, "state = 'paid'"),
			"settled without a posting":        update(pending, "state = 'paid', paid_at = "+at+", settled_at = "+at+", gateway_trade_no = '1'"),
			"settled but not paid":             update(pending, "settled_at = "+at),
			"expired without its instant":      update(pending, "state = 'expired'"),
			"cancelled without its instant":    update(open, "state = 'cancelled'"),
			"failed without its instant":       update(pending, "state = 'failed'"),
			"pending without a deadline":       update(open, "state = 'pending'"),
			"a deadline without confirmation":  update(open, "expires_at = "+at),
			"an amount of zero":                payment(3, "state, amount_fen", "'draft', 0"),
			"a negative amount":                payment(3, "state, amount_fen", "'draft', -100"),
			"no amount":                        payment(3, "state", "'draft'"),
			"an unknown state":                 payment(3, "state, amount_fen", "'lost', 100"),
			"another currency":                 payment(3, "state, amount_fen, currency", "'draft', 101, 'USD'"),
			"an unknown rail":                  strings.Replace(payment(3, "state, amount_fen", "'draft', 101"), "alipay", "cash", 1),
			"a payment no of another length":   strings.Replace(payment(3, "state, amount_fen", "'draft', 101"), "R261124", "R26112", 1),
			"a payment no twice":               strings.Replace(payment(3, "state, amount_fen", "'draft', 102"), "R26112400000000000003", pending.No, 1),
			"two drafts of one wish":           payment(3, "state, amount_fen", "'draft', 70000"),
			"a payment of nobody":              strings.Replace(payment(3, "state, amount_fen", "'draft', 101"), fmt.Sprintf("', %d, 'alipay'", account), "', 999999, 'alipay'", 1),
			"resumed twice":                    payment(3, "state, amount_fen, resumes_id", fmt.Sprintf("'draft', 101, %d), ('R26112400000000000004', %d, 'alipay', %s, 'draft', 102, %d", pending.ID, account, at, pending.ID)),
			"the amount changes":               update(pending, "amount_fen = amount_fen + 1"),
			"the account changes":              update(pending, "account_id = account_id"),
			"the number changes":               update(pending, "no = 'R26112400000000000009'"),
			"paid becomes pending":             update(paid, "state = 'pending', settled_at = NULL"),
			"paid becomes expired":             update(paid, "state = 'expired', settled_at = NULL, expired_at = "+at),
			"more is refunded than was paid":   update(paid, "state = 'partially_refunded', refunded_fen = 50001"),
			"wholly refunded, said to be part": update(paid, "state = 'partially_refunded', refunded_fen = 50000"),
			"refunded, but nothing was":        update(paid, "state = 'refunded'"),
			"a payment is deleted":             fmt.Sprintf("DELETE FROM payments WHERE id = %d", open.ID),
			"one trade pays two payments":      update(pending, "gateway_trade_no = '"+b.Receipt(paid).GatewayTradeNo+"'"),

			"arrears without an instant":       fmt.Sprintf("UPDATE accounts SET funding_state = 'arrears' WHERE id = %d", account),
			"arrears without a deadline":       fmt.Sprintf("UPDATE accounts SET funding_state = 'arrears', arrears_since = %s WHERE id = %d", at, account),
			"active with arrears":              fmt.Sprintf("UPDATE accounts SET arrears_since = %s, grace_ends_at = %s WHERE id = %d", at, at, account),
			"suspended without its instant":    fmt.Sprintf("UPDATE accounts SET funding_state = 'suspended', arrears_since = %s, grace_ends_at = %s WHERE id = %d", at, at, account),
			"an unknown funding state":         fmt.Sprintf("UPDATE accounts SET funding_state = 'frozen' WHERE id = %d", account),
			"frozen for no reason":             fmt.Sprintf("UPDATE accounts SET frozen_at = %s WHERE id = %d", at, account),
			"a seller without a shop":          "INSERT INTO users (email, password_hash, role, shop_role, created_at) VALUES ('x@shop.test', '', 'seller', 'owner', " + at + ")",
			"staff with a shop":                "INSERT INTO users (email, password_hash, role, seller_id, created_at) VALUES ('x@shop.test', '', 'admin', 1, " + at + ")",
			"an unknown role":                  "INSERT INTO users (email, password_hash, role, created_at) VALUES ('x@shop.test', '', 'owner', " + at + ")",
			"an e-mail in capitals":            "INSERT INTO users (email, password_hash, role, created_at) VALUES ('X@shop.test', '', 'admin', " + at + ")",
			"a seller of nothing":              "INSERT INTO users (email, password_hash, role, shop_role, seller_id, created_at) VALUES ('x@shop.test', '', 'seller', 'owner', 999999, " + at + ")",
			"a seller's user without a role":   "UPDATE users SET shop_role = '' WHERE role = 'seller'",
			"staff with a role in a shop":      "INSERT INTO users (email, password_hash, role, shop_role, created_at) VALUES ('x@shop.test', '', 'admin', 'owner', " + at + ")",
			"an unknown role in a shop":        "UPDATE users SET shop_role = 'boss' WHERE role = 'seller'",
			"two open invitations":             invitation("NULL, NULL, NULL") + ", " + strings.Replace(invitation("NULL, NULL, NULL")[strings.Index(invitation(""), "(1, 'in"):], "aa", "bb", 1),
			"accepted by nobody":               invitation(at + ", NULL, NULL"),
			"accepted and withdrawn":           invitation(at + ", 1, " + at),
			"a link of no hash":                strings.Replace(invitation("NULL, NULL, NULL"), "aa", "", 1),
			"a campaign without a budget":      fmt.Sprintf("UPDATE campaigns SET daily_budget_fen = 0 WHERE id = %d", campaigns[0]),
			"a bid of nothing":                 "UPDATE keywords SET bid_fen = 0",
			"a quality of 11":                  "UPDATE keywords SET quality = 11",
			"a charge of nothing":              "UPDATE charges SET amount_fen = 0",
			"a charge for another's campaign":  "UPDATE charges SET campaign_id = 999999",
			"a restart that did not happen":    fmt.Sprintf("INSERT INTO restart_items (restart_id, campaign_id, started) VALUES (999999, %d, TRUE)", campaigns[0]),
			"a stop that ends before it began": fmt.Sprintf("INSERT INTO account_stops (account_id, began_at, ended_at) VALUES (%d, '2026-11-24 06:00:00+00:00', '2026-11-24 05:00:00+00:00')", account),
			"the audit trail is changed":       "UPDATE audit_log SET action = 'x'",
			"the audit trail is shortened":     "DELETE FROM audit_log",
		}
		for name, statement := range wrong {
			if _, err := db.ExecContext(t.Context(), statement); err == nil {
				t.Errorf("%s: taken: %s", name, statement)
			} else if !isConstraint(err) {
				t.Errorf("%s: refused for another reason: %v", name, err)
			}
		}
		for _, statement := range good {
			if _, err := db.ExecContext(t.Context(), statement); err != nil {
				t.Errorf("%s: %v", statement, err)
			}
		}
	})
}

// isConstraint: a rule of the schema spoke, not a slip in the statement.
func isConstraint(err error) bool {
	for _, word := range []string{"constraint", "never changes", "stays paid", "are kept", "append-only", "has a role in the shop"} {
		if strings.Contains(err.Error(), word) {
			return true
		}
	}
	return false
}
