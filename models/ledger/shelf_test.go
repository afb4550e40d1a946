package ledger_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"gorm.io/gorm"

	"ztc-portal/models/ledger"
)

// Entries are moved on while batches come in, some of which fail, and while a
// second process moves them too: each is found by its account, once, and few
// wait.
func TestAShelfLosesNoEntry(t *testing.T) {
	each(t, func(t *testing.T, b books) {
		const most, bodies, lines = 60, 80, 12
		random := rand.New(rand.NewPCG(1, 2))
		accounts := make([]int64, 40)
		for i := range accounts {
			account, err := ledger.OpenAccount(b.DB, fmt.Sprint("seller:", i), bookedAt)
			if err != nil {
				t.Fatal(err)
			}
			accounts[i] = account.ID
		}
		shelves := []ledger.Shelf{ledger.ShelfOf(most), ledger.ShelfOf(most)}
		lost := errors.New("the transaction is rolled back")
		kept := 0
		for n := range bodies {
			shelf := &shelves[random.IntN(len(shelves))]
			after := *shelf
			err := b.Transaction(func(tx *gorm.DB) error {
				batch, err := ledger.OpenBatch(tx, "charge", []string{fmt.Sprint(n)}, bookedAt)
				if err != nil {
					return err
				}
				var some []ledger.Line
				for _, i := range random.Perm(len(accounts))[:lines] {
					some = append(some, ledger.Line{AccountID: accounts[i], AmountFen: -1})
				}
				if _, err := batch.Post(b.gateway, [][]ledger.Line{some}); err != nil {
					return err
				}
				if after, err = shelf.Add(tx, lines+1); err == nil && random.IntN(4) == 0 {
					err = lost
				}
				return err
			})
			switch {
			case err == nil:
				*shelf = after
				kept += lines + 1
			case !errors.Is(err, lost):
				t.Fatal(err)
			}
			b.wantFaults(t)
		}
		var found int
		if err := b.Raw("SELECT COUNT(*) FROM ledger_by_account").Scan(&found).Error; err != nil || found != kept {
			t.Errorf("%d entries are found of %d, %v", found, kept, err)
		}
		if b.Name() == "postgres" {
			return
		}
		var waiting int
		if err := b.Raw("SELECT COUNT(*) FROM ledger_recent").Scan(&waiting).Error; err != nil || waiting > 3*most || waiting == found {
			t.Errorf("%d of %d entries wait to be moved, %v", waiting, found, err)
		}
	})
}

// An entry that its account does not find, or finds twice, is named.
func TestVerifyNamesEntriesNotFoundByTheirAccount(t *testing.T) {
	each(t, func(t *testing.T, b books) {
		if b.Name() == "postgres" {
			t.Log("the index is the database's own here")
			return
		}
		b.mustPost(t, "alipay:1", 1000)
		var entry ledger.Entry
		if err := b.Take(&entry, "account_id = ?", b.cash).Error; err != nil {
			t.Fatal(err)
		}
		for _, step := range []struct {
			statement string
			got       int64
		}{
			{"INSERT INTO ledger_older SELECT account_id, entry_id FROM ledger_recent WHERE entry_id = ?", 2},
			{"DELETE FROM ledger_recent WHERE entry_id = ?", 1},
			{"DELETE FROM ledger_older WHERE entry_id = ?", 0},
		} {
			if err := b.Exec(step.statement, entry.ID).Error; err != nil {
				t.Fatal(err)
			}
			faults, err := ledger.Verify(b.DB)
			if err != nil {
				t.Fatal(err)
			}
			sound := step.got == 1
			if sound != (len(faults) == 0) || !sound && (faults[0].ID != entry.ID || faults[0].Got != step.got) {
				t.Errorf("after %s: %v", step.statement, faults)
			}
		}
	})
}
