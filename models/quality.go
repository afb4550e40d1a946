package models

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"ztc-portal/models/bulk"
)

// A keyword's quality is the engine's own figure. It is told of with results, the
// newest word of each day is kept (keyword_qualities), and keywords.quality is that
// of the newest day. It is no edit of the seller's: the row's version stays.
const (
	minQuality = 1
	maxQuality = 10
)

// qualityDay names the row of a keyword's day.
type qualityDay struct {
	keyword int64
	day     string
}

// qualityTold is what the newest hour of a day says.
type qualityTold struct {
	at      time.Time
	quality int64
}

// storeQualities keeps what results say of quality. A word on an hour before the
// newest that was told of the same day changes nothing; one on the same hour does.
// The caller holds the lock of every account they belong to.
func (t *tx) storeQualities(conn bulk.Conn, results []Result) error {
	newest := map[qualityDay]qualityTold{}
	for _, r := range results {
		if r.Quality == nil {
			continue
		}
		key := qualityDay{r.KeywordID, DayOn(r.HourAt)}
		if stands, is := newest[key]; !is || !r.HourAt.Before(stands.at) {
			newest[key] = qualityTold{r.HourAt.UTC(), *r.Quality}
		}
	}
	if len(newest) == 0 {
		return nil
	}
	days := slices.SortedFunc(maps.Keys(newest), func(a, b qualityDay) int { return cmp.Or(cmp.Compare(a.keyword, b.keyword), cmp.Compare(a.day, b.day)) })
	n := len(days)
	keywords, names, hours, qualities := make([]int64, n), make([]string, n), make([]time.Time, n), make([]int64, n)
	for i, d := range days {
		keywords[i], names[i], hours[i], qualities[i] = d.keyword, d.day, newest[d].at, newest[d].quality
	}
	err := conn.Insert("keyword_qualities", n, []bulk.Column{
		{Name: "keyword_id", Values: keywords}, {Name: "day_on", Values: names}, {Name: "hour_at", Values: hours}, {Name: "quality", Values: qualities},
	}, `ON CONFLICT (keyword_id, day_on) DO UPDATE SET hour_at = excluded.hour_at, quality = excluded.quality
		WHERE keyword_qualities.hour_at <= excluded.hour_at`, nil)
	if err != nil {
		return err
	}
	return conn.Select(`UPDATE keywords SET quality = (SELECT q.quality FROM keyword_qualities q WHERE q.keyword_id = keywords.id
		ORDER BY q.day_on DESC LIMIT 1) WHERE %s`, "id", slices.Compact(keywords), nil)
}
