package gateways_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"ztc-portal/gateways"
	"ztc-portal/gateways/sandbox"
	"ztc-portal/models"
)

const today = "2026-11-24" // the day on which a desk's clock begins

// billsMade is when each gateway has made the day's bill: WeChat Pay takes until
// ten, and is asked again.
var billsMade = models.BillDue(today).Add(time.Hour)

// reconciliationID is the number of the day's run on the desk's rail.
func (d *desk) reconciliationID() int64 {
	digit := map[models.Rail]int64{models.RailAlipay: 1, models.RailWechat: 2, models.RailUnionpay: 3}
	return 20261124_0 + digit[d.rail]
}

// open are the open differences of the day.
func (d *desk) open(t *testing.T, r models.Reconciliation) []models.DifferenceView {
	t.Helper()
	desk, err := d.ReconciliationDesk(t.Context(), r.ID, models.DifferenceFilter{}, models.Keyset{})
	must(t, err)
	return desk.Differences
}

func (d *desk) reconcile(t *testing.T) models.Reconciliation {
	t.Helper()
	done, err := d.rails.Reconcile(t.Context(), d.rail, today)
	must(t, err)
	return done
}

// Paid at the gateway, the notify lost, nobody asked: the bill tells, the
// gateway is asked, the money is credited once.
func TestLostPaymentIsFoundByTheBillAndRepairedOnce(t *testing.T) {
	eachRail(t, func(t *testing.T, d *desk) {
		d.deaf.Store(true)
		paid, lost := d.confirmed(t), d.confirmedOver(t, 2*asked)
		d.pay(t, paid, sandbox.FaultNotifyLost)
		d.pay(t, lost, sandbox.FaultNotifyLost)
		_, err := d.rails.Ask(t.Context(), paid.No, gateways.ByPoll)
		must(t, err)
		d.Clock.Set(billsMade)
		done := d.reconcile(t)
		open := d.open(t, done)
		if len(open) != 1 || open[0].Kind != models.StateDiffers || open[0].OutTradeNo != lost.No || open[0].TheirsFen != 2*asked || done.MatchedCount != 1 {
			t.Fatalf("%+v differs in %+v", done, open)
		}
		d.box.CutOff(true)
		if _, err := d.rails.RepairDifference(t.Context(), models.Actor{}, open[0].ID); models.CodeOf(err) != models.Unavailable {
			t.Errorf("repaired without the gateway: %v", err)
		}
		d.box.CutOff(false)
		d.is(t, lost, models.PaymentPending)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				_, err := d.rails.RepairDifference(t.Context(), models.Actor{}, open[0].ID)
				if err != nil && models.CodeOf(err) != models.Conflict {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		d.is(t, lost, models.PaymentPaid)
		if left := d.open(t, done); len(left) != 0 {
			t.Errorf("%+v is open", left)
		}
		if again := d.reconcile(t); again.MatchedCount != 2 || again.OursFen != 3*asked || again.LedgerFen != again.OursFen || again.LedgerFaultCount != 0 || len(d.open(t, again)) != 0 {
			t.Errorf("run again it is %+v", again)
		}
		funds, err := d.RechargeDesk(t.Context(), d.account)
		must(t, err)
		if want := 3*asked - charged; funds.Funds.Cash != want {
			t.Errorf("cash is %s, want %s", funds.Funds.Cash.Wire(), want.Wire())
		}
		d.Sound(t)
	})
}

// What the bill alone says is never booked: what the gateway does not confirm
// stays open, what fits no payment goes to suspense.
func TestTheBillAloneBooksNothing(t *testing.T) {
	eachRail(t, func(t *testing.T, d *desk) {
		d.deaf.Store(true)
		wrong := d.confirmed(t)
		d.pay(t, wrong, sandbox.FaultWrongAmountPaid)
		unpaid := d.confirmedOver(t, 2*asked)
		trade, err := d.box.Trade(t.Context(), wrong.No)
		must(t, err)
		d.Clock.Set(billsMade)
		invented := models.BillLine{TradeNo: "2026112411", OutTradeNo: unpaid.No, OrderFen: asked, AmountFen: asked, FinishedAt: wrong.CreatedAt}
		unknown := invented
		unknown.TradeNo, unknown.OutTradeNo = "2026112412", "R261124NOBODYNOBODY00"
		real := invented
		real.TradeNo, real.OutTradeNo, real.AmountFen = trade.TradeNo, wrong.No, models.Fen(trade.HeldFen)
		d.rails.By[d.rail] = forged{d.rails.By[d.rail], []models.BillLine{invented, unknown, real}}
		done := d.reconcile(t)
		for _, one := range d.open(t, done) {
			outcome, err := d.rails.RepairDifference(t.Context(), models.Actor{}, one.ID)
			if one.OutTradeNo == wrong.No {
				if err != nil || outcome != models.OutcomeSuspense {
					t.Errorf("the wrong amount came to %s, %v", outcome, err)
				}
			} else if models.CodeOf(err) != models.Conflict {
				t.Errorf("%s: %s, %v", one.TradeNo, outcome, err)
			}
		}
		if open := d.open(t, done); len(open) != 2 {
			t.Errorf("%+v is open", open)
		}
		d.is(t, unpaid, models.PaymentPending)
		d.is(t, wrong, models.PaymentFailed)
		again := d.reconcile(t)
		if open := d.open(t, again); len(open) != 2 || again.SuspenseCount != 1 || again.SuspenseFen != models.Fen(trade.HeldFen) {
			t.Errorf("run again it is %+v and differs in %+v", again, open)
		}
		d.Sound(t)
	})
}

// forged is a rail with a bill of the test's own.
type forged struct {
	gateways.Gateway
	lines []models.BillLine
}

func (f forged) Bill(context.Context, string) (gateways.BillReader, error) {
	return &canned{lines: f.lines}, nil
}

// canned hands out lines, and then fails if it is told to.
type canned struct {
	lines []models.BillLine
	fail  error
}

func (c *canned) Next() (models.BillLine, error) {
	if len(c.lines) == 0 {
		if c.fail != nil {
			return models.BillLine{}, c.fail
		}
		return models.BillLine{}, io.EOF
	}
	first := c.lines[0]
	c.lines = c.lines[1:]
	return first, nil
}

func (c *canned) Close() error { return nil }

// broken is a rail whose bill breaks off.
type broken struct {
	gateways.Gateway
	bill gateways.BillReader
	err  error
}

func (b broken) Bill(context.Context, string) (gateways.BillReader, error) { return b.bill, b.err }

func TestBillThatIsMissingOrBroken(t *testing.T) {
	eachRail(t, func(t *testing.T, d *desk) {
		p := d.paid(t)
		genuine := d.rails.By[d.rail]
		rail := func(bill gateways.BillReader, err error) { d.rails.By[d.rail] = broken{genuine, bill, err} }
		wantCode := func(what string, want models.Code) {
			t.Helper()
			if _, err := d.rails.Reconcile(t.Context(), d.rail, today); models.CodeOf(err) != want {
				t.Errorf("%s: %v, want %s", what, err, want)
			}
		}
		wantCode("the day itself", models.Invalid)
		d.Clock.Set(billsMade)
		rail(nil, gateways.ErrBillNotYet)
		wantCode("no bill yet", models.Unavailable)
		rail(nil, gateways.ErrUnavailable)
		wantCode("no answer", models.Unavailable)
		rail(nil, gateways.ErrRefused)
		wantCode("refused", models.Unavailable)
		delete(d.rails.By, d.rail)
		wantCode("no such rail", models.Invalid)
		d.rails.By[d.rail] = struct{ gateways.Gateway }{genuine}
		wantCode("a rail without bills", models.Invalid)
		if n := len(d.rails.Billed()); n != 0 {
			t.Errorf("%d rails issue bills", n)
		}
		if rows, _, err := d.Reconciliations(t.Context(), models.Keyset{}); err != nil || len(rows) != 0 {
			t.Errorf("runs that never began left %+v, %v", rows, err)
		}
		rail(nil, gateways.ErrBillUnreadable)
		wantCode("no zip", models.Invalid)
		line := models.BillLine{TradeNo: "1", OutTradeNo: "R", OrderFen: 5, AmountFen: 5, FinishedAt: time.Now()}
		other := line
		other.AmountFen = 6
		rail(&canned{lines: []models.BillLine{line}, fail: gateways.ErrBillUnreadable}, nil)
		wantCode("cut off", models.Invalid)
		rail(&canned{lines: []models.BillLine{line, line, other}}, nil)
		wantCode("two words about one payment", models.Invalid)
		desk, err := d.ReconciliationDesk(t.Context(), d.reconciliationID(), models.DifferenceFilter{All: true}, models.Keyset{})
		must(t, err)
		if desk.State != models.ReconciliationFailed || desk.Run != 3 || !strings.Contains(desk.Failure, "two things") || len(desk.Differences) != 0 {
			t.Errorf("it stands as %+v with %+v", desk.Reconciliation, desk.Differences)
		}
		// A bill that does not exist a day later never will: nothing was traded.
		d.Clock.Set(models.BillDue(today).Add(25 * time.Hour))
		rail(nil, errors.Join(gateways.ErrBillNotYet))
		done := d.reconcile(t)
		if open := d.open(t, done); len(open) != 1 || open[0].Kind != models.OnlyOurs || open[0].OutTradeNo != p.No {
			t.Errorf("differs in %+v", open)
		}
	})
}

// Runs of one day at once find each difference once.
func TestRunsAtOnce(t *testing.T) {
	eachRail(t, func(t *testing.T, d *desk) {
		d.deaf.Store(true)
		d.pay(t, d.confirmed(t), sandbox.FaultNotifyLost)
		d.Clock.Set(billsMade)
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				_, err := d.rails.Reconcile(t.Context(), d.rail, today)
				if err != nil && models.CodeOf(err) != models.Conflict {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		desk, err := d.ReconciliationDesk(t.Context(), d.reconciliationID(), models.DifferenceFilter{All: true}, models.Keyset{})
		must(t, err)
		if desk.State != models.ReconciliationDone || len(desk.Differences) != 1 || desk.PaymentCount != 1 {
			t.Errorf("it stands as %+v with %+v", desk.Reconciliation, desk.Differences)
		}
	})
}
