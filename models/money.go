package models

import (
	"strings"

	"github.com/shopspring/decimal"
)

// Fen is an amount of money in whole fen (1/100 yuan), signed.
type Fen int64

// Yuan is 100 fen.
const Yuan Fen = 100

// maxParsed bounds what ParseFen takes: far above any limit of ours, far below
// where int64 ends, so that sums of amounts cannot overflow.
const maxParsed = Fen(1_000_000_000_000_00)

// ParseFen reads an amount in yuan as people type it: "1,000", "￥500", full-width
// digits, spaces around. It refuses, with a text key for the field "amount":
// empty, zero, negative, more than two decimals, anything that is not a plain
// decimal number (1e5, NaN, 0x10). Limits are the caller's business.
func ParseFen(typed string) (Fen, *Error) {
	text := strings.TrimSpace(strings.Map(toHalfWidth, typed))
	if text == "" {
		return 0, fieldError("amount", "error.amount.empty", nil)
	}
	text = strings.TrimPrefix(text, "¥")
	negative := strings.HasPrefix(text, "-")
	text = strings.TrimPrefix(strings.TrimPrefix(text, "-"), "¥")
	text = strings.TrimSpace(text)
	whole, fraction, dotted := strings.Cut(text, ".")
	digits, grouped := ungroup(whole)
	if !grouped || !allDigits(digits) || !allDigits(fraction) || (digits == "" && fraction == "") || (dotted && fraction == "") {
		return 0, fieldError("amount", "error.amount.not_a_number", nil)
	}
	if len(fraction) > 2 {
		return 0, fieldError("amount", "error.amount.decimals", nil)
	}
	value, err := decimal.NewFromString("0" + digits + "." + fraction + "0")
	if err != nil {
		return 0, fieldError("amount", "error.amount.not_a_number", nil)
	}
	if value.GreaterThan(decimal.New(int64(maxParsed), -2)) {
		return 0, fieldError("amount", "error.amount.too_large_to_read", nil)
	}
	fen := Fen(value.Shift(2).IntPart())
	switch {
	case fen == 0:
		return 0, fieldError("amount", "error.amount.zero", nil)
	case negative:
		return 0, fieldError("amount", "error.amount.negative", nil)
	}
	return fen, nil
}

// toHalfWidth maps full-width digits, signs and spaces to their ASCII twins.
func toHalfWidth(r rune) rune {
	switch {
	case r >= 0xFF01 && r <= 0xFF5E:
		return r - 0xFEE0
	case r == 0x3000 || r == 0x00A0:
		return ' '
	case r == 0xFFE5:
		return '¥'
	case r == 0x3002:
		return '.'
	case r == 0x2212:
		return '-'
	}
	return r
}

// ungroup takes the thousands separators out; it refuses groups that are not
// three digits long, so that "1,00" is not read as 100.
func ungroup(whole string) (string, bool) {
	groups := strings.Split(whole, ",")
	for i, g := range groups {
		if i > 0 && len(g) != 3 || i == 0 && len(groups) > 1 && (len(g) == 0 || len(g) > 3) {
			return "", false
		}
	}
	return strings.Join(groups, ""), true
}

func allDigits(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' }) < 0
}

// FenFromYuan reads an amount as a gateway writes it: plain yuan with at most
// two decimals, e.g. "1600.00". ok is false for anything else.
func FenFromYuan(wire string) (fen Fen, ok bool) {
	whole, fraction, dotted := strings.Cut(wire, ".")
	if whole == "" || !allDigits(whole) || !allDigits(fraction) || len(fraction) > 2 || (dotted && fraction == "") {
		return 0, false
	}
	value, err := decimal.NewFromString(wire)
	if err != nil || value.GreaterThan(decimal.New(int64(maxParsed), -2)) {
		return 0, false
	}
	return Fen(value.Shift(2).IntPart()), true
}

// Wire writes the amount as gateways want it: plain yuan, two decimals.
func (f Fen) Wire() string { return decimal.New(int64(f), -2).StringFixed(2) }

// CeilTo rounds up to a whole multiple of step; step must be positive.
func (f Fen) CeilTo(step Fen) Fen {
	if rest := f % step; rest > 0 {
		return f + step - rest
	} else {
		return f - rest
	}
}

// Times multiplies by a rate given in percent, rounded up to a whole fen.
func (f Fen) Times(percent int64) Fen {
	return Fen(decimal.New(int64(f), 0).Mul(decimal.New(percent, -2)).Ceil().IntPart())
}

// DaysAt says how many days the amount lasts at a daily cost, to one decimal
// place, rounded down; ok is false when nothing is spent.
func (f Fen) DaysAt(daily Fen) (days float64, ok bool) {
	if daily <= 0 || f < 0 {
		return 0, false
	}
	tenths := int64(f) * 10 / int64(daily)
	return float64(tenths) / 10, true
}
