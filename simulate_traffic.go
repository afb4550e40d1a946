package main

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// This file is the pure half of the simulator: how buyers search, see, click
// and buy, and what may be spent on them. It reads no clock and knows no
// network; the same seed and the same stretches of time give the same traffic.

// shanghaiZone is the zone of the traffic's day; it has no summer time.
var shanghaiZone = time.FixedZone("Asia/Shanghai", 8*60*60)

// hourShare is a day's traffic by hour in Asia/Shanghai, in thousandths of the
// day: people shop before lunch, and most of all in the evening.
var hourShare = [24]int64{
	22, 12, 7, 5, 5, 8, 15, 26, 40, 54, 66, 64,
	52, 50, 52, 53, 50, 45, 48, 60, 75, 78, 70, 43,
}

// rungs are the competing scores (bid × quality) on one keyword, best first, in
// thousandths of the best. They thin out towards the top: who stands higher has
// more room below, so that quality makes a click cheaper and not only likelier.
var rungs = [...]int64{1000, 570, 390, 300, 250, 215, 190, 170}

// shownAt and clickedAt say, by rank, in how many of a thousand searches an ad
// is seen there, and how much of the best rank's chance of a click is left.
var (
	shownAt   = [len(rungs) + 1]int64{950, 900, 840, 780, 700, 610, 520, 430, 340}
	clickedAt = [len(rungs) + 1]int64{1000, 930, 870, 810, 750, 690, 630, 570, 510}
)

// keywordBid is a keyword as the API gives it.
type keywordBid struct {
	KeywordID  int64 `json:"keyword_id"`
	CampaignID int64 `json:"campaign_id"`
	BidFen     int64 `json:"bid_fen"`
	Quality    int64 `json:"quality"`
}

// market is what stands behind a keyword. It follows from the keyword's id
// alone, so that it stays the same from run to run.
type market struct {
	searchesADay int64
	topScore     int64 // bid in fen × quality of the strongest competitor
	priceFen     int64 // of what the ad sells
}

func marketOf(keywordID int64) market {
	hash := scatter(uint64(keywordID))
	within := func(low, high uint64) int64 {
		hash = scatter(hash)
		return int64(low + hash%(high-low))
	}
	return market{within(1200, 1900), within(600, 1500), within(19_00, 149_00)}
}

