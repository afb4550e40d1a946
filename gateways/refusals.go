package gateways

import (
	"sync"
	"time"
)

// maxRefusals is how many refused notifies of one address are kept a minute.
const maxRefusals = 60

// refusals counts refused notifies by address, for the minute that runs: each
// is stored raw, and nobody may fill the disk with them.
type refusals struct {
	mu     sync.Mutex
	minute time.Time
	count  map[string]int
}

// tooMany tells whether the address has had its share of this minute.
func (r *refusals) tooMany(address string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if minute := now.Truncate(time.Minute); !minute.Equal(r.minute) {
		r.minute, r.count = minute, map[string]int{}
	}
	return r.count[address] >= maxRefusals
}

func (r *refusals) add(address string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.count != nil {
		r.count[address]++
	}
}
