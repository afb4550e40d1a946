package handlers_test

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"ztc-portal/handlers"
	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

// told is what the engine is told of one campaign, as one line.
func told(c models.ServingCampaign) string {
	return fmt.Sprintf("%s %d left %d of %d", c.Delivery, c.SharePercent, c.BudgetLeftFen, c.SpendableFen)
}

// of finds a campaign in the answer.
func (s serving) of(t testing.TB, campaign int64) string {
	t.Helper()
	for _, c := range s.Campaigns {
		if c.CampaignID == campaign {
			return told(c)
		}
	}
	t.Fatalf("campaign %d is not among %+v", campaign, s.Campaigns)
	return ""
}

func wants(t testing.TB, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("it is told %q, want %q", got, want)
	}
}

func TestSnapshotThenChanges(t *testing.T) {
	eachSite(t, func(t *testing.T, site *site) {
		s := site.charged(t)
		other, others := s.Seller(t, 50*yuan, 60*yuan)
		all := s.get("/serving").serving(t)
		if len(all.Campaigns) != 3 || all.Campaigns[0].CampaignID != s.campaign || all.Campaigns[1].AccountID != other {
			t.Fatalf("the snapshot is %+v", all)
		}
		wants(t, all.of(t, s.campaign), "serving 100 left 100000 of 30000")
		wants(t, all.of(t, others[1]), "out_of_funds 0 left 6000 of 0")
		since := func(cursor string, want int) serving {
			t.Helper()
			got := s.get("/serving?after=" + cursor).serving(t)
			if len(got.Campaigns) != want {
				t.Fatalf("after %s: %d changes, want %d: %+v", cursor, len(got.Campaigns), want, got)
			}
			return got
		}
		if again := since(all.Cursor, 0); again.Cursor != all.Cursor {
			t.Errorf("without a change the cursor goes from %s to %s", all.Cursor, again.Cursor)
		}
		// A click changes what is left, and is no change by itself.
		s.send("/charges", s.click("a", 1000)).counts(t)
		since(all.Cursor, 0)
		wants(t, s.get("/serving").serving(t).of(t, s.campaign), "serving 100 left 99000 of 29000")

		must(t, s.SwitchCampaign(t.Context(), models.Actor{}, s.account, s.campaign, false))
		paused := since(all.Cursor, 1)
		wants(t, paused.of(t, s.campaign), "paused 0 left 99000 of 29000")
		must(t, s.SwitchCampaign(t.Context(), models.Actor{}, s.account, s.campaign, true))
		modelstest.Edited(t)(s.SetBudget(t.Context(), models.Actor{}, s.account, models.RowRef{ID: s.campaign}, "500"))
		// Two changes since are told once, as the campaign stands now.
		changed := since(all.Cursor, 1)
		wants(t, changed.of(t, s.campaign), "serving 100 left 49000 of 29000")
		since(paused.Cursor, 1)
		since(changed.Cursor, 0)
		// From the beginning, every campaign has changed once.
		if first := since("0", 3); first.Cursor != changed.Cursor {
			t.Errorf("from 0 the cursor is %s, want %s", first.Cursor, changed.Cursor)
		}
	})
}

func TestBudgetsAreReachedUntilMidnight(t *testing.T) {
	eachSite(t, func(t *testing.T, site *site) {
		s := site.charged(t)
		modelstest.Edited(t)(s.SetBudget(t.Context(), models.Actor{}, s.account, models.RowRef{ID: s.campaign}, "100"))
		cursor := s.get("/serving").serving(t).Cursor
		s.send("/charges", s.click("a", 99*yuan)).counts(t)
		s.send("/charges", s.click("b", 2*yuan)).counts(t)
		reached := s.get("/serving?after=" + cursor).serving(t)
		wants(t, reached.of(t, s.campaign), "budget_reached 0 left 0 of 19900")
		s.Clock.Set(time.Date(2026, 11, 25, 0, 0, 0, 0, models.Shanghai))
		wants(t, s.get("/serving").serving(t).of(t, s.campaign), "serving 100 left 10000 of 19900")
		must(t, s.RenewBudgets(t.Context(), s.account, s.Clock.Now()))
		wants(t, s.get("/serving?after="+reached.Cursor).serving(t).of(t, s.campaign), "serving 100 left 10000 of 19900")
	})
}

