package sandbox_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"ztc-portal/gateways/sandbox"
)

// qrOrder is a precreate of the same as order.
func (b *bench) qrOrder(no string) fields {
	biz := b.order(no)
	biz["product_code"] = "FACE_TO_FACE_PAYMENT"
	return biz
}

func TestTradeBeginsWhenTheBuyerReachesTheCashier(t *testing.T) {
	b := newBench(t)
	b.want("status before", b.status("R1"), "")
	cashier := b.reach(b.order("R1"))
	b.want("status at the cashier", b.status("R1"), "WAIT_BUYER_PAY")

	b.clock.Advance(time.Minute) // another timestamp, the same order
	biz := b.order("R1")
	biz["time_expire"] = morning.Add(30 * time.Minute).In(beijing).Format(time.DateTime)
	b.want("cashier of the same order", b.reach(biz), cashier)
}

func TestTradeOfAQRCodeBeginsWhenItIsScanned(t *testing.T) {
	b := newBench(t)
	code := b.call("alipay.trade.precreate", b.qrOrder("R1"), b.urls)["qr_code"].(string)
	if !strings.HasPrefix(code, b.web.URL+"/qr/") {
		t.Fatalf("qr_code is %s", code)
	}
	b.want("status before", b.status("R1"), "")
	closing := b.call("alipay.trade.close", fields{"out_trade_no": "R1"})
	b.want("close before", closing["sub_code"], "ACQ.TRADE_NOT_EXIST")

	response, _ := b.get(code)
	b.want("scan", response.StatusCode, http.StatusFound)
	b.want("status after", b.status("R1"), "WAIT_BUYER_PAY")
	_, page := b.get(b.web.URL + response.Header.Get("Location"))
	if !strings.Contains(page, "¥16.50") {
		t.Error("the cashier does not show the amount")
	}
	tr := must(b.box.PayByScan(t.Context(), code, sandbox.FaultNone))(t)
	b.want("status", tr.Status, sandbox.StatusSuccess)
	again := b.call("alipay.trade.precreate", b.qrOrder("R1"), b.urls)
	b.want("precreate of what is paid", again["sub_code"], "ACQ.TRADE_HAS_SUCCESS")
}

func TestQRCodeAndPageOfOneOrderAreOneTrade(t *testing.T) {
	b := newBench(t)
	code := b.call("alipay.trade.precreate", b.qrOrder("R1"), b.urls)["qr_code"].(string)
	cashier := b.reach(b.order("R1"))
	must(b.box.PayByScan(t.Context(), code, sandbox.FaultNone))(t)
	response, _ := b.choose(cashier, "pay", "none")
	b.want("second payment", response.StatusCode, http.StatusSeeOther)
	b.want("paid trades", len(must(b.box.PaidTrades(t.Context()))(t)), 1)
	b.settled(1)
}

func TestQRCodeDiesAfterTwoHoursAndPagesAtTheirDeadline(t *testing.T) {
	b := newBench(t)
	biz := b.qrOrder("R1")
	biz["time_expire"] = morning.Add(5 * time.Hour).In(beijing).Format(time.DateTime)
	code := b.call("alipay.trade.precreate", biz, b.urls)["qr_code"].(string)
	b.clock.Advance(2 * time.Hour)
	response, _ := b.get(code)
	b.want("scan after two hours", response.StatusCode, http.StatusGone)

	late := b.order("R2")
	late["time_expire"] = b.clock.Now().In(beijing).Format(time.DateTime)
	params := b.params("alipay.trade.page.pay", late, b.urls)
	response, page := b.get(b.web.URL + "/gateway.do?" + form(params).Encode())
	b.want("page after the deadline", response.StatusCode, http.StatusGone)
	if !strings.Contains(page, "付款期限已过") {
		t.Error("the page does not say so")
	}
	b.want("status", b.status("R1")+b.status("R2"), "")
}

