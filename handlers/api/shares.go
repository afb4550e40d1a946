package api

import (
	"context"
	"sync"
	"time"
)

// shares are a number of places, of which one key may hold a part only, so that
// no key keeps all others out. Keys are few, so none is ever forgotten.
type shares struct {
	all  chan struct{} // holds a token for each place that is taken
	each int           // places of one key at most

	mu sync.Mutex
	of map[int64]chan struct{}
}

// newShares makes places, three of four for one key at most.
func newShares(places int) *shares {
	return &shares{all: make(chan struct{}, places), each: places * 3 / 4, of: make(map[int64]chan struct{})}
}

func (s *shares) ofKey(key int64) chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	own := s.of[key]
	if own == nil {
		own = make(chan struct{}, s.each)
		s.of[key] = own
	}
	return own
}

// take takes a place for the key, and waits for one as long as it may; leave
// gives it back. tooFast when there is none in time, or the context's error.
func (s *shares) take(ctx context.Context, key int64, patience time.Duration) (leave func(), err error) {
	own := s.ofKey(key)
	ctx, cancel := context.WithTimeoutCause(ctx, patience, tooFast(time.Second))
	defer cancel()
	if err := enter(ctx, own); err != nil { // its own first: who waits for that holds nobody's place
		return nil, err
	}
	if err := enter(ctx, s.all); err != nil {
		<-own
		return nil, err
	}
	return func() { <-s.all; <-own }, nil
}

// enter puts a token into a row of places; a free one is taken without a wait.
func enter(ctx context.Context, places chan struct{}) error {
	select {
	case places <- struct{}{}:
		return nil
	default:
	}
	select {
	case places <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
