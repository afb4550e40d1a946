package models

import (
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf8"
)

// ApprovalKind is what is asked for.
type ApprovalKind string

const (
	ApprovalRefund        ApprovalKind = "refund"
	ApprovalAdjustment    ApprovalKind = "adjustment"
	ApprovalBonusGrant    ApprovalKind = "bonus_grant"
	ApprovalBankTransfer  ApprovalKind = "bank_transfer"
	ApprovalFreeze        ApprovalKind = "freeze"
	ApprovalUnfreeze      ApprovalKind = "unfreeze"
	ApprovalSuspenseClear ApprovalKind = "suspense_clear"
	ApprovalRefundPaid    ApprovalKind = "refund_paid"   // at the bank, by people
	ApprovalRefundUnpaid  ApprovalKind = "refund_unpaid" // it can't be: the cash has it again
)

// ApprovalKinds lists every kind, in the order of the filter.
var ApprovalKinds = []ApprovalKind{
	ApprovalRefund, ApprovalAdjustment, ApprovalBonusGrant, ApprovalBankTransfer,
	ApprovalFreeze, ApprovalUnfreeze, ApprovalSuspenseClear, ApprovalRefundPaid, ApprovalRefundUnpaid,
}

// ApprovalState is where a request stands. All but open are ends.
type ApprovalState string

const (
	ApprovalOpen      ApprovalState = "open"
	ApprovalApproved  ApprovalState = "approved" // and done, in the same transaction
	ApprovalRefused   ApprovalState = "refused"
	ApprovalWithdrawn ApprovalState = "withdrawn" // by who asked
	ApprovalFailed    ApprovalState = "failed"    // approved, but what it stood on did not hold any more: nothing was done
)

// ApprovalStates lists every state.
var ApprovalStates = []ApprovalState{ApprovalOpen, ApprovalApproved, ApprovalRefused, ApprovalWithdrawn, ApprovalFailed}

// Approval is one request of staff that somebody else decides on. What was
// asked for never changes; instants are UTC.
type Approval struct {
	ID         int64 `gorm:"primaryKey"`
	Kind       ApprovalKind
	AccountID  *int64 // nil: suspense that goes back to its payer
	PaymentID  *int64 // of a refund
	SuspenseID *int64 // of a clearing
	AmountFen  Fen    // 0 for a freeze and its end; below 0 for an adjustment that takes
	Reason     string
	Args       string // ApprovalArgs
	AskedBy    int64
	AskedAt    time.Time
	State      ApprovalState
	DecidedBy  *int64
	DecidedAt  *time.Time
	Note       string // the decider's; of a failed one the text key of why
}

// ApprovalArgs are the facts of a bank transfer, in or out, and of suspense that
// pays a payment.
type ApprovalArgs struct {
	Reference  string `json:"reference,omitempty"`   // the bank's own number
	PaidOn     string `json:"paid_on,omitempty"`     // day in Shanghai
	ForPayment string `json:"for_payment,omitempty"` // no of the payment that the suspense pays, or that the refund is of
	Refund     string `json:"refund,omitempty"`      // request no of the refund that people pay out
	ExpiresOn  string `json:"expires_on,omitempty"`  // of a bonus: the last day in Shanghai on which it can be spent; empty: it does not expire
}

// expiresAt is the instant at which the bonus's last day is over, or nil.
func (a ApprovalArgs) expiresAt() *time.Time {
	day, err := time.ParseInLocation(time.DateOnly, a.ExpiresOn, Shanghai)
	if a.ExpiresOn == "" || err != nil {
		return nil
	}
	end := day.AddDate(0, 0, 1).UTC()
	return &end
}

// ParseArgs reads the facts that are kept beside the amount.
func (a Approval) ParseArgs() (args ApprovalArgs, err error) {
	return args, json.Unmarshal([]byte(a.Args), &args)
}

// reference is the ledger's for what an approval posts itself.
func (a Approval) reference() string { return "approval:" + strconv.FormatInt(a.ID, 10) }

// summary is what the audit trail says of a request.
func (a Approval) summary() string {
	line := string(a.Kind) + " " + a.AmountFen.Wire()
	if a.AccountID != nil {
		line += " " + subject("account", *a.AccountID)
	}
	if a.PaymentID != nil {
		line += " " + subject("payment", *a.PaymentID)
	}
	if a.SuspenseID != nil {
		line += " " + subject("suspense", *a.SuspenseID)
	}
	return line + ": " + a.Reason
}

// ApprovalLimit is up to which amount, in fen, a role may ask, and decide.
type ApprovalLimit struct{ Ask, Decide Fen }

// approvalLimits is the table of amounts; which kinds a role may ask for at all,
// and whether it decides, stands in the table of permissions. A freeze has no
// amount: who may ask or decide on anything of the kind may do so.
var approvalLimits = map[Role]ApprovalLimit{
	RoleSupport: {Ask: 0, Decide: 0},
	RoleFinance: {Ask: 500_000 * Yuan, Decide: 50_000 * Yuan},
	RoleAdmin:   {Ask: 5_000_000 * Yuan, Decide: 5_000_000 * Yuan},
}

// askPermissions is what somebody must be permitted to ask for each kind.
var askPermissions = map[ApprovalKind]Permission{
	ApprovalRefund: PermRefund, ApprovalAdjustment: PermAdjust, ApprovalBonusGrant: PermGrant, ApprovalBankTransfer: PermAdjust,
	ApprovalFreeze: PermFreeze, ApprovalUnfreeze: PermFreeze, ApprovalSuspenseClear: PermAdjust,
	ApprovalRefundPaid: PermRefund, ApprovalRefundUnpaid: PermRefund,
}

