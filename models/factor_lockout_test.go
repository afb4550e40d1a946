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
