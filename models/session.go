package models

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/netip"
	"time"

	"gorm.io/gorm"
)

// Sign-ins that fail are counted in the database, so that every replica and
// every restart sees them.
const (
	ThrottleWindow     = 15 * time.Minute
	maxFailsPerPair    = 5  // of one e-mail from one address
	maxFailsPerAddress = 30 // of one address, whatever the e-mail
	maxFailsPerEmail   = 50 // of one e-mail from anywhere: strangers can't lock a seller out by five tries
)

// limits are how many failures are borne before the next try is refused: of a
// key from an address, of the key from anywhere, of the address for any key.
type limits struct{ pair, key, address int64 }

var (
	passwordLimits = limits{maxFailsPerPair, maxFailsPerEmail, maxFailsPerAddress}
	factorLimits   = limits{maxFactorFails, maxFactorFails, maxFailsPerAddress}
)

// session is one sign-in. The cookie holds a random id; here stands its hash.
type session struct {
	IDHash    string `gorm:"primaryKey"`
	UserID    int64
	Address   string
	UserAgent string
	CreatedAt time.Time
	SeenAt    time.Time
	ExpiresAt time.Time
	RevokedAt *time.Time

	FactorAt    *time.Time // when who it is was shown last; nil: half open, the second factor is still to come
	FactorBy    FactorKind // by what
	Challenge   string     // what a passkey is asked to sign, once
	ChallengeAt *time.Time
}

// Attempt is one try to sign in, with a password or a second factor. One that
// was followed by a sign-in from the same address counts as having succeeded.
type Attempt struct {
	EmailKey  string // the e-mail as it is compared; of a second factor, what its tries are counted by
	Address   string // an IPv4 address, or the network of an IPv6 one
	At        time.Time
	Succeeded bool
}

// signInAttempt is a try as it is kept.
type signInAttempt struct {
	ID int64 `gorm:"primaryKey"`
	Attempt
}

// SignInInput is what came with the sign-in form.
type SignInInput struct {
	Email     string
	Password  string
	Address   string // the client's, without port
	UserAgent string
}

// SignIn checks e-mail and password and opens a new session; that of staff, and
// of a seller's user who has set up a second factor, is half open until that has
// passed too (PassFactor, PassPasskey). It
// gives the session's secret id, which only the cookie keeps. FieldErrors for what is
// empty; Unauthenticated for a pair that does not fit, whichever part is
// wrong; TooMany after too many failures of this e-mail or address.
func (s *Store) SignIn(ctx context.Context, in SignInInput) (secret string, err error) {
	email := NormalEmail(in.Email)
	var refusals FieldErrors
	if email == "" {
		refusals = append(refusals, fieldError("email", "error.email.empty", nil))
	}
	if in.Password == "" {
		refusals = append(refusals, fieldError("password", "error.password.empty", nil))
	}
	if len(refusals) > 0 {
		return "", refusals
	}
	email = clip(email, 254)
	in.Email = email
	if err := s.noteAttempt(ctx, email, NetworkOf(in.Address), passwordLimits); err != nil {
		return "", err
	}
	user, err := s.userByEmail(ctx, email)
	if err != nil {
		return "", err
	}
	hash := s.nobodysHash()
	if user != nil {
		hash = user.PasswordHash
	}
	fits, err := passwordFits(ctx, clip(in.Password, maxPassword+1), hash)
	if err != nil {
		return "", err
	}
	if !fits || user == nil {
		return "", &Error{Code: Unauthenticated, Key: "error.sign_in.wrong"}
	}
	return s.openSession(ctx, *user, in)
}

// noteAttempt counts this try as a failure before the password, or the code, is
// looked at.
// It is stored first and counted second, so that of tries at the same time no
// more pass than of tries one after another. A refused try is not kept, or
// whoever goes on trying would never be heard again.
func (s *Store) noteAttempt(ctx context.Context, key, address string, most limits) error {
	attempt := signInAttempt{Attempt: Attempt{EmailKey: key, Address: address}}
	err := s.inTx(ctx, func(t *tx) error {
		attempt.ID, attempt.At = 0, t.now
		return t.Create(&attempt).Error
	})
	if err != nil {
		return err
	}
	tooMany := false
	err = s.inTx(ctx, func(t *tx) error {
		var byPair, byKey, byAddress int64
		failed := t.Model(&signInAttempt{}).Where("NOT succeeded AND at > ?", attempt.At.Add(-ThrottleWindow)).Session(&gorm.Session{})
		if err := failed.Where("email_key = ? AND address = ?", key, address).Count(&byPair).Error; err != nil {
			return err
		}
		if err := failed.Where("email_key = ?", key).Count(&byKey).Error; err != nil {
			return err
		}
		if err := failed.Where("address = ?", address).Count(&byAddress).Error; err != nil {
			return err
		}
		tooMany = byPair > most.pair || byKey > most.key || byAddress > most.address
		if !tooMany {
			return nil
		}
		return t.Delete(&attempt).Error
	})
	if err == nil && tooMany {
		err = &Error{Code: TooMany, Key: "error.sign_in.too_many", Args: map[string]any{"Minutes": int(ThrottleWindow.Minutes())}}
	}
	return err
}

