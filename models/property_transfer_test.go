package models_test

import (
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"pgregory.net/rapid"

	"ztc-portal/models"
)

// The sixth part of the world: the bank books transfers, and staff import its
// statements and say whose the money is.

// bankLine is one line of the bank's, and what became of its money.
type bankLine struct {
	models.StatementEntry
	names *order // that its remark names
	payer *shop  // whose company has paid

	imported bool
	id       int64
	suspense int64  // 0: it had been credited by hand
	tradeNo  string // of its money
	cleared  bool
	returned bool
}

// payerAccount tells the lines of this world from those of others.
func (w *world) payerAccount() string { return fmt.Sprintf("5719%08d", w.sellers[0].account) }

// bankBooks: the bank books money that came in, however its payer wrote it.
func (w *world) bankBooks(r *rapid.T) {
	isTransfer := func(o *order) bool { return o.Rail == models.RailBankTransfer }
	how := rapid.SampledFrom([]string{"code", "code", "number", "amount", "amount", "name", "other rail", "nobody", "alike", "by hand"}).Draw(r, "written")
	l := &bankLine{}
	l.AmountFen, l.PayerName, l.SerialNo = 88*yuan, "Nobody Ltd", w.unique("S")
	o := w.order(r, func(o *order) bool { return isTransfer(o) && o.sent })
	switch how {
	case "number":
		o = w.order(r, isTransfer) // of a draft, too
	case "other rail":
		o = w.order(r, func(o *order) bool { return !isTransfer(o) })
	}
	switch {
	case how == "nobody":
	case how == "by hand" && len(w.numbers) > 0:
		l.SerialNo, l.AmountFen = rapid.SampledFrom(w.numbers).Draw(r, "number"), rapid.SampledFrom([]models.Fen{150 * yuan, 149 * yuan}).Draw(r, "amount")
	case how == "alike":
		l.SerialNo = ""
		if same := pick(r, "line", w.lines, func(l *bankLine) bool { return l.SerialNo == "" }); same != nil {
			*l = bankLine{StatementEntry: same.StatementEntry}
		}
	case o == nil:
		return
	case how == "other rail":
		l.AmountFen, l.Remark = o.AmountFen, o.No
	case how == "name":
		l.AmountFen, l.PayerName, l.payer = o.AmountFen, strings.ToUpper(o.shop.company)+".", o.shop
	case how == "number":
		l.AmountFen, l.Remark, l.names = o.AmountFen, strings.ToLower(o.No)+" thanks", o
	default:
		code := *o.ReferenceCode
		l.AmountFen, l.Remark, l.names = o.AmountFen, "pay "+strings.ToLower(code[:4])+" "+code[4:], o
		if how == "amount" {
			l.AmountFen += rapid.SampledFrom([]models.Fen{-1, 1, 100}).Draw(r, "difference")
		}
		if rapid.Bool().Draw(r, "by the company") {
			l.PayerName, l.payer = o.shop.company, o.shop
		}
	}
	if l.SerialNo == "" || !slices.ContainsFunc(w.lines, func(same *bankLine) bool { return same.SerialNo == l.SerialNo && same.AmountFen == l.AmountFen }) {
		w.book(l)
	}
}

// book puts a line at the end of the bank's book, at this instant unless it has one.
func (w *world) book(l *bankLine) {
	if l.DayOn == "" {
		local := w.Now().In(models.Shanghai)
		l.DayOn, l.Clock, l.At, l.Raw = local.Format(time.DateOnly), local.Format(time.TimeOnly), w.Now(), w.unique("raw")
	}
	l.PayerAccount, l.RowNo = w.payerAccount(), len(w.lines)+1
	w.lines = append(w.lines, l)
}

