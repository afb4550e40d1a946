package alipay_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"ztc-portal/gateways"
	"ztc-portal/gateways/alipay"
	"ztc-portal/models"
)

const testNo = "R260304ABCDEFGHJKMNPQ"

func testOrder() gateways.Order {
	return gateways.Order{
		OutTradeNo: testNo, AmountFen: 64_10, Subject: "直通车充值", ExpiresAt: time.Date(2026, 3, 4, 16, 30, 0, 0, time.UTC),
		NotifyURL: "http://127.0.0.1:8080/notify/alipay", ReturnURL: "http://127.0.0.1:8080/return/alipay",
	}
}

func queryAnswer(changes ...string) string {
	fields := map[string]string{
		"code": "10000", "msg": "Success", "out_trade_no": testNo, "trade_no": "2026030422001400000001",
		"trade_status": "TRADE_SUCCESS", "total_amount": "64.10", "send_pay_date": "2026-03-04 20:01:00",
	}
	for i := 0; i < len(changes); i += 2 {
		fields[changes[i]] = changes[i+1]
	}
	var pairs []string
	for name, value := range fields {
		if value != "" {
			pairs = append(pairs, fmt.Sprintf("%q:%q", name, value))
		}
	}
	return "{" + strings.Join(pairs, ",") + "}"
}

func refusalAnswer(code, subCode string) string {
	return fmt.Sprintf(`{"code":%q,"msg":"no","sub_code":%q,"sub_msg":"no"}`, code, subCode)
}

