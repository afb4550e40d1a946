package models

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"gorm.io/gorm"
)

// totpIssuer is what an authenticator app calls the portal.
const totpIssuer = "ZTC Portal"

// Enrolment is what a user takes into an authenticator app.
type Enrolment struct {
	Email    string
	Secret   string // base32, to be typed
	URL      string // otpauth://…, to be drawn as a QR code
	Passkeys bool   // this portal can be signed in to by passkey
	First    bool   // there is no second factor yet, and no way around one
}

// Enrolled is what the first second factor brings. With a later one both are
// empty; Session is, too, for who was signed in before.
type Enrolled struct {
	Session string   // secret of the fresh session that is signed in; the half-open one is over
	Codes   []string // the recovery codes, never to be seen again
}

// enrolling finds a session that may set up a second factor: one that has shown
// one lately, or whose user has none yet. Forbidden for one that must show it
// first.
func (t *tx) enrolling(secret string) (session, User, error) {
	row, user, err := t.ownSession(secret)
	if err != nil {
		return row, user, err
	}
	if row.FactorAt != nil {
		return row, user, t.shownBy(row)
	}
	has, err := t.hasFactor(user.ID)
	if err == nil && has {
		err = &Error{Code: Forbidden, Key: "error.factor.first"}
	}
	return row, user, err
}

// Enrolment gives the secret for an authenticator app, made at the session's first
// asking and the same until a code confirms it. Another session gets another, so
// that whoever knew the password and looked before the user did has seen nothing
// of use. Unauthenticated when the session is over; Forbidden when the user has a
// second factor and has not shown it, or not lately (AsksFactorAgain).
func (s *Store) Enrolment(ctx context.Context, secret string) (e Enrolment, err error) {
	err = s.inTx(ctx, func(t *tx) error {
		row, user, err := t.enrolling(secret)
		if err != nil {
			return err
		}
		factor, err := t.totpOf(user.ID)
		if err != nil {
			return err
		}
		e = Enrolment{Email: user.Email, Passkeys: s.party != nil, First: row.FactorAt == nil}
		if e.Secret, err = t.vault.open(factor.Pending, row.pendingPlace()); err == nil {
			return nil
		}
		e.Secret = newTOTPSecret() // there is none, or it is another session's
		return t.keepPending(row, e.Secret)
	})
	e.URL = "otpauth://totp/" + url.PathEscape(totpIssuer+":"+e.Email) + "?" +
		strings.ReplaceAll(url.Values{"secret": {e.Secret}, "issuer": {totpIssuer}}.Encode(), "+", "%20")
	return e, err
}

// totpOf reads the user's row, made at the first asking.
func (t *tx) totpOf(userID int64) (totpFactor, error) {
	var factor totpFactor
	err := t.Take(&factor, "user_id = ?", userID).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		factor = totpFactor{UserID: userID}
		err = t.Create(&factor).Error
	}
	return factor, err
}

// pendingPlace is where a secret may be opened that no code has confirmed yet:
// in the session that was shown it.
func (row session) pendingPlace() string { return totpPlace(row.UserID) + ":" + row.IDHash }

func (t *tx) keepPending(row session, secret string) error {
	sealed, err := t.vault.seal(secret, row.pendingPlace())
	if err != nil {
		return err
	}
	return changed(t.Model(&totpFactor{}).Where("user_id = ?", row.UserID).Update("pending", sealed))
}

// ConfirmTOTP takes the first code of the authenticator app: from then on the
// app is the user's, and one from before no more. FieldErrors on code;
// Unauthenticated, Forbidden as for Enrolment.
func (s *Store) ConfirmTOTP(ctx context.Context, secret string, in FactorInput) (done Enrolled, err error) {
	code := normalCode(in.Code)
	if code == "" {
		return done, FieldErrors{fieldError("code", "error.factor.empty", nil)}
	}
	err = s.inTx(ctx, func(t *tx) error {
		row, user, err := t.enrolling(secret)
		if err != nil {
			return err
		}
		factor, err := t.totpOf(user.ID)
		if err != nil {
			return err
		}
		pending, err := t.vault.open(factor.Pending, row.pendingPlace())
		if err != nil { // confirmed meanwhile in another window, or another session asked for one of its own
			return FieldErrors{fieldError("code", "error.factor.stale", nil)}
		}
		if err := t.confirmPending(factor, pending, code); err != nil {
			return err
		}
		before := ""
		if factor.ConfirmedAt != nil {
			before = string(FactorTOTP)
		}
		if err := t.audit(in.by(user.ID), "totp.set", subject("user", user.ID), before, string(FactorTOTP)); err != nil {
			return err
		}
		done, err = t.enrolled(row, user, in, FactorTOTP)
		return err
	})
	return done, err
}

