package views

import (
	"time"

	"ztc-portal/models"
)

// LadderSteps are the steps back into business, in their order.
var LadderSteps = []string{"paid", "credited", "arrears_cleared", "restored", "restarted", "serving"}

// LadderStates are how a step can stand: done, there was nothing to do, it waits
// for the seller's hand, it is under way, it lies ahead.
var LadderStates = []string{"done", "skipped", "hand", "now", "ahead"}

// rung is one step as it is drawn.
type rung struct {
	step    string
	state   string    // one of LadderStates
	at      time.Time // done: when
	percent int       // serving: the delivery share while it recovers, else 0
}

// ladder lays out what followed a payment. Of what is not done yet, the first is
// under way and the rest lie ahead.
func ladder(s models.RecoverySteps) []rung {
	rungs := []rung{
		reached("paid", s.Paid, false),
		reached("credited", s.Credited, false),
		reached("arrears_cleared", s.ArrearsCleared, !s.HadArrears),
		reached("restored", s.Restored, !s.WasSuspended),
		reached("restarted", s.Restarted, s.WaitingForRestart == 0),
		reached("serving", s.Serving, s.NothingToServe),
	}
	if s.HadArrears && s.ArrearsCleared == nil {
		rungs[2].state = "hand" // what was paid did not suffice
	}
	if s.WaitingForRestart > 0 && (!s.HadArrears || s.ArrearsCleared != nil) {
		rungs[4].state = "hand"
	}
	if s.Serving != nil && s.SharePercent < 100 {
		rungs[5].state, rungs[5].percent = "now", s.SharePercent
	}
	waits := false
	for i, r := range rungs {
		if r.state == "ahead" && !waits {
			rungs[i].state = "now"
		}
		waits = waits || r.state == "ahead" || r.state == "hand"
	}
	return rungs
}

// reached makes a rung that is done when there is an instant for it, skipped
// when there was nothing to do, and ahead otherwise.
func reached(step string, at *time.Time, nothing bool) rung {
	switch {
	case at != nil:
		return rung{step: step, state: "done", at: *at}
	case nothing:
		return rung{step: step, state: "skipped"}
	default:
		return rung{step: step, state: "ahead"}
	}
}
