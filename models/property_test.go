package models_test

import (
	"context"
	"flag"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

// The normal run is short; -rapid.checks and -rapid.steps on the command line
// make it long, and so does make soak.
func init() {
	flag.Set("rapid.checks", "6")
	flag.Set("rapid.steps", "60")
	flag.Set("rapid.nofailfile", "true")
}

// TestMoneyHoldsWhateverHappens plays sellers, payers, three gateways, a bank, an
// ad engine and staff at random, beside a model that is kept by hand: after each
// step the books hold and stand where the model stands.
func TestMoneyHoldsWhateverHappens(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		actor, o := staff(t, b), newOffice(t, b)
		b.Offer(allRails...)
		rapid.Check(t, func(r *rapid.T) {
			w := newWorld(t, b, actor)
			w.office = o
			r.Repeat(map[string]func(*rapid.T){
				"":                   w.check,
				"draft":              w.draft,
				"confirm":            w.confirm,
				"pay":                w.pay,
				"pay wrong amount":   w.payWrongAmount,
				"pay twice":          w.payTwice,
				"strange money":      w.strangeMoney,
				"notify":             w.notify,
				"notify again":       w.notify,
				"refund notice":      w.refundNotice,
				"forged notify":      w.forgedNotify,
				"another rail's":     w.anotherRails,
				"switch method":      w.switchMethod,
				"query":              w.query,
				"recharge":           w.recharge,
				"deadline":           w.deadline,
				"cancel":             w.cancel,
				"resume":             w.resume,
				"charge":             w.charge,
				"charge more":        w.charge,
				"charge again":       w.chargeAgain,
				"grant":              w.grant,
				"bonus ends":         w.bonusEnds,
				"grace ends":         w.graceEnds,
				"fall":               w.fall,
				"grace task too old": w.graceTaskTooOld,
				"restart":            w.restart,
				"undo":               w.undo,
				"switch":             w.switchCampaign,
				"freeze":             w.freeze,
				"unfreeze":           w.unfreeze,
				"adjust":             w.adjust,
				"bank transfer":      w.bankTransfer,
				"bank books":         w.bankBooks,
				"bank books more":    w.bankBooks,
				"import":             w.importStatement,
				"propose":            w.proposeLine,
				"propose certain":    w.proposeCertain,
				"work a line":        w.workLine,
				"transfer":           w.transfer,
				"clear suspense":     w.clearSuspense,
				"refund":             w.refund,
				"refund more":        w.refund,
				"refund ends":        w.refundEnds,
				"refund ends twice":  w.refundEnds,
				"decide":             w.decide,
				"wait":               w.wait,
				"day ends":           w.dayEnds,
			})
			w.rest(r)
		})
	})
}

// world is the model: what must be true, kept without the code under test.
type world struct {
	*modelstest.Bench
	ctx      context.Context
	actor    models.Actor
	office   office
	requests []*request
	refunds  []*giving
	numbers  []string // of bank transfers that were asked for
	used     map[string]bool
	banked   models.Fen // credited by bank transfers
	sellers  []*shop
	payments []*order
	trades   []*trade
	charges  []*models.Charge
	parked   models.Fen // in suspense, with what earlier worlds left there
	number   int        // makes names unique

	before map[string]models.Fen // balances that earlier worlds left, by ledger account
	off    map[models.Rail]bool  // switched off by staff

	lines    []*bankLine     // all that the bank has booked, in its order
	credited map[string]bool // the bank's numbers that staff have credited by hand
	linked   map[string]bool // of them those whose line has come

	cursor int64 // of the feed, and what it told
	told   map[int64]models.DeliveryState

	billed map[string]bool // rails and days whose bill was read
}

type shop struct {
	account   int64
	company   string // the payer on the bank's statements
	cash      models.Fen
	bonus     models.Fen
	grants    []*given
	frozen    bool
	campaigns []*ad
	restarted map[*ad]bool // by the last restart, and untouched since
	undoUntil time.Time
}

type ad struct {
	id      int64
	on      bool
	stopped bool // by arrears
}

// order is a payment as the seller and the gateway know it.
type order struct {
	models.Payment
	shop     *shop
	sent     bool // the gateway may know it
	ended    bool // expired or cancelled
	credited *trade
	late     bool // it had ended by then
	failed   bool
	resumed  string
	refunded models.Fen
}

