package models_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

const billDay = "2026-11-24" // the day on which a bench's clock begins

// line is the line of a bill about a payment of that receipt.
func line(r models.Receipt) models.BillLine {
	return models.BillLine{TradeNo: r.GatewayTradeNo, OutTradeNo: r.OutTradeNo, OrderFen: r.AmountFen, AmountFen: r.AmountFen, FinishedAt: r.PaidAt}
}

// reconcile runs the day with a bill of these lines.
func reconcile(t testing.TB, b *modelstest.Bench, lines ...models.BillLine) models.Reconciliation {
	t.Helper()
	run, err := b.BeginReconciliation(t.Context(), models.RailAlipay, billDay)
	must(t, err)
	must(t, b.AddBillLines(t.Context(), run, lines))
	done, err := b.FinishReconciliation(t.Context(), run, 0)
	must(t, err)
	return done
}

// dayAfter moves the clock to the morning on which the bill comes.
func dayAfter(b *modelstest.Bench) { b.Clock.Set(models.BillDue(billDay)) }

// differences are those of the day, "kind trade-no ours theirs state" or the
// resolution, oldest first.
func differences(t testing.TB, b *modelstest.Bench, id int64) (all []string, rows []models.DifferenceView) {
	t.Helper()
	desk, err := b.ReconciliationDesk(t.Context(), id, models.DifferenceFilter{All: true}, models.Keyset{})
	must(t, err)
	rows = desk.Differences
	slices.Reverse(rows)
	for _, d := range rows {
		end := d.OursState
		if !d.IsOpen() {
			end = string(d.Resolution)
		}
		all = append(all, fmt.Sprintf("%s %s%s %d %d %s", d.Kind, d.TradeNo, d.RequestNo, d.OursFen, d.TheirsFen, end))
	}
	return all, rows
}

// dayOfEveryKind is a day with one of everything, and its bill.
func dayOfEveryKind(t *testing.T, b *modelstest.Bench) (payments map[string]models.Payment, lines []models.BillLine) {
	t.Helper()
	account, _ := b.Seller(t)
	payments = map[string]models.Payment{}
	pay := func(name string) models.Receipt {
		p := b.Pending(t, account, "300")
		payments[name] = p
		return b.Receipt(p)
	}
	settle := func(name string) models.Receipt {
		r := pay(name)
		_, err := b.SettlePayment(t.Context(), r, 0)
		must(t, err)
		return r
	}
	settle("missing")
	matched, amount, fee := settle("matched"), settle("amount"), settle("fee")
	stuck := pay("stuck")
	parked := b.Receipt(models.Payment{No: "R261124PARKEDPARKED00", Rail: models.RailAlipay, AmountFen: 70_00})
	parked.Confirmed = true
	if outcome, err := b.SettlePayment(t.Context(), parked, 0); err != nil || outcome != models.OutcomeSuspense {
		t.Fatal(outcome, err)
	}
	amountLine := line(amount)
	amountLine.AmountFen = 299_00
	feeLine := line(fee)
	feeLine.FeeFen = -3_01
	refund := line(matched)
	refund.RequestNo, refund.OrderFen, refund.AmountFen = "F1", -10_00, -10_00
	foreign := models.BillLine{TradeNo: "2026112499", OutTradeNo: "R261124NOBODYNOBODY00", OrderFen: 55_00, AmountFen: 55_00, FinishedAt: b.Clock.Now()}
	return payments, []models.BillLine{line(matched), amountLine, feeLine, line(stuck), line(parked), refund, foreign}
}

