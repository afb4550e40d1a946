package gateways_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ztc-portal/gateways"
	"ztc-portal/gateways/gatewaystest"
	"ztc-portal/gateways/sandbox"
	"ztc-portal/models"
)

// The bills here are the gateways' own: each is written by a sandbox in its
// rail's format, fetched and verified over the wire, and read by the adapter.
// What a file can't hold unless somebody has changed it on its way (a row twice,
// a row less, another merchant's) is refused as a whole, by WeChat Pay's hash, by
// UnionPay's signature, by Alipay's own counts; Alipay's rows name no merchant at
// all, since the address of its file is signed. Those files are put together in
// the bill tests of the adapters.

// alter changes what the gateway holds behind our back.
func (d *desk) alter(t *testing.T, statement string, args ...any) {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(d.dir, "sandbox.db")+"?_busy_timeout=5000")
	must(t, err)
	defer db.Close()
	_, err = db.ExecContext(t.Context(), statement, args...)
	must(t, err)
}

// paidOver is a payment over an amount that its notify has credited.
func (d *desk) paidOver(t *testing.T, amount models.Fen) models.Payment {
	t.Helper()
	p := d.confirmedOver(t, amount)
	d.pay(t, p, sandbox.FaultNone)
	return d.becomes(t, p, models.PaymentPaid)
}

// given is a refund that the gateway has made and that is booked.
func (d *desk) given(t *testing.T, p models.Payment, amount string) models.Refund {
	t.Helper()
	r := d.reserved(t, p, amount)
	got, err := d.rails.SendRefund(t.Context(), r.RequestNo)
	if models.CodeOf(err) == models.Unavailable { // it is on its way, on the rails where that takes time
		d.Clock.Add(2 * time.Second)
		got, err = d.rails.SendRefund(t.Context(), r.RequestNo)
	}
	if must(t, err); got.State != models.RefundSettled {
		t.Fatalf("the refund is %s: %s", got.State, got.LastAnswer)
	}
	return got
}

// givesBack has the gateway give money back that the portal does not hear of.
func (d *desk) givesBack(t *testing.T, p models.Payment, requestNo string, amount models.Fen) {
	t.Helper()
	trade, err := d.box.Trade(t.Context(), p.No)
	must(t, err)
	_, err = d.rails.By[d.rail].(gateways.Refunder).Refund(t.Context(), gateways.RefundOrder{
		Ref:       gateways.Ref{OutTradeNo: p.No, GatewayTradeNo: trade.TradeNo, OpenedAt: p.ConfirmedAt.Truncate(time.Second), ExpiresAt: *p.ExpiresAt},
		RequestNo: requestNo, AmountFen: amount, PaidFen: models.Fen(trade.HeldFen), AskedAt: d.Clock.Now().Truncate(time.Second), Reason: "by hand", NotifyURL: d.notify,
	})
	must(t, err)
}

// parked is a payment that was paid ¥1 less than asked: the money is in suspense.
func (d *desk) parked(t *testing.T, amount models.Fen) models.Payment {
	t.Helper()
	p := d.confirmedOver(t, amount)
	d.pay(t, p, sandbox.FaultWrongAmountPaid)
	return d.becomes(t, p, models.PaymentFailed)
}

// sentBack books a payment's suspense as given back to its payer.
func (d *desk) sentBack(t *testing.T, p models.Payment) (id int64) {
	t.Helper()
	db, err := d.Handle()
	must(t, err)
	must(t, db.QueryRowContext(t.Context(), "SELECT id FROM suspense_items WHERE out_trade_no = $1", p.No).Scan(&id))
	a, err := d.AskApproval(t.Context(), d.hire(t), models.ApprovalInput{Kind: models.ApprovalSuspenseClear, SuspenseID: id, Reason: "back to its payer"})
	must(t, err)
	if a, err = d.Approve(t.Context(), d.hire(t), a.ID, ""); err != nil || a.State != models.ApprovalApproved {
		t.Fatal(a, err)
	}
	return id
}

// nobodys is money that the gateway took for an order that the portal never made.
func (d *desk) nobodys(t *testing.T, amount models.Fen) models.Payment {
	t.Helper()
	now := d.Clock.Now().Truncate(time.Second)
	expires := now.Add(time.Hour)
	p := models.Payment{No: "R261124NOBODYNOBODY00", ConfirmedAt: &now, ExpiresAt: &expires}
	checkout, err := d.rails.By[d.rail].Open(t.Context(), gateways.Order{
		OutTradeNo: p.No, AmountFen: amount, Subject: "Recharge", OpenedAt: now, ExpiresAt: expires, NotifyURL: d.notify, ReturnURL: d.notify,
	})
	must(t, err)
	gatewaystest.Arrive(t, checkout)
	d.pay(t, p, sandbox.FaultNotifyLost)
	return p
}

