package models_test

import (
	"database/sql"
	"io/fs"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pressly/goose/v3"

	"ztc-portal/models"
	"ztc-portal/models/migrations"
	"ztc-portal/models/modelstest"
)

// schemaOf brings an empty database to one numbered schema, as it once was.
func schemaOf(t *testing.T, engine models.Engine, db *sql.DB, number int64) {
	t.Helper()
	files, err := fs.Sub(migrations.Files, string(engine))
	must(t, err)
	dialect := goose.DialectSQLite3
	if engine == models.Postgres {
		dialect = goose.DialectPostgres
	}
	provider, err := goose.NewProvider(dialect, db, files)
	must(t, err)
	_, err = provider.UpTo(t.Context(), number)
	must(t, err)
}

// oldPortal is a portal on an empty database of one numbered schema.
func oldPortal(t *testing.T, engine models.Engine, schema int64) (*modelstest.Bench, *sql.DB) {
	t.Helper()
	clock := modelstest.NewClock()
	store, err := models.Open(modelstest.EmptyURL(t, engine), models.Options{Now: clock.Now})
	must(t, err)
	t.Cleanup(func() { store.Close() })
	b := &modelstest.Bench{Store: store, Clock: clock, Queue: &modelstest.Queue{}}
	store.SetQueue(b.Queue)
	db, err := store.Handle()
	must(t, err)
	schemaOf(t, engine, db, schema)
	return b, db
}

// A portal of the first schema, with a seller who has spent, is upgraded: what
// was spent still stands, books and campaigns work on.
func TestTheFirstSchemaIsUpgradedWithItsData(t *testing.T) {
	t.Parallel()
	for _, engine := range modelstest.Engines {
		t.Run(string(engine), func(t *testing.T) {
			b, db := oldPortal(t, engine, 1)
			const at = "'2026-11-24 05:00:00+00:00'"
			for _, statement := range []string{
				"INSERT INTO sellers (id, shop_name, created_at) VALUES (1, 'Old shop', " + at + ")",
				"INSERT INTO ledger_accounts (id, name, balance_fen, created_at) VALUES (101, 'seller:1:cash', -70, " + at + "), (102, 'seller:1:bonus', 0, " + at + ")",
				"INSERT INTO accounts (id, seller_id, cash_account_id, bonus_account_id, funding_state, arrears_since, grace_ends_at, created_at) VALUES (1, 1, 101, 102, 'arrears', " + at + ", '2026-11-25 05:00:00+00:00', " + at + ")",
				"INSERT INTO campaigns (id, account_id, name, daily_budget_fen, switched_on, switched_at, created_at) VALUES (1, 1, 'Old', 10000, TRUE, " + at + ", " + at + ")",
				"INSERT INTO keywords (id, campaign_id, phrase, bid_fen, quality, created_at) VALUES (1, 1, 'tea', 100, 7, " + at + ")",
				"INSERT INTO account_stops (account_id, began_at) VALUES (1, " + at + ")",
				"INSERT INTO ledger_transactions (id, kind, reference, booked_at) VALUES (1, 'charge', 'old-1', " + at + ")",
				"INSERT INTO ledger_entries (transaction_id, account_id, amount_fen, balance_after_fen) SELECT 1, id, CASE WHEN name = 'revenue' THEN 70 ELSE -70 END, CASE WHEN name = 'revenue' THEN 70 ELSE -70 END FROM ledger_accounts WHERE name IN ('revenue', 'seller:1:cash')",
				"UPDATE ledger_accounts SET balance_fen = 70 WHERE name = 'revenue'",
				"INSERT INTO charges (charge_id, account_id, campaign_id, amount_fen, charged_at, received_at, transaction_id) VALUES ('old-1', 1, 1, 70, " + at + ", " + at + ", 1)",
				"INSERT INTO campaign_days (campaign_id, day_on, cost_fen, clicks) VALUES (1, '2026-11-24', 70, 1), (1, '2026-11-23', 900, 9)",
				"INSERT INTO account_days (account_id, day_on, cost_fen) VALUES (1, '2026-11-24', 70), (1, '2026-11-23', 900)",
				"INSERT INTO account_hours (account_id, day_on, hour, cost_fen) VALUES (1, '2026-11-24', 13, 70), (1, '2026-11-23', 10, 500), (1, '2026-11-23', 11, 400)",
			} {
				if _, err := db.ExecContext(t.Context(), statement); err != nil {
					t.Fatalf("%s: %v", statement, err)
				}
			}
			if engine == models.Postgres { // numbers given by hand are not given again
				for table := range strings.FieldsSeq("sellers ledger_accounts accounts campaigns keywords ledger_transactions") {
					_, err := db.ExecContext(t.Context(), "SELECT setval(pg_get_serial_sequence('"+table+"', 'id'), 1000)")
					must(t, err)
				}
			}
			must(t, b.Migrate(t.Context()))
			current, err := b.SchemaIsCurrent(t.Context())
			if err != nil || !current {
				t.Fatalf("the schema is current: %v, %v", current, err)
			}
			b.Sound(t)
			want := map[string]string{"1 2026-11-23": "[900 9 0 0 0 0]", "1 2026-11-24": "[70 1 0 0 0 0]"}
			if diff := cmp.Diff(want, sums(t, b, "campaign_days", "campaign_id")); diff != "" {
				t.Error(diff)
			}
			if cost := desk(t, b, 1).DailyCost; cost.Fen != 900 || cost.Days != 1 {
				t.Errorf("daily cost %+v", cost)
			}
			got, err := b.PostCharges(t.Context(), []models.Charge{click(b, "old-1", 1, 70), click(b, "new-1", 1, 30)})
			wantCounts(t, got, err, 1, 1)
			wantFunds(t, b, 1, -100, 0)
			recharge(t, b, 1, 300*yuan)
			wantDelivery(t, b, 1, models.DeliveryRecovering)
			r := follow(t, b)
			if r.cursor == 0 || r.states[1].Delivery != models.DeliveryRecovering {
				t.Errorf("the feed of an upgraded campaign: %d, %+v", r.cursor, r.states)
			}
			b.Sound(t)
		})
	}
}

