package views

import (
	"math"
	"strconv"

	"ztc-portal/models"
	"ztc-portal/views/text"
)

// MeasureNames are the figures of a report in the order of their columns; each
// has its words under "measure.".
var MeasureNames = models.MeasureNames

// ChartNames are those that a chart can draw.
var ChartNames = []string{"cost", "clicks", "ppc", "roi"}

// measure is a figure as a number, for what is drawn and compared: money in fen.
func measure(m models.Measures, name string) (float64, bool) { return m.Value(name) }

// MeasureText writes a figure for people: money in yuan, shares in percent, a
// dash where there is none.
func MeasureText(m models.Measures, name string) string {
	value, ok := measure(m, name)
	if !ok {
		return "–"
	}
	return measured(value, name)
}

func measured(value float64, name string) string {
	switch name {
	case "cost", "ppc", "order_amount":
		return text.Money(models.Fen(math.Round(value)))
	case "ctr", "cvr":
		return percent(value)
	case "roi":
		return strconv.FormatFloat(value, 'f', 2, 64)
	}
	return text.Number(int64(value))
}

// MeasurePlain writes a figure for files: no signs, "" where there is none.
func MeasurePlain(m models.Measures, name string) string {
	value, ok := measure(m, name)
	switch {
	case !ok:
		return ""
	case name == "cost" || name == "ppc" || name == "order_amount":
		return models.Fen(math.Round(value)).Wire()
	case name == "ctr" || name == "cvr" || name == "roi":
		return strconv.FormatFloat(value, 'f', 4, 64)
	}
	return strconv.FormatInt(int64(value), 10)
}

func percent(ratio float64) string { return strconv.FormatFloat(ratio*100, 'f', 2, 64) + "%" }

// changeText is how a figure moved against before: "+12.5%", or "" where there is
// nothing to compare with.
func changeText(now, before models.Measures, name string) string {
	a, ok := measure(now, name)
	b, was := measure(before, name)
	if !ok || !was || b == 0 {
		return ""
	}
	moved := strconv.FormatFloat((a-b)/b*100, 'f', 1, 64)
	switch {
	case moved == "0.0" || moved == "-0.0":
		return "0.0%"
	case a > b:
		return "+" + moved + "%"
	}
	return moved + "%"
}