func TestOpenSignsTheCashierAddress(t *testing.T) {
	gateway := &cannedGateway{content: map[string]string{
		"alipay.trade.precreate": `{"code":"10000","out_trade_no":"` + testNo + `","qr_code":"https:\/\/qr.alipay.com\/bax01"}`,
	}}
	config := testConfig(serve(t, gateway))
	config.PageURL = "http://pay.example/gateway.do"
	rail, err := alipay.New(config)
	if err != nil {
		t.Fatal(err)
	}
	checkout, err := rail.Open(t.Context(), testOrder())
	if err != nil {
		t.Fatal(err)
	}
	if checkout.QRContent != "https://qr.alipay.com/bax01" {
		t.Errorf("QR content %q", checkout.QRContent)
	}
	address, err := url.Parse(checkout.RedirectURL)
	if err != nil || !strings.HasPrefix(checkout.RedirectURL, "http://pay.example/gateway.do?") {
		t.Fatalf("redirect %q (%v)", checkout.RedirectURL, err)
	}
	page := address.Query()
	if err := verifyText(&appKey().PublicKey, signedText(page, "sign"), page.Get("sign")); err != nil {
		t.Errorf("the address is not signed by the app: %v", err)
	}
	sentAt, err := time.ParseInLocation(time.DateTime, page.Get("timestamp"), time.FixedZone("Beijing", 8*3600))
	if err != nil || time.Since(sentAt).Abs() > time.Minute {
		t.Errorf("timestamp %q is not now in Beijing (%v)", page.Get("timestamp"), err)
	}
	for name, want := range map[string]string{
		"app_id": testApp, "method": "alipay.trade.page.pay", "charset": "utf-8", "sign_type": "RSA2", "version": "1.0",
		"notify_url": testOrder().NotifyURL, "return_url": testOrder().ReturnURL,
	} {
		if got := page.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	precreate := gateway.asked[0]
	if precreate.Get("notify_url") != testOrder().NotifyURL {
		t.Errorf("the QR's notify_url is %q", precreate.Get("notify_url"))
	}
	common := map[string]string{"out_trade_no": testNo, "total_amount": "64.10", "subject": "直通车充值", "time_expire": "2026-03-05 00:30:00"}
	for name, want := range common {
		if got, qr := bizOf(t, page)[name], bizOf(t, precreate)[name]; got != want || qr != want {
			t.Errorf("%s is %q on the page and %q for the QR, want %q", name, got, qr, want)
		}
	}
	if got := bizOf(t, page)["product_code"]; got != "FAST_INSTANT_TRADE_PAY" {
		t.Errorf("product_code %q", got)
	}
}

func TestOpenRefusesWhatAlipayCannotTake(t *testing.T) {
	rail := newRail(t, noGateway)
	for name, spoil := range map[string]func(*gateways.Order){
		"NoNumber":       func(o *gateways.Order) { o.OutTradeNo = "" },
		"NumberTooLong":  func(o *gateways.Order) { o.OutTradeNo = strings.Repeat("R", 65) },
		"NumberWithDash": func(o *gateways.Order) { o.OutTradeNo = "R-1" },
		"NothingToPay":   func(o *gateways.Order) { o.AmountFen = 0 },
		"Negative":       func(o *gateways.Order) { o.AmountFen = -1 },
		"TooMuch":        func(o *gateways.Order) { o.AmountFen = 100_000_000_00 + 1 },
		"NoDeadline":     func(o *gateways.Order) { o.ExpiresAt = time.Time{} },
	} {
		t.Run(name, func(t *testing.T) {
			order := testOrder()
			spoil(&order)
			if got, err := rail.Open(t.Context(), order); !errors.Is(err, gateways.ErrRefused) || got != (gateways.Checkout{}) {
				t.Errorf("got %+v, %v; want ErrRefused", got, err)
			}
		})
	}
}

func TestSubjectIsWhatAlipayTakes(t *testing.T) {
	for given, want := range map[string]string{
		"直通车充值 ¥1,600.00（欠费）":           "直通车充值 ¥1,600.00（欠费）",
		"a/b=c&d":                       "a b c d",
		"pay 💰 now ☺\uFE0F\u200D!":      "pay now !",
		"\tline\nline\x00\x7f ":         "line line",
		"bad \xff bytes":                "bad bytes",
		"\U00020000":                    testNo,
		"":                              testNo,
		strings.Repeat("充", 300):        strings.Repeat("充", 256),
		strings.Repeat("a", 255) + " b": strings.Repeat("a", 255),
	} {
		rail := newRail(t, noGateway)
		order := testOrder()
		order.Subject = given
		checkout, err := rail.Open(t.Context(), order)
		if !errors.Is(err, gateways.ErrUnavailable) {
			t.Fatalf("with nobody listening: %v", err)
		}
		address, err := url.Parse(checkout.RedirectURL)
		if err != nil {
			t.Fatal(err)
		}
		if got := bizOf(t, address.Query())["subject"]; got != want {
			t.Errorf("%q is sent as %q, want %q", given, got, want)
		}
	}
}

func TestQueryStates(t *testing.T) {
	for name, tt := range map[string]struct {
		content string
		want    models.TradeState
	}{
		"Waiting":           {queryAnswer("trade_status", "WAIT_BUYER_PAY", "send_pay_date", ""), models.TradeWaiting},
		"Success":           {queryAnswer(), models.TradePaid},
		"Finished":          {queryAnswer("trade_status", "TRADE_FINISHED"), models.TradePaid},
		"Closed":            {queryAnswer("trade_status", "TRADE_CLOSED"), models.TradeClosed},
		"UnknownStatus":     {queryAnswer("trade_status", "TRADE_PONDERED"), models.TradeUnknown},
		"NoStatus":          {queryAnswer("trade_status", ""), models.TradeUnknown},
		"AmountNotReadable": {queryAnswer("total_amount", "64.1e0"), models.TradeUnknown},
		"AmountMissing":     {queryAnswer("total_amount", ""), models.TradeUnknown},
		"NoTradeNo":         {queryAnswer("trade_no", ""), models.TradeUnknown},
		"StillInProgress":   {`{"code":"10003","msg":"in progress"}`, models.TradeUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			rail, _ := canned(t, tt.content)
			got, err := rail.Query(t.Context(), gateways.Ref{OutTradeNo: testNo})
			if err != nil || got.State != tt.want || got.OutTradeNo != testNo || got.Payee != testSeller || got.Raw != tt.content {
				t.Errorf("got %+v, %v; want %s", got, err, tt.want)
			}
		})
	}
}

func TestQueryGivesTheReceipt(t *testing.T) {
	rail, gateway := canned(t, queryAnswer("fund_bill_list", "of a form nobody expects"))
	got, err := rail.Query(t.Context(), gateways.Ref{OutTradeNo: testNo})
	if err != nil {
		t.Fatal(err)
	}
	got.Raw = ""
	want := models.Receipt{
		Rail: models.RailAlipay, OutTradeNo: testNo, GatewayTradeNo: "2026030422001400000001", State: models.TradePaid,
		AmountFen: 64_10, Currency: "CNY", Payee: testSeller, PaidAt: time.Date(2026, 3, 4, 12, 1, 0, 0, time.UTC),
	}
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if asked := bizOf(t, gateway.asked[0])["out_trade_no"]; asked != testNo {
		t.Errorf("asked about %q", asked)
	}
}

