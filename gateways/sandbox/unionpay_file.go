package sandbox

import (
	"archive/zip"
	"bytes"
	"compress/zlib"
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"time"
)

// settlementFile gives the file of a settlement day, which here is the day in
// Beijing: a zip, deflated, in base64. Code 98: there is none, or not yet.
func (w *unionpayWire) settlementFile(ctx context.Context, request map[string]string) (map[string]string, error) {
	if request["txnSubType"] != "01" || request["fileType"] != "00" {
		return nil, &unionpayRefusal{"10", "txnSubType must be 01, fileType 00"}
	}
	var day time.Time
	var lines []billLine
	err := w.store.inTx(ctx, func(t *tx) (err error) {
		year := t.now.In(beijing).Year()
		for _, y := range []int{year, year - 1} { // the newest that is over
			day, err = time.ParseInLocation("20060102", fmt.Sprintf("%04d%s", y, request["settleDate"]), beijing)
			if err == nil && !day.After(t.now) {
				break
			}
		}
		if err != nil {
			return &unionpayRefusal{"10", "settleDate must be MMDD"}
		}
		span, _ := parseBillDate(day.Format(time.DateOnly))
		if t.now.Before(span.ready) {
			return &unionpayRefusal{"98", "no such file"}
		}
		if lines, err = t.billLines(span, w.opts.BillFee); err == nil && len(lines) == 0 {
			err = &unionpayRefusal{"98", "no such file"}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	content, err := packUnionpay(day, lines)
	return map[string]string{"fileContent": content, "fileName": unionpayMerID + "_" + day.Format("20060102") + ".zip"}, err
}

func packUnionpay(day time.Time, lines []billLine) (string, error) {
	var zipped, deflated bytes.Buffer
	archive := zip.NewWriter(&zipped)
	file, err := archive.Create("INN" + day.Format("060102") + "88ZM_" + unionpayMerID)
	if err != nil {
		return "", fmt.Errorf("sandbox: %w", err)
	}
	for _, line := range lines {
		if _, err := file.Write([]byte(unionpayLine(line) + "\r\n")); err != nil {
			return "", fmt.Errorf("sandbox: %w", err)
		}
	}
	if err := archive.Close(); err != nil {
		return "", fmt.Errorf("sandbox: %w", err)
	}
	stream := zlib.NewWriter(&deflated)
	if _, err := stream.Write(zipped.Bytes()); err != nil {
		return "", fmt.Errorf("sandbox: %w", err)
	}
	if err := stream.Close(); err != nil {
		return "", fmt.Errorf("sandbox: %w", err)
	}
	return base64.StdEncoding.EncodeToString(deflated.Bytes()), nil
}

// unionpayLine writes a line of the ZM file: 42 columns of fixed width, one
// space between two.
func unionpayLine(l billLine) string {
	biz, _, _ := strings.Cut(l.trade.passbackParams, " ")
	code, kind, sub, sign, amount := "S22", "01", "01", "C", l.amountFen
	number, orderID, original, originalOrder := l.trade.TradeNo, l.trade.OutTradeNo, "", ""
	originalTrace, originalTime := "", ""
	if l.amountFen < 0 {
		code, kind, sub, sign, amount = "S30", "04", "00", "D", -l.amountFen
		originalTrace, originalTime = number[len(number)-6:], l.trade.PaidAt.In(beijing).Format("0102150405")
		original, originalOrder, orderID = number, orderID, l.requestNo
		number = unionpayRefundQueryID(refunded{reason: l.note})
	}
	trace := number[max(len(number)-6, 0):]
	var b strings.Builder
	for i, cell := range []struct {
		width int
		value string
	}{
		{3, code}, {11, "00010000"}, {11, "00010000"}, {6, trace}, {10, l.at.In(beijing).Format("0102150405")}, {19, "6226********0001"},
		{12, fmt.Sprintf("%012d", amount)}, {4, "7311"}, {2, "07"}, {21, number}, {2, ""}, {32, orderID}, {2, "01"}, {6, originalTrace},
		{10, originalTime}, {13, fmt.Sprintf("D%012d", l.feeFen)}, {13, fmt.Sprintf("%s%012d", sign, amount-l.feeFen)}, {4, "0501"}, {15, ""}, {2, kind}, {2, sub},
		{6, biz}, {2, "01"}, {4, ""}, {32, ""}, {1, ""}, {21, original}, {15, unionpayMerID}, {1, ""}, {15, ""}, {32, ""}, {13, ""},
		{13, fmt.Sprintf("%s%012d", sign, amount-l.feeFen)}, {8, "01080209"}, {32, ""}, {13, ""}, {13, ""}, {12, ""}, {2, ""}, {1, ""},
		{32, originalOrder}, {98, ""},
	} {
		if i > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "%-*s", cell.width, cell.value)
	}
	return b.String()
}
