package models

import (
	"context"
	"time"
)

// InboxRow is one notify as it came, and what was made of it.
type InboxRow struct {
	ID         int64 `gorm:"primaryKey"`
	Rail       Rail
	ReceivedAt time.Time
	Address    string
	Headers    string
	Body       []byte
	Verdict    string // "received" until judged, then an Outcome
	Detail     string
	PaymentNo  string
	JudgedAt   *time.Time
}

func (InboxRow) TableName() string { return "notify_inbox" }

// ReceiveNotify stores a notify raw, before anybody judges it, and gives its id.
func (s *Store) ReceiveNotify(ctx context.Context, rail Rail, address, headers string, body []byte) (int64, error) {
	row := InboxRow{Rail: rail, Address: address, Headers: toValid(headers), Body: body, Verdict: "received"}
	row.ReceivedAt = s.Now()
	err := s.write.WithContext(ctx).Create(&row).Error // one statement needs no transaction around it
	return row.ID, err
}

// JudgeNotify writes the verdict on a notify that was not settled: refused,
// or left for the gateway's next try.
func (s *Store) JudgeNotify(ctx context.Context, id int64, verdict Outcome, paymentNo, detail string) error {
	return s.inTx(ctx, func(t *tx) error { return t.judge(id, verdict, paymentNo, detail) })
}

func (t *tx) judge(id int64, verdict Outcome, paymentNo, detail string) error {
	if id == 0 {
		return nil
	}
	return t.Model(&InboxRow{}).Where("id = ?", id).
		Select("Verdict", "Detail", "PaymentNo", "JudgedAt").
		Updates(InboxRow{Verdict: string(verdict), Detail: clip(detail, 500), PaymentNo: clip(paymentNo, 64), JudgedAt: &t.now}).Error
}

// Notifies lists what came in about a payment, oldest first.
func (s *Store) Notifies(ctx context.Context, paymentNo string) ([]InboxRow, error) {
	var rows []InboxRow
	err := s.read.WithContext(ctx).Order("id").Find(&rows, "payment_no = ?", paymentNo).Error
	return rows, err
}

// Finding is one answer of a gateway to "what became of this payment?".
type Finding struct {
	AskedAt time.Time
	AskedBy string // expiry, poll, return, seller, notify, staff
	Answer  string // a TradeState, an Outcome, or AnswerUnavailable
}

// AnswerUnavailable stands where the gateway could not be asked.
const AnswerUnavailable = "unavailable"

// IsClear: the gateway answered, and its answer says what became of the payment.
func (f Finding) IsClear() bool {
	return f.Answer != AnswerUnavailable && f.Answer != string(TradeUnknown)
}

// gatewayQuery is the stored row of a Finding.
type gatewayQuery struct {
	ID        int64 `gorm:"primaryKey"`
	PaymentID int64
	AskedAt   time.Time
	AskedBy   string
	Answer    string
	Detail    string
}

func (gatewayQuery) TableName() string { return "gateway_queries" }

// NoteQuery keeps what a gateway answered when asked about a payment.
func (s *Store) NoteQuery(ctx context.Context, paymentID int64, askedBy, answer, detail string) error {
	return s.inTx(ctx, func(t *tx) error {
		return t.Create(&gatewayQuery{
			PaymentID: paymentID, AskedAt: t.now, AskedBy: askedBy, Answer: answer, Detail: clip(detail, 500),
		}).Error
	})
}

// Findings lists the newest answers about a payment, newest first.
func (s *Store) Findings(ctx context.Context, paymentID int64, limit int) ([]Finding, error) {
	var rows []gatewayQuery
	err := s.read.WithContext(ctx).Order("id DESC").Limit(limit).Find(&rows, "payment_id = ?", paymentID).Error
	findings := make([]Finding, len(rows))
	for i, row := range rows {
		findings[i] = Finding{row.AskedAt, row.AskedBy, row.Answer}
	}
	return findings, err
}

// clip keeps the first n bytes of a text that somebody else wrote, as valid UTF-8.
func clip(s string, n int) string {
	if len(s) > n {
		s = s[:n]
	}
	return toValid(s)
}
