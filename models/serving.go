package models

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"gorm.io/gorm"

	"ztc-portal/models/bulk"
)

// ServingCampaign is what the ad engine is told of one campaign.
type ServingCampaign struct {
	CampaignID    int64         `json:"campaign_id"`
	AccountID     int64         `json:"account_id"`
	Delivery      DeliveryState `json:"delivery_state"`
	SharePercent  int           `json:"share_percent"`   // of its traffic that may be delivered: 0 unless serving or recovering
	BudgetLeftFen Fen           `json:"budget_left_fen"` // what is left of today's budget, never below 0
	SpendableFen  Fen           `json:"spendable_fen"`   // what its account may still spend, over all campaigns
}

// servingRow is a campaign with all that its delivery is derived from.
type servingRow struct {
	Campaign
	told  toldState
	state ServingCampaign
}

// toldState is what the engine was last told, "" where it never was.
type toldState struct {
	Delivery DeliveryState
	Share    int
	Budget   Fen
}

const servingColumns = `c.id, c.account_id, c.daily_budget_fen, c.switched_on, c.arrears_stopped_at, c.recovering_since, c.ended_at,
	a.frozen_at, cash.balance_fen, bonus.balance_fen, COALESCE(d.cost_fen, 0),
	COALESCE(s.delivery_state, ''), COALESCE(s.share_percent, 0), COALESCE(s.daily_budget_fen, 0), COALESCE(s.seq, 0)
	FROM campaigns c JOIN accounts a ON a.id = c.account_id
	JOIN ledger_accounts cash ON cash.id = a.cash_account_id
	JOIN ledger_accounts bonus ON bonus.id = a.bonus_account_id
	LEFT JOIN campaign_days d ON d.campaign_id = c.id AND d.day_on = '%s'
	LEFT JOIN serving_states s ON s.campaign_id = c.id`

// scanServing reads one row of servingColumns and derives its state now.
func scanServing(scan bulk.Scan, now time.Time) (row servingRow, seq int64, err error) {
	var a Account
	var f Funds
	var spent Fen
	c, told := &row.Campaign, &row.told
	err = scan(&c.ID, &c.AccountID, &c.DailyBudgetFen, &c.SwitchedOn, &c.ArrearsStoppedAt, &c.RecoveringSince, &c.EndedAt,
		&a.FrozenAt, &f.Cash, &f.Bonus, &spent, &told.Delivery, &told.Share, &told.Budget, &seq)
	state, share := c.Delivery(a, f, spent, now)
	row.state = ServingCampaign{c.ID, c.AccountID, state, share, max(0, c.DailyBudgetFen-spent), f.Spendable()}
	return row, seq, err
}

// touch marks an account of which something changed that its campaigns'
// delivery is derived from. What came of it is announced when the work is done.
func (t *tx) touch(accountID int64) {
	if t.touched == nil {
		t.touched = make(map[int64]bool)
	}
	t.touched[accountID] = true
}

// announce finds which campaigns of the touched accounts deliver otherwise than
// the engine was told, numbers those changes, and tells of them: in the feed,
// and by webhook where one is set. The number's row is locked last and until
// the commit, so numbers are seen in the order in which they were given. The
// caller holds the accounts' locks.
func (t *tx) announce() error {
	if len(t.touched) == 0 {
		return nil
	}
	conn := bulk.On(t.DB)
	query := "SELECT " + fmt.Sprintf(servingColumns, DayOn(t.now)) + " WHERE %s ORDER BY c.id"
	var changes []servingRow
	err := conn.Select(query, "c.account_id", slices.Sorted(maps.Keys(t.touched)), func(scan bulk.Scan) error {
		row, _, err := scanServing(scan, t.now)
		if row.told != (toldState{row.state.Delivery, row.state.SharePercent, row.DailyBudgetFen}) {
			changes = append(changes, row)
		}
		return err
	})
	if err != nil || len(changes) == 0 {
		return err
	}
	var last int64
	err = conn.Query(fmt.Sprintf("UPDATE serving_clock SET seq = seq + %d WHERE id = 1 RETURNING seq", len(changes)), nil,
		func(scan bulk.Scan) error { return scan(&last) })
	if err != nil {
		return err
	}
	t.announced = true
	if err := t.storeServing(conn, changes, last-int64(len(changes))); err != nil {
		return err
	}
	return t.tellByWebhook(changes, last)
}

