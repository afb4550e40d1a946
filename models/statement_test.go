package models_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

const ourAccount = "6222020000012345678"

// till is the books with bank transfer on offer, and the staff who work it.
type till struct {
	*modelstest.Bench
	office
	account int64
}

// eachTill runs a test on every engine.
func eachTill(t *testing.T, test func(*testing.T, *till)) {
	t.Helper()
	t.Parallel()
	for _, engine := range modelstest.Engines {
		t.Run(string(engine), func(t *testing.T) {
			b := modelstest.Open(t, engine)
			b.Offer(models.RailAlipay, models.RailBankTransfer)
			account, _ := b.Seller(t)
			test(t, &till{b, newOffice(t, b), account})
		})
	}
}

// transfer is a payment by bank transfer that waits.
func (b *till) transfer(t testing.TB, account int64, amount string) models.Payment {
	t.Helper()
	draft, err := b.DraftRecharge(t.Context(), account, models.RechargeInput{Amount: amount, Method: "bank_transfer"})
	must(t, err)
	p, err := b.ConfirmPayment(t.Context(), account, draft.No, ourAccount)
	must(t, err)
	return p
}

// entry is a line of a statement, an hour ago.
func (b *till) entry(serial string, amount models.Fen, payer, remark string) models.StatementEntry {
	at := b.Clock.Now().Add(-time.Hour)
	local := at.In(models.Shanghai)
	return models.StatementEntry{
		RowNo: 2, DayOn: local.Format(time.DateOnly), Clock: local.Format(time.TimeOnly), At: at, AmountFen: amount,
		PayerName: payer, PayerAccount: "571900000010801", Remark: remark, SerialNo: serial, Raw: serial + "\t" + remark,
	}
}

func statement(entries ...models.StatementEntry) models.StatementInput {
	return models.StatementInput{FileName: "bank.csv", OurAccount: ourAccount, Statement: models.Statement{
		Layout: "cmb", FileHash: strings.Repeat("ab", 32), Entries: entries, Debits: 3,
	}}
}

// imports imports lines and wants so many of them to be new.
func (b *till) imports(t testing.TB, fresh int64, entries ...models.StatementEntry) models.StatementImport {
	t.Helper()
	got, err := b.ImportStatement(t.Context(), b.finance, statement(entries...))
	must(t, err)
	if got.NewCount != fresh {
		t.Errorf("%d lines are new, want %d", got.NewCount, fresh)
	}
	return got
}

// lines are all lines, the newest first.
func (b *till) lines(t testing.TB, state models.LineState) []models.LineView {
	t.Helper()
	rows, _, err := b.StatementLines(t.Context(), models.LineFilter{State: state}, models.Keyset{})
	must(t, err)
	for _, row := range rows {
		if state != "" && row.State != state {
			t.Errorf("among %s lines is one %s", state, row.State)
		}
	}
	return rows
}

func (b *till) held(t testing.TB, want models.Fen) {
	t.Helper()
	figures, err := b.Figures(t.Context())
	must(t, err)
	if figures.Suspense != want {
		t.Errorf("%s stand in suspense, want %s", figures.Suspense.Wire(), want.Wire())
	}
	b.Sound(t)
}

func (b *till) cash(t testing.TB, account int64, want models.Fen) {
	t.Helper()
	if got := desk(t, b.Bench, account).Funds.Cash; got != want {
		t.Errorf("the cash is %s, want %s", got.Wire(), want.Wire())
	}
}

func (b *till) now(t testing.TB, p models.Payment) models.Payment {
	t.Helper()
	p, err := b.PaymentByNo(t.Context(), p.No)
	must(t, err)
	return p
}

