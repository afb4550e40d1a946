package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds of the simulator, in real time unless the comment says otherwise.
const (
	pollPause         = 100 * time.Millisecond // between polls, whatever the answer
	keywordsEvery     = 30 * time.Second
	recheckEvery      = 15 * time.Second // the whole list again, at most
	progressEvery     = 30 * time.Second
	resultsEveryTicks = 5
	firstWait         = 500 * time.Millisecond // before a call is made again
	longestWait       = 30 * time.Second
	longestRetryAfter = 10 * time.Minute
	stepMost          = time.Hour // of portal time in one tick, unless two ticks take more
	chargesPerBody    = 1000
	resultsPerBody    = 5000
	chargesPerTick    = 50_000
	keywordPagesMost  = 10_000
	keyBytesMost      = 4 << 10
	factorMost        = 100_000 // for the rate and the speed
	changesLogged     = 10      // of one answer
)

// simulate plays an ad engine on the portal's HTTP API. The key comes by
// standard input, so that it stands in no list of processes.
func simulate(ctx context.Context, s Settings, args []string) error {
	flags := flag.NewFlagSet("simulate", flag.ContinueOnError)
	address := flags.String("url", localURL(s.Addr), "where the portal is")
	factor := flags.Float64("rate", 1, "how much more traffic than usual")
	speed := flags.Float64("speed", float64(max(1, s.ClockSpeed)), "how much faster than real time the portal's clock runs")
	seed := flags.Uint64("seed", 0, "the same seed draws the same traffic; 0 draws a seed")
	length := flags.Duration("for", 0, "stop after this time; 0 goes on until it is interrupted")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("there is no argument %q; the API key is read from standard input", flags.Arg(0))
	}
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	fmt.Fprint(os.Stderr, "API key: ")
	key, err := readKey(os.Stdin)
	if err != nil {
		return err
	}
	log := newLog(s)
	sim, err := newSimulator(simulatorConfig{URL: *address, Key: key, Rate: *factor, Speed: *speed, Seed: *seed, Log: log})
	if err != nil {
		return err
	}
	log.Info("playing an ad engine", "portal", *address, "rate", *factor, "speed", *speed, "seed", *seed)
	if *length > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, *length)
		defer stop()
	}
	return sim.run(ctx)
}

// readKey reads the API key, one line.
func readKey(from io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(from, keyBytesMost)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the API key: %w", err)
	}
	key := strings.TrimSpace(line)
	if key == "" {
		return "", errors.New("no API key on standard input; say: ztc-portal apikey create --name engine | ztc-portal simulate")
	}
	return key, nil
}

// simulatorConfig says where and how to play. Zero values of Rate, Speed, Tick,
// Log and Client stand for 1, 1, a second, no log and a client of our own.
type simulatorConfig struct {
	URL, Key    string
	Rate, Speed float64
	Seed        uint64
	Tick        time.Duration
	Log         *slog.Logger
	Client      *http.Client
}

// faults names everything that is wrong with the configuration.
func (c simulatorConfig) faults() error {
	var errs []error
	if u, err := url.Parse(c.URL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		errs = append(errs, fmt.Errorf("the URL %q is not http://… or https://…", c.URL))
	}
	if c.Key == "" || strings.ContainsFunc(c.Key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		errs = append(errs, errors.New("the API key is empty or holds other than visible ASCII characters"))
	}
	for name, factor := range map[string]float64{"rate": c.Rate, "speed": c.Speed} {
		if !(factor > 0 && factor <= factorMost) {
			errs = append(errs, fmt.Errorf("the %s is %v; it lies above 0 and is %d at most", name, factor, factorMost))
		}
	}
	return errors.Join(errs...)
}

// simulator plays an ad engine: it reads who may be shown, draws the buyers, and
// reports clicks and results.
type simulator struct {
	api     *portalAPI
	clock   *portalClock
	board   *board
	traffic *traffic
	log     *slog.Logger
	tick    time.Duration
	speed   float64

	startOver atomic.Bool // the next poll asks for all campaigns
	pollMu    sync.Mutex
	interrupt context.CancelFunc // of a poll that waits for changes

	// What follows belongs to play alone.
	counted   *tally
	judged    qualities
	ids       chargeIDs
	played    time.Time // portal time up to which traffic was drawn
	ticks     int
	rechecked time.Time
	told      time.Time
	clicks    int64
	costFen   int64
}

