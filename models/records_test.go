package models_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

// walk reads a list from its newest page to its oldest and back again, and
// wants every id once, in falling order, both ways.
func walk(t *testing.T, want []int64, read func(models.Keyset) ([]int64, models.Page)) {
	t.Helper()
	var down, up []int64
	ids, page := read(models.Keyset{})
	if page.Newer != 0 {
		t.Errorf("before the newest page there is %d", page.Newer)
	}
	for down = ids; page.Older != 0; down = append(down, ids...) {
		if ids, page = read(models.Keyset{Before: page.Older}); len(ids) > models.PageSize || page.Newer == 0 {
			t.Fatalf("a page of %d rows, newer %d", len(ids), page.Newer)
		}
	}
	if !slices.Equal(down, want) {
		t.Errorf("downwards: %v, want %v", down, want)
	}
	for up = ids; page.Newer != 0; up = append(slices.Clone(ids), up...) {
		if ids, page = read(models.Keyset{After: page.Newer}); len(ids) > models.PageSize || page.Older == 0 {
			t.Fatalf("a page of %d rows, older %d", len(ids), page.Older)
		}
	}
	if !slices.Equal(up, want) {
		t.Errorf("upwards: %v, want %v", up, want)
	}
}

func TestStatementPagesCoverAllRowsOnce(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		for _, clicks := range []int{0, 1, 18, 19, 40} { // 18 + 2 rows fill one page exactly
			account, campaigns := b.Seller(t, 10_000*yuan)
			other, theirs := b.Seller(t, 10_000*yuan)
			recharge(t, b, account, 1000*yuan)
			grant(t, b, account, fmt.Sprint(account), 7)
			for i := range clicks { // the first ones take bonus and cash
				b.Charge(t, fmt.Sprint("c", account, i), campaigns[0], 5)
				b.Charge(t, fmt.Sprint("o", other, i), theirs[0], 5)
			}
			entries := clicks + 2 // a recharge, a grant, an entry a click …
			if clicks > 1 {
				entries++ // … and one more for the click that emptied the bonus
			}
			var all []int64
			read := func(k models.Keyset) ([]int64, models.Page) {
				rows, page, err := b.Statement(t.Context(), account, models.StatementFilter{}, k)
				must(t, err)
				ids := make([]int64, len(rows))
				for i, row := range rows {
					ids[i] = row.EntryID
				}
				return ids, page
			}
			ids, page := read(models.Keyset{})
			for all = ids; page.Older != 0; all = append(all, ids...) {
				ids, page = read(models.Keyset{Before: page.Older})
			}
			if len(all) != entries || !slices.IsSortedFunc(all, func(a, b int64) int { return int(b - a) }) {
				t.Errorf("%d clicks: %d entries, want %d: %v", clicks, len(all), entries, all)
			}
			walk(t, all, read)
		}
	})
}

func TestStatementFilters(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, campaigns := b.Seller(t, 10_000*yuan)
		other, _ := b.Seller(t)
		midnight := time.Date(2026, 11, 24, 16, 0, 0, 0, time.UTC) // the 25th begins in Shanghai
		b.Clock.Set(midnight.Add(-time.Microsecond))
		b.Charge(t, "c1", campaigns[0], 300*yuan)
		b.Clock.Set(midnight)
		p := recharge(t, b, account, 500*yuan)
		b.Charge(t, "c2", campaigns[0], 50*yuan)
		for _, c := range []struct {
			filter models.StatementFilter
			want   []models.Fen
		}{
			{models.StatementFilter{}, []models.Fen{-50 * yuan, 500 * yuan, -300 * yuan}},
			{models.StatementFilter{Kind: models.KindCharge}, []models.Fen{-50 * yuan, -300 * yuan}},
			{models.StatementFilter{Kind: models.KindRecharge}, []models.Fen{500 * yuan}},
			{models.StatementFilter{Kind: "no such kind"}, nil},
			{models.StatementFilter{Kind: "\xff\x00"}, nil},
			{models.StatementFilter{Days: models.Days{From: "2026-11-25"}}, []models.Fen{-50 * yuan, 500 * yuan}},
			{models.StatementFilter{Days: models.Days{To: "2026-11-24"}}, []models.Fen{-300 * yuan}},
			{models.StatementFilter{Days: models.Days{From: "2026-11-24", To: "2026-11-25"}}, []models.Fen{-50 * yuan, 500 * yuan, -300 * yuan}},
			{models.StatementFilter{Kind: models.KindCharge, Days: models.Days{From: "2026-11-25", To: "2026-11-25"}}, []models.Fen{-50 * yuan}},
			{models.StatementFilter{Days: models.Days{From: "2026-11-26"}}, nil},
		} {
			rows, _, err := b.Statement(t.Context(), account, c.filter, models.Keyset{})
			must(t, err)
			var got []models.Fen
			for _, row := range rows {
				got = append(got, row.AmountFen)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%+v: %v, want %v", c.filter, got, c.want)
			}
		}
		rows, _, err := b.Statement(t.Context(), account, models.StatementFilter{}, models.Keyset{})
		must(t, err)
		if r := rows[1]; r.PaymentNo != p.No || r.Cleared() != 300*yuan || r.BalanceAfterFen != 200*yuan || r.Purse != "cash" || rows[0].PaymentNo != "" {
			t.Errorf("the recharge: %+v", r)
		}
		if rows, _, err = b.Statement(t.Context(), other, models.StatementFilter{}, models.Keyset{}); err != nil || len(rows) != 0 {
			t.Errorf("another seller sees %d rows, %v", len(rows), err)
		}
		for _, days := range []models.Days{{From: "yesterday"}, {From: "2026-13-01"}, {From: "2026-11-25T00:00:00Z"}} {
			_, _, err := b.Statement(t.Context(), account, models.StatementFilter{Days: days}, models.Keyset{})
			wantField(t, err, "from", "error.day.malformed")
		}
		_, _, err = b.Statement(t.Context(), account, models.StatementFilter{Days: models.Days{From: "2026-11-25", To: "2026-11-24"}}, models.Keyset{})
		wantField(t, err, "to", "error.day.order")
		_, _, err = b.Statement(t.Context(), 999999, models.StatementFilter{}, models.Keyset{})
		wantCode(t, err, models.NotFound)
	})
}

