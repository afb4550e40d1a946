package sandbox_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"ztc-portal/gateways/sandbox"
)

func TestRefundsAddUpAndCloseTheTradeWhenAllIsGivenBack(t *testing.T) {
	b := newBench(t)
	b.pay("R1", sandbox.FaultNone)
	b.settled(1)
	part := b.call("alipay.trade.refund", fields{"out_trade_no": "R1", "refund_amount": "6.50", "out_request_no": "F1", "refund_reason": "test"})
	b.want("code", part["code"], "10000")
	b.want("change", part["fund_change"], "Y")
	b.want("refunded in all", part["refund_fee"], "6.50")
	b.want("status", b.status("R1"), "TRADE_SUCCESS")
	told := b.settled(2)[1]
	b.want("signature is genuine", b.genuineMessage(told), true)
	b.want("told status", told.Get("trade_status"), "TRADE_SUCCESS")
	b.want("told refund", told.Get("refund_fee"), "6.50")
	b.want("told request", told.Get("out_biz_no"), "F1")
	b.want("told time", told.Get("gmt_refund"), "2026-11-24 10:00:00")

	rest := b.call("alipay.trade.refund", fields{"out_trade_no": "R1", "refund_amount": "10", "out_request_no": "F2"})
	b.want("refunded in all", rest["refund_fee"], "16.50")
	b.want("this time", rest["send_back_fee"], "10.00")
	b.want("status", b.status("R1"), "TRADE_CLOSED")
	b.want("told status", b.settled(3)[2].Get("trade_status"), "TRADE_CLOSED")
	if _, page := b.get(b.reach(b.order("R1"))); !strings.Contains(page, "已全额退款") {
		t.Error("the cashier does not say so")
	}
}

func TestRefundHappensOnceForARequestNumber(t *testing.T) {
	b := newBench(t)
	b.pay("R1", sandbox.FaultNotifyLost)
	ask := fields{"out_trade_no": "R1", "refund_amount": "5.00", "out_request_no": "F1"}
	var asking sync.WaitGroup
	changes := make(chan any, 10)
	for range cap(changes) {
		asking.Go(func() { changes <- b.call("alipay.trade.refund", ask)["fund_change"] })
	}
	asking.Wait()
	close(changes)
	count := map[any]int{}
	for change := range changes {
		count[change]++
	}
	b.want("moved money", count["Y"], 1)
	b.want("moved none", count["N"], 9)
	b.want("refunded", must(b.box.Trade(t.Context(), "R1"))(t).RefundedFen, int64(500))
	ask["refund_amount"] = "6.00"
	b.want("other amount", b.call("alipay.trade.refund", ask)["sub_code"], "ACQ.DISCORDANT_REPEAT_REQUEST")
}

func TestRefundsThatCanNotBeAreRefused(t *testing.T) {
	b := newBench(t)
	b.pay("R1", sandbox.FaultNotifyLost)
	b.reach(b.order("R2"))
	cases := []struct {
		name, no, amount, sub string
	}{
		{"more than was paid", "R1", "16.51", "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"},
		{"nothing", "R1", "0.00", "ACQ.INVALID_PARAMETER"},
		{"less than nothing", "R1", "-1.00", "ACQ.INVALID_PARAMETER"},
		{"not paid", "R2", "1.00", "ACQ.TRADE_STATUS_ERROR"},
		{"not known", "R3", "1.00", "ACQ.TRADE_NOT_EXIST"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			answer := b.call("alipay.trade.refund", fields{"out_trade_no": c.no, "refund_amount": c.amount, "out_request_no": "F1"})
			b.want("code", answer["code"], "40004")
			b.want("sub code", answer["sub_code"], c.sub)
		})
	}
}

func TestRefundQueryTellsOnlyOfRefundsItKnows(t *testing.T) {
	b := newBench(t)
	b.pay("R1", sandbox.FaultNotifyLost)
	ask := fields{"out_trade_no": "R1", "out_request_no": "F1"}
	before := b.call("alipay.trade.fastpay.refund.query", ask)
	b.want("code before", before["code"], "10000")
	b.want("status before", before["refund_status"], nil)
	b.clock.Advance(time.Minute)
	b.call("alipay.trade.refund", fields{"out_trade_no": "R1", "refund_amount": "5.00", "out_request_no": "F1"})
	after := b.call("alipay.trade.fastpay.refund.query", ask)
	b.want("status", after["refund_status"], "REFUND_SUCCESS")
	b.want("amount", after["refund_amount"], "5.00")
	b.want("total", after["total_amount"], "16.50")
	b.want("time", after["gmt_refund_pay"], "2026-11-24 10:01:00")
	unknown := b.call("alipay.trade.fastpay.refund.query", fields{"out_trade_no": "R9", "out_request_no": "F1"})
	b.want("unknown trade", unknown["sub_code"], "ACQ.TRADE_NOT_EXIST")
}
