package models

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"gorm.io/gorm"
)

// StatementMapping names the columns of a bank's file that no known layout
// fits, by their titles. Remark may name several, separated by commas.
type StatementMapping struct {
	Date         string `json:"date"`
	Clock        string `json:"clock,omitempty"`
	Credit       string `json:"credit"`              // money that came in, or with Direction all amounts
	Direction    string `json:"direction,omitempty"` // column that tells in from out
	CreditWord   string `json:"credit_word,omitempty"`
	PayerName    string `json:"payer_name"`
	PayerAccount string `json:"payer_account,omitempty"`
	Remark       string `json:"remark,omitempty"`
	SerialNo     string `json:"serial_no,omitempty"`
	Balance      string `json:"balance,omitempty"`
	OurAccount   string `json:"our_account,omitempty"`
}

// IsSet: there is a mapping to read by.
func (m StatementMapping) IsSet() bool { return m.Date != "" }

// statementMapping is the stored row.
type statementMapping struct {
	ID        int64 `gorm:"primaryKey"`
	Titles    string
	ChangedBy int64
	ChangedAt time.Time
}

const maxTitle = 100

// check refuses a mapping by which nothing could be read; on the fields' names.
func (m *StatementMapping) check() (refusals FieldErrors) {
	required := map[string]bool{"date": true, "credit": true, "payer_name": true}
	required["credit_word"] = strings.TrimSpace(m.Direction) != ""
	required["direction"] = strings.TrimSpace(m.CreditWord) != ""
	for _, field := range []struct {
		name  string
		value *string
	}{
		{"date", &m.Date}, {"clock", &m.Clock}, {"credit", &m.Credit}, {"direction", &m.Direction}, {"credit_word", &m.CreditWord},
		{"payer_name", &m.PayerName}, {"payer_account", &m.PayerAccount}, {"remark", &m.Remark}, {"serial_no", &m.SerialNo},
		{"balance", &m.Balance}, {"our_account", &m.OurAccount},
	} {
		*field.value = strings.TrimSpace(toValid(*field.value))
		switch n := utf8.RuneCountInString(*field.value); {
		case n == 0 && required[field.name]:
			refusals = append(refusals, fieldError(field.name, "error.mapping.empty", nil))
		case n > maxTitle:
			refusals = append(refusals, fieldError(field.name, "error.mapping.too_long", map[string]any{"Max": maxTitle}))
		}
	}
	return refusals
}

// StatementMapping reads the mapping; one that is not set is empty.
func (s *Store) StatementMapping(ctx context.Context) (StatementMapping, error) {
	var m StatementMapping
	var row statementMapping
	err := s.read.WithContext(ctx).Take(&row, 1).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return m, nil
	}
	if err != nil {
		return m, err
	}
	return m, json.Unmarshal([]byte(row.Titles), &m)
}

// SetStatementMapping stores the mapping in the place of the one before.
// FieldErrors on the fields' names.
func (s *Store) SetStatementMapping(ctx context.Context, by Actor, m StatementMapping) error {
	if err := m.check().OrNil(); err != nil {
		return err
	}
	titles, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return s.inTx(ctx, func(t *tx) error {
		var before []statementMapping
		if err := t.Limit(1).Find(&before, 1).Error; err != nil {
			return err
		}
		was := ""
		if len(before) > 0 {
			was = before[0].Titles
		}
		err := t.Exec(`INSERT INTO statement_mappings (id, titles, changed_by, changed_at) VALUES (1, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET titles = excluded.titles, changed_by = excluded.changed_by, changed_at = excluded.changed_at`,
			string(titles), by.UserID, t.now).Error
		if err != nil {
			return err
		}
		return t.audit(by, "statement.mapping", subject("statement_mapping", 1), was, string(titles))
	})
}
