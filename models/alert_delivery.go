package models

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"gorm.io/gorm"
)

// DeliveryState of an alert says what became of one of its ways.
type AlertDeliveryState string

const (
	DeliveryWaiting AlertDeliveryState = "waiting"
	DeliverySent    AlertDeliveryState = "sent"   // taken by the robot, or by the queue of mails
	DeliveryFailed  AlertDeliveryState = "failed" // given up
	DeliveryMoot    AlertDeliveryState = "moot"   // not so any more when it was due, or the target is gone
)

// AlertDeliveryStates lists every state.
var AlertDeliveryStates = []AlertDeliveryState{DeliveryWaiting, DeliverySent, DeliveryFailed, DeliveryMoot}

// alertDelivery is one way of an alert.
type alertDelivery struct {
	ID        int64 `gorm:"primaryKey"`
	AccountID int64
	AlertID   *int64 // nil: a test
	TargetID  *int64
	UserID    *int64
	State     AlertDeliveryState
	DueAt     time.Time
	Attempts  int
	Answer    string
	EndedAt   *time.Time
	CreatedAt time.Time
}

func (alertDelivery) TableName() string { return "alert_deliveries" }

// alertDelays are the waits after each failure; after the last it is given up.
var alertDelays = []time.Duration{30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, 2 * time.Hour}

// Alert is one alert as pages and messages tell of it. At is UTC.
type Alert struct {
	ID   int64
	Rung Rung // "": a test
	At   time.Time
	AlertArgs
}

func (r alertRow) shown() (Alert, error) {
	a := Alert{ID: r.ID, Rung: r.Rung, At: r.At}
	return a, json.Unmarshal([]byte(r.Args), &a.AlertArgs)
}

// AlertMessage is what is to be sent now.
type AlertMessage struct {
	DeliveryID int64
	Alert      Alert
	Shop       string
	Audience   Audience // of who reads it: it decides where the message leads
	Lang       string
	Channel    Channel
	Address    string
	Secret     string
}

// SendAlert gives what a delivery is to send to its target. nil: nothing is to be
// sent any more, or it goes by mail and is on its way by that. NotFound.
func (s *Store) SendAlert(ctx context.Context, id int64) (*AlertMessage, error) {
	var message *AlertMessage
	err := s.inTx(ctx, func(t *tx) error {
		message = nil
		var d alertDelivery
		if err := t.locked().Take(&d, id).Error; err != nil {
			return found(err, "alert delivery")
		}
		if d.State != DeliveryWaiting {
			return nil
		}
		m, moot, err := t.alertMessage(d)
		if err != nil {
			return err
		}
		if moot {
			return t.deliveryEnds(d, DeliveryMoot, "")
		}
		if d.UserID == nil {
			message = &m
			return nil
		}
		if err := t.mailAlert(*d.UserID, m); err != nil {
			return err
		}
		return t.deliveryEnds(d, DeliverySent, "")
	})
	return message, err
}

// alertMessage reads all that a message says. moot: the account is not low on
// that rung any more, and the message comes later than the alert.
func (t *tx) alertMessage(d alertDelivery) (m AlertMessage, moot bool, err error) {
	m = AlertMessage{DeliveryID: d.ID, Alert: Alert{At: t.now}}
	var shop struct{ ShopName string }
	err = t.Raw("SELECT s.shop_name FROM accounts a JOIN sellers s ON s.id = a.seller_id WHERE a.id = ?", d.AccountID).Scan(&shop).Error
	if err != nil {
		return m, false, err
	}
	m.Shop = shop.ShopName
	if d.AlertID != nil {
		var row alertRow
		if err := t.Take(&row, *d.AlertID).Error; err != nil {
			return m, false, err
		}
		if m.Alert, err = row.shown(); err != nil {
			return m, false, err
		}
		if moot, err = row.isMoot(t.DB, d); err != nil || moot {
			return m, moot, err
		}
	}
	if d.TargetID == nil {
		var left int64 // who has left the shop meanwhile
		err = t.Model(&User{}).Where("id = ? AND disabled_at IS NOT NULL", *d.UserID).Count(&left).Error
		return m, left > 0, err
	}
	var target alertTarget
	if err := t.Take(&target, *d.TargetID).Error; err != nil {
		return m, false, err
	}
	if target.RemovedAt != nil {
		return m, true, nil
	}
	m.Audience, m.Lang, m.Channel = target.Audience, target.Lang, target.Channel
	if m.Address, err = t.vault.open(target.Address, target.place("address")); err != nil || target.Secret == "" {
		return m, false, err
	}
	m.Secret, err = t.vault.open(target.Secret, target.place("secret"))
	return m, false, err
}

