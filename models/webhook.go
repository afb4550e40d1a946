package models

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// WebhookMessage is one message to the ad engine, stored in the transaction of
// what it tells. It is delivered, or parked for staff, or on its way.
type WebhookMessage struct {
	ID          int64 `gorm:"primaryKey"`
	MessageID   string
	Body        string // JSON, as it is sent
	CreatedAt   time.Time
	Attempts    int
	LastAnswer  string // of the receiver, or why there was none
	TriedAt     *time.Time
	DeliveredAt *time.Time
	ParkedAt    *time.Time
}

// webhookBody is the form that Standard Webhooks recommends.
type webhookBody struct {
	Type      string      `json:"type"`
	Timestamp time.Time   `json:"timestamp"`
	Data      webhookData `json:"data"`
}

// webhookData is as the feed's answer: cursor is the number of the last change
// told here, so that a receiver can tell an old message from a new one.
type webhookData struct {
	Cursor    string            `json:"cursor"`
	Campaigns []ServingCampaign `json:"campaigns"`
}

// ServingChanged is the type of the one message there is.
const ServingChanged = "serving.changed"

const (
	campaignsAMessage = 500
	webhookPatience   = 3 * 24 * time.Hour
	webhookKept       = 30 * 24 * time.Hour // what was delivered
	maxLastAnswer     = 500
)

// webhookDelays are the waits after each failure; the last is repeated.
var webhookDelays = []time.Duration{
	5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 6 * time.Hour,
}

// tellByWebhook stores the messages that tell of changes; last is the number of
// the last change.
func (t *tx) tellByWebhook(changes []servingRow, last int64) error {
	if !t.rules.Webhooks {
		return nil
	}
	for from := 0; from < len(changes); from += campaignsAMessage {
		some := changes[from:min(from+campaignsAMessage, len(changes))]
		body := webhookBody{Type: ServingChanged, Timestamp: t.now}
		for _, c := range some {
			body.Data.Campaigns = append(body.Data.Campaigns, c.state)
		}
		body.Data.Cursor = CursorText(last - int64(len(changes)-from-len(some)))
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		message := WebhookMessage{MessageID: "msg_" + rand.Text(), Body: string(text), CreatedAt: t.now}
		if err := t.Create(&message).Error; err != nil {
			return err
		}
		t.then(Task{Args: DeliverWebhook{ID: message.ID}})
	}
	return nil
}

// Webhook reads one message. NotFound: there is none.
func (s *Store) Webhook(ctx context.Context, id int64) (WebhookMessage, error) {
	var m WebhookMessage
	err := s.read.WithContext(ctx).Take(&m, id).Error
	return m, found(err, "webhook message")
}

// nextTry is the rule of retries: how long to wait after the failure just
// counted, or that three days of tries are enough.
func (m WebhookMessage) nextTry(now time.Time) (wait time.Duration, park bool) {
	wait = webhookDelays[min(m.Attempts, len(webhookDelays))-1]
	return wait, now.Add(wait).After(m.CreatedAt.Add(webhookPatience))
}

// WebhookTried writes what a try came to; answer is in the receiver's words.
// After a failure it gives the wait before the next try, or 0 when the message
// is parked where staff see it.
func (s *Store) WebhookTried(ctx context.Context, id int64, delivered bool, answer string) (wait time.Duration, err error) {
	err = s.inTx(ctx, func(t *tx) error {
		var m WebhookMessage
		if err := t.locked().Take(&m, id).Error; err != nil {
			return found(err, "webhook message")
		}
		park := false
		m.Attempts, m.LastAnswer, m.TriedAt = m.Attempts+1, clip(answer, maxLastAnswer), &t.now
		if delivered {
			m.DeliveredAt, m.ParkedAt, wait = &t.now, nil, 0
		} else if wait, park = m.nextTry(t.now); park {
			m.ParkedAt, wait = &t.now, 0
		}
		return t.Model(&m).Select("Attempts", "LastAnswer", "TriedAt", "DeliveredAt", "ParkedAt").Updates(&m).Error
	})
	return wait, err
}

