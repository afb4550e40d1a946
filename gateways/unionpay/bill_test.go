package unionpay_test

import (
	"archive/zip"
	"bytes"
	"compress/zlib"
	_ "embed"
	"encoding/base64"
	"errors"
	"io"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ztc-portal/gateways"
	"ztc-portal/gateways/sandbox"
	"ztc-portal/gateways/unionpay"
	"ztc-portal/models"
)

// sample is a ZM file put together from the specification's positions: two
// payments, one of the day before, and a refund in part. A name in it is GBK.
//
//go:embed testdata/zm_sample.txt
var sample []byte

var (
	billNoon = time.Date(2026, 3, 4, 4, 0, 0, 0, time.UTC)
	zmName   = "INN26030488ZM_" + testMerID
	billed   = []models.BillLine{
		{TradeNo: "202603042000001234568", OutTradeNo: testNo, OrderFen: 1600_00, AmountFen: 1600_00, FeeFen: -9_60, FinishedAt: time.Date(2026, 3, 4, 12, 1, 0, 0, time.UTC)},
		{TradeNo: "202603032359001234569", OutTradeNo: "R260303ABCDEFGHJKMNPR", OrderFen: 1, AmountFen: 1, FinishedAt: time.Date(2026, 3, 3, 15, 59, 59, 0, time.UTC)},
		{
			TradeNo: "202603042000001234568", OutTradeNo: testNo, RequestNo: "F260304ABCDEFGHJKMNPQ", OrderFen: -100_00, AmountFen: -100_00, FeeFen: 60,
			FinishedAt: time.Date(2026, 3, 4, 13, 0, 0, 0, time.UTC),
		},
	}
)

