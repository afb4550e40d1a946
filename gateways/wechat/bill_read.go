package wechat

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha1"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strconv"
	"strings"
	"time"

	"ztc-portal/gateways"
	"ztc-portal/models"
)

const (
	maxUnpackedBytes = 2 << 30
	maxLineBytes     = 64 << 10
	wireTime         = time.DateTime // in a bill, Beijing time
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
var (
	neededColumns = []string{"finished_at", "merchant", "trade_no", "out_trade_no", "state", "settled", "refund_no", "refunded", "refund_state", "fee"}
	neededSums    = []string{"total_count", "total_settled", "total_refunded"}
)

// billReader reads a bill as a stream: a header, a row for each payment and each
// refund, a header of sums, one row of them. The hash is of all of that, and is
// compared at the end: only then was the bill whole.
type billReader struct {
	file   io.ReadCloser // unpacked as it is read
	hashed hash.Hash
	want   string // hexadecimal, lower case
	mchID  string
	lines  *bufio.Reader
	left   int64 // bytes that may still be unpacked
	at     int   // line of the file

	columns map[string]int
	summing bool // the header of the sums was read
	ended   bool // and the sums
	count   int
	settled models.Fen
	given   models.Fen
}

func openBill(packed []byte, wantHash, mchID string) (gateways.BillReader, error) {
	unpack, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, unreadable("no gzip: %v", err)
	}
	return readUnpacked(unpack, wantHash, mchID), nil
}

func readUnpacked(file io.ReadCloser, wantHash, mchID string) *billReader {
	r := &billReader{file: file, hashed: sha1.New(), want: wantHash, mchID: mchID, left: maxUnpackedBytes}
	r.lines = bufio.NewReaderSize(io.TeeReader(io.LimitReader(file, maxUnpackedBytes), r.hashed), maxLineBytes)
	return r
}

func unreadable(why string, args ...any) error {
	return fmt.Errorf("wechat: bill: "+why+": %w", append(args, gateways.ErrBillUnreadable)...)
}

func (r *billReader) wrong(why string) error { return unreadable("line %d: %s", r.at, why) }

// Close lets the file go.
func (r *billReader) Close() error { return r.file.Close() }

// Next gives the next payment or refund, in the order of the bill. A refund
// that failed moved nothing and is left out.
func (r *billReader) Next() (models.BillLine, error) {
	for {
		text, err := r.textLine()
		if errors.Is(err, io.EOF) {
			return models.BillLine{}, r.finish()
		}
		if err != nil {
			return models.BillLine{}, err
		}
		if r.columns == nil || strings.HasPrefix(text, billWords["total_count"]) {
			err = r.header(strings.Split(text, ","))
		} else if cells, ok := splitCells(text); !ok || len(cells) < len(r.columns) {
			err = r.wrong("no row")
		} else if r.summing {
			err = r.sums(cells)
		} else {
			line, moved, wrong := r.line(cells)
			if wrong == nil && moved {
				return line, nil
			}
			if wrong != nil {
				err = r.wrong(wrong.Error())
			}
		}
		if err != nil {
			return models.BillLine{}, err
		}
	}
}

// textLine reads one line that is not empty.
func (r *billReader) textLine() (string, error) {
	for {
		raw, err := r.lines.ReadSlice('\n')
		r.left -= int64(len(raw))
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			return "", r.wrong("a line without end")
		case err != nil && !errors.Is(err, io.EOF):
			return "", r.wrong(err.Error())
		case r.left <= 0:
			return "", r.wrong("too much of it")
		case len(raw) == 0:
			return "", io.EOF
		}
		r.at++
		text := strings.TrimSpace(strings.TrimPrefix(string(raw), "\ufeff"))
		if text != "" {
			return text, nil
		}
	}
}

// finish makes sure that all of the file was there, and is what was meant.
func (r *billReader) finish() error {
	switch {
	case r.columns == nil:
		return r.wrong("no header")
	case !r.ended:
		return r.wrong("cut off")
	case hex.EncodeToString(r.hashed.Sum(nil)) != r.want:
		return unreadable("the hash is not the one that was signed")
	}
	return io.EOF
}

// header learns where each column stands, of the rows and then of the sums.
func (r *billReader) header(names []string) error {
	needed := neededColumns
	if r.columns != nil {
		if r.summing {
			return r.wrong("sums twice")
		}
		r.summing, needed = true, neededSums
	}
	at := map[string]int{}
	for i, name := range names {
		at[strings.TrimSpace(name)] = i
	}
	columns := map[string]int{}
	for name, word := range billWords {
		if i, ok := at[word]; ok {
			columns[name] = i
		}
	}
	for _, name := range needed {
		if _, ok := columns[name]; !ok {
			return r.wrong("no column " + name)
		}
	}
	r.columns = columns
	return nil
}

