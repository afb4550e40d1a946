package models_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

// toldOf says the quality of a keyword in this hour.
func toldOf(t testing.TB, b *modelstest.Bench, campaign, keyword, quality int64) {
	t.Helper()
	got, err := b.PutResults(t.Context(), []models.Result{{CampaignID: campaign, KeywordID: keyword, HourAt: b.Clock.Now().Truncate(time.Hour).Add(-time.Hour), Quality: &quality}})
	if must(t, err); got.Accepted != 1 {
		t.Fatalf("%+v", got)
	}
}

// stopped is a seller of three keywords with bids of ¥1, ¥2 and ¥3, who sells for
// eight days, has no money from nine o'clock of the ninth until eleven of the tenth,
// and sells for three more. Each day all have 10 clicks and an order of ¥100, those
// of up at ¥0.50, the others at ¥1; since the stop up has 12 at ¥0.90, and fell has
// a quality of 6 instead of 8.
func stopped(t *testing.T, b *modelstest.Bench) *tuned {
	t.Helper()
	w := tuning(t, b, "up", "fell", "still")
	recharge(t, b, w.account, 3000*yuan)
	day := func(clicks int, ppc models.Fen, quality int64) {
		at(b, 1, 10)
		sells(t, b, w.campaign, w.keywords[0].ID, clicks, ppc, 1, 100*yuan)
		for i, quality := range []int64{quality, 6} {
			sells(t, b, w.campaign, w.keywords[i+1].ID, 10, 1*yuan, 1, 100*yuan)
			toldOf(t, b, w.campaign, w.keywords[i+1].ID, quality)
		}
	}
	for range 8 {
		day(10, 50, 8)
	}
	at(b, 1, 9)
	owe(t, b, w.account, w.campaign, 10*yuan)
	at(b, 1, 11)
	recharge(t, b, w.account, 3000*yuan)
	for range 3 {
		day(12, 90, 6)
	}
	at(b, 1, 10)
	return w
}

// up: 70 clicks before and 36 since, in the 94 hours from noon of the tenth day on,
// which are 9.19 a day. The standard error is ¥0.50 × √(1 ÷ 70 + 1 ÷ 36) = 10.255
// fen, the rise 40 fen. fell: 11 days of ¥10 in the 12 days with cost.
func TestWhatMovedOverAStopIsAdvised(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		w := stopped(t, b)
		up := "ppc_rose up 100 55 247 488"          // 100 × 50 ÷ 90; 9.19 × (40 ∓ 1.2816 × 10.255)
		fell := "quality_fell fell 200 266 141 500" // 200 × 8 ÷ 6; ¥110 ÷ 12 × (7.5 ÷ 6.5 − 1) and (8.5 ÷ 5.5 − 1)
		wants := func(what string, want ...string) models.AdviceDesk {
			t.Helper()
			got, desk := w.advice(t)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: %s", what, diff)
			}
			return desk
		}
		desk := wants("at first", up, fell)
		if m := desk.List[0].Moved; m.Before.Clicks != 70 || m.After.Clicks != 36 || m.Edited {
			t.Errorf("%+v", m)
		}
		edit, err := b.ApplyAdvice(t.Context(), w.actor, w.account, []string{desk.List[0].Key(), desk.List[1].Key()})
		must(t, err)
		w.wants(t, "followed", "up 0.55 broad true; fell 2.66 broad true; still 3.00 broad true")
		wants("a bid that was changed explains what moved")
		_, _, err = b.UndoEdit(t.Context(), w.actor, w.account, edit.ID)
		must(t, err)
		wants("put back", up, fell)

		w.read(t)
		ceiling := func(typed string) {
			t.Helper()
			must(t, b.SetBidCeiling(t.Context(), w.actor, w.account, typed))
		}
		ceiling("2.10")
		wants("under a ceiling", up, "quality_fell fell 200 210 141 500")
		ceiling("2")
		wants("at the ceiling", up)
		ceiling("")
		at(b, 10, 10) // the stop ended 14 days ago, but for an hour
		if got, _ := w.advice(t); len(got) != 2 {
			t.Errorf("within 14 days: %v", got)
		}
		b.Clock.Add(2 * time.Hour)
		wants("it is too long ago")
	})
}

func TestAStopAfterAShortHistoryIsNotEstimated(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		_, desk := stopped(t, b).advice(t)
		// From ten o'clock of the first day to ten of the ninth it is 8 days of 14.
		if s := desk.Stop; s == nil || s.Known() || s.MissingDays != 6 || s.Open {
			t.Errorf("%+v", s)
		}
	})
}

