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
// make it long.
func init() {
	flag.Set("rapid.checks", "25")
	flag.Set("rapid.steps", "60")
	flag.Set("rapid.nofailfile", "true")
}

// TestMoneyHoldsWhateverHappens plays sellers, payers, a gateway, an ad engine
// and staff at random, beside a model that is kept by hand: after each step the
// books hold and stand where the model stands.
func TestMoneyHoldsWhateverHappens(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		actor, o := staff(t, b), newOffice(t, b)
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
				"forged notify":      w.forgedNotify,
				"query":              w.query,
				"recharge":           w.recharge,
				"deadline":           w.deadline,
				"cancel":             w.cancel,
				"resume":             w.resume,
				"charge":             w.charge,
				"charge more":        w.charge,
				"charge again":       w.chargeAgain,
				"grant":              w.grant,
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

	givenBefore models.Fen // on its way back since earlier worlds

	cursor int64 // of the feed, and what it told
	told   map[int64]models.DeliveryState

	billed map[string]bool // days whose bill was read
}

type shop struct {
	account   int64
	cash      models.Fen
	bonus     models.Fen
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
	failed   bool
	resumed  string
	refunded models.Fen
}

// trade is money that the gateway holds as paid.
type trade struct {
	no      string
	order   *order // nil: for a payment that we don't know
	amount  models.Fen
	parked  bool
	cleared bool

	paidAt             time.Time // the gateway's
	bookedOn, sentBack string    // days in Shanghai: credited or parked here; left by the gateway again
	onBill, backOnBill bool      // stands on a bill that was read; as does money back of it
	onlyOn             string    // the day that found the payment to be ours alone
}

func newWorld(t *testing.T, b *modelstest.Bench, actor models.Actor) *world {
	w := &world{Bench: b, ctx: t.Context(), actor: actor, parked: suspense(t, b), givenBefore: systemBalance(t, b, "refund"), used: map[string]bool{}, told: map[int64]models.DeliveryState{}, billed: map[string]bool{}}
	b.Clock.Add(24 * time.Hour) // the days of a world are its own
	for range 2 {
		account, campaigns := b.Seller(t, 100_000*yuan, 300*yuan)
		s := &shop{account: account}
		for _, id := range campaigns {
			s.campaigns = append(s.campaigns, &ad{id: id, on: true})
		}
		w.sellers = append(w.sellers, s)
	}
	return w
}

// suspense is what stands in suspense.
func suspense(t fatal, b *modelstest.Bench) models.Fen { return systemBalance(t, b, "suspense") }

type fatal interface{ Fatal(...any) }

// systemBalance is what stands on a ledger account of the portal's own.
func systemBalance(t fatal, b *modelstest.Bench, name string) (fen models.Fen) {
	db, err := b.Handle()
	if err == nil {
		err = db.QueryRow("SELECT balance_fen FROM ledger_accounts WHERE name = $1", name).Scan(&fen)
	}
	if err != nil {
		t.Fatal(err)
	}
	return fen
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
	s := w.shop(r)
	amount := rapid.SampledFrom([]models.Fen{200 * yuan, 500 * yuan, 123456}).Draw(r, "amount")
	p, err := w.DraftRecharge(w.ctx, s.account, models.RechargeInput{Amount: amount.Wire(), Method: "alipay"})
	ok(r, err)
	for _, o := range w.payments {
		if o.No == p.No {
			if !o.open() || o.shop != s || o.AmountFen != amount {
				r.Fatalf("the wish led to %+v", o)
			}
			return
		}
	}
	w.payments = append(w.payments, &order{Payment: p, shop: s})
}

func (w *world) confirm(r *rapid.T) {
	o := w.order(r, (*order).open)
	if o == nil {
		return
	}
	p, err := w.ConfirmPayment(w.ctx, o.shop.account, o.No, modelstest.Payee)
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
	if w.askFirst(r, o); o.credited != nil || o.failed {
		return
	}
	p, err := w.ResumePayment(w.ctx, o.shop.account, o.No, modelstest.Payee)
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
	w.trades = append(w.trades, &trade{no: w.unique("trade"), order: o, amount: amount, paidAt: w.Now()})
}

