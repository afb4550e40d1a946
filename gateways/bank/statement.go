package bank

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
	"time"

	"ztc-portal/models"
)

const (
	// MaxFile is how large a statement may be, in bytes.
	MaxFile = 10 << 20
	// maxRows is how many rows one file may have.
	maxRows = 60_000
	// maxColumns is how many cells of a row are read.
	maxColumns = 120
	// maxCell is how many bytes of a cell are kept.
	maxCell = 2000
	// titlesWithin is how deep the row of titles may stand.
	titlesWithin = 60
)

// cell is one cell of a file.
type cell struct {
	text   string
	number bool // a spreadsheet keeps it as a number
	of1904 bool // and counts days from 1904
}

// row is one row that is not empty; no is its number in the file, from 1.
type row struct {
	no    int
	cells []cell
	width int    // of a text file: its cells, empty ones at the end too
	torn  string // a cell that other rows are caught in, by a quotation mark that nothing ends
	held  string // a cell that holds what stands between cells
}

// refuse is a statement that can't be taken, said beside the file.
func refuse(key string, args map[string]any) error {
	return models.FieldErrors{{Code: models.Invalid, Field: "file", Key: key, Args: args}}
}

func isRefusal(err error) bool { return models.CodeOf(err) == models.Invalid }

// Options are what a statement is read under.
type Options struct {
	OurAccount string // the account that it must be of, digits
	Mapping    models.StatementMapping
	Now        time.Time // no line is of a later day
}

// ReadStatement reads a bank's file: CSV in UTF-8 or GB18030, or XLSX. The layout
// is the known one that fits best, else the mapping. FieldErrors on "file", with
// the number of the row that can't be read: a file counts whole or not at all.
func ReadStatement(file []byte, opt Options) (models.Statement, error) {
	rows, err := readRows(file)
	if err != nil {
		return models.Statement{}, err
	}
	hash := sha256.Sum256(file)
	s := models.Statement{FileHash: hex.EncodeToString(hash[:])}
	titles, at, err := findTitles(rows, opt.Mapping)
	if err != nil {
		return s, err
	}
	s.Layout = at.name
	r := reader{places: at, opt: opt, width: rows[titles].width}
	for _, one := range rows { // those above the titles too: the lines may be in them
		if one.torn != "" {
			return s, wrong(one, "error.statement.row_quote", one.torn)
		}
	}
	head := titlesOf(rows[titles])
	for _, one := range rows[titles+1:] {
		if slices.Equal(titlesOf(one), head) || r.isFoot(one) { // titles come again on each printed page
			continue
		}
		if day, _, ok := readDay(r.get(one, factDate)); ok && !day.After(opt.Now) {
			dayOn := day.Format(time.DateOnly)
			if s.FirstOn == "" || dayOn < s.FirstOn {
				s.FirstOn = dayOn
			}
			s.LastOn = max(s.LastOn, dayOn)
		}
		entry, kind, err := r.line(one)
		switch {
		case err != nil:
			return s, err
		case kind == isCredit:
			s.Entries = append(s.Entries, entry)
		case kind == isReversal:
			s.Reversals++
		default:
			s.Debits++
			if r.told(one, &entry) {
				s.Left = append(s.Left, entry)
			}
		}
	}
	if len(s.Entries)+s.Debits+s.Reversals == 0 {
		return s, refuse("error.statement.no_lines", nil)
	}
	return s, nil
}

// readRows finds out what kind of file it is and reads its rows.
func readRows(file []byte) ([]row, error) {
	switch {
	case len(file) == 0:
		return nil, refuse("error.statement.empty", nil)
	case len(file) > MaxFile:
		return nil, refuse("error.statement.too_large", map[string]any{"Max": MaxFile >> 20})
	case bytes.HasPrefix(file, []byte("PK\x03\x04")):
		return readSheet(file)
	case bytes.HasPrefix(file, []byte("\xD0\xCF\x11\xE0")):
		return nil, refuse("error.statement.old_excel", nil)
	}
	return readCSV(file)
}

func titlesOf(r row) []string {
	titles := make([]string, len(r.cells))
	for i, c := range r.cells {
		titles[i] = normalTitle(c.text)
	}
	return titles
}

// findTitles finds the row of titles: the one in which the most columns of a
// known layout stand, else the first in which the mapping's do.
func findTitles(rows []row, m models.StatementMapping) (at int, found places, err error) {
	at = -1
	top := rows[:min(len(rows), titlesWithin)]
	for i, one := range top {
		if p, ok := best(titlesOf(one)); ok && p.hits > found.hits {
			at, found = i, p
		}
	}
	if at < 0 && m.IsSet() {
		own := ofMapping(m)
		for i, one := range top {
			if p, ok := own.fits(titlesOf(one)); ok {
				return i, p, nil
			}
		}
	}
	if at < 0 {
		return at, found, refuse("error.statement.no_titles", nil)
	}
	return at, found, nil
}

// kind is what a line is.
type kind int

const (
	isDebit kind = iota
	isCredit
	isReversal
)

// reader reads lines by the places of a layout.
type reader struct {
	places
	opt   Options
	width int // of the titles, in a text file; 0: not known
}

// get is the first column of a fact that is not empty.
func (r reader) get(one row, fact string) cell {
	for _, at := range r.at[fact] {
		if at < len(one.cells) && one.cells[at].text != "" {
			return one.cells[at]
		}
	}
	return cell{}
}

