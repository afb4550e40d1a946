package models_test

import (
	"database/sql"
	"errors"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

// The fifth part of the world: there is more than one rail, and none of them may
// be taken for another.

var (
	billRails = []models.Rail{models.RailAlipay, models.RailUnionpay, models.RailWechat} // those that send notifies and make bills
	allRails  = append(slices.Clone(billRails), models.RailBankTransfer)
)

// payeeOf is who is paid on a rail. The gateways' merchants bear one number, so
// that nothing but the rail tells one's receipt from another's.
func payeeOf(rail models.Rail) string {
	if rail == models.RailBankTransfer {
		return ourAccount
	}
	return modelstest.Payee
}

func refusedOff(r *rapid.T, err error) {
	r.Helper()
	var refusals models.FieldErrors
	if !errors.As(err, &refusals) || refusals.On("method") == nil || refusals.On("method").Key != "error.method.off" {
		r.Fatalf("begun on a method that is off: %v", err)
	}
}

// switchMethod: for some of the time, and whatever is pending on it.
func (w *world) switchMethod(r *rapid.T) {
	rail := rapid.SampledFrom(allRails).Draw(r, "rail")
	off := rapid.Bool().Draw(r, "off")
	if off && !w.off[rail] {
		w.draftOn(r, rail)
	}
	ok(r, w.SwitchMethod(w.ctx, w.actor, models.MethodSwitch{Rail: rail, Off: off, Reason: "because of the rail"}))
	w.off[rail] = off
	w.draftOn(r, rail)
	for _, o := range w.payments { // what waits there does not begin now
		switch {
		case !off || o.Rail != rail:
		case o.open() && !o.sent:
			w.confirmOne(r, o)
		case o.ended && o.credited == nil && !o.failed && w.tradeOf(o) == nil:
			w.resumeOne(r, o)
		}
	}
}

// another is a gateway's rail that is not this one.
func (w *world) another(r *rapid.T, than models.Rail) models.Rail {
	others := slices.DeleteFunc(slices.Clone(billRails), func(rail models.Rail) bool { return rail == than })
	return rapid.SampledFrom(others).Draw(r, "another rail")
}

// anotherRails: a gateway holds money under the number of a payment that is on
// another rail, sometimes under the number of the trade that has paid it there.
// What it says of that settles nothing, and what it confirms is suspense.
func (w *world) anotherRails(r *rapid.T) {
	o := w.order(r, func(*order) bool { return true })
	if o == nil {
		return
	}
	t := &trade{rail: w.another(r, o.Rail), no: w.unique("trade"), names: o.No, amount: o.AmountFen, paidAt: w.Now()}
	for _, its := range w.trades {
		if its.order == o && !slices.ContainsFunc(w.tradesOn(t.rail), func(t *trade) bool { return t.no == its.no }) {
			t.no = its.no
		}
	}
	w.trades = append(w.trades, t)
	w.settle(r, t, rapid.Bool().Draw(r, "confirmed"))
}

// A notice of a refund speaks of money that was paid, and credits nothing.
func (w *world) refundNotice(r *rapid.T) {
	t := pick(r, "trade", w.trades, func(*trade) bool { return true })
	if t == nil {
		return
	}
	notice := w.receipt(t, false)
	notice.RefundNotice = true
	w.comesTo(r, notice, models.OutcomeNotPaid)
}

// balances are what stands on the ledger accounts of the portal's own, by name.
func balances(t fatal, b *modelstest.Bench) map[string]models.Fen {
	found := map[string]models.Fen{}
	each(t, b, "SELECT name, balance_fen FROM ledger_accounts WHERE name IS NOT NULL", func(rows *sql.Rows) error {
		var name string
		var fen models.Fen
		err := rows.Scan(&name, &fen)
		found[name] = fen
		return err
	})
	return found
}

// suspense is what stands in suspense.
func suspense(t fatal, b *modelstest.Bench) models.Fen { return systemBalance(t, b, "suspense") }

func systemBalance(t fatal, b *modelstest.Bench, name string) models.Fen { return balances(t, b)[name] }

type fatal interface{ Fatal(...any) }

// each runs a query past the API, and gives its rows.
func each(t fatal, b *modelstest.Bench, query string, take func(*sql.Rows) error, args ...any) {
	db, err := b.Handle()
	if err != nil {
		t.Fatal(err)
	}
	rows, err := db.Query(query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() && err == nil {
		err = take(rows)
	}
	if err = errors.Join(err, rows.Err()); err != nil {
		t.Fatal(err)
	}
}

// checkBalances: what stands between the sellers and the world outside is what
// the model has there, rail by rail: taken and given back, in suspense, under way.
func (w *world) checkBalances(r *rapid.T) {
	taken := map[models.Rail]models.Fen{models.RailBankTransfer: w.banked}
	for _, t := range w.trades {
		if t.bookedOn != "" {
			taken[t.rail] += t.amount
		}
		if t.sentBack != "" {
			taken[t.rail] -= t.amount
		}
	}
	back := w.before["refund"]
	for _, g := range w.refunds {
		switch g.end {
		case "":
			back += g.amount
		case models.RefundSettled:
			taken[g.order.Rail] -= g.amount
		}
	}
	for _, l := range w.lines {
		if l.suspense != 0 && !l.returned {
			taken[models.RailBankTransfer] += l.AmountFen
		}
	}
	stand := balances(r, w.Bench)
	for _, rail := range allRails {
		name := "gateway:" + string(rail)
		if got := w.before[name] - stand[name]; got != taken[rail] {
			r.Fatalf("%s has taken %d fen, want %d", rail, got, taken[rail])
		}
	}
	if stand["refund"] != back || stand["suspense"] != w.parked {
		r.Fatalf("%d fen are on their way back, want %d; %d in suspense, want %d", stand["refund"], back, stand["suspense"], w.parked)
	}
	each(r, w.Bench, "SELECT COALESCE(SUM(amount_fen), 0) FROM suspense_items WHERE cleared_at IS NULL", func(rows *sql.Rows) error {
		var open models.Fen
		if err := rows.Scan(&open); err != nil || open == w.parked {
			return err
		}
		return errors.New("the open items of suspense come to " + open.Wire() + ", want " + w.parked.Wire())
	})
	for name := range stand { // nothing went where this world never puts anything
		if strings.HasPrefix(name, "gateway:") && !slices.Contains(allRails, models.Rail(strings.TrimPrefix(name, "gateway:"))) {
			r.Fatalf("there is an account %s", name)
		}
	}
}
