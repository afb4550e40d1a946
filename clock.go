package main

import "time"

// clock is the portal's time. In the demo it may run faster than the machine's,
// from the instant at which it was made: a day of arrears then passes in minutes.
type clock struct {
	began time.Time
	speed int64
}

func newClock(speed int) clock { return clock{began: time.Now(), speed: int64(speed)} }

// Now is the portal's time.
func (c clock) Now() time.Time {
	return c.began.Add(time.Since(c.began) * time.Duration(c.speed))
}

// Real is the machine's time at which the portal's clock shows an instant; of
// what lies before the clock was made, the same instant.
func (c clock) Real(at time.Time) time.Time {
	if at.Before(c.began) {
		return at
	}
	return c.began.Add(at.Sub(c.began) / time.Duration(c.speed))
}
