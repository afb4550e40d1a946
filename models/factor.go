package models

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"errors"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"gorm.io/gorm"
)

// Staff sign in with two factors: the password, and then a code of an
// authenticator app, a passkey, or a recovery code. Sellers' users may, too.

// Stage is how far somebody has come with signing in.
type Stage string

const (
	StageIn     Stage = ""       // signed in
	StageFactor Stage = "factor" // the second factor is still to come
	StageEnrol  Stage = "enrol"  // there is no second factor yet: it must be set up first
)

// FactorKind is what proved who somebody is, after the password.
type FactorKind string

const (
	FactorPassword FactorKind = "" // nothing but the password: of sellers' users without a second factor
	FactorTOTP     FactorKind = "totp"
	FactorRecovery FactorKind = "recovery"
	FactorPasskey  FactorKind = "passkey"
)

const (
	halfOpenFor = 15 * time.Minute // how long the second factor may be awaited
	totpPeriod  = 30 * time.Second
	totpDigits  = 6

	// RecoveryCodes is how many recovery codes are made at once.
	RecoveryCodes = 10
	// recoveryLength is how many characters a code has: 50 random bits.
	recoveryLength = 10

	maxFactorFails = 5 // wrong codes of one user within ThrottleWindow, from anywhere: who tries knows the password
)

// totpFactor is a user's authenticator app.
type totpFactor struct {
	UserID      int64 `gorm:"primaryKey"`
	Secret      string
	Pending     string
	LastStep    int64
	ConfirmedAt *time.Time
}

// recoveryCode is one of a user's recovery codes, good for one sign-in.
type recoveryCode struct {
	ID        int64 `gorm:"primaryKey"`
	UserID    int64
	CodeHash  string
	CreatedAt time.Time
	UsedAt    *time.Time
}

// FactorInput is what came with a form about the second factor. Code is as
// typed; Credential is a passkey's answer as JSON, Name what its owner calls it.
type FactorInput struct {
	Code       string
	Credential string
	Name       string
	Address    string
	UserAgent  string
}

func (in FactorInput) by(userID int64) Actor { return Actor{userID, in.Address} }

// normalCode is a code as it is compared: without spaces and dashes, full-width
// characters made half-width, in lower case.
func normalCode(typed string) string {
	return strings.ToLower(strings.Map(func(r rune) rune {
		if r >= '！' && r <= '～' {
			r -= '！' - '!'
		}
		if r == ' ' || r == '-' || r == '\u3000' || r == '\t' {
			return -1
		}
		return r
	}, strings.TrimSpace(clip(typed, 100))))
}

// isTOTP tells a code of an app from a recovery code.
func isTOTP(code string) bool {
	return len(code) == totpDigits && strings.Trim(code, "0123456789") == ""
}

// stepAt is the number of the time step that holds an instant.
func stepAt(at time.Time) int64 { return at.Unix() / int64(totpPeriod/time.Second) }

// totpCode is the code of a time step.
func totpCode(secret string, step int64) (string, error) {
	return hotp.GenerateCodeCustom(secret, uint64(step), hotp.ValidateOpts{Digits: totpDigits, Algorithm: otp.AlgorithmSHA1})
}

// stepOf finds the time step that a code belongs to: the one of now, or the one
// before or after it; 0 when it is none of theirs.
func stepOf(secret, code string, now time.Time) (step int64, err error) {
	for candidate := stepAt(now) - 1; candidate <= stepAt(now)+1; candidate++ {
		want, err := totpCode(secret, candidate)
		if err != nil {
			return 0, err
		}
		if subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			step = candidate
		}
	}
	return step, nil
}

// newTOTPSecret makes a secret of 160 bits, as apps take it.
func newTOTPSecret() string {
	var random [20]byte
	rand.Read(random[:]) // never fails
	return base32.StdEncoding.EncodeToString(random[:])
}

// totpPlace is where a user's TOTP secret may be opened.
func totpPlace(userID int64) string { return subject("totp", userID) }

var errWrongCode = &Error{Code: Unauthenticated, Field: "code", Key: "error.factor.wrong"}

var errSessionOver = &Error{Code: Unauthenticated, Key: "error.session.over"}

// spendTOTP accepts a code of the user's app, each time step once: of two at
// the same time the second finds the step taken.
func (t *tx) spendTOTP(userID int64, code string) error {
	var factor totpFactor
	err := t.Take(&factor, "user_id = ? AND confirmed_at IS NOT NULL", userID).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return errWrongCode
	}
	if err != nil {
		return err
	}
	secret, err := t.vault.open(factor.Secret, totpPlace(userID))
	if err != nil {
		return err
	}
	step, err := stepOf(secret, code, t.wall)
	if err != nil {
		return err
	}
	if step == 0 {
		return errWrongCode
	}
	taken := t.Model(&totpFactor{}).Where("user_id = ? AND last_step < ?", userID, step).Update("last_step", step)
	if taken.Error == nil && taken.RowsAffected == 0 {
		return &Error{Code: Unauthenticated, Field: "code", Key: "error.factor.used"}
	}
	return taken.Error
}