func TestOrdersOutOfFormAreRefused(t *testing.T) {
	b := newBench(t)
	cases := []struct{ name, field, value string }{
		{"no number", "out_trade_no", ""},
		{"number with a dash", "out_trade_no", "R-1"},
		{"number too long", "out_trade_no", strings.Repeat("9", 65)},
		{"amount zero", "total_amount", "0.00"},
		{"amount negative", "total_amount", "-1.00"},
		{"amount of three decimals", "total_amount", "1.001"},
		{"amount in exponents", "total_amount", "1e5"},
		{"amount too big", "total_amount", "100000000.01"},
		{"no subject", "subject", ""},
		{"subject with =", "subject", "a=b"},
		{"other product", "product_code", "QUICK_WAP_WAY"},
		{"deadline of another form", "time_expire", "2026-11-24"},
		{"deadline too far", "time_expire", "2026-12-24 00:00:00"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			biz := b.order("R1")
			biz[c.field] = c.value
			params := b.params("alipay.trade.page.pay", biz, b.urls)
			response, page := b.get(b.web.URL + "/gateway.do?" + form(params).Encode())
			b.want("page.pay", response.StatusCode, http.StatusBadRequest)
			if !strings.Contains(page, "ACQ.INVALID_PARAMETER") {
				t.Error("the page does not name the refusal")
			}
			answer := b.call("alipay.trade.precreate", biz, b.urls)
			b.want("precreate", answer["sub_code"], "ACQ.INVALID_PARAMETER")
		})
	}
	b.want("trade", b.status("R1"), "")
}

func TestNotifiesGoToThisMachineOnly(t *testing.T) {
	b := newBench(t)
	for _, address := range []string{
		"http://example.com/notify", "http://10.0.0.1/notify", "http://localhost.example.com/", "ftp://127.0.0.1/", "http://u@127.0.0.1/", "127.0.0.1",
	} {
		foreign := func(p fields) { p["notify_url"] = address }
		answer := b.call("alipay.trade.precreate", b.qrOrder("R1"), foreign)
		b.want("precreate", answer["sub_code"], "ACQ.INVALID_PARAMETER")
		params := b.params("alipay.trade.page.pay", b.order("R1"), foreign)
		response, page := b.get(b.web.URL + "/gateway.do?" + form(params).Encode())
		b.want("page.pay", response.StatusCode, http.StatusBadRequest)
		if !strings.Contains(page, "loopback") {
			t.Error("the page does not say why")
		}
	}
	for _, address := range []string{"http://localhost:1/n", "http://127.9.9.9/n", "http://[::1]:80/n"} {
		answer := b.call("alipay.trade.precreate", b.qrOrder("R1"), func(p fields) { p["notify_url"] = address })
		b.want("precreate", answer["code"], "10000")
	}
}

func TestAnotherAmountUnderTheSameNumberIsRefused(t *testing.T) {
	b := newBench(t)
	b.reach(b.order("R1"))
	biz := b.order("R1")
	biz["total_amount"] = "0.01"
	params := b.params("alipay.trade.page.pay", biz, b.urls)
	response, page := b.get(b.web.URL + "/gateway.do?" + form(params).Encode())
	b.want("page.pay", response.StatusCode, http.StatusBadRequest)
	if !strings.Contains(page, "ACQ.CONTEXT_INCONSISTENT") {
		t.Error("the page does not name the refusal")
	}
	biz["product_code"] = ""
	b.want("precreate", b.call("alipay.trade.precreate", biz, b.urls)["sub_code"], "ACQ.CONTEXT_INCONSISTENT")
}

func TestQueryTellsWhatIsHeld(t *testing.T) {
	b := newBench(t)
	cashier := b.reach(b.order("R1"))
	waiting := b.call("alipay.trade.query", fields{"out_trade_no": "R1"})
	b.want("total", waiting["total_amount"], "16.50")
	b.want("paid", waiting["buyer_pay_amount"], "0.00")
	b.want("time of payment", waiting["send_pay_date"], nil)

	b.choose(cashier, "pay", "none")
	paid := b.call("alipay.trade.query", fields{"trade_no": waiting["trade_no"].(string), "out_trade_no": "other"})
	b.want("number", paid["out_trade_no"], "R1")
	b.want("status", paid["trade_status"], "TRADE_SUCCESS")
	b.want("paid", paid["receipt_amount"], "16.50")
	b.want("time of payment", paid["send_pay_date"], "2026-11-24 10:00:00")
	b.want("without a number", b.call("alipay.trade.query", fields{})["sub_code"], "ACQ.INVALID_PARAMETER")
}

