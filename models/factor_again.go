package models

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
)

// Whoever changes second factors must have shown one lately: a session that
// somebody left open is not enough.

// factorFresh is how long a second factor counts as shown lately.
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
	return row.shownLately(t.wall)
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
