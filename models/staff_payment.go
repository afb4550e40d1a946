package models

import (
	"bytes"
	"context"
	"time"

	"gorm.io/gorm"
)

// StaffPaymentFilter narrows the payments of all sellers.
type StaffPaymentFilter struct {
	State  PaymentState // "": all
	Method Rail         // "": all
	Days   Days         // of creation
	Late   bool         // only those paid after they had ended
	Stuck  bool         // only those that are pending past their deadline, or whose gateway can't be asked
}

// StaffPaymentRow is one payment in the staff's list.
type StaffPaymentRow struct {
	ID            int64
	No            string
	AccountID     int64
	ShopName      string
	Rail          Rail
	State         PaymentState
	AmountFen     Fen
	CreatedAt     time.Time
	ExpiresAt     *time.Time
	PaidAt        *time.Time // the gateway's
	SettledAt     *time.Time // ours
	CheckingSince *time.Time
	PaidLate      bool
}

// isStuck is written so that the index on pending payments serves it.
const isStuck = "p.state = 'pending' AND (p.expires_at < ? OR p.checking_since IS NOT NULL)"

// StaffPayments lists the payments of all sellers, newest first. FieldErrors on
// from, to.
func (s *Store) StaffPayments(ctx context.Context, f StaffPaymentFilter, k Keyset) ([]StaffPaymentRow, Page, error) {
	from, to, refusals := f.Days.Parse()
	if len(refusals) > 0 {
		return nil, Page{}, refusals
	}
	query := keyset(s.read.WithContext(ctx).Table("payments AS p"), k, "p.id").
		Joins("JOIN accounts a ON a.id = p.account_id").Joins("JOIN sellers s ON s.id = a.seller_id").
		Select("p.id, p.no, p.account_id, s.shop_name, p.rail, p.state, p.amount_fen, p.created_at, p.expires_at, p.paid_at, p.settled_at, p.checking_since, p.paid_late")
	if f.State != "" {
		query = query.Where("p.state = ?", f.State)
	}
	if f.Method != "" {
		query = query.Where("p.rail = ?", f.Method)
	}
	if f.Late {
		query = query.Where("p.paid_late")
	}
	if f.Stuck {
		query = query.Where(isStuck, s.Now())
	}
	var rows []StaffPaymentRow
	err := between(query, "p.created_at", from, to).Scan(&rows).Error
	rows, page := pageOf(rows, k, func(r StaffPaymentRow) int64 { return r.ID })
	return rows, page, err
}

// Held is money in suspense, as staff see it.
type Held struct {
	ID             int64
	Rail           Rail
	GatewayTradeNo string
	OutTradeNo     string // as the gateway names it; PaymentID is 0 where no payment of ours is it
	PaymentID      int64
	AccountID      int64
	ShopName       string
	AmountFen      Fen
	OwnFen         Fen // what the payment is over; 0: no payment
	Reason         string
	CreatedAt      time.Time
	ClearedAt      *time.Time
	ApprovalID     int64 // of the newest request to clear it that nobody decided on; 0: none
}

const heldColumns = `h.id, h.rail, h.gateway_trade_no, h.out_trade_no, COALESCE(h.payment_id, 0) AS payment_id, COALESCE(a.id, 0) AS account_id,
	COALESCE(s.shop_name, '') AS shop_name, h.amount_fen, COALESCE(p.amount_fen, 0) AS own_fen, h.reason, h.created_at, h.cleared_at,
	COALESCE((SELECT MAX(w.id) FROM approvals w WHERE w.suspense_id = h.id AND w.state = 'open'), 0) AS approval_id`

func heldItems(db *gorm.DB) *gorm.DB {
	return db.Table("suspense_items AS h").Select(heldColumns).Joins("LEFT JOIN payments p ON p.id = h.payment_id").
		Joins("LEFT JOIN accounts a ON a.id = p.account_id").Joins("LEFT JOIN sellers s ON s.id = a.seller_id")
}

// SuspenseDesk is what stands in suspense.
type SuspenseDesk struct {
	Items    []Held
	Page     Page
	Standing Fen // in all, as the ledger says
}

