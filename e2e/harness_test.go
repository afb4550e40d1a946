// Package e2e drives the portal as a whole: the real program, built with the
// race detector, on a real database, with the sandbox gateway on the wire and a
// real Chromium in front. What it leaves stands in e2e/out: logs, screenshots
// of every screen, and what a failed test last saw.
package e2e

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"ztc-portal/gateways/sandbox"
	"ztc-portal/models"
)

const (
	startWithin = 3 * time.Minute // a seeded start takes 4 s with the race detector, and many on a busy machine
	stopWithin  = 30 * time.Second
	password    = "demo-1234"
)

// Folders of what a run leaves, and where the run keeps what it does not.
var outLogs, outShots, outFailed, scratch string

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	out, err := filepath.Abs("out")
	if err == nil {
		scratch, err = os.MkdirTemp("", "portal-e2e-")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	defer os.RemoveAll(scratch)
	outLogs, outShots, outFailed = filepath.Join(out, "logs"), filepath.Join(out, "shots"), filepath.Join(out, "failed")
	for _, folder := range []string{outLogs, outShots, outFailed} {
		os.RemoveAll(folder)
		if err := os.MkdirAll(folder, 0o755); err != nil {
			fmt.Fprintln(os.Stderr, "e2e:", err)
			return 1
		}
	}
	defer closeBrowser()
	flag.Parse()
	if err := flag.Set("test.parallel", "64"); err != nil { // turns say how many run
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	return m.Run()
}

// binary builds the portal, once a run, with the race detector; quickBinary
// builds it as it is shipped, for a test that sends more than a race detector
// can bear.
var (
	binary      = sync.OnceValues(func() (string, error) { return build("ztc-portal", "-race") })
	quickBinary = sync.OnceValues(func() (string, error) { return build("ztc-portal-quick") })
)

func build(name string, flags ...string) (string, error) {
	path := filepath.Join(scratch, name)
	build := exec.Command("go", append(append([]string{"build"}, flags...), "-o", path, "ztc-portal")...)
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the portal: %w\n%s", err, out)
	}
	return path, nil
}

// seeded is a data folder as the first start of a demo leaves it: the database
// on SQLite (portal.db), migrated and seeded, and the sandbox's keys. Tests
// copy it, since making it takes seconds.
var seeded = sync.OnceValues(func() (string, error) {
	folder := filepath.Join(scratch, "seeded")
	p := &portal{folder: folder, log: filepath.Join(outLogs, "seed.log"), program: binary}
	if err := p.start(); err != nil {
		return "", err
	}
	return folder, p.terminate()
})

// portal is one process of the program under test, with a folder of its own.
type portal struct {
	URL      string // what browsers call it
	database string // its PORTAL_DATABASE_URL; on SQLite in the folder when empty
	folder   string
	settings []string // NAME=value, beside those of the harness
	log      string
	program  func() (string, error)
	waits    bool // most of the time

	addr, sandboxAddr string
	process           *exec.Cmd
	exited            chan struct{}
}

// option changes a portal before it starts.
type option func(*portal)

// on says which database; without it a copy of the seeded one on SQLite.
func on(database string) option { return func(p *portal) { p.database = database } }

// with sets settings of the portal, NAME=value.
func with(settings ...string) option {
	return func(p *portal) { p.settings = append(p.settings, settings...) }
}

// quick runs the program without the race detector.
func quick(p *portal) { p.program = quickBinary }

// paying points the portal at a gateway of the test's own by settings alone, as
// an operator points it at the real one.
func paying(g *gateway) option {
	m := g.Merchant()
	return with("PORTAL_ALIPAY_GATEWAY="+g.URL+"/gateway.do", "PORTAL_ALIPAY_APP_ID="+m.AppID, "PORTAL_ALIPAY_SELLER_ID="+m.SellerID,
		"PORTAL_ALIPAY_PRIVATE_KEY_FILE="+m.AppPrivateKeyFile, "PORTAL_ALIPAY_PUBLIC_KEY_FILE="+m.PlatformPublicKeyFile)
}

// mostlyWaits is a portal of a test that waits for its clock most of the time: it
// runs beside the others, and takes no turn from them.
func mostlyWaits(p *portal) { p.waits = true }

// turns are as many as the machine has processors: a test holds one from its
// first portal to its end.
var (
	turns   = make(chan struct{}, runtime.GOMAXPROCS(0))
	holders sync.Map // names of tests
)

