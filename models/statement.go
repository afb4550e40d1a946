package models

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"

	"ztc-portal/models/ledger"
)

// Statement is a bank's file as it was read: the money that came in, in the
// file's order, and how much else stood there.
type Statement struct {
	Layout    string // the known layout that fitted, or "mapping"
	FileHash  string // hex SHA-256 of the file
	Entries   []StatementEntry
	Debits    int              // lines of money that left
	Left      []StatementEntry // of them, those with a day and a number or a remark; whom it went to is left out
	Reversals int              // lines that take a credit back: not booked, for staff to look at

	// The earliest and the latest day of all its lines, debits too, YYYY-MM-DD in
	// Shanghai; empty: those of its entries.
	FirstOn, LastOn string
}

// StatementEntry is one line of money that came in, as the bank wrote it.
type StatementEntry struct {
	RowNo        int       // in the file, from 1
	DayOn        string    // YYYY-MM-DD in Shanghai
	Clock        string    // HH:MM:SS; empty: the bank gives none
	At           time.Time // UTC; the day's beginning in Shanghai where there is no clock
	AmountFen    Fen
	PayerName    string
	PayerAccount string
	Remark       string // all that the payer and the banks wrote, joined by " | "
	SerialNo     string // the bank's own number
	Balance      string // yuan, two decimals; empty: none given
	Raw          string // the row, its cells joined by tabs
}

// StatementImport is one file that staff imported. Instants are UTC.
type StatementImport struct {
	ID            int64 `gorm:"primaryKey"`
	FileName      string
	FileHash      string
	Layout        string
	OurAccount    string
	ImportedBy    int64
	ImportedAt    time.Time
	LineCount     int64 // lines of money that came in
	NewCount      int64 // of them, those that no import before had
	DebitCount    int64
	ReversalCount int64
	NewFen        Fen
	FirstOn       string // the earliest and the latest day, of debits too; empty: no line
	LastOn        string
}

// StatementLine is a stored line. It never changes: what became of its money
// stands on the suspense item.
type StatementLine struct {
	ID           int64 `gorm:"primaryKey"`
	ImportID     int64
	LineKey      string
	RowNo        int64
	DayOn        string
	BankAt       time.Time
	AmountFen    Fen
	PayerName    string
	PayerAccount string
	Remark       string
	SerialNo     string
	Balance      string
	Raw          string
	SuspenseID   *int64 // nil: see PaymentID
	PaymentID    *int64 // staff had credited it by hand under the bank's number
}

// MaxStatementLines is how many lines of money that came in one import takes.
const MaxStatementLines = 5000

const (
	maxStatementText = 1000 // bytes of a name or a remark
	maxStatementRaw  = 4000
	statementChunk   = 400
)

// StatementInput is a file that staff import.
type StatementInput struct {
	FileName   string
	OurAccount string // that the statement is of
	Statement  Statement
}

// compact takes out what people put between the characters of a number.
func compact(number string) string {
	return strings.ToUpper(strings.Map(func(r rune) rune {
		if r = toHalfWidth(r); r == ' ' || r == '-' || r == '\t' || r == '\'' {
			return -1
		}
		return r
	}, number))
}

// numberKey is a number as lines are told apart by it: a spreadsheet drops the
// noughts at its beginning.
func numberKey(written string) string { return strings.TrimLeft(compact(written), "0") }

// tellsItself: two rows with the same facts are one line written twice. With only
// one of number, clock and balance they may be two transfers alike: what some
// banks number is a voucher, which many transfers share.
func (e StatementEntry) tellsItself() bool {
	told := 0
	for _, fact := range []string{e.SerialNo, e.Clock, e.Balance} {
		if fact != "" {
			told++
		}
	}
	return told >= 2
}

// key is what a line is known by, in whatever file it comes again. nth counts
// lines with the same facts within one file: a file holds the whole of its days.
func (e StatementEntry) key(account string, nth int) string {
	hash := sha256.New()
	for _, fact := range []string{
		compact(account), e.DayOn, e.Clock, e.AmountFen.Wire(), numberKey(e.PayerAccount), numberKey(e.SerialNo), e.Balance, strconv.Itoa(nth),
	} {
		hash.Write([]byte(strconv.Itoa(len(fact)) + ":" + fact + ","))
	}
	return hex.EncodeToString(hash.Sum(nil))
}

// lines are the statement's lines with their keys, each once.
func (s Statement) lines(account string) []StatementLine {
	lines, times, seen := make([]StatementLine, 0, len(s.Entries)), map[string]int{}, map[string]bool{}
	for _, e := range s.Entries {
		key := e.key(account, 1)
		if times[key]++; times[key] > 1 && !e.tellsItself() {
			key = e.key(account, times[key])
		}
		if seen[key] {
			continue
		}
		seen[key] = true
		lines = append(lines, StatementLine{
			LineKey: key, RowNo: int64(e.RowNo), DayOn: e.DayOn, BankAt: e.At.UTC(), AmountFen: e.AmountFen,
			PayerName: clip(toValid(e.PayerName), maxStatementText), PayerAccount: clip(toValid(e.PayerAccount), maxStatementText),
			Remark: clip(toValid(e.Remark), maxStatementText), SerialNo: clip(toValid(compact(e.SerialNo)), maxStatementText),
			Balance: toValid(e.Balance), Raw: clip(toValid(e.Raw), maxStatementRaw),
		})
	}
	return lines
}

