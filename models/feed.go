package models

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"ztc-portal/models/bulk"
)

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
	query := "SELECT " + fmt.Sprintf(servingColumns, DayOn(now)) + " WHERE c.id > $1 ORDER BY c.id LIMIT $2"
	for last, more := int64(0), true; more; {
		var page []ServingCampaign
		err := bulk.On(s.read.WithContext(ctx)).Query(query, []any{last, ServingPage}, func(scan bulk.Scan) error {
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
	query := fmt.Sprintf("SELECT "+servingColumns+" WHERE s.seq > $1 ORDER BY s.seq LIMIT $2", DayOn(now))
	err = bulk.On(s.read.WithContext(ctx)).Query(query, []any{after, ServingPage}, func(scan bulk.Scan) error {
		row, seq, err := scanServing(scan, now)
		campaigns, cursor = append(campaigns, row.state), seq
		return err
	})
	return campaigns, cursor, err
}

// otherReplicas is how often this process looks for changes that another one
// made, while anybody waits.
const otherReplicas = 400 * time.Millisecond

// AwaitServing returns when there is a change after the cursor, or the context
// ends: then with nil too, since nothing went wrong.
func (s *Store) AwaitServing(ctx context.Context, after int64) error {
	defer s.feed.watch(s)()
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
		case <-ctx.Done():
			return nil
		}
	}
}

// feed wakes those who wait for a change: at once for one that this process
// makes, and by one look at the database for all who wait for those of others.
type feed struct {
	mu       sync.Mutex
	next     chan struct{}
	watchers int
	stop     context.CancelFunc // ends the looking; set while there are watchers
}

// watch counts one who waits, and looks for the changes of others while there
// is any; the function that it gives counts that one out.
func (f *feed) watch(s *Store) (leave func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.watchers++; f.watchers == 1 {
		ctx, cancel := context.WithCancel(context.Background())
		f.stop = cancel
		go f.look(ctx, s)
	}
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.watchers--; f.watchers == 0 {
			f.stop()
		}
	}
}

// look wakes everybody whenever the last number has changed. What can't be read
// now is read the next time.
func (f *feed) look(ctx context.Context, s *Store) {
	last := int64(-1)
	for ctx.Err() == nil {
		if seq, err := s.ServingCursor(ctx); err == nil && seq != last {
			last = seq
			f.wake()
		}
		select {
		case <-time.After(otherReplicas):
		case <-ctx.Done():
		}
	}
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
	KeywordID  int64     `json:"keyword_id"`
	CampaignID int64     `json:"campaign_id"`
	Phrase     string    `json:"phrase"`
	MatchType  MatchType `json:"match_type"`
	BidFen     Fen       `json:"bid_fen"`
	Quality    int       `json:"quality"`
}

// EngineKeywordsPage is how many keywords are given at once.
const EngineKeywordsPage = 1000

// EngineKeywords lists what campaigns that have not ended bid on, keywords that
// are neither switched off nor removed, by ascending id after the one given. next
// is the id to go on after, 0 at the end.
func (s *Store) EngineKeywords(ctx context.Context, after int64) (keywords []EngineKeyword, next int64, err error) {
	keywords = []EngineKeyword{}
	err = s.read.WithContext(ctx).Raw(`SELECT k.id AS keyword_id, k.campaign_id, k.phrase, k.match_type, k.bid_fen, k.quality FROM keywords k
		JOIN campaigns c ON c.id = k.campaign_id WHERE k.id > ? AND c.ended_at IS NULL AND k.switched_on AND k.removed_at IS NULL ORDER BY k.id LIMIT ?`, after, EngineKeywordsPage).Scan(&keywords).Error
	if len(keywords) == EngineKeywordsPage {
		next = keywords[len(keywords)-1].KeywordID
	}
	return keywords, next, err
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
