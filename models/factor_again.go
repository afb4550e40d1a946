package models

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
)

// Whoever changes second factors, a shop's people or its settings of money must
// have shown lately who they are: a session that somebody left open is not
// enough. A second factor shows it or, where there is none, the password.

// factorFresh is how long somebody counts as having shown it lately.
const factorFresh = 5 * time.Minute

var errFactorAgain = &Error{Code: Forbidden, Key: "error.factor.again"}

// AsksFactorAgain tells the refusal of who has to show a second factor again
// (ConfirmFactor, ConfirmPasskey) before it can be done.
func AsksFactorAgain(err error) bool { return errors.Is(err, errFactorAgain) }

// shownLately refuses a session whose second factor passed too long ago, or
// never did.
func (s session) shownLately(now time.Time) error {
	if s.FactorAt == nil || now.Sub(*s.FactorAt) > factorFresh {
		return errFactorAgain
	}
	return nil
}

// shownLately refuses an act by anybody whose session, that of the secret, is
// over or was not confirmed lately. It locks nothing.
func (t *tx) shownLately(by Actor, secret string) error {
	var row session
	err := t.Take(&row, "id_hash = ? AND user_id = ? AND revoked_at IS NULL AND expires_at > ?", hashOf(secret), by.UserID, t.wall).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return errSessionOver
	}
	if err != nil {
		return err
	}
	return t.shownBy(row)
}

// shownBy refuses a session that was not confirmed lately, or only by the
// password though there is a second factor by now.
func (t *tx) shownBy(row session) error {
	if err := row.shownLately(t.wall); err != nil || row.FactorBy != FactorPassword {
		return err
	}
	has, err := t.hasFactor(row.UserID)
	if err == nil && has {
		err = errFactorAgain
	}
	return err
}

// ConfirmedLately refuses, with Forbidden where AsksFactorAgain, who has not
// shown lately who they are; secret is that of the session that asks. What must
// not be done by whoever finds an open browser asks this first.
// Unauthenticated when the session is over.
func (s *Store) ConfirmedLately(ctx context.Context, by Actor, secret string) error {
	return s.inTx(ctx, func(t *tx) error { return t.shownLately(by, secret) })
}

// whole finds a session that is signed in and locks its user.
func (t *tx) whole(secret string) (session, User, error) {
	row, user, err := t.ownSession(secret)
	if err == nil && row.FactorAt == nil {
		err = errSessionOver
	}
	return row, user, err
}

// confirm dates the session's second factor anew.
func (t *tx) confirm(row session, user User, in FactorInput, kind FactorKind) error {
	err := changed(t.Model(&session{}).Where("id_hash = ? AND revoked_at IS NULL", row.IDHash).
		Updates(map[string]any{"factor_at": t.wall, "factor_by": kind}))
	if err != nil {
		return err
	}
	if err := t.forgive(factorKey(user.ID), ""); err != nil {
		return err
	}
	return t.audit(in.by(user.ID), "session.confirm", subject("user", user.ID), "", string(kind))
}

// ConfirmFactor takes a code of the authenticator app or a recovery code from
// somebody who is signed in: for a while their second factors may be changed.
// Wrong codes count together with those of the sign-in. FieldErrors on code
// when it is empty; Unauthenticated for a code that is wrong or was used
// before, or a session that is over; TooMany.
func (s *Store) ConfirmFactor(ctx context.Context, secret string, in FactorInput) error {
	return s.takeCode(ctx, secret, in, (*tx).whole, (*tx).confirm)
}

// ConfirmPasskey is ConfirmFactor by a passkey's answer (AskPasskey).
// Unauthenticated for an answer that is not to what was asked, or not by a key
// of the user's, and for a session that is over.
func (s *Store) ConfirmPasskey(ctx context.Context, secret string, in FactorInput) error {
	return s.takePasskey(ctx, secret, in, (*tx).whole, (*tx).confirm)
}

// ConfirmPassword is ConfirmFactor by the password, for who has no second
// factor. Wrong ones count together with those of the sign-in. FieldErrors on
// password when it is empty; Unauthenticated when it is wrong or the session is
// over; TooMany; Conflict for who has a second factor, or must have one.
func (s *Store) ConfirmPassword(ctx context.Context, secret, password, address string) error {
	if password == "" {
		return FieldErrors{fieldError("password", "error.password.empty", nil)}
	}
	var user User
	err := s.inTx(ctx, func(t *tx) (err error) {
		_, user, err = t.withoutFactor(secret)
		return err
	})
	if err != nil {
		return err
	}
	in := FactorInput{Address: address}
	if err := s.noteAttempt(ctx, user.Email, NetworkOf(address), passwordLimits); err != nil {
		return s.refusedFactor(ctx, user.ID, in, err)
	}
	fits, err := passwordFits(ctx, clip(password, maxPassword+1), user.PasswordHash)
	if err != nil {
		return err
	}
	if !fits {
		return s.refusedFactor(ctx, user.ID, in, &Error{Code: Unauthenticated, Field: "password", Key: "error.password.wrong"})
	}
	return s.inTx(ctx, func(t *tx) error {
		row, now, err := t.withoutFactor(secret)
		if err == nil && now.PasswordHash != user.PasswordHash { // changed meanwhile
			err = errSessionOver
		}
		if err != nil {
			return err
		}
		if err := t.forgive(user.Email, NetworkOf(address)); err != nil {
			return err
		}
		return t.confirm(row, user, in, FactorPassword)
	})
}

// withoutFactor is whole, for who shows who they are by the password.
func (t *tx) withoutFactor(secret string) (session, User, error) {
	row, user, err := t.whole(secret)
	if err != nil {
		return row, user, err
	}
	has, err := t.hasFactor(user.ID)
	if err == nil && (has || user.Role.IsStaff()) {
		err = conflict("error.factor.again", nil)
	}
	return row, user, err
}
