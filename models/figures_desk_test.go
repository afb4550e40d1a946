package models_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ztc-portal/models"
	"ztc-portal/models/ledger"
	"ztc-portal/models/modelstest"
)

func figures(t testing.TB, b *modelstest.Bench) models.FiguresDesk {
	t.Helper()
	d, err := b.FiguresDesk(t.Context())
	must(t, err)
	return d
}

// settledAfter pays an amount in, credited so long after the gateway took it.
func settledAfter(t testing.TB, b *modelstest.Bench, account int64, amount string, wait time.Duration) {
	t.Helper()
	p := b.Pending(t, account, amount)
	receipt := b.Receipt(p)
	receipt.PaidAt = b.Clock.Now().Add(-wait)
	_, err := b.SettlePayment(t.Context(), receipt, 0)
	must(t, err)
}

func TestFiguresOfAnEmptyPortal(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		d := figures(t, b)
		if len(d.Hours) != 0 || d.Day.Count != 0 || d.Week.Count != 0 || d.Frozen != 0 || d.Stuck.Count() != 0 || d.Suspense.Count != 0 ||
			d.Refused != 0 || !d.Ledger.At.IsZero() || !d.JudgedAt.IsZero() || len(d.Open) != 0 || len(d.Arrears) != 4 || len(d.Watched) != len(models.Bands) {
			t.Errorf("an empty portal has figures: %+v", d)
		}
	})
}

func TestRechargesByRailAndHour(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		b.Clock.Set(time.Date(2026, 11, 24, 6, 20, 0, 0, time.UTC))
		account, _ := b.Seller(t)
		settledAfter(t, b, account, "999", 0) // 24 hours and 20 minutes before the end: out of sight
		b.Clock.Add(40 * time.Minute)
		settledAfter(t, b, account, "200", 0) // 07:00, the first hour in sight
		b.Clock.Add(22 * time.Hour)           // 05:00
		settledAfter(t, b, account, "300", 0)
		lost := b.Pending(t, account, "400")
		_, err := b.CancelPayment(t.Context(), lost.No)
		must(t, err)
		overdue := b.Pending(t, account, "450")
		b.Clock.Add(40 * time.Minute)
		_, err = b.ExpirePayment(t.Context(), overdue.No)
		must(t, err)
		b.Clock.Add(20*time.Minute + 59*time.Minute) // 06:59
		settledAfter(t, b, account, "500", 0)
		b.Pending(t, account, "600")
		_, err = b.DraftRecharge(t.Context(), account, models.RechargeInput{Amount: "700", Method: "alipay"})
		must(t, err)
		hour := func(day, h int) time.Time { return time.Date(2026, 11, day, h, 0, 0, 0, time.UTC) }
		want := []models.RailHour{
			{HourAt: hour(25, 6), Rail: models.RailAlipay, Attempts: 2, Paid: 1, Ended: 1, PaidFen: 500 * yuan},
			{HourAt: hour(25, 5), Rail: models.RailAlipay, Attempts: 3, Paid: 1, Ended: 3, PaidFen: 300 * yuan},
			{HourAt: hour(24, 7), Rail: models.RailAlipay, Attempts: 1, Paid: 1, Ended: 1, PaidFen: 200 * yuan},
		}
		if diff := cmp.Diff(want, figures(t, b).Hours); diff != "" {
			t.Error(diff)
		}
		if percent, ok := want[1].SuccessPercent(); percent != 33 || !ok {
			t.Errorf("one of three is %d %%, %v", percent, ok)
		}
	})
}

