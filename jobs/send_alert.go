package jobs

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/riverqueue/river"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"ztc-portal/models"
	"ztc-portal/views/mail"
)

// Alerts says how alerts go out besides mail.
type Alerts struct {
	PublicURL string // of the portal, where their links lead
	Anywhere  bool   // this machine's and its networks' addresses may be dialled: for the demo and tests
}

const (
	alertQueue   = "alerts" // of its own: a robot that hangs keeps nothing else waiting
	alertWorkers = 4
	alertTimeout = 10 * time.Second
)

// checkAlerts looks at where an account stands on the ladder.
type checkAlerts struct {
	river.WorkerDefaults[models.CheckAlerts]
	store *models.Store
}

func (w *checkAlerts) Work(ctx context.Context, job *river.Job[models.CheckAlerts]) error {
	return w.store.CheckAlerts(ctx, job.Args.AccountID)
}

// sendAlert sends an alert one of its ways.
type sendAlert struct {
	river.WorkerDefaults[models.SendAlert]
	store  *models.Store
	log    *slog.Logger
	to     Alerts
	client *http.Client
}

func newSendAlert(store *models.Store, log *slog.Logger, to Alerts) *sendAlert {
	return &sendAlert{store: store, log: log, to: to, client: publicClient(to.Anywhere)}
}

// errPrivate: a name led to an address that nothing is sent to for a seller.
var errPrivate = errors.New("the address is not a public one")

// publicClient dials public addresses alone. They are looked at when they are
// dialled: what a name led to when it was saved says nothing of where it leads now.
func publicClient(anywhere bool) *http.Client {
	dialer := &net.Dialer{Timeout: alertTimeout}
	if !anywhere {
		dialer.Control = func(_, address string, _ syscall.RawConn) error {
			to, err := netip.ParseAddrPort(address)
			if err != nil || !models.PublicAddress(to.Addr()) {
				return errPrivate
			}
			return nil
		}
	}
	return &http.Client{
		Timeout:   alertTimeout,
		Transport: &http.Transport{DialContext: dialer.DialContext, TLSHandshakeTimeout: alertTimeout, DisableKeepAlives: true}, // no proxy: it would dial for us
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}
}

func (w *sendAlert) Work(ctx context.Context, job *river.Job[models.SendAlert]) error {
	message, err := w.store.SendAlert(ctx, job.Args.ID)
	if models.CodeOf(err) == models.NotFound {
		return river.JobCancel(err)
	}
	if err != nil || message == nil {
		return err
	}
	answer, sent := w.sendAt(ctx, *message, w.store.Wall())
	wait, err := w.store.AlertTried(ctx, message.DeliveryID, sent, answer)
	switch {
	case err != nil || sent:
		return err
	case wait == 0:
		w.log.WarnContext(ctx, "an alert is given up", "delivery", message.DeliveryID, "channel", message.Channel, "answer", answer)
		return nil
	}
	return river.JobSnooze(wait)
}

// sendAt makes one try, by the machine's clock; the answer is what the robot said,
// or why it said nothing.
func (w *sendAlert) sendAt(ctx context.Context, m models.AlertMessage, now time.Time) (answer string, sent bool) {
	notice, err := mail.WriteNotice(ctx, m.Mail(), w.to.PublicURL)
	if err != nil {
		return err.Error(), false
	}
	request, err := robotRequest(ctx, m, notice, now)
	if err != nil {
		return reason(err), false
	}
	response, err := w.client.Do(request)
	if err != nil {
		return reason(err), false
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(response.Body, webhookReads))
	answer = strings.TrimSpace(fmt.Sprintf("%d %s", response.StatusCode, body))
	return answer, response.StatusCode >= 200 && response.StatusCode < 300 && (m.Channel == models.ChannelWebhook || taken(body))
}

// taken tells whether a robot took the message: it answers 200 in any case, and
// says in the body what became of it.
func taken(body []byte) bool {
	var said struct {
		ErrCode *int `json:"errcode"` // DingTalk, WeCom
		Code    *int `json:"code"`    // Feishu
		Status  *int `json:"StatusCode"`
	}
	if json.Unmarshal(body, &said) != nil {
		return false
	}
	for _, code := range []*int{said.ErrCode, said.Code, said.Status} {
		if code != nil {
			return *code == 0
		}
	}
	return false
}