func TestBillWithEveryKindOfDifference(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		payments, lines := dayOfEveryKind(t, b)
		dayAfter(b)
		done := reconcile(t, b, lines...)
		got, rows := differences(t, b, done.ID)
		no := func(name string) string { return b.Receipt(payments[name]).GatewayTradeNo }
		want := []string{
			"amount_differs " + no("amount") + " 30000 29900 paid",
			"fee_differs " + no("fee") + " 300 301 paid",
			"state_differs " + no("stuck") + " 0 30000 pending",
			"only_theirs 2026112499 0 5500 ",
			"only_theirs " + no("matched") + "F1 0 -1000 ",
			"only_ours " + no("missing") + " 30000 0 paid",
		}
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		for _, d := range rows {
			var name string
			for _, p := range payments {
				if p.No == d.OutTradeNo {
					name = p.No
				}
			}
			if d.PaymentNo != name {
				t.Errorf("%s %s is about payment %q, want %q", d.Kind, d.TradeNo, d.PaymentNo, name)
			}
		}
		figures := []int64{
			done.PaymentCount, int64(done.PaymentFen), done.RefundCount, int64(done.RefundFen), int64(done.FeeFen), done.MatchedCount,
			done.SuspenseCount, int64(done.SuspenseFen), done.OursCount, int64(done.OursFen), int64(done.LedgerFen), done.LedgerFaultCount, int64(done.NetFen()),
		}
		if diff := cmp.Diff([]int64{6, 300_00*3 + 299_00 + 70_00 + 55_00, 1, -10_00, -3_01, 2, 1, 70_00, 4, 1200_00, 1200_00, 0, 1314_00}, figures); diff != "" {
			t.Error(diff)
		}
		if done.State != models.ReconciliationDone || done.DayOn != billDay || done.Run != 1 || done.ID != 202611241 {
			t.Errorf("the run is %+v", done)
		}
	})
}

// A line that another day's bill holds is on a bill; the next day's payments are
// not of this day.
func TestDaysDoNotMix(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, _ := b.Seller(t)
		late := b.Pending(t, account, "300")
		b.Clock.Set(time.Date(2026, 11, 24, 15, 59, 59, 0, time.UTC)) // the day's last second in Shanghai
		receipt := b.Receipt(late)
		_, err := b.SettlePayment(t.Context(), receipt, 0)
		must(t, err)
		b.Clock.Add(time.Second)
		recharge(t, b, account, 400*yuan)
		b.Clock.Set(models.BillDue("2026-11-25"))
		next, err := b.BeginReconciliation(t.Context(), models.RailAlipay, "2026-11-25")
		must(t, err)
		must(t, b.AddBillLines(t.Context(), next, []models.BillLine{line(receipt)}))
		_, err = b.FinishReconciliation(t.Context(), next, 0)
		must(t, err)
		done := reconcile(t, b)
		if got, _ := differences(t, b, done.ID); len(got) != 0 || done.OursCount != 1 || done.OursFen != 300*yuan {
			t.Errorf("the day is %+v, differs in %v", done, got)
		}
		got, _ := differences(t, b, next.ID)
		if len(got) != 1 || !strings.HasPrefix(got[0], "only_ours") {
			t.Errorf("the next day differs in %v", got)
		}
	})
}

// What stood in suspense and was cleared came in all the same: an account has it,
// and so it must be on a bill.
func TestClearedSuspenseMustBeOnABill(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		o := newOffice(t, b)
		account, _ := b.Seller(t)
		parked := b.Receipt(models.Payment{No: "R261124PARKEDPARKED00", Rail: models.RailAlipay, AmountFen: 70_00})
		parked.Confirmed = true
		_, err := b.SettlePayment(t.Context(), parked, 0)
		must(t, err)
		desk, err := b.SuspenseDesk(t.Context(), false, models.Keyset{})
		must(t, err)
		clearing := models.ApprovalInput{Kind: models.ApprovalSuspenseClear, SuspenseID: desk.Items[0].ID, To: fmt.Sprint(account), Reason: why}
		approve(t, b, o.other, ask(t, b, o.finance, clearing), models.ApprovalApproved)
		wantFunds(t, b, account, 70_00, 0)
		dayAfter(b)
		done := reconcile(t, b)
		if got, _ := differences(t, b, done.ID); len(got) != 1 || got[0] != "only_ours "+parked.GatewayTradeNo+" 7000 0 suspense" {
			t.Errorf("without it on the bill the day differs in %v", got)
		}
		done = reconcile(t, b, line(parked))
		if got, _ := differences(t, b, done.ID); len(got) != 1 || !strings.HasSuffix(got[0], " vanished") || done.MatchedCount != 1 || done.SuspenseCount != 0 {
			t.Errorf("with it the day differs in %v", got)
		}
	})
}

