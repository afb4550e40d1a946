package sandbox

import (
	"fmt"
	"strconv"
	"strings"
)

const maxAmountFen = 100_000_000_00 // the gateway's own limit for one trade

// parseYuan reads an amount as the protocol writes it (yuan, at most two
// decimals, no sign, no spaces) and gives it in fen; false if it is not one, is
// zero, or is above the gateway's limit.
func parseYuan(text string) (fen int64, ok bool) {
	whole, cents, hasPoint := strings.Cut(text, ".")
	if hasPoint && (cents == "" || len(cents) > 2) {
		return 0, false
	}
	if whole == "" || len(whole) > 9 || (len(whole) > 1 && whole[0] == '0') {
		return 0, false
	}
	digits := whole + (cents + "00")[:2]
	if strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	fen, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || fen == 0 || fen > maxAmountFen {
		return 0, false
	}
	return fen, true
}

// yuan writes fen as the protocol does: 123450 is "1234.50".
func yuan(fen int64) string {
	sign := ""
	if fen < 0 {
		sign, fen = "-", -fen
	}
	return fmt.Sprintf("%s%d.%02d", sign, fen/100, fen%100)
}

// price writes fen, which are not negative, for a person: 123450 is "¥1,234.50".
func price(fen int64) string {
	text := yuan(fen)
	for at := len(text) - 6; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return "¥" + text
}
