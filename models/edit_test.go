package models_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

// tuned is a seller with one campaign and keywords of ¥1.00, ¥2.00 …
type tuned struct {
	*modelstest.Bench
	actor             models.Actor
	account, campaign int64
	keywords          []models.Keyword
}

func tuning(t *testing.T, b *modelstest.Bench, phrases ...string) *tuned {
	t.Helper()
	account, ids := running(t, b, 1000*yuan, 300*yuan)
	w := &tuned{Bench: b, actor: staff(t, b), account: account, campaign: ids[0]}
	for _, k := range w.read(t) { // what modelstest gives every campaign
		modelstest.Edited(t)(b.RemoveKeywords(t.Context(), models.Actor{}, account, w.campaign, []models.RowRef{{ID: k.ID}}))
	}
	for i, phrase := range phrases {
		_, _, err := b.AddKeywords(t.Context(), models.Actor{}, account, w.campaign,
			models.KeywordsInput{Phrases: phrase, Bid: fmt.Sprint(i + 1), MatchType: models.MatchBroad})
		must(t, err)
	}
	w.read(t)
	return w
}

func (w *tuned) read(t testing.TB) []models.Keyword {
	t.Helper()
	_, keywords, err := w.CampaignDetail(t.Context(), w.account, w.campaign)
	must(t, err)
	w.keywords = keywords
	return keywords
}

func (w *tuned) rows() []models.RowRef {
	var rows []models.RowRef
	for _, k := range w.keywords {
		rows = append(rows, models.RowRef{ID: k.ID, Version: k.RowVersion})
	}
	return rows
}

// stands says what is live of the campaign's keywords.
func (w *tuned) stands(t testing.TB) string {
	t.Helper()
	var all []string
	for _, k := range w.read(t) {
		all = append(all, fmt.Sprintf("%s %s %s %t", k.Phrase, k.BidFen.Wire(), k.MatchType, k.SwitchedOn))
	}
	return strings.Join(all, "; ")
}

func (w *tuned) wants(t testing.TB, what, want string) {
	t.Helper()
	if got := w.stands(t); got != want {
		t.Errorf("%s: %s, want %s", what, got, want)
	}
}

// refusedOn is the key of the refusal on a field, "" where there is none.
func refusedOn(err error, field string) string {
	var fields models.FieldErrors
	if errors.As(err, &fields) && fields.On(field) != nil {
		return fields.On(field).Key
	}
	return ""
}

func TestABidIsChangedAndPutBack(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		w := tuning(t, b, "tea", "pot")
		edit, err := w.SetBid(t.Context(), w.actor, w.account, w.campaign, w.rows()[0], "￥１.２５")
		must(t, err)
		w.wants(t, "changed", "tea 1.25 broad true; pot 2.00 broad true")
		last, items, err := w.LastEdit(t.Context(), w.account, w.actor.UserID)
		must(t, err)
		if last.ID != edit.ID || last.Kind != models.EditBid || len(items) != 1 || items[0].BeforeValue != "1.00" || items[0].AfterValue != "1.25" {
			t.Errorf("the last edit: %+v %+v", last, items)
		}
		if other, _, err := w.LastEdit(t.Context(), w.account, w.actor.UserID+1); err != nil || other.ID != 0 {
			t.Errorf("somebody else may put it back: %+v, %v", other, err)
		}
		undone, left, err := w.UndoEdit(t.Context(), w.actor, w.account, edit.ID)
		if err != nil || undone != 1 || left != 0 {
			t.Errorf("undone %d, left %d, %v", undone, left, err)
		}
		w.wants(t, "put back", "tea 1.00 broad true; pot 2.00 broad true")
		_, _, err = w.UndoEdit(t.Context(), w.actor, w.account, edit.ID)
		wantCode(t, err, models.Conflict)
		// What changes nothing leaves nothing.
		edit, err = w.SetBid(t.Context(), w.actor, w.account, w.campaign, models.RowRef{ID: w.keywords[0].ID}, "1")
		if err != nil || edit.ID != 0 {
			t.Errorf("an edit of nothing: %+v, %v", edit, err)
		}
	})
}

