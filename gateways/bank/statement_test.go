package bank

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"

	"ztc-portal/models"
)

const account = "6222020000012345678"

var options = Options{OurAccount: account, Now: time.Date(2026, 11, 24, 6, 0, 0, 0, time.UTC)}

// samples are one statement of each bank: rows before the titles, titles, a
// credit of ¥1,600.50, a debit, and what stands under them.
var samples = map[string]string{
	"cmb": `招商银行账务明细,,,,,,
账号:,'6222020000012345678,,户名:,示例网络科技有限公司,,
交易日,交易时间,借方金额,贷方金额,余额,摘要,流水号,业务名称,业务参考号,收(付)方名称,收(付)方账号,收(付)方开户行名
20261123,093015,,"1,600.50","21,600.50",K7QM2H9X 充值,C0001,网银,REF1,杭州茶叶有限公司,571900000010801,招商银行
20261123,101500,"300.00",,"21,300.50",手续费,C0002,网银,REF2,某公司,1,招商银行
`,
	"icbc-both": `[HISTORYDETAIL]
凭证号,本方账号,对方账号,交易时间,借贷标志,借方发生额,贷方发生额,对方单位,对方行号,用途,摘要,附言,回单个性化信息,余额
0,6222020000012345678,1202020209900012345,2026-11-23 09:30:15,贷,0.00,1600.50,杭州茶叶有限公司,102331,,网转,K7QM2H9X 充值,,21600.50
0,6222020000012345678,1202020209900012399,2026-11-23 10:15:00,借,300.00,0.00,某公司,102331,货款,转账,,,21300.50
`,
	"icbc-one": `凭证号,对方账号,交易时间,借贷标志,发生额,对方单位,对方行号,用途,摘要,附言,余额
0,1202020209900012345,2026-11-23-09.30.15,贷,"1,600.50",杭州茶叶有限公司,102331,,网转,K7QM2H9X 充值,"21,600.50"
0,1202020209900012399,2026-11-23-10.15.00,借,300.00,某公司,102331,货款,转账,,"21,300.50"
合计,,,,1900.50,,,,,,
`,
	"icbc-in-out": `凭证号,本方账号,对方账号,交易时间,借贷标志,转入金额,转出金额,对方单位,对方行号,用途,摘要,附言,余额
0,6222020000012345678,1202020209900012345,2026/11/23 09:30:15,贷,1600.50,,杭州茶叶有限公司,102331,,网转,K7QM2H9X 充值,21600.50
0,6222020000012345678,1202020209900012399,2026/11/23 10:15:00,借,,300.00,某公司,102331,货款,转账,,21300.50
`,
	"citic": strings.Repeat("中信银行,\n", 14) + `交易日期,交易时间,借方发生额,贷方发生额,账户余额,对方账户名称,对方账号,摘要,附言,柜员交易号
2026-11-23,09:30:15,0.00,1600.50,21600.50,杭州茶叶有限公司,8110801012345678901,转账,K7QM2H9X 充值,EB001
2026-11-23,10:15:00,300.00,0.00,21300.50,某公司,8110801012345678902,转账,,EB002
`,
	"boc": strings.Repeat("查询时间,2026\n", 9) + `交易日期[ Transaction Date ],交易时间[ Transaction time ],付款人名称[ Payer's Name ],付款人账号[ Debit Account No. ],收款人名称[ Payee's Name ],收款人账号[ Payee's Account Number ],交易金额[ Trade Amount ],交易后余额[ After-transaction balance ],交易附言[ Remark ],用途[ Purpose ],交易流水号[ Transaction reference number ]
20261123,09:30:15,杭州茶叶有限公司,400012345678,示例网络科技有限公司,6222020000012345678,1600.50,21600.50,K7QM2H9X 充值,,B001
20261123,10:15:00,示例网络科技有限公司,6222020000012345678,某公司,400012345679,-300.00,21300.50,货款,,B002
`,
	"spdb": strings.Repeat("浦发银行\n", 5) + `交易日期,交易时间,凭证号,借方金额,贷方金额,余额,对方账号,对方户名,摘要,交易附言,交易流水号
20261123,9:30:15,,,1600.50,21600.50,95200078801300000001,杭州茶叶有限公司,转账,K7QM2H9X 充值,S001
20261123,10:15:00,,300.00,,21300.50,95200078801300000002,某公司,转账,,S002
`,
	"ccb": `账号,账户名称,交易时间,借方发生额/元(支取),贷方发生额/元(收入),余额,币种,对方户名,对方账号,对方开户机构,记账日期,摘要,备注
6222020000012345678,示例网络科技有限公司,20261123 09:30:15,0,1600.50,21600.50,人民币元,杭州茶叶有限公司,33050161000000000001,建行,20261123,转账,K7QM2H9X 充值
6222020000012345678,示例网络科技有限公司,20261123 10:15:00,300,0,21300.50,人民币元,某公司,33050161000000000002,建行,20261123,转账,
`,
	"template": `交易日期,交易时间,收入金额,付款人名称,付款人账号,附言,银行流水号,余额,收款账号
2026-11-23,09:30:15,"1,600.50",杭州茶叶有限公司,571900000010801,K7QM2H9X 充值,T1,,6222020000012345678
`,
}

