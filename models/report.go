package models

import (
	"context"
	"slices"
	"time"

	"gorm.io/gorm"
)

// ReportStep is how long the parts of a report are.
type ReportStep string

const (
	ByHour ReportStep = "hour"
	ByDay  ReportStep = "day"
	ByWeek ReportStep = "week" // from Monday
)

// ReportSteps are all of them, the shortest first.
var ReportSteps = []ReportStep{ByHour, ByDay, ByWeek}

// maxReportDays is how many days a report of a step takes.
var maxReportDays = map[ReportStep]int{ByHour: 7, ByDay: 92, ByWeek: 371}

// Periods that are named rather than given by their days. All but today end with
// yesterday: a day that is not over compares with nothing.
var periods = map[string]struct{ back, days int }{
	"today": {0, 1}, "yesterday": {1, 1}, "7d": {7, 7}, "14d": {14, 14}, "30d": {30, 30},
}

// ReportPeriods are the named periods in the order in which they are offered;
// "own" is given by its days.
var ReportPeriods = []string{"today", "yesterday", "7d", "14d", "30d", "own"}

// ReportInput is what a seller asks for, as it was typed. Without a campaign the
// report is of the account; with a keyword, of that alone.
type ReportInput struct {
	Period     string // one of ReportPeriods; "": 7d
	Days       Days   // of "own"
	Step       ReportStep
	CampaignID int64
	KeywordID  int64 // of the campaign
}

// Report is what was delivered in a time, part by part, beside the time as long
// just before it.
type Report struct {
	Campaign    *Campaign // nil: of the account
	Keyword     *Keyword  // nil: of the campaign or the account
	From, Until time.Time // UTC; Until is not in it
	Step        ReportStep
	Rows        []ReportRow // without a gap, oldest first
	Total       Measures
	Before      Measures // of as many days just before
	BeforeFrom  time.Time
	Parts       []ReportPart // of an account its campaigns, of a campaign its keywords; the costliest first
	PartsMore   bool         // there are more than are listed
	Recharges   []ReportRecharge
	Now         time.Time
}

// ReportRow is one hour, day or week. Of the first and the last week only what
// is in the report counts.
type ReportRow struct {
	From, Until time.Time // UTC
	Measures
	Stopped     time.Duration // of it, while nothing could be delivered
	RechargeFen Fen           // that was credited in it
	Recharges   int
}

// ReportPart is a campaign or a keyword with its figures over the whole time.
type ReportPart struct {
	ID   int64
	Name string
	Measures
}

// ReportRecharge is a payment that was credited.
type ReportRecharge struct {
	At        time.Time
	AmountFen Fen
}

// What a report lists at most.
const (
	maxReportParts     = 200
	maxReportRecharges = 500
)

// period is the days asked for: from inclusive, until exclusive. FieldErrors on
// "from" and "to": no days, days to come, more than the step takes.
func (in ReportInput) period(now time.Time) (from, until time.Time, err error) {
	today := dayStart(now)
	if p, named := periods[in.Period]; named {
		from = today.AddDate(0, 0, -p.back)
		return from, from.AddDate(0, 0, p.days), in.fits(from, from.AddDate(0, 0, p.days))
	}
	from, until, refusals := in.Days.Parse()
	if in.Days.From == "" {
		refusals = append(refusals, fieldError("from", "error.day.malformed", nil))
	}
	if in.Days.To == "" {
		refusals = append(refusals, fieldError("to", "error.day.malformed", nil))
	}
	if err := refusals.OrNil(); err != nil {
		return from, until, err
	}
	if from.After(today) {
		return from, until, FieldErrors{fieldError("from", "error.report.to_come", nil)}
	}
	if last := today.AddDate(0, 0, 1); until.After(last) {
		until = last
	}
	return from, until, in.fits(from, until)
}

func (in ReportInput) fits(from, until time.Time) error {
	most := maxReportDays[in.Step]
	if daysBetween(from, until) > most {
		return FieldErrors{fieldError("to", "error.report.too_long", map[string]any{"Max": most})}
	}
	return nil
}

// daysBetween counts days; Shanghai has had no clock change since 1991.
func daysBetween(from, until time.Time) int { return int(until.Sub(from) / (24 * time.Hour)) }