func TestAnEditIsPutBackOnlyInItsTimeByItsAccountAndWhereNobodyWasThere(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		w := tuning(t, b, "tea", "pot")
		edit, _, err := w.SetBids(t.Context(), w.actor, w.account, w.campaign, w.rows(), models.BulkChange{Percent: "10"}, false)
		must(t, err)
		modelstest.Edited(t)(w.SetBid(t.Context(), w.actor, w.account, w.campaign, models.RowRef{ID: w.keywords[1].ID}, "3"))
		stranger, _ := b.Seller(t, 100*yuan)
		_, _, err = w.UndoEdit(t.Context(), w.actor, stranger, edit.ID)
		wantCode(t, err, models.NotFound)
		undone, left, err := w.UndoEdit(t.Context(), w.actor, w.account, edit.ID)
		if err != nil || undone != 1 || left != 1 {
			t.Errorf("undone %d, left %d, %v", undone, left, err)
		}
		w.wants(t, "what was changed since stays", "tea 1.00 broad true; pot 3.00 broad true")
		edit, err = w.SetBid(t.Context(), w.actor, w.account, w.campaign, models.RowRef{ID: w.keywords[0].ID}, "4")
		must(t, err)
		b.Clock.Add(30*time.Minute + time.Second)
		_, _, err = w.UndoEdit(t.Context(), w.actor, w.account, edit.ID)
		wantCode(t, err, models.Conflict)
		if last, _, err := w.LastEdit(t.Context(), w.account, w.actor.UserID); err != nil || last.ID != 0 {
			t.Errorf("offered after its time: %+v, %v", last, err)
		}
	})
}

func TestASecondEditorIsTold(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		w := tuning(t, b, "tea")
		seen := w.rows()[0]
		campaign := models.RowRef{ID: w.campaign, Version: 1}
		modelstest.Edited(t)(w.SetBid(t.Context(), w.actor, w.account, w.campaign, seen, "5"))
		_, err := w.SetBid(t.Context(), w.actor, w.account, w.campaign, seen, "6")
		if got := refusedOn(err, "bid"); got != "error.row.stale" {
			t.Errorf("a bid on a stale row: %v", err)
		}
		_, _, err = w.SetBids(t.Context(), w.actor, w.account, w.campaign, []models.RowRef{seen}, models.BulkChange{Percent: "5"}, false)
		if got := refusedOn(err, fmt.Sprint("bid.", seen.ID)); got != "error.row.stale" {
			t.Errorf("bids on a stale row: %v", err)
		}
		w.wants(t, "nothing is overwritten", "tea 5.00 broad true")
		modelstest.Edited(t)(w.SetBudget(t.Context(), w.actor, w.account, campaign, "400"))
		_, err = w.SetBudget(t.Context(), w.actor, w.account, campaign, "500")
		if got := refusedOn(err, "budget"); got != "error.row.stale" {
			t.Errorf("a budget on a stale row: %v", err)
		}
		_, err = w.SetSchedule(t.Context(), w.actor, w.account, campaign, "80*336")
		if got := refusedOn(err, "schedule"); got != "error.schedule.stale" {
			t.Errorf("a schedule on a stale row: %v", err)
		}
	})
}

// Of many who edit one row as they all saw it, one is taken.
func TestOneOfManyEditorsIsTakenUnderRace(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		w := tuning(t, b, "tea")
		seen := w.rows()[0]
		var wait sync.WaitGroup
		taken := make([]bool, 16)
		for i := range taken {
			wait.Go(func() {
				_, err := w.SetBid(t.Context(), w.actor, w.account, w.campaign, seen, fmt.Sprintf("2.%02d", i+1))
				taken[i] = err == nil
				if err != nil && refusedOn(err, "bid") != "error.row.stale" {
					t.Errorf("editor %d: %v", i, err)
				}
			})
		}
		wait.Wait()
		n := 0
		for i, was := range taken {
			if was {
				n++
				w.wants(t, "the one that was taken", fmt.Sprintf("tea 2.%02d broad true", i+1))
			}
		}
		if n != 1 {
			t.Errorf("%d editors were taken", n)
		}
	})
}