func newSimulator(c simulatorConfig) (*simulator, error) {
	if c.Rate == 0 {
		c.Rate = 1
	}
	if c.Speed == 0 {
		c.Speed = 1
	}
	if c.Tick <= 0 {
		c.Tick = time.Second
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Client == nil {
		c.Client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	if err := c.faults(); err != nil {
		return nil, err
	}
	clock := &portalClock{speed: c.Speed}
	return &simulator{
		api:   &portalAPI{base: strings.TrimRight(c.URL, "/"), key: c.Key, client: c.Client, clock: clock},
		clock: clock, board: newBoard(), traffic: newTraffic(c.Rate, c.Seed), counted: newTally(), judged: qualities{},
		log: c.Log, tick: c.Tick, speed: c.Speed, interrupt: func() {},
	}, nil
}

// run plays until the context ends, and then returns nil. A portal that is down
// is waited for; one that refuses the key ends the run with an error.
func (s *simulator) run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	parts := []func(context.Context) error{s.followServing, s.followKeywords, s.play}
	refused := make(chan error, len(parts))
	var wg sync.WaitGroup
	for _, part := range parts {
		wg.Go(func() {
			if err := part(ctx); err != nil {
				refused <- err
				stop()
			}
		})
	}
	wg.Wait()
	select {
	case err := <-refused:
		return fmt.Errorf("the portal refuses the API key: %w", err)
	default:
		return nil
	}
}

// followServing keeps the board's campaigns as the portal says.
func (s *simulator) followServing(ctx context.Context) error {
	for cursor := ""; ctx.Err() == nil; pause(ctx, pollPause) {
		poll, interrupt := context.WithCancel(ctx)
		s.interruptBy(interrupt)
		if s.startOver.Swap(false) {
			cursor = ""
		}
		if cursor == "" {
			s.interruptBy(func() {}) // or a long list might never come to its end
		}
		var answer servingAnswer
		_, err := s.insist(poll, "serving", func(ctx context.Context) (err error) {
			answer, err = s.api.serving(ctx, cursor)
			return err
		})
		interrupted := poll.Err() != nil
		interrupt()
		switch {
		case err == nil && answer.cursor != "":
			s.apply(cursor == "", answer)
			cursor = answer.cursor
		case ctx.Err() != nil || interrupted:
		case refusesKey(err):
			return err
		case cursor != "" && isStatus(err, http.StatusGone):
			s.log.Info("the portal does not know the cursor any more; all campaigns are read again", "cursor", cursor)
			cursor = ""
		default:
			s.log.Error("the portal's answer is of no use", "request", "serving", "why", err)
			cursor = ""
			pause(ctx, longestWait)
		}
	}
	return nil
}

// apply brings an answer onto the board.
func (s *simulator) apply(whole bool, answer servingAnswer) {
	if whole {
		s.board.replace(answer.campaigns)
		s.log.Info("all campaigns were read", "campaigns", len(answer.campaigns))
		return
	}
	before := s.board.change(answer.campaigns)
	for i, c := range answer.campaigns[:min(len(answer.campaigns), changesLogged)] {
		s.log.Info("a campaign changed", "campaign_id", c.CampaignID, "from", before[i], "to", c.DeliveryState,
			"share_percent", c.SharePercent, "budget_left_fen", c.BudgetLeftFen, "spendable_fen", c.SpendableFen)
	}
	if more := len(answer.campaigns) - changesLogged; more > 0 {
		s.log.Info("more campaigns changed", "campaigns", more)
	}
}

// interruptBy says how the poll that now begins is interrupted.
func (s *simulator) interruptBy(interrupt context.CancelFunc) {
	s.pollMu.Lock()
	defer s.pollMu.Unlock()
	s.interrupt = interrupt
}

// recheck has all campaigns read again, soon.
func (s *simulator) recheck() {
	s.startOver.Store(true)
	s.pollMu.Lock()
	defer s.pollMu.Unlock()
	s.interrupt()
}

// followKeywords reads all keywords now and then: sellers change their bids.
func (s *simulator) followKeywords(ctx context.Context) error {
	for ; ctx.Err() == nil; pause(ctx, keywordsEvery) {
		byCampaign, err := s.readKeywords(ctx)
		switch {
		case err == nil:
			s.board.setKeywords(byCampaign)
		case ctx.Err() != nil:
		case refusesKey(err):
			return err
		default:
			s.log.Error("the portal's answer is of no use", "request", "keywords", "why", err)
		}
	}
	return nil
}

// readKeywords reads all keywords, page by page.
func (s *simulator) readKeywords(ctx context.Context) (map[int64][]keywordBid, error) {
	byCampaign := map[int64][]keywordBid{}
	after := int64(0)
	for range keywordPagesMost {
		var page keywordPage
		_, err := s.insist(ctx, "keywords", func(ctx context.Context) (err error) {
			page, err = s.api.keywords(ctx, after)
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, k := range page.Keywords {
			byCampaign[k.CampaignID] = append(byCampaign[k.CampaignID], k)
		}
		if page.Next == nil {
			return byCampaign, nil
		}
		if *page.Next <= after {
			return nil, fmt.Errorf("the page after keyword %d is followed by the page after %d", after, *page.Next)
		}
		after = *page.Next
	}
	return nil, fmt.Errorf("there are more than %d pages", keywordPagesMost)
}

// play draws traffic tick by tick and reports it.
func (s *simulator) play(ctx context.Context) error {
	ticker := time.NewTicker(s.tick)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		if err := s.step(ctx); err != nil {
			return err
		}
	}
}

// step draws and reports the traffic since the last step. While the portal does
// not answer there is none, and none is made up for afterwards.
func (s *simulator) step(ctx context.Context) error {
	now, known := s.clock.at(time.Now())
	if !known {
		return nil
	}
	from := s.played
	s.played = now
	if from.IsZero() {
		return nil
	}
	if most := max(stepMost, time.Duration(2*float64(s.tick)*s.speed)); now.Sub(from) > most {
		from = now.Add(-most)
	}
	charges, usedUp := s.board.play(s.traffic, s.counted, from, now, chargesPerTick)
	for i := range charges {
		charges[i].ChargeID = s.ids.next(time.Now())
	}
	delayed, err := s.sendCharges(ctx, charges)
	if err != nil {
		return err
	}
	if s.ticks++; s.ticks%resultsEveryTicks == 0 {
		late, err := s.sendResults(ctx, now)
		if err != nil {
			return err
		}
		delayed = delayed || late
	}
	if delayed {
		s.played, _ = s.clock.at(time.Now())
	}
	if newDay := dayOf(from) != dayOf(now); newDay || usedUp && time.Since(s.rechecked) >= recheckEvery {
		s.rechecked = time.Now()
		s.recheck() // budgets begin anew, or our own count is off
	}
	s.tell(now)
	return nil
}

// dayOf is the day of an instant in Asia/Shanghai, on which budgets turn.
func dayOf(at time.Time) int { return at.In(shanghaiZone).YearDay() }

// tell says now and then how it goes.
func (s *simulator) tell(now time.Time) {
	if time.Since(s.told) < progressEvery {
		return
	}
	s.told = time.Now()
	s.log.Info("traffic so far", "portal_time", now.Format(time.RFC3339), "clicks_sent", s.clicks, "cost_sent_fen", s.costFen)
}

// sendCharges sends the charges in order, each body until it is answered.
func (s *simulator) sendCharges(ctx context.Context, charges []charge) (delayed bool, err error) {
	for body := range slices.Chunk(charges, chargesPerBody) {
		late, err := s.send(ctx, "charges", body)
		if err != nil || ctx.Err() != nil {
			return late, err
		}
		s.board.answered(body)
		delayed = delayed || late
		for _, c := range body {
			s.costFen += c.AmountFen
		}
		s.clicks += int64(len(body))
	}
	return delayed, nil
}

// sendResults sends the results that changed.
func (s *simulator) sendResults(ctx context.Context, now time.Time) (delayed bool, err error) {
	rows := s.counted.unreported()
	s.judged.tell(rows, s.board.qualityOf)
	for body := range slices.Chunk(rows, resultsPerBody) {
		late, err := s.send(ctx, "results", body)
		if err != nil || ctx.Err() != nil {
			return late, err
		}
		s.counted.reported(body, now)
		delayed = delayed || late
	}
	return delayed, nil
}

// send posts a list until it is answered. A list that is refused as a whole is
// given up, since it would be refused again; the one error is a refused key.
func (s *simulator) send(ctx context.Context, what string, list any) (delayed bool, err error) {
	body, err := json.Marshal(list)
	if err != nil {
		return false, err
	}
	var answer batchAnswer
	delayed, err = s.insist(ctx, what, func(ctx context.Context) (err error) {
		answer, err = s.api.post(ctx, what, body)
		return err
	})
	switch {
	case refusesKey(err):
		return delayed, err
	case err != nil && ctx.Err() == nil:
		s.log.Error("the portal refuses what was sent; it is given up", "request", what, "why", err)
	case len(answer.Rejected) > 0:
		first := answer.Rejected[0]
		s.log.Warn("items were rejected", "request", what, "items", len(answer.Rejected),
			"first_index", first.Index, "first_code", first.Code, "first_detail", first.Detail)
	}
	return delayed, nil
}

// insist calls until there is an answer. It waits as long as a full server
// asks, and else longer each time. Delayed says that one call was not enough.
func (s *simulator) insist(ctx context.Context, what string, call func(context.Context) error) (delayed bool, err error) {
	for wait := firstWait; ; wait = min(2*wait, longestWait) {
		err = call(ctx)
		var p *problem
		refused := errors.As(err, &p)
		if err == nil || ctx.Err() != nil || refused && p.final() {
			return delayed, err
		}
		delayed = true
		next := wait
		if refused && p.retryAfter > 0 {
			next = min(p.retryAfter, longestRetryAfter)
		}
		s.log.Warn("no answer; the same request goes out again", "request", what, "wait", next.String(), "why", err)
		if !pause(ctx, next) {
			return delayed, ctx.Err()
		}
	}
}

// pause waits, and says whether the context lasted.
func pause(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
