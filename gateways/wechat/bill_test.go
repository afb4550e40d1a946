package wechat_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ztc-portal/gateways"
	"ztc-portal/gateways/gatewaystest"
	"ztc-portal/gateways/sandbox"
	"ztc-portal/gateways/wechat"
	"ztc-portal/models"
)

const billHead = "\ufeff交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注\r\n"
const billSums = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额\r\n"

const (
	rowPaid     = "`2026-03-04 20:01:00,`wx0123456789abcdef,`1900000001,`0,`,`4200000000202603040000000001,`R260304ABCDEFGHJKMNPQ,`o-1,`NATIVE,`SUCCESS,`OTHERS,`CNY,`1600.00,`0.00,`0,`0,`0.00,`0.00,`,`,`充值, \"A\",`note,`9.60000,`0.60%,`1600.00,`0.00,`\r\n"
	rowCoupon   = "`2026-03-04 21:01:00,`wx0123456789abcdef,`1900000001,`0,`,`4200000000202603040000000002,`R260304ABCDEFGHJKMNPR,`o-1,`MWEB,`SUCCESS,`OTHERS,`CNY,`60.00,`4.10,`0,`0,`0.00,`0.00,`,`,`充值,`,`0.36000,`0.60%,`64.10,`0.00,`\r\n"
	rowRefunded = "`2026-03-04 22:00:00,`wx0123456789abcdef,`1900000001,`0,`,`4200000000202603040000000001,`R260304ABCDEFGHJKMNPQ,`o-1,`NATIVE,`REFUND,`OTHERS,`CNY,`0.00,`0.00,`50300000000000000001,`F0001REFUND,`50.00,`0.00,`ORIGINAL,`SUCCESS,`充值,`,`-0.30000,`0.60%,`0.00,`50.00,`\r\n"
	sumsOfThree = "`3,`1660.00,`50.00,`0.00,`9.66000,`1664.10,`50.00\r\n"
)

func pack(text string) (packed []byte, hash string) {
	var b bytes.Buffer
	zip := gzip.NewWriter(&b)
	if _, err := zip.Write([]byte(text)); err != nil {
		panic(err)
	}
	if err := zip.Close(); err != nil {
		panic(err)
	}
	sum := sha1.Sum([]byte(text))
	return b.Bytes(), hex.EncodeToString(sum[:])
}

func readBill(packed []byte, hash string) (lines []models.BillLine, err error) {
	reader, err := wechat.OpenBill(packed, hash, testMch)
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	for {
		line, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return lines, nil
		}
		if err != nil {
			return lines, err
		}
		lines = append(lines, line)
	}
}