// Report reads what was delivered, from the rollups. FieldErrors on "from" and
// "to"; NotFound: the campaign is not this account's, or the keyword not the
// campaign's.
func (s *Store) Report(ctx context.Context, accountID int64, in ReportInput) (Report, error) {
	if in.Period == "" {
		in.Period = "7d"
	}
	if _, known := maxReportDays[in.Step]; !known {
		in.Step = ByDay
	}
	r := Report{Step: in.Step, Now: s.Now()}
	db := s.read.WithContext(ctx)
	var err error
	if err = r.subject(db, accountID, in); err != nil {
		return r, err
	}
	if r.From, r.Until, err = in.period(r.Now); err != nil {
		return r, err
	}
	r.BeforeFrom = r.From.AddDate(0, 0, -daysBetween(r.From, r.Until))
	if err = r.readRows(db, accountID); err != nil {
		return r, err
	}
	if err = r.readParts(db, accountID); err != nil {
		return r, err
	}
	return r, r.readTurns(db, accountID)
}

// subject finds whose figures are asked for.
func (r *Report) subject(db *gorm.DB, accountID int64, in ReportInput) error {
	if in.CampaignID == 0 {
		return nil
	}
	c, err := ownCampaign(db, accountID, in.CampaignID)
	if err != nil {
		return err
	}
	r.Campaign = &c
	if in.KeywordID == 0 {
		return nil
	}
	var k Keyword
	err = db.Take(&k, "id = ? AND campaign_id = ?", in.KeywordID, c.ID).Error
	r.Keyword = &k
	return found(err, "keyword")
}

// reportSlot is a rollup's row, or the sum of some; the id and the name are of
// what a report is made of.
type reportSlot struct {
	ID             int64
	Name           string
	DayOn          string
	Hour           int
	CostFen        Fen
	Clicks         int64
	Impressions    int64
	ResultClicks   int64
	Orders         int64
	OrderAmountFen Fen
}

func (s reportSlot) measures() Measures {
	return Measures{s.Impressions, s.Clicks, s.ResultClicks, s.CostFen, s.Orders, s.OrderAmountFen}
}

// at is the instant at which the slot begins; a day's hour is 0.
func (s reportSlot) at() (time.Time, error) {
	day, err := time.ParseInLocation(time.DateOnly, s.DayOn, Shanghai)
	return day.Add(time.Duration(s.Hour) * time.Hour).UTC(), err
}

// measureColumns are the figures of every rollup; sumOfMeasures adds them up.
const measureColumns = "cost_fen, clicks, impressions, result_clicks, orders, order_amount_fen"

const sumOfMeasures = `CAST(SUM(cost_fen) AS BIGINT) AS cost_fen, CAST(SUM(clicks) AS BIGINT) AS clicks, CAST(SUM(impressions) AS BIGINT) AS impressions,
	CAST(SUM(result_clicks) AS BIGINT) AS result_clicks, CAST(SUM(orders) AS BIGINT) AS orders, CAST(SUM(order_amount_fen) AS BIGINT) AS order_amount_fen`

// slots asks the rollup that holds the subject by the report's step; each is
// read by a range of its primary key.
func (r *Report) slots(db *gorm.DB, accountID int64) *gorm.DB {
	switch {
	case r.Campaign == nil && r.Step == ByHour:
		return db.Table("account_hours").Select("day_on, hour, "+measureColumns).Where("account_id = ?", accountID)
	case r.Campaign == nil:
		return db.Table("account_hours").Select("day_on, 0 AS hour, "+sumOfMeasures).Where("account_id = ?", accountID).Group("day_on")
	case r.Step == ByHour:
		query := db.Table("keyword_hours").Select("day_on, hour, "+sumOfMeasures).Where("campaign_id = ?", r.Campaign.ID).Group("day_on, hour")
		if r.Keyword != nil {
			query = query.Where("keyword_id = ?", r.Keyword.ID)
		}
		return query
	case r.Keyword != nil:
		return db.Table("keyword_days").Select("day_on, 0 AS hour, "+measureColumns).Where("keyword_id = ?", r.Keyword.ID)
	}
	return db.Table("campaign_days").Select("day_on, 0 AS hour, "+measureColumns).Where("campaign_id = ?", r.Campaign.ID)
}

// readRows fills the rows, their sum, and the sum of the time before.
func (r *Report) readRows(db *gorm.DB, accountID int64) error {
	r.layOut()
	var slots []reportSlot
	err := r.slots(db, accountID).Where("day_on >= ? AND day_on < ?", DayOn(r.BeforeFrom), DayOn(r.Until)).Scan(&slots).Error
	if err != nil {
		return err
	}
	partly := r.Partial() && r.BeforeFrom.Before(r.From)
	if partly {
		if err := r.readYesterday(db, accountID); err != nil {
			return err
		}
	}
	for _, slot := range slots {
		at, err := slot.at()
		if err != nil {
			return err
		}
		if partly && slot.DayOn == DayOn(r.From.AddDate(0, 0, -1)) {
			continue
		}
		if at.Before(r.From) {
			r.Before = r.Before.Plus(slot.measures())
			continue
		}
		r.Total = r.Total.Plus(slot.measures())
		row := &r.Rows[r.rowAt(at)]
		row.Measures = row.Plus(slot.measures())
	}
	return nil
}

