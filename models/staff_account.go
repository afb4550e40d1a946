package models

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"gorm.io/gorm"
)

// AccountFilter narrows the staff's list of accounts.
type AccountFilter struct {
	State     AccountState // "": all
	ByArrears bool         // those in arrears alone, the oldest arrears first
}

// AccountList lists accounts for staff, newest first or by the age of their
// arrears.
func (s *Store) AccountList(ctx context.Context, f AccountFilter, k Keyset) ([]FoundAccount, Page, error) {
	db := s.read.WithContext(ctx)
	query := db.Table("accounts").Limit(PageSize + 1)
	switch f.State {
	case "":
	case AccountFrozen:
		query = query.Where("frozen_at IS NOT NULL")
	case AccountActive:
		query = query.Where("frozen_at IS NULL AND funding_state = 'active'")
	default: // as the index on those in trouble wants it said
		query = query.Where("frozen_at IS NULL AND funding_state <> 'active' AND funding_state = ?", toValid(string(f.State)))
	}
	if f.ByArrears {
		query = byArrears(query, k)
	} else {
		query = keyset(query, k, "id")
	}
	var ids []int64
	if err := query.Pluck("id", &ids).Error; err != nil {
		return nil, Page{}, err
	}
	ids, page := pageOf(ids, k, func(id int64) int64 { return id })
	rows, err := foundAccounts(db, ids)
	return rows, page, err
}

// byArrears orders by the instant the arrears began; the rows before and after
// are found by that instant of the account that was seen.
func byArrears(query *gorm.DB, k Keyset) *gorm.DB {
	const seen = "(SELECT arrears_since, id FROM accounts WHERE id = ?)"
	query = query.Where("arrears_since IS NOT NULL")
	switch {
	case k.After > 0:
		return query.Where("(arrears_since, id) < "+seen, k.After).Order("arrears_since DESC, id DESC")
	case k.Before > 0:
		query = query.Where("(arrears_since, id) > "+seen, k.Before)
	}
	return query.Order("arrears_since, id")
}

// StaffAccount is what stands on every sub-page of an account, for staff.
type StaffAccount struct {
	Overview
	ShopName     string
	Emails       []string
	FrozenReason string
	Notes        int           // how many
	Waiting      []ApprovalRow // what was asked for and nobody decided on, newest first
	MoreWaiting  bool          // more of it than is read
}

// StaffAccount reads an account for staff. NotFound: no such account.
func (s *Store) StaffAccount(ctx context.Context, accountID int64) (StaffAccount, error) {
	var a StaffAccount
	var err error
	if a.Overview, err = s.AccountOverview(ctx, accountID); err != nil {
		return a, err
	}
	db := s.read.WithContext(ctx)
	a.FrozenReason = a.Account.FrozenReason
	if a.Timeline, err = timeline(db, accountID, staffEvents); err != nil {
		return a, err
	}
	if a.Waiting, a.MoreWaiting, err = openApprovalsOf(db, accountID); err != nil {
		return a, err
	}
	if a.ShopName, err = shopName(db, accountID); err != nil {
		return a, err
	}
	if err = db.Model(&User{}).Where("seller_id = ?", a.Account.SellerID).Order("id").Pluck("email", &a.Emails).Error; err != nil {
		return a, err
	}
	var notes int64
	err = db.Model(&accountNote{}).Where("account_id = ?", accountID).Count(&notes).Error
	a.Notes = int(notes)
	return a, err
}

const staffEvents = 60

func shopName(db *gorm.DB, accountID int64) (name string, err error) {
	var names []string
	err = db.Raw("SELECT s.shop_name FROM accounts a JOIN sellers s ON s.id = a.seller_id WHERE a.id = ?", accountID).Scan(&names).Error
	if err == nil && len(names) == 0 {
		err = gorm.ErrRecordNotFound
	}
	return strings.Join(names, ""), found(err, "account")
}

// EngineWord is what the ad engine was last told of a campaign, and when.
type EngineWord struct {
	CampaignID   int64
	Name         string
	Delivery     DeliveryState
	SharePercent int
	BudgetFen    Fen
	ChangedAt    time.Time
}

