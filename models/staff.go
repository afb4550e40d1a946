package models

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
)

// StaffSession is one sign-in that lives.
type StaffSession struct {
	Handle    string // names it among its user's; its secret can't be told from it
	Address   string
	UserAgent string
	CreatedAt time.Time
	SeenAt    time.Time
	ExpiresAt time.Time
	FactorBy  FactorKind
	Own       bool // the one that asks
}

// PasskeyView is one passkey as its owner sees it.
type PasskeyView struct {
	ID        int64
	Name      string
	CreatedAt time.Time
	UsedAt    *time.Time
}

// SecurityDesk is what a user sees of their own sign-in.
type SecurityDesk struct {
	Now       time.Time  // the machine's, as all times here
	TOTPSince *time.Time // nil: no authenticator app
	Passkeys  []PasskeyView
	CodesLeft int
	Sessions  []StaffSession
	CanAdd    bool // passkeys can be bound to this portal
	Optional  bool // there may be no second factor at all
}

// handleLength is how much of a session's hash names it.
const handleLength = 16

// alive keeps the sessions that are whole and not over.
func alive(db *gorm.DB, now time.Time, idle time.Duration) *gorm.DB {
	return db.Where("revoked_at IS NULL AND factor_at IS NOT NULL AND expires_at > ? AND seen_at > ?", now, now.Add(-idle))
}

// SecurityDesk reads the second factors and the sessions of a user;
// secret is that of the session that asks.
func (s *Store) SecurityDesk(ctx context.Context, userID int64, secret string) (SecurityDesk, error) {
	desk := SecurityDesk{Now: s.Wall(), CanAdd: s.party != nil}
	db := s.read.WithContext(ctx)
	var user User
	if err := db.Take(&user, userID).Error; err != nil {
		return desk, err
	}
	desk.Optional = !user.Role.IsStaff()
	var factor totpFactor
	err := db.Take(&factor, "user_id = ?", userID).Error
	if err != nil && !errors.Is(err, gorm.ErrRecordNotFound) {
		return desk, err
	}
	desk.TOTPSince = factor.ConfirmedAt
	var keys []passkey
	if err := db.Order("id").Find(&keys, "user_id = ?", userID).Error; err != nil {
		return desk, err
	}
	for _, k := range keys {
		desk.Passkeys = append(desk.Passkeys, PasskeyView{k.ID, k.Name, k.CreatedAt, k.UsedAt})
	}
	var left int64
	if err := db.Model(&recoveryCode{}).Where("user_id = ? AND used_at IS NULL", userID).Count(&left).Error; err != nil {
		return desk, err
	}
	desk.CodesLeft = int(left)
	var rows []session
	if err := alive(db, desk.Now, s.idleOf(user.Role)).Where("user_id = ?", userID).Order("seen_at DESC, id_hash").Limit(100).Find(&rows).Error; err != nil {
		return desk, err
	}
	own := hashOf(secret)
	for _, r := range rows {
		desk.Sessions = append(desk.Sessions, StaffSession{
			Handle: r.IDHash[:handleLength], Address: r.Address, UserAgent: r.UserAgent, CreatedAt: r.CreatedAt,
			SeenAt: r.SeenAt, ExpiresAt: r.ExpiresAt, FactorBy: r.FactorBy, Own: r.IDHash == own,
		})
	}
	return desk, nil
}

// RevokeSession ends one of one's own sessions at once. NotFound for one that
// is over, unknown or somebody else's.
func (s *Store) RevokeSession(ctx context.Context, by Actor, handle string) error {
	return s.inTx(ctx, func(t *tx) error {
		ended := t.Model(&session{}).Where("user_id = ? AND substr(id_hash, 1, ?) = ? AND revoked_at IS NULL AND expires_at > ?",
			by.UserID, handleLength, toValid(handle), t.wall).Update("revoked_at", t.wall)
		if ended.Error != nil {
			return ended.Error
		}
		if ended.RowsAffected == 0 {
			return notFound("session")
		}
		return t.audit(by, "session.revoke", subject("user", by.UserID), handle, "")
	})
}

// RevokeOtherSessions ends all of one's own sessions but the one that asks.
func (s *Store) RevokeOtherSessions(ctx context.Context, by Actor, secret string) error {
	return s.inTx(ctx, func(t *tx) error {
		ended := t.Model(&session{}).Where("user_id = ? AND id_hash <> ? AND revoked_at IS NULL", by.UserID, hashOf(secret)).
			Update("revoked_at", t.wall)
		if ended.Error != nil {
			return ended.Error
		}
		return t.audit(by, "session.revoke", subject("user", by.UserID), "others", "")
	})
}

// StaffMember is one member of staff as those who look after them see one.
type StaffMember struct {
	ID        int64
	Email     string
	Role      Role
	CreatedAt time.Time
	TOTP      bool
	Passkeys  int
	CodesLeft int
	Sessions  int        // that live
	SeenAt    *time.Time // nil: never signed in
}

