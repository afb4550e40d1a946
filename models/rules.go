package models

import "time"

// Rules are the limits and durations of the business, all of them settings.
type Rules struct {
	PaymentTTL   time.Duration // how long a confirmed payment can be paid
	TransferTTL  time.Duration // likewise, of a bank transfer
	ArrearsGrace time.Duration // how long arrears are borne before the stop
	UndoFor      time.Duration // how long a restart can be undone
	SessionTTL   time.Duration // how long a sign-in lasts
	StaffSession time.Duration // how long one of staff lasts at most, by the machine's clock
	StaffIdle    time.Duration // how long one of staff lasts unused, likewise
	MinRecharge  Fen           // least amount of one payment
	MaxRecharge  Fen           // most, for methods that name no limit of their own
	SoftCap      int           // the most of its first hour after a restart, in percent of a campaign's daily budget; 0: no soft start
	SoftStop     int           // in percent of what it cost before the stop: above it a soft start is paused; 0: never
	MinBudget    Fen           // least daily budget of a campaign
	MinBid       Fen           // least bid of a keyword
	MaxBid       Fen           // most
	Demo         bool          // the demo's sign-ins may be used
	Webhooks     bool          // the ad engine is told of changes by webhook
	Mail         bool          // mail can go out
	Calendar     *Calendar     // the days that people work

	// Alerts may be sent to any address, this machine's and its networks' too, and
	// robots of any host: for the demo and tests.
	AlertsAnywhere bool
}

// TTL is how long a payment on the rail can be paid.
func (r Rules) TTL(rail Rail) time.Duration {
	if rail == RailBankTransfer {
		return r.TransferTTL
	}
	return r.PaymentTTL
}

// DefaultRules are the design's.
func DefaultRules() Rules {
	return Rules{
		PaymentTTL:   30 * time.Minute,
		TransferTTL:  7 * 24 * time.Hour,
		ArrearsGrace: 24 * time.Hour,
		UndoFor:      30 * time.Minute,
		SessionTTL:   12 * time.Hour,
		StaffSession: 8 * time.Hour,
		StaffIdle:    30 * time.Minute,
		MinRecharge:  200 * Yuan,
		MaxRecharge:  500_000 * Yuan,
		SoftCap:      15,
		SoftStop:     150,
		MinBudget:    30 * Yuan,
		MinBid:       5,
		MaxBid:       9_999 * Yuan,
	}
}

// Shanghai is the time zone of days, budgets and gateways. China has had no
// clock change since 1991, so a fixed offset is exact.
var Shanghai = time.FixedZone("Asia/Shanghai", 8*60*60)

// DayOn is the day in Shanghai as YYYY-MM-DD.
func DayOn(at time.Time) string { return at.In(Shanghai).Format(time.DateOnly) }

// dayStart is the instant at which the day in Shanghai that holds `at` began.
func dayStart(at time.Time) time.Time {
	local := at.In(Shanghai)
	return time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, Shanghai).UTC()
}