func (t *tx) storeServing(conn bulk.Conn, changes []servingRow, before int64) error {
	n := len(changes)
	ids, seqs, shares, budgets := make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n)
	states := make([]string, n)
	for i, c := range changes {
		ids[i], seqs[i], states[i] = c.ID, before+int64(i)+1, string(c.state.Delivery)
		shares[i], budgets[i] = int64(c.state.SharePercent), int64(c.DailyBudgetFen)
	}
	return conn.Insert("serving_states", n, []bulk.Column{
		{Name: "campaign_id", Values: ids}, {Name: "seq", Values: seqs}, {Name: "delivery_state", Values: states},
		{Name: "share_percent", Values: shares}, {Name: "daily_budget_fen", Values: budgets}, {Name: "changed_at", Values: t.now},
	}, `ON CONFLICT (campaign_id) DO UPDATE SET seq = excluded.seq, delivery_state = excluded.delivery_state,
		share_percent = excluded.share_percent, daily_budget_fen = excluded.daily_budget_fen, changed_at = excluded.changed_at`, nil)
}

// AnnounceServing looks again at an account whose delivery changes with time
// alone: a step of the ramp, a new day.
func (s *Store) AnnounceServing(ctx context.Context, accountID int64) error {
	return s.inTx(ctx, func(t *tx) error {
		_, err := t.lockAccount(accountID)
		t.touch(accountID)
		return err
	})
}

// ServingPage is how many campaigns one answer about changes names at most; a
// whole snapshot is read by as many at a time.
const ServingPage = 5000

// ServingCursor is the number of the last change. Asked for before a snapshot
// is read, nothing that happens meanwhile is missed.
func (s *Store) ServingCursor(ctx context.Context) (int64, error) {
	var seq int64
	return seq, s.read.WithContext(ctx).Raw("SELECT seq FROM serving_clock WHERE id = 1").Scan(&seq).Error
}

// ServingAll gives every campaign as it stands now, by ascending id.
func (s *Store) ServingAll(ctx context.Context, each func(ServingCampaign) error) error {
	now := s.Now()
	query := "SELECT " + fmt.Sprintf(servingColumns, DayOn(now)) + " WHERE c.id > %d ORDER BY c.id LIMIT %d"
	for last, more := int64(0), true; more; {
		var page []ServingCampaign
		err := bulk.On(s.read.WithContext(ctx)).Query(fmt.Sprintf(query, last, ServingPage), nil, func(scan bulk.Scan) error {
			row, _, err := scanServing(scan, now)
			page = append(page, row.state)
			return err
		})
		if err != nil {
			return err
		}
		for _, campaign := range page {
			if err := each(campaign); err != nil {
				return err
			}
			last = campaign.CampaignID
		}
		more = len(page) == ServingPage
	}
	return nil
}

// ServingSince gives the campaigns that changed after the cursor, in the order
// of their changes, as they stand now, and the cursor that follows. NotFound:
// the cursor is none of ours; the caller begins again with ServingAll.
func (s *Store) ServingSince(ctx context.Context, after int64) ([]ServingCampaign, int64, error) {
	last, err := s.ServingCursor(ctx)
	if err == nil && (after < 0 || after > last) {
		err = notFound("cursor")
	}
	if err != nil {
		return nil, 0, err
	}
	now, cursor := s.Now(), after
	campaigns := []ServingCampaign{}
	query := fmt.Sprintf("SELECT "+servingColumns+" WHERE s.seq > %d ORDER BY s.seq LIMIT %d", DayOn(now), after, ServingPage)
	err = bulk.On(s.read.WithContext(ctx)).Query(query, nil, func(scan bulk.Scan) error {
		row, seq, err := scanServing(scan, now)
		campaigns, cursor = append(campaigns, row.state), seq
		return err
	})
	return campaigns, cursor, err
}

// otherReplicas is how often a waiting reader looks for changes that another
// process made.
const otherReplicas = 400 * time.Millisecond

// AwaitServing returns when there is a change after the cursor, or the context
// ends: then with nil too, since nothing went wrong.
func (s *Store) AwaitServing(ctx context.Context, after int64) error {
	for {
		changed := s.feed.changed()
		seq, err := s.ServingCursor(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil || seq > after:
			return err
		}
		select {
		case <-changed:
		case <-time.After(otherReplicas):
		case <-ctx.Done():
			return nil
		}
	}
}

// feed wakes those who wait for a change that this process makes.
type feed struct {
	mu   sync.Mutex
	next chan struct{}
}

func (f *feed) changed() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.next == nil {
		f.next = make(chan struct{})
	}
	return f.next
}

