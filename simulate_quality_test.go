package main

import (
	"testing"
	"time"
)

// tellAt is what is told of one keyword's hour, 0: nothing.
func tellAt(q qualities, keyword int64, hour time.Time, known int64) int64 {
	rows := []result{{CampaignID: 1, KeywordID: keyword, Hour: hour}}
	q.tell(rows, func(int64, int64) int64 { return known })
	if rows[0].Quality == nil {
		return 0
	}
	return *rows[0].Quality
}

func TestSimulatedQualityIsToldOnceADayAndMovesByOne(t *testing.T) {
	moved := 0
	for keyword := range int64(50) {
		q, last := qualities{}, int64(8)
		for hour := range 24 * 20 {
			at := noon.Add(time.Duration(hour) * time.Hour)
			told := tellAt(q, keyword+1, at, 8)
			newDay := hour == 0 || dayOf(at) != dayOf(at.Add(-time.Hour))
			if newDay != (told != 0) {
				t.Fatalf("hour %d: told %d on a new day: %v", hour, told, newDay)
			}
			if told != 0 {
				if step := told - last; step < -1 || step > 1 || told < 7 || told > 9 {
					t.Fatalf("hour %d: from %d to %d", hour, last, told)
				}
				if told != last {
					moved++
				}
				last = told
			}
			if again := tellAt(q, keyword+1, at, 8); again != 0 {
				t.Fatalf("hour %d: told again", hour)
			}
		}
	}
	// 50 keywords, 20 midnights, one day in three: 333 are expected, ± 5 × √(1000 × ⅓ × ⅔).
	if moved < 259 || moved > 407 {
		t.Errorf("%d moves", moved)
	}
}

func TestSimulatedQualityFallsWhileNobodySeesTheAd(t *testing.T) {
	q := qualities{}
	if told := tellAt(q, 5, noon, 2); told != 2 {
		t.Errorf("at first %d", told)
	}
	if told := tellAt(q, 5, noon.Add(11*time.Hour), 2); told != 0 {
		t.Errorf("after eleven hours %d", told)
	}
	for _, hours := range []int{35, 60, 85} { // 2 → 1, and never below
		if told := tellAt(q, 5, noon.Add(time.Duration(hours)*time.Hour), 2); told != 1 {
			t.Errorf("after %d hours %d", hours, told)
		}
	}
	if told := tellAt(q, 6, noon, 0); told != 0 || q[6] != nil {
		t.Errorf("of a keyword that is not bid with %d is told", told)
	}
	if told := tellAt(q, 5, noon, 2); told != 0 {
		t.Errorf("of an hour before the last %d is told", told)
	}
}

func TestSimulatedBoardKnowsTheQuality(t *testing.T) {
	b := boardOf(1000, 1000, keywordBid{3, 1, 180, 6})
	if got := []int64{b.qualityOf(1, 3), b.qualityOf(1, 4), b.qualityOf(2, 3)}; got[0] != 6 || got[1] != 0 || got[2] != 0 {
		t.Error(got)
	}
}