// StaffDesk lists the members of staff, by e-mail; now is the machine's time.
func (s *Store) StaffDesk(ctx context.Context) (members []StaffMember, now time.Time, err error) {
	now = s.Wall()
	db := s.read.WithContext(ctx)
	var users []User
	if err := db.Order("email").Limit(500).Find(&users, "role <> ? AND disabled_at IS NULL", RoleSeller).Error; err != nil {
		return nil, now, err
	}
	ids := make([]int64, len(users)) // by whom the sessions are found: sellers have a hundred times as many
	for i, u := range users {
		ids[i] = u.ID
	}
	var sessions []session
	if err := alive(db, now, s.rules.StaffIdle).Find(&sessions, "user_id IN ?", ids).Error; err != nil {
		return nil, now, err
	}
	living := map[int64]int{}
	for _, row := range sessions {
		living[row.UserID]++
	}
	for _, u := range users {
		m := StaffMember{ID: u.ID, Email: u.Email, Role: u.Role, CreatedAt: u.CreatedAt, Sessions: living[u.ID]}
		var passkeys, codes, apps int64
		var last []session
		if err := db.Model(&totpFactor{}).Where("user_id = ? AND confirmed_at IS NOT NULL", u.ID).Count(&apps).Error; err != nil {
			return nil, now, err
		}
		if err := db.Model(&passkey{}).Where("user_id = ?", u.ID).Count(&passkeys).Error; err != nil {
			return nil, now, err
		}
		if err := db.Model(&recoveryCode{}).Where("user_id = ? AND used_at IS NULL", u.ID).Count(&codes).Error; err != nil {
			return nil, now, err
		}
		if err := db.Order("seen_at DESC").Limit(1).Find(&last, "user_id = ? AND factor_at IS NOT NULL", u.ID).Error; err != nil {
			return nil, now, err
		}
		m.TOTP, m.Passkeys, m.CodesLeft = apps > 0, int(passkeys), int(codes)
		if len(last) == 1 {
			m.SeenAt = &last[0].SeenAt
		}
		members = append(members, m)
	}
	return members, now, nil
}

// staff locks a member of staff. NotFound for anybody else.
func (t *tx) staff(userID int64) (User, error) {
	var user User
	err := t.locked().Take(&user, "id = ? AND role <> ?", userID, RoleSeller).Error
	return user, found(err, "member of staff")
}

// endSessions ends every session of a user.
func (t *tx) endSessions(userID int64) error {
	return t.Model(&session{}).Where("user_id = ? AND revoked_at IS NULL", userID).Update("revoked_at", t.wall).Error
}

// RevokeStaffSessions ends every session of a member of staff at once. NotFound.
func (s *Store) RevokeStaffSessions(ctx context.Context, by Actor, userID int64) error {
	return s.inTx(ctx, func(t *tx) error {
		if _, err := t.staff(userID); err != nil {
			return err
		}
		if err := t.endSessions(userID); err != nil {
			return err
		}
		return t.audit(by, "session.revoke", subject("user", userID), "all", "")
	})
}

// ResetFactors takes the second factors of a member of staff away and ends
// their sessions; at the next sign-in they set one up anew. NotFound; Conflict
// for one's own, which is for somebody else to do; Forbidden where
// AsksFactorAgain of the session of that secret, which is the one that asks;
// Unauthenticated.
func (s *Store) ResetFactors(ctx context.Context, by Actor, secret string, userID int64) error {
	return s.inTx(ctx, func(t *tx) error {
		if err := t.shownLately(by, secret); err != nil {
			return err
		}
		if by.UserID == userID {
			return conflict("error.factor.own", nil)
		}
		if _, err := t.staff(userID); err != nil {
			return err
		}
		return t.resetFactors(by, userID)
	})
}

// ResetFactorsOf is ResetFactors by e-mail, of staff or of a seller's user, for
// whoever runs the portal: the way back in when the last administrator, or an
// owner, has lost theirs. NotFound.
func (s *Store) ResetFactorsOf(ctx context.Context, email string) error {
	return s.inTx(ctx, func(t *tx) error {
		var user User
		if err := t.Take(&user, "email = ?", NormalEmail(email)).Error; err != nil {
			return found(err, "user")
		}
		return t.resetFactors(CommandLine, user.ID)
	})
}

// dropFactors takes all second factors of a user away.
func (t *tx) dropFactors(userID int64) error {
	for _, row := range []any{&totpFactor{}, &passkey{}, &recoveryCode{}} {
		if err := t.Where("user_id = ?", userID).Delete(row).Error; err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) resetFactors(by Actor, userID int64) error {
	if err := t.dropFactors(userID); err != nil {
		return err
	}
	if err := t.endSessions(userID); err != nil {
		return err
	}
	return t.audit(by, "factor.reset", subject("user", userID), "", "")
}