// Partial: today is in it, which is not over, so the last day of the time before
// counts up to the same time only.
func (r Report) Partial() bool { return r.Until.After(r.Now) }

// readYesterday sums the last day of the time before up to the same time as now:
// of the hour that has begun, the part of it that has passed.
func (r *Report) readYesterday(db *gorm.DB, accountID int64) error {
	hourly := *r
	hourly.Step = ByHour
	var slots []reportSlot
	now := r.Now.In(Shanghai)
	err := hourly.slots(db, accountID).Where("day_on = ? AND hour <= ?", DayOn(r.From.AddDate(0, 0, -1)), now.Hour()).Scan(&slots).Error
	for _, slot := range slots {
		m := slot.measures()
		if slot.Hour == now.Hour() {
			m = vector{}.plus(m.vector(), float64(now.Minute())/60).measures()
		}
		r.Before = r.Before.Plus(m)
	}
	return err
}

// layOut makes the rows, empty yet; of hours none that has not begun.
func (r *Report) layOut() {
	for from := r.From; from.Before(r.Until) && (r.Step != ByHour || !from.After(r.Now)); {
		var until time.Time
		switch r.Step {
		case ByHour:
			until = from.Add(time.Hour)
		case ByWeek:
			toMonday := (8 - int(from.In(Shanghai).Weekday())) % 7
			if toMonday == 0 {
				toMonday = 7
			}
			until = from.AddDate(0, 0, toMonday)
		default:
			until = from.AddDate(0, 0, 1)
		}
		if until.After(r.Until) {
			until = r.Until
		}
		r.Rows = append(r.Rows, ReportRow{From: from, Until: until})
		from = until
	}
}

// rowAt is the number of the row that holds an instant of the report.
func (r *Report) rowAt(at time.Time) int {
	switch r.Step {
	case ByHour:
		return min(int(at.Sub(r.From)/time.Hour), len(r.Rows)-1)
	case ByWeek:
		if at.Before(r.Rows[0].Until) {
			return 0
		}
		return 1 + int(at.Sub(r.Rows[0].Until)/(7*24*time.Hour))
	}
	return daysBetween(r.From, at)
}

// readParts sums what the subject is made of.
func (r *Report) readParts(db *gorm.DB, accountID int64) error {
	if r.Keyword != nil {
		return nil
	}
	const from = "day_on >= ? AND day_on < ?"
	query := db.Table("campaigns p").Joins("JOIN campaign_days d ON d.campaign_id = p.id").Where("p.account_id = ?", accountID).
		Select("p.id, p.name, " + sumOfMeasures).Group("p.id, p.name")
	if r.Campaign != nil {
		query = db.Table("keywords p").Joins("JOIN keyword_days d ON d.keyword_id = p.id").Where("p.campaign_id = ?", r.Campaign.ID).
			Select("p.id, p.phrase AS name, " + sumOfMeasures).Group("p.id, p.phrase")
	}
	var rows []reportSlot
	err := query.Where(from, DayOn(r.From), DayOn(r.Until)).Order("cost_fen DESC, p.id").Limit(maxReportParts + 1).Scan(&rows).Error
	if err != nil {
		return err
	}
	if len(rows) > maxReportParts {
		rows, r.PartsMore = rows[:maxReportParts], true
	}
	for _, row := range rows {
		r.Parts = append(r.Parts, ReportPart{row.ID, row.Name, row.measures()})
	}
	return nil
}

// readTurns notes the stops and the recharges on the rows, and lists these.
func (r *Report) readTurns(db *gorm.DB, accountID int64) error {
	if err := r.readStops(db, accountID); err != nil {
		return err
	}
	if err := r.readRecharges(db, accountID); err != nil {
		return err
	}
	var paid []Payment
	err := db.Select("settled_at", "amount_fen").Order("settled_at").Limit(maxReportRecharges).
		Find(&paid, "account_id = ? AND settled_at >= ? AND settled_at < ?", accountID, r.From, r.Until).Error
	for _, p := range paid {
		r.Recharges = append(r.Recharges, ReportRecharge{*p.SettledAt, p.AmountFen})
	}
	return err
}