// A run again neither doubles what is open nor loses what was worked; what is no
// longer so is closed, and opened again should it come back.
func TestRunAgain(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		payments, lines := dayOfEveryKind(t, b)
		dayAfter(b)
		first := reconcile(t, b, lines...)
		before, rows := differences(t, b, first.ID)
		again := reconcile(t, b, lines...)
		after, _ := differences(t, b, first.ID)
		if diff := cmp.Diff(before, after); diff != "" || again.Run != 2 {
			t.Errorf("run %d changed %s", again.Run, diff)
		}
		again.Run, again.StartedAt, again.FinishedAt = first.Run, first.StartedAt, first.FinishedAt
		if diff := cmp.Diff(first, again); diff != "" {
			t.Errorf("the figures changed: %s", diff)
		}
		staff := staffOf(t, b)
		for _, d := range rows {
			if d.Kind == models.FeeDiffers || d.Kind == models.AmountDiffers {
				must(t, b.ExplainDifference(t.Context(), staff, d.ID, "a campaign of the gateway's"))
			}
		}
		// The missing payment comes on the bill, the stuck one is settled, the
		// explained amount changes once more; the fee stays explained.
		_, err := b.SettlePayment(t.Context(), b.Receipt(payments["stuck"]), 0)
		must(t, err)
		lines = append(lines, line(b.Receipt(payments["missing"])))
		lines[1].AmountFen = 298_00
		reconcile(t, b, lines...)
		got, _ := differences(t, b, first.ID)
		for kind, end := range map[models.DifferenceKind]string{
			models.OnlyOurs: "vanished", models.StateDiffers: "vanished", models.AmountDiffers: "paid", models.FeeDiffers: "explained",
		} {
			if !slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, string(kind)+" ") && strings.HasSuffix(s, " "+end) }) {
				t.Errorf("no %s ends as %s: %v", kind, end, got)
			}
		}
		if len(got) != len(before) {
			t.Errorf("%d differences became %d", len(before), len(got))
		}
		reconcile(t, b, lines[:len(lines)-1]...) // the missing one is missing again: its line is of an older run
		got, _ = differences(t, b, first.ID)
		if !slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, "only_ours") && strings.HasSuffix(s, "paid") }) {
			t.Errorf("what came back is not open: %v", got)
		}
	})
}

// Many runs of one day at once: one begins, the others are refused, and a run
// that another took the place of can do nothing more.
func TestOneRunAtATime(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		_, lines := dayOfEveryKind(t, b)
		dayAfter(b)
		var mu sync.Mutex
		var begun []models.Reconciliation
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				run, err := b.BeginReconciliation(t.Context(), models.RailAlipay, billDay)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					begun = append(begun, run)
				} else if models.CodeOf(err) != models.Conflict {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if len(begun) != 1 {
			t.Fatalf("%d runs began", len(begun))
		}
		must(t, b.AddBillLines(t.Context(), begun[0], lines))
		b.Clock.Add(11 * time.Minute) // it crashed
		done := reconcile(t, b, lines...)
		wantCode(t, b.AddBillLines(t.Context(), begun[0], lines[:1]), models.Conflict)
		_, err := b.FinishReconciliation(t.Context(), begun[0], 0)
		wantCode(t, err, models.Conflict)
		wantCode(t, b.FailReconciliation(t.Context(), begun[0], "late"), models.Conflict)
		if got, _ := differences(t, b, done.ID); len(got) != 6 || done.PaymentCount != 6 {
			t.Errorf("%d payments, differs in %v", done.PaymentCount, got)
		}
	})
}

func TestDayThatCannotBeReconciled(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		billed := []models.Rail{models.RailAlipay}
		for day, key := range map[string]string{
			"": "error.day.malformed", "2026-02-30": "error.day.malformed", "24.11.2026": "error.day.malformed",
			billDay: "error.reconcile.day_not_over", "2027-01-01": "error.reconcile.day_not_over", "1999-12-31": "error.reconcile.day_too_old",
		} {
			_, err := b.BeginReconciliation(t.Context(), models.RailAlipay, day)
			wantField(t, err, "day", key)
			err = b.AskReconciliation(t.Context(), models.Actor{}, models.ReconcileInput{Day: day, Rail: "wechat"}, billed)
			wantField(t, err, "day", key)
			wantField(t, err, "rail", "error.reconcile.rail")
		}
		if rows, _, err := b.Reconciliations(t.Context(), models.Keyset{}); err != nil || len(rows) != 0 {
			t.Errorf("refused days left %v, %v", rows, err)
		}
	})
}

