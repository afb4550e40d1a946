package models_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ztc-portal/models"
)

// runs runs a day of bank transfer with the bill that statements make of it.
func (b *till) runs(t testing.TB, dayOn string) models.Reconciliation {
	t.Helper()
	bill, covered, err := b.StatementBill(t.Context(), ourAccount, dayOn)
	must(t, err)
	if !covered {
		t.Fatalf("no statement covers %s", dayOn)
	}
	return runDay(t, b.Bench, models.RailBankTransfer, dayOn, bill...)
}

// on is a line of a day, at noon.
func (b *till) on(dayOn, serial string, amount models.Fen, remark string) models.StatementEntry {
	e := b.entry(serial, amount, "Tea Ltd", remark)
	at, _ := time.ParseInLocation(time.DateTime, dayOn+" 12:00:00", models.Shanghai)
	e.DayOn, e.Clock, e.At = dayOn, "12:00:00", at.UTC()
	return e
}

// whole imports lines by a statement over these days.
func (b *till) whole(t testing.TB, firstOn, lastOn string, entries ...models.StatementEntry) {
	t.Helper()
	in := statement(entries...)
	in.Statement.FirstOn, in.Statement.LastOn = firstOn, lastOn
	_, err := b.ImportStatement(t.Context(), b.finance, in)
	must(t, err)
}

// byHand credits an amount under the bank's number, paid on a day.
func (b *till) byHand(t testing.TB, reference, amount, paidOn string) {
	t.Helper()
	in := transfer(b.account, amount, reference)
	in.PaidOn = paidOn
	approve(t, b.Bench, b.other, ask(t, b.Bench, b.finance, in), models.ApprovalApproved)
}

// clears says where the money of a line goes, by its serial number.
func (b *till) clears(t testing.TB, serial, to, payment string) {
	t.Helper()
	for _, l := range b.lines(t, "") {
		if l.SerialNo == serial {
			in := models.ApprovalInput{Kind: models.ApprovalSuspenseClear, SuspenseID: l.SuspenseID, To: to, PaymentNo: payment, Reason: why}
			approve(t, b.Bench, b.other, ask(t, b.Bench, b.finance, in), models.ApprovalApproved)
			return
		}
	}
	t.Fatalf("no line %s", serial)
}

// trade is the number of a line as money, by its serial number.
func (b *till) trade(t testing.TB, serial string) string {
	t.Helper()
	for _, l := range b.lines(t, "") {
		if l.SerialNo == serial {
			return l.TradeNo
		}
	}
	t.Fatalf("no line %s", serial)
	return ""
}

// differs wants all that was ever found of a day; "%S" stands for the trade of
// line S.
func (b *till) differs(t testing.TB, r models.Reconciliation, want ...string) {
	t.Helper()
	got, _ := differences(t, b.Bench, r.ID)
	for i := range got {
		got[i] = strings.TrimSpace(got[i])
	}
	for i, w := range want {
		words := strings.Fields(w)
		if serial, ok := strings.CutPrefix(words[1], "%"); ok {
			serial, back, _ := strings.Cut(serial, "+")
			words[1] = b.trade(t, serial) + back
		}
		want[i] = strings.Join(words, " ")
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s differs otherwise: %s", r.DayOn, diff)
	}
	if r.UnexplainedFen() != 0 || r.LedgerFaultCount != 0 {
		t.Errorf("%s: %d fen are not explained: %+v", r.DayOn, r.UnexplainedFen(), r)
	}
}

// asked are the days of bank transfer that were asked for since, oldest first,
// each once; and how they wait.
func (b *till) asked(t testing.TB, since int) []string {
	t.Helper()
	days := map[string]bool{}
	for _, task := range tasksOf(b.Bench, models.ReconcileDay{}.Kind())[since:] {
		args := task.Args.(models.ReconcileDay)
		if args.Rail != models.RailBankTransfer || !task.RunAt.IsZero() || days[args.DayOn] {
			t.Errorf("asked for %+v", task)
		}
		days[args.DayOn] = true
	}
	rows, _, err := b.Reconciliations(t.Context(), models.Keyset{})
	must(t, err)
	var all []string
	for _, r := range slices.Backward(rows) {
		if days[r.DayOn] && r.State == models.ReconciliationWaiting {
			all = append(all, r.DayOn)
		}
	}
	if len(all) != len(days) {
		t.Errorf("%v were asked for, %v wait", days, all)
	}
	return all
}

