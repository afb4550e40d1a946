package models

import (
	"context"
	"time"

	"gorm.io/gorm"
)

// ApprovalRow is a request as the queue and its own page show it.
type ApprovalRow struct {
	ID         int64
	Kind       ApprovalKind
	AccountID  int64 // 0: none
	ShopName   string
	PaymentNo  string // of a refund, or that the suspense pays
	SuspenseID int64
	AmountFen  Fen
	Reason     string
	AskedBy    int64
	Asker      string // e-mail
	AskedAt    time.Time
	State      ApprovalState
	Decider    string
	DecidedAt  time.Time // zero: open
	Note       string
	ApprovalArgs
}

// ApprovalFilter narrows the queue.
type ApprovalFilter struct {
	Show string       // "open" (also ""), "decided", "mine", or of refunds under way "refunds", at their gateways, or "to_pay", at the bank
	Kind ApprovalKind // "": all
	Mine int64        // the user whose requests are shown under "mine"
}

// approvalLine is what is read for an ApprovalRow.
type approvalLine struct {
	Approval
	ShopName, PaymentNo, Asker, Decider string
}

func approvals(db *gorm.DB) *gorm.DB {
	return db.Table("approvals AS p").
		Select(`p.*, COALESCE(s.shop_name, '') AS shop_name, COALESCE(pay.no, '') AS payment_no, asker.email AS asker, COALESCE(decider.email, '') AS decider`).
		Joins("JOIN users asker ON asker.id = p.asked_by").
		Joins("LEFT JOIN users decider ON decider.id = p.decided_by").
		Joins("LEFT JOIN accounts a ON a.id = p.account_id").
		Joins("LEFT JOIN sellers s ON s.id = a.seller_id").
		Joins("LEFT JOIN payments pay ON pay.id = p.payment_id")
}

func (l approvalLine) row() (ApprovalRow, error) {
	args, err := l.ParseArgs()
	r := ApprovalRow{
		ID: l.ID, Kind: l.Kind, AccountID: idOr0(l.AccountID), ShopName: l.ShopName, PaymentNo: l.PaymentNo, SuspenseID: idOr0(l.SuspenseID),
		AmountFen: l.AmountFen, Reason: l.Reason, AskedBy: l.AskedBy, Asker: l.Asker, AskedAt: l.AskedAt, State: l.State,
		Decider: l.Decider, Note: l.Note, ApprovalArgs: args,
	}
	if args.ForPayment != "" {
		r.PaymentNo = args.ForPayment
	}
	if l.DecidedAt != nil {
		r.DecidedAt = *l.DecidedAt
	}
	return r, err
}

// Approvals lists requests, newest first; the open ones are few, and their age
// is what the page shows.
func (s *Store) Approvals(ctx context.Context, f ApprovalFilter, k Keyset) ([]ApprovalRow, Page, error) {
	query := keyset(approvals(s.read.WithContext(ctx)), k, "p.id")
	switch f.Show {
	case "mine":
		query = query.Where("p.asked_by = ?", f.Mine)
	case "refunds":
		query = query.Where("pay.rail <> ? AND p.id IN (SELECT f.approval_id FROM refunds f WHERE "+of(refundUnderWay, "f")+")", RailBankTransfer)
	case "to_pay":
		query = query.Where("pay.rail = ? AND p.id IN (SELECT f.approval_id FROM refunds f WHERE "+of(refundUnderWay, "f")+")", RailBankTransfer)
	case "decided":
		query = query.Where("p.state <> 'open'")
	default:
		query = query.Where("p.state = 'open'")
	}
	if f.Kind != "" {
		query = query.Where("p.kind = ?", toValid(string(f.Kind)))
	}
	var lines []approvalLine
	if err := query.Scan(&lines).Error; err != nil {
		return nil, Page{}, err
	}
	lines, page := pageOf(lines, k, func(l approvalLine) int64 { return l.ID })
	rows := make([]ApprovalRow, len(lines))
	for i, line := range lines {
		var err error
		if rows[i], err = line.row(); err != nil {
			return nil, Page{}, err
		}
	}
	return rows, page, nil
}

// waitingShown is how many open requests stand on an account's page; one more
// is read, to tell that there are more.
const waitingShown = 5

// openApprovalsOf reads what of an account waits for a decision, newest first.
func openApprovalsOf(db *gorm.DB, accountID int64) (rows []ApprovalRow, more bool, err error) {
	var lines []approvalLine
	err = approvals(db).Where("p.account_id = ? AND p.state = 'open'", accountID).Order("p.id DESC").Limit(waitingShown + 1).Scan(&lines).Error
	if err != nil {
		return nil, false, err
	}
	for _, line := range lines[:min(len(lines), waitingShown)] {
		row, err := line.row()
		if err != nil {
			return nil, false, err
		}
		rows = append(rows, row)
	}
	return rows, len(lines) > waitingShown, nil
}

// OpenApprovals counts what waits for a decision.
func (s *Store) OpenApprovals(ctx context.Context) (n int64, err error) {
	return n, s.read.WithContext(ctx).Model(&Approval{}).Where("state = 'open'").Count(&n).Error
}

