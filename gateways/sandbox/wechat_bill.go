package sandbox

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"crypto/sha1"
	_ "embed"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	wechatBillLife  = 5 * time.Minute
	wechatBillReady = 10 * time.Hour // after the day's end
)

// wechatBillHeads are the names of the columns of the rows, then of the sums.
//
//go:embed templates/wechat_bill.txt
var wechatBillHeads string

// billURL gives an address from which a day's bill can be had for a while, and
// the hash of what will be had.
func (w *wechatWire) billURL(ctx context.Context, call wechatCall) (any, error) {
	asked := call.URL.Query()
	day := asked.Get("bill_date")
	span, ok := parseBillDate(day)
	if !ok || len(day) != len(time.DateOnly) {
		return nil, wechatParameter("bill_date must be yyyy-MM-dd")
	}
	if kind := asked.Get("bill_type"); kind != "" && kind != "ALL" || asked.Get("tar_type") != "" && asked.Get("tar_type") != "GZIP" {
		return nil, wechatParameter("bill_type ALL and tar_type GZIP are made here")
	}
	token, hash := rand.Text(), ""
	err := w.store.inTx(ctx, func(t *tx) error {
		if t.now.Before(span.until.Add(wechatBillReady)) {
			return &wechatRefusal{http.StatusBadRequest, "STATEMENT_CREATING", ""}
		}
		lines, err := t.billLines(span, w.opts.BillFee)
		if err != nil {
			return err
		}
		if len(lines) == 0 {
			return &wechatRefusal{http.StatusBadRequest, "NO_STATEMENT_EXIST", ""}
		}
		sum := sha1.Sum(wechatBill(lines))
		hash = hex.EncodeToString(sum[:])
		if _, err := t.exec(`DELETE FROM bills WHERE expires_ms <= ?`, millis(t.now)); err != nil {
			return err
		}
		_, err = t.exec(`INSERT INTO bills (token, bill_date, expires_ms) VALUES (?,?,?)`, token, day, millis(t.now.Add(wechatBillLife)))
		return err
	})
	if err != nil {
		return nil, err
	}
	address := call.origin + "/v3/billdownload/file?token=" + token
	if asked.Get("tar_type") == "GZIP" {
		address += "&tartype=gzip"
	}
	return map[string]string{"hash_type": "SHA1", "hash_value": hash, "download_url": address}, nil
}

// serveBill sends a bill to the merchant that asks by a signed call; the file
// itself is not signed.
func (w *wechatWire) serveBill(rw http.ResponseWriter, r *http.Request) {
	if _, err := w.admit(rw, r); err != nil {
		w.refuse(rw, err)
		return
	}
	var bill []byte
	err := w.store.inTx(r.Context(), func(t *tx) error {
		dates, err := query(t, func(row scanner) (date string, err error) {
			return date, row.Scan(&date)
		}, `SELECT bill_date FROM bills WHERE token = ? AND expires_ms > ?`, r.URL.Query().Get("token"), millis(t.now))
		if err != nil {
			return err
		}
		if len(dates) == 0 {
			return &wechatRefusal{http.StatusNotFound, "RESOURCE_NOT_EXISTS", ""}
		}
		span, _ := parseBillDate(dates[0])
		lines, err := t.billLines(span, w.opts.BillFee)
		bill = wechatBill(lines)
		return err
	})
	if err == nil && r.URL.Query().Get("tartype") == "gzip" {
		bill, err = gzipped(bill)
	}
	if err != nil {
		w.refuse(rw, err)
		return
	}
	rw.Header().Set("Content-Type", "application/octet-stream")
	if _, err := rw.Write(bill); err != nil {
		w.opts.Log.Info("sandbox: bill not fetched to its end", "error", err)
	}
}

func gzipped(text []byte) ([]byte, error) {
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	if _, err := zip.Write(text); err != nil {
		return nil, err
	}
	if err := zip.Close(); err != nil {
		return nil, err
	}
	return packed.Bytes(), nil
}

// wechatBill writes a bill: header, rows, header of sums, sums.
func wechatBill(lines []billLine) []byte {
	rows, sums, _ := strings.Cut(strings.TrimSpace(wechatBillHeads), "\n")
	text := []string{"\ufeff" + rows}
	var paid, given, kept int64
	for _, line := range lines {
		text = append(text, ticked(line.wechatCells()...))
		kept += line.feeFen
		if line.amountFen < 0 {
			given -= line.amountFen
		} else {
			paid += line.amountFen
		}
	}
	text = append(text, sums, ticked(strconv.Itoa(len(lines)), yuan(paid), yuan(given), "0.00", wechatFee(kept), yuan(paid), yuan(given)))
	return []byte(strings.Join(text, "\r\n") + "\r\n")
}

// wechatFee writes a fee, which has five decimals.
func wechatFee(fen int64) string { return yuan(fen) + "000" }

// ticked is a row: a back-tick before each cell.
func ticked(cells ...string) string { return "`" + strings.Join(cells, ",`") }

// wechatCells are the 27 columns of a row.
func (l billLine) wechatCells() []string {
	state, paid, given, refund, refundNo, how, done := "SUCCESS", yuan(l.amountFen), "0.00", "0", "0", "", ""
	if l.amountFen < 0 {
		state, paid, given = "REFUND", "0.00", yuan(-l.amountFen)
		refund, refundNo, how, done = refundID(l.trade, refunded{requestNo: l.requestNo}), l.requestNo, "ORIGINAL", "SUCCESS"
	}
	return []string{
		l.at.In(beijing).Format(time.DateTime), wechatAppID, wechatMchID, "0", "", l.trade.TradeNo, l.trade.OutTradeNo, buyerID,
		l.trade.body, state, "OTHERS", "CNY", paid, "0.00", refund, refundNo, given, "0.00", how, done,
		l.trade.Subject, l.trade.passbackParams, wechatFee(l.feeFen), "0.00%", paid, given, "",
	}
}
