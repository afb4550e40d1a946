package alipay_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"ztc-portal/gateways"
	"ztc-portal/gateways/alipay"
	"ztc-portal/gateways/gatewaystest"
	"ztc-portal/models"
)

// These tests set the provider's own npm package as a third side beside our
// adapter and our sandbox: three implementations of one rule, none sharing code
// with another.

func node(t *testing.T, script string, in, out any) {
	t.Helper()
	gatewaystest.Node(t, "alipay-sdk", script, in, out)
}

type verdict struct {
	SDK    bool `json:"sdk"`
	Crypto bool `json:"crypto"`
}

// judge asks node about signatures by the key; rule is "request" or "notify".
func judge(t *testing.T, publicKey, rule string, bodies map[string]string) map[string]verdict {
	t.Helper()
	var verdicts map[string]verdict
	node(t, "verify.mjs", map[string]any{"appId": testApp, "publicKey": publicKey, "rule": rule, "bodies": bodies}, &verdicts)
	if len(verdicts) != len(bodies) {
		t.Fatalf("%d verdicts about %d messages", len(verdicts), len(bodies))
	}
	return verdicts
}

func mustJudge(t *testing.T, got map[string]verdict, want map[string]bool) {
	t.Helper()
	for name, genuine := range want {
		if got[name] != (verdict{SDK: genuine, Crypto: genuine}) {
			t.Errorf("%s: judged %+v, want %v by both", name, got[name], genuine)
		}
	}
}

func TestSDKAcceptsWhatOurAdapterSigns(t *testing.T) {
	gateway := &cannedGateway{content: map[string]string{
		"alipay.trade.precreate": `{"code":"10000","out_trade_no":"` + testNo + `","qr_code":"https://qr.alipay.com/1"}`,
		"alipay.trade.query":     queryAnswer(), "alipay.trade.close": `{"code":"10000","out_trade_no":"` + testNo + `"}`,
	}}
	rail := newRail(t, serve(t, gateway))
	order := testOrder()
	order.Subject = `直通车充值 100% + "20" <b> 'x'`
	checkout, err := rail.Open(t.Context(), order)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rail.Query(t.Context(), gateways.Ref{OutTradeNo: testNo}); err != nil {
		t.Fatal(err)
	}
	if _, err := rail.Close(t.Context(), gateways.Ref{OutTradeNo: testNo}); err != nil {
		t.Fatal(err)
	}
	_, page, _ := strings.Cut(checkout.RedirectURL, "?")
	bodies, want := map[string]string{"page": page}, map[string]bool{"page": true}
	for _, request := range gateway.asked {
		bodies[request.Get("method")] = request.Encode()
		want[request.Get("method")] = true
	}
	if len(bodies) != 4 {
		t.Fatalf("only %d requests were seen", len(bodies))
	}
	bodies["page, cheaper"] = strings.Replace(page, "64.10", "4.10", 1)
	bodies["page, more"] = page + "&extra=1"
	want["page, cheaper"], want["page, more"] = false, false
	mustJudge(t, judge(t, publicPEM(appKey()), "request", bodies), want)
}

// sdkAnswer is what the SDK hands on of an answer.
type sdkAnswer struct {
	Code        string
	SubCode     string `json:"sub_code"`
	OutTradeNo  string `json:"out_trade_no"`
	TradeStatus string `json:"trade_status"`
	TotalAmount string `json:"total_amount"`
	QRCode      string `json:"qr_code"`
	SendPayDate string `json:"send_pay_date"`
}

type landing struct {
	Status int
	At     string
}

// drive is what drive.mjs saw, step by step.
type drive struct {
	BeforeArrival, Waiting, Paid, ClosePaid sdkAnswer
	Close, Closed                           sdkAnswer
	Precreate, Unscanned, CloseUnscanned    sdkAnswer

	Get, Post       landing
	Paying          struct{ To string }
	ReturnAccepted  bool
	OtherKeyRefused bool
}

func TestSDKDrivesOurSandbox(t *testing.T) {
	rig := newRig(t)
	notify, back := rig.URLs()
	numbers := map[string]string{"get": testNo + "1", "post": testNo + "2", "qr": testNo + "3"}
	var seen drive
	node(t, "drive.mjs", map[string]any{
		"gateway": rig.gateway, "appId": rig.merchant.AppID, "numbers": numbers, "notifyUrl": notify, "returnUrl": back,
		"privateKey": gatewaystest.Read(t, rig.merchant.AppPrivateKeyFile), "publicKey": gatewaystest.Read(t, rig.merchant.PlatformPublicKeyFile),
		"otherKey": publicPEM(evilKey()),
	}, &seen)
	mustHaveAnswered(t, seen, numbers)
	for _, cashier := range []landing{seen.Get, seen.Post} {
		if cashier.Status != http.StatusOK || !strings.Contains(cashier.At, "/cashier/") {
			t.Errorf("the cashier: %+v", cashier)
		}
	}
	if !strings.HasPrefix(seen.Paying.To, back+"?") || !seen.ReturnAccepted {
		t.Errorf("the way back: %s, accepted %v", seen.Paying.To, seen.ReturnAccepted)
	}
	if !seen.OtherKeyRefused {
		t.Error("the SDK takes answers under any key: it has not verified ours")
	}
	receipt, err := rig.rail.Query(t.Context(), gateways.Ref{OutTradeNo: numbers["get"]})
	if err != nil || receipt.State != models.TradePaid || receipt.AmountFen != 64_10 {
		t.Errorf("what the SDK had paid, our adapter reads as %+v, %v", receipt, err)
	}
}

