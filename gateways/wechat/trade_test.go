package wechat_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ztc-portal/gateways"
	"ztc-portal/gateways/wechat"
	"ztc-portal/models"
)

// answering is a rail whose gateway gives this one answer, signed.
func answering(t *testing.T, status int, body string) (*wechat.Rail, *cannedGateway) {
	t.Helper()
	gateway := &cannedGateway{status: status, body: body, by: genuine()}
	return newRail(t, serve(t, gateway)), gateway
}

func refusal(code string) string { return `{"code":"` + code + `","message":"no"}` }

func TestOpenAsksForACode(t *testing.T) {
	rail, gateway := answering(t, 200, `{"code_url":"weixin://wxpay/bizpayurl?pr=p4lpSuKzz"}`)
	checkout, err := rail.Open(t.Context(), testOrder())
	if err != nil || checkout != (gateways.Checkout{QRContent: "weixin://wxpay/bizpayurl?pr=p4lpSuKzz", For: models.DeviceDesk}) {
		t.Fatalf("%+v, %v", checkout, err)
	}
	asked := gateway.asked[0]
	asked.mustBeSigned(t)
	var got map[string]any
	if err := json.Unmarshal([]byte(asked.body), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"appid": testApp, "mchid": testMch, "description": "直通车充值", "out_trade_no": testNo, "time_expire": "2026-03-04T20:30:00+08:00",
		"notify_url": "https://portal.test/notify/wechat", "amount": map[string]any{"total": 160000.0, "currency": "CNY"},
	}
	if diff := cmp.Diff(want, got); diff != "" || asked.method+asked.uri != "POST/v3/pay/transactions/native" {
		t.Errorf("%s %s\n%s", asked.method, asked.uri, diff)
	}
	order := testOrder()
	order.SkipQR = true
	if checkout, err = rail.Open(t.Context(), order); err != nil || checkout != (gateways.Checkout{}) || len(gateway.asked) != 1 {
		t.Errorf("the code is known: %+v, %v, asked %d times", checkout, err, len(gateway.asked))
	}
}

func TestOpenSendsAPhoneToTheApp(t *testing.T) {
	const address = "https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?prepay_id=wx20&package=2150917749"
	rail, gateway := answering(t, 200, `{"h5_url":"`+address+`"}`)
	order := testOrder()
	order.Payer = gateways.Payer{IP: "203.0.113.9", Phone: true}
	order.SkipQR = true // the code is no use to a phone
	checkout, err := rail.Open(t.Context(), order)
	if want := address + "&redirect_url=" + url.QueryEscape(order.PageURL); err != nil || checkout.RedirectURL != want || checkout.QRContent != "" {
		t.Fatalf("%+v, %v; want %s", checkout, err, want)
	}
	asked := gateway.asked[0]
	asked.mustBeSigned(t)
	if asked.uri != "/v3/pay/transactions/h5" || !strings.Contains(asked.body, `"scene_info":{"payer_client_ip":"203.0.113.9","h5_info":{"type":"Wap"}}`) {
		t.Errorf("%s %s", asked.uri, asked.body)
	}
	for _, odd := range []string{`{}`, `{"h5_url":"javascript:alert(1)"}`, `{"h5_url":"weixin://x"}`} {
		rail, _ := answering(t, 200, odd)
		if got, err := rail.Open(t.Context(), order); !errors.Is(err, gateways.ErrUnavailable) || got.HasDoor() {
			t.Errorf("%s: %+v, %v", odd, got, err)
		}
	}
}

// The app's own browser can't open the app: it is given the code, which needs no
// address of the payer's.
func TestOpenInsideTheAppGivesTheCode(t *testing.T) {
	rail, gateway := answering(t, 200, `{"code_url":"weixin://wxpay/bizpayurl?pr=x"}`)
	order := testOrder()
	order.Payer = gateways.Payer{Phone: true, InWechat: true}
	checkout, err := rail.Open(t.Context(), order)
	if err != nil || checkout.QRContent == "" || checkout.HasDoor() || checkout.For != models.DeviceDesk || gateway.asked[0].uri != "/v3/pay/transactions/native" {
		t.Errorf("%+v, %v", checkout, err)
	}
}

