package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// fakePortal is the portal's side of the API: it books charges, keeps what is
// left, and answers serving. Its own clock runs at a speed.
type fakePortal struct {
	t      *testing.T
	speed  float64
	base   time.Time // of the portal's clock
	began  time.Time // in real time
	faults map[string]func(call int) fakeFault
	log    *slog.Logger // of the simulator, nil for none

	slowList time.Duration // how long the list of all campaigns takes

	mu        sync.Mutex
	calls     map[string]int // by path
	campaigns map[int64]*fakeCampaign
	spendable map[int64]int64
	keywords  []keywordBid
	cursor    int64
	news      chan struct{} // closed when a campaign changes
	charges   []charge      // in the order they were accepted
	seen      map[string]bool
	bodies    []fakeBody
	results   map[string]result
	posted    [][]result
	queries   []string // of serving
	running   int      // charge bodies that are not answered yet
}

type fakeCampaign struct {
	servingCampaign // BudgetLeftFen is what it is now
	changed         int64
}

// fakeBody is one body of charges that arrived.
type fakeBody struct {
	text   string
	real   time.Time
	portal time.Time
	count  int
}

// fakeFault spoils one call: the status instead of an answer, or a lost connection,
// before or after the work was done.
type fakeFault struct {
	status     int
	retryAfter int
	lost       bool
	late       bool // the work is done all the same
	detail     string
	text       string // a body of its own, with the status 200
}

// noon is 12:00 of a Tuesday in Shanghai.
var noon = time.Date(2026, 11, 24, 4, 0, 0, 0, time.UTC)

func newFakePortal(t *testing.T, speed float64, base time.Time) *fakePortal {
	return &fakePortal{
		t: t, speed: speed, base: base, began: time.Now(), faults: map[string]func(int) fakeFault{}, calls: map[string]int{}, campaigns: map[int64]*fakeCampaign{},
		spendable: map[int64]int64{}, cursor: 1, news: make(chan struct{}), seen: map[string]bool{}, results: map[string]result{},
	}
}

// advertise adds a campaign of account 1 with the usual two keywords.
func (p *fakePortal) advertise(id int64, state string, share, budgetFen int64) {
	p.campaigns[id] = &fakeCampaign{servingCampaign: servingCampaign{
		CampaignID: id, AccountID: 1, DeliveryState: state, SharePercent: share, BudgetLeftFen: budgetFen,
	}}
	for n := range int64(2) {
		p.keywords = append(p.keywords, keywordBid{KeywordID: 2*id + n, CampaignID: id, BidFen: 180, Quality: 8})
	}
}

// set changes a campaign; loud changes are answered to those who wait.
func (p *fakePortal) set(id int64, loud bool, change func(c *fakeCampaign)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p.campaigns[id])
	if loud {
		p.cursor++
		p.campaigns[id].changed = p.cursor
		close(p.news)
		p.news = make(chan struct{})
	}
}

func (p *fakePortal) now() time.Time {
	return p.base.Add(time.Duration(float64(time.Since(p.began)) * p.speed))
}

// RoundTrip serves without a network, so that a test may have a clock of its own.
func (p *fakePortal) RoundTrip(r *http.Request) (*http.Response, error) {
	recorder := httptest.NewRecorder()
	if p.handle(recorder, r) {
		return nil, errors.New("connection reset by peer")
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	response := recorder.Result()
	response.Request = r
	return response, nil
}

func (p *fakePortal) handle(w http.ResponseWriter, r *http.Request) (lost bool) {
	if r.Header.Get("Authorization") != "Bearer key-1" {
		p.t.Errorf("%s came with the authorization %q", r.URL, r.Header.Get("Authorization"))
	}
	name := strings.TrimPrefix(r.URL.Path, "/api/v1/")
	text, err := io.ReadAll(r.Body)
	if err != nil {
		p.t.Errorf("read %s: %v", r.URL, err)
	}
	p.mu.Lock()
	call := p.calls[name]
	p.calls[name]++
	var spoiled fakeFault
	if plan := p.faults[name]; plan != nil {
		spoiled = plan(call)
	}
	if name == "charges" {
		p.bodies = append(p.bodies, fakeBody{text: string(text), real: time.Now(), portal: p.now()})
	}
	p.mu.Unlock()
	answer := any(nil)
	if spoiled == (fakeFault{}) || spoiled.late {
		answer = p.answer(name, r, text)
	}
	if spoiled.lost || r.Context().Err() != nil {
		return true
	}
	w.Header().Set("Date", p.now().UTC().Format(http.TimeFormat))
	if spoiled.status != 0 {
		w.Header().Set("Content-Type", "application/problem+json")
		if spoiled.retryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(spoiled.retryAfter))
		}
		w.WriteHeader(spoiled.status)
		answer = map[string]string{"title": "No", "detail": spoiled.detail, "code": "refused"}
	}
	if spoiled.text != "" {
		io.WriteString(w, spoiled.text)
	} else if err := json.NewEncoder(w).Encode(answer); err != nil {
		p.t.Error(err)
	}
	return false
}

func (p *fakePortal) answer(name string, r *http.Request, text []byte) any {
	switch name {
	case "serving":
		return p.serving(r)
	case "keywords":
		return p.keywordPage(r.URL.Query())
	case "charges":
		return p.book(text)
	case "results":
		return p.count(text)
	}
	p.t.Errorf("%s is no part of the API", r.URL)
	return nil
}

func (p *fakePortal) serving(r *http.Request) any {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.queries = append(p.queries, r.URL.RawQuery)
	after, _ := strconv.ParseInt(r.URL.Query().Get("after"), 10, 64)
	if after == p.cursor {
		news := p.news
		wait, _ := strconv.Atoi(r.URL.Query().Get("wait"))
		p.mu.Unlock()
		select {
		case <-news:
		case <-time.After(time.Duration(wait) * time.Second):
		case <-r.Context().Done():
		}
		p.mu.Lock()
	}
	list := []servingCampaign{}
	if after == 0 && p.slowList > 0 {
		p.mu.Unlock()
		select {
		case <-time.After(p.slowList):
		case <-r.Context().Done():
		}
		p.mu.Lock()
	}
	for _, c := range p.campaigns {
		if after == 0 || c.changed > after {
			c.SpendableFen = p.spendable[c.AccountID]
			list = append(list, c.servingCampaign)
		}
	}
	return map[string]any{"campaigns": list, "server": map[string]int{"later": 1}, "cursor": strconv.FormatInt(p.cursor, 10)}
}

