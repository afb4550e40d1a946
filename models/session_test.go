package models_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

const rightPassword = "right horse"

func user(t testing.TB, b *modelstest.Bench, email string) int64 {
	t.Helper()
	account, err := b.CreateUser(t.Context(), models.Actor{}, models.NewUser{
		Email: email, Password: rightPassword, Role: models.RoleSeller, ShopName: "Tea",
	})
	must(t, err)
	return account
}

func signIn(t testing.TB, b *modelstest.Bench, email, password, address string) (string, error) {
	t.Helper()
	return b.SignIn(t.Context(), models.SignInInput{Email: email, Password: password, Address: address, UserAgent: "test\xff\x00"})
}

func raw(t testing.TB, b *modelstest.Bench, statement string) {
	t.Helper()
	db, err := b.Handle()
	must(t, err)
	_, err = db.ExecContext(t.Context(), statement)
	must(t, err)
}

func TestPasswordsAreStoredAsArgon2id(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		production, err := models.Open(modelstest.URL(t, b.Engine()), models.Options{})
		must(t, err)
		t.Cleanup(func() { production.Close() })
		b.Store = production
		user(t, b, "a@shop.test")
		user(t, b, "b@shop.test")
		db, err := b.Handle()
		must(t, err)
		rows, err := db.QueryContext(t.Context(), "SELECT password_hash FROM users")
		must(t, err)
		defer rows.Close()
		seen := map[string]bool{}
		for rows.Next() {
			var hash string
			must(t, rows.Scan(&hash))
			if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") || strings.Contains(hash, rightPassword) {
				t.Errorf("stored: %q", hash)
			}
			seen[hash] = true
		}
		if must(t, rows.Err()); len(seen) != 2 {
			t.Error("the same password has the same hash")
		}
	})
}

func TestSignInAndOut(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account := user(t, b, "Seller@Shop.test")
		first, err := signIn(t, b, " SELLER@shop.TEST ", rightPassword, "192.0.2.1")
		must(t, err)
		second, err := signIn(t, b, "seller@shop.test", rightPassword, "192.0.2.1")
		must(t, err)
		if first == second || len(first) != 64 {
			t.Errorf("secrets %q and %q", first, second)
		}
		who, err := b.WhoIs(t.Context(), first)
		if err != nil || who == nil || who.AccountID != account || who.Email != "seller@shop.test" || who.Role != models.RoleSeller || who.ShopName != "Tea" {
			t.Fatalf("%+v, %v", who, err)
		}
		b.Clock.Add(2 * time.Minute)
		must(t, b.SignOut(t.Context(), first, "192.0.2.1"))
		must(t, b.SignOut(t.Context(), first, "192.0.2.1"))
		must(t, b.SignOut(t.Context(), "unknown", "192.0.2.1"))
		wantNobody(t, b, first)
		if n := count(t, b, "SELECT COUNT(*) FROM audit_log WHERE action = 'session.close' AND address = '192.0.2.1' AND user_id IS NOT NULL"); n != 1 {
			t.Errorf("signing out stands on the audit trail %d times", n)
		}
		wantNobody(t, b, "")
		wantNobody(t, b, "\x00\xff")
		if who, err = b.WhoIs(t.Context(), second); err != nil || who == nil {
			t.Errorf("signing out of one session ended the other: %v, %v", who, err)
		}
	})
}

func wantNobody(t testing.TB, b *modelstest.Bench, secret string) {
	t.Helper()
	if who, err := b.WhoIs(t.Context(), secret); err != nil || who != nil {
		t.Errorf("somebody is signed in: %+v, %v", who, err)
	}
}

func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		user(t, b, "a@shop.test")
		secret, err := signIn(t, b, "a@shop.test", rightPassword, "192.0.2.1")
		must(t, err)
		b.Clock.Add(b.Rules().SessionTTL - time.Microsecond)
		if who, err := b.WhoIs(t.Context(), secret); err != nil || who == nil {
			t.Errorf("before its end: %v, %v", who, err)
		}
		b.Clock.Add(time.Microsecond)
		wantNobody(t, b, secret)

		secret, err = signIn(t, b, "a@shop.test", rightPassword, "192.0.2.1")
		must(t, err)
		raw(t, b, "UPDATE users SET disabled_at = created_at WHERE email = 'a@shop.test'")
		wantNobody(t, b, secret)
		_, err = signIn(t, b, "a@shop.test", rightPassword, "192.0.2.1")
		wantCode(t, err, models.Unauthenticated)
	})
}

