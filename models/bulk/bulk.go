// Package bulk writes and reads many rows in one statement, in the form that
// each engine is quickest at: arrays on PostgreSQL, lists of values on SQLite.
// It knows tables and columns by name and nothing of what they mean.
package bulk

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm"
)

// Conn is a GORM connection or transaction, spoken to without GORM between.
type Conn struct {
	ctx      context.Context
	pool     gorm.ConnPool
	postgres bool
}

// On gives the connection that a GORM handle works on.
func On(db *gorm.DB) Conn {
	return Conn{db.Statement.Context, db.Statement.ConnPool, db.Name() == "postgres"}
}

// Column is one column of the rows to write. Values holds one value a row
// ([]int64, []string or []time.Time), or a single int64, string or time.Time
// that all rows share. With ZeroIsNull a 0 is written as NULL.
type Column struct {
	Name       string
	Values     any
	ZeroIsNull bool
}

// Scan reads one row into its arguments.
type Scan func(into ...any) error

// chunks are the numbers of rows that SQLite is given at once: few, so that
// its prepared statements are found again.
var chunks = []int{200, 40, 8, 1}

// Insert writes n rows. The suffix follows the rows (ON CONFLICT …, RETURNING
// …); what it returns is read row by row by each, which may be nil.
func (c Conn) Insert(table string, n int, columns []Column, suffix string, each func(Scan) error) error {
	head := fmt.Sprintf("INSERT INTO %s (%s) SELECT * FROM ", table, names(columns))
	if !c.postgres && suffix != "" {
		suffix = "WHERE true " + suffix // or SQLite takes ON CONFLICT for a join's ON
	}
	return c.each(n, columns, func(rows string, args []any) error { return c.Query(head+rows+" "+suffix, args, each) })
}

func chunkOf(left int) int {
	for _, size := range chunks {
		if size <= left {
			return size
		}
	}
	return left
}

// Add adds each row's deltas to the columns of the row that its keys name,
// which no other of the rows names. What the suffix returns (RETURNING …) is
// read by each, which may be nil.
func (c Conn) Add(table string, n int, keys, deltas []Column, suffix string, each func(Scan) error) error {
	columns := append(append([]Column{}, keys...), deltas...)
	sets, match := make([]string, len(deltas)), make([]string, len(keys))
	for i, column := range columns {
		source := "v.column" + strconv.Itoa(i+1)
		if i < len(keys) {
			match[i] = fmt.Sprintf("%s.%s = %s", table, column.Name, source)
		} else {
			sets[i-len(keys)] = fmt.Sprintf("%[1]s = %[2]s.%[1]s + %[3]s", column.Name, table, source)
		}
	}
	head := fmt.Sprintf("UPDATE %s SET %s FROM ", table, strings.Join(sets, ", "))
	tail := fmt.Sprintf(" WHERE %s %s", strings.Join(match, " AND "), suffix)
	return c.each(n, columns, func(rows string, args []any) error { return c.Query(head+rows+tail, args, each) })
}

// Match reads what the selected expressions are of the rows that the keys name.
func (c Conn) Match(selected, table string, n int, keys []Column, each func(Scan) error) error {
	match := make([]string, len(keys))
	for i, key := range keys {
		match[i] = fmt.Sprintf("%s.%s = v.column%d", table, key.Name, i+1)
	}
	head, tail := "SELECT "+selected+" FROM ", " JOIN "+table+" ON "+strings.Join(match, " AND ")
	return c.each(n, keys, func(rows string, args []any) error { return c.Query(head+rows+tail, args, each) })
}

// each hands out the rows as a source to select from, named v: all of them at
// once on PostgreSQL, some at a time on SQLite.
func (c Conn) each(n int, columns []Column, use func(rows string, args []any) error) error {
	if n == 0 {
		return nil
	}
	if c.postgres {
		rows, args, err := arrayRows(columns)
		if err != nil {
			return err
		}
		return use(rows, args)
	}
	for from := 0; from < n; {
		size := chunkOf(n - from)
		rows, args, err := valueRows(columns, from, size)
		if err != nil {
			return err
		}
		if err := use("(VALUES "+rows+") AS v", args); err != nil {
			return err
		}
		from += size
	}
	return nil
}

