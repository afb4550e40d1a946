package bank

import (
	"fmt"
	"strings"
	"testing"

	"ztc-portal/models"
)

const (
	someTitles = "交易日期,交易时间,借方金额,贷方金额,对方户名,交易附言,交易流水号,余额,对方账号\n"
	someRow    = "20261123,09:30:15,,1.00,甲,,S1,5.00,571900000010801\n"
)

// What a payer writes in a remark hides nobody's line: a quotation mark that the
// bank did not escape, or a comma, refuses the file with the row's number.
func TestARemarkHidesNoLine(t *testing.T) {
	for _, c := range []struct{ name, lines, key string }{
		{"a mark that swallows the rows below", `20261123,09:30:15,,2.00,乙,"hi,S2,7.00,1` + "\n" + someRow + someRow, "error.statement.row_quote"},
		{"down to another mark", `20261123,09:30:15,,2.00,乙,"hi,S2,7.00,1` + "\n" + someRow + `20261123,09:31:15,,3.00,丙,hi",S3,9.00,1` + "\n", "error.statement.row_quote"},
		{"in the last row", `20261123,09:30:15,,2.00,乙,"hi,S2,7.00,1` + "\n", "error.statement.row_quote"},
		{"in the last row, which nothing ends", `20261123,09:30:15,,2.00,乙,"hi,S2,7.00,1`, "error.statement.row_quote"},
		{"over columns of its own row", `20261123,09:30:15,,2.00,乙,"hi,S2",7.00,1` + "\n", "error.statement.row_quote"},
		{"a comma that pushes columns on", `20261123,09:30:15,,2.00,乙,hi,there,S2,7.00,1` + "\n", "error.statement.row_long"},
		{"in the row of a sum", `合计,,,2.00,"hi` + "\n" + someRow, "error.statement.row_quote"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ReadStatement([]byte(someTitles+someRow+c.lines), options)
			if err == nil {
				t.Fatalf("read as %d lines", len(got.Entries))
			}
			if e := refusal(t, err); e.Key != c.key || e.Args["Row"] != 3 {
				t.Errorf("refused with %s %v, want %s", e.Key, e.Args, c.key)
			}
		})
	}
	fine := someTitles + someRow + `20261123,09:30:15,,2.00,"乙, Ltd","he said ""a, b""` + "\n" + `and left",S2,7.00,1` + "\n" + `20261123,09:30:15,,3.00,丙,5" pipe,S3,9.00,1` + "\n"
	if got, err := ReadStatement([]byte(fine), options); err != nil || len(got.Entries) != 3 || got.Entries[2].SerialNo != "S3" {
		t.Errorf("quoted as it should be: %d lines, %s", len(got.Entries), explain(err))
	}
}

// A row of money whose day can't be read is no sum, whatever word it begins with.
func TestAWordOfTheFootHidesNoLine(t *testing.T) {
	const titles = "借贷标志,交易时间,转出金额,转入金额,对方单位,对方账号,附言,余额\n"
	for _, row := range []string{"贷方,########,,20.00,乙,1,x,7.00\n", "收入,,,20.00,乙,1,x,7.00\n", "贷方,2026-13-01,,20.00,乙,1,x,7.00\n"} {
		got, err := ReadStatement([]byte(titles+row+"贷方,2026-11-23 09:30:15,,20.00,乙,1,x,7.00\n"), options)
		if err == nil {
			t.Errorf("%q was passed over: %d lines", row, len(got.Entries))
		} else if e := refusal(t, err); e.Key != "error.statement.row_date" || e.Args["Row"] != 2 {
			t.Errorf("%q is refused with %s %v", row, e.Key, e.Args)
		}
	}
	sums := "合计,,,20.00,,,,\n贷方,合计,,20.00,,,,\n,合计,0.00,20.00,,,,\n"
	if got, err := ReadStatement([]byte(titles+"贷,2026-11-23 09:30:15,,20.00,乙,1,x,7.00\n"+sums), options); err != nil || len(got.Entries) != 1 {
		t.Errorf("with sums: %d lines, %s", len(got.Entries), explain(err))
	}
}

// A number that a spreadsheet has rounded tells nothing any more: two transfers
// alike would be one, and the bank's own file would bring each again.
func TestRoundedNumbersAreRefused(t *testing.T) {
	for _, row := range []string{
		"20261123,,,2.00,乙,,1.23457E+19,,571900000010801\n", "20261123,,,2.00,乙,,2.0261123E+15,,1\n", "20261123,,,2.00,乙,,S1,,6.222e18\n",
	} {
		_, err := ReadStatement([]byte(someTitles+row), options)
		if e := refusal(t, err); e.Key != "error.statement.row_rounded" || e.Args["Row"] != 2 {
			t.Errorf("%q is refused with %s %v", row, e.Key, e.Args)
		}
	}
	for number, ok := range map[string]bool{"202611230000123": true, "2026112300001234": false, "2.026112300001234E15": false} {
		all := parts(someTitles+someRow, false)
		cell := `<c r="G2" t="inlineStr"><is><t>S1</t></is></c>`
		if !strings.Contains(all[sheetPart], cell) {
			t.Fatal("the number's cell is elsewhere")
		}
		all[sheetPart] = strings.Replace(all[sheetPart], cell, `<c r="G2"><v>`+number+`</v></c>`, 1)
		got, err := ReadStatement(zipped(t, all), options)
		if ok && (err != nil || got.Entries[0].SerialNo != number) || !ok && (err == nil || refusal(t, err).Key != "error.statement.row_rounded") {
			t.Errorf("%s: %+v, %s", number, got.Entries, explain(err))
		}
	}
}

