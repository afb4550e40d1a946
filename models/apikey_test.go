package models_test

import (
	"strings"
	"testing"
	"time"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

func TestAnAPIKeyIsShownOnceAndGoodUntilRevoked(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		key, err := b.CreateAPIKey(t.Context(), "engine", []models.Scope{models.ScopeCharges})
		must(t, err)
		all, err := b.CreateAPIKey(t.Context(), "other", nil)
		must(t, err)
		if key == all || !strings.HasPrefix(key, "ztc_") {
			t.Errorf("keys %q and %q", key, all)
		}
		found, err := b.APIKeyOf(t.Context(), key)
		must(t, err)
		if !found.May(models.ScopeCharges) || found.May(models.ScopeServing) || found.LastUsedAt == nil {
			t.Errorf("the key is %+v", found)
		}
		db, err := b.Handle()
		must(t, err)
		var kept int
		must(t, db.QueryRow("SELECT COUNT(*) FROM api_keys WHERE name || hint || key_hash || scopes LIKE $1", "%"+key[11:]+"%").Scan(&kept))
		if kept != 0 {
			t.Error("the key itself is kept")
		}
		for _, wrong := range []string{"", "ztc_", key[:len(key)-1], key + "x", strings.ToLower(key), found.KeyHash} {
			_, err := b.APIKeyOf(t.Context(), wrong)
			wantCode(t, err, models.Unauthenticated)
		}
		must(t, b.RevokeAPIKey(t.Context(), found.ID))
		b.Clock.Add(time.Minute)
		must(t, b.RevokeAPIKey(t.Context(), found.ID)) // twice is once
		_, err = b.APIKeyOf(t.Context(), key)
		wantCode(t, err, models.Unauthenticated)
		if other, err := b.APIKeyOf(t.Context(), all); err != nil || !other.May(models.ScopeServing) {
			t.Errorf("the other key: %+v, %v", other, err)
		}
		keys, err := b.APIKeys(t.Context())
		must(t, err)
		if len(keys) != 2 || keys[0].RevokedAt == nil || !keys[0].RevokedAt.Equal(b.Clock.Now().Add(-time.Minute)) || keys[1].RevokedAt != nil {
			t.Errorf("keys: %+v", keys)
		}
		wantCode(t, b.RevokeAPIKey(t.Context(), 999999), models.NotFound)
		// A key is good though its use can't be noted.
		b.Clock.Add(time.Hour)
		refuse := "CREATE TRIGGER no BEFORE UPDATE ON api_keys BEGIN SELECT RAISE(ABORT, 'no'); END"
		if b.Engine() == models.Postgres {
			refuse = "CREATE TRIGGER no BEFORE UPDATE ON api_keys FOR EACH ROW EXECUTE FUNCTION refuse_change('no')"
		}
		_, err = db.Exec(refuse)
		must(t, err)
		if _, err := b.APIKeyOf(t.Context(), all); err != nil {
			t.Errorf("a good key is refused: %v", err)
		}

		_, err = b.CreateAPIKey(t.Context(), " ", nil)
		wantField(t, err, "name", "error.name.empty")
		for _, name := range []string{"a\nb", "\x1b[31mred", "tab\tbed", "a\x00b", "\u0085\u009bx"} {
			_, err = b.CreateAPIKey(t.Context(), name, nil)
			wantField(t, err, "name", "error.name.control")
		}
		_, err = b.CreateAPIKey(t.Context(), "x", []models.Scope{"everything"})
		wantField(t, err, "scope", "error.scope.unknown")
	})
}
