package models

import (
	"context"
	"strings"
	"time"
)

// NewKeyword is a keyword to create; Bid in fen.
type NewKeyword struct {
	Phrase  string
	Bid     Fen
	Quality int // 1–10
}

// NewCampaign is a campaign to create; Budget in fen a day.
type NewCampaign struct {
	Name       string
	Budget     Fen
	SwitchedOn bool
	EndedAt    *time.Time
	Keywords   []NewKeyword
}

// CreateCampaign stores a campaign with its keywords and gives its id.
// FieldErrors on name and budget; NotFound: no such account.
func (s *Store) CreateCampaign(ctx context.Context, by Actor, accountID int64, in NewCampaign) (int64, error) {
	var refusals FieldErrors
	if strings.TrimSpace(in.Name) == "" {
		refusals = append(refusals, fieldError("name", "error.name.empty", nil))
	}
	if in.Budget < s.rules.MinBudget {
		refusals = append(refusals, fieldError("budget", "error.budget.too_small", map[string]any{"Min": s.rules.MinBudget}))
	}
	if err := refusals.OrNil(); err != nil {
		return 0, err
	}
	var id int64
	err := s.inTx(ctx, func(t *tx) error {
		if _, err := t.lockAccount(accountID); err != nil {
			return err
		}
		c := Campaign{
			AccountID: accountID, Name: in.Name, DailyBudgetFen: in.Budget, SwitchedOn: in.SwitchedOn,
			SwitchedAt: t.now, EndedAt: in.EndedAt, RowVersion: 1, CreatedAt: t.now,
		}
		if err := t.Create(&c).Error; err != nil {
			if uniqueTaken(err) {
				return FieldErrors{fieldError("name", "error.name.taken", nil)}
			}
			return err
		}
		id = c.ID
		t.touch(accountID)
		for _, k := range in.Keywords {
			err := t.Create(&Keyword{CampaignID: c.ID, Phrase: k.Phrase, MatchType: MatchBroad, BidFen: k.Bid, Quality: k.Quality, SwitchedOn: true, RowVersion: 1, CreatedAt: t.now}).Error
			if err != nil {
				return err
			}
		}
		return t.audit(by, "campaign.create", subject("campaign", c.ID), "", facts("budget", c.DailyBudgetFen.Wire(), "switch", onOff(c.SwitchedOn), "name", c.Name))
	})
	return id, err
}