func TestWhicheverPartIsWrongTheAnswerIsTheSame(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		user(t, b, "a@shop.test")
		_, wrong := signIn(t, b, "a@shop.test", "wrong horse", "192.0.2.1")
		_, unknown := signIn(t, b, "nobody@shop.test", rightPassword, "192.0.2.1")
		_, long := signIn(t, b, strings.Repeat("x", 10_000)+"\x00@shop.test", strings.Repeat("y", 100_000), "192.0.2.1")
		for _, err := range []error{wrong, unknown, long} {
			wantCode(t, err, models.Unauthenticated)
			if err.Error() != wrong.Error() {
				t.Errorf("%q and %q", err, wrong)
			}
		}
		_, err := signIn(t, b, " ", "", "192.0.2.1")
		wantField(t, err, "email", "error.email.empty")
		wantField(t, err, "password", "error.password.empty")
	})
}

func TestSignInIsThrottledPerEmailAndAddress(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		user(t, b, "a@shop.test")
		user(t, b, "b@shop.test")
		for range 5 {
			_, err := signIn(t, b, "a@shop.test", "wrong horse", "192.0.2.1")
			wantCode(t, err, models.Unauthenticated)
			b.Clock.Add(time.Minute)
		}
		_, err := signIn(t, b, "a@shop.test", rightPassword, "192.0.2.1")
		wantCode(t, err, models.TooMany)
		_, err = signIn(t, b, "b@shop.test", rightPassword, "192.0.2.1") // other people are not
		must(t, err)
		_, err = signIn(t, b, "a@shop.test", rightPassword, "192.0.2.99") // nor is the seller, by a stranger's tries
		must(t, err)
		b.Clock.Add(10*time.Minute - time.Microsecond) // the first failure is 15 minutes old
		_, err = signIn(t, b, "a@shop.test", rightPassword, "192.0.2.1")
		wantCode(t, err, models.TooMany)
		b.Clock.Add(time.Microsecond)
		_, err = signIn(t, b, "a@shop.test", rightPassword, "192.0.2.1")
		must(t, err)
	})
}

func TestSignInIsThrottledPerEmailWhereverTheTriesComeFrom(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		user(t, b, "a@shop.test")
		for i := range 50 {
			_, err := signIn(t, b, "a@shop.test", "wrong horse", fmt.Sprint("192.0.2.", i))
			wantCode(t, err, models.Unauthenticated)
		}
		_, err := signIn(t, b, "a@shop.test", rightPassword, "192.0.2.99")
		wantCode(t, err, models.TooMany)
	})
}

func TestAnIPv6CustomerIsOneAddress(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		user(t, b, "a@shop.test")
		for i := range 5 {
			_, err := signIn(t, b, "a@shop.test", "wrong horse", fmt.Sprint("2001:db8:1:2::", i+1))
			wantCode(t, err, models.Unauthenticated)
		}
		_, err := signIn(t, b, "a@shop.test", rightPassword, "2001:db8:1:2:ffff::1")
		wantCode(t, err, models.TooMany)
		_, err = signIn(t, b, "a@shop.test", rightPassword, "2001:db8:1:3::1")
		must(t, err)
	})
}

func TestSuccessForgivesTheFailuresBeforeIt(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		user(t, b, "a@shop.test")
		for range 3 {
			for range 4 {
				_, err := signIn(t, b, "a@shop.test", "wrong horse", "192.0.2.1")
				wantCode(t, err, models.Unauthenticated)
			}
			_, err := signIn(t, b, "a@shop.test", rightPassword, "192.0.2.1")
			must(t, err)
		}
	})
}

