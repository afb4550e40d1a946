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
			t.Errorf("%s came in, and the books have %s, of it %s in suspense", (rounds * 500 * yuan).Wire(), all.Wire(), figures.Suspense.Wire())
		}
		b.Sound(t)
	})
}

// A statement that the bank gives once more in another layout brings its lines
// with fewer facts: they are booked, since they may be other money, but nobody
// credits them in one click. Lines alike within one file are as many as they are.
func TestALineThatMayHaveComeBeforeIsForAHuman(t *testing.T) {
	eachTill(t, func(t *testing.T, b *till) {
		must(t, b.SetRegisteredName(t.Context(), b.finance, b.account, "Tea Ltd"))
		b.transfer(t, b.account, "1600")
		full := b.entry("S1", 1600*yuan, "Tea Ltd", "")
		full.Balance = "9000.00"
		b.imports(t, 1, full)
		first := b.lines(t, models.LineUnmatched)[0]
		a, err := b.ProposeLine(t.Context(), b.finance, first.ID, why)
		must(t, err)
		approve(t, b.Bench, b.other, a, models.ApprovalApproved)
		b.transfer(t, b.account, "1600") // next week's

		other, two := full, full // by its own number, or its own time, it is other money
		other.SerialNo, other.Balance = "S2", "10600.00"
		two.SerialNo, two.Balance, two.At = "", "", full.At.Add(-time.Hour)
		two.Clock = two.At.In(models.Shanghai).Format(time.TimeOnly)
		b.imports(t, 3, other, two, two)
		for _, line := range b.lines(t, models.LineUnmatched) {
			if !line.Match.Proposable() {
				t.Errorf("%s %s is matched as %+v", line.SerialNo, line.BankAt, line.Match)
			}
		}

		midnight, minute := full.At.In(models.Shanghai), full
		midnight = time.Date(midnight.Year(), midnight.Month(), midnight.Day(), 0, 0, 0, 0, models.Shanghai)
		bare := full
		bare.SerialNo, bare.Clock, bare.Balance, bare.PayerAccount, bare.At = "", "", "", "", midnight
		minute.SerialNo, minute.At = "", full.At.Truncate(time.Minute)
		minute.Clock = minute.At.In(models.Shanghai).Format(time.TimeOnly)
		masked := full
		masked.Balance, masked.PayerAccount = "", "5719****0801"
		for _, again := range []models.StatementEntry{bare, minute, masked} {
			b.imports(t, 1, again)
			line := b.lines(t, models.LineUnmatched)[0]
			if line.Match.Proposable() || line.Match.Reasons[len(line.Match.Reasons)-1] != models.MatchAlike {
				t.Errorf("%+v is matched as %+v", again, line.Match)
			}
			_, err := b.ProposeLine(t.Context(), b.finance, line.ID, why)
			wantCode(t, err, models.Conflict)
		}
		if n, err := b.ProposeCertain(t.Context(), b.finance, why); err != nil || n != 0 {
			t.Errorf("proposed %d, %v", n, err)
		}
		b.cash(t, b.account, 1600*yuan)
		b.held(t, 9600*yuan)

		b.Sound(t)
	})
}
