package main

import (
	"testing"
	"time"
)

func TestClockRunsFasterAndBack(t *testing.T) {
	c := newClock(3600, time.Time{})
	c.began = c.began.Add(-2 * time.Second) // set two seconds ago: two hours have passed since
	if passed := c.Now().Sub(c.shown); passed < 2*time.Hour || passed > 3*time.Hour {
		t.Errorf("%v passed in two seconds", passed)
	}
	if real := c.Real(c.shown.Add(time.Hour)); !real.Equal(c.began.Add(time.Second)) {
		t.Errorf("an hour of the portal's is %v of the machine's", real.Sub(c.began))
	}
	if !c.Real(c.shown.Add(-time.Hour)).Equal(c.began) {
		t.Error("what has passed on the portal's clock is not due at once")
	}
}

// Where nothing hurries the machine's clock is asked each time: one that is set
// or stood still must not stay wrong in the portal.
func TestUsualClockIsTheMachines(t *testing.T) {
	c := newClock(1, time.Now().Add(-time.Hour))
	c.began, c.shown = c.began.Add(-time.Hour), c.shown.Add(-time.Hour) // as after an hour asleep
	if late := time.Until(c.Now()).Abs(); late > time.Second {
		t.Errorf("the clock is %v off", late)
	}
	if at := time.Now().Add(time.Hour); !c.Real(at).Equal(at) {
		t.Error("an instant is another on the machine's clock")
	}
}

// A demo that ran fast is ahead of the machine; its next start goes on there.
func TestClockGoesOnFromTheBooks(t *testing.T) {
	ahead := time.Now().Add(10 * time.Hour)
	for _, speed := range []int{1, 60} {
		c := newClock(speed, ahead)
		if now := c.Now(); now.Before(ahead) || now.After(ahead.Add(time.Minute)) {
			t.Errorf("at speed %d the clock shows %v, the books end at %v", speed, now, ahead)
		}
		if real := c.Real(ahead.Add(time.Minute)); real.Sub(c.began) != time.Minute/time.Duration(speed) {
			t.Errorf("at speed %d a minute takes %v", speed, real.Sub(c.began))
		}
	}
}
