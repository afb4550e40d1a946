package web

import (
	"encoding/csv"
	"io"
	"strings"
)

// CSV writes a table that spreadsheets open as it is: UTF-8 with the mark that
// tells them so, and no cell that they would take for a formula.
type CSV struct{ lines *csv.Writer }

// NewCSV begins a table with its header.
func NewCSV(w io.Writer, header []string) (*CSV, error) {
	if _, err := io.WriteString(w, "\ufeff"); err != nil {
		return nil, err
	}
	table := &CSV{csv.NewWriter(w)}
	return table, table.Write(header)
}

// formulas are what a formula begins with in some spreadsheet, full-width forms
// included; the apostrophe is what harmless says.
const formulas = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20'"

// harmless puts an apostrophe before a cell that begins like a formula, or with
// an apostrophe, so that taking one away gives what was there in any case.
func harmless(cell string) string {
	if first := strings.IndexAny(cell, formulas); first == 0 {
		return "'" + cell
	}
	return cell
}

// Write adds a line.
func (t *CSV) Write(cells []string) error {
	safe := make([]string, len(cells))
	for i, cell := range cells {
		safe[i] = harmless(cell)
	}
	return t.lines.Write(safe)
}

// End sends what is still held back.
func (t *CSV) End() error {
	t.lines.Flush()
	return t.lines.Error()
}
