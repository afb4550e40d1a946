package models

import (
	"strings"

	"github.com/shopspring/decimal"
)

// noise is the most by which a spreadsheet's number, kept in binary, differs
// from the amount that was meant.
var noise = decimal.New(1, -6)

// FenFromStatement reads an amount as a bank's statement writes it: yuan with at
// most two decimals, grouped or not, with a sign before or after the yuan sign.
// ok is false for anything else.
func FenFromStatement(cell string) (fen Fen, ok bool) {
	text := strings.TrimSpace(strings.Map(toHalfWidth, cell))
	negative := false
	for _, prefix := range []string{"¥", "-", "+", "¥"} {
		if rest, cut := strings.CutPrefix(text, prefix); cut {
			text, negative = rest, negative || prefix == "-"
		}
	}
	whole, fraction, dotted := strings.Cut(strings.TrimSpace(text), ".")
	digits, grouped := ungroup(whole)
	if !grouped || digits == "" {
		return 0, false
	}
	if dotted {
		digits += "." + fraction
	}
	if fen, ok = FenFromYuan(digits); negative {
		fen = -fen
	}
	return fen, ok
}

// FenFromSheet reads the number of a spreadsheet's cell, which is kept in binary
// and may differ from the amount by a trifle. ok is false where it has more
// decimals than that explains, or is too large.
func FenFromSheet(number string) (fen Fen, ok bool) {
	if len(number) > 40 {
		return 0, false
	}
	if at := strings.IndexAny(number, "eE"); at >= 0 && len(number)-at > 4 { // 1E+999 is no amount
		return 0, false
	}
	value, err := decimal.NewFromString(number)
	if err != nil || value.Abs().GreaterThan(decimal.New(int64(maxParsed), -2)) {
		return 0, false
	}
	rounded := value.Round(2)
	if value.Sub(rounded).Abs().GreaterThan(noise) {
		return 0, false
	}
	return Fen(rounded.Shift(2).IntPart()), true
}
