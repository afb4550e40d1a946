package models

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm"
)

// ApprovalInput is what staff typed to ask for something. Of AccountID,
// PaymentNo, SuspenseID and RefundNo the one that the kind is about is set; suspense may
// name a payment too.
type ApprovalInput struct {
	Kind       ApprovalKind
	AccountID  int64
	PaymentNo  string
	SuspenseID int64
	RefundNo   string // the request no of one that people pay out
	Amount     string // yuan, as typed
	Direction  string // of an adjustment: "add" or "take"
	Reason     string
	Reference  string // the bank's own number, of a transfer
	PaidOn     string // the bank's day in Shanghai, YYYY-MM-DD
	ExpiresOn  string // of a bonus: the last day in Shanghai on which it can be spent, YYYY-MM-DD; empty: it does not expire
	To         string // of suspense: the account's number; empty, and no payment: back to its payer
}

// AskApproval stores a request that somebody else decides on. The same request
// again, while it is open, gives the one that stands. FieldErrors on amount,
// direction, reason, reference, paid_on, to, payment; NotFound; Forbidden: the role may
// not ask for this.
func (s *Store) AskApproval(ctx context.Context, by Actor, in ApprovalInput) (Approval, error) {
	var a Approval
	err := s.inTx(ctx, func(t *tx) (err error) {
		a, _, err = t.ask(by, in)
		return err
	})
	return a, err
}

func (t *tx) ask(by Actor, in ApprovalInput) (Approval, matter, error) {
	user, err := t.staffUser(by)
	if err != nil {
		return Approval{}, matter{}, err
	}
	if refusal := user.askRefusal(in.Kind); refusal != nil {
		return Approval{}, matter{}, refusal
	}
	a, refusals, err := t.parseApproval(in)
	if err != nil {
		return a, matter{}, err
	}
	if refusals.On("amount") == nil {
		if refusal := user.amountRefusal(a.AmountFen); refusal != nil {
			refusals = append(refusals, refusal)
		}
	}
	a.AskedBy, a.AskedAt, a.State = user.ID, t.now, ApprovalOpen
	m, err := t.matterOf(a)
	if err != nil {
		return a, m, err
	}
	if len(refusals) == 0 {
		if doubt := a.doubt(m); doubt != nil {
			refusals = append(refusals, doubt)
		}
	}
	if err := refusals.OrNil(); err != nil {
		return a, m, err
	}
	var same []Approval
	err = t.Limit(1).Find(&same, `state = 'open' AND asked_by = ? AND kind = ? AND amount_fen = ? AND reason = ? AND args = ?
		AND COALESCE(account_id, 0) = ? AND COALESCE(payment_id, 0) = ? AND COALESCE(suspense_id, 0) = ?`, a.AskedBy, a.Kind, a.AmountFen,
		a.Reason, a.Args, idOr0(a.AccountID), idOr0(a.PaymentID), idOr0(a.SuspenseID)).Error
	if err != nil || len(same) > 0 {
		return append(same, a)[0], m, err
	}
	if err := t.Create(&a).Error; err != nil {
		return a, m, err
	}
	return a, m, t.audit(by, "approval.ask", subject("approval", a.ID), "", a.summary())
}

func idOr0(id *int64) int64 {
	if id == nil {
		return 0
	}
	return *id
}

// staffUser is who acts, a member of staff. Forbidden for anybody else.
func (t *tx) staffUser(by Actor) (User, error) {
	var u User
	if err := t.Take(&u, by.UserID).Error; err != nil {
		return u, found(err, "user")
	}
	if !u.Role.IsStaff() || u.DisabledAt != nil {
		return u, forbidden("error.role.not_allowed", nil)
	}
	return u, nil
}