func TestOpenRefusesWhatWeChatCannotTake(t *testing.T) {
	rail, gateway := answering(t, 200, `{"code_url":"weixin://x","h5_url":"https://x.test/"}`)
	for name, change := range map[string]func(*gateways.Order){
		"no number":          func(o *gateways.Order) { o.OutTradeNo = "" },
		"a path":             func(o *gateways.Order) { o.OutTradeNo = "../../v3/x" },
		"too long":           func(o *gateways.Order) { o.OutTradeNo = strings.Repeat("R", 33) },
		"nothing":            func(o *gateways.Order) { o.AmountFen = 0 },
		"less than nothing":  func(o *gateways.Order) { o.AmountFen = -1 },
		"no deadline":        func(o *gateways.Order) { o.ExpiresAt = time.Time{} },
		"a phone of nowhere": func(o *gateways.Order) { o.Payer.Phone = true },
	} {
		order := testOrder()
		change(&order)
		if got, err := rail.Open(t.Context(), order); !errors.Is(err, gateways.ErrRefused) || got != (gateways.Checkout{}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if len(gateway.asked) != 0 {
		t.Errorf("asked all the same: %v", gateway.asked)
	}
}

func TestDescriptionIsCutToWhatFits(t *testing.T) {
	rail, gateway := answering(t, 200, `{"code_url":"weixin://x"}`)
	for subject, want := range map[string]string{
		strings.Repeat("充", 50):    strings.Repeat("充", 42),
		" 充值\n😀 R1\x00":            "充值 R1",
		"😀":                        testNo,
		strings.Repeat("a", 200):   strings.Repeat("a", 127),
		"直通车充值 100% + \"2\" <b> '": "直通车充值 100% + \"2\" <b> '",
	} {
		order := testOrder()
		order.Subject = subject
		if _, err := rail.Open(t.Context(), order); err != nil {
			t.Fatal(err)
		}
		var got struct{ Description string }
		if err := json.Unmarshal([]byte(gateway.asked[len(gateway.asked)-1].body), &got); err != nil || got.Description != want {
			t.Errorf("%q is sent as %q, want %q", subject, got.Description, want)
		}
	}
}

func TestQueryReadsEachState(t *testing.T) {
	for state, want := range map[string]models.TradeState{
		"SUCCESS": models.TradePaid, "REFUND": models.TradePaid, "NOTPAY": models.TradeWaiting, "USERPAYING": models.TradeWaiting,
		"PAYERROR": models.TradeWaiting, "CLOSED": models.TradeClosed, "REVOKED": models.TradeClosed, "ACCEPT": models.TradeUnknown, "": models.TradeUnknown,
	} {
		body := paid().with("trade_state", state).encode()
		rail, gateway := answering(t, 200, body)
		got, err := rail.Query(t.Context(), gateways.Ref{OutTradeNo: testNo})
		receipt := models.Receipt{
			Rail: models.RailWechat, OutTradeNo: testNo, GatewayTradeNo: "4200000000202603040000000001", State: want, AmountFen: 1600_00,
			Currency: "CNY", Payee: testMch, PaidAt: time.Date(2026, 3, 4, 12, 1, 0, 0, time.UTC), Raw: body,
		}
		if err != nil || got != receipt {
			t.Errorf("%s: %+v, %v\nwant %+v", state, got, err, receipt)
		}
		gateway.asked[0].mustBeSigned(t)
		if uri := gateway.asked[0].uri; uri != "/v3/pay/transactions/out-trade-no/"+testNo+"?mchid="+testMch {
			t.Errorf("asked %s", uri)
		}
	}
}

func TestPaidIsUnknownWithoutWhatBookingNeeds(t *testing.T) {
	for name, body := range map[string]fields{
		"no amount":       paid().with("amount", nil),
		"amount 0":        paid().with("amount", fields{"total": 0, "currency": "CNY"}),
		"less than 0":     paid().with("amount", fields{"total": -1, "currency": "CNY"}),
		"no number of it": paid().with("transaction_id", nil),
	} {
		rail, _ := answering(t, 200, body.encode())
		if got, err := rail.Query(t.Context(), gateways.Ref{OutTradeNo: testNo}); err != nil || got.State != models.TradeUnknown {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	rail, _ := answering(t, 200, paid().with("amount", fields{"total": 160000, "currency": "USD"}).encode())
	if got, err := rail.Query(t.Context(), gateways.Ref{OutTradeNo: testNo}); err != nil || got.Currency != "USD" {
		t.Errorf("another currency: %+v, %v", got, err)
	}
}

// A genuine answer about something else says nothing of ours.
func TestAnswersAboutAnotherPaymentSayNothing(t *testing.T) {
	for name, body := range map[string]fields{
		"another number":   paid().with("out_trade_no", "R260304OTHEROTHEROT12"),
		"another merchant": paid().with("mchid", "1900000002"),
		"another app":      paid().with("appid", "wxffffffffffffffff"),
		"no number":        paid().with("out_trade_no", nil),
	} {
		rail, _ := answering(t, 200, body.encode())
		got, err := rail.Query(t.Context(), gateways.Ref{OutTradeNo: testNo})
		if !errors.Is(err, gateways.ErrUnavailable) || !errors.Is(err, gateways.ErrUnverified) || got != (models.Receipt{}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for _, body := range []string{`[]`, `"x"`, `{"amount":{"total":1.5}}`, `{"amount":{"total":"1"}}`, `{`, ``, `null`} {
		rail, _ := answering(t, 200, body)
		if got, err := rail.Query(t.Context(), gateways.Ref{OutTradeNo: testNo}); !errors.Is(err, gateways.ErrUnavailable) {
			t.Errorf("%q: %+v, %v", body, got, err)
		}
	}
}

// What a refusal means, for a query and for a close.
func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		status int
		code   string
		want   error
	}{
		{404, "ORDER_NOT_EXIST", gateways.ErrNotExist}, {404, "ORDERNOTEXIST", gateways.ErrNotExist}, {404, "RESOURCE_NOT_EXISTS", gateways.ErrNotExist},
		{500, "SYSTEM_ERROR", gateways.ErrUnavailable}, {429, "FREQUENCY_LIMITED", gateways.ErrUnavailable}, {401, "SIGN_ERROR", gateways.ErrUnavailable},
		{202, "USERPAYING", gateways.ErrUnavailable}, {503, "WHATEVER", gateways.ErrUnavailable}, {400, "", gateways.ErrUnavailable},
		{400, "PARAM_ERROR", gateways.ErrRefused}, {403, "NO_AUTH", gateways.ErrRefused}, {404, "MCH_NOT_EXISTS", gateways.ErrRefused},
		{302, "FOUND", gateways.ErrRefused},
	} {
		rail, _ := answering(t, c.status, refusal(c.code))
		if got, err := rail.Query(t.Context(), gateways.Ref{OutTradeNo: testNo}); !errors.Is(err, c.want) || got != (models.Receipt{}) {
			t.Errorf("%d %s: %+v, %v; want %v", c.status, c.code, got, err, c.want)
		}
	}
}

// The library believes a refusal that nobody signed: "it does not exist" would
// close a payment that was paid.
func TestRefusalsAreBelievedOnlyWhenSigned(t *testing.T) {
	for name, by := range map[string]signer{
		"nobody": {}, "another key": {evilKey(), testKeyID, time.Now()}, "an unknown key": {evilKey(), "PUB_KEY_ID_9", time.Now()},
		"the other key's name": {platformKey(), nextKeyID, time.Now()}, "six minutes ago": {platformKey(), testKeyID, time.Now().Add(-6 * time.Minute)},
	} {
		for status, body := range map[int]string{404: refusal("ORDER_NOT_EXIST"), 400: refusal("ORDERPAID"), 204: "", 200: paid().encode()} {
			rail := newRail(t, serve(t, &cannedGateway{status: status, body: body, by: by}))
			if got, err := rail.Close(t.Context(), gateways.Ref{OutTradeNo: testNo}); !errors.Is(err, gateways.ErrUnavailable) || !errors.Is(err, gateways.ErrUnverified) || got != "" {
				t.Errorf("signed by %s, status %d: %q, %v", name, status, got, err)
			}
		}
	}
}

// While WeChat Pay changes its key, answers by either are good.
func TestTwoKeysAreGoodAtOnce(t *testing.T) {
	for _, by := range []signer{genuine(), {nextKey(), nextKeyID, time.Now()}} {
		rail := newRail(t, serve(t, &cannedGateway{status: 200, body: paid().encode(), by: by}))
		if got, err := rail.Query(t.Context(), gateways.Ref{OutTradeNo: testNo}); err != nil || got.State != models.TradePaid {
			t.Errorf("by %s: %+v, %v", by.id, got, err)
		}
	}
}

func TestCloseAsksWhenARefusalIsNotClear(t *testing.T) {
	for state, want := range map[string]gateways.CloseResult{"SUCCESS": gateways.AlreadyPaid, "REFUND": gateways.AlreadyPaid, "CLOSED": gateways.Closed, "NOTPAY": ""} {
		rail := newRail(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			answer := &cannedGateway{status: 400, body: refusal("INVALID_REQUEST"), by: genuine()}
			if r.Method == http.MethodGet {
				answer = &cannedGateway{status: 200, body: paid().with("trade_state", state).encode(), by: genuine()}
			}
			answer.ServeHTTP(w, r)
		})))
		got, err := rail.Close(t.Context(), gateways.Ref{OutTradeNo: testNo})
		if got != want || (want == "") != errors.Is(err, gateways.ErrUnavailable) {
			t.Errorf("%s: %q, %v; want %q", state, got, err, want)
		}
	}
}

func TestErrorsHoldNoRequestAndNoBody(t *testing.T) {
	gateway := &cannedGateway{status: 400, body: `{"code":"PARAM_ERROR","message":"secret words"}`}
	rail := newRail(t, serve(t, gateway))
	_, err := rail.Query(t.Context(), gateways.Ref{OutTradeNo: testNo})
	if err == nil || strings.Contains(err.Error(), "secret words") || strings.Contains(err.Error(), "signature=") || !strings.Contains(err.Error(), "PARAM_ERROR") {
		t.Errorf("%v", err)
	}
}

func TestRedirectsAndEndlessAnswersAreRefused(t *testing.T) {
	elsewhere := 0
	other := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { elsewhere++ }))
	rail := newRail(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other, http.StatusTemporaryRedirect)
	})))
	if _, err := rail.Query(t.Context(), gateways.Ref{OutTradeNo: testNo}); !errors.Is(err, gateways.ErrUnavailable) || elsewhere != 0 {
		t.Errorf("a redirect: %v, followed %d times", err, elsewhere)
	}
	long := paid().with("attach", strings.Repeat("x", 2<<20)).encode()
	gateway := &cannedGateway{status: 200, body: long, by: genuine()}
	rail = newRail(t, serve(t, gateway))
	if _, err := rail.Query(t.Context(), gateways.Ref{OutTradeNo: testNo}); !errors.Is(err, gateways.ErrUnavailable) {
		t.Errorf("two megabytes: %v", err)
	}
}