// spendRecovery accepts a recovery code of the user's, once.
func (t *tx) spendRecovery(userID int64, code string) error {
	code = strings.NewReplacer("o", "0", "i", "1", "l", "1").Replace(code) // no code holds these
	hash, err := t.vault.digest(subject("recovery", userID) + ":" + code)
	if err != nil {
		return err
	}
	spent := t.Model(&recoveryCode{}).Where("user_id = ? AND code_hash = ? AND used_at IS NULL", userID, hash).Update("used_at", t.wall)
	if spent.Error == nil && spent.RowsAffected == 0 {
		return errWrongCode
	}
	return spent.Error
}

// newRecoveryCodes replaces the user's recovery codes and gives the new ones,
// the only time that anybody sees them.
func (t *tx) newRecoveryCodes(userID int64) ([]string, error) {
	if err := t.Where("user_id = ?", userID).Delete(&recoveryCode{}).Error; err != nil {
		return nil, err
	}
	codes := make([]string, RecoveryCodes)
	for i := range codes {
		var random [recoveryLength]byte
		rand.Read(random[:]) // never fails
		for i, b := range random {
			random[i] = crockford[b&31]
		}
		code := strings.ToLower(string(random[:]))
		hash, err := t.vault.digest(subject("recovery", userID) + ":" + code)
		if err != nil {
			return nil, err
		}
		if err := t.Create(&recoveryCode{UserID: userID, CodeHash: hash, CreatedAt: t.wall}).Error; err != nil {
			return nil, err
		}
		codes[i] = code[:recoveryLength/2] + "-" + code[recoveryLength/2:]
	}
	return codes, nil
}

// halfOpen finds the session that awaits its second factor and locks its user,
// so that of two answers at the same time one waits for the other.
func (t *tx) halfOpen(secret string) (session, User, error) {
	row, user, err := t.ownSession(secret)
	if err == nil && row.FactorAt != nil {
		err = errSessionOver
	}
	return row, user, err
}

// ownSession finds a session that lives, half open or not, and locks
// its user.
func (t *tx) ownSession(secret string) (row session, user User, err error) {
	err = t.Take(&row, "id_hash = ?", hashOf(secret)).Error
	if err == nil {
		err = t.locked().Take(&user, "id = ? AND disabled_at IS NULL", row.UserID).Error
	}
	if err == nil { // again, now that nobody else of this user's changes it
		err = t.Take(&row, "id_hash = ? AND revoked_at IS NULL AND expires_at > ?", hashOf(secret), t.wall).Error
	}
	if errors.Is(err, gorm.ErrRecordNotFound) {
		err = errSessionOver
	}
	return row, user, err
}

// hasFactor tells whether the user has a second factor of their own.
func (t *tx) hasFactor(userID int64) (bool, error) { return hasFactor(t.DB, userID) }

func hasFactor(db *gorm.DB, userID int64) (has bool, err error) {
	err = db.Raw(`SELECT EXISTS (SELECT 1 FROM totp_factors WHERE user_id = ? AND confirmed_at IS NOT NULL)
		OR EXISTS (SELECT 1 FROM passkeys WHERE user_id = ?)`, userID, userID).Scan(&has).Error
	return has, err
}

// complete ends the half-open session and opens a whole one under a fresh id,
// which nobody can have planted.
func (t *tx) complete(half session, user User, in FactorInput, kind FactorKind) (secret string, err error) {
	if err := changed(t.Model(&session{}).Where("id_hash = ? AND revoked_at IS NULL", half.IDHash).Update("revoked_at", t.wall)); err != nil {
		return "", err
	}
	secret = newSessionSecret()
	at, lives := t.wall, t.rules.SessionTTL
	if user.Role.IsStaff() {
		lives = t.rules.StaffSession
	}
	err = t.Create(&session{
		IDHash: hashOf(secret), UserID: user.ID, Address: in.Address, UserAgent: clip(in.UserAgent, 300),
		CreatedAt: at, SeenAt: at, ExpiresAt: at.Add(lives), FactorAt: &at, FactorBy: kind,
	}).Error
	if err != nil {
		return "", err
	}
	if err := t.forgive(factorKey(user.ID), ""); err != nil {
		return "", err
	}
	return secret, t.audit(in.by(user.ID), "session.open", subject("user", user.ID), "", string(kind))
}

// factorKey is what wrong codes of a user are counted under: beside wrong
// passwords, so its capitals keep it apart from what anybody may type as an
// e-mail, which is counted in lower case.
func factorKey(userID int64) string { return subject("FACTOR", userID) }

// sought finds the session of a secret and locks its user.
type sought func(t *tx, secret string) (session, User, error)

