package models

import (
	"cmp"
	"context"
	"slices"
	"strings"
)

// TrendDays are the full days of a campaign's trend on the list, yesterday the
// last: the same as a report's of 7 days.
const TrendDays = 7

// CampaignSorts are what the list of campaigns can be sorted by: the name, what
// is spent today, the daily budget, and what the days of the trend came to. All
// but the name come highest first.
var CampaignSorts = []string{"name", "spent", "budget", "cost", "clicks", "orders", "roi"}

// CampaignInput says which campaigns are asked for, and in which order.
type CampaignInput struct {
	State DeliveryState // "": any
	Name  string        // part of the name, in any case; "": any
	Sort  string        // one of CampaignSorts, "-" before it turns it round; "": as they were made
}

// CampaignListed is a campaign with what it did in the days of the trend.
type CampaignListed struct {
	CampaignView
	Measures
	Costs [TrendDays]Fen // by day in Asia/Shanghai, the oldest first
}

// CampaignList reads an account's campaigns as they stand now, and their trend
// from the rollup of days; all counts them before they are chosen.
func (s *Store) CampaignList(ctx context.Context, accountID int64, in CampaignInput) (list []CampaignListed, all int, err error) {
	views, err := s.Campaigns(ctx, accountID)
	if err != nil {
		return nil, 0, err
	}
	today := s.Now().In(Shanghai)
	days := map[string]int{}
	for i := range TrendDays {
		days[DayOn(today.AddDate(0, 0, i-TrendDays))] = i
	}
	var rows []reportSlot
	err = s.read.WithContext(ctx).Table("campaign_days").Joins("JOIN campaigns c ON c.id = campaign_id").
		Select("campaign_id AS id, day_on, "+sumOfMeasures).Where("c.account_id = ? AND day_on >= ? AND day_on < ?",
		accountID, DayOn(today.AddDate(0, 0, -TrendDays)), DayOn(today)).Group("campaign_id, day_on").Scan(&rows).Error
	if err != nil {
		return nil, 0, err
	}
	did := make(map[int64]*CampaignListed, len(views))
	for _, row := range rows {
		c := did[row.ID]
		if c == nil {
			c = &CampaignListed{}
			did[row.ID] = c
		}
		c.Measures = c.Plus(row.measures())
		c.Costs[days[row.DayOn]] = row.CostFen
	}
	for _, view := range views {
		if !in.takes(view) {
			continue
		}
		one := CampaignListed{}
		if c := did[view.ID]; c != nil {
			one = *c
		}
		one.CampaignView = view
		list = append(list, one)
	}
	in.order(list)
	return list, len(views), nil
}

func (in CampaignInput) takes(v CampaignView) bool {
	return (in.State == "" || in.State == v.Delivery) &&
		strings.Contains(strings.ToLower(v.Name), strings.ToLower(strings.TrimSpace(in.Name)))
}

// order sorts the campaigns; equals stay as they were made.
func (in CampaignInput) order(list []CampaignListed) {
	by, turned := strings.CutPrefix(in.Sort, "-")
	if !slices.Contains(CampaignSorts, by) {
		return
	}
	slices.SortStableFunc(list, func(a, b CampaignListed) int {
		if slices.Contains(MeasureNames, by) {
			return CompareMeasure(a.Measures, b.Measures, by, turned)
		}
		if turned {
			a, b = b, a
		}
		switch by {
		case "name":
			return strings.Compare(a.Name, b.Name)
		case "spent":
			return cmp.Compare(b.SpentTodayFen, a.SpentTodayFen)
		}
		return cmp.Compare(b.DailyBudgetFen, a.DailyBudgetFen)
	})
}
