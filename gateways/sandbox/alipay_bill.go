package sandbox

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/rand"
	"embed"
	"encoding/csv"
	"fmt"
	"io"
	"net/http"
	"strings"
	"text/template"
	"time"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/simplifiedchinese"
)

const (
	billLife      = 30 * time.Second
	billReadyHour = 9 // Beijing time, on the day after
	monthReadyDay = 3 // of the month after
	noFee         = "0.00"
)

//go:embed templates/bill_detail.csv templates/bill_summary.csv templates/bill_words.csv
var billFiles embed.FS

var billTemplates = template.Must(template.ParseFS(billFiles, "templates/*.csv"))

// billSpan is the time that a bill covers: from the first instant to before until.
type billSpan struct{ from, until, ready time.Time }

// parseBillDate reads a day (2006-01-02) or a month (2006-01), in Beijing time.
func parseBillDate(date string) (billSpan, bool) {
	if day, err := time.ParseInLocation(time.DateOnly, date, beijing); err == nil {
		next := day.AddDate(0, 0, 1)
		return billSpan{day, next, next.Add(billReadyHour * time.Hour)}, true
	}
	if month, err := time.ParseInLocation("2006-01", date, beijing); err == nil {
		next := month.AddDate(0, 1, 0)
		return billSpan{month, next, next.AddDate(0, 0, monthReadyDay-1)}, true
	}
	return billSpan{}, false
}

// billURL gives an address from which a bill can be had for 30 seconds.
func (s *alipayWire) billURL(ctx context.Context, call request) (object, error) {
	span, ok := parseBillDate(string(call.biz.BillDate))
	if !ok {
		return nil, badParameter("bill_date must be yyyy-MM-dd or yyyy-MM")
	}
	if kind := call.biz.BillType; kind != "trade" && kind != "signcustomer" {
		return nil, badParameter("bill_type must be trade or signcustomer")
	}
	token := rand.Text()
	err := s.store.inTx(ctx, func(t *tx) error {
		if t.now.Before(span.ready) {
			return business("BILL_NOT_EXIST")
		}
		lines, err := t.billLines(span, s.opts.BillFee)
		if err != nil {
			return err
		}
		if len(lines) == 0 {
			return business("NO_BILL_DATA")
		}
		if _, err := t.exec(`DELETE FROM bills WHERE expires_ms <= ?`, millis(t.now)); err != nil {
			return err
		}
		_, err = t.exec(`INSERT INTO bills (token, bill_date, expires_ms) VALUES (?,?,?)`,
			token, string(call.biz.BillDate), millis(t.now.Add(billLife)))
		return err
	})
	if err != nil {
		return nil, err
	}
	return success(field{"bill_download_url", call.origin + "/bill/" + token}), nil
}

// serveBill sends the zip of a bill while its address lives.
func (s *alipayWire) serveBill(w http.ResponseWriter, r *http.Request) {
	var bill []byte
	live := false
	err := s.store.inTx(r.Context(), func(t *tx) error {
		dates, err := query(t, func(row scanner) (date string, err error) {
			return date, row.Scan(&date)
		}, `SELECT bill_date FROM bills WHERE token = ? AND expires_ms > ?`, r.PathValue("token"), millis(t.now))
		if err != nil || len(dates) == 0 {
			return err
		}
		span, valid := parseBillDate(dates[0])
		if !valid {
			return fmt.Errorf("sandbox: stored bill date %q", dates[0])
		}
		lines, err := t.billLines(span, s.opts.BillFee)
		if err != nil {
			return err
		}
		live = true
		bill, err = zipBill(dates[0], span, lines, t.now)
		return err
	})
	switch {
	case err != nil:
		s.broken(w, r, err)
	case !live:
		s.problem(w, r, http.StatusGone, "problem.bill_gone", "")
	default:
		w.Header().Set("Content-Type", "application/zip")
		w.Header().Set("Content-Disposition", `attachment; filename="bill.zip"`)
		if _, err := w.Write(bill); err != nil {
			s.opts.Log.Info("sandbox: bill not fetched to its end", "error", err)
		}
	}
}