// What is planned: yesterday and three days before, none twice that was run, each
// when its bill is due.
func TestDaysAreCaughtUpWith(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		dayAfter(b)
		reconcile(t, b)
		b.Clock.Set(time.Date(2026, 11, 26, 1, 0, 0, 0, time.UTC))
		must(t, b.PlanReconciliations(t.Context(), []models.Rail{models.RailAlipay}))
		var got []string
		for _, task := range tasksOf(b, models.ReconcileDay{}.Kind()) {
			args := task.Args.(models.ReconcileDay)
			got = append(got, fmt.Sprint(args.Rail, " ", args.DayOn, " ", task.RunAt.Format(time.DateTime)))
		}
		want := []string{"alipay 2026-11-22 2026-11-23 01:30:00", "alipay 2026-11-23 2026-11-24 01:30:00", "alipay 2026-11-25 2026-11-26 01:30:00"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		rows, _, err := b.Reconciliations(t.Context(), models.Keyset{})
		must(t, err)
		var days []string
		for _, r := range rows {
			days = append(days, r.DayOn+" "+string(r.State))
		}
		if diff := cmp.Diff([]string{"2026-11-25 waiting", "2026-11-24 done", "2026-11-23 waiting", "2026-11-22 waiting"}, days); diff != "" {
			t.Error(diff)
		}
	})
}

func TestWorkingADifference(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		_, lines := dayOfEveryKind(t, b)
		dayAfter(b)
		done := reconcile(t, b, lines...)
		_, rows := differences(t, b, done.ID)
		staff := staffOf(t, b)
		id := rows[0].ID
		for _, short := range []string{"", "    ", "four", " \n four \t "} {
			wantField(t, b.ExplainDifference(t.Context(), staff, id, short), "note", "error.difference.note_short")
		}
		wantField(t, b.ExplainDifference(t.Context(), staff, id, strings.Repeat("长", 501)), "note", "error.difference.note_long")
		wantCode(t, b.ExplainDifference(t.Context(), staff, 4711, "long enough"), models.NotFound)
		wantCode(t, b.CloseRepaired(t.Context(), staff, id, models.OutcomeNotPaid), models.Conflict)
		if d, rail, err := b.DifferenceByID(t.Context(), id); err != nil || !d.IsOpen() || rail != models.RailAlipay {
			t.Errorf("%+v, %s, %v", d, rail, err)
		}
		must(t, b.ExplainDifference(t.Context(), staff, id, "  五个字够了 "))
		wantCode(t, b.ExplainDifference(t.Context(), staff, id, "once more"), models.Conflict)
		wantCode(t, b.CloseRepaired(t.Context(), staff, id, models.OutcomeSettled), models.Conflict)
		_, rows = differences(t, b, done.ID)
		d := rows[0]
		if d.Resolution != models.Explained || d.Note != "五个字够了" || d.WorkerName != "finance@desk.test" || !d.WorkedAt.Equal(b.Now()) || d.IsOpen() {
			t.Errorf("it stands as %+v", d)
		}
		db, err := b.Handle()
		must(t, err)
		var acts int
		must(t, db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM audit_log WHERE action = 'difference.work' AND user_id = $1", staff.UserID).Scan(&acts))
		if acts != 1 {
			t.Errorf("%d acts are on the trail", acts)
		}
		for _, statement := range []string{"DELETE FROM differences", "DELETE FROM bill_lines"} {
			if _, err := db.ExecContext(t.Context(), statement); err == nil {
				t.Errorf("%s was done", statement)
			}
		}
	})
}

// staffOf makes a member of staff who acts.
func staffOf(t testing.TB, b *modelstest.Bench) models.Actor {
	t.Helper()
	_, err := b.CreateUser(t.Context(), models.Actor{}, models.NewUser{Email: "finance@desk.test", Password: "long enough", Role: models.RoleFinance})
	must(t, err)
	db, err := b.Handle()
	must(t, err)
	var id int64
	must(t, db.QueryRowContext(t.Context(), "SELECT id FROM users WHERE email = 'finance@desk.test'").Scan(&id))
	return models.Actor{UserID: id, Address: "127.0.0.1"}
}

// A failure in the middle of a run leaves the day as it was, and the run can be
// had again.
func TestRunThatFails(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		_, lines := dayOfEveryKind(t, b)
		dayAfter(b)
		done := reconcile(t, b, lines...)
		before, _ := differences(t, b, done.ID)
		run, err := b.BeginReconciliation(t.Context(), models.RailAlipay, billDay)
		must(t, err)
		must(t, b.AddBillLines(t.Context(), run, lines[:2]))
		must(t, b.FailReconciliation(t.Context(), run, "line 3: no amount"))
		desk, err := b.ReconciliationDesk(t.Context(), run.ID, models.DifferenceFilter{}, models.Keyset{})
		must(t, err)
		if desk.State != models.ReconciliationFailed || desk.Failure != "line 3: no amount" || desk.OpenCount != 6 || desk.PaymentCount != done.PaymentCount {
			t.Errorf("it stands as %+v", desk.Reconciliation)
		}
		after, _ := differences(t, b, done.ID)
		if diff := cmp.Diff(before, after); diff != "" {
			t.Error(diff)
		}
		if again := reconcile(t, b, lines...); again.Run != 3 || again.Failure != "" || again.PaymentCount != done.PaymentCount {
			t.Errorf("run again it is %+v", again)
		}
	})
}

