package main

import "time"

// How the simulated engine judges keywords: slowly. A quality moves by one at most
// a day, away from where it began and back; who was not seen for half a day begins
// one lower.
const (
	qualityLeast  = 1
	qualityMost   = 10
	unseenLowers  = 12 * time.Hour
	qualityMovesA = 3 // one day in so many
)

// judged is what the engine holds of a keyword.
type judged struct {
	home, now int64
	told      int       // the day, see dayOf
	seen      time.Time // the last hour with traffic
}

// qualities belongs to play alone.
type qualities map[int64]*judged

// tell writes the quality into the first result of a keyword's day; known says
// what the portal holds of a keyword, 0 for one that it does not bid with any more.
// Rows come by hour.
func (q qualities) tell(rows []result, known func(campaignID, keywordID int64) int64) {
	for i := range rows {
		row := &rows[i]
		j := q[row.KeywordID]
		if j == nil {
			quality := known(row.CampaignID, row.KeywordID)
			if quality == 0 {
				continue
			}
			j = &judged{home: quality, now: quality, told: -1, seen: row.Hour}
			q[row.KeywordID] = j
		}
		day, unseen := dayOf(row.Hour), row.Hour.Sub(j.seen)
		if unseen > 0 {
			j.seen = row.Hour
		}
		if unseen < 0 || j.told == day && unseen < unseenLowers {
			continue
		}
		if j.told >= 0 {
			j.move(row.KeywordID, day, unseen >= unseenLowers)
		}
		j.told = day
		quality := j.now
		row.Quality = &quality
	}
}

// move judges anew; chance follows from the keyword and the day alone.
func (j *judged) move(keywordID int64, day int, wasGone bool) {
	chance := scatter(uint64(keywordID)<<16 ^ uint64(day))
	switch {
	case wasGone:
		j.now--
	case chance%qualityMovesA != 0:
	case j.now < j.home:
		j.now++
	case j.now > j.home || chance>>32&1 == 0:
		j.now--
	default:
		j.now++
	}
	j.now = min(max(j.now, qualityLeast), qualityMost)
}

// qualityOf is a keyword's quality as the portal last gave it, 0 if it is not bid with.
func (b *board) qualityOf(campaignID, keywordID int64) int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, k := range b.keywords[campaignID] {
		if k.KeywordID == keywordID {
			return k.Quality
		}
	}
	return 0
}