// isMoot: it was put off by quiet hours, and is not so any more.
func (r alertRow) isMoot(db *gorm.DB, d alertDelivery) (bool, error) {
	if !d.DueAt.After(r.At) {
		return false, nil
	}
	var low int64
	err := db.Model(&alertRung{}).Where("account_id = ? AND rung = ? AND low AND crossings = ?", r.AccountID, r.Rung, r.Crossing).Count(&low).Error
	isLevel := false
	for _, level := range levels {
		isLevel = isLevel || level == r.Rung
	}
	return isLevel && low == 0, err
}

func (t *tx) deliveryEnds(d alertDelivery, state AlertDeliveryState, answer string) error {
	d.State, d.Answer, d.EndedAt, d.Attempts = state, clip(answer, maxLastAnswer), &t.now, d.Attempts+1
	return changed(t.Model(&alertDelivery{}).Where("id = ? AND state = ?", d.ID, DeliveryWaiting).Select("State", "Answer", "EndedAt", "Attempts").Updates(&d))
}

// AlertTried writes what a try came to; answer is in the receiver's words. After a
// failure it gives the wait before the next try, or 0 when it is given up.
func (s *Store) AlertTried(ctx context.Context, id int64, sent bool, answer string) (wait time.Duration, err error) {
	err = s.inTx(ctx, func(t *tx) error {
		wait = 0
		var d alertDelivery
		if err := t.locked().Take(&d, id).Error; err != nil {
			return found(err, "alert delivery")
		}
		switch {
		case d.State != DeliveryWaiting:
			return nil
		case sent:
			return t.deliveryEnds(d, DeliverySent, answer)
		case d.Attempts >= len(alertDelays) || d.AlertID == nil: // who presses a button looks at once what came of it
			return t.deliveryEnds(d, DeliveryFailed, answer)
		}
		wait = alertDelays[d.Attempts]
		return t.Model(&d).Updates(map[string]any{"attempts": d.Attempts + 1, "answer": clip(answer, maxLastAnswer)}).Error
	})
	return wait, err
}

// mailAlert sends an alert to a colleague's own address.
func (t *tx) mailAlert(userID int64, m AlertMessage) error {
	var u User
	if err := t.Take(&u, userID).Error; err != nil {
		return err
	}
	m.Audience, m.Lang = u.ShopRole.audience(), u.Lang
	mail := m.Mail()
	mail.To = u.Email
	return t.mail(mail)
}

// Mail is the message as it is put into words, whatever way it goes.
func (m AlertMessage) Mail() Mail {
	args := m.Alert.Figures()
	args["Shop"] = m.Shop
	return Mail{Lang: m.Lang, Kind: m.Alert.Rung.Mail(), Args: args, Path: m.Alert.Rung.Path(m.Audience)}
}

// Figures are what the alert's words speak of, by their names in the catalogues.
func (a Alert) Figures() map[string]any {
	figures := map[string]any{"Spendable": a.SpendableFen, "Arrears": a.ArrearsFen, "Amount": a.AmountFen, "PaymentNo": a.PaymentNo}
	if a.AlertArgs.At != nil {
		figures["At"] = *a.AlertArgs.At
	}
	return figures
}

// Mail is the kind of mail that tells of a rung.
func (r Rung) Mail() MailKind {
	if r == "" {
		return MailAlertTest
	}
	return MailKind("alert_" + string(r))
}

// Path is where an alert leads: whoever pays to the recharge, others to the
// campaigns; who does both, to what helps.
func (r Rung) Path(who Audience) string {
	switch {
	case r == RungRestored && who != AudienceMoney:
		return "/campaigns/restart"
	case who == AudienceCampaigns:
		return "/campaigns"
	case r == RungPaid || r == RungRestored:
		return "/account"
	case r == RungBonus:
		return "/bonus"
	case r == "":
		return "/alerts"
	}
	return "/recharge"
}

// AlertDelivered is one way of an alert in the log.
type AlertDelivered struct {
	Rung     Rung    // "": a test
	Channel  Channel // "": by mail
	To       string  // the target's name, or the colleague's address
	State    AlertDeliveryState
	DueAt    time.Time
	Attempts int
	Answer   string
	EndedAt  *time.Time
}

// AlertDesk is all that the page of alerts shows.
type AlertDesk struct {
	Now        time.Time
	List       []AlertShown // newest first
	Page       Page
	Unread     int
	Settings   AlertSettings
	Mail       bool // the reader gets alerts by mail
	SendsMail  bool // mail goes out of this portal
	Targets    []AlertTarget
	Deliveries []AlertDelivered // the newest
}

// AlertShown is an alert with whether its reader has seen it.
type AlertShown struct {
	Alert
	Unread bool
}

