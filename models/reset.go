package models

import (
	"cmp"
	"context"
	"errors"
	"time"
)

const resetFor = time.Hour

// resetLimits are how many times a new password may be asked for within
// ThrottleWindow, whether or not the address is known.
var resetLimits = limits{pair: 3, key: 5, address: maxFailsPerAddress}

// passwordReset is a one-time link to a new password.
type passwordReset struct {
	ID        int64 `gorm:"primaryKey"`
	UserID    int64
	TokenHash string
	CreatedAt time.Time
	ExpiresAt time.Time
	UsedAt    *time.Time
}

// StartReset: somebody at Address asked for a new password by Email.
type StartReset struct {
	Email   string `json:"email"`
	Lang    string `json:"lang"`
	Address string `json:"address"`
}

func (StartReset) Kind() string { return "start_reset" }

// resetKey is what the asking is counted under; its capitals keep it apart from
// what anybody may type as an e-mail.
func resetKey(email string) string { return "RESET:" + email }

// AskReset has a link to a new password sent to an address, if it may sign in.
// Whether it may is looked up later, by a task: neither the answer nor how long
// it takes tells. FieldErrors on email; TooMany; Conflict where no mail goes out.
func (s *Store) AskReset(ctx context.Context, in StartReset) error {
	if !s.SendsMail() {
		return errMailOff
	}
	in.Email = NormalEmail(toValid(in.Email))
	if in.Email == "" {
		return FieldErrors{fieldError("email", "error.email.empty", nil)}
	}
	if malformedEmail(in.Email) {
		return FieldErrors{fieldError("email", "error.email.malformed", nil)}
	}
	if err := s.noteAttempt(ctx, resetKey(in.Email), NetworkOf(in.Address), resetLimits); err != nil {
		return err
	}
	return s.inTx(ctx, func(t *tx) error {
		t.then(Task{Args: in})
		return nil
	})
}

// StartReset makes the link and sends it; for an address that may not sign in
// there is nothing to do. A link from before that was not used is void.
func (s *Store) StartReset(ctx context.Context, in StartReset) error {
	user, err := s.userByEmail(ctx, in.Email)
	if err != nil || user == nil {
		return err
	}
	return s.inTx(ctx, func(t *tx) error {
		if err := t.Where("user_id = ? AND used_at IS NULL", user.ID).Delete(&passwordReset{}).Error; err != nil {
			return err
		}
		token := newSessionSecret()
		reset := passwordReset{UserID: user.ID, TokenHash: hashOf(token), CreatedAt: t.wall, ExpiresAt: t.wall.Add(resetFor)}
		if err := t.Create(&reset).Error; err != nil {
			return err
		}
		err := t.mail(Mail{
			To: user.Email, Lang: in.Lang, Kind: MailReset, Path: "/reset?token=" + token, Once: true, Until: reset.ExpiresAt,
			Args: map[string]any{"Minutes": int(resetFor.Minutes())},
		})
		if err != nil {
			return err
		}
		return t.audit(Actor{Address: in.Address}, "password.ask", subject("user", user.ID), "", "")
	})
}

// ResetInput is what came with the form for a new password. Lang is the language
// that it was read in.
type ResetInput struct{ Token, Password, Lang, Address string }

// ResetLives tells whether a link to a new password can still be used. NotFound
// if not.
func (s *Store) ResetLives(ctx context.Context, token string) error {
	var n int64
	err := s.read.WithContext(ctx).Model(&passwordReset{}).
		Where("token_hash = ? AND used_at IS NULL AND expires_at > ?", hashOf(token), s.Wall()).Count(&n).Error
	if err == nil && n == 0 {
		err = errLinkVoid
	}
	return err
}

// ResetPassword sets a new password by a link, once, and ends every session of
// its user; a second factor stays as it is. FieldErrors on password; NotFound
// for a link that is void.
func (s *Store) ResetPassword(ctx context.Context, in ResetInput) error {
	if refusal := passwordRefusal(in.Password); refusal != nil {
		return FieldErrors{refusal}
	}
	if err := s.ResetLives(ctx, in.Token); err != nil { // before time is spent on a hash
		return err
	}
	hash, err := s.hashPassword(ctx, in.Password)
	if err != nil {
		return err
	}
	return s.inTx(ctx, func(t *tx) error {
		var reset passwordReset
		if err := t.Take(&reset, "token_hash = ?", hashOf(in.Token)).Error; err != nil {
			return voidLink(found(err, "reset"))
		}
		used := t.Model(&passwordReset{}).Where("id = ? AND used_at IS NULL AND expires_at > ?", reset.ID, t.wall).Update("used_at", t.wall)
		if used.Error == nil && used.RowsAffected == 0 {
			return errLinkVoid
		}
		if used.Error != nil {
			return used.Error
		}
		var user User
		if err := t.locked().Take(&user, "id = ? AND disabled_at IS NULL", reset.UserID).Error; err != nil {
			return voidLink(found(err, "user"))
		}
		return t.setPassword(user, hash, in)
	})
}

// setPassword changes a user's password and ends all that an old one opened.
func (t *tx) setPassword(user User, hash string, in ResetInput) error {
	if err := changed(t.Model(&User{}).Where("id = ?", user.ID).Update("password_hash", hash)); err != nil {
		return err
	}
	if err := t.endSessions(user.ID); err != nil {
		return err
	}
	if err := t.forgive(user.Email, ""); err != nil {
		return err
	}
	err := t.mail(Mail{To: user.Email, Lang: cmp.Or(in.Lang, user.Lang), Kind: MailPasswordIsNew, Path: "/security", Args: map[string]any{"At": t.wall}})
	if err != nil && !errors.Is(err, errMailOff) { // the server was taken away since the link was sent
		return err
	}
	return t.audit(Actor{user.ID, in.Address}, "password.reset", subject("user", user.ID), "", "")
}

// SetLanguage keeps the language in which a user wants to get mails; one that
// the portal does not speak is left alone.
func (s *Store) SetLanguage(ctx context.Context, userID int64, lang string) error {
	if lang != "zh-CN" && lang != "en" {
		return nil
	}
	return s.inTx(ctx, func(t *tx) error {
		return t.Model(&User{}).Where("id = ? AND lang <> ?", userID, lang).Update("lang", lang).Error
	})
}