// NetworkOf is by what tries and the like are counted: an IPv4 address, or the
// /64 of an IPv6 one, which is one customer's.
func NetworkOf(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil || ip.Unmap().Is4() {
		return address
	}
	prefix, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return address
	}
	return prefix.String()
}

// openSession stores a session under a fresh id and clears the failures of the
// e-mail it belongs to. Sessions are dated by the machine's clock.
func (s *Store) openSession(ctx context.Context, user User, in SignInInput) (string, error) {
	secret := newSessionSecret()
	err := s.inTx(ctx, func(t *tx) error {
		if err := t.forgive(in.Email, NetworkOf(in.Address)); err != nil {
			return err
		}
		half := user.Role.IsStaff()
		if !half {
			has, err := t.hasFactor(user.ID)
			if err != nil {
				return err
			}
			half = has
		}
		action, whole, ends := "session.open", &t.wall, t.wall.Add(t.rules.SessionTTL)
		if half {
			action, whole, ends = "session.password", nil, t.wall.Add(halfOpenFor)
		}
		err := t.Create(&session{
			IDHash: hashOf(secret), UserID: user.ID, Address: in.Address, UserAgent: clip(in.UserAgent, 300),
			CreatedAt: t.wall, SeenAt: t.wall, ExpiresAt: ends, FactorAt: whole, FactorBy: FactorPassword,
		}).Error
		if err != nil {
			return err
		}
		return t.audit(Actor{user.ID, in.Address}, action, subject("user", user.ID), "", "")
	})
	return secret, err
}

// forgive clears the failures of a key, those from an address or, where that is
// empty, from all.
func (t *tx) forgive(key, address string) error {
	failures := t.Model(&signInAttempt{}).Where("email_key = ? AND NOT succeeded", key)
	if address != "" {
		failures = failures.Where("address = ?", address)
	}
	return failures.Update("succeeded", true).Error
}

func newSessionSecret() string {
	var random [32]byte
	rand.Read(random[:]) // never fails
	return hex.EncodeToString(random[:])
}

func hashOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// Who is the person behind a session.
type Who struct {
	UserID    int64
	Email     string
	Role      Role
	AccountID int64 // 0 for staff
	ShopName  string
	ShopRole  ShopRole // "" for staff
	Stage     Stage    // what is still to come before they are signed in
}

// WhoIs finds the person behind a session's secret; nil when the session is
// unknown, over or revoked, or its user may no longer sign in. A session of
// staff is over when nobody used it for a while, too. Somebody whose Stage is
// not StageIn is not signed in.
func (s *Store) WhoIs(ctx context.Context, secret string) (*Who, error) {
	if secret == "" {
		return nil, nil
	}
	var row struct {
		Who
		SeenAt, ExpiresAt time.Time
		FactorAt          *time.Time
	}
	err := s.read.WithContext(ctx).Raw(`SELECT u.id AS user_id, u.email, u.role, u.shop_role, COALESCE(a.id, 0) AS account_id,
		COALESCE(sl.shop_name, '') AS shop_name, s.seen_at, s.expires_at, s.factor_at
		FROM sessions s JOIN users u ON u.id = s.user_id
		LEFT JOIN sellers sl ON sl.id = u.seller_id LEFT JOIN accounts a ON a.seller_id = sl.id
		WHERE s.id_hash = ? AND s.revoked_at IS NULL AND u.disabled_at IS NULL`, hashOf(secret)).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, nil
	}
	if err != nil || s.demoOnly(row.Email) {
		return nil, err
	}
	now, idle := s.Wall(), s.idleOf(row.Role)
	noteEvery := min(time.Minute, idle/30)
	if !row.ExpiresAt.After(now) || now.Sub(row.SeenAt) >= idle {
		return nil, nil
	}
	if row.FactorAt == nil {
		has, err := hasFactor(s.read.WithContext(ctx), row.UserID)
		switch {
		case err != nil:
			return nil, err
		case has:
			row.Stage = StageFactor
		case row.Role.IsStaff():
			row.Stage = StageEnrol
		default: // it awaits a factor that is gone: the password opens a new one
			return nil, nil
		}
	}
	if now.Sub(row.SeenAt) > noteEvery {
		err = s.inTx(ctx, func(t *tx) error {
			return t.Model(&session{}).Where("id_hash = ?", hashOf(secret)).Update("seen_at", now).Error
		})
	}
	return &row.Who, err
}

// idleOf is how long a session of the role lasts unused.
func (s *Store) idleOf(role Role) time.Duration {
	if role.IsStaff() {
		return s.rules.StaffIdle
	}
	return s.rules.SessionTTL
}

// SignOut revokes a session, at the word of who holds it; an unknown one, or one
// that was revoked before, is a no-op.
func (s *Store) SignOut(ctx context.Context, secret, address string) error {
	return s.inTx(ctx, func(t *tx) error {
		var row session
		err := t.locked().Take(&row, "id_hash = ? AND revoked_at IS NULL", hashOf(secret)).Error
		if errors.Is(err, gorm.ErrRecordNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := t.Model(&session{}).Where("id_hash = ?", row.IDHash).Update("revoked_at", t.wall).Error; err != nil {
			return err
		}
		return t.audit(Actor{row.UserID, address}, "session.close", subject("user", row.UserID), "", "")
	})
}