func TestTimeFromPaidToCredited(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, _ := b.Seller(t)
		settledAfter(t, b, account, "200", time.Hour) // eight days before the end
		b.Clock.Add(3 * 24 * time.Hour)
		settledAfter(t, b, account, "200", 90*time.Second)
		b.Clock.Add(5*24*time.Hour - 12*time.Hour)
		for i := range 99 {
			settledAfter(t, b, account, "200", time.Duration(i+1)*100*time.Millisecond)
		}
		settledAfter(t, b, account, "200", 61*time.Second)
		settledAfter(t, b, account, "200", -3*time.Second) // the gateway's clock is ahead
		b.Clock.Add(12 * time.Hour)
		d := figures(t, b)
		second := func(tenths int) time.Duration { return time.Duration(tenths) * 100 * time.Millisecond }
		want := models.CreditTimes{Count: 101, P50: second(50), P99: second(99), Worst: 61 * time.Second}
		if diff := cmp.Diff(want, d.Day); diff != "" {
			t.Error("the day: ", diff)
		}
		want = models.CreditTimes{Count: 102, P50: second(50), P99: 61 * time.Second, Worst: 90 * time.Second}
		if diff := cmp.Diff(want, d.Week); diff != "" {
			t.Error("the week: ", diff)
		}
		settledAfter(t, b, account, "200", 2*time.Minute)
		b.Clock.Add(time.Minute - time.Microsecond)
		if d := figures(t, b); d.Week != want || d.Day.Worst != 2*time.Minute {
			t.Errorf("within a minute the week is read again, or the day is not: %+v", d.Week)
		}
		b.Clock.Add(time.Microsecond)
		if d := figures(t, b); d.Week.Count != 103 || d.Week.Worst != 2*time.Minute {
			t.Errorf("after a minute the week is %+v", d.Week)
		}
	})
}

func TestArrearsByAge(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		owe := func(id string, amount models.Fen) int64 {
			account, campaigns := b.Seller(t, 100*yuan)
			b.Charge(t, id, campaigns[0], amount)
			return account
		}
		oldest := owe("a", 70*yuan)
		b.Clock.Add(5 * 24 * time.Hour)
		owe("b", 40*yuan)
		b.Clock.Add(2 * 24 * time.Hour) // the oldest is 7 days old, to the instant
		owe("c", 20*yuan)
		owe("d", 5*yuan)
		recharge(t, b, owe("e", 3*yuan), 300*yuan) // paid
		a := wantAccount(t, b, oldest, models.AccountArrears)
		must(t, b.SuspendAccount(t.Context(), oldest, *a.ArrearsSince))
		must(t, b.FreezeAccount(t.Context(), models.Actor{}, oldest, "checks"))
		d := figures(t, b)
		day := 24 * time.Hour
		want := []models.ArrearsAge{
			{Age: 0, Accounts: 2, OwedFen: 25 * yuan}, {Age: day, Accounts: 1, OwedFen: 40 * yuan},
			{Age: 3 * day}, {Age: 7 * day, Accounts: 1, OwedFen: 70 * yuan},
		}
		if diff := cmp.Diff(want, d.Arrears); diff != "" {
			t.Error(diff)
		}
		if d.Suspended != 1 || d.Frozen != 1 {
			t.Errorf("%d suspended, %d frozen", d.Suspended, d.Frozen)
		}
	})
}

func TestWhatWaitsForAPerson(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, _ := b.Seller(t)
		overdue, checked := b.Pending(t, account, "300"), b.Pending(t, account, "400")
		b.Clock.Add(models.DefaultRules().PaymentTTL)
		if d := figures(t, b); d.Stuck.Count() != 0 {
			t.Errorf("at its deadline a payment is stuck: %+v", d.Stuck)
		}
		b.Pending(t, account, "500")
		must(t, b.NoteChecking(t.Context(), b.Pending(t, account, "600").No, true))
		stranger := b.Receipt(checked)
		stranger.OutTradeNo, stranger.GatewayTradeNo, stranger.AmountFen, stranger.Confirmed = "R261124ZZZZZZZZZZZZZZ", "9", 80*yuan, true
		outcome, err := b.SettlePayment(t.Context(), stranger, 0)
		if err != nil || outcome != models.OutcomeSuspense {
			t.Fatal(outcome, err)
		}
		for range 3 {
			id, err := b.ReceiveNotify(t.Context(), models.RailAlipay, "192.0.2.1", "", []byte("forged"))
			must(t, err)
			must(t, b.JudgeNotify(t.Context(), id, models.OutcomeRefused, "", "signature"))
		}
		_, err = b.ReceiveNotify(t.Context(), models.RailAlipay, "192.0.2.1", "", []byte("not judged"))
		must(t, err)
		must(t, b.NoteLedgerReading(t.Context(), []ledger.Fault{{What: "account", ID: 7, Want: 1, Got: 2}, {What: "account", ID: 8, Got: 2}}))
		must(t, b.NoteChecking(t.Context(), overdue.No, true)) // both at once counts once
		b.Queue.Figures = models.QueueFigures{Available: 4, Running: 3, Retryable: 2, Discarded: 1, Oldest: time.Minute}
		at := b.Clock.Now()
		b.Clock.Add(time.Second)
		d := figures(t, b)
		if d.Stuck != (models.StuckPayments{PastDeadline: 2, Checking: 1}) {
			t.Errorf("stuck are %+v", d.Stuck)
		}
		if d.Suspense.Count != 1 || d.Suspense.AmountFen != 80*yuan || d.Suspense.OldestAt == nil || !d.Suspense.OldestAt.Equal(at) {
			t.Errorf("in suspense are %+v", d.Suspense)
		}
		if d.Refused != 3 || d.Queue != b.Queue.Figures {
			t.Errorf("%d refused, the queue %+v", d.Refused, d.Queue)
		}
		if d.Ledger.Faults != 2 || d.Ledger.First != "account 7: want 1 fen, got 2 fen" || !d.Ledger.At.Equal(at) {
			t.Errorf("the last reading: %+v", d.Ledger)
		}
		b.Clock.Add(time.Hour)
		if d := figures(t, b); d.Refused != 0 {
			t.Errorf("after an hour %d are refused", d.Refused)
		}
	})
}