// scatter spreads an integer over all 64 bits (the finish of SplitMix64).
func scatter(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// rank says how many competitors stand before a score, and the score of the one
// behind it, 0 if there is none. The competitors' bids stand at levelThousandths
// of their usual height.
func (m market) rank(score, levelThousandths int64) (before int, next int64) {
	for i, rung := range rungs {
		if its := m.topScore * rung * levelThousandths / 1_000_000; its < score {
			return i, its
		}
	}
	return len(rungs), 0
}

// clickPrice is what a click costs: just enough to stay before the next one,
// never more than the bid, never less than one fen.
func clickPrice(bidFen, quality, nextScore int64) int64 {
	return max(1, min(bidFen, nextScore/quality+1))
}

// clickChance and orderChance rise with quality.
func clickChance(quality int64, rank int) float64 {
	return float64(min(9+3*quality, 60)) / 1000 * float64(clickedAt[rank]) / 1000
}

func orderChance(quality int64) float64 {
	return float64(min(10+4*quality, 100)) / 1000
}

// traffic draws what buyers do.
type traffic struct {
	rate   float64 // multiplies the searches
	random *rand.Rand
}

func newTraffic(rate float64, seed uint64) *traffic {
	return &traffic{rate: rate, random: rand.New(rand.NewPCG(seed, 0x7a7463))}
}

// click is one click, and the order that came of it, 0 fen if none did.
type click struct {
	keyword  int // index among the campaign's keywords
	at       time.Duration
	priceFen int64
	orderFen int64
}

// expect is how many impressions a keyword has on average in a stretch of time
// that lies within one hour, and how likely each is to be clicked.
func (t *traffic) expect(k keywordBid, start time.Time, span time.Duration, sharePercent int64) (impressions, chance float64) {
	if k.BidFen < 1 || k.Quality < 1 {
		return 0, 0
	}
	m := marketOf(k.KeywordID)
	rank, _ := m.rank(k.BidFen*k.Quality, 1000)
	searches := float64(m.searchesADay*hourShare[start.In(shanghaiZone).Hour()]) / 1000 * span.Hours() * t.rate
	return searches * float64(sharePercent) / 100 * float64(shownAt[rank]) / 1000, clickChance(k.Quality, rank)
}

// draw gives the looks a keyword has without a click in a stretch of time within
// one hour, and adds its clicks to those of the campaign. The two are drawn
// apart: Poisson draws whose sum is the Poisson draw of all impressions.
func (t *traffic) draw(clicks []click, index int, k keywordBid, start time.Time, span time.Duration, sharePercent int64) (looks int64, _ []click) {
	mean, chance := t.expect(k, start, span, sharePercent)
	if mean <= 0 {
		return 0, clicks
	}
	for range t.poisson(mean * chance) {
		clicks = append(clicks, t.click(k, index, span))
	}
	return t.poisson(mean * (1 - chance)), clicks
}

// click draws one click. The competitors' bids move a little from search to search.
func (t *traffic) click(k keywordBid, index int, span time.Duration) click {
	m := marketOf(k.KeywordID)
	_, next := m.rank(k.BidFen*k.Quality, 850+t.random.Int64N(301))
	c := click{keyword: index, at: time.Duration(t.random.Int64N(int64(span))), priceFen: clickPrice(k.BidFen, k.Quality, next)}
	if t.random.Float64() < orderChance(k.Quality) {
		c.orderFen = m.priceFen * max(1, t.random.Int64N(5)-1) // one piece, sometimes two or three
	}
	return c
}

// poisson draws a number of events of the given mean.
func (t *traffic) poisson(mean float64) int64 {
	if mean > 100 { // the normal distribution is as good, and needs one draw
		return max(0, int64(math.Round(mean+math.Sqrt(mean)*t.random.NormFloat64())))
	}
	none := math.Exp(-mean)
	count := int64(0)
	for product := t.random.Float64(); product > none; product *= t.random.Float64() {
		count++
	}
	return count
}

// servingCampaign is a campaign as the API gives it. BudgetLeftFen goes on
// falling here, with what we charge after the answer.
type servingCampaign struct {
	CampaignID    int64  `json:"campaign_id"`
	AccountID     int64  `json:"account_id"`
	DeliveryState string `json:"delivery_state"`
	SharePercent  int64  `json:"share_percent"`
	BudgetLeftFen int64  `json:"budget_left_fen"`
	SpendableFen  int64  `json:"spendable_fen"`
	Schedule      string `json:"schedule"` // bid factors by half hour of the week
}

// shown says whether buyers may see the campaign.
func (c servingCampaign) shown() bool {
	return (c.DeliveryState == "serving" || c.DeliveryState == "recovering") && c.SharePercent > 0
}

// factorAt is the bid factor in percent of the half hour in which an instant
// lies; one that can't be read is 100.
func (c servingCampaign) factorAt(at time.Time) int64 {
	if c.Schedule == "" {
		return 100
	}
	local := at.In(shanghaiZone)
	slot := (int(local.Weekday())+6)%7*48 + local.Hour()*2 + local.Minute()/30 // a week begins on Monday
	for run := range strings.SplitSeq(c.Schedule, ",") {
		percent, count, _ := strings.Cut(run, "*")
		factor, err := strconv.ParseInt(percent, 10, 64)
		n, err2 := strconv.Atoi(count)
		if err != nil || err2 != nil {
			break
		}
		if slot -= n; slot < 0 {
			return factor
		}
	}
	return 100
}

// board is what the engine knows: the campaigns with their keywords and what
// each may still spend. An answer of the portal does not know the charges that
// are still on their way to it, so those are taken off what it says.
type board struct {
	mu         sync.Mutex
	campaigns  map[int64]*servingCampaign
	order      []int64                // campaign ids, ascending
	first      int                    // where in order the next stretch begins
	spendable  map[int64]int64        // by account, in fen
	keywords   map[int64][]keywordBid // by campaign, by ascending id
	unanswered map[purse]int64        // charged and not yet answered, in fen
}

// purse is a campaign's budget, or an account's money when campaignID is 0.
type purse struct{ accountID, campaignID int64 }

const halfHour = 30 * time.Minute

func newBoard() *board {
	return &board{campaigns: map[int64]*servingCampaign{}, spendable: map[int64]int64{}, unanswered: map[purse]int64{}}
}

// replace takes the whole list of campaigns; what is not in it is gone.
func (b *board) replace(campaigns []servingCampaign) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.campaigns, b.spendable = make(map[int64]*servingCampaign, len(campaigns)), map[int64]int64{}
	b.order, b.first = b.order[:0], 0
	b.take(campaigns)
}

