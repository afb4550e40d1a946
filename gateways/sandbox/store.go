package sandbox

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"net/url"
	"os"
	"time"

	_ "github.com/mattn/go-sqlite3" // the driver behind database/sql
)

//go:embed schema.sql
var schema string

// store is the gateway's database. It keeps one connection, so transactions
// run one after the other and each sees all that came before.
type store struct {
	db   *sql.DB
	wire wire
	now  func() time.Time
}

func openStore(path string, speaks wire, now func() time.Time) (*store, error) {
	db, err := openDB(path, schema)
	if err != nil {
		return nil, err
	}
	return &store{db: db, wire: speaks, now: now}, nil
}

// openDB opens a database, which has the tables of a schema then.
func openDB(path, schema string) (*sql.DB, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	if err := file.Close(); err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	name := "file:" + (&url.URL{Path: path}).EscapedPath() + "?_journal_mode=WAL&_synchronous=NORMAL&_busy_timeout=5000&_foreign_keys=on&_txlock=immediate"
	db, err := sql.Open("sqlite3", name)
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	db.SetMaxOpenConns(1)
	if _, err := db.Exec(schema); err != nil {
		return nil, errors.Join(fmt.Errorf("sandbox: preparing %s: %w", path, err), db.Close())
	}
	return db, nil
}

// tx is one transaction; now is the instant of all that happens in it.
type tx struct {
	*sql.Tx
	ctx  context.Context
	now  time.Time
	wire wire
}

// inTx runs act in one transaction, which is kept only if act gives no error.
func (s *store) inTx(ctx context.Context, act func(*tx) error) error {
	sqlTx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	defer sqlTx.Rollback() // after a commit it does nothing
	if err := act(&tx{Tx: sqlTx, ctx: ctx, now: s.now().UTC(), wire: s.wire}); err != nil {
		return err
	}
	if err := sqlTx.Commit(); err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	return nil
}

// exec runs one statement and gives the number of rows it changed.
func (t *tx) exec(query string, args ...any) (rows int64, err error) {
	result, err := t.ExecContext(t.ctx, query, args...)
	if err != nil {
		return 0, fmt.Errorf("sandbox: %w", err)
	}
	return result.RowsAffected()
}

// query reads all rows of a statement, each with scan.
func query[T any](t *tx, scan func(scanner) (T, error), statement string, args ...any) ([]T, error) {
	rows, err := t.QueryContext(t.ctx, statement, args...)
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("sandbox: %w", err)
		}
		all = append(all, one)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	return all, nil
}

// scanner is a row, or the rows being read.
type scanner interface{ Scan(into ...any) error }

// millis stores an instant; the zero time is 0.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
