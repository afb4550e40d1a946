package alipay_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/simplifiedchinese"

	"ztc-portal/gateways"
	"ztc-portal/gateways/alipay"
	"ztc-portal/gateways/gatewaystest"
	"ztc-portal/gateways/sandbox"
	"ztc-portal/models"
)

// The parts of a bill as Alipay writes them.
const (
	billHead = "#支付宝业务明细查询\r\n#账号：[20880001000000010156]\r\n#起始日期：[2026年03月04日 00:00:00]   终止日期：[2026年03月05日 00:00:00]\r\n" +
		"#-----------------------------------------业务明细列表----------------------------------------\r\n"
	billColumns = "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,订单金额（元）,商家实收（元）," +
		"支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注\r\n"
	billFoot = "#-----------------------------------------业务明细列表结束------------------------------------\r\n"
	paidRow  = "2026030422001400000001\t,R260304ABCDEFGHJKMNPQ\t,交易\t,账户充值\t,2026-03-04 20:00:00\t,2026-03-04 20:01:00\t,\t,\t,\t,\t,qww***@sandbox.com\t,64.10\t,64.10\t,0.00\t,0.00\t,0.00\t,0.00\t,0.00\t,\t,0.00\t,0.00\t,\t,-0.38\t,0.00\t,\t\r\n"
)

var paidLine = models.BillLine{
	TradeNo: "2026030422001400000001", OutTradeNo: "R260304ABCDEFGHJKMNPQ", OrderFen: 64_10, AmountFen: 64_10, FeeFen: -38,
	FinishedAt: time.Date(2026, 3, 4, 12, 1, 0, 0, time.UTC),
}

func totals(payments, refunds int) string {
	return fmt.Sprintf("#交易合计：%d笔，商家实收共1.00元，商家优惠共0.00元\r\n#退款合计：%d笔，商家实收退款共-0.00元，商家优惠退款共0.00元\r\n#导出时间：[2026年03月05日 09:00:00]\r\n", payments, refunds)
}