// billData is what the bill's templates show.
type billData struct {
	Seller      string
	From, Until time.Time
	Exported    time.Time
	Rows        string // of the detail, as CSV

	PaidCount, RefundCount int
	PaidFen, RefundFen     int64 // RefundFen is negative
}

// Stamp writes an instant as the bill does; Yuan an amount.
func (billData) Stamp(t time.Time) string { return t.In(beijing).Format(billWord("stamp", nil)) }

// Yuan writes fen as yuan with two decimals.
func (billData) Yuan(fen int64) string { return yuan(fen) }

// NetFen is what is left after refunds.
func (d billData) NetFen() int64 { return d.PaidFen + d.RefundFen }

// zipBill packs the detail and its summary: CSV in GBK, under names in GBK too.
func zipBill(date string, span billSpan, lines []billLine, now time.Time) ([]byte, error) {
	data := billData{Seller: sellerID, From: span.from, Until: span.until, Exported: now}
	var rows bytes.Buffer
	table := csv.NewWriter(&rows)
	for _, line := range lines {
		if line.amountFen < 0 {
			data.RefundCount, data.RefundFen = data.RefundCount+1, data.RefundFen+line.amountFen
		} else {
			data.PaidCount, data.PaidFen = data.PaidCount+1, data.PaidFen+line.amountFen
		}
		if err := table.Write(line.cells()); err != nil {
			return nil, fmt.Errorf("sandbox: %w", err)
		}
	}
	table.Flush()
	data.Rows = rows.String()

	var packed bytes.Buffer
	archive := zip.NewWriter(&packed)
	for _, name := range []string{"detail", "summary"} {
		title := sellerID + "_" + strings.ReplaceAll(date, "-", "") + "_" + billWord("name_"+name, nil) + ".csv"
		if err := addGBK(archive, title, "bill_"+name+".csv", data); err != nil {
			return nil, fmt.Errorf("sandbox: %w", err)
		}
	}
	if err := archive.Close(); err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	return packed.Bytes(), nil
}

func addGBK(archive *zip.Writer, title, templateName string, data billData) error {
	gbk := encoding.ReplaceUnsupported(simplifiedchinese.GBK.NewEncoder())
	name, err := gbk.String(title)
	if err != nil {
		return err
	}
	file, err := archive.CreateHeader(&zip.FileHeader{
		Name: name, NonUTF8: true, Method: zip.Deflate, Modified: data.Exported,
	})
	if err != nil {
		return err
	}
	out := gbk.Writer(file)
	if err := billTemplates.ExecuteTemplate(out, templateName, data); err != nil {
		return err
	}
	if closer, ok := out.(io.Closer); ok {
		return closer.Close()
	}
	return nil
}

// billWord is one of the words in templates/bill_words.csv.
func billWord(name string, data any) string {
	var b strings.Builder
	if err := billTemplates.ExecuteTemplate(&b, name, data); err != nil {
		panic("sandbox: bill words: " + err.Error())
	}
	return b.String()
}

// cells are the 25 columns; each cell ends with a tab, as in the real file.
func (l billLine) cells() []string {
	kind := billWord("kind_payment", nil)
	if l.amountFen < 0 {
		kind = billWord("kind_refund", nil)
	}
	amount := yuan(l.amountFen)
	cells := []string{
		l.trade.TradeNo, l.trade.OutTradeNo, kind, l.trade.Subject,
		wireStamp(l.trade.CreatedAt), wireStamp(l.at),
		"", "", "", "", buyerLogonID,
		amount, amount, noFee, noFee, noFee, noFee, noFee, "", noFee, noFee,
		l.requestNo, yuan(-l.feeFen), noFee, l.note,
	}
	for i := range cells {
		cells[i] += "\t"
	}
	return cells
}
