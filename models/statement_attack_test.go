package models_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"ztc-portal/models"
)

// One number of the bank is one credit, however it is typed, and in whatever
// kind of file it comes.
func TestANumberIsOneCreditHoweverItIsWritten(t *testing.T) {
	eachTill(t, func(t *testing.T, b *till) {
		first := ask(t, b.Bench, b.finance, transfer(b.account, "500", "CMB-2026-0001"))
		second := ask(t, b.Bench, b.finance, transfer(b.account, "600", "CMB2026 0001"))
		approve(t, b.Bench, b.other, first, models.ApprovalApproved)
		approve(t, b.Bench, b.other, second, models.ApprovalFailed)
		_, err := b.AskApproval(t.Context(), b.finance, transfer(b.account, "500", "cmb-20260001"))
		wantField(t, err, "reference", "error.reference.used")
		b.cash(t, b.account, 500*yuan)
		b.imports(t, 1, b.entry("0002026112300077", 300*yuan, "A", ""))
		b.imports(t, 0, b.entry("2026112300077", 300*yuan, "A", "")) // a spreadsheet kept it as a number
		b.held(t, 300*yuan)
	})
}

// Staff approve by hand what a statement brings at the same instant: it is
// credited, or it stands in suspense, and never both.
func TestByHandAndByStatementAtOnce(t *testing.T) {
	eachTill(t, func(t *testing.T, b *till) {
		again := b.Again(t)
		const rounds = 8
		for i := range rounds {
			number := fmt.Sprintf("RACE-%04d", i)
			a := ask(t, b.Bench, b.finance, transfer(b.account, "500", number))
			var wg sync.WaitGroup
			wg.Go(func() {
				if _, err := b.Approve(t.Context(), b.other, a.ID, ""); err != nil {
					t.Error(err)
				}
			})
			wg.Go(func() {
				time.Sleep(time.Duration(i) * time.Millisecond) // spread over what the other does
				if _, err := again.ImportStatement(t.Context(), b.finance, statement(b.entry(number, 500*yuan, "A", ""))); err != nil {
					t.Error(err)
				}
			})
			wg.Wait()
		}
		figures, err := b.Figures(t.Context())
		must(t, err)
		if all := desk(t, b.Bench, b.account).Funds.Cash + figures.Suspense; all != rounds*500*yuan {
			t.Errorf("%s came in, and the books have %s, of it %s in suspense", models.Fen(rounds*500*yuan).Wire(), all.Wire(), figures.Suspense.Wire())
		}
		b.Sound(t)
	})
}
