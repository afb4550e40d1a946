package models

import (
	"context"
	"runtime"
	"sync"
	"time"

	"ztc-portal/models/ledger"
)

// lane books the charges of some of the accounts, one transaction at a time.
// Whoever finds the lane free books for all who wait in it, so that one commit
// serves many bodies; no goroutine runs while nobody waits. Two lanes have no
// account in common and do not wait for each other, but for the ledger's own
// accounts, at the end.
type lane struct {
	turn    chan struct{} // holds a token while somebody books
	shelf   ledger.Shelf  // whoever has the turn keeps it
	mu      sync.Mutex
	waiting []*ticket
}

// ticket is one share in the queue; done is closed when it has been booked, or
// could not be.
type ticket struct {
	share *share
	done  chan struct{}
	err   error
}

const (
	maxLaneCharges = 5000             // of one transaction
	bookWithin     = 15 * time.Second // of one transaction, whoever gave up on it
)

// newLanes makes as many lanes as can work side by side: SQLite has one writer.
func newLanes(engine Engine) []*lane {
	n := 1
	if engine == Postgres {
		n = min(max(runtime.GOMAXPROCS(0), 2), 8)
	}
	lanes := make([]*lane, n)
	for i := range lanes {
		lanes[i] = &lane{turn: make(chan struct{}, 1)}
	}
	return lanes
}

// book waits until the share is booked. A context that ends takes the share
// out of the queue, unless it is being booked already: then the error says
// nothing of whether it was, and the body can be sent again.
func (l *lane) book(ctx context.Context, s *Store, its *share) error {
	mine := &ticket{share: its, done: make(chan struct{})}
	l.mu.Lock()
	l.waiting = append(l.waiting, mine)
	l.mu.Unlock()
	for {
		select {
		case <-mine.done:
			return mine.err
		default:
		}
		select {
		case <-mine.done:
			return mine.err
		case l.turn <- struct{}{}:
			l.lead(ctx, s)
			<-l.turn
		case <-ctx.Done():
			l.leave(mine)
			return ctx.Err()
		}
	}
}

// lead books what waits, the oldest first, as much as one transaction takes.
func (l *lane) lead(ctx context.Context, s *Store) {
	group := l.take()
	if len(group) == 0 {
		return
	}
	shares := make([]*share, len(group))
	for i, ticket := range group {
		shares[i] = ticket.share
	}
	// Others wait for this too: it does not end when one of them loses patience.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), bookWithin)
	defer cancel()
	shelf := l.shelf
	err := s.inTx(ctx, func(t *tx) error {
		entries, err := t.bookCharges(shares)
		if err == nil {
			shelf, err = l.shelf.Add(t.DB, entries)
		}
		return err
	})
	if err == nil {
		l.shelf = shelf
	}
	for _, ticket := range group {
		ticket.err = err
		close(ticket.done)
	}
}

func (l *lane) take() []*ticket {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, charges := 0, 0
	for n < len(l.waiting) && (n == 0 || charges+len(l.waiting[n].share.items) <= maxLaneCharges) {
		charges += len(l.waiting[n].share.items)
		n++
	}
	group := l.waiting[:n:n]
	l.waiting = l.waiting[n:]
	return group
}

func (l *lane) leave(mine *ticket) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, ticket := range l.waiting {
		if ticket == mine {
			l.waiting = append(l.waiting[:i:i], l.waiting[i+1:]...)
			return
		}
	}
}
