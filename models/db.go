package models

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/mattn/go-sqlite3"
	"github.com/pressly/goose/v3"
	"gorm.io/driver/postgres"
	gormsqlite "gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"

	"ztc-portal/models/migrations"
)

// Engine is the database behind a Store.
type Engine string

const (
	SQLite   Engine = "sqlite"
	Postgres Engine = "postgres"
)

// Options are what a Store needs besides its database.
type Options struct {
	Now   func() time.Time // the clock; time.Now when nil
	Rules Rules            // limits and durations; DefaultRules() when zero
	Log   *slog.Logger
	Pool  int // connections at most; 0 means a sensible number

	Wall      func() time.Time // the machine's clock, by which staff sign in; Now when nil
	Secret    []byte           // seals the staff's second factors; without it they have none
	PublicURL string           // the portal's own address, which passkeys are bound to; empty: there are none

	PasswordMemory uint32 // KiB that hashing a password takes; 0: 19 MiB. Tests, which hash often, take less
}

// Store is the only way to the database. Exported methods open one
// transaction; what happens inside takes a *tx and can reach nothing else.
type Store struct {
	write  *gorm.DB // SQLite: one connection, so writers queue instead of failing
	read   *gorm.DB // SQLite: readers, who never wait; PostgreSQL: the same pool
	engine Engine
	now    func() time.Time
	rules  Rules
	log    *slog.Logger
	queue  Enqueuer
	system *systemAccounts
	lanes  []*lane // in which charges are booked
	feed   *feed   // wakes those who wait for a change of delivery
	owners *owners // whose campaigns and keywords are
	wall   func() time.Time
	vault  *vault // nil: opened without a secret
	busy   *busy
	party  *passParty // nil: opened without an address that passkeys can be bound to
	week   *weekTimes
	hashes argon2id.Params

	methods []Method    // nil: Alipay alone
	watcher RailWatcher // nil: every rail is taken to work
}

// Open connects to "sqlite:PATH" or "postgres://…". It does not migrate.
func Open(url string, opt Options) (*Store, error) {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Wall == nil {
		opt.Wall = opt.Now
	}
	if opt.Rules == (Rules{}) {
		opt.Rules = DefaultRules()
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	vault, err := newVault(opt.Secret)
	if err != nil {
		return nil, err
	}
	s := &Store{now: opt.Now, wall: opt.Wall, vault: vault, party: newPassParty(opt.PublicURL), rules: opt.Rules, log: opt.Log, queue: noQueue{}, system: &systemAccounts{}, feed: &feed{}, busy: &busy{accounts: map[int64]bool{}}, owners: &owners{}, week: &weekTimes{}, hashes: hashCost(opt.PasswordMemory)}
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		return s, s.openSQLite(path, opt.Pool)
	}
	if strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://") {
		return s, s.openPostgres(url, opt.Pool)
	}
	return nil, fmt.Errorf("database url must begin with sqlite: or postgres://")
}

func (s *Store) openSQLite(path string, pool int) (err error) {
	s.engine, s.lanes = SQLite, newLanes(SQLite)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if pool == 0 {
		pool = max(4, runtime.NumCPU())
	}
	dsn := "file:" + path + "?_journal_mode=WAL&_busy_timeout=10000&_foreign_keys=on&_synchronous=FULL&_stmt_cache_size=200"
	writer := gormsqlite.Config{DriverName: sqliteWriter, DSN: dsn + "&_txlock=immediate&_cache_size=-48000"}
	if s.write, err = connect(gormsqlite.New(writer), 1); err != nil {
		return err
	}
	s.read, err = connect(gormsqlite.Open(dsn+"&_query_only=on&_cache_size=-4000"), pool)
	return err
}

// sqliteWriter is the driver of the connection that writes. It copies the log
// back into the database every 128 MiB instead of every 4: a body of charges
// alone may fill 4, and pages that many bodies change are then copied once.
const sqliteWriter = "sqlite3_writer"

func init() {
	sql.Register(sqliteWriter, &sqlite3.SQLiteDriver{ConnectHook: func(c *sqlite3.SQLiteConn) error {
		_, err := c.Exec("PRAGMA wal_autocheckpoint = 32000", nil)
		return err
	}})
}

func (s *Store) openPostgres(url string, pool int) (err error) {
	s.engine, s.lanes = Postgres, newLanes(Postgres)
	if pool == 0 {
		pool = 20
	}
	s.write, err = connect(postgres.Open(url), pool)
	s.read = s.write
	return err
}

