package models

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"ztc-portal/models/bulk"
)

// Rollups are kept as charges and results arrive, so that no page ever sums
// raw rows: campaign_days and keyword_days by day, account_hours and
// keyword_hours by hour, all in Asia/Shanghai. An account's day is the sum of
// its hours, a campaign's hour the sum over its keywords.

// campaignDay is a campaign's day; CostFen and Clicks are what was charged.
type campaignDay struct {
	CampaignID int64  `gorm:"primaryKey"`
	DayOn      string `gorm:"primaryKey"`
	CostFen    Fen
	Clicks     int64
}

func (campaignDay) TableName() string { return "campaign_days" }

// accountHour is an account's hour of a day.
type accountHour struct {
	AccountID int64  `gorm:"primaryKey"`
	DayOn     string `gorm:"primaryKey"`
	Hour      int    `gorm:"primaryKey"`
	CostFen   Fen
}

func (accountHour) TableName() string { return "account_hours" }

// slot is one row of a rollup; at counts days or hours from 1970, in Shanghai;
// part is the second id where a table has one.
type slot struct{ id, at, part int64 }

// measures are what is added to a row.
type measures [4]int64

// rollup gathers what is to be added to one table.
type rollup struct {
	table, key string
	part       string // the column of the second id, "": none
	byHour     bool
	columns    []string
	sums       map[slot]measures
}

func (r rollup) add(id, part, hour int64, m measures) {
	s := slot{id, hour, part}
	if !r.byHour {
		s.at = hour / 24
	}
	sum := r.sums[s]
	for i := range m {
		sum[i] += m[i]
	}
	r.sums[s] = sum
}

// rollups are the tables that one column of figures goes to.
type rollups struct{ campaignDays, keywordDays, accountHours, keywordHours rollup }

// all are the tables, in the order in which they are written.
func (r rollups) all() []rollup {
	return []rollup{r.campaignDays, r.keywordDays, r.accountHours, r.keywordHours}
}

func newRollups(columns ...string) rollups {
	return rollups{
		rollup{"campaign_days", "campaign_id", "", false, columns, map[slot]measures{}},
		rollup{"keyword_days", "keyword_id", "", false, columns, map[slot]measures{}},
		rollup{"account_hours", "account_id", "", true, columns, map[slot]measures{}},
		rollup{"keyword_hours", "campaign_id", "keyword_id", true, columns, map[slot]measures{}},
	}
}

// add notes figures of an account's campaign and keyword (0: none).
func (r rollups) add(account, campaign, keyword int64, at time.Time, m measures) {
	hour := hourOf(at)
	r.campaignDays.add(campaign, 0, hour, m)
	r.accountHours.add(account, 0, hour, m)
	r.keywordHours.add(campaign, keyword, hour, m)
	if keyword > 0 {
		r.keywordDays.add(keyword, 0, hour, m)
	}
}

// hourOf counts the hours from 1970 in Shanghai, which is 8 ahead of UTC.
func hourOf(at time.Time) int64 { return at.Unix()/3600 + 8 }

// dayNamed is the day, as DayOn names it, that a count of days is.
func dayNamed(days int64) string { return time.Unix(days*86400, 0).UTC().Format(time.DateOnly) }

// columnsOf gives the rows in the order of their keys, column by column.
func (r rollup) columnsOf() (keys, figures []bulk.Column, n int) {
	slots := slices.SortedFunc(maps.Keys(r.sums), func(a, b slot) int {
		return cmp.Or(cmp.Compare(a.id, b.id), cmp.Compare(a.at, b.at), cmp.Compare(a.part, b.part))
	})
	n = len(slots)
	ids, parts, days, hours := make([]int64, n), make([]int64, n), make([]string, n), make([]int64, n)
	values := make([][]int64, len(r.columns))
	for i := range values {
		values[i] = make([]int64, n)
	}
	names := make(map[int64]string) // of the days: a body has few
	for row, s := range slots {
		day := s.at
		if r.byHour {
			day, hours[row] = s.at/24, s.at%24
		}
		if names[day] == "" {
			names[day] = dayNamed(day)
		}
		ids[row], parts[row], days[row] = s.id, s.part, names[day]
		sum := r.sums[s]
		for i := range values {
			values[i][row] = sum[i]
		}
	}
	keys = []bulk.Column{{Name: r.key, Values: ids}, {Name: "day_on", Values: days}}
	if r.byHour {
		keys = append(keys, bulk.Column{Name: "hour", Values: hours})
	}
	if r.part != "" {
		keys = append(keys, bulk.Column{Name: r.part, Values: parts})
	}
	for i, name := range r.columns {
		figures = append(figures, bulk.Column{Name: name, Values: values[i]})
	}
	return keys, figures, n
}

