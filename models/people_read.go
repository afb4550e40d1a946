package models

import (
	"context"
	"time"

	"gorm.io/gorm"
)

// Colleague is one of a shop's people, as its owners see them.
type Colleague struct {
	ID        int64
	Email     string
	Role      ShopRole
	CreatedAt time.Time
	Factor    bool       // signs in with a second factor
	Sessions  int        // that live
	SeenAt    *time.Time // nil: never signed in
}

// InvitationView is one invitation, as a shop's owners see it.
type InvitationView struct {
	ID        int64
	Email     string
	Role      ShopRole
	State     InvitationState
	SentAt    time.Time
	ExpiresAt time.Time
	ByEmail   string // who sent it last
}

// Open tells whether it may be sent again or withdrawn.
func (i InvitationView) Open() bool { return i.State == Invited || i.State == InvitationExpired }

// PeopleDesk is what a shop's owners see of its people.
type PeopleDesk struct {
	Now         time.Time // the machine's, as all times here
	Colleagues  []Colleague
	Invitations []InvitationView // those that are open and those of the last 30 days, newest first
	SendsMail   bool
}

// PeopleDesk reads the people of an account's shop and who was asked to join.
func (s *Store) PeopleDesk(ctx context.Context, accountID int64) (PeopleDesk, error) {
	desk := PeopleDesk{Now: s.Wall(), SendsMail: s.SendsMail()}
	db := s.read.WithContext(ctx)
	const ofShop = "(SELECT seller_id FROM accounts WHERE id = ?)"
	var users []User
	if err := db.Order("id").Limit(maxColleagues).Find(&users, "seller_id = "+ofShop+" AND disabled_at IS NULL", accountID).Error; err != nil {
		return desk, err
	}
	var err error
	for _, u := range users {
		c, err := colleagueOf(db, u, alive(db, desk.Now, s.idleOf(RoleSeller)))
		if err != nil {
			return desk, err
		}
		desk.Colleagues = append(desk.Colleagues, c)
	}
	desk.Invitations, err = invitationsOf(db, accountID, desk.Now)
	return desk, err
}

// invitationsOf reads the invitations to an account's shop.
func invitationsOf(db *gorm.DB, accountID int64, now time.Time) (views []InvitationView, err error) {
	var rows []invitation
	err = db.Where("seller_id = (SELECT seller_id FROM accounts WHERE id = ?)", accountID).Where("("+isOpenInvitation+") OR sent_at > ?", now.Add(-invitationsFor)).
		Order("id DESC").Limit(2 * maxColleagues).Find(&rows).Error
	if err != nil {
		return nil, err
	}
	ids := make([]int64, len(rows))
	for i, r := range rows {
		ids[i] = r.InvitedBy
	}
	var senders []User
	if err := db.Select("id, email").Find(&senders, "id IN ?", ids).Error; err != nil {
		return nil, err
	}
	emails := map[int64]string{}
	for _, u := range senders {
		emails[u.ID] = u.Email
	}
	for _, r := range rows {
		views = append(views, InvitationView{
			ID: r.ID, Email: r.Email, Role: r.ShopRole, State: r.state(now), SentAt: r.SentAt, ExpiresAt: r.ExpiresAt, ByEmail: emails[r.InvitedBy],
		})
	}
	return views, nil
}

// colleagueOf reads what there is about one user's sign-in.
func colleagueOf(db *gorm.DB, u User, living *gorm.DB) (Colleague, error) {
	c := Colleague{ID: u.ID, Email: u.Email, Role: u.ShopRole, CreatedAt: u.CreatedAt}
	var err error
	if c.Factor, err = hasFactor(db, u.ID); err != nil {
		return c, err
	}
	var sessions int64
	if err := living.Model(&session{}).Where("user_id = ?", u.ID).Count(&sessions).Error; err != nil {
		return c, err
	}
	c.Sessions = int(sessions)
	var last []session
	if err := db.Order("seen_at DESC").Limit(1).Find(&last, "user_id = ? AND factor_at IS NOT NULL", u.ID).Error; err != nil {
		return c, err
	}
	if len(last) == 1 {
		c.SeenAt = &last[0].SeenAt
	}
	return c, nil
}

// InvitedTo is what the page shows that an invitation's link leads to.
type InvitedTo struct {
	Email     string
	Shop      string
	Role      ShopRole
	ByEmail   string
	ExpiresAt time.Time
	Taken     bool // the address signs in already, for another shop or as staff
}

// InvitedTo reads an invitation by the token of its link. NotFound for a link
// that is void: used, withdrawn, expired, replaced or made up.
func (s *Store) InvitedTo(ctx context.Context, token string) (InvitedTo, error) {
	db := s.read.WithContext(ctx)
	var i invitation
	if err := db.Take(&i, "token_hash = ?", hashOf(token)).Error; err != nil {
		return InvitedTo{}, voidLink(found(err, "invitation"))
	}
	if i.state(s.Wall()) != Invited {
		return InvitedTo{}, voidLink(notFound("invitation"))
	}
	to := InvitedTo{Email: i.Email, Role: i.ShopRole, ExpiresAt: i.ExpiresAt}
	var seller Seller
	var inviter User
	if err := db.Take(&seller, i.SellerID).Error; err != nil {
		return to, err
	}
	if err := db.Take(&inviter, i.InvitedBy).Error; err != nil {
		return to, err
	}
	to.Shop, to.ByEmail = seller.ShopName, inviter.Email
	var holders []User
	err := db.Limit(1).Find(&holders, "email = ? AND (disabled_at IS NULL OR role <> ?)", i.Email, RoleSeller).Error
	to.Taken = len(holders) > 0
	return to, err
}

// errLinkVoid is of a one-time link that is worth nothing any more.
var errLinkVoid = &Error{Code: NotFound, Key: "error.link.void"}

// voidLink says of a link that was not found what it is to a reader.
func voidLink(err error) error {
	if CodeOf(err) == NotFound {
		return errLinkVoid
	}
	return err
}