func TestABulkChangeIsAllOrNothing(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		w := tuning(t, b, "tea", "pot")
		_, items, err := w.SetBids(t.Context(), w.actor, w.account, w.campaign, w.rows(), models.BulkChange{Percent: " -12.5％ "}, true)
		must(t, err)
		var says []string
		for _, item := range items {
			says = append(says, item.BeforeValue+" → "+item.AfterValue)
		}
		if diff := cmp.Diff([]string{"1.00 → 0.88", "2.00 → 1.75"}, says); diff != "" {
			t.Error("the preview", diff)
		}
		w.wants(t, "after the preview", "tea 1.00 broad true; pot 2.00 broad true")
		if last, _, err := w.LastEdit(t.Context(), w.account, w.actor.UserID); err != nil || last.ID != 0 {
			t.Errorf("the preview left an edit: %+v, %v", last, err)
		}
		modelstest.Edited(t)(w.SetBid(t.Context(), w.actor, w.account, w.campaign, models.RowRef{ID: w.keywords[0].ID}, "0.05"))
		w.read(t)
		_, _, err = w.SetBids(t.Context(), w.actor, w.account, w.campaign, w.rows(), models.BulkChange{Percent: "-20"}, false)
		if got := refusedOn(err, fmt.Sprint("bid.", w.keywords[0].ID)); got != "error.bid.too_small" {
			t.Errorf("below the minimum: %v", err)
		}
		w.wants(t, "nothing is changed", "tea 0.05 broad true; pot 2.00 broad true")
		for percent, want := range map[string]string{
			"-91": "error.percent.limits", "501": "error.percent.limits", "ten": "error.percent.malformed", "1e2": "error.percent.malformed",
			"0": "error.percent.malformed", "--5": "error.percent.malformed",
		} {
			_, _, err := w.SetBids(t.Context(), w.actor, w.account, w.campaign, w.rows(), models.BulkChange{Percent: percent}, true)
			if got := refusedOn(err, "bid"); got != want {
				t.Errorf("%q: %v, want %s", percent, err, want)
			}
		}
	})
}

func TestRefusedEditsSayWhyBesideTheFieldAndChangeNothing(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		w := tuning(t, b, "tea")
		other := tuning(t, b, "theirs")
		b.Charge(t, "spent", w.campaign, 120*yuan)
		db, err := b.Handle()
		must(t, err)
		_, err = db.ExecContext(t.Context(), "UPDATE accounts SET bid_ceiling_fen = 800 WHERE id = $1", w.account)
		must(t, err)
		ctx, row := t.Context(), models.RowRef{ID: w.campaign}
		bid := func(typed string) error {
			_, err := w.SetBid(ctx, w.actor, w.account, w.campaign, w.rows()[0], typed)
			return err
		}
		budget := func(typed string) error { _, err := w.SetBudget(ctx, w.actor, w.account, row, typed); return err }
		add := func(phrases, bid string, match models.MatchType) error {
			_, _, err := w.AddKeywords(ctx, w.actor, w.account, w.campaign, models.KeywordsInput{Phrases: phrases, Bid: bid, MatchType: match})
			return err
		}
		many := strings.Builder{}
		for i := range models.MaxKeywords {
			fmt.Fprintln(&many, "word", i)
		}
		for _, c := range []struct {
			what, field, want string
			err               error
		}{
			{"a bid below the minimum", "bid", "error.bid.too_small", bid("0.04")},
			{"a bid over the account's ceiling", "bid", "error.bid.too_large", bid("8.01")},
			{"a bid that is none", "bid", "error.amount.not_a_number", bid("two")},
			{"a budget below the minimum", "budget", "error.budget.too_small", budget("29.99")},
			{"a budget under today's spend", "budget", "error.budget.under_spent", budget("119.99")},
			{"no phrase", "phrases", "error.phrase.empty", add(" \n\t\n", "1", models.MatchBroad)},
			{"a long phrase", "phrases", "error.phrase.too_long", add(strings.Repeat("茶", 41), "1", models.MatchBroad)},
			{"too many phrases", "phrases", "error.phrase.too_many", add(many.String(), "1", models.MatchBroad)},
			{"no such match", "match_type", "error.match.unknown", add("cup", "1", "fuzzy")},
			{"a new keyword over the ceiling", "bid", "error.bid.too_large", add("cup", "8.01", models.MatchExact)},
		} {
			if got := refusedOn(c.err, c.field); got != c.want {
				t.Errorf("%s: %v, want %s", c.what, c.err, c.want)
			}
		}
		must(t, budget("120")) // what is spent is enough
		for what, err := range map[string]error{
			"a foreign keyword": func() error {
				_, err := w.SetBid(ctx, w.actor, w.account, w.campaign, other.rows()[0], "1")
				return err
			}(),
			"a foreign campaign": func() error {
				_, err := w.SetBudget(ctx, w.actor, w.account, models.RowRef{ID: other.campaign}, "100")
				return err
			}(),
			"one foreign among own": func() error {
				_, err := w.RemoveKeywords(ctx, w.actor, w.account, w.campaign, slices.Concat(w.rows(), other.rows()))
				return err
			}(),
			"an unknown keyword": func() error {
				_, err := w.SetBid(ctx, w.actor, w.account, w.campaign, models.RowRef{ID: 1 << 40}, "1")
				return err
			}(),
		} {
			if models.CodeOf(err) != models.NotFound {
				t.Errorf("%s: %v", what, err)
			}
		}
		w.wants(t, "in the end", "tea 1.00 broad true")
		other.wants(t, "theirs", "theirs 1.00 broad true")
	})
}