// A portal of the schema before statements and methods, with money on each of its
// ways, is upgraded: what was pending is paid, what waited is approved, and what
// staff credited by hand is not booked again when a statement brings it.
func TestMoneyUnderWayOutlivesTheUpgrade(t *testing.T) {
	t.Parallel()
	for _, engine := range modelstest.Engines {
		t.Run(string(engine), func(t *testing.T) {
			bench, db := oldPortal(t, engine, 9)
			b := &till{Bench: bench, account: 1}
			moneyUnderWay(t, db)
			if engine == models.Postgres { // numbers given by hand are not given again
				for table := range strings.FieldsSeq("sellers ledger_accounts accounts users ledger_transactions payments suspense_items approvals") {
					run(t, db, "SELECT setval(pg_get_serial_sequence('"+table+"', 'id'), 1000)")
				}
			}
			must(t, b.Migrate(t.Context()))
			b.Offer(models.RailAlipay, models.RailBankTransfer)
			b.office = newOffice(t, b.Bench)
			b.held(t, 77*yuan)
			pending := b.now(t, models.Payment{No: "R2611240000000000000P"})
			if pending.State != models.PaymentPending || pending.ReferenceCode != nil {
				t.Errorf("what waited is %+v", pending)
			}
			outcome, err := b.SettlePayment(t.Context(), models.Receipt{
				Rail: models.RailAlipay, OutTradeNo: pending.No, GatewayTradeNo: "2026", State: models.TradePaid, AmountFen: 300 * yuan, Currency: "CNY", Payee: "2088", PaidAt: b.Clock.Now(),
			}, 0)
			if err != nil || outcome != models.OutcomeSettled {
				t.Errorf("settled: %s, %v", outcome, err)
			}
			approve(t, b.Bench, b.other, models.Approval{ID: 1}, models.ApprovalApproved)
			b.cash(t, 1, (500+300+77)*yuan)
			b.imports(t, 2, b.entry("CMB-2026-0001", 500*yuan, "A", ""), b.entry("CMB-2026-0002", 20*yuan, "B", ""))
			b.held(t, 20*yuan)
			methods, err := b.MethodStates(t.Context())
			if must(t, err); len(methods) != 2 || methods[0].Off || methods[0].FailingSince != nil {
				t.Errorf("the methods are %+v", methods)
			}
		})
	}
}