// crowd fills the tables that grow with rows of the last 90 days, so that a
// planner knows that they are large.
func crowd(t *testing.T, b *modelstest.Bench) {
	t.Helper()
	db, err := b.Handle()
	must(t, err)
	ago := "strftime('%Y-%m-%d %H:%M:%S+00:00', '2026-11-24 05:59:59', '-' || (i * 20) || ' minutes')"
	if b.Engine() == models.Postgres {
		ago = "timestamptz '2026-11-24 05:59:59+00' - i * interval '20 minutes'"
	}
	const at = "'2026-11-24 05:00:00+00:00'"
	for _, into := range []string{
		"sellers (id, shop_name, created_at) SELECT 1000 + i, 'Shop', " + at,
		"ledger_accounts (id, name, created_at) SELECT 100000 + i, 'seller:' || (1000 + i) || ':cash', " + at,
		"ledger_accounts (id, name, created_at) SELECT 200000 + i, 'seller:' || (1000 + i) || ':bonus', " + at,
		"accounts (id, seller_id, cash_account_id, bonus_account_id, created_at) SELECT 1000 + i, 1000 + i, 100000 + i, 200000 + i, " + at,
		"ledger_transactions (id, kind, reference, booked_at) SELECT 1000 + i, 'recharge', 'crowd:' || i, " + ago,
		"payments (no, account_id, rail, state, amount_fen, created_at, confirmed_at, expires_at, paid_at, settled_at, gateway_trade_no, ledger_transaction_id) SELECT 'R261124' || (10000000000000 + i), 1000 + i, 'alipay', 'paid', 100, " +
			strings.Join([]string{ago, ago, ago, ago, ago}, ", ") + ", 'T' || i, 1000 + i",
		"users (id, email, password_hash, role, created_at) SELECT 1000 + i, 'crowd' || i || '@office.test', '', 'finance', " + at,
		"approvals (id, kind, account_id, payment_id, amount_fen, reason, asked_by, asked_at, state, decided_by, decided_at) SELECT 1000 + i, 'refund', 1000 + i, (SELECT id FROM payments WHERE account_id = 1000 + i), 100, 'paid twice', 1001, " +
			ago + ", 'approved', 1002, " + ago,
		"refunds (request_no, payment_id, approval_id, amount_fen, reason, state, reserved_at, sent_at, settled_at, attempts) SELECT 'F' || i, (SELECT id FROM payments WHERE account_id = 1000 + i), 1000 + i, 100, '', 'settled', " +
			strings.Join([]string{ago, ago, ago}, ", ") + ", 1",
		"notify_inbox (rail, received_at, address, headers, body, verdict) SELECT 'alipay', " + ago + ", '', '', 'x', CASE WHEN i % 7 = 0 THEN 'refused' ELSE 'settled' END",
		"suspense_items (rail, gateway_trade_no, out_trade_no, amount_fen, reason, ledger_transaction_id, created_at, cleared_at) SELECT 'alipay', 'S' || i, '', 100, 'unknown_payment', 1000 + i, " + ago + ", " + ago,
		"webhook_messages (message_id, body, created_at, delivered_at) SELECT 'msg_' || i, '{}', " + ago + ", " + ago,
		"staff_alerts (figure, level, value, opened_at, changed_at, ended_at) SELECT 'f' || i, 'warn', 1, " + ago + ", " + ago + ", " + ago,
		"ledger_readings (at, faults) SELECT " + ago + ", 0",
	} {
		_, err := db.ExecContext(t.Context(), "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 6000) INSERT INTO "+into+" FROM n")
		if err != nil {
			t.Fatalf("%s: %v", into, err)
		}
	}
	_, err = db.ExecContext(t.Context(), "UPDATE accounts SET funding_state = 'arrears', arrears_since = "+at+", grace_ends_at = "+at+" WHERE id <= 1010 AND id > 1000")
	must(t, err)
	_, err = db.ExecContext(t.Context(), "ANALYZE")
	must(t, err)
}