// importStatement: some of the days so far, whole, overlapping with what was
// imported, in either order; what the bank numbers may stand there twice.
func (w *world) importStatement(r *rapid.T) {
	var days []string
	for _, l := range w.lines {
		days = append(days, l.DayOn)
	}
	if slices.Sort(days); len(days) == 0 {
		return
	}
	from, until := rapid.SampledFrom(days).Draw(r, "from"), rapid.SampledFrom(days).Draw(r, "until")
	if rapid.Bool().Draw(r, "to the end") {
		until = days[len(days)-1]
	}
	var some []*bankLine
	for _, l := range w.lines {
		if from <= l.DayOn && l.DayOn <= until {
			some = append(some, l)
		}
	}
	if rapid.Bool().Draw(r, "newest first") {
		slices.Reverse(some)
	}
	if twice := pick(r, "twice", some, func(l *bankLine) bool { return l.SerialNo != "" }); twice != nil && rapid.Bool().Draw(r, "printed twice") {
		some = append(some, twice)
	}
	w.importDays(r, some)
}

// importDays imports lines: each is booked once, in suspense, unless staff had
// credited it by hand under the bank's number.
func (w *world) importDays(r *rapid.T, lines []*bankLine) {
	in := models.StatementInput{FileName: "bank.csv", OurAccount: ourAccount, Statement: models.Statement{Layout: "cmb", FileHash: strings.Repeat("ab", 32)}}
	var fresh []*bankLine
	var sum models.Fen
	seen := map[*bankLine]bool{}
	for i, l := range lines {
		e := l.StatementEntry
		e.RowNo = i + 1
		in.Statement.Entries = append(in.Statement.Entries, e)
		if !l.imported {
			l.imported = true
			fresh = append(fresh, l)
			sum += l.AmountFen
		}
		seen[l] = true
	}
	got, err := w.ImportStatement(w.ctx, w.office.finance, in)
	ok(r, err)
	if got.NewCount != int64(len(fresh)) || got.NewFen != sum || got.LineCount != int64(len(seen)) {
		r.Fatalf("imported %+v; new are %d lines over %d fen, of %d", got, len(fresh), sum, len(seen))
	}
	for _, l := range fresh {
		number := l.SerialNo
		byHand := w.credited[number] && !w.linked[number] && l.AmountFen == 150*yuan
		if byHand {
			w.linked[number] = true
		} else {
			w.parked += l.AmountFen
		}
		w.used[number] = true
		w.stored(r, l, byHand)
	}
	w.checkMatches(r)
}

// checkMatches: of the newest lines, what is proposed to staff is what fits.
func (w *world) checkMatches(r *rapid.T) {
	views, _, err := w.StatementLines(w.ctx, models.LineFilter{State: models.LineUnmatched}, models.Keyset{})
	ok(r, err)
	for _, v := range views {
		for _, l := range w.lines {
			if l.id != v.ID {
				continue
			}
			want := ""
			if o := w.fits(l); o != nil {
				want = o.No
			}
			if l.cleared || w.asksFor(nil, l) || v.Match.PaymentNo != want || v.Match.Certain() != (want != "" && l.names != nil) {
				r.Fatalf("the line %+v is unmatched, and matched as %+v; want %q", l, v.Match, want)
			}
		}
	}
}

// stored finds the row of a line; of lines alike any that is not another's.
func (w *world) stored(r *rapid.T, l *bankLine, byHand bool) {
	taken := map[int64]bool{}
	for _, other := range w.lines {
		taken[other.id] = true
	}
	each(r, w.Bench, `SELECT l.id, COALESCE(l.suspense_id, 0), COALESCE(s.gateway_trade_no, '') FROM statement_lines l
		LEFT JOIN suspense_items s ON s.id = l.suspense_id WHERE l.raw = $1 ORDER BY l.id`, func(rows *sql.Rows) error {
		var id, suspense int64
		var no string
		err := rows.Scan(&id, &suspense, &no)
		if l.id == 0 && !taken[id] {
			l.id, l.suspense, l.tradeNo = id, suspense, no
		}
		return err
	}, l.Raw)
	if l.id == 0 || (l.suspense == 0) != byHand {
		r.Fatalf("stored as line %d with suspense %d; by hand %v: %+v", l.id, l.suspense, byHand, l)
	}
}

// asksFor: a request for that payment, or to move that line's money, is open.
func (w *world) asksFor(o *order, l *bankLine) bool {
	return slices.ContainsFunc(w.requests, func(q *request) bool {
		return q.end == "" && (o != nil && q.pays == o || l != nil && q.line == l)
	})
}

