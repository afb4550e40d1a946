package models

import (
	"encoding/json"
	"errors"
	"slices"
	"time"

	"gorm.io/gorm"

	"ztc-portal/models/bulk"
)

// Money that came by bank transfer goes back by one, which finance makes in its
// bank: the refund stands reserved until one of staff records that it left, or
// that it can't, and another confirms.

// ToPay is a refund that people pay out: how much, to whom as the line of the
// statement says that brought the money, and what is written in the remark.
type ToPay struct {
	RequestNo    string // stands in the remark
	State        RefundState
	AmountFen    Fen
	ReservedAt   time.Time
	PaymentNo    string
	TradeNo      string // under which the money came
	Known        bool   // a statement tells who paid
	PayerName    string
	PayerAccount string
	Raw          string // the line as the bank wrote it, its cells joined by tabs
	AskedID      int64  // of the open request that records its end; 0: none
	BankNo       string // paid out under
	PaidAt       time.Time
}

// Waits: somebody is to pay it out.
func (p ToPay) Waits() bool { return !p.State.Ended() }

// toPay reads what is to be paid out of a refund. NotFound: there is none, or a
// gateway gives it back.
func toPay(db *gorm.DB, requestNo string) (*ToPay, error) {
	o, err := refundOrder(db, requestNo)
	if err == nil && !o.Payment.Rail.PaidOutByHand() {
		err = found(gorm.ErrRecordNotFound, "refund")
	}
	if err != nil {
		return nil, err
	}
	r := o.Refund
	p := ToPay{RequestNo: r.RequestNo, State: r.State, AmountFen: r.AmountFen, ReservedAt: r.ReservedAt, PaymentNo: o.Payment.No, BankNo: r.BankNo}
	if o.Payment.GatewayTradeNo != nil {
		p.TradeNo = *o.Payment.GatewayTradeNo
	}
	if r.PaidAt != nil {
		p.PaidAt = *r.PaidAt
	}
	line, known, err := lineOf(db, o.Payment)
	if err != nil {
		return nil, err
	}
	p.Known, p.PayerName, p.PayerAccount, p.Raw = known, line.PayerName, line.PayerAccount, line.Raw
	p.AskedID, err = endAsked(db, o)
	return &p, err
}

// lineOf is the line of a statement that paid the payment.
func lineOf(db *gorm.DB, p Payment) (line StatementLine, known bool, err error) {
	var lines []StatementLine
	err = db.Limit(1).Find(&lines, "payment_id = ?", p.ID).Error
	if err == nil && len(lines) == 0 {
		err = db.Table("statement_lines AS l").Select("l.*").Joins("JOIN suspense_items i ON i.id = l.suspense_id").
			Where("i.rail = ? AND i.gateway_trade_no = ?", p.Rail, p.GatewayTradeNo).Limit(1).Scan(&lines).Error
	}
	if err != nil || len(lines) == 0 {
		return line, false, err
	}
	return lines[0], true, nil
}

// endAsked is the newest open request that records the end of the refund.
func endAsked(db *gorm.DB, o RefundOrder) (int64, error) {
	var open []Approval
	err := db.Order("id DESC").Find(&open, "state = 'open' AND account_id = ? AND kind IN ?", o.Payment.AccountID,
		[]ApprovalKind{ApprovalRefundPaid, ApprovalRefundUnpaid}).Error
	for _, a := range open {
		args, bad := a.ParseArgs()
		if err = errors.Join(err, bad); args.Refund == o.Refund.RequestNo {
			return a.ID, err
		}
	}
	return 0, err
}

func (d *StaffPaymentDesk) readToPay(db *gorm.DB) error {
	for _, r := range d.Refunds {
		if r.State.Ended() || !d.Payment.Rail.PaidOutByHand() {
			continue
		}
		p, err := toPay(db, r.RequestNo)
		if err != nil {
			return err
		}
		d.ToPay = append(d.ToPay, *p)
	}
	return nil
}

// readToPay adds what is paid out: of an approved refund, or of the request that
// records its end.
func (d *ApprovalDesk) readToPay(db *gorm.DB) (err error) {
	no := d.ApprovalArgs.Refund
	if d.Refund != nil {
		no = d.Refund.RequestNo
		o, err := refundOrder(db, no)
		if err != nil || !o.Payment.Rail.PaidOutByHand() {
			return err
		}
	}
	if no != "" {
		d.ToPay, err = toPay(db, no)
	}
	return err
}