// connect leaves prepared statements to the drivers: both keep them by
// connection. GORM's own would be prepared anew in every transaction, since
// database/sql does not lend a statement that belongs to another one.
func connect(dialector gorm.Dialector, pool int) (*gorm.DB, error) {
	db, err := gorm.Open(dialector, &gorm.Config{
		SkipDefaultTransaction: true,
		TranslateError:         false,
		Logger:                 logger.Discard,
		NowFunc:                func() time.Time { return time.Now().UTC() },
	})
	if err != nil {
		return nil, err
	}
	raw, err := db.DB()
	if err != nil {
		return nil, err
	}
	raw.SetMaxOpenConns(pool)
	raw.SetMaxIdleConns(pool)
	return db, nil
}

// Close lets the connections go.
func (s *Store) Close() error {
	var errs []error
	for _, db := range []*gorm.DB{s.write, s.read} {
		if raw, err := db.DB(); err == nil {
			errs = append(errs, raw.Close())
		}
	}
	return errors.Join(errs...)
}

// SetQueue says who stores the tasks that follow a command.
func (s *Store) SetQueue(queue Enqueuer) { s.queue = queue }

// Engine tells which database this is; jobs choose their driver by it.
func (s *Store) Engine() Engine { return s.engine }

// Handle gives the pool that writes, for the job queue's own tables.
func (s *Store) Handle() (*sql.DB, error) { return s.write.DB() }

// ReadHandle is the pool that reads: on SQLite it never waits for a writer, and
// cannot write.
func (s *Store) ReadHandle() (*sql.DB, error) { return s.read.DB() }

// Rules gives the limits and durations in force.
func (s *Store) Rules() Rules { return s.rules }

// Now is the Store's clock, UTC in whole microseconds (what both engines keep).
func (s *Store) Now() time.Time { return s.now().UTC().Truncate(time.Microsecond) }

// Wall is the machine's clock, UTC in whole microseconds: authenticator apps
// know no other, and a demo that hurries must not hurry its staff out.
func (s *Store) Wall() time.Time { return s.wall().UTC().Truncate(time.Microsecond) }

// Ping asks the database for a sign of life.
func (s *Store) Ping(ctx context.Context) error {
	return s.read.WithContext(ctx).Exec("SELECT 1").Error
}

// NewestInstant is the newest instant that the books and timelines hold, zero
// where they are empty.
func (s *Store) NewestInstant(ctx context.Context) (time.Time, error) {
	var booked, event []time.Time
	db := s.read.WithContext(ctx)
	if err := db.Table("ledger_transactions").Order("id DESC").Limit(1).Pluck("booked_at", &booked).Error; err != nil {
		return time.Time{}, err
	}
	if err := db.Table("account_events").Order("id DESC").Limit(1).Pluck("at", &event).Error; err != nil {
		return time.Time{}, err
	}
	var newest time.Time
	for _, at := range append(booked, event...) {
		if at.After(newest) {
			newest = at
		}
	}
	return newest, nil
}

// Migrate brings the schema up to date.
func (s *Store) Migrate(ctx context.Context) error {
	provider, err := s.migrations()
	if err != nil {
		return err
	}
	if _, err = provider.Up(ctx); err != nil {
		return err
	}
	return s.sealAudit(ctx)
}

// SchemaIsCurrent tells whether every migration of this program is applied.
func (s *Store) SchemaIsCurrent(ctx context.Context) (bool, error) {
	provider, err := s.migrations()
	if err != nil {
		return false, err
	}
	pending, err := provider.HasPending(ctx)
	return !pending, err
}

func (s *Store) migrations() (*goose.Provider, error) {
	dialect := goose.DialectSQLite3
	if s.engine == Postgres {
		dialect = goose.DialectPostgres
	}
	files, err := fs.Sub(migrations.Files, string(s.engine))
	if err != nil {
		return nil, err
	}
	raw, err := s.write.DB()
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(dialect, raw, files)
}

// tx is one database transaction with one instant and the tasks that follow it.
// It is all that unexported helpers get: the base handle is out of their reach.
type tx struct {
	*gorm.DB
	now    time.Time
	wall   time.Time // the machine's clock at that instant
	vault  *vault
	rules  Rules
	engine Engine
	system *systemAccounts
	tasks  []Task         // to be stored when the work is done
	events []accountEvent // likewise
	acts   []auditRow     // likewise, last of all

	touched   map[int64]bool // accounts whose delivery is looked at when the work is done; true: they have more to spend
	retold    map[int64]bool // campaigns that are told of though their state is the same
	announced bool           // some of them deliver otherwise now
}

