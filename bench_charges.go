package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"ztc-portal/models"
)

// The stage of the charges: every body is spread over all accounts, so nearly
// each of its charges is a posting of its own. That is the hardest case.
const (
	chargeAccounts = 10_000
	chargesABody   = 1_000
	chargeClients  = 8
)

// engineRun is the portal as a process of its own, and a client of its API.
type engineRun struct {
	*benchRun
	*world  // its database; the portal of this world is not used, but one of its own
	process *exec.Cmd
	exited  chan error
	url     string // of the process
	folder  string
	key     string
	client  *http.Client
	now     time.Time
	random  *rand.Rand
	given   uint64 // charge ids so far
	booked  int    // charges stored so far
}

// chargesBesideRaw prints how many charges a second the portal books through
// its API beside raw SQL that writes the same rows, with random and with
// time-ordered ids; how the rate holds at many stored charges; what a seller's
// page takes meanwhile; and how much memory the portal held.
func (b *benchRun) chargesBesideRaw(ctx context.Context) error {
	run, err := b.startEngine(ctx)
	if err != nil {
		return err
	}
	defer run.stop()
	line := func(what, format string, args ...any) {
		fmt.Printf("charges  %-8s %-30s "+format+"\n", append([]any{b.engine, what}, args...)...)
	}
	few := b.charges
	if _, err := run.post(ctx, few/4, false, 0); err != nil { // warms up, and makes the rows of today
		return err
	}
	var ours float64
	for _, ordered := range []bool{false, true} {
		ids := map[bool]string{false: "random ids", true: "time-ordered ids"}[ordered]
		if ours, err = run.post(ctx, few, ordered, 0); err != nil {
			return err
		}
		all, alone, err := run.rawRates(ctx, few, ordered)
		if err != nil {
			return err
		}
		line(ids, "portal %7.0f/s   raw SQL, same rows %7.0f/s   ratio %.2f   (raw charge rows alone %7.0f/s, ratio %.2f)", ours, all, ours/all, alone, ours/alone)
	}
	if err := run.pageMeanwhile(ctx, ours/2, line); err != nil {
		return err
	}
	at := run.booked
	if ours, err = run.post(ctx, few, true, 0); err != nil {
		return err
	}
	if err := run.rawFill(ctx, b.stored-run.booked); err != nil {
		return err
	}
	if _, err := run.post(ctx, few/4, true, 0); err != nil { // warms up again
		return err
	}
	many, err := run.post(ctx, few, true, 0)
	if err != nil {
		return err
	}
	line("as it grows", "at %d stored %7.0f/s, at %d stored %7.0f/s   ratio %.2f", at, ours, run.booked-few, many, many/ours)
	line("memory of the portal", "%d MiB at most", run.peakMiB())
	return run.sound(ctx)
}

// startEngine makes a database with the accounts and runs the portal on it.
func (b *benchRun) startEngine(ctx context.Context) (*engineRun, error) {
	w, err := b.open(ctx)
	if err != nil {
		return nil, err
	}
	run := &engineRun{benchRun: b, world: w, now: time.Now(), random: rand.New(rand.NewPCG(1, 2)), client: &http.Client{Timeout: time.Minute}}
	err = run.populateEngine(ctx)
	if err == nil {
		_, err = w.store.CreateUser(ctx, models.Actor{}, models.NewUser{Email: benchSeller, Password: benchPassword, Role: models.RoleSeller, ShopName: "Bench shop"})
	}
	if err == nil {
		run.key, err = w.store.CreateAPIKey(ctx, "bench", nil)
	}
	if err == nil {
		run.folder, err = os.MkdirTemp("", "portal-bench-data-")
	}
	if err == nil {
		err = run.serve(w.address)
	}
	if err != nil {
		run.stop()
		return nil, err
	}
	return run, nil
}

const (
	benchSeller   = "bench@demo.test"
	benchPassword = "bench-1234"
)

// serve starts the portal and waits until it can serve.
func (r *engineRun) serve(database string) error {
	var at [2]string
	for i := range at {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		at[i] = listener.Addr().String()
		listener.Close()
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	r.url = "http://" + at[0]
	r.process = exec.Command(program, "bench", "--serve")
	if r.profile != "" {
		r.process.Args = append(r.process.Args, "--cpuprofile", r.profile+".serve")
	}
	r.process.Stderr = os.Stderr
	r.process.Env = append(os.Environ(), "PORTAL_ADDR="+at[0], "PORTAL_SANDBOX_ADDR="+at[1], "PORTAL_DATABASE_URL="+database,
		"PORTAL_DATA_DIR="+r.folder, "PORTAL_SIMULATE=off", "PORTAL_API_RATE=0", "PORTAL_LOG_LEVEL=WARN")
	if err := r.process.Start(); err != nil {
		return err
	}
	r.exited = make(chan error, 1)
	go func() { r.exited <- r.process.Wait() }()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		answer, err := r.client.Get(r.url + "/readyz")
		if err != nil {
			continue
		}
		answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			return nil
		}
	}
	return errors.New("the portal was not ready within a minute")
}

func (r *engineRun) stop() {
	if r.exited != nil {
		_ = r.process.Process.Signal(syscall.SIGTERM) // it has ended if this fails
		if err := <-r.exited; err != nil {
			fmt.Fprintln(os.Stderr, "the portal ended with", err)
		}
	}
	r.close()
	os.RemoveAll(r.folder)
}

// peakMiB is the most memory that the portal's process held.
func (r *engineRun) peakMiB() int {
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(r.process.Process.Pid), "status"))
	if err != nil {
		return -1
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	kib, _ := strconv.Atoi(strings.Fields(rest + " 0")[0])
	return kib >> 10
}