// SuspenseDesk lists what stands in suspense, newest first; cleared adds what
// stood there and was cleared.
func (s *Store) SuspenseDesk(ctx context.Context, cleared bool, k Keyset) (SuspenseDesk, error) {
	var d SuspenseDesk
	db := s.read.WithContext(ctx)
	query := keyset(heldItems(db), k, "h.id")
	if !cleared {
		query = query.Where("h.cleared_at IS NULL")
	}
	if err := query.Scan(&d.Items).Error; err != nil {
		return d, err
	}
	d.Items, d.Page = pageOf(d.Items, k, func(h Held) int64 { return h.ID })
	return d, db.Raw("SELECT balance_fen FROM ledger_accounts WHERE name = 'suspense'").Scan(&d.Standing).Error
}

// StaffPaymentDesk is all that staff see of one payment: our side, the
// gateway's, and what led to both.
type StaffPaymentDesk struct {
	Now       time.Time
	Payment   Payment
	ShopName  string
	Resumes   Sibling // the payment that this one replaces
	ResumedBy Sibling // the payment that replaced this one
	Posting   []PostedLine
	PostedAt  *time.Time
	Notifies  []Notice // newest first
	Answers   []GatewayAnswer
	Held      []Held
	Refunds   []Refund     // oldest first
	ToPay     []ToPay      // those of them that people pay out, and have not
	Acts      []PaymentAct // of staff and sellers, newest first
	More      struct{ Notifies, Answers bool }
}

// Sibling is a payment that this one resumes, or that resumes this one; No is
// "" where there is none.
type Sibling struct {
	No    string
	State PaymentState
}

// PostedLine is one entry of the ledger transaction that credited a payment.
type PostedLine struct {
	Name            string // of the ledger account
	AmountFen       Fen
	BalanceAfterFen Fen
}

// Notice is one notify as it came, and what was made of it.
type Notice struct {
	ReceivedAt time.Time
	JudgedAt   *time.Time
	Address    string
	Headers    string // JSON
	Body       []byte // its beginning
	Size       int    // of the whole body, in bytes
	Verdict    string // "received" until judged, then an Outcome
	Detail     string
	Unverified bool // it only claims to be about this payment: nobody vouches for it
}

// GatewayAnswer is one answer of the gateway's to a question of ours.
type GatewayAnswer struct {
	Finding
	Staff string      // the e-mail of whom of the staff it was that asked
	Facts *TradeFacts // nil where the gateway named none
	Why   string      // why nothing is known
}

// PaymentAct is one row of the audit trail about a payment.
type PaymentAct struct {
	At      time.Time
	Email   string // "" where nobody was signed in
	Address string
	Action  string
	Before  string
	After   string
}

// What one page of a payment holds at most.
const (
	noticesShown    = 20
	answersShown    = 20
	actsShown       = 50
	noticeBody      = 4 << 10 // bytes of a body
	refusedSearched = 300     // unverified notifies that are looked through for the payment's no
	refusedWithin   = 24 * time.Hour
)

// StaffPaymentDesk reads the staff's page of one payment. NotFound.
func (s *Store) StaffPaymentDesk(ctx context.Context, no string) (StaffPaymentDesk, error) {
	d := StaffPaymentDesk{Now: s.Now()}
	var err error
	if d.Payment, err = s.PaymentByNo(ctx, no); err != nil {
		return d, err
	}
	db, p := s.read.WithContext(ctx), d.Payment
	err = db.Raw("SELECT s.shop_name FROM accounts a JOIN sellers s ON s.id = a.seller_id WHERE a.id = ?", p.AccountID).Scan(&d.ShopName).Error
	if err != nil {
		return d, err
	}
	siblings := db.Table("payments").Select("no, state").Limit(1).Session(&gorm.Session{})
	if p.ResumesID != nil {
		if err = siblings.Where("id = ?", *p.ResumesID).Scan(&d.Resumes).Error; err != nil {
			return d, err
		}
	}
	if err = siblings.Where("resumes_id = ?", p.ID).Scan(&d.ResumedBy).Error; err != nil {
		return d, err
	}
	if err = d.readPosting(db); err != nil {
		return d, err
	}
	if err = d.readNotices(db); err != nil {
		return d, err
	}
	if err = heldItems(db).Where("h.payment_id = ? OR h.out_trade_no = ?", p.ID, p.No).Order("h.id").Limit(noticesShown).Scan(&d.Held).Error; err != nil {
		return d, err
	}
	if d.Refunds, err = s.RefundsOf(ctx, p.ID); err != nil {
		return d, err
	}
	if err = d.readToPay(db); err != nil {
		return d, err
	}
	if err = d.readActs(db); err != nil {
		return d, err
	}
	return d, d.readAnswers(db)
}