// Each line is booked once, however often and in whatever overlap it comes.
func TestEachStatementLineIsBookedOnce(t *testing.T) {
	eachTill(t, func(t *testing.T, b *till) {
		one, two, three := b.entry("S1", 300*yuan, "A", ""), b.entry("S2", 400*yuan, "B", ""), b.entry("S3", 500*yuan, "C", "")
		b.imports(t, 2, one, two)
		b.held(t, 700*yuan)
		b.imports(t, 0, one, two)
		b.imports(t, 1, two, three, three) // an overlap, and a line that is printed twice
		b.imports(t, 0)
		b.held(t, 1200*yuan)
		again := one
		again.RowNo, again.Raw, again.SerialNo, again.PayerAccount = 40, "elsewhere", " s1", "5719 0000 0010 801" // the same line out of another kind of file
		b.imports(t, 0, again)
		b.held(t, 1200*yuan)
		if lines := b.lines(t, models.LineUnmatched); len(lines) != 3 || lines[0].SerialNo != "S3" || lines[2].Raw != one.Raw {
			t.Errorf("the lines are %+v", lines)
		}
		d, err := b.StatementDesk(t.Context(), models.Keyset{})
		must(t, err)
		if len(d.Imports) != 5 || d.Unmatched != 3 || d.OpenFen != 1200*yuan || d.Imports[2].LineCount != 2 || d.Imports[2].NewFen != 500*yuan {
			t.Errorf("the desk reads %+v", d)
		}
	})
}

// Without the bank's number, two transfers alike are two, and stay two.
func TestTransfersAlikeAreCounted(t *testing.T) {
	eachTill(t, func(t *testing.T, b *till) {
		alike := b.entry("", 300*yuan, "A", "")
		b.imports(t, 1, alike) // in the morning
		b.imports(t, 1, alike, alike)
		b.imports(t, 0, alike, alike)
		b.held(t, 600*yuan)
		told := alike
		told.Balance = "900.00" // clock and balance tell a line: the bank wrote it twice
		b.imports(t, 1, told, told)
		b.held(t, 900*yuan)
		day := b.entry("V7", 300*yuan, "A", "") // a voucher's number alone, and no clock: a bank may use one for many
		day.Clock = ""
		b.imports(t, 2, day, day)
		b.held(t, 1500*yuan)
	})
}

// A file counts whole or not at all: a crash while it is booked leaves nothing.
func TestAnImportIsWholeOrNothing(t *testing.T) {
	eachTill(t, func(t *testing.T, b *till) {
		bad := b.entry("S2", 0, "B", "") // what no reader gives, and the database refuses
		if _, err := b.ImportStatement(t.Context(), b.finance, statement(b.entry("S1", 300*yuan, "A", ""), bad)); err == nil {
			t.Fatal("a line over nothing was taken")
		}
		many := make([]models.StatementEntry, models.MaxStatementLines+1)
		for i := range many {
			many[i] = b.entry(fmt.Sprint("M", i), yuan, "A", "")
		}
		_, err := b.ImportStatement(t.Context(), b.finance, statement(many...))
		wantField(t, err, "file", "error.statement.too_many")
		d, err := b.StatementDesk(t.Context(), models.Keyset{})
		if must(t, err); len(d.Imports) != 0 || len(b.lines(t, "")) != 0 {
			t.Errorf("left behind: %+v", d)
		}
		b.held(t, 0)
		b.imports(t, 1, b.entry("S1", 300*yuan, "A", ""))
	})
}

