package alipay_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"

	"ztc-portal/gateways"
	"ztc-portal/models"
)

// noGateway is an address that nothing listens on: notifies need no network.
const noGateway = "http://127.0.0.1:1/gateway.do"

func TestNotifyGivesTheReceipt(t *testing.T) {
	rail := newRail(t, noGateway)
	got, err := rail.ReadNotify(nil, []byte(signNotice(platformKey(), notice()).Encode()))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := url.ParseQuery(got.Raw)
	if err != nil || raw.Get("subject") != notice().Get("subject") || raw.Get("sign") == "" {
		t.Errorf("raw %q does not hold every field (%v)", got.Raw, err)
	}
	got.Raw = ""
	want := models.Receipt{
		Rail: models.RailAlipay, OutTradeNo: "R260304ABCDEFGHJKMNPQ", GatewayTradeNo: "2026030422001400000001",
		State: models.TradePaid, AmountFen: 1600_00, Currency: "CNY", Payee: testSeller,
		PaidAt: time.Date(2026, 3, 4, 12, 1, 0, 0, time.UTC),
	}
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestNotifyStates(t *testing.T) {
	rail := newRail(t, noGateway)
	for name, tt := range map[string]struct {
		changes []string
		state   models.TradeState
		refund  bool
	}{
		"Waiting":            {[]string{"trade_status", "WAIT_BUYER_PAY", "gmt_payment", ""}, models.TradeWaiting, false},
		"Success":            {nil, models.TradePaid, false},
		"FinishedMonthsOn":   {[]string{"trade_status", "TRADE_FINISHED", "notify_time", "2026-06-05 03:00:00"}, models.TradePaid, false},
		"ClosedUnpaid":       {[]string{"trade_status", "TRADE_CLOSED", "gmt_payment", "", "gmt_close", "2026-03-04 20:30:00"}, models.TradeClosed, false},
		"PartlyRefunded":     {[]string{"refund_fee", "50.00", "gmt_refund", "2026-03-05 09:00:00.123", "out_biz_no", "F1"}, models.TradePaid, true},
		"WhollyRefunded":     {[]string{"trade_status", "TRADE_CLOSED", "refund_fee", "1600.00"}, models.TradeClosed, true},
		"RefundFeeOnly":      {[]string{"refund_fee", "0.01"}, models.TradePaid, true},
		"RefundFeeUnread":    {[]string{"refund_fee", "some"}, models.TradePaid, true},
		"RefundTimeOnly":     {[]string{"gmt_refund", "2026-03-05 09:00:00"}, models.TradePaid, true},
		"RefundNumberOnly":   {[]string{"out_biz_no", "F1"}, models.TradePaid, true},
		"NothingRefunded":    {[]string{"refund_fee", "0.00"}, models.TradePaid, false},
		"UnknownStatus":      {[]string{"trade_status", "TRADE_PONDERED"}, models.TradeUnknown, false},
		"NoStatus":           {[]string{"trade_status", ""}, models.TradeUnknown, false},
		"AmountNotReadable":  {[]string{"total_amount", "1.6e3"}, models.TradeUnknown, false},
		"AmountTooFine":      {[]string{"total_amount", "1600.001"}, models.TradeUnknown, false},
		"AmountNothing":      {[]string{"total_amount", "0.00"}, models.TradeUnknown, false},
		"NoGatewayTradeNo":   {[]string{"trade_no", ""}, models.TradeUnknown, false},
		"NoOutTradeNo":       {[]string{"out_trade_no", ""}, models.TradeUnknown, false},
		"EmptyFieldSignedIn": {[]string{"voucher_detail_list", " "}, models.TradePaid, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := rail.ReadNotify(nil, []byte(signNotice(platformKey(), notice(tt.changes...)).Encode()))
			if err != nil || got.State != tt.state || got.RefundNotice != tt.refund {
				t.Errorf("got %s, refund %v, %v; want %s, %v", got.State, got.RefundNotice, err, tt.state, tt.refund)
			}
		})
	}
}

func TestNotifyNamesTheForeignCurrency(t *testing.T) {
	got, err := newRail(t, noGateway).ReadNotify(nil, []byte(signNotice(platformKey(), notice("trans_currency", "USD")).Encode()))
	if err != nil || got.Currency != "USD" {
		t.Errorf("got %q, %v", got.Currency, err)
	}
}

// A GBK notify is signed over its GBK bytes; what we keep of it is UTF-8.
func TestNotifyInGBK(t *testing.T) {
	form := notice("charset", "GBK")
	gbk, err := simplifiedchinese.GBK.NewEncoder().String(form.Get("subject"))
	if err != nil {
		t.Fatal(err)
	}
	form.Set("subject", gbk)
	got, err := newRail(t, noGateway).ReadNotify(nil, []byte(signNotice(platformKey(), form).Encode()))
	if err != nil || got.State != models.TradePaid {
		t.Fatalf("got %+v, %v", got, err)
	}
	if raw, err := url.ParseQuery(got.Raw); err != nil || raw.Get("subject") != notice().Get("subject") {
		t.Errorf("subject kept as %q (%v)", raw.Get("subject"), err)
	}
}

