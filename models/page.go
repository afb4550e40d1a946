package models

import "time"

// PageSize is how many rows a list shows.
const PageSize = 20

// Keyset asks for a page of a list that is ordered by falling id: the rows
// before or after an id that the reader has seen, or the newest.
type Keyset struct {
	Before int64 // rows with a smaller id; 0: from the newest
	After  int64 // rows with a greater id, the ones next to it; 0: not asked
}

// Page tells whether there is more on either side of the rows read.
type Page struct {
	Newer int64 // id to ask After, 0: these are the newest
	Older int64 // id to ask Before, 0: these are the oldest
}

// pageOf cuts one row more than a page down to a page, newest first, and finds
// what lies on either side.
func pageOf[Row any](rows []Row, k Keyset, id func(Row) int64) ([]Row, Page) {
	more := len(rows) > PageSize
	if more {
		rows = rows[:PageSize]
	}
	if k.After > 0 { // they were read in rising order
		for i, j := 0, len(rows)-1; i < j; i, j = i+1, j-1 {
			rows[i], rows[j] = rows[j], rows[i]
		}
	}
	var page Page
	if len(rows) == 0 {
		return rows, page
	}
	if k.After > 0 || more {
		page.Older = id(rows[len(rows)-1])
	}
	if k.After > 0 && more || k.Before > 0 {
		page.Newer = id(rows[0])
	}
	return rows, page
}

// Days bounds a list by days in Shanghai, each inclusive; "" is open.
type Days struct{ From, To string }

// Parse turns the days into instants: from inclusive, to exclusive; zero where
// open. FieldErrors on "from" and "to".
func (d Days) Parse() (from, to time.Time, refusals FieldErrors) {
	parse := func(field, day string) time.Time {
		if day == "" {
			return time.Time{}
		}
		at, err := time.ParseInLocation(time.DateOnly, day, Shanghai)
		if err != nil {
			refusals = append(refusals, fieldError(field, "error.day.malformed", nil))
		}
		return at.UTC()
	}
	from, to = parse("from", d.From), parse("to", d.To)
	if d.To != "" {
		to = to.AddDate(0, 0, 1)
	}
	if len(refusals) == 0 && d.From != "" && d.To != "" && !from.Before(to) {
		refusals = append(refusals, fieldError("to", "error.day.order", nil))
	}
	return from, to, refusals
}