// robotRequest is the message in the form that its channel documents.
func robotRequest(ctx context.Context, m models.AlertMessage, n mail.Notice, now time.Time) (*http.Request, error) {
	address, headers := m.Address, http.Header{}
	var body any
	switch m.Channel {
	case models.ChannelDingTalk:
		body = map[string]any{"msgtype": "markdown", "markdown": map[string]string{"title": n.Title, "text": markdown(n, "### ")}}
		if m.Secret != "" {
			to, err := url.Parse(address)
			if err != nil {
				return nil, err
			}
			stamp := strconv.FormatInt(now.UnixMilli(), 10)
			q := to.Query()
			q.Set("timestamp", stamp)
			q.Set("sign", sign(m.Secret, stamp+"\n"+m.Secret))
			to.RawQuery = q.Encode()
			address = to.String()
		}
	case models.ChannelWeCom:
		body = map[string]any{"msgtype": "markdown", "markdown": map[string]string{"content": markdown(n, "**")}}
	case models.ChannelFeishu:
		body = feishuPost(m, n, now)
	default:
		return webhookRequest(ctx, m, n, now)
	}
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	return posting(ctx, address, text, headers)
}

func posting(ctx context.Context, address string, body []byte, headers http.Header) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header = headers
	request.Header.Set("Content-Type", "application/json; charset=utf-8")
	request.Header.Set("User-Agent", "ztc-portal")
	return request, nil
}

// sign is HMAC-SHA256 in base64, as the robots of DingTalk and Feishu want it.
func sign(key, text string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// markdown joins a notice; what would be read as markup in a shop's name is not.
func markdown(n mail.Notice, head string) string {
	title := head + plainly(n.Title)
	if head == "**" {
		title += head
	}
	parts := []string{title}
	for _, p := range n.Paragraphs {
		parts = append(parts, plainly(p))
	}
	if n.Href != "" {
		parts = append(parts, "["+plainly(n.Action)+"]("+n.Href+")")
	}
	return strings.Join(parts, "\n\n")
}

var markup = strings.NewReplacer("[", "［", "]", "］", "*", "＊", "#", "＃", "<", "＜", ">", "＞", "`", "'", "@", "＠")

func plainly(s string) string { return markup.Replace(s) }

// feishuPost is a rich text message; it is signed with the time and the secret as
// the key, and nothing as the text.
func feishuPost(m models.AlertMessage, n mail.Notice, now time.Time) map[string]any {
	type run map[string]string
	lines := [][]run{}
	for _, p := range n.Paragraphs {
		lines = append(lines, []run{{"tag": "text", "text": p}})
	}
	if n.Href != "" {
		lines = append(lines, []run{{"tag": "a", "text": n.Action, "href": n.Href}})
	}
	lang := map[string]string{"en": "en_us"}[n.Lang]
	if lang == "" {
		lang = "zh_cn"
	}
	body := map[string]any{"msg_type": "post", "content": map[string]any{"post": map[string]any{lang: map[string]any{"title": n.Title, "content": lines}}}}
	if m.Secret != "" {
		stamp := strconv.FormatInt(now.Unix(), 10)
		body["timestamp"], body["sign"] = stamp, sign(stamp+"\n"+m.Secret, "")
	}
	return body
}

// webhookAlert is what a receiver of Standard Webhooks gets. Money is in fen.
type webhookAlert struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      struct {
		Shop  string    `json:"shop"`
		Alert string    `json:"alert"`
		Since time.Time `json:"since"`
		Title string    `json:"title"`
		Text  string    `json:"text"`
		Href  string    `json:"href"`
		models.AlertArgs
	} `json:"data"`
}

func webhookRequest(ctx context.Context, m models.AlertMessage, n mail.Notice, now time.Time) (*http.Request, error) {
	body := webhookAlert{Type: "account_alert." + string(m.Alert.Rung), Timestamp: now.UTC()}
	if m.Alert.Rung == "" {
		body.Type = "account_alert.test"
	}
	body.Data.Shop, body.Data.Alert, body.Data.Since, body.Data.AlertArgs = m.Shop, string(m.Alert.Rung), m.Alert.At, m.Alert.AlertArgs
	body.Data.Title, body.Data.Text, body.Data.Href = n.Title, strings.Join(n.Paragraphs, "\n\n"), n.Href
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	id, headers := "alert_"+strconv.FormatInt(m.DeliveryID, 10), http.Header{}
	headers.Set(standardwebhooks.HeaderWebhookID, id)
	headers.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	if m.Secret != "" {
		signer, err := standardwebhooks.NewWebhook(m.Secret)
		if err != nil {
			return nil, errors.New("the secret is not whsec_ and base64")
		}
		signature, err := signer.Sign(id, now, text)
		if err != nil {
			return nil, err
		}
		headers.Set(standardwebhooks.HeaderWebhookSignature, signature)
	}
	return posting(ctx, m.Address, text, headers)
}
