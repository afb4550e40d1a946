package models

import (
	"context"
	"errors"

	"ztc-portal/models/ledger"
)

// Approve decides for a request and does it, in one transaction. What it
// stands on is looked at again: when that does not hold any more the request
// comes back as failed, with why, and nothing was done. A request that is
// decided already comes back as it stands. Forbidden: asked by the same person,
// or beyond the role. NotFound.
func (s *Store) Approve(ctx context.Context, by Actor, id int64, note string) (Approval, error) {
	var a Approval
	var doubt *Error
	err := s.inTx(ctx, func(t *tx) error {
		doubt = nil
		var now bool
		var err error
		if a, now, err = t.decide(by, id, ApprovalApproved, clip(note, maxNote)); err != nil || !now {
			return err
		}
		m, err := t.matterOf(a)
		if err != nil {
			return err
		}
		if doubt = a.doubt(m); doubt != nil {
			return doubt
		}
		return t.perform(by, a, m)
	})
	if doubt == nil || !errors.Is(err, error(doubt)) {
		return a, err
	}
	err = s.inTx(ctx, func(t *tx) (err error) {
		a, _, err = t.decide(by, id, ApprovalFailed, doubt.Key)
		return err
	})
	return a, err
}

const maxNote = 4 * maxReason // bytes

// RefuseApproval decides against a request, with a reason. FieldErrors on note;
// otherwise as Approve.
func (s *Store) RefuseApproval(ctx context.Context, by Actor, id int64, note string) (Approval, error) {
	if refusal := reasonRefusal("note", toValid(note)); refusal != nil {
		return Approval{}, FieldErrors{refusal}
	}
	return s.endApproval(ctx, by, id, ApprovalRefused, toValid(note))
}

// WithdrawApproval takes a request back. Forbidden: asked by somebody else;
// otherwise as Approve.
func (s *Store) WithdrawApproval(ctx context.Context, by Actor, id int64) (Approval, error) {
	return s.endApproval(ctx, by, id, ApprovalWithdrawn, "")
}

func (s *Store) endApproval(ctx context.Context, by Actor, id int64, next ApprovalState, note string) (Approval, error) {
	var a Approval
	err := s.inTx(ctx, func(t *tx) (err error) {
		a, _, err = t.decide(by, id, next, note)
		return err
	})
	return a, err
}

// decide moves an open request to its end; now is false when it had ended
// before. Of several who decide at once the conditional update lets one through.
func (t *tx) decide(by Actor, id int64, next ApprovalState, note string) (a Approval, now bool, err error) {
	user, err := t.staffUser(by)
	if err != nil {
		return a, false, err
	}
	if err := t.Take(&a, id).Error; err != nil {
		return a, false, found(err, "approval")
	}
	if refusal := a.decideRefusal(user, next); refusal != nil {
		return a, false, refusal
	}
	if a.State != ApprovalOpen {
		return a, false, nil
	}
	a.State, a.DecidedBy, a.DecidedAt, a.Note = next, &user.ID, &t.now, note
	err = changed(t.Model(&Approval{}).Where("id = ? AND state = ?", id, ApprovalOpen).
		Select("State", "DecidedBy", "DecidedAt", "Note").Updates(&a))
	if err != nil {
		return a, false, err
	}
	return a, true, t.audit(by, actionOn("approval", string(next)), subject("approval", a.ID), a.summary(), note)
}

// matterOf reads what a request stands on, under the account's lock.
func (t *tx) matterOf(a Approval) (m matter, err error) {
	if m.args, err = a.ParseArgs(); err != nil {
		return m, err
	}
	m.now = t.now
	if err := t.Take(&m.asker, a.AskedBy).Error; err != nil {
		return m, found(err, "user")
	}
	if a.AccountID != nil {
		account, err := t.lockAccount(*a.AccountID)
		if err != nil {
			return m, err
		}
		m.account = &account
		if m.funds, err = t.funds(account); err != nil {
			return m, err
		}
	}
	if a.PaymentID != nil {
		m.payment = &Payment{}
		if err := t.Take(m.payment, *a.PaymentID).Error; err != nil {
			return m, found(err, "payment")
		}
		if m.reserved, err = reservedOf(t.DB, *a.PaymentID); err != nil {
			return m, err
		}
	}
	if a.SuspenseID != nil {
		m.item = &SuspenseItem{}
		if err := t.Take(m.item, *a.SuspenseID).Error; err != nil {
			return m, found(err, "suspense item")
		}
	}
	if m.args.ForPayment != "" {
		m.payment = &Payment{}
		if err := t.Take(m.payment, "no = ?", m.args.ForPayment).Error; err != nil {
			return m, found(err, "payment")
		}
	}
	if m.args.Refund != "" {
		m.refund = &Refund{}
		if err := t.Take(m.refund, "request_no = ?", m.args.Refund).Error; err != nil {
			return m, found(err, "refund")
		}
	}
	if a.Kind == ApprovalRefundUnpaid {
		if err := t.lockTransfers(); err != nil {
			return m, err
		}
		err = t.Raw("SELECT EXISTS (SELECT 1 FROM statement_debits WHERE request_no = ?)", m.args.Refund).Scan(&m.left).Error
	}
	if a.Kind == ApprovalBankTransfer || a.Kind == ApprovalRefundPaid {
		if err := t.lockTransfers(); err != nil {
			return m, err
		}
		number := compact(m.args.Reference) // older ones were kept with their hyphens
		err = t.Raw(`SELECT EXISTS (SELECT 1 FROM payments p WHERE `+bankNumber+` = ?)
			OR EXISTS (SELECT 1 FROM suspense_items WHERE rail = ? AND gateway_trade_no IN (?, ?))
			OR EXISTS (SELECT 1 FROM statement_lines WHERE serial_no = ? AND serial_no <> '')
			OR EXISTS (SELECT 1 FROM refunds WHERE bank_no <> '' AND LTRIM(bank_no, '0') = LTRIM(?, '0'))`,
			number, RailBankTransfer, number, m.args.Reference, number, number).Scan(&m.used).Error
	}
	return m, err
}