// moneyUnderWay fills the ninth schema: a seller with a credit by hand, a payment
// that waits, and money in suspense for which a request is open.
func moneyUnderWay(t *testing.T, db *sql.DB) {
	t.Helper()
	const at = "'2026-11-24 05:00:00+00:00'"
	const entries = "INSERT INTO ledger_entries (transaction_id, account_id, amount_fen, balance_after_fen) "
	for _, statement := range []string{
		"INSERT INTO users (id, email, password_hash, role, created_at) VALUES (7, 'old@office.test', '', 'finance', " + at + ")",
		"INSERT INTO sellers (id, shop_name, created_at) VALUES (1, 'Old shop', " + at + ")",
		"INSERT INTO ledger_accounts (id, name, balance_fen, created_at) VALUES (101, 'seller:1:cash', 50000, " + at + "), (102, 'seller:1:bonus', 0, " + at + ")",
		"INSERT INTO accounts (id, seller_id, cash_account_id, bonus_account_id, created_at) VALUES (1, 1, 101, 102, " + at + ")",
		"INSERT INTO ledger_transactions (id, kind, reference, booked_at) VALUES (1, 'recharge', 'bank_transfer:CMB-2026-0001', " + at + "), (2, 'suspense', 'alipay:S1', " + at + ")",
		entries + "SELECT 1, id, CASE id WHEN 101 THEN 50000 ELSE -50000 END, CASE id WHEN 101 THEN 50000 ELSE -50000 END FROM ledger_accounts WHERE id = 101 OR name = 'gateway:bank_transfer'",
		entries + "SELECT 2, id, CASE name WHEN 'suspense' THEN 7700 ELSE -7700 END, CASE name WHEN 'suspense' THEN 7700 ELSE -7700 END FROM ledger_accounts WHERE name IN ('suspense', 'gateway:alipay')",
		"UPDATE ledger_accounts SET balance_fen = (SELECT SUM(amount_fen) FROM ledger_entries WHERE account_id = ledger_accounts.id) WHERE name IN ('gateway:bank_transfer', 'gateway:alipay', 'suspense')",
		"INSERT INTO payments (id, no, account_id, rail, state, amount_fen, payee, created_at, confirmed_at, expires_at, paid_at, settled_at, gateway_trade_no, ledger_transaction_id) VALUES (1, 'R2611240000000000000H', 1, 'bank_transfer', 'paid', 50000, 'bank_transfer', " +
			strings.Join([]string{at, at, at, at, at}, ", ") + ", 'CMB-2026-0001', 1)",
		"INSERT INTO payments (id, no, account_id, rail, state, amount_fen, payee, created_at, confirmed_at, expires_at) VALUES (2, 'R2611240000000000000P', 1, 'alipay', 'pending', 30000, '2088', " + at + ", " + at + ", '2026-11-24 07:00:00+00:00')",
		"INSERT INTO suspense_items (id, rail, gateway_trade_no, out_trade_no, amount_fen, reason, ledger_transaction_id, created_at) VALUES (1, 'alipay', 'S1', '', 7700, 'unknown_payment', 2, " + at + ")",
		"INSERT INTO approvals (id, kind, account_id, suspense_id, amount_fen, reason, asked_by, asked_at) VALUES (1, 'suspense_clear', 1, 1, 7700, 'the payer called', 7, " + at + ")",
		"INSERT INTO reconciliations (id, rail, day_on, state, created_at) VALUES (202611231, 'alipay', '2026-11-23', 'waiting', " + at + ")",
	} {
		run(t, db, statement)
	}
}