// AskPermission is what somebody must be permitted to ask for this.
func (k ApprovalKind) AskPermission() Permission { return askPermissions[k] }

// Limit is up to which amount the role may ask and decide.
func (r Role) Limit() ApprovalLimit { return approvalLimits[r] }

func forbidden(key string, args map[string]any) *Error {
	return &Error{Code: Forbidden, Key: key, Args: args}
}

// askRefusal is the rule of who may ask for what, nil where it is allowed.
func (u User) askRefusal(kind ApprovalKind) *Error {
	if u.DisabledAt != nil || !u.Role.May(kind.AskPermission()) {
		return forbidden("error.role.not_allowed", nil)
	}
	return nil
}

// amountRefusal is the rule of how much a role may ask for.
func (u User) amountRefusal(amount Fen) *Error {
	if limit := u.Role.Limit().Ask; max(amount, -amount) > limit {
		return fieldError("amount", "error.approval.ask_limit", map[string]any{"Max": limit})
	}
	return nil
}

// decideRefusal is the rule of two persons: nobody decides on what they asked
// for themselves, not even an admin, nor on more than their role may. Who
// asked, and nobody else, may withdraw.
func (a Approval) decideRefusal(u User, next ApprovalState) *Error {
	switch {
	case next == ApprovalWithdrawn:
		if u.ID != a.AskedBy || u.DisabledAt != nil {
			return forbidden("error.approval.not_yours", nil)
		}
		return nil
	case u.DisabledAt != nil || !u.Role.May(PermApprove):
		return forbidden("error.role.not_allowed", nil)
	case u.ID == a.AskedBy:
		return forbidden("error.approval.own", nil)
	case max(a.AmountFen, -a.AmountFen) > u.Role.Limit().Decide:
		return forbidden("error.approval.decide_limit", map[string]any{"Max": u.Role.Limit().Decide})
	}
	return nil
}

// matter is all that an approval stands on, read under the account's lock.
type matter struct {
	now      time.Time
	asker    User     // as they are now
	account  *Account // nil: none concerned
	funds    Funds
	payment  *Payment // of a refund, or that the suspense pays
	refund   *Refund  // that people pay out
	reserved Fen      // of the payment, in refunds under way
	item     *SuspenseItem
	args     ApprovalArgs
	used     bool // the bank's number was credited or paid out before, or stands in suspense
	left     bool // a statement has a debit that names the refund
}

// refundable is how much may go back to the payment's source now: what was paid,
// less what went back or is on its way, and no more than the cash that is left.
func (m matter) refundable() Fen {
	if m.payment == nil || !m.payment.State.IsPaid() {
		return 0
	}
	return max(0, min(m.payment.AmountFen-m.payment.RefundedFen-m.reserved, m.funds.Cash))
}

// doubt is the rule of whether a request can be done as things stand: asked
// when it is made, and again when it is approved. nil: it can.
func (a Approval) doubt(m matter) *Error {
	no := func(field, key string) *Error { return &Error{Code: Conflict, Field: field, Key: key} }
	if m.asker.askRefusal(a.Kind) != nil || m.asker.amountRefusal(a.AmountFen) != nil {
		return no("reason", "error.approval.asker") // two persons who may, or it is one
	}
	switch a.Kind {
	case ApprovalRefund:
		return a.refundDoubt(m)
	case ApprovalFreeze:
		if m.account.FrozenAt != nil {
			return no("reason", "error.account.frozen_already")
		}
	case ApprovalBonusGrant:
		if end := m.args.expiresAt(); end != nil && !end.After(m.now) {
			return no("expires_on", "error.bonus.expired")
		}
	case ApprovalUnfreeze:
		if m.account.FrozenAt == nil {
			return no("reason", "error.account.not_frozen")
		}
	case ApprovalBankTransfer:
		if m.used {
			return no("reference", "error.reference.used")
		}
	case ApprovalRefundPaid, ApprovalRefundUnpaid:
		if m.refund.State.Ended() {
			return no("reason", "error.refund.ended")
		}
		if m.used {
			return no("reference", "error.reference.used")
		}
		if m.left {
			return no("reason", "error.refund.left")
		}
	case ApprovalSuspenseClear:
		if m.item.ClearedAt != nil {
			return no("reason", "error.suspense.cleared")
		}
		if m.payment != nil && m.payment.State.IsPaid() {
			return no("payment", "error.suspense.payment_paid")
		}
	}
	return nil
}

func (a Approval) refundDoubt(m matter) *Error {
	no := func(key string) *Error { return &Error{Code: Conflict, Field: "amount", Key: key} }
	switch {
	case !m.payment.State.IsPaid():
		return no("error.refund.not_paid")
	case a.AmountFen > m.payment.AmountFen-m.payment.RefundedFen-m.reserved:
		return no("error.refund.over_paid")
	case a.AmountFen > m.funds.Cash:
		return no("error.refund.over_cash")
	}
	return nil
}

const (
	minReason = 5
	maxReason = 500
)

// reasonRefusal is the rule of what is written beside a request or a refusal.
func reasonRefusal(field, reason string) *Error {
	switch n := utf8.RuneCountInString(reason); {
	case n < minReason:
		return fieldError(field, "error.reason.too_short", map[string]any{"Min": minReason})
	case n > maxReason:
		return fieldError(field, "error.reason.too_long", map[string]any{"Max": maxReason})
	}
	return nil
}