func TestBillThatSaysTwoThings(t *testing.T) {
	book := models.NewBillBook()
	l := models.BillLine{TradeNo: "1", OutTradeNo: "R", AmountFen: 5}
	for i, want := range []bool{true, false} {
		if fresh, err := book.Take(l); err != nil || fresh != want {
			t.Errorf("line %d: %v, %v", i, fresh, err)
		}
	}
	refund := models.BillLine{TradeNo: "1", RequestNo: "F", OutTradeNo: "R", AmountFen: -5}
	if fresh, err := book.Take(refund); err != nil || !fresh {
		t.Errorf("a refund of the same payment: %v, %v", fresh, err)
	}
	l.AmountFen = 6
	if _, err := book.Take(l); err == nil {
		t.Error("two amounts of one payment were taken")
	}
	if book.Lines() != 2 {
		t.Errorf("%d lines", book.Lines())
	}
}

// Another rail's trades and payments bear the same numbers, and are not taken for
// this one's.
func TestABillIsOfItsRail(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		b.Offer(models.RailAlipay, models.RailWechat)
		account, _ := b.Seller(t)
		elsewhere := func(amount string) models.Payment {
			p, err := b.DraftRecharge(t.Context(), account, models.RechargeInput{Amount: amount, Method: "wechat"})
			must(t, err)
			p, err = b.ConfirmPayment(t.Context(), account, p.No, modelstest.Payee)
			must(t, err)
			return p
		}
		settle := func(want models.Outcome, r models.Receipt) models.Receipt {
			t.Helper()
			r.Confirmed = true
			if outcome, err := b.SettlePayment(t.Context(), r, 0); err != nil || outcome != want {
				t.Fatal(outcome, err)
			}
			return r
		}
		same := func(r models.Receipt, no string) models.Receipt {
			r.Rail, r.GatewayTradeNo = models.RailWechat, no
			return r
		}
		one := settle(models.OutcomeSettled, b.Receipt(b.Pending(t, account, "300")))
		settle(models.OutcomeSettled, same(b.Receipt(elsewhere("500")), one.GatewayTradeNo))
		two := settle(models.OutcomeSettled, b.Receipt(b.Pending(t, account, "400")))
		stray := b.Receipt(models.Payment{No: "R261124NOBODYNOBODY00", Rail: models.RailWechat, AmountFen: 70_00})
		settle(models.OutcomeSuspense, same(stray, two.GatewayTradeNo))
		settle(models.OutcomeSuspense, same(stray, "2026112499"))
		waits := elsewhere("600")
		foreign := models.BillLine{TradeNo: "2026112499", OutTradeNo: stray.OutTradeNo, OrderFen: 70_00, AmountFen: 70_00, FinishedAt: b.Clock.Now()}
		named := models.BillLine{TradeNo: "2026112498", OutTradeNo: waits.No, OrderFen: 600_00, AmountFen: 600_00, FinishedAt: b.Clock.Now()}
		// What came over another amount stands in suspense, and the payment that it names says nothing more.
		wrong := b.Receipt(b.Pending(t, account, "700"))
		wrong.AmountFen--
		settle(models.OutcomeSuspense, wrong)
		dayAfter(b)
		done := reconcile(t, b, line(one), line(two), foreign, named, line(wrong))
		got, _ := differences(t, b, done.ID)
		slices.Sort(got)
		if diff := cmp.Diff([]string{"only_theirs 2026112498 0 60000 ", "only_theirs 2026112499 0 7000 "}, got); diff != "" {
			t.Error(diff)
		}
		figures := []int64{done.PaymentCount, done.MatchedCount, done.SuspenseCount, done.OursCount, int64(done.OursFen), int64(done.LedgerFen), done.LedgerFaultCount}
		if diff := cmp.Diff([]int64{5, 2, 1, 2, 700_00, 700_00, 0}, figures); diff != "" {
			t.Error(diff)
		}
	})
}