// TestShareFollowsTheRamp: a snapshot by the clock alone, the changes by the
// tasks that come due.
func TestShareFollowsTheRamp(t *testing.T) {
	eachSite(t, func(t *testing.T, site *site) {
		s := site.charged(t)
		s.send("/charges", s.click("a", 300*yuan)).counts(t)
		stopped := s.get("/serving").serving(t)
		wants(t, stopped.of(t, s.campaign), "out_of_funds 0 left 70000 of 0")
		s.credit(t, s.account, 300*yuan)
		cursor := stopped.Cursor
		for _, step := range []string{"recovering 25", "recovering 50", "recovering 75", "serving 100"} {
			wants(t, s.get("/serving").serving(t).of(t, s.campaign), step+" left 70000 of 30000")
			must(t, s.AnnounceServing(t.Context(), s.account))
			change := s.get("/serving?after=" + cursor).serving(t)
			wants(t, change.of(t, s.campaign), step+" left 70000 of 30000")
			cursor = change.Cursor
			s.Clock.Add(10*time.Minute - time.Second)
			must(t, s.AnnounceServing(t.Context(), s.account))
			if early := s.get("/serving?after=" + cursor).serving(t); len(early.Campaigns) > 0 {
				t.Errorf("a second before its time: %s", early.of(t, s.campaign))
			}
			s.Clock.Add(time.Second)
		}
	})
}

func TestForeignCursorsBeginAgain(t *testing.T) {
	eachSite(t, func(t *testing.T, site *site) {
		s := site.charged(t)
		cursor := s.get("/serving").serving(t).Cursor
		last, err := strconv.ParseInt(cursor, 10, 64)
		must(t, err)
		for _, odd := range []string{
			strconv.FormatInt(last+1, 10), "99999999999999999999", "9223372036854775807", "-1", "", "x", "1.0", "0x1", "1'--",
		} {
			s.get("/serving?after="+odd).refused(t, http.StatusGone, "cursor_unknown")
			s.get("/serving?wait=30&after="+odd).refused(t, http.StatusGone, "cursor_unknown")
		}
		for _, odd := range []string{"x", "-1", "1.5", "1e1", "99999999999999999999"} {
			s.get("/serving?after="+cursor+"&wait="+odd).refused(t, http.StatusBadRequest, "bad_parameter")
			s.get("/keywords?after="+odd).refused(t, http.StatusBadRequest, "bad_parameter")
		}
		s.get("/serving?wait=30").serving(t) // a snapshot waits for nothing
	})
}

// poll asks for what changes after a cursor, and gives the answer with the time
// at which it came.
func (e *engine) poll(cursor string, wait int) <-chan polled {
	done := make(chan polled, 1)
	began := time.Now()
	go func() {
		defer close(done) // should the request fail, nobody waits for ever
		answer := e.get(fmt.Sprintf("/serving?after=%s&wait=%d", cursor, wait))
		done <- polled{answer, time.Since(began), time.Now()}
	}()
	return done
}

type polled struct {
	reply
	took time.Duration
	at   time.Time
}

func TestAPollHearsOfAStopWithinASecond(t *testing.T) {
	eachSite(t, func(t *testing.T, site *site) {
		s := site.charged(t)
		cursor := s.get("/serving").serving(t).Cursor
		polls := []<-chan polled{s.poll(cursor, 30), s.poll(cursor, 31), s.poll(cursor, 10_000_000_000)} // the last is more than a Duration holds
		time.Sleep(300 * time.Millisecond)
		s.send("/charges", s.click("a", 299*yuan)).counts(t) // no stop yet
		time.Sleep(300 * time.Millisecond)
		sent := time.Now()
		s.send("/charges", s.click("b", 2*yuan)).counts(t)
		charged := time.Now()
		for _, poll := range polls {
			got := <-poll
			wants(t, got.serving(t).of(t, s.campaign), "out_of_funds 0 left 69900 of 0")
			if late := got.at.Sub(charged); late > time.Second || got.at.Before(sent) {
				t.Errorf("the poll answered %v after the charge", late)
			}
		}
	})
}