func (p *fakePortal) keywordPage(q url.Values) any {
	p.mu.Lock()
	defer p.mu.Unlock()
	after, _ := strconv.ParseInt(q.Get("after"), 10, 64)
	page := keywordPage{Keywords: []keywordBid{}}
	for _, k := range p.keywords {
		if k.KeywordID > after && len(page.Keywords) < 1000 {
			page.Keywords = append(page.Keywords, k)
		} else if k.KeywordID > after {
			page.Next = &page.Keywords[999].KeywordID
			break
		}
	}
	return page
}

// book takes charges and holds them against what an engine must do.
func (p *fakePortal) book(text []byte) any {
	p.mu.Lock()
	p.running++
	if p.running > 1 {
		p.t.Error("two bodies of charges were on their way at once")
	}
	p.mu.Unlock()
	time.Sleep(5 * time.Millisecond)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running--
	var charges []charge
	if err := json.Unmarshal(text, &charges); err != nil || len(charges) == 0 || len(charges) > 1000 {
		p.t.Errorf("a body of %d charges: %v", len(charges), err)
	}
	p.bodies[len(p.bodies)-1].count = len(charges)
	accepted := 0
	for _, c := range charges {
		if p.seen[c.ChargeID] {
			continue
		}
		accepted++
		p.seen[c.ChargeID] = true
		if n := len(p.charges); n > 0 && p.charges[n-1].ChargeID >= c.ChargeID {
			p.t.Errorf("charge id %s comes after %s", c.ChargeID, p.charges[n-1].ChargeID)
		}
		if c.ChargedAt.After(p.now()) {
			p.t.Errorf("charged at %s, and it is %s", c.ChargedAt, p.now())
		}
		if its := p.campaigns[c.CampaignID]; its != nil {
			its.BudgetLeftFen -= c.AmountFen
			p.spendable[its.AccountID] -= c.AmountFen
		}
		p.charges = append(p.charges, c)
	}
	return map[string]any{"accepted": accepted, "duplicate": len(charges) - accepted, "rejected": []any{}}
}

func (p *fakePortal) count(text []byte) any {
	p.mu.Lock()
	defer p.mu.Unlock()
	var rows []result
	if err := json.Unmarshal(text, &rows); err != nil || len(rows) == 0 || len(rows) > 5000 {
		p.t.Errorf("a body of %d results: %v", len(rows), err)
	}
	for _, row := range rows {
		key := fmt.Sprintf("%d %s", row.KeywordID, row.Hour)
		old := p.results[key]
		if row.Impressions < old.Impressions || row.Clicks < old.Clicks || row.Hour != row.Hour.Truncate(time.Hour) {
			p.t.Errorf("%+v came after %+v", row, old)
		}
		p.results[key] = row
	}
	p.posted = append(p.posted, rows)
	return map[string]any{}
}

// costOf sums what campaigns were charged.
func (p *fakePortal) costOf(ids ...int64) (fen int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.charges {
		if slices.Contains(ids, c.CampaignID) {
			fen += c.AmountFen
		}
	}
	return fen
}

// clicks lists the charges that were accepted so far.
func (p *fakePortal) clicks() []charge {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.charges)
}

func (p *fakePortal) callsOf(name string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls[name]
}

// start lets a simulator play; the returned function stops it and gives its error.
func (p *fakePortal) start(rate float64) (stop func() error) {
	p.t.Helper()
	sim, err := newSimulator(simulatorConfig{
		URL: "http://portal.test/", Key: "key-1", Rate: rate, Speed: p.speed, Seed: 7, Client: &http.Client{Transport: p}, Log: p.log,
	})
	if err != nil {
		p.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(p.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- sim.run(ctx) }()
	return func() error {
		cancel()
		return <-ended
	}
}

// play lets a simulator play for some real time.
func (p *fakePortal) play(rate float64, length time.Duration) {
	p.t.Helper()
	stop := p.start(rate)
	wait(length)
	if err := stop(); err != nil {
		p.t.Error(err)
	}
}

// wait lets real time pass, and then everybody come to rest.
func wait(length time.Duration) {
	time.Sleep(length)
	synctest.Wait()
}

func TestSimulateObeysServing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newFakePortal(t, 600, noon)
		p.spendable[1] = 1e9
		p.advertise(1, "serving", 100, 1e9)
		p.advertise(2, "recovering", 25, 1e9)
		p.advertise(3, "recovering", 0, 1e9)
		for i, state := range []string{"ended", "frozen", "paused_arrears", "paused", "out_of_funds", "budget_reached", "unheard_of"} {
			p.advertise(int64(4+i), state, 100, 1e9)
		}
		for i := range p.keywords { // the same market and volume for all
			p.keywords[i].Quality = 8
		}
		p.play(20, 6*time.Minute) // 2.5 days
		full, quarter := 0, 0
		for _, c := range p.charges {
			switch c.CampaignID {
			case 1:
				full++
			case 2:
				quarter++
			default:
				t.Fatalf("campaign %d (%s) was charged", c.CampaignID, p.campaigns[c.CampaignID].DeliveryState)
			}
		}
		expected := func(id int64) (mean float64) {
			model := newTraffic(1, 0)
			for n := range int64(2) {
				impressions, chance := model.expect(keywordBid{2*id + n, id, 180, 8}, noon, time.Hour, 100)
				mean += impressions * chance
			}
			return mean
		}
		share := float64(quarter) / float64(full) * expected(1) / expected(2)
		if full < 2000 || share < 0.23 || share > 0.27 {
			t.Errorf("%d clicks at 100 %%, %d at 25 %%: a share of %.3f", full, quarter, share)
		}
	})
}

func TestSimulateBalanceFallsStopsAndRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newFakePortal(t, 60, noon)
		p.spendable[1] = 2000
		p.advertise(1, "serving", 100, 1e9)
		p.advertise(2, "serving", 100, 1e9)
		stop := p.start(20)
		wait(5 * time.Minute)
		if left := 2000 - p.costOf(1, 2); left > 0 || left <= -180 {
			t.Errorf("of 2000 fen, %d are left; the last click goes over by less than its bid", left)
		}
		for id := range int64(2) {
			p.set(id+1, true, func(c *fakeCampaign) { c.DeliveryState, c.SharePercent = "out_of_funds", 0 })
		}
		p.set(1, false, func(*fakeCampaign) { p.spendable[1] = 1e6 }) // paid, but not restarted
		before := len(p.clicks())
		wait(5 * time.Minute)
		if len(p.clicks()) != before {
			t.Errorf("%d clicks while out_of_funds", len(p.clicks())-before)
		}
		p.set(1, true, func(c *fakeCampaign) { c.DeliveryState, c.SharePercent = "recovering", 25 })
		restarted := p.now()
		wait(5 * time.Minute)
		again := p.clicks()[before:]
		if len(again) < 5 {
			t.Fatalf("%d clicks after the restart", len(again))
		}
		for _, c := range again {
			if c.CampaignID != 1 || c.ChargedAt.Before(restarted.Add(-3*time.Minute)) {
				t.Errorf("a click of campaign %d at %s, and only 1 was restarted, at %s", c.CampaignID, c.ChargedAt, restarted)
			}
		}
		p.set(1, true, func(c *fakeCampaign) { c.DeliveryState = "frozen" })
		wait(2 * time.Second) // what was clicked before is still charged
		before = len(p.clicks())
		wait(5 * time.Minute)
		if err := stop(); err != nil || len(p.clicks()) != before {
			t.Errorf("%d clicks while frozen; %v", len(p.clicks())-before, err)
		}
	})
}