func gb(t testing.TB, text string) []byte {
	t.Helper()
	bytes, err := simplifiedchinese.GB18030.NewEncoder().Bytes([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}

// Every bank's layout is known, in UTF-8, in GB18030 and as a workbook, and gives
// the same line.
func TestEveryLayoutIsRead(t *testing.T) {
	if len(samples) != len(layouts) {
		t.Errorf("%d samples of %d layouts", len(samples), len(layouts))
	}
	for name, text := range samples {
		files := map[string][]byte{
			"utf-8": []byte(text), "mark": []byte("\uFEFF" + text), "gb18030": gb(t, text),
			"tabs": []byte(withTabs(t, text)), "xlsx": workbook(t, text, false), "xlsx-shared": workbook(t, text, true),
		}
		for form, file := range files {
			t.Run(name+"/"+form, func(t *testing.T) {
				got, err := ReadStatement(file, options)
				if err != nil {
					t.Fatal(explain(err))
				}
				debits := 1
				if name == "template" {
					debits = 0
				}
				if got.Layout != name || len(got.Entries) != 1 || got.Debits != debits || got.Reversals != 0 || len(got.FileHash) != 64 {
					t.Fatalf("read as %+v", got)
				}
				if len(got.Left) != debits {
					t.Errorf("%d lines of money that left: %+v", len(got.Left), got.Left)
				}
				for _, e := range got.Left {
					if e.AmountFen != 300_00 || e.DayOn != "2026-11-23" || e.SerialNo+e.Remark == "" || e.PayerName+e.PayerAccount+e.Raw != "" {
						t.Errorf("left: %+v", e)
					}
				}
				e := got.Entries[0]
				at := time.Date(2026, 11, 23, 1, 30, 15, 0, time.UTC)
				if e.AmountFen != 1600_50 || e.DayOn != "2026-11-23" || e.Clock != "09:30:15" || !e.At.Equal(at) {
					t.Errorf("%s on %s %s (%v)", e.AmountFen.Wire(), e.DayOn, e.Clock, e.At)
				}
				if e.PayerName != "杭州茶叶有限公司" || len(e.PayerAccount) < 10 || !strings.Contains(e.Remark, "K7QM2H9X 充值") {
					t.Errorf("from %q %q: %q", e.PayerName, e.PayerAccount, e.Remark)
				}
				if name != "template" && e.Balance != "21600.50" || !strings.Contains(e.Raw, "杭州茶叶有限公司\t") {
					t.Errorf("balance %q, raw %q", e.Balance, e.Raw)
				}
			})
		}
	}
}

// The template that staff download is one that is read.
func TestTheTemplateIsOurOwnLayout(t *testing.T) {
	line := "2026-11-23,,88,某某公司,,附言,,,\n"
	got, err := ReadStatement(append(Template(), line...), options)
	if err != nil || got.Layout != "template" || len(got.Entries) != 1 || got.Entries[0].AmountFen != 88_00 || got.Entries[0].Clock != "" {
		t.Fatalf("%+v, %v", got, explain(err))
	}
}

// A row that can't be read refuses the file and says which row it is.
func TestARowThatCantBeReadIsNamed(t *testing.T) {
	const titles = "交易日期,交易时间,借方金额,贷方金额,对方户名,交易流水号,余额,对方账号\n"
	const good = "20261123,09:30:15,,1.00,甲,S0,5.00,1\n"
	for _, c := range []struct{ name, line, key, value string }{
		{"no day", "n/a,,,2.00,甲,S1,,", "error.statement.row_date", "n/a"},
		{"a day that is none", "20261332,,,2.00,甲,S1,,", "error.statement.row_date", "20261332"},
		{"no clock", "20261123,soon,,2.00,甲,S1,,", "error.statement.row_date", "soon"},
		{"three decimals", "20261123,,,2.005,甲,S1,,", "error.statement.row_amount", "2.005"},
		{"exponent", "20261123,,,2e3,甲,S1,,", "error.statement.row_amount", "2e3"},
		{"words", "20261123,,,贰元,甲,S1,,", "error.statement.row_amount", "贰元"},
		{"odd grouping", `20261123,,,"1,00",甲,S1,,`, "error.statement.row_amount", "1,00"},
		{"beyond reading", "20261123,,,99999999999999.00,甲,S1,,", "error.statement.row_amount", "99999999999999.00"},
		{"no amount at all", "20261123,,,,甲,S1,,", "error.statement.row_amount", ""},
		{"a debit that is none", "20261123,,x,,甲,S1,,", "error.statement.row_amount", "x"},
		{"in and out", "20261123,,1.00,2.00,甲,S1,,", "error.statement.row_both", "2.00"},
		{"balance", "20261123,,,2.00,甲,S1,much,", "error.statement.row_amount", "much"},
		{"the day after tomorrow", "20261126,,,2.00,甲,S1,,", "error.statement.row_future", "2026-11-26"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ReadStatement([]byte("抬头\n"+titles+good+c.line+"\n"), options)
			e := refusal(t, err)
			if e.Key != c.key || e.Args["Row"] != 4 || e.Args["Value"] != c.value {
				t.Errorf("refused with %s %v", e.Key, e.Args)
			}
			if len(got.Entries) > 1 {
				t.Errorf("%d lines were kept", len(got.Entries))
			}
		})
	}
}

func TestFilesThatAreNoStatementAreRefused(t *testing.T) {
	titles := strings.SplitAfter(samples["template"], "\n")[0]
	for _, c := range []struct {
		name, key string
		file      []byte
	}{
		{"nothing", "error.statement.empty", nil},
		{"too large", "error.statement.too_large", bytes.Repeat([]byte("a"), MaxFile+1)},
		{"old Excel", "error.statement.old_excel", []byte("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1")},
		{"a picture", "error.statement.unreadable", []byte("\x89PNG\r\n\x1a\n\x00\x00")},
		{"no encoding", "error.statement.encoding", []byte("\xFF\xFE\xFD,\x81\n")},
		{"other titles", "error.statement.no_titles", []byte("a,b\n1,2\n")},
		{"titles alone", "error.statement.no_lines", []byte(titles)},
		{"too many rows", "error.statement.too_many_rows", []byte(titles + strings.Repeat("2026-11-23,,1,a\n", maxRows))},
		{"a zip that is no workbook", "error.statement.unreadable", zipped(t, map[string]string{"a.txt": "x"})},
		{"a zip cut off", "error.statement.unreadable", workbook(t, samples["cmb"], false)[:200]},
		{"broken XML", "error.statement.unreadable", zipped(t, replaced(parts(samples["cmb"], false), sheetPart, "<worksheet><row>"))},
		{"a bomb", "error.statement.unpacks", zipped(t, replaced(parts(samples["cmb"], false), sheetPart, "<worksheet>"+strings.Repeat(" ", maxPart)))},
		{"bombs together", "error.statement.unpacks", zipped(t, replaced(replaced(parts(samples["cmb"], true),
			"xl/sharedStrings.xml", "<sst>"+strings.Repeat(" ", maxPart-100)+"</sst>"), "xl/workbook.xml", parts("", false)["xl/workbook.xml"]+strings.Repeat(" ", maxPart-1000)))},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ReadStatement(c.file, options)
			if e := refusal(t, err); e.Key != c.key {
				t.Errorf("refused with %s %v, want %s", e.Key, e.Args, c.key)
			}
		})
	}
	other := strings.ReplaceAll(samples["ccb"], account, "6222020000099999999")
	_, err := ReadStatement([]byte(other), options)
	if e := refusal(t, err); e.Key != "error.statement.row_account" || e.Args["Row"] != 2 {
		t.Errorf("another account's statement: %s %v", e.Key, e.Args)
	}
}