func takeTurn(t *testing.T) {
	if _, has := holders.LoadOrStore(t.Name(), true); has {
		return
	}
	turns <- struct{}{}
	t.Cleanup(func() {
		holders.Delete(t.Name())
		<-turns
	})
}

var started atomic.Int64

// serve starts a portal for the test and stops it with the test. Its log must
// hold no data race, no panic and no error.
func serve(t *testing.T, options ...option) *portal {
	t.Helper()
	p := &portal{folder: filepath.Join(t.TempDir(), "data"), program: binary}
	p.log = filepath.Join(outLogs, fmt.Sprintf("%s-%d.log", fileName(t.Name()), started.Add(1)))
	for _, change := range options {
		change(p)
	}
	if !p.waits {
		takeTurn(t)
	}
	from, err := seeded()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(p.folder, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	for _, key := range keyFiles(t, p.folder) {
		if err := os.Chmod(key, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.terminate(); err != nil {
			t.Error(err)
		}
		for _, line := range p.complaints() {
			t.Errorf("the portal's log %s: %s", p.log, line)
		}
	})
	return p
}

func keyFiles(t *testing.T, folder string) []string {
	t.Helper()
	keys, err := filepath.Glob(filepath.Join(folder, "sandbox", "*.pem"))
	if err != nil || len(keys) == 0 {
		t.Fatalf("no keys of the sandbox in %s: %v", folder, err)
	}
	return append(keys, filepath.Join(folder, "secret"))
}

// start runs the program and waits until it can serve. Started again after its
// end it takes the same addresses.
func (p *portal) start() (err error) {
	if p.addr == "" {
		if p.addr, p.sandboxAddr, err = freeAddresses(); err != nil {
			return err
		}
		_, port, _ := net.SplitHostPort(p.addr)
		p.URL = "http://localhost:" + port
	}
	if p.database == "" {
		p.database = "sqlite:" + filepath.Join(p.folder, "portal.db")
	}
	command, err := p.command("serve")
	if err != nil {
		return err
	}
	if err := p.launch(command); err != nil {
		return err
	}
	return p.awaitReady()
}

// launch starts a command; what it says goes into the log.
func (p *portal) launch(command *exec.Cmd) error {
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		return err
	}
	p.process, p.exited = command, make(chan struct{})
	go func(process *exec.Cmd, exited chan struct{}) {
		process.Wait()
		close(exited)
	}(p.process, p.exited)
	return nil
}

// command is the program with the portal's settings, not yet started. Balances
// move by what a test does alone: the demo's own ad engine is off.
func (p *portal) command(args ...string) (*exec.Cmd, error) {
	program, err := p.program()
	if err != nil {
		return nil, err
	}
	command := exec.Command(program, args...)
	command.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "GORACE=halt_on_error=0",
		"PORTAL_ADDR=" + p.addr, "PORTAL_SANDBOX_ADDR=" + p.sandboxAddr, "PORTAL_PUBLIC_URL=" + p.URL,
		"PORTAL_DATA_DIR=" + p.folder, "PORTAL_DATABASE_URL=" + p.database, "PORTAL_SIMULATE=off",
	}, p.settings...)
	return command, nil
}

// apiKey makes a key for the API, as an operator does.
func (p *portal) apiKey(t *testing.T, name string) string {
	t.Helper()
	command, err := p.command("apikey", "create", "--name", name)
	if err != nil {
		t.Fatal(err)
	}
	var complaint bytes.Buffer
	command.Stderr = &complaint
	key, err := command.Output()
	if err != nil {
		t.Fatalf("apikey create: %v\n%s", err, &complaint)
	}
	return strings.TrimSpace(string(key))
}

// freeAddresses finds two that nobody listens on.
func freeAddresses() (string, string, error) {
	var found [2]string
	for i := range found {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "", "", err
		}
		defer listener.Close()
		found[i] = listener.Addr().String()
	}
	return found[0], found[1], nil
}

func (p *portal) awaitReady() error {
	for deadline := time.Now().Add(startWithin); time.Now().Before(deadline); time.Sleep(25 * time.Millisecond) {
		if !p.running() {
			return fmt.Errorf("the portal ended while it started:\n%s", p.logTail())
		}
		answer, err := http.Get("http://" + p.addr + "/readyz")
		if err != nil {
			continue
		}
		answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			return nil
		}
	}
	p.kill()
	return fmt.Errorf("the portal was not ready after %v:\n%s", startWithin, p.logTail())
}

