package models

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
)

// A shop's owners ask colleagues in by e-mail, say what each may do, and send
// them away again. All of it goes by the machine's clock.

const (
	inviteFor      = 48 * time.Hour
	resendAfter    = time.Minute // between two mails to one address
	invitedADay    = 100         // addresses that a shop may write to in a day
	maxColleagues  = 100         // of one shop, those invited included
	invitationsFor = 30 * 24 * time.Hour
)

// InvitationState is what became of an invitation.
type InvitationState string

const (
	Invited             InvitationState = "invited"
	InvitationAccepted  InvitationState = "accepted"
	InvitationExpired   InvitationState = "expired"
	InvitationWithdrawn InvitationState = "withdrawn"
)

// InvitationStates are all of them.
var InvitationStates = []InvitationState{Invited, InvitationAccepted, InvitationExpired, InvitationWithdrawn}

// invitation asks somebody to join a shop.
type invitation struct {
	ID          int64 `gorm:"primaryKey"`
	SellerID    int64
	Email       string
	ShopRole    ShopRole
	Lang        string
	TokenHash   string
	InvitedBy   int64
	CreatedAt   time.Time
	SentAt      time.Time
	ExpiresAt   time.Time
	AcceptedAt  *time.Time
	AcceptedBy  *int64
	WithdrawnAt *time.Time
}

// state is what has become of the invitation by now.
func (i invitation) state(now time.Time) InvitationState {
	switch {
	case i.AcceptedAt != nil:
		return InvitationAccepted
	case i.WithdrawnAt != nil:
		return InvitationWithdrawn
	case !now.Before(i.ExpiresAt):
		return InvitationExpired
	}
	return Invited
}

// isOpenInvitation: neither accepted nor withdrawn; it may have expired.
const isOpenInvitation = "accepted_at IS NULL AND withdrawn_at IS NULL"

// InviteInput is the form that asks a colleague in, as typed. Lang is that of
// the mail.
type InviteInput struct{ Email, Role, Lang string }

// malformedEmail tells whether this cannot be an address.
func malformedEmail(email string) bool {
	name, domain, ok := strings.Cut(email, "@")
	return !ok || name == "" || domain == "" || len(email) > 254 || strings.ContainsFunc(email, func(r rune) bool { return r <= ' ' || r == 0x7f }) ||
		strings.ContainsAny(domain, "@<>,;") || strings.ContainsAny(name, "<>,;:\"")
}

func (in InviteInput) check() FieldErrors {
	var refusals FieldErrors
	switch {
	case in.Email == "":
		refusals = append(refusals, fieldError("email", "error.email.empty", nil))
	case malformedEmail(in.Email):
		refusals = append(refusals, fieldError("email", "error.email.malformed", nil))
	}
	if !slices.Contains(ShopRoles, ShopRole(in.Role)) {
		refusals = append(refusals, fieldError("role", "error.shop_role.unknown", nil))
	}
	return refusals
}

// Invite asks a colleague to join the shop of an account: a mail with a link of
// one use that lives 48 hours. FieldErrors on email (malformed, a colleague
// already, invited already, too many) and role; TooMany within a minute of the last mail to
// the address, or after too many in a day; Conflict where no mail goes out.
// An address that signs in for another shop is told so by its own mail's link,
// and whoever invites it is not.
func (s *Store) Invite(ctx context.Context, by Actor, accountID int64, in InviteInput) error {
	in.Email = NormalEmail(toValid(in.Email))
	if err := in.check().OrNil(); err != nil {
		return err
	}
	return s.inTx(ctx, func(t *tx) error {
		seller, err := t.shopOf(accountID)
		if err != nil {
			return err
		}
		var open invitation
		err = t.Take(&open, "seller_id = ? AND email = ? AND "+isOpenInvitation, seller.ID, in.Email).Error
		switch {
		case errors.Is(err, gorm.ErrRecordNotFound):
			open = invitation{SellerID: seller.ID, Email: in.Email, CreatedAt: t.wall}
		case err != nil:
			return err
		case open.state(t.wall) == Invited:
			return FieldErrors{fieldError("email", "error.people.invited", nil)}
		}
		if err := t.mayInvite(seller.ID, in.Email); err != nil {
			return err
		}
		open.ShopRole, open.Lang, open.InvitedBy = ShopRole(in.Role), in.Lang, by.UserID
		if err := t.sendInvitation(by, seller, &open); err != nil {
			return err
		}
		return t.audit(by, "people.invite", subject("invitation", open.ID), "", facts("email", open.Email, "role", string(open.ShopRole)))
	})
}