// trade is money that a gateway holds as paid, or that the bank has booked.
type trade struct {
	rail    models.Rail
	no      string // the same may stand on another rail
	order   *order // nil: for a payment that we don't have on this rail
	names   string // the payment that it names then
	amount  models.Fen
	parked  bool
	cleared bool

	paidAt             time.Time // the gateway's
	bookedOn, sentBack string    // days in Shanghai: credited or parked here; left by the gateway again
	onBill, backOnBill bool      // stands on a bill that was read; as does money back of it
	onlyOn             string    // the day that found the payment to be ours alone
}

func newWorld(t *testing.T, b *modelstest.Bench, actor models.Actor) *world {
	w := &world{
		Bench: b, ctx: t.Context(), actor: actor, before: balances(t, b), off: map[models.Rail]bool{}, used: map[string]bool{},
		linked: map[string]bool{}, credited: map[string]bool{}, told: map[int64]models.DeliveryState{}, billed: map[string]bool{},
	}
	w.parked = w.before["suspense"]
	for _, rail := range allRails { // an earlier world may have left it off
		must(t, w.SwitchMethod(w.ctx, actor, models.MethodSwitch{Rail: rail, Reason: "a world begins"}))
	}
	b.Clock.Add(24 * time.Hour) // the days of a world are its own
	for range 2 {
		account, campaigns := b.Seller(t, 100_000*yuan, 300*yuan)
		s := &shop{account: account, company: fmt.Sprintf("Tea %d Ltd", account)}
		must(t, w.SetRegisteredName(w.ctx, actor, account, s.company))
		for _, id := range campaigns {
			s.campaigns = append(s.campaigns, &ad{id: id, on: true})
		}
		w.sellers = append(w.sellers, s)
	}
	return w
}

func (w *world) unique(what string) string {
	w.number++
	return fmt.Sprintf("%s-%d-%d", what, w.sellers[0].account, w.number)
}

func (w *world) shop(r *rapid.T) *shop { return rapid.SampledFrom(w.sellers).Draw(r, "seller") }

// order picks a payment that fits, nil when there is none: the step is empty then.
func (w *world) order(r *rapid.T, fits func(*order) bool) *order {
	return pick(r, "payment", w.payments, fits)
}

func pick[T any](r *rapid.T, what string, all []*T, fits func(*T) bool) *T {
	var some []*T
	for _, one := range all {
		if fits(one) {
			some = append(some, one)
		}
	}
	if len(some) == 0 {
		return nil
	}
	return rapid.SampledFrom(some).Draw(r, what)
}

func (o *order) open() bool { return o.credited == nil && !o.failed && !o.ended }

// tradeOf is what the gateway answers when asked about a payment.
func (w *world) tradeOf(o *order) *trade {
	for _, t := range w.trades {
		if t.order == o {
			return t
		}
	}
	return nil
}