// A portal of the second schema, with acts on its log that have no hashes, is
// upgraded: the acts become a chain, gaps between their ids and all.
func TestTheSecondSchemasAuditLogIsSealed(t *testing.T) {
	t.Parallel()
	for _, engine := range modelstest.Engines {
		t.Run(string(engine), func(t *testing.T) {
			const old = 1003
			for name, upgrade := range map[string]func(*testing.T, *modelstest.Bench, *sql.DB){
				"by migrate": func(t *testing.T, b *modelstest.Bench, _ *sql.DB) {
					must(t, b.Migrate(t.Context()))
					must(t, b.Migrate(t.Context())) // once is enough
				},
				// Killed after the schema's step: whoever acts first finishes it.
				"by the first act": func(t *testing.T, b *modelstest.Bench, db *sql.DB) {
					schemaOf(t, engine, db, 3)
					if check := verified(t, b); check.Fault == nil || check.Fault.What != models.AuditUnsealed || check.Fault.RowID != 1 {
						t.Errorf("not sealed yet: %+v", check)
					}
					_, err := b.CreateAPIKey(t.Context(), "the engine", nil)
					must(t, err)
				},
			} {
				t.Run(name, func(t *testing.T) {
					url := modelstest.EmptyURL(t, engine)
					clock := modelstest.NewClock()
					store, err := models.Open(url, models.Options{Now: clock.Now})
					must(t, err)
					t.Cleanup(func() { store.Close() })
					b := &modelstest.Bench{Store: store, Clock: clock, Queue: &modelstest.Queue{}}
					store.SetQueue(b.Queue)
					db, err := store.Handle()
					must(t, err)
					schemaOf(t, engine, db, 2)
					run(t, db, "INSERT INTO users (id, email, password_hash, role, created_at) VALUES (7, 'old@office.test', '', 'support', '2026-11-24 05:00:00+00:00')")
					for id := 1; id <= old; id++ {
						if id%100 != 50 { // what was rolled back on PostgreSQL left gaps
							_, err := db.ExecContext(t.Context(), `INSERT INTO audit_log (id, at, user_id, action, subject, address, "before", "after")
								VALUES ($1, '2026-11-24 05:00:00.25+00:00', 7, 'campaign.budget', 'campaign:7', '192.0.2.9', '100.00', $2)`, id, strconv.Itoa(id))
							must(t, err)
						}
					}
					upgrade(t, b, db)
					check := verified(t, b)
					entries, err := b.AuditOf(t.Context(), "audit", 10)
					must(t, err)
					if check.Fault != nil || check.Rows < old-10+1 || len(entries) != 1 || entries[0].ID <= old ||
						!strings.HasPrefix(entries[0].After, "rows: 993, last: 1003, hash: ") {
						t.Fatalf("sealed: %+v; noted of it: %+v", check, entries)
					}
					oldest, err := b.AuditOf(t.Context(), "campaign:7", old)
					must(t, err)
					if first := oldest[len(oldest)-1]; len(oldest) != old-10 || first.Hash != hashOf(first) || first.Email != "old@office.test" {
						t.Errorf("%d old acts, the first is %+v", len(oldest), first)
					}
					must(t, b.Migrate(t.Context()))
					acted(t, b)
					b.Sound(t)
					db, _ = tampering(t, b)
					run(t, db, "DELETE FROM audit_log WHERE id = 500")
					if check := verified(t, b); check.Fault == nil || check.Fault.RowID != 500 || check.Fault.What != models.AuditMissing {
						t.Errorf("an old act is gone: %v", check.Fault)
					}
				})
			}
		})
	}
}