// A budget that is used up is not overrun, though the portal says "serving" on;
// and it is played again once the budget is raised, which changes no state.
func TestSimulateBudgetRaisedWithoutAStateChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newFakePortal(t, 60, noon.Add(8*time.Hour)) // 20:00 in Shanghai
		p.spendable[1] = 1e9
		p.advertise(1, "serving", 100, 3000)
		stop := p.start(20)
		wait(50 * time.Second)
		if cost := p.costOf(1); cost < 3000 || cost >= 3180 {
			t.Errorf("a budget of 3000 fen, %d charged", cost)
		}
		p.set(1, false, func(c *fakeCampaign) { c.BudgetLeftFen += 2000 })
		wait(2 * time.Minute)
		if cost := p.costOf(1); cost < 5000 || cost >= 5180 {
			t.Errorf("budgets of 5000 fen, %d charged", cost)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
		if n := p.callsOf("serving"); n > 40 {
			t.Errorf("%d polls in three minutes", n)
		}
	})
}

func TestSimulateReadsAllAgainAtMidnight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newFakePortal(t, 60, noon.Add(11*time.Hour+30*time.Minute)) // 23:30 in Shanghai
		p.advertise(1, "paused", 0, 0)
		p.play(1, 50*time.Second)
		whole := 0
		for _, query := range p.queries {
			if query == "" {
				whole++
			}
		}
		if whole != 2 {
			t.Errorf("all campaigns were read %d times: %q", whole, p.queries)
		}
	})
}

// A list that takes longer than the time after which it would be asked for again.
func TestSimulateReadsALongListToItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newFakePortal(t, 60, noon)
		p.spendable[1] = 1e9
		p.advertise(1, "serving", 100, 100)
		p.advertise(2, "serving", 100, 1e9)
		p.slowList = 40 * time.Second
		stop := p.start(20)
		wait(3 * time.Minute)
		p.set(2, true, func(c *fakeCampaign) { c.DeliveryState = "frozen" })
		wait(2 * time.Minute)
		before := len(p.clicks())
		wait(2 * time.Minute)
		if err := stop(); err != nil || before < 20 || len(p.clicks()) != before {
			t.Errorf("%d clicks, %d of them after the freeze; %v", len(p.clicks()), len(p.clicks())-before, err)
		}
	})
}

func TestSimulateSendsTheSameBodyUntilItIsAnswered(t *testing.T) {
	for name, bad := range map[string]fakeFault{
		"ErrServer":       {status: 500},
		"ErrServerBooked": {status: 503, retryAfter: 9, late: true},
		"ErrNeverArrived": {lost: true},
		"ErrAnswerLost":   {lost: true, late: true},
		"ErrTooMany":      {status: 429, retryAfter: 9},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newFakePortal(t, 60, noon)
				p.spendable[1] = 1e9
				p.advertise(1, "serving", 100, 1e9)
				p.faults["charges"] = func(call int) fakeFault {
					if call >= 2 && call < 6 {
						return bad
					}
					return fakeFault{}
				}
				p.play(20, time.Minute)
				if len(p.bodies) < 20 {
					t.Fatalf("%d bodies", len(p.bodies))
				}
				for i, b := range p.bodies {
					again := i >= 3 && i <= 6
					if same := i > 0 && b.text == p.bodies[i-1].text; same != again {
						t.Errorf("body %d is the one before: %v", i, same)
					}
					if waited := b.real.Sub(p.bodies[max(i-1, 0)].real); again && waited < time.Duration(bad.retryAfter)*time.Second {
						t.Errorf("body %d came again after %s", i, waited)
					}
				}
				first, last := p.bodies[2].portal, p.bodies[6].portal
				for _, c := range p.charges {
					if c.ChargedAt.After(first) && c.ChargedAt.Before(last) {
						t.Errorf("a click at %s, and between %s and %s nothing was answered", c.ChargedAt, first, last)
					}
				}
			})
		})
	}
}

// A list that is refused as a whole would be refused again: it is given up.
func TestSimulateGivesUpWhatIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newFakePortal(t, 60, noon)
		p.spendable[1] = 1e9
		p.advertise(1, "serving", 100, 1e9)
		p.faults["charges"] = func(call int) fakeFault {
			if call == 1 {
				return fakeFault{status: 422}
			}
			return fakeFault{}
		}
		p.play(20, time.Minute)
		if len(p.bodies) < 20 || p.bodies[1].text == p.bodies[2].text {
			t.Errorf("%d bodies; the refused one came again: %v", len(p.bodies), p.bodies[1].text == p.bodies[2].text)
		}
	})
}

func TestSimulateLogsWhatHappensAndNoKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer // the handler locks
		p := newFakePortal(t, 60, noon)
		p.log = slog.New(slog.NewTextHandler(&log, nil))
		p.spendable[1] = 1e9
		p.advertise(1, "serving", 100, 1e9)
		p.faults["charges"] = func(call int) fakeFault {
			return []fakeFault{{text: `{"rejected":[{"index":3,"code":"too_old","detail":"Before our time."}]}`}, {status: 500}, {}}[min(call, 2)]
		}
		stop := p.start(20)
		wait(30 * time.Second)
		p.set(1, true, func(c *fakeCampaign) { c.DeliveryState = "frozen" })
		wait(30 * time.Second)
		if err := stop(); err != nil {
			t.Error(err)
		}
		for _, words := range []string{
			"first_index=3 first_code=too_old", "Before our time.", "request=charges wait=500ms", "500 Internal Server Error",
			"campaign_id=1 from=serving to=frozen", `msg="traffic so far" portal_time=2026-11-24T04:32:`,
		} {
			if !strings.Contains(log.String(), words) {
				t.Errorf("no word of %q", words)
			}
		}
		if strings.Contains(log.String(), "key-1") || t.Failed() {
			t.Errorf("the log, which must not hold the key:\n%s", log.String())
		}
	})
}

func TestSimulateSendsBodiesInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newFakePortal(t, 3600, noon)
		p.spendable[1] = 1e12
		p.advertise(1, "serving", 100, 1e12)
		p.play(1000, 10*time.Second)
		if len(p.bodies) < 20 || p.bodies[0].count != 1000 {
			t.Errorf("%d bodies, the first of %d charges", len(p.bodies), p.bodies[0].count)
		}
		if !slices.IsSortedFunc(p.charges, func(a, b charge) int { return a.ChargedAt.Compare(b.ChargedAt) }) {
			t.Error("the charges are not in the order of time")
		}
	})
}

func TestSimulateStartsOverWhenTheCursorIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newFakePortal(t, 60, noon)
		p.spendable[1] = 1e9
		p.advertise(1, "serving", 100, 1e9)
		p.advertise(2, "serving", 100, 1e9)
		p.faults["serving"] = func(call int) fakeFault {
			if call == 2 {
				return fakeFault{status: 410}
			}
			return fakeFault{}
		}
		stop := p.start(20)
		wait(20 * time.Second)
		p.mu.Lock()
		delete(p.campaigns, 2) // no cursor tells this
		p.mu.Unlock()
		wait(20 * time.Second)
		gone := p.now()
		wait(time.Minute)
		if err := stop(); err != nil {
			t.Error(err)
		}
		want := []string{"", "after=1&wait=25", "", "after=1&wait=25"}
		if diff := cmp.Diff(want, p.queries[:min(4, len(p.queries))]); diff != "" {
			t.Error(diff)
		}
		played := false
		for _, c := range p.charges {
			played = played || c.ChargedAt.After(gone) && c.CampaignID == 1
			if c.ChargedAt.After(gone) && c.CampaignID == 2 {
				t.Fatal("a campaign that is not in the whole list is played")
			}
		}
		if !played {
			t.Error("nothing is played after the start over")
		}
	})
}

func TestSimulateRefusedKeyEndsIt(t *testing.T) {
	for _, name := range []string{"serving", "keywords", "charges", "results"} {
		for _, status := range []int{401, 403} {
			t.Run(fmt.Sprint(name, status), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					p := newFakePortal(t, 60, noon)
					p.spendable[1] = 1e9
					p.advertise(1, "serving", 100, 1e9)
					p.faults[name] = func(int) fakeFault { return fakeFault{status: status, detail: "The key was revoked."} }
					stop := p.start(20)
					wait(time.Minute)
					calls := p.callsOf(name)
					err := stop()
					if err == nil || !strings.Contains(err.Error(), "refuses the API key") || !strings.Contains(err.Error(), "The key was revoked.") {
						t.Errorf("got %v", err)
					}
					if calls != 1 {
						t.Errorf("%d calls of %s", calls, name)
					}
				})
			})
		}
	}
}

func TestSimulateWaitsForAPortalThatIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newFakePortal(t, 60, noon)
		p.spendable[1] = 1e9
		p.advertise(1, "serving", 100, 1e9)
		began := time.Now()
		down := func(int) fakeFault { return fakeFault{lost: time.Since(began) < 10*time.Minute} }
		p.faults["serving"], p.faults["keywords"] = down, down
		stop := p.start(20)
		wait(9 * time.Minute)
		stopped := time.Now()
		if err := stop(); err != nil || time.Since(stopped) > time.Millisecond {
			t.Errorf("it stops after %s: %v", time.Since(stopped), err)
		}
		if n := p.callsOf("serving"); n < 15 || n > 30 {
			t.Errorf("%d polls in nine minutes of a portal that is down", n)
		}
		p.play(20, 3*time.Minute)
		if p.costOf(1) == 0 {
			t.Error("nothing is played on a portal that is back")
		}
	})
}

// Answers that lead nowhere are neither believed nor asked for without end.
func TestSimulateSurvivesAnswersOfNoUse(t *testing.T) {
	for _, row := range []struct{ name, text string }{
		{"serving", `{"campaigns":[]}`}, {"serving", `{"cursor":"1","campaigns":[{`}, {"serving", `<html>`},
		{"keywords", `{"keywords":[],"next":0}`}, {"keywords", `{"keywords":[{"keyword_id":1`}, {"charges", `{"accepted":`},
	} {
		t.Run(row.name+" "+row.text, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newFakePortal(t, 60, noon)
				p.spendable[1] = 1e9
				p.advertise(1, "serving", 100, 1e9)
				began := time.Now()
				p.faults[row.name] = func(int) fakeFault {
					if time.Since(began) < time.Minute {
						return fakeFault{text: row.text}
					}
					return fakeFault{}
				}
				stop := p.start(20)
				wait(time.Minute)
				if n := p.callsOf(row.name); n > 15 || len(p.clicks()) > 0 {
					t.Errorf("%d calls of %s in a minute, %d clicks", n, row.name, len(p.clicks()))
				}
				wait(2 * time.Minute)
				if err := stop(); err != nil || p.costOf(1) == 0 {
					t.Errorf("not played afterwards: %v", err)
				}
			})
		})
	}
}

// The portal's clock may leap: what is made up for is an hour at most.
func TestSimulateLeapOfTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newFakePortal(t, 1, noon)
		p.spendable[1] = 1e12
		p.advertise(1, "serving", 100, 1e12)
		stop := p.start(20)
		wait(10 * time.Second)
		p.mu.Lock()
		p.base = p.base.Add(8 * time.Hour)
		p.mu.Unlock()
		wait(time.Minute)
		if err := stop(); err != nil {
			t.Error(err)
		}
		leap := 0
		for _, c := range p.charges {
			if c.ChargedAt.After(noon.Add(time.Minute)) && c.ChargedAt.Before(noon.Add(7*time.Hour)) {
				t.Fatalf("a click at %s", c.ChargedAt)
			}
			if c.ChargedAt.Before(noon.Add(8 * time.Hour)) {
				leap++
			}
		}
		if leap < 20 {
			t.Errorf("%d clicks in the hour that is made up for", leap)
		}
	})
}

func TestSimulateResultsAreSumsOfTheHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newFakePortal(t, 60, noon.Add(5*time.Minute))
		p.spendable[1] = 1e9
		p.advertise(1, "serving", 100, 1e9)
		p.play(50, 146*time.Second+100*time.Millisecond) // to 14:31, and no further than the last report
		type figures struct{ Clicks, Orders int64 }
		charged, reported := map[string]figures{}, map[string]figures{}
		last := p.now().Add(-6 * time.Minute)
		for _, c := range p.charges {
			key := fmt.Sprintf("%d %s", c.KeywordID, c.ChargedAt.Truncate(time.Hour))
			charged[key] = figures{Clicks: charged[key].Clicks + 1}
		}
		hours, orders := map[time.Time]int64{}, int64(0)
		for key, row := range p.results {
			if row.Hour.Add(time.Hour).Before(last) {
				reported[key] = figures{Clicks: row.Clicks}
			} else {
				delete(charged, key)
			}
			hours[row.Hour] += row.Impressions
			orders += row.Orders
			if row.Impressions <= row.Clicks || row.Clicks < row.Orders || (row.Orders > 0) != (row.OrderAmountFen >= row.Orders*19_00) {
				t.Errorf("odd figures: %+v", row)
			}
		}
		if diff := cmp.Diff(charged, reported); diff != "" {
			t.Errorf("clicks that were charged (-) and reported (+) for the hours that are over:\n%s", diff)
		}
		if len(hours) != 3 || orders == 0 || hours[noon.Add(time.Hour)] > 2*hours[noon] {
			t.Errorf("impressions by hour %v, %d orders", hours, orders)
		}
		if len(p.posted) < 20 {
			t.Errorf("%d reports", len(p.posted))
		}
	})
}

func TestSimulateReadsEveryPageOfKeywordsAndNewBids(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newFakePortal(t, 60, noon)
		p.spendable[1] = 1e12
		p.advertise(1, "serving", 100, 1e12)
		p.keywords = nil
		for id := range int64(2500) {
			p.keywords = append(p.keywords, keywordBid{KeywordID: id + 1, CampaignID: 1, BidFen: 180, Quality: 8})
		}
		stop := p.start(1)
		wait(20 * time.Second)
		p.mu.Lock()
		for i := range p.keywords {
			p.keywords[i].BidFen = 3
		}
		p.mu.Unlock()
		wait(20 * time.Second)
		lowered := p.now()
		wait(20 * time.Second)
		if err := stop(); err != nil {
			t.Error(err)
		}
		highest, cheap := int64(0), 0
		for _, c := range p.charges {
			highest = max(highest, c.KeywordID)
			if c.ChargedAt.After(lowered) {
				cheap++
				if c.AmountFen > 3 {
					t.Fatalf("a click for %d fen at a bid of 3", c.AmountFen)
				}
			}
		}
		if highest <= 2000 || cheap == 0 {
			t.Errorf("the highest keyword that was clicked is %d; %d clicks at the new bid", highest, cheap)
		}
	})
}

// Over a real network: a connection that breaks in the middle of an answer, and
// a stop while the portal holds a poll and a body of charges.
func TestSimulateOverTheNetworkStopsAtOnce(t *testing.T) {
	p := newFakePortal(t, 3600, noon)
	p.spendable[1] = 1e9
	p.advertise(1, "serving", 100, 1e9)
	hold := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		bodies := len(p.bodies)
		p.mu.Unlock()
		switch {
		case strings.HasSuffix(r.URL.Path, "/charges") && bodies == 4:
			io.Copy(io.Discard, r.Body)
			select {
			case hold <- struct{}{}:
			case <-r.Context().Done():
			}
			<-r.Context().Done()
		case p.handle(w, r):
			panic(http.ErrAbortHandler)
		}
	}))
	defer server.Close()
	p.faults["charges"] = func(call int) fakeFault { return fakeFault{lost: call == 1, late: call == 1} }
	sim, err := newSimulator(simulatorConfig{URL: server.URL, Key: "key-1", Rate: 20, Speed: 3600, Seed: 7, Tick: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- sim.run(ctx) }()
	select {
	case <-hold:
	case err := <-ended:
		t.Fatalf("ended before it was stopped: %v", err)
	case <-time.After(20 * time.Second):
		t.Fatal("four bodies did not come")
	}
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(2 * time.Second):
		t.Fatal("it does not stop")
	}
	if p.bodies[1].text != p.bodies[2].text || p.bodies[2].text == p.bodies[3].text {
		t.Error("the body whose answer was lost was not sent again, once")
	}
}

func TestSimulateReadsServingAsAStream(t *testing.T) {
	answer, err := readServing(strings.NewReader(`{"later":{"a":[1]},"campaigns":[{"campaign_id":1,"account_id":2,"delivery_state":"serving","share_percent":3,"budget_left_fen":-4,"spendable_fen":5,"x":6},{"campaign_id":7}],"cursor":"17"}`))
	want := []servingCampaign{{1, 2, "serving", 3, -4, 5, ""}, {CampaignID: 7}}
	if diff := cmp.Diff(want, answer.campaigns); diff != "" || answer.cursor != "17" || err != nil {
		t.Errorf("%s\ncursor %q, %v", diff, answer.cursor, err)
	}
	for _, broken := range []string{``, `[]`, `{"cursor":"17","campaigns":[{"campaign_id":1},`, `{"campaigns":{}}`, `{"campaigns":[{"campaign_id":"1"}]}`, `{"cursor":"17"`} {
		if _, err := readServing(strings.NewReader(broken)); err == nil {
			t.Errorf("%q is taken for an answer", broken)
		}
	}
}

func TestSimulateClockFollowsTheDateHeader(t *testing.T) {
	real := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	clock := &portalClock{speed: 60}
	if _, known := clock.at(real); known {
		t.Error("the time is known before the first answer")
	}
	for _, step := range []struct {
		date  string
		took  time.Duration // from the request to the answer
		after time.Duration // of real time, since the start
		want  time.Duration // of portal time, since noon
	}{
		{"Tue, 24 Nov 2026 04:00:00 GMT", 0, 0, 0},
		{"", 0, 10 * time.Second, 10 * time.Minute},
		{"not a date", 0, 11 * time.Second, 11 * time.Minute},
		{"Tue, 24 Nov 2026 04:20:00 GMT", 0, 12 * time.Second, 20 * time.Minute}, // ahead of our reckoning
		{"", 0, 13 * time.Second, 21 * time.Minute},
		{"Tue, 24 Nov 2026 04:19:59 GMT", 0, 14 * time.Second, 21 * time.Minute}, // behind: we wait
		{"", 0, 15 * time.Second, 21 * time.Minute},
		{"", 0, 17 * time.Second, 23 * time.Minute},
		{"Tue, 24 Nov 2026 04:23:59 GMT", 0, 18 * time.Second, 24 * time.Minute},               // a second cut off
		{"Tue, 24 Nov 2026 04:24:00 GMT", 5 * time.Second, 23 * time.Second, 29 * time.Minute}, // as the request came
		{"Tue, 24 Nov 2026 04:33:00 GMT", 5 * time.Second, 24 * time.Second, 33 * time.Minute}, // as the answer went
		{"", 0, 25 * time.Second, 34 * time.Minute},
	} {
		if step.date != "" {
			clock.learn(step.date, real.Add(step.after-step.took), real.Add(step.after))
		}
		if got, known := clock.at(real.Add(step.after)); !known || got.Sub(noon) != step.want {
			t.Errorf("%q after %s: %s, want %s after noon", step.date, step.after, got.Sub(noon), step.want)
		}
	}
}

