package models_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

func trailOf(t testing.TB, b *modelstest.Bench, f models.AuditFilter, k models.Keyset) models.AuditTrail {
	t.Helper()
	trail, err := b.AuditTrail(t.Context(), f, k)
	must(t, err)
	return trail
}

// acts are the entries as "action subject".
func acts(entries []models.AuditEntry) (said []string) {
	for _, e := range entries {
		said = append(said, e.Action+" "+e.Subject)
	}
	return said
}

func TestAuditTrailIsFiltered(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		by := acted(t, b)
		b.Clock.Set(time.Date(2026, 11, 24, 16, 0, 0, 0, time.UTC)) // midnight in Shanghai: the 25th
		other := staff(t, b)
		must(t, b.FreezeAccount(t.Context(), other, 1, "more checks"))
		email := trailOf(t, b, models.AuditFilter{}, models.Keyset{}).Rows[0].Email
		for name, c := range map[string]struct {
			filter models.AuditFilter
			want   []string
		}{
			"who":                {models.AuditFilter{Who: " " + strings.ToUpper(email)}, []string{"account.freeze account:1", fmt.Sprint("session.password user:", other.UserID)}},
			"no user":            {models.AuditFilter{Who: models.AuditBySystem, Action: "user.create"}, []string{"user.create user:3", "user.create user:2", "user.create user:1"}},
			"action":             {models.AuditFilter{Action: "campaign.switch"}, []string{"campaign.switch campaign:1"}},
			"an unknown action":  {models.AuditFilter{Action: "campaign"}, nil},
			"subject":            {models.AuditFilter{Subject: " account:1 "}, []string{"account.freeze account:1", "account.unfreeze account:1", "account.freeze account:1"}},
			"part of a subject":  {models.AuditFilter{Subject: "account"}, nil},
			"subject and action": {models.AuditFilter{Subject: "account:1", Action: "account.unfreeze"}, []string{"account.unfreeze account:1"}},
			"a day":              {models.AuditFilter{Subject: "account:1", Days: models.Days{From: "2026-11-24", To: "2026-11-24"}}, []string{"account.unfreeze account:1", "account.freeze account:1"}},
			"from a day":         {models.AuditFilter{Subject: "account:1", Days: models.Days{From: "2026-11-25"}}, []string{"account.freeze account:1"}},
			"not even text":      {models.AuditFilter{Subject: "account:\xff\x001"}, []string{"account.freeze account:1", "account.unfreeze account:1", "account.freeze account:1"}},
		} {
			if diff := cmp.Diff(c.want, acts(trailOf(t, b, c.filter, models.Keyset{}).Rows)); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
		_, err := b.AuditTrail(t.Context(), models.AuditFilter{Who: "nobody@office.test", Days: models.Days{From: "yesterday", To: "2026-13-01"}}, models.Keyset{})
		wantField(t, err, "who", "error.audit.who")
		wantField(t, err, "from", "error.day.malformed")
		wantField(t, err, "to", "error.day.malformed")
		newest, err := b.AuditOf(t.Context(), "account:1", 2)
		must(t, err)
		if diff := cmp.Diff([]string{"account.freeze account:1", "account.unfreeze account:1"}, acts(newest)); diff != "" || newest[1].UserID != by.UserID {
			t.Errorf("the newest acts on an account: %s, by %d", diff, newest[1].UserID)
		}
		none, err := b.AuditOf(t.Context(), "account:4711", 2)
		if err != nil || len(none) > 0 {
			t.Errorf("acts on nothing: %v, %v", none, err)
		}
	})
}