// A quote that a payer wrote and no bank escaped must not take the rows under it
// into its cell: their money would be lost unseen. A note of several lines above
// the titles is no such thing.
func TestAnUnclosedQuoteIsNamed(t *testing.T) {
	const text = "\"first\nsecond,and,more\"\n交易日期,收入金额,付款人名称,附言\n2026-11-23,100.00,A,fine\n2026-11-23,200.00,B,REMARK\n2026-11-23,\"1300.00\",C,\n2026-11-23,400.00,D,\n"
	for _, between := range []string{",", "\t"} {
		read := func(remark string) (models.Statement, error) {
			return ReadStatement([]byte(strings.NewReplacer(",", between, "REMARK", remark).Replace(text)), options)
		}
		for _, whole := range []string{"fine", `a "word" in it`, `"all of it"`} {
			if s, err := read(whole); err != nil || len(s.Entries) != 4 {
				t.Errorf("%q: %d lines, %v", whole, len(s.Entries), explain(err))
			}
		}
		for _, open := range []string{`"open`, `"open, then`} {
			_, err := read(open)
			// named for the quote, or for the columns that the quote moved
			if got := refusal(t, err); got.Key != "error.statement.row_quote" && got.Key != "error.statement.row_long" || got.Args["Row"] != 5 {
				t.Errorf("%q is refused by %s %v", open, got.Key, got.Args)
			}
		}
	}
}

