package models

import (
	"context"
	"maps"
	"slices"
	"time"

	"ztc-portal/models/bulk"
)

// No gateway issues a bill of bank transfers: the statements that staff import
// are the bank's bill. A line is booked when it is imported, so that the bill
// names nothing that the books do not hold, unless somebody changed them; what
// can differ is what staff booked by themselves, and what nobody has worked.

// StatementCovers tells whether imported statements hold the whole of a day
// (YYYY-MM-DD in Shanghai): one lies over it that was imported when the day was
// over, since a file holds the whole of its days as they were when it was made.
// Days before the first statement of our account may be covered by one of the
// account that we had before.
func (s *Store) StatementCovers(ctx context.Context, ourAccount, dayOn string) (bool, error) {
	day, err := time.ParseInLocation(time.DateOnly, dayOn, Shanghai)
	if err != nil {
		return false, err
	}
	var covered bool
	err = s.read.WithContext(ctx).Raw(`SELECT EXISTS (SELECT 1 FROM statement_imports i
		WHERE i.first_on <> '' AND i.first_on <= ? AND i.last_on >= ? AND i.imported_at >= ? AND (i.our_account = ? OR NOT EXISTS
			(SELECT 1 FROM statement_imports o WHERE o.our_account = ? AND o.first_on <> '' AND o.first_on <= ?)))`,
		dayOn, dayOn, day.AddDate(0, 0, 1).UTC(), ourAccount, ourAccount, dayOn).Scan(&covered).Error
	return covered, err
}

// statedLine is a line beside the payment that it paid.
type statedLine struct {
	StatementLine
	HandNo string // the number under which staff had credited it by hand; "": they had not
	PaidNo string // the payment that has its money; "": none
}

// StatementBill is the bill of a day of bank transfer: the lines of all imported
// statements, and of the lines of money that left those by which refunds were paid
// out. covered is false, and there are none, while no statement holds the
// whole day. A line names the payment that it paid, else the one that its remark
// names, if that is one.
func (s *Store) StatementBill(ctx context.Context, ourAccount, dayOn string) (bill []BillLine, covered bool, err error) {
	if covered, err = s.StatementCovers(ctx, ourAccount, dayOn); err != nil || !covered {
		return nil, covered, err
	}
	t := s.reader(s.read.WithContext(ctx))
	var lines []statedLine
	err = t.Table("statement_lines AS l").
		Select("l.*, COALESCE(h.gateway_trade_no, '') AS hand_no, COALESCE(h.no, p.no, '') AS paid_no").
		Joins("LEFT JOIN payments h ON h.id = l.payment_id").Joins("LEFT JOIN suspense_items s ON s.id = l.suspense_id").
		Joins("LEFT JOIN payments p ON p.rail = s.rail AND p.gateway_trade_no = s.gateway_trade_no").
		Where("l.day_on = ?", dayOn).Order("l.id").Scan(&lines).Error
	if err != nil {
		return nil, covered, err
	}
	named, err := t.named(column(lines, func(l statedLine) StatementLine { return l.StatementLine }), nil)
	if err != nil {
		return nil, covered, err
	}
	paidOut, err := t.paidOutOn(dayOn)
	return append(column(lines, func(l statedLine) BillLine { return l.billLine(named[l.ID]) }), paidOut...), covered, err
}

// billLine is the line as a bill has it; named are the payments that its remark
// names.
func (l statedLine) billLine(named []contender) BillLine {
	b := BillLine{
		TradeNo: l.tradeNo(), OutTradeNo: l.PaidNo, OrderFen: l.AmountFen, AmountFen: l.AmountFen, FinishedAt: l.BankAt, Note: l.SerialNo,
	}
	if l.HandNo != "" {
		b.TradeNo = l.HandNo
	}
	if b.OutTradeNo == "" && len(named) == 1 {
		b.OutTradeNo = named[0].No
	}
	return b
}

// runAgain puts a day of bank transfer back to waiting and lets it be run: what
// stood under it has changed. A run that is under way read what stood before,
// and can't end any more. One that waits already is run too where anew is set:
// it may have waited for just this.
func (t *tx) runAgain(dayOn string, anew bool) error {
	if dayOn >= DayOn(t.now) {
		return nil // it is run when it is over
	}
	r, err := t.reconciliation(RailBankTransfer, dayOn)
	if err != nil || r.State == ReconciliationWaiting && !anew {
		return err
	}
	r.State = ReconciliationWaiting
	t.then(Task{Args: ReconcileDay{Rail: r.Rail, DayOn: r.DayOn}})
	return t.Model(&r).Select("State").Updates(&r).Error
}

