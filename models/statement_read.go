package models

import (
	"context"
	"time"

	"gorm.io/gorm"
)

// LineState is what became of a line's money. It is derived.
type LineState string

const (
	LineUnmatched LineState = "unmatched" // it stands in suspense, and nobody has said whose it is
	LineProposed  LineState = "proposed"  // one of staff has; another decides
	LineCredited  LineState = "credited"  // it is on a seller's account
	LineReturned  LineState = "returned"  // booked as given back to its payer
)

// LineStates are all of them, in the order of the filter.
var LineStates = []LineState{LineUnmatched, LineProposed, LineCredited, LineReturned}

// ImportRow is an import as the list shows it.
type ImportRow struct {
	ID            int64
	FileName      string
	Layout        string
	ImportedAt    time.Time
	LineCount     int64
	NewCount      int64
	DebitCount    int64
	ReversalCount int64
	NewFen        Fen
	FirstOn       string
	LastOn        string
	Importer      string // e-mail
}

// StatementDesk is the list of imports, and what waits to be worked.
type StatementDesk struct {
	Imports   []ImportRow
	Page      Page
	Unmatched int64 // lines whose money nobody has said anything about
	OpenFen   Fen   // what they come to
}

// StatementDesk reads the imports, newest first.
func (s *Store) StatementDesk(ctx context.Context, k Keyset) (StatementDesk, error) {
	var d StatementDesk
	db := s.read.WithContext(ctx)
	err := keyset(db.Table("statement_imports AS i"), k, "i.id").Select("i.*, u.email AS importer").
		Joins("JOIN users u ON u.id = i.imported_by").Scan(&d.Imports).Error
	if err != nil {
		return d, err
	}
	d.Imports, d.Page = pageOf(d.Imports, k, func(r ImportRow) int64 { return r.ID })
	var open struct {
		Count int64
		Fen   Fen
	}
	err = unmatched(db.Table("statement_lines AS l").Joins("JOIN suspense_items i ON i.id = l.suspense_id")).
		Select("COUNT(*) AS count, CAST(COALESCE(SUM(l.amount_fen), 0) AS BIGINT) AS fen").Scan(&open).Error
	d.Unmatched, d.OpenFen = open.Count, open.Fen
	return d, err
}

// isAsked is true of an item whose clearing waits to be approved.
const isAsked = "EXISTS (SELECT 1 FROM approvals p WHERE p.suspense_id = i.id AND p.state = 'open')"

func unmatched(db *gorm.DB) *gorm.DB {
	return db.Where("i.cleared_at IS NULL AND NOT " + isAsked)
}

// LineFilter narrows the list of lines.
type LineFilter struct {
	State    LineState // "": all
	ImportID int64     // 0: all
}

// LineView is a line with what became of it, or what it most likely is.
type LineView struct {
	ID           int64
	RowNo        int64
	TradeNo      string // its number as money
	BankAt       time.Time
	AmountFen    Fen
	PayerName    string
	PayerAccount string
	Remark       string
	SerialNo     string
	Raw          string
	SuspenseID   int64 // 0: it had been credited by hand
	State        LineState
	ApprovalID   int64  // of the request that waits or was approved; 0: none
	PaymentNo    string // that it paid, or is proposed for
	AccountID    int64  // likewise
	ShopName     string
	Match        Match // of an unmatched line
}

func (l StatementLine) view() LineView {
	return LineView{
		ID: l.ID, RowNo: l.RowNo, TradeNo: l.tradeNo(), BankAt: l.BankAt, AmountFen: l.AmountFen, PayerName: l.PayerName,
		PayerAccount: l.PayerAccount, Remark: l.Remark, SerialNo: l.SerialNo, Raw: l.Raw, SuspenseID: idOr0(l.SuspenseID), State: LineUnmatched,
	}
}

// StatementLines lists lines, newest first.
func (s *Store) StatementLines(ctx context.Context, f LineFilter, k Keyset) ([]LineView, Page, error) {
	db := s.read.WithContext(ctx)
	query := keyset(db.Table("statement_lines AS l").Select("l.*"), k, "l.id")
	const item = "JOIN suspense_items i ON i.id = l.suspense_id"
	const back = "EXISTS (SELECT 1 FROM approvals p WHERE p.suspense_id = i.id AND p.state = 'approved' AND p.account_id IS NULL)"
	switch f.State {
	case LineUnmatched:
		query = unmatched(query.Joins(item))
	case LineProposed:
		query = query.Joins(item).Where("i.cleared_at IS NULL AND " + isAsked)
	case LineCredited:
		query = query.Joins("LEFT " + item).Where("(l.payment_id IS NOT NULL OR i.cleared_at IS NOT NULL AND NOT " + back + ")")
	case LineReturned:
		query = query.Joins(item).Where("i.cleared_at IS NOT NULL AND " + back)
	}
	if f.ImportID != 0 {
		query = query.Where("l.import_id = ?", f.ImportID)
	}
	var lines []StatementLine
	if err := query.Scan(&lines).Error; err != nil {
		return nil, Page{}, err
	}
	lines, page := pageOf(lines, k, func(l StatementLine) int64 { return l.ID })
	views, err := s.reader(db).lineViews(lines)
	return views, page, err
}

// reader is a tx that only reads, outside any transaction.
func (s *Store) reader(db *gorm.DB) *tx {
	return &tx{DB: db, now: s.Now(), rules: s.rules, engine: s.engine, system: s.system}
}

// lineViews adds what became of the lines, and of the unmatched what they are.
func (t *tx) lineViews(lines []StatementLine) ([]LineView, error) {
	views, places := make([]LineView, len(lines)), map[int64]int{}
	var items []int64
	for i, l := range lines {
		views[i] = l.view()
		if l.SuspenseID != nil {
			places[*l.SuspenseID] = i
			items = append(items, *l.SuspenseID)
		} else if err := t.byHand(&views[i], *l.PaymentID); err != nil {
			return nil, err
		}
	}
	var asked []approvalLine
	err := approvals(t.DB).Where("p.suspense_id IN ? AND p.state IN ('open', 'approved')", items).Order("p.id").Scan(&asked).Error
	if err != nil {
		return nil, err
	}
	for _, line := range asked {
		row, err := line.row()
		if err != nil {
			return nil, err
		}
		views[places[row.SuspenseID]].worked(row)
	}
	var open []StatementLine
	for i, v := range views {
		if v.State == LineUnmatched {
			open = append(open, lines[i])
		}
	}
	matches, err := t.matches(open)
	for i := range views {
		views[i].Match = matches[views[i].ID]
	}
	return views, err
}

// worked takes what a request says of the line.
func (v *LineView) worked(r ApprovalRow) {
	v.ApprovalID, v.PaymentNo, v.AccountID, v.ShopName = r.ID, r.PaymentNo, r.AccountID, r.ShopName
	switch {
	case r.State == ApprovalOpen:
		v.State = LineProposed
	case r.AccountID == 0:
		v.State = LineReturned
	default:
		v.State = LineCredited
	}
}

// byHand fills in the payment that staff had made by hand.
func (t *tx) byHand(v *LineView, paymentID int64) error {
	v.State = LineCredited
	return t.Table("payments AS p").Select("p.no AS payment_no, p.account_id, s.shop_name").
		Joins("JOIN accounts a ON a.id = p.account_id").Joins("JOIN sellers s ON s.id = a.seller_id").
		Where("p.id = ?", paymentID).Row().Scan(&v.PaymentNo, &v.AccountID, &v.ShopName)
}
