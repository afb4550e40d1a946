package e2e

import (
	"bytes"
	"compress/gzip"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

// replayClicks is how many charges are sent; make soak sends a million.
var replayClicks = max(100_000, number(os.Getenv("PORTAL_TEST_CHARGES")))

func number(s string) int { n, _ := strconv.Atoi(s); return n }

const (
	replayShops   = 2_000
	replayFirst   = 101 // account of the first shop
	replayClients = 8
	replayKills   = 6
	replayWithin  = 4 * time.Minute // for one database, on a busy machine
	bodyMost      = 5_000           // charges
)

// TestChargesReplayedEndInTheSameBalances sends one fixed set of
// charges over the API of a real process: in random order, in bodies
// that overlap, some of them twice at the same time, while the process is killed
// again and again (M14, M15). The clients know one rule: a body is repeated until
// it is answered. The books end as the test has reckoned by itself.
//
// It does not run beside the other tests: it takes all that the machine has.
func TestChargesReplayedEndInTheSameBalances(t *testing.T) {
	set := drawReplay()
	for _, engine := range modelstest.Engines {
		t.Run(string(engine), func(t *testing.T) {
			url, db := replayBooks(t, engine, set)
			p := serve(t, quick, on(url), with("PORTAL_API_RATE=0"))
			replayAll(t, p, set)
			if err := p.terminate(); err != nil {
				t.Error(err)
			}
			began := time.Now()
			set.check(t, db)
			sound(t, p.open(t))
			t.Logf("the books were read in %v", time.Since(began).Round(time.Millisecond))
		})
	}
}

// replay is the set: who pays, what is charged, and what must come of it.
type replay struct {
	shops  []replayShop
	clicks []replayClick

	funds                                              map[int64]models.Funds // by account
	total                                              models.Fen
	campaignDays, keywordDays, keywordHours, shopHours map[replaySlot]replaySum
}

// replayShop is a seller. Its account a has the campaigns 2a and 2a+1, and a
// campaign c the keywords 2c and 2c+1.
type replayShop struct {
	account int64
	models.Funds
}

type replayClick struct {
	id                string
	campaign, keyword int64 // keyword 0: none
	fen               models.Fen
	at                time.Time
}

// replaySlot is a row of a rollup; hour is -1 in those by day.
type replaySlot struct {
	id   int64
	day  string
	hour int
}

type replaySum struct{ fen, clicks int64 }

// drawReplay draws the set, the same in every run but for the calendar: the
// charges lie around the newest midnight in Shanghai that is 3 hours past, since
// the portal takes none that is older than a week. A tenth of the shops has
// nearly half of the clicks.
func drawReplay() *replay {
	random := rand.New(rand.NewPCG(20261124, 0))
	set := &replay{clicks: make([]replayClick, replayClicks)}
	lately := time.Now().In(models.Shanghai).Add(-3 * time.Hour)
	midnight := time.Date(lately.Year(), lately.Month(), lately.Day(), 0, 0, 0, 0, models.Shanghai)
	for i := range set.clicks {
		share := random.Float64()
		account := replayFirst + int64(replayShops*share*share*share)
		keyword := 4*account + random.Int64N(4)
		click := replayClick{campaign: keyword / 2, keyword: keyword, fen: models.Fen(1 + random.IntN(300))}
		if random.IntN(10) == 0 {
			click.keyword = 0
		}
		click.id = fmt.Sprintf("%08x-%04x-4%03x-a%03x-%012x",
			random.Uint32(), random.IntN(1<<16), random.IntN(1<<12), random.IntN(1<<12), random.Int64N(1<<48))
		click.at = midnight.Add(time.Duration(random.Int64N(6*3600_000)-3*3600_000) * time.Millisecond)
		set.clicks[i] = click
	}
	cost := set.rollUp()
	set.funds = make(map[int64]models.Funds)
	for account := int64(replayFirst); account < replayFirst+replayShops; account++ {
		shop := replayShop{account, models.Funds{Cash: 1_000_000 * models.Yuan}}
		if account%4 == 0 { // runs into arrears on the way, unless its bonus keeps it from that
			shop.Cash = models.Fen(random.Int64N(int64(cost[account]) + 1))
		}
		if account%5 == 0 {
			shop.Bonus = models.Fen(random.Int64N(int64(cost[account])*3/2 + 2))
		}
		set.shops = append(set.shops, shop)
		fromBonus := min(shop.Bonus, cost[account]) // bonus first: in total the same in any order
		set.funds[account] = models.Funds{Bonus: shop.Bonus - fromBonus, Cash: shop.Cash - (cost[account] - fromBonus)}
	}
	return set
}

// rollUp works out what the rollups must hold in the end, and each account's cost.
func (set *replay) rollUp() map[int64]models.Fen {
	set.campaignDays, set.keywordDays = map[replaySlot]replaySum{}, map[replaySlot]replaySum{}
	set.keywordHours, set.shopHours = map[replaySlot]replaySum{}, map[replaySlot]replaySum{}
	cost := make(map[int64]models.Fen)
	add := func(to map[replaySlot]replaySum, id int64, day string, hour int, fen models.Fen) {
		slot := replaySlot{id, day, hour}
		sum := to[slot]
		to[slot] = replaySum{sum.fen + int64(fen), sum.clicks + 1}
	}
	for _, c := range set.clicks {
		account, day, hour := c.campaign/2, models.DayOn(c.at), c.at.In(models.Shanghai).Hour()
		cost[account] += c.fen
		set.total += c.fen
		add(set.campaignDays, c.campaign, day, -1, c.fen)
		add(set.shopHours, account, day, hour, c.fen)
		if c.keyword > 0 {
			add(set.keywordDays, c.keyword, day, -1, c.fen)
			add(set.keywordHours, c.keyword, day, hour, c.fen)
		} else {
			add(set.keywordHours, -c.campaign, day, hour, c.fen)
		}
	}
	return cost
}

// replayBooks makes a database with the set's sellers on it. The shops come by
// plain SQL: a command of the Store for each of them would hash 2,000 passwords
// and pay 2,000 recharges, a minute's work, of which this test shows nothing.
// The one user there is keeps the demo from seeding itself.
func replayBooks(t *testing.T, engine models.Engine, set *replay) (url string, db *sql.DB) {
	t.Helper()
	url = modelstest.URL(t, engine)
	store, err := models.Open(url, models.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err = store.CreateUser(t.Context(), models.Actor{}, models.NewUser{Email: "admin@shop.test", Password: password, Role: models.RoleAdmin})
	if err != nil {
		t.Fatal(err)
	}
	db = books(t, url)
	for _, statement := range set.statements() {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%.100s: %v", statement, err)
		}
	}
	return url, db
}

// statements store the shops: rows that the Store's own commands would leave.
func (set *replay) statements() []string {
	insert := func(into string, row func(s replayShop, cash, bonus int64) string) string {
		rows := make([]string, len(set.shops))
		for i, s := range set.shops {
			rows[i] = row(s, 10_000+2*s.account, 10_001+2*s.account)
		}
		return "INSERT INTO " + into + " VALUES " + strings.Join(slices.DeleteFunc(rows, func(row string) bool { return row == "" }), ", ")
	}
	const now = "CURRENT_TIMESTAMP"
	statements := []string{
		insert("sellers (id, shop_name, created_at)", func(s replayShop, _, _ int64) string {
			return fmt.Sprintf("(%d, 'Shop %d', %s)", s.account, s.account, now)
		}),
		insert("ledger_accounts (id, name, balance_fen, created_at)", func(s replayShop, cash, bonus int64) string {
			return fmt.Sprintf("(%d, 'seller:%d:cash', %d, %s), (%d, 'seller:%d:bonus', %d, %s)",
				cash, s.account, s.Cash, now, bonus, s.account, s.Bonus, now)
		}),
		insert("accounts (id, seller_id, cash_account_id, bonus_account_id, created_at)", func(s replayShop, cash, bonus int64) string {
			return fmt.Sprintf("(%d, %d, %d, %d, %s)", s.account, s.account, cash, bonus, now)
		}),
		insert("campaigns (id, account_id, name, daily_budget_fen, switched_on, switched_at, created_at)", func(s replayShop, _, _ int64) string {
			return fmt.Sprintf("(%d, %d, 'One', 10000000, TRUE, %s, %s), (%d, %d, 'Two', 10000, TRUE, %s, %s)",
				2*s.account, s.account, now, now, 2*s.account+1, s.account, now, now)
		}),
		insert("keywords (id, campaign_id, phrase, bid_fen, quality, created_at)", func(s replayShop, _, _ int64) string {
			rows := make([]string, 4)
			for i := range rows {
				k := 4*s.account + int64(i)
				rows[i] = fmt.Sprintf("(%d, %d, 'tea %d', 300, 7, %s)", k, k/2, k, now)
			}
			return strings.Join(rows, ", ")
		}),
	}
	statements = append(statements, set.opening("adjustment", "adjustment", "cash")...)
	return append(statements, set.opening("bonus_grant", "bonus_expense", "bonus")...)
}

// opening posts what the shops begin with, one balanced transaction a purse.
func (set *replay) opening(kind, against, purse string) []string {
	in := map[string]string{"cash": "l.balance_fen, 0", "bonus": "0, l.balance_fen"}[purse]
	statements := []string{
		fmt.Sprintf(`INSERT INTO money_days (account_id, day_on, kind, cash_in_fen, bonus_in_fen, cash_out_fen, bonus_out_fen, moves)
			SELECT a.id, '%s', '%s', %s, 0, 0, 1 FROM accounts a JOIN ledger_accounts l ON l.id = a.%s_account_id WHERE l.balance_fen > 0`, models.DayOn(time.Now()), kind, in, purse),
	}
	if purse == "bonus" {
		statements = append(statements, `INSERT INTO bonus_grants (account_id, reference, amount_fen, left_fen, granted_at)
			SELECT a.id, 'opening:' || a.id, l.balance_fen, l.balance_fen, CURRENT_TIMESTAMP FROM accounts a JOIN ledger_accounts l ON l.id = a.bonus_account_id WHERE l.balance_fen > 0`)
	}
	return append(statements,
		fmt.Sprintf("INSERT INTO ledger_transactions (kind, reference, booked_at) VALUES ('%s', 'opening', CURRENT_TIMESTAMP)", kind),
		fmt.Sprintf(`UPDATE ledger_accounts SET balance_fen = -(SELECT SUM(balance_fen) FROM ledger_accounts WHERE name LIKE 'seller:%%:%s')
			WHERE name = '%s'`, purse, against),
		fmt.Sprintf(`INSERT INTO ledger_entries (transaction_id, account_id, amount_fen, balance_after_fen)
			SELECT t.id, a.id, a.balance_fen, a.balance_fen FROM ledger_transactions t, ledger_accounts a
			WHERE t.kind = '%s' AND t.reference = 'opening' AND a.balance_fen <> 0 AND (a.name = '%s' OR a.name LIKE 'seller:%%:%s')`, kind, against, purse))
}

// replayBody is some of the set's clicks, by their places, and how they travel.
type replayBody struct {
	places        []int
	lines, packed bool // NDJSON; gzip
}

// bodies cuts the set, shuffled, into bodies of 1 to 5,000 charges. About a
// quarter of the charges come twice or more: in bodies of another mixture, which
// may hold a charge twice themselves, or in a body that comes whole again, next
// in line, so that both are under way at the same time.
func (set *replay) bodies(random *rand.Rand) (bodies []replayBody) {
	size := func() int {
		if random.IntN(3) == 0 {
			return 1 + random.IntN(50)
		}
		return 1 + random.IntN(bodyMost)
	}
	add := func(places []int) {
		bodies = append(bodies, replayBody{places, random.IntN(3) == 0, random.IntN(6) == 0})
	}
	order := random.Perm(len(set.clicks))
	for len(order) > 0 {
		n := min(size(), len(order))
		add(order[:n])
		order = order[n:]
	}
	for range len(bodies) / 8 {
		mixed := make([]int, size())
		for i := range mixed {
			mixed[i] = random.IntN(len(set.clicks))
		}
		add(mixed)
	}
	random.Shuffle(len(bodies), func(i, j int) { bodies[i], bodies[j] = bodies[j], bodies[i] })
	once := bodies
	bodies = nil
	for i, b := range once {
		bodies = append(bodies, b)
		if i%8 == 0 {
			bodies = append(bodies, b)
		}
	}
	return bodies
}

// write gives the bytes of a body.
func (set *replay) write(b replayBody) []byte {
	text := make([]byte, 0, 170*len(b.places)+2)
	before, between, after := "[", ",", "]"
	if b.lines {
		before, between, after = "", "\n", "\n"
	}
	text = append(text, before...)
	for i, place := range b.places {
		if i > 0 {
			text = append(text, between...)
		}
		c := &set.clicks[place]
		text = append(append(text, `{"charge_id":"`...), c.id...)
		text = strconv.AppendInt(append(text, `","campaign_id":`...), c.campaign, 10)
		if c.keyword > 0 {
			text = strconv.AppendInt(append(text, `,"keyword_id":`...), c.keyword, 10)
		}
		text = strconv.AppendInt(append(text, `,"amount_fen":`...), int64(c.fen), 10)
		text = c.at.AppendFormat(append(text, `,"charged_at":"`...), time.RFC3339Nano)
		text = append(text, `"}`...)
	}
	text = append(text, after...)
	if !b.packed {
		return text
	}
	var packed bytes.Buffer
	w, _ := gzip.NewWriterLevel(&packed, gzip.BestSpeed)
	w.Write(text)
	w.Close()
	return packed.Bytes()
}

// replaying is one run of the set against one portal.
type replaying struct {
	*replay
	t      *testing.T
	ctx    context.Context
	giveUp context.CancelFunc
	portal *portal
	key    string
	http   *http.Client
	bodies []replayBody

	answered           chan struct{} // at each answer, if somebody waits for one
	next               atomic.Int64  // body to send
	sent               atomic.Int64  // charges in bodies that were answered
	accepted           atomic.Int64
	cut, refused, busy atomic.Int64 // requests that a kill cut off; that found nobody; that were told to come again
}

// replayAll sends every body until it is answered, and kills the portal meanwhile.
func replayAll(t *testing.T, p *portal, set *replay) {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("order and kills are drawn from seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	ctx, giveUp := context.WithTimeout(t.Context(), replayWithin)
	defer giveUp()
	run := &replaying{
		replay: set, t: t, ctx: ctx, giveUp: giveUp, portal: p, key: p.apiKey(t, "engine"), bodies: set.bodies(random),
		answered: make(chan struct{}), http: &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: replayClients}},
	}
	all := 0
	for _, b := range run.bodies {
		all += len(b.places)
	}
	began := time.Now()
	var clients sync.WaitGroup
	for range replayClients {
		clients.Go(run.client)
	}
	run.killAtRandom(random, all)
	clients.Wait()
	took := time.Since(began)
	t.Logf("%d charges in %d bodies took %v, %.0f a second; answers accepted %d; %d requests were cut off, %d found nobody, %d came too early",
		all, len(run.bodies), took.Round(time.Millisecond), float64(all)/took.Seconds(), run.accepted.Load(), run.cut.Load(), run.refused.Load(), run.busy.Load())
	if got := run.accepted.Load(); got > int64(replayClicks) {
		t.Errorf("the answers say that %d charges were accepted, there are %d", got, replayClicks)
	}
	if got := run.sent.Load(); got != int64(all) {
		t.Errorf("the answers count %d charges, %d were sent", got, all)
	}
}