// passed is what a second factor that was right does.
type passed func(t *tx, row session, user User, in FactorInput, kind FactorKind) error

// completing is the end of a sign-in; the fresh session's secret goes to where
// it points.
func completing(fresh *string) passed {
	return func(t *tx, half session, user User, in FactorInput, kind FactorKind) (err error) {
		*fresh, err = t.complete(half, user, in, kind)
		return err
	}
}

// PassFactor takes a code of the authenticator app or a recovery code after the
// password, and gives the secret of a fresh session that is signed in; the
// half-open one is over. FieldErrors on code when it is empty; Unauthenticated
// for a code that is wrong or was used before; TooMany after too many of them.
func (s *Store) PassFactor(ctx context.Context, secret string, in FactorInput) (fresh string, err error) {
	if err := s.takeCode(ctx, secret, in, (*tx).halfOpen, completing(&fresh)); err != nil {
		return "", err
	}
	return fresh, nil
}

// takeCode judges a code that came with a session: the try is counted first,
// and a right code is spent in the transaction of what it does.
func (s *Store) takeCode(ctx context.Context, secret string, in FactorInput, find sought, pass passed) error {
	code := normalCode(in.Code)
	if code == "" {
		return FieldErrors{fieldError("code", "error.factor.empty", nil)}
	}
	var userID int64
	err := s.inTx(ctx, func(t *tx) error {
		_, user, err := find(t, secret)
		userID = user.ID
		return err
	})
	if err != nil {
		return err
	}
	if err := s.noteAttempt(ctx, factorKey(userID), NetworkOf(in.Address), factorLimits); err != nil {
		return s.refusedFactor(ctx, userID, in, err)
	}
	err = s.inTx(ctx, func(t *tx) error {
		row, user, err := find(t, secret)
		if err != nil {
			return err
		}
		kind := FactorTOTP
		if isTOTP(code) {
			err = t.spendTOTP(user.ID, code)
		} else {
			kind, err = FactorRecovery, t.spendRecovery(user.ID, code)
		}
		if err != nil {
			return err
		}
		return pass(t, row, user, in, kind)
	})
	if err != nil {
		return s.refusedFactor(ctx, userID, in, err)
	}
	return nil
}

// refusedFactor puts a refused second factor on the audit trail: somebody knew
// the password. It gives the refusal back.
func (s *Store) refusedFactor(ctx context.Context, userID int64, in FactorInput, refusal error) error {
	code := CodeOf(refusal)
	if code != Unauthenticated && code != TooMany {
		return refusal
	}
	err := s.inTx(ctx, func(t *tx) error {
		return t.audit(in.by(userID), "session.refuse", subject("user", userID), "", string(code))
	})
	if err != nil {
		return errors.Join(refusal, err)
	}
	return refusal
}

// FactorDesk is what the page that asks for the second factor shows.
type FactorDesk struct {
	Email    string
	TOTP     bool
	Passkeys int
	Password bool   // there is no second factor, so that the password is what may be shown again
	DemoCode string // the demo alone: the next code that will be taken; "" when there is none
}

// FactorDesk reads what a half-open session may answer with.
func (s *Store) FactorDesk(ctx context.Context, who Who) (desk FactorDesk, err error) {
	desk.Email = who.Email
	db := s.read.WithContext(ctx)
	var factor totpFactor
	err = db.Take(&factor, "user_id = ? AND confirmed_at IS NOT NULL", who.UserID).Error
	if err != nil && !errors.Is(err, gorm.ErrRecordNotFound) {
		return desk, err
	}
	desk.TOTP = err == nil
	var passkeys int64
	if err := db.Model(&passkey{}).Where("user_id = ?", who.UserID).Count(&passkeys).Error; err != nil {
		return desk, err
	}
	desk.Passkeys = int(passkeys)
	desk.Password = !desk.TOTP && passkeys == 0
	if desk.TOTP && s.rules.Demo && strings.HasSuffix(who.Email, DemoDomain) {
		secret, err := s.vault.open(factor.Secret, totpPlace(who.UserID))
		if err != nil || secret != DemoTOTPSecret { // their own is theirs
			return desk, nil
		}
		if step := max(stepAt(s.Wall()), factor.LastStep+1); step <= stepAt(s.Wall())+1 {
			desk.DemoCode, err = totpCode(secret, step)
		}
		return desk, err
	}
	return desk, nil
}

// DemoTOTPSecret is the authenticator's secret of the demo's staff, which
// everybody knows.
const DemoTOTPSecret = "JBSWY3DPEHPK3PXP"

// DemoCode is the code of that secret now; "" outside the demo.
func (s *Store) DemoCode() string {
	if !s.rules.Demo {
		return ""
	}
	code, err := totpCode(DemoTOTPSecret, stepAt(s.Wall()))
	if err != nil {
		return ""
	}
	return code
}
