package sandbox_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"ztc-portal/gateways/sandbox"
)

// pay pays order no at the cashier with a fault; the browser must come back.
func (b *bench) pay(no string, fault sandbox.Fault) {
	b.Helper()
	response, page := b.choose(b.reach(b.order(no)), "pay", string(fault))
	if response.StatusCode != http.StatusSeeOther {
		b.Fatalf("paying answered %d %s", response.StatusCode, page)
	}
}

func TestNotifyCarriesWhatThePaymentWas(t *testing.T) {
	b := newBench(t)
	biz := b.order("R1")
	biz["body"], biz["passback_params"] = "100% 广告+费", "a%3D1"
	response, _ := b.choose(b.reach(biz), "pay", "none")
	b.want("answer", response.StatusCode, http.StatusSeeOther)
	got := b.settled(1)[0]
	b.want("signature is genuine", b.genuineMessage(got), true)
	tr := must(b.box.Trade(t.Context(), "R1"))(t)
	for name, want := range map[string]string{
		"notify_type": "trade_status_sync", "notify_time": "2026-11-24 10:00:00", "charset": "utf-8", "version": "1.0",
		"sign_type": "RSA2", "app_id": b.box.Merchant().AppID, "auth_app_id": b.box.Merchant().AppID,
		"seller_id": b.box.Merchant().SellerID, "out_trade_no": "R1", "trade_no": tr.TradeNo,
		"trade_status": "TRADE_SUCCESS", "total_amount": "16.50", "receipt_amount": "16.50", "buyer_pay_amount": "16.50",
		"invoice_amount": "16.50", "point_amount": "0.00", "subject": "广告充值", "body": "100% 广告+费", "passback_params": "a%3D1",
		"gmt_create": "2026-11-24 10:00:00", "gmt_payment": "2026-11-24 10:00:00",
		"fund_bill_list": `[{"amount":"16.50","fundChannel":"ALIPAYACCOUNT"}]`,
	} {
		b.want(name, got.Get(name), want)
	}
	for _, name := range []string{"notify_id", "buyer_id", "buyer_logon_id"} {
		if got.Get(name) == "" {
			t.Errorf("%s is missing", name)
		}
	}
	for _, name := range []string{"gmt_close", "gmt_refund", "refund_fee", "out_biz_no"} {
		if got.Has(name) {
			t.Errorf("%s has no place in the notify of a payment", name)
		}
	}
}

func TestFaultNotifyLostSendsNothingUntilAskedTo(t *testing.T) {
	b := newBench(t)
	b.pay("R1", sandbox.FaultNotifyLost)
	b.clock.Advance(48 * time.Hour)
	b.settled(0)
	b.want("status", b.status("R1"), "TRADE_SUCCESS")
	b.want("state", must(b.box.Notices(t.Context(), "R1"))(t)[0].State, "lost")

	answer := must(b.box.ResendNotify(t.Context(), "R1"))(t)
	b.want("answer", answer.Body, "success")
	b.want("signature is genuine", b.genuineMessage(b.settled(1)[0]), true)
	b.want("state", must(b.box.Notices(t.Context(), "R1"))(t)[0].State, "done")
}

func TestFaultNotifyTripleSendsThreeAtOnce(t *testing.T) {
	b := newBench(t)
	b.shop.slow = 200 * time.Millisecond
	b.pay("R1", sandbox.FaultNotifyTriple)
	got := b.settled(3)
	b.want("ids are the same", got[0].Get("notify_id") == got[1].Get("notify_id") && got[1].Get("notify_id") == got[2].Get("notify_id"), true)
	b.want("answered side by side", b.shop.busiest, 3)
	b.clock.Advance(48 * time.Hour)
	b.settled(3)
}

func TestFaultNotifyLateWaits(t *testing.T) {
	b := newBench(t)
	b.pay("R1", sandbox.FaultNotifyLate)
	b.clock.Advance(19 * time.Second)
	b.settled(0)
	b.clock.Advance(time.Second)
	b.settled(1)
}

func TestFaultNotifyFirstIsAnsweredBeforeTheBrowserReturns(t *testing.T) {
	b := newBench(t)
	b.shop.slow = 100 * time.Millisecond
	b.pay("R1", sandbox.FaultNotifyFirst)
	b.want("notifies when the browser is back", len(b.shop.got()), 1)
	notice := must(b.box.Notices(t.Context(), "R1"))(t)[0]
	b.want("state", notice.State, "done")
	b.settled(1)
}

func TestFaultWrongAmountIsInTheNotifyOnly(t *testing.T) {
	b := newBench(t)
	b.pay("R1", sandbox.FaultWrongAmount)
	got := b.settled(1)[0]
	b.want("signature is genuine", b.genuineMessage(got), true)
	b.want("told", got.Get("total_amount"), "116.50")
	b.want("held", b.call("alipay.trade.query", fields{"out_trade_no": "R1"})["total_amount"], "16.50")
}