// Page by page, down and up again, every act comes once.
func TestAuditTrailPages(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		by := staff(t, b)
		account, campaigns := b.Seller(t, 100*yuan)
		for n := range 2*models.PageSize + 3 {
			must(t, b.SwitchCampaign(t.Context(), by, account, campaigns[0], n%2 == 1))
		}
		const others = 4 // two users and a campaign made, one sign-in
		for f, want := range map[models.AuditFilter]int{
			{Action: "campaign.switch"}: 2*models.PageSize + 3, {Subject: "campaign:1", Action: "campaign.switch"}: 2*models.PageSize + 3,
			{Who: trailOf(t, b, models.AuditFilter{}, models.Keyset{}).Rows[0].Email, Action: "campaign.switch"}: 2*models.PageSize + 3,
			{}: 2*models.PageSize + 3 + others, {Days: models.Days{From: "2026-11-24", To: "2026-11-24"}}: 2*models.PageSize + 3 + others,
			{Days: models.Days{From: "2025-11-24", To: "2026-11-24"}}: 2*models.PageSize + 3 + others,
		} {
			var pages [][]models.AuditEntry
			k := models.Keyset{}
			for {
				trail := trailOf(t, b, f, k)
				pages = append(pages, trail.Rows)
				if trail.Page.Older == 0 {
					break
				}
				k = models.Keyset{Before: trail.Page.Older}
			}
			all := slices.Concat(pages...)
			if len(pages) != 3 || len(all) != want || !slices.IsSortedFunc(all, func(a, b models.AuditEntry) int { return int(b.ID - a.ID) }) {
				t.Fatalf("%+v: %d pages with %d acts", f, len(pages), len(all))
			}
			up := trailOf(t, b, f, models.Keyset{After: pages[1][0].ID})
			if diff := cmp.Diff(pages[0], up.Rows); diff != "" {
				t.Errorf("%+v: one page up: %s", f, diff)
			}
		}
	})
}

func TestAuditExportIsWholeAndOnTheLogItself(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		by := acted(t, b)
		before := verified(t, b)
		export := func(f models.AuditFilter, limit int) (all []models.AuditEntry, err error) {
			err = b.ExportAudit(t.Context(), by, f, limit, func(e models.AuditEntry) error {
				all = append(all, e)
				return nil
			})
			return all, err
		}
		all, err := export(models.AuditFilter{}, int(before.Rows))
		must(t, err)
		trail := trailOf(t, b, models.AuditFilter{}, models.Keyset{})
		own := trail.Rows[0]
		if own.Action != "audit.export" || own.After != "" || own.UserID != by.UserID || own.Address != by.Address {
			t.Errorf("the newest act is %+v", own)
		}
		want := slices.Clone(trail.Rows[1:])
		slices.Reverse(want)
		if diff := cmp.Diff(want, all); diff != "" {
			t.Errorf("exported: %s", diff)
		}
		some, err := export(models.AuditFilter{Subject: "account:1", Who: own.Email, Days: models.Days{From: "2026-11-24", To: "2026-11-24"}}, 0)
		must(t, err)
		if diff := cmp.Diff([]string{"account.freeze account:1", "account.unfreeze account:1"}, acts(some)); diff != "" {
			t.Errorf("exported by a filter: %s", diff)
		}
		if newest := trailOf(t, b, models.AuditFilter{}, models.Keyset{}).Rows[0]; newest.After != "from: 2026-11-24, to: 2026-11-24, subject: account:1, who: "+own.Email {
			t.Errorf("noted of it: %q", newest.After)
		}
		end := verified(t, b)
		_, err = export(models.AuditFilter{}, int(before.Rows))
		wantField(t, err, "to", "error.audit.too_many")
		_, err = export(models.AuditFilter{Who: "nobody@office.test"}, 0)
		wantField(t, err, "who", "error.audit.who")
		if now := verified(t, b); now != end {
			t.Errorf("a refused export is on the log: %+v, was %+v", now, end)
		}
		full := errors.New("the disk is full")
		if err := b.ExportAudit(t.Context(), by, models.AuditFilter{}, 0, func(models.AuditEntry) error { return full }); !errors.Is(err, full) {
			t.Errorf("a reader who fails gives %v", err)
		}
		b.Sound(t)
	})
}
