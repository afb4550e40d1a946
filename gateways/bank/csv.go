package bank

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
)

// readCSV reads a text file of rows, in UTF-8 or GB18030, with commas or tabs.
func readCSV(file []byte) ([]row, error) {
	text, err := decoded(file)
	if err != nil {
		return nil, err
	}
	text = append(bytes.TrimRight(text, "\r\n"), '\n') // so that a quotation mark that nothing ends is seen
	in := csv.NewReader(bytes.NewReader(text))
	in.Comma, in.FieldsPerRecord, in.LazyQuotes, in.ReuseRecord = separator(text), -1, true, true
	between := string(in.Comma)
	var rows []row
	for {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, refuse("error.statement.unreadable", nil)
		}
		line, _ := in.FieldPos(0)
		one := row{no: line, width: len(record)}
		for _, field := range record[:min(len(record), maxColumns)] {
			if strings.Contains(field, between) {
				one.held = plain(field)
			}
			if isTorn(field, between) {
				one.torn = plain(field)
			}
			one.cells = append(one.cells, cell{text: plain(field)})
		}
		if rows, err = appended(rows, one); err != nil {
			return nil, err
		}
	}
}

// fewestCells is how many signs between cells make a row of the rest of a line.
const fewestCells = 3

// isTorn: rows are caught in the cell. A text that was quoted as it should be may
// have several lines, but not ones that look like rows.
func isTorn(field, between string) bool {
	_, rest, broken := strings.Cut(field, "\n")
	if !broken {
		return false
	}
	for line := range strings.Lines(rest) {
		if strings.Count(line, between) >= fewestCells {
			return true
		}
	}
	return strings.HasSuffix(field, "\n") && strings.Contains(field, between)
}

// appended adds a row that is not empty, up to as many as a file may have.
func appended(rows []row, one row) ([]row, error) {
	for len(one.cells) > 0 && one.cells[len(one.cells)-1].text == "" {
		one.cells = one.cells[:len(one.cells)-1]
	}
	if len(one.cells) == 0 {
		return rows, nil
	}
	if len(rows) >= maxRows {
		return nil, refuse("error.statement.too_many_rows", map[string]any{"Max": maxRows})
	}
	return append(rows, one), nil
}

var byteOrderMark = []byte("\xEF\xBB\xBF")

// decoded is the file in UTF-8. What is neither UTF-8 nor GB18030 is refused.
func decoded(file []byte) ([]byte, error) {
	file = bytes.TrimPrefix(file, byteOrderMark)
	if bytes.IndexByte(file, 0) >= 0 {
		return nil, refuse("error.statement.unreadable", nil)
	}
	if utf8.Valid(file) {
		return file, nil
	}
	text, err := simplifiedchinese.GB18030.NewDecoder().Bytes(file)
	if err != nil || bytes.ContainsRune(text, utf8.RuneError) {
		return nil, refuse("error.statement.encoding", nil)
	}
	return text, nil
}

// separator is the tab where the file has more tabs than commas.
func separator(text []byte) rune {
	head := text[:min(len(text), 16<<10)]
	if bytes.Count(head, []byte("\t")) > bytes.Count(head, []byte(",")) {
		return '\t'
	}
	return ','
}

// plain takes off a cell what spreadsheets are told to keep long numbers as text
// by, and the space around it.
func plain(field string) string {
	field = strings.TrimSpace(field)
	if inner, ok := strings.CutPrefix(field, `="`); ok {
		field = strings.TrimSuffix(inner, `"`)
	}
	field = strings.TrimLeft(strings.TrimSpace(field), "'`")
	if len(field) > maxCell {
		field = field[:maxCell]
	}
	return strings.TrimSpace(strings.ToValidUTF8(field, ""))
}