func (d *StaffPaymentDesk) readPosting(db *gorm.DB) error {
	id := d.Payment.LedgerTransactionID
	if id == nil {
		return nil
	}
	err := db.Raw(`SELECT a.name, e.amount_fen, e.balance_after_fen FROM ledger_entries e JOIN ledger_accounts a ON a.id = e.account_id
		WHERE e.transaction_id = ? ORDER BY e.id`, *id).Scan(&d.Posting).Error
	if err != nil {
		return err
	}
	var at []time.Time
	if err := db.Table("ledger_transactions").Where("id = ?", *id).Pluck("booked_at", &at).Error; err != nil {
		return err
	}
	for i := range at {
		d.PostedAt = &at[i]
	}
	return nil
}

// readNotices reads what came about the payment. What could not be verified is
// kept under no payment, since it may claim anything: of that, the newest of
// the payment's time are looked through for its no.
func (d *StaffPaymentDesk) readNotices(db *gorm.DB) error {
	p := d.Payment
	var rows, claims []InboxRow
	if err := db.Order("id DESC").Limit(noticesShown+1).Find(&rows, "payment_no = ?", p.No).Error; err != nil {
		return err
	}
	until := d.Now
	if ended := p.ended(); ended != nil {
		until = ended.Add(refusedWithin)
	}
	err := db.Order("id DESC").Limit(refusedSearched).
		Find(&claims, "payment_no = '' AND rail = ? AND received_at >= ? AND received_at <= ?", p.Rail, p.CreatedAt, until).Error
	if err != nil {
		return err
	}
	for i, j := 0, 0; i < len(rows) || j < len(claims); {
		if j < len(claims) && (i == len(rows) || claims[j].ID > rows[i].ID) {
			if bytes.Contains(claims[j].Body, []byte(p.No)) {
				d.Notifies = append(d.Notifies, claims[j].notice(true))
			}
			j++
			continue
		}
		d.Notifies = append(d.Notifies, rows[i].notice(false))
		i++
	}
	d.More.Notifies = len(d.Notifies) > noticesShown
	d.Notifies = d.Notifies[:min(len(d.Notifies), noticesShown)]
	return nil
}

// ended is when the payment came to its end, nil while it is open.
func (p Payment) ended() *time.Time {
	for _, at := range []*time.Time{p.SettledAt, p.FailedAt, p.CancelledAt, p.ExpiredAt} {
		if at != nil {
			return at
		}
	}
	return nil
}

func (r InboxRow) notice(unverified bool) Notice {
	return Notice{
		ReceivedAt: r.ReceivedAt, JudgedAt: r.JudgedAt, Address: r.Address, Headers: r.Headers, Body: r.Body[:min(len(r.Body), noticeBody)],
		Size: len(r.Body), Verdict: r.Verdict, Detail: r.Detail, Unverified: unverified,
	}
}

func (d *StaffPaymentDesk) readActs(db *gorm.DB) error {
	return db.Raw(`SELECT l.at, COALESCE(u.email, '') AS email, l.address, l.action, l.before, l.after
		FROM audit_log l LEFT JOIN users u ON u.id = l.user_id WHERE l.subject = ? ORDER BY l.id DESC LIMIT ?`,
		subject("payment", d.Payment.ID), actsShown).Scan(&d.Acts).Error
}

// readAnswers reads what the gateway answered. An answer that staff asked for
// was stored in the transaction of the act, so that both bear one instant.
func (d *StaffPaymentDesk) readAnswers(db *gorm.DB) error {
	var rows []gatewayQuery
	if err := db.Order("id DESC").Limit(answersShown+1).Find(&rows, "payment_id = ?", d.Payment.ID).Error; err != nil {
		return err
	}
	d.More.Answers = len(rows) > answersShown
	for _, row := range rows[:min(len(rows), answersShown)] {
		answer := GatewayAnswer{Finding: Finding{row.AskedAt, row.AskedBy, row.Answer}, Facts: tradeFacts(row.Detail)}
		if answer.Facts == nil {
			answer.Why = row.Detail
		}
		for _, act := range d.Acts {
			if row.AskedBy == ByStaff && act.At.Equal(row.AskedAt) {
				answer.Staff = act.Email
			}
		}
		d.Answers = append(d.Answers, answer)
	}
	return nil
}
