package models

import (
	"context"
	"errors"

	"gorm.io/gorm"
)

// JoinInput is what came with the form that accepts an invitation. Lang is the
// language that the page was read in: mails will be, too.
type JoinInput struct {
	Token     string
	Password  string
	Lang      string
	Address   string
	UserAgent string
}

// passwordRefusal is what is wrong with a password that somebody wants, or nil.
func passwordRefusal(password string) *Error {
	if len(password) < minPassword || len(password) > maxPassword {
		return fieldError("password", "error.password.length", map[string]any{"Min": minPassword, "Max": maxPassword})
	}
	return nil
}

// Join accepts an invitation: its address signs in from now on, with this
// password, and is signed in at once; it gives the secret of the session.
// FieldErrors on password; NotFound for a link that is void; Conflict for an
// address that signs in already.
func (s *Store) Join(ctx context.Context, in JoinInput) (secret string, err error) {
	if refusal := passwordRefusal(in.Password); refusal != nil {
		return "", FieldErrors{refusal}
	}
	if _, err := s.InvitedTo(ctx, in.Token); err != nil { // before time is spent on a hash
		return "", err
	}
	hash, err := s.hashPassword(ctx, in.Password)
	if err != nil {
		return "", err
	}
	var user User
	err = s.inTx(ctx, func(t *tx) error {
		user, err = t.join(in, hash)
		return err
	})
	if err != nil {
		return "", err
	}
	return s.openSession(ctx, user, SignInInput{Email: user.Email, Address: in.Address, UserAgent: in.UserAgent})
}

func (t *tx) join(in JoinInput, passwordHash string) (User, error) {
	var i invitation
	if err := t.locked().Take(&i, "token_hash = ?", hashOf(in.Token)).Error; err != nil {
		return User{}, voidLink(found(err, "invitation"))
	}
	if i.state(t.wall) != Invited {
		return User{}, errLinkVoid
	}
	user, err := t.newColleague(i, in, passwordHash)
	if err != nil {
		return user, err
	}
	done := t.Model(&invitation{}).Where("id = ? AND token_hash = ? AND "+isOpenInvitation, i.ID, i.TokenHash).
		Updates(map[string]any{"accepted_at": t.wall, "accepted_by": user.ID})
	if done.Error == nil && done.RowsAffected == 0 {
		return user, errLinkVoid
	}
	if done.Error != nil {
		return user, done.Error
	}
	return user, t.audit(Actor{user.ID, in.Address}, "people.join", subject("user", user.ID), subject("invitation", i.ID), facts("email", user.Email, "role", string(user.ShopRole)))
}

// newColleague makes the invited address a user of the shop. One who left a
// shop before, this one or another, comes back as the same user, with nothing
// of how they signed in then.
func (t *tx) newColleague(i invitation, in JoinInput, passwordHash string) (User, error) {
	lang := "zh-CN"
	if in.Lang == "en" {
		lang = in.Lang
	}
	user := User{Email: i.Email, PasswordHash: passwordHash, Role: RoleSeller, SellerID: &i.SellerID, ShopRole: i.ShopRole, Lang: lang, CreatedAt: t.wall}
	var before User
	err := t.locked().Take(&before, "email = ?", i.Email).Error
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		if err = t.Create(&user).Error; uniqueTaken(err) {
			err = conflict("error.people.taken", nil)
		}
		return user, err
	case err != nil:
		return user, err
	case before.DisabledAt == nil || before.Role != RoleSeller:
		return user, conflict("error.people.taken", nil)
	}
	user.ID = before.ID
	if err := t.dropFactors(user.ID); err != nil {
		return user, err
	}
	if err := t.endSessions(user.ID); err != nil {
		return user, err
	}
	return user, changed(t.Model(&User{}).Where("id = ? AND disabled_at IS NOT NULL", user.ID).
		Select("PasswordHash", "SellerID", "ShopRole", "Lang", "DisabledAt").Updates(&user))
}