// client sends bodies until none is left.
func (r *replaying) client() {
	for {
		i := int(r.next.Add(1)) - 1
		if i >= len(r.bodies) {
			return
		}
		if err := r.deliver(r.bodies[i]); err != nil {
			r.t.Errorf("body %d of %d charges: %v", i, len(r.bodies[i].places), err)
		}
	}
}

// deliver repeats a body until it is answered, as any client would.
func (r *replaying) deliver(b replayBody) error {
	text := r.write(b)
	for r.ctx.Err() == nil {
		status, answer, err := r.post(text, b)
		switch {
		case err == nil && status == http.StatusOK:
			return r.count(b, answer)
		case err == nil && status == http.StatusServiceUnavailable, err == nil && status == http.StatusTooManyRequests:
			r.busy.Add(1)
		case err == nil:
			return fmt.Errorf("answered %d %.300s", status, answer)
		case errors.Is(err, syscall.ECONNREFUSED):
			r.refused.Add(1)
		default:
			r.cut.Add(1)
		}
		time.Sleep(20 * time.Millisecond)
	}
	return r.ctx.Err()
}

func (r *replaying) post(text []byte, b replayBody) (status int, answer []byte, err error) {
	request, err := http.NewRequestWithContext(r.ctx, http.MethodPost, "http://"+r.portal.addr+"/api/v1/charges", bytes.NewReader(text))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Authorization", "Bearer "+r.key)
	request.Header.Set("Content-Type", "application/json")
	if b.lines {
		request.Header.Set("Content-Type", "application/x-ndjson")
	}
	if b.packed {
		request.Header.Set("Content-Encoding", "gzip")
	}
	response, err := r.http.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err = io.ReadAll(response.Body)
	return response.StatusCode, answer, err
}

