package models_test

import (
	"fmt"
	"testing"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

// Wrong passwords and wrong codes are counted in one table. Whatever a stranger
// types as an e-mail, none of it counts as a wrong code of somebody's.
func TestNobodysPasswordCountsAsAWrongCode(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		c := employ(t, b, models.RoleAdmin, "admin@staff.test")
		db, err := b.Handle()
		must(t, err)
		waiting := half(t, b, c.email)
		_, err = b.PassFactor(t.Context(), waiting, typed("000000"))
		wantCode(t, err, models.Unauthenticated)
		var key string
		must(t, db.QueryRowContext(t.Context(), "SELECT email_key FROM sign_in_attempts ORDER BY id DESC LIMIT 1").Scan(&key))
		for i, email := range []string{key, " " + key, fmt.Sprintf("factor:%d", c.id)} {
			for try := range 6 {
				_, _ = signIn(t, b, email, "whatever", fmt.Sprintf("198.51.100.%d", 10*i+try)) // refused or not, it must not count
			}
		}
		_, err = b.PassFactor(t.Context(), waiting, typed(code(t, c.secret, b.Clock.Now())))
		must(t, err)
	})
}

// Who knows the password of somebody without a second factor can look at the
// secret that is to be set up. What they saw must not become the factor that the
// user then confirms.
func TestNobodyElsesSecretIsConfirmed(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		newStaff(t, b, models.RoleFinance, "new@staff.test")
		thief := half(t, b, "new@staff.test")
		seen, err := b.Enrolment(t.Context(), thief)
		must(t, err)
		own := half(t, b, "new@staff.test")
		e, err := b.Enrolment(t.Context(), own)
		must(t, err)
		if e.Secret == seen.Secret {
			t.Error("two sessions are shown one secret")
		}
		// The thief's is void from here on, and a look at a new one voids the user's.
		_, err = b.ConfirmTOTP(t.Context(), thief, typed(code(t, seen.Secret, b.Clock.Now())))
		wantField(t, err, "code", "error.factor.stale")
		_, err = b.ConfirmTOTP(t.Context(), own, typed(code(t, seen.Secret, b.Clock.Now())))
		wantField(t, err, "code", "error.factor.unconfirmed")
		_, err = b.Enrolment(t.Context(), thief)
		must(t, err)
		_, err = b.ConfirmTOTP(t.Context(), own, typed(code(t, e.Secret, b.Clock.Now())))
		wantField(t, err, "code", "error.factor.stale")
		if e, err = b.Enrolment(t.Context(), own); err != nil {
			t.Fatal(err)
		}
		done, err := b.ConfirmTOTP(t.Context(), own, typed(code(t, e.Secret, b.Clock.Now())))
		must(t, err)
		wantStage(t, b, done.Session, "stage:")
		wantStage(t, b, thief, "stage:factor")
		b.Clock.Add(step)
		_, err = b.PassFactor(t.Context(), thief, typed(code(t, seen.Secret, b.Clock.Now())))
		wantCode(t, err, models.Unauthenticated)
		_, err = b.PassFactor(t.Context(), thief, typed(code(t, e.Secret, b.Clock.Now())))
		must(t, err)
	})
}