func ok(r *rapid.T, err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

func refused(r *rapid.T, err error, code models.Code) {
	r.Helper()
	if err == nil || models.CodeOf(err) != code {
		r.Fatalf("got %v, want %s", err, code)
	}
}

// --- sellers and their payments

func (w *world) draft(r *rapid.T) {
	w.draftOn(r, rapid.SampledFrom(allRails).Draw(r, "rail"))
}

func (w *world) draftOn(r *rapid.T, rail models.Rail) {
	s := w.shop(r)
	amount := rapid.SampledFrom([]models.Fen{200 * yuan, 500 * yuan, 123456}).Draw(r, "amount")
	p, err := w.DraftRecharge(w.ctx, s.account, models.RechargeInput{Amount: amount.Wire(), Method: string(rail)})
	if w.off[rail] {
		refusedOff(r, err)
		return
	}
	ok(r, err)
	for _, o := range w.payments {
		if o.No == p.No {
			if !o.open() || o.shop != s || o.AmountFen != amount || o.Rail != rail {
				r.Fatalf("the wish led to %+v", o)
			}
			return
		}
	}
	w.payments = append(w.payments, &order{Payment: p, shop: s})
}

func (w *world) confirm(r *rapid.T) {
	if o := w.order(r, (*order).open); o != nil {
		w.confirmOne(r, o)
	}
}

func (w *world) confirmOne(r *rapid.T, o *order) {
	p, err := w.ConfirmPayment(w.ctx, o.shop.account, o.No, payeeOf(o.Rail))
	if !o.sent && w.off[o.Rail] {
		refusedOff(r, err)
		return
	}
	ok(r, err)
	if p.State != models.PaymentPending || o.sent && !p.ExpiresAt.Equal(*o.ExpiresAt) {
		r.Fatalf("confirmed: %+v", p)
	}
	o.Payment, o.sent = p, true
}

// askFirst is what happens before a payment is ended: the gateway is asked,
// and what it holds is settled. It tells whether the payment is over by that.
func (w *world) askFirst(r *rapid.T, o *order) bool {
	if t := w.tradeOf(o); t != nil {
		w.settle(r, t, true)
	}
	return !o.open()
}

func (w *world) deadline(r *rapid.T) {
	o := w.order(r, func(o *order) bool { return o.open() && o.sent })
	if o == nil {
		return
	}
	if w.Now().Before(*o.ExpiresAt) {
		_, err := w.ExpirePayment(w.ctx, o.No)
		refused(r, err, models.Conflict)
		w.Clock.Set(*o.ExpiresAt)
	}
	if w.askFirst(r, o) {
		return
	}
	p, err := w.ExpirePayment(w.ctx, o.No)
	ok(r, err)
	if o.ended = true; p.State != models.PaymentExpired {
		r.Fatalf("at its deadline it is %s", p.State)
	}
}

func (w *world) cancel(r *rapid.T) {
	o := w.order(r, (*order).open)
	if o == nil || w.askFirst(r, o) {
		return
	}
	p, err := w.CancelPayment(w.ctx, o.No)
	ok(r, err)
	if o.ended = true; p.State != models.PaymentCancelled {
		r.Fatalf("cancelled, it is %s", p.State)
	}
}

func (w *world) resume(r *rapid.T) {
	o := w.order(r, func(o *order) bool { return o.ended && o.credited == nil && !o.failed })
	if o == nil {
		return
	}
	w.resumeOne(r, o)
}

func (w *world) resumeOne(r *rapid.T, o *order) {
	if w.askFirst(r, o); o.credited != nil || o.failed {
		return
	}
	p, err := w.ResumePayment(w.ctx, o.shop.account, o.No, payeeOf(o.Rail))
	if o.resumed == "" && w.off[o.Rail] {
		refusedOff(r, err)
		return
	}
	ok(r, err)
	if o.resumed != "" {
		if p.No != o.resumed {
			r.Fatalf("resumed again as %s, before as %s", p.No, o.resumed)
		}
		return
	}
	o.resumed = p.No
	w.payments = append(w.payments, &order{Payment: p, shop: o.shop, sent: true})
}

// --- the gateway

func (w *world) hold(o *order, amount models.Fen) {
	w.trades = append(w.trades, &trade{rail: o.Rail, no: w.unique("trade"), order: o, amount: amount, paidAt: w.Now()})
}

// The gateway takes money for whatever was sent to it, ended here or not.
func (w *world) pay(r *rapid.T) {
	o := w.order(r, func(o *order) bool { return o.sent && o.Rail != models.RailBankTransfer && w.tradeOf(o) == nil })
	if o != nil {
		w.hold(o, o.AmountFen)
	}
}

func (w *world) payWrongAmount(r *rapid.T) {
	o := w.order(r, func(o *order) bool { return o.sent && o.Rail != models.RailBankTransfer && w.tradeOf(o) == nil })
	if o == nil {
		return
	}
	w.hold(o, o.AmountFen+models.Fen(rapid.SampledFrom([]int{-100, 1}).Draw(r, "difference")))
}

func (w *world) payTwice(r *rapid.T) {
	o := w.order(r, func(o *order) bool { return w.tradeOf(o) != nil })
	if o != nil {
		w.hold(o, o.AmountFen)
	}
}

func (w *world) strangeMoney(r *rapid.T) {
	rail := rapid.SampledFrom(billRails).Draw(r, "rail")
	w.trades = append(w.trades, &trade{rail: rail, no: w.unique("trade"), names: "R26112400000000000000", amount: 77 * yuan, paidAt: w.Now()})
}

func (w *world) receipt(t *trade, confirmed bool) models.Receipt {
	receipt := models.Receipt{
		Rail: t.rail, OutTradeNo: t.names, GatewayTradeNo: t.no, State: models.TradePaid,
		AmountFen: t.amount, Currency: "CNY", Payee: payeeOf(t.rail), PaidAt: t.paidAt, Confirmed: confirmed,
	}
	if t.order != nil {
		receipt.OutTradeNo = t.order.No
	}
	return receipt
}

// settle tells the portal of a trade and books on the model what that must do.
func (w *world) settle(r *rapid.T, t *trade, confirmed bool) {
	r.Helper()
	o := t.order
	var want models.Outcome
	switch {
	case t.parked:
		want = models.OutcomeSuspense
	case o != nil && o.credited == t:
		want = models.OutcomeAlready
	case o == nil || o.credited != nil || t.amount != o.AmountFen:
		if want = models.OutcomeAsk; confirmed {
			want, t.parked, t.bookedOn = models.OutcomeSuspense, true, models.DayOn(w.Now())
			w.parked += t.amount
			if o != nil && o.credited == nil {
				o.failed = true
			}
		}
	default:
		if want = models.OutcomeSettled; o.ended || o.failed {
			want, o.late = models.OutcomeLate, true
		}
		o.credited, t.bookedOn = t, models.DayOn(w.Now())
		o.shop.cash += t.amount
	}
	w.comesTo(r, w.receipt(t, confirmed), want)
}

func (w *world) comesTo(r *rapid.T, receipt models.Receipt, want models.Outcome) {
	r.Helper()
	if got, err := w.SettlePayment(w.ctx, receipt, 0); err != nil || got != want {
		r.Fatalf("a receipt on %s came to %s, %v; want %s", receipt.Rail, got, err, want)
	}
}

// Any trade, at any time, as often as it comes: in order, late, twice.
func (w *world) notify(r *rapid.T) {
	t := pick(r, "trade", w.trades, func(*trade) bool { return true })
	if t == nil {
		return
	}
	told := t.order != nil && t.order.credited == t
	if t.rail == models.RailUnionpay && !told { // doubted until the gateway was asked, whatever it says
		doubted := w.receipt(t, false)
		doubted.State = models.TradeUnknown
		w.comesTo(r, doubted, models.OutcomeAsk)
	} else {
		w.settle(r, t, false)
	}
	if told = t.order != nil && t.order.credited == t; !told && rapid.Bool().Draw(r, "the gateway answers") {
		w.settle(r, t, true)
	}
}

func (w *world) query(r *rapid.T) {
	o := w.order(r, func(o *order) bool { return o.Rail != models.RailBankTransfer }) // nobody can be asked about that
	if o == nil {
		return
	}
	if t := w.tradeOf(o); t != nil {
		w.settle(r, t, true)
		return
	}
	unpaid := w.receipt(&trade{rail: o.Rail, order: o}, true)
	unpaid.State = rapid.SampledFrom([]models.TradeState{models.TradeNotExist, models.TradeWaiting, models.TradeClosed, models.TradeUnknown}).Draw(r, "answer")
	w.comesTo(r, unpaid, models.OutcomeNotPaid)
}

// recharge is the whole way in one step, so that sellers in arrears come back.
func (w *world) recharge(r *rapid.T) {
	o := w.begun(r, rapid.SampledFrom(billRails).Draw(r, "rail"))
	if o == nil {
		return
	}
	w.hold(o, o.AmountFen)
	w.settle(r, w.tradeOf(o), o.Rail == models.RailUnionpay)
}

// begun is a payment that was just sent, over all arrears and more; nil where
// there is one already, or the method is off.
func (w *world) begun(r *rapid.T, rail models.Rail) *order {
	s := w.shop(r)
	if w.off[rail] {
		return nil
	}
	p, err := w.DraftRecharge(w.ctx, s.account, models.RechargeInput{Amount: (max(0, -s.cash) + 300*yuan).Wire(), Method: string(rail)})
	ok(r, err)
	for _, o := range w.payments {
		if o.No == p.No {
			return nil
		}
	}
	p, err = w.ConfirmPayment(w.ctx, s.account, p.No, payeeOf(rail))
	ok(r, err)
	o := &order{Payment: p, shop: s, sent: true}
	w.payments = append(w.payments, o)
	return o
}

// What no gateway confirmed and does not agree with ours writes nothing.
func (w *world) forgedNotify(r *rapid.T) {
	o := w.order(r, func(*order) bool { return true })
	if o == nil {
		return
	}
	forged := w.receipt(&trade{rail: o.Rail, no: w.unique("forged"), order: o, amount: o.AmountFen}, false)
	faults := []string{"amount", "payee", "currency", "payment", "rail"}
	if o.Rail == models.RailBankTransfer {
		faults = faults[4:] // no notify comes from a bank
	}
	switch rapid.SampledFrom(faults).Draw(r, "forged") {
	case "rail":
		forged.Rail = w.another(r, o.Rail)
	case "amount":
		forged.AmountFen *= 100
	case "payee":
		forged.Payee = ""
	case "currency":
		forged.Currency = "USD"
	case "payment":
		forged.OutTradeNo = "R26112499999999999999"
	}
	w.comesTo(r, forged, models.OutcomeAsk)
}