// wholeTable finds in a plan that a table which grows is read from end to end.
// Indexes of the few rows that stand in the way of somebody may be.
var wholeTable = map[models.Engine]*regexp.Regexp{
	models.SQLite:   regexp.MustCompile(`SCAN (payments|accounts|a|l|refunds|f|ledger_accounts|notify_inbox|suspense_items|webhook_messages|staff_alerts|ledger_readings)\b(.*)`),
	models.Postgres: regexp.MustCompile(`Seq Scan on (payments|accounts|refunds|ledger_accounts|notify_inbox|suspense_items|webhook_messages|staff_alerts|ledger_readings)\b(.*)`),
}

var fewRows = regexp.MustCompile(`INDEX (accounts_in_arrears|accounts_frozen|payments_pending|suspense_items_open|refunds_under_way|webhook_messages_parked|webhook_messages_pending|staff_alerts_open)\b`)

// plan explains a query; whole are the tables that it reads from end to end.
func plan(t *testing.T, b *modelstest.Bench, query string) (text string, whole []string) {
	t.Helper()
	db, err := b.Handle()
	must(t, err)
	explain := "EXPLAIN "
	if b.Engine() == models.SQLite {
		explain = "EXPLAIN QUERY PLAN "
	}
	rows, err := db.QueryContext(t.Context(), explain+query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	must(t, err)
	for rows.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		must(t, rows.Scan(values...))
		text += fmt.Sprint(*values[len(values)-1].(*any)) + "\n"
	}
	must(t, rows.Err())
	for _, found := range wholeTable[b.Engine()].FindAllStringSubmatch(text, -1) {
		walked := found[1] == "ledger_readings" || strings.Contains(found[2], "notify_inbox_refused_newest")
		newestFirst := walked && strings.Contains(query, "LIMIT") // a few rows from the index's end
		if !fewRows.MatchString(found[2]) && !newestFirst {
			whole = append(whole, found[0])
		}
	}
	return text, whole
}

// No query behind the staff's first page, the alerts or the metrics that go
// with them reads a whole table that grows.
func TestFiguresReadNoWholeTable(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		crowd(t, b)
		queries, err := b.Recorded(func(s *models.Store) error {
			_, err := s.FiguresDesk(t.Context())
			must(t, err)
			_, _, err = s.RefusedNotifies(t.Context(), models.Keyset{})
			return err
		})
		must(t, err)
		if len(queries) < 15 {
			t.Errorf("only %d queries were seen", len(queries))
		}
		for _, query := range queries {
			if text, whole := plan(t, b, query); len(whole) > 0 {
				t.Errorf("%s\nreads %q:\n%s", query, whole, text)
			}
		}
		if d := figures(t, b); d.Week.Count != 503 || d.Arrears[0].Accounts != 10 || d.Refused != 0 {
			t.Errorf("the crowd is not seen: %+v, %+v, %d", d.Week, d.Arrears, d.Refused)
		}
		for _, bad := range []string{
			"SELECT SUM(refunded_fen) FROM payments", "SELECT COUNT(*) FROM accounts a JOIN ledger_accounts l ON l.id = a.cash_account_id WHERE l.balance_fen < 0",
			"SELECT COUNT(*) FROM notify_inbox WHERE verdict = 'settled'", "SELECT COUNT(*) FROM refunds f WHERE f.reserved_at <= '2026-11-24 05:00:00+00:00'",
		} {
			if _, whole := plan(t, b, bad); len(whole) == 0 {
				t.Errorf("%s is not seen to read a whole table", bad)
			}
		}
	})
}