// What names a payment and its amount is proposed in one click, and approved by
// another: the payment is paid at the bank's time, once.
func TestACertainLinePaysItsPayment(t *testing.T) {
	eachTill(t, func(t *testing.T, b *till) {
		p := b.transfer(t, b.account, "1600")
		if p.ReferenceCode == nil || len(*p.ReferenceCode) != 8 || p.ExpiresAt.Sub(b.Clock.Now()) != 7*24*time.Hour {
			t.Fatalf("sent as %+v", p)
		}
		for _, task := range b.Queue.Tasks() {
			if _, asks := task.Args.(models.QueryPayment); asks {
				t.Error("somebody is asked about a bank transfer")
			}
		}
		other := b.transfer(t, b.account, "900")
		code := strings.ToLower(*p.ReferenceCode)
		b.imports(t, 3, b.entry("S1", 1600*yuan, "Tea Ltd", "pay "+code[:4]+" "+code[4:]+"!"),
			b.entry("S2", 800*yuan, "Tea Ltd", *other.ReferenceCode), b.entry("S3", 77*yuan, "", "interest"))
		n, err := b.ProposeCertain(t.Context(), b.finance, why)
		if must(t, err); n != 1 {
			t.Fatalf("%d lines were proposed", n)
		}
		if n, err := b.ProposeCertain(t.Context(), b.finance, why); err != nil || n != 0 {
			t.Errorf("proposed again: %d, %v", n, err)
		}
		proposed := b.lines(t, models.LineProposed)
		if len(proposed) != 1 || proposed[0].PaymentNo != p.No || proposed[0].AccountID != b.account {
			t.Fatalf("proposed are %+v", proposed)
		}
		_, err = b.Approve(t.Context(), b.finance, proposed[0].ApprovalID, "")
		wantCode(t, err, models.Forbidden)
		b.cash(t, b.account, 0)
		b.held(t, 2477*yuan)
		b.Clock.Add(time.Minute)
		for range 2 {
			done, err := b.Approve(t.Context(), b.other, proposed[0].ApprovalID, "")
			if must(t, err); done.State != models.ApprovalApproved {
				t.Fatalf("approved: %+v", done)
			}
		}
		got := b.now(t, p)
		if got.State != models.PaymentPaid || got.PaidLate || !got.PaidAt.Equal(proposed[0].BankAt) || *got.GatewayTradeNo != proposed[0].TradeNo {
			t.Errorf("paid as %+v", got)
		}
		if got.LedgerTransactionID == nil || got.CashBeforeFen == nil || *got.CashBeforeFen != 0 {
			t.Errorf("paid as %+v", got)
		}
		b.cash(t, b.account, 1600*yuan)
		b.held(t, 877*yuan)
		if lines := b.lines(t, models.LineCredited); len(lines) != 1 || lines[0].PaymentNo != p.No {
			t.Errorf("credited are %+v", lines)
		}
		rows, _, err := b.Statement(t.Context(), b.account, models.StatementFilter{}, models.Keyset{})
		if must(t, err); len(rows) != 1 || rows[0].PaymentNo != p.No || rows[0].AmountFen != 1600*yuan {
			t.Errorf("the seller's statement reads %+v", rows)
		}
		if b.now(t, other).State != models.PaymentPending {
			t.Error("another amount than asked for paid a payment")
		}
	})
}

// Money for a payment that has ended is credited all the same, and marked late.
func TestALateTransferIsCredited(t *testing.T) {
	eachTill(t, func(t *testing.T, b *till) {
		p := b.transfer(t, b.account, "1600")
		b.Clock.Set(p.ExpiresAt.Add(time.Minute))
		_, err := b.ExpirePayment(t.Context(), p.No)
		must(t, err)
		b.imports(t, 1, b.entry("S1", 1600*yuan, "Tea Ltd", *p.ReferenceCode))
		line := b.lines(t, models.LineUnmatched)[0]
		if !line.Match.Certain() || line.Match.Reasons[len(line.Match.Reasons)-1] != models.MatchEnded {
			t.Errorf("matched as %+v", line.Match)
		}
		a, err := b.ProposeLine(t.Context(), b.finance, line.ID, why)
		must(t, err)
		approve(t, b.Bench, b.admin, a, models.ApprovalApproved)
		if got := b.now(t, p); got.State != models.PaymentPaid || !got.PaidLate {
			t.Errorf("paid as %+v", got)
		}
		b.cash(t, b.account, 1600*yuan)
		b.held(t, 0)
		_, err = b.ProposeLine(t.Context(), b.finance, line.ID, why)
		wantCode(t, err, models.Conflict)
		_, err = b.ProposeLine(t.Context(), b.finance, line.ID+99, why)
		wantCode(t, err, models.NotFound)
	})
}