// fits is the payment that a line's money is for, nil where that is not plain:
// the one that its remark names, over its amount; or, where it names none, the
// only one of the payer's that waits, or else that has ended not long ago.
func (w *world) fits(l *bankLine) *order {
	may := func(o *order) bool { return o.AmountFen == l.AmountFen && o.credited == nil && !w.asksFor(o, nil) }
	if o := l.names; o != nil {
		if may(o) {
			return o
		}
		return nil
	}
	var waiting, ended []*order
	for _, o := range w.payments {
		switch {
		case l.payer == nil || o.Rail != models.RailBankTransfer || o.shop != l.payer || !o.sent || !may(o):
		case o.open():
			waiting = append(waiting, o)
		case o.ExpiresAt.After(w.Now().Add(-60 * 24 * time.Hour)):
			ended = append(ended, o)
		}
	}
	switch {
	case len(waiting) == 1:
		return waiting[0]
	case len(waiting) == 0 && len(ended) == 1:
		return ended[0]
	}
	return nil
}

// clears is what a request does that pays a payment with a line.
func (w *world) clears(l *bankLine, o *order) func(bool) string {
	return func(do bool) string {
		switch {
		case o.Rail != models.RailBankTransfer:
			return "error.suspense.payment_unknown"
		case o.AmountFen != l.AmountFen:
			return "error.suspense.payment_amount"
		case l.cleared:
			return "error.suspense.cleared"
		case o.credited != nil:
			return "error.suspense.payment_paid"
		}
		if do {
			l.cleared, o.late = true, o.ended
			w.parked -= l.AmountFen
			o.shop.cash += l.AmountFen
			o.credited = &trade{rail: models.RailBankTransfer, no: l.tradeNo, order: o, amount: l.AmountFen, paidAt: l.At}
		}
		return ""
	}
}

// isImported: its money stands in suspense, or did.
func (l *bankLine) isImported() bool { return l.suspense != 0 }

func (w *world) proposeLine(r *rapid.T) {
	l := pick(r, "line", w.lines, func(l *bankLine) bool { return l.imported })
	if l == nil {
		return
	}
	w.propose(r, l)
}

func (w *world) propose(r *rapid.T, l *bankLine) {
	a, err := w.ProposeLine(w.ctx, w.office.finance, l.id, w.unique("because"))
	o := w.fits(l)
	if o == nil || l.cleared || l.suspense == 0 || w.asksFor(nil, l) {
		refused(r, err, models.Conflict)
		return
	}
	ok(r, err)
	w.proposed(r, l, o, a)
}

// proposed: it asks for the payment that fits and for no other.
func (w *world) proposed(r *rapid.T, l *bankLine, o *order, a models.Approval) {
	args, err := a.ParseArgs()
	ok(r, err)
	if args.ForPayment != o.No || a.AmountFen != l.AmountFen || *a.SuspenseID != l.suspense || *a.AccountID != o.shop.account {
		r.Fatalf("proposed %+v for %s; the line is %+v", a, o.No, l)
	}
	w.asked(r, &request{Approval: a, what: w.clears(l, o), line: l, pays: o})
}

// proposeCertain: those whose remark names what they pay, and the first of two.
func (w *world) proposeCertain(r *rapid.T) {
	pays := map[int64]*order{}
	some := slices.SortedFunc(slices.Values(w.lines), func(a, b *bankLine) int { return int(a.id - b.id) })
	some = slices.DeleteFunc(some, func(l *bankLine) bool {
		o := w.fits(l)
		if !l.isImported() || l.names == nil || l.cleared || o == nil || w.asksFor(nil, l) {
			return true
		}
		for _, other := range pays {
			if other == o {
				return true
			}
		}
		pays[l.id] = o
		return false
	})
	n, err := w.ProposeCertain(w.ctx, w.office.finance, w.unique("because"))
	ok(r, err)
	if n < len(some) { // lines that earlier worlds left are proposed as well
		r.Fatalf("%d were proposed, want %d", n, len(some))
	}
	for _, l := range some {
		db, err := w.Handle()
		ok(r, err)
		a := models.Approval{Kind: models.ApprovalSuspenseClear}
		ok(r, db.QueryRowContext(w.ctx, "SELECT id, amount_fen, suspense_id, account_id, args FROM approvals WHERE state = 'open' AND suspense_id = $1", l.suspense).
			Scan(&a.ID, &a.AmountFen, &a.SuspenseID, &a.AccountID, &a.Args))
		w.proposed(r, l, pays[l.id], a)
	}
}