// imported lets the days be run whose bill an import changed or completed: those
// of its new lines, those that waited for a statement, those with an open
// difference over a number that a new line bears, and those on which a refund was
// paid out by a line of money that left.
func (t *tx) imported(made StatementImport, fresh []StatementLine, left []StatementDebit) error {
	days := map[string]bool{}
	var serials []string
	for _, l := range fresh {
		days[l.DayOn] = true
		if l.SerialNo != "" {
			serials = append(serials, l.SerialNo)
		}
	}
	note := func(scan bulk.Scan) error {
		var dayOn string
		err := scan(&dayOn)
		days[dayOn] = true
		return err
	}
	conn := bulk.On(t.DB)
	err := conn.Query("SELECT r.day_on FROM reconciliations r WHERE r.rail = $1 AND r.state = 'waiting' AND r.day_on >= $2 AND r.day_on <= $3",
		[]any{string(RailBankTransfer), made.FirstOn, made.LastOn}, note)
	if err == nil && len(serials) > 0 {
		err = conn.Select("SELECT r.day_on FROM reconciliations r JOIN differences d ON d.reconciliation_id = r.id WHERE %s AND r.rail = $2 AND d.state = 'open'",
			"REPLACE(d.trade_no, '-', '')", serials, note, string(RailBankTransfer))
	}
	if err == nil {
		err = t.paidOutDays(left, days)
	}
	if err != nil {
		return err
	}
	for _, dayOn := range slices.Sorted(maps.Keys(days)) {
		if err := t.runAgain(dayOn, true); err != nil {
			return err
		}
	}
	return nil
}

// clearedOn lets the days be run that have an open difference over a line which
// has found its way.
func (t *tx) clearedOn(item SuspenseItem) error {
	var days []string
	err := t.Table("reconciliations AS r").Joins("JOIN differences d ON d.reconciliation_id = r.id").
		Where("r.rail = ? AND d.trade_no = ? AND d.state = 'open'", item.Rail, item.GatewayTradeNo).Distinct().Order("r.day_on").Pluck("r.day_on", &days).Error
	for _, dayOn := range days {
		if err == nil {
			err = t.runAgain(dayOn, false)
		}
	}
	return err
}

// What no statement names: payments (p) that staff credited by hand and that no
// line bears the number of, and suspense (s) that no line brought.
var onNoStatement = map[string]string{
	"p": ` NOT EXISTS (SELECT 1 FROM statement_lines n WHERE n.payment_id = p.id) AND NOT EXISTS (SELECT 1 FROM statement_lines n
		JOIN suspense_items i ON i.id = n.suspense_id WHERE i.rail = p.rail AND i.gateway_trade_no = p.gateway_trade_no)`,
	"s": " NOT EXISTS (SELECT 1 FROM statement_lines n WHERE n.suspense_id = s.id)",
}

// notNamed is true of a payment (p) or suspense (s) that no bill of the rail
// names, as bills stand now.
func notNamed(rail Rail, table string) string {
	if rail == RailBankTransfer {
		return onNoStatement[table]
	}
	return of(onNoBill, table)
}

// otherAmounts turns what only we have into what differs in its amount, where a
// line bears the number by which staff credited another amount. That line's
// money is in suspense, and agrees there.
func (t *tx) otherAmounts(differences []Difference) error {
	stated := map[string]Fen{}
	var numbers []string
	for _, d := range differences {
		numbers = append(numbers, compact(d.TradeNo))
	}
	if len(numbers) == 0 {
		return nil
	}
	err := bulk.On(t.DB).Select(`SELECT n.serial_no, MIN(n.amount_fen) FROM statement_lines n
		WHERE %s AND n.serial_no <> '' AND n.payment_id IS NULL GROUP BY n.serial_no`, "n.serial_no", numbers, func(scan bulk.Scan) error {
		var serial string
		var fen Fen
		err := scan(&serial, &fen)
		stated[serial] = fen
		return err
	})
	for i := range differences {
		d := &differences[i]
		if fen, ok := stated[compact(d.TradeNo)]; ok && d.OursState != inSuspense && d.RequestNo == "" {
			d.Kind, d.TheirsFen = AmountDiffers, fen
		}
	}
	return err
}

// addStated adds trades of the span whose line is on no bill that counts in it:
// of a later day, or of one that is not run.
func (s *billedSpan) addStated() error {
	const notBilled = ` AND NOT EXISTS (SELECT 1 FROM ` + onBill + ` WHERE l.rail = $1 AND l.trade_no = %[1]s.gateway_trade_no AND l.request_no = ''
		AND r.day_on <= $4 AND (r.state = 'done' OR r.id = $5))`
	for _, query := range []string{
		"SELECT i.gateway_trade_no FROM suspense_items i JOIN statement_lines n ON n.suspense_id = i.id WHERE i.rail = $1 AND i.created_at >= $2 AND i.created_at < $3" + of(notBilled, "i"),
		"SELECT p.gateway_trade_no FROM statement_lines n JOIN payments p ON p.id = n.payment_id WHERE p.rail = $1 AND p.settled_at >= $2 AND p.settled_at < $3" + of(notBilled, "p"),
	} {
		if err := s.add(query, string(s.run.Rail), s.from, s.until, s.run.DayOn, s.run.ID); err != nil {
			return err
		}
	}
	return nil
}
