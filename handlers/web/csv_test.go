package web_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ztc-portal/handlers/web"
)

// Whatever stands in a cell comes back as it was, with an apostrophe before what
// a spreadsheet would calculate.
func TestCSVHoldsNoFormula(t *testing.T) {
	cells := []string{"", "tea", "=1+1", "+86 10", "-5.00", "@SUM(A1)", "\t=1", "\n=1", "'=1", "a=b", "\uff1d1", "\u5145\u503c \"x\", y\nz", " =1"}
	want := []string{"", "tea", "'=1+1", "'+86 10", "'-5.00", "'@SUM(A1)", "'\t=1", "'\n=1", "''=1", "a=b", "'\uff1d1", "\u5145\u503c \"x\", y\nz", " =1"}
	var file bytes.Buffer
	table, err := web.NewCSV(&file, make([]string, len(cells)))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(table.Write(cells), table.End()); err != nil {
		t.Fatal(err)
	}
	content, marked := strings.CutPrefix(file.String(), "\xef\xbb\xbf")
	lines, err := csv.NewReader(strings.NewReader(content)).ReadAll()
	if err != nil || !marked || len(lines) != 2 {
		t.Fatalf("%d lines, marked as UTF-8: %v, %v", len(lines), marked, err)
	}
	if diff := cmp.Diff(want, lines[1]); diff != "" {
		t.Error(diff)
	}
}

// broken takes some bytes and no more.
type broken struct{ left int }

func (b *broken) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, errors.New("the line is cut")
	}
	return len(p), nil
}

func TestCSVTellsOfACutLine(t *testing.T) {
	if _, err := web.NewCSV(&broken{0}, nil); err == nil {
		t.Error("a table began on a line that is cut")
	}
	table, err := web.NewCSV(&broken{10}, []string{"a"})
	if err == nil {
		err = errors.Join(table.Write([]string{strings.Repeat("x", 100)}), table.End())
	}
	if err == nil {
		t.Error("a table ended on a line that is cut")
	}
}
