package models

import (
	"context"
	"maps"
	"slices"
	"time"

	"ztc-portal/models/bulk"
)

// Result is what the engine reports of one campaign, keyword and hour: the
// whole hour so far, not what was added since the last report.
type Result struct {
	CampaignID     int64
	KeywordID      int64     // 0: what belongs to no keyword
	HourAt         time.Time // the instant at which the hour begins
	Impressions    int64
	Clicks         int64
	Orders         int64
	OrderAmountFen Fen
	Quality        *int64 // the keyword's by now, 1–10; nil: not told
}

// What one body of results may be.
const (
	MaxResultBatch  = 5000
	maxResultCount  = 1_000_000_000
	maxResultAmount = 100_000_000 * Yuan
	maxResultAge    = 31 * 24 * time.Hour
)

// ResultOutcome says what became of a body: each item counts once.
type ResultOutcome struct {
	Accepted int
	Rejected []Rejection
}

// Codes that only results have.
const (
	RejectNotAnHour RejectCode = "not_an_hour" // the instant is not one at which an hour begins
	RejectTwice     RejectCode = "twice"       // the same campaign, keyword and hour stand later in the body
	RejectQuality   RejectCode = "quality_out_of_range"
)

// ResultCodes lists every code an item of results may be rejected with.
var ResultCodes = []RejectCode{RejectMalformed, RejectUnknownCampaign, RejectUnknownKeyword, RejectNotAnHour, RejectFuture, RejectTooOld, RejectTwice, RejectQuality}

// refusal is the rule of what a result must be; "" is none.
func (r Result) refusal(now time.Time) RejectCode {
	within := func(n, most int64) bool { return n >= 0 && n <= most }
	switch {
	case r.CampaignID <= 0 || r.KeywordID < 0 || r.HourAt.IsZero() || !within(r.Impressions, maxResultCount) || !within(r.Clicks, maxResultCount) ||
		!within(r.Orders, maxResultCount) || !within(int64(r.OrderAmountFen), int64(maxResultAmount)) || r.Quality != nil && r.KeywordID == 0:
		return RejectMalformed
	case r.Quality != nil && (*r.Quality < minQuality || *r.Quality > maxQuality):
		return RejectQuality
	case !r.HourAt.Equal(r.HourAt.Truncate(time.Hour)):
		return RejectNotAnHour
	case r.HourAt.After(now.Add(maxChargeAhead)):
		return RejectFuture
	case r.HourAt.Before(now.Add(-maxResultAge)):
		return RejectTooOld
	}
	return ""
}

// hourKey is what a result is kept by; the hour is counted from 1970.
type hourKey struct{ campaign, keyword, hour int64 }

func (r Result) key() hourKey { return hourKey{r.CampaignID, r.KeywordID, r.HourAt.Unix() / 3600} }

// figures are the four measures, in the order of resultColumns.
func (r Result) figures() measures {
	return measures{r.Impressions, r.Clicks, r.Orders, int64(r.OrderAmountFen)}
}

var resultColumns = []string{"impressions", "result_clicks", "orders", "order_amount_fen"}

// PutResults takes a body of results: the newest word of each campaign, keyword
// and hour stands, and the rollups follow by the difference. Each item is judged
// by itself; sent again, a body changes nothing. Invalid: more than MaxResultBatch.
func (s *Store) PutResults(ctx context.Context, results []Result) (ResultOutcome, error) {
	var outcome ResultOutcome
	if len(results) > MaxResultBatch {
		return outcome, &Error{Code: Invalid, Key: "error.results.too_many"}
	}
	accountOf, campaignOf, err := s.ownersOfResults(ctx, results)
	if err != nil {
		return outcome, err
	}
	codes, last := make([]RejectCode, len(results)), make(map[hourKey]int, len(results))
	now := s.Now()
	for i, r := range results {
		_, known := accountOf[r.CampaignID]
		codes[i] = r.refusal(now)
		switch {
		case codes[i] != "":
		case !known:
			codes[i] = RejectUnknownCampaign
		case r.KeywordID > 0 && campaignOf[r.KeywordID] != r.CampaignID:
			codes[i] = RejectUnknownKeyword
		default:
			last[r.key()] = i
		}
	}
	taken := make(map[int64][]Result) // by account
	for i, r := range results {
		if codes[i] == "" && last[r.key()] != i {
			codes[i] = RejectTwice
		}
		if codes[i] != "" {
			outcome.Rejected = append(outcome.Rejected, Rejection{i, codes[i]})
			continue
		}
		taken[accountOf[r.CampaignID]] = append(taken[accountOf[r.CampaignID]], r)
		outcome.Accepted++
	}
	if outcome.Accepted == 0 {
		return outcome, nil
	}
	return outcome, s.inTx(ctx, func(t *tx) error { return t.storeResults(taken) })
}