// The second stop, a week after the first and in the same hours, is not held against
// it: three weeks of ¥10, ¥20 and ¥30 are left of four.
func TestHoursOfAnotherStopAreLeftOut(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, ids := running(t, b, 2000*yuan, 1000*yuan)
		stop := func() {
			t.Helper()
			at(b, 1, 8)
			owe(t, b, account, ids[0], 10*yuan)
			b.Clock.Add(4*time.Hour + 20*time.Minute)
			recharge(t, b, account, 1000*yuan)
		}
		for day := range 21 {
			at(b, 1, 10)
			n := day/7 + 1
			sells(t, b, ids[0], 0, n*10, 1*yuan, int64(n), models.Fen(n)*50*yuan)
		}
		stop()
		for range 6 {
			at(b, 1, 10)
			sells(t, b, ids[0], 0, 40, 1*yuan, 4, 200*yuan)
		}
		stop()
		b.Clock.Add(time.Hour)
		d, err := b.Advice(t.Context(), account)
		must(t, err)
		if s := d.Stop; s == nil || s.Weeks != 3 || s.Mean.CostFen != 20*yuan || s.Low.CostFen != 10*yuan || s.High.CostFen != 30*yuan {
			t.Errorf("%+v", s)
		}
	})
}

func TestMovedAdviceIsRefusedBesideIt(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		w := advised(t, b)
		must(t, b.SetMargin(t.Context(), w.actor, w.account, "30"))
		_, desk := w.advice(t)
		old, good := desk.List[0].Key(), desk.List[1].Key()
		must(t, b.SetMargin(t.Context(), w.actor, w.account, "32")) // another bid is borne now
		before := w.stands(t)
		_, err := b.ApplyAdvice(t.Context(), w.actor, w.account, []string{old, good})
		field := models.AdviceField(old)
		if want := fmt.Sprint("advice.too_dear.", w.keywords[1].ID); field != want || refusedOn(err, field) != "error.advice.moved_this" || refusedOn(err, "advice") != "error.advice.moved" {
			t.Errorf("%s: %v", field, err)
		}
		if refusedOn(err, models.AdviceField(good)) != "" {
			t.Error("what stands is refused as well")
		}
		w.wants(t, "nothing has changed", before)
	})
}

// actsLike reads the audit trail of some acts by plain SQL.
func actsLike(t testing.TB, b *modelstest.Bench, like string) string {
	t.Helper()
	db, err := b.Handle()
	must(t, err)
	rows, err := db.QueryContext(t.Context(), `SELECT action, "before", "after" FROM audit_log WHERE action LIKE $1 ORDER BY id`, like)
	must(t, err)
	defer rows.Close()
	var all []string
	for rows.Next() {
		var action, before, after string
		must(t, rows.Scan(&action, &before, &after))
		all = append(all, fmt.Sprintf("%s %q %q", action, before, after))
	}
	must(t, rows.Err())
	return strings.Join(all, "; ")
}

func TestWhatASellerSetsForAdviceIsOnTheTrail(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		w := advised(t, b)
		other, _ := b.Seller(t, 100*yuan)
		for typed, want := range map[string]string{"0.04": "error.bid.too_small", "10000": "error.bid.too_large", "-1": "error.amount.negative", "x": "error.amount.not_a_number"} {
			if err := b.SetBidCeiling(t.Context(), w.actor, w.account, typed); refusedOn(err, "ceiling") != want {
				t.Errorf("%q: %v", typed, err)
			}
		}
		for _, typed := range []string{"3", "３.00", "2.5", " "} {
			must(t, b.SetBidCeiling(t.Context(), w.actor, w.account, typed))
		}
		must(t, b.SetMargin(t.Context(), w.actor, w.account, "30"))
		must(t, b.SetMargin(t.Context(), w.actor, w.account, "35.5"))
		want := `account.bid_ceiling "" "3.00"; account.bid_ceiling "3.00" "2.50"; account.bid_ceiling "2.50" ""; account.margin "" "30.00"; account.margin "30.00" "35.50"`
		if got := actsLike(t, b, "account.%"); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		_, desk := w.advice(t)
		key := desk.List[0].Key() // at 35.5 % the dear one is borne
		if _, err := b.DismissAdvice(t.Context(), w.actor, other, []string{key}); refusedOn(err, "advice") != "error.advice.moved" {
			t.Errorf("another's: %v", err)
		}
		_, err := b.DismissAdvice(t.Context(), w.actor, w.account, []string{key})
		must(t, err)
		must(t, b.RecallAdvice(t.Context(), w.actor, other))
		b.Clock.Add(14*24*time.Hour - time.Second)
		if _, desk = w.advice(t); desk.Dismissed != 1 {
			t.Errorf("after 14 days but for a second %d are dismissed", desk.Dismissed)
		}
		b.Clock.Add(time.Second)
		if _, desk = w.advice(t); desk.Dismissed != 0 {
			t.Error("after 14 days it is still dismissed")
		}
		must(t, b.RecallAdvice(t.Context(), w.actor, w.account))
		must(t, b.RecallAdvice(t.Context(), w.actor, w.account)) // nothing is left to recall
		if got, want := actsLike(t, b, "advice.%"), `advice.dismiss "" "kind: no_orders, value: 0.00"; advice.recall "dismissed: 1" "dismissed: 0"`; got != want {
			t.Errorf("%s, want %s", got, want)
		}
		b.Sound(t)
	})
}
