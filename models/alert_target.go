package models

import (
	"context"
	"encoding/base64"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"gorm.io/gorm"
)

// Channel is a kind of place that alerts go to.
type Channel string

const (
	ChannelDingTalk Channel = "dingtalk" // a group's robot
	ChannelWeCom    Channel = "wecom"    // likewise
	ChannelFeishu   Channel = "feishu"   // likewise
	ChannelWebhook  Channel = "webhook"  // any receiver of Standard Webhooks
)

// Channels lists every channel.
var Channels = []Channel{ChannelDingTalk, ChannelWeCom, ChannelFeishu, ChannelWebhook}

// robotHosts are the hosts at which a channel's robots listen, as documented.
var robotHosts = map[Channel][]string{
	ChannelDingTalk: {"oapi.dingtalk.com"}, ChannelWeCom: {"qyapi.weixin.qq.com"}, ChannelFeishu: {"open.feishu.cn", "open.larksuite.com"},
}

// signs tells whether a robot of the channel may sign, so that a secret is of use.
func (c Channel) signs() bool { return c != ChannelWeCom }

// AlertTarget is a place that an account's alerts go to, as pages show it: its
// address and its secret are shown to nobody again.
type AlertTarget struct {
	ID        int64
	Channel   Channel
	Name      string
	Host      string
	Audience  Audience
	Lang      string
	Signed    bool
	CreatedAt time.Time
}

// alertTarget is its row; Address and Secret are sealed.
type alertTarget struct {
	ID        int64 `gorm:"primaryKey"`
	AccountID int64
	Channel   Channel
	Name      string
	Host      string
	Address   string
	Secret    string
	Audience  Audience
	Lang      string
	CreatedAt time.Time
	RemovedAt *time.Time
}

func (alertTarget) TableName() string { return "alert_targets" }

func (a alertTarget) place(what string) string {
	return "alert target of " + subject("account", a.AccountID) + ": " + what
}

func (a alertTarget) shown() AlertTarget {
	return AlertTarget{a.ID, a.Channel, a.Name, a.Host, a.Audience, a.Lang, a.Secret != "", a.CreatedAt}
}

// AlertTargetInput is a target as it was typed.
type AlertTargetInput struct {
	Channel  Channel
	Name     string
	Address  string
	Secret   string // empty: messages are not signed
	Audience Audience
	Lang     string // of the messages
}

const (
	maxTargets    = 10
	maxTargetName = 40   // characters
	maxAddress    = 1000 // bytes
	maxSecret     = 200
)

// parse reads the input; the row lacks its account, and nothing of it is sealed.
// FieldErrors on "channel", "name", "address", "secret", "audience".
func (in AlertTargetInput) parse(anywhere bool) (row alertTarget, refusals FieldErrors) {
	row = alertTarget{
		Channel: in.Channel, Name: strings.TrimSpace(toValid(in.Name)), Address: strings.TrimSpace(toValid(in.Address)), Secret: strings.TrimSpace(toValid(in.Secret)),
		Audience: in.Audience, Lang: in.Lang,
	}
	refuse := func(field, key string, args map[string]any) {
		refusals = append(refusals, fieldError(field, key, args))
	}
	if !slices.Contains(Channels, in.Channel) {
		refuse("channel", "error.alert.channel", nil)
	}
	if !slices.Contains(Audiences, in.Audience) {
		refuse("audience", "error.alert.audience", nil)
	}
	if in.Lang != "en" {
		row.Lang = "zh-CN"
	}
	if n := utf8.RuneCountInString(row.Name); n == 0 || n > maxTargetName {
		refuse("name", "error.alert.name", map[string]any{"Max": maxTargetName})
	}
	if row.Secret != "" && (!in.Channel.signs() || len(row.Secret) > maxSecret) {
		refuse("secret", "error.alert.secret", nil)
	}
	if raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(row.Secret, "whsec_")); in.Channel == ChannelWebhook && row.Secret != "" && (err != nil || len(raw) < 16) {
		refuse("secret", "error.alert.webhook_secret", nil)
	}
	to, err := url.Parse(row.Address)
	switch hosts := robotHosts[in.Channel]; {
	case err != nil || to.Hostname() == "" || to.User != nil || len(row.Address) > maxAddress || to.Scheme != "https" && (to.Scheme != "http" || !anywhere):
		refuse("address", "error.alert.address", nil)
	case !anywhere && len(hosts) > 0 && !slices.Contains(hosts, to.Hostname()):
		refuse("address", "error.alert.robot_address", map[string]any{"Host": hosts[0]})
	case !anywhere && privateHost(to.Hostname()):
		refuse("address", "error.alert.private_address", nil)
	default:
		row.Host = to.Host
	}
	return row, refusals
}

