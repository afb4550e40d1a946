package models_test

import (
	"fmt"
	"strings"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"ztc-portal/models"
)

// The fourth part of the world: a day ends, and the gateways' bills are held
// against the books.

// billed is a line of the gateway's bill beside what the books hold of it.
type billed struct {
	models.BillLine
	trade *trade // of a payment
	ours  models.Fen
	kind  models.DifferenceKind // what it is while the books do not hold it
	state bool                  // the books hold it and it has not come to its end
}

func (l billed) key() string { return l.TradeNo + " " + l.RequestNo }

// difference is the rule: what a line and the books come to; "" where they agree.
func (l billed) difference() string {
	kind := models.AmountDiffers
	switch {
	case l.ours == 0:
		kind = l.kind
	case l.ours == l.AmountFen && !l.state:
		return ""
	case l.ours == l.AmountFen:
		kind = models.StateDiffers
	}
	return fmt.Sprint(kind, " ", int64(l.ours), " ", int64(l.AmountFen))
}

// dayEnds: each gateway makes its bill of what it holds, sometimes with a fault
// in it, and some of them are read.
func (w *world) dayEnds(r *rapid.T) {
	dayOn := models.DayOn(w.Now())
	g := pick(r, "refund", w.refunds, func(g *giving) bool { return g.end == "" && g.backOn == "" })
	if g != nil && rapid.Bool().Draw(r, "given back, and not told") {
		g.backOn = dayOn
	}
	read := map[models.Rail][]billed{}
	for _, rail := range billRails {
		if rapid.Bool().Draw(r, "the bill of "+string(rail)) {
			read[rail] = w.spoil(r, rail, w.bill(rail, dayOn))
		}
	}
	w.Clock.Set(models.BillDue(dayOn))
	for _, rail := range billRails {
		if lines, ok := read[rail]; ok {
			w.billComes(r, rail, dayOn, lines)
		}
	}
}

// billComes: what the day differs in is what was put in and what the portal truly
// has not booked, and so it stays when the day is run again; when the gateway was
// asked about all of it, and the bill is whole, nothing is left.
func (w *world) billComes(r *rapid.T, rail models.Rail, dayOn string, lines []billed) {
	w.runBill(r, rail, dayOn, lines)
	w.runBill(r, rail, dayOn, lines)
	if rapid.Bool().Draw(r, "repaired") {
		for _, l := range w.bill(rail, dayOn) {
			if l.trade != nil {
				w.settle(r, l.trade, true)
			}
		}
		for _, g := range w.refunds {
			if g.end == "" && g.backOn == dayOn && g.order.Rail == rail {
				w.settleRefund(r, g)
			}
		}
		lines = w.bill(rail, dayOn)
		w.runBill(r, rail, dayOn, lines)
		if diff := cmp.Diff(w.onlyOurs(rail, dayOn, lines), w.differing(rail, dayOn, lines)); diff != "" {
			r.Fatalf("of a whole bill is left: %s", diff)
		}
	}
	w.billed[string(rail)+dayOn] = true
	for _, l := range lines {
		for _, t := range w.tradesOn(rail) {
			if t.no == l.TradeNo {
				t.onBill, t.backOnBill = t.onBill || l.RequestNo == "", t.backOnBill || l.RequestNo != ""
			}
		}
		for _, g := range w.refunds {
			g.onBill = g.onBill || g.no == l.RequestNo
		}
	}
}

// tradesOn are the trades that a rail's gateway holds.
func (w *world) tradesOn(rail models.Rail) (some []*trade) {
	for _, t := range w.trades {
		if t.rail == rail {
			some = append(some, t)
		}
	}
	return some
}

// settleRefund: the gateway's word that it gave money back has come.
func (w *world) settleRefund(r *rapid.T, g *giving) {
	_, err := w.SettleRefund(w.ctx, g.no, "asked again")
	ok(r, err)
	g.end, g.settledOn = models.RefundSettled, models.DayOn(w.Now())
	g.order.refunded += g.amount
}

// runBill runs a day with a bill of these lines, and holds what is open of it
// against what must be.
func (w *world) runBill(r *rapid.T, rail models.Rail, dayOn string, lines []billed) {
	r.Helper()
	run, err := w.BeginReconciliation(w.ctx, rail, dayOn)
	ok(r, err)
	var bill []models.BillLine
	for _, l := range lines {
		bill = append(bill, l.BillLine)
	}
	ok(r, w.AddBillLines(w.ctx, run, bill))
	done, err := w.FinishReconciliation(w.ctx, run, 0)
	ok(r, err)
	if done.UnexplainedFen() != 0 || done.LedgerFaultCount != 0 {
		r.Fatalf("%s on %s: %d fen are not explained: %+v", rail, dayOn, done.UnexplainedFen(), done)
	}
	got := map[string]string{}
	for k := (models.Keyset{}); ; {
		desk, err := w.ReconciliationDesk(w.ctx, done.ID, models.DifferenceFilter{}, k)
		ok(r, err)
		for _, d := range desk.Differences {
			key := d.TradeNo + " " + d.RequestNo
			if strings.HasPrefix(d.RequestNo, "suspense:") {
				key = d.TradeNo + " back"
			}
			got[key] = fmt.Sprint(d.Kind, " ", int64(d.OursFen), " ", int64(d.TheirsFen))
		}
		if k.Before = desk.Page.Older; k.Before == 0 {
			break
		}
	}
	if diff := cmp.Diff(w.differing(rail, dayOn, lines), got); diff != "" {
		r.Fatalf("%s on %s, run %d, differs otherwise: %s", rail, dayOn, done.Run, diff)
	}
	for _, t := range w.tradesOn(rail) {
		if _, only := got[t.no+" "]; only && !t.parked && strings.HasPrefix(got[t.no+" "], string(models.OnlyOurs)) && t.onlyOn == "" {
			t.onlyOn = dayOn
		}
	}
}