func (p *portal) running() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// kill ends the process at once, as a crash or a power cut does.
func (p *portal) kill() {
	p.process.Process.Kill()
	<-p.exited
}

// terminate asks the process to end and waits until it has, in good order.
func (p *portal) terminate() error {
	if !p.running() {
		return nil
	}
	p.process.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(stopWithin):
		p.kill()
		return fmt.Errorf("the portal did not stop within %v:\n%s", stopWithin, p.logTail())
	}
	if code := p.process.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("the portal ended with %d:\n%s", code, p.logTail())
	}
	return nil
}

func (p *portal) logTail() string {
	text, _ := os.ReadFile(p.log)
	return string(text[max(0, len(text)-3000):])
}

// complaints are the lines of the log that must not be there.
func (p *portal) complaints() (found []string) {
	file, err := os.Open(p.log)
	if err != nil {
		return []string{err.Error()}
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var entry struct{ Level slog.Level }
		switch line := lines.Text(); {
		case strings.Contains(line, "DATA RACE"), strings.HasPrefix(line, "panic:"), strings.HasPrefix(line, "fatal error:"):
			found = append(found, line)
		case json.Unmarshal([]byte(line), &entry) == nil && entry.Level >= slog.LevelError:
			found = append(found, line)
		}
	}
	return found
}

// open opens the portal's books, beside it or after its end.
func (p *portal) open(t *testing.T) *models.Store {
	t.Helper()
	store, err := models.Open(p.database, models.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

// books reads a database without the portal's code between.
func books(t *testing.T, url string) *sql.DB {
	t.Helper()
	driver, source := "pgx", url
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		driver, source = "sqlite3", "file:"+path+"?_foreign_keys=on&_busy_timeout=10000"
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// scan reads one row into its arguments.
type scan func(into ...any) error

// each reads the rows of a query.
func each(t *testing.T, db *sql.DB, query string, read func(scan) error) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := read(rows.Scan); err != nil {
			t.Fatal(err)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}

// gateway is a sandbox in the test's own process: the far side of the wire
// outlives the portal, and what it is asked is kept.
type gateway struct {
	*sandbox.Sandbox
	URL  string
	slow atomic.Int64 // nanoseconds that each of the portal's calls takes longer

	mu    sync.Mutex
	asked []string // biz_content of each call of gateway.do, by the portal or a browser
}

func openGateway(t *testing.T, options sandbox.Options) *gateway {
	t.Helper()
	from, err := seeded()
	if err != nil {
		t.Fatal(err)
	}
	options.DataDir = t.TempDir()
	options.Log = slog.New(slog.DiscardHandler)
	for _, key := range keyFiles(t, from)[:4] {
		pem, err := os.ReadFile(key)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(options.DataDir, filepath.Base(key)), pem, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	box, err := sandbox.Open(options)
	if err != nil {
		t.Fatal(err)
	}
	g := &gateway{Sandbox: box}
	server := httptest.NewServer(g.noting(box.Handler()))
	g.URL = server.URL
	t.Cleanup(func() {
		server.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := box.Close(ctx); err != nil {
			t.Error("close the gateway: ", err)
		}
	})
	return g
}

// noting keeps what is asked before it is answered.
func (g *gateway) noting(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/gateway.do" {
			body, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(body))
			form, _ := url.ParseQuery(r.URL.RawQuery + "&" + string(body))
			g.mu.Lock()
			g.asked = append(g.asked, form.Get("biz_content"))
			g.mu.Unlock()
			if r.Method == http.MethodPost {
				time.Sleep(time.Duration(g.slow.Load()))
			}
		}
		next.ServeHTTP(w, r)
	})
}

// heard says whether anybody has named a payment to the gateway.
func (g *gateway) heard(no string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.ContainsFunc(g.asked, func(content string) bool { return strings.Contains(content, no) })
}

// holds says whether the gateway knows anything of a payment.
func (g *gateway) holds(t *testing.T, no string) bool {
	t.Helper()
	_, err := g.Trade(t.Context(), no)
	if err != nil && !errors.Is(err, sandbox.ErrNoTrade) {
		t.Fatal(err)
	}
	return err == nil
}

// await polls until a condition holds, and fails with the words if it never does.
func await(t *testing.T, within time.Duration, words string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(within); !holds(); time.Sleep(30 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still not after %v: %s", within, words)
		}
	}
}

// fileName makes a test's name fit for a file.
func fileName(name string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:*?"<>| `, r) {
			return '_'
		}
		return r
	}, name)
}