// ToldOf lists what the ad engine was last told of an account's campaigns, the
// newest change first.
func (s *Store) ToldOf(ctx context.Context, accountID int64) (told []EngineWord, err error) {
	err = s.read.WithContext(ctx).Raw(`SELECT c.id AS campaign_id, c.name, s.delivery_state AS delivery, s.share_percent,
		s.daily_budget_fen AS budget_fen, s.changed_at
		FROM campaigns c JOIN serving_states s ON s.campaign_id = c.id WHERE c.account_id = ? ORDER BY s.seq DESC LIMIT 100`, accountID).Scan(&told).Error
	return told, err
}

// Session is one sign-in of a seller's user, for staff to read.
type Session struct {
	Email     string
	Address   string
	UserAgent string
	CreatedAt time.Time
	SeenAt    time.Time
	ExpiresAt time.Time
	RevokedAt *time.Time
}

const signInsShown = 20

// SignIns lists the newest sessions and tries to sign in of an account's users.
func (s *Store) SignIns(ctx context.Context, accountID int64) (sessions []Session, attempts []Attempt, err error) {
	db := s.read.WithContext(ctx)
	err = db.Raw(`SELECT u.email, s.address, s.user_agent, s.created_at, s.seen_at, s.expires_at, s.revoked_at
		FROM accounts a JOIN users u ON u.seller_id = a.seller_id JOIN sessions s ON s.user_id = u.id
		WHERE a.id = ? ORDER BY s.created_at DESC LIMIT ?`, accountID, signInsShown).Scan(&sessions).Error
	if err != nil {
		return nil, nil, err
	}
	err = db.Raw(`SELECT t.email_key, t.address, t.at, t.succeeded
		FROM accounts a JOIN users u ON u.seller_id = a.seller_id JOIN sign_in_attempts t ON t.email_key = u.email
		WHERE a.id = ? ORDER BY t.at DESC, t.id DESC LIMIT ?`, accountID, signInsShown).Scan(&attempts).Error
	return sessions, attempts, err
}

// accountNote is what one of the staff wrote; never changed or deleted.
type accountNote struct {
	ID        int64 `gorm:"primaryKey"`
	AccountID int64
	UserID    int64
	At        time.Time
	Body      string
}

// Note is one note, for staff to read.
type Note struct {
	ID    int64
	At    time.Time
	Email string // of who wrote it
	Body  string
}

// maxAccountNote is how many characters a note has at most.
const maxAccountNote = 2000

// AddNote writes a note on an account. Invalid on "body" when it is empty or
// too long; NotFound: no such account.
func (s *Store) AddNote(ctx context.Context, by Actor, accountID int64, body string) error {
	body = strings.TrimSpace(strings.ReplaceAll(toValid(body), "\r\n", "\n"))
	switch n := utf8.RuneCountInString(body); {
	case n == 0:
		return FieldErrors{fieldError("body", "error.note.empty", nil)}
	case n > maxAccountNote:
		return FieldErrors{fieldError("body", "error.note.too_long", map[string]any{"Max": maxAccountNote, "Count": n})}
	}
	return s.inTx(ctx, func(t *tx) error {
		var a Account
		if err := t.Select("id").Take(&a, accountID).Error; err != nil {
			return found(err, "account")
		}
		note := accountNote{AccountID: accountID, UserID: by.UserID, At: t.now, Body: body}
		if err := t.Create(&note).Error; err != nil {
			return err
		}
		return t.audit(by, "account.note", subject("account", accountID), "", body)
	})
}

// Notes lists the notes on an account, newest first.
func (s *Store) Notes(ctx context.Context, accountID int64, k Keyset) ([]Note, Page, error) {
	var rows []Note
	err := keyset(s.read.WithContext(ctx).Table("account_notes AS n"), k, "n.id").Joins("JOIN users u ON u.id = n.user_id").
		Select("n.id, n.at, u.email, n.body").Where("n.account_id = ?", accountID).Scan(&rows).Error
	rows, page := pageOf(rows, k, func(n Note) int64 { return n.ID })
	return rows, page, err
}

// ViewAs puts on the audit trail that staff look at a seller's page as the
// seller sees it, and gives the shop's name. NotFound: no such account.
func (s *Store) ViewAs(ctx context.Context, by Actor, accountID int64, page string) (shop string, err error) {
	err = s.inTx(ctx, func(t *tx) error {
		if shop, err = shopName(t.DB, accountID); err != nil {
			return err
		}
		return t.audit(by, "account.view_as", subject("account", accountID), "", toValid(page))
	})
	return shop, err
}