// The rail's address may stand below a path; what is signed is what is sent.
func TestBaseURLMayHaveAPath(t *testing.T) {
	gateway := &cannedGateway{status: 200, body: paid().encode(), by: genuine()}
	rail := newRail(t, serve(t, gateway)+"/wechat/")
	if _, err := rail.Query(t.Context(), gateways.Ref{OutTradeNo: testNo}); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(gateway.asked[0].uri, "/wechat/v3/") {
		t.Errorf("asked %s", gateway.asked[0].uri)
	}
	gateway.asked[0].mustBeSigned(t)
}

func TestRefundStates(t *testing.T) {
	order := gateways.RefundOrder{
		Ref: gateways.Ref{OutTradeNo: testNo}, RequestNo: "F0001REFUND", AmountFen: 50_00, PaidFen: 1600_00, Reason: "付了两次",
		NotifyURL: "https://portal.test/notify/wechat",
	}
	for status, want := range map[string]gateways.RefundState{
		"SUCCESS": gateways.RefundDone, "PROCESSING": gateways.RefundUnclear, "ABNORMAL": gateways.RefundUnclear, "CLOSED": gateways.RefundNone, "": gateways.RefundUnclear,
	} {
		rail, gateway := answering(t, 200, refunded().with("status", status).encode())
		got, err := rail.RefundQuery(t.Context(), order)
		if err != nil || got.State != want || got.Raw == "" || want == gateways.RefundDone && got.AmountFen != 50_00 {
			t.Errorf("query, %s: %+v, %v; want %s", status, got, err, want)
		}
		got, err = rail.Refund(t.Context(), order)
		if status == "CLOSED" {
			if !errors.Is(err, gateways.ErrRefused) {
				t.Errorf("refund, closed: %+v, %v", got, err)
			}
		} else if err != nil || got.State != gateways.RefundUnclear {
			t.Errorf("refund, %s: %+v, %v", status, got, err)
		}
		gateway.asked[1].mustBeSigned(t)
		want := `{"out_trade_no":"` + testNo + `","out_refund_no":"F0001REFUND","reason":"付了两次","notify_url":"https://portal.test/notify/wechat","amount":{"total":160000,"refund":5000,"currency":"CNY"}}`
		if strings.TrimSpace(gateway.asked[1].body) != want {
			t.Errorf("sent %s", gateway.asked[1].body)
		}
	}
	rail, _ := answering(t, 200, refunded().with("out_refund_no", "F0002REFUND").with("status", "SUCCESS").encode())
	if got, err := rail.RefundQuery(t.Context(), order); !errors.Is(err, gateways.ErrUnavailable) || got != (gateways.RefundResult{}) {
		t.Errorf("another refund: %+v, %v", got, err)
	}
}