// differing is all that a day must differ in.
func (w *world) differing(rail models.Rail, dayOn string, lines []billed) map[string]string {
	want := w.onlyOurs(rail, dayOn, lines)
	for _, l := range lines {
		if d := l.difference(); d != "" {
			want[l.key()] = d
		}
	}
	return want
}

// bill is what the gateway holds of a day: payments by when they were paid,
// refunds and money sent back by when they left.
func (w *world) bill(rail models.Rail, dayOn string) (lines []billed) {
	for _, t := range w.tradesOn(rail) {
		no := w.receipt(t, true).OutTradeNo
		line := models.BillLine{TradeNo: t.no, OutTradeNo: no, OrderFen: t.amount, AmountFen: t.amount, FinishedAt: t.paidAt}
		if models.DayOn(t.paidAt) == dayOn {
			l := billed{BillLine: line, trade: t, kind: models.StateDiffers}
			if t.order == nil {
				l.kind = models.OnlyTheirs
			}
			if t.bookedOn != "" {
				l.ours = t.amount
			}
			lines = append(lines, l)
		}
		if t.sentBack == dayOn {
			line.RequestNo, line.OrderFen, line.AmountFen = "by hand", -t.amount, -t.amount
			lines = append(lines, billed{BillLine: line, ours: -t.amount})
		}
	}
	for _, g := range w.refunds {
		if g.backOn == dayOn && g.order.Rail == rail {
			lines = append(lines, billed{ours: -g.amount, state: g.end == "", BillLine: models.BillLine{
				TradeNo: g.order.credited.no, OutTradeNo: g.order.No, RequestNo: g.no, OrderFen: -g.amount, AmountFen: -g.amount, FinishedAt: w.Now(),
			}})
		}
	}
	return lines
}

// spoil puts a fault into a bill, or none.
func (w *world) spoil(r *rapid.T, rail models.Rail, lines []billed) []billed {
	foreign := models.BillLine{TradeNo: w.unique("foreign"), OutTradeNo: "R26112499999999999999", OrderFen: 55 * yuan, AmountFen: 55 * yuan, FinishedAt: w.Now()}
	i := 0
	if len(lines) > 0 {
		i = rapid.IntRange(0, len(lines)-1).Draw(r, "line")
	}
	switch fault := rapid.SampledFrom([]string{"none", "missing", "foreign", "refund", "amount"}).Draw(r, "fault"); {
	case fault == "foreign":
		lines = append(lines, billed{BillLine: foreign, kind: models.OnlyTheirs})
	case len(lines) == 0:
	case fault == "missing":
		lines = append(lines[:i:i], lines[i+1:]...)
	case fault == "refund":
		foreign.TradeNo, foreign.OutTradeNo, foreign.RequestNo = lines[i].TradeNo, lines[i].OutTradeNo, w.unique("F")
		foreign.OrderFen, foreign.AmountFen = -yuan, -yuan
		its := billed{BillLine: foreign, kind: models.OnlyTheirs}
		for _, t := range w.tradesOn(rail) {
			if t.no == foreign.TradeNo && t.sentBack != "" { // that is a refund of it, of another amount
				its.ours = -t.amount
			}
		}
		lines = append(lines, its)
	case fault == "amount":
		lines[i].AmountFen += models.Fen(rapid.SampledFrom([]int64{1, -1}).Draw(r, "fen"))
	}
	return lines
}

// onlyOurs is what the books hold of the day and no bill has, when these lines
// are the day's: a payment counts for the day on which it was paid, suspense for
// the day on which it was parked. A payment that was booked later than its day,
// which was run before that, counts for the day on which it was booked.
func (w *world) onlyOurs(rail models.Rail, dayOn string, lines []billed) map[string]string {
	want := map[string]string{}
	has := map[string]bool{}
	for _, l := range lines {
		has[l.key()] = true
		has[l.TradeNo+" back"] = has[l.TradeNo+" back"] || l.RequestNo != ""
	}
	for _, t := range w.tradesOn(rail) {
		paidOn := models.DayOn(t.paidAt)
		late := t.bookedOn == dayOn && paidOn < dayOn && w.billed[string(rail)+paidOn] && (t.onlyOn == "" || t.onlyOn == dayOn)
		its := !t.parked && t.bookedOn != "" && (paidOn == dayOn || late) || t.parked && t.bookedOn == dayOn
		if its && !has[t.no+" "] && !t.onBill {
			want[t.no+" "] = fmt.Sprint(models.OnlyOurs, " ", int64(t.amount), " 0")
		}
		if t.sentBack == dayOn && !has[t.no+" back"] && !t.backOnBill {
			want[t.no+" back"] = fmt.Sprint(models.OnlyOurs, " ", -int64(t.amount), " 0")
		}
	}
	for _, g := range w.refunds {
		if key := g.order.credited.no + " " + g.no; g.order.Rail == rail && g.settledOn == dayOn && !has[key] && !g.onBill {
			want[key] = fmt.Sprint(models.OnlyOurs, " ", -int64(g.amount), " 0")
		}
	}
	return want
}
