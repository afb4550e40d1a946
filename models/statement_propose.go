package models

import (
	"context"
	"errors"
)

// maxProposed is how many certain lines are proposed at once.
const maxProposed = 200

// ProposeLine asks for a line's money to be credited to the payment that fits
// it; somebody else approves. reason says why, in the asker's words. Conflict:
// no one payment fits, or the line is worked already; otherwise as AskApproval.
// NotFound.
func (s *Store) ProposeLine(ctx context.Context, by Actor, lineID int64, reason string) (Approval, error) {
	var a Approval
	err := s.inTx(ctx, func(t *tx) error {
		var line StatementLine
		if err := t.Take(&line, lineID).Error; err != nil {
			return found(err, "statement line")
		}
		views, err := t.lineViews([]StatementLine{line})
		if err != nil {
			return err
		}
		if v := views[0]; v.State != LineUnmatched || !v.Match.Proposable() {
			return conflict("error.statement.nothing_fits", nil)
		}
		a, err = t.propose(by, line, views[0].Match, reason)
		return err
	})
	return a, err
}

func (t *tx) propose(by Actor, l StatementLine, m Match, reason string) (Approval, error) {
	a, _, err := t.ask(by, ApprovalInput{
		Kind: ApprovalSuspenseClear, SuspenseID: idOr0(l.SuspenseID), PaymentNo: m.PaymentNo, Reason: reason,
	})
	return a, err
}

// ProposeCertain asks so for the unmatched lines whose remark names a payment of
// their amount, at most 200, the oldest first, and gives how many. Those that
// the asker may not ask for are passed over.
func (s *Store) ProposeCertain(ctx context.Context, by Actor, reason string) (proposed int, err error) {
	err = s.inTx(ctx, func(t *tx) error {
		proposed = 0
		for after := int64(0); proposed < maxProposed; {
			var lines []StatementLine
			query := unmatched(t.Table("statement_lines AS l").Select("l.*").Joins("JOIN suspense_items i ON i.id = l.suspense_id"))
			if err := query.Where("l.id > ?", after).Order("l.id").Limit(statementChunk).Scan(&lines).Error; err != nil || len(lines) == 0 {
				return err
			}
			after = lines[len(lines)-1].ID
			n, err := t.proposeCertain(by, lines, reason, maxProposed-proposed)
			if proposed += n; err != nil {
				return err
			}
		}
		return nil
	})
	return proposed, err
}

// proposeCertain does so for some lines that are unmatched: by their remarks
// alone, since a name makes none certain. Two of them may name one payment: the
// first is proposed, and the other waits for a human.
func (t *tx) proposeCertain(by Actor, lines []StatementLine, reason string, most int) (proposed int, err error) {
	asked, err := t.askedPayments()
	if err != nil {
		return 0, err
	}
	named, err := t.named(lines, asked)
	if err != nil {
		return 0, err
	}
	taken := map[string]bool{}
	for _, l := range lines {
		if proposed == most {
			break
		}
		m := l.match(named[l.ID], nil, nil)
		if !m.Certain() || taken[m.PaymentNo] {
			continue
		}
		taken[m.PaymentNo] = true
		_, err := t.propose(by, l, m, reason)
		if refused := (FieldErrors)(nil); errors.As(err, &refused) {
			continue
		}
		if err != nil {
			return proposed, err
		}
		proposed++
	}
	return proposed, nil
}
