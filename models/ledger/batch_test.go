package ledger_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"gorm.io/gorm"

	"ztc-portal/models/ledger"
)

// postBatch books transactions against the gateway in one database transaction.
func (b books) postBatch(references []string, lines [][]ledger.Line) (after map[int64]int64, err error) {
	err = b.Transaction(func(tx *gorm.DB) error {
		batch, err := ledger.OpenBatch(tx, "charge", references, bookedAt)
		if err != nil {
			return err
		}
		after, err = batch.Post(b.gateway, lines)
		return err
	})
	return after, err
}

// A batch leaves what the same postings leave one by one: entries, balances
// after each, in the order given.
func TestABatchBooksAsManySinglePostingsDo(t *testing.T) {
	each(t, func(t *testing.T, b books) {
		bonus, err := ledger.OpenAccount(b.DB, "seller:1:bonus", bookedAt)
		if err != nil {
			t.Fatal(err)
		}
		b.mustPost(t, "alipay:1", 1000)
		const many = 250 // more than SQLite is given at once
		references, lines := make([]string, many), make([][]ledger.Line, many)
		for i := range many {
			references[i] = fmt.Sprint("c", many-i)
			lines[i] = []ledger.Line{{AccountID: b.cash, AmountFen: -2}}
			if i == 3 {
				lines[i] = append(lines[i], ledger.Line{AccountID: bonus.ID, AmountFen: -5})
			}
		}
		after, err := b.postBatch(references, lines)
		if err != nil || after[b.cash] != 1000-2*many || after[bonus.ID] != -5 || len(after) != 2 {
			t.Errorf("balances %v, %v", after, err)
		}
		b.wantBalance(t, b.cash, 1000-2*many)
		b.wantBalance(t, b.gateway, -1000+2*many+5)
		b.wantFaults(t)
		for i, want := range map[int][]string{0: {"998 -2", "-998 2"}, 3: {"992 -2", "-5 -5", "-987 7"}, many - 1: {"500 -2", "-495 2"}} {
			var entries []ledger.Entry
			err := b.Joins("JOIN ledger_transactions t ON t.id = ledger_entries.transaction_id").Order("ledger_entries.id").
				Find(&entries, "t.kind = 'charge' AND t.reference = ?", references[i]).Error
			got := []string{}
			for _, e := range entries {
				got = append(got, fmt.Sprint(e.BalanceAfterFen, " ", e.AmountFen))
			}
			if err != nil || strings.Join(got, ", ") != strings.Join(want, ", ") {
				t.Errorf("transaction %d has %v, %v; want %v", i, got, err, want)
			}
		}
	})
}

func TestABatchIsRefusedWhole(t *testing.T) {
	each(t, func(t *testing.T, b books) {
		b.mustPost(t, "alipay:1", 1000)
		good := []ledger.Line{{AccountID: b.cash, AmountFen: -2}}
		for name, c := range map[string]struct {
			references []string
			second     []ledger.Line
			want       error
		}{
			"nothing to book":          {[]string{"a", "b"}, nil, ledger.ErrUnbalanced},
			"an amount of zero":        {[]string{"a", "b"}, []ledger.Line{{AccountID: b.cash}}, ledger.ErrUnbalanced},
			"an account twice":         {[]string{"a", "b"}, append(good, good...), ledger.ErrUnbalanced},
			"the account against":      {[]string{"a", "b"}, []ledger.Line{{AccountID: b.gateway, AmountFen: 2}}, ledger.ErrUnbalanced},
			"amounts that cancel out":  {[]string{"a", "b"}, []ledger.Line{{AccountID: b.cash, AmountFen: 2}, {AccountID: b.gateway + 1, AmountFen: -2}}, ledger.ErrUnbalanced},
			"an account of nobody":     {[]string{"a", "b"}, []ledger.Line{{AccountID: 999999, AmountFen: 2}}, ledger.ErrNoAccount},
			"a reference twice":        {[]string{"a", "a"}, good, gorm.ErrDuplicatedKey},
			"a reference that is used": {[]string{"a", "used"}, good, gorm.ErrDuplicatedKey},
		} {
			t.Run(name, func(t *testing.T) {
				if name == "a reference that is used" {
					if _, err := b.postBatch([]string{"used"}, [][]ledger.Line{good}); err != nil {
						t.Fatal(err)
					}
				}
				before, err := ledger.Balance(b.DB, b.cash)
				if err != nil {
					t.Fatal(err)
				}
				_, err = b.postBatch(c.references, [][]ledger.Line{good, c.second})
				taken := errors.Is(c.want, gorm.ErrDuplicatedKey)
				switch {
				case err == nil:
					t.Error("taken")
				case taken && !strings.Contains(strings.ToLower(err.Error()), "unique"):
					t.Errorf("refused for another reason: %v", err)
				case !taken && !errors.Is(err, c.want):
					t.Errorf("refused for another reason: %v", err)
				}
				b.wantBalance(t, b.cash, before)
				b.wantFaults(t)
			})
		}
	})
}