// shopOf locks the shop of an account, so that of two changes to its people one
// waits for the other.
func (t *tx) shopOf(accountID int64) (Seller, error) {
	var seller Seller
	err := t.locked().Take(&seller, "id = (SELECT seller_id FROM accounts WHERE id = ?)", accountID).Error
	return seller, found(err, "shop")
}

// mayInvite refuses a colleague, and one too many.
func (t *tx) mayInvite(sellerID int64, email string) error {
	var colleagues []User
	if err := t.Find(&colleagues, "seller_id = ? AND disabled_at IS NULL", sellerID).Error; err != nil {
		return err
	}
	if slices.ContainsFunc(colleagues, func(u User) bool { return u.Email == email }) {
		return FieldErrors{fieldError("email", "error.people.colleague", nil)}
	}
	var open int64
	err := t.Model(&invitation{}).Where("seller_id = ? AND email <> ? AND "+isOpenInvitation, sellerID, email).Count(&open).Error
	if err != nil {
		return err
	}
	if len(colleagues)+int(open) >= maxColleagues {
		return FieldErrors{fieldError("email", "error.people.enough", map[string]any{"Max": maxColleagues})}
	}
	return t.mayWrite(sellerID, email)
}

// mayWrite bounds how much mail a shop has us send, whatever it withdraws
// between: to an address, and to all in a day.
func (t *tx) mayWrite(sellerID int64, email string) error {
	var lately, today int64
	sent := t.Model(&invitation{}).Where("seller_id = ?", sellerID).Session(&gorm.Session{})
	if err := sent.Where("email = ? AND sent_at > ?", email, t.wall.Add(-resendAfter)).Count(&lately).Error; err != nil {
		return err
	}
	if lately > 0 {
		return errJustSent
	}
	if err := sent.Where("sent_at > ?", t.wall.Add(-24*time.Hour)).Count(&today).Error; err != nil {
		return err
	}
	if today >= invitedADay {
		return &Error{Code: TooMany, Key: "error.people.enough_today", Args: map[string]any{"Max": invitedADay}}
	}
	return nil
}

var errJustSent = &Error{Code: TooMany, Key: "error.people.just_sent"}

// sendInvitation gives the invitation a fresh link, stores it and sends it; a
// link from before is void.
func (t *tx) sendInvitation(by Actor, seller Seller, i *invitation) error {
	if i.SentAt.Add(resendAfter).After(t.wall) {
		return errJustSent
	}
	if i.Lang != "en" {
		i.Lang = "zh-CN"
	}
	token := newSessionSecret()
	i.TokenHash, i.SentAt, i.ExpiresAt = hashOf(token), t.wall, t.wall.Add(inviteFor)
	var err error
	if i.ID == 0 {
		err = t.Create(i).Error
	} else {
		err = changed(t.Model(&invitation{}).Where("id = ? AND "+isOpenInvitation, i.ID).Select("ShopRole", "Lang", "TokenHash", "InvitedBy", "SentAt", "ExpiresAt").Updates(i))
	}
	if err != nil {
		return err
	}
	var inviter User
	if err := t.Take(&inviter, by.UserID).Error; err != nil {
		return err
	}
	return t.mail(Mail{
		To: i.Email, Lang: i.Lang, Kind: MailInvitation, Path: "/join?token=" + token, Once: true, Until: i.ExpiresAt,
		Args: map[string]any{"Shop": seller.ShopName, "By": inviter.Email, "Role": i.ShopRole, "Hours": int(inviteFor.Hours())},
	})
}

// openInvitation finds an invitation of the account's shop that may still be
// changed. NotFound.
func (t *tx) openInvitation(accountID, id int64) (Seller, invitation, error) {
	var i invitation
	seller, err := t.shopOf(accountID)
	if err == nil {
		err = found(t.Take(&i, "id = ? AND seller_id = ? AND "+isOpenInvitation, id, seller.ID).Error, "invitation")
	}
	return seller, i, err
}