func (f *feed) wake() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.next != nil {
		close(f.next)
		f.next = nil
	}
}

// EngineKeyword is a keyword as the engine bids with it.
type EngineKeyword struct {
	KeywordID  int64  `json:"keyword_id"`
	CampaignID int64  `json:"campaign_id"`
	Phrase     string `json:"phrase"`
	BidFen     Fen    `json:"bid_fen"`
	Quality    int    `json:"quality"`
}

// EngineKeywordsPage is how many keywords are given at once.
const EngineKeywordsPage = 1000

// EngineKeywords lists the keywords of campaigns that have not ended, by
// ascending id after the one given. next is the id to go on after, 0 at the end.
func (s *Store) EngineKeywords(ctx context.Context, after int64) (keywords []EngineKeyword, next int64, err error) {
	keywords = []EngineKeyword{}
	err = s.read.WithContext(ctx).Raw(`SELECT k.id AS keyword_id, k.campaign_id, k.phrase, k.bid_fen, k.quality FROM keywords k
		JOIN campaigns c ON c.id = k.campaign_id WHERE k.id > ? AND c.ended_at IS NULL ORDER BY k.id LIMIT ?`, after, EngineKeywordsPage).Scan(&keywords).Error
	if len(keywords) == EngineKeywordsPage {
		next = keywords[len(keywords)-1].KeywordID
	}
	return keywords, next, err
}

// budgetReached notes that a campaign has used up its budget of today, and has
// the account looked at again when the next day begins. Of one that stands
// still anyway the timeline says nothing: its clicks only came in late.
func (t *tx) budgetReached(accountID, campaignID int64) error {
	var c Campaign
	if err := t.Take(&c, campaignID).Error; err != nil {
		return err
	}
	midnight := dayStart(t.now).AddDate(0, 0, 1)
	t.touch(accountID)
	t.then(Task{RenewBudgets{AccountID: accountID, Day: midnight}, midnight})
	if !c.SwitchedOn || c.EndedAt != nil || c.ArrearsStoppedAt != nil {
		return nil
	}
	return t.event(accountID, EventBudgetReached, EventArgs{AmountFen: c.DailyBudgetFen, Campaign: c.Name, Until: &midnight})
}

// RenewBudgets begins a new day for an account whose campaigns had reached
// their daily budgets: it notes on the timeline how many may deliver again, and
// tells the engine. day is the instant at which the day began; Conflict before
// it. A second call notes nothing.
func (s *Store) RenewBudgets(ctx context.Context, accountID int64, day time.Time) error {
	return s.inTx(ctx, func(t *tx) error {
		a, err := t.lockAccount(accountID)
		if err != nil {
			return err
		}
		if t.now.Before(day) {
			return conflict("error.day.not_begun", nil)
		}
		t.touch(accountID)
		f, err := t.funds(a)
		if err != nil || f.Spendable() <= 0 || a.FrozenAt != nil {
			return err
		}
		var noted accountEvent
		err = t.Take(&noted, "account_id = ? AND kind = ? AND at >= ?", accountID, EventBudgetRenewed, day).Error
		if !errors.Is(err, gorm.ErrRecordNotFound) {
			return err
		}
		var renewed int64
		err = t.Table("campaigns AS c").Joins("JOIN campaign_days d ON d.campaign_id = c.id AND d.day_on = ?", DayOn(day.Add(-time.Hour))).
			Where(`c.account_id = ? AND c.switched_on AND c.ended_at IS NULL AND c.arrears_stopped_at IS NULL
				AND d.cost_fen >= c.daily_budget_fen`, accountID).Count(&renewed).Error
		if err != nil || renewed == 0 {
			return err
		}
		return t.event(accountID, EventBudgetRenewed, EventArgs{Count: int(renewed)})
	})
}

// spentToday reads what a campaign has cost today.
func (t *tx) spentToday(campaignID int64) (Fen, error) {
	var day campaignDay
	err := t.Take(&day, "campaign_id = ? AND day_on = ?", campaignID, DayOn(t.now)).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		err = nil
	}
	return day.CostFen, err
}

// CursorText and ParseCursor are a cursor as the engine keeps it.
func CursorText(cursor int64) string { return strconv.FormatInt(cursor, 10) }

// ParseCursor reads a cursor; NotFound for one that is none.
func ParseCursor(text string) (int64, error) {
	cursor, err := strconv.ParseInt(text, 10, 64)
	if err != nil || cursor < 0 {
		return 0, notFound("cursor")
	}
	return cursor, nil
}