func TestQueryErrors(t *testing.T) {
	for name, tt := range map[string]struct {
		content string
		want    error
	}{
		"NotExist":        {refusalAnswer("40004", "ACQ.TRADE_NOT_EXIST"), gateways.ErrNotExist},
		"SystemError":     {refusalAnswer("40004", "ACQ.SYSTEM_ERROR"), gateways.ErrUnavailable},
		"AopSystemError":  {refusalAnswer("20000", "aop.ACQ.SYSTEM_ERROR"), gateways.ErrUnavailable},
		"Unknown":         {refusalAnswer("20000", "isp.unknow-error"), gateways.ErrUnavailable},
		"TooManyCalls":    {refusalAnswer("40005", "isv.app-call-limited"), gateways.ErrUnavailable},
		"NotPermitted":    {refusalAnswer("40006", "isv.insufficient-isv-permissions"), gateways.ErrRefused},
		"InvalidParam":    {refusalAnswer("40004", "ACQ.INVALID_PARAMETER"), gateways.ErrRefused},
		"NoCode":          {`{}`, gateways.ErrUnavailable},
		"SignedNull":      {`null`, gateways.ErrUnavailable},
		"AnotherPayment":  {queryAnswer("out_trade_no", "R260304ZZZZZZZZZZZZZZ"), gateways.ErrUnverified},
		"NamesNoPayment":  {queryAnswer("out_trade_no", ""), gateways.ErrUnverified},
		"AmountAsANumber": {`{"code":"10000","out_trade_no":"` + testNo + `","total_amount":64.10}`, gateways.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			rail, _ := canned(t, tt.content)
			if got, err := rail.Query(t.Context(), gateways.Ref{OutTradeNo: testNo}); !errors.Is(err, tt.want) || got != (models.Receipt{}) {
				t.Errorf("got %+v, %v; want %v", got, err, tt.want)
			}
		})
	}
}

// Without Alipay's signature an answer is worth nothing, whatever it says.
func TestAnswersThatAreNotSignedByAlipay(t *testing.T) {
	paid, absent := queryAnswer(), refusalAnswer("40004", "ACQ.TRADE_NOT_EXIST")
	method := "alipay.trade.query"
	for name, body := range map[string]string{
		"EvilKey":           signedAnswer(evilKey(), method, paid),
		"TamperedAmount":    strings.Replace(signedAnswer(platformKey(), method, paid), "64.10", "94.10", 1),
		"NoSignature":       `{"alipay_trade_query_response":` + paid + `}`,
		"EmptySignature":    `{"alipay_trade_query_response":` + paid + `,"sign":""}`,
		"GarbledSignature":  `{"alipay_trade_query_response":` + paid + `,"sign":"***"}`,
		"UnsignedNotExist":  `{"alipay_trade_query_response":` + absent + `}`,
		"UnsignedNull":      `{"alipay_trade_query_response":null}`,
		"ErrorNull":         `{"error_response":null}`,
		"ErrorResponse":     `{"error_response":{"code":"40002","sub_code":"isv.invalid-signature","sub_msg":"string to sign: secret"}}`,
		"CertificateNamed":  strings.TrimSuffix(signedAnswer(platformKey(), method, paid), "}") + `,"alipay_cert_sn":"0123"}`,
		"OfAnotherMethod":   signedAnswer(platformKey(), "alipay.trade.close", paid),
		"NotJSON":           `<html>busy</html>`,
		"Empty":             ``,
		"LargerThanAllowed": signedAnswer(platformKey(), method, strings.Replace(paid, "{", "{"+strings.Repeat(" ", 2<<20), 1)),
	} {
		t.Run(name, func(t *testing.T) {
			rail := newRail(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) })))
			got, err := rail.Query(t.Context(), gateways.Ref{OutTradeNo: testNo})
			if !errors.Is(err, gateways.ErrUnavailable) || errors.Is(err, gateways.ErrNotExist) || got != (models.Receipt{}) {
				t.Fatalf("got %+v, %v; want ErrUnavailable", got, err)
			}
			readable := !slices.Contains([]string{"OfAnotherMethod", "NotJSON", "Empty", "LargerThanAllowed"}, name)
			if errors.Is(err, gateways.ErrUnverified) != readable {
				t.Errorf("%v: ErrUnverified %v, want %v", err, !readable, readable)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the error repeats what may hold the request: %v", err)
			}
		})
	}
}