// ResendWebhook puts a parked message on its way again, for another three days.
// NotFound; Conflict when it is not parked.
func (s *Store) ResendWebhook(ctx context.Context, by Actor, id int64) error {
	return s.inTx(ctx, func(t *tx) error {
		var m WebhookMessage
		if err := t.locked().Take(&m, id).Error; err != nil {
			return found(err, "webhook message")
		}
		if m.ParkedAt == nil {
			return conflict("error.webhook.not_parked", nil)
		}
		m.CreatedAt, m.Attempts, m.ParkedAt = t.now, 0, nil
		if err := t.Model(&m).Select("CreatedAt", "Attempts", "ParkedAt").Updates(&m).Error; err != nil {
			return err
		}
		t.then(Task{Args: DeliverWebhook{ID: m.ID}})
		return t.audit(by, "webhook.resend", subject("webhook", m.ID), "parked", "sending")
	})
}

// DropOldWebhooks forgets messages that were delivered a month ago.
func (s *Store) DropOldWebhooks(ctx context.Context) error {
	return s.inTx(ctx, func(t *tx) error {
		return t.Where("delivered_at < ?", t.now.Add(-webhookKept)).Delete(&WebhookMessage{}).Error
	})
}

// ParkedWebhook is a message that could not be delivered, as staff see it.
type ParkedWebhook struct {
	ID         int64
	MessageID  string
	ChangedAt  time.Time // when what it tells of came about
	ParkedAt   time.Time
	Attempts   int
	LastAnswer string
	Campaigns  int // that it tells of
	Accounts   int // that these belong to
}

// WebhookDesk is what staff see of the messages to the ad engine.
type WebhookDesk struct {
	On       bool            // an address is set, so that changes are told
	Parked   []ParkedWebhook // newest first
	Page     Page
	Counts   WebhookCounts
	OldestAt *time.Time // when the oldest that is on its way was stored, or sent anew
}

// WebhookCounts counts the messages that have not been delivered.
type WebhookCounts struct{ Parked, Pending int64 }

const (
	isParked  = "parked_at IS NOT NULL"
	isPending = "delivered_at IS NULL AND parked_at IS NULL"
)

// WebhookDesk reads a page of the parked messages, and how many are on their way.
func (s *Store) WebhookDesk(ctx context.Context, k Keyset) (WebhookDesk, error) {
	desk := WebhookDesk{On: s.rules.Webhooks}
	db := s.read.WithContext(ctx)
	var rows []WebhookMessage
	if err := keyset(db, k, "id").Find(&rows, isParked).Error; err != nil {
		return desk, err
	}
	rows, desk.Page = pageOf(rows, k, func(m WebhookMessage) int64 { return m.ID })
	for _, m := range rows {
		parked, err := m.parked()
		if err != nil {
			return desk, err
		}
		desk.Parked = append(desk.Parked, parked)
	}
	var err error
	if desk.Counts, err = webhookCounts(db); err != nil || desk.Counts.Pending == 0 {
		return desk, err
	}
	var oldest []WebhookMessage // none, when it was delivered meanwhile
	if err := db.Select("created_at").Order("created_at").Limit(1).Find(&oldest, isPending).Error; err != nil {
		return desk, err
	}
	for _, m := range oldest {
		desk.OldestAt = &m.CreatedAt
	}
	return desk, nil
}

// parked reads out of the message what staff want to know of it.
func (m WebhookMessage) parked() (ParkedWebhook, error) {
	var body webhookBody
	if err := json.Unmarshal([]byte(m.Body), &body); err != nil {
		return ParkedWebhook{}, fmt.Errorf("webhook message %d: %w", m.ID, err)
	}
	accounts := map[int64]bool{}
	for _, campaign := range body.Data.Campaigns {
		accounts[campaign.AccountID] = true
	}
	return ParkedWebhook{
		ID: m.ID, MessageID: m.MessageID, ChangedAt: body.Timestamp, ParkedAt: *m.ParkedAt, Attempts: m.Attempts,
		LastAnswer: m.LastAnswer, Campaigns: len(body.Data.Campaigns), Accounts: len(accounts),
	}, nil
}

func webhookCounts(db *gorm.DB) (counts WebhookCounts, err error) {
	if err = db.Model(&WebhookMessage{}).Where(isParked).Count(&counts.Parked).Error; err != nil {
		return counts, err
	}
	return counts, db.Model(&WebhookMessage{}).Where(isPending).Count(&counts.Pending).Error
}