// ApprovalDesk is one request with what may be done about it by who looks.
type ApprovalDesk struct {
	ApprovalRow
	MayDecide   bool
	Refusal     *Error // why not, where the role decides at all and the request is open
	MayWithdraw bool
	Refund      *Refund // of an approved refund
	ToPay       *ToPay  // of one that waits to be paid out, or that this is about
}

// ApprovalDesk reads one request. NotFound.
func (s *Store) ApprovalDesk(ctx context.Context, by Actor, id int64) (ApprovalDesk, error) {
	var d ApprovalDesk
	db := s.read.WithContext(ctx)
	var line approvalLine
	if err := approvals(db).Where("p.id = ?", id).Take(&line).Error; err != nil {
		return d, found(err, "approval")
	}
	var err error
	if d.ApprovalRow, err = line.row(); err != nil {
		return d, err
	}
	var user User
	if err := db.Take(&user, by.UserID).Error; err != nil {
		return d, found(err, "user")
	}
	if line.State == ApprovalOpen {
		if user.Role.May(PermApprove) {
			d.Refusal = line.decideRefusal(user, ApprovalApproved)
			d.MayDecide = d.Refusal == nil
		}
		d.MayWithdraw = line.decideRefusal(user, ApprovalWithdrawn) == nil
	}
	if line.Kind == ApprovalRefund && line.State == ApprovalApproved {
		d.Refund = &Refund{}
		err = db.Take(d.Refund, "approval_id = ?", id).Error
	}
	if err == nil {
		err = d.readToPay(db)
	}
	return d, err
}

// AskDesk is what the form of a request stands on.
type AskDesk struct {
	AccountID    int64 // 0: none (yet)
	ShopName     string
	State        AccountState
	Funds        Funds
	FrozenReason string

	PaymentNo  string // of a refund
	Rail       Rail
	Paid       Fen
	Refunded   Fen
	Reserved   Fen
	Refundable Fen

	SuspenseID     int64 // of a clearing
	SuspenseReason string
	SuspenseNo     string // the gateway's trade no
	OutTradeNo     string // the payment no that it came with
	SuspenseFen    Fen
	OwnFen         Fen // what the payment that it came for is over; 0: no payment
	SuspenseAt     time.Time
	Cleared        bool

	ToPay *ToPay // that is recorded as paid out, or as not to be

	Limit Fen // up to which the role may ask
}

// AskDesk reads what somebody asks about. NotFound; Forbidden: the role may not
// ask for this.
func (s *Store) AskDesk(ctx context.Context, by Actor, in ApprovalInput) (AskDesk, error) {
	var d AskDesk
	err := s.read.WithContext(ctx).Transaction(func(db *gorm.DB) error {
		t := &tx{DB: db, now: s.Now(), rules: s.rules, engine: s.engine, system: s.system}
		user, err := t.staffUser(by)
		if err != nil {
			return err
		}
		if refusal := user.askRefusal(in.Kind); refusal != nil {
			return refusal
		}
		d.Limit = user.Role.Limit().Ask
		a, _, err := t.parseApproval(in)
		if err != nil {
			return err
		}
		if err := d.parked(db, a); err != nil {
			return err
		}
		if a.AccountID == nil {
			return nil
		}
		account, funds, err := s.accountAndFunds(db, *a.AccountID)
		if err != nil {
			return err
		}
		d.AccountID, d.State, d.Funds, d.FrozenReason = account.ID, account.State(), funds, account.FrozenReason
		var seller Seller
		if err := db.Take(&seller, account.SellerID).Error; err != nil {
			return err
		}
		d.ShopName = seller.ShopName
		if in.RefundNo != "" {
			if d.ToPay, err = toPay(db, in.RefundNo); err != nil {
				return err
			}
		}
		return d.paid(db, a, funds)
	})
	return d, err
}

// paid adds the payment that a refund is about.
func (d *AskDesk) paid(db *gorm.DB, a Approval, funds Funds) error {
	if a.PaymentID == nil {
		return nil
	}
	var p Payment
	if err := db.Take(&p, *a.PaymentID).Error; err != nil {
		return err
	}
	reserved, err := reservedOf(db, p.ID)
	m := matter{funds: funds, payment: &p, reserved: reserved}
	d.PaymentNo, d.Rail, d.Paid, d.Refunded, d.Reserved, d.Refundable = p.No, p.Rail, p.AmountFen, p.RefundedFen, reserved, m.refundable()
	return err
}

// parked adds the suspense that a clearing is about.
func (d *AskDesk) parked(db *gorm.DB, a Approval) error {
	if a.SuspenseID == nil {
		return nil
	}
	var item SuspenseItem
	if err := db.Take(&item, *a.SuspenseID).Error; err != nil {
		return err
	}
	d.SuspenseID, d.SuspenseReason, d.SuspenseNo, d.OutTradeNo = item.ID, item.Reason, item.GatewayTradeNo, item.OutTradeNo
	d.SuspenseFen, d.SuspenseAt, d.Rail, d.Cleared = item.AmountFen, item.CreatedAt, item.Rail, item.ClearedAt != nil
	if item.PaymentID == nil {
		return nil
	}
	return db.Raw("SELECT amount_fen FROM payments WHERE id = ?", *item.PaymentID).Scan(&d.OwnFen).Error
}