func TestSignInIsThrottledPerAddress(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		user(t, b, "a@shop.test")
		for i := range 30 {
			_, err := signIn(t, b, fmt.Sprintf("nobody-%d@shop.test", i), "wrong horse", "192.0.2.1")
			wantCode(t, err, models.Unauthenticated)
		}
		_, err := signIn(t, b, "a@shop.test", rightPassword, "192.0.2.1")
		wantCode(t, err, models.TooMany)
		_, err = signIn(t, b, "a@shop.test", rightPassword, "192.0.2.2")
		must(t, err)
		b.Clock.Add(15 * time.Minute)
		_, err = signIn(t, b, "a@shop.test", rightPassword, "192.0.2.1")
		must(t, err)
	})
}

func TestTriesAtTheSameTimeAreThrottledToo(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		user(t, b, "a@shop.test")
		codes := atOnce(20, func() models.Outcome {
			_, err := b.SignIn(t.Context(), models.SignInInput{Email: "a@shop.test", Password: "wrong horse", Address: "192.0.2.1"})
			return models.Outcome(models.CodeOf(err))
		})
		tried, refused := codes[models.Outcome(models.Unauthenticated)], codes[models.Outcome(models.TooMany)]
		if tried > 5 || tried+refused != 20 {
			t.Errorf("20 tries at once: %v", codes)
		}
		b.Clock.Add(15 * time.Minute)
		_, err := signIn(t, b, "a@shop.test", rightPassword, "192.0.2.1")
		must(t, err)
	})
}

func TestDemoUsersAreUnusableInProduction(t *testing.T) {
	t.Parallel()
	url := "sqlite:" + filepath.Join(t.TempDir(), "portal.db")
	rules := models.DefaultRules()
	rules.Demo = true
	open := func() *models.Store {
		s, err := models.Open(url, models.Options{Rules: rules})
		must(t, err)
		t.Cleanup(func() { s.Close() })
		return s
	}
	demo := open()
	must(t, demo.Migrate(t.Context()))
	_, err := demo.CreateUser(t.Context(), models.Actor{}, models.NewUser{Email: "active@demo.test", Password: "demo-1234", Role: models.RoleSeller, ShopName: "Tea"})
	must(t, err)
	in := models.SignInInput{Email: "Active@demo.test", Password: "demo-1234", Address: "192.0.2.1"}
	secret, err := demo.SignIn(t.Context(), in)
	must(t, err)

	rules.Demo = false
	production := open()
	_, err = production.SignIn(t.Context(), in)
	wantCode(t, err, models.Unauthenticated)
	if who, err := production.WhoIs(t.Context(), secret); err != nil || who != nil {
		t.Errorf("a session of the demo is good in production: %+v, %v", who, err)
	}
	wantCode(t, production.SeedDemo(t.Context()), models.Conflict)
}

func TestRefusedUsersStandOnTheirFields(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		user(t, b, "a@shop.test")
		good := models.NewUser{Email: "b@shop.test", Password: rightPassword, Role: models.RoleSeller, ShopName: "Tea"}
		for _, c := range []struct {
			spoil      func(*models.NewUser)
			field, key string
		}{
			{func(u *models.NewUser) { u.Email = "A@SHOP.test" }, "email", "error.email.taken"},
			{func(u *models.NewUser) { u.Email = "b" }, "email", "error.email.malformed"},
			{func(u *models.NewUser) { u.Email = "b c@shop.test" }, "email", "error.email.malformed"},
			{func(u *models.NewUser) { u.Email = strings.Repeat("b", 250) + "@shop.test" }, "email", "error.email.malformed"},
			{func(u *models.NewUser) { u.Password = "short" }, "password", "error.password.length"},
			{func(u *models.NewUser) { u.Password = strings.Repeat("x", 201) }, "password", "error.password.length"},
			{func(u *models.NewUser) { u.Role = "owner" }, "role", "error.role.unknown"},
			{func(u *models.NewUser) { u.ShopName = " " }, "shop_name", "error.shop_name"},
			{func(u *models.NewUser) { u.Role = models.RoleSupport }, "shop_name", "error.shop_name"},
		} {
			in := good
			c.spoil(&in)
			_, err := b.CreateUser(t.Context(), models.Actor{}, in)
			wantField(t, err, c.field, c.key)
		}
		_, err := b.CreateUser(t.Context(), models.Actor{}, good)
		must(t, err)
	})
}