func TestKeywordsAreAddedPausedDeletedAndPutBack(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		w := tuning(t, b, "tea")
		added, items, err := w.AddKeywords(t.Context(), w.actor, w.account, w.campaign,
			models.KeywordsInput{Phrases: "green  tea\n\ntea\ngreen tea\n 龙井 ", Bid: "1.5", MatchType: models.MatchExact})
		must(t, err)
		if w.wants(t, "added", "tea 1.00 broad true; green tea 1.50 exact true; 龙井 1.50 exact true"); len(items) == 0 {
			t.Error("nothing says what was added")
		}
		rows := w.rows()
		paused, err := w.SwitchKeywords(t.Context(), w.actor, w.account, w.campaign, rows[:2], false)
		must(t, err)
		w.wants(t, "paused", "tea 1.00 broad false; green tea 1.50 exact false; 龙井 1.50 exact true")
		if of := engineWords(t, b, w.campaign); !slices.Equal(of, []string{"龙井"}) {
			t.Errorf("the engine bids on %v", of)
		}
		rows = w.rows()
		removed, err := w.RemoveKeywords(t.Context(), w.actor, w.account, w.campaign, rows[1:])
		must(t, err)
		w.wants(t, "removed", "tea 1.00 broad false")
		_, err = w.SetBid(t.Context(), w.actor, w.account, w.campaign, rows[2], "1")
		wantCode(t, err, models.NotFound)
		for _, edit := range []models.Edit{removed, paused, added} {
			if undone, left, err := w.UndoEdit(t.Context(), w.actor, w.account, edit.ID); err != nil || undone == 0 || left > 0 {
				t.Errorf("%s: undone %d, left %d, %v", edit.Kind, undone, left, err)
			}
		}
		w.wants(t, "all put back, the newest first", "tea 1.00 broad true")
		if of := engineWords(t, b, w.campaign); !slices.Equal(of, []string{"tea"}) {
			t.Errorf("the engine bids on %v", of)
		}
		id := rows[1].ID // one that was removed comes back as itself
		_, _, err = w.AddKeywords(t.Context(), w.actor, w.account, w.campaign, models.KeywordsInput{Phrases: "green tea", Bid: "2", MatchType: models.MatchPhrase})
		must(t, err)
		w.wants(t, "again", "tea 1.00 broad true; green tea 2.00 phrase true")
		if w.keywords[1].ID != id {
			t.Errorf("it came back as %d, was %d", w.keywords[1].ID, id)
		}
	})
}

func engineWords(t testing.TB, b *modelstest.Bench, campaign int64) (phrases []string) {
	t.Helper()
	all, _, err := b.EngineKeywords(t.Context(), 0)
	must(t, err)
	for _, k := range all {
		if k.CampaignID == campaign {
			phrases = append(phrases, k.Phrase)
		}
	}
	return phrases
}

