package alipay

import (
	"archive/zip"
	"bufio"
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"

	"ztc-portal/gateways"
	"ztc-portal/models"
)

const (
	maxBillFiles     = 64      // of one zip
	maxUnpackedBytes = 2 << 30 // of all its files
	maxRecordBytes   = 64 << 10
	maxRecordLines   = 10 // a cell in quotes may hold line breaks
)

//go:embed bill_words.txt
var billWordList string

// billWords are the Chinese names that a bill uses, by ours.
var billWords = func() map[string]string {
	words := map[string]string{}
	for line := range strings.Lines(billWordList) {
		name, word, _ := strings.Cut(strings.TrimSpace(line), "=")
		words[name] = word
	}
	return words
}()

// neededColumns must all be there; a bill may lack the others.
var neededColumns = []string{"trade_no", "out_trade_no", "kind", "finished_at", "order", "received", "request_no", "fee"}

// billReader reads the tables of payments and refunds in a bill's zip, one after
// the other, as a stream.
type billReader struct {
	files []*zip.File // still to be read
	open  io.ReadCloser
	lines *bufio.Reader
	left  int64 // bytes that may still be unpacked
	at    int   // line of the file
	file  string

	columns map[string]int // in the file that is read; nil before its header
	ended   bool           // the mark under the table was seen
	counted [2]int         // payments and refunds read of this file
	told    [2]int         // what the file says that there are; -1: it does not say
}

// openBill looks into a zip. Its names are GBK, as its files are; the one that
// holds only sums is left out.
func openBill(packed []byte) (*billReader, error) {
	archive, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil {
		return nil, unreadable("no zip: %v", err)
	}
	if len(archive.File) > maxBillFiles {
		return nil, unreadable("%d files", len(archive.File))
	}
	r := &billReader{left: maxUnpackedBytes}
	for _, file := range archive.File {
		name := fromGBK([]byte(file.Name))
		if !file.NonUTF8 {
			name = file.Name
		}
		if strings.HasSuffix(strings.ToLower(name), ".csv") && !strings.Contains(name, billWords["summary"]) {
			r.files = append(r.files, file)
		}
	}
	if len(r.files) == 0 {
		return nil, unreadable("no table in it")
	}
	return r, nil
}

func unreadable(why string, args ...any) error {
	return fmt.Errorf("alipay: bill: "+why+": %w", append(args, gateways.ErrBillUnreadable)...)
}

// fromGBK decodes what Alipay writes. GB18030 holds all of GBK.
func fromGBK(text []byte) string {
	decoded, err := simplifiedchinese.GB18030.NewDecoder().Bytes(text)
	if err != nil {
		return string(text)
	}
	return string(decoded)
}

// Close lets the file go that is being read.
func (r *billReader) Close() error {
	if r.open == nil {
		return nil
	}
	return r.open.Close()
}

// Next gives the next payment or refund, in the order of the bill.
func (r *billReader) Next() (models.BillLine, error) {
	for {
		if r.lines == nil {
			if len(r.files) == 0 {
				return models.BillLine{}, io.EOF
			}
			if err := r.begin(); err != nil {
				return models.BillLine{}, err
			}
		}
		cells, err := r.record()
		if errors.Is(err, io.EOF) {
			err = r.finish()
			if err == nil {
				continue
			}
		}
		if err != nil {
			return models.BillLine{}, err
		}
		if cells == nil {
			continue
		}
		line, err := r.line(cells)
		if err != nil {
			return models.BillLine{}, r.wrong(err.Error())
		}
		return line, nil
	}
}

// begin opens the next file.
func (r *billReader) begin() error {
	file := r.files[0]
	r.files = r.files[1:]
	open, err := file.Open()
	if err != nil {
		return unreadable("%v", err)
	}
	r.open, r.file, r.at = open, fromGBK([]byte(file.Name)), 0
	r.lines = bufio.NewReaderSize(io.LimitReader(open, r.left), 64<<10)
	r.columns, r.ended, r.counted, r.told = nil, false, [2]int{}, [2]int{-1, -1}
	return nil
}

// finish makes sure that all of the file was there.
func (r *billReader) finish() error {
	err := r.open.Close()
	r.open, r.lines = nil, nil
	switch {
	case err != nil:
		return r.wrong(err.Error())
	case r.columns == nil:
		return r.wrong("no header")
	case !r.ended:
		return r.wrong("cut off")
	}
	for i, told := range r.told {
		if told >= 0 && told != r.counted[i] {
			return r.wrong(fmt.Sprintf("it speaks of %d and holds %d", told, r.counted[i]))
		}
	}
	return nil
}

func (r *billReader) wrong(why string) error {
	return unreadable("%.80q line %d: %s", r.file, r.at, why)
}

// record gives the cells of the next row of the table, nil for a line that is
// none: a remark, an empty one, the header.
func (r *billReader) record() ([]string, error) {
	raw, err := r.textLine()
	if err != nil {
		return nil, err
	}
	if bytes.HasPrefix(raw, []byte("#")) {
		return nil, r.remark(fromGBK(raw))
	}
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil, nil
	}
	cells, whole := splitCells(raw)
	for more := 1; !whole; more++ {
		next, err := r.textLine()
		switch {
		case errors.Is(err, io.EOF) || more == maxRecordLines || len(raw)+len(next) > maxRecordBytes:
			return nil, r.wrong("quotes without end")
		case err != nil:
			return nil, err
		}
		raw = append(append(raw, '\n'), next...)
		cells, whole = splitCells(raw)
	}
	switch {
	case r.ended:
		return nil, r.wrong("a row under the table")
	case r.columns == nil:
		return nil, r.header(cells)
	}
	return cells, nil
}