func gbk(t testing.TB, text string) string {
	t.Helper()
	encoded, err := simplifiedchinese.GBK.NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

// zipped packs files, name and content in turn, both as they are.
func zipped(t testing.TB, files ...string) []byte {
	t.Helper()
	var packed bytes.Buffer
	archive := zip.NewWriter(&packed)
	for i := 0; i < len(files); i += 2 {
		file, err := archive.CreateHeader(&zip.FileHeader{Name: files[i], NonUTF8: true, Method: zip.Deflate})
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

// bill packs one table under Alipay's name, with the file of sums beside it.
func bill(t testing.TB, table string) []byte {
	t.Helper()
	return zipped(t, gbk(t, "20880001000000010156_20260304_业务明细.csv"), gbk(t, table),
		gbk(t, "20880001000000010156_20260304_业务明细(汇总).csv"), gbk(t, "#支付宝业务汇总查询\r\n门店编号,门店名称\r\n合计\t,\t\r\n"))
}

func readAll(reader gateways.BillReader) (lines []models.BillLine, err error) {
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

func readBill(packed []byte) ([]models.BillLine, error) {
	reader, err := alipay.OpenBill(packed)
	if err != nil {
		return nil, err
	}
	return readAll(reader)
}

func TestBillWithEveryOddity(t *testing.T) {
	t.Parallel()
	rows := paidRow +
		// a cell in quotes with commas, quotes, a tab and a line break; no tabs elsewhere; refunds are negative
		"2026030422001400000002,R260304ABCDEFGHJKMNPR,退款,\"广告,\"\"充值\"\"\t\n二\",2026-03-04 20:00:00,2026-03-04 23:59:59,,,,,a*,-5.50,-5.50,0.00,0.00,0.00,0.00,0.00,,0.00,0.00,F1,0.03,0.00,\"多付, 退回\"\r\n" +
		"\r\n" +
		// a bare quote within a name is a letter, and a remark with a comma makes one cell more
		"2026030422001400000003\t,R260304ABCDEFGHJKMNPS\t,交易\t,5\" 屏\t,2026-03-04 20:00:00\t,2026-03-04 00:00:00\t,\t,\t,\t,\t,\t,1000000.00\t,999990.00\t,0.00\t,0.00\t,0.00\t,10.00\t,0.00\t,\t,0.00\t,0.00\t,\t,0.00\t,0.00\t,甲,乙\t\r\n" +
		// a whole refund without a number of its own
		"2026030422001400000001\t,R260304ABCDEFGHJKMNPQ\t,退款\t,\t,2026-03-04 20:00:00\t,2026-03-04 21:00:00\t,\t,\t,\t,\t,\t,-64.10\t,-64.10\t,0.00\t,0.00\t,0.00\t,0.00\t,0.00\t,\t,0.00\t,0.00\t,\t,0.38\t,0.00\t,\t\r\n"
	lines, err := readBill(bill(t, billHead+billColumns+rows+billFoot+totals(2, 2)))
	if err != nil {
		t.Fatal(err)
	}
	at := func(clock string) time.Time {
		instant, err := time.Parse(time.DateTime, clock)
		if err != nil {
			t.Fatal(err)
		}
		return instant
	}
	want := []models.BillLine{
		paidLine,
		{TradeNo: "2026030422001400000002", OutTradeNo: "R260304ABCDEFGHJKMNPR", RequestNo: "F1", OrderFen: -5_50, AmountFen: -5_50, FeeFen: 3, FinishedAt: at("2026-03-04 15:59:59"), Note: "多付, 退回"},
		{TradeNo: "2026030422001400000003", OutTradeNo: "R260304ABCDEFGHJKMNPS", OrderFen: 1_000_000_00, AmountFen: 999_990_00, FinishedAt: at("2026-03-03 16:00:00"), Note: "甲"},
		{TradeNo: "2026030422001400000001", OutTradeNo: "R260304ABCDEFGHJKMNPQ", RequestNo: "R260304ABCDEFGHJKMNPQ", OrderFen: -64_10, AmountFen: -64_10, FeeFen: 38, FinishedAt: at("2026-03-04 13:00:00")},
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Error(diff)
	}
}

// Columns are found by name: another order, and columns that nobody knows, change nothing.
func TestBillColumnsAreFoundByName(t *testing.T) {
	t.Parallel()
	table := "新列\t,服务费（元）\t,商家实收（元）\t,订单金额（元）\t,完成时间\t,业务类型\t,商户订单号\t,支付宝交易号\t,退款批次号/请求号\t\n" +
		"x\t,-0.38\t,64.10\t,64.10\t,2026-03-04 20:01:00\t,交易\t,R260304ABCDEFGHJKMNPQ\t,2026030422001400000001\t,\t\n" + billFoot
	lines, err := readBill(bill(t, table))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]models.BillLine{paidLine}, lines); diff != "" {
		t.Error(diff)
	}
}

// A great bill comes in several files.
func TestBillOfSeveralFiles(t *testing.T) {
	t.Parallel()
	second := strings.ReplaceAll(strings.ReplaceAll(paidRow, "400000001", "400000002"), "NPQ", "NPR")
	lines, err := readBill(zipped(t, gbk(t, "业务明细_1.csv"), gbk(t, billHead+billColumns+paidRow+billFoot),
		gbk(t, "业务明细_2.csv"), gbk(t, billHead+billColumns+second+billFoot+totals(1, 0)), "readme.txt", "nothing"))
	if err != nil || len(lines) != 2 || lines[1].TradeNo != "2026030422001400000002" {
		t.Errorf("read %+v, %v", lines, err)
	}
	if lines, err := readBill(bill(t, billHead+billColumns+billFoot+totals(0, 0))); err != nil || len(lines) != 0 {
		t.Errorf("an empty bill reads %v, %v", lines, err)
	}
}

func TestBillThatIsNotWholeIsRefused(t *testing.T) {
	t.Parallel()
	change := func(old, new string) []byte {
		if !strings.Contains(paidRow, old) {
			t.Fatalf("no %q in the row", old)
		}
		return bill(t, billHead+billColumns+strings.Replace(paidRow, old, new, 1)+billFoot)
	}
	whole := bill(t, billHead+billColumns+paidRow+billFoot)
	for name, packed := range map[string][]byte{
		"no zip":                 []byte("<html>busy</html>"),
		"half a zip":             whole[:len(whole)/2],
		"no table":               zipped(t, gbk(t, "业务明细(汇总).csv"), gbk(t, billHead)),
		"no header":              bill(t, billHead+billFoot),
		"a column missing":       bill(t, billHead+strings.Replace(billColumns, "商家实收（元）,", "", 1)+paidRow+billFoot),
		"cut off":                bill(t, billHead+billColumns+paidRow),
		"other count":            bill(t, billHead+billColumns+paidRow+billFoot+totals(2, 0)),
		"other count of refunds": bill(t, billHead+billColumns+paidRow+billFoot+totals(1, 1)),
		"rows below":             bill(t, billHead+billColumns+billFoot+paidRow),
		"quotes without end":     bill(t, billHead+billColumns+"\""+paidRow+billFoot),
		"few cells":              bill(t, billHead+billColumns+"2026030422001400000001,R260304ABCDEFGHJKMNPQ\r\n"+billFoot),
		"amount":                 change("64.10\t,64.10", "64.1x\t,64.10"),
		"no amount":              change("64.10\t,64.10", "64.10\t,"),
		"three decimals":         change("64.10\t,64.10", "64.100\t,64.10"),
		"thousands":              change("64.10\t,64.10", "1,064.10\t,64.10"),
		"payment below zero":     change("64.10\t,64.10", "-64.10\t,-64.10"),
		"refund above zero":      change("交易", "退款"),
		"no trade no":            change("2026030422001400000001", ""),
		"no time":                change("2026-03-04 20:01:00", "2026-03-04"),
		"a line without end":     bill(t, billHead+billColumns+strings.Repeat("x", 70_000)+"\n"+billFoot),
	} {
		if lines, err := readBill(packed); !errors.Is(err, gateways.ErrBillUnreadable) {
			t.Errorf("%s: read %v, %v", name, lines, err)
		}
	}
}

// FuzzBill: whatever the table, no panic, and every line that is read could be
// booked: numbers, a sign that fits, an instant.
func FuzzBill(f *testing.F) {
	f.Add([]byte(gbk(f, billHead+billColumns+paidRow+billFoot+totals(1, 0))))
	f.Add([]byte(gbk(f, billColumns+"\"a\"\"b\"\r\n,\t\"c\n\"x,"+billFoot)))
	f.Add([]byte(gbk(f, "#退款合计：99999999999999999999笔\n")))
	f.Add([]byte{'"', 0x81, '"', '\n', '#', 0xff})
	f.Fuzz(func(t *testing.T, table []byte) {
		lines, err := readBill(zipped(t, "a.csv", string(table)))
		if err != nil && !errors.Is(err, gateways.ErrBillUnreadable) {
			t.Fatalf("a refusal of another kind: %v", err)
		}
		for _, l := range lines {
			if l.TradeNo == "" || l.OutTradeNo == "" || l.FinishedAt.IsZero() || l.IsRefund() && l.AmountFen > 0 || !l.IsRefund() && l.AmountFen < 0 {
				t.Fatalf("read %+v", l)
			}
		}
	})
}

// billGateway answers the question for the bill's address, and serves the file.
func billGateway(t *testing.T, file http.HandlerFunc, path string) (*alipay.Rail, *int) {
	t.Helper()
	asked := 0
	gateway := &cannedGateway{content: map[string]string{}}
	address := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, path) {
			asked++
			file(w, r)
			return
		}
		gateway.ServeHTTP(w, r)
	}))
	gateway.content["alipay.data.dataservice.bill.downloadurl.query"] = fmt.Sprintf(`{"code":"10000","bill_download_url":"%s%s?token=secret"}`, address, path)
	return newRail(t, address), &asked
}