func TestCampaignsAreSwitchedAndBudgetedTogether(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, ids := running(t, b, 1000*yuan, 100*yuan, 200*yuan, 300*yuan)
		by := staff(t, b)
		rows := []models.RowRef{{ID: ids[0]}, {ID: ids[2]}}
		off, err := b.SwitchCampaigns(t.Context(), by, account, rows, false)
		must(t, err)
		wantDelivery(t, b, account, models.DeliveryPaused, models.DeliveryServing, models.DeliveryPaused)
		_, _, err = b.UndoEdit(t.Context(), by, account, off.ID)
		must(t, err)
		wantDelivery(t, b, account, models.DeliveryServing, models.DeliveryServing, models.DeliveryServing)
		budgets, _, err := b.SetBudgets(t.Context(), by, account, rows, models.BulkChange{Percent: "50"}, false)
		must(t, err)
		wantBudgets := func(what string, want ...models.Fen) {
			t.Helper()
			all, err := b.Campaigns(t.Context(), account)
			must(t, err)
			for i, c := range all {
				if c.DailyBudgetFen != want[i] {
					t.Errorf("%s: campaign %d has %s, want %s", what, i, c.DailyBudgetFen.Wire(), want[i].Wire())
				}
			}
		}
		wantBudgets("half as much again", 150*yuan, 200*yuan, 450*yuan)
		_, _, err = b.UndoEdit(t.Context(), by, account, budgets.ID)
		must(t, err)
		wantBudgets("put back", 100*yuan, 200*yuan, 300*yuan)
		_, _, err = b.SetBudgets(t.Context(), by, account, rows, models.BulkChange{Percent: "-75"}, false)
		if got := refusedOn(err, fmt.Sprint("budget.", ids[0])); got != "error.budget.too_small" || refusedOn(err, fmt.Sprint("budget.", ids[2])) != "" {
			t.Errorf("below the minimum: %v", err)
		}
		wantBudgets("nothing is changed", 100*yuan, 200*yuan, 300*yuan)
		stranger, _ := b.Seller(t, 100*yuan)
		_, err = b.SwitchCampaigns(t.Context(), by, stranger, rows, false)
		wantCode(t, err, models.NotFound)
		_, err = b.SwitchCampaigns(t.Context(), by, account, nil, false)
		if refusedOn(err, "row") != "error.edit.none" {
			t.Errorf("none named: %v", err)
		}
	})
}

// Undoing a pause starts no campaign that arrears stopped meanwhile.
func TestUndoNeverLiftsAnArrearsStop(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		b2 := modelstest.OpenWith(t, b.Engine(), func(r *models.Rules) { r.UndoFor = 48 * time.Hour })
		account, ids := running(t, b2, 300*yuan, 300*yuan, 300*yuan)
		by := staff(t, b2)
		off, err := b2.SwitchCampaigns(t.Context(), by, account, []models.RowRef{{ID: ids[0]}}, false)
		must(t, err)
		owe(t, b2, account, ids[1], 20*yuan)
		suspend(t, b2, account)
		_, _, err = b2.UndoEdit(t.Context(), by, account, off.ID)
		must(t, err)
		recharge(t, b2, account, 500*yuan)
		wantDelivery(t, b2, account, models.DeliveryRecovering, models.DeliveryPausedArrears)
		b2.Sound(t)
	})
}

func TestTheAuditTrailSaysOldAndNew(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		w := tuning(t, b, "tea")
		edit, err := w.SetSchedule(t.Context(), w.actor, w.account, models.RowRef{ID: w.campaign, Version: 1}, "0*48,80*144,80*144")
		must(t, err)
		modelstest.Edited(t)(w.SetMatchType(t.Context(), w.actor, w.account, w.campaign, w.rows(), models.MatchExact))
		_, _, err = w.UndoEdit(t.Context(), w.actor, w.account, edit.ID)
		must(t, err)
		db, err := b.Handle()
		must(t, err)
		var rows []string
		found, err := db.QueryContext(t.Context(), "SELECT action || '|' || before || '|' || after FROM audit_log WHERE user_id = $1 ORDER BY id", w.actor.UserID)
		must(t, err)
		defer found.Close()
		for found.Next() {
			var row string
			must(t, found.Scan(&row))
			rows = append(rows, row)
		}
		must(t, found.Err())
		want := []string{
			"campaign.schedule||0*48,80*288", "keyword.match|broad|exact", "campaign.schedule|0*48,80*288|", "edit.undo||undone: 1, left: 0",
		}
		if diff := cmp.Diff(want, rows[max(0, len(rows)-4):]); diff != "" {
			t.Error(diff)
		}
	})
}

