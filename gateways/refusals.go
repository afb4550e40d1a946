package gateways

import (
	"sync"
	"time"

	"ztc-portal/models"
)

// How many refused notifies are kept a minute. One counts once for each
// countedBytes that it has begun: genuine ones are smaller.
const (
	countedBytes   = 4 << 10
	maxRefusals    = 60  // of one address, or of the network of an IPv6 one
	maxRefusalsAll = 600 // of all of them: whoever has many addresses fills no disk either
)

// refusals counts refused notifies by network, for the minute that runs: each
// is stored raw, and nobody may fill the disk with them.
type refusals struct {
	mu     sync.Mutex
	minute time.Time
	count  map[string]int
	all    int
}

// tooMany tells whether the address, or everybody, has had their share of this
// minute.
func (r *refusals) tooMany(address string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if minute := now.Truncate(time.Minute); !minute.Equal(r.minute) {
		r.minute, r.count, r.all = minute, map[string]int{}, 0
	}
	return r.all >= maxRefusalsAll || r.count[models.NetworkOf(address)] >= maxRefusals
}

// add counts one of so many bytes.
func (r *refusals) add(address string, size int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.count != nil {
		share := 1 + size/countedBytes
		r.count[models.NetworkOf(address)] += share
		r.all += share
	}
}