func (r rollup) keyNames() string {
	names := r.key + ", day_on"
	if r.byHour {
		names += ", hour"
	}
	if r.part != "" {
		names += ", " + r.part
	}
	return names
}

// upsert adds figures that only grow, and makes the rows that are new. The
// caller holds the lock of every account they belong to.
func (r rollup) upsert(conn bulk.Conn, returning string, each func(bulk.Scan) error) error {
	keys, figures, n := r.columnsOf()
	suffix := "ON CONFLICT (" + r.keyNames() + ") DO UPDATE SET "
	for i, name := range r.columns {
		if i > 0 {
			suffix += ", "
		}
		suffix += name + " = " + r.table + "." + name + " + excluded." + name
	}
	return conn.Insert(r.table, n, append(keys, figures...), suffix+" "+returning, each)
}

// correct adds figures that may be less than nothing: rows are made first.
func (r rollup) correct(conn bulk.Conn) error {
	keys, figures, n := r.columnsOf()
	if err := conn.Insert(r.table, n, keys, "ON CONFLICT ("+r.keyNames()+") DO NOTHING", nil); err != nil {
		return err
	}
	return conn.Add(r.table, n, keys, figures, "", nil)
}

// rollUpCharges adds the clicks to their days and hours, and notes which daily
// budgets they used up.
func (t *tx) rollUpCharges(dues []*due) error {
	r := newRollups("cost_fen", "clicks")
	r.accountHours.columns = append(r.accountHours.columns, "cash_paid_fen", "bonus_paid_fen")
	account := make(map[int64]int64)
	for _, p := range dues {
		r.accountHours.add(p.account.ID, 0, hourOf(t.now), measures{2: int64(p.before.Cash - p.after.Cash), 3: int64(p.before.Bonus - p.after.Bonus)})
		for _, c := range p.charges {
			at := c.ChargedAt
			if at.After(t.now) { // nothing is booked on a day to come
				at = t.now
			}
			r.add(p.account.ID, c.CampaignID, c.KeywordID, at, measures{int64(c.AmountFen), 1})
			account[c.CampaignID] = p.account.ID
		}
	}
	today := DayOn(t.now)
	conn := bulk.On(t.DB)
	soft, err := t.softNow()
	if err != nil {
		return err
	}
	var reached []int64
	err = r.campaignDays.upsert(conn, `RETURNING campaign_id, day_on, cost_fen,
		(SELECT daily_budget_fen FROM campaigns WHERE campaigns.id = campaign_days.campaign_id)`, func(scan bulk.Scan) error {
		var campaign int64
		var day string
		var cost, budget Fen
		if err := scan(&campaign, &day, &cost, &budget); err != nil {
			return err
		}
		if day != today {
			return nil
		}
		before := cost - Fen(r.campaignDays.sums[slot{id: campaign, at: hourOf(t.now) / 24}][0])
		crossed := func(limit Fen) bool { return before < limit && limit <= cost }
		c, starts := soft[campaign]
		if crossed(budget) || starts && crossed(c.limit(t.now)) {
			reached = append(reached, campaign)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, rest := range r.all()[1:] {
		if err := rest.upsert(conn, "", nil); err != nil {
			return err
		}
	}
	for _, campaign := range reached {
		if err := t.budgetReached(account[campaign], campaign); err != nil {
			return err
		}
	}
	return nil
}
