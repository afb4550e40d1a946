package web

import (
	"io"

	"github.com/xuri/excelize/v2"
)

// XLSX writes a table as a workbook of one sheet, row by row. Cells are text or
// numbers; none is ever a formula.
type XLSX struct {
	book *excelize.File
	rows *excelize.StreamWriter
	next int
}

// NewXLSX begins a table with its header.
func NewXLSX(header []string) (*XLSX, error) {
	book := excelize.NewFile()
	rows, err := book.NewStreamWriter(book.GetSheetName(0))
	if err != nil {
		return nil, err
	}
	table := &XLSX{book: book, rows: rows, next: 1}
	cells := make([]any, len(header))
	for i, name := range header {
		cells[i] = name
	}
	return table, table.Write(cells)
}

// Write adds a row: strings, and numbers as numbers.
func (t *XLSX) Write(cells []any) error {
	at, err := excelize.CoordinatesToCellName(1, t.next)
	if err != nil {
		return err
	}
	t.next++
	return t.rows.SetRow(at, cells)
}

// End writes the workbook.
func (t *XLSX) End(w io.Writer) error {
	defer t.book.Close()
	if err := t.rows.Flush(); err != nil {
		return err
	}
	_, err := t.book.WriteTo(w)
	return err
}