// readStops notes on the rows how long the account, or the campaign alone, stood.
func (r *Report) readStops(db *gorm.DB, accountID int64) error {
	var stops []accountStop
	err := db.Order("began_at").Find(&stops, "account_id = ? AND began_at < ? AND (ended_at IS NULL OR ended_at > ?)", accountID, r.Until, r.From).Error
	if err != nil {
		return err
	}
	var stood []span
	for _, stop := range stops {
		stood = append(stood, span{stop.BeganAt, stop.until(r.Now)})
	}
	if r.Campaign != nil {
		own, err := campaignStops(db, *r.Campaign, r.From, r.Now)
		if err != nil {
			return err
		}
		stood = append(stood, own...)
	}
	for _, stop := range joined(stood) {
		for i := range r.Rows {
			row := &r.Rows[i]
			row.Stopped += overlap(row.From, row.Until, stop.from, stop.until)
		}
	}
	return nil
}

// readRecharges sums what was credited on each row, however many there were: by
// the account's days, or by the payments of an hour.
func (r *Report) readRecharges(db *gorm.DB, accountID int64) error {
	var sums []struct {
		DayOn string
		Hour  int
		Fen   Fen
		Count int
	}
	var query *gorm.DB
	if r.Step == ByHour {
		day, hour := "date(settled_at, '+8 hours')", "CAST(strftime('%H', settled_at, '+8 hours') AS INTEGER)"
		if Engine(db.Name()) == Postgres {
			day, hour = "to_char(settled_at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD')", "CAST(extract(hour FROM settled_at AT TIME ZONE 'Asia/Shanghai') AS INTEGER)"
		}
		query = db.Table("payments").Select(day+" AS day_on, "+hour+" AS hour, CAST(SUM(amount_fen) AS BIGINT) AS fen, COUNT(*) AS count").
			Where("account_id = ? AND settled_at >= ? AND settled_at < ?", accountID, r.From, r.Until).Group("1, 2")
	} else {
		query = db.Table("money_days").Select("day_on, 0 AS hour, cash_in_fen AS fen, moves AS count").
			Where("account_id = ? AND kind = ? AND day_on >= ? AND day_on < ?", accountID, KindRecharge, DayOn(r.From), DayOn(r.Until))
	}
	if err := query.Scan(&sums).Error; err != nil {
		return err
	}
	for _, sum := range sums {
		at, err := reportSlot{DayOn: sum.DayOn, Hour: sum.Hour}.at()
		if err != nil {
			return err
		}
		row := &r.Rows[r.rowAt(at)]
		row.RechargeFen, row.Recharges = row.RechargeFen+sum.Fen, row.Recharges+sum.Count
	}
	return nil
}

// joined are the spans, those that touch made one, the earliest first.
func joined(apart []span) (all []span) {
	slices.SortFunc(apart, func(a, b span) int { return a.from.Compare(b.from) })
	for _, s := range apart {
		if n := len(all); n > 0 && !s.from.After(all[n-1].until) {
			if s.until.After(all[n-1].until) {
				all[n-1].until = s.until
			}
			continue
		}
		all = append(all, s)
	}
	return all
}

// campaignStops are the times since an instant in which a campaign stood under the
// arrears stop: until each restart, from its undo on, and now.
func campaignStops(db *gorm.DB, c Campaign, from, now time.Time) (all []span, err error) {
	var starts []struct {
		StoppedAt, At time.Time
		Undone        bool
		UndoneAt      *time.Time
	}
	err = db.Table("restarts r").Joins("JOIN restart_items i ON i.restart_id = r.id").Order("r.id").Select("i.stopped_at, r.at, i.undone, r.undone_at").
		Where("r.account_id = ? AND r.at > ? AND i.campaign_id = ? AND i.started", c.AccountID, from, c.ID).Scan(&starts).Error
	var again time.Time // when the last restart was undone
	for _, s := range starts {
		if again.After(s.StoppedAt) {
			s.StoppedAt = again
		}
		all = append(all, span{s.StoppedAt, s.At})
		if s.Undone && s.UndoneAt != nil {
			again = *s.UndoneAt
		}
	}
	if began := c.ArrearsStoppedAt; began != nil && again.After(*began) {
		all = append(all, span{again, now})
	} else if began != nil {
		all = append(all, span{*began, now})
	}
	return all, err
}

// overlap is how long two times have in common.
func overlap(from, until, began, ended time.Time) time.Duration {
	if began.After(from) {
		from = began
	}
	if ended.Before(until) {
		until = ended
	}
	return max(0, until.Sub(from))
}

// CampaignName names a campaign in a choice.
type CampaignName struct {
	ID   int64
	Name string
}

// CampaignNames are an account's campaigns, those that have ended too, by name.
func (s *Store) CampaignNames(ctx context.Context, accountID int64) ([]CampaignName, error) {
	var names []CampaignName
	return names, s.read.WithContext(ctx).Model(&Campaign{}).Select("id", "name").Order("name, id").Find(&names, "account_id = ?", accountID).Error
}