// A schedule is changed by parts, of the version on the page, and the engine told
// at once.
func TestAScheduleIsEditedAndTold(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, ids := running(t, b, 1000*yuan, 300*yuan, 300*yuan)
		by := staff(t, b)
		b.Clock.Add(time.Hour)
		work(t, b)
		must(t, b.SwitchCampaign(t.Context(), by, account, ids[1], false))
		r := follow(t, b)
		row := func(i int) models.RowRef {
			all, err := b.Campaigns(t.Context(), account)
			must(t, err)
			return models.RowRef{ID: ids[i], Version: all[i].RowVersion}
		}
		first := row(0)
		in := models.ScheduleInput{Days: []string{"0"}, From: "09:00", To: "12:00", Factor: "130"}
		edit, err := b.ChangeSchedule(t.Context(), by, account, first, in)
		must(t, err)
		r.wants(t, "it delivers by another schedule", fmt.Sprint(ids[0], " serving 100"))
		if r.states[ids[0]].Schedule != "100*18,130*6,100*312" {
			t.Errorf("the engine is told of %q", r.states[ids[0]].Schedule)
		}
		_, err = b.ChangeSchedule(t.Context(), by, account, first, in)
		if refusedOn(err, "schedule") != "error.schedule.stale" {
			t.Errorf("of the version before: %v", err)
		}
		_, err = b.ChangeSchedule(t.Context(), by, account, row(1), in)
		must(t, err)
		r.wants(t, "what stands still is told of too", fmt.Sprint(ids[1], " paused 0"))
		_, _, err = b.UndoEdit(t.Context(), by, account, edit.ID)
		must(t, err)
		r.wants(t, "put back", fmt.Sprint(ids[0], " serving 100"))
		if r.states[ids[0]].Schedule != "" {
			t.Errorf("put back is %q", r.states[ids[0]].Schedule)
		}
		other, _ := b.Seller(t, 100*yuan)
		_, err = b.ChangeSchedule(t.Context(), by, other, row(0), in)
		wantCode(t, err, models.NotFound)
	})
}

// What an edit may not do, its undo may not either.
func TestUndoKeepsTheLimitsOfAnEdit(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		w := tuning(t, b)
		add := func(from int) {
			t.Helper()
			var lines []string
			for i := range models.MaxKeywords {
				lines = append(lines, fmt.Sprint("word ", from+i))
			}
			_, _, err := b.AddKeywords(t.Context(), w.actor, w.account, w.campaign, models.KeywordsInput{Phrases: strings.Join(lines, "\n"), Bid: "1", MatchType: models.MatchBroad})
			must(t, err)
		}
		undo := func(what string, edit models.Edit, wantLeft int) {
			t.Helper()
			if undone, left, err := b.UndoEdit(t.Context(), w.actor, w.account, edit.ID); err != nil || undone != 0 || left != wantLeft {
				t.Errorf("%s: %d undone, %d left, %v", what, undone, left, err)
			}
		}
		add(0)
		w.read(t)
		gone, err := b.RemoveKeywords(t.Context(), w.actor, w.account, w.campaign, w.rows())
		must(t, err)
		add(1000)
		undo("two hundred keywords more", gone, models.MaxKeywords)
		budget, err := b.SetBudget(t.Context(), w.actor, w.account, models.RowRef{ID: w.campaign}, "500")
		must(t, err)
		b.Charge(t, "undo-budget", w.campaign, 450*yuan)
		undo("a budget under what is spent", budget, 1)
		w.read(t)
		bid, err := b.SetBid(t.Context(), w.actor, w.account, w.campaign, w.rows()[0], "7")
		must(t, err)
		db, err := b.Handle()
		must(t, err)
		_, err = db.ExecContext(t.Context(), "UPDATE campaigns SET ended_at = switched_at")
		must(t, err)
		undo("a bid of a campaign that ended", bid, 1)
	})
}

// A page that was drawn before another's edit neither removes nor changes its row.
func TestAStaleRowIsNotRemoved(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		w := tuning(t, b, "a", "b")
		drawn := w.rows()
		_, err := b.SetBid(t.Context(), w.actor, w.account, w.campaign, drawn[0], "7")
		must(t, err)
		_, matched := b.SetMatchType(t.Context(), w.actor, w.account, w.campaign, drawn, models.MatchExact)
		_, tried := b.KeywordRemoval(t.Context(), w.account, w.campaign, drawn)
		_, removed := b.RemoveKeywords(t.Context(), w.actor, w.account, w.campaign, drawn)
		for _, err := range []error{matched, tried, removed} {
			if refusedOn(err, "row") != "error.row.moved" {
				t.Error(err)
			}
		}
		_, err = b.SwitchKeywords(t.Context(), w.actor, w.account, w.campaign, drawn, false)
		must(t, err) // to pause is always taken
	})
}