// parseEnd reads what staff record of a refund that people pay out. The day is
// the bank's; money does not leave before somebody approved it.
func (t *tx) parseEnd(in ApprovalInput, a *Approval) (refusals FieldErrors, err error) {
	o, err := refundOrder(t.DB, in.RefundNo)
	if err == nil && !o.Payment.Rail.PaidOutByHand() {
		err = found(gorm.ErrRecordNotFound, "refund")
	}
	if err != nil {
		return nil, err
	}
	var args ApprovalArgs
	if in.Kind == ApprovalRefundPaid {
		args, refusals = in.transfer(t.now)
		if refusals.On("paid_on") == nil && args.PaidOn < DayOn(o.Refund.ReservedAt) {
			refusals = append(refusals, fieldError("paid_on", "error.refund.paid_before", map[string]any{"Day": DayOn(o.Refund.ReservedAt)}))
		}
	}
	args.Refund, args.ForPayment = o.Refund.RequestNo, o.Payment.No
	a.AccountID, a.AmountFen = &o.Payment.AccountID, o.Refund.AmountFen
	stored, err := json.Marshal(args)
	a.Args = string(stored)
	return refusals, err
}

// endByBank ends a refund as two of staff say that it ended at the bank. The day
// that it left on is reconciled again.
func (t *tx) endByBank(by Actor, a Approval, m matter) error {
	end := refundEnd{by: by, state: RefundReleased, answer: a.Reason}
	if a.Kind == ApprovalRefundPaid {
		day, _, refusals := Days{From: m.args.PaidOn}.Parse()
		if len(refusals) > 0 {
			return refusals
		}
		day = day.UTC()
		end = refundEnd{by: by, state: RefundSettled, answer: m.args.Reference + " " + m.args.PaidOn, bankNo: m.args.Reference, paidAt: &day}
	}
	_, err := t.endRefund(m.account.ID, m.refund.RequestNo, end)
	if uniqueTaken(err) { // the number was recorded elsewhere since we looked
		return errStale
	}
	if err != nil || a.Kind != ApprovalRefundPaid {
		return err
	}
	return t.runAgain(m.args.PaidOn, false)
}

// StatementDebit is a stored line of money that left, without whom it went to:
// it is looked at where a refund was paid out on its day, under its number or
// named by its remark.
type StatementDebit struct {
	ID        int64 `gorm:"primaryKey"`
	ImportID  int64
	LineKey   string
	DayOn     string
	AmountFen Fen
	SerialNo  string
	RequestNo string // of the refund that the remark names; empty: none
}

// storeDebits keeps the lines of money that left which no import before had, and
// gives them back.
func (t *tx) storeDebits(made StatementImport, in StatementInput) (fresh []StatementDebit, err error) {
	lines := Statement{Entries: in.Statement.Left}.lines(in.OurAccount)
	for some := range slices.Chunk(lines, statementChunk) {
		var known []string
		asked := column(some, func(l StatementLine) string { return l.LineKey })
		if err := t.Model(&StatementDebit{}).Where("line_key IN ?", asked).Pluck("line_key", &known).Error; err != nil {
			return nil, err
		}
		for _, l := range some {
			d := StatementDebit{ImportID: made.ID, LineKey: l.LineKey, DayOn: l.DayOn, AmountFen: l.AmountFen, SerialNo: l.SerialNo, RequestNo: refundNoIn(l.Remark)}
			if d.SerialNo+d.RequestNo != "" && d.AmountFen > 0 && !slices.Contains(known, l.LineKey) {
				fresh = append(fresh, d)
			}
		}
	}
	if len(fresh) == 0 {
		return nil, nil
	}
	err = t.CreateInBatches(&fresh, statementChunk/4).Error
	if uniqueTaken(err) {
		return nil, errors.Join(errStale, err) // another import brought the same line meanwhile
	}
	return fresh, err
}