func TestBillIsRead(t *testing.T) {
	got, err := readBill(pack(billHead + rowPaid + rowCoupon + rowRefunded + billSums + sumsOfThree))
	want := []models.BillLine{
		{TradeNo: "4200000000202603040000000001", OutTradeNo: testNo, OrderFen: 1600_00, AmountFen: 1600_00, FeeFen: -9_60, FinishedAt: time.Date(2026, 3, 4, 12, 1, 0, 0, time.UTC), Note: "note"},
		{TradeNo: "4200000000202603040000000002", OutTradeNo: "R260304ABCDEFGHJKMNPR", OrderFen: 64_10, AmountFen: 60_00, FeeFen: -36, FinishedAt: time.Date(2026, 3, 4, 13, 1, 0, 0, time.UTC)},
		{TradeNo: "4200000000202603040000000001", OutTradeNo: testNo, RequestNo: "F0001REFUND", OrderFen: -50_00, AmountFen: -50_00, FeeFen: 30, FinishedAt: time.Date(2026, 3, 4, 14, 0, 0, 0, time.UTC)},
	}
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A refund that failed is counted by the bill and moved nothing.
func TestFailedRefundsAreLeftOut(t *testing.T) {
	failed := strings.Replace(rowRefunded, "`SUCCESS,`充值", "`FAIL,`充值", 1)
	got, err := readBill(pack(billHead + failed + billSums + "`1,`0.00,`50.00,`0.00,`0.00,`0.00,`50.00\r\n"))
	if err != nil || len(got) != 0 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestSpoiltBillsAreRefused(t *testing.T) {
	whole := billHead + rowPaid + rowCoupon + rowRefunded + billSums + sumsOfThree
	for name, text := range map[string]string{
		"nothing":               "",
		"a header alone":        billHead,
		"cut before the sums":   billHead + rowPaid,
		"cut before their row":  billHead + rowPaid + billSums,
		"a column is gone":      strings.Replace(whole, "商户退款单号", "x", 1),
		"a row is gone":         strings.Replace(whole, rowCoupon, "", 1),
		"a row is there twice":  strings.Replace(whole, rowCoupon, rowCoupon+rowCoupon, 1),
		"an amount is other":    strings.Replace(whole, "`60.00,`4.10", "`61.00,`4.10", 1),
		"the count is other":    strings.Replace(whole, "`3,`1660.00", "`4,`1660.00", 1),
		"another merchant's":    strings.Replace(whole, "`1900000001", "`1900000002", 1),
		"no number":             strings.Replace(whole, "4200000000202603040000000002", "", 1),
		"no time":               strings.Replace(whole, "2026-03-04 21:01:00", "yesterday", 1),
		"no amount":             strings.Replace(whole, "`60.00,", "`sixty,", 1),
		"a fee of words":        strings.Replace(whole, "9.60000", "9.6e1", 1),
		"a state that is none":  strings.Replace(whole, "`SUCCESS,`OTHERS,`CNY,`60", "`REVOKED,`OTHERS,`CNY,`60", 1),
		"a refund of no number": strings.Replace(whole, "F0001REFUND", "", 1),
		"a row without ticks":   strings.Replace(whole, "`", "", 1),
		"a row that is short":   strings.Replace(whole, ",`申请", "", 1) + "`1\r\n",
		"a row under the sums":  whole + sumsOfThree,
		"sums twice":            whole + billSums + sumsOfThree,
		"a line without end":    billHead + "`" + strings.Repeat("x", 70<<10),
	} {
		got, err := readBill(pack(text))
		if !errors.Is(err, gateways.ErrBillUnreadable) {
			t.Errorf("%s: %d lines, %v", name, len(got), err)
		}
	}
	packed, _ := pack(whole)
	_, other := pack(whole + "\r\n")
	if _, err := readBill(packed, other); !errors.Is(err, gateways.ErrBillUnreadable) {
		t.Errorf("another hash: %v", err)
	}
	packed, hash := pack(whole)
	for name, spoilt := range map[string][]byte{"no gzip": []byte(whole), "cut": packed[:len(packed)-9]} {
		if _, err := readBill(spoilt, hash); !errors.Is(err, gateways.ErrBillUnreadable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBillAnswers(t *testing.T) {
	for code, want := range map[string]error{"STATEMENT_CREATING": gateways.ErrBillNotYet, "NO_STATEMENT_EXIST": gateways.ErrBillEmpty, "PARAM_ERROR": gateways.ErrRefused} {
		rail, gateway := answering(t, 400, refusal(code))
		if _, err := rail.Bill(t.Context(), "2026-03-04"); !errors.Is(err, want) {
			t.Errorf("%s: %v", code, err)
		}
		if uri := gateway.asked[0].uri; uri != "/v3/bill/tradebill?bill_date=2026-03-04&bill_type=ALL&tar_type=GZIP" {
			t.Errorf("asked %s", uri)
		}
	}
	for body, want := range map[string]error{
		`{"hash_type":"MD5","hash_value":"x","download_url":"http://127.0.0.1:1/"}`:  gateways.ErrBillUnreadable,
		`{"hash_type":"SHA1","hash_value":"","download_url":"http://127.0.0.1:1/"}`:  gateways.ErrBillUnreadable,
		`{"hash_type":"SHA1","hash_value":"x","download_url":"file:///etc/passwd"}`:  gateways.ErrUnavailable,
		`{"hash_type":"SHA1","hash_value":"x","download_url":"http://127.0.0.1:1/"}`: gateways.ErrUnavailable,
	} {
		rail, _ := answering(t, 200, body)
		if _, err := rail.Bill(t.Context(), "2026-03-04"); !errors.Is(err, want) {
			t.Errorf("%s: %v", body, err)
		}
	}
	rail := newRail(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/v3/bill/") {
			(&cannedGateway{status: 200, body: `{"hash_type":"SHA1","hash_value":"x","download_url":"http://` + r.Host + `/file?token=secret"}`, by: genuine()}).ServeHTTP(w, r)
			return
		}
		http.Error(w, "gone", http.StatusNotFound)
	})))
	if _, err := rail.Bill(t.Context(), "2026-03-04"); !errors.Is(err, gateways.ErrUnavailable) || strings.Contains(err.Error(), "secret") {
		t.Errorf("a file that is gone: %v", err)
	}
}

// The sandbox's bill of a day with a payment and a part of it refunded.
func TestSandboxBill(t *testing.T) {
	noon := time.Date(2026, 3, 4, 4, 0, 0, 0, time.UTC) // in Beijing
	var past atomic.Int64                               // since noon; the sandbox's notifier looks at its clock too
	now := func() time.Time { return noon.Add(time.Duration(past.Load())) }
	far, err := sandbox.OpenWechat(sandbox.Options{DataDir: t.TempDir(), Now: now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { far.Close(context.Background()) })
	m := far.WechatMerchant()
	rail, err := wechat.New(wechat.Config{
		BaseURL: serve(t, far.Handler()), MchID: m.MchID, AppID: m.AppID, Serial: m.Serial, PrivateKeyPEM: gatewaystest.Read(t, m.PrivateKeyFile),
		APIKey: gatewaystest.Read(t, m.APIKeyFile), PublicKeys: []wechat.PublicKey{{ID: m.PublicKeyID, PEM: gatewaystest.Read(t, m.PublicKeyFile)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	order := testOrder()
	order.NotifyURL = "http://127.0.0.1:1/notify"
	if _, err := rail.Open(t.Context(), order); err != nil {
		t.Fatal(err)
	}
	if _, err := far.Pay(t.Context(), testNo, sandbox.FaultNotifyLost); err != nil {
		t.Fatal(err)
	}
	refund := gateways.RefundOrder{Ref: order.Ref(), RequestNo: "F0001REFUND", AmountFen: 50_00, PaidFen: 1600_00}
	if _, err := rail.Refund(t.Context(), refund); err != nil {
		t.Fatal(err)
	}
	for _, after := range []time.Duration{0, 22*time.Hour - time.Millisecond} {
		past.Store(int64(after))
		if _, err := rail.Bill(t.Context(), "2026-03-04"); !errors.Is(err, gateways.ErrBillNotYet) {
			t.Errorf("after %v: %v", after, err)
		}
	}
	past.Store(int64(22 * time.Hour)) // 10:00 on the next day
	if _, err := rail.Bill(t.Context(), "2026-03-03"); !errors.Is(err, gateways.ErrBillEmpty) {
		t.Errorf("a day without trades: %v", err)
	}
	reader, err := rail.Bill(t.Context(), "2026-03-04")
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	paid, err := reader.Next()
	back, err2 := reader.Next()
	_, end := reader.Next()
	if err != nil || err2 != nil || !errors.Is(end, io.EOF) {
		t.Fatal(err, err2, end)
	}
	if paid.OutTradeNo != testNo || paid.AmountFen != 1600_00 || paid.IsRefund() || back.RequestNo != "F0001REFUND" || back.AmountFen != -50_00 || back.TradeNo != paid.TradeNo {
		t.Errorf("%+v\n%+v", paid, back)
	}
}
