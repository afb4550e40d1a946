package sandbox_test

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"

	"ztc-portal/gateways/sandbox"
)

const billMethod = "alipay.data.dataservice.bill.downloadurl.query"

func (b *bench) billAddress(date string) string {
	b.Helper()
	answer := b.call(billMethod, fields{"bill_type": "trade", "bill_date": date})
	b.want("code", answer["code"], "10000")
	return answer["bill_download_url"].(string)
}

// unpack gives the files of a bill by name, both decoded from GBK.
func (b *bench) unpack(address string) map[string]string {
	b.Helper()
	response, packed := b.get(address)
	b.want("download", response.StatusCode, http.StatusOK)
	gbk := simplifiedchinese.GBK.NewDecoder()
	files := map[string]string{}
	for _, file := range must(zip.NewReader(bytes.NewReader([]byte(packed)), int64(len(packed))))(b.T).File {
		b.want("name is marked UTF-8", file.Flags&0x800 != 0, false)
		reader := must(file.Open())(b.T)
		text := must(io.ReadAll(reader))(b.T)
		reader.Close()
		files[must(gbk.String(file.Name))(b.T)] = string(must(gbk.Bytes(text))(b.T))
	}
	return files
}

func TestBillListsPaymentsAndRefundsOfTheDay(t *testing.T) {
	b := newBench(t)
	comma := b.order("R1")
	comma["subject"] = `广告,"充值" 😀`
	b.choose(b.reach(comma), "pay", "notify_lost")
	b.pay("R2", sandbox.FaultWrongAmountPaid)
	b.reach(b.order("R3")) // waits: not in the bill
	b.call("alipay.trade.refund", fields{"out_trade_no": "R2", "refund_amount": "5.50", "out_request_no": "F1", "refund_reason": "test"})
	b.clock.Advance(14 * time.Hour) // 00:00 of the next day in Beijing
	b.pay("R4", sandbox.FaultNone)
	b.clock.Advance(9 * time.Hour)

	files := b.unpack(b.billAddress("2026-11-24"))
	b.want("files", len(files), 2)
	seller := b.box.Merchant().SellerID
	detail := files[seller+"_20261124_业务明细.csv"]
	_, table, _ := strings.Cut(detail, "业务明细列表----------------------------------------\n")
	table, tail, _ := strings.Cut(table, "#---")
	rows := must(csv.NewReader(strings.NewReader(table)).ReadAll())(t)
	b.want("rows", len(rows), 4)
	cell := func(row int, name string) string {
		for i, title := range rows[0] {
			if title == name {
				return strings.TrimSuffix(rows[row][i], "\t")
			}
		}
		t.Fatalf("no column %s", name)
		return ""
	}
	b.want("columns", len(rows[0]), 25)
	wants := []map[string]string{
		{"商户订单号": "R1", "业务类型": "交易", "订单金额（元）": "16.50", "商家实收（元）": "16.50", "完成时间": "2026-11-24 10:00:00"},
		{"商户订单号": "R2", "业务类型": "交易", "订单金额（元）": "15.50", "退款批次号/请求号": ""},
		{"商户订单号": "R2", "业务类型": "退款", "订单金额（元）": "-5.50", "退款批次号/请求号": "F1", "备注": "test"},
	}
	for i, want := range wants {
		for name, value := range want {
			b.want(name, cell(i+1, name), value)
		}
	}
	b.want("trade no", cell(1, "支付宝交易号"), must(b.box.Trade(t.Context(), "R1"))(t).TradeNo)
	if !strings.HasPrefix(cell(1, "商品名称"), `广告,"充值" `) {
		t.Errorf("subject is %s", cell(1, "商品名称"))
	}
	for _, line := range []string{"#交易合计：2笔，商家实收共32.00元", "#退款合计：1笔，商家实收退款共-5.50元", "#导出时间：[2026年11月25日 09:00:00]"} {
		if !strings.Contains(tail, line) {
			t.Errorf("the bill does not say %s", line)
		}
	}
	if summary := files[seller+"_20261124_业务明细(汇总).csv"]; !strings.Contains(summary, "合计\t,\t,2\t,1\t,26.50\t") {
		t.Errorf("summary is %s", summary)
	}
}

func TestBillIsReadyTheNextMorningAndItsAddressLivesForSeconds(t *testing.T) {
	b := newBench(t)
	b.pay("R1", sandbox.FaultNotifyLost)
	ask := func(kind, date string) any {
		return b.call(billMethod, fields{"bill_type": kind, "bill_date": date})["sub_code"]
	}
	b.clock.Advance(23*time.Hour - time.Second)
	b.want("before nine", ask("trade", "2026-11-24"), "BILL_NOT_EXIST")
	b.clock.Advance(time.Second)
	b.want("day without payments", ask("trade", "2026-11-23"), "NO_BILL_DATA")
	b.want("no date", ask("trade", "yesterday"), "ACQ.INVALID_PARAMETER")
	b.want("no kind", ask("all", "2026-11-24"), "ACQ.INVALID_PARAMETER")
	b.want("month not over", ask("trade", "2026-11"), "BILL_NOT_EXIST")

	address := b.billAddress("2026-11-24")
	b.clock.Advance(29 * time.Second)
	b.unpack(address)
	b.clock.Advance(time.Second)
	response, _ := b.get(address)
	b.want("after 30 seconds", response.StatusCode, http.StatusGone)

	b.clock.Advance(9 * 24 * time.Hour)
	b.want("files of the month", len(b.unpack(b.billAddress("2026-11"))), 2)
}