// change takes campaigns that changed, and says how they stood before.
func (b *board) change(campaigns []servingCampaign) (before []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.take(campaigns)
}

func (b *board) take(campaigns []servingCampaign) (before []string) {
	known := len(b.order)
	for _, c := range campaigns {
		old := b.campaigns[c.CampaignID]
		if old == nil {
			old = &servingCampaign{}
			b.order = append(b.order, c.CampaignID)
		}
		before = append(before, old.DeliveryState)
		b.spendable[c.AccountID] = c.SpendableFen - b.unanswered[purse{c.AccountID, 0}]
		c.BudgetLeftFen -= b.unanswered[purse{c.AccountID, c.CampaignID}]
		b.campaigns[c.CampaignID] = &c
	}
	if len(b.order) > known {
		slices.Sort(b.order)
	}
	return before
}

func (b *board) setKeywords(byCampaign map[int64][]keywordBid) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.keywords = byCampaign
}

// answered forgets charges that the portal has taken or refused.
func (b *board) answered(charges []charge) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range charges {
		for _, p := range []purse{{c.accountID, 0}, {c.accountID, c.CampaignID}} {
			if b.unanswered[p] -= c.AmountFen; b.unanswered[p] == 0 {
				delete(b.unanswered, p)
			}
		}
	}
}

// play draws the traffic of a stretch of time for every campaign that may be
// shown, and counts it in the tally. At room charges it stops, and begins the
// next time where it stopped. Used up says that a campaign which the portal
// calls servable has nothing left by our count.
func (b *board) play(t *traffic, counted *tally, from, to time.Time, room int) (charges []charge, usedUp bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for start := from; start.Before(to); {
		end := start.Truncate(halfHour).Add(halfHour) // a schedule changes then
		if end.After(to) {
			end = to
		}
		first := b.first
		b.first = 0
		for i := range b.order {
			at := (first + i) % len(b.order)
			if len(charges) >= room {
				b.first = at
				break
			}
			if c := b.campaigns[b.order[at]]; c.shown() {
				charges = b.playCampaign(t, counted, charges, c, start, end.Sub(start))
				usedUp = usedUp || b.left(c) <= 0
			}
		}
		start = end
	}
	slices.SortStableFunc(charges, func(a, b charge) int { return a.ChargedAt.Compare(b.ChargedAt) })
	return charges, usedUp
}

// left is what the campaign may still spend.
func (b *board) left(c *servingCampaign) int64 {
	return min(c.BudgetLeftFen, b.spendable[c.AccountID])
}

// playCampaign adds the charges of one campaign. The ad is taken down at the
// click that uses up what is left; that click was shown before and is charged
// in full, which is how an account falls into arrears.
func (b *board) playCampaign(t *traffic, counted *tally, charges []charge, c *servingCampaign, start time.Time, span time.Duration) []charge {
	if b.left(c) <= 0 {
		return charges
	}
	keywords := b.keywords[c.CampaignID]
	if factor := c.factorAt(start); factor == 0 {
		return charges
	} else if factor != 100 {
		keywords = slices.Clone(keywords)
		for i := range keywords {
			keywords[i].BidFen = max(1, keywords[i].BidFen*factor/100)
		}
	}
	looks := make([]int64, len(keywords))
	var clicks []click
	for i, k := range keywords {
		looks[i], clicks = t.draw(clicks, i, k, start, span, c.SharePercent)
	}
	slices.SortStableFunc(clicks, func(a, b click) int { return cmp.Compare(a.at, b.at) })
	shownFor := span
	for _, click := range clicks {
		k := keywords[click.keyword]
		charges = append(charges, b.spend(c, k, click, start))
		counted.add(k, start, result{Impressions: 1, Clicks: 1, Orders: min(click.orderFen, 1), OrderAmountFen: click.orderFen})
		if b.left(c) <= 0 {
			shownFor = click.at
			break
		}
	}
	for i, k := range keywords {
		seen := float64(looks[i]) * float64(shownFor) / float64(span)
		counted.add(k, start, result{Impressions: int64(seen)})
	}
	return charges
}