// errStale: a row changed between our read and our conditional update; the
// whole transaction is run again on what stands now.
var errStale = errors.New("models: row changed meanwhile")

// changed checks a conditional update: one row, or it was too late.
func changed(result *gorm.DB) error {
	if result.Error == nil && result.RowsAffected != 1 {
		return errStale
	}
	return result.Error
}

// maxTries bounds how often a transaction that lost a race is run again.
const maxTries = 8

// snapshot reads, with all that is read as it stood at one moment.
func (s *Store) snapshot(ctx context.Context, read func(*gorm.DB) error) error {
	return s.read.WithContext(ctx).Transaction(read, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
}

// inTx runs work in one transaction. Serialization failures, deadlocks and a
// busy SQLite are tried again, at most maxTries times; work must therefore
// touch nothing but the transaction.
func (s *Store) inTx(ctx context.Context, work func(*tx) error) error {
	for try := 1; ; try++ {
		announced := false
		err := s.write.WithContext(ctx).Transaction(func(db *gorm.DB) error {
			t := &tx{DB: db, now: s.Now(), wall: s.Wall(), vault: s.vault, rules: s.rules, engine: s.engine, system: s.system}
			if err := work(t); err != nil {
				return err
			}
			if err := t.storeEvents(); err != nil {
				return err
			}
			if err := t.announce(s.Now()); err != nil {
				return err
			}
			announced = t.announced
			if err := s.enqueue(ctx, db, t.tasks); err != nil {
				return err
			}
			return t.storeActs()
		})
		if err == nil && announced {
			s.feed.wake()
		}
		if err == nil || try == maxTries || !worthAnotherTry(err) {
			return err
		}
		wait := time.Duration(try*try)*5*time.Millisecond + rand.N(5*time.Millisecond)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

// worthAnotherTry: the transaction lost a race and left nothing behind.
func worthAnotherTry(err error) bool {
	if errors.Is(err, errStale) {
		return true
	}
	if pg := (*pgconn.PgError)(nil); errors.As(err, &pg) {
		return pg.Code == "40001" || pg.Code == "40P01"
	}
	if lite := (sqlite3.Error{}); errors.As(err, &lite) {
		return lite.Code == sqlite3.ErrBusy || lite.Code == sqlite3.ErrLocked
	}
	return false
}

// uniqueTaken tells whether an insert met a row that stands already.
func uniqueTaken(err error) bool {
	if pg := (*pgconn.PgError)(nil); errors.As(err, &pg) {
		return pg.Code == "23505"
	}
	lite := sqlite3.Error{}
	return errors.As(err, &lite) && lite.ExtendedCode == sqlite3.ErrConstraintUnique
}

// locked makes the next read take the row's lock. SQLite has one writer and
// took its lock when the transaction began; this and package bulk are the only
// dialect `if`s.
func (t *tx) locked() *gorm.DB {
	if t.engine == Postgres {
		return t.Clauses(clause.Locking{Strength: rowLock})
	}
	return t.DB
}

const rowLock = "NO KEY UPDATE"

// lockClause is what a query in plain SQL ends with to do as locked does.
func (t *tx) lockClause() string {
	if t.engine == Postgres {
		return " FOR " + rowLock
	}
	return ""
}

// then stores tasks to follow this transaction, in the transaction itself.
func (t *tx) then(tasks ...Task) { t.tasks = append(t.tasks, tasks...) }

// enqueue hands the tasks to the queue in the same *sql.Tx.
func (s *Store) enqueue(ctx context.Context, db *gorm.DB, tasks []Task) error {
	if len(tasks) == 0 {
		return nil
	}
	raw, ok := db.Statement.ConnPool.(*sql.Tx)
	if !ok {
		return fmt.Errorf("tasks need a *sql.Tx, the transaction is a %T", db.Statement.ConnPool)
	}
	return s.queue.Enqueue(ctx, raw, tasks)
}

// found turns GORM's "no rows" into our NotFound; a key that is not even text
// (PostgreSQL refuses it) names no row either.
func found(err error, what string) error {
	if pg := (*pgconn.PgError)(nil); errors.As(err, &pg) && pg.Code == "22021" {
		return notFound(what)
	}
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return notFound(what)
	}
	return err
}
