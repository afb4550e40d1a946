package models

import (
	"context"
	"slices"
	"sync"

	"ztc-portal/models/bulk"
)

// owners remembers which account a campaign is of, and which campaign a keyword:
// that never changes, so what was read once need not be read for each click.
type owners struct {
	campaigns, keywords memory
}

// memory is a table of owners by id that forgets all when it is full.
type memory struct {
	mu sync.RWMutex
	of map[int64]int64
}

// remembered bounds one memory: a few MiB.
const remembered = 100_000

// find adds the owners that are known to found, and gives the ids that are not.
func (m *memory) find(ids []int64, found map[int64]int64) (unknown []int64) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for _, id := range ids {
		if owner, ok := m.of[id]; ok {
			found[id] = owner
		} else {
			unknown = append(unknown, id)
		}
	}
	slices.Sort(unknown)
	return slices.Compact(unknown)
}

func (m *memory) keep(found map[int64]int64, ids []int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.of == nil || len(m.of)+len(ids) > remembered {
		m.of = make(map[int64]int64)
	}
	for _, id := range ids {
		if owner, ok := found[id]; ok {
			m.of[id] = owner
		}
	}
}

// ownersOf tells whose account each campaign is, and whose campaign each keyword;
// an id that does not exist is in neither.
func (s *Store) ownersOf(ctx context.Context, campaigns, keywords []int64) (accountOf, campaignOf map[int64]int64, err error) {
	conn := bulk.On(s.read.WithContext(ctx))
	if accountOf, err = s.owners.campaigns.read(conn, "SELECT id, account_id FROM campaigns WHERE %s", campaigns); err != nil {
		return nil, nil, err
	}
	campaignOf, err = s.owners.keywords.read(conn, "SELECT id, campaign_id FROM keywords WHERE %s", keywords)
	return accountOf, campaignOf, err
}

// read gives the owners of ids, from the memory or else by the query.
func (m *memory) read(conn bulk.Conn, query string, ids []int64) (map[int64]int64, error) {
	found := make(map[int64]int64, len(ids))
	unknown := m.find(ids, found)
	if len(unknown) == 0 {
		return found, nil
	}
	err := conn.Select(query, "id", unknown, func(scan bulk.Scan) error {
		var id, owner int64
		err := scan(&id, &owner)
		found[id] = owner
		return err
	})
	if err == nil {
		m.keep(found, unknown)
	}
	return found, err
}
