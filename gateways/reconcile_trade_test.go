package gateways_test

import (
	"testing"

	"ztc-portal/gateways/sandbox"
	"ztc-portal/models"
)

// The bill names a second trade of a payment that another trade has paid: that
// the gateway confirms the first one says nothing of the second one's money.
func TestADifferenceIsRepairedByItsOwnTradeAlone(t *testing.T) {
	eachRail(t, func(t *testing.T, d *desk) {
		p := d.paid(t)
		d.deaf.Store(true)
		other := d.confirmedOver(t, 2*asked)
		d.pay(t, other, sandbox.FaultNotifyLost)
		trade, err := d.box.Trade(t.Context(), other.No)
		must(t, err)
		d.Clock.Set(billsMade)
		second := models.BillLine{TradeNo: "2026112499", OutTradeNo: p.No, OrderFen: asked, AmountFen: asked, FinishedAt: p.CreatedAt}
		first, lost := second, second
		first.TradeNo = *p.GatewayTradeNo
		lost.TradeNo, lost.OutTradeNo, lost.OrderFen, lost.AmountFen = trade.TradeNo, other.No, 2*asked, 2*asked
		d.rails.By[d.rail] = forged{d.rails.By[d.rail], []models.BillLine{first, second, lost}}
		done := d.reconcile(t)
		for _, one := range d.open(t, done) {
			outcome, err := d.rails.RepairDifference(t.Context(), models.Actor{}, one.ID)
			if one.TradeNo == second.TradeNo {
				wantCode(t, err, models.Conflict)
			} else if err != nil || outcome != models.OutcomeSettled {
				t.Errorf("the lost one came to %s, %v", outcome, err)
			}
		}
		open := d.open(t, done)
		if len(open) != 1 || open[0].TradeNo != second.TradeNo || done.MatchedCount != 1 {
			t.Errorf("%+v is open", open)
		}
		d.Sound(t)
	})
}