// perform does what was asked for. The caller holds the account's lock, and has
// no doubt.
func (t *tx) perform(by Actor, a Approval, m matter) error {
	switch a.Kind {
	case ApprovalRefund:
		return t.reserveRefund(a, m)
	case ApprovalAdjustment:
		return t.postOn(m.account, m.funds, KindAdjustment, a.reference(), a.AmountFen, nil)
	case ApprovalBonusGrant:
		return t.postOn(m.account, m.funds, KindBonusGrant, a.reference(), a.AmountFen, m.args.expiresAt())
	case ApprovalBankTransfer:
		return t.creditTransfer(a, m)
	case ApprovalFreeze:
		return t.freeze(by, m.account, a.Reason)
	case ApprovalUnfreeze:
		return t.unfreeze(by, m.account)
	case ApprovalSuspenseClear:
		return t.clearSuspense(a, m)
	case ApprovalRefundPaid, ApprovalRefundUnpaid:
		return t.endByBank(by, a, m)
	}
	return errors.New("models: nothing is known to do for a " + string(a.Kind))
}

// transferPayee stands for our own account at the bank.
const transferPayee = "bank_transfer"

// creditTransfer makes the payment of a bank transfer and settles it by the one
// function that credits, keyed by the bank's own number.
func (t *tx) creditTransfer(a Approval, m matter) error {
	day, _, refusals := Days{From: m.args.PaidOn}.Parse()
	if len(refusals) > 0 {
		return refusals
	}
	p := Payment{
		No: newPaymentNo(t.now), AccountID: *a.AccountID, Rail: RailBankTransfer, State: PaymentDraft,
		AmountFen: a.AmountFen, Currency: "CNY", CreatedAt: t.now,
	}
	if err := t.Create(&p).Error; err != nil {
		if uniqueTaken(err) {
			return errStale
		}
		return err
	}
	outcome, err := t.settle(Receipt{
		Rail: RailBankTransfer, OutTradeNo: p.No, GatewayTradeNo: compact(m.args.Reference), State: TradePaid,
		AmountFen: p.AmountFen, Currency: p.Currency, Payee: transferPayee, PaidAt: day,
	})
	switch {
	case errors.Is(err, ledger.ErrMismatch): // the number was credited elsewhere since we looked
		return errStale
	case err == nil && outcome != OutcomeSettled:
		return errors.New("models: a bank transfer came to " + string(outcome))
	}
	return err
}

// KindSuspenseClear is the ledger's kind for suspense that found its way; the
// reference is the item's, so that it is cleared once.
const KindSuspenseClear = "suspense_clear"

// clearSuspense moves an item to the account's cash, or back out to the rail it
// came by, where no account is named. Where a payment is named it is paid by that.
func (t *tx) clearSuspense(a Approval, m matter) error {
	from, err := t.systemAccount("suspense")
	if err != nil {
		return err
	}
	to := int64(0)
	if m.account != nil {
		to = m.account.CashAccountID
	} else if to, err = t.systemAccount("gateway:" + string(m.item.Rail)); err != nil {
		return err
	}
	amount := int64(m.item.AmountFen)
	posted, err := ledger.Post(t.DB, KindSuspenseClear, subject("suspense", m.item.ID), []ledger.Line{
		{AccountID: from, AmountFen: -amount}, {AccountID: to, AmountFen: amount},
	}, t.now)
	if errors.Is(err, ledger.ErrMismatch) || err == nil && !posted.New {
		return errStale // cleared since we looked
	}
	if err != nil {
		return err
	}
	if m.payment != nil {
		if err := t.paidFromSuspense(m, posted.TransactionID); err != nil {
			return err
		}
	}
	err = changed(t.Model(&SuspenseItem{}).Where("id = ? AND cleared_at IS NULL", m.item.ID).Update("cleared_at", t.now))
	if err == nil && m.item.Rail == RailBankTransfer {
		err = t.clearedOn(*m.item)
	}
	if err != nil || m.account == nil {
		return err
	}
	if m.payment == nil {
		if err := t.event(m.account.ID, EventSuspenseCredited, EventArgs{AmountFen: m.item.AmountFen}); err != nil {
			return err
		}
	}
	return t.fundsMoved(m.account, KindSuspenseClear, m.funds, Funds{m.funds.Cash + m.item.AmountFen, m.funds.Bonus})
}