// count checks that an answer counts every charge of its body once.
func (r *replaying) count(b replayBody, answer []byte) error {
	var said struct {
		Accepted, Duplicate int
		Rejected            []json.RawMessage
	}
	if err := json.Unmarshal(answer, &said); err != nil {
		return err
	}
	if len(said.Rejected) > 0 || said.Accepted+said.Duplicate != len(b.places) {
		return fmt.Errorf("%d accepted, %d duplicate, %d rejected, the first %s", said.Accepted, said.Duplicate, len(said.Rejected), said.Rejected[:min(1, len(said.Rejected))])
	}
	select {
	case r.answered <- struct{}{}:
	default:
	}
	r.sent.Add(int64(said.Accepted + said.Duplicate))
	r.accepted.Add(int64(said.Accepted))
	return nil
}

// killAtRandom kills the portal somewhere in each part of the run and starts it
// again at once; every other time just after an answer, when other bodies that
// were booked with it are not answered yet. All kills but one must hit requests
// under way: now and then every client waits to come again.
func (r *replaying) killAtRandom(random *rand.Rand, all int) {
	missed := 0
	for k := range replayKills {
		point := int64(float64(all) * (float64(k) + 0.1 + 0.7*random.Float64()) / (replayKills + 1))
		for r.sent.Load() < point && r.ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		if k%2 == 0 {
			time.Sleep(time.Duration(random.IntN(100)) * time.Millisecond)
		} else {
			r.awaitAnswer()
		}
		cut := r.cut.Load()
		r.portal.kill()
		if err := r.portal.start(); err != nil {
			r.t.Error(err)
			r.giveUp()
			return
		}
		if r.cut.Load() == cut {
			missed++
		}
	}
	if missed > 1 {
		r.t.Errorf("%d kills hit no request: this test shows less than it says", missed)
	}
}