// paidOutDays adds the days on which refunds were paid out that one of these lines
// is by its number, or names, and those of lines that name a refund which was said
// not to have left.
func (t *tx) paidOutDays(left []StatementDebit, days map[string]bool) error {
	on := map[string]bool{}
	var serials, requests []string
	for _, d := range left {
		on[d.SerialNo+" "+d.DayOn], on[d.RequestNo+" "+d.DayOn] = true, true
		serials, requests = append(serials, d.SerialNo), append(requests, d.RequestNo)
	}
	take := func(scan bulk.Scan) error {
		var no string
		var at time.Time
		err := scan(&no, &at)
		if dayOn := DayOn(at); on[no+" "+dayOn] {
			days[dayOn] = true
		}
		return err
	}
	if len(left) == 0 {
		return nil
	}
	conn := bulk.On(t.DB)
	err := conn.Select("SELECT f.bank_no, f.paid_at FROM refunds f WHERE %s AND f.bank_no <> ''", "f.bank_no", serials, take)
	if err == nil {
		err = conn.Select("SELECT f.request_no, f.paid_at FROM refunds f WHERE %s AND f.bank_no <> ''", "f.request_no", requests, take)
	}
	if err == nil {
		var late []string
		err = t.Table("statement_debits AS d").Joins("JOIN refunds f ON f.request_no = d.request_no AND f.state = ?", RefundReleased).
			Where("d.id IN ?", column(left, func(d StatementDebit) int64 { return d.ID })).Distinct().Pluck("d.day_on", &late).Error
		for _, day := range late {
			days[day] = true
		}
	}
	return err
}

// paidOutOn are the lines of a day by which refunds were paid out: those of money
// that left on the day that staff recorded, under their number or with the refund's
// in the remark. Many transfers may share a number: then it is the one over the
// refund's amount, if there is one. Noughts before a number are none: spreadsheets
// drop them. A line whose remark names another refund is that
// one's, whatever its number; one that names a refund which staff said can't be paid
// is on the bill as well, so that what left all the same is seen.
func (t *tx) paidOutOn(dayOn string) ([]BillLine, error) {
	day, err := time.ParseInLocation(time.DateOnly, dayOn, Shanghai)
	if err != nil {
		return nil, err
	}
	type paidOut struct {
		RequestNo, TradeNo, OutTradeNo, SerialNo string
		AskedFen, AmountFen                      Fen
	}
	var rows, released []paidOut
	const columns = "f.request_no, p.gateway_trade_no AS trade_no, p.no AS out_trade_no, d.serial_no, f.amount_fen AS asked_fen, d.amount_fen"
	err = t.Table("refunds AS f").Select(columns).
		Joins("JOIN payments p ON p.id = f.payment_id").Joins(`JOIN statement_debits d ON d.day_on = ? AND (d.request_no = f.request_no OR d.serial_no <> '' AND LTRIM(d.serial_no, '0') = LTRIM(f.bank_no, '0')
			AND NOT EXISTS (SELECT 1 FROM refunds o WHERE o.request_no = d.request_no AND o.id <> f.id))`, dayOn).
		Where("f.paid_at = ? AND f.bank_no <> ''", day.UTC()).Order("f.id, d.id").Scan(&rows).Error
	if err != nil {
		return nil, err
	}
	err = t.Table("statement_debits AS d").Select(columns).Joins("JOIN refunds f ON f.request_no = d.request_no AND f.state = ?", RefundReleased).
		Joins("JOIN payments p ON p.id = f.payment_id AND p.rail = ?", RailBankTransfer).Where("d.day_on = ?", dayOn).Order("f.id, d.id").Scan(&released).Error
	var bill []BillLine
	places := map[string]int{}
	for _, r := range slices.Concat(rows, released) {
		at, again := places[r.RequestNo]
		if !again {
			at = len(bill)
			places[r.RequestNo], bill = at, append(bill, BillLine{})
		} else if r.AmountFen != r.AskedFen {
			continue
		}
		bill[at] = BillLine{
			TradeNo: r.TradeNo, OutTradeNo: r.OutTradeNo, RequestNo: r.RequestNo, OrderFen: -r.AmountFen, AmountFen: -r.AmountFen,
			FinishedAt: day.UTC(), Note: r.SerialNo,
		}
	}
	return bill, err
}
