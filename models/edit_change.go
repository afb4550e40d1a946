package models

import "strings"

// BulkChange is a change of amounts as it was typed: all to one value in yuan,
// or each by a percentage ("10", "-15.5 %"). One of the two is empty.
type BulkChange struct{ To, Percent string }

// What a percentage may be, in hundredths of a percent.
const (
	minChangeBP = -90_00
	maxChangeBP = 500_00
	wholeBP     = 100_00
)

// rule reads the change: the new amount of an old one, rounded to the fen. A
// refusal stands on the field.
func (c BulkChange) rule(field string) (func(Fen) Fen, *Error) {
	if strings.TrimSpace(c.Percent) == "" {
		to, refused := ParseFen(c.To)
		if refused != nil {
			refused.Field = field
			return nil, refused
		}
		return func(Fen) Fen { return to }, nil
	}
	typed := strings.TrimSpace(strings.Map(toHalfWidth, c.Percent))
	typed, less := strings.CutPrefix(strings.TrimPrefix(strings.TrimSpace(strings.TrimSuffix(typed, "%")), "+"), "-")
	change, refused := ParseFen(typed) // two decimals, as an amount has
	if refused != nil {
		return nil, fieldError(field, "error.percent.malformed", nil)
	}
	if less {
		change = -change
	}
	if change < minChangeBP || change > maxChangeBP {
		return nil, fieldError(field, "error.percent.limits", map[string]any{"Min": minChangeBP / 100, "Max": maxChangeBP / 100})
	}
	return func(old Fen) Fen { return (old*(wholeBP+change) + wholeBP/2) / wholeBP }, nil
}