// awaitAnswer returns at the next answer that a client gets.
func (r *replaying) awaitAnswer() {
	select {
	case <-r.answered:
	case <-r.ctx.Done():
	}
}

// check holds the books against what was reckoned.
func (set *replay) check(t *testing.T, db *sql.DB) {
	t.Helper()
	number := func(query string) (n int64) {
		if err := db.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
			t.Fatal(query, ": ", err)
		}
		return n
	}
	want := func(what string, want int64, query string) {
		if got := number(query); got != want {
			t.Errorf("%s: %d, want %d", what, got, want)
		}
	}
	want("charges", int64(replayClicks), "SELECT COUNT(*) FROM charges")
	want("fen charged", int64(set.total), "SELECT SUM(amount_fen) FROM charges")
	want("fen earned", int64(set.total), "SELECT balance_fen FROM ledger_accounts WHERE name = 'revenue'")
	owing := int64(0)
	for _, f := range set.funds {
		if f.Cash < 0 {
			owing++
		}
	}
	want("accounts in arrears", owing, "SELECT COUNT(*) FROM accounts WHERE funding_state = 'arrears'")
	want("beginnings of arrears", owing, "SELECT COUNT(*) FROM account_events WHERE kind = 'arrears_began'")
	want("deadlines of arrears", owing, "SELECT COUNT(*) FROM river_job WHERE kind = 'suspend_account'")
	set.checkFunds(t, db)
	checkRollup(t, db, "campaign_days", "campaign_id, day_on, -1", set.campaignDays)
	checkRollup(t, db, "keyword_days", "keyword_id, day_on, -1", set.keywordDays)
	checkRollup(t, db, "keyword_hours", "CASE WHEN keyword_id = 0 THEN -campaign_id ELSE keyword_id END, day_on, hour", set.keywordHours)
	checkRollup(t, db, "account_hours", "account_id, day_on, hour", set.shopHours)
}

