package models_test

import (
	"regexp"
	"strings"
	"testing"

	"ztc-portal/models"
)

// allLines finds in a plan that the statements' lines are read from end to end.
var allLines = regexp.MustCompile(`SCAN (l|statement_lines)\b|Seq Scan on statement_lines\b`)

// allTransfers finds that all payments by bank transfer are.
var allTransfers = regexp.MustCompile(`SCAN p\b|SEARCH p USING (COVERING )?INDEX \w+ \(rail=\?\)|Seq Scan on payments\b`)

// What waits to be worked is few of many lines: it is found without reading the
// others, and so is whether a statement brought a bank's number.
func TestLinesThatWaitAreFoundByAnIndex(t *testing.T) {
	eachTill(t, func(t *testing.T, b *till) {
		p := b.transfer(t, b.account, "900")
		b.imports(t, 2, b.entry("S1", 900*yuan, "Tea Ltd", *p.ReferenceCode), b.entry("S2", 900*yuan, "Tea Ltd", ""))
		b.worked(t)
		for name, act := range map[string]func(*models.Store) error{
			"unmatched": lists(t, models.LineUnmatched),
			"proposed":  lists(t, models.LineProposed),
			"the desk":  func(s *models.Store) error { _, err := s.StatementDesk(t.Context(), models.Keyset{}); return err },
			"certain":   func(s *models.Store) error { _, err := s.ProposeCertain(t.Context(), b.finance, why); return err },
			"an import": func(s *models.Store) error {
				_, err := s.ImportStatement(t.Context(), b.finance, statement(b.entry("CMB-2026-0007", 900*yuan, "Tea Ltd", "")))
				return err
			},
			"by hand": func(s *models.Store) error {
				_, err := s.AskApproval(t.Context(), b.finance, transfer(b.account, "500", "CMB-2026-0009"))
				return err
			},
		} {
			queries, err := b.Recorded(act)
			must(t, err)
			seen := false
			for _, query := range queries {
				if !strings.Contains(query, "statement_lines") || !strings.HasPrefix(query, "SELECT") {
					continue
				}
				seen = true
				if text, _ := plan(t, b.Bench, query); allLines.MatchString(text) || allTransfers.MatchString(text) {
					t.Errorf("%s: %s\n%s", name, query, text)
				}
			}
			if !seen {
				t.Errorf("%s: no query of lines was seen", name)
			}
		}
		// The check itself.
		if text, _ := plan(t, b.Bench, "SELECT id FROM statement_lines WHERE remark = 'x'"); !allLines.MatchString(text) {
			t.Errorf("a walk over all is not seen: %s", text)
		}
		if text, _ := plan(t, b.Bench, "SELECT id FROM payments p WHERE gateway_trade_no || '' = 'x'"); !allTransfers.MatchString(text) {
			t.Errorf("a walk over all transfers is not seen: %s", text)
		}
	})
}

func lists(t *testing.T, state models.LineState) func(*models.Store) error {
	return func(s *models.Store) error {
		_, _, err := s.StatementLines(t.Context(), models.LineFilter{State: state}, models.Keyset{})
		return err
	}
}

// worked adds many lines whose money was cleared long ago.
func (b *till) worked(t *testing.T) {
	t.Helper()
	crowd(t, b.Bench)
	db, err := b.Handle()
	must(t, err)
	key := map[models.Engine]string{models.SQLite: "printf('%064d', id)", models.Postgres: "lpad(id::text, 64, '0')"}[b.Engine()]
	_, err = db.ExecContext(t.Context(), `INSERT INTO statement_lines (import_id, line_key, row_no, day_on, bank_at, amount_fen, payer_name, payer_account, remark, serial_no, balance, raw, suspense_id)
		SELECT (SELECT MIN(id) FROM statement_imports), `+key+`, 1, '2026-11-23', created_at, amount_fen, 'X', '', '', 'C' || id, '', '', id FROM suspense_items WHERE rail = 'alipay'`)
	must(t, err)
	_, err = db.ExecContext(t.Context(), "ANALYZE")
	must(t, err)
}
