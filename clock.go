package main

import "time"

// clock is the portal's time: the machine's, or in the demo one that runs
// faster, so that a day of arrears passes in minutes. A faster clock leaves the
// machine's behind, so the next start goes on from where it stood.
type clock struct {
	speed int64
	began time.Time // the machine's time when the clock was set
	shown time.Time // what it showed then; never before began
}

// newClock shows the machine's time; notBefore is the newest instant that the
// books hold, zero for none.
func newClock(speed int, notBefore time.Time) clock {
	c := clock{speed: int64(speed), began: time.Now()}
	c.shown = c.began
	if notBefore.After(c.shown) {
		c.shown = notBefore
	}
	return c
}

// isMachines tells whether the clock is the machine's own, which may be set or
// stand still and go on; then it is asked each time.
func (c clock) isMachines() bool { return c.speed == 1 && c.shown.Equal(c.began) }

// Now is the portal's time.
func (c clock) Now() time.Time {
	if c.isMachines() {
		return time.Now()
	}
	return c.shown.Add(time.Since(c.began) * time.Duration(c.speed))
}

// Real is the machine's time at which the portal's clock shows an instant; of
// what lies before the clock was set, the instant at which it was set.
func (c clock) Real(at time.Time) time.Time {
	switch {
	case c.isMachines():
		return at
	case at.Before(c.shown):
		return c.began
	}
	return c.began.Add(at.Sub(c.shown) / time.Duration(c.speed))
}