func (b *till) tasks() int { return len(tasksOf(b.Bench, models.ReconcileDay{}.Kind())) }

// A day of bank transfer with one of everything: what the statements say beside
// what staff did of it, to the fen, and the same however often it is run.
func TestStatementAgainstBooksWithEveryKindOfDifference(t *testing.T) {
	eachTill(t, func(t *testing.T, b *till) {
		const next = "2026-11-25"
		paid, pending, expired := b.transfer(t, b.account, "1600"), b.transfer(t, b.account, "800"), b.transfer(t, b.account, "900")
		for i, amount := range []string{"500", "502", "700"} {
			b.byHand(t, fmt.Sprint("CMB-2026-000", i+1), amount, billDay)
		}
		b.Clock.Set(models.BillDue(billDay))
		bare := b.on(billDay, "S4", 77*yuan, "interest")
		b.whole(t, billDay, billDay, b.on(billDay, "S1", 1600*yuan, *paid.ReferenceCode), b.on(billDay, "S2", 800*yuan, "pay "+strings.ToLower(*pending.ReferenceCode)),
			b.on(billDay, "S3", 900*yuan, expired.No), bare, b.on(billDay, "S5", 150*yuan, *pending.ReferenceCode+" "+*expired.ReferenceCode),
			b.on(billDay, "S6", 88*yuan, ""), b.on(billDay, "CMB20260001", 500*yuan, ""), b.on(billDay, "CMB20260002", 501*yuan, ""),
			b.on(billDay, "S9", 1600*yuan, *paid.ReferenceCode))
		if got := b.asked(t, 0); !slices.Equal(got, []string{billDay}) {
			t.Errorf("the import asks for %v", got)
		}
		b.clears(t, "S1", "", paid.No)
		b.clears(t, "S5", fmt.Sprint(b.account), "")
		b.clears(t, "S6", "", "")
		_, err := b.CancelPayment(t.Context(), expired.No)
		must(t, err)
		want := func() []string {
			return []string{
				"state_differs %S2 80000 80000 pending", "state_differs %S3 90000 90000 cancelled",
				"amount_differs CMB20260002 50200 50100 paid", "only_ours CMB20260003 70000 0 paid",
			}
		}
		one := b.runs(t, billDay)
		b.differs(t, one, want()...)
		figures := []int64{one.PaymentCount, int64(one.PaymentFen), one.MatchedCount, one.SuspenseCount, int64(one.SuspenseFen), one.OursCount, int64(one.OursFen), int64(one.LedgerFen), int64(one.FeeFen)}
		if diff := cmp.Diff([]int64{9, 6216_00, 4, 5, 3878_00, 4, 3302_00, 3302_00, 0}, figures); diff != "" {
			t.Error(diff)
		}
		// Credited by hand that day 1702; all lines 6216; booked on the next day 5716, 1202 by hand agree with no line.
		wantClearing(t, "the first day", one, 0, 1702, 6216, 1202-5716, 0, 0)
		again := b.runs(t, billDay)
		b.differs(t, again, want()...)
		again.Run, again.StartedAt, again.FinishedAt = one.Run, one.StartedAt, one.FinishedAt
		if diff := cmp.Diff(one, again); diff != "" {
			t.Errorf("run again the figures changed: %s", diff)
		}

		// The next day: what was given back left on it, which no statement tells.
		b.Clock.Set(models.BillDue(next))
		before := b.tasks()
		b.whole(t, billDay, next, bare, b.on(next, "S7", 33*yuan, ""))
		if got := b.asked(t, before); !slices.Equal(got, []string{next}) {
			t.Errorf("the import asks for %v", got)
		}
		two := b.runs(t, next)
		b.differs(t, two, "only_ours %S6+suspense:"+digits(b.item(t, "S6"))+" -8800 0 suspense")
		wantClearing(t, "the second day", two, 0, 1702+5716-88, 6216+33, 1202-88-33, 0, 0)

		// Approved, a line's difference goes by itself; one whose day has none asks for no run.
		before = b.tasks()
		b.clears(t, "S4", fmt.Sprint(b.account), "")
		b.clears(t, "S2", "", pending.No)
		b.clears(t, "S3", fmt.Sprint(b.account), "") // the day waits already
		if got := b.asked(t, before); !slices.Equal(got, []string{billDay}) {
			t.Errorf("the approval asks for %v", got)
		}
		three := b.runs(t, billDay)
		b.differs(t, three, "state_differs %S2 80000 80000 vanished", "state_differs %S3 90000 90000 vanished",
			"amount_differs CMB20260002 50200 50100 paid", "only_ours CMB20260003 70000 0 paid")
		wantClearing(t, "the first day later", three, 0, 1702, 6216, 1202-5716, 0, 0)
		b.Sound(t)
	})
}