// isFoot: the row is a sum or a remark under the lines, with no day in it. One
// that names a payer, or has something else for a day, is a line.
func (r reader) isFoot(one row) bool {
	day, first := r.get(one, factDate), ""
	if _, _, ok := readDay(day); ok {
		return false
	}
	for _, c := range one.cells {
		if first = normalTitle(c.text); first != "" {
			break
		}
	}
	payer := normalTitle(r.get(one, factPayerName).text)
	return first == "" || isFootWord(first) && (payer == "" || payer == first) &&
		(day.text == "" || isFootWord(normalTitle(day.text)))
}

func isFootWord(title string) bool {
	return slices.ContainsFunc(words["foot"], func(word string) bool { return strings.HasPrefix(title, word) })
}

// wrong refuses a row.
func wrong(one row, key, value string) error {
	if len(value) > 60 {
		value = strings.ToValidUTF8(value[:60], "") + "…"
	}
	return refuse(key, map[string]any{"Row": one.no, "Value": value})
}

// inPlace refuses a row of a text file whose cells are not those of the titles:
// a payer's comma, or a quotation mark of theirs, has moved them.
func (r reader) inPlace(one row) error {
	switch {
	case one.width < r.width && one.held != "":
		return wrong(one, "error.statement.row_quote", one.held)
	case r.width > 0 && len(one.cells) > r.width:
		return wrong(one, "error.statement.row_long", one.cells[len(one.cells)-1].text)
	}
	return nil
}

// roundedForm is how spreadsheets write a long number, of which they keep 15 digits.
var roundedForm = regexp.MustCompile(`^[0-9](\.[0-9]+)?[eE]\+?[0-9]+$`)

const wholeDigits = 15

// rounded: the cell's long number is not the bank's any more.
func rounded(c cell) bool {
	return roundedForm.MatchString(c.text) || c.number && len(digits(c.text)) > wholeDigits
}

// line reads one line.
func (r reader) line(one row) (e models.StatementEntry, k kind, err error) {
	if err := r.inPlace(one); err != nil {
		return e, k, err
	}
	if own := r.get(one, factOurAccount).text; own != "" && digits(own) != r.opt.OurAccount {
		return e, k, wrong(one, "error.statement.row_account", own)
	}
	if k, e.AmountFen, err = r.amount(one); err != nil || k != isCredit {
		return e, k, err
	}
	e.RowNo = one.no
	if err := r.when(one, &e); err != nil {
		return e, k, err
	}
	e.PayerName, e.PayerAccount = r.get(one, factPayerName).text, r.get(one, factPayerAccount).text
	for _, fact := range []string{factPayerAccount, factSerial} {
		if c := r.get(one, fact); rounded(c) {
			return e, k, wrong(one, "error.statement.row_rounded", c.text)
		}
	}
	e.SerialNo = r.get(one, factSerial).text
	if strings.Trim(e.SerialNo, "0 ") == "" {
		e.SerialNo = ""
	}
	e.Remark = r.remark(one)
	if balance := r.get(one, factBalance); balance.text != "" {
		fen, ok := readFen(balance)
		if !ok {
			return e, k, wrong(one, "error.statement.row_amount", balance.text)
		}
		e.Balance = fen.Wire()
	}
	cells := make([]string, len(one.cells))
	for i, c := range one.cells {
		cells[i] = c.text
	}
	e.Raw = strings.Join(cells, "\t")
	return e, k, nil
}

// remark is all that the payer and the banks wrote.
func (r reader) remark(one row) string {
	var remarks []string
	for _, at := range r.at[factRemark] {
		if at < len(one.cells) && one.cells[at].text != "" && !slices.Contains(remarks, one.cells[at].text) {
			remarks = append(remarks, one.cells[at].text)
		}
	}
	return strings.Join(remarks, " | ")
}

// told reads of a line of money that left what it may be known by: its day, and its
// number or its remark. One without them is left out, and is no fault of the file's.
func (r reader) told(one row, e *models.StatementEntry) bool {
	serial := r.get(one, factSerial)
	e.RowNo, e.Remark = one.no, r.remark(one)
	if strings.Trim(serial.text, "0 ") != "" && !rounded(serial) {
		e.SerialNo = serial.text
	}
	if e.AmountFen <= 0 || e.SerialNo+e.Remark == "" || r.when(one, e) != nil {
		return false
	}
	if fen, ok := readFen(r.get(one, factBalance)); ok {
		e.Balance = fen.Wire()
	}
	return true
}

// noClock stands in files that keep none beside the day, and is left out of
// others of the same lines.
const noClock = "00:00:00"

// when reads the day and the clock, from one column or two.
func (r reader) when(one row, e *models.StatementEntry) error {
	date := r.get(one, factDate)
	day, clock, ok := readDay(date)
	if !ok {
		return wrong(one, "error.statement.row_date", date.text)
	}
	if its := r.get(one, factClock); its.text != "" && clock == "" {
		if clock, ok = readClock(its); !ok {
			if _, clock, ok = readDay(its); !ok { // some write the day there once more
				return wrong(one, "error.statement.row_date", its.text)
			}
		}
	}
	if clock == noClock {
		clock = ""
	}
	e.DayOn, e.Clock, e.At = day.Format(time.DateOnly), clock, day.UTC()
	if clock != "" {
		at, err := time.ParseInLocation(time.DateTime, e.DayOn+" "+clock, models.Shanghai)
		if err != nil {
			return wrong(one, "error.statement.row_date", clock)
		}
		e.At = at.UTC()
	}
	if !e.At.Before(r.opt.Now.Add(24 * time.Hour)) {
		return wrong(one, "error.statement.row_future", e.DayOn)
	}
	return nil
}