func TestQRFailureKeepsTheCashier(t *testing.T) {
	for name, tt := range map[string]struct {
		content string
		want    error
	}{
		"ProductNotSigned": {refusalAnswer("40004", "ACQ.ACCESS_FORBIDDEN"), gateways.ErrRefused},
		"AnotherPayment":   {`{"code":"10000","out_trade_no":"R2","qr_code":"https://qr.alipay.com/evil"}`, gateways.ErrUnverified},
	} {
		t.Run(name, func(t *testing.T) {
			rail, _ := canned(t, tt.content)
			got, err := rail.Open(t.Context(), testOrder())
			if !errors.Is(err, tt.want) || got.RedirectURL == "" || got.QRContent != "" {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

func TestCloseResults(t *testing.T) {
	closed := `{"code":"10000","msg":"Success","out_trade_no":"` + testNo + `","trade_no":"1"}`
	late := refusalAnswer("40004", "ACQ.TRADE_STATUS_ERROR")
	for name, tt := range map[string]struct {
		onClose, onQuery string
		want             gateways.CloseResult
		err              error
	}{
		"Closed":            {onClose: closed, want: gateways.Closed},
		"NeverSeen":         {onClose: refusalAnswer("40004", "ACQ.TRADE_NOT_EXIST"), want: gateways.NeverSeen},
		"Paid":              {onClose: late, onQuery: queryAnswer(), want: gateways.AlreadyPaid},
		"PaidOtherWord":     {onClose: refusalAnswer("40004", "ACQ.REASON_TRADE_STATUS_INVALID"), onQuery: queryAnswer(), want: gateways.AlreadyPaid},
		"PaidThirdWord":     {onClose: refusalAnswer("40004", "ACQ.REASON_ILLEGAL_STATUS"), onQuery: queryAnswer("trade_status", "TRADE_FINISHED"), want: gateways.AlreadyPaid},
		"ClosedAlready":     {onClose: late, onQuery: queryAnswer("trade_status", "TRADE_CLOSED"), want: gateways.Closed},
		"LateButWaiting":    {onClose: late, onQuery: queryAnswer("trade_status", "WAIT_BUYER_PAY"), err: gateways.ErrUnavailable},
		"LateButNotTold":    {onClose: late, onQuery: refusalAnswer("20000", "isp.unknow-error"), err: gateways.ErrUnavailable},
		"SystemError":       {onClose: refusalAnswer("40004", "ACQ.SYSTEM_ERROR"), err: gateways.ErrUnavailable},
		"InProgress":        {onClose: `{"code":"10003"}`, err: gateways.ErrUnavailable},
		"Refused":           {onClose: refusalAnswer("40004", "ACQ.INVALID_PARAMETER"), err: gateways.ErrRefused},
		"AboutOtherPayment": {onClose: strings.Replace(closed, testNo, "R2", 1), err: gateways.ErrUnverified},
	} {
		t.Run(name, func(t *testing.T) {
			gateway := &cannedGateway{content: map[string]string{"alipay.trade.close": tt.onClose, "alipay.trade.query": tt.onQuery}}
			got, err := newRail(t, serve(t, gateway)).Close(t.Context(), gateways.Ref{OutTradeNo: testNo})
			if got != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("got %q, %v; want %q, %v", got, err, tt.want, tt.err)
			}
		})
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	paid := signedAnswer(platformKey(), "alipay.trade.query", queryAnswer())
	elsewhere := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, paid) }))
	rail := newRail(t, serve(t, http.RedirectHandler(elsewhere, http.StatusTemporaryRedirect)))
	if _, err := rail.Query(t.Context(), gateways.Ref{OutTradeNo: testNo}); !errors.Is(err, gateways.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
}

func TestCancelledCallSaysSo(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	rail, _ := canned(t, queryAnswer())
	if _, err := rail.Query(ctx, gateways.Ref{OutTradeNo: testNo}); !errors.Is(err, gateways.ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