// spend charges a click to the campaign's budget and the account's money.
func (b *board) spend(c *servingCampaign, k keywordBid, click click, start time.Time) charge {
	c.BudgetLeftFen -= click.priceFen
	b.spendable[c.AccountID] -= click.priceFen
	b.unanswered[purse{c.AccountID, 0}] += click.priceFen
	b.unanswered[purse{c.AccountID, c.CampaignID}] += click.priceFen
	return charge{
		CampaignID: c.CampaignID, KeywordID: k.KeywordID, AmountFen: click.priceFen,
		ChargedAt: start.Add(click.at).UTC().Truncate(time.Millisecond), accountID: c.AccountID,
	}
}

// charge is a click as the API takes it.
type charge struct {
	ChargeID   string    `json:"charge_id"`
	CampaignID int64     `json:"campaign_id"`
	KeywordID  int64     `json:"keyword_id"`
	AmountFen  int64     `json:"amount_fen"`
	ChargedAt  time.Time `json:"charged_at"`

	accountID int64
}

// result is what an ad had in one hour, as the API takes it: the whole of the
// hour so far.
type result struct {
	CampaignID     int64     `json:"campaign_id"`
	KeywordID      int64     `json:"keyword_id"`
	Hour           time.Time `json:"hour"`
	Impressions    int64     `json:"impressions"`
	Clicks         int64     `json:"clicks"`
	Orders         int64     `json:"orders"`
	OrderAmountFen int64     `json:"order_amount_fen"`
	Quality        *int64    `json:"quality,omitempty"` // now and then
}

// tally counts results by keyword and hour, and knows which of them changed
// since they were last reported.
type tally struct {
	rows    map[tallyKey]*result
	changed map[tallyKey]bool
}

type tallyKey struct {
	keywordID, campaignID int64
	hour                  time.Time
}

func newTally() *tally {
	return &tally{rows: map[tallyKey]*result{}, changed: map[tallyKey]bool{}}
}

// add counts more of what a keyword had in the hour of an instant.
func (t *tally) add(k keywordBid, at time.Time, more result) {
	if more.Impressions == 0 {
		return
	}
	key := tallyKey{k.KeywordID, k.CampaignID, at.UTC().Truncate(time.Hour)}
	row := t.rows[key]
	if row == nil {
		row = &result{CampaignID: k.CampaignID, KeywordID: k.KeywordID, Hour: key.hour}
		t.rows[key] = row
	}
	row.Impressions += more.Impressions
	row.Clicks += more.Clicks
	row.Orders += more.Orders
	row.OrderAmountFen += more.OrderAmountFen
	t.changed[key] = true
}

// unreported lists the results that changed, by hour, campaign and keyword.
func (t *tally) unreported() []result {
	var rows []result
	for key := range t.changed {
		rows = append(rows, *t.rows[key])
	}
	slices.SortFunc(rows, func(a, b result) int {
		return cmp.Or(a.Hour.Compare(b.Hour), cmp.Compare(a.CampaignID, b.CampaignID), cmp.Compare(a.KeywordID, b.KeywordID))
	})
	return rows
}

// reported forgets that rows changed, and the rows of hours that are over at now.
func (t *tally) reported(rows []result, now time.Time) {
	for _, row := range rows {
		delete(t.changed, tallyKey{row.KeywordID, row.CampaignID, row.Hour})
	}
	for key := range t.rows {
		if !t.changed[key] && !key.hour.Add(time.Hour).After(now) {
			delete(t.rows, key)
		}
	}
}
