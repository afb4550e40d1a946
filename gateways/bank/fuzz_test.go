package bank

import (
	"strings"
	"testing"

	"ztc-portal/models"
)

// fuzzed holds what must be true of whatever was read.
func fuzzed(t *testing.T, file []byte) {
	got, err := ReadStatement(file, options)
	if err != nil {
		if models.CodeOf(err) != models.Invalid {
			t.Fatalf("no refusal: %v", err)
		}
		return
	}
	for _, e := range got.Entries {
		if e.AmountFen <= 0 || e.RowNo <= 0 || len(e.DayOn) != 10 || e.At.IsZero() || !e.At.Before(options.Now.AddDate(0, 0, 2)) {
			t.Fatalf("read as %+v", e)
		}
		if models.DayOn(e.At) != e.DayOn || strings.ContainsRune(e.Raw, 0) {
			t.Fatalf("read as %+v", e)
		}
	}
	again, err := ReadStatement(file, options)
	if err != nil || len(again.Entries) != len(got.Entries) {
		t.Fatalf("read again it gives %d lines, %v", len(again.Entries), err)
	}
}

// FuzzReadStatementCSV looks for a text that is read wrongly, or breaks the reader.
func FuzzReadStatementCSV(f *testing.F) {
	for _, text := range samples {
		f.Add([]byte(text))
		f.Add(gb(f, text))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		if len(file) > 0 && file[0] != 'P' {
			fuzzed(t, file)
		}
	})
}

// FuzzReadStatementXLSX does so for a workbook's sheet and its shared texts.
func FuzzReadStatementXLSX(f *testing.F) {
	for _, share := range []bool{false, true} {
		all := parts(samples["cmb"], share)
		f.Add([]byte(all[sheetPart]), []byte(all["xl/sharedStrings.xml"]))
	}
	f.Fuzz(func(t *testing.T, sheet, shared []byte) {
		all := parts(samples["cmb"], false)
		all[sheetPart], all["xl/sharedStrings.xml"] = string(sheet), string(shared)
		fuzzed(t, zipped(t, all))
	})
}
