package ledger_test

import (
	"errors"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"ztc-portal/models"
	"ztc-portal/models/ledger"
	"ztc-portal/models/modelstest"
)

var bookedAt = time.Date(2026, 11, 24, 6, 0, 0, 0, time.UTC)

// books is a migrated database with two accounts to post to.
type books struct {
	*gorm.DB
	cash, gateway int64
}

// each runs a test on fresh books of every engine.
func each(t *testing.T, test func(*testing.T, books)) {
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		pool, err := b.Handle()
		if err != nil {
			t.Fatal(err)
		}
		var dialect gorm.Dialector = sqlite.Dialector{Conn: pool}
		if b.Engine() == models.Postgres {
			dialect = postgres.New(postgres.Config{Conn: pool})
		}
		db, err := gorm.Open(dialect, &gorm.Config{Logger: logger.Discard})
		if err != nil {
			t.Fatal(err)
		}
		cash, err := ledger.OpenAccount(db, "seller:1:cash", bookedAt)
		if err != nil {
			t.Fatal(err)
		}
		gateway, err := ledger.AccountID(db, "gateway:alipay")
		if err != nil {
			t.Fatal(err)
		}
		test(t, books{db, cash.ID, gateway})
	})
}

// post books one transaction in a database transaction of its own.
func (b books) post(reference string, lines ...ledger.Line) (posted ledger.Posted, err error) {
	err = b.Transaction(func(tx *gorm.DB) error {
		posted, err = ledger.Post(tx, "recharge", reference, lines, bookedAt)
		return err
	})
	return posted, err
}

// paid is what a recharge of the amount posts.
func (b books) paid(amount int64) []ledger.Line {
	return []ledger.Line{{AccountID: b.gateway, AmountFen: -amount}, {AccountID: b.cash, AmountFen: amount}}
}

func (b books) wantBalance(t *testing.T, accountID, want int64) {
	t.Helper()
	got, err := ledger.Balance(b.DB, accountID)
	if err != nil || got != want {
		t.Errorf("account %d stands at %d fen, %v; want %d", accountID, got, err, want)
	}
}

func (b books) wantFaults(t *testing.T, want ...ledger.Fault) {
	t.Helper()
	got, err := ledger.Verify(b.DB)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want) {
		t.Fatalf("faults %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("fault %v, want %v", got[i], want[i])
		}
	}
}

func (b books) mustPost(t *testing.T, reference string, amount int64) ledger.Posted {
	t.Helper()
	posted, err := b.post(reference, b.paid(amount)...)
	if err != nil {
		t.Fatal(err)
	}
	return posted
}

func TestPostMovesBothBalances(t *testing.T) {
	each(t, func(t *testing.T, b books) {
		b.mustPost(t, "alipay:1", 50000)
		second := b.mustPost(t, "alipay:2", 123)
		if !second.New || second.Balances[b.cash] != 50123 || second.Balances[b.gateway] != -50123 {
			t.Errorf("posted %+v", second)
		}
		b.wantBalance(t, b.cash, 50123)
		b.wantBalance(t, b.gateway, -50123)
		var entries []ledger.Entry
		if err := b.Order("id").Find(&entries, "account_id = ?", b.cash).Error; err != nil {
			t.Fatal(err)
		}
		if len(entries) != 2 || entries[0].BalanceAfterFen != 50000 || entries[1].BalanceAfterFen != 50123 {
			t.Errorf("entries %+v", entries)
		}
		b.wantFaults(t)
	})
}