// Every kind of difference, of payments, refunds and suspense, by a bill that the
// gateway itself has made.
func TestBillOfTheGatewayWithEveryKindOfDifference(t *testing.T) {
	eachRail(t, func(t *testing.T, d *desk) {
		matched, other, missing, dear := d.paid(t), d.paidOver(t, 2*asked), d.paidOver(t, 3*asked), d.paidOver(t, 4*asked)
		d.fees.Store(matched.No, int64(1_80)) // as the contract has it
		d.fees.Store(dear.No, int64(12_01))   // over 1 %
		d.given(t, matched, "10")
		less, gone := d.given(t, other, "20"), d.given(t, dear, "30")
		halfway := d.reserved(t, dear, "40")
		_, err := d.SendingRefund(t.Context(), halfway.RequestNo)
		must(t, err)
		held, back, notBack, lessBack := d.parked(t, 5*asked), d.parked(t, 6*asked), d.parked(t, 7*asked), d.parked(t, 8*asked)
		backs := []int64{d.sentBack(t, back), d.sentBack(t, notBack), d.sentBack(t, lessBack)}
		d.deaf.Store(true)
		stuck := d.confirmedOver(t, 9*asked)
		d.pay(t, stuck, sandbox.FaultNotifyLost)
		nobodys := d.nobodys(t, 55_00)
		d.givesBack(t, dear, halfway.RequestNo, 40_00)
		d.givesBack(t, matched, "F261124NOBODYNOBODY00", 5_00)
		d.givesBack(t, back, "F261124BYHANDBYHAND00", 6*asked-1_00)
		d.givesBack(t, lessBack, "F261124BYHANDBYHAND01", asked)
		d.alter(t, "UPDATE trades SET held_fen = held_fen + 100 WHERE out_trade_no = ?", other.No)
		d.alter(t, "UPDATE refunds SET amount_fen = amount_fen - 1 WHERE out_request_no = ?", less.RequestNo)
		d.alter(t, "DELETE FROM refunds WHERE out_request_no = ?", gone.RequestNo)
		d.alter(t, "UPDATE trades SET held_fen = 0, paid_ms = 0, status = 'TRADE_CLOSED' WHERE out_trade_no = ?", missing.No)

		d.Clock.Set(billsMade)
		done := d.reconcile(t)
		want := []string{
			"amount_differs " + other.No + " 60000 60100", "amount_differs " + other.No + " " + less.RequestNo + " -2000 -1999",
			"amount_differs " + lessBack.No + " F261124BYHANDBYHAND01 -239900 -30000",
			"fee_differs " + dear.No + " 1200 1201",
			"only_ours " + missing.No + " 90000 0", "only_ours " + dear.No + " " + gone.RequestNo + " -3000 0",
			fmt.Sprintf("only_ours %s suspense:%d -209900 0", notBack.No, backs[1]),
			"only_theirs " + nobodys.No + " 0 5500", "only_theirs " + matched.No + " F261124NOBODYNOBODY00 0 -500",
			"state_differs " + stuck.No + " 0 270000", "state_differs " + dear.No + " " + halfway.RequestNo + " -4000 -4000",
		}
		slices.Sort(want)
		if diff := cmp.Diff(want, d.differs(t, done)); diff != "" {
			t.Error(diff)
		}
		theirs := d.open(t, done)
		at := slices.IndexFunc(theirs, func(one models.DifferenceView) bool { return one.OutTradeNo == nobodys.No })
		_, err = d.rails.RepairDifference(t.Context(), models.Actor{}, theirs[at].ID)
		if d.rail == models.RailUnionpay { // which is asked by the order's time
			if models.CodeOf(err) != models.Conflict || !strings.Contains(err.Error(), "not_askable") {
				t.Errorf("what can't be asked about: %v", err)
			}
		} else if err != nil {
			t.Error(err)
		}
		// In suspense, and open: one; sent back, and on the bill: three and what went back whole.
		figures := []int64{done.PaymentCount, done.RefundCount, int64(done.FeeFen), done.MatchedCount, done.SuspenseCount, int64(done.SuspenseFen), done.LedgerFaultCount, int64(done.UnexplainedFen())}
		if diff := cmp.Diff([]int64{9, 6, -13_81, 7, 1, int64(5*asked - 1_00), 0, 0}, figures); diff != "" {
			t.Errorf("%s: %s", held.No, diff)
		}
		d.Sound(t)
	})
}

// differs are the open differences in words, sorted.
func (d *desk) differs(t *testing.T, done models.Reconciliation) (all []string) {
	t.Helper()
	for _, one := range d.open(t, done) {
		words := fmt.Sprintf("%s %s %s %d %d", one.Kind, one.OutTradeNo, one.RequestNo, one.OursFen, one.TheirsFen)
		all = append(all, strings.ReplaceAll(words, "  ", " "))
	}
	slices.Sort(all)
	return all
}

