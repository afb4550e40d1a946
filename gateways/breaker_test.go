package gateways

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var start = time.Date(2026, 11, 24, 6, 0, 0, 0, time.UTC)

// call is what a breaker hears of, so long after the start.
type call struct {
	after  time.Duration
	failed bool
	nobody bool // waited for it
}

func calls(from, apart time.Duration, failed ...bool) (all []call) {
	for i, f := range failed {
		all = append(all, call{after: from + time.Duration(i)*apart, failed: f})
	}
	return all
}

const fails, works = true, false

func TestARailFailsAfterFiveInARowOrMoreThanHalfOfAMinute(t *testing.T) {
	second := time.Second
	unnoticed := func(all []call) []call {
		for i := range all {
			all[i].nobody = true
		}
		return all
	}
	for name, c := range map[string]struct {
		calls []call
		want  bool
	}{
		"four in a row":                      {calls(0, second, fails, fails, fails, fails), false},
		"five in a row":                      {calls(0, second, fails, fails, fails, fails, fails), true},
		"five in a row, hours apart":         {calls(0, time.Hour, fails, fails, fails, fails, fails), true},
		"five, one in between works":         {calls(0, second, fails, fails, works, fails, fails, fails), false},
		"six of ten, never five in a row":    {calls(0, second, fails, fails, works, fails, fails, works, works, fails, works, fails), true},
		"half of ten":                        {calls(0, second, fails, fails, works, fails, fails, works, works, fails, works, works), false},
		"five of nine":                       {calls(0, second, fails, works, fails, works, fails, works, fails, works, fails), false},
		"six of ten, the first a minute old": {calls(0, 7*second, fails, fails, works, fails, fails, works, works, fails, works, fails), false},
		"nobody waits":                       {unnoticed(calls(0, second, fails, fails, fails, fails, fails, fails, fails, fails, fails, fails)), false},
		"all in one instant":                 {calls(0, 0, works, fails, fails, works, fails, fails, fails, works, fails, fails), true},
	} {
		var b breaker
		for _, call := range c.calls {
			b.heard(start.Add(call.after), !call.nobody, call.failed)
		}
		if since, _ := b.state(); since.IsZero() == c.want {
			t.Errorf("%s: fails %v, want %v", name, !c.want, c.want)
		}
	}
}

func (b *breaker) admits(now time.Time) bool { return b.admit(now).IsZero() }

// failedAt is a breaker that fails since the instant.
func failedAt(now time.Time) *breaker {
	b := &breaker{}
	for range failsInRow {
		b.heard(now, true, true)
	}
	return b
}

func TestAFailingRailIsTriedAgainAfterWaitsThatGrow(t *testing.T) {
	b, now := failedAt(start), start
	for _, wait := range []time.Duration{30, 60, 120, 240, 300, 300} {
		wait *= time.Second
		if b.admits(now.Add(wait-time.Microsecond)) || !b.until(now.Add(wait-1)).Equal(now.Add(wait)) {
			t.Fatalf("it is tried before %s are over", wait)
		}
		if b.heard(now.Add(wait-time.Microsecond), true, false) || b.heard(now.Add(wait-time.Microsecond), true, true) {
			t.Errorf("a call before %s are over changes the wait", wait)
		}
		now = now.Add(wait)
		if !b.admits(now) || b.admits(now) {
			t.Fatalf("after %s not one passes", wait)
		}
		if !b.heard(now, true, true) {
			t.Errorf("a try that failed changes nothing")
		}
	}
	now = now.Add(longestWait)
	if !b.heard(now, false, false) || !b.admits(now) || !b.admits(now) || !b.until(now).IsZero() {
		t.Error("an answer that nobody waited for does not open it")
	}
	for range failsInRow - 1 {
		b.heard(now, true, true)
	}
	if !b.admits(now) {
		t.Error("failures of before count once it works again")
	}
	b.heard(now, true, true)
	if !b.until(now).Equal(now.Add(firstWait)) {
		t.Error("it does not begin anew with the first wait")
	}
}

func TestATryThatLeadsToNothingHoldsNobodyBackForLong(t *testing.T) {
	b, now := failedAt(start), start.Add(firstWait)
	if !b.admits(now) || b.admits(now.Add(trialLasts-1)) || !b.until(now).Equal(now.Add(trialLasts)) {
		t.Error("while one tries another passes")
	}
	if !b.admits(now.Add(trialLasts)) {
		t.Error("a try that was never heard of holds everybody back")
	}
	b.release()
	if !b.admits(now.Add(trialLasts)) {
		t.Error("a try that was given back holds the next one back")
	}
}

// Whoever is refused is told until when, by the same look that refused: what is
// given back or heard of in between makes the time no zero.
func TestARefusalTellsItsTime(t *testing.T) {
	b, now := failedAt(start), start.Add(firstWait)
	if got := b.admit(now.Add(-1)); !got.Equal(now) {
		t.Errorf("before the next try it is held until %s", got)
	}
	if got := b.admit(now); !got.IsZero() {
		t.Errorf("the one that tries is held until %s", got)
	}
	if got := b.admit(now.Add(time.Second)); !got.Equal(now.Add(trialLasts)) {
		t.Errorf("while one tries it is held until %s", got)
	}
}

func TestOneOfManyTries(t *testing.T) {
	b, now := failedAt(start), start.Add(firstWait)
	var passed atomic.Int64
	race(func(int) {
		if b.admits(now) {
			passed.Add(1)
		}
	})
	if passed.Load() != 1 {
		t.Errorf("%d passed", passed.Load())
	}
	var turned atomic.Int64
	race(func(i int) {
		if b.heard(now, i%2 == 0, false) {
			turned.Add(1)
		}
		b.until(now)
		b.state()
		b.release()
	})
	if turned.Load() != 1 {
		t.Errorf("%d were told that it works again", turned.Load())
	}
	race(func(int) { b.heard(now, true, true) })
	if since, again := b.state(); !since.Equal(now) || !again.Equal(now.Add(firstWait)) {
		t.Errorf("many failures at once make it fail since %s until %s", since, again)
	}
}

func race(act func(i int)) {
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() { act(i) })
	}
	all.Wait()
}
