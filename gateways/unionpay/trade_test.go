package unionpay_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"ztc-portal/gateways"
	"ztc-portal/models"
)

func testOrder() gateways.Order {
	opened := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	return gateways.Order{
		OutTradeNo: testNo, AmountFen: 1600_00, Subject: "直通车充值", OpenedAt: opened, ExpiresAt: opened.Add(30 * time.Minute),
		NotifyURL: "https://portal.test/notify/unionpay", ReturnURL: "https://portal.test/return/unionpay",
	}
}

func TestOpenGivesTheSignedForm(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		payer gateways.Payer
		biz   string
		way   string
	}{
		"anybody":     {gateways.Payer{}, "000201", "07"},
		"a company":   {gateways.Payer{Corporate: true, Bank: "ICBC"}, "000202", "07"},
		"on a phone":  {gateways.Payer{Phone: true, IP: "192.0.2.1"}, "000201", "08"},
		"at one bank": {gateways.Payer{Bank: "ABC"}, "000201", "07"},
	} {
		order := testOrder()
		order.Payer = tt.payer
		checkout, err := newRail(t, noGateway).Open(t.Context(), order)
		if err != nil || checkout.Form == nil || checkout.RedirectURL != "" || checkout.QRContent != "" {
			t.Fatalf("%s: %+v, %v", name, checkout, err)
		}
		got := url.Values{}
		for field, value := range checkout.Form.Fields {
			got.Set(field, value)
		}
		if err := verifyBy(&shopKey().PublicKey, got); err != nil {
			t.Errorf("%s: the merchant's key did not sign it: %v", name, err)
		}
		for field, want := range map[string]string{
			"version": "5.1.0", "encoding": "UTF-8", "signMethod": "01", "certId": far().shop.certificate.SerialNumber.String(),
			"txnType": "01", "txnSubType": "01", "bizType": tt.biz, "channelType": tt.way, "accessType": "0", "merId": testMerID,
			"orderId": testNo, "txnTime": "20260304200000", "payTimeout": "20260304203000", "txnAmt": "160000", "currencyCode": "156",
			"frontUrl": order.ReturnURL, "backUrl": order.NotifyURL, "issInsCode": tt.payer.Bank,
		} {
			if got.Get(field) != want {
				t.Errorf("%s: %s is %q, want %q", name, field, got.Get(field), want)
			}
		}
		if checkout.Form.Action != noGateway+"/gateway/api/frontTransReq.do" {
			t.Errorf("%s: it goes to %s", name, checkout.Form.Action)
		}
	}
}

