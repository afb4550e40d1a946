package modelstest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// postgresVariable names the server on which tests may make databases.
const postgresVariable = "PORTAL_TEST_POSTGRES_URL"

// patience is how long making or dropping one database may take.
const patience = time.Minute

// postgresURL makes an empty PostgreSQL database for one test and returns its
// URL; the test's end drops it, whoever is still connected.
func postgresURL(t testing.TB) string {
	t.Helper()
	return newDatabase(t, "template0")
}

// postgresFromTemplate is postgresURL for a database that is prepared (migrated)
// already. The first test prepares the template; prepare must close its
// connections, and every test of the binary must pass the same one.
func postgresFromTemplate(t testing.TB, prepare func(url string) error) string {
	t.Helper()
	return migrated.copy(t, prepare)
}

// migrated is the template of this test binary.
var migrated template

// template is a database that others are copied from: copying a schema takes a
// fraction of the time of migrating it. It goes with the server.
type template struct {
	once sync.Once
	name string
	err  error
}

func (from *template) copy(t testing.TB, prepare func(url string) error) string {
	t.Helper()
	admin := postgresServer(t)
	from.once.Do(func() {
		from.name = databaseName()
		from.err = admin.exec("CREATE DATABASE " + from.name + " TEMPLATE template0")
		if from.err == nil {
			from.err = prepare(admin.database(from.name))
		}
	})
	if from.err != nil {
		t.Fatalf("preparing the template database: %v", from.err)
	}
	return newDatabase(t, from.name)
}

func newDatabase(t testing.TB, from string) string {
	t.Helper()
	admin := postgresServer(t)
	name := databaseName()
	if err := admin.exec("CREATE DATABASE " + name + " STRATEGY FILE_COPY TEMPLATE " + from); err != nil {
		t.Fatalf("making a database: %v", err)
	}
	t.Cleanup(func() {
		if err := admin.exec("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
			t.Errorf("dropping a database: %v", err)
		}
	})
	return admin.database(name)
}

// databaseName is legal unquoted and unique among test binaries that share the
// server.
func databaseName() string { return "test_" + strings.ToLower(rand.Text()) }

// server is the connection on which databases are made and dropped.
type server struct {
	url *url.URL
	db  *sql.DB
}

var connectOnce = sync.OnceValues(func() (server, error) { return connect(os.Getenv(postgresVariable)) })

func postgresServer(t testing.TB) server {
	t.Helper()
	admin, err := connectOnce()
	if err != nil {
		t.Fatal(err)
	}
	return admin
}

func connect(address string) (server, error) {
	if address == "" {
		return server{}, fmt.Errorf("%s is not set: these tests need PostgreSQL; run `make test`, or one package with `e2e/postgres.sh go test ./models/...`", postgresVariable)
	}
	parsed, err := url.Parse(address)
	if err != nil {
		return server{}, fmt.Errorf("%s: %w", postgresVariable, err)
	}
	db, err := sql.Open("pgx", address)
	if err != nil {
		return server{}, fmt.Errorf("%s: %w", postgresVariable, err)
	}
	db.SetMaxOpenConns(4)
	return server{parsed, db}, nil
}

func (s server) exec(statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, err := s.db.ExecContext(ctx, statement)
	return err
}

// database is the URL of another database on the same server.
func (s server) database(name string) string {
	its := *s.url
	its.Path = "/" + name
	return its.String()
}