// cell gives one cell of a row, "" where the bill has none.
func (r *billReader) cell(cells []string, name string) string {
	if i, ok := r.columns[name]; ok && i < len(cells) {
		return cells[i]
	}
	return ""
}

// sums compares what the bill counts with what it holds.
func (r *billReader) sums(cells []string) error {
	count, err := strconv.Atoi(r.cell(cells, "total_count"))
	settled, ok := models.FenFromYuan(r.cell(cells, "total_settled"))
	given, alsoOK := models.FenFromYuan(r.cell(cells, "total_refunded"))
	switch {
	case r.ended:
		return r.wrong("a row under the sums")
	case err != nil || !ok || !alsoOK:
		return r.wrong("a sum of nothing")
	case count != r.count:
		return r.wrong(fmt.Sprintf("it speaks of %d and holds %d", count, r.count))
	case settled != r.settled || given != r.given:
		return r.wrong("the sums are others")
	}
	r.ended = true
	return nil
}

// line puts one row into our words; moved is false when it moved no money.
func (r *billReader) line(cells []string) (line models.BillLine, moved bool, wrong error) {
	at, err := time.ParseInLocation(wireTime, r.cell(cells, "finished_at"), models.Shanghai)
	if err != nil {
		return line, false, errors.New("no time")
	}
	line = models.BillLine{
		TradeNo: r.cell(cells, "trade_no"), OutTradeNo: r.cell(cells, "out_trade_no"), FinishedAt: at.UTC(), Note: r.cell(cells, "note"),
	}
	var settled, given models.Fen
	var ok [3]bool
	settled, ok[0] = models.FenFromYuan(r.cell(cells, "settled"))
	given, ok[1] = models.FenFromYuan(r.cell(cells, "refunded"))
	line.FeeFen, ok[2] = feeFen(r.cell(cells, "fee"))
	line.FeeFen = -line.FeeFen // here what is kept bears no sign
	requestNo := r.cell(cells, "refund_no")
	switch {
	case ok != [3]bool{true, true, true}:
		return line, false, errors.New("no amount")
	case r.cell(cells, "merchant") != r.mchID:
		return line, false, errors.New("another merchant's")
	case line.TradeNo == "" || line.OutTradeNo == "" || len(line.TradeNo) > 64 || len(line.OutTradeNo) > 64 || len(requestNo) > 64:
		return line, false, errors.New("no number")
	}
	r.count++
	r.settled, r.given = r.settled+settled, r.given+given
	switch r.cell(cells, "state") {
	case "SUCCESS":
		line.OrderFen, line.AmountFen = r.asked(cells, "order", settled), settled
		return line, true, nil
	case "REFUND":
		if requestNo == "" || requestNo == "0" {
			return line, false, errors.New("no number of a refund")
		}
		line.RequestNo = requestNo
		line.OrderFen, line.AmountFen = -r.asked(cells, "refund_asked", given), -given
		failed := r.cell(cells, "refund_state") == "FAIL" || r.cell(cells, "refund_state") == "CLOSED"
		return line, !failed, nil
	}
	return line, false, errors.New("neither payment nor refund")
}

// asked is an amount before what coupons took of it; older bills do not tell it.
func (r *billReader) asked(cells []string, name string, otherwise models.Fen) models.Fen {
	if fen, ok := models.FenFromYuan(r.cell(cells, name)); ok {
		return fen
	}
	return otherwise
}

// feeFen reads a fee: yuan with a sign and up to five decimals, rounded to the
// fen, as it is taken.
func feeFen(wire string) (models.Fen, bool) {
	digits, negative := strings.CutPrefix(wire, "-")
	whole, decimals, _ := strings.Cut(digits, ".")
	if len(decimals) > 5 || strings.Trim(decimals, "0123456789") != "" {
		return 0, false
	}
	more := ""
	if len(decimals) > 2 {
		decimals, more = decimals[:2], decimals[2:]
	}
	if decimals != "" {
		whole += "." + decimals
	}
	fen, ok := models.FenFromYuan(whole)
	if more != "" && more[0] >= '5' {
		fen++
	}
	if negative {
		fen = -fen
	}
	return fen, ok
}

// splitCells takes a row apart: a back-tick stands before each cell, so that a
// comma within one does no harm.
func splitCells(row string) (cells []string, ok bool) {
	rest, ok := strings.CutPrefix(row, "`")
	if !ok {
		return nil, false
	}
	cells = strings.Split(rest, ",`")
	for i := range cells {
		cells[i] = strings.TrimSpace(cells[i])
	}
	return cells, true
}