func TestNotifyRefused(t *testing.T) {
	rail := newRail(t, noGateway)
	genuine := signNotice(platformKey(), notice()).Encode()
	signed := func(changes ...string) string { return signNotice(platformKey(), notice(changes...)).Encode() }
	otherSignType := signNotice(platformKey(), notice())
	otherSignType.Set("sign_type", "RSA")
	noSign := notice()
	glued := signNotice(platformKey(), notice("refund_fee", "50.00"))
	glued.Set("receipt_amount", "1600.00&refund_fee=50.00")
	glued.Del("refund_fee")
	gluedName := signNotice(platformKey(), notice())
	gluedName.Set("buyer_id="+gluedName.Get("buyer_id")+"&buyer_pay_amount", gluedName.Get("buyer_pay_amount"))
	gluedName.Del("buyer_id")
	gluedName.Del("buyer_pay_amount")
	for name, body := range map[string]string{
		"TamperedAmount":     strings.Replace(genuine, "total_amount=1600.00", "total_amount=9600.00", 1),
		"OtherKey":           signNotice(evilKey(), notice()).Encode(),
		"OurOwnKey":          signNotice(appKey(), notice()).Encode(),
		"OtherApp":           signed("app_id", "9021000100000002"),
		"NoApp":              signed("app_id", ""),
		"OtherMerchant":      signed("seller_id", "2088000100000002"),
		"NoMerchant":         signed("seller_id", ""),
		"CertificateNamed":   signed("alipay_cert_sn", "0123456789abcdef"),
		"CertificateAdded":   genuine + "&alipay_cert_sn=0123456789abcdef",
		"CertificateEmpty":   genuine + "&alipay_cert_sn=",
		"FieldAdded":         genuine + "&extra=1",
		"EmptyFieldAdded":    genuine + "&extra=",
		"AmountRepeated":     genuine + "&total_amount=1600.00",
		"SignRepeated":       genuine + "&sign=AAAA",
		"SignTypeRepeated":   genuine + "&sign_type=RSA2",
		"OtherSignType":      otherSignType.Encode(),
		"NoSign":             noSign.Encode(),
		"GluedIntoAValue":    glued.Encode(),
		"GluedIntoAName":     gluedName.Encode(),
		"BrokenEscape":       genuine + "&%zz=1",
		"Semicolon":          strings.Replace(genuine, "&", ";", 1),
		"NamelessField":      genuine + "&=1",
		"DecodedTwice":       strings.ReplaceAll(genuine, "%2B", "+"),
		"TooLong":            genuine + "&pad=" + strings.Repeat("x", 64<<10),
		"JSON":               `{"out_trade_no":"R260304ABCDEFGHJKMNPQ"}`,
		"Empty":              "",
		"SignatureNotBase64": strings.Replace(genuine, "&sign=", "&sign=*", 1),
	} {
		t.Run(name, func(t *testing.T) {
			if body == genuine {
				t.Fatal("nothing was changed")
			}
			got, err := rail.ReadNotify(nil, []byte(body))
			if !errors.Is(err, gateways.ErrUnverified) || got != (models.Receipt{}) {
				t.Errorf("got %+v, %v; want ErrUnverified", got, err)
			}
		})
	}
	if _, err := rail.ReadNotify(nil, []byte(genuine)); err != nil {
		t.Errorf("the genuine one, after all these: %v", err)
	}
}

func TestReturn(t *testing.T) {
	rail := newRail(t, noGateway)
	back := func(changes ...string) url.Values {
		form := url.Values{}
		for name, value := range map[string]string{
			"app_id": testApp, "auth_app_id": testApp, "charset": "utf-8", "method": "alipay.trade.page.pay.return",
			"out_trade_no": "R260304ABCDEFGHJKMNPQ", "trade_no": "2026030422001400000001", "total_amount": "1600.00",
			"seller_id": testSeller, "timestamp": "2026-03-04 20:01:09", "version": "1.0", "sign_type": "RSA2",
		} {
			form.Set(name, value)
		}
		for i := 0; i < len(changes); i += 2 {
			form.Set(changes[i], changes[i+1])
		}
		return form
	}
	if got, err := rail.ReadReturn(signNotice(platformKey(), back())); err != nil || got != "R260304ABCDEFGHJKMNPQ" {
		t.Errorf("genuine: %q, %v", got, err)
	}
	tampered := signNotice(platformKey(), back())
	tampered.Set("out_trade_no", "R260304ZZZZZZZZZZZZZZ")
	repeated := signNotice(platformKey(), back())
	repeated.Add("out_trade_no", "R260304ABCDEFGHJKMNPQ")
	for name, query := range map[string]url.Values{
		"Tampered": tampered, "Repeated": repeated, "Empty": {}, "Nil": nil,
		"OtherKey":      signNotice(evilKey(), back()),
		"OtherApp":      signNotice(platformKey(), back("app_id", "9021000100000002")),
		"OtherMerchant": signNotice(platformKey(), back("seller_id", "2088000100000002")),
		"Certificate":   signNotice(platformKey(), back("alipay_cert_sn", "0123456789abcdef")),
		"NoPayment":     signNotice(platformKey(), back("out_trade_no", "")),
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := rail.ReadReturn(query); !errors.Is(err, gateways.ErrUnverified) || got != "" {
				t.Errorf("got %q, %v; want ErrUnverified", got, err)
			}
		})
	}
}