func TestSimulateChargeIDsAscend(t *testing.T) {
	version7 := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	var ids chargeIDs
	last := ""
	at := time.UnixMilli(0x0123456789ab)
	for i := range 10_000 { // more than the counter of one millisecond holds
		id := ids.next(at)
		if !version7.MatchString(id) || id <= last || i == 0 && !strings.HasPrefix(id, "01234567-89ab-7000-") {
			t.Fatalf("%s after %q", id, last)
		}
		last = id
	}
	if id := ids.next(at.Add(-time.Hour)); id <= last {
		t.Errorf("%s after %s, when the clock was set back", id, last)
	}
	if id := ids.next(at.Add(time.Hour)); id[:13] != fmt.Sprintf("%08x-%04x", (0x0123456789ab+3600_000)>>16, (0x0123456789ab+3600_000)&0xffff) {
		t.Errorf("%s does not hold its time", id)
	}
}

func TestSimulatedClickPrice(t *testing.T) {
	for _, row := range []struct{ bid, quality, next, want int64 }{
		{180, 9, 900, 101}, {180, 9, 908, 101}, {180, 9, 909, 102}, {180, 9, 1619, 180}, {180, 9, 1620, 180}, {180, 9, 99999, 180},
		{180, 9, 0, 1}, {1, 10, 0, 1}, {1, 1, 500, 1}, {300, 6, 900, 151}, {300, 10, 900, 91},
	} {
		if got := clickPrice(row.bid, row.quality, row.next); got != row.want {
			t.Errorf("bid %d, quality %d, next score %d: %d fen, want %d", row.bid, row.quality, row.next, got, row.want)
		}
	}
	model := newTraffic(1, 3)
	for range 100_000 {
		k := keywordBid{KeywordID: rand.Int64N(1000), BidFen: 1 + rand.Int64N(500), Quality: 1 + rand.Int64N(10)}
		if c := model.click(k, 0, time.Second); c.priceFen < 1 || c.priceFen > k.BidFen || c.at < 0 || c.at >= time.Second {
			t.Fatalf("%+v: %+v", k, c)
		}
	}
}

func TestSimulatedRankByScore(t *testing.T) {
	m := market{topScore: 1000}
	for _, row := range []struct {
		score, level int64
		before       int
		next         int64
	}{
		{1001, 1000, 0, 1000}, {1000, 1000, 1, 570}, {571, 1000, 1, 570}, {570, 1000, 2, 390}, {171, 1000, 7, 170}, {170, 1000, 8, 0}, {1, 1000, 8, 0},
		{1000, 900, 0, 900}, {1000, 1100, 1, 627},
	} {
		if before, next := m.rank(row.score, row.level); before != row.before || next != row.next {
			t.Errorf("score %d at level %d: %d before it and %d behind, want %d and %d", row.score, row.level, before, next, row.before, row.next)
		}
	}
}

func TestSimulatedQualityPays(t *testing.T) {
	var clicks, price, orders [11]float64
	for quality := int64(1); quality <= 10; quality++ {
		model, sum := newTraffic(1, uint64(quality)), int64(0)
		for id := range int64(400) {
			k := keywordBid{KeywordID: id + 1, BidFen: 180, Quality: quality}
			impressions, chance := model.expect(k, noon, 24*time.Hour, 100)
			clicks[quality] += impressions * chance
			if quality > 1 {
				k.Quality--
				if i, c := model.expect(k, noon, 24*time.Hour, 100); i*c >= impressions*chance {
					t.Errorf("keyword %d has %.1f clicks at quality %d and %.1f at %d", k.KeywordID, i*c, quality-1, impressions*chance, quality)
				}
			}
			k.Quality = quality
			for range 100 {
				c := model.click(k, 0, time.Hour)
				sum += c.priceFen
				orders[quality] += float64(min(c.orderFen, 1))
			}
		}
		price[quality] = float64(sum) / (400 * 100)
	}
	for _, pair := range [][2]int{{3, 6}, {5, 7}, {6, 8}, {7, 9}, {8, 10}} {
		low, high := pair[0], pair[1]
		if price[high] >= price[low] || clicks[high] <= clicks[low] || orders[high] <= orders[low] {
			t.Errorf("quality %d: %.0f clicks at %.1f fen, %.0f orders; quality %d: %.0f at %.1f fen, %.0f orders",
				low, clicks[low], price[low], orders[low], high, clicks[high], price[high], orders[high])
		}
	}
}

func TestSimulatedHoursOfTheDay(t *testing.T) {
	sum := int64(0)
	for _, share := range hourShare {
		sum += share
	}
	if sum != 1000 {
		t.Errorf("the hours make up %d thousandths of the day", sum)
	}
	midnight := time.Date(2026, 11, 24, 0, 0, 0, 0, shanghaiZone)
	model, k := newTraffic(100, 5), keywordBid{KeywordID: 4, BidFen: 200, Quality: 8}
	impressions := [24]int64{}
	for day := range 3 {
		for hour := range 24 {
			looks, clicks := model.draw(nil, 0, k, midnight.AddDate(0, 0, day).Add(time.Duration(hour)*time.Hour).UTC(), time.Hour, 100)
			impressions[hour] += looks + int64(len(clicks))
		}
	}
	for _, peak := range []int{10, 11, 20, 21, 22} {
		for _, other := range []int{2, 4, 7, 14, 17, 23} {
			if impressions[peak] <= impressions[other] {
				t.Errorf("%d impressions in hour %d, %d in hour %d", impressions[peak], peak, impressions[other], other)
			}
		}
	}
	if ratio := float64(impressions[21]) / float64(impressions[3]); ratio < 13 || ratio > 18 {
		t.Errorf("the evening is %.1f times the night", ratio)
	}
}