// Another amount than asked for goes to an account, by hand, or back; never to a
// payment.
func TestAnotherAmountIsForAHuman(t *testing.T) {
	eachTill(t, func(t *testing.T, b *till) {
		p := b.transfer(t, b.account, "1600")
		alipay := b.Pending(t, b.account, "1599")
		b.imports(t, 2, b.entry("S1", 1599*yuan, "Tea Ltd", *p.ReferenceCode), b.entry("S2", 10*yuan, "X", ""))
		lines := b.lines(t, models.LineUnmatched)
		line, rest := lines[1], lines[0]
		if line.Match.Proposable() || line.Match.AccountID != b.account || line.Match.Reasons[1] != models.MatchOtherAmount || rest.Match.Score != 0 {
			t.Errorf("matched as %+v and %+v", line.Match, rest.Match)
		}
		_, err := b.ProposeLine(t.Context(), b.finance, line.ID, why)
		wantCode(t, err, models.Conflict)
		in := models.ApprovalInput{Kind: models.ApprovalSuspenseClear, SuspenseID: line.SuspenseID, PaymentNo: *p.ReferenceCode, Reason: why}
		_, err = b.AskApproval(t.Context(), b.finance, in)
		wantField(t, err, "payment", "error.suspense.payment_amount")
		in.PaymentNo = alipay.No // the amount fits, the rail does not
		_, err = b.AskApproval(t.Context(), b.finance, in)
		wantField(t, err, "payment", "error.suspense.payment_unknown")
		in.PaymentNo, in.To = p.No, fmt.Sprint(b.account)
		_, err = b.AskApproval(t.Context(), b.finance, in)
		wantField(t, err, "to", "error.suspense.payment_or_account")
		in.PaymentNo = ""
		approve(t, b.Bench, b.other, ask(t, b.Bench, b.finance, in), models.ApprovalApproved)
		back := models.ApprovalInput{Kind: models.ApprovalSuspenseClear, SuspenseID: rest.SuspenseID, Reason: why}
		approve(t, b.Bench, b.other, ask(t, b.Bench, b.finance, back), models.ApprovalApproved)
		b.cash(t, b.account, 1599*yuan)
		b.held(t, 0)
		if b.now(t, p).State != models.PaymentPending {
			t.Error("the payment was paid by another amount")
		}
		if credited, returned := b.lines(t, models.LineCredited), b.lines(t, models.LineReturned); len(credited) != 1 || len(returned) != 1 || returned[0].ID != rest.ID {
			t.Errorf("credited %+v, returned %+v", credited, returned)
		}
		approve(t, b.Bench, b.other, ask(t, b.Bench, b.finance, adjustment(b.account, "1", "add")), models.ApprovalApproved)
		b.held(t, 0)
	})
}