// Whatever way a line comes, its day is the same, and midnight is no clock: many
// banks write it where they keep none.
func TestOneLineIsOfOneDayInEveryFile(t *testing.T) {
	want := models.StatementEntry{}
	for i, day := range []string{"2026-11-23", "20261123", "2026/11/23 00:00:00", "2026年11月23日", "20261123000000"} {
		got, err := ReadStatement([]byte(strings.Replace(someTitles+someRow, "20261123,09:30:15", day+",", 1)), options)
		if err != nil {
			t.Fatal(day, explain(err))
		}
		e := got.Entries[0]
		e.Raw = ""
		if i == 0 {
			want = e
		}
		if e != want {
			t.Errorf("%s is read as %+v, want %+v", day, e, want)
		}
	}
	for _, c := range []struct{ properties, number string }{
		{``, "46349"}, {`<workbookPr date1904="0"/>`, "46349"}, {`<workbookPr date1904="1"/>`, "44887"}, {`<workbookPr date1904="true"/>`, "44887.0"},
	} {
		all := parts(strings.Replace(someTitles+someRow, "09:30:15", "", 1), false)
		all["xl/workbook.xml"] = strings.Replace(all["xl/workbook.xml"], "<sheets>", c.properties+"<sheets>", 1)
		all[sheetPart] = strings.Replace(all[sheetPart], `<c r="A2" t="inlineStr"><is><t>20261123</t></is></c>`, `<c r="A2"><v>`+c.number+`</v></c>`, 1)
		got, err := ReadStatement(zipped(t, all), options)
		if err != nil || got.Entries[0].DayOn != "2026-11-23" || got.Entries[0].Clock != "" {
			t.Errorf("%s with %s: %+v, %s", c.number, c.properties, got.Entries, explain(err))
		}
	}
}

// A formula that nobody has computed is no empty cell: no amount goes missing so.
func TestAFormulaWithoutItsValueIsRefused(t *testing.T) {
	all := parts(samples["template"], false)
	cell := `<c r="C2" s="1"><v>1600.50</v></c>`
	if !strings.Contains(all[sheetPart], cell) {
		t.Fatal("the amount is elsewhere")
	}
	all[sheetPart] = strings.Replace(all[sheetPart], cell, `<c r="C2"><f>800.25*2</f></c>`, 1)
	got, err := ReadStatement(zipped(t, all), options)
	if err == nil {
		t.Fatalf("read as %+v", got)
	}
	if e := refusal(t, err); e.Key != "error.statement.row_amount" {
		t.Error(explain(err))
	}
	all[sheetPart] = strings.Replace(all[sheetPart], `</f>`, `</f><v>1600.5</v>`, 1)
	if got, err := ReadStatement(zipped(t, all), options); err != nil || got.Entries[0].AmountFen != 1600_50 {
		t.Errorf("%+v, %s", got, explain(err))
	}
}

// Entities that multiply, external parts and huge sheets end as refusals, soon.
func TestHostileWorkbooks(t *testing.T) {
	laughs := `<!DOCTYPE x [<!ENTITY a "ha">`
	for c := 'b'; c < 'z'; c++ {
		laughs += fmt.Sprintf(`<!ENTITY %c "%s">`, c, strings.Repeat(fmt.Sprintf("&%c;", c-1), 10))
	}
	all := parts(samples["template"], false)
	for _, c := range []struct{ name, sheet, key string }{
		{"entities", laughs + `]>` + strings.Replace(all[sheetPart], "K7QM2H9X", "&y;", 1), "error.statement.unreadable"},
		{"a file", `<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>` + strings.Replace(all[sheetPart], "K7QM2H9X", "&e;", 1), "error.statement.unreadable"},
		{"depth", strings.Repeat("<a>", 200), "error.statement.unpacks"},
		{"depth in a cell", `<worksheet><row r="1"><c r="A1">` + strings.Repeat("<is>", 200), "error.statement.unpacks"},
	} {
		file := zipped(t, replaced(parts(samples["template"], false), sheetPart, c.sheet))
		if _, err := ReadStatement(file, options); refusal(t, err).Key != c.key {
			t.Errorf("%s: %s, want %s", c.name, explain(err), c.key)
		}
	}
}