// What a bank takes back is counted and not booked; sums, titles that come
// again, and remarks are passed over.
func TestWhatIsNoCreditIsCounted(t *testing.T) {
	text := samples["spdb"] + `20261123,11:00:00,,,-1600.50,19700.00,95200078801300000001,杭州茶叶有限公司,冲正,,S003
交易日期,交易时间,凭证号,借方金额,贷方金额,余额,对方账号,对方户名,摘要,交易附言,交易流水号
合计,,,300.00,0.00,,,,,,
打印时间：2026-11-24,,,,,,,,,,
,,,,,,,,,,
`
	got, err := ReadStatement([]byte(text), options)
	if err != nil || len(got.Entries) != 1 || got.Debits != 1 || got.Reversals != 1 {
		t.Errorf("%+v, %v", got, explain(err))
	}
}

// A transfer out that bounced stands on the debit's side with a sign, or beside the
// word for a debit: it is counted, since somebody must look.
func TestADebitBelowNothingIsCounted(t *testing.T) {
	for name, file := range map[string]string{
		"two columns": samples["spdb"] + "20261123,11:00:00,,-300.00,,19700.00,95200078801300000001,杭州茶叶有限公司,退汇,,S003\n",
		"one column":  samples["icbc-one"] + `7000009,1202020209900012399,2026-11-23-10.16.00,借,-300.00,某公司,102331,退汇,转账,F26112300000000000001,"21,600.50"` + "\n",
	} {
		got, err := ReadStatement([]byte(file), options)
		if err != nil || got.Reversals != 1 || len(got.Left) != 0 && got.Left[len(got.Left)-1].SerialNo == "S003" {
			t.Errorf("%s: %+v, %v", name, got, explain(err))
		}
	}
}