// parseApproval reads what was typed; all refusals are collected. NotFound: what
// it is about does not exist.
func (t *tx) parseApproval(in ApprovalInput) (a Approval, refusals FieldErrors, err error) {
	a = Approval{Kind: in.Kind, Reason: strings.TrimSpace(toValid(in.Reason)), Args: "{}"}
	add := func(refusal *Error) {
		if refusal != nil {
			refusals = append(refusals, refusal)
		}
	}
	switch in.Kind {
	case ApprovalRefund:
		err = t.parseRefund(in, &a)
	case ApprovalSuspenseClear:
		var refusal *Error
		refusal, err = t.parseClearing(in, &a)
		add(refusal)
	case ApprovalRefundPaid, ApprovalRefundUnpaid:
		var refusal FieldErrors
		refusal, err = t.parseEnd(in, &a)
		refusals = append(refusals, refusal...)
	default:
		a.AccountID = &in.AccountID
	}
	if err != nil {
		return a, nil, err
	}
	switch in.Kind {
	case ApprovalFreeze, ApprovalUnfreeze, ApprovalSuspenseClear, ApprovalRefundPaid, ApprovalRefundUnpaid:
	default:
		var refusal *Error
		a.AmountFen, refusal = ParseFen(in.Amount)
		add(refusal)
	}
	switch in.Kind {
	case ApprovalAdjustment:
		switch in.Direction {
		case "add":
		case "take":
			a.AmountFen = -a.AmountFen
		default:
			add(fieldError("direction", "error.direction.empty", nil))
		}
	case ApprovalBankTransfer:
		args, refusal := in.transfer(t.now)
		refusals = append(refusals, refusal...)
		a.Args, err = args.stored()
	case ApprovalBonusGrant:
		args := ApprovalArgs{ExpiresOn: strings.TrimSpace(in.ExpiresOn)}
		add(args.expiryRefusal(t.now))
		a.Args, err = args.stored()
	}
	add(reasonRefusal("reason", a.Reason))
	return a, refusals, err
}

func (a ApprovalArgs) stored() (string, error) {
	stored, err := json.Marshal(a)
	return string(stored), err
}

// expiryRefusal is the rule of a bonus's last day: today at the earliest, within two years.
func (a ApprovalArgs) expiryRefusal(now time.Time) *Error {
	end := a.expiresAt()
	switch {
	case a.ExpiresOn == "":
		return nil
	case end == nil:
		return fieldError("expires_on", "error.day.malformed", nil)
	case !end.After(now):
		return fieldError("expires_on", "error.bonus.expired", nil)
	case end.After(now.AddDate(2, 0, 1)):
		return fieldError("expires_on", "error.bonus.too_long", nil)
	}
	return nil
}

func (t *tx) parseRefund(in ApprovalInput, a *Approval) error {
	var p Payment
	if err := t.Take(&p, "no = ?", in.PaymentNo).Error; err != nil {
		return found(err, "payment")
	}
	a.PaymentID, a.AccountID = &p.ID, &p.AccountID
	return nil
}

// parseClearing reads where suspense goes: to an account, or back.
func (t *tx) parseClearing(in ApprovalInput, a *Approval) (*Error, error) {
	var item SuspenseItem
	if err := t.Take(&item, in.SuspenseID).Error; err != nil {
		return nil, found(err, "suspense item")
	}
	a.SuspenseID, a.AmountFen = &item.ID, item.AmountFen
	typed := strings.TrimSpace(strings.Map(toHalfWidth, in.To))
	if no := typedCode(in.PaymentNo); no != "" {
		if typed != "" {
			return fieldError("to", "error.suspense.payment_or_account", nil), nil
		}
		return t.parsePaid(item, no, a)
	}
	if typed == "" {
		return nil, nil
	}
	id, err := strconv.ParseInt(strings.TrimPrefix(typed, "#"), 10, 64)
	if err != nil {
		return fieldError("to", "error.account.unknown", nil), nil
	}
	var known int64
	if err := t.Model(&Account{}).Where("id = ?", id).Count(&known).Error; err != nil {
		return nil, err
	}
	if known == 0 {
		return fieldError("to", "error.account.unknown", nil), nil
	}
	a.AccountID = &id
	return nil, nil
}

// parsePaid reads which payment the suspense pays, by its no or its reference
// code: one of the same rail over exactly this amount.
func (t *tx) parsePaid(item SuspenseItem, no string, a *Approval) (*Error, error) {
	if item.Rail != RailBankTransfer { // any other rail's own word says what was paid
		return fieldError("payment", "error.suspense.payment_rail", nil), nil
	}
	var p Payment
	err := t.Take(&p, "rail = ? AND (no = ? OR reference_code = ?)", item.Rail, no, no).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return fieldError("payment", "error.suspense.payment_unknown", nil), nil
	}
	if err != nil {
		return nil, err
	}
	a.AccountID = &p.AccountID
	if p.AmountFen != item.AmountFen {
		return fieldError("payment", "error.suspense.payment_amount", map[string]any{"Ours": p.AmountFen, "Theirs": item.AmountFen}), nil
	}
	stored, err := json.Marshal(ApprovalArgs{ForPayment: p.No})
	a.Args = string(stored)
	return nil, err
}