// item is the number of a line's suspense.
func (b *till) item(t testing.TB, serial string) int64 {
	t.Helper()
	for _, l := range b.lines(t, "") {
		if l.SerialNo == serial {
			return l.SuspenseID
		}
	}
	return 0
}

// A day that is done and of which a later import knows more is run again, in the
// same breath; so is one whose open difference the import settles. What an
// import does not change is left alone.
func TestALateImportLetsDaysBeRunAgain(t *testing.T) {
	eachTill(t, func(t *testing.T, b *till) {
		days := []string{"2026-11-23", billDay, "2026-11-25", "2026-11-26"}
		b.byHand(t, "CMB-2026-0001", "500", billDay)
		b.Clock.Set(models.BillDue(days[3]))
		known := b.on(days[0], "S1", 10*yuan, "")
		b.whole(t, days[0], days[3], known, b.on(days[2], "S2", 20*yuan, ""))
		for _, day := range days {
			b.runs(t, day)
		}
		late, err := b.day(t, billDay)
		must(t, err)
		b.differs(t, late, "only_ours CMB20260001 50000 0 paid")
		before := b.tasks()
		b.whole(t, days[0], days[3], known)
		if got := b.asked(t, before); len(got) != 0 {
			t.Errorf("lines that were known ask for %v", got)
		}
		// A run is under way when the line of what was credited by hand comes, dated a day later.
		under, err := b.BeginReconciliation(t.Context(), models.RailBankTransfer, days[2])
		must(t, err)
		b.whole(t, days[0], days[3], b.on(days[2], "CMB20260001", 500*yuan, ""))
		if got := b.asked(t, before); !slices.Equal(got, days[1:3]) {
			t.Errorf("a late line asks for %v", got)
		}
		_, err = b.FinishReconciliation(t.Context(), under, 0)
		wantCode(t, err, models.Conflict)
		// A day that is put back counts as one without a bill until it is run.
		gap := b.runs(t, days[3])
		if b.differs(t, gap); gap.UnbilledDays != 2 {
			t.Errorf("%d days are without a bill", gap.UnbilledDays)
		}
		two := b.runs(t, billDay)
		b.differs(t, two, "only_ours CMB20260001 50000 0 vanished")
		wantClearing(t, "before the line", two, 0, 500, 10, 500-10, 0, 0)
		three := b.runs(t, days[2])
		if b.differs(t, three); three.PaymentCount != 2 || three.MatchedCount != 1 || three.SuspenseCount != 1 {
			t.Errorf("with the late line it is %+v", three)
		}
		wantClearing(t, "with the line", three, 0, 500, 530, -30, 0, 0)
		last := b.runs(t, days[3])
		wantClearing(t, "the last day", last, 0, 500, 530, -30, 0, 0)
		b.Sound(t)
	})
}