const shownDeliveries = 20

// AlertDesk reads the page of alerts for one of an account's users. NotFound.
func (s *Store) AlertDesk(ctx context.Context, accountID, userID int64, k Keyset) (AlertDesk, error) {
	d := AlertDesk{Now: s.Now(), SendsMail: s.SendsMail()}
	db := s.read.WithContext(ctx)
	var a Account
	if err := db.Take(&a, accountID).Error; err != nil {
		return d, found(err, "account")
	}
	var u User
	if err := db.Limit(1).Find(&u, userID).Error; err != nil {
		return d, err
	}
	d.Mail, d.Settings = u.AlertMail, typedAlerts(a)
	var rows []alertRow
	if err := keyset(db, k, "id").Find(&rows, "account_id = ?", accountID).Error; err != nil {
		return d, err
	}
	rows, d.Page = pageOf(rows, k, func(r alertRow) int64 { return r.ID })
	for _, row := range rows {
		shown, err := row.shown()
		if err != nil {
			return d, err
		}
		d.List = append(d.List, AlertShown{shown, row.ID > u.AlertsReadID})
	}
	var err error
	if d.Unread, err = unreadAlerts(db, accountID, userID); err != nil {
		return d, err
	}
	var targets []alertTarget
	if err := db.Order("id").Find(&targets, "account_id = ? AND removed_at IS NULL", accountID).Error; err != nil {
		return d, err
	}
	d.Targets = column(targets, alertTarget.shown)
	d.Deliveries, err = alertsSent(db, accountID)
	return d, err
}

// AlertsSent lists the newest ways that an account's alerts went.
func (s *Store) AlertsSent(ctx context.Context, accountID int64) ([]AlertDelivered, error) {
	return alertsSent(s.read.WithContext(ctx), accountID)
}

func alertsSent(db *gorm.DB, accountID int64) (sent []AlertDelivered, err error) {
	err = db.Table("alert_deliveries d").Joins("LEFT JOIN alerts a ON a.id = d.alert_id").Joins("LEFT JOIN alert_targets t ON t.id = d.target_id").Joins("LEFT JOIN users u ON u.id = d.user_id").
		Select("COALESCE(a.rung, '') AS rung, COALESCE(t.channel, '') AS channel, COALESCE(t.name, u.email) AS \"to\", d.state, d.due_at, d.attempts, d.answer, d.ended_at").
		Where("d.account_id = ?", accountID).Order("d.id DESC").Limit(shownDeliveries).Scan(&sent).Error
	return sent, err
}

func typedAlerts(a Account) (in AlertSettings) {
	if a.AlertBelowFen != nil {
		in.Below = a.AlertBelowFen.Wire()
	}
	if a.QuietFrom != nil && a.QuietUntil != nil {
		in.QuietFrom, in.QuietUntil = strconv.Itoa(*a.QuietFrom), strconv.Itoa(*a.QuietUntil)
	}
	return in
}

// unreadAlerts counts what a user has not read, 99 at most.
func unreadAlerts(db *gorm.DB, accountID, userID int64) (n int, err error) {
	err = db.Raw(`SELECT COUNT(*) FROM (SELECT 1 FROM alerts WHERE account_id = ? AND id > COALESCE((SELECT alerts_read_id FROM users WHERE id = ?), 0) LIMIT 99) AS unread`,
		accountID, userID).Scan(&n).Error
	return n, err
}

// UnreadAlerts counts what a user has not read of an account's alerts, 99 at most.
func (s *Store) UnreadAlerts(ctx context.Context, accountID, userID int64) (int, error) {
	return unreadAlerts(s.read.WithContext(ctx), accountID, userID)
}

// ReadAlerts notes that a user has read an account's alerts up to now.
func (s *Store) ReadAlerts(ctx context.Context, accountID, userID int64) error {
	return s.inTx(ctx, func(t *tx) error {
		return t.Exec("UPDATE users SET alerts_read_id = COALESCE((SELECT MAX(id) FROM alerts WHERE account_id = ?), alerts_read_id) WHERE id = ?", accountID, userID).Error
	})
}

// SetAlertMail says whether a user gets alerts by mail.
func (s *Store) SetAlertMail(ctx context.Context, by Actor, on bool) error {
	return s.inTx(ctx, func(t *tx) error {
		result := t.Model(&User{}).Where("id = ? AND alert_mail <> ?", by.UserID, on).Update("alert_mail", on)
		if result.Error != nil || result.RowsAffected == 0 {
			return result.Error
		}
		return t.audit(by, "user.alert_mail", subject("user", by.UserID), onOff(!on), onOff(on))
	})
}