func TestBillIsFetchedOnceFromItsAddress(t *testing.T) {
	packed := bill(t, billHead+billColumns+paidRow+billFoot)
	rail, asked := billGateway(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.RawQuery != "token=secret" {
			t.Errorf("asked for %s %s", r.Method, r.URL)
		}
		w.Write(packed)
	}, "/download")
	reader, err := rail.Bill(t.Context(), "2026-03-04")
	if err != nil {
		t.Fatal(err)
	}
	lines, err := readAll(reader)
	if err != nil || *asked != 1 || !cmp.Equal(lines, []models.BillLine{paidLine}) {
		t.Errorf("fetched %d times: %+v, %v", *asked, lines, err)
	}
}

func TestBillThatCannotBeFetched(t *testing.T) {
	for name, test := range map[string]struct {
		file http.HandlerFunc
		want error
	}{
		"gone":     {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) }, gateways.ErrUnavailable},
		"redirect": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }, gateways.ErrUnavailable},
		"cut off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, "PK")
		}, gateways.ErrUnavailable},
		"too large": {func(w http.ResponseWriter, _ *http.Request) {
			for sent := 0; sent <= alipay.MaxBillBytes; sent += 1 << 20 {
				if _, err := w.Write(make([]byte, 1<<20)); err != nil {
					return
				}
			}
		}, gateways.ErrBillUnreadable},
	} {
		t.Run(name, func(t *testing.T) {
			rail, _ := billGateway(t, test.file, "/download")
			_, err := rail.Bill(t.Context(), "2026-03-04")
			if !errors.Is(err, test.want) || strings.Contains(err.Error(), "secret") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestBillAnswers(t *testing.T) {
	for content, want := range map[string]error{
		refusalAnswer("40004", "BILL_NOT_EXIST"):                                 gateways.ErrBillNotYet,
		refusalAnswer("40004", "NO_BILL_DATA"):                                   gateways.ErrBillEmpty,
		refusalAnswer("40004", "INVAILID_ARGUMENTS"):                             gateways.ErrRefused,
		refusalAnswer("20000", "isp.unknow-error"):                               gateways.ErrUnavailable,
		`{"code":"10000"}`:                                                       gateways.ErrUnavailable,
		`{"code":"10000","bill_download_url":"file:///etc/passwd"}`:              gateways.ErrUnavailable,
		`{"code":"10000","bill_download_url":"http://user:pass@127.0.0.1:1/x"}`:  gateways.ErrUnavailable,
		`{"code":"10000","bill_download_url":"http://127.0.0.1:1/nobody-there"}`: gateways.ErrUnavailable,
	} {
		rail := newRail(t, serve(t, &cannedGateway{content: map[string]string{"alipay.data.dataservice.bill.downloadurl.query": content}}))
		if _, err := rail.Bill(t.Context(), "2026-03-04"); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", content, err, want)
		}
	}
}

// The sandbox's bill, written by other hands, says what was paid there.
func TestBillOfTheSandbox(t *testing.T) {
	now := time.Date(2026, 11, 24, 2, 0, 0, 0, time.UTC)
	far := gatewaystest.OpenAlipay(t, func() time.Time { return now })
	paid, err := far.Rail.Open(t.Context(), gateways.Order{
		OutTradeNo: "R261124ABCDEFGHJKMNPQ", AmountFen: 300_00, Subject: "账户充值", ExpiresAt: now.Add(time.Hour),
		NotifyURL: far.URL + "/nobody", ReturnURL: far.URL,
	})
	if err != nil {
		t.Fatal(err)
	}
	trade, err := far.PayByScan(t.Context(), paid.QRContent, sandbox.FaultNotifyLost)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := far.Rail.Bill(t.Context(), "2026-11-24"); !errors.Is(err, gateways.ErrBillNotYet) {
		t.Errorf("on the day itself: %v", err)
	}
	if _, err := far.Rail.Bill(t.Context(), "2026-11-22"); !errors.Is(err, gateways.ErrBillEmpty) {
		t.Errorf("of an empty day: %v", err)
	}
	now = now.Add(24 * time.Hour)
	reader, err := far.Rail.Bill(t.Context(), "2026-11-24")
	if err != nil {
		t.Fatal(err)
	}
	lines, err := readAll(reader)
	want := []models.BillLine{{
		TradeNo: trade.TradeNo, OutTradeNo: "R261124ABCDEFGHJKMNPQ", OrderFen: 300_00, AmountFen: 300_00,
		FinishedAt: time.Date(2026, 11, 24, 2, 0, 0, 0, time.UTC),
	}}
	if diff := cmp.Diff(want, lines); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
}

// BenchmarkBill reads a bill of 100,000 lines.
func BenchmarkBill(b *testing.B) {
	const size = 100_000
	var table strings.Builder
	table.WriteString(billHead + billColumns)
	for i := range size {
		table.WriteString(strings.Replace(paidRow, "2026030422001400000001", fmt.Sprintf("2026030422001%09d", i), 1))
	}
	table.WriteString(billFoot + totals(size, 0))
	packed := bill(b, table.String())
	b.SetBytes(int64(len(packed)))
	for b.Loop() {
		if lines, err := readBill(packed); err != nil || len(lines) != size {
			b.Fatalf("read %d lines, %v", len(lines), err)
		}
	}
}
