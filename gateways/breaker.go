package gateways

import (
	"context"
	"errors"
	"sync"
	"time"

	"ztc-portal/models"
)

// When a rail is taken to fail, and how long it is left alone then.
const (
	failsInRow   = 5  // calls that failed one after another
	fewestCalls  = 10 // of a minute, of which more than half failed
	firstWait    = 30 * time.Second
	longestWait  = 5 * time.Minute
	trialLasts   = 30 * time.Second // a try that has led to nothing by then holds nobody back any more
	countedOver  = 60               // seconds
	secondsApart = time.Second
)

// breaker watches the calls of one rail that somebody waits for, refunds and bills
// among them: one gateway answers them all, or none. It holds back
// new payments and nothing else: whoever asks about money, or closes a payment,
// always passes, and is how it learns that the gateway is back. It lives in one
// process; each finds out for itself.
type breaker struct {
	mu      sync.Mutex
	inRow   int                  // failures since the last success
	seconds [countedOver]counted // of the last minute

	failingSince time.Time // zero: it works
	tryAgainAt   time.Time
	wait         time.Duration // from the last failure to the next try
	trialUntil   time.Time     // somebody is trying; zero: nobody

	noting sync.Mutex // is held while the state is stored, so that the newest is stored last
}

// counted are the calls of one second.
type counted struct {
	at            time.Time
	calls, failed int
}

// admit lets a new payment begin, or tells until when none may; zero: it may.
// While the rail fails nobody's may; from the next try on one passes, which must
// be heard of before others do.
func (b *breaker) admit(now time.Time) (until time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if until = b.heldUntil(now); until.IsZero() && !b.failingSince.IsZero() {
		b.trialUntil = now.Add(trialLasts)
	}
	return until
}

// heldUntil is when the next new payment may begin; zero: now. The lock is held.
func (b *breaker) heldUntil(now time.Time) time.Time {
	switch {
	case b.failingSince.IsZero():
		return time.Time{}
	case now.Before(b.tryAgainAt):
		return b.tryAgainAt
	case now.Before(b.trialUntil):
		return b.trialUntil
	}
	return time.Time{}
}

func (b *breaker) until(now time.Time) time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.heldUntil(now)
}

// release gives a try back that showed nothing about the gateway.
func (b *breaker) release() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.trialUntil = time.Time{}
}

// heard takes what a call came to; somebody waited for it, or nobody. It tells
// whether the rail began to fail, failed again, or works again.
func (b *breaker) heard(now time.Time, waited, failed bool) (turned bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failingSince.IsZero() {
		if !waited || !b.count(now, failed) {
			return false
		}
		b.failingSince, b.wait = now, firstWait
		b.tryAgainAt = now.Add(b.wait)
		return true
	}
	if now.Before(b.tryAgainAt) {
		return false // it was under way, or was asked in between: the wait stands
	}
	b.trialUntil = time.Time{}
	if failed {
		b.wait = min(2*b.wait, longestWait)
		b.tryAgainAt = now.Add(b.wait)
		return true
	}
	b.failingSince, b.tryAgainAt, b.wait, b.inRow, b.seconds = time.Time{}, time.Time{}, 0, 0, [countedOver]counted{}
	return true
}

// count adds a call, and tells whether there were too many failures.
func (b *breaker) count(now time.Time, failed bool) bool {
	second := now.Truncate(secondsApart)
	at := &b.seconds[second.Unix()%countedOver]
	if !at.at.Equal(second) {
		*at = counted{at: second}
	}
	at.calls++
	b.inRow++
	if !failed {
		b.inRow = 0
	} else {
		at.failed++
	}
	var calls, fails int
	for _, s := range b.seconds {
		if second.Sub(s.at) < countedOver*secondsApart {
			calls, fails = calls+s.calls, fails+s.failed
		}
	}
	return b.inRow >= failsInRow || calls >= fewestCalls && 2*fails > calls
}

// state is since when it fails and when it is tried again; zero: it works.
func (b *breaker) state() (since, tryAgainAt time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.failingSince, b.tryAgainAt
}

// breakers are those of all rails.
type breakers struct {
	mu sync.Mutex
	by map[models.Rail]*breaker
}

func (b *breakers) of(rail models.Rail) *breaker {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.by == nil {
		b.by = map[models.Rail]*breaker{}
	}
	if b.by[rail] == nil {
		b.by[rail] = &breaker{}
	}
	return b.by[rail]
}

// TryAgainAt is when a failing rail is tried again; zero while new payments may
// begin on it. It is what this process has seen.
func (r *Rails) TryAgainAt(rail models.Rail) time.Time {
	return r.breakers.of(rail).until(r.Store.Now())
}

// admit refuses a new payment on a rail that fails: FieldErrors on "method". The
// one that tries such a rail must be heard of, or released.
func (r *Rails) admit(rail models.Rail) error {
	until := r.breakers.of(rail).admit(r.Store.Now())
	if until.IsZero() {
		return nil
	}
	return models.FieldErrors{models.MethodFailing(rail, until)}
}

// heard takes what a call of a rail came to. An answer is one, whatever it says,
// or one payer whose own payment is not answered for would take the rail from
// all; a caller who left proves nothing.
func (r *Rails) heard(ctx context.Context, rail models.Rail, waited bool, err error) {
	b := r.breakers.of(rail)
	if errors.Is(ctx.Err(), context.Canceled) {
		return
	}
	failed := errors.Is(err, ErrUnavailable) && !errors.Is(err, ErrOnlyThis)
	if !b.heard(r.Store.Now(), waited, failed) {
		return
	}
	b.noting.Lock()
	defer b.noting.Unlock()
	since, tryAgainAt := b.state()
	if since.IsZero() {
		r.Log.InfoContext(ctx, "a rail works again", "rail", rail)
	} else {
		r.Log.WarnContext(ctx, "a rail is failing", "rail", rail, "since", since, "try_again_at", tryAgainAt, "error", err)
	}
	if err := r.Store.NoteFailing(context.WithoutCancel(ctx), rail, since, tryAgainAt); err != nil {
		r.Log.WarnContext(ctx, "that a rail is failing or works again is not noted", "rail", rail, "error", err)
	}
}

// heardOpening takes what opening a payment came to. Much of it needs no
// network: only a failure, and a QR code that was asked for, speak of the
// gateway.
func (r *Rails) heardOpening(ctx context.Context, rail models.Rail, checkout Checkout, err error) {
	if err == nil && checkout.QRContent == "" {
		r.breakers.of(rail).release()
		return
	}
	r.heard(ctx, rail, true, err)
}