// A spreadsheet keeps days and amounts as numbers.
func TestNumbersOfASpreadsheet(t *testing.T) {
	for number, want := range map[string]string{
		"46349": "2026-11-23 ", "46349.39600694444": "2026-11-23 09:30:15", "46349.999999999": "2026-11-24 00:00:00",
		"36526.5": "2000-01-01 12:00:00",
	} {
		day, clock, ok := readDay(cell{text: number, number: true})
		if got := day.Format(time.DateOnly) + " " + clock; !ok || got != want {
			t.Errorf("%s is %s (%v), want %s", number, got, ok, want)
		}
	}
	for number, want := range map[string]models.Fen{"1600.5": 1600_50, "1600.0999999999999": 1600_10, "1.6005E3": 1600_50, "0.1": 10} {
		if got, ok := readFen(cell{text: number, number: true}); !ok || got != want {
			t.Errorf("%s is %s (%v)", number, got.Wire(), ok)
		}
	}
	for _, number := range []string{"1600.005", "1600.0999", "1E+999999999", "NaN", "0x10", "1e16", ""} {
		if got, ok := readFen(cell{text: number, number: true}); ok {
			t.Errorf("%q is read as %s", number, got.Wire())
		}
	}
	if clock, ok := readClock(cell{text: "0.39600694444", number: true}); !ok || clock != "09:30:15" {
		t.Errorf("a part of a day is %s", clock)
	}
}

// The mapping reads what no known layout fits, and never stands in one's way.
func TestTheMapping(t *testing.T) {
	text := "Day,In/Out,Sum,From,Note,Extra\n2026-11-23,in,20.00,Tea Ltd,K7QM2H9X,more\n2026-11-23,out,5.00,X,,\n"
	mapped := options
	mapped.Mapping = models.StatementMapping{Date: "day", Credit: "sum", Direction: "in/out", CreditWord: "IN", PayerName: "From", Remark: "Note， Extra"}
	got, err := ReadStatement([]byte(text), mapped)
	if err != nil || got.Layout != mappingLayout || len(got.Entries) != 1 || got.Debits != 1 {
		t.Fatalf("%+v, %v", got, explain(err))
	}
	if e := got.Entries[0]; e.AmountFen != 20_00 || e.PayerName != "Tea Ltd" || e.Remark != "K7QM2H9X | more" {
		t.Errorf("%+v", e)
	}
	if got, err := ReadStatement([]byte(samples["cmb"]), mapped); err != nil || got.Layout != "cmb" {
		t.Errorf("%s, %v", got.Layout, explain(err))
	}
	if _, err := ReadStatement([]byte(text), options); refusal(t, err).Key != "error.statement.no_titles" {
		t.Error(explain(err))
	}
}

func refusal(t *testing.T, err error) *models.Error {
	t.Helper()
	refused := (models.FieldErrors)(nil)
	if !errors.As(err, &refused) || len(refused) != 1 || refused[0].Field != "file" {
		t.Fatalf("got %v, want one refusal of the file", err)
	}
	return refused[0]
}

// explain writes a refusal with its arguments.
func explain(err error) string {
	refused := (models.FieldErrors)(nil)
	if errors.As(err, &refused) {
		return fmt.Sprint(refused[0].Key, refused[0].Args)
	}
	return fmt.Sprint(err)
}