// A payment of the day's last second stands on its bill, also when it was booked
// after midnight, and one of the next second does not.
func TestBillsOfTheGatewayEndAtMidnight(t *testing.T) {
	eachRail(t, func(t *testing.T, d *desk) {
		midnight := models.BillDue(today).Add(-9*time.Hour - 30*time.Minute)
		d.Clock.Set(midnight.Add(-time.Second))
		last, late := d.paid(t), d.confirmedOver(t, 2*asked)
		d.pay(t, late, sandbox.FaultNotifyLost)
		d.Clock.Set(midnight)
		first := d.paidOver(t, 3*asked)
		_, err := d.rails.Ask(t.Context(), late.No, gateways.ByPoll)
		must(t, err)
		d.is(t, late, models.PaymentPaid)
		d.given(t, last, "10")
		d.Clock.Set(billsMade)
		done := d.reconcile(t)
		if open := d.differs(t, done); len(open) != 0 || done.PaymentFen != 3*asked || done.RefundCount != 0 || done.MatchedCount != 2 || done.UnexplainedFen() != 0 {
			t.Errorf("%+v differs in %v", done, open)
		}
		d.Clock.Add(24 * time.Hour)
		next, err := d.rails.Reconcile(t.Context(), d.rail, "2026-11-25")
		must(t, err)
		if open := d.differs(t, next); len(open) != 0 || next.PaymentFen != first.AmountFen || next.RefundFen != -10_00 || next.MatchedCount != 2 || next.UnexplainedFen() != 0 {
			t.Errorf("the next day %+v differs in %v", next, open)
		}
	})
}

// A file that is not made yet is asked for again; one that is cut off or changed
// on its way counts for nothing, whatever stands in it.
func TestBillOfTheGatewayThatIsLateOrSpoilt(t *testing.T) {
	eachRail(t, func(t *testing.T, d *desk) {
		d.paid(t)
		code := func(what, dayOn string, want models.Code) {
			t.Helper()
			if _, err := d.rails.Reconcile(t.Context(), d.rail, dayOn); models.CodeOf(err) != want {
				t.Errorf("%s: %v, want %s", what, err, want)
			}
		}
		d.Clock.Set(models.BillDue(today).Add(-time.Hour))
		code("before it is made", today, models.Unavailable)
		d.Clock.Set(billsMade)
		unread := models.Invalid // a run that failed, for staff to see
		if d.rail == models.RailUnionpay {
			unread = models.Unavailable // the answer is signed with the file in it: nothing is known
		}
		for what, spoil := range map[string]func([]byte) []byte{
			"cut off":     func(file []byte) []byte { return file[:len(file)-len(file)/3] },
			"a byte else": func(file []byte) []byte { file = slices.Clone(file); file[len(file)/4] ^= 1; return file },
			"no file":     func([]byte) []byte { return []byte("<html>busy</html>") },
		} {
			d.box.SpoilBills(spoil)
			code(what, today, unread)
		}
		d.box.SpoilBills(nil)
		d.box.CutOff(true)
		code("no answer", today, models.Unavailable)
		d.box.CutOff(false)
		if done := d.reconcile(t); done.MatchedCount != 1 || len(d.open(t, done)) != 0 {
			t.Errorf("whole again it is %+v", done)
		}
		const empty = "2026-11-23"
		if d.rail == models.RailUnionpay { // its one word for "no file" does not tell an empty day from a late one
			d.Clock.Set(models.BillDue(empty).Add(time.Hour))
			code("nothing, as it seems", empty, models.Unavailable)
			d.Clock.Set(models.BillDue(empty).Add(25 * time.Hour))
		}
		done, err := d.rails.Reconcile(t.Context(), d.rail, empty)
		if must(t, err); done.State != models.ReconciliationDone || done.PaymentCount != 0 || len(d.open(t, done)) != 0 {
			t.Errorf("a day without trades: %+v", done)
		}
	})
}

// A bill of more lines than are stored at once is read to its end.
func TestGreatBillOfTheGateway(t *testing.T) {
	eachRail(t, func(t *testing.T, d *desk) {
		p := d.paid(t)
		d.alter(t, `INSERT INTO trades (out_trade_no, trade_no, status, total_fen, held_fen, subject, body, passback_params, notify_url, created_ms, expires_ms, paid_ms)
			WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
			SELECT 'R261124GREAT' || printf('%09d', n.i), '2026112414' || printf('%011d', n.i), status, 100, 100, subject, body, passback_params, notify_url, created_ms, expires_ms, paid_ms
			FROM n JOIN trades WHERE out_trade_no = ?`, models.MaxBillBatch, p.No)
		d.Clock.Set(billsMade)
		done := d.reconcile(t)
		if done.PaymentCount != models.MaxBillBatch+1 || done.PaymentFen != asked+models.MaxBillBatch*100 || done.MatchedCount != 1 || done.UnexplainedFen() != 0 {
			t.Errorf("read: %+v", done)
		}
	})
}
