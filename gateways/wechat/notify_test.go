package wechat_test

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"ztc-portal/gateways"
	"ztc-portal/gateways/conformance"
	"ztc-portal/gateways/wechat"
	"ztc-portal/models"
)

func TestNotifyOfAPayment(t *testing.T) {
	rail := newRail(t, noGateway)
	plain := paid()
	message := genuine().signed(paidNotice(plain))
	got, err := rail.ReadNotify(message.Header, message.Body)
	want := models.Receipt{
		Rail: models.RailWechat, OutTradeNo: testNo, GatewayTradeNo: "4200000000202603040000000001", State: models.TradePaid, AmountFen: 1600_00,
		Currency: "CNY", Payee: testMch, PaidAt: time.Date(2026, 3, 4, 12, 1, 0, 0, time.UTC), Raw: plain.encode(),
	}
	if err != nil || got != want {
		t.Errorf("%+v, %v\nwant %+v", got, err, want)
	}
}

func TestNotifyOfARefundIsNoCredit(t *testing.T) {
	rail := newRail(t, noGateway)
	for _, event := range []string{"REFUND.SUCCESS", "REFUND.ABNORMAL", "REFUND.CLOSED"} {
		message := genuine().signed(envelope(event, "refund", testAPIKey, refunded().encode()))
		got, err := rail.ReadNotify(message.Header, message.Body)
		if err != nil || !got.RefundNotice || got.RefundNo != "F0001REFUND" || got.OutTradeNo != testNo || !got.PaidAt.IsZero() || got.Payee != testMch {
			t.Errorf("%s: %+v, %v", event, got, err)
		}
	}
	// A payment's content under a refund's event is still no credit, and a
	// refund's content under a payment's event is nobody's payment.
	message := genuine().signed(envelope("REFUND.SUCCESS", "refund", testAPIKey, paid().encode()))
	if got, err := rail.ReadNotify(message.Header, message.Body); err == nil && !got.RefundNotice {
		t.Errorf("%+v", got)
	}
	mustNotRead(t, rail, "a refund as a payment", genuine().signed(envelope("TRANSACTION.SUCCESS", "transaction", testAPIKey, refunded().encode())))
}

func TestNotifyByTheNextKey(t *testing.T) {
	rail := newRail(t, noGateway)
	message := signer{nextKey(), nextKeyID, time.Now()}.signed(paidNotice(paid()))
	if got, err := rail.ReadNotify(message.Header, message.Body); err != nil || got.State != models.TradePaid {
		t.Errorf("%+v, %v", got, err)
	}
	mustNotRead(t, rail, "under the other's name", signer{nextKey(), testKeyID, time.Now()}.signed(paidNotice(paid())))
}

// A genuine message is good for five minutes, before and after.
func TestNotifyWindow(t *testing.T) {
	rail := newRail(t, noGateway)
	for off, good := range map[time.Duration]bool{
		-295 * time.Second: true, 295 * time.Second: true, -301 * time.Second: false, 305 * time.Second: false, -24 * time.Hour: false,
	} {
		message := signer{platformKey(), testKeyID, time.Now().Add(off)}.signed(paidNotice(paid()))
		_, err := rail.ReadNotify(message.Header, message.Body)
		if good && err != nil || !good && !errors.Is(err, gateways.ErrUnverified) {
			t.Errorf("%v off: %v", off, err)
		}
	}
}

func mustNotRead(t *testing.T, rail *wechat.Rail, name string, message conformance.Message) {
	t.Helper()
	got, err := rail.ReadNotify(message.Header, message.Body)
	if !errors.Is(err, gateways.ErrUnverified) || got != (models.Receipt{}) {
		t.Errorf("%s: got %+v, %v; want ErrUnverified", name, got, err)
	}
	if err != nil && (strings.Contains(err.Error(), testAPIKey) || strings.Contains(err.Error(), "ciphertext")) {
		t.Errorf("%s: the error tells too much: %v", name, err)
	}
}

// resource gives a notice with its sealed part changed.
func resource(notice fields, name string, value any) fields {
	return notice.with("resource", notice["resource"].(fields).with(name, value))
}

