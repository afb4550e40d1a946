package conformance

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"ztc-portal/gateways"
	"ztc-portal/models"
)

// refunds: a rail that gives money back does so once for each request no,
// whatever happens on the wire. A rail that gives none back has nothing to show.
func (s suite) refunds(t *testing.T) {
	refunder, ok := s.Rail().(gateways.Refunder)
	if !ok {
		return
	}
	r := refunds{s, refunder}
	t.Run("InFull", r.inFull)
	t.Run("InParts", r.inParts)
	t.Run("OnceForARequestNo", r.once)
	t.Run("OverTheAmountIsRefused", r.overTheAmount)
	t.Run("UnknownToTheGateway", r.unknown)
	t.Run("Trouble", r.trouble)
	t.Run("AnswerLostThenAgain", r.answerLost)
}

type refunds struct {
	suite
	gateways.Refunder
}

func (r refunds) of(order gateways.Order, amount models.Fen) gateways.RefundOrder {
	notify, _ := r.URLs()
	refund := gateways.RefundOrder{
		Ref: order.Ref(), RequestNo: "F" + rand.Text()[:20], AmountFen: amount, PaidFen: order.AmountFen,
		AskedAt: time.Now().UTC().Truncate(time.Second), Reason: "paid twice", NotifyURL: notify,
	}
	if paid, err := r.Rail().Query(context.Background(), order.Ref()); err == nil {
		refund.GatewayTradeNo = paid.GatewayTradeNo
	}
	return refund
}

// gives wants the money given back, by this very call where the rail does that,
// and known by its number.
func (r refunds) gives(t *testing.T, refund gateways.RefundOrder) {
	t.Helper()
	got, err := r.Refund(t.Context(), refund)
	want := gateways.RefundDone
	if r.Traits().RefundsLater {
		want = gateways.RefundUnclear
	}
	if err != nil || got.State != want || got.Raw == "" {
		t.Fatalf("Refund: %+v, %v; want it %s", got, err, want)
	}
	r.knows(t, refund)
}

func (r refunds) knows(t *testing.T, refund gateways.RefundOrder) {
	t.Helper()
	got, err := r.RefundQuery(t.Context(), refund)
	for deadline := time.Now().Add(10 * time.Second); r.Traits().RefundsLater && err == nil && got.State == gateways.RefundUnclear && time.Now().Before(deadline); {
		time.Sleep(50 * time.Millisecond)
		got, err = r.RefundQuery(t.Context(), refund)
	}
	if err != nil || got.State != gateways.RefundDone || got.AmountFen != refund.AmountFen || got.Raw == "" {
		t.Errorf("RefundQuery: %+v, %v; want %s done", got, err, refund.AmountFen.Wire())
	}
}

// spent is how a payment that was refunded in full is told.
func (r refunds) spent() models.TradeState {
	if r.Traits().StaysPaid {
		return models.TradePaid
	}
	return models.TradeClosed
}

func (r refunds) knowsNone(t *testing.T, refund gateways.RefundOrder) {
	t.Helper()
	if got, err := r.RefundQuery(t.Context(), refund); err != nil || got.State != gateways.RefundNone || got.AmountFen != 0 {
		t.Errorf("RefundQuery: %+v, %v; want none", got, err)
	}
}

func (r refunds) refuses(t *testing.T, refund gateways.RefundOrder) {
	t.Helper()
	if got, err := r.Refund(t.Context(), refund); !errors.Is(err, gateways.ErrRefused) || got != (gateways.RefundResult{}) {
		t.Errorf("Refund: %+v, %v; want ErrRefused", got, err)
	}
}

func (r refunds) inFull(t *testing.T) {
	for _, amount := range amounts {
		order := r.payment(t, amount)
		r.gives(t, r.of(order, amount))
		if got := r.query(t, order); got.State != r.spent() {
			t.Errorf("wholly refunded, the payment is %s", got.State)
		}
	}
}

func (r refunds) inParts(t *testing.T) {
	order := r.payment(t, 64_10)
	first, rest := r.of(order, 1), r.of(order, 64_09)
	r.gives(t, first)
	r.mustBePaid(t, r.query(t, order), order)
	r.gives(t, rest)
	r.knows(t, first)
}

// once: the repeat moves nothing, and says that the end must be asked for.
func (r refunds) once(t *testing.T) {
	order := r.payment(t, 1600_00)
	refund := r.of(order, 1000_00)
	r.gives(t, refund)
	got, err := r.Refund(t.Context(), refund)
	if err != nil || got.State == gateways.RefundNone {
		t.Errorf("the repeat: %+v, %v", got, err)
	}
	r.knows(t, refund)
	r.refuses(t, r.of(order, 600_01)) // had the repeat moved money, 600.00 would not be left
	r.gives(t, r.of(order, 600_00))
}

func (r refunds) overTheAmount(t *testing.T) {
	order := r.payment(t, 1600_00)
	over := r.of(order, 1600_01)
	r.refuses(t, over)
	r.knowsNone(t, over)
	for _, amount := range []models.Fen{0, -1} {
		r.refuses(t, r.of(order, amount))
	}
	r.mustBePaid(t, r.query(t, order), order)
}

func (r refunds) unknown(t *testing.T) {
	order := r.order(1600_00)
	if got, err := r.Refund(t.Context(), r.of(order, 1600_00)); !errors.Is(err, gateways.ErrNotExist) {
		t.Errorf("Refund of nothing: %+v, %v; want ErrNotExist", got, err)
	}
	paid := r.payment(t, 1600_00)
	r.knowsNone(t, r.of(paid, 1600_00))
}

func (r refunds) trouble(t *testing.T) {
	for _, trouble := range Troubles {
		t.Run(string(trouble), func(t *testing.T) {
			refund := r.of(r.payment(t, 1600_00), 1600_00)
			mend := r.Break(t, trouble)
			if got, err := r.Refund(t.Context(), refund); !errors.Is(err, gateways.ErrUnavailable) || got != (gateways.RefundResult{}) {
				t.Errorf("Refund: %+v, %v; want ErrUnavailable", got, err)
			}
			if got, err := r.RefundQuery(t.Context(), refund); !errors.Is(err, gateways.ErrUnavailable) || got != (gateways.RefundResult{}) {
				t.Errorf("RefundQuery: %+v, %v; want ErrUnavailable", got, err)
			}
			mend()
			if got, err := r.Refund(t.Context(), refund); err != nil || got.State == gateways.RefundNone {
				t.Errorf("afterwards: %+v, %v", got, err)
			}
			r.knows(t, refund)
		})
	}
}

// answerLost: the gateway gave the money back and its answer never came; the
// same number asked again moves nothing.
func (r refunds) answerLost(t *testing.T) {
	order := r.payment(t, 1600_00)
	refund := r.of(order, 1600_00)
	mend := r.Break(t, EvilKey) // it does its work, and its answer is worth nothing
	if _, err := r.Refund(t.Context(), refund); !errors.Is(err, gateways.ErrUnavailable) {
		t.Fatalf("Refund: %v, want ErrUnavailable", err)
	}
	mend()
	if got := r.query(t, order); got.State != r.spent() {
		t.Fatalf("wholly refunded, the payment is %s", got.State)
	}
	if got, err := r.Refund(t.Context(), refund); err != nil || got.State != gateways.RefundUnclear {
		t.Errorf("again: %+v, %v; want it to be asked about", got, err)
	}
	r.knows(t, refund)
}
