package models

import (
	"context"
	"fmt"
	"time"
)

// campaignValues are what sellers edit of a campaign.
func (c Campaign) values() []value {
	return []value{
		{"daily_budget_fen", "campaign.budget", c.DailyBudgetFen.Wire()},
		{"switched_on", "campaign.switch", onOff(c.SwitchedOn)},
		{"schedule", "campaign.schedule", string(c.Schedule)},
	}
}

// set gives a value back to its field, as values writes it.
func (c *Campaign) set(field, text string, now time.Time) error {
	switch field {
	case "daily_budget_fen":
		budget, refused := ParseFen(text)
		if refused != nil {
			return refused
		}
		c.DailyBudgetFen = budget
	case "switched_on":
		c.SwitchedOn, c.SwitchedAt, c.PausedFor = text == onOff(true), now, ""
	case "schedule":
		c.Schedule = Schedule(text)
	default:
		return fmt.Errorf("models: a campaign has no value %q", field)
	}
	return nil
}

// ownCampaigns reads the campaigns that are named under their locks, by
// ascending id. NotFound when one is not this account's.
func (e *editing) ownCampaigns(rows []RowRef) ([]Campaign, error) {
	ids := distinct(rows)
	var campaigns []Campaign
	if err := e.locked().Order("id").Find(&campaigns, "account_id = ? AND id IN ?", e.account.ID, ids).Error; err != nil {
		return nil, err
	}
	if len(campaigns) != len(ids) {
		return nil, notFound("campaign")
	}
	return campaigns, nil
}

// saveCampaign writes what differs, and has what follows from it done.
func (e *editing) saveCampaign(before, after Campaign) error {
	after.RowVersion = before.RowVersion + 1
	differs, err := e.save("campaign", before.ID, before.values(), after.values())
	if err != nil || !differs {
		return err
	}
	err = changed(e.Model(&Campaign{}).Where("id = ? AND row_version = ?", before.ID, before.RowVersion).
		Select("DailyBudgetFen", "SwitchedOn", "SwitchedAt", "PausedFor", "Schedule", "RowVersion").Updates(&after))
	if err != nil {
		return err
	}
	e.touch(e.account.ID)
	if before.DailyBudgetFen != after.DailyBudgetFen {
		if err := e.budgetChanged(after, before.DailyBudgetFen); err != nil {
			return err
		}
	}
	if before.Schedule != after.Schedule {
		e.retell(before.ID)
	}
	if before.SwitchedOn == after.SwitchedOn {
		return nil
	}
	f, err := e.funds(e.account)
	if err != nil || f.Spendable() <= 0 || e.account.FrozenAt != nil {
		return err
	}
	return e.closeStopIfNoneWaits(e.account.ID) // it may have been the last that waited for a restart
}

// SwitchCampaign is the seller's own switch: on or off. It never touches the
// arrears stop. NotFound; Conflict when the campaign has ended.
func (s *Store) SwitchCampaign(ctx context.Context, by Actor, accountID, id int64, on bool) error {
	_, err := s.SwitchCampaigns(ctx, by, accountID, []RowRef{{ID: id}}, on)
	return err
}

// SwitchCampaigns switches several, all or none of them. NotFound when one is
// not this account's; Conflict when one has ended; FieldErrors on "row" when
// none or too many are named, or one that is to be started is not as it was drawn:
// somebody, or the portal, may have paused it since. To pause is never refused.
func (s *Store) SwitchCampaigns(ctx context.Context, by Actor, accountID int64, rows []RowRef, on bool) (Edit, error) {
	if err := tooMany(len(rows), "row"); err != nil {
		return Edit{}, err
	}
	made, _, err := s.editAs(ctx, by, accountID, EditSwitch, false, func(e *editing) error {
		campaigns, err := e.ownCampaigns(rows)
		if err != nil {
			return err
		}
		seen := versions(rows)
		for _, c := range campaigns {
			if c.SwitchedOn == on {
				continue
			}
			if c.EndedAt != nil {
				return conflict("error.campaign.ended", map[string]any{"Name": c.Name})
			}
			if on && seen[c.ID].stale("row", c.RowVersion, nil) != nil {
				return FieldErrors{fieldError("row", "error.row.moved", map[string]any{"Name": c.Name})}
			}
			after := c
			after.SwitchedOn, after.SwitchedAt, after.PausedFor = on, e.now, ""
			if err := e.saveCampaign(c, after); err != nil {
				return err
			}
		}
		return nil
	})
	return made, err
}