func mustHaveAnswered(t *testing.T, seen drive, numbers map[string]string) {
	t.Helper()
	if seen.Paid.SendPayDate == "" {
		t.Error("paid, but when is not said")
	}
	if !strings.Contains(seen.Precreate.QRCode, "/qr/") {
		t.Errorf("QR code %q", seen.Precreate.QRCode)
	}
	seen.Paid.SendPayDate, seen.Precreate.QRCode = "", ""
	refused := func(subCode string) sdkAnswer { return sdkAnswer{Code: "40004", SubCode: subCode} }
	trade := func(number, status string) sdkAnswer {
		return sdkAnswer{Code: "10000", OutTradeNo: numbers[number], TradeStatus: status, TotalAmount: "64.10"}
	}
	for name, step := range map[string]struct{ got, want sdkAnswer }{
		"before arrival":  {seen.BeforeArrival, refused("ACQ.TRADE_NOT_EXIST")},
		"waiting":         {seen.Waiting, trade("get", "WAIT_BUYER_PAY")},
		"paid":            {seen.Paid, trade("get", "TRADE_SUCCESS")},
		"close paid":      {seen.ClosePaid, refused("ACQ.TRADE_STATUS_ERROR")},
		"close":           {seen.Close, sdkAnswer{Code: "10000", OutTradeNo: numbers["post"]}},
		"closed":          {seen.Closed, trade("post", "TRADE_CLOSED")},
		"precreate":       {seen.Precreate, sdkAnswer{Code: "10000", OutTradeNo: numbers["qr"]}},
		"unscanned":       {seen.Unscanned, refused("ACQ.TRADE_NOT_EXIST")},
		"close unscanned": {seen.CloseUnscanned, refused("ACQ.TRADE_NOT_EXIST")},
	} {
		if step.got != step.want {
			t.Errorf("%s: got %+v, want %+v", name, step.got, step.want)
		}
	}
}

func TestSDKAcceptsWhatOurSandboxNotifies(t *testing.T) {
	rig := newRig(t)
	notify, back := rig.URLs()
	order := testOrder()
	order.NotifyURL, order.ReturnURL, order.ExpiresAt = notify, back, time.Now().Add(30*time.Minute)
	checkout, err := rig.rail.Open(t.Context(), order)
	if err != nil {
		t.Fatal(err)
	}
	rig.Arrive(t, order, checkout)
	rig.Pay(t, order)
	paid := string(rig.Notify(t, testNo).Body)
	bodies := map[string]string{
		"paid": paid, "return": rig.Return(t, testNo).Encode(),
		"dearer": strings.Replace(paid, "total_amount=64.10", "total_amount=964.10", 1), "more": paid + "&extra=1",
	}
	want := map[string]bool{"paid": true, "return": true, "dearer": false, "more": false}
	mustJudge(t, judge(t, gatewaystest.Read(t, rig.merchant.PlatformPublicKeyFile), "notify", bodies), want)
}

func TestWeReadWhatNodeSigns(t *testing.T) {
	plain := func(form url.Values) map[string]string {
		fields := map[string]string{}
		for name := range form {
			fields[name] = form.Get(name)
		}
		return fields
	}
	var bodies map[string]string
	node(t, "sign.mjs", map[string]any{"privateKey": privatePEM(platformKey()), "notices": map[string]any{
		"paid":     plain(notice()),
		"odd":      plain(notice("subject", `100% + "20" <b> ~!*'() ；欠费`, "buyer_logon_id", "a***@b.test")),
		"refunded": plain(notice("trade_status", "TRADE_CLOSED", "refund_fee", "1600.00", "gmt_refund", "2026-03-05 09:00:00.123")),
		"other":    plain(notice("app_id", "9021000100000002")),
	}}, &bodies)
	rail := newRail(t, noGateway)
	for name, want := range map[string]struct {
		state  models.TradeState
		refund bool
	}{"paid": {models.TradePaid, false}, "odd": {models.TradePaid, false}, "refunded": {models.TradeClosed, true}} {
		got, err := rail.ReadNotify(nil, []byte(bodies[name]))
		if err != nil || got.State != want.state || got.RefundNotice != want.refund || got.AmountFen != 1600_00 {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
	mustNotRead(t, rail, "another app", bodies["other"])
	for name, tampered := range map[string]string{
		"dearer": strings.Replace(bodies["paid"], "1600.00", "9600.00", 1),
		"more":   bodies["paid"] + "&extra=1",
		"less":   strings.Replace(bodies["paid"], "version=1.0&", "", 1),
	} {
		if tampered == bodies["paid"] {
			t.Fatalf("%s: nothing was changed", name)
		}
		mustNotRead(t, rail, name, tampered)
	}
}

func mustNotRead(t *testing.T, rail *alipay.Rail, name, body string) {
	t.Helper()
	if got, err := rail.ReadNotify(nil, []byte(body)); !errors.Is(err, gateways.ErrUnverified) {
		t.Errorf("%s: got %+v, %v; want ErrUnverified", name, got, err)
	}
}
