package models

import (
	"context"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Method is a way to recharge that the seller can pick: its limits in fen, what
// is said of it, and whether it can be had now.
type Method struct {
	Rail        Rail
	Min         Fen
	Max         Fen
	PersonalMax Fen         // most from a person's account, where a company's may pay more; 0: no difference
	Fee         string      // text key of what it costs the seller
	Speed       string      // text key of when the money is there
	Account     BankAccount // where payers send money to by themselves; zero: a gateway takes it

	Off        bool      // staff switched it off
	TryAgainAt time.Time // it is failing, and is tried again then; zero: it is not
}

// BankAccount is an account at a bank, as payers must write it.
type BankAccount struct {
	Name   string // of the company
	Number string
	Branch string // bank and branch
	Code   string // the branch's number among banks
}

// NewMethod is a method with the words that its rail has in the catalogue.
func NewMethod(rail Rail, least, most Fen) Method {
	return Method{Rail: rail, Min: least, Max: most, Fee: "method.fee." + string(rail), Speed: "method.speed." + string(rail)}
}

// IsOpen: a new payment may begin on it.
func (m Method) IsOpen() bool { return !m.Off && m.TryAgainAt.IsZero() }

// takes tells whether an amount can be paid with it now.
func (m Method) takes(amount Fen) bool { return m.IsOpen() && m.Min <= amount && amount <= m.Max }

// Refusal says why no new payment may begin on it; nil when one may.
func (m Method) Refusal() *Error {
	switch {
	case m.Off:
		return methodOff(m.Rail)
	case !m.TryAgainAt.IsZero():
		return MethodFailing(m.Rail, m.TryAgainAt)
	}
	return nil
}

// RefusalOf says why no new payment of the amount may begin on it: it can't be
// had, or the amount is outside its limits; then another of the methods that
// takes it is named. nil when one may.
func (m Method) RefusalOf(amount Fen, methods []Method) *Error {
	if closed := m.Refusal(); closed != nil {
		return closed
	}
	return m.outside(amount, methods)
}

// MethodGone says that a payment's rail is not set up any more, or not yet.
func MethodGone(rail Rail) *Error {
	return fieldError("method", "error.gateway.off", map[string]any{"Method": rail})
}

func methodOff(rail Rail) *Error {
	return fieldError("method", "error.method.off", map[string]any{"Method": rail})
}

// MethodFailing refuses a new payment on a rail that does not answer; it is
// tried again at the instant.
func MethodFailing(rail Rail, tryAgainAt time.Time) *Error {
	return fieldError("method", "error.method.failing", map[string]any{"Method": rail, "Until": tryAgainAt})
}

// railOrder is the order in which methods are offered, the last used before all.
var railOrder = []Rail{RailAlipay, RailWechat, RailUnionpay, RailBankTransfer}

// MethodOf finds the method of a rail, if it is set up.
func MethodOf(methods []Method, rail Rail) (Method, bool) {
	at := slices.IndexFunc(methods, func(m Method) bool { return m.Rail == rail })
	if at < 0 {
		return Method{}, false
	}
	return methods[at], true
}

// IsKnown: there is such a rail, set up or not.
func (r Rail) IsKnown() bool { return slices.Contains(railOrder, r) }

// offered puts methods in the order of a page.
func offered(methods []Method, last Rail) []Method {
	place := func(m Method) int {
		if m.Rail == last {
			return -1
		}
		return slices.Index(railOrder, m.Rail)
	}
	methods = slices.Clone(methods)
	slices.SortStableFunc(methods, func(a, b Method) int { return place(a) - place(b) })
	return methods
}

// Proposed is the method to take when the one that is wanted can't be had: the
// first that takes the amount, else the first that is open at all. An amount of
// 0 is not known yet. nil: there is none.
func Proposed(methods []Method, amount Fen) *Method {
	at := slices.IndexFunc(methods, func(m Method) bool { return m.takes(amount) })
	if at < 0 {
		at = slices.IndexFunc(methods, Method.IsOpen)
	}
	if at < 0 {
		return nil
	}
	return &methods[at]
}

// outside refuses an amount outside a method's limits, and says which other of
// the methods takes it; nil when this one does.
func (m Method) outside(amount Fen, methods []Method) *Error {
	if m.Min <= amount && amount <= m.Max {
		return nil
	}
	key, keyOther := "error.amount.too_small", "error.amount.too_small_for"
	if amount > m.Max {
		key, keyOther = "error.amount.too_large", "error.amount.too_large_for"
	}
	at := slices.IndexFunc(methods, func(other Method) bool { return other.Rail != m.Rail && other.takes(amount) })
	if at < 0 {
		return fieldError("amount", key, map[string]any{"Min": m.Min, "Max": m.Max})
	}
	other := methods[at]
	return fieldError("amount", keyOther, map[string]any{
		"Method": m.Rail, "Min": m.Min, "Max": m.Max, "Other": other.Rail, "OtherMin": other.Min, "OtherMax": other.Max,
	})
}

// personal refuses more than a person's account may pay; nil when it may.
func (m Method) personal(amount Fen) *Error {
	if m.PersonalMax == 0 || amount <= m.PersonalMax {
		return nil
	}
	return fieldError("corporate", "error.corporate.needed", map[string]any{"Method": m.Rail, "Max": m.PersonalMax, "Most": m.Max})
}

// RailWatcher knows which rails fail.
type RailWatcher interface {
	// TryAgainAt is when a failing rail is tried again, UTC; zero while new
	// payments may begin on it.
	TryAgainAt(Rail) time.Time
}

// SetMethods says which ways to recharge there are, those of the rails that are
// configured, and who knows whether they work. It is called before anything is
// served; without it there is Alipay alone.
func (s *Store) SetMethods(watcher RailWatcher, methods ...Method) {
	s.watcher, s.methods = watcher, offered(methods, "")
}

// Methods are the ways to recharge that are configured, open or not.
func (s *Store) Methods() []Method {
	if s.methods == nil {
		return []Method{NewMethod(RailAlipay, s.rules.MinRecharge, s.rules.MaxRecharge)}
	}
	return slices.Clone(s.methods)
}

// methodsNow are the methods as they can be had now.
func (s *Store) methodsNow(db *gorm.DB, last Rail) ([]Method, error) {
	states, err := railStates(db)
	methods := offered(s.Methods(), last)
	for i, m := range methods {
		methods[i].Off = states[m.Rail].OffAt != nil
		if s.watcher != nil {
			methods[i].TryAgainAt = s.watcher.TryAgainAt(m.Rail)
		}
	}
	return methods, err
}

// railState is what is stored of a rail: the switch of the staff, and what a
// process last noted of calls that failed. A rail without a row is on and works.
type railState struct {
	Rail         Rail `gorm:"primaryKey"`
	OffAt        *time.Time
	Reason       string // of the last switch, for staff
	SwitchedAt   *time.Time
	SwitchedBy   *int64
	FailingSince *time.Time
	TryAgainAt   *time.Time
}

func railStates(db *gorm.DB) (map[Rail]railState, error) {
	var rows []railState
	err := db.Find(&rows).Error
	states := map[Rail]railState{}
	for _, row := range rows {
		states[row.Rail] = row
	}
	return states, err
}

// mayBegin refuses to send a payment on its way whose rail is switched off, or
// whose amount is outside the limits as they are now: FieldErrors on "method",
// "amount" and "corporate". Whether the rail fails is asked elsewhere.
func (s *Store) mayBegin(db *gorm.DB, p Payment) error {
	methods, err := s.methodsNow(db, "")
	if err != nil {
		return err
	}
	m, ok := MethodOf(methods, p.Rail)
	if !ok {
		return nil // nobody has set it up: there is no gateway to send it to
	}
	refusal := m.outside(p.AmountFen, methods)
	switch {
	case m.Off:
		refusal = methodOff(m.Rail)
	case refusal == nil && !p.PayerCorporate:
		refusal = m.personal(p.AmountFen)
	}
	if refusal != nil {
		return FieldErrors{refusal}
	}
	return nil
}

// MayBegin refuses, before a gateway is asked, a payment in the place of one
// that it is given: FieldErrors on "method", "amount" and "corporate".
func (s *Store) MayBegin(ctx context.Context, p Payment) error {
	return s.mayBegin(s.read.WithContext(ctx), p)
}

// remitTo notes on a payment where its payer sends the money to, so that it is
// still told when the method is gone.
func (s *Store) remitTo(p *Payment) {
	for _, m := range s.methods {
		if m.Rail == p.Rail && m.Account.Number == p.Payee {
			p.PayeeName, p.PayeeBranch, p.PayeeCode = m.Account.Name, m.Account.Branch, m.Account.Code
		}
	}
}

// MethodSwitch is what staff decide about a method.
type MethodSwitch struct {
	Rail   Rail
	Off    bool
	Reason string
}

// SwitchMethod switches a method off or on, for all processes: no new payment
// begins on one that is off, and what is pending goes on. Switched as it stands
// already, nothing changes. NotFound: no such method; FieldErrors on "reason".
func (s *Store) SwitchMethod(ctx context.Context, by Actor, in MethodSwitch) error {
	if !slices.ContainsFunc(s.Methods(), func(m Method) bool { return m.Rail == in.Rail }) {
		return notFound("method")
	}
	reason := strings.TrimSpace(toValid(in.Reason))
	if refusal := reasonRefusal("reason", reason); refusal != nil {
		return FieldErrors{refusal}
	}
	return s.inTx(ctx, func(t *tx) error {
		row := railState{Rail: in.Rail}
		if err := t.Clauses(clause.OnConflict{DoNothing: true}).Create(&row).Error; err != nil {
			return err // the row stands from here on, so that it can be locked
		}
		if err := t.locked().Take(&row, "rail = ?", in.Rail).Error; err != nil {
			return err
		}
		if in.Off == (row.OffAt != nil) {
			return nil
		}
		row.OffAt = nil
		if in.Off {
			row.OffAt = &t.now
		}
		row.Reason, row.SwitchedAt, row.SwitchedBy = reason, &t.now, nil
		if by.UserID != 0 {
			row.SwitchedBy = &by.UserID
		}
		if err := t.Model(&row).Select("OffAt", "Reason", "SwitchedAt", "SwitchedBy").Updates(&row).Error; err != nil {
			return err
		}
		if in.Off {
			return t.audit(by, "method.off", "method:"+string(in.Rail), "on", "off: "+reason)
		}
		return t.audit(by, "method.on", "method:"+string(in.Rail), "off", "on: "+reason)
	})
}

// NoteFailing keeps that a rail has been failing since an instant and when it is
// tried again, for staff to see; a zero instant: it works again.
func (s *Store) NoteFailing(ctx context.Context, rail Rail, since, tryAgainAt time.Time) error {
	row := railState{Rail: rail}
	if !since.IsZero() {
		row.FailingSince, row.TryAgainAt = &since, &tryAgainAt
	}
	return s.inTx(ctx, func(t *tx) error {
		return t.Clauses(clause.OnConflict{
			Columns: []clause.Column{{Name: "rail"}}, DoUpdates: clause.AssignmentColumns([]string{"failing_since", "try_again_at"}),
		}).Create(&row).Error
	})
}

// noteHolds is how long after the instant of the next try what was noted of a
// failing rail is believed: then a process that has noted nothing since is gone,
// or nobody tried.
const noteHolds = 10 * time.Minute

// failing tells whether what was noted still holds.
func (r railState) failing(now time.Time) bool {
	return r.FailingSince != nil && now.Before(r.TryAgainAt.Add(noteHolds))
}

// MethodState is a method as staff see it. What is failing is what any process
// noted last.
type MethodState struct {
	Method
	SwitchedAt   *time.Time // nil: never
	SwitchedBy   string     // e-mail; "" on the command line
	Reason       string
	FailingSince *time.Time // nil: it works
}

// MethodStates reads the methods for staff, in the order of a page.
func (s *Store) MethodStates(ctx context.Context) ([]MethodState, error) {
	return s.methodStates(s.read.WithContext(ctx))
}

func (s *Store) methodStates(db *gorm.DB) ([]MethodState, error) {
	states, err := railStates(db)
	if err != nil {
		return nil, err
	}
	now, rows := s.Now(), []MethodState{}
	for _, m := range s.Methods() {
		state := states[m.Rail]
		row := MethodState{Method: m, SwitchedAt: state.SwitchedAt, Reason: state.Reason}
		row.Off = state.OffAt != nil
		if state.failing(now) {
			row.FailingSince, row.TryAgainAt = state.FailingSince, *state.TryAgainAt
		}
		if state.SwitchedBy != nil {
			if err := db.Model(&User{}).Where("id = ?", *state.SwitchedBy).Pluck("email", &row.SwitchedBy).Error; err != nil {
				return nil, err
			}
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// failingRails counts the rails of which a process noted that they fail.
func failingRails(db *gorm.DB, now time.Time) (n int64, err error) {
	return n, db.Model(&railState{}).Where("failing_since IS NOT NULL AND try_again_at > ?", now.Add(-noteHolds)).Count(&n).Error
}