// TestAPollHearsOfOtherReplicas: the change is made by another process, whose
// memory is not ours.
func TestAPollHearsOfOtherReplicas(t *testing.T) {
	eachSite(t, func(t *testing.T, site *site) {
		s := site.charged(t)
		cursor := s.get("/serving").serving(t).Cursor
		poll := s.poll(cursor, 30)
		time.Sleep(300 * time.Millisecond)
		db, err := s.Handle()
		must(t, err)
		for _, change := range []string{
			"UPDATE campaigns SET switched_on = false", "UPDATE serving_clock SET seq = seq + 1",
			"UPDATE serving_states SET seq = (SELECT seq FROM serving_clock)",
		} {
			_, err := db.ExecContext(t.Context(), change)
			must(t, err)
		}
		if got := <-poll; got.serving(t).of(t, s.campaign) != "paused 0 left 100000 of 30000" || got.took > 3*time.Second {
			t.Errorf("after %v: %s", got.took, got.body)
		}
	})
}

func TestAPollEndsWithItsWait(t *testing.T) {
	eachSite(t, func(t *testing.T, site *site) {
		s := site.charged(t)
		cursor := s.get("/serving").serving(t).Cursor
		for wait, least := range map[int]time.Duration{0: 0, 1: time.Second} {
			got := <-s.poll(cursor, wait)
			if answer := got.serving(t); len(answer.Campaigns) > 0 || answer.Cursor != cursor || got.took < least || got.took > least+5*time.Second {
				t.Errorf("a wait of %d s took %v: %s", wait, got.took, got.body)
			}
		}
	})
}

func TestAPollEndsWhenThePortalStops(t *testing.T) {
	eachSite(t, func(t *testing.T, first *site) {
		stopping := make(chan struct{})
		s := newSite(t, first.Bench, func(c *handlers.Config) { c.Stopping = stopping }).charged(t)
		cursor := s.get("/serving").serving(t).Cursor
		poll := s.poll(cursor, 30)
		time.Sleep(300 * time.Millisecond)
		close(stopping)
		got := <-poll
		if answer := got.serving(t); len(answer.Campaigns) > 0 || answer.Cursor != cursor || got.took > 5*time.Second {
			t.Errorf("after %v: %s", got.took, got.body)
		}
		if late := <-s.poll(cursor, 30); late.took > 5*time.Second {
			t.Errorf("one that comes later is kept for %v", late.took)
		}
	})
}

func TestKeywordsTurnTheirPages(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		e := s.engine(t)
		type page struct {
			Keywords []models.EngineKeyword
			Next     *int64
		}
		read := func(after int64) (p page) {
			t.Helper()
			e.get("/keywords?after="+strconv.FormatInt(after, 10)).is(t, http.StatusOK).into(t, &p)
			return p
		}
		if p := read(0); p.Keywords == nil || len(p.Keywords) > 0 || p.Next != nil {
			t.Errorf("of nothing: %+v", p)
		}
		account, _ := s.Seller(t)
		ended := s.Clock.Now()
		for i, in := range []models.NewCampaign{{Name: "ended", EndedAt: &ended}, {Name: "large"}, {Name: "small"}} {
			in.Budget, in.SwitchedOn = 100*yuan, true
			for k := range []int{3, models.EngineKeywordsPage, 1}[i] {
				in.Keywords = append(in.Keywords, models.NewKeyword{Phrase: fmt.Sprintf("%s %d", in.Name, k), Bid: models.Fen(100 + k), Quality: 1 + k%10})
			}
			_, err := s.CreateCampaign(t.Context(), models.Actor{}, account, in)
			must(t, err)
		}
		first := read(0)
		if len(first.Keywords) != models.EngineKeywordsPage || first.Next == nil || *first.Next != first.Keywords[models.EngineKeywordsPage-1].KeywordID {
			t.Fatalf("the first page has %d, next %v", len(first.Keywords), first.Next)
		}
		for k, one := range first.Keywords {
			if one.Phrase != fmt.Sprintf("large %d", k) || one.BidFen != models.Fen(100+k) || one.Quality != 1+k%10 {
				t.Fatalf("the keyword %d is %+v", k, one)
			}
		}
		last := read(*first.Next)
		if len(last.Keywords) != 1 || last.Keywords[0].Phrase != "small 0" || last.Next != nil {
			t.Errorf("the last page is %+v", last)
		}
		if beyond := read(last.Keywords[0].KeywordID); len(beyond.Keywords) > 0 || beyond.Next != nil {
			t.Errorf("beyond the last: %+v", beyond)
		}
	})
}
