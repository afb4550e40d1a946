package conformance

import (
	"context"
	"crypto/rand"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"ztc-portal/gateways"
	"ztc-portal/models"
)

// slack is what a busy machine may take beyond a bound.
const slack = 2 * time.Second

// amounts are paid to the fen: the smallest, one that floats get wrong
// (int64(64.10*100) is 6409), a usual one and a large one.
var amounts = []models.Fen{1, 64_10, 1600_00, 499_999_99}

// Exercise runs the whole suite on one rail.
func Exercise(t *testing.T, rig Rig) {
	s := suite{rig}
	t.Run("Opens", s.opens)
	t.Run("WaitsForThePayer", s.waits)
	if rig.Traits().AsksNobody {
		s.asksNobody(t)
		return
	}
	t.Run("PaidToTheFen", s.paid)
	t.Run("PaidByQR", s.paidByQR)
	t.Run("Closes", s.closes)
	t.Run("NotifyReadsLikeTheQuery", s.notifyAgrees)
	t.Run("ForgedNotifyIsRefused", s.forged)
	t.Run("Return", s.returns)
	t.Run("Trouble", s.trouble)
	t.Run("ObeysTheCallersDeadline", s.deadline)
	t.Run("Answers", s.answers)
	t.Run("Refunds", s.refunds)
}

type suite struct{ Rig }

// order is a fresh one, payable for half an hour.
func (s suite) order(amount models.Fen) gateways.Order {
	notify, back := s.URLs()
	return gateways.Order{
		OutTradeNo: "R" + time.Now().UTC().Format("060102") + rand.Text()[:14],
		AmountFen:  amount, Subject: "Recharge", OpenedAt: time.Now().UTC().Truncate(time.Second), ExpiresAt: time.Now().Add(30 * time.Minute).UTC(),
		NotifyURL: notify, ReturnURL: back,
	}
}

func (s suite) open(t *testing.T, amount models.Fen) (gateways.Order, gateways.Checkout) {
	t.Helper()
	order := s.order(amount)
	checkout, err := s.Rail().Open(t.Context(), order)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	return order, checkout
}

func (s suite) arrived(t *testing.T, amount models.Fen) gateways.Order {
	t.Helper()
	order, checkout := s.open(t, amount)
	s.Arrive(t, order, checkout)
	return order
}

func (s suite) payment(t *testing.T, amount models.Fen) gateways.Order {
	t.Helper()
	order := s.arrived(t, amount)
	s.Pay(t, order)
	return order
}

func (s suite) query(t *testing.T, order gateways.Order) models.Receipt {
	t.Helper()
	receipt, err := s.Rail().Query(t.Context(), order.Ref())
	if err != nil {
		t.Fatalf("Query: %v", err)
	}
	return receipt
}

func (s suite) opens(t *testing.T) {
	order, checkout := s.open(t, 1600_00)
	if given := checkout.HasDoor(); given != s.Traits().Door {
		t.Errorf("a way for the browser given: %v, want %v", given, s.Traits().Door)
	}
	if door := door(checkout); door != "" {
		if address, err := url.Parse(door); err != nil || address.Host == "" || !strings.HasPrefix(address.Scheme, "http") {
			t.Errorf("%q is not an address for a browser", door)
		}
	}
	if given := checkout.QRContent != ""; given != s.Traits().QR {
		t.Errorf("QR code given: %v, want %v", given, s.Traits().QR)
	}
	got, err := s.Rail().Query(t.Context(), order.Ref())
	switch {
	case s.Traits().KnownAtOnce && (err != nil || got.State != models.TradeWaiting):
		t.Errorf("before a payer arrives the query says %s, %v, want waiting", got.State, err)
	case !s.Traits().KnownAtOnce && !errors.Is(err, gateways.ErrNotExist):
		t.Errorf("before a payer arrives the query says %v, want ErrNotExist", err)
	}
}

// door is where the browser goes, "" where the checkout leads nowhere.
func door(checkout gateways.Checkout) string {
	if checkout.Form != nil {
		return checkout.Form.Action
	}
	return checkout.RedirectURL
}

func (s suite) waits(t *testing.T) {
	order := s.arrived(t, 1600_00)
	got := s.query(t, order)
	if got.State != models.TradeWaiting || got.OutTradeNo != order.OutTradeNo || got.Rail != s.Rail().Rail() {
		t.Errorf("got %+v, want it waiting", got)
	}
	if !got.PaidAt.IsZero() {
		t.Errorf("waiting, but paid at %v", got.PaidAt)
	}
}