// confirmPending makes the pending secret the user's, if the code is its.
func (t *tx) confirmPending(factor totpFactor, secret, code string) error {
	step, err := stepOf(secret, code, t.wall)
	if err != nil {
		return err
	}
	if step == 0 || !isTOTP(code) {
		return FieldErrors{fieldError("code", "error.factor.unconfirmed", nil)}
	}
	sealed, err := t.vault.seal(secret, totpPlace(factor.UserID))
	if err != nil {
		return err
	}
	return changed(t.Model(&totpFactor{}).Where("user_id = ? AND pending = ?", factor.UserID, factor.Pending).
		Updates(map[string]any{"secret": sealed, "pending": "", "last_step": step, "confirmed_at": t.wall}))
}

// enrolled ends the setting up of a factor: recovery codes with the first one,
// and a whole session for a half-open one.
func (t *tx) enrolled(row session, user User, in FactorInput, kind FactorKind) (done Enrolled, err error) {
	var codes int64
	if err := t.Model(&recoveryCode{}).Where("user_id = ?", user.ID).Count(&codes).Error; err != nil {
		return done, err
	}
	if row.FactorAt != nil && (codes > 0 || user.Role.IsStaff()) { // staff had their first before they were signed in
		return done, nil
	}
	if done.Codes, err = t.newRecoveryCodes(user.ID); err != nil {
		return done, err
	}
	if row.FactorAt != nil { // of a seller's user: the session goes on, and has just shown the factor
		return done, changed(t.Model(&session{}).Where("id_hash = ? AND revoked_at IS NULL", row.IDHash).
			Updates(map[string]any{"factor_at": t.wall, "factor_by": kind}))
	}
	done.Session, err = t.complete(row, user, in, kind)
	return done, err
}

// NewRecoveryCodes makes ten recovery codes and gives them, the only time that
// anybody sees them; those from before are void. secret is that of the session
// that asks. NotFound without a second factor; Forbidden where AsksFactorAgain;
// Unauthenticated.
func (s *Store) NewRecoveryCodes(ctx context.Context, by Actor, secret string) (codes []string, err error) {
	err = s.inTx(ctx, func(t *tx) error {
		var user User
		if err := t.locked().Take(&user, by.UserID).Error; err != nil {
			return err
		}
		if err := t.shownLately(by, secret); err != nil {
			return err
		}
		has, err := t.hasFactor(user.ID)
		if err == nil && !has { // codes of nothing would be a way around nothing
			err = notFound("second factor")
		}
		if err != nil {
			return err
		}
		if codes, err = t.newRecoveryCodes(user.ID); err != nil {
			return err
		}
		return t.audit(by, "recovery.renew", subject("user", user.ID), "", "")
	})
	return codes, err
}

// RemoveTOTP takes the authenticator app of one's own away; secret is that of
// the session that asks. NotFound; Conflict for the last second factor of staff;
// Forbidden where AsksFactorAgain; Unauthenticated.
func (s *Store) RemoveTOTP(ctx context.Context, by Actor, secret string) error {
	return s.inTx(ctx, func(t *tx) error {
		var user User
		if err := t.locked().Take(&user, by.UserID).Error; err != nil {
			return found(err, "user")
		}
		if err := t.shownLately(by, secret); err != nil {
			return err
		}
		gone := t.Where("user_id = ? AND confirmed_at IS NOT NULL", by.UserID).Delete(&totpFactor{})
		if gone.Error == nil && gone.RowsAffected == 0 {
			return notFound("authenticator app")
		}
		if gone.Error != nil {
			return gone.Error
		}
		if err := t.factorGone(user); err != nil {
			return err
		}
		return t.audit(by, "totp.remove", subject("user", by.UserID), string(FactorTOTP), "")
	})
}

// factorGone refuses to take the last second factor of staff; with the last of
// a seller's user the recovery codes go too.
func (t *tx) factorGone(user User) error {
	has, err := t.hasFactor(user.ID)
	switch {
	case err != nil || has:
		return err
	case user.Role.IsStaff():
		return conflict("error.factor.last", nil)
	}
	return t.Where("user_id = ?", user.ID).Delete(&recoveryCode{}).Error
}

// seedTOTP gives a member of the demo's staff the authenticator secret that
// everybody knows.
func (s *Store) seedTOTP(ctx context.Context, email string) error {
	return s.inTx(ctx, func(t *tx) error {
		var user User
		if err := t.Take(&user, "email = ?", email).Error; err != nil {
			return err
		}
		sealed, err := t.vault.seal(DemoTOTPSecret, totpPlace(user.ID))
		if err != nil {
			return err
		}
		return t.Create(&totpFactor{UserID: user.ID, Secret: sealed, ConfirmedAt: &t.wall}).Error
	})
}
