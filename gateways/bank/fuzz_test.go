package bank

import (
	"strings"
	"testing"

	"ztc-portal/models"
)

// fuzzed holds what must be true of whatever was read.
func fuzzed(t *testing.T, file []byte, options Options) {
	t.Helper()
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
			fuzzed(t, file, options)
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
		fuzzed(t, zipped(t, all), options)
	})
}

// FuzzReadStatementByMapping does so for the titles that staff may write, and a
// text that no known layout fits.
func FuzzReadStatementByMapping(f *testing.F) {
	f.Add([]byte("Day,In/Out,Sum,From,Note,Extra\n2026-11-23,in,20.00,Tea Ltd,K7QM2H9X,more\n2026-11-23,out,5.00,X,,\n"),
		"day", "sum", "in/out", "IN", "From", "Note， Extra", "")
	f.Add([]byte("Day\tSum\tFrom\tLeft\n20261123\t1,600.50\tTea Ltd\t9\n"), "Day", "Sum", "", "", "From", "", "Left")
	f.Add([]byte("Day,Sum,From\n2026-11-23,-1,X\n"), "day,sum", "sum,day", "from", "x", "from", "from", "sum")
	f.Add([]byte(samples["cmb"]), "(", "，", ",", "*", "[", " ", "\x00")
	f.Fuzz(func(t *testing.T, file []byte, date, credit, direction, creditWord, payer, remark, balance string) {
		if len(file) > 0 && file[0] == 'P' {
			return // a workbook is the other target's
		}
		mapped := options
		mapped.Mapping = models.StatementMapping{
			Date: date, Credit: credit, Direction: direction, CreditWord: creditWord, PayerName: payer, Remark: remark, Balance: balance,
		}
		fuzzed(t, file, mapped)
		if date == "" || credit == "" || payer == "" {
			return // never stored
		}
		if p, ok := ofMapping(mapped.Mapping).fits([]string{"A", "B"}); ok && p.hits < 3 {
			t.Fatalf("%+v fits where not all of it stands", mapped.Mapping)
		}
	})
}
