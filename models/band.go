package models

import "time"

// Figure is one measure of the portal that staff watch.
type Figure string

const (
	FigureSuccess  Figure = "recharge_success_percent" // of the attempts that ended, those that were paid
	FigureCredit   Figure = "credit_p99_seconds"       // from paid to credited
	FigureStuck    Figure = "payments_stuck"           // past their deadline, or the gateway cannot be asked
	FigureSuspense Figure = "suspense_open"
	FigureRefunds  Figure = "refunds_open"   // on their way back, without an end
	FigureToPay    Figure = "refunds_to_pay" // of bank transfers, which people pay out
	FigureParked   Figure = "webhooks_parked"
	FigureQueue    Figure = "queue_oldest_seconds" // the job that is due and has waited longest
	FigureRefused  Figure = "notifies_refused"
	FigureRails    Figure = "rails_failing" // whose gateways do not answer
	FigureLedger   Figure = "ledger_faults" // that the last reading of the whole ledger found
)

// Level is how far a figure is out of its band.
type Level string

const (
	LevelWarn  Level = "warn"
	LevelAlarm Level = "alarm"
)

// Band says where a figure is as it should be. Beyond Warn, and worse beyond
// Alarm, staff are told; a limit itself is still within the band.
type Band struct {
	Figure      Figure
	Below       bool          // beyond is below the limits, else above
	Warn, Alarm int64         // in the figure's unit
	Window      time.Duration // the figure looks back this far; 0: as things stand now
	Aged        time.Duration // it counts only what has stood so for this long
	Least       int64         // with fewer cases than this in the window there is no figure
}

// toPayWithin is how long finance may take to pay out a refund of a bank transfer.
const toPayWithin = 3 * 24 * time.Hour

// Bands are those of every figure that is watched, in the order of a page.
var Bands = []Band{
	{Figure: FigureLedger, Warn: 0, Alarm: 0},
	{Figure: FigureStuck, Warn: 0, Alarm: 9, Aged: 15 * time.Minute},
	{Figure: FigureRails, Warn: 0, Alarm: 1},
	{Figure: FigureSuccess, Below: true, Warn: 80, Alarm: 50, Window: time.Hour, Least: 20},
	{Figure: FigureCredit, Warn: 60, Alarm: 300, Window: time.Hour, Least: 20},
	{Figure: FigureSuspense, Warn: 0, Alarm: 19, Aged: 24 * time.Hour},
	{Figure: FigureRefunds, Warn: 0, Alarm: 9, Aged: 15 * time.Minute},
	{Figure: FigureToPay, Warn: 0, Alarm: 9, Aged: toPayWithin},
	{Figure: FigureParked, Warn: 0, Alarm: 99},
	{Figure: FigureQueue, Warn: 300, Alarm: 1800},
	{Figure: FigureRefused, Warn: 100, Alarm: 1000, Window: time.Hour},
}

// BandOf finds a figure's band.
func BandOf(f Figure) (band Band) {
	for _, b := range Bands {
		if b.Figure == f {
			band = b
		}
	}
	return band
}

// Level is the rule of a band: "" within it.
func (b Band) Level(value int64) Level {
	beyond := func(limit int64) bool {
		if b.Below {
			return value < limit
		}
		return value > limit
	}
	switch {
	case beyond(b.Alarm):
		return LevelAlarm
	case beyond(b.Warn):
		return LevelWarn
	}
	return ""
}

// percentOf is part of whole, rounded down.
func percentOf(part, whole int64) int64 {
	if whole == 0 {
		return 0
	}
	return part * 100 / whole
}
