package models

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode"

	"gorm.io/gorm"
)

// Scope is a part of the API that a key may use.
type Scope string

const (
	ScopeCharges Scope = "charges"
	ScopeResults Scope = "results"
	ScopeServing Scope = "serving"
)

// Scopes lists every scope; a key without a choice has them all.
var Scopes = []Scope{ScopeCharges, ScopeResults, ScopeServing}

// APIKey is a key of the ad engine's. The key itself is shown once, when it is
// made; what is kept is its hash, and its beginning to recognise it by.
type APIKey struct {
	ID         int64 `gorm:"primaryKey"`
	Name       string
	Hint       string
	KeyHash    string
	Scopes     string // comma-separated
	CreatedAt  time.Time
	LastUsedAt *time.Time
	RevokedAt  *time.Time
}

// May tells whether the key is good for a part of the API.
func (k APIKey) May(scope Scope) bool {
	return slices.Contains(strings.Split(k.Scopes, ","), string(scope))
}

const (
	apiKeyPrefix = "ztc_"
	apiKeyHint   = len(apiKeyPrefix) + 6
	apiKeyLength = len(apiKeyPrefix) + 43 // 256 random bits
	maxKeyName   = 100
	noteUseEvery = time.Minute
)

func hashOfKey(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// CreateAPIKey makes a key and gives it, the only time that anybody sees it.
// FieldErrors on name and scope.
func (s *Store) CreateAPIKey(ctx context.Context, name string, scopes []Scope) (key string, err error) {
	var refusals FieldErrors
	name = strings.TrimSpace(strings.ToValidUTF8(name, ""))
	if name == "" || len(name) > maxKeyName {
		refusals = append(refusals, fieldError("name", "error.name.empty", nil))
	} else if strings.ContainsFunc(name, unicode.IsControl) { // it is printed on terminals
		refusals = append(refusals, fieldError("name", "error.name.control", nil))
	}
	if len(scopes) == 0 {
		scopes = Scopes
	}
	var words []string
	for _, scope := range scopes {
		if !slices.Contains(Scopes, scope) {
			refusals = append(refusals, fieldError("scope", "error.scope.unknown", map[string]any{"Scope": string(scope)}))
		}
		words = append(words, string(scope))
	}
	if err := refusals.OrNil(); err != nil {
		return "", err
	}
	var random [32]byte
	rand.Read(random[:]) // never fails
	key = apiKeyPrefix + base64.RawURLEncoding.EncodeToString(random[:])
	row := APIKey{Name: name, Hint: key[:apiKeyHint], KeyHash: hashOfKey(key), Scopes: strings.Join(words, ",")}
	err = s.inTx(ctx, func(t *tx) error {
		row.ID, row.CreatedAt = 0, t.now
		if err := t.Create(&row).Error; err != nil {
			return err
		}
		return t.audit(CommandLine, "apikey.create", subject("apikey", row.ID), "", row.granted())
	})
	return key, err
}

// granted is what the audit trail keeps of a key.
func (k APIKey) granted() string { return facts("scopes", k.Scopes, "name", k.Name) }

// APIKeys lists all keys, oldest first.
func (s *Store) APIKeys(ctx context.Context) ([]APIKey, error) {
	var keys []APIKey
	return keys, s.read.WithContext(ctx).Order("id").Find(&keys).Error
}

// RevokeAPIKey ends a key at once and for good. NotFound; a second time
// changes nothing.
func (s *Store) RevokeAPIKey(ctx context.Context, id int64) error {
	return s.inTx(ctx, func(t *tx) error {
		var k APIKey
		if err := t.locked().Take(&k, id).Error; err != nil || k.RevokedAt != nil {
			return found(err, "API key")
		}
		if err := t.Model(&k).Update("revoked_at", t.now).Error; err != nil {
			return err
		}
		return t.audit(CommandLine, "apikey.revoke", subject("apikey", id), k.granted(), "revoked")
	})
}

// APIKeyOf finds the key that a request shows. Unauthenticated: there is none
// like it, or it is revoked.
func (s *Store) APIKeyOf(ctx context.Context, key string) (APIKey, error) {
	unknown := &Error{Code: Unauthenticated, Key: "error.api.key"}
	if len(key) != apiKeyLength {
		return APIKey{}, unknown
	}
	var k APIKey
	err := s.read.WithContext(ctx).Take(&k, "key_hash = ? AND revoked_at IS NULL", hashOfKey(key)).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return k, unknown
	}
	if err != nil {
		return k, err
	}
	if k.LastUsedAt == nil || s.Now().Sub(*k.LastUsedAt) > noteUseEvery {
		s.noteUse(ctx, &k)
	}
	return k, nil
}

// noteUse writes when a key was last used. A key is good though that can't be
// written now.
func (s *Store) noteUse(ctx context.Context, k *APIKey) {
	err := s.inTx(ctx, func(t *tx) error {
		return t.Model(k).Where("last_used_at IS NULL OR last_used_at < ?", t.now).Update("last_used_at", t.now).Error
	})
	if err != nil {
		s.log.WarnContext(ctx, "the use of an API key is not noted", "key", k.ID, "error", err)
	}
}