func (s suite) paid(t *testing.T) {
	for _, amount := range amounts {
		t.Run(amount.Wire(), func(t *testing.T) {
			before := time.Now()
			order := s.payment(t, amount)
			got := s.query(t, order)
			s.mustBePaid(t, got, order)
			if got.PaidAt.Location() != time.UTC || got.PaidAt.Before(before.Add(-slack)) || got.PaidAt.After(time.Now().Add(slack)) {
				t.Errorf("paid at %v, want now (%v) in UTC", got.PaidAt, before.UTC())
			}
		})
	}
}

// paidByQR: the code and the redirect are two doors to one payment.
func (s suite) paidByQR(t *testing.T) {
	order, checkout := s.open(t, 1600_00)
	if !s.Traits().QR {
		return
	}
	s.Arrive(t, order, gateways.Checkout{QRContent: checkout.QRContent})
	if got := s.query(t, order); got.State != models.TradeWaiting {
		t.Errorf("scanned, and now %s", got.State)
	}
	s.Pay(t, order)
	s.mustBePaid(t, s.query(t, order), order)
}

func (s suite) mustBePaid(t *testing.T, got models.Receipt, order gateways.Order) {
	t.Helper()
	if got.Raw == "" || got.GatewayTradeNo == "" || got.PaidAt.IsZero() {
		t.Errorf("incomplete: %+v", got)
	}
	got.Raw, got.GatewayTradeNo, got.PaidAt, got.OpenedAt = "", "", time.Time{}, time.Time{}
	want := models.Receipt{
		Rail: s.Rail().Rail(), OutTradeNo: order.OutTradeNo, State: models.TradePaid,
		AmountFen: order.AmountFen, Currency: "CNY", Payee: s.Rail().Payee(),
	}
	if got != want {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

func (s suite) mustClose(t *testing.T, order gateways.Order, want gateways.CloseResult) {
	t.Helper()
	if got, err := s.Rail().Close(t.Context(), order.Ref()); err != nil || got != want {
		t.Fatalf("Close: %q, %v; want %q", got, err, want)
	}
}

func (s suite) closes(t *testing.T) {
	s.closesUnpaid(t)
	t.Run("AlreadyPaid", func(t *testing.T) {
		order := s.payment(t, 1600_00)
		s.mustClose(t, order, gateways.AlreadyPaid)
		s.mustBePaid(t, s.query(t, order), order)
	})
}

func (s suite) closesUnpaid(t *testing.T) {
	closed, unseen := gateways.Closed, gateways.NeverSeen
	if s.Traits().KnownAtOnce {
		unseen = gateways.Closed
	}
	if !s.Traits().Closes {
		closed, unseen = gateways.StaysOpen, gateways.StaysOpen
	}
	t.Run("BeforeThePayer", func(t *testing.T) {
		order, _ := s.open(t, 1600_00)
		s.mustClose(t, order, unseen)
	})
	t.Run("WaitingThenTwice", func(t *testing.T) {
		order := s.arrived(t, 1600_00)
		s.mustClose(t, order, closed)
		want := models.TradeClosed
		if !s.Traits().Closes {
			want = models.TradeWaiting
		}
		if got := s.query(t, order); got.State != want {
			t.Errorf("after the close: %s, want %s", got.State, want)
		}
		s.mustClose(t, order, closed)
	})
}

func (s suite) notifyAgrees(t *testing.T) {
	order := s.payment(t, 64_10)
	message := s.Notify(t, order.OutTradeNo)
	first, err := s.Rail().ReadNotify(message.Header, message.Body)
	if err != nil {
		t.Fatalf("ReadNotify: %v", err)
	}
	s.mustBePaid(t, first, order)
	if first.OpenedAt != (time.Time{}) && !first.OpenedAt.Equal(order.OpenedAt) {
		t.Errorf("opened at %v, want %v", first.OpenedAt, order.OpenedAt)
	}
	again, err := s.Rail().ReadNotify(message.Header, message.Body)
	if err != nil || again != first {
		t.Errorf("the repeat reads %+v, %v\nwant %+v", again, err, first)
	}
	asked := s.query(t, order)
	asked.Raw, first.Raw = "", ""
	asked.OpenedAt, first.OpenedAt = time.Time{}, time.Time{}
	if asked != first {
		t.Errorf("the query says %+v\nthe notify %+v", asked, first)
	}
}

func (s suite) forged(t *testing.T) {
	order := s.payment(t, 1600_00)
	genuine := s.Notify(t, order.OutTradeNo)
	for _, how := range Forgeries {
		t.Run(string(how), func(t *testing.T) {
			message := s.Forge(t, genuine, how)
			if string(message.Body) == string(genuine.Body) {
				t.Fatal("the forgery is the genuine notify")
			}
			s.mustRefuse(t, message)
		})
	}
	t.Run("Empty", func(t *testing.T) { s.mustRefuse(t, Message{}) })
	if _, err := s.Rail().ReadNotify(genuine.Header, genuine.Body); err != nil {
		t.Errorf("the forgeries spoiled the genuine notify: %v", err)
	}
}

func (s suite) mustRefuse(t *testing.T, message Message) {
	t.Helper()
	got, err := s.Rail().ReadNotify(message.Header, message.Body)
	if !errors.Is(err, gateways.ErrUnverified) {
		t.Errorf("ReadNotify: %v, want ErrUnverified", err)
	}
	if got != (models.Receipt{}) {
		t.Errorf("a refused notify gives %+v", got)
	}
}

func (s suite) returns(t *testing.T) {
	if !s.Traits().SignedReturn {
		if got, err := s.Rail().ReadReturn(url.Values{"out_trade_no": {"R26112400000000000000"}}); !errors.Is(err, gateways.ErrUnverified) || got != "" {
			t.Errorf("ReadReturn: %q, %v; want ErrUnverified", got, err)
		}
		return
	}
	order := s.payment(t, 1600_00)
	query := s.Return(t, order.OutTradeNo)
	if got, err := s.Rail().ReadReturn(query); err != nil || got != order.OutTradeNo {
		t.Errorf("ReadReturn: %q, %v", got, err)
	}
	query.Set("from", "elsewhere")
	if got, err := s.Rail().ReadReturn(query); !errors.Is(err, gateways.ErrUnverified) || got != "" {
		t.Errorf("with a field added: %q, %v; want ErrUnverified", got, err)
	}
}

func (s suite) trouble(t *testing.T) {
	for _, trouble := range Troubles {
		t.Run(string(trouble), func(t *testing.T) {
			order := s.payment(t, 1600_00)
			mend := s.Break(t, trouble)
			s.unavailable(t, order)
			mend()
			s.mustBePaid(t, s.query(t, order), order)
		})
	}
}

// unavailable asks everything that needs the network.
func (s suite) unavailable(t *testing.T, order gateways.Order) {
	t.Helper()
	bounded := func(name string, call func() error) {
		t.Helper()
		began := time.Now()
		if err := call(); !errors.Is(err, gateways.ErrUnavailable) {
			t.Errorf("%s: %v, want ErrUnavailable", name, err)
		}
		if took := time.Since(began); took > s.Timeout()+slack {
			t.Errorf("%s took %v, the bound is %v", name, took, s.Timeout())
		}
	}
	bounded("Query", func() error {
		got, err := s.Rail().Query(t.Context(), order.Ref())
		if got != (models.Receipt{}) {
			t.Errorf("nothing is known, but Query gives %+v", got)
		}
		return err
	})
	bounded("Close", func() error {
		got, err := s.Rail().Close(t.Context(), order.Ref())
		if got != "" {
			t.Errorf("nothing is known, but Close gives %q", got)
		}
		return err
	})
	if !s.Traits().QR && s.Traits().DoorOffline {
		return // Open asks nobody
	}
	bounded("Open", func() error {
		checkout, err := s.Rail().Open(t.Context(), s.order(1600_00))
		if checkout.HasDoor() != s.Traits().DoorOffline || checkout.QRContent != "" {
			t.Errorf("without the gateway Open gives %+v, want at most the cashier's address", checkout)
		}
		return err
	})
}

func (s suite) deadline(t *testing.T) {
	order := s.payment(t, 1600_00)
	defer s.Break(t, Hanging)()
	short, cancel := context.WithTimeout(t.Context(), s.Timeout()/10)
	defer cancel()
	began := time.Now()
	_, err := s.Rail().Query(short, order.Ref())
	if !errors.Is(err, gateways.ErrUnavailable) {
		t.Errorf("Query: %v, want ErrUnavailable", err)
	}
	if took := time.Since(began); took > s.Timeout()*3/4 {
		t.Errorf("Query took %v under a deadline of %v", took, s.Timeout()/10)
	}
}

func (s suite) answers(t *testing.T) {
	reply := func(ok bool) (r Reply) {
		r.Status, r.ContentType, r.Body = s.Rail().Answer(ok)
		return r
	}
	settled, refused := s.Replies()
	if got := reply(true); got != settled {
		t.Errorf("settled: %+v, want %+v", got, settled)
	}
	if got := reply(false); got != refused {
		t.Errorf("refused: %+v, want %+v", got, refused)
	}
}