// demoCampaigns are the demo's campaigns of two or three keywords.
func demoCampaigns(t *testing.T) map[string][]keywordBid {
	t.Helper()
	text, err := os.ReadFile("models/seed.json")
	if err != nil {
		t.Fatal(err)
	}
	var demo struct {
		Sellers []struct {
			Campaigns []struct {
				Name     string
				Keywords [][3]any
			}
		}
	}
	if err := json.Unmarshal(text, &demo); err != nil {
		t.Fatal(err)
	}
	found := map[string][]keywordBid{}
	for _, seller := range demo.Sellers {
		for _, c := range seller.Campaigns {
			for _, k := range c.Keywords {
				if len(c.Keywords) > 1 {
					found[c.Name] = append(found[c.Name], keywordBid{CampaignID: 1, BidFen: int64(k[1].(float64)), Quality: int64(k[2].(float64))})
				}
			}
		}
	}
	return found
}

// boardOf is one campaign of account 1 that serves.
func boardOf(budgetFen, spendableFen int64, keywords ...keywordBid) *board {
	b := newBoard()
	b.replace([]servingCampaign{{1, 1, "serving", 100, budgetFen, spendableFen, ""}})
	b.setKeywords(map[int64][]keywordBid{1: keywords})
	return b
}

func costOf(charges []charge) (fen int64) {
	for _, c := range charges {
		fen += c.AmountFen
	}
	return fen
}

func TestSimulatedDayCostsWhatTheDemoSpends(t *testing.T) {
	campaigns := demoCampaigns(t)
	if len(campaigns) < 7 {
		t.Fatalf("the demo has %d campaigns of more than one keyword", len(campaigns))
	}
	const days = 60
	for name, keywords := range campaigns {
		total, outside := int64(0), 0
		for day := range int64(days) { // each day with other keyword ids
			for i := range keywords {
				keywords[i].KeywordID = 3*day + int64(i) + 1
			}
			charges, _ := boardOf(1e9, 1e9, keywords...).play(newTraffic(1, uint64(day)), newTally(), noon, noon.Add(24*time.Hour), 1e6)
			cost := costOf(charges)
			total += cost
			if cost < 60_00 || cost > 250_00 {
				outside++
			}
		}
		if mean := total / days; mean < 75_00 || mean > 220_00 || outside > days/8 {
			t.Errorf("%s costs %d fen a day; %d of %d days cost less than 60 or more than 250 yuan", name, mean, outside, days)
		}
	}
}

func TestSimulatedTrafficFollowsFromTheSeed(t *testing.T) {
	draw := func(seed uint64) []charge {
		b := boardOf(1e9, 1e9, keywordBid{1, 1, 180, 8}, keywordBid{2, 1, 240, 7})
		model, counted := newTraffic(1, seed), newTally()
		var all []charge
		for at := noon; at.Before(noon.Add(6 * time.Hour)); at = at.Add(7 * time.Minute) {
			charges, _ := b.play(model, counted, at, at.Add(7*time.Minute), 1e6)
			all = append(all, charges...)
		}
		return all
	}
	same := cmp.AllowUnexported(charge{})
	if diff := cmp.Diff(draw(1), draw(1), same); diff != "" || len(draw(1)) < 10 {
		t.Errorf("%d clicks; the same seed draws differently: %s", len(draw(1)), diff)
	}
	if cmp.Equal(draw(1), draw(2), same) {
		t.Error("another seed draws the same")
	}
}

func TestSimulatedPoisson(t *testing.T) {
	model := newTraffic(1, 11)
	for _, mean := range []float64{0.01, 0.7, 12, 99, 101, 5000} {
		const draws = 40_000
		sum, squares := 0.0, 0.0
		for range draws {
			n := float64(model.poisson(mean))
			sum += n
			squares += n * n
		}
		average := sum / draws
		variance := squares/draws - average*average
		if off := 5 * math.Sqrt(mean/draws); math.Abs(average-mean) > off || math.Abs(variance/mean-1) > 0.1 && mean > 0.5 {
			t.Errorf("mean %v: drawn %v on average, with a variance of %v", mean, average, variance)
		}
	}
}

func TestSimulatedBoardSpendsNoMoreThanIsLeft(t *testing.T) {
	k := []keywordBid{{1, 1, 180, 8}, {2, 1, 180, 8}}
	for _, row := range []struct{ budget, spendable int64 }{{500, 1e9}, {1e9, 500}, {500, 400}, {1, 1}, {0, 1e9}, {1e9, 0}, {1e9, -300}} {
		b, model, counted := boardOf(row.budget, row.spendable, k...), newTraffic(100, 1), newTally()
		left := max(0, min(row.budget, row.spendable))
		charges, usedUp := b.play(model, counted, noon, noon.Add(90*time.Minute), 1e6)
		cost := costOf(charges)
		if !usedUp || cost < left || cost > 0 && cost-charges[len(charges)-1].AmountFen >= left {
			t.Errorf("%+v: %d fen were charged in %d clicks, used up %v", row, cost, len(charges), usedUp)
		}
		if more, _ := b.play(model, counted, noon.Add(90*time.Minute), noon.Add(3*time.Hour), 1e6); len(more) > 0 {
			t.Errorf("%+v: %d clicks when nothing is left", row, len(more))
		}
		for _, r := range counted.unreported() {
			if r.Impressions > 2000 {
				t.Errorf("%+v: seen %d times, as if it had not been taken down", row, r.Impressions)
			}
		}
	}
}

// Two campaigns share the account's money; only one has it all.
func TestSimulatedBoardSharesTheAccountsMoney(t *testing.T) {
	b := newBoard()
	b.replace([]servingCampaign{{1, 1, "serving", 100, 1e9, 600, ""}, {2, 1, "serving", 100, 1e9, 600, ""}, {3, 2, "serving", 100, 1e9, 1e9, ""}})
	b.setKeywords(map[int64][]keywordBid{1: {{1, 1, 180, 8}}, 2: {{2, 2, 180, 8}}, 3: {{3, 3, 180, 8}}})
	cost := map[int64]int64{}
	charges, _ := b.play(newTraffic(100, 1), newTally(), noon, noon.Add(2*time.Hour), 1e6)
	for _, c := range charges {
		cost[c.accountID] += c.AmountFen
	}
	if cost[1] < 600 || cost[1] >= 780 || cost[2] < 5000 {
		t.Errorf("account 1 with 600 fen was charged %d, account 2 %d", cost[1], cost[2])
	}
}