// privateHost tells of an address that is written out that nobody outside can
// reach. Names are looked at when they are dialled.
func privateHost(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && !PublicAddress(ip)
}

// reserved are the networks that are global by their form and reach nobody's
// public server. Source: IANA's registries of special-purpose addresses.
var reserved = func() (all []netip.Prefix) {
	for _, network := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "fec0::/10",
	} {
		all = append(all, netip.MustParsePrefix(network))
	}
	return all
}()

// PublicAddress tells whether an address may be dialled for a seller: not this
// machine, not its networks, not what only looks global.
func PublicAddress(ip netip.Addr) bool {
	ip = ip.Unmap()
	if !ip.IsGlobalUnicast() || ip.IsPrivate() || ip.Zone() != "" {
		return false
	}
	return !slices.ContainsFunc(reserved, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// AddAlertTarget stores a target. FieldErrors as AlertTargetInput says, and on
// "channel" when the account has too many.
func (s *Store) AddAlertTarget(ctx context.Context, by Actor, accountID int64, in AlertTargetInput) (AlertTarget, error) {
	row, refusals := in.parse(s.rules.AlertsAnywhere)
	if err := refusals.OrNil(); err != nil {
		return AlertTarget{}, err
	}
	row.AccountID = accountID
	err := s.inTx(ctx, func(t *tx) error {
		if _, err := t.lockAccount(accountID); err != nil {
			return err
		}
		var n int64
		if err := t.Model(&alertTarget{}).Where("account_id = ? AND removed_at IS NULL", accountID).Count(&n).Error; err != nil {
			return err
		}
		if n >= maxTargets {
			return FieldErrors{fieldError("channel", "error.alert.too_many", map[string]any{"Max": maxTargets})}
		}
		kept := row
		kept.CreatedAt = t.now
		var err error
		if kept.Address, err = t.vault.seal(row.Address, row.place("address")); err != nil {
			return err
		}
		if row.Secret != "" {
			if kept.Secret, err = t.vault.seal(row.Secret, row.place("secret")); err != nil {
				return err
			}
		}
		if err := t.Create(&kept).Error; err != nil {
			return err
		}
		row = kept
		return t.audit(by, "alert_target.add", subject("account", accountID), "", facts("channel", string(kept.Channel), "name", kept.Name, "host", kept.Host, "audience", string(kept.Audience)))
	})
	return row.shown(), err
}

// RemoveAlertTarget takes a target away; what is on its way there is given up.
// NotFound: it is not this account's, or gone.
func (s *Store) RemoveAlertTarget(ctx context.Context, by Actor, accountID, id int64) error {
	return s.inTx(ctx, func(t *tx) error {
		if _, err := t.lockAccount(accountID); err != nil {
			return err
		}
		row, err := ownTarget(t.DB, accountID, id)
		if err != nil {
			return err
		}
		if err := t.Model(&row).Update("removed_at", t.now).Error; err != nil {
			return err
		}
		err = t.Model(&alertDelivery{}).Where("target_id = ? AND state = ?", id, DeliveryWaiting).Updates(map[string]any{"state": DeliveryMoot, "ended_at": t.now}).Error
		if err != nil {
			return err
		}
		return t.audit(by, "alert_target.remove", subject("account", accountID), facts("channel", string(row.Channel), "name", row.Name, "host", row.Host), "")
	})
}

func ownTarget(db *gorm.DB, accountID, id int64) (row alertTarget, err error) {
	err = db.Take(&row, "id = ? AND account_id = ? AND removed_at IS NULL", id, accountID).Error
	return row, found(err, "alert target")
}

// TestAlertTarget sends a message of no alert to a target. NotFound as
// RemoveAlertTarget; Conflict while the last test of it is on its way.
func (s *Store) TestAlertTarget(ctx context.Context, by Actor, accountID, id int64) error {
	return s.inTx(ctx, func(t *tx) error {
		if _, err := t.lockAccount(accountID); err != nil {
			return err
		}
		row, err := ownTarget(t.DB, accountID, id)
		if err != nil {
			return err
		}
		var waiting int64
		err = t.Model(&alertDelivery{}).Where("target_id = ? AND alert_id IS NULL AND state = ?", id, DeliveryWaiting).Count(&waiting).Error
		if err != nil {
			return err
		}
		if waiting > 0 {
			return conflict("error.alert.testing", nil)
		}
		test := alertDelivery{AccountID: accountID, TargetID: &row.ID, State: DeliveryWaiting, DueAt: t.now, CreatedAt: t.now}
		if err := t.Create(&test).Error; err != nil {
			return err
		}
		t.then(Task{Args: SendAlert{ID: test.ID}})
		return t.audit(by, "alert_target.test", subject("account", accountID), "", row.Name)
	})
}

// AlertSettings are when an account's people want to be told, as they were typed.
type AlertSettings struct {
	Below      string // yuan; empty: no threshold
	QuietFrom  string // an hour, 0 to 23; both empty: no quiet hours
	QuietUntil string
}

// SetAlerts keeps them. FieldErrors on "below", "quiet_from", "quiet_until".
func (s *Store) SetAlerts(ctx context.Context, by Actor, accountID int64, in AlertSettings) error {
	var refusals FieldErrors
	var below *Fen
	if strings.TrimSpace(in.Below) != "" {
		fen, refused := ParseFen(in.Below)
		if refused == nil {
			refused = within(fen, "below", Yuan, s.rules.MaxRecharge, "error.alert.below_small", "error.alert.below_large")
		}
		if refused != nil {
			refused.Field = "below"
			refusals = append(refusals, refused)
		}
		below = &fen
	}
	hour := func(field, typed string) *int {
		typed = strings.TrimSpace(typed)
		if typed == "" {
			return nil
		}
		n, err := strconv.Atoi(typed)
		if err != nil || n < 0 || n > 23 {
			refusals = append(refusals, fieldError(field, "error.alert.hour", nil))
		}
		return &n
	}
	from, until := hour("quiet_from", in.QuietFrom), hour("quiet_until", in.QuietUntil)
	if (from == nil) != (until == nil) {
		refusals = append(refusals, fieldError("quiet_until", "error.alert.quiet", nil))
	}
	if err := refusals.OrNil(); err != nil {
		return err
	}
	return s.inTx(ctx, func(t *tx) error {
		a, err := t.lockAccount(accountID)
		if err != nil {
			return err
		}
		before := alertFacts(a)
		a.AlertBelowFen, a.QuietFrom, a.QuietUntil = below, from, until
		if before == alertFacts(a) {
			return nil
		}
		if err := t.Model(&a).Select("AlertBelowFen", "QuietFrom", "QuietUntil").Updates(&a).Error; err != nil {
			return err
		}
		t.lookAtAlerts(accountID)
		return t.audit(by, "account.alerts", subject("account", accountID), before, alertFacts(a))
	})
}

func alertFacts(a Account) string {
	below, quiet := "", ""
	if a.AlertBelowFen != nil {
		below = a.AlertBelowFen.Wire()
	}
	if a.QuietFrom != nil && a.QuietUntil != nil {
		quiet = strconv.Itoa(*a.QuietFrom) + "-" + strconv.Itoa(*a.QuietUntil)
	}
	return facts("below", below, "quiet", quiet)
}