// Two lines for one payment: one pays it, whoever approves first and however
// many at once; the other is told so and stays where it is.
func TestOneCreditForAPaymentAndForALine(t *testing.T) {
	eachTill(t, func(t *testing.T, b *till) {
		p := b.transfer(t, b.account, "1600")
		b.imports(t, 2, b.entry("S1", 1600*yuan, "Tea Ltd", *p.ReferenceCode), b.entry("S2", 1600*yuan, "Tea Ltd", p.No))
		var asked []models.Approval
		for _, line := range b.lines(t, "") {
			for i, by := range []models.Actor{b.finance, b.admin} {
				in := models.ApprovalInput{Kind: models.ApprovalSuspenseClear, SuspenseID: line.SuspenseID, PaymentNo: p.No, Reason: why}
				if i == 1 { // and the same money asked for once more, to the account
					in.PaymentNo, in.To = "", fmt.Sprint(b.account)
				}
				asked = append(asked, ask(t, b.Bench, by, in))
			}
		}
		stores := []*models.Store{b.Store, b.Again(t)}
		var wg sync.WaitGroup
		for i := range 4 * len(asked) {
			wg.Go(func() {
				a := asked[i%len(asked)]
				if _, err := stores[i%2].Approve(t.Context(), b.other, a.ID, ""); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		states := map[models.ApprovalState]int{}
		for _, a := range asked {
			row, err := b.ApprovalDesk(t.Context(), b.admin, a.ID)
			must(t, err)
			states[row.State]++
		}
		if states[models.ApprovalApproved] != 2 || states[models.ApprovalFailed] != 2 {
			t.Errorf("ended as %v", states)
		}
		b.cash(t, b.account, 3200*yuan)
		b.held(t, 0)
		paid := 0
		rows, _, err := b.Payments(t.Context(), b.account, models.PaymentFilter{}, models.Keyset{})
		must(t, err)
		for _, row := range rows {
			if row.State.IsPaid() {
				paid++
			}
		}
		if paid > 1 {
			t.Errorf("%d payments are paid", paid)
		}
	})
}

// The same statement, imported by several at once, is booked once.
func TestImportsAtOnceBookOnce(t *testing.T) {
	eachTill(t, func(t *testing.T, b *till) {
		var entries []models.StatementEntry
		for i := range 12 {
			entries = append(entries, b.entry(fmt.Sprint("S", i), models.Fen(i+1)*yuan, "A", ""))
		}
		stores := []*models.Store{b.Store, b.Again(t)}
		var wg sync.WaitGroup
		for i := range 6 {
			wg.Go(func() {
				if _, err := stores[i%2].ImportStatement(t.Context(), b.finance, statement(entries[i:]...)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		b.imports(t, 0, entries...)
		b.held(t, 78*yuan)
		if n := len(b.lines(t, "")); n != 12 {
			t.Errorf("%d lines are stored", n)
		}
	})
}

// What staff credited by hand under the bank's number is not booked again, and
// what a statement brought can't be credited by hand.
func TestByHandAndByStatementIsOnce(t *testing.T) {
	eachTill(t, func(t *testing.T, b *till) {
		a := ask(t, b.Bench, b.finance, transfer(b.account, "500", "CMB-2026-0001"))
		approve(t, b.Bench, b.other, a, models.ApprovalApproved)
		b.cash(t, b.account, 500*yuan)
		b.imports(t, 3, b.entry("CMB-2026-0001", 500*yuan, "A", ""), b.entry("CMB-2026-0002", 600*yuan, "B", ""), b.entry("CMB-2026-0003", 700*yuan, "B", ""))
		b.held(t, 1300*yuan)
		credited := b.lines(t, models.LineCredited)
		if len(credited) != 1 || credited[0].AccountID != b.account || credited[0].PaymentNo == "" || credited[0].SuspenseID != 0 {
			t.Fatalf("credited are %+v", credited)
		}
		_, err := b.AskApproval(t.Context(), b.finance, transfer(b.account, "600", "cmb-2026-0002"))
		wantField(t, err, "reference", "error.reference.used")
		_, err = b.AskApproval(t.Context(), b.finance, transfer(b.account, "600", "CMB20260002"))
		wantField(t, err, "reference", "error.reference.used")
		b.imports(t, 1, b.entry("CMB-2026-0001", 501*yuan, "A", "")) // over another amount: other money
		b.held(t, 1801*yuan)
	})
}

// Nor when two processes do both at once: each looks after the other has booked.
func TestByHandAndByStatementAtOnceIsOnce(t *testing.T) {
	eachTill(t, func(t *testing.T, b *till) {
		again := b.Again(t)
		for i := range 8 {
			serial := fmt.Sprint("CMB-2026-000", i)
			a := ask(t, b.Bench, b.finance, transfer(b.account, "500", serial))
			var both sync.WaitGroup
			both.Go(func() {
				if _, err := b.Approve(t.Context(), b.other, a.ID, ""); err != nil {
					t.Error(err)
				}
			})
			both.Go(func() {
				if _, err := again.ImportStatement(t.Context(), b.finance, statement(b.entry(serial, 500*yuan, "A", ""))); err != nil {
					t.Error(err)
				}
			})
			both.Wait()
			figures, err := b.Figures(t.Context())
			must(t, err)
			if got, want := desk(t, b.Bench, b.account).Funds.Cash+figures.Suspense, models.Fen(i+1)*500*yuan; got != want {
				t.Fatalf("the books hold %s, want %s", got.Wire(), want.Wire())
			}
		}
		b.Sound(t)
	})
}

// By the payer's name and the amount a line is proposed one at a time; a code
// says more than a name.
func TestMatchingByName(t *testing.T) {
	eachTill(t, func(t *testing.T, b *till) {
		second, _ := b.Seller(t)
		must(t, b.SetRegisteredName(t.Context(), b.finance, b.account, "杭州茶叶（中国）有限公司"))
		must(t, b.SetRegisteredName(t.Context(), b.finance, second, " Tea   House Ltd. "))
		mine := b.transfer(t, b.account, "1600")
		theirs := b.transfer(t, second, "1600")
		b.transfer(t, second, "900")
		twice := b.transfer(t, second, "500")
		_, err := b.CancelPayment(t.Context(), twice.No)
		must(t, err)
		for i, c := range []struct {
			payer, remark string
			amount        models.Fen
			score         int
			payment       string
			account       int64
			reasons       string
		}{
			{"杭州茶叶(中国)有限公司", "", 1600 * yuan, 80, mine.No, b.account, "name amount"},
			{"ＴＥＡ HOUSE LTD", "货款", 1600 * yuan, 80, theirs.No, second, "name amount"},
			{"TEA HOUSE LTD", "", 500 * yuan, 70, twice.No, second, "name amount ended"},
			{"TEA HOUSE LTD", "", 501 * yuan, 40, "", second, "name"},
			{"TEA HOUSE LTD", *mine.ReferenceCode, 1600 * yuan, 95, mine.No, b.account, "code amount name_differs"},
			{"杭州茶叶（中国）有限公司", mine.No, 1600 * yuan, 100, mine.No, b.account, "code amount name"},
			{"杭州茶叶（中国）有限公司", *mine.ReferenceCode + " " + *theirs.ReferenceCode, 1600 * yuan, 60, "", b.account, "code amount several"},
			{"", *mine.ReferenceCode, 1 * yuan, 50, "", b.account, "code amount_differs"},
			{"Nobody", "20261124 A1234567", 1600 * yuan, 0, "", 0, ""},
			{"", "", 1600 * yuan, 0, "", 0, ""},
		} {
			b.imports(t, 1, b.entry(fmt.Sprint("S", i), c.amount, c.payer, c.remark))
			m := b.lines(t, models.LineUnmatched)[0].Match
			if got := strings.Join(m.Reasons, " "); m.Score != c.score || m.PaymentNo != c.payment || m.AccountID != c.account || got != c.reasons {
				t.Errorf("%d: %+v, want %d %s %d %q", i, m, c.score, c.payment, c.account, c.reasons)
			}
			if m.Certain() != (c.score >= 90) || m.Proposable() != (c.score >= 70) {
				t.Errorf("%d: certain %v, proposable %v", i, m.Certain(), m.Proposable())
			}
		}
	})
}

// What staff set is audited; a mapping by which nothing could be read is refused.
func TestMappingAndNameAreAudited(t *testing.T) {
	eachTill(t, func(t *testing.T, b *till) {
		good := models.StatementMapping{Date: " Day ", Credit: "Sum", PayerName: "From", Direction: "Way", CreditWord: "in"}
		must(t, b.SetStatementMapping(t.Context(), b.finance, good))
		for field, m := range map[string]models.StatementMapping{
			"date": {Credit: "Sum", PayerName: "From"}, "credit": {Date: "Day", PayerName: "From"}, "payer_name": {Date: "Day", Credit: "Sum"},
			"credit_word": {Date: "Day", Credit: "Sum", PayerName: "From", Direction: "Way"},
			"direction":   {Date: "Day", Credit: "Sum", PayerName: "From", CreditWord: "in"},
		} {
			wantField(t, b.SetStatementMapping(t.Context(), b.finance, m), field, "error.mapping.empty")
		}
		good.Date = "Day"
		if got, err := b.StatementMapping(t.Context()); err != nil || got != good {
			t.Errorf("stored is %+v, %v", got, err)
		}
		good.Remark = "Note"
		must(t, b.SetStatementMapping(t.Context(), b.finance, good))
		must(t, b.SetRegisteredName(t.Context(), b.finance, b.account, "Tea Ltd"))
		must(t, b.SetRegisteredName(t.Context(), b.finance, b.account, " Tea  Ltd ")) // the same: no act
		wantField(t, b.SetRegisteredName(t.Context(), b.finance, b.account, "…"), "registered_name", "error.registered_name")
		wantCode(t, b.SetRegisteredName(t.Context(), b.finance, b.account+99, "X"), models.NotFound)
		if n, err := b.SellerName(t.Context(), b.account); err != nil || n.RegisteredName != "Tea Ltd" {
			t.Errorf("%+v, %v", n, err)
		}
		b.imports(t, 1, b.entry("S1", yuan, "A", ""))
		db, err := b.Handle()
		must(t, err)
		for action, want := range map[string]int{"statement.mapping": 2, "account.registered_name": 1, "statement.import": 1} {
			var n int
			must(t, db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM audit_log WHERE action = $1 AND user_id = $2", action, b.finance.UserID).Scan(&n))
			if n != want {
				t.Errorf("%d acts %s, want %d", n, action, want)
			}
		}
		b.Sound(t)
	})
}

// A payer who pays twice: one of the lines is proposed, the other waits for a
// human, and is refused for a payment that has its money.
func TestTheSecondLineForAPaymentWaits(t *testing.T) {
	eachTill(t, func(t *testing.T, b *till) {
		p := b.transfer(t, b.account, "1600")
		b.imports(t, 2, b.entry("S1", 1600*yuan, "Tea Ltd", *p.ReferenceCode), b.entry("S2", 1600*yuan, "Tea Ltd", *p.ReferenceCode))
		lines := b.lines(t, "")
		second := models.ApprovalInput{Kind: models.ApprovalSuspenseClear, SuspenseID: lines[0].SuspenseID, PaymentNo: p.No, Reason: why}
		early := ask(t, b.Bench, b.admin, second)
		_, err := b.WithdrawApproval(t.Context(), b.admin, early.ID)
		must(t, err)
		if n, err := b.ProposeCertain(t.Context(), b.finance, why); err != nil || n != 1 {
			t.Fatalf("%d lines were proposed, %v", n, err)
		}
		if m := b.lines(t, models.LineUnmatched)[0].Match; m.Proposable() || m.Reasons[1] != models.MatchAsked {
			t.Errorf("the second is matched as %+v", m)
		}
		asked := ask(t, b.Bench, b.admin, second)
		_, err = b.Approve(t.Context(), b.other, b.lines(t, models.LineProposed)[1].ApprovalID, "")
		must(t, err)
		failed := approve(t, b.Bench, b.other, asked, models.ApprovalFailed)
		if failed.Note != "error.suspense.payment_paid" {
			t.Errorf("it failed for %q", failed.Note)
		}
		_, err = b.AskApproval(t.Context(), b.finance, second)
		wantField(t, err, "payment", "error.suspense.payment_paid")
		if m := b.lines(t, models.LineUnmatched)[0].Match; m.Proposable() || m.Reasons[1] != models.MatchPaid {
			t.Errorf("the second is matched as %+v", m)
		}
		b.cash(t, b.account, 1600*yuan)
		b.held(t, 1600*yuan)
	})
}

// Many ended payments of one amount hide neither the one that waits nor that
// several do; those asked for stand in nobody's place.
func TestManyTransfersOfOneAmountHideNone(t *testing.T) {
	eachTill(t, func(t *testing.T, b *till) {
		second, _ := b.Seller(t)
		must(t, b.SetRegisteredName(t.Context(), b.finance, b.account, "Tea Ltd"))
		end := func() models.Payment {
			p, err := b.CancelPayment(t.Context(), b.transfer(t, b.account, "1600").No)
			must(t, err)
			return p
		}
		var ended []models.Payment
		for range 8 {
			ended = append(ended, end())
		}
		serials := 0
		matched := func(what string, score int, payment string) {
			t.Helper()
			serials++
			b.imports(t, 1, b.entry(fmt.Sprint("S", serials), 1600*yuan, "Tea Ltd", ""))
			if m := b.lines(t, models.LineUnmatched)[0].Match; m.Score != score || m.PaymentNo != payment {
				t.Errorf("%s: %+v, want %d %q", what, m, score, payment)
			}
		}
		matched("eight have ended", 60, "")
		for _, p := range ended[:6] {
			serials++
			b.imports(t, 1, b.entry(fmt.Sprint("S", serials), 1600*yuan, "", *p.ReferenceCode))
		}
		if n, err := b.ProposeCertain(t.Context(), b.finance, why); err != nil || n != 6 {
			t.Fatal(n, err)
		}
		matched("two of eight are not asked for", 60, "")
		serials++
		b.imports(t, 1, b.entry(fmt.Sprint("S", serials), 1600*yuan, "", *ended[6].ReferenceCode))
		if n, err := b.ProposeCertain(t.Context(), b.finance, why); err != nil || n != 1 {
			t.Fatal(n, err)
		}
		matched("the last is not asked for", 70, ended[7].No)
		matched("one waits behind them", 80, b.transfer(t, b.account, "1600").No)
		must(t, b.SetRegisteredName(t.Context(), b.finance, second, "Tea Ltd"))
		b.transfer(t, second, "1600")
		matched("two wait behind them", 60, "")
	})
}