// An answer that the portal gave before it had our charges is not believed whole.
func TestSimulatedBoardTakesUnansweredChargesOffAnAnswer(t *testing.T) {
	b := boardOf(1000, 5000, keywordBid{1, 1, 180, 8})
	charges, _ := b.play(newTraffic(100, 1), newTally(), noon, noon.Add(10*time.Minute), 3)
	cost := costOf(charges)
	answer := servingCampaign{1, 1, "serving", 100, 1000, 900, ""}
	b.change([]servingCampaign{answer})
	if left := b.left(b.campaigns[1]); cost == 0 || left != 900-cost {
		t.Errorf("of 900 fen, with %d on their way, %d are left", cost, left)
	}
	answer.BudgetLeftFen = 800
	b.change([]servingCampaign{answer})
	if left := b.left(b.campaigns[1]); left != 800-cost {
		t.Errorf("of a budget of 800 fen, with %d on their way, %d are left", cost, left)
	}
	answer.BudgetLeftFen = 1000
	b.answered(charges)
	b.change([]servingCampaign{answer})
	if left := b.left(b.campaigns[1]); left != 900 || len(b.unanswered) != 0 {
		t.Errorf("of 900 fen, with nothing on its way, %d are left (%v)", left, b.unanswered)
	}
	b.change([]servingCampaign{{1, 1, "serving", 100, 700, 900, ""}})
	if left := b.left(b.campaigns[1]); left != 700 {
		t.Errorf("of a budget of 700 fen, %d are left", left)
	}
}

// Nothing is shown in a half hour of factor 0, and a click costs no more than the
// bid times the factor. noon is that of a Tuesday.
func TestSimulatedBoardFollowsTheSchedule(t *testing.T) {
	b := newBoard()
	b.replace([]servingCampaign{{1, 1, "serving", 100, 1e9, 1e9, "100*73,0*1,50*262"}})
	b.setKeywords(map[int64][]keywordBid{1: {{1, 1, 180, 8}}})
	charges, _ := b.play(newTraffic(300, 1), newTally(), noon, noon.Add(2*time.Hour), 1e6)
	var clicks [4]int
	most := int64(0)
	for _, c := range charges {
		slot := int(c.ChargedAt.Sub(noon) / (30 * time.Minute))
		clicks[slot]++
		if slot > 1 {
			most = max(most, c.AmountFen)
		}
	}
	if clicks[0] < 20 || clicks[1] != 0 || clicks[2] < 20 || clicks[3] < 20 || most > 90 {
		t.Errorf("clicks by half hour are %v, the dearest after the second costs %d fen", clicks, most)
	}
	for schedule, want := range map[string]int64{"": 100, "nonsense": 100, "100*73,0*x": 100, "100*73,0*1,50*262": 0, "130*336": 130} {
		if got := (servingCampaign{Schedule: schedule}).factorAt(noon.Add(45 * time.Minute)); got != want {
			t.Errorf("%q: %d, want %d", schedule, got, want)
		}
	}
}

// A step with more clicks than there is room for goes on with the others next time.
func TestSimulatedBoardHasRoom(t *testing.T) {
	b, keywords, campaigns := newBoard(), map[int64][]keywordBid{}, []servingCampaign{}
	for id := range int64(20) {
		campaigns = append(campaigns, servingCampaign{id, 1, "serving", 100, 1e9, 1e9, ""})
		keywords[id] = []keywordBid{{id, id, 180, 8}}
	}
	b.replace(campaigns)
	b.setKeywords(keywords)
	model, counted, played := newTraffic(100, 1), newTally(), map[int64]bool{}
	for step := range 20 {
		charges, _ := b.play(model, counted, noon.Add(time.Duration(step)*time.Hour), noon.Add(time.Duration(step+1)*time.Hour), 500)
		if len(charges) > 500+1000 {
			t.Fatalf("%d clicks in a step with room for 500", len(charges))
		}
		for _, c := range charges {
			played[c.CampaignID] = true
		}
	}
	if len(played) != 20 {
		t.Errorf("%d of 20 campaigns were played", len(played))
	}
}

func TestSimulatedTallyForgetsHoursThatAreReported(t *testing.T) {
	counted, k := newTally(), keywordBid{KeywordID: 5, CampaignID: 1}
	counted.add(k, noon.Add(59*time.Minute), result{Impressions: 3, Clicks: 1})
	counted.add(k, noon, result{Impressions: 2})
	counted.add(k, noon.Add(time.Hour), result{Impressions: 1, Clicks: 1, Orders: 1, OrderAmountFen: 99})
	counted.add(k, noon, result{})
	want := []result{
		{CampaignID: 1, KeywordID: 5, Hour: noon, Impressions: 5, Clicks: 1},
		{CampaignID: 1, KeywordID: 5, Hour: noon.Add(time.Hour), Impressions: 1, Clicks: 1, Orders: 1, OrderAmountFen: 99},
	}
	if diff := cmp.Diff(want, counted.unreported()); diff != "" {
		t.Error(diff)
	}
	counted.reported(want[1:], noon.Add(61*time.Minute))
	if diff := cmp.Diff(want[:1], counted.unreported()); diff != "" {
		t.Error(diff)
	}
	counted.reported(want[:1], noon.Add(61*time.Minute))
	if len(counted.unreported()) != 0 || len(counted.rows) != 1 {
		t.Errorf("%d hours are kept, want the one that runs", len(counted.rows))
	}
	counted.add(k, noon.Add(62*time.Minute), result{Impressions: 1})
	if rows := counted.unreported(); len(rows) != 1 || rows[0].Impressions != 2 || rows[0].Clicks != 1 {
		t.Errorf("%+v", rows)
	}
	counted.reported(nil, noon.Add(3*time.Hour))
	if len(counted.unreported()) != 1 {
		t.Error("an hour that is over was forgotten before it was reported")
	}
}

func TestSimulateReadsTheKey(t *testing.T) {
	for text, want := range map[string]string{"key-1\n": "key-1", " key-1 \r\nmore": "key-1", "key-1": "key-1", "": "", "\n": ""} {
		if got, err := readKey(strings.NewReader(text)); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}

func TestSimulateConfigurationFaultsAreNamed(t *testing.T) {
	_, err := newSimulator(simulatorConfig{URL: "localhost:8080", Key: "a b", Rate: -1, Speed: math.NaN()})
	for _, word := range []string{"URL", "API key", "rate", "speed"} {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("no word of the %s: %v", word, err)
		}
	}
	if _, err := newSimulator(simulatorConfig{URL: "http://localhost:8080", Key: "k"}); err != nil {
		t.Errorf("the least configuration: %v", err)
	}
	if err := simulate(t.Context(), Settings{Addr: "127.0.0.1:8080"}, []string{"key-1"}); err == nil || !strings.Contains(err.Error(), "standard input") {
		t.Errorf("a key as an argument: %v", err)
	}
}