func TestCloseEndsOnlyWhatWaits(t *testing.T) {
	b := newBench(t)
	cashier := b.reach(b.order("R1"))
	b.want("close", b.call("alipay.trade.close", fields{"out_trade_no": "R1"})["code"], "10000")
	b.want("status", b.status("R1"), "TRADE_CLOSED")
	response, _ := b.choose(cashier, "pay", "none")
	b.want("pay after close", response.StatusCode, http.StatusConflict)
	b.want("close again", b.call("alipay.trade.close", fields{"out_trade_no": "R1"})["sub_code"], "ACQ.TRADE_STATUS_ERROR")

	must(b.box.Trade(t.Context(), "R1"))(t)
	b.choose(b.reach(b.order("R2")), "pay", "none")
	b.want("close of what is paid", b.call("alipay.trade.close", fields{"out_trade_no": "R2"})["sub_code"], "ACQ.TRADE_STATUS_ERROR")
	b.want("status", b.status("R2"), "TRADE_SUCCESS")
	b.want("close of nothing", b.call("alipay.trade.close", fields{"out_trade_no": "R3"})["sub_code"], "ACQ.TRADE_NOT_EXIST")
}

func TestDeadlineClosesByItselfAndTellsTheMerchant(t *testing.T) {
	b := newBench(t)
	cashier := b.reach(b.order("R1"))
	b.clock.Advance(30*time.Minute - time.Second)
	b.want("status a second before", b.status("R1"), "WAIT_BUYER_PAY")
	b.clock.Advance(time.Second)
	b.want("status at the deadline", b.status("R1"), "TRADE_CLOSED")
	response, page := b.choose(cashier, "pay", "none")
	b.want("pay", response.StatusCode, http.StatusConflict)
	if !strings.Contains(page, "交易已关闭") {
		t.Error("the page does not say so")
	}
	told := b.settled(1)[0]
	b.want("told", told.Get("trade_status"), "TRADE_CLOSED")
	b.want("time of close", told.Get("gmt_close"), "2026-11-24 10:30:00")
	b.want("paid trades", len(must(b.box.PaidTrades(t.Context()))(t)), 0)
}

func TestDeadlineOfATradeNobodyAsksAboutIsKeptToo(t *testing.T) {
	b := newBench(t)
	biz := b.order("R1")
	delete(biz, "time_expire")
	biz["timeout_express"] = "90m"
	b.reach(biz)
	b.clock.Advance(90 * time.Minute)
	b.want("told", b.settled(1)[0].Get("trade_status"), "TRADE_CLOSED")
}

func TestManyBuyersPayOnce(t *testing.T) {
	b := newBench(t)
	cashier := b.reach(b.order("R1"))
	var buyers sync.WaitGroup
	for range 30 {
		buyers.Go(func() {
			response, _ := b.choose(cashier, "pay", "none")
			if response.StatusCode != http.StatusSeeOther {
				t.Errorf("a buyer got %d", response.StatusCode)
			}
		})
	}
	buyers.Wait()
	b.want("paid trades", len(must(b.box.PaidTrades(t.Context()))(t)), 1)
	b.settled(1)
}

func TestCloseAndPaymentAtOnceHaveOneWinner(t *testing.T) {
	b := newBench(t)
	for _, no := range []string{"R1", "R2", "R3", "R4", "R5", "R6"} {
		cashier := b.reach(b.order(no))
		var both sync.WaitGroup
		var paid, closed bool
		both.Go(func() {
			response, _ := b.choose(cashier, "pay", "notify_lost")
			paid = response.StatusCode == http.StatusSeeOther
		})
		both.Go(func() {
			closed = b.call("alipay.trade.close", fields{"out_trade_no": no})["code"] == "10000"
		})
		both.Wait()
		if paid == closed {
			t.Fatalf("%s: paid %v and closed %v", no, paid, closed)
		}
		tr := must(b.box.Trade(t.Context(), no))(t)
		b.want("status", tr.Status == sandbox.StatusSuccess, paid)
	}
}