// day reads a day of bank transfer.
func (b *till) day(t testing.TB, dayOn string) (models.Reconciliation, error) {
	rows, _, err := b.Reconciliations(t.Context(), models.Keyset{})
	for _, r := range rows {
		if r.Rail == models.RailBankTransfer && r.DayOn == dayOn {
			return r.Reconciliation, err
		}
	}
	t.Fatalf("%s is not there", dayOn)
	return models.Reconciliation{}, err
}

// A day is covered when a statement of our account lies over it that was imported
// after it; debits count, since they say that the file holds the day.
func TestDaysThatStatementsCover(t *testing.T) {
	eachTill(t, func(t *testing.T, b *till) {
		covered := func(account string, want ...string) {
			t.Helper()
			var got []string
			for day := 20; day < 30; day++ {
				dayOn := fmt.Sprint("2026-11-", day)
				ok, err := b.StatementCovers(t.Context(), account, dayOn)
				must(t, err)
				_, billed, err := b.StatementBill(t.Context(), account, dayOn)
				if must(t, err); ok != billed {
					t.Errorf("%s: covered %v, a bill %v", dayOn, ok, billed)
				}
				if ok {
					got = append(got, dayOn[8:])
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("covered: %s", diff)
			}
		}
		const other = "6222020000099999999"
		covered(ourAccount)
		b.Clock.Set(time.Date(2026, 11, 24, 15, 59, 59, 0, time.UTC)) // the day's last second
		b.imports(t, 2, b.on("2026-11-22", "S1", yuan, ""), b.on("2026-11-24", "S2", yuan, ""))
		if got := b.asked(t, 0); !slices.Equal(got, []string{"2026-11-22"}) {
			t.Errorf("the import asks for %v", got)
		}
		covered(ourAccount, "22", "23")
		covered(other, "22", "23") // the account that we had before
		b.Clock.Add(time.Second)
		b.imports(t, 0, b.on("2026-11-24", "S2", yuan, ""))
		covered(ourAccount, "22", "23", "24")
		b.Clock.Set(models.BillDue("2026-11-26"))
		must(t, b.PlanReconciliations(t.Context(), []models.Rail{models.RailBankTransfer}))
		before := b.tasks()
		b.whole(t, "2026-11-25", "2026-11-26") // debits alone
		if got := b.asked(t, before); !slices.Equal(got, []string{"2026-11-25", "2026-11-26"}) {
			t.Errorf("days that waited: asked for are %v", got)
		}
		covered(ourAccount, "22", "23", "24", "25", "26")
		in := statement(b.on("2026-11-25", "S3", yuan, ""))
		in.OurAccount = other
		_, err := b.ImportStatement(t.Context(), b.finance, in)
		must(t, err)
		covered(other, "22", "23", "24", "25")
		bill, _, err := b.StatementBill(t.Context(), ourAccount, "2026-11-25")
		if must(t, err); len(bill) != 1 || bill[0].TradeNo != b.trade(t, "S3") {
			t.Errorf("the other account's lines are not on the bill: %+v", bill)
		}
	})
}

// The nightly reader holds each line against the books: its money is there once,
// and no suspense came from nowhere. So does the day.
func TestTheNightlyReaderHoldsStatementsAgainstTheBooks(t *testing.T) {
	eachTill(t, func(t *testing.T, b *till) {
		b.byHand(t, "CMB-2026-0001", "500", billDay)
		b.byHand(t, "CMB-2026-0002", "600", billDay)
		b.Clock.Set(models.BillDue(billDay))
		b.whole(t, billDay, billDay, b.on(billDay, "S1", 10*yuan, ""), b.on(billDay, "S2", 20*yuan, ""), b.on(billDay, "CMB20260001", 500*yuan, ""), b.on(billDay, "S4", 600*yuan, ""))
		b.Sound(t)
		db, err := b.Handle()
		must(t, err)
		// tampered changes what a query says, wants what the reader finds of it, and takes it back.
		tampered := func(what, change, back string, want ...string) {
			t.Helper()
			for _, statement := range []string{change, back} {
				if _, err := db.ExecContext(t.Context(), statement); err != nil {
					t.Fatalf("%s: %v", statement, err)
				}
				faults, err := b.VerifyLedger(t.Context())
				must(t, err)
				var got []string
				for _, f := range faults {
					got = append(got, fmt.Sprint(f.What, " ", f.Want, " ", f.Got))
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s: %s", what, diff)
				}
				want = nil
			}
		}
		item := func(serial string) string { return digits(b.item(t, serial)) }
		set := func(column, value, serial string) string {
			return "UPDATE suspense_items SET " + column + " = " + value + " WHERE id = " + item(serial)
		}
		tampered("an amount", set("amount_fen", "1001", "S1"), set("amount_fen", "1000", "S1"), "statement line in suspense 1000 0")
		tampered("a number", set("gateway_trade_no", "'X'", "S1"), set("gateway_trade_no", "'"+b.trade(t, "S1")+"'", "S1"), "statement line in suspense 1000 0")
		tampered("a rail", set("rail", "'alipay'", "S1"), set("rail", "'bank_transfer'", "S1"), "statement line in suspense 1000 0")
		var its, others int64
		must(t, db.QueryRowContext(t.Context(), "SELECT MIN(ledger_transaction_id), MAX(ledger_transaction_id) FROM suspense_items WHERE id IN ("+item("S1")+", "+item("S2")+")").Scan(&its, &others))
		tampered("the posting", set("ledger_transaction_id", digits(others+1), "S1"), set("ledger_transaction_id", digits(its), "S1"), "statement line in suspense 1000 0")
		hand := func(to, from string) string {
			return "UPDATE payments SET gateway_trade_no = '" + to + "' WHERE gateway_trade_no = '" + from + "'"
		}
		tampered("another number by hand", hand("CMB20260009", "CMB20260001"), hand("CMB20260001", "CMB20260009"), "statement line credited by hand 50000 0")
		tampered("by hand and by the line", hand("S-4", "CMB20260002"), hand("CMB20260002", "S-4"), "statement line booked twice 60000 120000")
		line := b.lines(t, models.LineCredited)[0]
		tampered("in suspense and by hand", set("gateway_trade_no", "'"+line.TradeNo+"'", "S2"), set("gateway_trade_no", "'"+b.trade(t, "S2")+"'", "S2"),
			"statement line in suspense 2000 0", "statement line booked twice 50000 52000")

		// A line whose money the books do not hold under its number is only theirs; one over another amount differs.
		_, err = db.ExecContext(t.Context(), set("gateway_trade_no", "'X'", "S1"))
		must(t, err)
		_, err = db.ExecContext(t.Context(), set("amount_fen", "2001", "S2"))
		must(t, err)
		b.differs(t, b.runs(t, billDay), "only_theirs %S1 0 1000", "amount_differs %S2 2001 2000 suspense", "only_ours CMB20260002 60000 0 paid")

		// Money that no statement brought.
		stray := models.Receipt{Rail: models.RailBankTransfer, OutTradeNo: "R261124NOBODYNOBODY00", GatewayTradeNo: "STRAY", State: models.TradePaid, AmountFen: 7 * yuan, Currency: "CNY", Payee: ourAccount, Confirmed: true}
		b.Clock.Set(models.BillDue("2026-11-25").Add(-12 * time.Hour))
		if outcome, err := b.SettlePayment(t.Context(), stray, 0); err != nil || outcome != models.OutcomeSuspense {
			t.Fatal(outcome, err)
		}
		faults, err := b.VerifyLedger(t.Context())
		must(t, err)
		if len(faults) != 3 || faults[2].What != "suspense of no statement line" || faults[2].Got != 700 {
			t.Errorf("found are %v", faults)
		}
		b.Clock.Set(models.BillDue("2026-11-25"))
		b.whole(t, "2026-11-25", "2026-11-25")
		b.differs(t, b.runs(t, "2026-11-25"), "only_ours STRAY 700 0 suspense")
	})
}

// What staff credit late under a number that stood on a day over another amount
// is told on that day, and not again on the day of its booking.
func TestAnotherAmountByHandIsToldOnce(t *testing.T) {
	eachTill(t, func(t *testing.T, b *till) {
		const next = "2026-11-25"
		b.Clock.Set(models.BillDue(billDay))
		b.byHand(t, "CMB-2026-0001", "500", billDay)
		b.whole(t, billDay, billDay, b.on(billDay, "CMB20260001", 501*yuan, ""))
		b.differs(t, b.runs(t, billDay), "amount_differs CMB20260001 50000 50100 paid")
		b.Clock.Set(models.BillDue(next))
		b.whole(t, next, next)
		b.differs(t, b.runs(t, next))
	})
}

// A day that an import put back is asked for by the daily plan too, as one that
// was never run is; one that is done is not.
func TestADayThatWaitsAgainIsPlanned(t *testing.T) {
	eachTill(t, func(t *testing.T, b *till) {
		const done = "2026-11-23"
		b.Clock.Set(models.BillDue(billDay))
		b.whole(t, done, billDay, b.on(billDay, "S1", 10*yuan, ""))
		b.runs(t, done)
		b.runs(t, billDay)
		planned := func() (days []string) {
			before := b.tasks()
			must(t, b.PlanReconciliations(t.Context(), []models.Rail{models.RailBankTransfer}))
			for _, task := range tasksOf(b.Bench, models.ReconcileDay{}.Kind())[before:] {
				days = append(days, task.Args.(models.ReconcileDay).DayOn)
			}
			return days
		}
		if got := planned(); slices.Contains(got, billDay) || slices.Contains(got, done) {
			t.Errorf("planned are %v", got)
		}
		b.whole(t, done, billDay, b.on(billDay, "S2", 20*yuan, ""))
		if got := planned(); !slices.Contains(got, billDay) || slices.Contains(got, done) {
			t.Errorf("planned are %v", got)
		}
	})
}

// A late line settles a difference over its number as staff wrote it formerly,
// with hyphens, and asks for no day whose difference is over or is another rail's.
func TestALateLineAsksForDaysOfItsNumber(t *testing.T) {
	eachTill(t, func(t *testing.T, b *till) {
		const first, last = "2026-11-23", "2026-11-25"
		b.Clock.Set(models.BillDue(first))
		b.byHand(t, "CMB-2026-0001", "500", first)
		b.Clock.Set(models.BillDue(billDay))
		b.byHand(t, "CMB-2026-0002", "600", billDay)
		b.Clock.Set(models.BillDue(last))
		db, err := b.Handle()
		must(t, err)
		_, err = db.ExecContext(t.Context(), "UPDATE payments SET gateway_trade_no = 'CMB-2026-0001' WHERE gateway_trade_no = 'CMB20260001'")
		must(t, err)
		b.whole(t, first, last)
		for _, day := range []string{first, billDay, last} {
			b.runs(t, day)
		}
		// Alipay's bill of the last day names the second number.
		run, err := b.BeginReconciliation(t.Context(), models.RailAlipay, last)
		must(t, err)
		must(t, b.AddBillLines(t.Context(), run, []models.BillLine{{TradeNo: "CMB20260002", OutTradeNo: "X", OrderFen: 1, AmountFen: 1, FinishedAt: b.Clock.Now()}}))
		_, err = b.FinishReconciliation(t.Context(), run, 0)
		must(t, err)
		before := b.tasks()
		b.whole(t, last, last, b.on(first, "CMB20260002", 600*yuan, ""))
		if got := b.asked(t, before); !slices.Equal(got, []string{first, billDay}) {
			t.Errorf("the line of the second asks for %v", got)
		}
		b.runs(t, billDay)
		before = b.tasks()
		b.whole(t, last, last, b.on(last, "CMB20260001", 500*yuan, ""), b.on(last, "CMB20260002", 1*yuan, "the same voucher"))
		if got := b.asked(t, before); !slices.Equal(got, []string{first, last}) {
			t.Errorf("the line of the first asks for %v", got)
		}
	})
}