func TestFaultWrongAmountPaidIsWhatTheGatewayHolds(t *testing.T) {
	b := newBench(t)
	b.pay("R1", sandbox.FaultWrongAmountPaid)
	b.want("told", b.settled(1)[0].Get("total_amount"), "15.50")
	b.want("held", b.call("alipay.trade.query", fields{"out_trade_no": "R1"})["total_amount"], "15.50")

	small := b.order("R2")
	small["total_amount"] = "1.00"
	b.choose(b.reach(small), "pay", string(sandbox.FaultWrongAmountPaid))
	b.want("held", b.call("alipay.trade.query", fields{"out_trade_no": "R2"})["total_amount"], "2.00")
}

func TestFaultForgedSignIsFollowedByTheGenuineNotify(t *testing.T) {
	b := newBench(t)
	b.pay("R1", sandbox.FaultForgedSign)
	b.want("first is genuine", b.genuineMessage(b.settled(1)[0]), false)
	b.clock.Advance(3 * time.Second)
	b.want("second is genuine", b.genuineMessage(b.settled(2)[1]), true)
	b.clock.Advance(48 * time.Hour)
	b.settled(2)
}

func TestFaultGatewayDownAnswersNothingAndNotifiesLater(t *testing.T) {
	b := newBench(t)
	b.pay("R1", sandbox.FaultGatewayDown)
	status, _ := b.post(b.params("alipay.trade.query", fields{"out_trade_no": "R1"}))
	b.want("query", status, http.StatusBadGateway)
	b.clock.Advance(19 * time.Second)
	status, _ = b.post(b.params("alipay.trade.close", fields{"out_trade_no": "R1"}))
	b.want("close", status, http.StatusBadGateway)
	b.settled(0)
	b.clock.Advance(time.Second)
	b.settled(1)
	b.want("status", b.status("R1"), "TRADE_SUCCESS")
}

func TestFaultPayAfterCloseTakesLateMoney(t *testing.T) {
	b := newBench(t)
	closed, expired := b.reach(b.order("R1")), b.reach(b.order("R2"))
	b.call("alipay.trade.close", fields{"out_trade_no": "R1"})
	b.settled(1)
	response, _ := b.choose(closed, "pay", "pay_after_close")
	b.want("pay what is closed", response.StatusCode, http.StatusSeeOther)
	late := b.settled(2)[1]
	b.want("told", late.Get("trade_status"), "TRADE_SUCCESS")
	b.want("time of close", late.Has("gmt_close"), false)

	b.clock.Advance(time.Hour)
	b.settled(3)
	page := b.page(expired, nil)
	b.want("offered", page.Find("form input[name=fault]").AttrOr("value", ""), "pay_after_close")
	response, _ = b.choose(expired, "pay", "pay_after_close")
	b.want("pay what is expired", response.StatusCode, http.StatusSeeOther)
	b.want("status", b.status("R2"), "TRADE_SUCCESS")
	b.settled(4)

	refund := fields{"out_trade_no": "R2", "refund_amount": "16.50"}
	b.want("refund", b.call("alipay.trade.refund", refund)["fund_change"], "Y")
	response, _ = b.choose(expired, "pay", "pay_after_close")
	b.want("pay what was refunded", response.StatusCode, http.StatusSeeOther)
	tr := must(b.box.Trade(t.Context(), "R2"))(t)
	b.want("status", tr.Status, sandbox.StatusClosed)
}

func TestTradeFinishesMonthsLater(t *testing.T) {
	b := newBench(t)
	b.pay("R1", sandbox.FaultNone)
	b.settled(1)
	b.clock.Advance(90 * 24 * time.Hour)
	if err := b.box.Finish(t.Context(), "R1"); err != nil {
		t.Fatal(err)
	}
	b.want("told", b.settled(2)[1].Get("trade_status"), "TRADE_FINISHED")
	refund := b.call("alipay.trade.refund", fields{"out_trade_no": "R1", "refund_amount": "1.00"})
	b.want("refund", refund["sub_code"], "ACQ.TRADE_HAS_FINISHED")
	if err := b.box.Finish(t.Context(), "R1"); err == nil {
		t.Error("finished twice")
	}
}

func TestNotifiesCanBeMadeGenuineOrForged(t *testing.T) {
	b := newBench(t)
	fields := url.Values{"out_trade_no": {"R9"}, "total_amount": {"1.00"}, "body": {""}, "sign": {"old"}}
	for _, evil := range []bool{false, true} {
		body := must(b.box.SignNotify(fields, evil))(t)
		message := must(url.ParseQuery(body))(t)
		b.want("signature is genuine", b.genuineMessage(message), !evil)
		b.want("empty field", message.Has("body"), false)
		b.want("signature type", message.Get("sign_type"), "RSA2")
	}
	if _, err := b.box.SignNotify(url.Values{"a": {"1", "2"}}, false); err == nil {
		t.Error("signed a repeated field")
	}
}