// ownersOfResults reads whose the campaigns and keywords of a body are.
func (s *Store) ownersOfResults(ctx context.Context, results []Result) (accountOf, campaignOf map[int64]int64, err error) {
	campaigns, keywords := make([]int64, 0, len(results)), make([]int64, 0, len(results))
	for _, r := range results {
		campaigns = append(campaigns, r.CampaignID)
		if r.KeywordID > 0 {
			keywords = append(keywords, r.KeywordID)
		}
	}
	return s.ownersOf(ctx, campaigns, keywords)
}

// storeResults writes the rows and adds what they differ by to the rollups.
func (t *tx) storeResults(taken map[int64][]Result) error {
	accounts := slices.Sorted(maps.Keys(taken))
	if _, err := t.lockAccounts(accounts); err != nil {
		return err
	}
	var all []Result
	for _, account := range accounts {
		all = append(all, taken[account]...)
	}
	conn := bulk.On(t.DB)
	before, err := standing(conn, all)
	if err != nil {
		return err
	}
	if err := t.storeQualities(conn, all); err != nil {
		return err
	}
	sums := newRollups(resultColumns...)
	var fresh []Result
	for _, account := range accounts {
		for _, r := range taken[account] {
			was, now := before[r.key()], r.figures()
			if _, stands := before[r.key()]; stands && was == now {
				continue
			}
			fresh = append(fresh, r)
			for i := range now {
				now[i] -= was[i]
			}
			sums.add(account, r.CampaignID, r.KeywordID, r.HourAt, now)
		}
	}
	if err := t.writeResults(conn, fresh); err != nil {
		return err
	}
	for _, r := range sums.all() {
		if err := r.correct(conn); err != nil {
			return err
		}
	}
	return nil
}

// standing reads what stands of the campaigns, keywords and hours of results.
func standing(conn bulk.Conn, results []Result) (map[hourKey]measures, error) {
	stands := make(map[hourKey]measures, len(results))
	const figures = "results.campaign_id, results.keyword_id, results.hour_at, impressions, clicks, orders, order_amount_fen"
	return stands, conn.Match(figures, "results", len(results), keysOf(results), func(scan bulk.Scan) error {
		var key hourKey
		var at time.Time
		var m measures
		err := scan(&key.campaign, &key.keyword, &at, &m[0], &m[1], &m[2], &m[3])
		key.hour = at.Unix() / 3600
		stands[key] = m
		return err
	})
}

// keysOf are the columns that name results.
func keysOf(results []Result) []bulk.Column {
	n := len(results)
	campaigns, keywords, hours := make([]int64, n), make([]int64, n), make([]time.Time, n)
	for i, r := range results {
		campaigns[i], keywords[i], hours[i] = r.CampaignID, r.KeywordID, r.HourAt.UTC()
	}
	return []bulk.Column{{Name: "campaign_id", Values: campaigns}, {Name: "keyword_id", Values: keywords}, {Name: "hour_at", Values: hours}}
}

func (t *tx) writeResults(conn bulk.Conn, results []Result) error {
	var figures [4][]int64
	for _, r := range results {
		for j, value := range r.figures() {
			figures[j] = append(figures[j], value)
		}
	}
	return conn.Insert("results", len(results), append(keysOf(results), []bulk.Column{
		{Name: "impressions", Values: figures[0]}, {Name: "clicks", Values: figures[1]}, {Name: "orders", Values: figures[2]},
		{Name: "order_amount_fen", Values: figures[3]}, {Name: "received_at", Values: t.now},
	}...), `ON CONFLICT (campaign_id, keyword_id, hour_at) DO UPDATE SET impressions = excluded.impressions, clicks = excluded.clicks,
		orders = excluded.orders, order_amount_fen = excluded.order_amount_fen, received_at = excluded.received_at`, nil)
}
