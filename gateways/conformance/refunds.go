package conformance

import (
	"crypto/rand"
	"errors"
	"testing"

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
	return gateways.RefundOrder{OutTradeNo: order.OutTradeNo, RequestNo: "F" + rand.Text()[:20], AmountFen: amount, Reason: "paid twice"}
}

// gives wants the money given back by this very call, and known by its number.
func (r refunds) gives(t *testing.T, refund gateways.RefundOrder) {
	t.Helper()
	got, err := r.Refund(t.Context(), refund)
	if err != nil || got.State != gateways.RefundDone || got.Raw == "" {
		t.Fatalf("Refund: %+v, %v", got, err)
	}
	r.knows(t, refund)
}

func (r refunds) knows(t *testing.T, refund gateways.RefundOrder) {
	t.Helper()
	got, err := r.RefundQuery(t.Context(), refund.OutTradeNo, refund.RequestNo)
	if err != nil || got.State != gateways.RefundDone || got.AmountFen != refund.AmountFen || got.Raw == "" {
		t.Errorf("RefundQuery: %+v, %v; want %s done", got, err, refund.AmountFen.Wire())
	}
}

func (r refunds) knowsNone(t *testing.T, refund gateways.RefundOrder) {
	t.Helper()
	if got, err := r.RefundQuery(t.Context(), refund.OutTradeNo, refund.RequestNo); err != nil || got.State != gateways.RefundNone || got.AmountFen != 0 {
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
		if got := r.query(t, order.OutTradeNo); got.State != models.TradeClosed {
			t.Errorf("wholly refunded, the payment is %s", got.State)
		}
	}
}

func (r refunds) inParts(t *testing.T) {
	order := r.payment(t, 64_10)
	first, rest := r.of(order, 1), r.of(order, 64_09)
	r.gives(t, first)
	r.mustBePaid(t, r.query(t, order.OutTradeNo), order)
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
	r.mustBePaid(t, r.query(t, order.OutTradeNo), order)
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
			if got, err := r.RefundQuery(t.Context(), refund.OutTradeNo, refund.RequestNo); !errors.Is(err, gateways.ErrUnavailable) || got != (gateways.RefundResult{}) {
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
	if got := r.query(t, order.OutTradeNo); got.State != models.TradeClosed {
		t.Fatalf("the gateway gave nothing back: %s", got.State)
	}
	if got, err := r.Refund(t.Context(), refund); err != nil || got.State != gateways.RefundUnclear {
		t.Errorf("again: %+v, %v; want it to be asked about", got, err)
	}
	r.knows(t, refund)
}