func TestOpenRefusesWhatUnionPayCantTake(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*gateways.Order){
		"a number with a dash": func(o *gateways.Order) { o.OutTradeNo = "R260304-00001" },
		"a short number":       func(o *gateways.Order) { o.OutTradeNo = "R26" },
		"nothing":              func(o *gateways.Order) { o.AmountFen = 0 },
		"less than nothing":    func(o *gateways.Order) { o.AmountFen = -1 },
		"too much":             func(o *gateways.Order) { o.AmountFen = 100_000_000*models.Yuan + 1 },
		"no time":              func(o *gateways.Order) { o.OpenedAt = time.Time{} },
		"no deadline":          func(o *gateways.Order) { o.ExpiresAt = time.Time{} },
		"an odd bank":          func(o *gateways.Order) { o.Payer.Bank = "ICBC&merId=1" },
	} {
		order := testOrder()
		spoil(&order)
		if got, err := newRail(t, noGateway).Open(t.Context(), order); !errors.Is(err, gateways.ErrRefused) || got.HasDoor() {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// asked is the reference of the order that message speaks of.
func asked(expires time.Time) gateways.Ref {
	return gateways.Ref{OutTradeNo: testNo, OpenedAt: time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC), ExpiresAt: expires}
}

func TestQueryStates(t *testing.T) {
	t.Parallel()
	later, over := testNow.Add(time.Minute), testNow
	for name, tt := range map[string]struct {
		changes []string
		expires time.Time
		want    models.TradeState
	}{
		"paid":                     {[]string{"origRespCode", "00"}, later, models.TradePaid},
		"paid with a flaw":         {[]string{"origRespCode", "A6"}, later, models.TradePaid},
		"paid, its deadline over":  {[]string{"origRespCode", "00"}, over, models.TradePaid},
		"timed out between them":   {[]string{"origRespCode", "03"}, later, models.TradeWaiting},
		"not clear yet":            {[]string{"origRespCode", "04"}, later, models.TradeWaiting},
		"taken on":                 {[]string{"origRespCode", "05"}, later, models.TradeWaiting},
		"failed, may be tried":     {[]string{"origRespCode", "64"}, later, models.TradeWaiting},
		"failed, its time is over": {[]string{"origRespCode", "64"}, over, models.TradeClosed},
		"pending, its time over":   {[]string{"origRespCode", "05"}, over, models.TradeClosed},
		"too late, given back":     {[]string{"origRespCode", "42"}, over, models.TradeClosed},
		"no deadline known":        {[]string{"origRespCode", "01"}, time.Time{}, models.TradeWaiting},
		"amount not readable":      {[]string{"origRespCode", "00", "txnAmt", "1600.00"}, later, models.TradeUnknown},
		"an amount with a sign":    {[]string{"origRespCode", "00", "txnAmt", "-160000"}, later, models.TradeUnknown},
		"nothing paid":             {[]string{"origRespCode", "00", "txnAmt", "0"}, later, models.TradeUnknown},
		"no number":                {[]string{"origRespCode", "00", "queryId", ""}, later, models.TradeUnknown},
	} {
		rail, _ := answering(t, tt.changes...)
		if got, err := rail.Query(t.Context(), asked(tt.expires)); err != nil || got.State != tt.want || got.Payee != testMerID {
			t.Errorf("%s: got %+v, %v; want %s", name, got, err, tt.want)
		}
	}
}

func TestQueryGivesTheReceipt(t *testing.T) {
	t.Parallel()
	rail, gateway := answering(t, "origRespCode", "00")
	got, err := rail.Query(t.Context(), asked(testNow))
	if err != nil || got.Raw == "" {
		t.Fatal(got, err)
	}
	got.Raw = ""
	want := models.Receipt{
		Rail: models.RailUnionpay, OutTradeNo: testNo, GatewayTradeNo: "202603042000001234568", State: models.TradePaid, AmountFen: 1600_00,
		Currency: "CNY", Payee: testMerID, OpenedAt: asked(testNow).OpenedAt, PaidAt: time.Date(2026, 3, 4, 12, 1, 0, 0, time.UTC),
	}
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	sent := gateway.asked[0]
	for field, want := range map[string]string{
		"txnType": "00", "txnSubType": "00", "bizType": "000000", "orderId": testNo, "txnTime": "20260304200000", "merId": testMerID,
	} {
		if sent.Get(field) != want {
			t.Errorf("asked with %s %q, want %q", field, sent.Get(field), want)
		}
	}
}

// The wire writes when money came without the year.
func TestPaidAtFindsItsYear(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ txnTime, traceTime, want string }{
		{"20261231235959", "0101000005", "2026-12-31T16:00:05Z"},
		{"20260304200000", "0304200100", "2026-03-04T12:01:00Z"},
		{"20280228235900", "0229000100", "2028-02-28T16:01:00Z"},
		{"20260304200000", "", "0001-01-01T00:00:00Z"},
		{"20260304200000", "1340000000", "0001-01-01T00:00:00Z"},
	} {
		rail, _ := answering(t, "origRespCode", "00", "txnTime", tt.txnTime, "traceTime", tt.traceTime)
		opened, err := time.ParseInLocation("20060102150405", tt.txnTime, beijing)
		if err != nil {
			t.Fatal(err)
		}
		got, err := rail.Query(t.Context(), gateways.Ref{OutTradeNo: testNo, OpenedAt: opened})
		if at := got.PaidAt.Format(time.RFC3339); err != nil || at != tt.want {
			t.Errorf("%s of an order of %s is %s, %v; want %s", tt.traceTime, tt.txnTime, at, err, tt.want)
		}
	}
}

func TestQueryErrors(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		changes []string
		want    error
	}{
		"no such order":    {[]string{"respCode", "34"}, gateways.ErrNotExist},
		"busy":             {[]string{"respCode", "06"}, gateways.ErrUnavailable},
		"closed for now":   {[]string{"respCode", "02"}, gateways.ErrUnavailable},
		"asked too often":  {[]string{"respCode", "37"}, gateways.ErrUnavailable},
		"timed out":        {[]string{"respCode", "03"}, gateways.ErrUnavailable},
		"no code":          {[]string{"respCode", ""}, gateways.ErrUnavailable},
		"bad signature":    {[]string{"respCode", "11"}, gateways.ErrRefused},
		"not permitted":    {[]string{"respCode", "32"}, gateways.ErrRefused},
		"another order":    {[]string{"origRespCode", "00", "orderId", "R260304ZZZZZZZZZZZZZZ"}, gateways.ErrUnverified},
		"another time":     {[]string{"origRespCode", "00", "txnTime", "20260304200001"}, gateways.ErrUnverified},
		"another merchant": {[]string{"origRespCode", "00", "merId", "777290058110097"}, gateways.ErrUnverified},
		"no merchant":      {[]string{"origRespCode", "00", "merId", ""}, gateways.ErrUnverified},
		"no order":         {[]string{"origRespCode", "00", "orderId", ""}, gateways.ErrUnverified},
		"a refund":         {[]string{"origRespCode", "00", "txnType", "04"}, gateways.ErrUnverified},
		"not of 34 others": {[]string{"respCode", "34", "orderId", "R260304ZZZZZZZZZZZZZZ"}, gateways.ErrUnverified},
	} {
		rail, _ := answering(t, tt.changes...)
		got, err := rail.Query(t.Context(), asked(testNow))
		if !errors.Is(err, tt.want) || got != (models.Receipt{}) {
			t.Errorf("%s: got %+v, %v; want %v", name, got, err, tt.want)
		}
		if errors.Is(err, gateways.ErrUnverified) && (!errors.Is(err, gateways.ErrUnavailable) || errors.Is(err, gateways.ErrNotExist)) {
			t.Errorf("%s: %v is no ErrUnavailable", name, err)
		}
	}
	if _, err := newRail(t, noGateway).Query(t.Context(), gateways.Ref{OutTradeNo: testNo}); !errors.Is(err, gateways.ErrUnavailable) {
		t.Errorf("without the order's time: %v", err)
	}
}