// The gateway takes money for whatever was sent to it, ended here or not.
func (w *world) pay(r *rapid.T) {
	o := w.order(r, func(o *order) bool { return o.sent && w.tradeOf(o) == nil })
	if o != nil {
		w.hold(o, o.AmountFen)
	}
}

func (w *world) payWrongAmount(r *rapid.T) {
	o := w.order(r, func(o *order) bool { return o.sent && w.tradeOf(o) == nil })
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

func (w *world) strangeMoney(*rapid.T) { w.hold(nil, 77*yuan) }

func (w *world) receipt(t *trade, confirmed bool) models.Receipt {
	receipt := models.Receipt{
		Rail: models.RailAlipay, OutTradeNo: "R26112400000000000000", GatewayTradeNo: t.no, State: models.TradePaid,
		AmountFen: t.amount, Currency: "CNY", Payee: modelstest.Payee, PaidAt: t.paidAt, Confirmed: confirmed,
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
			want = models.OutcomeLate
		}
		o.credited, t.bookedOn = t, models.DayOn(w.Now())
		o.shop.cash += t.amount
	}
	got, err := w.SettlePayment(w.ctx, w.receipt(t, confirmed), 0)
	if err != nil || got != want {
		r.Fatalf("settled: %s, %v; want %s", got, err, want)
	}
}

// Any trade, at any time, as often as it comes: in order, late, twice.
func (w *world) notify(r *rapid.T) {
	t := pick(r, "trade", w.trades, func(*trade) bool { return true })
	if t == nil {
		return
	}
	w.settle(r, t, false)
	if t.order == nil || t.order.credited != t { // not believed: ask
		w.settle(r, t, rapid.Bool().Draw(r, "the gateway answers"))
	}
}

func (w *world) query(r *rapid.T) {
	o := w.order(r, func(*order) bool { return true })
	if o == nil {
		return
	}
	if t := w.tradeOf(o); t != nil {
		w.settle(r, t, true)
		return
	}
	unpaid := w.receipt(&trade{order: o}, true)
	unpaid.State = rapid.SampledFrom([]models.TradeState{models.TradeNotExist, models.TradeWaiting, models.TradeClosed, models.TradeUnknown}).Draw(r, "answer")
	if got, err := w.SettlePayment(w.ctx, unpaid, 0); err != nil || got != models.OutcomeNotPaid {
		r.Fatalf("an unpaid trade: %s, %v", got, err)
	}
}

// recharge is the whole way in one step, so that sellers in arrears come back.
func (w *world) recharge(r *rapid.T) {
	s := w.shop(r)
	p, err := w.DraftRecharge(w.ctx, s.account, models.RechargeInput{Amount: (max(0, -s.cash) + 300*yuan).Wire(), Method: "alipay"})
	ok(r, err)
	for _, o := range w.payments {
		if o.No == p.No {
			return // the wish is open already
		}
	}
	p, err = w.ConfirmPayment(w.ctx, s.account, p.No, modelstest.Payee)
	ok(r, err)
	o := &order{Payment: p, shop: s, sent: true}
	w.payments = append(w.payments, o)
	w.hold(o, o.AmountFen)
	w.settle(r, w.tradeOf(o), false)
}

// What no gateway confirmed and does not agree with ours writes nothing.
func (w *world) forgedNotify(r *rapid.T) {
	o := w.order(r, func(*order) bool { return true })
	if o == nil {
		return
	}
	forged := w.receipt(&trade{no: w.unique("forged"), order: o, amount: o.AmountFen}, false)
	switch rapid.SampledFrom([]string{"amount", "payee", "currency", "payment"}).Draw(r, "forged") {
	case "amount":
		forged.AmountFen *= 100
	case "payee":
		forged.Payee = ""
	case "currency":
		forged.Currency = "USD"
	case "payment":
		forged.OutTradeNo = "R26112499999999999999"
	}
	if got, err := w.SettlePayment(w.ctx, forged, 0); err != nil || got != models.OutcomeAsk {
		r.Fatalf("a forged notify: %s, %v", got, err)
	}
}
