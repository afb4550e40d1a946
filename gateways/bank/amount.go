package bank

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"ztc-portal/models"
)

// readFen reads an amount; a spreadsheet's number may be off by a trifle.
func readFen(c cell) (models.Fen, bool) {
	if c.number {
		return models.FenFromSheet(c.text)
	}
	return models.FenFromStatement(c.text)
}

// isNothing: the cell says that there is no amount.
func isNothing(c cell) bool {
	return strings.Trim(c.text, "- \u2014") == ""
}

// amount reads what a line moved, and which way; of a line of money that left, how
// much did, 0 or less where that is not told.
func (r reader) amount(one row) (kind, models.Fen, error) {
	bad := func(c cell) (kind, models.Fen, error) {
		return isDebit, 0, wrong(one, "error.statement.row_amount", c.text)
	}
	if _, single := r.at[factAmount]; single {
		c := r.get(one, factAmount)
		fen, ok := readFen(c)
		if !ok || fen == 0 {
			return bad(c)
		}
		in, signed, err := r.cameIn(one, fen)
		switch {
		case err != nil:
			return isDebit, 0, err
		case in:
			return credit(fen)
		case signed:
			fen = -fen
		case fen < 0:
			return isReversal, 0, nil // money that left came back
		}
		return isDebit, fen, nil
	}
	in, out := r.get(one, factCredit), r.get(one, factDebit)
	var fen, left models.Fen
	var ok bool
	if !isNothing(in) {
		if fen, ok = readFen(in); !ok {
			return bad(in)
		}
	}
	if !isNothing(out) {
		if left, ok = readFen(out); !ok {
			return bad(out)
		}
	}
	_, hasDebits := r.at[factDebit]
	switch {
	case fen != 0 && left != 0:
		return isDebit, 0, wrong(one, "error.statement.row_both", in.text)
	case fen == 0 && left == 0 && hasDebits:
		return bad(in)
	case fen == 0 && left < 0:
		return isReversal, 0, nil // money that left came back
	case fen == 0:
		return isDebit, left, nil
	}
	if said := r.get(one, factDirection).text; said != "" && !isOneOf("credit", said) {
		return isDebit, 0, wrong(one, "error.statement.row_direction", said)
	}
	return credit(fen)
}

// credit: a credit below nothing takes one back.
func credit(fen models.Fen) (kind, models.Fen, error) {
	if fen < 0 {
		return isReversal, 0, nil
	}
	return isCredit, fen, nil
}

func isOneOf(list, said string) bool { return slices.Contains(words[list], normalTitle(said)) }

// cameIn says which way one column of amounts points: by a column of directions,
// by whose account was paid, or by the sign.
func (r reader) cameIn(one row, fen models.Fen) (in, signed bool, err error) {
	if _, told := r.at[factDirection]; told {
		said := r.get(one, factDirection).text
		switch {
		case r.creditWord != "":
			return normalTitle(said) == r.creditWord, false, nil
		case isOneOf("credit", said):
			return true, false, nil
		case isOneOf("debit", said):
			return false, false, nil
		}
		return false, false, wrong(one, "error.statement.row_direction", said)
	}
	if _, named := r.at[factPayeeAccount]; named {
		switch {
		case digits(r.get(one, factPayeeAccount).text) == r.opt.OurAccount:
			return true, false, nil
		case digits(r.get(one, factPayerAccount).text) == r.opt.OurAccount:
			return false, fen < 0, nil
		}
		return false, false, wrong(one, "error.statement.row_account", r.get(one, factPayeeAccount).text)
	}
	return fen > 0, true, nil
}

// digits are the digits of an account's number.
func digits(number string) string {
	return strings.Map(func(r rune) rune {
		if r = halfWidth(r); r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, number)
}

// days are how banks write a day, once other signs between its parts are hyphens.
var days = []string{"2006-1-2", "20060102"}

// readDay reads a day, and the clock where it stands in the same cell. A
// spreadsheet may keep both as one number of days since the end of 1899.
func readDay(c cell) (day time.Time, clock string, ok bool) {
	if c.number {
		if day, clock, ok = sheetDay(c.text, c.of1904); ok {
			return day, clock, true
		}
	}
	text := strings.TrimSpace(strings.Map(halfWidth, c.text))
	text = strings.NewReplacer("\u5E74", "-", "\u6708", "-", "\u65E5", " ", "/", "-", ".", "-", "T", " ").Replace(text)
	date, rest, _ := strings.Cut(text, " ")
	if rest == "" && len(date) == 14 && allDigits(date) {
		date, rest = date[:8], date[8:]
	}
	if parts := strings.Split(date, "-"); rest == "" && len(parts) == 6 { // 2026-11-23-09.30.15
		date, rest = strings.Join(parts[:3], "-"), strings.Join(parts[3:], ":")
	}
	for _, form := range days {
		if day, err := time.ParseInLocation(form, date, models.Shanghai); err == nil && day.Year() >= 2000 && day.Year() < 2100 {
			if rest = strings.TrimSpace(rest); rest == "" {
				return day, "", true
			}
			clock, ok := readClock(cell{text: rest})
			return day, clock, ok
		}
	}
	return day, "", false
}

// readClock reads a time of day.
func readClock(c cell) (clock string, ok bool) {
	text := strings.TrimSpace(strings.Map(halfWidth, c.text))
	if c.number && strings.HasPrefix(text, "0.") {
		seconds, ok := partOfDay(text[2:])
		return clockOf(seconds), ok
	}
	text = strings.NewReplacer("-", ":", ".", ":").Replace(text)
	if allDigits(text) && len(text) >= 5 && len(text) <= 6 { // 093000, of which a spreadsheet drops the nought
		text = "0" + text
		text = text[len(text)-6:]
	}
	for _, form := range []string{"15:04:05", "15:04", "150405", "15:4:5"} {
		if at, err := time.Parse(form, text); err == nil {
			return at.Format(time.TimeOnly), true
		}
	}
	return "", false
}

func allDigits(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}

// daysTo1904 lie between the two days that spreadsheets count from.
const daysTo1904 = 1462

// sheetDay reads a spreadsheet's number of days since 30 December 1899, as they
// count from March 1900 on, or since the beginning of 1904.
func sheetDay(number string, of1904 bool) (day time.Time, clock string, ok bool) {
	whole, part, _ := strings.Cut(number, ".")
	n, err := strconv.Atoi(whole)
	if of1904 {
		n += daysTo1904
	}
	if err != nil || n < 36526 || n > 73050 { // 2000 to 2099
		return day, "", false
	}
	seconds, ok := partOfDay(part)
	if !ok {
		return day, "", false
	}
	if seconds == secondsADay {
		n, seconds = n+1, 0
	}
	day = time.Date(1899, 12, 30+n, 0, 0, 0, 0, models.Shanghai)
	if part == "" || strings.Trim(part, "0") == "" {
		return day, "", true
	}
	return day, clockOf(seconds), true
}

const secondsADay = 24 * 60 * 60

// partOfDay turns the decimals of a day into seconds, to the nearest.
func partOfDay(decimals string) (seconds int, ok bool) {
	decimals = (decimals + "000000000")[:9]
	n, err := strconv.ParseInt(decimals, 10, 64)
	if err != nil || n < 0 {
		return 0, false
	}
	return int((n*secondsADay + 500_000_000) / 1_000_000_000), true
}

func clockOf(seconds int) string {
	return time.Date(2000, 1, 1, 0, 0, seconds, 0, time.UTC).Format(time.TimeOnly)
}
