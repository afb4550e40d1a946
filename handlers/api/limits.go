package api

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// limits counts requests by key. Keys are few, so none is ever forgotten.
type limits struct {
	rate int // requests a second; 0: no limit
	mu   sync.Mutex
	of   map[int64]*rate.Limiter
}

// take counts one request and tells how long it came too early; 0: it may pass.
func (l *limits) take(key int64) time.Duration {
	if l.rate == 0 {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	limiter := l.of[key]
	if limiter == nil {
		if l.of == nil {
			l.of = make(map[int64]*rate.Limiter)
		}
		limiter = rate.NewLimiter(rate.Limit(l.rate), 2*l.rate) // two seconds' worth at once
		l.of[key] = limiter
	}
	reservation := limiter.Reserve()
	wait := reservation.Delay()
	if wait > 0 {
		reservation.Cancel()
	}
	return wait
}