// workLine: by hand, to any payment, to an account, or back to its payer.
func (w *world) workLine(r *rapid.T) {
	l := pick(r, "line", w.lines, (*bankLine).isImported)
	if l == nil {
		return
	}
	in := models.ApprovalInput{Kind: models.ApprovalSuspenseClear, SuspenseID: l.suspense}
	o := w.order(r, func(*order) bool { return true })
	if how := rapid.SampledFrom([]string{"back", "account", "payment", "payment"}).Draw(r, "how"); how == "payment" && o != nil {
		if in.PaymentNo = o.No; o.ReferenceCode != nil && rapid.Bool().Draw(r, "by code") {
			in.PaymentNo = " " + strings.ToLower(*o.ReferenceCode)
		}
		if q := w.ask(r, in, w.clears(l, o)); q != nil {
			q.line, q.pays = l, o
		}
		return
	} else if how == "account" {
		to := w.shop(r)
		in.To = strconv.FormatInt(to.account, 10)
		w.clearLine(r, in, l, to)
		return
	}
	w.clearLine(r, in, l, nil)
}

// clearLine moves a line's money to an account, or back when that is nil.
func (w *world) clearLine(r *rapid.T, in models.ApprovalInput, l *bankLine, to *shop) {
	q := w.ask(r, in, func(do bool) string {
		if l.cleared {
			return "error.suspense.cleared"
		}
		if do {
			l.cleared, l.returned = true, to == nil
			w.parked -= l.AmountFen
			if to != nil {
				to.cash += l.AmountFen
			}
		}
		return ""
	})
	if q != nil {
		q.line = l
	}
}

// transfer is the whole way in one step, up to what is asked for.
func (w *world) transfer(r *rapid.T) {
	o := w.begun(r, models.RailBankTransfer)
	if o == nil {
		return
	}
	l := &bankLine{names: o}
	l.AmountFen, l.Remark, l.SerialNo = o.AmountFen, *o.ReferenceCode, w.unique("S")
	w.book(l)
	w.importDays(r, []*bankLine{l})
	w.propose(r, l)
}

// checkLines: each imported line stands once, its money once in the books, and
// as many requests for it are open as were made.
func (w *world) checkLines(r *rapid.T) {
	var count, open int64
	var sum models.Fen
	for _, l := range w.lines {
		if l.imported {
			count, sum = count+1, sum+l.AmountFen
		}
	}
	for _, q := range w.requests {
		if q.line != nil && q.end == "" {
			open++
		}
	}
	each(r, w.Bench, `SELECT COUNT(*), COALESCE(SUM(l.amount_fen), 0), COUNT(t.id), COUNT(p.id), COALESCE(SUM(CASE WHEN t.id IS NOT NULL AND p.id IS NOT NULL THEN 1 ELSE 0 END), 0),
			COALESCE(SUM((SELECT COUNT(*) FROM approvals a WHERE a.suspense_id = l.suspense_id AND a.state = 'open')), 0)
		FROM statement_lines l LEFT JOIN suspense_items s ON s.id = l.suspense_id AND s.amount_fen = l.amount_fen AND s.rail = 'bank_transfer'
			LEFT JOIN ledger_transactions t ON t.id = s.ledger_transaction_id AND t.reference = 'bank_transfer:' || s.gateway_trade_no
			LEFT JOIN payments p ON p.id = l.payment_id AND p.amount_fen = l.amount_fen
		WHERE l.payer_account = $1`, func(rows *sql.Rows) error {
		var lines, booked, byHand, both, asked int64
		var fen models.Fen
		if err := rows.Scan(&lines, &fen, &booked, &byHand, &both, &asked); err != nil {
			return err
		}
		if lines != count || fen != sum || booked+byHand != lines || both != 0 || asked != open {
			return fmt.Errorf("%d lines over %d fen are stored, %d of them booked, %d by hand, %d both, %d asked for; want %d over %d, %d asked for",
				lines, fen, booked, byHand, both, asked, count, sum, open)
		}
		return nil
	}, w.payerAccount())
}
