package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"ztc-portal/gateways/sandbox"
	"ztc-portal/handlers"
	"ztc-portal/jobs"
	"ztc-portal/models"
)

// bench measures in one run what it compares, since machines are noisy: read
// the ratios, not the rates.
func bench(ctx context.Context, s Settings, args []string) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	quick := flags.Bool("quick", false, "a tenth of everything, to see that it runs")
	profile := flags.String("cpuprofile", "", "write CPU profiles to this file, and of the portal as a process of its own to FILE.serve")
	serving := flags.Bool("serve", false, "be that process; the benchmark of charges starts it")
	only := flags.String("only", "", "settlements, overview, charges, search, history or forecast; all when empty")
	on := flags.String("on", "", "sqlite or postgres; both when empty")
	stored := flags.Int("stored", 0, "how many charges are stored when the rate is measured again")
	if err := flags.Parse(args); err != nil {
		return err
	}
	size := benchSize{settlements: 4000, entries: 1_000_000, pages: 1500, charges: 200_000, stored: 10_000_000, pageSeconds: 20, accounts: 1_000_000, backtests: 2000}
	if *quick {
		size = benchSize{settlements: 400, entries: 20_000, pages: 200, charges: 20_000, stored: 200_000, pageSeconds: 3, accounts: 20_000, backtests: 200}
	}
	if *stored > 0 {
		size.stored = *stored
	}
	if *profile != "" {
		stop, err := profileTo(*profile)
		if err != nil {
			return err
		}
		defer stop()
	}
	if *serving {
		return serve(ctx, s, nil)
	}
	if *only == "" || *only == "forecast" { // needs no database
		printBacktests(size.backtests)
	}
	if *only == "forecast" {
		return nil
	}
	folder, err := os.MkdirTemp("", "portal-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	box, err := sandbox.Open(sandbox.Options{DataDir: filepath.Join(folder, "sandbox"), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer box.Close(ctx)
	servers := map[models.Engine]string{models.SQLite: folder}
	if postgres := os.Getenv("PORTAL_TEST_POSTGRES_URL"); postgres != "" {
		servers[models.Postgres] = postgres
	} else {
		fmt.Println("no PORTAL_TEST_POSTGRES_URL: PostgreSQL is left out; `make bench` brings one")
	}
	for _, engine := range []models.Engine{models.SQLite, models.Postgres} {
		server, ok := servers[engine]
		if !ok || *on != "" && *on != string(engine) {
			continue
		}
		b := &benchRun{settings: s.withSandbox(box.Merchant()), box: box, engine: engine, server: server, benchSize: size, profile: *profile}
		for _, part := range []struct {
			name    string
			measure func(context.Context) error
		}{{"settlements", b.settlementsBesideRaw}, {"overview", b.overviewBySize}, {"charges", b.chargesBesideRaw}, {"search", b.searchAMillion}, {"history", b.pagesBySize}} {
			if *only != "" && *only != part.name {
				continue
			}
			if err := part.measure(ctx); err != nil {
				return fmt.Errorf("%s: %w", engine, err)
			}
		}
	}
	return nil
}

func profileTo(name string) (stop func(), err error) {
	file, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		file.Close()
		return nil, err
	}
	return func() { pprof.StopCPUProfile(); file.Close() }, nil
}

type benchSize struct {
	settlements, entries, pages, charges int
	stored                               int // charges in the end
	pageSeconds                          float64
	accounts                             int // that are searched
	backtests                            int // accounts of which each span of the forecast is asked
}

// benchRun measures one engine.
type benchRun struct {
	settings Settings
	box      *sandbox.Sandbox
	engine   models.Engine
	server   string // a folder for SQLite, a server's URL for PostgreSQL
	profile  string // file for CPU profiles, or ""
	benchSize
}

// world is one fresh database with the whole portal on it, and a raw handle.
type world struct {
	store   *models.Store
	raw     *sql.DB
	portal  http.Handler
	address string // of the database, as PORTAL_DATABASE_URL
}

func (w *world) close() {
	w.raw.Close()
	w.store.Close()
}

// open makes a fresh database and builds the portal on it, jobs not started.
func (b *benchRun) open(ctx context.Context) (*world, error) {
	address, driver, dsn, err := b.database(ctx)
	if err != nil {
		return nil, err
	}
	quiet := slog.New(slog.DiscardHandler)
	rules := models.DefaultRules()
	rules.Demo = true
	store, err := models.Open(address, models.Options{Rules: rules, Log: quiet})
	if err != nil {
		return nil, err
	}
	if err := migrateAll(ctx, store); err != nil {
		return nil, err
	}
	rails, err := openRails(b.settings, store, quiet)
	if err != nil {
		return nil, err
	}
	if _, err := jobs.New(store, rails, quiet); err != nil {
		return nil, err
	}
	portal := handlers.New(handlers.Config{
		Store: store, Rails: rails, Log: quiet, Secret: make([]byte, minSecretBytes), Demo: true,
		Ready: ready(store), Metrics: metricsHandler(store, quiet),
	})
	raw, err := sql.Open(driver, dsn)
	if err != nil {
		return nil, err
	}
	if b.engine == models.SQLite {
		raw.SetMaxOpenConns(1)
	} else {
		raw.SetMaxOpenConns(20)
		raw.SetMaxIdleConns(20)
	}
	return &world{store, raw, portal, address}, nil
}

// database names a fresh database three ways: for the store, and for a raw
// handle with the same pragmas.
func (b *benchRun) database(ctx context.Context) (address, driver, dsn string, err error) {
	var random [6]byte
	rand.Read(random[:]) // never fails
	name := "bench_" + hex.EncodeToString(random[:])
	if b.engine == models.SQLite {
		path := filepath.Join(b.server, name+".db")
		return "sqlite:" + path, "sqlite3", "file:" + path +
			"?_journal_mode=WAL&_busy_timeout=10000&_foreign_keys=on&_synchronous=FULL&_cache_size=-16000&_txlock=immediate", nil
	}
	admin, err := sql.Open("pgx", b.server)
	if err != nil {
		return "", "", "", err
	}
	defer admin.Close()
	if _, err := admin.ExecContext(ctx, "CREATE DATABASE "+name); err != nil {
		return "", "", "", err
	}
	u, err := url.Parse(b.server)
	if err != nil {
		return "", "", "", err
	}
	u.Path = "/" + name
	return u.String(), "pgx", u.String(), nil
}

// rate runs n acts by some clients at once and gives acts per second.
func rate(clients, n int, act func(i int) error) (float64, error) {
	var next atomic.Int64
	errs := make(chan error, clients)
	var wg sync.WaitGroup
	began := time.Now()
	for range clients {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if err := act(i); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wg.Wait()
	took := time.Since(began)
	select {
	case err := <-errs:
		return 0, err
	default:
		return float64(n) / took.Seconds(), nil
	}
}

// percentile gives the p-th percentile of the durations, which it sorts.
func percentile(took []time.Duration, p int) time.Duration {
	slices.Sort(took)
	return took[(len(took)-1)*p/100]
}
