package models

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/alexedwards/argon2id"
	"gorm.io/gorm"
)

// Role says what a user may do.
type Role string

const (
	RoleSeller  Role = "seller"
	RoleSupport Role = "support" // reads and repairs
	RoleFinance Role = "finance" // refunds and adjusts
	RoleAdmin   Role = "admin"   // all
)

// IsStaff: the admin pages are for this role.
func (r Role) IsStaff() bool { return r == RoleSupport || r == RoleFinance || r == RoleAdmin }

// DemoDomain is the domain of the demo's sign-ins, unusable in production.
const DemoDomain = "@demo.test"

// User is somebody who signs in; sellers' users belong to a seller.
type User struct {
	ID           int64 `gorm:"primaryKey"`
	Email        string
	PasswordHash string
	Role         Role
	SellerID     *int64
	ShopRole     ShopRole // of sellers' users alone
	Lang         string   // that mails are written in
	AlertMail    bool     `gorm:"default:true"` // alerts come by mail too
	AlertsReadID int64    // up to which alert they have read
	CreatedAt    time.Time
	DisabledAt   *time.Time
}

// Seller is a shop.
type Seller struct {
	ID             int64 `gorm:"primaryKey"`
	ShopName       string
	RegisteredName string // of the company, as staff typed it; empty: not known
	RegisteredKey  string // the same as names are compared
	CreatedAt      time.Time
}

const (
	minPassword = 8
	maxPassword = 200
)

// hashing bounds how many passwords are hashed at once: each takes 19 MiB and
// some 20 ms of CPU.
var hashing = make(chan struct{}, 2)

// passwordMemory is what OWASP recommends beside two iterations, in KiB.
const passwordMemory = 19 * 1024

// hashCost is how passwords are hashed.
func hashCost(memory uint32) argon2id.Params {
	return argon2id.Params{Memory: cmp.Or(memory, passwordMemory), Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}
}

// nobodysHash is compared with when the e-mail is unknown, so that the answer
// takes as long as for one that is known.
func (s *Store) nobodysHash() string {
	return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=1$c2FsdHNhbHRzYWx0c2FsdA$QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE", s.hashes.Memory, s.hashes.Iterations)
}

// NormalEmail is how e-mail addresses are stored and compared.
func NormalEmail(typed string) string { return strings.ToLower(strings.TrimSpace(typed)) }

// NewUser describes a user to create. ShopName opens a seller with an account;
// it is required for RoleSeller and refused for staff.
type NewUser struct {
	Email    string
	Password string
	Role     Role
	ShopName string
}

// CreateUser stores a user, and for a seller the shop, which they own, and its account. It
// gives the account's id, 0 for staff. FieldErrors on email, password, role,
// shop_name.
func (s *Store) CreateUser(ctx context.Context, by Actor, in NewUser) (accountID int64, err error) {
	in.Email = NormalEmail(in.Email)
	if err := in.check().OrNil(); err != nil {
		return 0, err
	}
	hash, err := s.hashPassword(ctx, in.Password)
	if err != nil {
		return 0, err
	}
	err = s.inTx(ctx, func(t *tx) error {
		user := User{Email: in.Email, PasswordHash: hash, Role: in.Role, Lang: "zh-CN", CreatedAt: t.now}
		if in.Role == RoleSeller {
			seller := Seller{ShopName: in.ShopName, CreatedAt: t.now}
			if err := t.Create(&seller).Error; err != nil {
				return err
			}
			account, err := t.openAccount(seller.ID)
			if err != nil {
				return err
			}
			user.SellerID, user.ShopRole, accountID = &seller.ID, ShopOwner, account.ID
		}
		if err := t.Create(&user).Error; err != nil {
			if uniqueTaken(err) {
				return FieldErrors{fieldError("email", "error.email.taken", nil)}
			}
			return err
		}
		return t.audit(by, "user.create", subject("user", user.ID), "", facts("role", string(in.Role), "email", in.Email))
	})
	return accountID, err
}

func (in NewUser) check() FieldErrors {
	var refusals FieldErrors
	if malformedEmail(in.Email) {
		refusals = append(refusals, fieldError("email", "error.email.malformed", nil))
	}
	if refusal := passwordRefusal(in.Password); refusal != nil {
		refusals = append(refusals, refusal)
	}
	if in.Role != RoleSeller && !in.Role.IsStaff() {
		refusals = append(refusals, fieldError("role", "error.role.unknown", nil))
	}
	if (in.Role == RoleSeller) != (strings.TrimSpace(in.ShopName) != "") {
		refusals = append(refusals, fieldError("shop_name", "error.shop_name", nil))
	}
	return refusals
}

func (s *Store) hashPassword(ctx context.Context, password string) (string, error) {
	if err := takeHashing(ctx); err != nil {
		return "", err
	}
	defer func() { <-hashing }()
	return argon2id.CreateHash(password, &s.hashes)
}

func passwordFits(ctx context.Context, password, hash string) (bool, error) {
	if err := takeHashing(ctx); err != nil {
		return false, err
	}
	defer func() { <-hashing }()
	return argon2id.ComparePasswordAndHash(password, hash)
}

func takeHashing(ctx context.Context) error {
	select {
	case hashing <- struct{}{}:
		return nil
	case <-ctx.Done():
		return &Error{Code: Unavailable, Key: "error.busy", Err: ctx.Err()}
	}
}

// userByEmail finds a user that may sign in, or nil.
func (s *Store) userByEmail(ctx context.Context, email string) (*User, error) {
	var user User
	err := s.read.WithContext(ctx).Take(&user, "email = ? AND disabled_at IS NULL", email).Error
	if errors.Is(err, gorm.ErrRecordNotFound) || err == nil && s.demoOnly(email) {
		return nil, nil
	}
	return &user, err
}

// demoOnly: the e-mail is a demo's, and this is no demo.
func (s *Store) demoOnly(email string) bool {
	return !s.rules.Demo && strings.HasSuffix(email, DemoDomain)
}
