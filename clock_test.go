package main

import (
	"testing"
	"time"
)

func TestClockRunsFasterAndBack(t *testing.T) {
	c := newClock(3600)
	c.began = c.began.Add(-2 * time.Second) // made two seconds ago: two hours have passed since
	if passed := c.Now().Sub(c.began); passed < 2*time.Hour || passed > 3*time.Hour {
		t.Errorf("%v passed in two seconds", passed)
	}
	if real := c.Real(c.began.Add(time.Hour)); !real.Equal(c.began.Add(time.Second)) {
		t.Errorf("an hour of the portal's is %v of the machine's", real.Sub(c.began))
	}
	if before := c.began.Add(-time.Hour); !c.Real(before).Equal(before) {
		t.Error("what lay before the start is moved")
	}
	if usual := newClock(1); time.Until(usual.Now()).Abs() > time.Second || !usual.Real(usual.began.Add(time.Hour)).Equal(usual.began.Add(time.Hour)) {
		t.Error("at the usual speed the clock is not the machine's")
	}
}