// textLine reads one line without its end, in a slice of its own.
func (r *billReader) textLine() ([]byte, error) {
	var line []byte
	for {
		part, err := r.lines.ReadSlice('\n')
		r.left -= int64(len(part))
		line = append(line, part...)
		switch {
		case len(line) > maxRecordBytes:
			return nil, r.wrong("a line without end")
		case r.left <= 0:
			return nil, r.wrong("too much of it")
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(line) > 0, err == nil:
			r.at++
			return bytes.TrimRight(line, "\r\n"), nil
		case errors.Is(err, io.EOF):
			return nil, io.EOF
		}
		return nil, r.wrong(err.Error())
	}
}

// remark reads what stands in the lines that begin with #: where the table
// ends, and how many rows it has.
func (r *billReader) remark(words string) error {
	if strings.Contains(words, billWords["end"]) {
		r.ended = true
	}
	for i, name := range []string{"payments_total", "refunds_total"} {
		rest, ok := strings.CutPrefix(words, "#"+billWords[name])
		if !ok {
			continue
		}
		digits := rest[:len(rest)-len(strings.TrimLeft(rest, "0123456789"))]
		n, err := strconv.Atoi(digits)
		if err != nil {
			return r.wrong("a sum of nothing")
		}
		r.told[i] = n
	}
	return nil
}

func (r *billReader) header(cells []string) error {
	at := map[string]int{}
	for i, cell := range cells {
		at[cell] = i
	}
	columns := map[string]int{}
	for name, word := range billWords {
		if i, ok := at[word]; ok {
			columns[name] = i
		}
	}
	for _, name := range neededColumns {
		if _, ok := columns[name]; !ok {
			return r.wrong("no column " + name)
		}
	}
	r.columns = columns
	return nil
}

// line puts one row into our words.
func (r *billReader) line(cells []string) (models.BillLine, error) {
	get := func(name string) string {
		if i, ok := r.columns[name]; ok && i < len(cells) {
			return cells[i]
		}
		return ""
	}
	at, err := time.ParseInLocation(wireTime, get("finished_at"), models.Shanghai)
	if err != nil {
		return models.BillLine{}, errors.New("no time")
	}
	line := models.BillLine{
		TradeNo: get("trade_no"), OutTradeNo: get("out_trade_no"), RequestNo: get("request_no"),
		FinishedAt: at.UTC(), Note: get("note"),
	}
	var ok [3]bool
	line.OrderFen, ok[0] = signedFen(get("order"))
	line.AmountFen, ok[1] = signedFen(get("received"))
	line.FeeFen, ok[2] = signedFen(get("fee"))
	refund := get("kind") == billWords["refund"] || get("kind") != billWords["payment"] && line.OrderFen < 0
	switch {
	case ok != [3]bool{true, true, true}:
		return line, errors.New("no amount")
	case line.TradeNo == "" || line.OutTradeNo == "" || len(line.TradeNo) > 64 || len(line.OutTradeNo) > 64 || len(line.RequestNo) > 64:
		return line, errors.New("no number")
	case refund && (line.OrderFen > 0 || line.AmountFen > 0), !refund && (line.OrderFen < 0 || line.AmountFen < 0):
		return line, errors.New("a sign that does not fit")
	}
	if refund {
		r.counted[1]++
		if line.RequestNo == "" { // a whole refund without a number of its own bears the payment's
			line.RequestNo = line.OutTradeNo
		}
		return line, nil
	}
	r.counted[0]++
	line.RequestNo = ""
	return line, nil
}

// signedFen reads yuan with a sign.
func signedFen(wire string) (models.Fen, bool) {
	digits, negative := strings.CutPrefix(wire, "-")
	fen, ok := models.FenFromYuan(digits)
	if negative {
		fen = -fen
	}
	return fen, ok
}

// splitCells takes a row apart. A cell that begins with a quote ends with one,
// quotes in it are doubled; a quote elsewhere is a letter like others. Tabs and
// spaces around a cell are dropped. whole is false when a quote is still open.
// No byte of a two-byte letter of GBK is a comma or a quote.
func splitCells(raw []byte) (cells []string, whole bool) {
	for {
		var cell []byte
		raw = bytes.TrimLeft(raw, "\t ")
		if bytes.HasPrefix(raw, []byte(`"`)) {
			rest := raw[1:]
			for {
				end := bytes.IndexByte(rest, '"')
				if end < 0 {
					return nil, false
				}
				cell = append(cell, rest[:end]...)
				if rest = rest[end+1:]; !bytes.HasPrefix(rest, []byte(`"`)) {
					break
				}
				cell, rest = append(cell, '"'), rest[1:]
			}
			raw = rest
		}
		comma := bytes.IndexByte(raw, ',')
		end := comma
		if comma < 0 {
			end = len(raw)
		}
		cells = append(cells, strings.TrimSpace(fromGBK(append(cell, raw[:end]...))))
		if comma < 0 {
			return cells, true
		}
		raw = raw[comma+1:]
	}
}