// newID is a UUID, random or ordered by time (version 7).
func (r *engineRun) newID(ordered bool) string {
	var id [16]byte
	binary.BigEndian.PutUint64(id[8:], r.random.Uint64())
	binary.BigEndian.PutUint64(id[:], r.random.Uint64())
	if ordered {
		r.given++
		ms := uint64(r.now.UnixMilli()) + r.given>>12
		binary.BigEndian.PutUint64(id[:], ms<<16|0x7000|r.given&0xfff)
	}
	text := hex.EncodeToString(id[:])
	return text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]
}

// bodies makes the JSON of n charges.
func (r *engineRun) bodies(n int, ordered bool) [][]byte {
	at := time.Now().UTC().Format(time.RFC3339Nano)
	all := make([][]byte, 0, n/chargesABody)
	for range n / chargesABody {
		body := bytes.NewBufferString("[")
		for i := range chargesABody {
			if i > 0 {
				body.WriteByte(',')
			}
			account := r.random.IntN(chargeAccounts) + 1
			fmt.Fprintf(body, `{"charge_id":"%s","campaign_id":%d,"keyword_id":%d,"amount_fen":%d,"charged_at":"%s"}`,
				r.newID(ordered), account, account, 1+r.random.IntN(300), at)
		}
		body.WriteByte(']')
		all = append(all, body.Bytes())
	}
	return all
}

// post sends n charges and gives how many a second were booked; with a pace it
// sends so many a second and no more.
func (r *engineRun) post(ctx context.Context, n int, ordered bool, pace float64) (float64, error) {
	bodies := r.bodies(n, ordered)
	began := time.Now()
	persec, err := rate(chargeClients, len(bodies), func(i int) error {
		if pace > 0 {
			time.Sleep(time.Until(began.Add(time.Duration(float64(i*chargesABody) / pace * float64(time.Second)))))
		}
		return r.postBody(ctx, bodies[i])
	})
	r.booked += len(bodies) * chargesABody
	return persec * chargesABody, err
}

func (r *engineRun) postBody(ctx context.Context, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, "POST", r.url+"/api/v1/charges", bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+r.key)
	request.Header.Set("Content-Type", "application/json")
	answer, err := r.client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(answer.Body)
	if want := fmt.Sprintf(`"accepted":%d,`, chargesABody); err == nil && !strings.Contains(string(said), want) {
		err = fmt.Errorf("a body was answered %d %.300s", answer.StatusCode, said)
	}
	return err
}

// pageMeanwhile asks for a seller's overview while charges come in at a pace.
func (r *engineRun) pageMeanwhile(ctx context.Context, pace float64, line func(what, format string, args ...any)) error {
	browser, err := r.signIn()
	if err != nil {
		return err
	}
	loaded := make(chan error, 1)
	var done sync.WaitGroup
	done.Go(func() {
		_, err := r.post(ctx, int(pace*r.pageSeconds)/chargesABody*chargesABody, true, pace)
		loaded <- err
	})
	var took []time.Duration
	for ended := false; !ended; {
		began := time.Now()
		answer, err := browser.Get(r.url + "/account")
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		if err != nil || answer.StatusCode != http.StatusOK {
			return errors.Join(err, fmt.Errorf("the overview answered %d", answer.StatusCode))
		}
		took = append(took, time.Since(began))
		time.Sleep(20 * time.Millisecond)
		select {
		case err = <-loaded:
			ended = true
		default:
		}
		if ended && err != nil {
			return err
		}
	}
	done.Wait()
	slices.Sort(took)
	line("a seller's page meanwhile", "at %6.0f charges/s: p50 %v, p99 %v, %d asked", pace, percentile(took, 50).Round(100*time.Microsecond), percentile(took, 99).Round(100*time.Microsecond), len(took))
	return nil
}

// signIn gives a browser that is signed in as the stage's seller.
func (r *engineRun) signIn() (*http.Client, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	browser := &http.Client{Jar: jar, Timeout: time.Minute}
	form, err := browser.Get(r.url + "/login")
	if err != nil {
		return nil, err
	}
	page, err := io.ReadAll(form.Body)
	form.Body.Close()
	token := csrfField.FindSubmatch(page)
	if err != nil || token == nil {
		return nil, errors.Join(err, errors.New("the sign-in page has no form token"))
	}
	answer, err := browser.PostForm(r.url+"/login", url.Values{"csrf": {string(token[1])}, "email": {benchSeller}, "password": {benchPassword}})
	if err != nil {
		return nil, err
	}
	answer.Body.Close()
	if answer.Request.URL.Path != "/account" {
		return nil, fmt.Errorf("sign-in led to %s", answer.Request.URL)
	}
	return browser, nil
}

// sound checks that what was measured really happened: as many charges as were
// posted, and a revenue that is their sum.
func (r *engineRun) sound(ctx context.Context) error {
	var charges int
	var charged, earned int64
	if err := r.raw.QueryRowContext(ctx, "SELECT COUNT(*), SUM(amount_fen) FROM charges").Scan(&charges, &charged); err != nil {
		return err
	}
	if err := r.raw.QueryRowContext(ctx, "SELECT balance_fen FROM ledger_accounts WHERE name = 'revenue'").Scan(&earned); err != nil {
		return err
	}
	if charges != r.booked || charged != earned {
		return fmt.Errorf("after the run: %d charges of %d, %d fen charged, %d earned", charges, r.booked, charged, earned)
	}
	return nil
}
