package models

import "cmp"

// The formulas of the field, for reports, campaigns and advice alike. A ratio
// has no value where what it is divided by is nothing: ok is false then. Ratios
// are for reading; no money is booked by them.

// Measures are what was delivered and what came of it, summed over any rows.
type Measures struct {
	Impressions    int64
	Clicks         int64 // that were charged
	ResultClicks   int64 // as the engine's results count them
	CostFen        Fen
	Orders         int64
	OrderAmountFen Fen
}

// Plus adds up two sums.
func (m Measures) Plus(o Measures) Measures {
	return Measures{
		m.Impressions + o.Impressions, m.Clicks + o.Clicks, m.ResultClicks + o.ResultClicks,
		m.CostFen + o.CostFen, m.Orders + o.Orders, m.OrderAmountFen + o.OrderAmountFen,
	}
}

// MeasureNames are the figures of a report in the order of their columns.
var MeasureNames = []string{"cost", "impressions", "clicks", "ctr", "ppc", "orders", "order_amount", "cvr", "roi"}

// Value is a figure of MeasureNames as a number, for what is drawn and
// compared: money in fen.
func (m Measures) Value(name string) (value float64, ok bool) {
	switch name {
	case "cost":
		return float64(m.CostFen), true
	case "impressions":
		return float64(m.Impressions), true
	case "clicks":
		return float64(m.Clicks), true
	case "orders":
		return float64(m.Orders), true
	case "order_amount":
		return float64(m.OrderAmountFen), true
	case "ctr":
		return m.CTR()
	case "cvr":
		return m.CVR()
	case "roi":
		return m.ROI()
	case "ppc":
		fen, ok := m.PPC()
		return float64(fen), ok
	}
	return 0, false
}

// CompareMeasure puts the higher figure first, or the lower, and what has none
// last in any case.
func CompareMeasure(a, b Measures, name string, lowFirst bool) int {
	x, ok := a.Value(name)
	y, has := b.Value(name)
	switch {
	case ok && has && lowFirst:
		return cmp.Compare(x, y)
	case ok && has:
		return cmp.Compare(y, x)
	case ok:
		return -1
	case has:
		return 1
	}
	return 0
}

// CTR is clicks by impressions, of the engine's results: both sides are of one
// count.
func (m Measures) CTR() (ratio float64, ok bool) { return over(m.ResultClicks, m.Impressions) }

// PPC is the mean price of a charged click in fen, rounded half up.
func (m Measures) PPC() (Fen, bool) { return perUnit(m.CostFen, m.Clicks) }

// CVR is orders by clicks, of the engine's results.
func (m Measures) CVR() (ratio float64, ok bool) { return over(m.Orders, m.ResultClicks) }

// ROI is the order amount by the cost.
func (m Measures) ROI() (ratio float64, ok bool) {
	return over(int64(m.OrderAmountFen), int64(m.CostFen))
}

func over(part, whole int64) (float64, bool) {
	if whole <= 0 {
		return 0, false
	}
	return float64(part) / float64(whole), true
}

func perUnit(sum Fen, n int64) (Fen, bool) {
	if n <= 0 {
		return 0, false
	}
	return (sum + Fen(n)/2) / Fen(n), true
}
