package models_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

// staffMember makes one of the support staff, who acts.
func staffMember(t testing.TB, b *modelstest.Bench) models.Actor {
	t.Helper()
	_, err := b.CreateUser(t.Context(), models.Actor{}, models.NewUser{Email: "support@office.test", Password: "long enough", Role: models.RoleSupport})
	must(t, err)
	db, err := b.Handle()
	must(t, err)
	by := models.Actor{Address: "203.0.113.7"}
	must(t, db.QueryRowContext(t.Context(), "SELECT id FROM users WHERE email = 'support@office.test'").Scan(&by.UserID))
	return by
}

func TestNotesAreNeverChangedNorStoredInPart(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, _ := b.Seller(t)
		by := staffMember(t, b)
		must(t, b.AddNote(t.Context(), by, account, " said\r\n\x00so \xff"))
		for body, key := range map[string]string{"": "error.note.empty", " \n\x00": "error.note.empty", strings.Repeat("\u5b57", 2001): "error.note.too_long"} {
			wantField(t, b.AddNote(t.Context(), by, account, body), "body", key)
		}
		wantCode(t, b.AddNote(t.Context(), by, 4711, "to nobody"), models.NotFound)
		db, err := b.Handle()
		must(t, err)
		for _, statement := range []string{"UPDATE account_notes SET body = 'other'", "DELETE FROM account_notes"} {
			if _, err := db.ExecContext(t.Context(), statement); err == nil || !strings.Contains(err.Error(), "append-only") {
				t.Errorf("%s: %v", statement, err)
			}
		}
		// The act and its trace stand together or not at all.
		lost := models.Actor{UserID: 4711}
		if err := b.AddNote(t.Context(), lost, account, "by nobody"); err == nil {
			t.Error("a note of nobody's is taken")
		}
		notes, page, err := b.Notes(t.Context(), account, models.Keyset{})
		if err != nil || len(notes) != 1 || notes[0].Body != "said\nso" || notes[0].Email != "support@office.test" || !notes[0].At.Equal(b.Now()) || page != (models.Page{}) {
			t.Errorf("the notes are %+v, %+v, %v", notes, page, err)
		}
		var audited int
		must(t, db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM audit_log WHERE action = 'account.note'").Scan(&audited))
		if audited != 1 {
			t.Errorf("%d notes are on the trail", audited)
		}
	})
}

func TestALookAsTheSellerIsOnTheTrail(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, _ := b.Seller(t)
		by := staffMember(t, b)
		for range 2 {
			if shop, err := b.ViewAs(t.Context(), by, account, "/ledger"); err != nil || shop != "Test shop" {
				t.Errorf("%q, %v", shop, err)
			}
		}
		_, err := b.ViewAs(t.Context(), by, 4711, "/ledger")
		wantCode(t, err, models.NotFound)
		db, err := b.Handle()
		must(t, err)
		var looks int
		must(t, db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM audit_log WHERE action = 'account.view_as' AND after = '/ledger' AND address = '203.0.113.7' AND subject = $1",
			fmt.Sprintf("account:%d", account)).Scan(&looks))
		if looks != 2 {
			t.Errorf("%d looks are on the trail, want 2", looks)
		}
	})
}

func TestStaffReadAnAccount(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account := namedShop(t, b, "Tea", "tea@shop.test")
		id := campaign(t, b, account, "Spring")
		recharge(t, b, account, 500*yuan)
		b.Clock.Add(time.Minute)
		_, err := b.SignIn(t.Context(), models.SignInInput{Email: "tea@shop.test", Password: "wrong one", Address: "198.51.100.1"})
		wantCode(t, err, models.Unauthenticated)
		_, err = b.SignIn(t.Context(), models.SignInInput{Email: "tea@shop.test", Password: "long enough", Address: "203.0.113.7", UserAgent: "Firefox"})
		must(t, err)
		a, err := b.StaffAccount(t.Context(), account)
		if err != nil || a.ShopName != "Tea" || len(a.Emails) != 1 || a.Emails[0] != "tea@shop.test" || a.Funds.Cash != 500*yuan || len(a.Timeline) == 0 || a.Notes != 0 {
			t.Errorf("%+v, %v", a, err)
		}
		_, err = b.StaffAccount(t.Context(), 4711)
		wantCode(t, err, models.NotFound)
		sessions, attempts, err := b.SignIns(t.Context(), account)
		if err != nil || len(sessions) != 1 || sessions[0].UserAgent != "Firefox" || len(attempts) != 2 {
			t.Fatalf("%+v, %+v, %v", sessions, attempts, err)
		}
		for _, tried := range attempts {
			if tried.Succeeded != (tried.Address == "203.0.113.7") {
				t.Errorf("%+v", tried)
			}
		}
		told, err := b.ToldOf(t.Context(), account)
		if err != nil || len(told) != 1 || told[0].CampaignID != id || told[0].Delivery != models.DeliveryServing || told[0].SharePercent != 100 {
			t.Errorf("the engine was told %+v, %v", told, err)
		}
		other := namedShop(t, b, "Other", "other@shop.test")
		sessions, attempts, err = b.SignIns(t.Context(), other)
		if err != nil || len(sessions)+len(attempts) != 0 {
			t.Errorf("another's sign-ins are %+v, %+v, %v", sessions, attempts, err)
		}
	})
}
