package models

import (
	"time"

	"gorm.io/gorm"
)

// adviceApplied is advice that an edit followed.
type adviceApplied struct {
	EditID     int64      `gorm:"primaryKey"`
	Kind       AdviceKind `gorm:"primaryKey"`
	CampaignID int64      `gorm:"primaryKey"`
	KeywordID  int64      `gorm:"primaryKey;autoIncrement:false"`
	BeforeFen  Fen
	AfterFen   Fen
}

func (adviceApplied) TableName() string { return "advice_applied" }

// AppliedSpans are the days after advice was followed at which it is looked back
// on, each against as many days before.
var AppliedSpans = []int{1, 3, 7}

// AppliedAdvice is advice that was followed in the last 30 days, and what its
// keyword or campaign did around it. The day itself belongs to neither side.
type AppliedAdvice struct {
	Kind                AdviceKind
	At                  time.Time
	CampaignID          int64
	Campaign            string
	KeywordID           int64
	Phrase              string
	BeforeFen, AfterFen Fen
	Spans               []AppliedSpan `gorm:"-"`
}

// AppliedSpan holds Days days after against as many before; Over is false while
// they have not passed.
type AppliedSpan struct {
	Days          int
	Over          bool
	Before, After Measures
}

// appliedAdvice reads the newest 50; what was put back is left out.
func appliedAdvice(db *gorm.DB, accountID int64, now time.Time) (list []AppliedAdvice, err error) {
	err = db.Table("advice_applied AS v").Joins("JOIN edits e ON e.id = v.edit_id").Joins("JOIN campaigns c ON c.id = v.campaign_id").
		Joins("LEFT JOIN keywords k ON k.id = v.keyword_id").
		Select("v.kind, e.at, v.campaign_id, c.name AS campaign, v.keyword_id, COALESCE(k.phrase, '') AS phrase, v.before_fen, v.after_fen").
		Where(`e.account_id = ? AND e.at > ? AND NOT EXISTS (SELECT 1 FROM edit_items i WHERE i.edit_id = e.id AND i.undone
			AND i.subject = CASE v.keyword_id WHEN 0 THEN 'campaign' ELSE 'keyword' END AND i.subject_id = CASE v.keyword_id WHEN 0 THEN v.campaign_id ELSE v.keyword_id END)`, accountID, now.AddDate(0, 0, -adviceDays)).
		Order("e.id DESC, v.kind, v.campaign_id, v.keyword_id").Limit(50).Scan(&list).Error
	if err != nil || len(list) == 0 {
		return list, err
	}
	var keywords, campaigns []int64
	for _, a := range list {
		if a.KeywordID != 0 {
			keywords = append(keywords, a.KeywordID)
		} else {
			campaigns = append(campaigns, a.CampaignID)
		}
	}
	longest := AppliedSpans[len(AppliedSpans)-1]
	from, today := DayOn(now.AddDate(0, 0, -adviceDays-longest-1)), DayOn(now)
	did := map[adviceDay]Measures{}
	read := func(table, column string, ids []int64) error {
		var rows []reportSlot
		err := db.Table(table).Select(column+" AS id, day_on, "+measureColumns).
			Where(column+" IN ? AND day_on >= ? AND day_on < ?", ids, from, today).Scan(&rows).Error
		for _, row := range rows {
			did[adviceDay{table, row.ID, row.DayOn}] = row.measures()
		}
		return err
	}
	if err := read("keyword_days", "keyword_id", keywords); err != nil {
		return nil, err
	}
	if err := read("campaign_days", "campaign_id", campaigns); err != nil {
		return nil, err
	}
	for i := range list {
		list[i].lookBack(did, today)
	}
	return list, nil
}

// adviceDay names a row of a rollup of days.
type adviceDay struct {
	table string
	id    int64
	day   string
}

func (a *AppliedAdvice) lookBack(did map[adviceDay]Measures, today string) {
	table, id := "campaign_days", a.CampaignID
	if a.KeywordID != 0 {
		table, id = "keyword_days", a.KeywordID
	}
	for _, days := range AppliedSpans {
		span := AppliedSpan{Days: days, Over: DayOn(a.At.AddDate(0, 0, days)) < today}
		for n := 1; n <= days && span.Over; n++ {
			span.Before = span.Before.Plus(did[adviceDay{table, id, DayOn(a.At.AddDate(0, 0, -n))}])
			span.After = span.After.Plus(did[adviceDay{table, id, DayOn(a.At.AddDate(0, 0, n))}])
		}
		a.Spans = append(a.Spans, span)
	}
}