// tradeNo is the line's number as money: what suspense and payments name.
func (l StatementLine) tradeNo() string {
	return "BT" + strings.ReplaceAll(l.DayOn, "-", "") + "-" + strings.ToUpper(l.LineKey[:20])
}

// ImportStatement stores the lines that no import before had, and books the
// money of each at once: it stands in suspense until two of staff say whose it
// is. The whole file counts or nothing of it. Importing again changes nothing
// but the list of imports. The days whose bill it changes are reconciled again. Invalid: more lines than one import takes.
func (s *Store) ImportStatement(ctx context.Context, by Actor, in StatementInput) (StatementImport, error) {
	lines := in.Statement.lines(in.OurAccount)
	if len(lines) > MaxStatementLines {
		return StatementImport{}, FieldErrors{fieldError("file", "error.statement.too_many", map[string]any{"Max": MaxStatementLines})}
	}
	var made StatementImport
	err := s.inTx(ctx, func(t *tx) error {
		if err := t.lockTransfers(); err != nil {
			return err
		}
		fresh, err := t.unknownLines(lines)
		if err != nil {
			return err
		}
		made = in.record(by, lines, fresh, t.now)
		if err := t.Create(&made).Error; err != nil {
			return err
		}
		if err := t.bookLines(made, fresh); err != nil {
			return err
		}
		left, err := t.storeDebits(made, in)
		if err != nil {
			return err
		}
		if err := t.imported(made, fresh, left); err != nil {
			return err
		}
		return t.audit(by, "statement.import", subject("statement", made.ID), "", facts("file", made.FileName, "sha256", made.FileHash,
			"lines", strconv.FormatInt(made.LineCount, 10), "new", strconv.FormatInt(made.NewCount, 10), "amount", made.NewFen.Wire()))
	})
	return made, err
}

// lockTransfers lets one at a time look at which of the bank's numbers are booked
// and book more: by hand and by statement are two tables, which no unique index
// spans.
func (t *tx) lockTransfers() error {
	id, err := t.systemAccount("gateway:" + string(RailBankTransfer))
	if err != nil {
		return err
	}
	return t.locked().Take(&ledger.Account{}, id).Error
}

// record is what is kept of the import itself.
func (in StatementInput) record(by Actor, lines, fresh []StatementLine, now time.Time) StatementImport {
	made := StatementImport{
		FileName: clip(toValid(in.FileName), maxStatementText), FileHash: in.Statement.FileHash, Layout: in.Statement.Layout, OurAccount: in.OurAccount,
		ImportedBy: by.UserID, ImportedAt: now, LineCount: int64(len(lines)), NewCount: int64(len(fresh)),
		DebitCount: int64(in.Statement.Debits), ReversalCount: int64(in.Statement.Reversals),
		FirstOn: in.Statement.FirstOn, LastOn: in.Statement.LastOn,
	}
	for _, l := range fresh {
		made.NewFen += l.AmountFen
	}
	for _, l := range lines {
		if made.FirstOn == "" || l.DayOn < made.FirstOn {
			made.FirstOn = l.DayOn
		}
		made.LastOn = max(made.LastOn, l.DayOn)
	}
	return made
}

// unknownLines are those that are not stored yet.
func (t *tx) unknownLines(lines []StatementLine) (fresh []StatementLine, err error) {
	known := map[string]bool{}
	for some := range slices.Chunk(lines, statementChunk) {
		var keys []string
		asked := column(some, func(l StatementLine) string { return l.LineKey })
		if err := t.Model(&StatementLine{}).Where("line_key IN ?", asked).Pluck("line_key", &keys).Error; err != nil {
			return nil, err
		}
		for _, key := range keys {
			known[key] = true
		}
	}
	for _, l := range lines {
		if !known[l.LineKey] {
			fresh = append(fresh, l)
		}
	}
	return fresh, nil
}

// bankNumber is a condition on payments (p): those of bank transfer, by the bank's
// number as statements have it. Staff's older ones were kept with their hyphens.
// It reads as the index on it does.
const bankNumber = `p.rail = 'bank_transfer' AND REPLACE(p.gateway_trade_no, '-', '')`

// creditedByHand finds payments that staff made of the bank's numbers, by number,
// that no line names yet.
func (t *tx) creditedByHand(lines []StatementLine) (map[string]Payment, error) {
	found := map[string]Payment{}
	for some := range slices.Chunk(lines, statementChunk) {
		var serials []string
		for _, l := range some {
			if l.SerialNo != "" {
				serials = append(serials, l.SerialNo)
			}
		}
		var payments []Payment
		err := t.Table("payments AS p").Select("p.*").Where(bankNumber+` IN ? AND NOT EXISTS
			(SELECT 1 FROM statement_lines l WHERE l.payment_id = p.id)`, serials).Scan(&payments).Error
		if err != nil {
			return nil, err
		}
		for _, p := range payments {
			found[compact(*p.GatewayTradeNo)] = p
		}
	}
	return found, nil
}