func TestPostRefusesWhatDoesNotBalance(t *testing.T) {
	each(t, func(t *testing.T, b books) {
		for name, lines := range map[string][]ledger.Line{
			"no line":          nil,
			"one line":         {{AccountID: b.cash, AmountFen: 5}},
			"a sum above zero": {{AccountID: b.cash, AmountFen: 5}, {AccountID: b.gateway, AmountFen: -4}},
			"a line of zero":   {{AccountID: b.cash, AmountFen: 0}, {AccountID: b.gateway, AmountFen: 0}},
			"the least number": {{AccountID: b.cash, AmountFen: math.MinInt64}, {AccountID: b.gateway, AmountFen: math.MinInt64}},
			"an account twice": {{AccountID: b.cash, AmountFen: 5}, {AccountID: b.cash, AmountFen: -5}},
			"a sum that goes round to zero": {
				{AccountID: b.cash, AmountFen: 1 << 62}, {AccountID: b.gateway, AmountFen: 1 << 62},
				{AccountID: b.gateway + 1, AmountFen: 1 << 62}, {AccountID: b.gateway + 2, AmountFen: 1 << 62},
			},
		} {
			if _, err := b.post("alipay:1", lines...); !errors.Is(err, ledger.ErrUnbalanced) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := b.post("alipay:1", ledger.Line{AccountID: b.cash, AmountFen: 5}, ledger.Line{AccountID: 999999, AmountFen: -5}); !errors.Is(err, ledger.ErrNoAccount) {
			t.Errorf("an account that is not there: %v", err)
		}
		b.wantBalance(t, b.cash, 0)
		if posted := b.mustPost(t, "alipay:1", 5); !posted.New {
			t.Error("a refused posting kept its reference")
		}
		b.wantFaults(t)
	})
}

func TestPostingAgainChangesNothing(t *testing.T) {
	each(t, func(t *testing.T, b books) {
		first := b.mustPost(t, "alipay:1", 50000)
		lines := b.paid(50000)
		lines[0], lines[1] = lines[1], lines[0] // in whatever order
		again, err := b.post("alipay:1", lines...)
		if err != nil || again.New || again.TransactionID != first.TransactionID {
			t.Errorf("posted again: %+v, %v", again, err)
		}
		for name, other := range map[string][]ledger.Line{
			"other amount":  b.paid(50001),
			"other account": {{AccountID: b.gateway + 1, AmountFen: -50000}, {AccountID: b.cash, AmountFen: 50000}},
			"a line more":   {{AccountID: b.gateway, AmountFen: -49999}, {AccountID: b.gateway + 1, AmountFen: -1}, {AccountID: b.cash, AmountFen: 50000}},
		} {
			if _, err := b.post("alipay:1", other...); !errors.Is(err, ledger.ErrMismatch) {
				t.Errorf("%s: %v", name, err)
			}
		}
		b.wantBalance(t, b.cash, 50000)
		b.wantFaults(t)
	})
}

func TestPostOnceUnderRace(t *testing.T) {
	each(t, func(t *testing.T, b books) {
		var wg sync.WaitGroup
		news := make(chan bool, 20)
		for range cap(news) {
			wg.Go(func() {
				posted, err := b.post("alipay:1", b.paid(700)...)
				if err != nil {
					t.Error(err)
				}
				news <- posted.New
			})
		}
		wg.Wait()
		close(news)
		count := 0
		for isNew := range news {
			if isNew {
				count++
			}
		}
		if count != 1 {
			t.Errorf("%d postings were new", count)
		}
		b.wantBalance(t, b.cash, 700)
		b.wantFaults(t)
	})
}

func TestWhatIsBookedIsNeverChanged(t *testing.T) {
	each(t, func(t *testing.T, b books) {
		b.mustPost(t, "alipay:1", 50000)
		for _, statement := range []string{
			"UPDATE ledger_entries SET amount_fen = amount_fen + 1",
			"UPDATE ledger_entries SET balance_after_fen = 0",
			"DELETE FROM ledger_entries",
			"UPDATE ledger_transactions SET reference = 'alipay:2'",
			"UPDATE ledger_transactions SET booked_at = '2026-01-01 00:00:00+00:00'",
			"DELETE FROM ledger_transactions",
		} {
			if err := b.Exec(statement).Error; err == nil || !strings.Contains(err.Error(), "append-only") {
				t.Errorf("%s: %v", statement, err)
			}
		}
		if b.Name() == "postgres" {
			for _, table := range []string{"ledger_entries", "ledger_transactions CASCADE"} {
				if err := b.Exec("TRUNCATE " + table).Error; err == nil || !strings.Contains(err.Error(), "append-only") {
					t.Errorf("TRUNCATE %s: %v", table, err)
				}
			}
		}
		b.wantBalance(t, b.cash, 50000)
		b.wantFaults(t)
	})
}

func TestVerifyFindsWhatIsWrong(t *testing.T) {
	each(t, func(t *testing.T, b books) {
		b.mustPost(t, "alipay:1", 50000)
		b.wantFaults(t)
		plant := func(statement string, args ...any) {
			t.Helper()
			if err := b.Exec(statement, args...).Error; err != nil {
				t.Fatal(err)
			}
		}
		// A balance that somebody changed by hand.
		plant("UPDATE ledger_accounts SET balance_fen = balance_fen + 1 WHERE id = ?", b.cash)
		b.wantFaults(t, ledger.Fault{What: "account", ID: b.cash, Want: 50000, Got: 50001})
		plant("UPDATE ledger_accounts SET balance_fen = balance_fen - 1 WHERE id = ?", b.cash)
		b.wantFaults(t)

		// A transaction without entries, and one that does not sum to zero, which
		// the database takes only without its own guard.
		unbalanced := `INSERT INTO ledger_entries (transaction_id, account_id, amount_fen, balance_after_fen)
			SELECT (SELECT MIN(id) FROM ledger_transactions), id, 5, 0 FROM ledger_accounts WHERE name = 'revenue'`
		if err := b.Exec(unbalanced).Error; err == nil || !strings.Contains(strings.ToLower(err.Error()), map[string]string{"sqlite": "foreign key", "postgres": "must sum to zero"}[b.Name()]) {
			t.Errorf("the database stored an unbalanced transaction: %v", err)
		}
		guard := "DROP TRIGGER ledger_entries_sum"
		if b.Name() == "postgres" {
			guard += " ON ledger_entries"
		}
		plant(guard)
		plant("INSERT INTO ledger_transactions (id, kind, reference, booked_at) VALUES (901, 'recharge', 'planted:1', ?)", bookedAt)
		plant("INSERT INTO ledger_transactions (id, kind, reference, booked_at) VALUES (902, 'recharge', 'planted:2', ?)", bookedAt)
		for account, amount := range map[int64]int64{b.cash: 30, b.gateway: -10} {
			plant("INSERT INTO ledger_entries (transaction_id, account_id, amount_fen, balance_after_fen) VALUES (902, ?, ?, 0)", account, amount)
			plant("UPDATE ledger_accounts SET balance_fen = balance_fen + ? WHERE id = ?", amount, account)
		}
		if b.Name() == "postgres" { // where there is no foreign key for it
			plant("INSERT INTO ledger_entries (id, transaction_id, account_id, amount_fen, balance_after_fen) VALUES (9001, 999999, ?, 5, 0)", b.cash)
			plant("UPDATE ledger_accounts SET balance_fen = balance_fen + 5 WHERE id = ?", b.cash)
			b.wantFaults(t,
				ledger.Fault{What: "transaction", ID: 901, Want: 0, Got: 0},
				ledger.Fault{What: "transaction", ID: 902, Want: 0, Got: 20},
				ledger.Fault{What: "entry of nothing", ID: 9001, Want: 0, Got: 5})
			return
		}
		b.wantFaults(t,
			ledger.Fault{What: "transaction", ID: 901, Want: 0, Got: 0},
			ledger.Fault{What: "transaction", ID: 902, Want: 0, Got: 20})
	})
}

func TestFaultsReadWell(t *testing.T) {
	got := ledger.Fault{What: "account", ID: 7, Want: 50000, Got: 50001}.String()
	if got != "account 7: want 50000 fen, got 50001 fen" {
		t.Errorf("%q", got)
	}
}
