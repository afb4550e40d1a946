package unionpay

import (
	"archive/zip"
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"ztc-portal/gateways"
	"ztc-portal/models"
)

const (
	maxBillFiles     = 64
	maxUnpackedBytes = 2 << 30
	maxLineBytes     = 4 << 10
)

// column is one of a line's; lines have fixed columns with one character
// between two of them.
type column struct {
	name  string
	width int
}

// columns are those of a merchant's file of ordinary transactions (ZM), in their
// order: "File interface" of the platform's access specification, section 6.1.
var columns = []column{
	{"tranCode", 3}, {"acqInsCode", 11}, {"fwdInsCode", 11}, {"traceNo", 6}, {"txnTime", 10}, {"payCardNo", 19}, {"txnAmt", 12},
	{"merCatCode", 4}, {"termType", 2}, {"queryId", 21}, {"oldPayType", 2}, {"orderId", 32}, {"payCardType", 2}, {"origTraceNo", 6},
	{"origTxnTime", 10}, {"merFee", 13}, {"settleAmt", 13}, {"payType", 4}, {"groupMerId", 15}, {"txnType", 2}, {"txnSubType", 2},
	{"bizType", 6}, {"accType", 2}, {"billType", 4}, {"billNo", 32}, {"interactMode", 1}, {"origQryId", 21}, {"merId", 15},
	{"splitMode", 1}, {"subMerId", 15}, {"subMerAbbr", 32}, {"splitAmt", 13}, {"settleNetAmt", 13}, {"termId", 8}, {"merReserved", 32},
	{"discountAmt", 13}, {"invoiceAmt", 13}, {"instalFee", 12}, {"instalNum", 2}, {"tranMedia", 1}, {"origOrderId", 32},
}

// billReader reads the ZM files of a zip, one after the other, as a stream.
type billReader struct {
	files []*zip.File // still to be read
	merID string
	day   time.Time // the noon of the settlement day: lines tell their instants without a year
	open  io.ReadCloser
	lines *bufio.Reader
	left  int64
	file  string
	at    int // line of the file
}

// openBill looks into a zip. A merchant's files are INN, eight digits, their
// kind and the merchant's number; of the kinds only ZM is read.
func openBill(packed []byte, merID string, day time.Time) (*billReader, error) {
	archive, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil {
		return nil, unreadable("no zip: %v", err)
	}
	if len(archive.File) > maxBillFiles {
		return nil, unreadable("%d files", len(archive.File))
	}
	r := &billReader{merID: merID, day: day, left: maxUnpackedBytes}
	for _, file := range archive.File {
		name := path.Base(strings.ReplaceAll(file.Name, `\`, "/"))
		if len(name) > 14 && name[:3] == "INN" && name[11:14] == "ZM_" {
			r.files = append(r.files, file)
		}
	}
	if len(r.files) == 0 {
		return nil, unreadable("no file of transactions in it")
	}
	return r, nil
}

// Close lets the file go that is being read.
func (r *billReader) Close() error {
	if r.open == nil {
		return nil
	}
	return r.open.Close()
}

// Next gives the next payment or refund, in the order of the file.
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
		text, err := r.textLine()
		if errors.Is(err, io.EOF) {
			if err = r.finish(); err == nil {
				continue
			}
		}
		switch {
		case err != nil:
			return models.BillLine{}, err
		case len(bytes.TrimSpace(text)) == 0:
			continue
		}
		line, err := r.line(text)
		if err != nil {
			return models.BillLine{}, r.wrong(err.Error())
		}
		return line, nil
	}
}

func (r *billReader) begin() error {
	file := r.files[0]
	r.files = r.files[1:]
	open, err := file.Open()
	if err != nil {
		return unreadable("%v", err)
	}
	r.open, r.file, r.at = open, file.Name, 0
	r.lines = bufio.NewReaderSize(io.LimitReader(open, r.left), 64<<10)
	return nil
}

func (r *billReader) finish() error {
	err := r.open.Close()
	r.open, r.lines = nil, nil
	if err != nil {
		return r.wrong(err.Error())
	}
	return nil
}

func (r *billReader) wrong(why string) error {
	return unreadable("%.80q line %d: %s", r.file, r.at, why)
}

// textLine reads one line without its end.
func (r *billReader) textLine() ([]byte, error) {
	line, err := r.lines.ReadSlice('\n')
	r.left -= int64(len(line))
	switch {
	case errors.Is(err, io.EOF) && len(line) == 0:
		return nil, io.EOF
	case len(line) > maxLineBytes:
		return nil, r.wrong("a line without end")
	case r.left <= 0:
		return nil, r.wrong("too much of it")
	case err != nil && !errors.Is(err, io.EOF):
		return nil, r.wrong(err.Error())
	}
	r.at++
	return bytes.TrimRight(line, "\r\n"), nil
}

// cells takes a line apart by position. The columns that we read hold no
// Chinese; where another one does, it is in GBK, of which each letter takes the
// places that it takes in the file.
func cells(text []byte) (map[string]string, error) {
	values := make(map[string]string, len(columns))
	at := 0
	for _, c := range columns {
		if at+c.width > len(text) {
			return nil, fmt.Errorf("it ends in %s", c.name)
		}
		values[c.name] = strings.TrimSpace(string(text[at : at+c.width]))
		at += c.width + 1
	}
	return values, nil
}

// line puts one line into our words.
func (r *billReader) line(text []byte) (models.BillLine, error) {
	of, err := cells(text)
	if err != nil {
		return models.BillLine{}, err
	}
	line := models.BillLine{TradeNo: of["queryId"], OutTradeNo: of["orderId"], FinishedAt: nearest(of["txnTime"], r.day)}
	amount, readable := fen(of["txnAmt"])
	fee, feeReadable := signedFen(of["merFee"])
	settled, settledReadable := signedFen(of["settleAmt"])
	switch of["txnType"] {
	case txnPay:
	case txnRefund:
		line.TradeNo, line.OutTradeNo, line.RequestNo = of["origQryId"], of["origOrderId"], of["orderId"]
		amount = -amount
	default:
		return line, fmt.Errorf("a transaction of a kind (%.2q) that is not ours", of["txnType"])
	}
	line.OrderFen, line.AmountFen, line.FeeFen = amount, amount, fee
	switch {
	case of["merId"] != r.merID:
		return line, errors.New("another merchant's")
	case line.FinishedAt.IsZero():
		return line, errors.New("no time")
	case !readable || !feeReadable || !settledReadable || amount == 0:
		return line, errors.New("no amount")
	case amount+fee != settled:
		return line, errors.New("amount and fee do not make what is settled")
	case line.TradeNo == "" || line.OutTradeNo == "" || of["txnType"] == txnRefund && line.RequestNo == "":
		return line, errors.New("no number")
	}
	return line, nil
}

// signedFen reads an amount after its sign: C is for the merchant, D against.
func signedFen(wire string) (models.Fen, bool) {
	if wire == "" {
		return 0, true
	}
	amount, ok := fen(wire[1:])
	switch wire[0] {
	case 'C':
		return amount, ok
	case 'D':
		return -amount, ok
	}
	return 0, false
}

var _ gateways.BillReader = (*billReader)(nil)