// ResendInvitation sends a mail with a fresh link, good for another 48 hours.
// NotFound; TooMany within a minute; Conflict where no mail goes out.
func (s *Store) ResendInvitation(ctx context.Context, by Actor, accountID, id int64) error {
	return s.inTx(ctx, func(t *tx) error {
		seller, i, err := t.openInvitation(accountID, id)
		if err != nil {
			return err
		}
		i.InvitedBy = by.UserID
		if err := t.sendInvitation(by, seller, &i); err != nil {
			return err
		}
		return t.audit(by, "people.resend", subject("invitation", id), "", facts("email", i.Email, "role", string(i.ShopRole)))
	})
}

// WithdrawInvitation makes an invitation's link void. NotFound.
func (s *Store) WithdrawInvitation(ctx context.Context, by Actor, accountID, id int64) error {
	return s.inTx(ctx, func(t *tx) error {
		_, i, err := t.openInvitation(accountID, id)
		if err != nil {
			return err
		}
		if err := changed(t.Model(&invitation{}).Where("id = ? AND "+isOpenInvitation, id).Update("withdrawn_at", t.wall)); err != nil {
			return err
		}
		return t.audit(by, "people.withdraw", subject("invitation", id), i.Email, "")
	})
}

// colleague finds a user of the account's shop who may sign in, the shop locked.
// NotFound.
func (t *tx) colleague(accountID, userID int64) (Seller, User, error) {
	var user User
	seller, err := t.shopOf(accountID)
	if err == nil {
		err = found(t.locked().Take(&user, "id = ? AND seller_id = ? AND disabled_at IS NULL", userID, seller.ID).Error, "colleague")
	}
	return seller, user, err
}

// ownerLeft refuses what would leave a shop without anybody who may look after
// its people.
func (t *tx) ownerLeft(sellerID int64) error {
	var owners int64
	err := t.Model(&User{}).Where("seller_id = ? AND shop_role = ? AND disabled_at IS NULL", sellerID, ShopOwner).Count(&owners).Error
	if err == nil && owners == 0 {
		err = conflict("error.people.last_owner", nil)
	}
	return err
}

// SetShopRole says what a colleague may do from now on, one's own self included.
// FieldErrors on role; NotFound; Conflict for the last owner.
func (s *Store) SetShopRole(ctx context.Context, by Actor, accountID, userID int64, role ShopRole) error {
	return s.inTx(ctx, func(t *tx) error {
		seller, user, err := t.colleague(accountID, userID)
		if err != nil || user.ShopRole == role {
			return err
		}
		if !slices.Contains(ShopRoles, role) {
			return FieldErrors{fieldError("role", "error.shop_role.unknown", nil)}
		}
		if err := changed(t.Model(&User{}).Where("id = ?", userID).Update("shop_role", role)); err != nil {
			return err
		}
		if err := t.ownerLeft(seller.ID); err != nil {
			return err
		}
		return t.audit(by, "people.role", subject("user", userID), string(user.ShopRole), string(role))
	})
}

// RemoveColleague ends a colleague's sessions for good, and voids what they
// invited others by. NotFound; Conflict for the last owner.
func (s *Store) RemoveColleague(ctx context.Context, by Actor, accountID, userID int64) error {
	return s.inTx(ctx, func(t *tx) error {
		seller, user, err := t.colleague(accountID, userID)
		if err != nil {
			return err
		}
		if err := changed(t.Model(&User{}).Where("id = ? AND disabled_at IS NULL", userID).Update("disabled_at", t.wall)); err != nil {
			return err
		}
		if err := t.ownerLeft(seller.ID); err != nil {
			return err
		}
		if err := t.endSessions(userID); err != nil {
			return err
		}
		err = t.Model(&invitation{}).Where("seller_id = ? AND invited_by = ? AND "+isOpenInvitation, seller.ID, userID).Update("withdrawn_at", t.wall).Error
		if err != nil {
			return err
		}
		return t.audit(by, "people.remove", subject("user", userID), facts("email", user.Email, "role", string(user.ShopRole)), "")
	})
}

// RevokeColleague ends every session of a colleague at once. NotFound.
func (s *Store) RevokeColleague(ctx context.Context, by Actor, accountID, userID int64) error {
	return s.inTx(ctx, func(t *tx) error {
		if _, _, err := t.colleague(accountID, userID); err != nil {
			return err
		}
		if err := t.endSessions(userID); err != nil {
			return err
		}
		return t.audit(by, "session.revoke", subject("user", userID), "all", "")
	})
}