func TestClearedIsWhatWentIntoArrears(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		row  models.StatementRow
		want models.Fen
	}{
		{models.StatementRow{Purse: "cash", AmountFen: 500, BalanceAfterFen: 200}, 300},  // −300 before
		{models.StatementRow{Purse: "cash", AmountFen: 500, BalanceAfterFen: -100}, 500}, // a part payment
		{models.StatementRow{Purse: "cash", AmountFen: 500, BalanceAfterFen: 0}, 500},
		{models.StatementRow{Purse: "cash", AmountFen: 500, BalanceAfterFen: 500}, 0},
		{models.StatementRow{Purse: "cash", AmountFen: 500, BalanceAfterFen: 900}, 0},
		{models.StatementRow{Purse: "cash", AmountFen: -500, BalanceAfterFen: -900}, 0}, // a charge
		{models.StatementRow{Purse: "bonus", AmountFen: 500, BalanceAfterFen: 200}, 0},
	} {
		if got := c.row.Cleared(); got != c.want {
			t.Errorf("%+v: %d, want %d", c.row, got, c.want)
		}
	}
}

func TestPaymentPagesAndFilters(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, _ := b.Seller(t)
		other, _ := b.Seller(t)
		midnight := time.Date(2026, 11, 24, 16, 0, 0, 0, time.UTC)
		b.Clock.Set(midnight.Add(-time.Microsecond))
		var want, paid []int64
		for i := range 45 {
			if i == 21 {
				b.Clock.Set(midnight)
			}
			p := draft(t, b, account, fmt.Sprint(300+i))
			draft(t, b, other, fmt.Sprint(300+i))
			if i%9 == 0 {
				confirmed, err := b.ConfirmPayment(t.Context(), account, p.No, modelstest.Payee)
				must(t, err)
				settle(t, b, b.Receipt(confirmed))
				paid = append(paid, p.ID)
			}
			want = append(want, p.ID)
		}
		slices.Reverse(want)
		slices.Reverse(paid)
		read := func(f models.PaymentFilter) func(models.Keyset) ([]int64, models.Page) {
			return func(k models.Keyset) ([]int64, models.Page) {
				rows, page, err := b.Payments(t.Context(), account, f, k)
				must(t, err)
				ids := make([]int64, len(rows))
				for i, row := range rows {
					ids[i] = row.ID
				}
				return ids, page
			}
		}
		walk(t, want, read(models.PaymentFilter{}))
		walk(t, want, read(models.PaymentFilter{Method: models.RailAlipay}))
		walk(t, nil, read(models.PaymentFilter{Method: models.RailWechat}))
		walk(t, nil, read(models.PaymentFilter{State: "\xff\x00", Method: "\x00"}))
		walk(t, paid, read(models.PaymentFilter{State: models.PaymentPaid}))
		walk(t, want[24:], read(models.PaymentFilter{Days: models.Days{To: "2026-11-24"}}))
		walk(t, want[:24], read(models.PaymentFilter{Days: models.Days{From: "2026-11-25"}}))
		_, _, err := b.Payments(t.Context(), account, models.PaymentFilter{Days: models.Days{To: "x"}}, models.Keyset{})
		wantField(t, err, "to", "error.day.malformed")
	})
}

// A page of the statement is read from the ends of the account's entries: no
// step gathers or sorts all of them.
func TestTheStatementIsWalkedNotSorted(t *testing.T) {
	t.Parallel()
	b := modelstest.Open(t, models.SQLite)
	account, _ := b.Seller(t, 100*yuan)
	for _, k := range []models.Keyset{{}, {Before: 9}, {After: 9}} {
		queries, err := b.Recorded(func(s *models.Store) error {
			_, _, err := s.Statement(t.Context(), account, models.StatementFilter{}, k)
			return err
		})
		must(t, err)
		walked := 0
		for _, query := range queries {
			if !strings.Contains(query, "ledger_by_account") {
				continue
			}
			steps, _ := plan(t, b, query)
			if !strings.Contains(steps, "ledger_older USING PRIMARY KEY") || strings.Contains(steps, "MATERIALIZE") || strings.Contains(steps, "TEMP B-TREE") || strings.Contains(steps, "SCAN") {
				t.Errorf("%+v: %s", k, steps)
			}
			walked++
		}
		if walked != 2 {
			t.Errorf("%+v: %d purses are read", k, walked)
		}
	}
}