func withTabs(t testing.TB, text string) string {
	t.Helper()
	rows, err := readCSV([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, one := range rows {
		for i, c := range one.cells {
			if i > 0 {
				b.WriteByte('\t')
			}
			b.WriteString(c.text)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

const sheetPart = "xl/worksheets/sheet7.xml"

// parts are those of a workbook whose first sheet that can be seen holds the rows
// of the CSV: amounts as numbers, the rest as texts, shared or in their cells.
func parts(text string, share bool) map[string]string {
	rows, _ := readCSV([]byte(text))
	var sheet, shared strings.Builder
	escaped := func(text string) string {
		var b strings.Builder
		xml.EscapeText(&b, []byte(text))
		return b.String()
	}
	texts := 0
	for _, one := range rows {
		fmt.Fprintf(&sheet, `<row r="%d">`, one.no)
		for i, c := range one.cells {
			address := fmt.Sprintf("%c%d", 'A'+i, one.no)
			fen, amount := models.FenFromStatement(c.text)
			switch {
			case c.text == "":
			case amount && strings.Contains(c.text, "."):
				fmt.Fprintf(&sheet, `<c r="%s" s="1"><v>%s</v></c>`, address, fen.Wire())
			case share:
				fmt.Fprintf(&shared, "<si><r><t>%s</t></r><rPh><t>spoken</t></rPh></si>", escaped(c.text))
				fmt.Fprintf(&sheet, `<c r="%s" t="s"><v>%d</v></c>`, address, texts)
				texts++
			default:
				fmt.Fprintf(&sheet, `<c r="%s" t="inlineStr"><is><t>%s</t></is></c>`, address, escaped(c.text))
			}
		}
		sheet.WriteString("</row>")
	}
	const ns = `xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"`
	return map[string]string{
		"xl/workbook.xml":            `<workbook ` + ns + `><sheets><sheet name="h" sheetId="1" state="hidden" r:id="rId1"/><sheet name="s" sheetId="2" r:id="rId9"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels": `<Relationships><Relationship Id="rId1" Target="worksheets/sheet1.xml"/><Relationship Id="rId9" Target="worksheets/sheet7.xml"/></Relationships>`,
		"xl/sharedStrings.xml":       `<sst ` + ns + `>` + shared.String() + `</sst>`,
		sheetPart:                    `<worksheet ` + ns + `><sheetData>` + sheet.String() + `</sheetData></worksheet>`,
	}
}

func replaced(all map[string]string, name, with string) map[string]string {
	all[name] = with
	return all
}

func workbook(t testing.TB, text string, share bool) []byte {
	t.Helper()
	return zipped(t, parts(text, share))
}

func zipped(t testing.TB, all map[string]string) []byte {
	t.Helper()
	var file bytes.Buffer
	w := zip.NewWriter(&file)
	for name, content := range all {
		part, err := w.Create(name)
		if err == nil {
			_, err = part.Write([]byte(content))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// A file holds the days of all its lines, debits too; a debit of tomorrow holds
// nothing.
func TestDaysOfAFileAreThoseOfAllItsLines(t *testing.T) {
	file := `交易日期,交易时间,借方发生额,贷方发生额,账户余额,对方账户名称,对方账号,摘要,附言,柜员交易号
2026-11-20,09:30:15,1.00,0.00,21600.50,某公司,8110801012345678901,转账,,EB000
2026-11-22,09:30:15,0.00,1600.50,21600.50,杭州茶叶有限公司,8110801012345678901,转账,,EB001
2026-11-23,10:15:00,300.00,0.00,21300.50,某公司,8110801012345678902,转账,,EB002
2026-11-29,10:15:00,300.00,0.00,21300.50,某公司,8110801012345678902,转账,,EB003
`
	s, err := ReadStatement([]byte(file), options)
	if err != nil || len(s.Entries) != 1 || s.Debits != 3 || s.FirstOn != "2026-11-20" || s.LastOn != "2026-11-23" {
		t.Errorf("%+v, %v", s, err)
	}
}