var bankReference = regexp.MustCompile(`^[0-9A-Z]{6,64}$`)

// transfer reads the facts of a bank transfer. The bank's number is kept in
// capitals without spaces and hyphens, as a statement's is, so that one number is
// one credit however it is typed.
func (in ApprovalInput) transfer(now time.Time) (args ApprovalArgs, refusals FieldErrors) {
	args.Reference = compact(strings.Join(strings.Fields(in.Reference), ""))
	if !bankReference.MatchString(args.Reference) {
		refusals = append(refusals, fieldError("reference", "error.reference.malformed", nil))
	}
	args.PaidOn = strings.TrimSpace(in.PaidOn)
	switch day, err := time.ParseInLocation(time.DateOnly, args.PaidOn, Shanghai); {
	case err != nil:
		refusals = append(refusals, fieldError("paid_on", "error.day.malformed", nil))
	case day.After(now):
		refusals = append(refusals, fieldError("paid_on", "error.day.not_begun", nil))
	}
	return args, refusals
}

// AccountStanding is how an account stands at one instant.
type AccountStanding struct {
	State   AccountState
	Funds   Funds
	Serving int // campaigns that deliver
}

// ApprovalPreview is what a request does: the command itself, rolled back.
type ApprovalPreview struct {
	AccountID     int64 // 0: no account is concerned
	Before, After AccountStanding
}

// errDryRun rolls a preview back.
var errDryRun = errors.New("models: a dry run")

// PreviewApproval does what is asked for and rolls it back. FieldErrors and
// refusals as AskApproval.
func (s *Store) PreviewApproval(ctx context.Context, by Actor, in ApprovalInput) (ApprovalPreview, error) {
	return s.dryRun(ctx, by, func(t *tx) (Approval, matter, error) { return t.ask(by, in) })
}

// PreviewDecision does what an open request asks for and rolls it back.
// Conflict: it can't be done as things stand now, or is decided. NotFound.
func (s *Store) PreviewDecision(ctx context.Context, by Actor, id int64) (ApprovalPreview, error) {
	return s.dryRun(ctx, by, func(t *tx) (a Approval, m matter, err error) {
		if err := t.Take(&a, id).Error; err != nil {
			return a, m, found(err, "approval")
		}
		if a.State != ApprovalOpen {
			return a, m, conflict("error.approval.decided", nil)
		}
		if m, err = t.matterOf(a); err != nil {
			return a, m, err
		}
		if doubt := a.doubt(m); doubt != nil {
			return a, m, doubt
		}
		return a, m, nil
	})
}

func (s *Store) dryRun(ctx context.Context, by Actor, get func(*tx) (Approval, matter, error)) (ApprovalPreview, error) {
	var p ApprovalPreview
	err := s.inTx(ctx, func(t *tx) error {
		p = ApprovalPreview{}
		a, m, err := get(t)
		if err != nil {
			return err
		}
		p.AccountID = idOr0(a.AccountID)
		if p.Before, err = s.standingOf(t, p.AccountID); err != nil {
			return err
		}
		if err := t.perform(by, a, m); err != nil {
			return err
		}
		if p.After, err = s.standingOf(t, p.AccountID); err != nil {
			return err
		}
		return errDryRun
	})
	if errors.Is(err, errDryRun) {
		err = nil
	}
	return p, err
}

// standingOf reads how an account stands inside a transaction; 0: none.
func (s *Store) standingOf(t *tx, accountID int64) (AccountStanding, error) {
	if accountID == 0 {
		return AccountStanding{}, nil
	}
	a, f, err := s.accountAndFunds(t.DB, accountID)
	if err != nil {
		return AccountStanding{}, err
	}
	campaigns, err := s.campaignViews(t.DB, a, f)
	standing := AccountStanding{State: a.State(), Funds: f}
	for _, c := range campaigns {
		if c.SharePercent > 0 {
			standing.Serving++
		}
	}
	return standing, err
}