// checkFunds compares each seller's two purses, to the fen.
func (set *replay) checkFunds(t *testing.T, db *sql.DB) {
	t.Helper()
	got := make(map[int64]models.Funds)
	each(t, db, `SELECT a.id, cash.balance_fen, bonus.balance_fen FROM accounts a JOIN ledger_accounts cash ON cash.id = a.cash_account_id
		JOIN ledger_accounts bonus ON bonus.id = a.bonus_account_id`, func(scan scan) error {
		var id int64
		var f models.Funds
		err := scan(&id, &f.Cash, &f.Bonus)
		got[id] = f
		return err
	})
	same(t, "balances", got, set.funds)
}

// checkRollup compares a rollup row by row.
func checkRollup(t *testing.T, db *sql.DB, table, key string, want map[replaySlot]replaySum) {
	t.Helper()
	got := make(map[replaySlot]replaySum)
	// An hour may have no click of its own, and have paid for some of earlier ones.
	each(t, db, "SELECT "+key+", cost_fen, clicks FROM "+table+" WHERE clicks > 0", func(scan scan) error {
		var slot replaySlot
		var sum replaySum
		err := scan(&slot.id, &slot.day, &slot.hour, &sum.fen, &sum.clicks)
		got[slot] = sum
		return err
	})
	same(t, table, got, want)
}

// same compares two maps and names the first few entries that differ.
func same[K, V comparable](t *testing.T, what string, got, want map[K]V) {
	t.Helper()
	differ := 0
	note := func(k K) {
		t.Helper()
		if differ++; differ <= 5 {
			t.Errorf("%s of %v: %v, want %v", what, k, got[k], want[k])
		}
	}
	for k, v := range want {
		if its, ok := got[k]; !ok || its != v {
			note(k)
		}
	}
	for k := range got {
		if _, ok := want[k]; !ok {
			note(k)
		}
	}
	if differ > 0 {
		t.Errorf("%s: %d of %d differ", what, differ, len(want))
	}
}
