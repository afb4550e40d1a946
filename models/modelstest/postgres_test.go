package modelstest

import (
	"database/sql"
	"strings"
	"sync/atomic"
	"testing"
)

// ask runs the statements and returns the one value that the last gives.
func ask(t *testing.T, url string, statements ...string) (string, error) {
	t.Helper()
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	last := len(statements) - 1
	for _, statement := range statements[:last] {
		if _, err := db.Exec(statement); err != nil {
			return "", err
		}
	}
	var value string
	err = db.QueryRow(statements[last]).Scan(&value)
	return value, err
}

const tables = "SELECT coalesce(string_agg(tablename, ' '), 'none') FROM pg_tables WHERE schemaname = 'public'"

func TestPostgresDatabaseIsFreshAndGoneAfterTheTest(t *testing.T) {
	var url string
	t.Run("a test", func(t *testing.T) {
		url = postgresURL(t)
		if found, err := ask(t, url, "CREATE TABLE mine (id int)", tables); err != nil || found != "mine" {
			t.Fatalf("the first database has the tables %q, %v", found, err)
		}
		if found, err := ask(t, postgresURL(t), tables); err != nil || found != "none" {
			t.Errorf("the second database has the tables %q, %v", found, err)
		}
		// A connection that a test forgot must not keep its database alive.
		forgotten, err := sql.Open("pgx", url)
		if err != nil {
			t.Fatal(err)
		}
		if err := forgotten.Ping(); err != nil {
			t.Fatal(err)
		}
	})
	if _, err := ask(t, url, tables); err == nil || !strings.Contains(err.Error(), "3D000") {
		t.Errorf("after the test its database is still there: %v", err)
	}
}

func TestPostgresTemplateIsPreparedOnceAndCopied(t *testing.T) {
	var from template
	var prepared atomic.Int32
	prepare := func(url string) error {
		prepared.Add(1)
		_, err := ask(t, url, "CREATE TABLE migrated (id int)", tables)
		return err
	}
	t.Run("at once", func(t *testing.T) {
		for _, name := range []string{"first", "second", "third", "fourth"} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				if found, err := ask(t, from.copy(t, prepare), "CREATE TABLE "+name+" (id int)", tables); err != nil || found != "migrated "+name {
					t.Errorf("the copy has the tables %q, %v", found, err)
				}
			})
		}
	})
	if prepared.Load() != 1 {
		t.Errorf("the template was prepared %d times", prepared.Load())
	}
}

func TestPostgresIsAskedForByName(t *testing.T) {
	if _, err := connect(""); err == nil || !strings.Contains(err.Error(), "make test") {
		t.Errorf("without a server: %v", err)
	}
}
