package models

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"
)

// DifferenceKind says what bill and books do not agree on.
type DifferenceKind string

const (
	OnlyOurs      DifferenceKind = "only_ours"      // credited or in suspense here, not on any bill
	OnlyTheirs    DifferenceKind = "only_theirs"    // on the bill, and we know nothing of it
	AmountDiffers DifferenceKind = "amount_differs" // both have it, over different amounts
	StateDiffers  DifferenceKind = "state_differs"  // paid there, known and not credited here
	FeeDiffers    DifferenceKind = "fee_differs"    // the gateway kept more than agreed
)

// DifferenceKinds are all of them.
var DifferenceKinds = []DifferenceKind{OnlyOurs, OnlyTheirs, AmountDiffers, StateDiffers, FeeDiffers}

// Resolution is how a difference was worked to its end.
type Resolution string

const (
	Repaired  Resolution = "repaired"  // the gateway confirmed the money, and it is booked
	Refunded  Resolution = "refunded"  // the money went back
	Explained Resolution = "explained" // staff wrote why it is right as it is
	Vanished  Resolution = "vanished"  // a later run no longer found it
)

// Resolutions are all of them.
var Resolutions = []Resolution{Repaired, Refunded, Explained, Vanished}

const (
	differenceOpen   = "open"
	differenceWorked = "worked"

	// MinExplanation is how many characters say why a difference is no fault.
	MinExplanation = 5
	maxExplanation = 500
)

// Difference is one thing that bill and books do not agree on. It stays on
// record when it is worked.
type Difference struct {
	ID               int64 `gorm:"primaryKey"`
	ReconciliationID int64
	Kind             DifferenceKind
	TradeNo          string // the gateway's
	RequestNo        string // of a refund
	OutTradeNo       string // our payment no
	PaymentID        *int64 // of the payment that it is about, as far as known
	OursFen          Fen    // of a fee: the most that is agreed
	TheirsFen        Fen
	OursState        string // of the payment or refund when it was found; "suspense"
	FoundAt          time.Time
	Run              int64 // the newest that found it
	State            string
	Resolution       Resolution
	Note             string
	WorkedBy         *int64
	WorkedAt         *time.Time
}

// IsOpen: nobody has worked it yet.
func (d Difference) IsOpen() bool { return d.State == differenceOpen }

// Repairable: the bill speaks of a payment that is not booked here, so that the
// gateway can be asked about it.
func (d Difference) Repairable() bool {
	return d.IsOpen() && d.RequestNo == "" && (d.Kind == OnlyTheirs || d.Kind == StateDiffers)
}

// DifferenceByID reads one difference, and the rail it is on. NotFound.
func (s *Store) DifferenceByID(ctx context.Context, id int64) (Difference, Rail, error) {
	var row struct {
		Difference
		Rail Rail
	}
	err := s.read.WithContext(ctx).Table("differences").Select("differences.*, reconciliations.rail").
		Joins("JOIN reconciliations ON reconciliations.id = differences.reconciliation_id").
		Take(&row, "differences.id = ?", id).Error
	return row.Difference, row.Rail, found(err, "difference")
}

// ExplainDifference ends a difference by a note that says why it is right.
// FieldErrors on "note": too short or too long. NotFound; Conflict: it is
// worked already.
func (s *Store) ExplainDifference(ctx context.Context, by Actor, id int64, note string) error {
	note = strings.TrimSpace(toValid(note))
	switch n := utf8.RuneCountInString(note); {
	case n < MinExplanation:
		return FieldErrors{fieldError("note", "error.difference.note_short", map[string]any{"Count": MinExplanation})}
	case n > maxExplanation:
		return FieldErrors{fieldError("note", "error.difference.note_long", map[string]any{"Count": maxExplanation})}
	}
	return s.work(ctx, by, id, Explained, noted(note))
}

// CloseRepaired ends a difference whose money the gateway confirmed and whose
// settlement came to the outcome. NotFound; Conflict: it is worked already, or
// the outcome did not book its trade.
func (s *Store) CloseRepaired(ctx context.Context, by Actor, id int64, outcome Outcome) error {
	if !outcome.Credited() && outcome != OutcomeSuspense {
		return conflict("error.difference.not_confirmed", nil)
	}
	return s.work(ctx, by, id, Repaired, func(t *tx, rail Rail, d Difference) (string, error) {
		return string(outcome), t.checkBooked(rail, d)
	})
}

// noted is a note that is known beforehand.
func noted(note string) func(*tx, Rail, Difference) (string, error) {
	return func(*tx, Rail, Difference) (string, error) { return note, nil }
}

// work ends a difference with the note that judge gives it, or as judge refuses.
// The reconciliation's lock comes first, as in a run, so that a run which has
// read the books never undoes what was worked meanwhile.
func (s *Store) work(ctx context.Context, by Actor, id int64, resolution Resolution, judge func(*tx, Rail, Difference) (string, error)) error {
	return s.inTx(ctx, func(t *tx) error {
		var d Difference
		if err := t.Take(&d, id).Error; err != nil {
			return found(err, "difference")
		}
		var day Reconciliation
		if err := t.locked().Take(&day, d.ReconciliationID).Error; err != nil {
			return err
		}
		note, err := judge(t, day.Rail, d)
		if err != nil {
			return err
		}
		d.State, d.Resolution, d.Note, d.WorkedAt, d.WorkedBy = differenceWorked, resolution, note, &t.now, nil
		if by.UserID != 0 {
			d.WorkedBy = &by.UserID
		}
		result := t.Model(&Difference{}).Where("id = ? AND state = ?", id, differenceOpen).
			Select("State", "Resolution", "Note", "WorkedAt", "WorkedBy").Updates(&d)
		if result.Error == nil && result.RowsAffected == 0 {
			return conflict("error.difference.worked", nil)
		}
		if result.Error != nil {
			return result.Error
		}
		return t.audit(by, "difference.work", subject("difference", id), string(d.Kind)+" "+d.TradeNo+" open", string(resolution)+": "+note)
	})
}

// checkBooked refuses to call a difference repaired while the books do not hold
// its own trade: a gateway is asked by our number, and may have confirmed
// another trade of it. Conflict.
func (t *tx) checkBooked(rail Rail, d Difference) error {
	var booked bool
	err := t.Raw(`SELECT EXISTS (SELECT 1 FROM payments WHERE rail = ? AND gateway_trade_no = ? AND no = ?)
		OR EXISTS (SELECT 1 FROM suspense_items WHERE rail = ? AND gateway_trade_no = ?)`,
		rail, d.TradeNo, d.OutTradeNo, rail, d.TradeNo).Scan(&booked).Error
	if err == nil && !booked {
		err = conflict("error.difference.not_confirmed", nil)
	}
	return err
}