// SetBudget changes a campaign's daily budget as the seller typed it, in yuan.
// Refusals stand on the field "budget": the amount, less than what is spent
// today, or that somebody else was quicker. NotFound; Conflict when it has ended.
func (s *Store) SetBudget(ctx context.Context, by Actor, accountID int64, row RowRef, typed string) (Edit, error) {
	made, _, err := s.editAs(ctx, by, accountID, EditBudget, false, func(e *editing) error {
		return e.setBudgets([]RowRef{row}, BulkChange{To: typed}, func(int64) string { return "budget" })
	})
	return made, err
}

// SetBudgets changes the daily budgets of several, all or none of them; refusals
// stand on "budget" where the change itself is wrong, and on "budget.ID" of a row.
// With dry nothing is changed: the items say what would be.
func (s *Store) SetBudgets(ctx context.Context, by Actor, accountID int64, rows []RowRef, change BulkChange, dry bool) (Edit, []EditItem, error) {
	if err := tooMany(len(rows), "row"); err != nil {
		return Edit{}, nil, err
	}
	return s.editAs(ctx, by, accountID, EditBudget, dry, func(e *editing) error {
		return e.setBudgets(rows, change, func(id int64) string { return onRow("budget", id) })
	})
}

func (e *editing) setBudgets(rows []RowRef, change BulkChange, fieldOf func(int64) string) error {
	to, refused := change.rule("budget")
	if refused != nil {
		return FieldErrors{refused}
	}
	campaigns, err := e.ownCampaigns(rows)
	if err != nil {
		return err
	}
	seen := versions(rows)
	var refusals FieldErrors
	for _, c := range campaigns {
		after := c
		after.DailyBudgetFen = to(c.DailyBudgetFen)
		if c.EndedAt != nil {
			return conflict("error.campaign.ended", map[string]any{"Name": c.Name})
		}
		refused, err := e.budgetRefusal(seen[c.ID], c, after.DailyBudgetFen, fieldOf(c.ID))
		if err != nil {
			return err
		}
		if refused != nil {
			refusals = append(refusals, refused)
			continue
		}
		if err := e.saveCampaign(c, after); err != nil {
			return err
		}
	}
	return refusals.OrNil()
}

// budgetRefusal is why a campaign can't have this budget, or nil.
func (e *editing) budgetRefusal(row RowRef, c Campaign, budget Fen, field string) (*Error, error) {
	if refused := row.stale(field, c.RowVersion, c.DailyBudgetFen); refused != nil {
		return refused, nil
	}
	if budget == c.DailyBudgetFen {
		return nil, nil
	}
	if refused := within(budget, field, e.rules.MinBudget, e.rules.MaxRecharge, "error.budget.too_small", "error.budget.too_large"); refused != nil {
		return refused, nil
	}
	spent, err := e.spentToday(c.ID)
	if err == nil && budget < spent {
		return fieldError(field, "error.budget.under_spent", map[string]any{"Spent": spent}), nil
	}
	return nil, err
}

// ChangeSchedule changes a part of a campaign's bid factors by half hour, of the
// version that was on the page. Refusals stand on "days", "copy", "to", "factor"
// and "schedule". NotFound; Conflict when it has ended.
func (s *Store) ChangeSchedule(ctx context.Context, by Actor, accountID int64, row RowRef, in ScheduleInput) (Edit, error) {
	return s.schedule(ctx, by, accountID, row, func(now Schedule) (Schedule, FieldErrors) { return now.change(in) })
}

func (s *Store) schedule(ctx context.Context, by Actor, accountID int64, row RowRef, change func(Schedule) (Schedule, FieldErrors)) (Edit, error) {
	made, _, err := s.editAs(ctx, by, accountID, EditSchedule, false, func(e *editing) error {
		campaigns, err := e.ownCampaigns([]RowRef{row})
		if err != nil {
			return err
		}
		c := campaigns[0]
		if c.EndedAt != nil {
			return conflict("error.campaign.ended", map[string]any{"Name": c.Name})
		}
		if refused := row.stale("schedule", c.RowVersion, ""); refused != nil {
			refused.Key, refused.Args = "error.schedule.stale", nil
			return FieldErrors{refused}
		}
		after := c
		var refusals FieldErrors
		if after.Schedule, refusals = change(c.Schedule); len(refusals) > 0 {
			return refusals
		}
		return e.saveCampaign(c, after)
	})
	return made, err
}