// Without UnionPay's signature an answer is worth nothing, whatever it says.
func TestAnswersThatUnionPayDidNotSign(t *testing.T) {
	t.Parallel()
	good := func(changes ...string) url.Values {
		return signForm(far().signer, message(append(changes, "origRespCode", "00")...))
	}
	altered := func(field, value string) string {
		form := good()
		form.Set(field, value)
		return raw(form)
	}
	evil := certify("041@Z12@中国银联股份有限公司@00000001", evilKey(), nil, false)
	for name, body := range map[string]string{
		"another amount":     altered("txnAmt", "1"),
		"one field more":     raw(good()) + "&extra=1",
		"a field twice":      raw(good()) + "&txnAmt=160000",
		"no signature":       altered("signature", ""),
		"garbled signature":  altered("signature", "***"),
		"no certificate":     altered("signPubKeyCert", ""),
		"a stranger's":       raw(signForm(evil, message("origRespCode", "00"))),
		"another merchant's": raw(signForm(far().shop, message("origRespCode", "00"))),
		"not found":          raw(message("respCode", "34")),
		"of version 5.0.0":   raw(good("version", "5.0.0")),
		"of another method":  raw(good("signMethod", "11")),
		"no pairs":           "<html>busy</html>",
		"empty":              "",
		"too long":           altered("reqReserved", strings.Repeat("x", 2<<20)),
	} {
		rail := newRail(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) })))
		got, err := rail.Query(t.Context(), asked(testNow))
		if !errors.Is(err, gateways.ErrUnavailable) || errors.Is(err, gateways.ErrNotExist) || got != (models.Receipt{}) {
			t.Errorf("%s: got %+v, %v; want ErrUnavailable", name, got, err)
		}
		if unverified := name != "too long"; errors.Is(err, gateways.ErrUnverified) != unverified {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCloseResults(t *testing.T) {
	t.Parallel()
	later, over := testNow.Add(time.Second), testNow
	for name, tt := range map[string]struct {
		changes []string
		expires time.Time
		want    gateways.CloseResult
		err     error
	}{
		"paid":               {[]string{"origRespCode", "00"}, later, gateways.AlreadyPaid, nil},
		"paid at the end":    {[]string{"origRespCode", "A6"}, over, gateways.AlreadyPaid, nil},
		"waiting":            {[]string{"origRespCode", "05"}, later, gateways.StaysOpen, nil},
		"failed":             {[]string{"origRespCode", "61"}, later, gateways.StaysOpen, nil},
		"never seen":         {[]string{"respCode", "34"}, later, gateways.StaysOpen, nil},
		"waiting at the end": {[]string{"origRespCode", "05"}, over, gateways.Closed, nil},
		"failed at the end":  {[]string{"origRespCode", "61"}, over, gateways.Closed, nil},
		"never seen, over":   {[]string{"respCode", "34"}, over, gateways.Closed, nil},
		"busy":               {[]string{"respCode", "06"}, over, "", gateways.ErrUnavailable},
		"not permitted":      {[]string{"respCode", "32"}, over, "", gateways.ErrRefused},
		"paid, unreadably":   {[]string{"origRespCode", "00", "txnAmt", "x"}, over, "", gateways.ErrUnavailable},
	} {
		rail, _ := answering(t, tt.changes...)
		if got, err := rail.Close(t.Context(), asked(tt.expires)); got != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("%s: got %q, %v; want %q, %v", name, got, err, tt.want, tt.err)
		}
	}
}

func TestRedirectIsNotFollowedAndCancelledCallSaysSo(t *testing.T) {
	t.Parallel()
	body := raw(signForm(far().signer, message("origRespCode", "00")))
	elsewhere := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) }))
	rail := newRail(t, serve(t, http.RedirectHandler(elsewhere, http.StatusTemporaryRedirect)))
	if _, err := rail.Query(t.Context(), asked(testNow)); !errors.Is(err, gateways.ErrUnavailable) {
		t.Errorf("a redirect: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := newRail(t, elsewhere).Query(ctx, asked(testNow)); !errors.Is(err, gateways.ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