func TestNotifiesThatAreRefused(t *testing.T) {
	rail := newRail(t, noGateway)
	notice := paidNotice(paid())
	for name, body := range map[string]fields{
		"nonce of 11 bytes":    resource(notice, "nonce", "12345678901"),
		"nonce of 13 bytes":    resource(notice, "nonce", "1234567890123"),
		"no nonce":             resource(notice, "nonce", nil),
		"no resource":          notice.with("resource", nil),
		"another algorithm":    resource(notice, "algorithm", "AEAD_SM4_GCM"),
		"other associated":     resource(notice, "associated_data", "refund"),
		"ciphertext cut":       resource(notice, "ciphertext", "AAAA"),
		"ciphertext no base64": resource(notice, "ciphertext", "?"),
		"ciphertext changed":   resource(notice, "ciphertext", base64.StdEncoding.EncodeToString(make([]byte, 300))),
		"sealed by another":    envelope("TRANSACTION.SUCCESS", "transaction", strings.Repeat("k", 32), paid().encode()),
		"another event":        envelope("PAYSCORE.USER_PAID", "transaction", testAPIKey, paid().encode()),
		"no event":             notice.with("event_type", nil),
		"another merchant":     paidNotice(paid().with("mchid", "1900000002")),
		"another app":          paidNotice(paid().with("appid", "wxffffffffffffffff")),
		"no app":               paidNotice(paid().with("appid", nil)),
		"another's refund":     refundNotice(refunded().with("mchid", "1900000002")),
		"null inside":          envelope("TRANSACTION.SUCCESS", "transaction", testAPIKey, "null"),
		"a list inside":        envelope("TRANSACTION.SUCCESS", "transaction", testAPIKey, "[]"),
		"half inside":          envelope("TRANSACTION.SUCCESS", "transaction", testAPIKey, `{"appid"`),
		"parts of a fen":       paidNotice(paid().with("amount", fields{"total": 0.5, "currency": "CNY"})),
	} {
		mustNotRead(t, rail, name, genuine().signed(body))
	}
	for _, text := range []string{"", "null", "[]", "x", "{}", `{"resource":null}`} {
		mustNotRead(t, rail, text, conformance.Message{Header: genuine().headers(text), Body: []byte(text)})
	}
	mustNotRead(t, rail, "too long", genuine().signed(notice.with("summary", strings.Repeat("x", 64<<10))))
}

func TestNotifyHeadersAreReadInOneWay(t *testing.T) {
	rail := newRail(t, noGateway)
	text := paidNotice(paid()).encode()
	for name, change := range map[string]func(http.Header){
		"no serial":        func(h http.Header) { h.Del("Wechatpay-Serial") },
		"no nonce":         func(h http.Header) { h.Del("Wechatpay-Nonce") },
		"no time":          func(h http.Header) { h.Del("Wechatpay-Timestamp") },
		"no signature":     func(h http.Header) { h.Del("Wechatpay-Signature") },
		"two signatures":   func(h http.Header) { h.Add("Wechatpay-Signature", "AAAA") },
		"two serials":      func(h http.Header) { h.Add("Wechatpay-Serial", nextKeyID) },
		"time with a plus": func(h http.Header) { h.Set("Wechatpay-Timestamp", "+"+h.Get("Wechatpay-Timestamp")) },
		"spaced nonce":     func(h http.Header) { h.Set("Wechatpay-Nonce", " "+h.Get("Wechatpay-Nonce")) },
		"another scheme":   func(h http.Header) { h.Set("Wechatpay-Signature-Type", "WECHATPAY2-SM2-WITH-SM3") },
		"two schemes": func(h http.Header) {
			h["Wechatpay-Signature-Type"] = []string{"WECHATPAY2-SHA256-RSA2048", "x"}
		},
		"a probe": func(h http.Header) {
			h.Set("Wechatpay-Signature", "WECHATPAY/SIGNTEST/"+h.Get("Wechatpay-Signature"))
		},
	} {
		header := genuine().headers(text)
		change(header)
		mustNotRead(t, rail, name, conformance.Message{Header: header, Body: []byte(text)})
	}
	header := genuine().headers(text)
	header.Set("Wechatpay-Signature-Type", "WECHATPAY2-SHA256-RSA2048")
	if _, err := rail.ReadNotify(header, []byte(text)); err != nil {
		t.Errorf("with the scheme named: %v", err)
	}
}

func TestDenial(t *testing.T) {
	status, contentType, body := newRail(t, noGateway).Deny()
	if status != http.StatusUnauthorized || contentType != "application/json" || body != `{"code":"FAIL","message":"not verified"}` {
		t.Errorf("%d %s %s", status, contentType, body)
	}
}

// The sandbox tells a refund once it is done, and the rail reads whose it is.
func TestSandboxTellsTheRefund(t *testing.T) {
	rig := newRig(t)
	order := testOrder()
	order.NotifyURL, order.ExpiresAt = rig.Inbox, time.Now().Add(30*time.Minute)
	checkout, err := rig.rail.Open(t.Context(), order)
	if err != nil {
		t.Fatal(err)
	}
	rig.Arrive(t, order, checkout)
	rig.Pay(t, order)
	rig.Notify(t, testNo)
	refund := gateways.RefundOrder{Ref: order.Ref(), RequestNo: "F0001REFUND", AmountFen: 50_00, PaidFen: 1600_00, NotifyURL: rig.Inbox}
	if _, err := rig.rail.Refund(t.Context(), refund); err != nil {
		t.Fatal(err)
	}
	message := rig.Notify(t, refundOf(testNo))
	got, err := rig.rail.ReadNotify(message.Header, message.Body)
	if err != nil || !got.RefundNotice || got.RefundNo != "F0001REFUND" || got.OutTradeNo != testNo {
		t.Errorf("%+v, %v", got, err)
	}
	if done, err := rig.rail.RefundQuery(t.Context(), refund); err != nil || done.State != gateways.RefundDone {
		t.Errorf("told, and now %+v, %v", done, err)
	}
}