// Select runs a query in which the one %s stands for "column IN these values";
// values are []int64 or []string. What else the query asks for comes after: $2,
// $3, in this order, all behind the %s.
func (c Conn) Select(query, column string, values any, each func(Scan) error, more ...any) error {
	if c.postgres {
		return c.Query(fmt.Sprintf(query, column+" = ANY($1)"), append([]any{values}, more...), each)
	}
	list, err := json.Marshal(values)
	if err != nil {
		return err
	}
	return c.Query(fmt.Sprintf(query, column+" IN (SELECT value FROM json_each(?1))"), append([]any{string(list)}, more...), each)
}

// Query runs any statement on the connection; each reads its rows, or is nil.
func (c Conn) Query(text string, args []any, each func(Scan) error) error {
	if each == nil {
		_, err := c.pool.ExecContext(c.ctx, text, args...)
		return err
	}
	rows, err := c.pool.QueryContext(c.ctx, text, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// arrayRows is a list of rows, v(column1, column2, …), that comes as one array
// a column; what all rows share stands beside them.
func arrayRows(columns []Column) (string, []any, error) {
	args := make([]any, len(columns))
	var picked, unnested, aliases []string
	for i, column := range columns {
		kind, many := kindOf(column.Values)
		if kind == "" {
			return "", nil, fmt.Errorf("bulk: column %s has values of %T", column.Name, column.Values)
		}
		args[i] = column.Values
		value := fmt.Sprintf("$%d::%s", i+1, kind)
		if many {
			alias := fmt.Sprintf("c%d", i+1)
			unnested, aliases = append(unnested, value+"[]"), append(aliases, alias)
			value = "u." + alias
		}
		picked = append(picked, fmt.Sprintf("%s AS column%d", nullable(value, column), i+1))
	}
	return fmt.Sprintf("(SELECT %s FROM unnest(%s) AS u(%s)) AS v", strings.Join(picked, ", "),
		strings.Join(unnested, ", "), strings.Join(aliases, ", ")), args, nil
}

// valueRows is a list of rows for VALUES; what they share is bound once.
func valueRows(columns []Column, from, size int) (string, []any, error) {
	var args []any
	shared := make([]string, len(columns))
	for i, column := range columns {
		kind, many := kindOf(column.Values)
		if kind == "" {
			return "", nil, fmt.Errorf("bulk: column %s has values of %T", column.Name, column.Values)
		}
		if !many {
			args = append(args, column.Values)
			shared[i] = nullable("?"+strconv.Itoa(len(args)), column)
		}
	}
	var text strings.Builder
	for row := from; row < from+size; row++ {
		separator := "("
		if row > from {
			separator = ", ("
		}
		for i, column := range columns {
			text.WriteString(separator)
			separator = ", "
			if shared[i] != "" {
				text.WriteString(shared[i])
				continue
			}
			args = append(args, at(column.Values, row))
			text.WriteString(nullable("?"+strconv.Itoa(len(args)), column))
		}
		text.WriteString(")")
	}
	return text.String(), args, nil
}

func names(columns []Column) string {
	all := make([]string, len(columns))
	for i, column := range columns {
		all[i] = column.Name
	}
	return strings.Join(all, ", ")
}

func nullable(value string, column Column) string {
	if column.ZeroIsNull {
		return "NULLIF(" + value + ", 0)"
	}
	return value
}

func kindOf(values any) (kind string, many bool) {
	switch values.(type) {
	case []int64:
		return "bigint", true
	case []string:
		return "text", true
	case []time.Time:
		return "timestamptz", true
	case int64:
		return "bigint", false
	case string:
		return "text", false
	case time.Time:
		return "timestamptz", false
	}
	return "", false
}

func at(values any, row int) any {
	switch values := values.(type) {
	case []int64:
		return values[row]
	case []string:
		return values[row]
	default:
		return values.([]time.Time)[row]
	}
}
