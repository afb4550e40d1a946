package models

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
)

// KeywordSorts are what the keywords of a campaign can be sorted by: their
// phrase, bid and quality, and every measure. A measure comes highest first.
var KeywordSorts = append([]string{"phrase", "bid", "quality"}, MeasureNames...)

// KeywordSwitches are what a keyword's switch can be, as a filter.
var KeywordSwitches = []string{"on", "off"}

// KeywordInput says which keywords of a campaign are asked for, in which order,
// and over which days their figures are summed.
type KeywordInput struct {
	Period string // one of ReportPeriods; "": 7d
	Days   Days   // of "own"
	Sort   string // one of KeywordSorts, "-" before it turns it round; "": as they were added
	Switch string // one of KeywordSwitches; "": either
	Match  MatchType
	Phrase string // part of the phrase; "": any
}

// KeywordView is a keyword with what it did in the days asked for.
type KeywordView struct {
	Keyword
	Measures
}

// CampaignDesk is a campaign and its keywords, with figures of some days.
type CampaignDesk struct {
	CampaignView
	From, Until time.Time     // UTC; Until is not in it
	Keywords    []KeywordView // that were asked for
	All         int           // keywords there are
	Total       Measures      // of the campaign: keywords that are removed and clicks without one count too
	Ceiling     Fen           // the most that a click may cost
}

// CampaignDesk reads it from the rollups. FieldErrors on "from" and "to";
// NotFound: not this account's.
func (s *Store) CampaignDesk(ctx context.Context, accountID, id int64, in KeywordInput) (CampaignDesk, error) {
	view, keywords, err := s.CampaignDetail(ctx, accountID, id)
	if err != nil {
		return CampaignDesk{}, err
	}
	d := CampaignDesk{CampaignView: view, All: len(keywords)}
	asked := ReportInput{Period: cmp.Or(in.Period, "7d"), Days: in.Days, Step: ByDay}
	if d.From, d.Until, err = asked.period(s.Now()); err != nil {
		return d, err
	}
	db := s.read.WithContext(ctx)
	var account Account
	if err := db.Take(&account, accountID).Error; err != nil {
		return d, err
	}
	d.Ceiling = account.BidCeiling(s.rules)
	did, err := keywordMeasures(db, id, d.From, d.Until)
	if err != nil {
		return d, err
	}
	for _, k := range keywords {
		if in.takes(k) {
			d.Keywords = append(d.Keywords, KeywordView{k, did[k.ID]})
		}
	}
	in.order(d.Keywords)
	var total reportSlot
	err = db.Table("campaign_days").Select(sumOfMeasures).
		Where("campaign_id = ? AND day_on >= ? AND day_on < ?", id, DayOn(d.From), DayOn(d.Until)).Scan(&total).Error
	d.Total = total.measures()
	return d, err
}

// keywordMeasures sums the days of a campaign's keywords, by keyword.
func keywordMeasures(db *gorm.DB, campaignID int64, from, until time.Time) (map[int64]Measures, error) {
	var rows []reportSlot
	err := db.Table("keywords k").Joins("JOIN keyword_days d ON d.keyword_id = k.id").Select("k.id, "+sumOfMeasures).
		Where("k.campaign_id = ? AND day_on >= ? AND day_on < ?", campaignID, DayOn(from), DayOn(until)).Group("k.id").Scan(&rows).Error
	did := make(map[int64]Measures, len(rows))
	for _, row := range rows {
		did[row.ID] = row.measures()
	}
	return did, err
}

func (in KeywordInput) takes(k Keyword) bool {
	return (in.Switch == "" || in.Switch == onOff(k.SwitchedOn)) && (in.Match == "" || in.Match == k.MatchType) &&
		strings.Contains(strings.ToLower(k.Phrase), strings.ToLower(strings.TrimSpace(in.Phrase)))
}

// order sorts the keywords; equals stay as they were added.
func (in KeywordInput) order(keywords []KeywordView) {
	by, turned := strings.CutPrefix(in.Sort, "-")
	compare := func(a, b KeywordView) int {
		switch by {
		case "phrase":
			return strings.Compare(a.Phrase, b.Phrase)
		case "bid":
			return cmp.Compare(b.BidFen, a.BidFen)
		case "quality":
			return cmp.Compare(b.Quality, a.Quality)
		}
		return 0
	}
	if !slices.Contains(KeywordSorts, by) {
		return
	}
	slices.SortStableFunc(keywords, func(a, b KeywordView) int {
		if slices.Contains(MeasureNames, by) {
			return CompareMeasure(a.Measures, b.Measures, by, turned)
		}
		if turned {
			return compare(b, a)
		}
		return compare(a, b)
	})
}

// Change is an edit in the words of the page: what of which rows it changed.
type Change struct {
	Edit
	Rows  int    // that it changed
	First string // the name of the first of them
	Items []EditItem
}

// LastChange is LastEdit with the name of what it changed; one without an id:
// there is none that the user may still put back.
func (s *Store) LastChange(ctx context.Context, accountID, userID int64) (Change, error) {
	edit, items, err := s.LastEdit(ctx, accountID, userID)
	if err != nil || edit.ID == 0 || len(items) == 0 {
		return Change{}, err
	}
	c := Change{Edit: edit, Items: items, Rows: len(rowsOf(items))}
	table, name := "campaigns", "name"
	if items[0].Subject == "keyword" {
		table, name = "keywords", "phrase"
	}
	err = s.read.WithContext(ctx).Table(table).Select(name).Where("id = ?", items[0].SubjectID).Scan(&c.First).Error
	return c, err
}

// EditNames names the rows of an edit's items, e.g. of one that was only tried.
// Ids that are not this account's have no name.
func (s *Store) EditNames(ctx context.Context, accountID int64, items []EditItem) (map[int64]string, error) {
	if len(items) == 0 {
		return nil, nil
	}
	db := s.read.WithContext(ctx)
	query := db.Table("campaigns").Select("id, name").Where("account_id = ?", accountID)
	if items[0].Subject == "keyword" {
		query = db.Table("keywords").Select("keywords.id, phrase AS name").
			Joins("JOIN campaigns c ON c.id = campaign_id").Where("c.account_id = ?", accountID)
	}
	var rows []struct {
		ID   int64
		Name string
	}
	ids := column(items, func(i EditItem) int64 { return i.SubjectID })
	table := items[0].Subject + "s.id IN ?"
	if err := query.Where(table, ids).Scan(&rows).Error; err != nil {
		return nil, err
	}
	names := make(map[int64]string, len(rows))
	for _, row := range rows {
		names[row.ID] = row.Name
	}
	return names, nil
}