// zipped packs files, name and content in turn.
func zipped(t testing.TB, files ...string) []byte {
	t.Helper()
	var packed bytes.Buffer
	archive := zip.NewWriter(&packed)
	for i := 0; i < len(files); i += 2 {
		file, err := archive.Create(files[i])
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(file, files[i+1])
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

// content is how an answer holds it.
func content(t testing.TB, packed []byte) string {
	t.Helper()
	var deflated bytes.Buffer
	stream := zlib.NewWriter(&deflated)
	stream.Write(packed)
	if err := stream.Close(); err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(deflated.Bytes())
}

func readAll(reader gateways.BillReader, err error) (lines []models.BillLine, _ error) {
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

func TestSettlementFileIsRead(t *testing.T) {
	t.Parallel()
	short := strings.ReplaceAll(string(sample), strings.Repeat(" ", 98)+"\r\n", "\n") // what is reserved may be cut off
	for name, packed := range map[string][]byte{
		"as it is":        zipped(t, zmName, string(sample)),
		"beside others":   zipped(t, "INN26030488ZME_"+testMerID, "whatever", zmName, string(sample), "INN26030488ZMSUM_"+testMerID, "x"),
		"below a folder":  zipped(t, `20260304\`+zmName, string(sample)),
		"without the end": zipped(t, zmName, short),
		"in two files":    zipped(t, zmName, string(sample[:609]), zmName+"_2", string(sample[609:])),
		"without a break": zipped(t, zmName, strings.TrimSuffix(string(sample), "\r\n")),
	} {
		lines, err := readAll(unionpay.OpenBill(packed, testMerID, billNoon))
		if err != nil || cmp.Diff(billed, lines) != "" {
			t.Errorf("%s: %v\n%s", name, err, cmp.Diff(billed, lines))
		}
	}
}

func TestSettlementFileThatCantBeReadIsRefused(t *testing.T) {
	t.Parallel()
	altered := func(old, now string) string {
		if !strings.Contains(string(sample), old) || len(old) != len(now) {
			t.Fatalf("%q is not what stands there", old)
		}
		return strings.Replace(string(sample), old, now, 1)
	}
	for name, table := range map[string]string{
		"another merchant":      altered(testMerID, "777290058110097"),
		"an amount in yuan":     altered("000000160000", "000001600.00"),
		"no amount":             altered("000000160000", "            "),
		"nothing":               altered("000000000001 7311", "000000000000 7311"),
		"a fee without a sign":  altered("D000000000960", "0000000000960"),
		"sums that differ":      altered("C000000159040", "C000000159041"),
		"a fee for us":          altered("D000000000960", "C000000000960"),
		"a refund that adds":    altered("D000000009940", "C000000009940"),
		"no time":               altered("0304200100", "1304200100"),
		"a void":                altered("04 00 000201", "31 00 000201"),
		"no number":             altered("202603042000001234568 ", strings.Repeat(" ", 22)),
		"no order":              altered(testNo, strings.Repeat(" ", len(testNo))),
		"cut off":               string(sample[:300]),
		"shifted":               " " + string(sample),
		"a line without end":    strings.Repeat("x", 5000),
		"no lines at all of ZM": "x\n",
	} {
		lines, err := readAll(unionpay.OpenBill(zipped(t, zmName, table), testMerID, billNoon))
		if !errors.Is(err, gateways.ErrBillUnreadable) {
			t.Errorf("%s: %v, %v", name, lines, err)
		}
	}
	for name, packed := range map[string][]byte{
		"no zip": []byte("no zip"), "empty": {}, "no such file": zipped(t, "readme", "x"), "cut off": zipped(t, zmName, string(sample))[:200],
	} {
		if _, err := readAll(unionpay.OpenBill(packed, testMerID, billNoon)); !errors.Is(err, gateways.ErrBillUnreadable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	broken := zipped(t, zmName, string(sample))
	broken[len(zmName)+60] ^= 0xff
	if _, err := readAll(unionpay.OpenBill(broken, testMerID, billNoon)); !errors.Is(err, gateways.ErrBillUnreadable) {
		t.Errorf("a byte turned: %v", err)
	}
}

func TestBillIsFetched(t *testing.T) {
	t.Parallel()
	good := content(t, zipped(t, zmName, string(sample)))
	for name, tt := range map[string]struct {
		changes []string
		err     error
	}{
		"there":             {[]string{"fileContent", good, "settleDate", "0304"}, nil},
		"not yet":           {[]string{"respCode", "98"}, gateways.ErrBillNotYet},
		"busy":              {[]string{"respCode", "06"}, gateways.ErrUnavailable},
		"not permitted":     {[]string{"respCode", "32"}, gateways.ErrRefused},
		"another day's":     {[]string{"fileContent", good, "settleDate", "0303"}, gateways.ErrUnavailable},
		"another merchant":  {[]string{"fileContent", good, "merId", "777290058110097"}, gateways.ErrUnavailable},
		"nothing in it":     {[]string{"fileContent", ""}, gateways.ErrBillUnreadable},
		"no base64":         {[]string{"fileContent", "***"}, gateways.ErrBillUnreadable},
		"not deflated":      {[]string{"fileContent", base64.StdEncoding.EncodeToString([]byte("x"))}, gateways.ErrBillUnreadable},
		"deflated, cut off": {[]string{"fileContent", good[:40]}, gateways.ErrBillUnreadable},
	} {
		rail, gateway := billing(t, tt.changes...)
		lines, err := readAll(rail.Bill(t.Context(), "2026-03-04"))
		if !errors.Is(err, tt.err) || tt.err == nil && cmp.Diff(billed, lines) != "" {
			t.Errorf("%s: %v, %v", name, lines, err)
		}
		sent := gateway.asked[0]
		if sent.Get("txnType") != "76" || sent.Get("settleDate") != "0304" || sent.Get("fileType") != "00" || sent.Get("txnTime") != "20260304200500" {
			t.Errorf("%s: asked %v", name, sent)
		}
	}
	rail, gateway := billing(t)
	for _, day := range []string{"2026-03-05", "2025-03-04", "today", ""} {
		if _, err := rail.Bill(t.Context(), day); !errors.Is(err, gateways.ErrRefused) {
			t.Errorf("%q: %v", day, err)
		}
	}
	if len(gateway.asked) != 0 {
		t.Error("days without an answer are asked for")
	}
}

// billing answers as the host of settlement files: it names no order.
func billing(t *testing.T, changes ...string) (*unionpay.Rail, *canned) {
	t.Helper()
	gateway := &canned{answer: func(url.Values) url.Values {
		return message(append([]string{"orderId", "", "txnTime", "", "txnAmt", "", "queryId", "", "txnType", "76"}, changes...)...)
	}}
	return newRail(t, serve(t, gateway)), gateway
}

// The sandbox writes what was paid and given back, and the rail reads it.
func TestBillOfTheSandbox(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64
	r := newRig(t, func() time.Time { return testNow.Add(time.Duration(ahead.Load())) })
	notify, back := r.URLs()
	order := testOrder()
	order.NotifyURL, order.ReturnURL = notify, back
	checkout, err := r.rail.Open(t.Context(), order)
	if err != nil {
		t.Fatal(err)
	}
	r.Arrive(t, order, checkout)
	paid, err := r.far.Pay(t.Context(), order.OutTradeNo, sandbox.FaultNotifyLost)
	if err != nil {
		t.Fatal(err)
	}
	refund := testRefund()
	refund.Ref = order.Ref()
	if _, err := r.rail.Refund(t.Context(), refund); err != nil {
		t.Fatal(err)
	}
	if _, err := r.rail.Bill(t.Context(), "2026-03-04"); !errors.Is(err, gateways.ErrBillNotYet) {
		t.Errorf("on the very day: %v", err)
	}
	ahead.Store(int64(20 * time.Hour))
	lines, err := readAll(r.rail.Bill(t.Context(), "2026-03-04"))
	want := []models.BillLine{
		{TradeNo: paid.TradeNo, OutTradeNo: testNo, OrderFen: 1600_00, AmountFen: 1600_00, FinishedAt: testNow},
		{TradeNo: paid.TradeNo, OutTradeNo: testNo, RequestNo: refundNo, OrderFen: -100_00, AmountFen: -100_00, FinishedAt: testNow},
	}
	if err != nil || cmp.Diff(want, lines) != "" {
		t.Errorf("%v\n%s", err, cmp.Diff(want, lines))
	}
	if _, err := r.rail.Bill(t.Context(), "2026-03-03"); !errors.Is(err, gateways.ErrBillNotYet) {
		t.Errorf("a day without trades: %v", err)
	}
}
