package bank

import (
	_ "embed"
	"strings"
	"unicode"

	"ztc-portal/models"
)

//go:embed layouts.txt
var layoutsText string

//go:embed words.txt
var wordsText string

// Facts that a column can hold.
const (
	factDate         = "date"
	factClock        = "clock"
	factDebit        = "debit"
	factCredit       = "credit"
	factAmount       = "amount"
	factDirection    = "direction"
	factPayerName    = "payer_name"
	factPayerAccount = "payer_account"
	factPayeeAccount = "payee_account"
	factOurAccount   = "our_account"
	factRemark       = "remark"
	factSerial       = "serial_no"
	factBalance      = "balance"
)

// wanted is one column of a layout: the fact, and the titles it may have.
type wanted struct {
	fact   string
	must   bool
	titles []string
}

// layout is how one bank writes its statements.
type layout struct {
	name       string
	columns    []wanted
	creditWord string // of the mapping: what the direction says of money that came in
}

// mappingLayout is the name of the layout that staff define.
const mappingLayout = "mapping"

var (
	layouts = readLayouts(layoutsText)
	words   = readWords(wordsText)
)

// readLayouts reads layouts.txt; a test reads it too.
func readLayouts(text string) (all []layout) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "["):
			all = append(all, layout{name: strings.Trim(line, "[]")})
		default:
			fact, titles, _ := strings.Cut(line, " ")
			its := &all[len(all)-1]
			its.columns = append(its.columns, wanted{strings.TrimSuffix(fact, "*"), strings.HasSuffix(fact, "*"), titlesIn(titles, "|")})
		}
	}
	return all
}

func readWords(text string) map[string][]string {
	all := map[string][]string{}
	for line := range strings.Lines(text) {
		if kind, list, ok := strings.Cut(strings.TrimSpace(line), " "); ok && !strings.HasPrefix(kind, "#") {
			all[kind] = titlesIn(list, "|")
		}
	}
	return all
}

// titlesIn splits a list of titles and puts each into the form they are compared in.
func titlesIn(list, between string) (titles []string) {
	for _, one := range strings.Split(list, between) {
		if title := normalTitle(one); title != "" {
			titles = append(titles, title)
		}
	}
	return titles
}

// normalTitle is a title as titles are compared: half width, capitals, without
// spaces and the units and translations that stand in brackets. The brackets of
// a title's own first words (two banks have some) are only taken off.
func normalTitle(title string) string {
	var b strings.Builder
	depth := 0
	for _, r := range title {
		switch r = unicode.ToUpper(halfWidth(r)); {
		case r == '[' || r == '(':
			if depth++; r == '(' && b.Len() > 0 && b.Len() <= 3 {
				depth-- // as in "receive (pay) side": part of the name
			}
		case r == ']' || r == ')':
			depth = max(0, depth-1)
		case depth > 0 || unicode.IsSpace(r) || r == '\uFEFF' || r == '*':
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// halfWidth maps full-width characters to their ASCII twins.
func halfWidth(r rune) rune {
	switch {
	case r >= 0xFF01 && r <= 0xFF5E:
		return r - 0xFEE0
	case r == 0x3000 || r == 0x00A0:
		return ' '
	case r == 0xFFE5:
		return '¥'
	}
	return r
}

// ofMapping is the layout that staff define.
func ofMapping(m models.StatementMapping) layout {
	l := layout{name: mappingLayout, creditWord: normalTitle(m.CreditWord)}
	add := func(fact, titles string, must bool) {
		named := titlesIn(strings.ReplaceAll(titles, "\uFF0C", ","), ",")
		for _, title := range named {
			l.columns = append(l.columns, wanted{fact, must, []string{title}})
		}
		if must && titles != "" && len(named) == 0 {
			l.columns = append(l.columns, wanted{fact: fact, must: true}) // "*", or what else no title is left of, fits no file
		}
	}
	credit := factCredit
	if m.Direction != "" {
		credit = factAmount
	}
	add(factDate, m.Date, true)
	add(factClock, m.Clock, false)
	add(credit, m.Credit, true)
	add(factDirection, m.Direction, true)
	add(factPayerName, m.PayerName, true)
	add(factPayerAccount, m.PayerAccount, false)
	add(factRemark, m.Remark, false)
	add(factSerial, m.SerialNo, false)
	add(factBalance, m.Balance, false)
	add(factOurAccount, m.OurAccount, false)
	return l
}

// places are where a layout's columns stand in a row of titles.
type places struct {
	layout
	at   map[string][]int
	hits int
}

// fits finds the layout's columns in a row of titles; ok is false where one that
// must be there is not.
func (l layout) fits(titles []string) (p places, ok bool) {
	p = places{layout: l, at: map[string][]int{}}
	for _, column := range l.columns {
		found := -1
		for i, title := range titles {
			if title != "" && found < 0 && contains(column.titles, title) {
				found = i
			}
		}
		if found >= 0 {
			p.hits++
			p.at[column.fact] = append(p.at[column.fact], found)
		} else if column.must {
			return p, false
		}
	}
	return p, true
}

func contains(list []string, word string) bool {
	for _, one := range list {
		if one == word {
			return true
		}
	}
	return false
}

// best is the layout that fits a row of titles best.
func best(titles []string) (found places, ok bool) {
	for _, l := range layouts {
		if p, fits := l.fits(titles); fits && p.hits > found.hits {
			found, ok = p, true
		}
	}
	return found, ok
}
