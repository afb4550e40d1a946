package conformance

import (
	"net/http"
	"testing"

	"ztc-portal/models"
)

// asksNobody is what holds of a rail that has no gateway: nothing that comes to
// it is believed, nothing it says is about money, and nobody can be stopped from
// paying. What was paid is tested where statements are read and settled.
func (s suite) asksNobody(t *testing.T) {
	t.Run("Closes", func(t *testing.T) {
		if s.Traits().Closes {
			t.Fatal("a rail that asks nobody can't close")
		}
		s.closesUnpaid(t)
	})
	t.Run("NoNotifyIsBelieved", func(t *testing.T) {
		order := s.arrived(t, 1600_00)
		for _, body := range []string{"", "out_trade_no=" + order.OutTradeNo + "&trade_status=TRADE_SUCCESS", `{"out_trade_no":"` + order.OutTradeNo + `"}`} {
			s.mustRefuse(t, Message{Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(body)})
		}
		if got := s.query(t, order); got.State != models.TradeWaiting {
			t.Errorf("after notifies it is %s", got.State)
		}
	})
	t.Run("Return", s.returns)
	t.Run("Answers", s.answers)
}
